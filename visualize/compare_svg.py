"""Two graphs as one picture: what both have is grey, what one has alone or otherwise carries a sign, + − or ≠.

The sign, the border's dashes and the words on the card say what the colours say, so the picture survives a
black-and-white print.
"""

from __future__ import annotations

from dataclasses import replace

from .card import COMPACT, FULL, MUTED, PAPER, Card, fixed, outline, words
from .compare import ADDED, CHANGED, REMOVED, SAME, SIGNS, Diff
from .drawing import FULL_CARDS
from .graph import NOT_NEEDED, Edge, Graph, groups_of
from .sheet import sheet
from .svg import arranged, draw_connectors, draw_frame_labels, draw_frames, path_data
from .text import width

COLOURS = {ADDED: "#00795a", REMOVED: "#c04a00", CHANGED: "#86418c", SAME: "#8c959f"}
"""Green, vermilion and purple of about equal lightness, dark enough for white signs on them."""

DASHES = {REMOVED: ' stroke-dasharray="2 4"'}


class MarkedCard(Card):
    """A card with a sign at its corner and a border of the sign's colour."""

    def __init__(self, node, state, what, mode, badge=""):
        self.state = state
        super().__init__(node, mode, badge=badge, more=what)
        self.width += 14  # room for the sign

    def draw(self, x, y) -> list[str]:
        *parts, end = super().draw(x, y)
        if self.state != SAME:
            colour = COLOURS[self.state]
            dashes = ' stroke-dasharray="5 4"' if self.state == REMOVED else ""
            parts.append(
                f'<rect x="{fixed(x - 3)}" y="{fixed(y - 3)}" width="{fixed(self.width + 6)}" '
                f'height="{fixed(self.height + 6)}" rx="11" fill="none" stroke="{colour}" stroke-width="2.6"{dashes}/>'
            )
            parts += _sign(self.state, x, y)
        return [*parts, end]


def _sign(state, x, y):
    return [
        f'<circle cx="{fixed(x)}" cy="{fixed(y)}" r="10" fill="{COLOURS[state]}" stroke="{PAPER}" stroke-width="1.5"/>',
        words(x, y + 5.5, SIGNS[state], 16, PAPER, weight="700", anchor="middle"),
    ]


def diff_svg(difference: Diff, title=None) -> str:
    """The merged graph of both, inputs at the top."""
    graph, states, edge_states = merged(difference)
    changes = {f"n{i}": change for i, change in enumerate(difference.changes)}
    mode = FULL if len(graph.nodes) <= FULL_CARDS else COMPACT

    def card(node, badge):
        return MarkedCard(node, states[node.key], changes[node.key].what if mode == FULL else (), mode, badge)

    cards, layout = arranged(graph, card, mode)
    body = draw_frames(layout) + _wires(layout, edge_states) + draw_frame_labels(layout)[0] + draw_connectors(layout)
    for key, drawn in cards.items():
        body += drawn.draw(layout.boxes[key].x, layout.boxes[key].y)
    heading = difference.heading()
    description = f"Two computation graphs as one: {heading}"
    return sheet(
        body, layout.width, layout.height, title, _legend(difference, set(edge_states)), [heading], description
    )


def merged(difference: Diff):
    """(one Graph of both, {key: state}, [state of each of its edges]); only what changed keeps its heat maps."""
    nodes, states = {}, {}
    new_key = ({}, {})  # of the nodes of a, and of b
    for i, change in enumerate(difference.changes):
        key = f"n{i}"
        states[key] = change.state
        node = change.node
        if change.state == SAME:
            node = replace(node, value=None, gradient=None, gradient_state=NOT_NEEDED)
        nodes[key] = replace(node, key=key)
        for side, found in zip(new_key, (change.before, change.after)):
            if found is not None:
                side[found.key] = key
    ours, theirs = (
        {(keys[e.tail], keys[e.head], e.position): e for e in graph.edges}
        for keys, graph in zip(new_key, (difference.a, difference.b))
    )
    edges = []
    for place in sorted(ours.keys() | theirs.keys(), key=lambda p: (int(p[1][1:]), p[2], int(p[0][1:]))):
        state = SAME if place in ours and place in theirs else ADDED if place in theirs else REMOVED
        edge = theirs.get(place) or ours[place]
        edges.append((Edge(place[0], place[1], edge.argument, place[2]), state))
    graph = Graph(nodes, [edge for edge, _ in edges], groups_of(nodes))
    return graph, states, [state for _, state in edges]


def _wires(layout, edge_states):
    pieces, marks = [], []
    branches = {wire.points[0] for wire in layout.wires if wire.branch}
    for wire in layout.wires:
        points = list(wire.points)
        shared, state = _split(wire, branches, edge_states)
        if wire.ends:
            x, y = points[-1]
            marks.append(f'<path d="M{fixed(x)} {fixed(y)}l-4.5 -9h9z" fill="{COLOURS[state]}"/>')
            points[-1] = (x, y - 7)
        if wire.branch:
            marks.append(
                f'<circle cx="{fixed(points[0][0])}" cy="{fixed(points[0][1])}" r="3" fill="{COLOURS[SAME]}"/>'
            )
        if shared:
            pieces.append((SAME, points[: shared + 1]))
        pieces.append((state, points[shared:]))
    # What is the same below, so that a mark is never hidden where two wires run together.
    pieces.sort(key=lambda piece: piece[0] != SAME)
    return [_line(state, points) for state, points in pieces] + marks


def _split(wire, branches, edge_states):
    """(up to which station it is the trunk of edges of several states, the state of the rest)."""
    states = {edge_states[i] for i in wire.edges}
    if len(states) == 1:
        return 0, states.pop()
    if not wire.ends:
        return 0, SAME
    last = max((i for i, point in enumerate(wire.points[:-1]) if point in branches), default=0)
    return last, edge_states[wire.edges[0]]  # the first of a trunk's edges is the one that it ends with


def _line(state, points):
    thick = "1.6" if state == SAME else "2.8"
    return (
        f'<path class="{state}" d="{path_data(points)}" fill="none" stroke="{COLOURS[state]}" '
        f'stroke-width="{thick}"{DASHES.get(state, "")}><title>{state}</title></path>'
    )


def _legend(difference, edge_states):
    items = []

    def item(state):
        def draw(x, y):
            label = "in both" if state == SAME else state
            sign = _sign(state, x + 12, y - 4) if state != SAME else outline("op", False, x + 1, y - 12, 26, 17)
            return [*sign, words(x + 34, y + 1, label, 12, MUTED)]

        items.append((34 + width("in both" if state == SAME else state, 12) + 20, draw))

    def line(state, label):
        def draw(x, y):
            colour = COLOURS[state]
            style = f'stroke="{colour}" stroke-width="2.8"{DASHES.get(state, "")}'
            return [f'<path d="M{fixed(x + 2)} {fixed(y - 3)}h22" {style}/>', words(x + 34, y + 1, label, 12, MUTED)]

        items.append((34 + width(label, 12) + 20, draw))

    for state in (ADDED, REMOVED, CHANGED, SAME):
        if difference.of(state):
            item(state)
    for state, label in ((ADDED, "only in the second"), (REMOVED, "only in the first")):
        if state in edge_states:
            line(state, label)
    return items
