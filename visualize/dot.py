"""A graph as source text for Graphviz.

Two rules make labels safe. Node ids are our own (``n0``, ``cluster_0``), so a colon in a name is never a port. And
every label is HTML-like with each character that could mean anything, to HTML or to DOT, written as a numeric entity.
A backslash needs more: Graphviz replaces ``\\G``, ``\\N`` and the like even after it has decoded entities, so a space
without width follows each backslash.
"""

from __future__ import annotations

import math
from dataclasses import replace
from textwrap import wrap

from .card import (
    BACKWARD,
    FOLDER,
    FORWARD,
    FRAME_LETTERS,
    FRAMES,
    FULL,
    INK,
    LINE,
    MUTED,
    PAPER,
    SLATE,
    TITLE_LETTERS,
    WASH,
    has_figures,
    small_print,
)
from .chips import MOST_ROWS, SENT, in_words, scales_of
from .graph import KNOWN, MODULE, NOT_NEEDED, Graph, Node
from .heatmap import HeatMap, colour, is_dark
from .summary import MOST_LINES, summarize
from .text import brief, clean, number, shape_text, shorten


def label_text(text) -> str:
    """``text`` for an HTML-like label: letters, digits and a few signs as they are, all else of ASCII as entities."""
    out = []
    for character in clean(text):
        plain = character.isalnum() or character in " .,_()=+*−×±–…" or not character.isascii()
        out.append(character if plain else f"&#{ord(character)};")
    # Graphviz refuses an element without text.
    return "".join(out).replace("&#92;", "&#92;&#8203;") or "&#160;"


def dot_source(graph: Graph, view="forward", title=None, mode=FULL) -> str:
    """DOT text; the same for the same graph, whatever the interpreter's hash seed."""
    import graphviz

    out = graphviz.Digraph("computation")
    out.attr(rankdir="TB", nodesep="0.3", ranksep="0.45", fontname="sans-serif", bgcolor=PAPER, charset="UTF-8")
    out.attr("node", fontname="sans-serif", fontsize="12", shape="box", margin="0.1,0.06", color=LINE, fillcolor=PAPER)
    out.attr("edge", fontname="sans-serif", color=FORWARD, arrowsize="0.8", penwidth="1.6")
    heading = [f'<FONT POINT-SIZE="16"><B>{label_text(shorten(title, 80))}</B></FONT>'] if title else []
    if mode != "summary":
        heading += [_small(line) for note in (_legend(graph, view), *graph.notes) for line in wrap(note, 110)]
    if heading:
        out.attr(label=_html("<BR/>".join([*heading, "&#160;"])), labelloc="t")
    if mode == "summary":
        out.node("summary", _html(_summary(graph)), shape="plain")
        return out.source

    contributions = graph.contributions()
    scales = scales_of(graph)
    numbers = {path: i for i, path in enumerate(graph.groups)}
    _members(out, graph, (), numbers, mode, contributions)
    for edge in graph.edges:
        gradient = {"style": "dashed", "color": BACKWARD, "arrowhead": "vee"}
        out.edge(edge.tail, edge.head, **(gradient if graph.nodes[edge.tail].sent else {}))
        if view == "both" and edge.flowed:
            # An edge of the same direction with its arrow at the other end: dot then runs the two beside each other.
            if edge.part is not None:
                gradient["label"] = _html(_sent(edge.part, contributions[edge.tail] > 1, scales[edge.tail]))
            out.edge(edge.tail, edge.head, dir="back", arrowtail="vee", **gradient)
    return out.source


def _legend(graph, view):
    """What the lines and borders of this picture mean, in words."""
    kinds = {node.kind for node in graph.nodes.values()}
    borders = [
        words
        for kind, words in (
            ("op", "rounded: op"),
            ("parameter", "thick: parameter"),
            ("data", "dashed: data"),
            (MODULE, "blue: module, closed"),
        )
        if kind in kinds
    ]
    lines = ["solid blue line: value, forward"] if not all(node.sent for node in graph.nodes.values()) else []
    if graph.backward or (view == "both" and any(edge.flowed for edge in graph.edges)):
        lines.append("dashed orange line: gradient, backward")
    if any(edge.part is not None for edge in graph.edges):
        lines.append("beside it: what a rule sent back")
    return "; ".join([*borders, "double: gradient of a leaf" if graph.backward else "double: result", *lines])


def _sent(part: HeatMap, added, scale):
    """What an edge carried: a number, or an array's norm, and its cells where they are added to others."""
    text = f'<FONT COLOR="{SENT}" POINT-SIZE="11">{label_text(in_words(part))}</FONT>'
    if part.scalar or not added or len(part.cells) > MOST_ROWS:
        return text
    cells = _cells(replace(part, largest=scale))
    return f'<TABLE BORDER="0" CELLSPACING="2" CELLPADDING="0"><TR><TD>{cells}</TD><TD>{text}</TD></TR></TABLE>'


def _html(markup):
    return f"<{markup}>"


def _members(out, graph, path, numbers, mode, contributions):
    """The nodes directly in ``path``, then its groups as clusters. Depth is that of modules, not of the graph."""
    members = graph.groups[path].members if path else graph.nodes
    for key in members:
        node = graph.nodes[key]
        if node.group == path:
            out.node(key, _html(_label(node, mode, contributions[key])), **_style(node))
    for inner in graph.groups:
        if len(inner) == len(path) + 1 and inner[: len(path)] == path:
            with out.subgraph(name=f"cluster_{numbers[inner]}") as frame:
                frame.attr(
                    label=_html(f"<B>{label_text(shorten(inner[-1], FRAME_LETTERS))}</B>"),
                    style="rounded,filled",
                    color="#c3d3e3",
                    fillcolor=FRAMES[len(path) % len(FRAMES)],
                    labeljust="l",
                )
                _members(frame, graph, inner, numbers, mode, contributions)


def _style(node: Node):
    if node.kind == "parameter":
        style = {"penwidth": "3", "color": INK, "style": "filled"}
    elif node.kind == "data":
        style = {"style": "dashed,filled"}
    elif node.kind == MODULE:
        style = {"style": "rounded,filled", "fillcolor": FOLDER, "color": SLATE}
    else:
        style = {"style": "rounded,filled", "fillcolor": WASH}
    if node.root:
        style |= {"peripheries": "2", "color": INK}
    return style


def _label(node: Node, mode, contributions):
    head = f"<B>{label_text(shorten(node.title, TITLE_LETTERS if mode == FULL else 24))}</B>"
    shape = f'<FONT COLOR="{MUTED}" POINT-SIZE="11">{label_text(shape_text(node.shape))}</FONT>'
    if mode != FULL:
        return f"{head} {shape}"
    small = small_print(node)
    rows = [f'<TR><TD ALIGN="LEFT">{head}</TD><TD ALIGN="RIGHT">{shape}</TD></TR>']
    if small:
        rows.append(
            f'<TR><TD ALIGN="LEFT" COLSPAN="2">{_small(shorten(small, 48 if node.kind == MODULE else 34))}</TD></TR>'
        )
    if node.value is not None or node.gradient is not None:
        cells = [_column("value", node.value, "–")]
        if node.gradient_state != NOT_NEEDED:
            label = "gradient" if contributions < 2 else f"gradient, sum of {contributions}"
            cells.append(_column(label, node.gradient, "–" if node.gradient_state == KNOWN else node.gradient_state))
        else:
            cells.append("<TD></TD>")
        rows.append(f"<TR>{''.join(cells)}</TR>")
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="1">{"".join(rows)}</TABLE>'


def _small(text):
    return f'<FONT COLOR="{MUTED}" POINT-SIZE="10">{label_text(text)}</FONT>'


def _column(label, heat: HeatMap | None, instead):
    if heat is not None and heat.span:
        instead, heat = heat.span, None
    if heat is None:
        inside = f"<I>{label_text(instead)}</I>"
    elif not heat.shape:
        inside = f'<FONT POINT-SIZE="14">{label_text(number(heat.cells[0][0], 4))}</FONT>'
    else:
        inside = _cells(heat)
        if heat.largest and not heat.integral:
            label += f" ±{number(heat.largest, 2)}"
    notes = heat.notes() if heat is not None and heat.shape else []
    lines = [_small(label), inside, *(_small(note) for note in notes)]
    rows = "".join(f'<TR><TD ALIGN="LEFT">{line}</TD></TR>' for line in lines)
    return f'<TD ALIGN="LEFT" VALIGN="TOP"><TABLE BORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE></TD>'


def _cells(heat: HeatMap):
    columns = len(heat.cells[0])
    figures = has_figures(heat)
    rows = []
    for row in heat.cells:
        cells = []
        for value in row:
            strange = not math.isfinite(value)
            plain = heat.integral or strange
            fill = PAPER if plain else colour(value, heat.largest)
            ink = PAPER if not plain and is_dark(value, heat.largest) else INK
            text = "×" if strange else ""
            if figures:
                text = label_text(number(value, 6) if heat.integral else brief(value))
            inside = f'<FONT POINT-SIZE="9" COLOR="{ink}">{text}</FONT>' if text else ""
            size = "" if figures else ' WIDTH="9" HEIGHT="9" FIXEDSIZE="TRUE"'
            cells.append(f'<TD BGCOLOR="{fill}"{size}>{inside}</TD>')
        rows.append(f"<TR>{''.join(cells)}</TR>")
    # Of a size of its own, or it would be stretched to the width of the words above it.
    size = "" if figures else f' FIXEDSIZE="TRUE" ALIGN="LEFT" WIDTH="{9 * columns}" HEIGHT="{9 * len(rows)}"'
    return (
        f'<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="2" COLOR="#afb8c1"{size}>'
        f"{''.join(rows)}</TABLE>"
    )


def _summary(graph):
    lines = summarize(graph)
    rows = [
        f'<TR><TD COLSPAN="4"><B>{len(graph.nodes):,} nodes, {len(graph.edges):,} edges</B></TD></TR>',
        "<TR><TD>module</TD><TD>op</TD><TD>count</TD><TD>elements</TD></TR>",
    ]
    for line in lines[:MOST_LINES]:
        group, what = label_text(shorten(line.group or "–", 60)), label_text(line.what)
        rows.append(f"<TR><TD>{group}</TD><TD>{what}</TD><TD>{line.count:,}</TD><TD>{line.elements:,}</TD></TR>")
    if len(lines) > MOST_LINES:
        rows.append(f'<TR><TD COLSPAN="4">and {len(lines) - MOST_LINES} more lines</TD></TR>')
    return f'<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="4" COLOR="{LINE}">{"".join(rows)}</TABLE>'
