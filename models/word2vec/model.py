"""Skip-gram: two vectors for every word, one as a center and one as an outside word."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import embedding, negative_sampling
from tinygrad_nlp.nn import Module, Parameter


class SkipGram(Module):
    """Skip-gram with negative sampling.

    words  V, the size of the vocabulary
    dim    D, the length of a vector
    rng    draws the center vectors, uniform on ±1/(2D); outside vectors start at zero, so every pair starts at a
           score of 0 and a loss of (1 + K) log 2, and the first step moves only the outside table. As in the
           word2vec program.

    ``center`` and ``outside`` are the two (V, D) tables. The center table is what one keeps as word vectors.
    """

    def __init__(self, words: int, dim: int, rng, dtype=np.float32):
        self.center = Parameter(((rng.random((words, dim)) - 0.5) / dim).astype(dtype), name="center vectors")
        self.outside = Parameter(np.zeros((words, dim), dtype), name="outside vectors")

    def forward(self, centers, outsides, negatives, reduction="mean"):
        """The loss of a batch of pairs, in nats.

        centers, outsides: (B,) ids; negatives: (B, K) ids -> a number, the mean or the sum over the pairs.
        """
        v_c = embedding(self.center, centers)
        v_c.name = "v_c"
        return negative_sampling(v_c, self.outside, outsides, negatives, reduction=reduction)
