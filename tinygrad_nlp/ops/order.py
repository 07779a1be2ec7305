"""Sorting: sort, argsort, topk, argmax."""

from __future__ import annotations

__all__: list[str] = []
