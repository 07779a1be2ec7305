"""Choosing between values: where, maximum, minimum, clip, comparisons."""

from __future__ import annotations

__all__: list[str] = []
