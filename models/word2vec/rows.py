"""Moving some rows of a table: what a step of a lookup's training does to its parameters."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import embedding


def move(table, ids, steps, furthest=np.inf) -> None:
    """``table[ids] -= steps`` with the steps of a repeated id summed first; other rows are neither read nor written.

    table     (V, D), changed in place
    ids       any shape K of ints
    steps     K + (D,): the rate times the gradient of ``embedding(table, ids)``
    furthest  a row that would move by more moves that far; see `limit`

    The sums are the embedding's own rule, a `RowSparse`. (NumPy's statement alone would keep only the last step of a
    repeated id.)
    """
    rows, sums = embedding.rule(0)(steps, None, table, ids, padding_idx=None).merged()
    table[rows] -= limit(sums, furthest)


def limit(rows, furthest):
    """Shorten, in place, the rows longer than ``furthest`` to that length.

    All terms of a step's sum start from the same vectors. Taken one after the other, as word2vec takes its pairs, a
    step that has gone far enough is followed by one that goes no further; taken at once they overshoot, the next
    step overshoots further back, and the loss leaves the finite numbers. A bound on the length ends that.
    """
    if furthest < np.inf:
        lengths = np.sqrt(np.vecdot(rows, rows))
        long = np.flatnonzero(lengths > furthest)
        if len(long):
            rows[long] *= (furthest / lengths[long])[:, None]
    return rows
