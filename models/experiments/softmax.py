"""003 Q1 and Q2b, 004 (a): softmax does not see a shift, so the maximum can be taken off; its Jacobian."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import Tensor, jacobian, softmax

from .report import TINY, Finding, Report, Table, gap


def literal(x) -> np.ndarray:
    """e^x_i / Σ e^x_j as it is printed."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        e = np.exp(x)
        return e / e.sum()


def run(seed: int = 0) -> Report:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=6) * 2
    y_hat = softmax(Tensor(x)).data
    shifts = [*rng.normal(size=20) * 100, 1000.0, -1000.0, 1e4, -1e4]
    shown, worst = [], 0.0
    for c in shifts:
        difference = gap(softmax(Tensor(x + c)), y_hat)
        worst = max(worst, difference)
        if abs(c) >= 1000:
            naive = literal(x + c)
            shown.append((c, difference, "NaN" if np.isnan(naive).any() else gap(naive, y_hat)))
    shift = Table(
        "softmax(x + c) against softmax(x), largest difference", ("c", "the engine", "eˣ/Σeˣ as printed"), shown
    )
    J = np.asarray(jacobian(lambda t: softmax(t))(x))
    closed = y_hat[:, None] * (np.eye(6) - y_hat[None, :])
    as_printed = y_hat[:, None] * (np.eye(6) - y_hat[:, None])  # 003 Eq 16–17: g_i twice
    matrix = Table(
        "the Jacobian by the engine, row k: ∂ŷ_k/∂x_i",
        ("", *(f"x_{i}" for i in range(1, 7))),
        [(f"ŷ_{k}", *row) for k, row in enumerate(J, 1)],
    )
    # 004 (a) prints Σeᶜ / Σe^(x_j + c), without e^x_i above: one number for all words. Here for c = 1.
    dropped = np.full(6, 6 * np.e / np.exp(x + 1).sum())
    # Taking a number of size 10⁴ from another leaves its rounding of 10⁻¹² behind.
    holds_shift = worst < 1e-11 and gap(literal(x), y_hat) < TINY
    reading = (
        f"Shifts up to ±10⁴ change softmax by no more than {worst:.1g}, the rounding of x + c; as printed, eˣ/Σeˣ is "
        f"NaN at 1000 (∞/∞) and at −1000 (0/0). The Jacobian is ŷ_k(δ_ki − ŷ_i) within {gap(J, closed):.1g}; its rows "
        "sum to 0 because the shift is invisible. With g_i in both places, as 003 prints it, it would be wrong by "
        f"{gap(J, as_printed):.2g}."
    )
    return Report(
        "Softmax: shift, overflow, Jacobian",
        [shift, matrix],
        reading,
        [
            Finding(
                16,
                f"equal within {worst:.1g} for shifts up to 10⁴, where eˣ/Σeˣ is NaN",
                holds_shift and all(row[2] == "NaN" for row in shown if row[0] > 0),
                refuted=gap(dropped, y_hat) > 1e-3,
            ),
            Finding(
                19,
                f"full Jacobian within {gap(J, closed):.1g}; rows sum to {np.abs(J.sum(axis=1)).max():.1g}",
                gap(J, closed) < TINY,
                refuted=gap(J, as_printed) > 1e-3,
            ),
        ],
    )
