"""HIPS autograd: NumPy functions, ``value_and_grad`` over a list of parameters, optimizers in plain NumPy."""

from itertools import cycle

import autograd.numpy as np
import numpy
from autograd import value_and_grad
from autograd.scipy.special import logsumexp

from benchmarks.peers.plain_optimizers import optimizer_of
from benchmarks.workloads import Data, Trainer


def trainer(data: Data, loss_of) -> Trainer:
    names = list(data.parameters)
    parameters = [value.copy() for value in data.parameters.values()]
    gradients_of = value_and_grad(loss_of)
    optimizer = optimizer_of(data)
    batches = cycle(data.batches)

    def step():
        loss, gradients = gradients_of(parameters, *next(batches))
        optimizer.update(parameters, gradients)
        return float(loss)

    return Trainer(step, lambda: {name: p.copy() for name, p in zip(names, parameters)})


def cross_entropy(logits, target):
    picked = logits[np.arange(len(target)), target]
    return np.mean(logsumexp(logits, axis=1) - picked)


def log_sigmoid(x):
    return -np.logaddexp(0, -x)


def parser(data: Data) -> Trainer:
    rng = numpy.random.default_rng(0)

    def loss_of(parameters, features, target):
        table, W1, b1, W2, b2 = parameters
        x = table[features].reshape(len(features), -1)
        h = np.maximum(x @ W1 + b1, 0)
        if data.dropout:
            keep = rng.random(h.shape, dtype=numpy.float32) >= data.dropout
            h = h * (keep * numpy.float32(1 / (1 - data.dropout)))
        return cross_entropy(h @ W2 + b2, target)

    return trainer(data, loss_of)


def softmax_skipgram(data: Data) -> Trainer:
    def loss_of(parameters, center, outside):
        table, U = parameters
        return cross_entropy(table[center] @ U.T, outside)

    return trainer(data, loss_of)


def negative_sampling(data: Data) -> Trainer | None:
    if data.optimizer == "sparse_adam":
        return None

    def loss_of(parameters, center, outside, negatives):
        table, U = parameters
        v = table[center]
        positive = np.sum(U[outside] * v, axis=1)
        negative = np.einsum("bkd,bd->bk", U[negatives], v)
        return -np.mean(log_sigmoid(positive) + np.sum(log_sigmoid(-negative), axis=1))

    return trainer(data, loss_of)


def sigmoid_net(data: Data) -> Trainer:
    def loss_of(parameters, x, target):
        W1, b1, W2, b2 = parameters
        h = 1 / (1 + np.exp(-(x @ W1 + b1)))
        return cross_entropy(h @ W2 + b2, target)

    return trainer(data, loss_of)


def chain(data: Data) -> Trainer:
    x, w, b = (data.parameters[name] for name in ("x", "w", "b"))

    def loss_of(x):
        h = x
        for _ in range(data.length // 2):
            h = h * w
            h = h + b
        return np.sum(h)

    gradient_of = value_and_grad(loss_of)
    last = []

    def step():
        loss, gradient = gradient_of(x)
        last[:] = [gradient]
        return float(loss)

    return Trainer(step, lambda: {"gradient": numpy.array(last[0])})
