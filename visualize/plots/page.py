"""A page around plots: one HTML file that works offline, runs no script of its own and asks for nothing.

Its policy allows exactly the style sheets and scripts it is given, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from ..text import xml
from .style import SHEET


@cache
def style() -> str:
    """The style sheet of pages with plots."""
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8") + SHEET + "\n"


def document(title, body, more="", frames=()) -> str:
    """One HTML document.

    title   the heading, as text
    body    what comes after it, as markup; or, if it has a heading of its own (``<h1``), all of it
    more    further rules of style
    frames  documents that are embedded by `frame`: their styles and scripts must be allowed by this page too, since a
            frame without an address of its own inherits the policy of the page around it
    """
    sheet = style() + more
    scripts = " ".join(dict.fromkeys(h for f in frames for h in directive(f, "script-src")))
    styles = " ".join([digest(sheet), *dict.fromkeys(h for f in frames for h in directive(f, "style-src"))])
    policy = f"default-src 'none'; style-src {styles}; img-src data:; base-uri 'none'; form-action 'none'"
    if scripts:
        policy += f"; script-src {scripts}; require-trusted-types-for 'script'; trusted-types 'none'"
    heading = "" if "<h1" in body else f"<h1><bdi>{xml(title)}</bdi></h1>\n"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{xml(title)}</title>
<style>{sheet}</style>
</head>
<body>
<main>
{heading}{body}</main>
</body>
</html>
"""


def digest(text) -> str:
    """The hash by which a policy allows an inline style sheet or script."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def directive(document, name) -> list[str]:
    """The hashes that a document's own policy gives under ``name``."""
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', document)
    part = re.search(rf"\b{name} ([^;]*)", policy[1].replace("&#39;", "'")) if policy else None
    return [word for word in part[1].split() if word.startswith("'sha")] if part else []


def figure(picture, caption="", kind="", label="") -> str:
    """A picture with words below it; it scrolls sideways where it is wider than the page, by keyboard too."""
    said = f"<figcaption>{xml(caption)}</figcaption>" if caption else ""
    name = f' class="{kind}"' if kind else ""
    spoken = f' aria-label="{xml(label)}"' if label else ""
    return f'<figure{name} tabindex="0"{spoken}>\n{picture[picture.index("<svg") :]}{said}</figure>\n'


def table_html(head, rows) -> str:
    """A table that opens on request."""
    names = "".join(f'<th scope="col">{xml(h)}</th>' for h in head)
    body = "".join("<tr>" + "".join(f"<td><bdi>{xml(c)}</bdi></td>" for c in row) + "</tr>" for row in rows)
    return (
        '<details><summary>The numbers as a table</summary><div class="scroll" tabindex="0"><table><thead>'
        f"<tr>{names}</tr></thead><tbody>{body}</tbody></table></div></details>\n"
    )


def frame(page, title) -> str:
    """``page``, a document with a script, in a frame that may run it and nothing else."""
    import html

    return (
        f'<iframe sandbox="allow-scripts" title="{html.escape(title, quote=True)}" '
        f'srcdoc="{html.escape(page, quote=True)}"></iframe>\n'
    )
