"""Which node of one graph is which of another: the longest common reading of both, from inputs to results.

Both graphs are read as sequences in the order of computation, and a matching never crosses itself. So the two can be
drawn as one graph: in the merged order every edge of either leads from an earlier node to a later one.
"""

from __future__ import annotations

from difflib import SequenceMatcher

from .graph import Graph, Node

STRETCH = 250
"""Longer differences are aligned in stretches of at most so many nodes: the time grows with the cube where all the
nodes look alike, and 2,000 of them took 36 s at once."""


def matched(a: Graph, b: Graph) -> list[tuple[str | None, str | None]]:
    """[(key in a, key in b)] in merged order; None where a node has no counterpart.

    Tried in turn, each between the pairs found before: the same node with the same inputs; the same node with as many
    inputs and the same options; the same node; a node of the same op and shape under another name or in another module.
    """
    inputs = [_inputs(a), _inputs(b)]
    labels = (
        lambda node, read: (_label(node), node.detail, tuple(read)),
        lambda node, read: (_label(node), node.detail, len(read)),
        lambda node, read: _label(node),
        lambda node, read: (node.kind, node.op, node.role, node.shape),
    )
    pairs = [(key, None) for key in a.nodes] + [(None, key) for key in b.nodes]
    for label in labels:
        ours, theirs = ({k: label(n, read[k]) for k, n in g.nodes.items()} for g, read in zip((a, b), inputs))
        pairs = _between(pairs, ours, theirs)
    return pairs


def _label(node: Node):
    return node.kind, node.op, node.name, node.role, node.group


def _inputs(graph):
    inputs = {key: [] for key in graph.nodes}
    for e in graph.edges:
        inputs[e.head].append((e.position, _label(graph.nodes[e.tail])))
    return inputs


def _between(pairs, labels_a, labels_b):
    """``pairs`` with the nodes between two matched ones aligned by these labels."""
    out, ours, theirs = [], [], []
    for one, other in pairs:
        if one is not None and other is not None:
            out += [*_aligned(ours, theirs, labels_a, labels_b), (one, other)]
            ours, theirs = [], []
        elif one is not None:
            ours.append(one)
        else:
            theirs.append(other)
    return out + _aligned(ours, theirs, labels_a, labels_b)


def _aligned(ours, theirs, labels_a, labels_b):
    """Equal beginnings and ends are taken off first: most of two graphs that are worth comparing is equal."""
    x, y = [labels_a[key] for key in ours], [labels_b[key] for key in theirs]
    start, end = 0, 0
    while start < min(len(x), len(y)) and x[start] == y[start]:
        start += 1
    while end < min(len(x), len(y)) - start and x[-1 - end] == y[-1 - end]:
        end += 1
    out = list(zip(ours[:start], theirs[:start]))
    stop_x, stop_y = len(x) - end, len(y) - end
    pieces = -(-max(stop_x - start, stop_y - start, 1) // STRETCH)
    for piece in range(pieces):
        (i, to_i), (j, to_j) = (
            (start + (stop - start) * piece // pieces, start + (stop - start) * (piece + 1) // pieces)
            for stop in (stop_x, stop_y)
        )
        blocks = SequenceMatcher(None, x[i:to_i], y[j:to_j], autojunk=False).get_matching_blocks()
        first_i, first_j = i, j
        for block in blocks:
            at_i, at_j = first_i + block.a, first_j + block.b
            out += [(key, None) for key in ours[i:at_i]] + [(None, key) for key in theirs[j:at_j]]
            i, j = at_i + block.size, at_j + block.size
            out += zip(ours[at_i:i], theirs[at_j:j])
    return out + list(zip(ours[stop_x:], theirs[stop_y:]))
