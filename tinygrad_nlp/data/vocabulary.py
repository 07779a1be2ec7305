"""The words a model knows, their ids and how often each occurred."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

import numpy as np

from ..errors import TinygradError


class UnknownWordError(TinygradError, KeyError):
    """A word that the vocabulary does not hold; the message suggests words of close spelling."""

    def __str__(self):
        return self.args[0]  # KeyError would show the repr, with quotes and escapes


class Vocabulary:
    """Words and ids; id 0 is the most frequent word, and words of equal count stand in alphabetical order.

    counts     how often each word occurred; words below ``min_count`` are left out.
    most       at most so many words, the first in that order

    >>> v = Vocabulary({"the": 5, "cat": 2, "sat": 2, "typo": 1}, min_count=2)
    >>> v.words
    ('the', 'cat', 'sat')
    >>> v["sat"], "typo" in v
    (2, False)
    """

    def __init__(self, counts: Mapping[str, int], min_count: int = 1, most: int | None = None):
        kept = sorted((-count, word) for word, count in counts.items() if count >= min_count)[:most]
        self.min_count = min_count
        self.words = tuple(word for _, word in kept)
        self.counts = np.array([-count for count, _ in kept], np.int64)
        self._ids = {word: i for i, word in enumerate(self.words)}

    def __len__(self):
        return len(self.words)

    def __contains__(self, word):
        return word in self._ids

    def __iter__(self):
        return iter(self.words)

    def __getitem__(self, word: str) -> int:
        """The id of ``word``. Raises UnknownWordError with close spellings."""
        try:
            return self._ids[word]
        except KeyError:
            raise UnknownWordError(self._unknown(word)) from None

    def get(self, word: str, default=None):
        """The id of ``word``, or ``default``."""
        return self._ids.get(word, default)

    def ids(self, words: Iterable[str]) -> np.ndarray:
        """The ids of the words that are known, in their order; unknown words are left out, as training does."""
        get = self._ids.get
        return np.array([i for i in map(get, words) if i is not None], np.int32)

    def close_to(self, word: str, n: int = 3) -> list[str]:
        """Known words of similar spelling, the most similar first."""
        if word.lower() in self._ids:
            return [word.lower()]
        return difflib.get_close_matches(word.lower(), self.words, n=n, cutoff=0.6)

    def _unknown(self, word):
        close = self.close_to(word)
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        return f"{word!r} is not among the {len(self):,} words that occur at least {self.min_count} times{hint}"

    def __repr__(self):
        return f"<Vocabulary of {len(self):,} words, {int(self.counts.sum()):,} tokens>"
