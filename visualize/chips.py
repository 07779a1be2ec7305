"""What an edge carried, on the edge: a number, or the cells and the norm of an array, in a small frame.

The frames are placed after the wires: each on its own wire, where it covers no card, no label and no other frame.
"""

from __future__ import annotations

from dataclasses import replace

from .card import BACKWARD, MUTED, PAPER, Column, fixed, has_figures, words
from .layout import Box
from .text import number, width

SIZE, PAD, GAP = 12, 3, 6
SENT = "#a84300"  # darker than the lines, to be read on white
AWAY = 9  # from the middle of a pair of wires
BESIDE = 7  # how far the two of a pair, and their arrows, reach from the middle
MOST_ROWS = 6  # of cells; a taller chip would push the ranks apart
SAMPLES = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9)
"""Where along its last bend a chip may sit, best first."""


class Chip:
    """How large the mark of one edge is, and its SVG. ``cells``: show an array's cells, in the colours of ``scale``."""

    def __init__(self, part, cells, scale):
        self.column = None
        self.text = in_words(part)
        if cells and not part.scalar and len(part.cells) <= MOST_ROWS:
            figures = has_figures(part) and (len(part.cells) == 1 or len(part.cells) <= 3 >= len(part.cells[0]))
            self.column = Column("", replace(part, largest=scale or part.largest), small=not figures)
            if self.column.figures is None:
                self.column.cell = (10, 10)
            else:  # the numbers themselves: no need of their norm
                self.text = ""
        self.width, self.height = width(self.text, SIZE) if self.text else -GAP, 13.0
        if self.column is not None:
            across, down = (n * len(c) for n, c in zip(self.column.cell, (part.cells[0], part.cells)))
            self.width, self.height = self.width + across + GAP, max(self.height, down)
        self.width, self.height = self.width + 2 * PAD, self.height + 4

    def draw(self, left, top, ground=PAPER) -> list[str]:
        out = [
            f'<g class="sent"><title>sent back</title><rect x="{fixed(left)}" y="{fixed(top)}" '
            f'width="{fixed(self.width)}" height="{fixed(self.height)}" rx="4" fill="{ground}" fill-opacity="0.85"/>'
        ]
        left, y = left + PAD, top + self.height / 2
        if self.column is not None:
            w, h = self.column.cell
            rows = self.column.map.cells
            out += self.column.cells(left, y - h * len(rows) / 2)
            left += w * len(rows[0]) + GAP
        if self.text:
            out.append(words(left, y + 4.3, self.text, SIZE, SENT))
        return [*out, "</g>"]


def in_words(part) -> str:
    """What an edge carried: a number, or the norm of an array."""
    return number(part.cells[0][0], 4) if part.scalar else "0" if part.zero else f"norm {number(part.norm)}"


def scales_of(graph) -> dict[str, float]:
    """{key: end of the scale of colours} for what is sent to a node: that of its gradient, so that sums can be seen."""
    scales = {}
    for edge in graph.edges:
        if edge.part is not None:
            gradient = graph.nodes[edge.tail].gradient
            largest = max(edge.part.largest, gradient.largest if gradient is not None else 0.0)
            scales[edge.tail] = max(scales.get(edge.tail, 0.0), largest)
    return scales


def chips_of(graph) -> dict[int, Chip]:
    """{position of an edge: its chip}."""
    scales, several = scales_of(graph), graph.contributions()
    return {
        i: Chip(edge.part, several[edge.tail] > 1, scales[edge.tail])
        for i, edge in enumerate(graph.edges)
        if edge.part is not None
    }


def placed(chips, layout, taken=()) -> list[tuple[Chip, float, float]]:
    """[(chip, left, top)]; ``taken`` are boxes, besides the cards, that should stay in sight."""
    cards, kept, out = list(layout.boxes.values()), list(taken), []
    bends = [
        (Box(min(a[0], b[0]) - 1, a[1], abs(a[0] - b[0]) + 2, b[1] - a[1]), _along(a, b))
        for wire in layout.wires
        for a, b in zip(wire.points, wire.points[1:])
    ]
    for wire in layout.wires:
        chip = chips.get(wire.edges[0]) if wire.ends else None
        if chip is None:
            continue
        best = None
        for rank, (x, y) in enumerate(_corners(wire, chip)):
            box = Box(x, y, chip.width, chip.height)
            cost = rank + 900 * sum(_overlap(box, card) for card in cards) + 300 * sum(_overlap(box, o) for o in kept)
            if best is None or cost < best[0]:
                wide = Box(x - BESIDE, y, chip.width + 2 * BESIDE, chip.height)
                near = [places for around, places in bends if _overlap(wide, around)]
                cost += 20 * sum(any(_within(wide, place) for place in places) for places in near)
            if best is None or cost < best[0]:
                best = cost, box
        kept.append(best[1])
        out.append((chip, best[1].x, best[1].y))
    return out


def _corners(wire, chip):
    """Upper left corners for a chip beside the part of a wire that belongs to the edge it ends with, best first.

    Where the wire bends to the right its upper right is free, where it bends to the left its lower right.
    """
    points = [wire.points[0]]
    for before, here, after in zip(wire.points, wire.points[1:], wire.points[2:]):
        if not before[0] == here[0] == after[0]:
            points.append(here)
    points.append(wire.points[-1])
    pairs = [(a, b) for a, b in zip(points, points[1:]) if b[1] - a[1] > 1][::-1]
    for i, (a, b) in enumerate(pairs):
        if i and len(wire.edges) > 1:  # above, it is the trunk of others too
            return
        if i and abs(a[1] - b[1]) < chip.height:
            continue
        for share in SAMPLES if i < 3 else SAMPLES[:1]:
            x, y = _on_bend(a, b, share)
            slope = max(-1.0, min(1.0, (b[0] - a[0]) / 40))
            flat = min(7.0, max(0.0, 6 * (abs(b[0] - a[0]) / (b[1] - a[1]) - 1)))  # of a flat bend two lines are above
            lift = -slope * (chip.height / 2 + 2 + flat)
            yield x + AWAY + (0 if abs(slope) < 1 else -4), y - chip.height / 2 + lift
            yield x - AWAY - chip.width, y - chip.height / 2 - lift


def _along(a, b):
    steps = max(2, int((abs(a[0] - b[0]) + abs(a[1] - b[1])) / 9))
    return [_on_bend(a, b, i / steps) for i in range(steps + 1)]


def _on_bend(a, b, share):
    """A point of the S from a to b, whose ends are upright."""
    (x0, y0), (x1, y1) = a, b
    rest, middle = 1 - share, (y0 + y1) / 2
    early, late = rest**3 + 3 * share * rest**2, 3 * share**2 * rest + share**3
    return early * x0 + late * x1, rest**3 * y0 + (early - rest**3 + late - share**3) * middle + share**3 * y1


def _overlap(a, b) -> bool:
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def _within(box, place) -> bool:
    return box.x < place[0] < box.x + box.width and box.y < place[1] < box.y + box.height


def plus(x, y) -> list[str]:
    """⊕ where contributions are added, on a card's lower border."""
    return [
        f'<circle cx="{fixed(x)}" cy="{fixed(y)}" r="8" fill="{PAPER}" stroke="{BACKWARD}" stroke-width="1.8"/>',
        f'<path d="M{fixed(x - 4.5)} {fixed(y)}h9M{fixed(x)} {fixed(y - 4.5)}v9" stroke="{BACKWARD}" '
        f'stroke-width="1.8"/>',
    ]


def legend_item():
    """(width, function that draws it) for the legend: a sample of a chip, and what it says."""
    label = "what a rule sent back; ⊕ added up"

    def draw(x, y):
        return [words(x, y + 1, "0.4", SIZE, SENT), words(x + 26, y + 1, label, 12, MUTED)]

    return 26 + width(label, 12) + 20, draw
