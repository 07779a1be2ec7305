"""Reading and writing by index. Reading is linear, so each rule writes the gradient back to where it was read."""

from __future__ import annotations

import math

import numpy as np

from ..derivation import Convention, Derivation, smooth
from ..errors import DTypeError, IndexRangeError, ShapeError, explain
from ..op import op
from ..rowsparse import RowSparse, add_rows
from ..samples import integers, normal, sample
from ..tensor import Tensor

__all__ = [
    "add_windows",
    "embedding",
    "gather",
    "getitem",
    "one_hot",
    "put_back",
    "rows_of",
    "scatter_add",
    "take",
    "unfold",
]


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
        _refuse_outside("gather", index.value, -n, n, f"axis {axis} has {n} places")

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


# ---- words --------------------------------------------------------------------------------------------------


@op
class embedding:
    """The rows of a table at ``index``: each word's vector.

    Shapes: table: (V, D), or (V, …) in general; index: any shape K of ints -> K + (D,).
    The table's gradient is a `RowSparse` of K rows: what was not read costs nothing.

    padding_idx  a row that is read like any other and receives no gradient

    Raises IndexRangeError for ids below 0 or from V on (no counting from the end: a negative id is a bug in the
    vocabulary), DTypeError for ids that are no ints.
    """

    def forward(table, index, *, padding_idx=None):
        index = np.asarray(index)
        refuse_bad_ids("embedding", index, len(table), "table has {} rows")
        return table.take(index, axis=0)

    def vjp_table(g, out, table, index, *, padding_idx):
        return rows_of(g, index, shape=table.shape, padding_idx=padding_idx)

    def check(table, index, *, padding_idx):
        if table.ndim == 0:
            raise ShapeError(explain("embedding", got=f"table {table}", expected="a table of rows, (V, D)"))

    derivation = Derivation(
        statement=r"s_k = E_{i_k} \text{ (row } i_k \text{ of } E\text{)}",
        steps=(
            r"dJ = \textstyle\sum_k \bar s_k \cdot dE_{i_k}",
            r"\bar E_i = \textstyle\sum_{k:\, i_k = i} \bar s_k: \text{ a row read twice gets both gradients}",
        ),
        source="003 Eq 41, with its slip corrected: a word drawn several times counts each time",
        shapes="table: (V, D), index: K ints -> K + (D,)",
        notes="the same as one_hot(index, V) @ E, without its V·D zeros a word",
    )
    conventions = (
        Convention(
            "index = padding_idx",
            ([[1.0, 2.0], [3.0, 4.0]], np.array([0, 1, 1])),
            ([[0.0, 0.0], [2.0, 2.0]], None),
            "padding is no word: its vector is a constant. PyTorch does the same",
            {"padding_idx": 0},
        ),
    )
    samples = (
        sample(normal(5, 3), integers(0, 5, 7)),
        sample(normal(5, 3), integers(0, 5, 2, 4)),
        sample(normal(5, 3), np.array(4)),
        sample(normal(5), integers(0, 5, 3)),
        sample(normal(4, 2, 2), integers(0, 4, 3)),
        sample(normal(5, 3), np.zeros((0, 2), np.int64)),
    )


@op
class rows_of:
    """The table-shaped sum of x's vectors, each in the row that ``index`` names: the transpose of ``embedding``.

    Shapes: x: index.shape + (D,), index: any shape of ints -> shape = (V, D). On arrays the result is a
    `RowSparse`, which holds x itself and no zeros; on Tensors it is dense. ``padding_idx`` is left out of the sum.
    """

    def forward(x, index, *, shape, padding_idx=None):
        rows = np.ravel(index)
        values = np.reshape(x, (rows.size, *shape[1:]))
        if padding_idx is not None:
            real = rows != padding_idx
            rows, values = rows[real], values[real]
        return RowSparse(rows, values, shape)

    def vjp_x(g, out, x, index, *, shape, padding_idx):
        return words_only(embedding(g, index), index, padding_idx)

    derivation = Derivation(
        statement=r"S_i = \textstyle\sum_{k:\, i_k = i} x_k",
        steps=(r"dS_{i_k} = dx_k + \dots", r"\bar x_k = \bar S_{i_k}"),
        source="transpose of embedding",
        shapes="x: K + (D,), index: K ints -> (V, D)",
    )
    conventions = smooth
    samples = (
        sample(normal(4, 3), integers(0, 5, 4), shape=(5, 3)),
        sample(normal(2, 2, 3), integers(0, 5, 2, 2), shape=(5, 3)),
        sample(normal(4, 3), np.array([1, 0, 2, 0]), shape=(3, 3), padding_idx=0),
        sample(normal(3), np.array(1), shape=(2, 3)),
    )


def words_only(vectors, index, padding_idx):
    """``vectors`` (index.shape + (D,)) with 0 where ``index`` is ``padding_idx``.

    Written as reading the others and putting them back: a product with a mask would make NaN of an infinite padding.
    """
    if padding_idx is None:
        return vectors
    words = constant(index) != padding_idx
    return put_back(vectors[words], index=words, shape=vectors.shape)


@op
class one_hot:
    """For each id a vector of zeros with a 1 at the id's place.

    Shapes: index: any shape K of ints -> K + (num_classes,). ``num_classes`` defaults to the largest id + 1.
    float32 unless ``dtype`` says otherwise: 0 and 1 are exact in every dtype, and a product takes the other's.
    No gradient: an id cannot change by a little. Raises IndexRangeError, DTypeError as ``embedding`` does.
    """

    def forward(index, *, num_classes=None, dtype=np.float32):
        index = np.asarray(index)
        if num_classes is None:
            num_classes = int(index.max()) + 1 if index.size else 0
        refuse_bad_ids("one_hot", index, num_classes, "there are {} classes")
        out = np.zeros((*index.shape, num_classes), dtype)
        if index.size:
            np.put_along_axis(out, index[..., None], 1, axis=-1)
        return out

    derivation = Derivation(
        statement=r"s_{ki} = 1 \text{ if } i_k = i \text{ else } 0",
        steps=(),
        source="000, 001 (a): y, the true empirical distribution",
        shapes="index: K ints -> K + (num_classes,)",
    )
    conventions = smooth
    samples = (
        sample(integers(0, 4, 5), num_classes=4),
        sample(integers(0, 4, 2, 3), num_classes=6),
        sample(np.array(2)),
        sample(np.zeros((0,), np.int64), num_classes=3),
    )


def refuse_bad_ids(name, index, count, holds):
    """Raise for ids that are no ints or not among 0 … count - 1; ``holds`` says with {} what there are ``count`` of."""
    if index.dtype.kind not in "iu":
        raise DTypeError(
            explain(
                name,
                got=f"index {index.shape} {index.dtype}",
                expected="ids of an integer dtype",
                write="index.astype(np.int64)" if index.dtype.kind == "f" else "np.flatnonzero(mask) for a mask",
            )
        )
    _refuse_outside(name, index, 0, count, holds.format(count))


def _refuse_outside(name, index, low, high, holds):
    """Raise IndexRangeError, naming the first offender, unless low <= index < high everywhere."""
    if not index.size or (index.min() >= low and index.max() < high):
        return
    position = tuple(int(i) for i in np.argwhere((index < low) | (index >= high))[0])
    raise IndexRangeError(
        explain(
            name,
            got=f"index {index[position]} at position {position}, {holds}",
            expected=f"ids from {low} to {high - 1}" if high > low else "no ids, for there is nothing to read",
        )
    )


# ---- windows ------------------------------------------------------------------------------------------------


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
