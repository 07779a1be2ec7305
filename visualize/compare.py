"""`diff`: what was added, removed or changed between two computation graphs, as a table and as one picture of both."""

from __future__ import annotations

from dataclasses import dataclass

from tinygrad_nlp import OptionError
from tinygrad_nlp.errors import explain

from .drawing import MOST_NODES, Drawing, draw
from .graph import KNOWN, Graph, Node
from .heatmap import HeatMap
from .matching import matched
from .picture import Picture
from .standalone import page
from .text import number, shape_text, shorten, xml

ADDED, REMOVED, CHANGED, SAME = "added", "removed", "changed", "same"
MOST_LINES = 60  # of what print() shows
SIGNS = {ADDED: "+", REMOVED: "−", CHANGED: "≠", SAME: " "}


@dataclass(frozen=True)
class Change:
    """One node of the two graphs: ``before`` in the first, ``after`` in the second, None where it is not.

    state  ADDED, REMOVED, CHANGED or SAME
    what   what changed, in words: ("shape (3) → (4)", "value: max |Δ| 0.2")
    """

    state: str
    before: Node | None
    after: Node | None
    what: tuple[str, ...] = ()

    @property
    def node(self) -> Node:
        return self.after or self.before


def diff(a, b, title=None) -> Diff:
    """What was added, removed or changed from ``a`` to ``b``.

    a, b   Tensors, lists of Tensors, or drawings. A drawing holds the graph as it was when it was drawn, so
           ``before = draw(loss)`` can be compared with what the same tensors hold after a step.
    title  a heading

    Two nodes are the same one if op, name, module and place in the order of computation agree. Changes of shape,
    dtype, options, inputs, name and module are told, and of values and gradients: these are compared exactly, and the
    largest difference of two elements is given where the array is small enough to be kept whole, else both norms.

    Raises OptionError above 2,000 nodes; close modules first: ``diff(draw(a, depth=1), draw(b, depth=1))``.

    >>> from tinygrad_nlp import Tensor, sigmoid, tanh
    >>> from tinygrad_nlp.visualize import diff
    >>> x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> print(diff(sigmoid(x).sum(), tanh(x).sum()))
    1 added, 1 removed, 1 changed, 1 the same
    − sigmoid (2)
    + tanh    (2)
    ≠ sum     scalar  inputs: x was sigmoid, is tanh; value: max |Δ| 0.1138
    """
    first, second = (_graph(side) for side in (a, b))
    return Diff(first, second, title)


def _graph(side) -> Graph:
    drawing = side if isinstance(side, Drawing) else draw(side, fold=False)
    count = len(drawing.graph.nodes)
    if count > MOST_NODES:
        raise OptionError(
            explain(
                "diff()",
                got=f"a graph of {count:,} nodes",
                expected=f"at most {MOST_NODES:,}",
                write="diff(draw(a, depth=1), draw(b, depth=1)), which closes modules",
            )
        )
    return drawing.graph


class Diff(Picture):
    """The difference of two graphs; ``changes`` lists every node of either, inputs before results."""

    formats = ("svg", "html", "txt")
    example = "diff.html"

    def __init__(self, a: Graph, b: Graph, title=None):
        self.a, self.b, self.title = a, b, title
        pairs = matched(a, b)
        counterpart = {one: other for one, other in pairs if one and other}
        readings = [_inputs(a), _inputs(b)]
        self.changes = [_change(a, b, one, other, counterpart, readings) for one, other in pairs]

    def of(self, state: str) -> list[Change]:
        """The changes of one state: "added", "removed", "changed" or "same"."""
        return [change for change in self.changes if change.state == state]

    @property
    def same(self) -> bool:
        """True if nothing differs."""
        return all(change.state == SAME for change in self.changes)

    def __repr__(self):
        return f"<diff: {self.heading()}>"

    def heading(self) -> str:
        """``1 added, 0 removed, 2 changed, 5 the same``."""
        return ", ".join(
            f"{len(self.of(state))} {'the same' if state == SAME else state}"
            for state in (ADDED, REMOVED, CHANGED, SAME)
        )

    def __str__(self):
        return self.text(MOST_LINES)

    def text(self, limit: int | None = None) -> str:
        """The differences as a table, one node a line, at most ``limit`` of them."""
        rows = [
            (SIGNS[c.state], _title(c.node), shape_text(c.node.shape), "; ".join(c.what))
            for c in self.changes
            if c.state != SAME
        ]
        rest = len(rows) - limit if limit is not None else 0
        rows = rows[:limit]
        widths = [max((len(row[i]) for row in rows), default=0) for i in (1, 2)]
        lines = [
            f"{sign} {name:<{widths[0]}} {shape:<{widths[1]}}  {what}".rstrip() for sign, name, shape, what in rows
        ]
        return "\n".join([self.heading(), *lines, *([f"… and {rest:,} more: text()"] if rest > 0 else [])])

    def svg(self) -> str:
        """Both graphs as one picture, by the built-in layout."""
        from .compare_svg import diff_svg

        return diff_svg(self, self.title)

    def html(self) -> str:
        """The picture and the table as one page that needs nothing else and runs no script."""
        from .compare_svg import diff_svg

        rows = []
        for c in self.changes:
            if c.state != SAME:
                cells = (f"{SIGNS[c.state]} {c.state}", _title(c.node), shape_text(c.node.shape), "; ".join(c.what))
                rows.append("<tr>" + "".join(f"<td><bdi>{xml(cell)}</bdi></td>" for cell in cells) + "</tr>")
        head = "".join(f'<th scope="col">{name}</th>' for name in ("", "node", "shape", "what changed"))
        table = f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody></table>"
        words = f"<details open><summary>{xml(self.heading())}</summary>\n{table}</details>\n"
        return page(self.title or "Two computation graphs compared", diff_svg(self), words)

    def label(self) -> str:
        return self.heading()

    def displays(self) -> dict:
        return {**super().displays(), "text/plain": lambda: str(self)}

    def txt(self) -> str:
        """What a file that ends in .txt holds."""
        return self.text()


def _title(node):
    op = node.op if node.name and node.op else ""
    return shorten(f"{node.title} = {op}" if op else node.title, 48)


def _inputs(graph):
    found = {key: {} for key in graph.nodes}
    for e in graph.edges:
        found[e.head].setdefault(e.position, []).append(e)
    return found


def _change(a, b, one, other, counterpart, readings):
    if one is None:
        return Change(ADDED, None, b.nodes[other])
    if other is None:
        return Change(REMOVED, a.nodes[one], None)
    before, after = a.nodes[one], b.nodes[other]
    what = []
    variables = all(node.variable or not node.name for node in (before, after))  # to rename them changes no graph
    for label, old, new in (
        ("name", *(("", "") if variables else (before.name, after.name))),
        ("module", ".".join(before.group), ".".join(after.group)),
        ("shape", shape_text(before.shape), shape_text(after.shape)),
        ("dtype", before.dtype, after.dtype),
        ("options", before.detail, after.detail),
    ):
        if old != new:
            what.append(f"{label} {old or '–'} → {new or '–'}")
    what += _rewired(a, b, readings[0][one], readings[1][other], counterpart)
    what += _numbers("value", before.value, after.value)
    if before.gradient_state != after.gradient_state:
        what.append(f"gradient {before.gradient_state} → {after.gradient_state}")
    elif before.gradient_state == KNOWN:
        what += _numbers("gradient", before.gradient, after.gradient)
    return Change(CHANGED if what else SAME, before, after, tuple(what))


def _rewired(a, b, ours, theirs, counterpart):
    """Arguments that come from another node than before."""
    out = []
    for position in sorted(ours.keys() | theirs.keys()):
        old = {counterpart.get(e.tail, e) for e in ours.get(position, ())}
        new = {e.tail for e in theirs.get(position, ())}
        if old != new:
            argument = (ours.get(position) or theirs[position])[0].argument
            was = ", ".join(a.nodes[e.tail].title for e in ours.get(position, ())) or "none"
            is_ = ", ".join(b.nodes[e.tail].title for e in theirs.get(position, ())) or "none"
            same_words = f"inputs: {argument} is another {is_}"
            out.append(same_words if was == is_ else f"inputs: {argument} was {was}, is {is_}")
    return out


def _numbers(label, old: HeatMap | None, new: HeatMap | None):
    """How two arrays differ, in words; nothing where they are equal or differ in shape, which is told already."""
    if old is None or new is None or old.digest == new.digest or old.shape != new.shape:
        return []
    if old.strange != new.strange:
        return [f"{label}: {old.strange} → {new.strange} not finite"]
    if old.block is None and new.block is None:
        cells = [pair for rows in zip(old.cells, new.cells) for pair in zip(*rows)]
        if any((x != x) != (y != y) for x, y in cells):
            return [f"{label}: NaN in other places"]
        largest = max((abs(x - y) for x, y in cells if x == x and x != y), default=0.0)
        return [f"{label}: max |Δ| {number(largest, 4)}"] if largest else []
    return [f"{label}: norm {number(old.norm, 4)} → {number(new.norm, 4)}"]
