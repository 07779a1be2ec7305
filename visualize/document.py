"""One HTML document that works offline and may do nothing but what it was given: its policy is made here.

The policy permits exactly the style sheets and scripts it is told of, by their hashes, and images within the file.
"""

from __future__ import annotations

import base64
import hashlib

from .text import xml


def document(title, sheet, body, allowed=None) -> str:
    """One HTML document.

    title    as text
    sheet    its style sheet
    body     markup
    allowed  {"script-src": …, "style-src": …}: hashes for what a frame in it needs, see `Replay.frame_policy`
    """
    allowed = allowed or {}
    styles = " ".join(filter(None, [digest(sheet), allowed.get("style-src")]))
    policy = f"default-src 'none'; style-src {styles}; img-src data:; base-uri 'none'; form-action 'none'"
    if allowed.get("script-src"):
        policy += f"; script-src {allowed['script-src']}; require-trusted-types-for 'script'; trusted-types 'none'"
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
{body}</body>
</html>
"""


def digest(text: str) -> str:
    """The hash by which a policy allows an inline style sheet or script."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
