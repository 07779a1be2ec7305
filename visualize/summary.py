"""A graph too large to draw, as counts: one line per module and op.

A picture of 10,000 boxes shows nothing; where they are and of what kind does.
"""

from __future__ import annotations

from dataclasses import dataclass

from .card import FORWARD, INK, MUTED, fixed, words
from .graph import Graph
from .sheet import sheet
from .text import shorten

MOST_LINES = 60


@dataclass(frozen=True)
class Line:
    group: str  # "" outside of every module
    what: str  # an op's name, "parameter" or "data"
    count: int
    elements: int  # of all of them together


def summarize(graph: Graph) -> list[Line]:
    """Counts by group (in the order in which groups first appear) and, within it, by op, most frequent first."""
    counts, order = {}, {}
    for node in graph.nodes.values():
        group, what = ".".join(node.group), node.op or node.kind
        order.setdefault(group, len(order))
        size = 1
        for n in node.shape:
            size *= n
        count, elements = counts.get((group, what), (0, 0))
        counts[group, what] = count + 1, elements + size
    lines = [Line(group, what, *found) for (group, what), found in counts.items()]
    return sorted(lines, key=lambda line: (order[line.group], -line.count, line.what))


def summary_svg(graph: Graph, title=None) -> str:
    """The counts as a bar chart."""
    lines = summarize(graph)
    shown, rest = lines[:MOST_LINES], lines[MOST_LINES:]
    longest = max(line.count for line in shown)
    body, y, group = [], 14.0, None
    for line in shown:
        if line.group != group:
            group = line.group
            y += 12 if y > 20 else 0
            body.append(words(0, y, shorten(group, 60) if group else "outside of modules", 13.5, INK, weight="600"))
            y += 22
        body.append(words(16, y, shorten(line.what, 24), 12.5))
        long = max(2.0, 240 * line.count / longest)
        body.append(f'<rect x="200" y="{fixed(y - 11)}" width="{fixed(long)}" height="14" fill="{FORWARD}"/>')
        body.append(words(206 + long, y, f"{line.count:,} ×, {line.elements:,} elements", 12, MUTED))
        y += 20
    if rest:
        body.append(words(0, y + 6, f"and {len(rest)} more lines", 12.5, MUTED))
        y += 20
    what = f"{len(graph.nodes):,} nodes and {len(graph.edges):,} edges: too many to draw one by one, so counted"
    return sheet(body, 640, y, title, [], [what, *graph.notes], f"Summary of a computation graph of {what}")
