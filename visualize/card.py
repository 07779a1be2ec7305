"""A node as a card: name or op, shape, heat maps of value and gradient, drawn as SVG.

The kind shows in the border, never in colour alone: an op is rounded, a parameter thick, data dashed, the loss double.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .graph import KNOWN, MODULE, NOT_NEEDED, NOT_YET, Node
from .heatmap import HeatMap, colour, is_dark
from .text import brief, number, shape_text, shorten, width, xml

INK, MUTED, LINE, PAPER, WASH = "#1b1f24", "#57606a", "#6e7781", "#ffffff", "#f4f7fa"
FOLDER, SLATE = "#e3edf6", "#5b7fa3"
FORWARD, BACKWARD = "#0072b2", "#d55e00"
FRAMES = ("#eef4fa", "#e3edf6", "#d8e6f2")
"""Of module calls, by how many are around them."""

PAD = 11
TITLE, SMALL, LABEL, FIGURE = 14.5, 12, 11.5, 17
FULL, COMPACT = "full", "compact"
TITLE_LETTERS, FRAME_LETTERS = 32, 44


def fixed(value) -> str:
    """A coordinate with one decimal, the same on every machine."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def words(x, y, text, size, fill=INK, weight=None, anchor=None, style=None) -> str:
    """One line of text; ``text`` is data and is escaped here."""
    extra = "".join(
        f' {name}="{value}"'
        for name, value in (("font-weight", weight), ("text-anchor", anchor), ("font-style", style))
        if value
    )
    return f'<text x="{fixed(x)}" y="{fixed(y)}" font-size="{fixed(size)}" fill="{fill}"{extra}>{xml(text)}</text>'


def outline(kind, root, x, y, w, h) -> list[str]:
    """The border that tells op, parameter, data and loss apart."""

    def rect(inset, radius, fill, stroke, thickness, dash=""):
        return (
            f'<rect x="{fixed(x + inset)}" y="{fixed(y + inset)}" width="{fixed(w - 2 * inset)}" '
            f'height="{fixed(h - 2 * inset)}" rx="{radius}" fill="{fill}" stroke="{stroke}" '
            f'stroke-width="{thickness}"{dash}/>'
        )

    if kind == "parameter":
        parts = [rect(0, 2, PAPER, INK, 3.4)]
    elif kind == "data":
        parts = [rect(0, 2, PAPER, LINE, 1.5, ' stroke-dasharray="6 4"')]
    elif kind == MODULE:  # a sheet on a stack of sheets
        parts = [rect(0, 12, FOLDER, SLATE, 1.5)]
        parts.append(
            f'<path d="M{fixed(x + 10)} {fixed(y + h + 3.5)}H{fixed(x + w - 10)}" stroke="{SLATE}" stroke-width="1.5"/>'
        )
    else:
        parts = [rect(0, 10, WASH, LINE, 1.5)]
    if root:
        if kind == "op":
            parts = [rect(0, 10, WASH, INK, 1.7)]
        parts.append(rect(4, {"op": 7, MODULE: 9}.get(kind, 1), "none", INK, 1.3))
    return parts


def small_print(node: Node) -> str:
    """What made a named node, its options, and how often a parameter is used if it is shared."""
    shared = f"used {node.uses}×" if node.kind == "parameter" and node.uses > 1 else ""
    return ", ".join(part for part in (node.op if node.name else "", node.detail, shared) if part)


class Card:
    """How large a node's card is, and its SVG at a place."""

    def __init__(self, node: Node, mode=FULL, contributions=0, badge="", more=()):
        self.node, self.mode = node, mode
        shape = shape_text(node.shape)
        self.shape = "" if mode == COMPACT and not node.shape else shape
        if mode == COMPACT:
            self.title = shorten(" ".join([node.title, *([node.detail] if node.detail and not node.name else [])]), 24)
            self.small, self.columns = [], []
            self.width = 2 * PAD + width(self.title, 13) + (8 + width(self.shape, 11) if self.shape else 0)
            self.height = 28
            return
        self.title = shorten(node.title, TITLE_LETTERS)
        small = small_print(node)
        self.small = [shorten(small, 48 if node.kind == MODULE else 34)] if small else []
        if badge:
            self.small.append(shorten(f"in {badge}", 34))
        self.small += [shorten(line, 48) for line in more]
        self.columns = list(_columns(node, contributions))
        inside = max(
            width(self.title, TITLE, bold=True) + 12 + width(shape, SMALL),
            max((width(line, LABEL) for line in self.small), default=0),
            sum(c.width for c in self.columns) + 16 * (len(self.columns) - 1),
        )
        self.width = max(inside + 2 * PAD + (6 if node.root else 0), 92)
        body = max((c.height for c in self.columns), default=0)
        self.height = 30 + 16 * len(self.small) + (body + 22 if self.columns else 0) + (6 if node.root else 2)

    def draw(self, x, y) -> list[str]:
        node = self.node
        out = [f'<g class="node {node.kind}" data-node="{node.key}">', f"<title>{xml(self._tooltip())}</title>"]
        out += outline(node.kind, node.root, x, y, self.width, self.height)
        inset = PAD + (3 if node.root else 0)
        left, right = x + inset, x + self.width - inset
        if self.mode == COMPACT:
            out.append(words(left, y + 18.5, self.title, 13, weight="600" if node.name else None))
            if self.shape:
                out.append(words(right, y + 18.5, self.shape, 11, MUTED, anchor="end"))
            return [*out, "</g>"]
        line = y + 21 + (3 if node.root else 0)
        out.append(words(left, line, self.title, TITLE, weight="600"))
        out.append(words(right, line, self.shape, SMALL, MUTED, anchor="end"))
        for text in self.small:
            line += 16
            out.append(words(left, line, text, LABEL, MUTED))
        for column in self.columns:
            out += column.draw(left, line + 8)
            left += column.width + 16
        return [*out, "</g>"]

    def _tooltip(self):
        node = self.node
        parts = [node.title, node.op if node.name else "", node.detail, shape_text(node.shape), node.dtype]
        if node.gradient_state != NOT_NEEDED:
            parts.append(f"gradient {node.gradient_state}")
        parts += [f"used {node.uses} times" if node.uses > 1 else "", f"at {node.made_at}" if node.made_at else ""]
        return " · ".join(part for part in parts if part)


@dataclass
class Column:
    """``value`` or ``gradient``: a label and what there is to see."""

    label: str
    map: HeatMap | None
    instead: str = ""  # words where there is no map: "not yet"
    small: bool = False  # colours only, no numbers in the cells

    def __post_init__(self):
        if self.map is not None and self.map.span:
            self.instead, self.map = self.map.span, None
        heat = self.map
        self.cell = self.figures = None
        self.notes = []
        if heat is None:
            self.instead = self.instead or "–"
            w, h = width(self.instead, SMALL), 20
        elif heat.scalar and not heat.shape:
            self.instead, w, h = "", width(number(heat.cells[0][0], 4), FIGURE), 22
        else:
            rows, columns = len(heat.cells), len(heat.cells[0])
            if not self.small and has_figures(heat):
                self.figures = [[number(v, 6) if heat.integral else brief(v) for v in row] for row in heat.cells]
                self.cell = (max(22, 8 + max(width(t, 11) for row in self.figures for t in row)), 18)
            else:
                side = max(5, min(15, 120 / columns, 84 / rows))
                self.cell = (max(side, min(15, 60 / columns)), side)
                if not heat.integral:
                    self.label += f" ±{number(heat.largest, 2)}" if heat.largest else ""
            self.notes = heat.notes()
            w, h = self.cell[0] * columns, self.cell[1] * rows
        self.height = h + 14 * len(self.notes)
        self.width = max(w, width(self.label, LABEL), max((width(n, 10.5) for n in self.notes), default=0))

    def draw(self, x, y) -> list[str]:
        heat = self.map
        out = [words(x, y + 9, self.label, LABEL, MUTED)]
        y += 15
        if heat is None:
            return [*out, words(x, y + 14, self.instead, SMALL, MUTED, style="italic")]
        if self.cell is None:
            return [*out, words(x, y + 17, number(heat.cells[0][0], 4), FIGURE)]
        out += self.cells(x, y)
        y += self.cell[1] * len(heat.cells)
        for note in self.notes:
            y += 14
            out.append(words(x, y - 2, note, 10.5, MUTED))
        return out

    def cells(self, x, y):
        """The cells alone, their upper left corner at (x, y)."""
        w, h = self.cell
        for i, row in enumerate(self.map.cells):
            for j, value in enumerate(row):
                yield from self._cell(x + j * w, y + i * h, w, h, value, i, j)

    def _cell(self, x, y, w, h, value, i, j):
        heat = self.map
        strange = not math.isfinite(value)
        fill = PAPER if heat.integral or strange else colour(value, heat.largest)
        at = f'x="{fixed(x)}" y="{fixed(y)}" width="{fixed(w)}" height="{fixed(h)}"'
        edge = "#afb8c1" if w >= 8 else "#d0d7de"
        yield f'<rect {at} fill="{fill}" stroke="{edge}" stroke-width="{0.8 if w >= 8 else 0.4}"/>'
        dark = not heat.integral and not strange and is_dark(value, heat.largest)
        if strange:  # hatched: no colour of the scale can be taken for it
            for k in (0.25, 0.75):
                yield (
                    f'<path d="M{fixed(x + w * (k - 0.25))} {fixed(y + h)}L{fixed(x + w * (k + 0.25))} {fixed(y)}" '
                    f'stroke="{INK}" stroke-width="1" fill="none"/>'
                )
        if self.figures is not None:
            text = self.figures[i][j]
            if strange:
                inside = f'x="{fixed(x + 3)}" y="{fixed(y + 3)}" width="{fixed(w - 6)}" height="{fixed(h - 6)}"'
                yield f'<rect {inside} fill="{PAPER}"/>'
            yield words(x + w / 2, y + h / 2 + 4, text, 11, PAPER if dark else INK, anchor="middle")
        elif value < 0 and not strange and not heat.integral and min(w, h) >= 8:
            # A minus sign, so that the sign survives a black-and-white print.
            yield (
                f'<path d="M{fixed(x + w * 0.3)} {fixed(y + h / 2)}H{fixed(x + w * 0.7)}" '
                f'stroke="{PAPER if dark else INK}" stroke-width="1.2"/>'
            )


def has_figures(heat):
    """True where the numbers themselves fit into the cells."""
    if heat.block is not None or not heat.shape:
        return not heat.shape
    rows, columns = len(heat.cells), len(heat.cells[0])
    if heat.integral:
        return columns <= 8 and rows <= 6 and heat.largest < 1e6
    return columns <= 5 and rows <= 5 and rows * columns <= 16


def _columns(node, contributions):
    if node.value is None and node.gradient is None:
        return
    small = not all(has_figures(m) for m in (node.value, node.gradient) if m is not None)
    yield Column("value", node.value, small=small)
    if node.gradient_state == KNOWN:
        label = "gradient" if contributions < 2 else f"gradient, sum of {contributions}"
        yield Column(label, node.gradient, small=small)
    elif node.gradient_state != NOT_NEEDED:
        yield Column("gradient", None, "not yet" if node.gradient_state == NOT_YET else "not kept")
