"""A replay as data: what the page shows, as plain lists, numbers and strings, ready to be JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np

from tinygrad_nlp import OptionError, Tensor
from tinygrad_nlp.formula.typeset import tree

from ..card import COMPACT
from ..graph import KNOWN, NOT_NEEDED, collect
from ..heatmap import heat_map
from ..layout import Spacing, lay_out
from ..svg import LEAN, SIDE, label_places, path_data, svg
from ..text import clean, shape_text, shorten, width
from .differences import Check
from .steps import Jacobian, Run

CARD_HEIGHT = 104


class Maps:
    """The page's table of arrays: one entry for equal ones, so that a gradient passed on unchanged costs nothing."""

    def __init__(self):
        self.entries, self.places = [], {}

    def add(self, array) -> int | None:
        """Place in the table of what is shown of ``array``; None where there is nothing to show."""
        heat = heat_map(array)
        if heat is None:
            return None
        entry = {"s": shape_text(heat.shape), "c": [[_figure(v) for v in row] for row in heat.cells]}
        entry["m"] = _figure(heat.largest)
        for key, value in (
            ("b", heat.block and list(heat.block)),
            ("n", heat.strange),
            ("i", int(heat.integral)),
            ("r", heat.span),
            ("z", int(heat.zero)),
            ("l", None if heat.integral else _figure(heat.norm)),
        ):
            if value or (key == "l" and value is not None):
                entry[key] = value
        written = json.dumps(entry)
        if written not in self.places:
            self.places[written] = len(self.entries)
            self.entries.append(entry)
        return self.places[written]


def _figure(value, digits=6):
    """A number for JSON, which has no NaN: those are strings that JavaScript's Number() reads."""
    value = float(value)
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    value = float(f"{value:.{digits}g}")
    return int(value) if value == int(value) and abs(value) < 1e15 else value


def payload(root: Tensor, run: Run, title: str) -> tuple[dict, str, str]:
    """(what the page's script reads, a still picture with every gradient, the same in small: names and edges)."""
    graph = collect(root)
    keys = dict(zip((t._id for t in run.tensors), (n.key for n in graph.nodes.values() if not n.role)))
    numbers = {key: i for i, key in enumerate(graph.nodes)}
    by_key = {keys[t._id]: t for t in run.tensors}
    arrays = {(e.head, e.position): e.tail for e in graph.edges}
    maps = Maps()
    labels = _labels(graph)

    for node in graph.nodes.values():  # the static picture shows the end: every gradient
        node.gradient, node.gradient_state = None, NOT_NEEDED
    finals = {keys[root._id]: run.seed}
    for s in run.sent:
        finals[keys[s.tail._id]] = s.after if s.hooked is None else s.hooked
    for key, array in finals.items():
        graph.nodes[key].gradient, graph.nodes[key].gradient_state = heat_map(array), KNOWN
    flowed = {(keys[s.head._id], s.position) for s in run.sent}
    graph.edges = [replace(e, backward=KNOWN if (e.head, e.position) in flowed else NOT_NEEDED) for e in graph.edges]

    boxes, wires, frames, size = _place(graph, labels)
    values = {key: _value_of(key, by_key, arrays) for key in graph.nodes}
    nodes = []
    for key, node in graph.nodes.items():
        entry = {
            "k": node.kind,
            "t": labels[key],
            "a": shorten(labels[key], 22),
            "o": node.op,
            "d": shorten(node.detail, 60),
            "s": shape_text(node.shape),
            "b": [round(v, 1) for v in boxes[key]],
            "v": maps.add(values[key]),
            "g": int(key in finals),
            "w": _where(node.made_at),
        }
        if node.root:
            entry["root"] = 1
        if node.op and not labels[key].startswith(node.op):
            entry["u"] = 1  # headed with something else, so the card also says which op
        nodes.append(entry)

    places = {(e.head, e.position): i for i, e in enumerate(graph.edges)}
    edges = [
        {"t": numbers[e.tail], "h": numbers[e.head], "a": clean(e.argument), "p": wires[i]}
        for i, e in enumerate(graph.edges)
    ]
    steps = [{"k": "inputs"}]
    steps += [{"k": "forward", "n": numbers[keys[t._id]]} for t in run.tensors if t._op is not None]
    steps.append({"k": "seed", "n": numbers[keys[root._id]], "g": maps.add(run.seed)})
    for s in run.sent:
        step = {
            "k": "backward",
            "e": places[keys[s.head._id], s.position],
            "i": maps.add(s.incoming),
            "p": maps.add(s.part),
            "a": maps.add(s.after),
            "j": _jacobian(s.jacobian),
            "c": _check(s.check),
        }
        if s.before is not None:
            step["b"] = maps.add(s.before)
        if s.hooked is not None:
            step["x"] = maps.add(s.hooked)
        steps.append(step)
    used = {t._op.name: t._op for t in run.tensors if t._op is not None}
    data = {
        "title": clean(title),
        "size": size,
        "maps": maps.entries,
        "nodes": nodes,
        "edges": edges,
        "frames": frames,
        "steps": steps,
        "ops": {name: _op(op) for name, op in sorted(used.items())},
        "engine": {"d": None if run.difference is None else _figure(run.difference, 2), "ok": int(run.equal)},
    }
    return data, svg(graph, "both", title), svg(graph, "both", mode=COMPACT)


def _value_of(key, by_key, arrays):
    if key in by_key:
        return by_key[key]._data
    head, position = next(place for place, tail in arrays.items() if tail == key)
    return np.asarray(by_key[head]._args[position])


def _labels(graph):
    """A name for every node that a sentence can use: the user's; else the expression, if it is short; else the op.

    Layers call their parameters alike, so those are told apart by the layer, ``hidden.weight``; what then still has
    the name of another is numbered.
    """
    inputs = {}
    for edge in graph.edges:
        inputs.setdefault(edge.head, []).append(edge.tail)
    names = Counter(node.name for node in graph.nodes.values())
    counts, labels = {}, {}
    for key, node in graph.nodes.items():
        layer = f"{node.group[-1]}.{node.name}" if node.group and names[node.name] > 1 else ""
        title = (
            (node.name and layer)
            or node.name
            or _expression(node, [labels[tail] for tail in inputs.get(key, ())])
            or node.title
        )
        counts[title] = counts.get(title, 0) + 1
        labels[key] = title if counts[title] == 1 else f"{title} #{counts[title]}"
    return labels


_SIGNS = {"add": "+", "sub": "−", "mul": "·", "div": "/", "matmul": "@"}


def _expression(node, inputs):
    """``hidden @ W2``, ``log(p[4])``: what a short op without a name computes, or ''."""
    if not node.op or not inputs:
        return ""

    def bound(text):  # so that it can stand beside an operator
        plain, before = text, None
        while plain != before:  # what is inside brackets holds together already
            before, plain = plain, re.sub(r"\[[^][()]*\]|\([^][()]*\)", "", plain)
        return f"({text})" if " " in plain else text

    if node.op in _SIGNS and len(inputs) == 2:
        text = f"{bound(inputs[0])} {_SIGNS[node.op]} {bound(inputs[1])}"
    elif node.op == "neg":
        text = f"−{bound(inputs[0])}"
    elif node.op == "getitem" and node.detail.startswith("index="):
        text = f"{bound(inputs[0])}[{node.detail[6:].strip('()')}]"
    elif not node.detail and len(inputs) == 1:
        text = f"{node.op}({inputs[0]})"
    else:
        return ""
    return text if len(text) <= 22 else ""


def _where(made_at):
    """``file:line`` of the user's code without the folders, which are nobody else's business."""
    return re.split(r"[/\\]", made_at.partition(" in ")[0])[-1] if made_at else ""


def _place(graph, labels):
    """(card boxes, SVG paths per edge, frames of module calls, size of it all)."""
    sizes = {
        key: (
            max(172.0, width(shorten(labels[key], 22), 15, bold=True) + width(shape_text(n.shape), 12) + 34),
            CARD_HEIGHT,
        )
        for key, n in graph.nodes.items()
    }
    groups = {key: n.group for key, n in graph.nodes.items()}
    layout = lay_out(sizes, [(e.tail, e.head) for e in graph.edges], groups, Spacing(between_ranks=44))
    boxes = {key: (b.x, b.y, b.width, b.height) for key, b in layout.boxes.items()}
    pieces = {}
    for wire in layout.wires:
        for e in wire.edges:
            pieces.setdefault(e, []).append(wire.points)
    wires = [_joined(pieces.get(i, []), e.flowed) for i, e in enumerate(graph.edges)]
    frames = []
    for path, text, x, y, w, crossed in sorted(label_places(layout), key=lambda place: len(place[0])):
        b = layout.frames[path]
        places = [round(v, 1) for v in (b.x, b.y, b.width, b.height, x, y, w if crossed else 0)]
        frames.append([*places, text])
    return boxes, wires, frames, [round(layout.width, 1), round(layout.height, 1)]


def _joined(pieces, two):
    """One edge, cut out of the trunks it shares: {"d": its path, "X", "Y": the lower end}.

    If it is ``two``, "b" is the path of the gradient beside it and "x", "y" are where that one ends, above.
    """
    if not pieces:
        return None
    pieces = sorted(pieces, key=lambda points: points[0][1])
    points = []
    for piece, following in zip(pieces, [*pieces[1:], None]):
        stop = len(piece)
        if following is not None:
            stop = next((i for i, p in enumerate(piece) if p == following[0]), len(piece))
        points += piece[:stop]
    down = [(x - SIDE * two, y) for x, y in points]
    entry = {"d": path_data(down, LEAN * two), "X": round(down[-1][0], 1), "Y": round(down[-1][1], 1)}
    if two:
        up = [(x + SIDE, y) for x, y in points][::-1]
        entry |= {"b": path_data(up, -LEAN), "x": round(up[-1][0], 1), "y": round(up[-1][1], 1)}
    return entry


def _jacobian(j: Jacobian):
    """Rows and columns shown, and of how many; the cells one after another, or only those that are not 0."""
    flat = [_figure(v, 3) for v in j.cells.reshape(-1)]
    finite = np.abs(j.cells[np.isfinite(j.cells)])
    entry = {"r": j.cells.shape[0], "k": j.cells.shape[1], "m": _figure(finite.max() if finite.size else 0, 3)}
    if not j.whole:
        entry["of"] = list(j.shape)
    present = [(i, v) for i, v in enumerate(flat) if v != 0]
    if 2 * len(present) < len(flat):
        entry["p"] = [x for pair in present for x in pair]
    else:
        entry["d"] = flat
    return entry


def _check(check: Check):
    entry = {"v": check.verdict, "l": _figure(check.largest, 2), "m": check.measured, "of": check.size}
    if check.note:
        entry["t"] = clean(check.note)
    return entry


def _op(op):
    entry = {"doc": clean((op.__doc__ or "").strip().split("\n\n")[0]).replace("``", "")}
    if op.broadcasts:
        entry["b"] = 1
    if op.derivation is not None:
        d = op.derivation
        entry |= {"f": _formula(d.statement), "l": [_formula(s) for s in d.steps], "src": clean(d.source)}
        if d.notes:
            entry["notes"] = clean(d.notes).replace("``", "")
    if op.conventions:
        entry["kinks"] = [f"{clean(c.where)}: {clean(c.why)}".replace("``", "") for c in op.conventions]
    return entry


@cache
def _formula(latex):
    """Its MathML; for what an op of the user's writes in LaTeX that we cannot read, the LaTeX itself."""
    try:
        return tree(latex)
    except OptionError:
        return ["math", ["mtext", clean(latex)]]
