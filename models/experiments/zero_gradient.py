"""000, 001 (b)(ii) say that ∂J/∂v_c is zero when ŷ = y. It is zero exactly when Uᵀ(ŷ − y) = 0, which asks for less."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import Tensor, softmax

from ..word2vec.losses import naive_softmax_loss
from .report import TINY, Finding, Plot, Report, Series, Table, gap

CENTERED = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
"""The outside word at the mean of all words: at v_c = 0, where all are equally likely, its pull and the push cancel."""


def at(U, v, o=0):
    """ŷ and ∂J/∂v_c."""
    v_c, U = Tensor(np.asarray(v, np.float64), requires_grad=True), Tensor(U)
    naive_softmax_loss(v_c, o, U).backward()
    return softmax(U @ v_c.detach()).data, v_c.grad


def run(seed: int = 0) -> Report:
    rng = np.random.default_rng(seed)
    y = np.eye(5)[0]
    independent = np.eye(5)
    cases = [
        ("outside word at the mean of the words, v = 0", CENTERED, np.zeros(2)),
        ("the same words, v = (1, 0)", CENTERED, np.array([1.0, 0.0])),
        ("five independent word vectors, v = 0", independent, np.zeros(5)),
        ("the same, v = 20 u_o", independent, 20 * independent[0]),
        ("the same, v = 800 u_o", independent, 800 * independent[0]),
        ("random words, random v", rng.normal(size=(5, 2)), rng.normal(size=2)),
    ]
    rows, equal = [], 0.0
    for name, U, v in cases:
        y_hat, gradient = at(U, v)
        equal = max(equal, gap(gradient, U.T @ (y_hat - y)))
        rows.append((name, y_hat[0], float(np.linalg.norm(y_hat - y)), float(np.linalg.norm(gradient))))
    table = Table("‖∂J/∂v_c‖ beside ‖ŷ − y‖", ("case", "ŷ_o", "‖ŷ − y‖", "‖∂J/∂v_c‖"), rows)
    wrong_but_still, _, _, _, saturated, _ = rows
    # J is convex in v_c: a zero gradient is its minimum. Steps from anywhere end there, and ŷ stays 1/5.
    v = rng.normal(size=2)
    for _ in range(400):
        v = v - 0.5 * at(CENTERED, v)[1]
    settled = at(CENTERED, v)[0]
    reading = (
        f"In the first case the prediction is wrong (ŷ_o = {wrong_but_still[1]:.2g}) and the gradient is "
        f"{wrong_but_still[3]:.2g}: the outside word lies at the words' expected place, so pull and push cancel. It is "
        f"the best v_c there is: descent from elsewhere ends at ŷ_o = {settled[0]:.4f}. In every case the gradient is "
        f"Uᵀ(ŷ − y) within {equal:.1g}. ŷ = y needs infinite scores; in floating point it is reached at a score of "
        f"800, where the gradient is {saturated[3]:g}."
    )
    return Report(
        "Zero gradient, wrong prediction",
        [table],
        reading,
        [
            Finding(
                5,
                f"‖gradient‖ {wrong_but_still[3]:.1g} at ‖ŷ − y‖ {wrong_but_still[2]:.2g}; = Uᵀ(ŷ − y) "
                f"within {equal:.1g}",
                equal < TINY and saturated[2] == saturated[3] == 0 and rows[1][3] > 0.1,
                refuted=wrong_but_still[3] < TINY and wrong_but_still[2] > 0.5,
            )
        ],
        [
            Plot(
                "The words: u_o is the expected word",
                "",
                "",
                [Series("words", CENTERED[1:, 0], CENTERED[1:, 1], "points"), Series("u_o", [0.0], [0.0], "points")],
                square=True,
            )
        ],
    )
