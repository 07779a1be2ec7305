"""A heat map: a row for each name, a column for each step, the darker the more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..card import fixed
from ..text import clean, number, shorten
from .chart import Plot
from .layout import WIDTH
from .page import table_html
from .scales import SUPERSCRIPT, Axis, tick_text, ticks
from .style import LABEL, NAME_LETTERS, STEPS, TICK, fitted, line, paint, room, text

MOST_COLUMNS = 60


@dataclass(init=False, repr=False, eq=False)
class Heat(Plot):
    """Names, steps and (names, steps) ``values``; NaN is hatched, and so is what a log scale has no place for."""

    rows: Sequence[str] = ()

    def __init__(self, title, rows, steps, values, x_label, label, log, note=""):
        values = np.array(values, np.float64)
        super().__init__(title, Axis(x_label), Axis(label, log), note=note)
        self.rows, self.steps, self.values = [clean(r) for r in rows], np.array(steps, np.float64), values
        self.height = 150 + 34 * max(1, len(self.rows)) + (26 if note else 0)

    def __repr__(self):
        return f"<heat map {clean(self.title)!r} of {len(self.rows)} rows>"

    def description(self) -> str:
        parts = [f"{self.y.label} of {len(self.rows)} rows over {self.x.label}"]
        for name, row in zip(self.rows, self.values):
            fine = row[np.isfinite(row)]
            if fine.size:
                parts.append(f"{name}: from {number(fine[0])} to {number(fine[-1])}")
        return "; ".join(parts)

    def table(self, most=8) -> str:
        places = sorted({round(i * (len(self.steps) - 1) / (most - 1)) for i in range(most)}) if len(self.steps) else []
        head = ("", *(f"{self.x.label} {self.steps[i]:g}" for i in places))
        return table_html(head, [(n, *(number(row[i], 4) for i in places)) for n, row in zip(self.rows, self.values)])

    def _body(self, top):
        names = [shorten(n, NAME_LETTERS) for n in self.rows]
        long = min(270.0, max((room(n, TICK) for n in names), default=0))
        left = 16 + long + 12
        right, top = WIDTH - 24, top + 34
        bottom = top + 34 * max(1, len(names))
        blocks = (
            np.array_split(np.arange(len(self.steps)), min(len(self.steps), MOST_COLUMNS)) if len(self.steps) else []
        )
        cells = np.array([[_mean(row[b]) for b in blocks] for row in self.values]).reshape(len(names), len(blocks))
        with np.errstate(divide="ignore", invalid="ignore"):
            shown = np.log10(cells) if self.y.log else cells
        fine = shown[np.isfinite(shown)]
        low, high = (float(fine.min()), float(fine.max())) if fine.size else (0.0, 1.0)
        high = high if high > low else low + 1
        body = self._scale(low, high, right, top)
        body.append(text(16, top - 14, fitted(self.y.label, right - 400, LABEL), LABEL))
        wide = (right - left) / max(1, len(blocks))
        for i, name in enumerate(names):
            body.append(text(left - 12, top + 34 * i + 23, fitted(name, long, TICK), TICK, anchor="end"))
            for j, value in enumerate(shown[i]):
                x, y = left + j * wide, top + 34 * i
                if np.isfinite(value):
                    level = min(STEPS - 1, int((value - low) / (high - low) * STEPS))
                    place = f'x="{fixed(x)}" y="{fixed(y + 1)}" width="{fixed(wide + 0.4)}" height="32"'
                    body.append(f'<rect {place} shape-rendering="crispEdges" {paint(f"h{level}")}/>')
                else:
                    body.append(line([(x, y + 33), (x + wide, y + 1)], "muted", 1))
        if len(self.steps):
            first, last = float(self.steps[0]), float(self.steps[-1])
            for value in ticks(first, last, 7):
                u = left + (right - left) * ((value - first) / (last - first) if last > first else 0.5)
                body.append(text(u, bottom + 24, tick_text(value), TICK, fill="muted", anchor="middle"))
        body.append(text((left + right) / 2, bottom + 52, fitted(self.x.label, 500, LABEL), LABEL, anchor="middle"))
        height = bottom + 66 + (26 if self.note else 0)
        if self.note:
            body.append(text(16, height - 12, fitted(self.note, WIDTH - 32, 16), 16, fill="muted"))
        return body, height

    def _scale(self, low, high, right, top):
        said = [_rounded(10.0**v) if self.y.log else tick_text(float(f"{v:.3g}")) for v in (low, high)]
        x = right - room(said[1], TICK) - 10 - 20 * STEPS
        out = [text(x - 10, top - 14, said[0], TICK, fill="muted", anchor="end")]
        out += [
            f'<rect x="{fixed(x + 20 * i)}" y="{fixed(top - 28)}" width="20" height="16" {paint(f"h{i}")}/>'
            for i in range(STEPS)
        ]
        return [*out, text(x + 20 * STEPS + 10, top - 14, said[1], TICK, fill="muted")]


def _rounded(value):
    """Two digits of a positive number, as axes write them.

    >>> _rounded(2.63e-6), _rounded(1.44)
    ('2.6·10⁻⁶', '1.4')
    """
    if 1e-3 <= value < 1e5:
        return tick_text(float(f"{value:.2g}"))
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}·10{str(int(exponent)).translate(SUPERSCRIPT)}"


def _mean(values):
    fine = values[np.isfinite(values)]
    return float(fine.mean()) if fine.size else float("nan")
