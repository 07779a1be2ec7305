"""How wide text is in a terminal."""

from __future__ import annotations

import unicodedata


def columns_of(text: str) -> int:
    """Places it takes in a terminal: accents set over a letter take none."""
    return sum(not unicodedata.combining(letter) for letter in text)
