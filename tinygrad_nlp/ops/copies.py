"""Copies of what is there: expand, repeat, tile. What was copied gets the sum of its copies' gradients."""

from __future__ import annotations

import math

import numpy as np

from ..broadcasting import sum_to_shape
from ..derivation import Derivation, smooth
from ..errors import ShapeError, explain
from ..op import op
from ..samples import normal, sample
from .index import along_axis_or_flat, put_back

__all__ = ["broadcast_to", "expand", "repeat", "tile"]


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
        steps=(
            r"dJ = \textstyle\sum_k \bar s_k\, ds_k = \left(\sum_k \bar s_k\right) dx",
            r"\bar x = \textstyle\sum_k \bar s_k",
        ),
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


broadcast_to = expand


@op
class repeat:
    """Each element ``repeats`` times in a row along an axis (of x flattened for None): NumPy's ``repeat``.

    ``repeats`` is an int, or one int per place of the axis. For copies of the whole array see ``tile``.
    """

    def forward(x, *, repeats, axis=None):
        return np.repeat(x, repeats, axis)

    def vjp_x(g, out, x, *, repeats, axis):
        places = repeated_places(x.shape, repeats, axis)
        return put_back(g, index=places, shape=along_axis_or_flat(x.shape, axis)).reshape(x.shape)

    derivation = Derivation(
        statement=r"s_{k} = x_{i} \text{ for every copy } k \text{ of } i",
        steps=(
            r"dJ = \textstyle\sum_i \left(\sum_{k \text{ copy of } i} \bar s_k\right) dx_i",
            r"\bar x_i = \textstyle\sum_{k \text{ copy of } i} \bar s_k",
        ),
        source="multivariate chain rule",
        shapes="x: (…, n, …) -> (…, sum of repeats, …)",
    )
    conventions = smooth
    samples = (
        sample(normal(3), repeats=2),
        sample(normal(2, 3), repeats=2),
        sample(normal(2, 3), repeats=3, axis=0),
        sample(normal(2, 3), repeats=(2, 0, 1), axis=-1),
        sample(normal(), repeats=3),
        sample(normal(0, 3), repeats=2, axis=1),
    )


def repeated_places(shape, repeats, axis):
    """The index, in the sense of x[…], or of x flattened, that reads each element ``repeats`` times."""
    if axis is None:
        return np.repeat(np.arange(math.prod(shape)), repeats)
    return (*[slice(None)] * (axis % len(shape)), np.repeat(np.arange(shape[axis]), repeats))


@op
class tile:
    """The whole array copied ``reps`` times along each axis (missing counts on the left are 1): NumPy's ``tile``."""

    def forward(x, *, reps):
        return np.tile(x, reps)

    def vjp_x(g, out, x, *, reps):
        copies_and_sizes, copies = tile_axes(x.shape, reps)
        return g.reshape(copies_and_sizes).sum(copies).reshape(x.shape)

    derivation = Derivation(
        statement=r"s_{rn + i} = x_i, \quad r = 0 \dots \mathrm{reps} - 1, \; n = \operatorname{size}(x)",
        steps=(
            r"dJ = \textstyle\sum_i \left(\sum_r \bar s_{rn+i}\right) dx_i",
            r"\bar x_i = \textstyle\sum_r \bar s_{rn+i}",
        ),
        source="multivariate chain rule",
        shapes="x: (n_1, …) -> (reps_1·n_1, …)",
    )
    conventions = smooth
    samples = (
        sample(normal(3), reps=2),
        sample(normal(2, 3), reps=(2, 2)),
        sample(normal(2, 3), reps=3),
        sample(normal(3), reps=(2, 1, 2)),
        sample(normal(), reps=(2, 2)),
        sample(normal(0, 3), reps=(1, 2)),
    )


def tile_axes(shape, reps):
    """((copies, size, copies, size, …), the axes of that shape that count copies)."""
    reps = (reps,) if isinstance(reps, (int, np.integer)) else tuple(reps)
    ndim = max(len(reps), len(shape))
    reps, sizes = (1,) * (ndim - len(reps)) + reps, (1,) * (ndim - len(shape)) + tuple(shape)
    return tuple(n for pair in zip(reps, sizes) for n in pair), tuple(range(0, 2 * ndim, 2))
