"""What is timed: training steps of the course's models and of an LSTM, as data that every peer gets alike.

A workload is a name, the function of a peer module that builds it, and a recipe for its data from a seed: initial
parameters and a few batches, float32 and int64. Ids follow Zipf's law, as words of a text do: frequent words repeat
within a batch, which is what makes scatter-adds hard. ``ids="uniform"`` draws them all alike instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

BATCHES = 8
"""Batches a run goes round in: enough that no peer finds its inputs in the cache by luck."""


@dataclass(frozen=True)
class Data:
    """Everything a peer may know of a workload. The arrays must not be changed: parameters are to be copied.

    parameters  name -> initial value; matrices act from the right (x @ W)
    batches     tuples of arrays, used in turn
    optimizer   "sgd", "adam" (dense semantics: a row without gradient still moves by its momentum) or
                "sparse_adam" (only rows with a gradient move)
    dropout     probability of dropping a hidden unit; 0 where losses are to be compared
    length      ops in a chain
    """

    parameters: dict[str, np.ndarray]
    batches: list[tuple[np.ndarray, ...]] = field(default_factory=list)
    optimizer: str = "sgd"
    lr: float = 1e-3
    dropout: float = 0.0
    length: int = 0


class Trainer(NamedTuple):
    """What a peer's function returns: ``step()`` trains on the next batch and returns the loss (float) before the
    update; ``parameters()`` gives the values after it, under the names and shapes of `Data`."""

    step: Callable[[], float]
    parameters: Callable[[], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    function: str
    make: Callable[..., Data]
    unit: str = "ms"
    per: float = 1e-3
    """Seconds in one ``unit`` of the table, ops counted in."""


# ---- recipes: (rng, ids, sizes) -> Data. Sizes are named so that a test can make them small. ------------------


def words(rng, count, shape, ids, power=1.0):
    """Word ids below ``count``; by Zipf's law p ∝ rank^−power (word2vec draws negatives with power .75)."""
    if ids == "uniform":
        return rng.integers(0, count, shape)
    weights = np.arange(1, count + 1, dtype=np.float64) ** -power
    cumulative = np.cumsum(weights / weights.sum())
    # Shuffled, so that frequent words are not neighbours in memory.
    return rng.permutation(count)[np.minimum(np.searchsorted(cumulative, rng.random(shape)), count - 1)]


def normal(rng, *shape, scale):
    return (rng.standard_normal(shape, dtype=np.float32) * np.float32(scale)).astype(np.float32)


def parser(rng, ids, classes, batch=1024, vocabulary=20_000, features=36, width=50, hidden=200):
    """The dependency parser of assignment 3: 36 embedded features, one hidden layer with dropout, Adam."""
    inputs = features * width
    return Data(
        parameters={
            "table": normal(rng, vocabulary, width, scale=0.1),
            "W1": normal(rng, inputs, hidden, scale=inputs**-0.5),
            "b1": normal(rng, hidden, scale=0.1),
            "W2": normal(rng, hidden, classes, scale=hidden**-0.5),
            "b2": normal(rng, classes, scale=0.1),
        },
        batches=[
            (words(rng, vocabulary, (batch, features), ids), rng.integers(0, classes, batch)) for _ in range(BATCHES)
        ],
        optimizer="adam",
        lr=1e-3,
        dropout=0.5,
    )


def softmax_skipgram(rng, ids, batch=512, vocabulary=10_000, width=100):
    """Skip-gram with the full softmax: center (B,) predicts outside (B,) among all words, SGD."""
    return Data(
        parameters={
            "center": normal(rng, vocabulary, width, scale=0.1),
            "outside": normal(rng, vocabulary, width, scale=0.1),
        },
        batches=[(words(rng, vocabulary, batch, ids), words(rng, vocabulary, batch, ids)) for _ in range(BATCHES)],
        lr=0.5,
    )


def negative_sampling(rng, ids, optimizer, batch=4096, vocabulary=30_000, width=100, negatives=5):
    """Skip-gram with negative sampling; batches are (center (B,), outside (B,), negatives (B, K))."""
    return Data(
        parameters={
            "center": normal(rng, vocabulary, width, scale=0.1),
            "outside": normal(rng, vocabulary, width, scale=0.1),
        },
        batches=[
            (
                words(rng, vocabulary, batch, ids),
                words(rng, vocabulary, batch, ids),
                words(rng, vocabulary, (batch, negatives), ids, power=0.75),
            )
            for _ in range(BATCHES)
        ],
        optimizer=optimizer,
        lr=0.5 if optimizer == "sgd" else 1e-3,
    )


def sigmoid_net(rng, ids, batch=128, inputs=784, hidden=128, classes=10):
    """The first network of every course: 784-128-10, sigmoid, softmax cross-entropy, SGD."""
    return Data(
        parameters={
            "W1": normal(rng, inputs, hidden, scale=inputs**-0.5),
            "b1": normal(rng, hidden, scale=0.1),
            "W2": normal(rng, hidden, classes, scale=hidden**-0.5),
            "b2": normal(rng, classes, scale=0.1),
        },
        batches=[
            (rng.random((batch, inputs), dtype=np.float32), rng.integers(0, classes, batch)) for _ in range(BATCHES)
        ],
        lr=0.1,
    )


def tagger(rng, ids, sentences=40, longest=30, vocabulary=10_000, width=100, hidden=200, classes=50):
    """A BiLSTM that tags words: lookup, one layer in both directions, a score for each tag and word, Adam.

    Batches are (words (M,), tags (M,), sizes (T,)), laid out as PyTorch's PackedSequence: the first words of all
    sentences, the longest first, then the second words of those that have one …
    """

    def batch():
        lengths = -np.sort(-rng.integers(longest // 2, longest + 1, sentences))
        sizes = (lengths[:, None] > np.arange(lengths[0])).sum(axis=0)
        return words(rng, vocabulary, lengths.sum(), ids), rng.integers(0, classes, lengths.sum()), sizes

    weights = {
        f"{name}_{side}": normal(rng, rows, 4 * hidden, scale=hidden**-0.5)
        for side in ("forward", "backward")
        for name, rows in (("W", width), ("U", hidden))
    }
    return Data(
        parameters={
            "table": normal(rng, vocabulary, width, scale=0.1),
            **weights,
            **{f"b_{side}": normal(rng, 4 * hidden, scale=0.1) for side in ("forward", "backward")},
            "W2": normal(rng, 2 * hidden, classes, scale=(2 * hidden) ** -0.5),
            "b2": normal(rng, classes, scale=0.1),
        },
        batches=[batch() for _ in range(BATCHES)],
        optimizer="adam",
        lr=1e-3,
    )


def chain(rng, ids, length):
    """x ← x·w, x ← x + b in turn, then the sum; dJ/dx is asked. So small that only the price of an op is seen.

    w is just below 1: neither the value nor the gradient leaves float32's range over 100,000 ops.
    """
    return Data(
        parameters={
            "x": normal(rng, 16, scale=1),
            "w": rng.uniform(0.999, 1, 16).astype(np.float32),
            "b": normal(rng, 16, scale=1e-3),
        },
        length=length,
    )


def recipe(function, **fixed):
    def make(seed=0, ids="zipf", **sizes) -> Data:
        return function(np.random.default_rng(seed), ids, **{**fixed, **sizes})

    return make


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("W1a", "parser step, 3 classes", "parser", recipe(parser, classes=3)),
        Workload("W1b", "parser step, 90 classes", "parser", recipe(parser, classes=90)),
        Workload("W1c", "parser step, 48 features, 80 classes", "parser", recipe(parser, classes=80, features=48)),
        Workload("W2", "softmax skip-gram", "softmax_skipgram", recipe(softmax_skipgram)),
        Workload("W3-SGD", "negative sampling, SGD", "negative_sampling", recipe(negative_sampling, optimizer="sgd")),
        Workload(
            "W3-Adam", "negative sampling, Adam", "negative_sampling", recipe(negative_sampling, optimizer="adam")
        ),
        Workload(
            "W3-SparseAdam",
            "negative sampling, Adam on touched rows",
            "negative_sampling",
            recipe(negative_sampling, optimizer="sparse_adam"),
        ),
        Workload("W4", "sigmoid net 784-128-10", "sigmoid_net", recipe(sigmoid_net)),
        Workload("W6", "BiLSTM tagger, hidden 200", "tagger", recipe(tagger)),
        Workload("W5", "one op, chain of 1,000", "chain", recipe(chain, length=1_000), unit="µs/op", per=1e-6 * 1_000),
        Workload("chain", "chain of 100,000 ops", "chain", recipe(chain, length=100_000), unit="s", per=1.0),
    )
}


def without_dropout(data: Data) -> Data:
    """The same data with nothing dropped: peers draw different masks, so only then are losses comparable."""
    return replace(data, dropout=0.0)
