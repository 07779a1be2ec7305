"""Clipping: gradients made no longer, or no larger, than a bound, between backward and step."""

from __future__ import annotations

import math

import numpy as np

from ..errors import GradientError, OptionError, describe, explain
from ..rowsparse import RowSparse
from ..tensor import Tensor


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False) -> float:
    """Scale all gradients by one factor so that their common norm is at most ``max_norm``; return the norm before.

    One factor for all keeps the direction of the step: g ← g · min(1, max_norm / (|g| + 10⁻⁶)), as PyTorch has it.

    parameters          Parameters, or one; those without gradient count as 0
    norm_type           p of the p-norm, or ``math.inf`` for the largest element
    error_if_nonfinite  raise GradientError, naming the parameter, instead of spreading NaN to all

    Source: Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks", section 3.2.
    """
    if not norm_type > 0:
        raise OptionError(
            explain("clip_grad_norm_: norm_type", got=repr(norm_type), expected="a number above 0, or math.inf")
        )
    held = _with_gradient(parameters)
    norms = [_norm(_merged(p), norm_type) for p in held]
    total = _norm(np.array(norms, np.float64), norm_type)
    if error_if_nonfinite and not math.isfinite(total):
        culprit = next((p for p, norm in zip(held, norms) if not math.isfinite(norm)), held[0])
        raise GradientError(
            explain(
                "clip_grad_norm_",
                got=f"a gradient of norm {total}; the first is that of {describe(culprit)}",
                expected="finite gradients",
                write="with detect_anomaly(): … around forward and backward, to see where it began",
            )
        )
    factor = max_norm / (total + 1e-6)
    if not factor >= 1:  # also where it is NaN, which then shows in every gradient
        for p in held:
            _replace(p, lambda g: g * factor)
    return total


def clip_grad_value_(parameters, clip_value) -> None:
    """Limit every element of every gradient to [−clip_value, clip_value]. It changes the direction of the step."""
    if not clip_value >= 0:
        raise OptionError(explain("clip_grad_value_", got=repr(clip_value), expected="a number >= 0"))
    for p in _with_gradient(parameters):
        _replace(p, lambda g: np.clip(g, -clip_value, clip_value))


def _with_gradient(parameters):
    return [p for p in ([parameters] if isinstance(parameters, Tensor) else parameters) if p._grad is not None]


def _merged(parameter):
    """The gradient's numbers, the contributions to one row summed: a norm or a limit means the sums."""
    g = parameter._grad
    if isinstance(g, RowSparse):
        rows, values = g.merged()
        parameter._grad = RowSparse(rows, values, g.shape)  # so that they are not summed again
        return values
    return g._data if isinstance(g, Tensor) else g


def _replace(parameter, function):
    # A new array: hooks and users may hold the old one.
    values, g = function(_merged(parameter)), parameter._grad
    parameter._grad = RowSparse(g.rows, values, g.shape) if isinstance(g, RowSparse) else values


def _norm(array, p) -> float:
    if not array.size:
        return 0.0
    if p == math.inf:
        return float(np.abs(array).max())
    if p == 2:
        flat = array.reshape(-1)
        return math.sqrt(float(np.dot(flat, flat)))
    return float((np.abs(array) ** p).sum() ** (1 / p))
