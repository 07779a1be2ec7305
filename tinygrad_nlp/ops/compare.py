"""Comparisons and logic: what is true or false. It changes in jumps, so nothing here has a gradient."""

from __future__ import annotations

import numpy as np

from ..derivation import Derivation, smooth
from ..op import op
from ..samples import binary, booleans, integers, normal, sample, unary

__all__ = [
    "equal",
    "greater",
    "greater_equal",
    "isfinite",
    "isnan",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "not_equal",
]


def comparison(statement, shapes="x, y: broadcastable -> their broadcast shape"):
    """The derivation of an op whose result is true or false: there is none."""
    return Derivation(
        statement=statement, steps=(), source="definition; piecewise constant, no gradient", shapes=shapes
    )


COMPARED = binary(normal) + (sample(integers(0, 3, 4), integers(0, 3, 4)), sample(integers(0, 3, 2, 3), 1))


@op
class equal:
    """True where x equals y. NaN equals nothing."""

    forward = np.equal
    arguments = ("x", "y")
    broadcasts = True
    derivation = comparison(r"s = [x = y]")
    conventions = smooth
    samples = COMPARED


@op
class not_equal:
    """True where x differs from y. NaN differs from everything."""

    forward = np.not_equal
    arguments = ("x", "y")
    broadcasts = True
    derivation = comparison(r"s = [x \neq y]")
    conventions = smooth
    samples = COMPARED


@op
class less:
    """True where x < y."""

    forward = np.less
    arguments = ("x", "y")
    broadcasts = True
    derivation = comparison(r"s = [x < y]")
    conventions = smooth
    samples = COMPARED


@op
class less_equal:
    """True where x <= y."""

    forward = np.less_equal
    arguments = ("x", "y")
    broadcasts = True
    derivation = comparison(r"s = [x \le y]")
    conventions = smooth
    samples = COMPARED


@op
class greater:
    """True where x > y."""

    forward = np.greater
    arguments = ("x", "y")
    broadcasts = True
    derivation = comparison(r"s = [x > y]")
    conventions = smooth
    samples = COMPARED


@op
class greater_equal:
    """True where x >= y."""

    forward = np.greater_equal
    arguments = ("x", "y")
    broadcasts = True
    derivation = comparison(r"s = [x \ge y]")
    conventions = smooth
    samples = COMPARED


@op
class isnan:
    """True where an element is NaN."""

    forward = np.isnan
    arguments = ("x",)
    derivation = comparison(r"s = [x \neq x]", "x: any -> same, bool")
    conventions = smooth
    samples = unary() + (sample(np.array([0.0, np.nan, np.inf, -np.inf])),)


@op
class isfinite:
    """True where an element is neither NaN nor infinite."""

    forward = np.isfinite
    arguments = ("x",)
    derivation = comparison(r"s = [|x| < \infty]", "x: any -> same, bool")
    conventions = smooth
    samples = unary() + (sample(np.array([0.0, np.nan, np.inf, -np.inf])),)


@op
class logical_not:
    """True where an element is False or 0. Of a mask it is ``~x``."""

    forward = np.logical_not
    arguments = ("x",)
    derivation = comparison(r"s = [x = 0]", "x: any -> same, bool")
    conventions = smooth
    samples = unary(booleans) + (sample(integers(0, 2, 4)), sample(normal(3)))


JOINED = tuple(
    sample(draw(*left), draw(*right))
    for draw in (booleans, lambda *shape: integers(0, 2, *shape))
    for left, right in (((2, 3), (2, 3)), ((2, 1), (3,)), ((), (4,)), ((0, 3), (3,)))
)


@op
class logical_and:
    """True where x and y are both true (not 0). Of masks it is ``x & y``."""

    forward = np.logical_and
    arguments = ("x", "y")
    broadcasts = True
    derivation = comparison(r"s = x \wedge y")
    conventions = smooth
    samples = JOINED


@op
class logical_or:
    """True where x or y or both are true (not 0). Of masks it is ``x | y``."""

    forward = np.logical_or
    arguments = ("x", "y")
    broadcasts = True
    derivation = comparison(r"s = x \vee y")
    conventions = smooth
    samples = JOINED


@op
class logical_xor:
    """True where one of x and y is true (not 0) and the other is not. Of masks it is ``x ^ y``."""

    forward = np.logical_xor
    arguments = ("x", "y")
    broadcasts = True
    derivation = comparison(r"s = x \oplus y")
    conventions = smooth
    samples = JOINED
