"""Matrix products and friends."""

from __future__ import annotations

import numpy as np

from ..broadcasting import sum_to_shape
from ..derivation import Derivation, smooth
from ..errors import ShapeError, explain
from ..op import op
from ..samples import normal, sample

__all__ = ["matmul"]


def as_matrices(g, x, y):
    """The gradient and arguments of a product with every vector written as the matrix it stands for: a row or a column."""
    if x.ndim == 1:
        g = g.reshape((*g.shape[: g.ndim - (y.ndim > 1)], 1, *g.shape[g.ndim - (y.ndim > 1) :]))
    if y.ndim == 1:
        g = g.reshape((*g.shape, 1))
    return g, x.reshape((1, *x.shape)) if x.ndim == 1 else x, y.reshape((*y.shape, 1)) if y.ndim == 1 else y


@op
class matmul:
    """The matrix product, of every rank NumPy's ``@`` takes: vectors, matrices, stacks that broadcast."""

    forward = np.matmul

    def vjp_x(g, out, x, y):
        g, x2, y2 = as_matrices(g, x, y)
        return sum_to_shape(g @ y2.mT, x2.shape).reshape(x.shape)

    def vjp_y(g, out, x, y):
        g, x2, y2 = as_matrices(g, x, y)
        return sum_to_shape(x2.mT @ g, y2.shape).reshape(y.shape)

    def check(x, y):
        if x.ndim == 0 or y.ndim == 0:
            raise ShapeError(
                explain("matmul", got=f"{x} @ {y}", expected="at least one axis each", write="x * y for a number")
            )
        inner = y.shape[-2] if y.ndim > 1 else y.shape[0]
        if x.shape[-1] != inner:
            raise ShapeError(
                explain(
                    f"matmul: {x.shape} @ {y.shape}: inner dimensions {x.shape[-1]} and {inner} differ",
                    got=f"{x} @ {y}",
                    expected=f"a second argument whose first matrix axis is {x.shape[-1]}",
                    write="x @ y.T" if y.ndim == 2 and y.shape[-1] == x.shape[-1] else "",
                )
            )
        raise ShapeError(explain("matmul", got=f"{x} @ {y}", expected="leading axes that broadcast"))

    derivation = Derivation(
        statement=r"S = X Y, \quad s_{ij} = \textstyle\sum_k x_{ik}\, y_{kj}",
        steps=(
            r"dS = dX\, Y + X\, dY",
            r"dJ = \langle \bar S, dX\, Y \rangle + \langle \bar S, X\, dY \rangle",
            r"\langle A, B C \rangle = \langle A C^\top, B \rangle = \langle B^\top A, C \rangle",
            r"\bar X = \bar S\, Y^\top, \qquad \bar Y = X^\top \bar S",
        ),
        source="003 Q2c Eq 19-22 (Eq 20-21 corrected: a matrix product, not a Hadamard product)",
        shapes="x: (…, n, k), y: (…, k, m) -> (…, n, m); a 1-d argument is a row (left) or column (right) vector",
    )
    conventions = smooth
    samples = (
        sample(normal(2, 3), normal(3, 4)),
        sample(normal(3), normal(3)),
        sample(normal(2, 3), normal(3)),
        sample(normal(3), normal(3, 2)),
        sample(normal(2, 2, 3), normal(2, 3, 4)),
        sample(normal(2, 1, 2, 3), normal(4, 3, 2)),
        sample(normal(3), normal(2, 3, 4)),
        sample(normal(2, 4, 3), normal(3)),
        sample(normal(0, 3), normal(3, 2)),
        sample(normal(2, 0), normal(0, 3)),
    )
