"""Skip-gram with negative sampling as one op: the loss of 003 Q3c and 004 (c), its gradients as written there."""

from __future__ import annotations

import numpy as np

from ..derivation import Derivation, smooth
from ..errors import ShapeError, describe, explain
from ..op import op
from ..rowsparse import OuterRows
from ..samples import integers, normal, sample
from .activation import sigmoid
from .embedding import embedding, refuse_bad_ids, rows_of
from .loss import reduce_rows, row_axis, share

__all__ = ["negative_sampling"]

BLOCK = 1 << 18
"""Numbers gathered from the table at a time."""


@op
class negative_sampling:
    """−log σ(u_o·v) − Σ_k log σ(−u_k·v): tell the true outside word from K drawn ones.

    center (B, D): the center words' vectors v. table (V, D): the outside vectors, one word a row. outside (B,):
    the true outside words. negatives (B, K): the words drawn; one that is drawn twice counts twice, one that equals
    the true word counts as drawn. In nats. The gradient of ``table`` is row-sparse: only words named here have rows.
    """

    def forward(center, table, outside, negatives, *, reduction="mean"):
        check_pairs(center, table, outside, negatives)
        scores = signed_scores(center, embedding(table, words(outside, negatives)))
        return reduce_rows(softplus(-scores).sum(axis=1), reduction)

    def vjp_center(g, out, center, table, outside, negatives, *, reduction):
        v, u_o, u_k = center, embedding(table, outside), embedding(table, negatives)
        pull = (sigmoid((u_o * v).sum(-1, keepdims=True)) - 1) * u_o
        push = (sigmoid(u_k @ column(v)) * u_k).sum(1)
        return (pull + push) * (row_axis(g, reduction) * share(reduction, v.shape[0]))

    def vjp_table(g, out, center, table, outside, negatives, *, reduction):
        v, u_o, u_k = center, embedding(table, outside), embedding(table, negatives)
        v_bar = v * (row_axis(g, reduction) * share(reduction, v.shape[0]))
        pull = (sigmoid((u_o * v).sum(-1, keepdims=True)) - 1) * v_bar
        push = sigmoid(u_k @ column(v)) @ v_bar.reshape((v.shape[0], 1, v.shape[1]))
        return rows_of(pull, outside, table.shape) + rows_of(push, negatives, table.shape)

    def kernel(needs, center, table, outside, negatives, *, reduction):
        check_pairs(center, table, outside, negatives)
        index, dtype = words(outside, negatives), np.result_type(center, table)
        losses, slope = np.empty(len(center), dtype), np.empty(index.shape, dtype)
        center_bar = np.empty(center.shape, dtype) if needs[0] else None
        # Some pairs at a time: the rows gathered for their scores are still in the cache for the gradient of center.
        step = max(1, BLOCK // max(1, index.shape[1] * center.shape[1]))
        for start in range(0, len(center), step):
            part = slice(start, start + step)
            rows = table.take(index[part], axis=0, mode="clip")  # the quickest, for ids that are known to be right
            scores = signed_scores(center[part], rows)
            # One exponential for both: log(1 + e^−|s|) for the loss, e^−|s| / (1 + e^−|s|) for σ(−s).
            small = np.exp(-np.abs(scores))
            losses[part] = (np.log1p(small) - np.minimum(scores, 0)).sum(axis=1)
            np.divide(np.where(scores >= 0, small, 1), 1 + small, out=slope[part])
            slope[part, 0] *= -1  # dJ/ds = −σ(−s); the sign of a negative's score was turned once already
            if needs[0]:
                np.matmul(slope[part, None, :], rows, out=center_bar[part, None, :])
        return reduce_rows(losses, reduction), (index, slope, center_bar)

    def kernel_vjp(g, out, saved, needs, center, table, outside, negatives, *, reduction):
        index, slope, center_bar = saved
        each = row_axis(g, reduction) * center.dtype.type(share(reduction, len(center)))
        return (
            center_bar * each if needs[0] else None,
            OuterRows(index, slope * each, center, table.shape) if needs[1] else None,
            None,
            None,
        )

    derivation = Derivation(
        statement=r"J = -\log \sigma(u_o \cdot v) - \textstyle\sum_{k=1}^{K} \log \sigma(-u_k \cdot v)",
        steps=(
            r"\frac{d}{dx} \log \sigma(x) = 1 - \sigma(x)",
            r"\frac{\partial J}{\partial v} = -(1 - \sigma(u_o \cdot v))\, u_o"
            r" + \textstyle\sum_k (1 - \sigma(-u_k \cdot v))\, u_k",
            r"1 - \sigma(-x) = \sigma(x)",
            r"\bar v = \left[(\sigma(u_o \cdot v) - 1)\, u_o"
            r" + \textstyle\sum_k \sigma(u_k \cdot v)\, u_k\right] \bar J",
            r"\bar u_o = (\sigma(u_o \cdot v) - 1)\, v\, \bar J, \qquad"
            r"\bar u_k = \sigma(u_k \cdot v)\, v\, \bar J \text{ for each time } k \text{ was drawn}",
        ),
        source="003 Q3c Eq 32-41 (Eq 36 corrected: −Σ log σ(−w_k·r̂); Eq 41: times the number of draws); 004 (c)"
        " (corrected: −Σ log σ(−u_k·v), with the logarithm)",
        shapes="center: (B, D), table: (V, D), outside: (B,) int, negatives: (B, K) int -> () or (B,)",
    )
    conventions = smooth
    samples = (
        sample(normal(4, 3), normal(6, 3), integers(0, 6, 4), integers(0, 6, 4, 5)),
        sample(normal(4, 3), normal(2, 3), integers(0, 2, 4), integers(0, 2, 4, 5), reduction="sum"),
        sample(normal(2, 3), normal(5, 3), np.array([1, 1]), np.array([[1, 1], [0, 0]]), reduction="none"),
        sample(normal(3, 2), normal(4, 2), integers(0, 4, 3), integers(0, 4, 3, 0)),
        sample(normal(0, 2), normal(4, 2), integers(0, 4, 0), integers(0, 4, 0, 3), reduction="sum"),
    )


def column(v):
    """(B, D) -> (B, D, 1): one column vector a row, for a batched product."""
    return v.reshape((*v.shape, 1))


def words(outside, negatives):
    """(B, 1 + K): the true word first, then the drawn ones."""
    return np.concatenate([np.asarray(outside)[:, None], negatives], axis=1)


def signed_scores(center, rows):
    """s = u_o·v in column 0 and −u_k·v in the others, so that the loss is Σ −log σ(s): (B, 1 + K)."""
    scores = np.vecdot(rows, center[:, None, :])
    scores[:, 1:] *= -1
    return scores


def softplus(x):
    """log(1 + e^x) without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def check_pairs(center, table, outside, negatives):
    """Refuse shapes and words that do not fit; NumPy alone would count a negative id from the table's end."""
    outside, negatives = np.asarray(outside), np.asarray(negatives)
    if center.ndim != 2 or table.ndim != 2 or center.shape[1] != table.shape[1]:
        raise ShapeError(
            explain(
                "negative_sampling",
                got=f"{describe(center, 'center')}, {describe(table, 'table')}",
                expected="center (B, D) and table (V, D) of the same D",
            )
        )
    if outside.shape != center.shape[:1] or negatives.ndim != 2 or len(negatives) != len(center):
        raise ShapeError(
            explain(
                "negative_sampling",
                got=f"{describe(outside, 'outside')}, {describe(negatives, 'negatives')} for {len(center)} centers",
                expected=f"outside ({len(center)},) and negatives ({len(center)}, K)",
            )
        )
    refuse_bad_ids("negative_sampling: outside", outside, len(table), "table has {} rows")
    refuse_bad_ids("negative_sampling: negatives", negatives, len(table), "table has {} rows")
