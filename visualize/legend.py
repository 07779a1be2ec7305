"""The legend below a picture: what is in it, and nothing else.

An item is (its width, a function that draws it at x, y).
"""

from __future__ import annotations

from .card import BACKWARD, FORWARD, INK, LINE, MUTED, fixed, outline, words
from .chips import legend_item
from .graph import MODULE
from .heatmap import colour
from .text import width


def legend(graph, view, chips=False):
    """The items of what is in this picture; ``chips``: edges say what was sent back along them."""
    kinds = {node.kind for node in graph.nodes.values()}
    root = any(node.root for node in graph.nodes.values())
    items = []

    def box(kind, label, double=False):
        def draw(x, y):
            return [*outline(kind, double, x + 1, y - 12, 26, 17), words(x + 34, y + 1, label, 12, MUTED)]

        items.append((34 + width(label, 12) + 20, draw))

    def line(label, forward):
        def draw(x, y):
            if forward:
                mark = f'<path d="M{fixed(x + 28)} {fixed(y - 3)}l-8 -4v8z" fill="{FORWARD}"/>'
                style = f'stroke="{FORWARD}" stroke-width="1.9"'
            else:
                mark = (
                    f'<path d="M{fixed(x + 8)} {fixed(y - 8)}l-7 5l7 5" fill="none" '
                    f'stroke="{BACKWARD}" stroke-width="2.2"/>'
                )
                style = f'stroke="{BACKWARD}" stroke-width="2" stroke-dasharray="7 4"'
            return [
                f'<path d="M{fixed(x + 2)} {fixed(y - 3)}h22" {style}/>',
                mark,
                words(x + 34, y + 1, label, 12, MUTED),
            ]

        items.append((34 + width(label, 12) + 20, draw))

    data, op = ("forward value", "op of a rule") if graph.backward else ("data", "op")
    for kind, label in (("data", data), ("parameter", "parameter"), ("op", op), (MODULE, "module, closed")):
        if kind in kinds:
            box(kind, label)
    if root:
        result = "loss" if [node.shape for node in graph.roots] == [()] else "result"
        box("op", "gradient of a leaf" if graph.backward else result, double=True)
    sent = {graph.nodes[e.tail].sent for e in graph.edges}
    if False in sent:
        line("forward value" if graph.backward else "value, forward", True)
    if True in sent or (view == "both" and any(e.flowed for e in graph.edges)):
        line("gradient, backward", False)
    if chips:
        items.append(legend_item())
    if any(
        m is not None and not m.integral and not m.scalar for n in graph.nodes.values() for m in (n.value, n.gradient)
    ):
        items.append(_scale())
    return items


def _scale():
    def draw(x, y):
        out = [words(x, y + 1, "−", 12, MUTED)]
        for i in range(5):
            out.append(
                f'<rect x="{fixed(x + 12 + 12 * i)}" y="{fixed(y - 10)}" width="12" height="12" '
                f'fill="{colour((i - 2) / 2, 1)}" stroke="{LINE}" stroke-width="0.6"/>'
            )
        return [*out, words(x + 42, y + 0.5, "0", 10, INK, anchor="middle"), words(x + 76, y + 1, "+", 12, MUTED)]

    return 104, draw
