"""Diagonals and triangles of matrices: diagonal, trace, tril, triu."""

from __future__ import annotations

import numpy as np

from ..apply import apply
from ..derivation import Derivation, smooth
from ..errors import ShapeError, explain
from ..op import op
from ..samples import normal, sample
from .index import along, put_back
from .reduce import sum as sum_

__all__ = ["diagonal", "trace", "tril", "triu"]


@op
class diagonal:
    """The elements x[i, i + offset] of the matrices that ``axis1`` and ``axis2`` span, in a new last axis: NumPy's.

    Shapes: x: (…, n, …, m, …) -> (…, …, k). A read-only view.
    """

    def forward(x, *, offset=0, axis1=0, axis2=1):
        return np.diagonal(x, offset, axis1, axis2)

    def vjp_x(g, out, x, *, offset, axis1, axis2):
        return put_back(g, index=diagonal_places(x.shape, offset, axis1, axis2), shape=x.shape)

    derivation = Derivation(
        statement=r"s_i = x_{i,\, i + \mathrm{offset}}",
        steps=(
            r"dJ = \textstyle\sum_i \bar s_i\, dx_{i,\, i + \mathrm{offset}}",
            r"\bar x_{i,\, i + \mathrm{offset}} = \bar s_i, \text{ elsewhere } 0",
        ),
        source="getitem along a diagonal",
        shapes="x: (…, n, …, m, …) -> (…, …, k)",
    )
    conventions = smooth
    samples = (
        sample(normal(3, 3)),
        sample(normal(2, 4), offset=1),
        sample(normal(4, 2), offset=-1),
        sample(normal(2, 3, 3), axis1=-2, axis2=-1),
        sample(normal(3, 2, 4), axis1=2, axis2=0, offset=1),
        sample(normal(2, 2), offset=5),
        sample(normal(0, 3)),
    )


def diagonal_places(shape, offset, axis1, axis2):
    """The index, in the sense of x[…], that reads a diagonal into the last axis."""
    ndim = len(shape)
    axis1, axis2 = axis1 % ndim, axis2 % ndim
    down, right = max(-offset, 0), max(offset, 0)
    steps = np.arange(max(min(shape[axis1] - down, shape[axis2] - right), 0))
    others = [axis for axis in range(ndim) if axis not in (axis1, axis2)]
    index = {axis: along(np.arange(shape[axis]), place, ndim - 1) for place, axis in enumerate(others)}
    index[axis1] = along(steps + down, ndim - 2, ndim - 1)
    index[axis2] = along(steps + right, ndim - 2, ndim - 1)
    return tuple(index[axis] for axis in range(ndim))


def trace(x, offset=0, axis1=0, axis2=1):
    """The sum of a diagonal. x: (…, n, …, m, …) -> (…, …); see ``diagonal`` for the arguments."""
    line = apply(diagonal, (x,), {"offset": offset, "axis1": axis1, "axis2": axis2})
    return apply(sum_, (line,), {**sum_.defaults, "axis": -1})


@op
class tril:
    """The matrix with zeros above diagonal number ``k``. x: (…, n, m) -> the same."""

    def forward(x, *, k=0):
        _refuse_no_matrix("tril", x)
        return np.tril(x, k)

    def vjp_x(g, out, x, *, k):
        return tril(g, k=k)

    derivation = Derivation(
        statement=r"s_{ij} = x_{ij} \text{ for } j \le i + k, \text{ else } 0",
        steps=(
            r"ds_{ij} = dx_{ij} \text{ or } 0",
            r"\bar x_{ij} = \bar s_{ij} \text{ for } j \le i + k, \text{ else } 0",
        ),
        source="definition; a product with a constant mask",
        shapes="x: (…, n, m) -> (…, n, m)",
    )
    conventions = smooth
    samples = (
        sample(normal(3, 3)),
        sample(normal(2, 4), k=1),
        sample(normal(2, 3, 2), k=-1),
        sample(normal(0, 3)),
    )


@op
class triu:
    """The matrix with zeros below diagonal number ``k``. x: (…, n, m) -> the same."""

    def forward(x, *, k=0):
        _refuse_no_matrix("triu", x)
        return np.triu(x, k)

    def vjp_x(g, out, x, *, k):
        return triu(g, k=k)

    derivation = Derivation(
        statement=r"s_{ij} = x_{ij} \text{ for } j \ge i + k, \text{ else } 0",
        steps=(
            r"ds_{ij} = dx_{ij} \text{ or } 0",
            r"\bar x_{ij} = \bar s_{ij} \text{ for } j \ge i + k, \text{ else } 0",
        ),
        source="definition; a product with a constant mask",
        shapes="x: (…, n, m) -> (…, n, m)",
    )
    conventions = smooth
    samples = (
        sample(normal(3, 3)),
        sample(normal(2, 4), k=1),
        sample(normal(2, 3, 2), k=-1),
        sample(normal(0, 3)),
    )


def _refuse_no_matrix(name, x):
    if np.ndim(x) < 2:  # NumPy would make a square matrix of a vector
        raise ShapeError(
            explain(
                name,
                got=f"shape {np.shape(x)}",
                expected="a matrix or a stack of them",
                write=f"{name}(expand(x, shape=(n, n)))",
            )
        )
