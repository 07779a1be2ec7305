"""Sample arguments an op declares for its own tests: which arrays to draw, from where, with which options.

A `Sample` is drawn with any seed and dtype, so one declaration serves the forward test, both orders of
finite differences, the adjoint test, float32, `tinygrad-nlp check` and `explain`'s worked example. Real arrays
keep away from kinks by construction: the documented value *at* a kink is tested by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np


class Draw(NamedTuple):
    """One array argument: ``make(rng) -> float64, integer or bool array``."""

    make: Callable
    shape: tuple

    def __call__(self, rng, dtype=np.float64):
        array = np.asarray(self.make(rng))
        return array.astype(dtype) if array.dtype.kind == "f" else array


class Sample(NamedTuple):
    """One call of an op: positional arguments (a `Draw`, or any constant) and options by name."""

    arguments: tuple
    options: dict = {}

    def draw(self, rng, dtype=np.float64) -> tuple[list, dict]:
        """The arguments and options with every `Draw` replaced by an array of ``dtype``."""
        return [a(rng, dtype) if isinstance(a, Draw) else a for a in self.arguments], dict(self.options)


def sample(*arguments, **options) -> Sample:
    """``sample(normal(3, 4), axis=0)``: the call ``op(array of (3, 4), axis=0)``."""
    return Sample(arguments, options)


def normal(*shape) -> Draw:
    """Standard normal values, none within 0.05 of zero."""
    return away_from(0.0, *shape)


def away_from(kink: float, *shape, margin: float = 0.05, scale: float = 1.0) -> Draw:
    """Values on both sides of ``kink``, none within ``margin`` of it."""

    def make(rng):
        offset = rng.normal(0.0, scale, shape)
        return kink + offset + np.where(offset < 0, -margin, margin)

    return Draw(make, shape)


def uniform(low: float, high: float, *shape) -> Draw:
    """Values between ``low`` and ``high``."""
    return Draw(lambda rng: rng.uniform(low, high, shape), shape)


def positive(*shape) -> Draw:
    """Values between 0.3 and 3."""
    return uniform(0.3, 3.0, *shape)


def distinct(*shape) -> Draw:
    """Values of both signs, every two at least 0.1 apart: no ties for max, sort, topk."""

    def make(rng):
        size = int(np.prod(shape))
        return (rng.permutation(size).reshape(shape) - size / 2 + 0.5) * 0.2 + rng.uniform(-0.04, 0.04, shape)

    return Draw(make, shape)


def integers(low: int, high: int, *shape) -> Draw:
    """Integers from ``low`` to ``high - 1``; repeats are likely, as real indices have them."""
    return Draw(lambda rng: rng.integers(low, high, shape), shape)


def booleans(*shape) -> Draw:
    """True and False, each about half the time."""
    return Draw(lambda rng: rng.random(shape) < 0.5, shape)


UNARY_SHAPES = ((), (3,), (0,), (2, 3), (2, 0, 3), (1, 3, 2))
BINARY_SHAPES = (
    ((), ()),
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (2, 3)),
    ((2, 1), (1, 3)),
    ((), (2, 3)),
    ((2, 3), ()),
    ((0, 3), (1, 3)),
    ((4, 1, 3), (2, 1)),
)


# Half the ops declare the same samples: made once, they cost importing nothing.


@cache
def unary(draw: Callable = normal, **options) -> tuple[Sample, ...]:
    """An elementwise op of one argument, at the shapes that break things: 0-d, empty, several axes."""
    return tuple(sample(draw(*shape), **options) for shape in UNARY_SHAPES)


@cache
def binary(first: Callable = normal, second: Callable | None = None, **options) -> tuple[Sample, ...]:
    """An elementwise op of two arguments, broadcasting on either side and on both."""
    second = second or first
    return tuple(sample(first(*a), second(*b), **options) for a, b in BINARY_SHAPES)
