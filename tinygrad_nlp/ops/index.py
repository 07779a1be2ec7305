"""Reading and writing by index."""

from __future__ import annotations

import numpy as np

from ..derivation import Derivation, smooth
from ..op import op
from ..samples import normal, sample

__all__ = ["getitem", "put_back"]


@op
class getitem:
    """x[index], with every index NumPy knows: ints, slices, None, ..., integer arrays, masks."""

    def forward(x, *, index):
        return x[index]

    def vjp_x(g, out, x, *, index):
        return put_back(g, index=index, shape=x.shape)

    derivation = Derivation(
        statement=r"s_k = x_{i_k}",
        steps=(
            r"dJ = \textstyle\sum_k \bar s_k\, dx_{i_k}",
            r"\bar x_i = \textstyle\sum_{k:\, i_k = i} \bar s_k: \text{ what was read twice receives twice, what was not read, 0}",
        ),
        source="multivariate chain rule",
        shapes="x: any -> as NumPy indexes",
    )
    conventions = smooth
    samples = (
        sample(normal(3, 4), index=1),
        sample(normal(3, 4), index=(slice(None, None, -2), slice(1, 3))),
        sample(normal(3, 4), index=(..., None, 2)),
        sample(normal(3, 4), index=np.array([0, 2, 2, -1])),
        sample(normal(3, 4), index=(np.array([0, 0]), np.array([1, 1]))),
        sample(normal(2, 2), index=np.array([[True, False], [True, True]])),
        sample(normal(), index=()),
        sample(normal(0, 3), index=slice(None)),
    )


@op
class put_back:
    """Zeros of ``shape`` to which x is added at ``index``, repeats summed: the transpose of x[index]."""

    def forward(x, *, index, shape):
        out = np.zeros(shape, x.dtype)
        np.add.at(out, index, x)
        return out

    def vjp_x(g, out, x, *, index, shape):
        return g[index]

    derivation = Derivation(
        statement=r"s_i = \textstyle\sum_{k:\, i_k = i} x_k",
        steps=(r"ds_{i_k} = dx_k + \dots", r"\bar x_k = \bar s_{i_k}"),
        source="transpose of getitem",
        shapes="x: the shape of zeros(shape)[index] -> shape",
    )
    conventions = smooth
    samples = (
        sample(normal(2), index=np.array([1, 1]), shape=(3,)),
        sample(normal(4), index=1, shape=(3, 4)),
        sample(normal(2, 2), index=(slice(0, 2), slice(1, 3)), shape=(3, 4)),
    )
