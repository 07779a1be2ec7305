"""Reading and writing by index. Reading is linear, so each rule writes the gradient back to where it was read."""

from __future__ import annotations

import math

import numpy as np

from ..derivation import Derivation, smooth
from ..errors import DTypeError, IndexRangeError, ShapeError, explain
from ..op import op
from ..rowsparse import add_rows, all_below
from ..samples import integers, normal, sample
from ..tensor import Tensor

__all__ = ["gather", "getitem", "put_back", "scatter_add", "take"]


# ---- x[index] and its transpose -----------------------------------------------------------------------------


@op
class getitem:
    """x[index], with every index NumPy knows: ints, slices, None, ..., integer arrays, masks."""

    def forward(x, *, index):
        return x[index]

    def vjp_x(g, out, x, *, index):
        return put_back(g, index=index, shape=x.shape)

    def check(x, *, index):
        try:
            x.value[index]
        except IndexError as error:
            raise IndexRangeError(
                explain(
                    "getitem: x[index]",
                    got=f"{x}, index {index!r} ({error})",
                    expected=f"at most {x.ndim} of: ints, slices, integer arrays, boolean masks of the axes' own sizes",
                )
            ) from None

    derivation = Derivation(
        statement=r"s_k = x_{i_k}",
        steps=(
            r"dJ = \textstyle\sum_k \bar s_k\, dx_{i_k}",
            r"\bar x_i = \textstyle\sum_{k:\, i_k = i} \bar s_k: \text{ read twice, it receives twice; not read, 0}",
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
        sample(normal(3, 4), index=(slice(None), np.array([[0, 3], [3, 3]]))),
        sample(normal(3, 4), index=(np.array([0, 0]), np.array([1, 1]))),
        sample(normal(2, 2), index=np.array([[True, False], [True, True]])),
        sample(normal(2, 3, 2), index=(np.array([0, 0]), slice(None), None, 1)),
        sample(normal(), index=()),
        sample(normal(0, 3), index=slice(None)),
    )


@op
class put_back:
    """Zeros of ``shape`` to which x is added at ``index``, repeats summed: the transpose of x[index]."""

    def forward(x, *, index, shape):
        parts = index if isinstance(index, tuple) else (index,)
        if all(reads_once(part) for part in parts):
            out = np.zeros(shape, x.dtype)
            out[index] = x
            return out
        if len(parts) == 1:  # whole rows: add_rows makes the same sums in the same order, faster
            rows = np.ravel(parts[0]).astype(np.intp, copy=False)  # an int8 index cannot hold the number of rows
            rows = np.where(rows < 0, rows + shape[0], rows)
            return add_rows(rows, x.reshape((rows.size, *shape[1:])), shape[0])
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
        sample(normal(2, 2, 3), index=np.array([[0, -1], [1, 1]]), shape=(2, 3)),
        sample(normal(3, 2), index=(slice(None), np.array([0, 0])), shape=(3, 4)),
    )


def reads_once(part) -> bool:
    """True if this part of an index reads no element twice: all but integer arrays."""
    if part is None or part is Ellipsis or isinstance(part, (int, np.integer, slice)):
        return True
    return np.asarray(part).dtype == bool


def constant(index) -> np.ndarray:
    """An integer argument as the array it is, in every reading of a rule: nothing flows through it."""
    return index.data if isinstance(index, Tensor) else np.asarray(index)


def along(values, place: int, ndim: int) -> np.ndarray:
    """A vector as an array of ``ndim`` axes that varies along axis ``place`` alone.

    One such array per axis of x makes an index whose result has one axis per ``place``.
    """
    return np.asarray(values).reshape([-1 if axis == place else 1 for axis in range(ndim)])


# ---- along one axis -----------------------------------------------------------------------------------------


def on_axis(index, axis, shape):
    """The index, in the sense of x[…], or of x flattened, that ``take(x, index, axis)`` stands for."""
    index = constant(index)
    return index if axis is None else (*[slice(None)] * (axis % len(shape)), index)


def along_axis_or_flat(shape, axis):
    """The shape that NumPy's functions with ``axis=None`` see: that of x flattened."""
    return (math.prod(shape),) if axis is None else shape


@op
class take:
    """The slices of x at ``index`` along an axis, NumPy's ``take``; negative indices count from the end.

    Shapes: x: (…, n, …), index: any shape K of ints -> (…, K, …). ``axis=None`` indexes x flattened; the default
    is 0, not NumPy's None. Raises IndexRangeError outside -n … n-1, DTypeError for floats and masks.
    """

    def forward(x, index, *, axis=0):
        index = np.asarray(index)
        if index.dtype.kind not in "iu":
            raise DTypeError(
                explain("take", got=f"an index of dtype {index.dtype}", expected="ints", write="x[mask] for a mask")
            )
        if np.ndim(x) == 0 and axis is not None:
            raise ShapeError(explain("take", got=f"a number, axis={axis}", expected="an array", write="axis=None"))
        return np.take(x, index, axis=axis)

    def vjp_x(g, out, x, index, *, axis):
        places = on_axis(index, axis, x.shape)
        return put_back(g, index=places, shape=along_axis_or_flat(x.shape, axis)).reshape(x.shape)

    derivation = Derivation(
        statement=r"s_{\dots k \dots} = x_{\dots i_k \dots}",
        steps=(
            r"dJ = \textstyle\sum_k \bar s_k \cdot dx_{i_k}",
            r"\bar x_i = \textstyle\sum_{k:\, i_k = i} \bar s_k",
        ),
        source="multivariate chain rule; getitem along one axis",
        shapes="x: (…, n, …), index: K ints -> (…, K, …)",
    )
    conventions = smooth
    samples = (
        sample(normal(4, 3), integers(-4, 4, 5)),
        sample(normal(4, 3), integers(0, 3, 2, 2), axis=-1),
        sample(normal(2, 3, 2), integers(0, 3, 4), axis=1),
        sample(normal(2, 3), integers(-6, 6, 4), axis=None),
        sample(normal(4, 3), np.array(2)),
        sample(normal(4, 0), integers(0, 4, 3)),
        sample(normal(4, 3), np.zeros((0,), np.int64)),
    )


def on_axis_each(index, axis, shape):
    """The index, in the sense of x[…], that ``gather(x, index, axis)`` stands for: own indices in every line."""
    index, ndim = constant(index), len(shape)
    return tuple(index if i == axis % ndim else along(np.arange(n), i, ndim) for i, n in enumerate(shape))


@op
class gather:
    """Along an axis, at each place the element that ``index`` names there: NumPy's ``take_along_axis``.

    For logits: (B, C) and labels: (B,), ``gather(logits, labels[:, None], axis=1)`` is each example's own logit.

    Shapes: x: (…, n, …), index: (…, k, …) ints, the other axes equal or 1 -> index's, broadcast against x's.
    Negative indices count from the end. Raises IndexRangeError, ShapeError for another number of axes.
    """

    def forward(x, index, *, axis):
        return np.take_along_axis(x, np.asarray(index), axis)

    def vjp_x(g, out, x, index, *, axis):
        return put_back(g, index=on_axis_each(index, axis, x.shape), shape=x.shape)

    def check(x, index, *, axis):
        if index.dtype.kind not in "iu":
            raise DTypeError(explain("gather", got=f"index {index}", expected="an integer array"))
        if x.ndim != index.ndim:
            raise ShapeError(
                explain(
                    "gather",
                    got=f"x {x} and index {index}: {x.ndim} axes and {index.ndim}",
                    expected="as many axes in index as in x",
                    write="gather(x, index[:, None], axis=1) for one index a row",
                )
            )
        n = x.shape[axis]
        refuse_outside("gather", index.value, -n, n, f"axis {axis} has {n} places")

    derivation = Derivation(
        statement=r"s_{bk} = x_{b\, i_{bk}}",
        steps=(
            r"dJ = \textstyle\sum_{b,k} \bar s_{bk}\, dx_{b\, i_{bk}}",
            r"\bar x_{bi} = \textstyle\sum_{k:\, i_{bk} = i} \bar s_{bk}",
        ),
        source="multivariate chain rule",
        shapes="x: (…, n, …), index: (…, k, …) -> (…, k, …)",
    )
    conventions = smooth
    samples = (
        sample(normal(3, 4), integers(-4, 4, 3, 1), axis=1),
        sample(normal(3, 4), integers(0, 3, 5, 4), axis=0),
        sample(normal(2, 3, 2), integers(0, 2, 2, 3, 3), axis=-1),
        sample(normal(1, 4), integers(0, 4, 3, 2), axis=1),
        sample(normal(3, 4), integers(0, 4, 1, 2), axis=1),
        sample(normal(0, 4), np.zeros((0, 2), np.int64), axis=1),
    )


@op
class scatter_add:
    """A copy of x with ``source`` added at ``index`` along an axis, repeats summed; the transpose of ``gather``.

    Shapes: x: (…, n, …), index and source: (…, k, …), all other axes equal -> x's shape, of the promoted dtype.
    PyTorch's ``scatter_add`` out of place, except that negative indices count from the end.
    """

    def forward(x, index, source, *, axis):
        index = np.asarray(index)
        if not np.shape(source) == index.shape or not _same_but(np.shape(x), index.shape, axis):
            raise ShapeError(
                explain(
                    "scatter_add",
                    got=f"x {np.shape(x)}, index {index.shape}, source {np.shape(source)}, axis {axis}",
                    expected=f"index and source of one shape, which differs from x's along axis {axis} alone",
                )
            )
        out = np.array(x, np.result_type(x, source))
        np.add.at(out, on_axis_each(index, axis, out.shape), source)
        return out

    def vjp_x(g, out, x, index, source, *, axis):
        return g

    def vjp_source(g, out, x, index, source, *, axis):
        return gather(g, index, axis=axis)

    derivation = Derivation(
        statement=r"s_{bi} = x_{bi} + \textstyle\sum_{k:\, i_{bk} = i} y_{bk}",
        steps=(
            r"dJ = \textstyle\sum_{b,i} \bar s_{bi}\, dx_{bi} + \sum_{b,k} \bar s_{b\, i_{bk}}\, dy_{bk}",
            r"\bar x = \bar s, \qquad \bar y_{bk} = \bar s_{b\, i_{bk}}",
        ),
        source="sum rule; transpose of gather. y is source",
        shapes="x: (…, n, …), index: (…, k, …), source: (…, k, …) -> (…, n, …)",
    )
    conventions = smooth
    samples = (
        sample(normal(3, 4), integers(-4, 4, 3, 6), normal(3, 6), axis=1),
        sample(normal(3, 2), integers(0, 3, 4, 2), normal(4, 2), axis=0),
        sample(normal(3), integers(0, 3, 5), normal(5), axis=-1),
        sample(normal(3), np.zeros((0,), np.int64), normal(0), axis=0),
    )


def _same_but(shape, other, axis) -> bool:
    """True if two shapes differ along ``axis`` at most."""
    ndim = len(shape)
    return ndim == len(other) and all(shape[i] == other[i] for i in range(ndim) if i != axis % ndim)


def refuse_outside(name, index, low, high, holds):
    """Raise IndexRangeError, naming the first offender, unless low <= index < high everywhere."""
    if all_below(index, high) or (low < 0 and index.min() >= low and index.max() < high):
        return
    position = tuple(int(i) for i in np.argwhere((index < low) | (index >= high))[0])
    raise IndexRangeError(
        explain(
            name,
            got=f"index {index[position]} at position {position}, {holds}",
            expected=f"ids from {low} to {high - 1}" if high > low else "no ids, for there is nothing to read",
        )
    )
