"""Windows of neighbours along an axis: unfold, and its transpose add_windows."""

from __future__ import annotations

import numpy as np

from ..derivation import Derivation, smooth
from ..errors import ShapeError, explain
from ..op import op
from ..samples import normal, sample

__all__ = ["add_windows", "unfold"]


@op
class unfold:
    """Windows of ``size`` neighbours along an axis, one every ``step`` places, as in ``torch.Tensor.unfold``.

    Shapes: x: (…, n, …) -> (…, (n - size) // step + 1, …, size): windows are counted where the axis was, and their
    elements lie in a new last axis. A read-only view: windows share memory, nothing is copied.

    >>> import numpy as np
    >>> unfold(np.arange(5), size=3, step=2, axis=0)
    array([[0, 1, 2],
           [2, 3, 4]])
    """

    def forward(x, *, size, step=1, axis):
        if step < 1 or size < 1:
            raise ShapeError(explain("unfold", got=f"size={size}, step={step}", expected="both 1 or more"))
        windows = np.lib.stride_tricks.sliding_window_view(x, size, axis=axis)
        return windows[(*[slice(None)] * (axis % x.ndim), slice(None, None, step))]

    def vjp_x(g, out, x, *, size, step, axis):
        return add_windows(g, length=x.shape[axis], step=step, axis=axis)

    def check(x, *, size, step, axis):
        if -x.ndim <= axis < x.ndim and size > x.shape[axis]:
            raise ShapeError(
                explain(
                    "unfold",
                    got=f"windows of size={size} along axis {axis} of {x}",
                    expected=f"a size of at most {x.shape[axis]}",
                )
            )

    derivation = Derivation(
        statement=r"s_{tj} = x_{t \cdot \mathrm{step} + j}, \quad j = 0 \dots \mathrm{size} - 1",
        steps=(
            r"dJ = \textstyle\sum_{t,j} \bar s_{tj}\, dx_{t \cdot \mathrm{step} + j}",
            r"\bar x_i = \textstyle\sum_{t \cdot \mathrm{step} + j = i} \bar s_{tj}: \text{ overlapping windows add}",
        ),
        source="multivariate chain rule",
        shapes="x: (…, n, …) -> (…, windows, …, size)",
    )
    conventions = smooth
    samples = (
        sample(normal(6), size=3, axis=0),
        sample(normal(7, 2), size=3, step=2, axis=0),
        sample(normal(2, 6, 2), size=2, step=3, axis=1),
        sample(normal(2, 5), size=5, axis=-1),
        sample(normal(0, 4), size=2, axis=-1),
    )


@op
class add_windows:
    """The sum of windows, each added where ``unfold`` would read it: the transpose of ``unfold``.

    Shapes: x: (…, windows, …, size), windows counted along ``axis`` -> (…, length, …).
    """

    def forward(x, *, length, step=1, axis):
        axis, size = axis % (x.ndim - 1), x.shape[-1]
        before, windows, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 : -1]
        x = np.moveaxis(x, -1, axis + 1)
        # `step` neighbours of every window at a time: these do not overlap, so each element is added to once.
        pieces = -(-size // step)
        steps = max(windows - 1 + pieces, -(-length // step))
        out = np.zeros((*before, steps, step, *after), x.dtype)
        head = (slice(None),) * axis
        for i in range(pieces):
            piece = x[(*head, slice(None), slice(i * step, (i + 1) * step))]
            out[(*head, slice(i, i + windows), slice(piece.shape[axis + 1]))] += piece
        return out.reshape((*before, steps * step, *after))[(*head, slice(length))]

    def vjp_x(g, out, x, *, length, step, axis):
        return unfold(g, size=x.shape[-1], step=step, axis=axis)

    derivation = Derivation(
        statement=r"s_i = \textstyle\sum_{t \cdot \mathrm{step} + j = i} x_{tj}",
        steps=(
            r"ds_{t \cdot \mathrm{step} + j} = dx_{tj} + \dots",
            r"\bar x_{tj} = \bar s_{t \cdot \mathrm{step} + j}",
        ),
        source="transpose of unfold",
        shapes="x: (…, windows, …, size) -> (…, length, …)",
        notes="one shifted addition for each `step` places in the window, not one for each window",
    )
    conventions = smooth
    samples = (
        sample(normal(4, 3), length=6, axis=0),
        sample(normal(3, 2, 3), length=7, step=2, axis=0),
        sample(normal(2, 2, 2, 2), length=6, step=3, axis=1),
        sample(normal(2, 1, 5), length=5, axis=-1),
    )
