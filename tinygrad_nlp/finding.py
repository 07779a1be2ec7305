"""What comparing a gradient with its measurement shows: where they differ most, and what the difference looks like."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .broadcasting import sum_to_shape

__all__ = ["Finding", "compare"]


@dataclass(frozen=True)
class Finding:
    """What comparing a gradient with its measurement showed.

    kind        "equal", "shape", "not linear", "not finite", "sign", "factor", "transposed", "zero", "partly zero",
                "extra" or "different"
    diagnosis   the likely mistake, in words
    position    index of the largest difference: (*place in the output, *place in the argument), or None
    analytic    what the rule says there
    numeric     what was measured there
    difference  |analytic − numeric| there, and
    tolerance   what would have been accepted
    analytic_jacobian, numeric_jacobian  the two, whole, where they differ
    """

    kind: str
    diagnosis: str = ""
    position: tuple | None = None
    analytic: float = float("nan")
    numeric: float = float("nan")
    difference: float = 0.0
    tolerance: float = 0.0
    analytic_jacobian: np.ndarray | None = field(default=None, repr=False, compare=False)
    numeric_jacobian: np.ndarray | None = field(default=None, repr=False, compare=False)

    def __bool__(self):
        return self.kind == "equal"


def compare(analytic, numeric, ndim=None, *, atol=1e-7, rtol=1e-5) -> Finding:
    """Compare a gradient with its measurement, and say what the difference looks like.

    ``numeric``: (*output shape, *argument shape), the argument having ``ndim`` axes (default: all of them).
    ``analytic``: the same, or of another shape if the rule answered in the wrong one.
    """
    analytic, numeric = np.asarray(analytic), np.asarray(numeric)
    ndim = numeric.ndim if ndim is None else ndim
    if analytic.shape != numeric.shape:
        return Finding("shape", _shape_diagnosis(analytic, numeric, ndim))
    tolerance = atol + rtol * np.abs(numeric)
    difference = np.abs(analytic - numeric)
    bad = ~(difference <= tolerance)  # NaN is bad
    if not bad.any():
        return Finding("equal")
    excess = np.where(bad, np.nan_to_num(difference - tolerance, nan=np.inf, posinf=np.inf), -1.0)
    at = np.unravel_index(int(np.argmax(excess)), excess.shape)
    kind, diagnosis = _diagnosis(analytic, numeric, bad, ndim, lambda a: np.all(np.abs(a - numeric) <= tolerance))
    return Finding(
        kind,
        diagnosis,
        tuple(int(i) for i in at),
        float(analytic[at]),
        float(numeric[at]),
        float(difference[at]),
        float(tolerance[at]),
    )


def _diagnosis(analytic, numeric, bad, ndim, equal):
    """(kind, words) for two arrays of one shape that differ at ``bad``."""
    if not np.isfinite(analytic).all():
        return (
            "not finite",
            "the rule gives NaN or Inf: a division by zero, or inf · 0? detect_anomaly() names the line",
        )
    if not np.isfinite(numeric).all():
        return "not finite", "the function itself is not finite near this point: choose inputs inside its domain"
    if not analytic.any():
        return "zero", "no gradient arrives: was the argument detached, overwritten, or read as x.data on the way?"
    if equal(-analytic):
        return "sign", "the sign is flipped"
    if ndim >= 2 and analytic.shape[-1] == analytic.shape[-2] and equal(np.swapaxes(analytic, -1, -2)):
        return "transposed", "the last two axes are exchanged: a transpose is missing, or one too many"
    factor = float((analytic * numeric).sum() / (numeric * numeric).sum()) if numeric.any() else 0.0
    if factor and equal(analytic / factor):
        return "factor", f"the gradient is {factor:.6g} times the true one{_guess(factor, numeric.shape)}"
    if not analytic[bad].any():
        return (
            "partly zero",
            f"{int(bad.sum())} of {bad.size} elements are 0 and should not be: a path is detached or overwritten",
        )
    if not np.abs(numeric[bad]).max() > 1e-6:
        return (
            "extra",
            f"{int(bad.sum())} of {bad.size} elements should be 0: a mask is missing?",
        )
    return (
        "different",
        f"{int(bad.sum())} of {bad.size} elements differ: a term is missing, or another argument's gradient was given?",
    )


def _guess(factor, shape):
    for n in sorted({int(s) for s in shape if s > 1} | {int(np.prod(shape))} - {1}):
        if abs(factor * n - 1) < 1e-3:
            return f" = 1/{n}: a mean, or one copy, where a sum over {n} belongs?"
        if abs(factor / n - 1) < 1e-3:
            return f" = {n}: a sum where a mean over {n} belongs?"
    return ""


def _shape_diagnosis(analytic, numeric, ndim):
    outer = numeric.ndim - ndim
    got, expected = analytic.shape[outer:], numeric.shape[outer:]
    text = f"the rule answers in shape {got} for an argument of shape {expected}"
    try:
        if sum_to_shape(np.empty(got), expected).shape == expected:
            return f"{text}: the sum over the axes along which the argument was broadcast is missing"
    except (ValueError, IndexError):
        pass
    return text + (": a transpose is missing" if sorted(got) == sorted(expected) else "")
