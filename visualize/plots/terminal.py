"""A curve for a terminal, in ASCII."""

from __future__ import annotations

import math
from collections.abc import Sequence


def text_curve(points: Sequence[tuple[float, float]], width: int = 60, height: int = 10) -> str:
    """(x, y) -> lines of text: each column the mean of its part of the points. What is not finite is left out."""
    finite = [y for _, y in points if math.isfinite(y)]
    if not finite:
        return "(no loss recorded)"
    width = min(width, len(finite))
    columns = []
    for i in range(width):
        part = finite[i * len(finite) // width : (i + 1) * len(finite) // width]
        columns.append(sum(part) / len(part))
    low, high = min(columns), max(columns)
    step = (high - low) / (height - 1) or 1.0
    rows = []
    for r in range(height):
        marks = "".join("*" if round((high - y) / step) == r else " " for y in columns)
        rows.append(f"{high - r * step:7.3f} |{marks}".rstrip())
        if high == low:
            break
    return "\n".join([*rows, " " * 8 + "+" + "-" * width])
