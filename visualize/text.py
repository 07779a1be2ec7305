"""Text in pictures: made harmless, shortened, and measured without asking a font.

A name is data. Whatever a user or a data set calls a tensor, it must come out as those characters and nothing else:
no markup, no escape sequence of DOT, no invisible character that reorders its neighbours.
"""

from __future__ import annotations

import math
import unicodedata

_JOINERS = "\u200c\u200d"  # zero-width (non-)joiner: invisible, but emoji and several scripts are spelled with them


def clean(text) -> str:
    """``text`` on one line, without control, formatting, private or unassigned characters.

    Dropped are, among others, NUL and escape (illegal in XML), lone surrogates (not encodable as UTF-8) and the
    bidirectional overrides, with which a name could display as another. Line ends and tabs become spaces.
    """
    kept = []
    for character in str(text):
        if character.isspace():
            kept.append(" ")
        elif character in _JOINERS or unicodedata.category(character)[0] != "C":
            kept.append(character)
    return " ".join("".join(kept).split())


def xml(text) -> str:
    """``text`` cleaned and with every character that means something to XML written as an entity."""
    out = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return out.replace('"', "&quot;").replace("'", "&#39;")


def shorten(text, limit=26) -> str:
    """``text`` cleaned and at most ``limit`` characters long: the middle goes, as names differ at both ends."""
    text = clean(text)
    if len(text) <= limit:
        return text
    head = limit // 2
    return f"{text[:head]}…{text[len(text) - (limit - head - 1) :]}"


# Advance widths of DejaVu Sans, the widest of the usual sans-serif fonts, in hundredths of the font size, from
# U+0020 on. A box measured with them holds the text in Arial, Helvetica, Roboto and Noto Sans too.
_WIDTHS = (
    "32 40 46 84 64 95 78 28 39 39 50 84 32 36 32 34 64 64 64 64 64 64 64 64 64 64 34 34 84 84 84 53 100 "
    "68 69 70 77 63 58 77 75 29 29 66 56 86 75 79 60 79 69 63 61 73 68 99 69 61 69 39 34 39 84 50 50 "
    "61 63 55 63 62 35 63 63 28 28 58 28 97 63 61 63 63 41 52 39 63 59 82 59 59 52 64 34 64 84"
)
_WIDTH = {chr(32 + i): int(w) / 100 for i, w in enumerate(_WIDTHS.split())}


def width(text: str, size: float, bold=False) -> float:
    """An upper bound, in user units, of the width of ``text`` set in a sans-serif font of ``size``."""
    em = 0.0
    for character in text:
        known = _WIDTH.get(character)
        if known is not None:
            em += known
        elif unicodedata.combining(character) or character in _JOINERS:
            continue
        else:
            em += 1.3 if unicodedata.east_asian_width(character) in "WF" else 0.8
    return em * size * (1.12 if bold else 1.0)


def number(value, digits=3) -> str:
    """A number as one writes it on a board: 3 significant digits, a true minus sign, no trailing zeros."""
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    text = f"{value:.{digits}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        if "." in mantissa:
            mantissa = mantissa.rstrip("0").rstrip(".")
        text = f"{mantissa}e{int(exponent)}"
    elif "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "−")


def brief(value) -> str:
    """A number in at most six characters, for a cell: 2 significant digits, 1 below 0.01 and above 99."""
    if math.isfinite(value) and value and not 0.0095 <= abs(value) < 99.5:
        mantissa, exponent = f"{value:.0e}".split("e")
        return (
            f"{mantissa}e{int(exponent)}".replace("-", "−")
            if abs(value) < 0.0095 or abs(value) > 9999
            else number(value, 4)
        )
    return number(value, 2)


def shape_text(shape) -> str:
    """``scalar``, ``(3)`` or ``(6, 3)``."""
    return f"({', '.join(map(str, shape))})" if len(shape) else "scalar"
