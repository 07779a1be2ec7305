"""A table of vectors, one row per word."""

from __future__ import annotations

import numpy as np

from .. import ops
from ..errors import IndexRangeError, explain
from ..versions import note_change
from . import init
from .module import Module, Parameter
from .sizes import size


class Embedding(Module):
    """Rows of a table by number: the product of one-hot rows with the table, without the product.

    index: integers of any shape (…) -> (…, embedding_dim)
    weight       (num_embeddings, embedding_dim), N(0, 1) at first, PyTorch's default
    padding_idx  a row for "no word here": 0 at first, and it receives no gradient; negative counts from the end

    The gradient of the table is a `RowSparse`: O(numbers looked up), not O(table); SGD and Adagrad use it as it is, and
    Adam with ``sparse=True``. A row looked up several times receives the sum (003 Eq 41 as corrected).

    Raises IndexRangeError for a number outside the table, negative ones included: a word id has no sign.
    """

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, *, dtype=np.float32, rng=None):
        num_embeddings = size("Embedding", "num_embeddings", num_embeddings)
        embedding_dim = size("Embedding", "embedding_dim", embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise IndexRangeError(
                explain("Embedding: padding_idx", got=repr(padding_idx), expected=f"a row of {num_embeddings}, or None")
            )
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight = Parameter(np.empty((num_embeddings, embedding_dim), dtype))
        self.reset_parameters(rng)

    @classmethod
    def from_pretrained(cls, table, freeze=True, padding_idx=None):
        """An Embedding that starts with the rows of ``table`` (V, D); frozen unless ``freeze`` is False."""
        table = np.asarray(getattr(table, "_data", table))
        made = cls(*table.shape, padding_idx, dtype=table.dtype if table.dtype.kind == "f" else np.float32)
        made.load_state_dict({"weight": table})
        return made.requires_grad_(not freeze)

    def reset_parameters(self, rng=None):
        """Draw the table anew."""
        init.normal_(self.weight, generator=rng)
        if self.padding_idx is not None:
            self.weight._data[self.padding_idx] = 0
            note_change(self.weight._data)

    def forward(self, index):
        return ops.embedding(self.weight, index, padding_idx=self.padding_idx)

    def extra_repr(self):
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
