"""Row-sparse gradients: of a table of which only some rows were read, only those rows have a gradient.

A lookup of B words in a table of V rows touches at most B of them. Writing the gradient as a dense (V, D) array
would cost V·D zeros a step; `RowSparse` keeps the rows and what each received, and optimizers use it as it is.
A row drawn several times counts each time (CLAIMS: 003 Eq 41 as corrected), which is what ``dense`` and ``merged`` sum.
"""

from __future__ import annotations

import numpy as np


class RowSparse:
    """dJ/d(table) as a sum over k of ``values[k]`` placed in row ``rows[k]``.

    rows    (K,) integers, repeats allowed
    values  (K, …) what each receives; the trailing shape is that of a table row
    shape   of the table
    """

    __slots__ = ("rows", "values", "shape")
    __array_ufunc__ = None  # so that array * RowSparse asks us, below

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

    def __array__(self, dtype=None, copy=None):
        return self.dense().astype(dtype, copy=False) if dtype is not None else self.dense()

    def __add__(self, other):
        if isinstance(other, RowSparse):
            return RowSparse(
                np.concatenate([self.rows, other.rows]), np.concatenate([self.values, other.values]), self.shape
            )
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
        return RowSparse(self.rows, self.values / divisor, self.shape) if np.ndim(divisor) == 0 else self.dense() / divisor

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return other - self.dense()

    def __repr__(self):
        return f"RowSparse(rows={np.unique(self.rows)}, shape={self.shape}, dtype={self.dtype})"


def distinct(rows, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(the distinct ``rows``, ascending; for each id below ``count`` its position among them).

    A flag per id instead of a sort: five times faster than ``np.unique`` at vocabulary sizes.
    """
    seen = np.zeros(count, bool)
    seen[rows] = True
    present = np.flatnonzero(seen)
    position = np.empty(count, np.intp)
    position[present] = np.arange(len(present))
    return present, position


def add_rows(rows, values, count: int) -> np.ndarray:
    """out: (count, …) with ``values[k]`` added to row ``rows[k]``, repeats summed.

    ``np.add.at`` on rows takes its slow path; on a flat index it takes the fast one, and viewing pairs of
    float32 as one complex64 halves the number of additions. Same sums, in the same order.
    """
    out = np.zeros((count, *values.shape[1:]), values.dtype)
    width = int(np.prod(values.shape[1:]))
    if not len(rows) or not width:
        return out
    flat, source = out.reshape(-1), np.ascontiguousarray(values).reshape(-1)
    if width % 2 == 0 and values.dtype in (np.float32, np.float64):
        pair = np.complex64 if values.dtype == np.float32 else np.complex128
        flat, source, width = flat.view(pair), source.view(pair), width // 2
    np.add.at(flat, (np.asarray(rows)[:, None] * width + np.arange(width)).reshape(-1), source)
    return out
