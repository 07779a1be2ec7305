"""A text as numbers on disk: for corpora larger than memory."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .corpus import frequent
from .text import DataError
from .vocabulary import Vocabulary

_CHUNK = 1 << 18  # tokens in memory at a time
MOST_CANDIDATES = 20_000_000
"""Words counted at a time: about 2 GB. Beyond, the rarest are forgotten, as the word2vec program does."""

LONGEST_WORD = 1000
"""Characters. What is longer is data that looks like letters; it ends the sentence and is not learned."""


@dataclass(frozen=True)
class StoredCorpus:
    """As `Corpus`, with the numbers in a file of its own that goes when the object goes.

    file         (N, 2) int32: id and sentence number of every token
    length       N
    vocabulary   the words
    tokens       how many there were before rare words were left out
    forgotten    distinct words that were dropped while counting because there were too many to count; the counts of
                 rare words may then be too small
    folder       what removes the file when it goes; None in a worker
    checksum     a number that another text hardly has
    """

    file: Path
    length: int
    vocabulary: Vocabulary
    tokens: int
    forgotten: int = 0
    folder: object = None
    checksum: int = 0

    def __len__(self):
        return self.length

    def __getstate__(self):
        return {**self.__dict__, "folder": None}  # a worker reads the file; it does not own it

    def piece(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """(ids, sentence) of the tokens from ``start`` to before ``stop``, read from the file."""
        # Read, not mapped: mapped pages would count as this process's memory.
        both = np.fromfile(self.file, np.int32, 2 * (stop - start), offset=8 * start).reshape(-1, 2)
        return both[:, 0].copy(), both[:, 1].copy()


def store(
    sentences: Iterable[list[str]],
    min_count: int = 5,
    max_vocabulary: int | None = None,
    most_candidates: int = MOST_CANDIDATES,
) -> StoredCorpus:
    """Number the words of ``sentences``, which are read once, and keep the numbers on disk.

    min_count        words that occur less often are left out
    max_vocabulary   at most so many words, the most frequent ones
    most_candidates  when more different words have been met, those seen once are forgotten, then those seen twice …
                     until half remain. A forgotten word that comes again is counted from 0.

    Two passes: words get provisional numbers in the order they are met, written to a file as they come; when all
    are counted, that file is rewritten with the final numbers. Memory: the words, not the text. Disk: 4 bytes a token
    for the first file, 8 for the second; TMPDIR says where.
    Raises DataError if no word remains.
    """
    folder = tempfile.TemporaryDirectory(prefix="tinygrad_nlp-")
    try:
        first, last = Path(folder.name, "first"), Path(folder.name, "corpus")
        words = _Candidates(most_candidates)
        with open(first, "wb") as stream:
            tokens = _number(sentences, words, stream)
        vocabulary = frequent(words.counts, tokens, min_count, max_vocabulary)
        old = np.array([words.numbers[word] for word in vocabulary.words], np.int64)
        length, checksum = _renumber(first, last, old)
        first.unlink()
        return StoredCorpus(last, length, vocabulary, tokens, words.forgotten, folder, checksum)
    except OSError as error:
        folder.cleanup()
        raise DataError(
            f"the text, as numbers, does not fit into {Path(folder.name).parent} ({error.strerror or 'it is full'}); "
            "set TMPDIR to a folder with 12 bytes of room per word of text"
        ) from None
    except BaseException:
        folder.cleanup()
        raise


class _Candidates:
    """Words met so far, their numbers and counts; at most ``most`` of them."""

    def __init__(self, most):
        self.most, self.forgotten = most, 0
        self.numbers: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self.next = 1  # 0 ends a sentence

    def number(self, word):
        """The number of a word that has none yet."""
        if len(self.numbers) >= self.most:
            self._forget()
        if self.next > np.iinfo(np.int32).max:
            raise DataError("more than two billion different words; is this text?")
        self.numbers[word] = number = self.next
        self.next += 1
        return number

    def _forget(self):
        rare = 0
        while len(self.counts) > self.most // 2:
            rare += 1
            gone = [word for word, count in self.counts.items() if count <= rare]
            for word in gone:
                del self.counts[word], self.numbers[word]
            self.forgotten += len(gone)


def _number(sentences, words, stream):
    """Write the provisional numbers of ``sentences`` to ``stream``; returns how many words there were."""
    numbers, counts, tokens, pending = words.numbers, words.counts, 0, []
    for sentence in sentences:
        for word in sentence:
            number = numbers.get(word)
            if number is None:
                if len(word) > LONGEST_WORD:
                    pending.append(0)
                    continue
                number = words.number(word)
                counts[word] = 0
            counts[word] += 1
            pending.append(number)
        pending.append(0)
        tokens += len(sentence)
        if len(pending) >= _CHUNK:
            np.array(pending, np.int32).tofile(stream)
            pending.clear()
    np.array(pending, np.int32).tofile(stream)
    return tokens


def _renumber(source, target, old):
    """Rewrite a file of provisional numbers as (id, sentence) pairs of the words whose numbers are ``old``; returns how
    many there are, and their checksum.

    A table from old to new would be as long as the number of different words ever met; the search needs only the
    words that stay.
    """
    order = np.argsort(old)
    ordered = old.take(order)
    length = ended = checksum = 0
    with open(source, "rb") as stream, open(target, "wb") as out:
        while len(numbers := np.fromfile(stream, np.int32, _CHUNK)):
            sentence = ended + np.cumsum(numbers == 0)
            ended = int(sentence[-1])
            place = np.minimum(np.searchsorted(ordered, numbers), len(ordered) - 1)
            kept = ordered.take(place) == numbers
            both = np.empty((int(kept.sum()), 2), np.int32)
            both[:, 0] = order.take(place[kept])
            both[:, 1] = sentence[kept] & 0x7FFFFFFF  # neighbours differ, which is all that is asked
            both.tofile(out)
            length += len(both)
            checksum = zlib.crc32(both, checksum)
    return length, checksum
