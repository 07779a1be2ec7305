"""000, 001, 002 §1.3: −∂J/∂v_c = u_o − Σ ŷ_w u_w pulls v_c to the outside word and pushes it from the expected one.

The pull is along the vector u_o, not towards the place where u_o ends: it makes u_o·v_c larger, whatever the distance.
"""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import Tensor, optim, softmax
from tinygrad_nlp.nn import Parameter

from ..word2vec.losses import naive_softmax_loss
from .report import TINY, Finding, Plot, Report, Series, Table, gap

U = np.array([[1.2, 0.9], [1.0, -0.8], [-0.9, 0.7], [-0.6, -1.1], [0.2, 1.3]])
V_C = np.array([0.6, -0.7])
OUTSIDE = 0
RATES = (0.01, 0.1, 0.5, 2.0, 20.0)


def step(rate: float, start=V_C, table=U):
    """p(o) before and after one SGD step on v_c; v_c after; ∂J/∂v_c."""
    v_c = Parameter(start, name="v_c")
    naive_softmax_loss(v_c, OUTSIDE, Tensor(table)).backward()
    gradient = v_c.grad.copy()
    before = float(softmax(Tensor(table @ v_c.data)).data[OUTSIDE])
    optim.SGD([v_c], lr=rate).step()
    after = float(softmax(Tensor(table @ v_c.data)).data[OUTSIDE])
    return before, after, v_c.data.copy(), gradient


def run(seed: int = 0) -> Report:
    y_hat = softmax(Tensor(U @ V_C)).data
    expected = y_hat @ U
    before, after, moved, gradient = step(0.5)
    table = Table(
        "one step from v_c = (0.6, −0.7)",
        ("α", "p(o) before", "p(o) after", "v_c after"),
        [(a, p, q, f"({v[0]:.3f}, {v[1]:.3f})") for a in RATES for p, q, v, _ in [step(a)]],
    )
    # J is convex in v_c, its second derivative the covariance of the words under ŷ, so at most R² for words within R:
    # every step below 2/R² lowers J, that is raises p(o).
    safe = 2 / float((U**2).sum(axis=1).max())
    rng = np.random.default_rng(seed)
    starts = rng.normal(size=(100, 2)) * 2
    raised = sum(q > p for p, q, _, _ in (step(safe / 2, start) for start in starts))
    weak = U.copy()
    weak[OUTSIDE] = (0.0, 0.1)
    hurt = step(20.0, V_C, weak)
    terms = Table(
        "the two terms of −gradient at v_c",
        ("term", "x", "y"),
        [
            ("pull: u_o", *U[OUTSIDE]),
            ("push: −Σ ŷ_w u_w", *-expected),
            ("sum", *(U[OUTSIDE] - expected)),
            ("−∂J/∂v_c by the engine", *-gradient),
        ],
    )
    reading = (
        f"−∂J/∂v_c is u_o − Σ ŷ_w u_w within {gap(-gradient, U[OUTSIDE] - expected):.1g}. One step of 0.5 raises p(o) "
        f"from {before:.3f} to {after:.3f}; from 100 random places a step of 1/R² = {safe / 2:.2g} (R the longest "
        f"word) raised it {raised} times. That is not so for every step size: with u_o = (0, 0.1) a step of 20 takes "
        f"p(o) from {hurt[0]:.2g} to {hurt[1]:.2g}."
    )

    def arrow(name, tip, tail=V_C):
        return Series(name, (tail[0], tail[0] + tip[0]), (tail[1], tail[1] + tip[1]), "arrow")

    return Report(
        "Pull and push on v_c",
        [terms, table],
        reading,
        [
            Finding(
                6,
                f"p(o) {before:.3f} to {after:.3f} by a step of 0.5; raised {raised} of 100 times by 1/R²",
                gap(-gradient, U[OUTSIDE] - expected) < TINY
                and gap(moved, V_C + 0.5 * (U[OUTSIDE] - expected)) < TINY
                and after > before
                and raised == 100,
            )
        ],
        [
            Plot(
                "Half the pull, half the push, and the step of 0.5",
                "",
                "",
                [
                    Series("outside words", U[:, 0], U[:, 1], "points"),
                    Series("v_c", [V_C[0]], [V_C[1]], "points"),
                    arrow("pull: 0.5 u_o", 0.5 * U[OUTSIDE]),
                    arrow("push: −0.5 Σ ŷ_w u_w", -0.5 * expected),
                    arrow("step", moved - V_C),
                ],
                square=True,
                labels=[(*u, "u_o" if w == OUTSIDE else f"u_{w}") for w, u in enumerate(U)],
            )
        ],
    )
