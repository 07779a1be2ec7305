"""000, 001, 002 §1.1, 003 Q3a: one loss in four notations, two of them safe to compute."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import Tensor, log_softmax, logsumexp, one_hot, softmax

from ..word2vec.losses import naive_softmax_loss
from .report import TINY, Finding, Plot, Report, Series, Table, gap

WORDS, DIM, OUTSIDE = 7, 4, 2


def by_cross_entropy(v, o, U):
    """−Σ_w y_w log ŷ_w, every word's term written out."""
    return -(one_hot(np.array(o), num_classes=len(U.data), dtype=np.float64) * log_softmax(U @ v)).sum()


def by_log_sum_exp(v, o, U):
    """−u_o·v + log Σ_w exp(u_w·v), with the engine's log-sum-exp."""
    return logsumexp(U @ v) - U[o] @ v


def by_exp_then_log(v, o, U):
    """−log(exp(u_o·v) / Σ_w exp(u_w·v)), step by step as printed."""
    e = (U @ v).exp()
    return -(e[o] / e.sum()).log()


NOTATIONS = {
    "cross_entropy of the scores": naive_softmax_loss,
    "−Σ y log ŷ, y one-hot": by_cross_entropy,
    "−u_o·v + log Σ exp(u_w·v)": by_log_sum_exp,
    "−log of exp ÷ Σ exp, as printed": by_exp_then_log,
}


def value_and_gradient(loss, v, U, o=OUTSIDE) -> tuple[float, np.ndarray]:
    """J and ∂J/∂v_c by the engine."""
    v, U = Tensor(v, requires_grad=True, name="v_c"), Tensor(U, requires_grad=True, name="U")
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        J = loss(v, o, U)
        J.backward()
    return float(J.data), v.grad


def run(seed: int = 0) -> Report:
    rng = np.random.default_rng(seed)
    v, U = rng.normal(size=DIM), rng.normal(size=(WORDS, DIM))
    # Scores of exactly 1000, −1000 and 0, and the outside word among the losers.
    hard_v, hard_U = np.array([1000.0]), np.array([[1.0], [0.0], [-1.0], [0.5]])
    rows, at_random, at_extremes = [], {}, {}
    for name, loss in NOTATIONS.items():
        at_random[name] = value_and_gradient(loss, v, U)
        at_extremes[name] = value_and_gradient(loss, hard_v, hard_U)
        rows.append((name, at_random[name][0], at_extremes[name][0], float(at_extremes[name][1][0])))
    table = Table(
        "J in nats: scores of size 1, and scores 1000, 0, −1000, 500 (outside word: −1000)",
        ("written as", "J", "J at ±1000", "∂J/∂v there"),
        rows,
    )
    sizes = np.arange(0.0, 1001.0, 10.0)
    grown = {
        name: [value_and_gradient(loss, np.array([size]), hard_U)[0] for size in sizes]
        for name, loss in (("stable, all three", naive_softmax_loss), ("as printed", by_exp_then_log))
    }
    fused, one_hot_form, log_form, printed = at_random.values()
    spread = max(abs(J - fused[0]) for J, _ in at_random.values())
    extremes = list(at_extremes.values())
    exact = all(J == 2000 and g == 2 for J, g in extremes[:3])
    broken = not np.isfinite(extremes[3][0])

    P = softmax(Tensor(U @ v)).data
    pulled = -U[OUTSIDE] + sum(P[k] * U[k] for k in range(WORDS))
    with_plus = U[OUTSIDE] + sum(P[k] * U[k] for k in range(WORDS))
    minus_log = -(U[OUTSIDE] @ v) - np.log(np.exp(U @ v).sum())
    reading = (
        f"At scores of ordinary size the four agree within {spread:.1g}. At ±1000 the first three give the exact 2000 "
        "and its gradient 2; exponentiating first gives 0 ÷ ∞, so that J is ∞ and its gradient NaN. The gradient is "
        f"−u_o + Σ P_k u_k within {gap(fused[1], pulled):.1g}; with 003's plus before u_o it would be off by "
        f"{gap(fused[1], with_plus):.2g}."
    )
    return Report(
        "The naive-softmax loss in four notations",
        [table],
        reading,
        [
            Finding(
                1,
                f"equal within {abs(fused[0] - one_hot_form[0]):.1g}",
                abs(fused[0] - one_hot_form[0]) < TINY and abs(printed[0] - one_hot_form[0]) < TINY,
            ),
            Finding(
                2,
                f"equal within {abs(fused[0] - log_form[0]):.1g}; at ±1000 exact, exp-then-log gives "
                f"{extremes[3][0]} and NaN",
                abs(fused[0] - log_form[0]) < TINY and exact and broken,
                refuted=abs(minus_log - fused[0]) > 1e-3,
            ),
            Finding(
                24,
                f"autodiff equal within {gap(fused[1], pulled):.1g}",
                gap(fused[1], pulled) < TINY,
                refuted=gap(fused[1], with_plus) > 1e-3,
            ),
        ],
        [
            Plot(
                "The loss as scores grow; as printed it is ∞ where its line ends",
                "largest score (the outside word has minus that)",
                "J (nats)",
                [Series(name, sizes, values) for name, values in grown.items()],
            )
        ],
    )
