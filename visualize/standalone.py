"""A picture as one HTML file that works offline: the drawing, and the same graph as a table for those who read.

Everything a user named is escaped text, no script is in the page, and its policy allows none: the only thing it
permits is this page's own style sheet, by its hash, and images that are part of the file.
"""

from __future__ import annotations

import base64
import hashlib
import sys
import tempfile
import webbrowser
from pathlib import Path

from .graph import KNOWN, NOT_NEEDED, Graph
from .text import clean, shape_text, shorten, xml

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
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{xml(heading)}</title>
<style>{STYLE}</style>
</head>
<body>
<header><h1><bdi>{xml(heading)}</bdi></h1>
<label><input type="checkbox" id="fit"> the whole picture in the window</label></header>
<figure tabindex="0" aria-label="Picture">
{picture}</figure>
{table}</body>
</html>
"""


def image(svg: str, description: str, attributes="") -> str:
    """A picture as an ``<img>`` element: whatever is in it, it cannot act."""
    coded = base64.b64encode(svg.encode()).decode()
    return f'<img{attributes} alt="{xml(shorten(description, 80))}" src="data:image/svg+xml;base64,{coded}">\n'


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


def show(picture, html):
    """``picture`` as the output of a notebook's cell; elsewhere ``html()`` as a file, opened in the browser."""
    if in_notebook():
        from IPython.display import display

        display(picture)
        return None
    # Not deleted on the way out: the browser opens it after this program has gone on.
    with tempfile.NamedTemporaryFile("w", suffix=".html", prefix="graph-", delete=False, encoding="utf-8") as file:
        file.write(html())
    path = Path(file.name)
    if not webbrowser.open(path.as_uri()):
        print(f"no browser could be started; the page is {path}")
    return path


def in_notebook() -> bool:
    """True where an IPython kernel runs the code; a plain IPython terminal cannot show pictures."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")
