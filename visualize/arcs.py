"""The arcs of a dependency tree: their heights, their feet, how far apart the words must be, and their lines.

Everything has a place that follows from the tree, so nothing is tried out and the same tree gives the same bytes:

- **Height.** An arc lies one step above all arcs it spans. Arcs of one height then span different words.
- **Feet.** Every end of an arc has a foot of its own at its word: arcs to the left, the root's arrow, arcs to the
  right. On each side the higher arc stands nearer to the middle of the word, so it encloses the lower one and neither
  line meets the other. In a projective tree no two lines meet at all; arcs that cross, cross once.
- **Width.** Words move apart until each arc is as long as its label. All such demands point from left to right, so one
  pass over the words meets them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .card import BACKWARD, FORWARD, INK, PAPER, fixed, words
from .text import shorten, width, xml

LABEL = 14
STEP = 27  # between two heights: a label and a little air
FOOT = 11  # between two feet of a word: more than an arrow head
GAP = 18  # between two words
CORNER = 13
SCREEN = 1000
LONGEST = 24  # letters of a word or a label; the middle of a longer one goes

RIGHT = f'stroke="{FORWARD}" stroke-width="1.9"'
WRONG = f'stroke="{BACKWARD}" stroke-width="2.4" stroke-dasharray="7 4"'


@dataclass
class Arc:
    """From word ``head`` (counted from 0; None: ROOT) to word ``dependent``; ``feet`` are their distances in units from
    the middles of these words."""

    head: int | None
    dependent: int
    label: str
    wrong: bool = False
    height: int = 1
    feet: dict = field(default_factory=dict)

    @property
    def span(self):
        return (min(self.head, self.dependent), max(self.head, self.dependent))


def lay_arcs(heads, deprels, wrong, which) -> list[Arc]:
    """The arcs of the words ``which``, each one step above the arcs it spans or crosses; the root's above all."""
    arcs, roots = [], []
    for i in which:
        label = shorten(deprels[i], LONGEST) if deprels else "" if heads[i] else "ROOT"
        arc = Arc(heads[i] - 1 if heads[i] else None, i, f"✗ {label}".strip() if i in wrong else label, i in wrong)
        (roots if arc.head is None else arcs).append(arc)
    done: list[Arc] = []
    for arc in sorted(arcs, key=lambda a: (a.span[1] - a.span[0], a.span[0])):
        left, right = arc.span
        arc.height = 1 + max((o.height for o in done if o.span[0] < right and left < o.span[1]), default=0)
        done.append(arc)
    top = 1 + max((arc.height for arc in done), default=0)
    for arc in roots:
        arc.height = top
    return done + roots


def give_feet(arcs: Sequence[Arc], half) -> None:
    """Give every end of an arc its foot; widen words that have more feet than letters."""
    ends: dict[int, list] = {}
    for arc in arcs:
        if arc.head is None:
            ends.setdefault(arc.dependent, []).append(((1, 0), arc))
            half[arc.dependent] = max(half[arc.dependent], width(arc.label, LABEL, bold=arc.wrong) / 2)
            continue
        left, right = arc.span
        ends.setdefault(left, []).append(((2, -arc.height), arc))  # to the right: the highest first
        ends.setdefault(right, []).append(((0, arc.height), arc))
    for word, list_ in ends.items():
        list_.sort(key=lambda end: end[0])
        for number, (_, arc) in enumerate(list_):
            arc.feet[word] = (number - (len(list_) - 1) / 2) * FOOT
        half[word] = max(half[word], len(list_) * FOOT / 2)


def place_words(half, arcs: Sequence[Arc]) -> list[float]:
    """The middles of the words: as near as words and labels let them be."""
    ending: dict[int, list[Arc]] = {}
    for arc in arcs:
        if arc.head is not None:
            ending.setdefault(arc.span[1], []).append(arc)
    places: list[float] = []
    for right in range(len(half)):
        x = places[-1] + half[right - 1] + GAP + half[right] if places else half[0]
        for arc in ending.get(right, ()):
            left = arc.span[0]
            room = width(arc.label, LABEL, bold=arc.wrong) + 8
            x = max(x, places[left] + arc.feet[left] + room - arc.feet[right])
        places.append(x)
    return places


def draw_lines(arc: Arc, places, base, way, forms) -> list[str]:
    """One arc with its arrow, standing on ``base``; ``way`` is -1 above the words and 1 below."""
    x, y = places[arc.dependent] + arc.feet[arc.dependent], base + way * arc.height * STEP
    if arc.head is None:
        path, said = f"M{fixed(x)} {fixed(y)}V{fixed(base + way * 7)}", f"{forms[arc.dependent]} is the root"
    else:
        start, turn = places[arc.head] + arc.feet[arc.head], y - way * CORNER
        bend = CORNER if x > start else -CORNER
        path = (
            f"M{fixed(start)} {fixed(base)}V{fixed(turn)}Q{fixed(start)} {fixed(y)} {fixed(start + bend)} {fixed(y)}"
            f"H{fixed(x - bend)}Q{fixed(x)} {fixed(y)} {fixed(x)} {fixed(turn)}V{fixed(base + way * 7)}"
        )
        said = f"{forms[arc.head]} → {forms[arc.dependent]}"
    return [
        "<g>",
        f"<title>{xml(f'{said}: {arc.label}' if arc.label else said)}</title>",
        f'<path d="{path}" fill="none" {WRONG if arc.wrong else RIGHT}/>',
        f'<path d="M{fixed(x)} {fixed(base)}l-4.5 {way * 8}h9z" fill="{BACKWARD if arc.wrong else FORWARD}"/>',
        "</g>",
    ]


def draw_label(arc: Arc, places, base, way) -> list[str]:
    """The label on the outer side of its line, on a patch of the sheet for the lines of crossing arcs to pass under.

    An arc as long as a screen has its label at both ends: its middle may be out of sight where the page is scrolled.
    """
    if not arc.label:
        return []
    ends = [places[word] + foot for word, foot in arc.feet.items()]
    room = width(arc.label, LABEL, bold=arc.wrong)
    y = base + way * arc.height * STEP + (-6 if way < 0 else LABEL + 2)
    left, right = min(ends), max(ends)
    inset = CORNER + room / 2
    out = []
    for middle in (left + inset, right - inset) if right - left > SCREEN else ((left + right) / 2,):
        out += [
            f'<rect x="{fixed(middle - room / 2)}" y="{fixed(y - LABEL + 1)}" width="{fixed(room)}" '
            f'height="{LABEL + 2}" fill="{PAPER}" pointer-events="none"/>',
            words(middle, y, arc.label, LABEL, INK, weight="700" if arc.wrong else None, anchor="middle"),
        ]
    return out
