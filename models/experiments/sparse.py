"""003 Eq 41: with negative sampling only the rows of the words that were drawn change, to the bit."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import RowSparse, optim

from ..word2vec.losses import naive_softmax_loss
from ..word2vec.model import SkipGram
from .report import Finding, Report, Table

WORDS, DIM = 40, 6
CENTERS, OUTSIDES = np.array([3, 8]), np.array([5, 9])
NEGATIVES = np.array([[11, 12, 11], [5, 20, 21]])


def changed(before, after) -> set[int]:
    """Rows of which any bit differs."""
    return {w for w in range(len(before)) if before[w].tobytes() != after[w].tobytes()}


def model_for(seed):
    model = SkipGram(WORDS, DIM, np.random.default_rng(seed), dtype=np.float64)
    model.outside.data = np.random.default_rng(seed + 1).normal(size=(WORDS, DIM))
    return model


def after_steps(optimizer, seed, batches) -> tuple[set[int], set[int], object]:
    """Changed rows of both tables over the last of ``batches``, and the outside table's gradient."""
    model = model_for(seed)
    stepper = optimizer(model.parameters())
    for centers, outsides, negatives in batches:
        before = model.center.data.copy(), model.outside.data.copy()
        stepper.zero_grad()
        model(centers, outsides, negatives).backward()
        stepper.step()
    return changed(before[0], model.center.data), changed(before[1], model.outside.data), model.outside.grad


def run(seed: int = 0) -> Report:
    batch = (CENTERS, OUTSIDES, NEGATIVES)
    earlier = (np.array([30]), np.array([31]), np.array([[32, 33, 34]]))
    sampled = {*OUTSIDES.tolist(), *NEGATIVES.ravel().tolist()}
    rows = []
    results = {}
    for name, optimizer, batches in (
        ("SGD", lambda p: optim.SGD(p, lr=0.5), [batch]),
        ("SGD after another batch", lambda p: optim.SGD(p, lr=0.5), [earlier, batch]),
        ("heavy ball after another batch", lambda p: optim.HeavyBall(p, lr=0.5), [earlier, batch]),
        ("Adam after another batch", lambda p: optim.Adam(p, lr=0.1), [earlier, batch]),
        ("Adam(sparse=True) after another batch", lambda p: optim.Adam(p, lr=0.1, sparse=True), [earlier, batch]),
    ):
        centers, outsides, gradient = after_steps(optimizer, seed, batches)
        results[name] = centers, outsides, gradient
        extra = len(outsides - sampled) + len(centers - set(CENTERS.tolist()))
        rows.append((name, len(centers), len(outsides), extra))
    model = model_for(seed)
    start = model.outside.data.copy()
    stepper = optim.SGD(model.parameters(), lr=0.5)
    naive_softmax_loss(model.center[CENTERS], OUTSIDES, model.outside).backward()
    stepper.step()
    naive = changed(start, model.outside.data)
    rows.append(("SGD, naive softmax", 2, len(naive), len(naive - sampled)))
    table = Table(
        f"rows of {WORDS} that differ in any bit after one step on 2 pairs, 3 negatives each ({len(sampled)} words)",
        ("optimizer", "center rows", "outside rows", "of them not in the batch"),
        rows,
    )
    centers, outsides, gradient = results["SGD"]
    held = np.unique(gradient.rows) if isinstance(gradient, RowSparse) else range(WORDS)
    reading = (
        f"One SGD step changes {len(centers)} center rows and {len(outsides)} outside rows, the words of the batch; "
        f"the other {WORDS - len(outsides)} are equal to the bit. It is true of plain SGD: a momentum or Adam's "
        f"averages go on moving the rows of earlier batches ({rows[2][3]} more rows here) unless asked not to. With "
        f"the naive softmax every one of the {len(naive)} outside rows changes."
    )
    right = centers == set(CENTERS.tolist()) and outsides == sampled
    both = results["SGD after another batch"]
    return Report(
        "Which rows change",
        [table],
        reading,
        [
            Finding(
                27,
                f"{len(outsides)} of {WORDS} rows changed, those sampled; the gradient holds {len(held)} rows "
                f"({'row-sparse' if isinstance(gradient, RowSparse) else 'dense'})",
                right and both[1] == sampled and len(naive) == WORDS,
            )
        ],
    )
