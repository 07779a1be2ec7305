"""Bars: a few numbers side by side, each written at the end of its bar."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..card import fixed
from ..text import clean, number, shorten
from .chart import Plot
from .layout import WIDTH
from .page import table_html
from .scales import Axis, Scale, tick_text
from .style import LABEL, NAME_LETTERS, TICK, fitted, line, marker, paint, room, text

BAR, GAP = 28, 16


def bars(values: Mapping, title="", label="", *, share=False, low=None, high=None, note="") -> Bars:
    """Bars from 0, or from ``low``, which the picture then says.

    values  name -> number; or name -> {series: number}, the same series for each name
    label   what is measured, with its unit
    share   parts of 1, written in per cent

    >>> from tinygrad_nlp.visualize import plots
    >>> plots.bars({"UAS": 0.97, "LAS": 0.95}, "Parser", share=True)
    <bars 'Parser' of 2 names>
    """
    grouped = {
        clean(name): {str(k): float(v) for k, v in value.items()} if isinstance(value, Mapping) else {"": float(value)}
        for name, value in values.items()
    }
    return Bars(title, label, grouped, share, low, high, note)


@dataclass(init=False, repr=False, eq=False)
class Bars(Plot):
    """What `bars` returns."""

    def __init__(self, title, label, values, share, low, high, note):
        super().__init__(title, Axis(label, share=share, low=low, high=high), note=note)
        self.values = values
        self.kinds = list(dict.fromkeys(kind for value in values.values() for kind in value))

    def __repr__(self):
        return f"<bars {clean(self.title)!r} of {len(self.values)} names>"

    def _said(self, value):
        return f"{value:.2%}" if self.x.share and math.isfinite(value) else number(value, 4)

    def description(self) -> str:
        parts = [self.x.label] if self.x.label else []
        for name, value in self.values.items():
            parts.append(f"{name}: " + ", ".join(f"{clean(k)} {self._said(v)}".strip() for k, v in value.items()))
        return "; ".join(parts)

    def table(self) -> str:
        rows = [
            (name, *(self._said(value.get(k, math.nan)) for k in self.kinds)) for name, value in self.values.items()
        ]
        return table_html(("", *(k or self.x.label or "value" for k in self.kinds)), rows)

    def _body(self, top):
        shown = [v for value in self.values.values() for v in value.values() if math.isfinite(v)]
        low = self.x.low if self.x.low is not None else min(0.0, *shown, 0.0)
        high = self.x.high if self.x.high is not None else max(0.0, *shown, 0.0) or 1.0
        names = {name: shorten(name, NAME_LETTERS) for name in self.values}
        long = min(300.0, max((room(n, LABEL) for n in names.values()), default=0))
        left = 16 + long + 14
        right = WIDTH - 24 - max((room(self._said(v), LABEL, True) for v in shown), default=0)
        across = Scale(self.x, low, high if high > low else low + 1, left, right)
        body, y = [], top + 4
        if len(self.kinds) > 1:
            x = left
            for number_, kind in enumerate(self.kinds):
                item = room(shorten(kind, 24), LABEL) + 54
                if x > left and x + item > WIDTH - 16:
                    x, y = left, y + 28
                body += [marker(number_, x + 8, y + 12), text(x + 24, y + 19, shorten(kind, 24), LABEL)]
                x += item
            y += 38
        first = y
        for name, value in self.values.items():
            high_here = BAR * len(self.kinds)
            said = fitted(names[name], long, LABEL)
            body.append(text(left - 14, y + high_here / 2 + 7, said, LABEL, anchor="end"))
            for number_, kind in enumerate(self.kinds):
                amount = value.get(kind, math.nan)
                if math.isfinite(amount):
                    start, stop = sorted((across(min(max(0.0, low), high)), min(max(across(amount), left), right)))
                    body.append(
                        f'<rect x="{fixed(start)}" y="{fixed(y + 2)}" width="{fixed(max(1.5, stop - start))}" '
                        f'height="{BAR - 4}" {paint(number_ % 6)}/>'
                    )
                    if len(self.kinds) > 1:
                        body.append(marker(number_, stop - 1, y + BAR / 2, 5))
                body.append(text(min(max(across(amount), left), right) + 10 if math.isfinite(amount) else left + 8,
                                 y + BAR / 2 + 7, self._said(amount), LABEL, weight=650))  # fmt: skip
                y += BAR
            y += GAP
        zero = across(min(max(0.0, low), high))
        body.append(line([(zero, first - 4), (zero, y - GAP + 4)], "axis", 1.5))
        for value, said in self.x.ticks(low, high, 5) if self.x.label else ():
            body.append(text(across(value), y + 14, said, TICK, fill="muted", anchor="middle"))
        y += 24 if self.x.label else 0
        if self.x.label:
            more = f", from {tick_text(low, share=self.x.share)}" if low > 0 else ""
            said = fitted(self.x.label, right - left - room(more, LABEL), LABEL) + more
            body.append(text((left + right) / 2, y + 22, said, LABEL, anchor="middle"))
            y += 30
        if self.note:
            body.append(text(16, y + 18, fitted(self.note, WIDTH - 32, 16), 16, fill="muted"))
            y += 26
        return body, y + 8
