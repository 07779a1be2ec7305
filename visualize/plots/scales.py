"""Axes: which numbers to write beside them, and where a value lies."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers from ``low`` to ``high``: steps of 1, 2 or 5 times a power of ten.

    >>> ticks(0.13, 1.02)
    [0.2, 0.4, 0.6, 0.8, 1.0]
    """
    span = high - low
    if not (span > 0 and math.isfinite(span)):
        return [low]
    rough = span / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * min((1, 2, 5, 10), key=lambda m: abs(m * power - rough))
    first = math.ceil(low / step - 1e-9)
    digits = max(0, 2 - math.floor(math.log10(step)))
    return [round((first + i) * step, digits) + 0.0 for i in range(int((high - first * step) / step + 1e-9) + 1)]


def log_ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Powers of ten from ``low`` to ``high``, thinned out where there are many, with 2 and 5 where there are few.

    >>> log_ticks(0.02, 300)
    [0.1, 1.0, 10.0, 100.0]
    """
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    powers = [10.0**k for k in range(first, last + 1, max(1, math.ceil((last - first + 1) / count)))]
    if len(powers) >= 3:
        return powers
    finer = [m * 10.0**k for k in range(first - 1, last + 1) for m in (1, 2, 5)]
    finer = [round(t, 12) if t > 1e-6 else t for t in finer if low * (1 - 1e-9) <= t <= high * (1 + 1e-9)]
    return finer if len(finer) >= 2 else [t for t in ticks(low, high) if t > 0]


def tick_text(value: float, log: bool = False, share: bool = False) -> str:
    """A number beside an axis.

    >>> tick_text(-0.5), tick_text(20000), tick_text(1e-7, log=True), tick_text(0.25, share=True)
    ('−0.5', '20,000', '10⁻⁷', '25%')
    """
    if share:
        return f"{value:.0%}"
    size = abs(value)
    if log and (size < 0.9e-3 or size > 1.1e4):
        return _power(size)
    if size >= 1e6 or (0 < size < 1e-4):
        mantissa, exponent = f"{size:.3g}e0".split("e")[:2] if "e" not in f"{size:.3g}" else f"{size:.3g}".split("e")
        said = f"{mantissa}·10" + str(int(exponent)).translate(SUPERSCRIPT) if int(exponent) else mantissa
        return ("−" if value < 0 else "") + said
    said = f"{size:,.10g}" if size < 1e4 and size == int(size) else f"{size:,.6g}"
    if size >= 1e4:
        said = f"{round(size):,}"
    return ("−" if value < 0 else "") + said.replace(",", "" if size < 1e4 else ",")


def _power(value):
    exponent = math.floor(math.log10(value) + 1e-9)
    digit = round(value / 10.0**exponent)
    return ("" if digit == 1 else f"{digit}·") + "10" + str(exponent).translate(SUPERSCRIPT)


@dataclass(frozen=True)
class Axis:
    """One axis of a plot.

    label     what it measures, with the unit: "loss (nats per pair)"
    log       equal distances are equal factors; values that are not positive are left out
    low, high the ends; by default a little more than the data
    share     the values are parts of 1, written in per cent
    bare      without numbers: of principal components only distances mean anything
    """

    label: str = ""
    log: bool = False
    low: float | None = None
    high: float | None = None
    share: bool = False
    bare: bool = False

    def usable(self, value) -> bool:
        """Whether the axis has a place for ``value``."""
        return math.isfinite(value) and (value > 0 or not self.log)

    def ends(self, values: Iterable[float], space: float = 0.05) -> tuple[float, float]:
        """The lowest and highest place (of logarithms on a log axis), with ``space`` beyond the data."""
        values = [self._moved(v) for v in values if self.usable(v)] or [0.0, 1.0]
        low, high = min(values), max(values)
        margin = (high - low) * space or (0.5 if not self.log else 0.3) * max(1.0, abs(low) if not self.log else 1.0)
        low = low - margin if self.low is None else self._moved(self.low)
        high = high + margin if self.high is None else self._moved(self.high)
        return (max(low, -300.0), min(high, 300.0)) if self.log else (low, high)  # ten to these is still a number

    def _moved(self, value):
        return math.log10(value) if self.log else float(value)

    def ticks(self, low, high, count) -> list[tuple[float, str]]:
        """[(value, its text)] for ends as `ends` gives them."""
        if self.bare:
            return []
        if self.log:
            found = log_ticks(10.0 ** max(low, -300.0), 10.0 ** min(high, 300.0), count)
            powers = found[0] < 0.9e-3 or found[-1] > 1.1e4  # one way of writing for all of them
            return [(t, _power(t) if powers else tick_text(t, log=True)) for t in found]
        return [(t, tick_text(t, share=self.share)) for t in ticks(low, high, count)]


class Scale:
    """Where the values of an axis lie in pixels: ``low`` at ``start``, ``high`` at ``stop``."""

    def __init__(self, axis: Axis, low, high, start, stop):
        self.axis, self.low, self.start = axis, low, start
        self.factor = (stop - start) / (high - low)

    def __call__(self, value) -> float:
        return self.start + (self.axis._moved(value) - self.low) * self.factor
