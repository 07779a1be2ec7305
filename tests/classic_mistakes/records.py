"""How a classic mistake is written down: the records, and the numbers they are tried on.

A site is an op with a wrong rule, a function whose graph is wrong, or gradients worked out by hand. ``mistake`` is
what a teacher calls it, ``argument`` what is to be blamed, ``kinds`` what the diagnosis may call it.

``later`` is 0 for the sites that were written together with the catalogue. 1, 2 and 3 are three sets that were written
when it stood, to measure it on mistakes it was not made for: `NAMED_AT_FIRST` of each were named as their author had,
and most of the others were "different". What was learned from a set was in the catalogue before the next was written.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

NAMED_AT_FIRST = {1: 35, 2: 23, 3: 29}


class Site(NamedTuple):
    mistake: str
    site: str
    how: str  # "op", "function" or "hand"
    argument: str
    kinds: tuple
    parts: tuple  # op: (forward, {argument: rule}, draw); function: (f, draw); hand: (loss, gradients, draw)
    later: int


SITES: list[Site] = []


class Right(NamedTuple):
    """An op of several arguments, and right rules for those that a site does not make wrong."""

    forward: Callable
    rules: dict


def right(forward, **rules) -> Right:
    return Right(forward, rules)


def in_op(mistake, site, kinds, op, draw, later=0, **wrong):
    """An op, a function of one array or a `Right`, with one wrong rule: ``argument=rule``."""
    forward, rules = op if isinstance(op, Right) else (op, {})
    (argument,) = wrong
    SITES.append(Site(mistake, site, "op", argument, kinds_of(kinds), (forward, {**rules, **wrong}, draw), later))


def in_function(mistake, site, argument, kinds, function, draw, later=0):
    """A function of Tensors in whose graph something is wrong; ``argument`` is the op or tensor to be named."""
    SITES.append(Site(mistake, site, "function", argument, kinds_of(kinds), (function, draw), later))


def by_hand(site, loss, gradients, draw, *slips, later=0):
    """Gradients of ``loss``, by ``gradients(slip)`` as a function of the arrays: {name: gradient}.

    Each of ``slips`` is (mistake, argument, kinds), the gradient of ``argument`` (the first of several) being wrong.
    A fourth word, where one mistake has several places, stands after the mistake in ``slip`` and after the site.
    """
    for mistake, argument, kinds, *place in slips:
        where, slip = ", ".join([site, *place]), ", ".join([mistake, *place])
        SITES.append(Site(mistake, where, "hand", argument, kinds_of(kinds), (loss, gradients(slip), draw), later))


def kinds_of(kinds):
    return (kinds,) if isinstance(kinds, str) else kinds


def normal(*shapes) -> Callable:
    """Normal numbers, clear of zero, of these shapes."""

    def draw(rng):
        arrays = [np.asarray(rng.normal(size=s)) for s in shapes]
        return [np.asarray(a + 0.1 * np.sign(a)) for a in arrays]

    return draw


def uniform(low, high, *shapes) -> Callable:
    return lambda rng: [rng.uniform(low, high, s) for s in shapes]


def positive(*shapes) -> Callable:
    return uniform(0.4, 2.5, *shapes)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def one_hot(y, n):
    return np.eye(n)[y]


def length(x, axis=-1):
    """The Euclidean length of the vectors along an axis, which stays with length 1."""
    return np.sqrt((x * x).sum(axis, keepdims=True))


ROWS = np.array([2, 0, 2, 1, 2])
TARGETS = np.array([0, 2, 1, 1, 0, 2])
KEEP = np.array([[True, False, True, True], [False, True, True, False], [True, True, False, True]])


# ---- right ops, for sites where one rule of several is wrong ----------------------------------------------------


def summed(g, x):
    """``g`` summed over the axes along which ``x`` was copied."""
    for axis in range(g.ndim):
        own = axis - (g.ndim - x.ndim)
        if own < 0 or x.shape[own] == 1 < g.shape[axis]:
            g = g.sum(axis, keepdims=True)
    return g.reshape(x.shape)


SUM = right(lambda x, b: x + b, x=lambda g, o, x, b: summed(g, x), b=lambda g, o, x, b: summed(g, b))
DIFFERENCE = right(lambda x, y: x - y, x=lambda g, o, x, y: summed(g, x), y=lambda g, o, x, y: -summed(g, y))
PRODUCT = right(lambda x, y: x * y, x=lambda g, o, x, y: summed(g * y, x), y=lambda g, o, x, y: summed(g * x, y))
QUOTIENT = right(lambda x, y: x / y, x=lambda g, o, x, y: g / y, y=lambda g, o, x, y: -g * x / (y * y))
MATMUL = right(lambda x, y: x @ y, x=lambda g, o, x, y: g @ y.mT, y=lambda g, o, x, y: x.mT @ g)
MATRIX_VECTOR = right(lambda A, b: A @ b, A=lambda g, o, A, b: np.outer(g, b), b=lambda g, o, A, b: A.T @ g)
QUADRATIC = right(lambda x, A: x @ A @ x, A=lambda g, o, x, A: g * np.outer(x, x))
MAXIMUM = right(
    lambda x, y: np.maximum(x, y),
    x=lambda g, o, x, y: g * ((x > y) + 0.5 * (x == y)),
    y=lambda g, o, x, y: g * ((y > x) + 0.5 * (x == y)),
)
WHERE = right(lambda x, y: np.where(KEEP, x, y), x=lambda g, o, x, y: g * KEEP, y=lambda g, o, x, y: g * ~KEEP)
MEAN_SQUARED = right(
    lambda p, y: ((p - y) ** 2).mean(),
    p=lambda g, o, p, y: 2 * g * (p - y) / p.size,
    y=lambda g, o, p, y: 2 * g * (y - p) / p.size,
)
