"""A page around plots: one HTML file that works offline, runs no script of its own and asks for nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ..document import document
from ..text import xml
from .style import SHEET


@cache
def style() -> str:
    """The style sheet of pages with plots."""
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8") + SHEET + "\n"


def page(title, body, more="", allowed=None) -> str:
    """One HTML document.

    title    the heading, as text
    body     what comes after it, as markup; or, if it has a heading of its own (``<h1``), all of it
    more     further rules of style
    allowed  what a frame in it needs, as `document` takes it
    """
    heading = "" if "<h1" in body else f"<h1><bdi>{xml(title)}</bdi></h1>\n"
    return document(title, style() + more, f"<main>\n{heading}{body}</main>\n", allowed)


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
