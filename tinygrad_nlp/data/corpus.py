"""A text as numbers: the id of every token, and the sentence it stands in."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .text import DataError
from .vocabulary import Vocabulary

_CHUNK = 1 << 20  # tokens per array while reading: lists of Python ints would take 10 times the memory


@dataclass(frozen=True)
class Corpus:
    """Tokens of known words, in order.

    ids         (N,) int32: the word at each place
    sentence    (N,) int32: the number of its sentence; a context window never crosses a change of it
    vocabulary  the words
    tokens      how many there were before rare words were left out
    """

    ids: np.ndarray
    sentence: np.ndarray
    vocabulary: Vocabulary
    tokens: int

    def __len__(self):
        return len(self.ids)

    @property
    def checksum(self) -> int:
        """A number that another text hardly has."""
        return zlib.crc32(np.stack([self.ids, self.sentence], axis=1))

    def piece(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """(ids, sentence) of the tokens from ``start`` to before ``stop``."""
        return self.ids[start:stop], self.sentence[start:stop]


def encode(sentences: Iterable[list[str]], min_count: int = 5) -> Corpus:
    """Number the words of ``sentences`` in one pass, then leave out those that occur fewer than ``min_count`` times.

    One pass, because standard input cannot be read twice. Memory: 8 bytes a token.
    Raises DataError if no word remains.
    """
    order: dict[str, int] = {}
    chunks, sentence_chunks, ids, numbers = [], [], [], []
    for count, sentence in enumerate(sentences):
        ids += [order.setdefault(word, len(order)) for word in sentence]
        numbers += [count] * len(sentence)
        if len(ids) >= _CHUNK:
            chunks.append(np.array(ids, np.int32))
            sentence_chunks.append(np.array(numbers, np.int32))
            ids, numbers = [], []
    chunks.append(np.array(ids, np.int32))
    sentence_chunks.append(np.array(numbers, np.int32))
    first_ids, sentence = np.concatenate(chunks), np.concatenate(sentence_chunks)

    counts = np.bincount(first_ids, minlength=len(order))
    vocabulary = frequent(dict(zip(order, counts.tolist())), len(first_ids), min_count)
    renumbered = np.array([vocabulary.get(word, -1) for word in order], np.int32).take(first_ids)
    known = renumbered >= 0
    return Corpus(renumbered[known], sentence[known], vocabulary, len(first_ids))


def frequent(counts: dict[str, int], tokens: int, min_count: int, most: int | None = None) -> Vocabulary:
    """The `Vocabulary` of a text of ``tokens`` words. Raises DataError if no word remains."""
    vocabulary = Vocabulary(counts, min_count, most)
    if not len(vocabulary):
        raise DataError(
            f"no word occurs {min_count} times in a text of {tokens:,} words; give more text, or a smaller --min-count"
        )
    return vocabulary
