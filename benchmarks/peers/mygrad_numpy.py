"""MyGrad: tensors with NumPy's functions and its nnet module, memory guarding off as its docs advise for speed."""

from itertools import cycle

import mygrad as mg
import numpy as np
from mygrad.nnet.activations import relu, sigmoid
from mygrad.nnet.losses import softmax_crossentropy

from benchmarks.peers.plain_optimizers import optimizer_of
from benchmarks.workloads import Data, Trainer

mg.turn_memory_guarding_off()


def trainer(data: Data, loss_of) -> Trainer:
    parameters = {name: mg.tensor(value, copy=True) for name, value in data.parameters.items()}
    optimizer = optimizer_of(data)
    batches = cycle(data.batches)

    def step():
        loss = loss_of(*parameters.values(), *next(batches))
        loss.backward()
        optimizer.update([p.data for p in parameters.values()], [p.grad for p in parameters.values()])
        return loss.item()

    return Trainer(step, lambda: {name: p.data.copy() for name, p in parameters.items()})


def log_sigmoid(x):
    return -mg.logaddexp(0, -x)


def parser(data: Data) -> Trainer:
    rng = np.random.default_rng(0)

    def loss_of(table, W1, b1, W2, b2, features, target):
        x = table[features].reshape(len(features), -1)
        h = relu(x @ W1 + b1)
        if data.dropout:
            keep = rng.random(h.shape, dtype=np.float32) >= data.dropout
            h = h * (keep * np.float32(1 / (1 - data.dropout)))
        return softmax_crossentropy(h @ W2 + b2, target)

    return trainer(data, loss_of)


def softmax_skipgram(data: Data) -> Trainer:
    def loss_of(table, U, center, outside):
        return softmax_crossentropy(table[center] @ U.T, outside)

    return trainer(data, loss_of)


def negative_sampling(data: Data) -> Trainer | None:
    if data.optimizer == "sparse_adam":
        return None

    def loss_of(table, U, center, outside, negatives):
        v = table[center]
        positive = (U[outside] * v).sum(axis=1)
        negative = mg.einsum("bkd,bd->bk", U[negatives], v)
        return -(log_sigmoid(positive) + log_sigmoid(-negative).sum(axis=1)).mean()

    return trainer(data, loss_of)


def sigmoid_net(data: Data) -> Trainer:
    def loss_of(W1, b1, W2, b2, x, target):
        return softmax_crossentropy(sigmoid(x @ W1 + b1) @ W2 + b2, target)

    return trainer(data, loss_of)


def chain(data: Data) -> Trainer:
    x = mg.tensor(data.parameters["x"])
    w, b = (mg.tensor(data.parameters[name], constant=True) for name in ("w", "b"))

    def step():
        h = x
        for _ in range(data.length // 2):
            h = h * w
            h = h + b
        loss = h.sum()
        loss.backward()
        return loss.item()

    return Trainer(step, lambda: {"gradient": x.grad.copy()})
