"""Softmax and its logarithm, layer and L2 normalization."""

from __future__ import annotations

__all__: list[str] = []
