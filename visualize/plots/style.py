"""The one look of all plots: sizes for a projector, colours that the colour-blind tell apart, light and dark.

Colours are written twice. Each element has those of the light theme as attributes, which every program understands;
and it has classes, by which `SHEET` repaints it where the reader's system is dark. A class is ``f-`` (fill) or ``s-``
(stroke) and the name of a colour: ``f-ink``, ``s-0``.
"""

from __future__ import annotations

from ..card import fixed
from ..text import clean, shorten, width, xml

FONT = "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', Arial, sans-serif"
TITLE, LABEL, TICK = 25, 19, 18
"""Font sizes in a picture 960 wide. Filling a projector's 1280 they are a third larger: read from the last row."""

NAME_LETTERS = 26
"""Of a series or a row; the middle of a longer name goes."""

# Okabe & Ito's colours ("Color universal design", 2008), darkened on light and lightened on dark paper until each
# stands out against it as 3:1 at least; their yellow and sky blue cannot on white: brown and ink take their places.
LIGHT = {
    "paper": "#ffffff",
    "ink": "#1b1f24",
    "muted": "#4c5661",
    "axis": "#6e7781",
    "grid": "#dde3e9",
    "contour": "#8b97a3",
    "0": "#0072b2",
    "1": "#d55e00",
    "2": "#007a58",
    "3": "#b0568f",
    "4": "#6b4a00",
    "5": "#1b1f24",
}
DARK = {
    "paper": "#12171d",
    "ink": "#eef2f6",
    "muted": "#b4bec8",
    "axis": "#8b949e",
    "grid": "#2d353f",
    "contour": "#66717d",
    "0": "#56b4e9",
    "1": "#ff8a3d",
    "2": "#2cc495",
    "3": "#e59cc8",
    "4": "#e8c547",
    "5": "#eef2f6",
}
# Of a heat map: the further from the paper, the more. The steps differ in lightness, which everyone sees.
_RAMP = ("#eef3f8", "#cfe0ee", "#a8cbe3", "#7cb2d6", "#4c95c4", "#2378ae", "#095c90", "#04436d", "#022c4a", "#01192c")
STEPS = len(_RAMP)
LIGHT |= {f"h{i}": colour for i, colour in enumerate(_RAMP)}
DARK |= {f"h{i}": colour for i, colour in enumerate(reversed(_RAMP))}
THEMES = {"light": LIGHT, "dark": DARK}
COLOURS = 6


def sheet(theme) -> str:
    """The rules that paint every class in the colours of ``theme``."""
    rules = [f".plot .f-{name}{{fill:{c}}}.plot .s-{name}{{stroke:{c}}}" for name, c in theme.items()]
    return "".join(rules)


SHEET = f"@media screen and (prefers-color-scheme:dark){{{sheet(DARK)}}}"
"""For a page with plots, once; a picture of its own has it inside."""


def paint(fill=None, stroke=None) -> str:
    """The attributes that give an element its colours."""
    classes, attributes = [], []
    for letter, attribute, name in (("f", "fill", fill), ("s", "stroke", stroke)):
        if name is not None:
            classes.append(f"{letter}-{name}")
            attributes.append(f'{attribute}="{LIGHT[str(name)]}"')
    if fill is None:
        attributes.append('fill="none"')
    return f'class="{" ".join(classes)}" {" ".join(attributes)}'


def text(x, y, said, size=LABEL, *, fill="ink", anchor="start", weight=None, halo=False) -> str:
    """One line of text; ``said`` is data and is escaped here. ``halo``: lines behind it keep a distance."""
    more = f' font-weight="{weight}"' if weight else ""
    if anchor != "start":
        more += f' text-anchor="{anchor}"'
    painted = paint(fill)
    if halo:
        painted = paint(fill, "paper") + ' stroke-width="5" stroke-linejoin="round" paint-order="stroke"'
    return f'<text x="{fixed(x)}" y="{fixed(y)}" font-size="{size}" {painted}{more}>{xml(said)}</text>'


def line(points, colour, thickness=3.0, opacity=None, dash=None) -> str:
    """A polyline through points in pixels; nothing where there are fewer than two."""
    if len(points) < 2:
        return ""
    more = f' opacity="{opacity:g}"' if opacity else ""
    more += f' stroke-dasharray="{dash}"' if dash else ""
    path = " ".join(f"{fixed(u)},{fixed(v)}" for u, v in points)
    return (
        f'<polyline points="{path}" {paint(stroke=colour)} stroke-width="{thickness:g}" stroke-linejoin="round" '
        f'stroke-linecap="round"{more}/>'
    )


def marker(number, x, y, r=6.5, title="") -> str:
    """The mark of series ``number``: its colour and its shape; the seventh is the first again, hollow."""
    colour, hollow = number % COLOURS, number // COLOURS % 2
    painted = (
        paint("paper", colour) + ' stroke-width="2.4"' if hollow else paint(colour, "paper") + ' stroke-width="1.2"'
    )
    shape = _shapes(number % COLOURS, x, y, r)
    return f"<{shape} {painted}>" + (f"<title>{xml(title)}</title>" if title else "") + f"</{shape.split()[0]}>"


def _shapes(number, x, y, r):
    if number == 0:
        return f'circle cx="{fixed(x)}" cy="{fixed(y)}" r="{r:g}"'
    outline = {
        1: [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],  # square
        2: [(0, -1.15), (1.1, 0.85), (-1.1, 0.85)],  # triangle
        3: [(0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)],  # diamond
        4: [(0, 1.15), (1.1, -0.85), (-1.1, -0.85)],  # triangle on its tip
        5: [(-0.35, -1.1), (0.35, -1.1), (0.35, -0.35), (1.1, -0.35), (1.1, 0.35), (0.35, 0.35), (0.35, 1.1),
            (-0.35, 1.1), (-0.35, 0.35), (-1.1, 0.35), (-1.1, -0.35), (-0.35, -0.35)],  # cross
    }[number]  # fmt: skip
    return 'polygon points="' + " ".join(f"{fixed(x + a * r)},{fixed(y + b * r)}" for a, b in outline) + '"'


def room(said, size=LABEL, bold=False) -> float:
    """How wide a text may become, in any of the fonts."""
    return width(said, size, bold)


def fitted(said, wide, size) -> str:
    """``said`` shortened until it is at most ``wide``."""
    said = clean(said)
    while len(said) > 4 and room(said, size) > wide:
        said = shorten(said, len(said) - 2)
    return said
