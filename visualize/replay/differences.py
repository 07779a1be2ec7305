"""Is what a rule sends back right? Measured by central differences of the op's own forward, in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygrad_nlp import Tensor
from tinygrad_nlp.broadcasting import sum_to_shape

MOST_ELEMENTS = 64
"""Of a larger argument so many elements are measured: half of them those with the largest gradients."""

RIGHT, WRONG, NONE = "right", "wrong", "none"


@dataclass(frozen=True)
class Check:
    """verdict: RIGHT, WRONG, or NONE with the reason in ``note``; largest: difference over ``measured`` elements."""

    verdict: str
    largest: float = 0.0
    measured: int = 0
    size: int = 0
    note: str = ""


def compare(node, position, g) -> Check:
    """Measure dJ/d(argument) for the gradient ``g`` arriving at ``node``, and compare with the rule's answer.

    J is taken as Σ g·forward(…): linear in the result, so only this op's derivative is measured. The rule is run in
    float64 as well, or the rounding of float32 would hide a fault of the size of 1e-6.
    """
    op, options = node._op, node._options
    values = [_exact(a._data if isinstance(a, Tensor) else a) for a in node._args]
    x, g = values[position], np.asarray(g, np.float64)
    try:
        out = op.forward(*values, **options)
        again = op.forward(*values, **options)
        sent = op.rule(position)(g, out, *values, **options)
    except Exception as error:  # an op of the user's that takes only float32, say: no verdict, but the page still opens
        return Check(NONE, note=f"not compared: forward in float64 raised {type(error).__name__}")
    if not np.array_equal(out, again, equal_nan=True):
        return Check(NONE, note="not compared: forward is random")
    if op.broadcasts:
        sent = sum_to_shape(sent, x.shape)
    sent = np.asarray(sent, np.float64).reshape(-1)
    if not x.size:
        return Check(NONE, note="nothing to compare: no elements")

    eps = float(np.finfo(np.asarray(out).dtype).eps) if np.asarray(out).dtype.kind == "f" else 2.2e-16
    # Central differences err by h²·f‴/6 and by eps·|f|/h: the cube root of eps balances the two.
    h0, tolerance = eps ** (1 / 3), max(1e-5, 1000 * eps ** (2 / 3))
    flat = x.reshape(-1)  # a view: _exact copied
    largest, measured, kinks, wrong = 0.0, 0, 0, False
    with np.errstate(all="ignore"):
        weight = float(np.abs(g).max(initial=0))
        middle, rounding = float((g * out).sum()), 8 * eps * float(np.abs(g * out).sum())
        for i in _chosen(sent):
            centre = flat[i]
            h = h0 * max(1.0, abs(centre))
            totals = []
            for at in (centre + h, centre - h):
                flat[i] = at
                totals.append(float((g * op.forward(*values, **options)).sum()))
            flat[i] = centre
            slope, right, left = (totals[0] - totals[1]) / (2 * h), (totals[0] - middle) / h, (middle - totals[1]) / h
            if not np.isfinite([slope, sent[i]]).all():
                continue
            # Slopes that differ from side to side by far more than h explains: a kink, without a derivative to measure.
            if abs(right - left) > max(0.1 * max(abs(right), abs(left)), 1e-3 * weight, 8 * rounding / h):
                kinks += 1
                continue
            measured += 1
            apart = abs(slope - sent[i])
            largest = max(largest, apart)
            wrong = wrong or apart > tolerance * max(abs(slope), abs(sent[i])) + rounding / h + 1e-12
    if wrong:
        return Check(WRONG, largest, measured, x.size)
    if not measured:
        reason = "at a kink: the convention of the op decides" if kinks else "values are not finite"
        return Check(NONE, 0.0, 0, x.size, f"not compared: {reason}")
    return Check(RIGHT, largest, measured, x.size, f"{kinks} at a kink left out" if kinks else "")


def _exact(a):
    """A copy in float64 of an array of floats; everything else as it is."""
    if isinstance(a, np.ndarray) and a.dtype.kind == "f":
        return np.array(a, np.float64, order="C")
    return a


def _chosen(sent):
    if sent.size <= MOST_ELEMENTS:
        return range(sent.size)
    half = MOST_ELEMENTS // 2
    largest = np.argpartition(np.abs(np.nan_to_num(sent)), -half)[-half:]
    return sorted({*largest.tolist(), *np.linspace(0, sent.size - 1, half, dtype=int).tolist()})
