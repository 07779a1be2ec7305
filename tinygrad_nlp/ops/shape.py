"""Ops that move numbers without changing them. Each is a linear map of zeros and ones, so its rule is the transpose."""

from __future__ import annotations

import numpy as np

from ..broadcasting import sum_to_shape
from ..derivation import Derivation, smooth
from ..errors import ShapeError, explain
from ..op import op
from ..samples import normal, sample

__all__ = ["expand", "reshape", "swapaxes", "transpose"]


@op
class reshape:
    """The same numbers in the same order under another shape; one size may be -1."""

    def forward(x, *, shape):
        return np.reshape(x, shape)

    def vjp_x(g, out, x, *, shape):
        return g.reshape(x.shape)

    def check(x, *, shape):
        raise ShapeError(
            explain(
                "reshape",
                got=f"{x} ({int(np.prod(x.shape))} elements) to shape {shape}",
                expected="a shape with as many elements, or with one -1 for the size that follows",
            )
        )

    derivation = Derivation(
        statement=r"s_k = x_k \text{ (k-th element in row order)}",
        steps=(r"ds_k = dx_k", r"\bar x = \bar s \text{ in the shape of } x"),
        source="definition",
        shapes="x: any -> shape",
    )
    conventions = smooth
    samples = (
        sample(normal(2, 6), shape=(3, 4)),
        sample(normal(12), shape=(3, -1)),
        sample(normal(), shape=(1, 1)),
        sample(normal(0, 3), shape=(3, 0)),
    )


@op
class transpose:
    """The axes in another order; reversed if none is given."""

    def forward(x, *, axes=None):
        return np.transpose(x, axes)

    def vjp_x(g, out, x, *, axes):
        return g.transpose(inverse_order(axes))

    def check(x, *, axes):
        raise ShapeError(
            explain("transpose", got=f"axes {axes} for {x}", expected=f"each of the {x.ndim} axes once")
        )

    derivation = Derivation(
        statement=r"s_{i_{\pi(1)} i_{\pi(2)} \dots} = x_{i_1 i_2 \dots}",
        steps=(r"ds = dx \text{ with its axes permuted by } \pi", r"\bar x = \bar s \text{ permuted by } \pi^{-1}"),
        source="definition; for matrices (X^T)^T = X",
        shapes="x: (n_1, …, n_k) -> the sizes in the order of axes",
    )
    conventions = smooth
    samples = (
        sample(normal(2, 3)),
        sample(normal(2, 3, 4), axes=(2, 0, 1)),
        sample(normal(2, 3, 4), axes=(-1, 0, 1)),
        sample(normal()),
        sample(normal(0, 2)),
    )


def inverse_order(axes):
    """The permutation that undoes ``axes``; None undoes None."""
    return None if axes is None else tuple(int(i) for i in np.argsort(np.mod(axes, max(len(axes), 1))))


@op
class swapaxes:
    """Two axes exchanged."""

    def forward(x, *, axis1, axis2):
        return np.swapaxes(x, axis1, axis2)

    def vjp_x(g, out, x, *, axis1, axis2):
        return g.swapaxes(axis1, axis2)

    derivation = Derivation(
        statement=r"s_{\dots j \dots i \dots} = x_{\dots i \dots j \dots}",
        steps=(r"\text{exchanging twice is the identity}", r"\bar x = \bar s \text{ with the same two axes exchanged}"),
        source="definition",
        shapes="x: any -> x with axis1 and axis2 exchanged",
    )
    conventions = smooth
    samples = (
        sample(normal(2, 3), axis1=0, axis2=1),
        sample(normal(2, 3, 4), axis1=-1, axis2=0),
        sample(normal(0, 3), axis1=0, axis2=1),
    )


@op
class expand:
    """Copies along axes of length 1 and along new leading axes, until the shape is ``shape`` (-1 keeps a size)."""

    def forward(x, *, shape):
        shape = tuple(shape)
        kept = tuple(np.shape(x))
        lead = len(shape) - len(kept)
        return np.broadcast_to(x, tuple(kept[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(shape)))

    def vjp_x(g, out, x, *, shape):
        return sum_to_shape(g, x.shape)

    def check(x, *, shape):
        raise ShapeError(
            explain(
                "expand",
                got=f"{x} to shape {tuple(shape)}",
                expected="a shape that agrees from the last axis on wherever x is not 1",
            )
        )

    derivation = Derivation(
        statement=r"s_k = x \text{ for every copy } k",
        steps=(r"dJ = \textstyle\sum_k \bar s_k\, ds_k = \left(\sum_k \bar s_k\right) dx", r"\bar x = \textstyle\sum_k \bar s_k"),
        source="multivariate chain rule; broadcasting.py",
        shapes="x: broadcastable to shape -> shape",
        notes="the result is a read-only view: no copy is made until something writes",
    )
    conventions = smooth
    samples = (
        sample(normal(1, 3), shape=(2, 3)),
        sample(normal(3), shape=(2, 3)),
        sample(normal(2, 1), shape=(4, -1, 3)),
        sample(normal(), shape=(2, 2)),
        sample(normal(1, 0), shape=(2, 0)),
    )
