"""Moving some rows of a table: what a step of a lookup's training does to its parameters."""

from __future__ import annotations

import numpy as np


def subtract_rows(table, ids, rows, scratch=None, furthest=np.inf) -> None:
    """``table[ids] -= rows`` with the rows of a repeated id summed first; other rows are neither read nor written.

    table     (V, D)
    ids       (N,)
    rows      (N, D), used up
    scratch   (2, N, D) to work in, for a caller who keeps it: fresh memory can cost more than the sums
    furthest  a row that would move by more moves that far; see `limit`

    The plain statement would keep only the last row of a repeated id, and ``np.subtract.at`` handles one number at a
    time. Here the rows of one id are summed in pairs, then pairs of pairs: as many rounds as the logarithm of the most
    frequent id's count. It is the sum that `RowSparse.merged` makes, in another order, written to the table.
    """
    one, two = np.empty((2, *rows.shape), table.dtype) if scratch is None else scratch
    # NumPy sorts 16-bit numbers by counting, several times faster than wider ones.
    order = np.argsort(ids.astype(np.uint16) if len(table) <= 1 << 16 else ids, kind="stable")
    ordered = ids.take(order)
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))[: len(ids)]
    counts = np.diff(first, append=len(ids))
    most = int(counts.max(initial=1))
    if most > 1:
        repeated = np.flatnonzero(counts > 1)
        counts = counts.take(repeated)
        rank = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        after = np.repeat(counts, counts) - rank  # how many of the id are left, this one included
        place = order.take(rank + np.repeat(first.take(repeated), counts))
        step = 1
        while step < most:
            into = np.flatnonzero((rank & (2 * step - 1) == 0) & (after > step))
            a, b = place.take(into), place.take(into + step)
            rows[a] = np.add(_take(rows, a, one), _take(rows, b, two), out=one[: len(a)])
            step *= 2
    distinct = ordered.take(first)
    sums = limit(_take(rows, order.take(first), two), furthest)
    table[distinct] = np.subtract(_take(table, distinct, one), sums, out=sums)


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


def _take(table, index, out):
    # "clip" spares the copy that "raise" makes to leave ``out`` whole on an error; these indices exist.
    return table.take(index, axis=0, out=out[: len(index)], mode="clip")
