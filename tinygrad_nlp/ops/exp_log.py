"""Exponentials, logarithms, roots and error function."""

from __future__ import annotations

__all__: list[str] = []
