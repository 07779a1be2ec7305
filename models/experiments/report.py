"""What an experiment answers with: numbers in tables and curves, a reading in words, findings about statements.

All of it is data. The command line lays it out; nothing here knows how it will be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tinygrad_nlp import Tensor


@dataclass(frozen=True)
class Table:
    """``rows`` of cells under ``head``; a cell is a string, a number or a bool."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence]

    def column(self, name: str) -> list:
        """The cells under ``name``, top to bottom."""
        place = list(self.head).index(name)
        return [row[place] for row in self.rows]


@dataclass(frozen=True)
class Series:
    """Points (x, y) under one name. ``kind``: "line" joins them, "points" does not; "arrow": from the first to the
    last; "path": a way through the plane.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    kind: str = "line"


@dataclass(frozen=True)
class Plot:
    """Curves over common axes.

    square  one scale for both axes
    labels  (x, y, text) set beside a place; ``links``: texts of labels to be joined, two by two
    field   the function (x, y) -> height whose contour lines lie behind, at ``levels``
    """

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    log_y: bool = False
    square: bool = False
    labels: Sequence[tuple[float, float, str]] = ()
    links: Sequence[tuple[str, str]] = ()
    field: Callable | None = None
    levels: Sequence[float] | None = None


@dataclass(frozen=True)
class Finding:
    """What was measured about statement ``row`` of the table in `statements`, and whether the statement holds.

    For a statement that the documents get wrong, ``holds`` is about its corrected form, and ``refuted`` says that the
    form as it is written was measured too and failed.
    """

    row: int
    measured: str
    holds: bool
    refuted: bool = False

    def __post_init__(self):
        object.__setattr__(self, "holds", bool(self.holds))
        object.__setattr__(self, "refuted", bool(self.refuted))


@dataclass(frozen=True)
class Report:
    """An experiment's outcome.

    reading   two or three sentences that follow from the numbers
    findings  one for every statement that the experiment is about
    """

    title: str
    tables: Sequence[Table]
    reading: str
    findings: Sequence[Finding]
    plots: Sequence[Plot] = ()

    def finding(self, row: int) -> Finding:
        """What was found about statement ``row``."""
        return next(f for f in self.findings if f.row == row)

    @property
    def holds(self) -> bool:
        """True if every finding does."""
        return all(f.holds for f in self.findings)


def gap(ours, theirs) -> float:
    """The largest difference between two arrays or Tensors; infinite if one holds a NaN or the shapes differ.

    Never NaN itself: ``max(0.0, nan)`` is 0.0 in Python, and a maximum over several gaps would lose the fault.
    """
    ours, theirs = (x.data if isinstance(x, Tensor) else np.asarray(x) for x in (ours, theirs))
    if ours.shape != theirs.shape:
        return float("inf")
    difference = float(np.abs(ours - theirs).max(initial=0.0))
    return float("inf") if np.isnan(difference) else difference


TINY = 1e-12
"""Two float64 computations of one number of size about 1 agree this far; a wrong formula does not."""
