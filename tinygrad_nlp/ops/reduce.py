"""Reductions: sum, mean, var, std, prod, max, min, cumsum, logsumexp, norm."""

from __future__ import annotations

import numpy as np

from ..broadcasting import restore_axes
from ..derivation import Derivation, smooth
from ..op import op
from ..samples import normal, sample
from .shape import expand

__all__ = ["sum"]


@op
class sum:
    """The sum of the elements, along one axis, several, or all."""

    def forward(x, *, axis=None, keepdims=False):
        return np.add.reduce(x, axis=axis, keepdims=keepdims)

    def vjp_x(g, out, x, *, axis, keepdims):
        return expand(restore_axes(g, axis, x.shape), shape=x.shape)

    derivation = Derivation(
        statement=r"s = \textstyle\sum_i x_i",
        steps=(
            r"\frac{\partial s}{\partial x_i} = 1",
            r"\bar x_i = \bar s \cdot 1: \text{ the gradient is copied to every term}",
        ),
        source="sum rule; the adjoint of broadcasting (broadcasting.py)",
        shapes="x: any -> x without the summed axes",
    )
    conventions = smooth
    samples = (
        sample(normal(2, 3)),
        sample(normal(2, 3), axis=0),
        sample(normal(2, 3, 4), axis=(0, -1)),
        sample(normal(2, 3, 4), axis=1, keepdims=True),
        sample(normal()),
        sample(normal(0, 3), axis=0),
        sample(normal(2, 0)),
    )
