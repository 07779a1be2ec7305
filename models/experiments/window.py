"""002 §1, 003 Eq 23, 004 (d): sums over a window and a corpus, with words that repeat."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import Tensor, softmax

from ..word2vec.losses import naive_softmax_loss, window_loss
from .report import TINY, Finding, Report, Table, gap

TEXT = ["the", "cat", "saw", "the", "dog", "and", "the", "dog", "saw", "the", "cat"]
REACH, DIM = 2, 3


def windows(ids, reach=REACH):
    """(center, its outside words) for every place of the text."""
    for t, center in enumerate(ids):
        near = [ids[j] for j in range(max(0, t - reach), min(len(ids), t + reach + 1)) if j != t]
        yield center, near


def run(seed: int = 0) -> Report:
    rng = np.random.default_rng(seed)
    words = sorted(set(TEXT))
    ids = [words.index(w) for w in TEXT]
    V, U = rng.normal(size=(len(words), DIM)), rng.normal(size=(len(words), DIM))
    center_table = Tensor(V, requires_grad=True, name="V")
    table = Tensor(U, requires_grad=True, name="U")
    total = sum((window_loss(center_table[c], near, table) for c, near in windows(ids)), Tensor(np.array(0.0)))
    mean = total / len(ids)
    mean.backward()

    P = np.exp(V @ U.T)
    P /= P.sum(axis=1, keepdims=True)
    engine_P = softmax(Tensor(V) @ Tensor(U).T).data
    pairs = [(c, o) for c, near in windows(ids) for o in near]
    by_pairs = -sum(np.log(P[c, o]) for c, o in pairs)
    to_V, to_U = np.zeros_like(V), np.zeros_like(U)
    for c, o in pairs:
        delta = P[c] - np.eye(len(words))[o]
        to_V[c] += U.T @ delta / len(ids)
        to_U += np.outer(delta, V[c]) / len(ids)
    corpus = Table(
        f"“{' '.join(TEXT)}”, {REACH} words to either side, in nats",
        ("what", "the engine", "pair by pair"),
        [
            ("sum over centers and windows", float(total.data), by_pairs),
            ("mean over the 11 centers, 003 Eq 23", float(mean.data), by_pairs / len(ids)),
            ("mean over the pairs, which it is not", float(total.data) / len(pairs), by_pairs / len(pairs)),
        ],
    )

    # One center, "saw" at place 2: its window is the, cat, the, dog: "the" twice.
    c, near = list(windows(ids))[2]
    v_c, U_2 = Tensor(V[c], requires_grad=True), Tensor(U, requires_grad=True)
    window_loss(v_c, near, U_2).backward()
    singles, single_U = [], []
    for o in near:
        v_o, U_o = Tensor(V[c], requires_grad=True), Tensor(U, requires_grad=True)
        naive_softmax_loss(v_o, o, U_o).backward()
        singles.append(v_o.grad)
        single_U.append(U_o.grad)
    the = words.index("the")
    sums = gap(v_c.grad, sum(singles)), gap(U_2.grad, sum(single_U))
    closed = np.outer(len(near) * P[c] - np.bincount(near, minlength=len(words)), V[c])
    one_term = single_U[near.index(the)][the]
    rows = Table(
        f"∂J/∂u_w for the center “{words[c]}” with the window {', '.join(words[o] for o in near)}, first element",
        ("word", "times in the window", "the engine", "(4 ŷ_w − times) v_c", "one term of 004 (d)"),
        [
            (w, near.count(i), U_2.grad[i, 0], closed[i, 0], single_U[near.index(i)][i, 0] if i in near else "—")
            for i, w in enumerate(words)
        ],
    )
    probability = max(gap(engine_P, P), gap(engine_P.sum(axis=1), np.ones(len(words))))
    sum_gap = abs(float(total.data) - by_pairs)
    gradient_gap = max(gap(center_table.grad, to_V), gap(table.grad, to_U))
    reading = (
        f"Sum and mean over the corpus are the pair-by-pair numbers within {sum_gap:.1g}, their gradients within "
        f"{gradient_gap:.1g}. 003 divides by the number of centers, not of pairs. ∂J/∂v_c is the sum of the window's "
        f"terms; so is ∂J/∂u_w: the single term of 004 (d) is off by {gap(U_2.grad[the], one_term):.2g} for “the”, "
        "which stands in the window twice, and every word outside the window gets a gradient too."
    )
    return Report(
        "Sums over the window",
        [corpus, rows],
        reading,
        [
            Finding(
                15,
                f"P sums to 1 within {probability:.1g}; corpus loss as pair by pair within {sum_gap:.1g}",
                probability < TINY and sum_gap < 100 * TINY,
            ),
            Finding(
                23,
                f"{float(mean.data):.6f} nats, within {abs(float(mean.data) - by_pairs / len(ids)):.1g}; "
                f"gradients within {gradient_gap:.1g}",
                abs(float(mean.data) - by_pairs / len(ids)) < 10 * TINY and gradient_gap < TINY,
            ),
            Finding(
                28,
                f"sums within {max(sums):.1g}; one term alone is off by {gap(U_2.grad[the], one_term):.2g} "
                "for a repeated word",
                max(sums) < TINY and gap(U_2.grad, closed) < TINY,
                refuted=gap(U_2.grad[the], one_term) > 1e-3,
            ),
        ],
    )
