"""Words in a plot: names beside dots, numbers on contour lines, none over another."""

from __future__ import annotations

import numpy as np

from ..card import fixed
from ..text import number, shorten, xml
from . import geometry, labels
from .style import LABEL, line, marker, paint, room, text


def contour_lines(frame) -> tuple[list[str], list[str], list]:
    """(lines, the numbers on them, the boxes these cover)."""
    lines, names, taken = [], [], []
    drawn = labels.Grid(_covered(frame)) if frame.plot.contours else None
    left, top, right, bottom = frame.box
    for level, parts in frame.plot.contours:
        spots = []
        for part in parts:
            for piece in geometry.clipped([frame.at(x, y) for x, y in part], frame.box):
                lines.append(line(piece, "contour", 1.4))
                spots += piece[:: max(1, len(piece) // 12)]
        said = number(level)
        half = room(said, 16) / 2 + 3
        for u, v in sorted(spots, key=lambda p: (-p[1], -p[0])):  # low in the picture, where it is mostly empty
            spot = (u - half, v - 10, u + half, v + 10)
            inside = spot[0] > left and spot[2] < right and spot[1] > top and spot[3] < bottom
            if inside and not drawn.meets(spot):
                drawn.add(spot)
                taken.append(spot)
                names.append(text(u, v + 6, said, 16, fill="muted", anchor="middle", halo=True))
                break
    return lines, names, taken


def _covered(frame):
    """Small boxes along everything that is drawn."""
    for series in frame.plot.named:
        for run in frame.runs(series.x, series.y):
            for piece in geometry.clipped(run, frame.box):
                yield from _boxes_along(piece, 12, 2)


def _boxes_along(points, step, half):
    for a, b in zip(np.array(points[:-1]), np.array(points[1:])):
        for u, v in np.linspace(a, b, 2 + int(np.abs(b - a).max() // step)):
            yield (u - half, v - half, u + half, v + half)


def names(frame, taken, right) -> list[str]:
    """The dots and names of a plot, names within ``right``; a thin line leads to a dot that is further away."""
    plot = frame.plot
    if not plot.names:
        return []
    order = sorted(plot.names, key=lambda name: not name.strong)
    wanted = []
    for name in order:
        size = LABEL if name.strong or len(order) <= 24 else 16
        wanted.append((*frame.at(name.x, name.y), shorten(name.said, 30), size, name.strong))
    left, top, inner, bottom = frame.box
    within = (left + 2, top + 2, (inner if plot.x.bare else right) - 2, bottom - 2)
    if len(plot.links) <= 12:  # names keep off lines while lines are few
        for x0, y0, x1, y1 in plot.links:
            taken = [*taken, *list(_boxes_along([frame.at(x0, y0), frame.at(x1, y1)], 8, 3))[2:-2]]
    leads, said = [], []
    for i, spot in labels.place(wanted, within, taken=taken).items():
        x, y, word, size, strong = wanted[i]
        said.append(text(*spot.baseline(size), word, size, weight=700 if strong else None, halo=True))
        if spot.led:
            to = (min(max(x, spot.box[0]), spot.box[2]), min(max(y, spot.box[1] + 4), spot.box[3] - 4))
            leads.append(line([(x, y), to], "muted", 1.2, opacity=0.8))
    return [*leads, *(_dot(frame, name) for name in plot.names if name.dot is not None), *said]


def _dot(frame, name):
    u, v = frame.at(name.x, name.y)
    if name.dot >= 0:
        return marker(name.dot, u, v, title=name.said)
    dot = f'<circle cx="{fixed(u)}" cy="{fixed(v)}" r="4.2" {paint("muted", "paper")}>'
    return f"{dot}<title>{xml(name.said)}</title></circle>"
