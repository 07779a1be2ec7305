"""A page around plots: one HTML file that works offline, runs no script of its own and asks for nothing.

Its policy allows exactly the style sheets and scripts it is given, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from ..text import xml
from .style import SHEET


@cache
def style() -> str:
    """The style sheet of pages with plots."""
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8") + SHEET + "\n"


def document(title, body, more="", allowed=None) -> str:
    """One HTML document.

    title    the heading, as text
    body     what comes after it, as markup; or, if it has a heading of its own (``<h1``), all of it
    more     further rules of style
    allowed  {"script-src": …, "style-src": …}: hashes for what a frame in it needs, see `Replay.frame_policy`
    """
    sheet, allowed = style() + more, allowed or {}
    styles = " ".join(filter(None, [digest(sheet), allowed.get("style-src")]))
    policy = f"default-src 'none'; style-src {styles}; img-src data:; base-uri 'none'; form-action 'none'"
    if allowed.get("script-src"):
        policy += f"; script-src {allowed['script-src']}; require-trusted-types-for 'script'; trusted-types 'none'"
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
