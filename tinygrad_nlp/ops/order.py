"""Ops about order: sort, argsort, topk, argmax, argmin.

A sort moves numbers without changing them, so, while no two change places, its gradient is the move undone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..derivation import Convention, Derivation, smooth
from ..errors import ShapeError, describe, explain
from ..op import op
from ..samples import distinct, integers, sample
from .index import gather
from .reduce import SHAPES, refuse

__all__ = ["argmax", "argmin", "argsort", "sort", "top_indices", "topk"]

BY_POSITION = "equal elements keep their order, so the earlier place gets the earlier gradient. PyTorch (stable=True)"


def refuse_axis(asked, x, axis):
    """Raise unless ``axis`` is one axis that ``x`` has."""
    if axis is None or isinstance(axis, (tuple, list)) or not len(x.shape):
        raise ShapeError(
            explain(
                f"{asked} of {describe(x)}",
                got=f"axis={axis}",
                expected="one axis of an array that has some",
                write=f"{asked}(x.reshape(-1))",
            )
        )
    refuse(asked, x, axis)


def order_along(x, axis, descending):
    """The stable order along ``axis``. Descending it is not the ascending one reversed: that would reverse ties too."""
    if axis is None or not np.ndim(x):
        raise ValueError("one axis is needed; NumPy would flatten")
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    from_behind = np.argsort(np.flip(x, axis), axis=axis, kind="stable")
    return np.flip(np.shape(x)[axis] - 1 - from_behind, axis)


LINES = ({}, {"axis": 0}, {"axis": 1, "descending": True}, {"axis": -1, "descending": True})


@op
class argsort:
    """The indices that sort x along an axis. Stable: equal elements in their order, descending too.

    NaN counts as largest. It has no gradient: indices do not vary.
    """

    def forward(x, *, axis=-1, descending=False):
        return order_along(x, axis, descending)

    def check(x, *, axis, descending):
        refuse_axis("argsort", x, axis)

    derivation = Derivation(
        r"x_{s_1} \le x_{s_2} \le \dots", (), "definition", "x: any with axes -> same, int64", "ties in the order of x"
    )
    conventions = smooth
    samples = (
        *(sample(distinct(2, 3, 4), **line) for line in LINES),
        sample(integers(0, 3, 2, 8)),
        sample(integers(0, 3, 2, 8), descending=True),
        sample(distinct(0, 3)),
    )


@op
class sort:
    """x in ascending (or descending) order along an axis. NaN counts as largest, as in NumPy and PyTorch."""

    def forward(x, *, axis=-1, descending=False):
        if axis is None:
            raise ValueError("one axis is needed; NumPy would flatten")
        out = np.sort(x, axis=axis, kind="stable")
        return np.flip(out, axis) if descending else out

    def vjp_x(g, out, x, *, axis, descending):
        rank = argsort(argsort(x, axis=axis, descending=descending), axis=axis)
        return gather(g, rank, axis=axis)

    def check(x, *, axis, descending):
        refuse_axis("sort", x, axis)

    derivation = Derivation(
        statement=r"s_k = x_{\pi(k)}, \quad s_1 \le s_2 \le \dots",
        steps=(
            r"\text{while no two elements change places, } \pi \text{ is constant: } ds_k = dx_{\pi(k)}",
            r"\bar x_{\pi(k)} = \bar s_k \;\Leftrightarrow\; \bar x_i = \bar s_{\pi^{-1}(i)}: \text{ the order undone}",
        ),
        source="a permutation matrix P: s = P x, x̄ = Pᵀ s̄",
        shapes="x: any with axes -> same",
        notes="the order that sorts an order is its inverse: π⁻¹ = argsort(argsort(x)), the rank of each element.",
    )
    # With dJ/ds = 1 for every element a sort's gradient is 1 everywhere, ties or not; the test of this file says more.
    conventions = (Convention("equal elements", ((2.0, 1.0, 2.0),), ((1.0, 1.0, 1.0),), BY_POSITION),)
    samples = (*(sample(distinct(2, 3, 4), **line) for line in LINES), sample(distinct(0, 3)), sample(distinct(1)))


@op
class top_indices:
    """Where the k largest (or smallest) elements along an axis are, best first; of equal ones the earlier first.

    NaN counts as largest. Cost: O(n) to find the k-th and O(k log k) to order them; O(n log n) if there is a NaN.
    """

    def forward(x, *, k, axis=-1, largest=True):
        n = np.shape(x)[axis]  # fails for axis=None and for an array without axes; check says so
        if not 0 <= k <= n:
            raise ValueError("k")
        rows = np.moveaxis(x, axis, -1)
        if 0 < k < n // 4 and not np.isnan(rows).any():
            where = among_the_best(rows, k, largest)
            best = np.take_along_axis(rows, where, -1)
            where = np.take_along_axis(where, order_along(best, -1, largest), -1)
        else:
            where = order_along(rows, -1, largest)[..., :k]
        return np.moveaxis(where, -1, axis)

    def check(x, *, k, axis, largest):
        refuse_axis("topk", x, axis)
        raise ShapeError(
            explain(f"topk of {describe(x)}", got=f"k={k}", expected=f"0 to {x.shape[axis]}, the length of axis {axis}")
        )

    derivation = Derivation(
        r"s = \text{the first } k \text{ of } \operatorname{argsort}(x)",
        (),
        "definition",
        "x: (…, n, …) -> (…, k, …), int64",
    )
    conventions = smooth
    samples = (
        sample(distinct(3, 4), k=2),
        sample(distinct(3, 4), k=3, axis=0, largest=False),
        sample(distinct(2, 24), k=3),
        sample(integers(0, 4, 30, 2), k=5, axis=0),
        sample(integers(0, 4, 2, 30), k=5, largest=False),
        sample(distinct(2, 3), k=0),
    )


def among_the_best(rows, k, largest):
    """The indices of the k best of each row, in the order of the row: all beyond the k-th value, then ties with it."""
    n = rows.shape[-1]
    place = n - k if largest else k - 1
    threshold = np.partition(rows, place, axis=-1)[..., place, None]
    chosen = rows > threshold if largest else rows < threshold
    ties = rows == threshold
    missing = k - np.count_nonzero(chosen, axis=-1, keepdims=True)
    if (np.count_nonzero(ties, axis=-1, keepdims=True) > missing).any():
        ties &= np.cumsum(ties, axis=-1) <= missing
    chosen |= ties
    return np.nonzero(chosen)[-1].reshape((*rows.shape[:-1], k))


class TopK(NamedTuple):
    """What `topk` returns."""

    values: object
    indices: object


def topk(x, k, axis=-1, largest=True, *, dim=None) -> TopK:
    """The k largest (or smallest) elements along an axis, best first, and their indices: ``(values, indices)``.

    Of equal elements the earlier one comes first, and where not all of them fit, the earlier ones are taken and get
    the gradient (PyTorch's choice there is not defined). NaN counts as largest. values is x gathered at indices, so
    its gradient goes to the places it came from; indices have none.

    Shapes: x: (…, n, …) -> twice (…, k, …). dim is PyTorch's name for axis. Raises ShapeError unless 0 <= k <= n.

    >>> from tinygrad_nlp import Tensor, topk
    >>> topk(Tensor([0.5, 2.0, 1.0]), 2).indices
    Tensor([1, 2], dtype=int64)
    """
    axis = axis if dim is None else dim
    indices = top_indices(x, k=k, axis=axis, largest=largest)
    return TopK(gather(x, indices, axis=axis), indices)


FIRST = "the first of equal ones; NaN counts as the extreme, as in NumPy and PyTorch"
INDICES = SHAPES + ", int64"


@op
class argmax:
    """The index of the largest element along an axis, or in the flattened array. No gradient."""

    def forward(x, *, axis=None, keepdims=False):
        return np.argmax(x, axis=axis, keepdims=keepdims)

    def check(x, *, axis, keepdims):
        if axis is not None:
            refuse_axis("argmax", x, axis)
        refuse("argmax", x, axis, 1, "nothing has no largest element")

    derivation = Derivation(r"x_s = \max_i x_i", (), "definition", INDICES, FIRST)
    conventions = smooth
    samples = (
        sample(distinct(2, 3)),
        sample(distinct(2, 3), axis=0),
        sample(integers(0, 2, 3, 6), axis=-1, keepdims=True),
    )


@op
class argmin:
    """The index of the smallest element along an axis, or in the flattened array. No gradient."""

    def forward(x, *, axis=None, keepdims=False):
        return np.argmin(x, axis=axis, keepdims=keepdims)

    def check(x, *, axis, keepdims):
        if axis is not None:
            refuse_axis("argmin", x, axis)
        refuse("argmin", x, axis, 1, "nothing has no smallest element")

    derivation = Derivation(r"x_s = \min_i x_i", (), "definition", INDICES, FIRST)
    conventions = smooth
    samples = (
        sample(distinct(2, 3)),
        sample(distinct(2, 3), axis=0),
        sample(integers(0, 2, 3, 6), axis=-1, keepdims=True),
    )
