"""JAX as its users write a step: one jitted function of (parameters, state, batch) whose old buffers are donated."""

from itertools import cycle

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.workloads import Data, Trainer


def adam(parameters, gradients, state, lr, b1=0.9, b2=0.999, eps=1e-8):
    m, v, t = state
    t = t + 1
    m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, gradients)
    v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, gradients)
    c1, c2 = 1 - b1**t, 1 - b2**t
    parameters = jax.tree.map(lambda p, m, v: p - lr * (m / c1) / (jnp.sqrt(v / c2) + eps), parameters, m, v)
    return parameters, (m, v, t)


def sgd(parameters, gradients, state, lr):
    return jax.tree.map(lambda p, g: p - lr * g, parameters, gradients), state


def trainer(data: Data, loss_of) -> Trainer:
    update = adam if data.optimizer == "adam" else sgd

    def one_step(parameters, state, key, batch):
        key, mask_key = jax.random.split(key)
        loss, gradients = jax.value_and_grad(loss_of)(parameters, mask_key, *batch)
        parameters, state = update(parameters, gradients, state, data.lr)
        return loss, parameters, state, key

    compiled = jax.jit(one_step, donate_argnums=(0, 1, 2))
    parameters = {name: jnp.array(value) for name, value in data.parameters.items()}
    state = ()
    if data.optimizer == "adam":
        zeros = {name: jnp.zeros_like(value) for name, value in parameters.items()}
        state = (zeros, jax.tree.map(jnp.copy, zeros), jnp.float32(0))
    now = [parameters, state, jax.random.key(0)]
    batches = cycle([tuple(jnp.array(array) for array in batch) for batch in data.batches])

    def step():
        loss, *now[:] = compiled(*now, next(batches))
        jax.block_until_ready(now[0])
        return float(loss)

    return Trainer(step, lambda: {name: np.array(value) for name, value in now[0].items()})


def cross_entropy(logits, target):
    picked = jnp.take_along_axis(logits, target[:, None], axis=1)[:, 0]
    return (jax.nn.logsumexp(logits, axis=1) - picked).mean()


def parser(data: Data) -> Trainer:
    def loss_of(p, key, features, target):
        x = p["table"][features].reshape(len(features), -1)
        h = jax.nn.relu(x @ p["W1"] + p["b1"])
        if data.dropout:
            keep = jax.random.bernoulli(key, 1 - data.dropout, h.shape)
            h = jnp.where(keep, h / (1 - data.dropout), 0)
        return cross_entropy(h @ p["W2"] + p["b2"], target)

    return trainer(data, loss_of)


def softmax_skipgram(data: Data) -> Trainer:
    return trainer(data, lambda p, key, center, outside: cross_entropy(p["center"][center] @ p["outside"].T, outside))


def negative_sampling(data: Data) -> Trainer | None:
    if data.optimizer == "sparse_adam":
        return None

    def loss_of(p, key, center, outside, negatives):
        v = p["center"][center]
        positive = (p["outside"][outside] * v).sum(1)
        negative = jnp.einsum("bkd,bd->bk", p["outside"][negatives], v)
        return -(jax.nn.log_sigmoid(positive) + jax.nn.log_sigmoid(-negative).sum(1)).mean()

    return trainer(data, loss_of)


def sigmoid_net(data: Data) -> Trainer:
    def loss_of(p, key, x, target):
        return cross_entropy(jax.nn.sigmoid(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"], target)

    return trainer(data, loss_of)


def chain(data: Data) -> Trainer | None:
    """Not compiled: the price of an op is asked, and a compiler would leave one loop of the thousand ops."""
    if data.length > 10_000:
        return None
    x, w, b = (jnp.array(data.parameters[name]) for name in ("x", "w", "b"))

    def loss_of(x):
        h = x
        for _ in range(data.length // 2):
            h = h * w
            h = h + b
        return h.sum()

    gradient_of = jax.value_and_grad(loss_of)
    last = []

    def step():
        loss, gradient = gradient_of(x)
        last[:] = [gradient.block_until_ready()]
        return float(loss)

    return Trainer(step, lambda: {"gradient": np.array(last[0])})
