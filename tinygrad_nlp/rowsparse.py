"""Row-sparse gradients: of a table of which only some rows were read, only those rows have a gradient.

A lookup of B words in a table of V rows touches at most B of them. Writing the gradient as a dense (V, D) array
would cost V·D zeros a step; `RowSparse` keeps the rows and what each received, and optimizers use it as it is.
A row drawn several times counts each time (003 Eq 41 as corrected), which is what ``dense`` and ``merged`` sum.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .errors import IndexRangeError, explain


class RowSparse:
    """dJ/d(table) as a sum over k of ``values[k]`` placed in row ``rows[k]``.

    rows    (K,) integers, repeats allowed
    values  (K, …) what each receives; the trailing shape is that of a table row
    shape   of the table
    """

    __slots__ = ("rows", "values", "shape")
    __array_ufunc__ = None  # array * RowSparse asks RowSparse, not NumPy

    def __init__(self, rows, values, shape):
        self.rows, self.values, self.shape = rows, values, tuple(shape)

    dtype = property(lambda self: self.values.dtype)
    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: int(np.prod(self.shape)))

    def dense(self) -> np.ndarray:
        """The gradient as an array of the table's shape."""
        return add_rows(self.rows, self.values, self.shape[0])

    def merged(self) -> tuple[np.ndarray, np.ndarray]:
        """(distinct rows in ascending order, the sum each received)."""
        rows, position = distinct(self.rows, self.shape[0])
        return rows, add_rows(position.take(self.rows), self.values, len(rows))

    def plain(self) -> RowSparse:
        """This gradient with every contribution written out as a row of ``values``."""
        return self

    def __array__(self, dtype=None, copy=None):
        return self.dense().astype(dtype, copy=False) if dtype is not None else self.dense()

    def __add__(self, other):
        if isinstance(other, RowSparse):
            a, b = self.plain(), other.plain()
            return RowSparse(np.concatenate([a.rows, b.rows]), np.concatenate([a.values, b.values]), self.shape)
        return self.dense() + other

    __radd__ = __add__

    def __mul__(self, factor):
        if np.ndim(factor) == 0:
            return RowSparse(self.rows, self.values * factor, self.shape)
        return self.dense() * factor

    __rmul__ = __mul__

    def __neg__(self):
        return self * -1

    def __truediv__(self, divisor):
        return self * (1 / divisor) if np.ndim(divisor) == 0 else self.dense() / divisor

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return other - self.dense()

    def __repr__(self):
        return f"RowSparse(rows={np.unique(self.rows)}, shape={self.shape}, dtype={self.dtype})"


class OuterRows(RowSparse):
    """A `RowSparse` kept in factors: row ``index[b, k]`` receives ``coefficients[b, k] · vectors[b]``.

    The gradient of K scores per example, u_k · v: all K rows of an example are multiples of one vector, so the
    B·K rows are never written out. Summed as one sparse matrix product where SciPy is installed.
    """

    __slots__ = ("index", "coefficients", "vectors")

    def __init__(self, index, coefficients, vectors, shape):
        self.index, self.coefficients, self.vectors, self.shape = index, coefficients, vectors, tuple(shape)

    rows = property(lambda self: self.index.reshape(-1))
    dtype = property(lambda self: self.vectors.dtype)

    @property
    def values(self):
        every = self.coefficients[:, :, None] * self.vectors[:, None, :]
        return every.reshape(-1, self.vectors.shape[1])

    def plain(self):
        return RowSparse(self.rows, self.values, self.shape)

    def dense(self):
        return self._sum(self.index, self.shape[0])

    def merged(self):
        rows, position = distinct(self.rows, self.shape[0])
        return rows, self._sum(position.take(self.index), len(rows))

    def __mul__(self, factor):
        if np.ndim(factor) == 0:
            return OuterRows(self.index, self.coefficients * factor, self.vectors, self.shape)
        return self.dense() * factor

    __rmul__ = __mul__

    def _sum(self, index, count):
        examples, each = index.shape
        sparse = _csc_array()
        if sparse is None or not index.size:
            return add_rows(index.reshape(-1), self.values, count)
        starts = np.arange(0, examples * each + 1, each, dtype=np.int32)
        return (
            sparse((self.coefficients.reshape(-1), index.reshape(-1), starts), shape=(count, examples)) @ self.vectors
        )


def distinct(rows, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(the distinct ``rows``, ascending; for each id below ``count`` its position among them).

    A flag per id instead of a sort: five times faster than ``np.unique`` at vocabulary sizes.
    """
    seen = np.zeros(count, bool)
    seen[rows] = True
    present = np.flatnonzero(seen)
    position = np.empty(count, np.int32)
    position[present] = np.arange(len(present), dtype=np.int32)
    return present, position


def add_rows(rows, values, count: int) -> np.ndarray:
    """out: (count, …) with ``values[k]`` added to row ``rows[k]``, repeats summed in order.

    With SciPy, a product with the 0/1 matrix that has a 1 at (rows[k], k). With NumPy alone, ``np.add.at``:
    on rows it takes its slow path, so the index is made flat, and pairs of floats are viewed as one complex number
    to halve the additions. Both add in the order of k, so they agree to the bit.
    """
    width = int(np.prod(values.shape[1:]))
    if not all_below(rows, count):  # SciPy would write outside the array
        raise IndexRangeError(
            explain(
                "row-sparse gradient", got=f"rows {rows.min()} to {rows.max()}", expected=f"rows from 0 to {count - 1}"
            )
        )
    if not len(rows) or not width:
        return np.zeros((count, *values.shape[1:]), values.dtype)
    sparse = _csc_array() if values.dtype in (np.float32, np.float64) and len(rows) * width >= 4096 else None
    if sparse is not None:
        ones, ends = _unit_columns(len(rows), values.dtype)
        out = sparse((ones, rows, ends), shape=(count, len(rows))) @ values.reshape(len(rows), width)
        return out.reshape(count, *values.shape[1:])
    out = np.zeros((count, *values.shape[1:]), values.dtype)
    flat, source = out.reshape(-1), np.ascontiguousarray(values).reshape(-1)
    if width % 2 == 0 and values.dtype in (np.float32, np.float64):
        pair = np.complex64 if values.dtype == np.float32 else np.complex128
        flat, source, width = flat.view(pair), source.view(pair), width // 2
    np.add.at(flat, (np.asarray(rows, np.intp)[:, None] * width + np.arange(width)).reshape(-1), source)
    return out


def all_below(ids, count: int) -> bool:
    """True if 0 <= ids < ``count`` everywhere: ids of any integer dtype.

    One look at each id instead of two: read as unsigned, a negative one is larger than all others of its dtype.
    """
    if not ids.size:
        return True
    if ids.dtype.kind == "i":
        ids, count = ids.view(ids.dtype.str.replace("i", "u")), min(count, 1 << (8 * ids.itemsize - 1))
    return int(ids.max()) < count


@lru_cache(maxsize=1)
def _csc_array():
    """SciPy's sparse matrix class if SciPy is installed, looked for at the first large sum."""
    try:
        from scipy.sparse import csc_array
    except ImportError:
        return None
    return csc_array


@lru_cache(maxsize=32)
def _unit_columns(count, dtype):
    """The parts of a sparse matrix with a single 1 in each of ``count`` columns."""
    return np.ones(count, dtype), np.arange(count + 1, dtype=np.int32)
