"""Ids and vectors: embedding, its transpose rows_of, and one_hot."""

from __future__ import annotations

import numpy as np

from ..derivation import Convention, Derivation, smooth
from ..errors import DTypeError, ShapeError, explain
from ..op import op
from ..rowsparse import RowSparse
from ..samples import integers, normal, sample
from .index import constant, put_back, refuse_outside

__all__ = ["embedding", "one_hot", "rows_of"]


@op
class embedding:
    """The rows of a table at ``index``: each word's vector.

    Shapes: table: (V, D), or (V, …) in general; index: any shape K of ints -> K + (D,).
    The table's gradient is a `RowSparse` of K rows: what was not read costs nothing.

    padding_idx  a row that is read like any other and receives no gradient

    Raises IndexRangeError for ids below 0 or from V on (no counting from the end: a negative id is a bug in the
    vocabulary), DTypeError for ids that are no ints.
    """

    def forward(table, index, *, padding_idx=None):
        index = np.asarray(index)
        refuse_bad_ids("embedding", index, len(table), "table has {} rows")
        return table.take(index, axis=0, mode="clip")  # the quickest, for ids that are known to be right

    def vjp_table(g, out, table, index, *, padding_idx):
        return rows_of(g, index, shape=table.shape, padding_idx=padding_idx)

    def check(table, index, *, padding_idx):
        if table.ndim == 0:
            raise ShapeError(explain("embedding", got=f"table {table}", expected="a table of rows, (V, D)"))

    derivation = Derivation(
        statement=r"s_k = E_{i_k} \text{ (row } i_k \text{ of } E\text{)}",
        steps=(
            r"dJ = \textstyle\sum_k \bar s_k \cdot dE_{i_k}",
            r"\bar E_i = \textstyle\sum_{k:\, i_k = i} \bar s_k: \text{ a row read twice gets both gradients}",
        ),
        source="003 Eq 41, with its slip corrected: a word drawn several times counts each time",
        shapes="table: (V, D), index: K ints -> K + (D,)",
        notes="the same as one_hot(index, V) @ E, without its V·D zeros a word",
    )
    conventions = (
        Convention(
            "index = padding_idx",
            ([[1.0, 2.0], [3.0, 4.0]], np.array([0, 1, 1])),
            ([[0.0, 0.0], [2.0, 2.0]], None),
            "padding is no word: its vector is a constant. PyTorch does the same",
            {"padding_idx": 0},
        ),
    )
    samples = (
        sample(normal(5, 3), integers(0, 5, 7)),
        sample(normal(5, 3), integers(0, 5, 2, 4)),
        sample(normal(5, 3), np.array(4)),
        sample(normal(5), integers(0, 5, 3)),
        sample(normal(4, 2, 2), integers(0, 4, 3)),
        sample(normal(5, 3), np.zeros((0, 2), np.int64)),
    )


@op
class rows_of:
    """The table-shaped sum of x's vectors, each in the row that ``index`` names: the transpose of ``embedding``.

    Shapes: x: index.shape + (D,), index: any shape of ints -> shape = (V, D). On arrays the result is a
    `RowSparse`, which holds x itself and no zeros; on Tensors it is dense. ``padding_idx`` is left out of the sum.
    """

    def forward(x, index, *, shape, padding_idx=None):
        rows = np.asarray(index).reshape(-1)
        values = np.asarray(x).reshape(rows.size, *shape[1:])
        if padding_idx is not None:
            real = rows != padding_idx
            rows, values = rows[real], values[real]
        return RowSparse(rows, values, shape)

    def vjp_x(g, out, x, index, *, shape, padding_idx):
        return words_only(embedding(g, index), index, padding_idx)

    derivation = Derivation(
        statement=r"S_i = \textstyle\sum_{k:\, i_k = i} x_k",
        steps=(r"dS_{i_k} = dx_k + \dots", r"\bar x_k = \bar S_{i_k}"),
        source="transpose of embedding",
        shapes="x: K + (D,), index: K ints -> (V, D)",
    )
    conventions = smooth
    samples = (
        sample(normal(4, 3), integers(0, 5, 4), shape=(5, 3)),
        sample(normal(2, 2, 3), integers(0, 5, 2, 2), shape=(5, 3)),
        sample(normal(4, 3), np.array([1, 0, 2, 0]), shape=(3, 3), padding_idx=0),
        sample(normal(3), np.array(1), shape=(2, 3)),
    )


def words_only(vectors, index, padding_idx):
    """``vectors`` (index.shape + (D,)) with 0 where ``index`` is ``padding_idx``.

    Written as reading the others and putting them back: a product with a mask would make NaN of an infinite padding.
    """
    if padding_idx is None:
        return vectors
    words = constant(index) != padding_idx
    return put_back(vectors[words], index=words, shape=vectors.shape)


@op
class one_hot:
    """For each id a vector of zeros with a 1 at the id's place.

    Shapes: index: any shape K of ints -> K + (num_classes,). ``num_classes`` defaults to the largest id + 1.
    float32 unless ``dtype`` says otherwise: 0 and 1 are exact in every dtype, and a product takes the other's.
    No gradient: an id cannot change by a little. Raises IndexRangeError, DTypeError as ``embedding`` does.
    """

    def forward(index, *, num_classes=None, dtype=np.float32):
        index = np.asarray(index)
        if num_classes is None:
            num_classes = int(index.max()) + 1 if index.size else 0
        refuse_bad_ids("one_hot", index, num_classes, "there are {} classes")
        out = np.zeros((*index.shape, num_classes), dtype)
        if index.size:
            np.put_along_axis(out, index[..., None], 1, axis=-1)
        return out

    derivation = Derivation(
        statement=r"s_{ki} = 1 \text{ if } i_k = i \text{ else } 0",
        steps=(),
        source="000, 001 (a): y, the true empirical distribution",
        shapes="index: K ints -> K + (num_classes,)",
    )
    conventions = smooth
    samples = (
        sample(integers(0, 4, 5), num_classes=4),
        sample(integers(0, 4, 2, 3), num_classes=6),
        sample(np.array(2)),
        sample(np.zeros((0,), np.int64), num_classes=3),
    )


def refuse_bad_ids(name, index, count, holds):
    """Raise for ids that are no ints or not among 0 … count - 1; ``holds`` says with {} what there are ``count`` of."""
    if index.dtype.kind not in "iu":
        raise DTypeError(
            explain(
                name,
                got=f"index {index.shape} {index.dtype}",
                expected="ids of an integer dtype",
                write="index.astype(np.int64)" if index.dtype.kind == "f" else "np.flatnonzero(mask) for a mask",
            )
        )
    refuse_outside(name, index, 0, count, holds.format(count))
