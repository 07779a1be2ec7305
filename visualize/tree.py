"""A dependency tree as SVG: the words in a row, an arc from each head to its dependent, the relation on the arc.

Long sentences become wide pictures with letters as large as ever; the page around them scrolls.
"""

from __future__ import annotations

from tinygrad_nlp import OptionError
from tinygrad_nlp.errors import explain

from .arcs import FOOT, LONGEST, RIGHT, STEP, WRONG, draw_label, draw_lines, give_feet, lay_arcs, place_words
from .card import INK, MUTED, fixed, words
from .picture import Picture, image
from .sheet import sheet
from .standalone import page
from .text import shorten, width

WORD, TAG = 20, 13


def draw_tree(forms, heads, deprels=None, tags=None, *, against=None, title=None) -> Tree:
    """Draw a dependency tree.

    forms    the words
    heads    for each word the number of its head, counted from 1; 0 is ROOT
    deprels  for each word the name of its relation
    tags     for each word its tag, shown below it
    against  the true tree, as (heads, deprels) or as heads alone: arcs that differ from it are dashed and marked with
             a cross, and what would have been right is drawn below the words
    title    a heading

    Any heads can be drawn, so also a result that is no tree: arcs that cross, a cycle, two roots.
    Raises OptionError for lists of different lengths, a head that is no word, or a word that is its own head.

    >>> from tinygrad_nlp.visualize import draw_tree
    >>> draw_tree(["Dogs", "bark"], [2, 0], ["nsubj", "root"])
    <tree of 2 words>
    >>> draw_tree(["Dogs", "bark"], [2, 0], against=[0, 1])
    <tree of 2 words, 2 arcs wrong>
    """
    forms = [str(form) for form in forms]
    heads = _checked("heads", heads, forms)
    deprels = _as_long("deprels", deprels, forms)
    tags = _as_long("tags", tags, forms)
    truth = None
    if against is not None:
        pair = len(against) == 2 and hasattr(against[0], "__len__")
        true_heads, true_deprels = against if pair else (against, None)
        truth = _checked("against", true_heads, forms), _as_long("against", true_deprels, forms)
    return Tree(forms, heads, deprels, tags, truth, title)


def _checked(name, heads, forms):
    heads = [int(head) for head in _as_long(name, heads, forms, wanted=True)]
    for number, head in enumerate(heads, 1):
        if not 0 <= head <= len(forms) or head == number:
            asked = f"draw_tree(): {name} of word {number}, {shorten(forms[number - 1])!r}"
            got = "is the word itself" if head == number else f"is {head}"
            raise OptionError(explain(asked, got=got, expected=f"another word's number, 1 to {len(forms)}, or 0"))
    return heads


def _as_long(name, values, forms, wanted=False):
    if values is None and not wanted:
        return None
    values = list(values if values is not None else ())
    if len(values) != len(forms):
        raise OptionError(
            explain(
                f"draw_tree(): {name}", got=f"{len(values)} of them", expected=f"one for each of {len(forms)} words"
            )
        )
    return values


class Tree(Picture):
    """A drawn tree; `svg` is its picture."""

    example = "tree.svg"

    def __init__(self, forms, heads, deprels, tags, truth, title):
        self.forms, self.heads, self.deprels, self.tags, self.truth, self.title = (
            forms, heads, deprels, tags, truth, title
        )  # fmt: skip

    def __repr__(self):
        wrong = f", {len(self.wrong)} arcs wrong" if self.truth else ""
        return f"<tree of {len(self.forms)} words{wrong}>"

    @property
    def wrong(self) -> list[int]:
        """The words, counted from 0, whose head or relation is not the true one; relations count if both are given."""
        if not self.truth:
            return []
        heads, deprels = self.truth
        named = deprels is not None and self.deprels is not None
        return [
            i
            for i, head in enumerate(self.heads)
            if head != heads[i] or (named and str(self.deprels[i]) != str(deprels[i]))
        ]

    def svg(self) -> str:
        """The picture; it holds no script, style sheet or id."""
        wrong = set(self.wrong)
        upper = lay_arcs(self.heads, self.deprels, wrong, range(len(self.forms)))
        lower = lay_arcs(*self.truth, (), sorted(wrong)) if wrong else []
        shown = [shorten(form, LONGEST) for form in self.forms]
        below = [shorten(tag, LONGEST) for tag in self.tags] if self.tags else [""] * len(shown)
        half = [max(width(form, WORD), width(tag, TAG), 2 * FOOT) / 2 for form, tag in zip(shown, below)]
        for arcs in (upper, lower):
            give_feet(arcs, half)
        places = place_words(half, upper + lower)

        base = max((arc.height for arc in upper), default=0) * STEP + 20
        foot = base + WORD + 6 + (TAG + 5 if self.tags else 0)
        body = []
        sides = [(arc, base, -1) for arc in upper] + [(arc, foot + 5, 1) for arc in lower]
        for arc, level, way in sides:
            body += draw_lines(arc, places, level, way, self.forms)
        for arc, level, way in sides:
            body += draw_label(arc, places, level, way)
        for x, form, tag in zip(places, shown, below):
            body.append(words(x, base + WORD, form, WORD, INK, anchor="middle"))
            if tag:
                body.append(words(x, base + WORD + TAG + 5, tag, TAG, MUTED, anchor="middle"))
        w = places[-1] + half[-1] if places else 0.0
        h = foot + (max(arc.height for arc in lower) * STEP + 25 if lower else 0)
        return sheet(body, w, h, self.title, _legend(wrong), [], self.description())

    def description(self) -> str:
        """The tree in words, for those who do not see it."""
        if not self.forms:
            return "A dependency tree without words"
        parts = []
        wrong = set(self.wrong)
        for i, form in enumerate(self.forms):
            said = _relation(self.forms, i, self.heads, self.deprels)
            if i in wrong:
                said += f" (wrong; true: {_relation(self.forms, i, *self.truth)})"
            parts.append(f"{shorten(form, LONGEST)}: {said}")
        return "Dependency tree. " + "; ".join(parts)

    def html(self) -> str:
        """The picture as a page that needs nothing else."""
        untitled = Tree(self.forms, self.heads, self.deprels, self.tags, self.truth, None)  # the page has the heading
        return page(shorten(self.title, 80) if self.title else "A dependency tree", untitled.svg())

    def label(self) -> str:
        return self.description()

    def displays(self) -> dict:
        """As wide as it is, and scrolled."""
        wide = ' style="max-width:none"'
        scrolled = f'<div style="overflow-x:auto">{image(self.svg(), self.label(), wide).rstrip()}</div>'
        return {**super().displays(), "text/html": lambda: scrolled}


def _relation(forms, i, heads, deprels):
    head = shorten(forms[heads[i] - 1], LONGEST) if heads[i] else "ROOT"
    return f"{shorten(deprels[i], LONGEST)} of {head}" if deprels else f"depends on {head}"


def _legend(wrong):
    if not wrong:
        return []

    def item(label, style):
        def draw(x, y):
            return [
                f'<path d="M{fixed(x)} {fixed(y - 4)}h34" fill="none" {style}/>',
                words(x + 42, y + 1, label, TAG, MUTED),
            ]

        return 42 + width(label, TAG) + 22, draw

    return [
        item("✗ wrong", WRONG),
        item("right; below the words: what it should have been", RIGHT),
    ]
