"""What skip-gram trains on: which tokens are kept, which words are paired, which are drawn as negatives.

All three are random; all take the generator that draws, so one seed gives one training.
Source: Mikolov et al. 2013, "Distributed Representations of Words and Phrases", sections 2.2 and 2.3; the
details that the paper leaves open (the window, the keep probability) as the word2vec program has them.
"""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import OptionError
from tinygrad_nlp.errors import explain


def keep_probability(counts, threshold: float = 1e-3) -> np.ndarray:
    """counts: (V,) -> (V,) the probability with which each occurrence of a word is kept.

    √(t/f) + t/f, at most 1, where f is the word's share of all tokens: the form of the word2vec program. (The paper
    prints √(t/f); the program keeps a little more.) A threshold of 0 keeps everything.
    """
    counts = np.asarray(counts, np.float64)
    if not threshold:
        return np.ones(len(counts))
    share = np.maximum(counts, 1) / max(counts.sum(), 1)
    return np.minimum(1.0, np.sqrt(threshold / share) + threshold / share)


def subsample(ids, sentence, keep, rng) -> tuple[np.ndarray, np.ndarray]:
    """Drop frequent words at random. What is left moves together, so windows reach further, as in word2vec.

    ids, sentence: (N,) -> both (M,), M <= N.
    """
    kept = rng.random(len(ids)) < keep.take(ids)
    return ids[kept], sentence[kept]


def reaches(sentence, window: int) -> tuple[np.ndarray, np.ndarray]:
    """How many words of its own sentence each word has before it and after it, ``window`` at most: two of (N,).

    >>> import numpy as np
    >>> reaches(np.array([0, 0, 0, 1, 2, 2]), 5)
    (array([0, 1, 2, 0, 0, 1]), array([2, 1, 0, 0, 1, 0]))
    """
    starts = np.flatnonzero(np.diff(sentence, prepend=sentence[:1] - 1))
    lengths = np.diff(starts, append=len(sentence))
    before = np.arange(len(sentence)) - np.repeat(starts, lengths)
    return np.minimum(before, window), np.minimum(np.repeat(lengths, lengths) - 1 - before, window)


def pairs(ids, sentence, window: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Every (center, outside) pair of a text, for window sizes drawn anew for each center.

    A center looks b words to either side, b uniform on 1 … ``window``, but not past its sentence's end: near words
    are paired more often, a distance of j with probability (window + 1 − j) / window.

    ids, sentence: (N,) -> centers (P,), outsides (P,), ordered by distance.
    """
    reach = rng.integers(1, window + 1, len(ids))
    centers, outsides = [], []
    for j in range(1, min(window, len(ids) - 1) + 1):
        together = sentence[j:] == sentence[:-j]
        right = np.flatnonzero(together & (reach[:-j] >= j))  # the center is on the left, what it sees on the right
        left = np.flatnonzero(together & (reach[j:] >= j))
        centers += [ids[right], ids[left + j]]
        outsides += [ids[right + j], ids[left]]
    if not centers:
        return ids[:0], ids[:0]
    return np.concatenate(centers), np.concatenate(outsides)


def unigram(counts, power: float) -> np.ndarray:
    """counts: (V,) -> (V,) probabilities proportional to count ** power.

    Raises OptionError if there are none: a power so large or small that the sum overflows or is 0.
    """
    with np.errstate(over="ignore"):
        weights = np.asarray(counts, np.float64) ** power
        total = weights.sum()
    if not 0 < total < np.inf:
        raise OptionError(
            explain(
                "NegativeSampler",
                got=f"power={power}",
                expected="counts ** power with a finite sum above 0",
                write="a power (--exponent) nearer 0.75",
            )
        )
    return weights / total


class NegativeSampler:
    """Draws words with probability proportional to count ** power, in constant time a word.

    The alias method (Walker 1977): the V probabilities are cut and re-packed into V columns of equal height, each
    holding at most two words; a draw picks a column, then one of its two. Unlike a table of ids it is exact.
    A drawn word may be the outside word itself: with tens of negatives in thousands of words that is rare, and
    leaving it in keeps the loss the one the documents derive. Raises OptionError as `unigram` does.

    >>> import numpy as np
    >>> NegativeSampler([9, 1], power=0.5).probabilities
    array([0.75, 0.25])
    """

    def __init__(self, counts, power: float = 0.75):
        self.probabilities = unigram(counts, power)
        size = len(self.probabilities)
        height = self.probabilities * size
        self._first_share = np.ones(size)
        self._second = np.arange(size)
        small = [i for i in range(size) if height[i] < 1]
        large = [i for i in range(size) if height[i] >= 1]
        while small and large:
            low, high = small.pop(), large[-1]
            self._first_share[low], self._second[low] = height[low], high
            height[high] -= 1 - height[low]
            if height[high] < 1:
                small.append(large.pop())

    def draw(self, shape, rng) -> np.ndarray:
        """Ids of ``shape``."""
        # One random number says both: its whole part the column, what is left the place in it.
        height = rng.random(shape) * len(self._second)
        column = height.astype(np.int64)
        height -= column
        return np.where(height < self._first_share.take(column), column, self._second.take(column))
