"""The sheet that graphs and trees lie on, white so that they read on a dark page too: heading, legend, notes."""

from __future__ import annotations

from .card import MUTED, PAPER, fixed, words
from .text import shorten, width, xml

FONT = "sans-serif"
MARGIN = 18


def sheet(body, w, h, title, legend, notes, description) -> str:
    """The SVG of a picture.

    body         elements, drawn from (0, 0) in a space of ``w`` by ``h``
    title        a heading above, or None
    legend       [(width of an item, function that draws it at x, y)], set in rows below
    notes        lines of text below it
    description  the picture in words, for those who do not see it
    """
    top = MARGIN + (34 if title else 0)
    heading = shorten(title, 80) if title else ""
    room = max(w, width(heading, 18, bold=True), min(sum(item[0] for item in legend), 460))
    rows, x = [[]], 0.0
    for item in legend:
        if x and x + item[0] > room:
            rows.append([])
            x = 0.0
        rows[-1].append((x, item))
        x += item[0]
    room = max([room] + [width(n, 12) for n in notes])
    height = top + h + (22 + 24 * len(rows) if legend else 0) + 18 * len(notes) + MARGIN
    total = room + 2 * MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{fixed(total)}" height="{fixed(height)}" '
        f'viewBox="0 0 {fixed(total)} {fixed(height)}" font-family="{FONT}" '
        f'role="img" aria-label="{xml(description)}">',
        f"<title>{xml(heading or description)}</title>",
        f"<desc>{xml(description)}</desc>",
        f'<rect width="{fixed(total)}" height="{fixed(height)}" rx="8" fill="{PAPER}"/>',
    ]
    if title:
        out.append(words(MARGIN, MARGIN + 16, heading, 18, weight="700"))
    out.append(f'<g transform="translate({fixed(MARGIN + (room - w) / 2)} {fixed(top)})">')
    out += [*body, "</g>"]
    y = top + h + 30
    for row in rows if legend else ():
        for x, (_, draw) in row:
            out += draw(MARGIN + x, y)
        y += 24
    for note in notes:
        out.append(words(MARGIN, y + 2, note, 12, MUTED))
        y += 18
    return "\n".join([*out, "</svg>"]) + "\n"
