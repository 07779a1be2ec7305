"""A picture as one HTML file that works offline: the drawing, and the same graph as a table for those who read.

Everything a user named is escaped text, no script is in the page, and its policy allows none (`document`).
"""

from __future__ import annotations

from .document import document
from .graph import KNOWN, NOT_NEEDED, Graph
from .text import clean, shape_text, xml

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; background: #f4f7fa; color: #1b1f24; }
header { display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; align-items: baseline; padding: .6rem 1rem; }
h1 { font-size: 1.15rem; margin: 0; }
label { font-size: .95rem; }
figure { margin: 0; padding: 0 1rem 1rem; overflow: auto; }
figure > svg, figure > img { display: block; margin: 0 auto; }
body:has(#fit:checked) figure > * { width: auto; height: auto; max-width: 100%; max-height: calc(100vh - 5rem); }
details { padding: 0 1rem 1rem; }
summary { cursor: pointer; }
table { border-collapse: collapse; margin-top: .5rem; font-size: .9rem; }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #c3ccd5; vertical-align: top; }
:focus-visible { outline: 3px solid #0072b2; outline-offset: 2px; }
@media (prefers-color-scheme: dark) {
  body { background: #161b22; color: #e6edf3; }
  th, td { border-color: #3d444d; }
  :focus-visible { outline-color: #56b4e9; }
}
@media print { body { background: #fff; color: #000; } label, details { display: none; }
  figure { overflow: visible; padding: 0; } figure > * { max-width: 100%; height: auto; } }
"""


def page(heading, picture, table="") -> str:
    """One HTML document around ``picture`` (an element: inline SVG or an image) and ``table`` (markup)."""
    body = f"""<header><h1><bdi>{xml(heading)}</bdi></h1>
<label><input type="checkbox" id="fit"> the whole picture in the window</label></header>
<figure tabindex="0" aria-label="Picture">
{picture}</figure>
{table}"""
    return document(heading, STYLE, body)


def node_table(graph: Graph) -> str:
    """The graph in words, in the order of computation."""
    inputs = {}
    for edge in graph.edges:
        inputs.setdefault(edge.head, []).append(f"{edge.argument} = {graph.nodes[edge.tail].title}")
    rows = []
    for node in graph.nodes.values():
        state = "" if node.gradient_state == NOT_NEEDED else node.gradient_state
        if node.gradient_state == KNOWN and node.gradient is not None and node.gradient.zero:
            state = "exactly 0"
        made = ", ".join(part for part in (node.op or node.kind, node.detail) if part)
        cells = (
            node.title,
            made,
            shape_text(node.shape),
            ", ".join(inputs.get(node.key, [])),
            state,
            ".".join(node.group),
        )
        rows.append("<tr>" + "".join(f"<td><bdi>{xml(clean(cell))}</bdi></td>" for cell in cells) + "</tr>")
    head = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("name", "made by", "shape", "from", "gradient", "rule" if graph.backward else "module")
    )
    return (
        "<details><summary>The graph as a table</summary>\n"
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody></table></details>\n"
    )
