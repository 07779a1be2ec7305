"""003 Q3c and 004 (c): negative sampling's loss and gradients, with a word drawn several times."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import Tensor, negative_sampling

from ..word2vec.losses import negative_sampling_loss
from .report import TINY, Finding, Report, Table, gap

WORDS, DIM, OUTSIDE = 7, 4, 2
DRAWN = (5, 1, 5, 3, 5, 2)
"""Word 5 three times, and once the outside word itself."""


def sigma(x):
    return 1 / (1 + np.exp(-x))


def run(seed: int = 0) -> Report:
    rng = np.random.default_rng(seed)
    v, U = rng.normal(size=DIM), rng.normal(size=(WORDS, DIM))
    drawn = np.array(DRAWN)
    v_c, table = Tensor(v, requires_grad=True, name="v_c"), Tensor(U, requires_grad=True, name="U")
    J = negative_sampling_loss(v_c, OUTSIDE, drawn, table)
    J.backward()
    fused_v, fused_table = Tensor(v[None], requires_grad=True), Tensor(U, requires_grad=True)
    fused = negative_sampling(fused_v, fused_table, np.array([OUTSIDE]), drawn[None])
    fused.backward()
    fused_U = np.asarray(fused_table.grad)  # row-sparse: only the words named

    scores = U @ v
    loss = -np.log(sigma(scores[OUTSIDE])) - sum(np.log(sigma(-scores[k])) for k in DRAWN)
    without_minus = -np.log(sigma(scores[OUTSIDE])) - sum(np.log(sigma(scores[k])) for k in DRAWN)
    without_log = -np.log(sigma(scores[OUTSIDE])) - sum(sigma(-scores[k]) for k in DRAWN)
    to_v = (sigma(scores[OUTSIDE]) - 1) * U[OUTSIDE] + sum(sigma(scores[k]) * U[k] for k in DRAWN)
    count = np.bincount(drawn, minlength=WORDS)
    per_draw = np.outer(count * sigma(scores), v)
    per_word = np.outer((count > 0) * sigma(scores), v)
    for rows in (per_draw, per_word):
        rows[OUTSIDE] += (sigma(scores[OUTSIDE]) - 1) * v

    forms = Table(
        "the loss in nats",
        ("form", "J", "− the engine's"),
        [
            ("the engine, op by op", float(J.data), 0.0),
            ("the engine's fused op", float(fused.data), float(fused.data) - float(J.data)),
            ("−log σ(u_o·v) − Σ log σ(−u_k·v)", loss, loss - float(J.data)),
            ("003 Eq 36, without the inner minus", without_minus, without_minus - float(J.data)),
            ("004 (c), without the log", without_log, without_log - float(J.data)),
        ],
    )
    gradients = Table(
        "the gradient of each word of U, as a multiple of v_c",
        ("word", "times drawn", "the engine", "counting every draw", "counting the word once"),
        [
            (f"{w}{' (outside)' if w == OUTSIDE else ''}", int(count[w]), *(rows[w] @ v / (v @ v) for rows in three))
            for three in [(table.grad, per_draw, per_word)]
            for w in range(WORDS)
        ],
    )
    worst_v = max(gap(v_c.grad, to_v), gap(fused_v.grad[0], to_v))
    worst_U = max(gap(table.grad, per_draw), gap(fused_U, per_draw))
    reading = (
        f"Loss and ∂J/∂v_c are the closed forms within {max(abs(loss - float(J.data)), worst_v):.1g}, from single ops "
        "and from the fused one. Word 5 was drawn three times and gets three times the push: (σ − t)v once per word "
        f"would miss by {gap(table.grad, per_word):.2g}. The outside word, drawn once as a negative, is pulled and "
        f"pushed; words {', '.join(str(w) for w in range(WORDS) if not count[w] and w != OUTSIDE)} get exactly 0."
    )
    still = [w for w in range(WORDS) if not count[w] and w != OUTSIDE]
    return Report(
        "Negative sampling",
        [forms, gradients],
        reading,
        [
            Finding(
                25,
                f"loss within {abs(loss - float(J.data)):.1g}, ∂J/∂v within {worst_v:.1g}",
                abs(loss - float(J.data)) < TINY and abs(float((fused - J).data)) < TINY and worst_v < TINY,
                refuted=min(abs(without_minus - loss), abs(without_log - loss)) > 1e-3,
            ),
            Finding(
                26,
                f"per draw within {worst_U:.1g}; once per word is off by {gap(table.grad, per_word):.2g}",
                worst_U < TINY and not table.grad[still].any(),
                refuted=gap(table.grad, per_word) > 1e-3,
            ),
        ],
    )
