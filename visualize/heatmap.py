"""What is shown of an array: its number, its cells, or the means of blocks of its cells.

A `HeatMap` is taken when the picture is drawn and holds copies, so an optimizer step afterwards does not change it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

MOST_ROWS, MOST_COLUMNS, MOST_CELLS = 12, 24, 72

BLUE, ORANGE = (0x00, 0x72, 0xB2), (0xE0, 0x7B, 0x00)
"""The ends of the scale: negative and positive. Blue against orange stays apart in every kind of colour blindness."""


@dataclass(frozen=True)
class HeatMap:
    """Cells of an array, seen as a matrix: all but the last axis run down, the last axis runs right.

    cells     rows of numbers; one row for a vector, one cell for a scalar
    block     how many of the array's (rows, columns) one cell is the mean of, fewer at the ends; None for 1 by 1
    largest   the largest finite \\|value\\| in ``cells``: the end of the colour scale
    zero      every element of the array is exactly 0
    strange   how many elements of the array are NaN or infinite
    integral  integers, indices or booleans: labels rather than amounts, so they get no colour
    norm      the root of the sum of the array's squares
    span      of integers too many to be shown one by one, "0 … 51": a mean of indices would say nothing; else ""
    digest    equal for arrays that are equal to the bit, for `diff`
    """

    shape: tuple[int, ...]
    cells: tuple[tuple[float, ...], ...]
    block: tuple[int, int] | None
    largest: float
    zero: bool
    strange: int
    integral: bool
    norm: float = 0.0
    digest: bytes = b""
    span: str = ""

    @property
    def scalar(self) -> bool:
        """True if there is one number to show."""
        return self.shape == () or (self.block is None and len(self.cells) == 1 and len(self.cells[0]) == 1)

    def notes(self) -> list[str]:
        """What is to be said below the cells."""
        said = []
        if self.block:
            said.append("means of {} × {}".format(*self.block) if len(self.shape) > 1 else f"means of {self.block[1]}")
        if self.zero and not self.integral:
            said.append("exactly 0")
        if self.strange:
            said.append(f"{self.strange} not finite")
        return said


def heat_map(array) -> HeatMap | None:
    """The heat map of ``array``; None where there is nothing to show (no elements, or complex numbers)."""
    array = np.asarray(array)
    if array.size == 0 or array.dtype.kind not in "fiub":
        return None
    integral = array.dtype.kind != "f"
    matrix = array.reshape(-1, array.shape[-1] if array.ndim else 1)
    cells, block = _blocks(matrix, *_grid(*matrix.shape))
    finite = np.abs(cells[np.isfinite(cells)])
    return HeatMap(
        shape=tuple(array.shape),
        cells=tuple(tuple(float(v) for v in row) for row in cells),
        block=block,
        largest=float(finite.max()) if finite.size else 0.0,
        zero=not array.any(),
        strange=0 if integral else int(array.size - np.count_nonzero(np.isfinite(array))),
        integral=integral,
        norm=_norm(array),
        span=f"{int(array.min())} … {int(array.max())}" if integral and block else "",
        digest=hashlib.blake2b(np.ascontiguousarray(array), digest_size=16).digest(),
    )


def _norm(array):
    flat = array.reshape(-1).astype(np.float64, copy=False)
    with np.errstate(all="ignore"):
        return float(np.sqrt(flat @ flat))


def _grid(rows, columns):
    """(rows, columns) of the block that one cell stands for: (1, 1) if all fit, else larger, on both axes alike."""
    down, right = min(rows, MOST_ROWS), min(columns, MOST_COLUMNS)
    while down * right > MOST_CELLS:
        if down >= right:
            down -= 1
        else:
            right -= 1
    return -(-rows // down), -(-columns // right)


def _blocks(matrix, tall, wide):
    """The means of blocks of ``tall`` by ``wide`` (less at the ends), and that size; (the matrix, None) for 1 by 1."""
    rows, columns = matrix.shape
    if tall == wide == 1:
        return matrix.astype(np.float64), None
    row_starts, column_starts = np.arange(0, rows, tall), np.arange(0, columns, wide)
    with np.errstate(all="ignore"):  # inf - inf is a NaN that we show as one
        sums = np.add.reduceat(matrix, row_starts, axis=0, dtype=np.float64)
        sums = np.add.reduceat(sums, column_starts, axis=1)
        sizes = np.outer(np.diff([*row_starts, rows]), np.diff([*column_starts, columns]))
        return sums / sizes, (tall, wide)


def colour(value: float, largest: float) -> str:
    """The colour of ``value`` on a scale from -largest (blue) through 0 (white) to largest (orange), as #rrggbb."""
    share = min(abs(value) / largest, 1.0) if largest else 0.0
    # The power lifts small values off the white that only an exact 0 should have.
    share = share**0.75
    end = ORANGE if value > 0 else BLUE
    return "#" + "".join(f"{round(255 + (c - 255) * share):02x}" for c in end)


def is_dark(value: float, largest: float) -> bool:
    """True where a digit on this cell should be white. Orange is never that dark."""
    return value < 0 and bool(largest) and abs(value) / largest > 0.6
