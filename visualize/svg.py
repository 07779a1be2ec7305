"""A graph as SVG text, with the built-in layout: no program, no font file, the same bytes every time.

The text holds no script, style sheet, id or link, so several pictures fit in one page and none reaches outside.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter

from . import chips
from .card import BACKWARD, FORWARD, FRAME_LETTERS, FRAMES, FULL, LINE, PAPER, Card, fixed, words
from .folding import columns_for, folded, opened
from .gradients import SUM
from .graph import NOT_KEPT, Graph
from .layout import Box, Layout, Spacing, lay_out
from .legend import legend
from .ranking import PORTS
from .sheet import sheet
from .text import shorten, width, xml

SIDE = 5  # how far a forward edge and its backward edge stand from the middle line
LEAN = 6
CLEAR = 8  # between a group's name and a wire


def svg(graph: Graph, view="forward", title=None, mode=FULL) -> str:
    """The picture; ``view`` is "forward", "backward" or "both", ``mode`` FULL cards or COMPACT lines."""
    contributions = graph.contributions()
    sent = chips.chips_of(graph) if view == "both" and mode == FULL else {}
    wide = _room(graph, sent)

    def card(node, badge):
        made = Card(node, mode, contributions[node.key], badge)
        made.width = max(made.width, wide.get(node.key, 0))
        return made

    cards, layout = arranged(graph, card, mode, sent)
    labels, places = draw_frame_labels(layout)
    body = draw_frames(layout) + _wires(graph, layout, view) + labels + draw_connectors(layout)
    left, right = 0.0, layout.width
    for chip, x, y in chips.placed(sent, layout, places):
        body += chip.draw(x, y, _ground(layout, x + chip.width / 2, y + chip.height / 2))
        left, right = min(left, x), max(right, x + chip.width)
    for key, card in cards.items():
        body += card.draw(layout.boxes[key].x, layout.boxes[key].y)
    if mode == FULL:
        body += _sums(graph, layout, contributions if view == "both" else Counter())
    if left < 0:  # a chip may stand beside the first wire
        body = [f'<g transform="translate({fixed(-left)} 0)">', *body, "</g>"]
    return sheet(
        body,
        right - left,
        layout.height,
        title,
        legend(graph, view, bool(sent)),
        layout_notes(graph, layout),
        _describe(graph, view),
    )


def _room(graph, sent):
    """{key: width of a card}, for cards between which several wires run, each with its chip beside it."""
    beside, below, above = {}, {}, {}
    for i, edge in enumerate(graph.edges):
        below[edge.tail], above[edge.head] = below.get(edge.tail, 0) + 1, above.get(edge.head, 0) + 1
        if i in sent:
            beside.setdefault((edge.tail, edge.head), []).append(sent[i].width + 30)
    out = {}
    for (tail, head), widths in beside.items():
        if len(widths) > 1:
            for key, wires in ((tail, below[tail]), (head, above[head])):
                out[key] = max(out.get(key, 0), min(max(widths), 120) * min(wires, 4) / PORTS)
    return out


def arranged(graph: Graph, make_card, mode=FULL, sent=None):
    """({key: card}, the layout they are to be drawn in).

    make_card  function of a node and its badge, the module it is in if that has no frame
    sent       {position of an edge: the chip that will stand beside it}
    """
    pairs = [(e.tail, e.head) for e in graph.edges]
    groups = {key: node.group for key, node in graph.nodes.items()}
    spacing = Spacing()
    if sent:
        spacing = Spacing(between_ranks=42, port=min(max(chip.width for chip in sent.values()) + 30, 120))
    if mode != FULL:
        spacing = Spacing(between_nodes=16, between_joints=12, between_ranks=28, port=16)
    cards = {k: make_card(n, "") for k, n in graph.nodes.items()}
    room = {i: chip.height for i, chip in (sent or {}).items()}
    layout = lay_out({k: (c.width, c.height) for k, c in cards.items()}, pairs, groups, spacing, room)
    if layout.loose and mode == FULL:  # modules without a frame: their members say where they belong
        cards = {k: make_card(n, ".".join(n.group) if n.group in layout.loose else "") for k, n in graph.nodes.items()}
        layout = lay_out({k: (c.width, c.height) for k, c in cards.items()}, pairs, groups, spacing, room)
    sizes = {k: (c.width, c.height) for k, c in cards.items()}
    while columns_for(layout) > 1 and (inner := opened(groups, layout)) is not None:
        groups, layout = inner, lay_out(sizes, pairs, inner, spacing, room)
    return cards, folded(layout, pairs)


def _ground(layout, x, y):
    """The colour of the sheet or frame at (x, y)."""
    inside = [len(path) for path, f in layout.frames.items() if f.x < x < f.x + f.width and f.y < y < f.y + f.height]
    return FRAMES[(max(inside) - 1) % len(FRAMES)] if inside else PAPER


def draw_frames(layout: Layout) -> list[str]:
    out = []
    for path in sorted(layout.frames, key=len):
        box, depth = layout.frames[path], len(path) - 1
        out.append(
            f'<rect class="group" x="{fixed(box.x)}" y="{fixed(box.y)}" width="{fixed(box.width)}" '
            f'height="{fixed(box.height)}" rx="12" fill="{FRAMES[depth % len(FRAMES)]}" stroke="#c3d3e3"/>'
        )
    return out


def label_places(layout: Layout):
    """[(path, text, x, y, width, does a wire run through it?)] for the names of groups.

    A name stands at the left of its frame; at the right, or between wires, if one comes in there.
    """
    labels = sorted((box.y + 19, path) for path, box in layout.frames.items())
    heights, passing = [y for y, _ in labels], {path: [] for _, path in labels}
    for wire in layout.wires:
        for (x, top), (_, bottom) in zip(wire.points, wire.points[1:]):
            for _, path in labels[bisect_left(heights, top) : bisect_right(heights, bottom + 12)]:
                passing[path].append(x)
    out = []
    for y, path in labels:
        box, text = layout.frames[path], shorten(path[-1], FRAME_LETTERS)
        w = width(text, 13, bold=True)
        left, right = box.x + 12, box.x + box.width - 12 - w
        between = [x for wire in passing[path] for x in (wire + CLEAR, wire - CLEAR - w) if left - 5 <= x <= right + 5]
        for x in (left, right, left - 5, right + 5, *sorted(between), None):
            if x is None or not any(x - CLEAR < wire < x + w + CLEAR for wire in passing[path]):
                break
        out.append((path, text, left if x is None else x, y, w, x is None))
    return out


def draw_frame_labels(layout: Layout):
    """(names of groups as SVG, the boxes they fill); over a wire a name stands on a patch of the frame's colour."""
    out, places = [], []
    for path, text, x, y, w, crossed in label_places(layout):
        if crossed:
            fill = FRAMES[(len(path) - 1) % len(FRAMES)]
            out.append(
                f'<rect x="{fixed(x - 3)}" y="{fixed(y - 13)}" width="{fixed(w + 6)}" height="18" fill="{fill}"/>'
            )
        out.append(words(x, y, text, 13, "#32526e", weight="600"))
        places.append(Box(x - 3, y - 13, w + 6, 18))
    return out, places


def _sums(graph, layout, contributions):
    """⊕ at every card whose gradient is a sum, beside the middle of the wires that it comes along."""
    out = []
    for node in graph.nodes.values() if graph.backward else ():
        if node.detail == SUM:
            box = layout.boxes[node.key]
            out += chips.plus(box.x + box.width / 2, box.y)
    starts = {}
    for wire in layout.wires:
        edge = graph.edges[wire.edges[0]]
        if wire.starts and contributions[edge.tail] > 1:
            starts.setdefault(edge.tail, set()).add(wire.points[0][0])
    for key, places in starts.items():
        if not graph.nodes[key].sent:
            box = layout.boxes[key]
            x = sum(places) / len(places) + SIDE
            near = min(abs(x - place - SIDE) for place in places)
            out += chips.plus(min(x + (0 if near > 14 else 18), box.x + box.width - 12), box.y + box.height)
    return out


def _wires(graph, layout, view) -> list[str]:
    flowing = {e.tail for e in graph.edges if e.flowed} if view == "both" else set()
    forward, backward, marks = [], [], []
    for wire in layout.wires:
        edges = [graph.edges[i] for i in wire.edges]
        tail = edges[0].tail
        two = tail in flowing
        names = " ".join(map(str, sorted(wire.edges)))
        tip = f"<title>{xml(_tip(graph, edges))}</title>"
        points = [(x - SIDE * two, y) for x, y in wire.points]
        sent = graph.nodes[tail].sent
        if wire.ends:
            x, y = points[-1]
            marks.append(_head(x, y, sent))
            points[-1] = (x, y - (3 if sent else 7))
        if wire.branch:
            marks.append(_branch(*points[0], BACKWARD if sent else FORWARD))
        (backward if sent else forward).append(_line(points, LEAN * two, names, tip, sent))
        if two and any(e.flowed for e in edges):
            points = [(x + SIDE, y) for x, y in wire.points][::-1]
            if wire.starts:
                x, y = points[-1]
                marks.append(
                    f'<path d="M{fixed(x - 5)} {fixed(y + 10)}L{fixed(x)} {fixed(y + 2)}l5 8" '
                    f'fill="none" stroke="{BACKWARD}" stroke-width="2.2"/>'
                )
                points[-1] = (x, y + 3)
            if wire.branch:
                marks.append(_branch(*points[-1], BACKWARD))
            backward.append(_line(points, -LEAN, names, tip, True))
    return forward + backward + marks


def _line(points, lean, names, tip, sent):
    kind, style = ("backward", f'stroke="{BACKWARD}" stroke-width="2" stroke-dasharray="7 4"')
    if not sent:
        kind, style = "forward", f'stroke="{FORWARD}" stroke-width="1.9"'
    return f'<path class="{kind}" data-edges="{names}" d="{path_data(points, lean)}" fill="none" {style}>{tip}</path>'


def _head(x, y, sent):
    """The head of an arrow that ends, pointing down, at (x, y): filled for a value, open for a gradient."""
    if sent:
        return (
            f'<path d="M{fixed(x - 5)} {fixed(y - 10)}L{fixed(x)} {fixed(y - 2)}l5 -8" '
            f'fill="none" stroke="{BACKWARD}" stroke-width="2.2"/>'
        )
    return f'<path d="M{fixed(x)} {fixed(y)}l-4.5 -9h9z" fill="{FORWARD}"/>'


def _branch(x, y, colour):
    return f'<circle cx="{fixed(x)}" cy="{fixed(y)}" r="3" fill="{colour}"/>'


def draw_connectors(layout) -> list[str]:
    out = []
    for x, y, number in layout.connectors:
        out.append(f'<circle cx="{fixed(x)}" cy="{fixed(y)}" r="9" fill="{PAPER}" stroke="{LINE}" stroke-width="1.3"/>')
        out.append(words(x, y + 4, number, 11, anchor="middle"))
    return out


def _tip(graph, edges):
    edge = edges[0]
    names = [f"{e.argument} of {graph.nodes[e.head].title}" for e in edges[:4]] + (["…"] if len(edges) > 4 else [])
    return f"{graph.nodes[edge.tail].title} is {', '.join(names)}"


def path_data(points, lean=0) -> str:
    """Straight down within a rank, an S between ranks. The S stays between the heights of its ends, where no box is.

    ``lean`` moves the bend of an S so that the two lines of a pair stay apart where they run sideways too.
    """
    (x, y), d = points[0], []
    d.append(f"M{fixed(x)} {fixed(y)}")
    for nx, ny in points[1:]:
        if abs(nx - x) < 0.3:
            d.append(f"L{fixed(nx)} {fixed(ny)}")
        else:
            bend = (y + ny) / 2 + lean * max(-1.0, min(1.0, (nx - x) / 12 * (1 if ny > y else -1)))
            d.append(f"C{fixed(x)} {fixed(bend)} {fixed(nx)} {fixed(bend)} {fixed(nx)} {fixed(ny)}")
        x, y = nx, ny
    return "".join(d)


def layout_notes(graph, layout):
    notes = list(graph.notes)
    if any(node.gradient_state == NOT_KEPT for node in graph.nodes.values()):
        notes.append("not kept: backward drops inner gradients; run it inside record_gradients() to see them")
    if layout.connectors:
        notes.append(
            "a wire that ends in a numbered circle goes on at the circle with the same number, in the next column"
        )
    if layout.cut:
        notes.append(f"{len(layout.cut)} edges that pass more than 8 ranks are not drawn")
    return notes


def _describe(graph, view):
    ops = sum(node.kind == "op" for node in graph.nodes.values())
    parameters = sum(node.kind == "parameter" for node in graph.nodes.values())
    ends = ", ".join(shorten(node.title, 32) for node in graph.roots[:4])
    what = "Backward pass that computes" if graph.backward else "Computation graph of"
    return f"{what} {ends}: {ops} ops, {parameters} parameters, {len(graph.edges)} edges; {view} view"
