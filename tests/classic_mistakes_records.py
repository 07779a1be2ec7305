"""How a classic mistake is written down: the records, and the numbers they are tried on.

A site is an op with a wrong rule, a function whose graph is wrong, or gradients worked out by hand. ``mistake`` is
what a teacher calls it, ``argument`` what is to be blamed, ``kinds`` what the diagnosis may call it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tinygrad_nlp.op import Op


class Site(NamedTuple):
    mistake: str
    site: str
    how: str  # "op", "function" or "hand"
    argument: str
    kinds: tuple
    parts: tuple  # op: (forward, {argument: rule}, draw); function: (f, draw); hand: (loss, gradients, draw)


SITES: list[Site] = []


def kinds_of(kinds):
    return (kinds,) if isinstance(kinds, str) else tuple(kinds)


def in_op(mistake, site, argument, kinds, forward, draw, **rules):
    """An op whose rule for ``argument`` is wrong; ``rules`` holds one rule for each argument that has one."""
    SITES.append(Site(mistake, site, "op", argument, kinds_of(kinds), (forward, rules, draw)))


def in_function(mistake, site, argument, kinds, function, draw):
    """A function of Tensors in whose graph something is wrong; ``argument`` is the op or tensor to be named."""
    SITES.append(Site(mistake, site, "function", argument, kinds_of(kinds), (function, draw)))


def by_hand(mistake, site, argument, kinds, loss, gradients, draw):
    """Gradients of ``loss`` by name, that of ``argument`` (the first of several) wrong."""
    SITES.append(Site(mistake, site, "hand", argument, kinds_of(kinds), (loss, gradients, draw)))


def planted(site: Site) -> Op:
    """The op of an "op" site, which no registry knows."""
    forward_, rules, _ = site.parts
    names = forward_.__code__.co_varnames[: forward_.__code__.co_argcount]

    class body:
        """A planted mistake."""

        forward = forward_

    return Op("planted", forward_, tuple(rules.get(n) for n in names), body)


def normal(*shapes) -> Callable:
    """Normal numbers, clear of zero, of these shapes."""

    def draw(rng):
        arrays = [np.asarray(rng.normal(size=s)) for s in shapes]
        return [np.asarray(a + 0.1 * np.sign(a)) for a in arrays]

    return draw


def positive(*shapes) -> Callable:
    return lambda rng: [rng.uniform(0.4, 2.5, s) for s in shapes]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def one_hot(y, n):
    return np.eye(n)[y]


E = np.expand_dims
ROWS = np.array([2, 0, 2, 1, 2])
TARGETS = np.array([0, 2, 1, 1, 0, 2])
KEEP = np.array([[True, False, True, True], [False, True, True, False], [True, True, False, True]])
