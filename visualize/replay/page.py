"""The one page that shows a replay.

Everything that comes from the user (names, values, lines) reaches the page as JSON in an inert element, and the page's
script turns it into text nodes and numbers, never into markup. The policy in the page's head allows that one script
and that one style sheet, by their hashes, and nothing else: no request, no other script, no assignment of HTML.
"""

from __future__ import annotations

import html
import json
import re
from functools import cache
from pathlib import Path

from ..document import digest, document
from ..text import xml

FOLDER = Path(__file__).parent
SCRIPT = ("make", "figures", "state", "graph", "panel", "chain", "stepping")
"""The parts of the script, in order; together they are one function, so none of their names is global."""


def page(payload: dict, static: str) -> str:
    """One HTML file: ``payload`` for the script, ``static`` (SVG) where scripts do not run."""
    parts = {
        "TITLE": xml(payload["title"]),
        "STATIC": static,
        "DATA": inert_json(payload),
        "SCRIPT": _script(),
    }
    # One pass, so that a title that reads @@SCRIPT@@ stays a title.
    body = re.sub("@@([A-Z]+)@@", lambda match: parts[match[1]], _source("body.html"))
    return document(payload["title"], _source("style.css"), body, {"script-src": sources()["script-src"]})


def sources() -> dict[str, str]:
    """What a page with a Content-Security-Policy of its own must allow to hold a replay in a frame with ``srcdoc``.

    Such a frame obeys the policy of the page around it as well as its own. These hashes admit the replay's one script
    and one style sheet and nothing else: ``{"script-src": "'sha256-…'", "style-src": "'sha256-…'"}``.
    """
    return {"script-src": digest(_script()), "style-src": digest(_source("style.css"))}


def frame(contents: str, title: str, height: int) -> str:
    """``contents``, a whole page, in a frame that may run its script and can do nothing to the page around it."""
    return (
        f'<iframe sandbox="allow-scripts" title="{html.escape(title, quote=True)}" width="100%" height="{height}" '
        f'frameborder="0" srcdoc="{html.escape(contents, quote=True)}"></iframe>'
    )


@cache
def _source(name):
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def _script():
    parts = "\n".join(_source(f"script/{name}.js") for name in SCRIPT)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def inert_json(value) -> str:
    """JSON in which no character means anything to HTML: not even ``</script>`` or ``<!--`` in a name ends it."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
