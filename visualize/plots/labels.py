"""Names beside dots: each gets a place where it covers no other name and no dot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .style import room


@dataclass(frozen=True)
class Placed:
    """A name's place: its box (left, top, right, bottom), and whether a thin line must lead to its dot."""

    box: tuple[float, float, float, float]
    led: bool

    def baseline(self, size):
        return self.box[0], self.box[3] - size * 0.27


def place(names: Sequence[tuple[float, float, str, int, bool]], frame, radius=7.0, taken=()):
    """``names``: (x, y, name, font size, bold), the most important first -> {number: Placed} of those that found room.

    Tried in turn: right, left, above, below and the corners; then the same further away, with a line to the dot.
    All boxes keep within ``frame``; ``taken`` are boxes that are covered already. Where there is no room, a bold name
    may cover dots rather than go without.
    """
    dots = [(x - radius, y - radius, x + radius, y + radius) for x, y, *_ in names]
    grid = Grid([*dots, *taken])
    names_only = Grid(taken)
    found = {}
    for number, (x, y, name, size, bold) in enumerate(names):
        long, high = room(name, size, bold), size * 1.15
        chosen = _first_free(_places(x, y, long, high, radius), frame, grid)
        if chosen is None and bold:
            chosen = _first_free(_places(x, y, long, high, radius), frame, names_only)
        if chosen is not None:
            found[number] = chosen
            grid.add(chosen.box)
            names_only.add(chosen.box)
    return found


def _places(x, y, long, high, radius):
    for distance in (radius + 3, radius + 14, radius + 30, radius + 50):
        led = distance > radius + 3
        near, half = distance, high / 2
        yield Placed((x + near, y - half, x + near + long, y + half), led)
        yield Placed((x - near - long, y - half, x - near, y + half), led)
        above, below = distance - 2, distance - 3
        yield Placed((x - long / 2, y - above - high, x + long / 2, y - above), led)
        yield Placed((x - long / 2, y + below, x + long / 2, y + below + high), led)
        side = distance * 0.6
        for right, up in ((1, -1), (1, 1), (-1, -1), (-1, 1)):
            left = x + side if right > 0 else x - side - long
            top = y - side - high if up < 0 else y + side
            yield Placed((left, top, left + long, top + high), led)


def _first_free(options, frame, grid):
    for option in options:
        a = option.box
        inside = a[0] >= frame[0] and a[1] >= frame[1] and a[2] <= frame[2] and a[3] <= frame[3]
        if inside and not grid.meets(a):
            return option
    return None


class Grid:
    """Boxes by the squares they lie in, so that a thousand names do not compare with a thousand others."""

    SIDE = 40

    def __init__(self, boxes):
        self.squares = {}
        for box in boxes:
            self.add(box)

    def add(self, box):
        for square in self._squares(box):
            self.squares.setdefault(square, []).append(box)

    def meets(self, box):
        return any(_overlap(box, other) for square in self._squares(box) for other in self.squares.get(square, ()))

    def _squares(self, box):
        x0, y0, x1, y1 = (math.floor(c / self.SIDE) for c in box)
        return [(i, j) for i in range(x0, x1 + 1) for j in range(y0, y1 + 1)]


def _overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near to ``wanted`` as can be, in the same order, ``gap`` apart, from ``low`` to ``high``.

    Neighbours that would touch are moved as one, so that nobody goes further than needed. Where there is not room for
    all, they stand closer.

    >>> spread([10, 12, 50], 10, 0, 100)
    [6.0, 16.0, 50.0]
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    gap = min(gap, (high - low) / max(1, len(wanted) - 1)) if len(wanted) > 1 else gap
    groups: list[list] = []  # [members, sum of (wanted − offset)]
    for i in order:
        groups.append([[i], wanted[i]])
        while len(groups) > 1 and _start(groups[-2], gap, low, high) + len(groups[-2][0]) * gap > _start(
            groups[-1], gap, low, high
        ):
            members, total = groups.pop()
            before = groups[-1]
            total -= len(before[0]) * gap * len(members)
            groups[-1] = [before[0] + members, before[1] + total]
    found = [0.0] * len(wanted)
    for group in groups:
        start = _start(group, gap, low, high)
        for number, i in enumerate(group[0]):
            found[i] = start + number * gap
    return found


def _start(group, gap, low, high):
    members, total = group
    return min(max(total / len(members), low), high - (len(members) - 1) * gap)
