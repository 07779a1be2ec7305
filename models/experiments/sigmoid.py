"""003 Q2a and Eq 39–40: σ′ = σ(1 − σ) and 1 − σ(−x) = σ(x), also where e^x leaves the range of numbers."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import Tensor, grad, sigmoid

from .report import TINY, Finding, Plot, Report, Series, Table, gap

EXTREMES = (-1000.0, -40.0, -1.0, 0.0, 1.0, 40.0, 1000.0)


def slope(x) -> np.ndarray:
    """σ′ at every element of ``x``, by the engine."""
    return np.asarray(grad(lambda t: sigmoid(t).sum())(x))


def run(seed: int = 0) -> Report:
    x = np.concatenate([np.random.default_rng(seed).normal(size=500) * 5, EXTREMES])
    s, s_of_minus, derivative = sigmoid(Tensor(x)).data, sigmoid(Tensor(-x)).data, slope(x)
    with np.errstate(over="ignore"):
        closed = 1 / (4 * np.cosh(x / 2) ** 2)  # the same function without σ: neither the rule nor the op is used
    product, independent = gap(derivative, s * (1 - s)), gap(derivative, closed)
    reflection = gap(1 - s_of_minus, s)
    with np.errstate(over="ignore", invalid="ignore"):
        naive = np.exp(x) / (1 + np.exp(x))
    table = Table(
        "at chosen places",
        ("x", "σ(x)", "1 − σ(−x)", "σ′ by the engine", "eˣ/(1 + eˣ)"),
        [(x[i], s[i], 1 - s_of_minus[i], derivative[i], naive[i]) for i in range(500, len(x))],
    )
    below, at_40 = (float(s[501]), float(1 - s_of_minus[501])), float(derivative[505])
    reading = (
        f"σ′ by the engine is σ(1 − σ), and 1/(4 cosh²(x/2)) within {independent:.1g}; the reflection holds within "
        f"{reflection:.1g} at ±1000 too, where eˣ/(1 + eˣ) is NaN at the upper end. Equal within rounding of 1 is not "
        f"equal in every digit: at −40 σ is {below[0]:.2g} and 1 − σ(40) is {below[1]:g}; σ(1 − σ) at 40 is {at_40:g}."
    )
    t = np.linspace(-8, 8, 161)
    return Report(
        "The logistic function",
        [table],
        reading,
        [
            Finding(
                17,
                f"equal within {product:.1g}; 1/(4 cosh²(x/2)) within {independent:.1g}",
                product < TINY and independent < TINY,
            ),
            Finding(
                18,
                f"equal within {reflection:.1g}, finite at ±1000",
                reflection < TINY and bool(np.isfinite(s).all()),
            ),
        ],
        [Plot("σ and σ′", "x", "", [Series("σ", t, sigmoid(Tensor(t)).data), Series("σ′", t, slope(t))])],
    )
