"""A plot laid out: its axes, what lies between them, and the names at its side."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..card import fixed
from ..text import clean, shorten
from . import labels, strokes, words
from .scales import Scale
from .style import LABEL, NAME_LETTERS, TICK, fitted, line, marker, paint, room, text

WIDTH = 960
ROW = 27
"""Between two names of the list at the side."""


@dataclass(frozen=True)
class Frame:
    """Where the values of a plot lie in the picture. ``box``: left, top, right, bottom of what its axes enclose."""

    plot: object
    across: Scale
    up: Scale
    box: tuple[float, float, float, float]

    def at(self, x, y) -> tuple[float, float]:
        return self.across(float(x)), self.up(float(y))

    def runs(self, xs, ys) -> list[list[tuple[float, float]]]:
        """A line in pixels, in pieces where a value has no place on the axes."""
        runs, run = [], []
        for x, y in zip(map(float, xs), map(float, ys)):
            if self.plot.usable(x, y):
                run.append((self.across(x), self.up(y)))
            elif run:
                runs.append(run)
                run = []
        return [*runs, run] if run else runs

    def holds(self, point, slack=0.0) -> bool:
        left, top, right, bottom = self.box
        return left - slack <= point[0] <= right + slack and top - slack <= point[1] <= bottom + slack


def picture(plot, top) -> list[str]:
    """Everything below ``top``, where the heading ends, in the order in which it is painted."""
    listed = [s.name for s in plot.named if clean(s.name)] if len(plot.named) > 1 or plot.contours else []
    side = 24
    if listed:
        side = 52 + min(300.0, max(room(shorten(name, NAME_LETTERS), LABEL) for name in listed))
    frame, x_ticks, y_ticks = laid_out(plot, top, WIDTH - side)
    lines, levels, taken = words.contour_lines(frame)
    body = [*axes(frame, x_ticks, y_ticks), *lines, *level_lines(frame), *strokes.drawn(frame), *levels]
    body += [*strokes.links(frame), *words.names(frame, taken, WIDTH - 6 if not listed else frame.box[2])]
    body += side_list(frame) if listed else []
    if plot.note:
        body.append(text(16, plot.height - 12, fitted(plot.note, WIDTH - 32, 16), 16, fill="muted"))
    return body


def laid_out(plot, top, right):
    """(Frame, ticks of x, ticks of y)."""
    every = []
    for series in plot.named:
        for ys in (series.y, series.raw):
            every += [(float(x), float(y)) for x, y in zip(series.x, ys if ys is not None else ())]
    every += [(float(name.x), float(name.y)) for name in plot.names]
    every = [point for point in every if plot.usable(*point)]
    x_low, x_high = plot.x.ends([p[0] for p in every], 0.02 if plot.is_curves else 0.1 if plot.x.bare else 0.06)
    y_low, y_high = plot.y.ends([*(p[1] for p in every), *(level for level, _ in plot.levels)])

    top += 34 if plot.y.label else 8
    bottom = plot.height - (30 if plot.x.label else 4) - (8 if plot.x.bare else 34) - (26 if plot.note else 0)
    y_ticks = plot.y.ticks(y_low, y_high, 6)
    left = 16 + max((room(said, TICK) for _, said in y_ticks), default=0) + (10 if y_ticks else 0)
    if plot.square and plot.x.log == plot.y.log:  # a factor and a difference have no common scale
        unit = min((right - left) / (x_high - x_low), (bottom - top) / (y_high - y_low))
        x_low, x_high = _widened(x_low, x_high, (right - left) / unit)
        y_low, y_high = _widened(y_low, y_high, (bottom - top) / unit)
        y_ticks = plot.y.ticks(y_low, y_high, 6)
    across, up = Scale(plot.x, x_low, x_high, left, right), Scale(plot.y, y_low, y_high, bottom, top)
    return Frame(plot, across, up, (left, top, right, bottom)), plot.x.ticks(x_low, x_high, 7), y_ticks


def _widened(low, high, span):
    middle = (low + high) / 2
    return middle - span / 2, middle + span / 2


def axes(frame, x_ticks, y_ticks) -> list[str]:
    """Lines, numbers and labels of both axes."""
    (left, top, right, bottom), plot = frame.box, frame.plot
    out = []
    for value, said in y_ticks:
        v = frame.up(value)
        out.append(f'<path d="M{fixed(left)} {fixed(v)}H{fixed(right)}" {paint(stroke="grid")} stroke-width="1.2"/>')
        out.append(text(left - 10, v + TICK * 0.36, said, TICK, fill="muted", anchor="end"))
    last = -math.inf
    for value, said in x_ticks:
        u, half = frame.across(value), room(said, TICK) / 2
        out.append(f'<path d="M{fixed(u)} {fixed(bottom)}v7" {paint(stroke="axis")} stroke-width="1.5"/>')
        if u - half > last + 12:  # a number that would touch the one before stays away
            out.append(text(u, bottom + 26, said, TICK, fill="muted", anchor="middle"))
            last = u + half
    rim = f"M{fixed(left)} {fixed(bottom)}H{fixed(right)}" if not plot.x.bare else ""
    if plot.x.bare and plot.y.bare:
        rim = f"M{fixed(left)} {fixed(top)}H{fixed(right)}V{fixed(bottom)}H{fixed(left)}z"
    out.append(f'<path d="{rim}" {paint(stroke="axis")} stroke-width="1.5"/>' if rim else "")
    if plot.x.label:
        below = bottom + (26 if plot.x.bare else 54)
        out.append(text((left + right) / 2, below, fitted(plot.x.label, right - left, LABEL), LABEL, anchor="middle"))
    if plot.y.label:  # upright above the axis: a label on its side is read by nobody
        scale = ", log scale" if plot.y.log else ""
        out.append(text(16, top - 14, fitted(plot.y.label + scale, WIDTH - 32, LABEL), LABEL))
    return out


def level_lines(frame) -> list[str]:
    """What the curves are to be compared with: dotted lines right across, and what they are."""
    (left, top, right, _), out = frame.box, []
    for level, said in frame.plot.levels:
        v = frame.up(level)
        out.append(line([(left, v), (right, v)], "muted", 2, dash="2 7"))
        baseline = v + 22 if v < top + 22 else v - 9
        said = fitted(said, right - left - 20, TICK)
        out.append(text(right - 6, baseline, said, TICK, fill="muted", anchor="end", halo=True))
    return out


def side_list(frame) -> list[str]:
    """The names at the right: of curves at the height of their ends, else from the top."""
    _, top, right, bottom = frame.box
    plot, wanted, out = frame.plot, [], []
    for number, series in enumerate(plot.named):
        runs = frame.runs(series.x, series.y) if plot.is_curves else ()
        wanted.append(min(max(runs[-1][-1][1], top), bottom) if runs else top + 16 + number * ROW)
    for number, (series, v) in enumerate(zip(plot.named, labels.spread(wanted, ROW, top + 8, bottom - 8))):
        if not clean(series.name):
            continue
        if series.kind != "points":
            out.append(line([(right + 10, v), (right + 38, v)], number % 6, 3.2))
        out.append(marker(number, right + 24, v))
        said = fitted(shorten(series.name, NAME_LETTERS), WIDTH - right - 48, LABEL)
        out.append(text(right + 45, v + LABEL * 0.36, said, LABEL))
    return out
