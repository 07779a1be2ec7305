"""What a plot draws between its axes: lines with their marks, points, arrows, ways with start, direction and end."""

from __future__ import annotations

import math

import numpy as np

from ..card import fixed
from . import geometry
from .style import COLOURS, line, marker, paint

THICK, THIN = 3.2, 1.7
MUCH_INK = 7000
"""Pixels of a way that would be a blot if it were thick."""


def drawn(frame) -> list[str]:
    """All series: pale and grey lines first, then lines, then marks."""
    numbers, number = {}, -1
    for series in frame.plot.series:
        number += series.kind != "faint"
        numbers[id(series)] = number
    under, over, marks = [], [], []
    ink = {id(s): _ink(frame, s) if s.kind in ("path", "arrow") else 0 for s in frame.plot.series}
    order = sorted(frame.plot.series, key=lambda s: -ink[id(s)])  # long ways first: they cover the most
    for rank, series in enumerate(order):
        thickness = THICK if ink[id(series)] < MUCH_INK else THIN
        # Two ways that are one show as a line and its rim.
        thickness += 3.4 * sum(ink[id(later)] > 0.97 * ink[id(series)] > 0 for later in order[rank + 1 :])
        number, runs = numbers[id(series)], frame.runs(series.x, series.y)
        points = [point for run in runs for point in run]
        if series.kind == "faint":
            under += _pieces(frame, runs, "contour", 1.4)
        elif series.kind == "points":
            marks += _points(frame, series, number)
        elif series.kind == "arrow":
            over += _pieces(frame, [_shorter(run, 9) for run in runs], number, thickness)
            marks += [arrow_head(*run[-2:], number % COLOURS) for run in runs if len(run) > 1]
        elif series.kind == "path":
            over += _pieces(frame, runs, number, thickness)
            marks += _way(frame, points, number)
        else:
            if series.raw is not None:
                under += _pieces(frame, frame.runs(series.x, series.raw), number, 1.2, opacity=0.32)
            over += _pieces(frame, runs, number, THICK)
            marks += _along(frame, points, number)
    return under + over + marks


def _ink(frame, series):
    pieces = [p for run in frame.runs(series.x, series.y) for p in geometry.clipped(run, frame.box)]
    return round(sum(math.dist(a, b) for piece in pieces for a, b in zip(piece, piece[1:])))


def _pieces(frame, runs, colour, thickness, opacity=None):
    colour = colour % COLOURS if isinstance(colour, int) else colour
    return [
        line(piece, colour, thickness, opacity)
        for run in runs
        for piece in geometry.clipped(geometry.thinned(run), frame.box)
    ]


def _points(frame, series, number):
    said = {(float(name.x), float(name.y)): name.said for name in frame.plot.names}
    places = [(float(x), float(y)) for x, y in zip(series.x, series.y) if frame.plot.usable(float(x), float(y))]
    return [marker(number, *frame.at(*p), title=said.get(p, "")) for p in places if frame.holds(frame.at(*p), 1)]


def _along(frame, points, number):
    """The marks of a curve: a few, evenly along it, those of several curves at different places."""
    points, count = [p for p in points if frame.holds(p)], len(frame.plot.named)
    if not points or count < 2:
        return []
    if len(points) <= 8:
        return [marker(number, u, v, 5.5) for u, v in points]
    left, wide = frame.box[0], frame.box[2] - frame.box[0]
    xs, chosen = np.array([p[0] for p in points]), set()
    for place in left + wide * (np.arange(6) + 0.35 + 0.6 * number / count) / 6.6:
        nearest = int(np.abs(xs - place).argmin())
        if abs(xs[nearest] - place) < wide / 14:
            chosen.add(nearest)
    return [marker(number, *points[i], 5.5) for i in sorted(chosen)]


def _way(frame, points, number):
    """Where a path begins (a ring), steps (dots, if they can be told apart), heads (arrows) and ends (its mark)."""
    if not points:
        return []
    out = []
    lengths = [math.dist(a, b) for a, b in zip(points, points[1:])]
    if len(points) <= 80:
        steps = [p for p, long in zip(points[1:-1], lengths) if long > 7 and frame.holds(p)]
        out += [f'<circle cx="{fixed(u)}" cy="{fixed(v)}" r="3.4" {paint(number % COLOURS)}/>' for u, v in steps]
    gone, due = 0.0, 0.18
    for a, b, long in zip(points, points[1:], lengths):
        gone += long / (sum(lengths) or 1)
        if gone >= due and long > 16 and frame.holds(a) and frame.holds(b):
            out.append(arrow_head(a, ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2), number % COLOURS, 14))
            due = gone + 0.3
    u, v = points[0]
    out.append(f'<circle cx="{fixed(u)}" cy="{fixed(v)}" r="8" {paint("paper", "ink")} stroke-width="2.5"/>')
    return [*out, marker(number, *points[-1], 8)] if frame.holds(points[-1]) else out


def links(frame) -> list[str]:
    """Thin lines between places, from dot to dot and not through them."""
    out = []
    for x0, y0, x1, y1 in frame.plot.links:
        a, b = np.array(frame.at(x0, y0)), np.array(frame.at(x1, y1))
        long = float(np.hypot(*(b - a)))
        if long >= 20:
            a, b = a + (b - a) * 9 / long, b - (b - a) * 9 / long
            out.append(line([tuple(a), tuple(b)], 0, 2.2, opacity=0.55))
            if frame.plot.arrows:
                out.append(arrow_head(a, b, 0, 12))
    return out


def arrow_head(tail, tip, colour, size=15) -> str:
    """A filled triangle that ends at ``tip``."""
    angle = math.atan2(tip[1] - tail[1], tip[0] - tail[0])
    corners = [tip] + [(tip[0] - size * math.cos(angle + t), tip[1] - size * math.sin(angle + t)) for t in (0.4, -0.4)]
    points = " ".join(f"{fixed(u)},{fixed(v)}" for u, v in corners)
    return f'<polygon points="{points}" {paint(colour)}/>'


def _shorter(run, by):
    """A line that ends ``by`` earlier: under the head of its arrow."""
    if len(run) < 2 or math.dist(run[-2], run[-1]) <= by:
        return run
    share = 1 - by / math.dist(run[-2], run[-1])
    return [*run[:-1], tuple(a + share * (b - a) for a, b in zip(run[-2], run[-1]))]
