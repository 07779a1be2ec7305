"""003 Q3d: CBOW, the context's vectors summed or averaged; which of the two has to be said."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import Tensor

from ..word2vec.losses import cbow_loss, negative_sampling_loss
from .report import TINY, Finding, Report, Table, gap

WORDS, DIM, CENTER = 7, 4, 6
CONTEXT = (0, 3, 3, 5)
DRAWN = (1, 4, 1)


def run(seed: int = 0) -> Report:
    rng = np.random.default_rng(seed)
    V, U = rng.normal(size=(WORDS, DIM)) / 2, rng.normal(size=(WORDS, DIM))
    context, y = np.array(CONTEXT), np.eye(WORDS)[CENTER]
    times = np.bincount(context, minlength=WORDS)
    rows, worst, gradients = [], 0.0, {}
    for combine, share in (("sum", 1.0), ("mean", 1 / len(context))):
        table, outside = Tensor(V, requires_grad=True, name="V"), Tensor(U, requires_grad=True, name="U")
        J = cbow_loss(table, context, CENTER, outside, combine)
        J.backward()
        v_hat = V[context].sum(axis=0) * share
        e = np.exp(U @ v_hat)
        y_hat = e / e.sum()
        to_table = np.outer(times * share, U.T @ (y_hat - y))
        off = max(
            gap(J, -np.log(y_hat[CENTER])),
            gap(table.grad, to_table),
            gap(outside.grad, np.outer(y_hat - y, v_hat)),
        )
        worst = max(worst, off)
        gradients[combine] = table.grad, U.T @ (y_hat - y)
        rows.append((combine, float(J.data), *(table.grad[w, 0] for w in (0, 3, 5, 1)), off))
    values = Table(
        f"context words {', '.join(map(str, CONTEXT))}; ∂J/∂v_w, first element",
        ("combined by", "J", "word 0", "word 3 (twice)", "word 5", "word 1 (absent)", "engine − closed form"),
        rows,
    )
    table = Tensor(V, requires_grad=True)

    def sampled(v, center, U):
        return negative_sampling_loss(v, center, np.array(DRAWN), U)

    cbow_loss(table, context, CENTER, Tensor(U), "mean", sampled).backward()
    v_hat = V[context].mean(axis=0)
    s = 1 / (1 + np.exp(-(U @ v_hat)))
    g = (s[CENTER] - 1) * U[CENTER] + sum(s[k] * U[k] for k in DRAWN)
    by_sampling = gap(table.grad, np.outer(times / len(context), g))
    by_gensim = gap(table.grad, np.outer(times, g))
    twice = gap(gradients["sum"][0][3], 2 * gradients["sum"][0][0])
    reading = (
        f"Loss and gradients are the closed forms within {max(worst, by_sampling):.1g}, for the sum and for the mean; "
        "a context word that stands twice gets twice the gradient. The mean divides every gradient by the "
        f"{len(context)} context words. gensim averages in the forward pass and leaves the division out of the "
        f"gradient: its context words would here get {len(context)} times the derivative, {by_gensim:.2g} more at most."
    )
    return Report(
        "CBOW: sum or mean",
        [values],
        reading,
        [
            Finding(
                29,
                f"sum and mean within {worst:.1g}, with negative sampling within {by_sampling:.1g}",
                worst < TINY and by_sampling < TINY and twice < TINY,
            )
        ],
    )
