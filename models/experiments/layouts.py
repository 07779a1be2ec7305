"""Words as rows (U is (V, D)) or as columns (U is (D, V), 002): one loss, one gradient, two ways to write it.

000 and 001 write Uᵀ(ŷ − y), which is for rows, and speak of the columns of U. A layout has to be chosen and kept.
"""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import ShapeError, Tensor, cross_entropy
from tinygrad_nlp.formula import formula

from ..word2vec.losses import naive_softmax_loss
from .report import TINY, Finding, Report, Table, gap

WORDS, DIM, OUTSIDE = 7, 4, 2


def by_columns(v, o, U):
    """The naive-softmax loss with word w in column w of U (D, V)."""
    return cross_entropy(v @ U, o)


def run(seed: int = 0) -> Report:
    rng = np.random.default_rng(seed)
    v, rows_of_words = rng.normal(size=DIM), rng.normal(size=(WORDS, DIM))
    found = {}
    for layout, loss, table in (
        ("rows", naive_softmax_loss, rows_of_words),
        ("columns", by_columns, rows_of_words.T.copy()),
    ):
        v_c = Tensor(v, requires_grad=True, name="v_c")
        U = Tensor(table, requires_grad=True, name="U")
        J = loss(v_c, OUTSIDE, U)
        J.backward()
        found[layout] = float(J.data), v_c.grad, U.grad
    J, dv, dU = found["rows"]
    J_columns, dv_columns, dU_columns = found["columns"]
    v_c = Tensor(v, requires_grad=True, name="v_c")
    U = Tensor(rows_of_words, requires_grad=True, name="U")
    loss = naive_softmax_loss(v_c, OUTSIDE, U)
    printed = [formula(loss, x) for x in (v_c, U)]
    as_columns = [formula(loss, x, layout="columns") for x in (v_c, U)]

    scores = rows_of_words @ v
    y_hat = np.exp(scores) / np.exp(scores).sum()
    y = np.eye(WORDS)[OUTSIDE]
    expected_v = rows_of_words.T @ (y_hat - y)
    word_by_word = np.array([(y_hat[w] - (w == OUTSIDE)) * v for w in range(WORDS)])
    C = rows_of_words.T
    sums = gap(C @ y, rows_of_words[OUTSIDE]), gap(C @ y_hat, sum(y_hat[w] * rows_of_words[w] for w in range(WORDS)))
    try:
        Tensor(C).T @ Tensor(y_hat - y)
        mixed = ""
    except ShapeError as error:
        mixed = str(error).splitlines()[0]

    values = Table(
        "the same words in both layouts",
        ("layout", "U", "J", "∂J/∂v_c, first two", "shape of ∂J/∂U", "its entry for word 2, first"),
        [
            ("rows", str(rows_of_words.shape), J, f"{dv[0]:.6f}, {dv[1]:.6f}", str(dU.shape), dU[OUTSIDE, 0]),
            (
                "columns",
                str(C.shape),
                J_columns,
                f"{dv_columns[0]:.6f}, {dv_columns[1]:.6f}",
                str(dU_columns.shape),
                dU_columns[0, OUTSIDE],
            ),
        ],
    )
    formulas = Table(
        "printed by running the rules on symbols, and checked on these numbers",
        ("gradient", "rows", "columns"),
        [(f"∂J/∂{name}", r.unicode(), c.unicode()) for name, r, c in zip(("v_c", "U"), printed, as_columns)],
    )
    right = all(f.is_right for f in (*printed, *as_columns))
    reading = (
        f"Both layouts give one J and one ∂J/∂v_c (equal within {gap(dv, dv_columns):.1g}); ∂J/∂U has the shape of U "
        f"in each and one is the other's transpose within {gap(dU, dU_columns.T):.1g}. The formula depends on the "
        f"layout: {printed[0].unicode()} for rows, {as_columns[0].unicode()} for columns. 000's Uᵀ(ŷ − y) with words "
        "as columns is a product of shapes that do not fit."
    )
    return Report(
        "Words as rows, words as columns",
        [values, formulas],
        reading,
        [
            Finding(
                3,
                f"autodiff equal within {gap(dv, expected_v):.1g}; printed as {printed[0].unicode()}",
                gap(dv, expected_v) < TINY and right and printed[0].latex() == r"U^\top(\hat y - y)",
                refuted=bool(mixed),
            ),
            Finding(
                4,
                f"both layouts within {gap(dv, dv_columns):.1g}; Uy = u_o and Uŷ = Σ ŷ_w u_w within {max(sums):.1g}",
                abs(J - J_columns) < TINY and gap(dv_columns, C @ y_hat - C @ y) < TINY and max(sums) < TINY,
            ),
            Finding(
                13,
                f"{dU.shape} for U {rows_of_words.shape}, {dU_columns.shape} for U {C.shape}",
                dU.shape == rows_of_words.shape and dU_columns.shape == C.shape and gap(dU, dU_columns.T) < TINY,
            ),
            Finding(
                14,
                f"word by word within {gap(dU, word_by_word):.1g}; together {printed[1].unicode()}",
                gap(dU, word_by_word) < TINY and gap(dU, np.outer(y_hat - y, v)) < TINY and right,
            ),
        ],
    )
