"""A phrase is positive if its words' vectors sum to something positive: the classifier of 002 §1.5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tinygrad_nlp import OptionError, Tensor, l2_normalize
from tinygrad_nlp.errors import explain


class PhraseSentiment:
    """score(phrase) = direction · Σ u_word; positive if above 0, negative if below.

    vectors    word -> (D,) vector
    direction  (D,): where positive is; 002 leaves open how a sum of vectors has a sign
    normalize  None: raw vectors. "words": each word's vector is made of length 1, then summed, what 002 §1.5 asks
               about. "phrase": the sum is made of length 1, which keeps every sign and no count

    A zero vector has no direction and stays zero (`l2_normalize`).
    """

    def __init__(self, vectors: Mapping[str, Sequence[float]], direction: Sequence[float], normalize=None):
        if normalize not in (None, "words", "phrase"):
            raise OptionError(
                explain("PhraseSentiment", got=f"normalize={normalize!r}", expected="None, 'words' or 'phrase'")
            )
        self.vectors = {word: np.asarray(vector, np.float64) for word, vector in vectors.items()}
        self.direction, self.normalize = np.asarray(direction, np.float64), normalize

    def sum(self, phrase: str) -> np.ndarray:
        """The phrase's vector: the sum over its words, repeats included; zero for no words."""
        words = phrase.split()
        for word in words:
            if word not in self.vectors:
                raise OptionError(
                    explain(
                        f"PhraseSentiment on {phrase!r}",
                        got=f"the word {word!r}",
                        expected="words among " + ", ".join(self.vectors),
                    )
                )
        rows = Tensor(np.array([self.vectors[word] for word in words]).reshape(len(words), len(self.direction)))
        if self.normalize == "words":
            rows = l2_normalize(rows, axis=-1)
        total = rows.sum(axis=0)
        return (l2_normalize(total, axis=-1) if self.normalize == "phrase" else total).data

    def score(self, phrase: str) -> float:
        """How positive the phrase is."""
        return float(self.direction @ self.sum(phrase))

    def sign(self, phrase: str) -> str:
        """ "+", "−", or "0" for a tie (scores within rounding of 0)."""
        score = self.score(phrase)
        return "0" if abs(score) < 1e-12 else "+" if score > 0 else "−"
