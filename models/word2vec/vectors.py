"""Trained word vectors: neighbours, analogies, a picture in two dimensions, a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tinygrad_nlp import CheckpointError, OptionError, serialize
from tinygrad_nlp.data import Vocabulary
from tinygrad_nlp.errors import explain

from . import formats

_KIND = "word vectors"

_INSTEAD = {
    "wv": "vectors itself: there is no second object inside",
    "vectors": "vectors.matrix",
    "most_similar": "vectors.neighbors(word), or vectors.analogy(a, b, c) for b − a + c",
    "similar_by_word": "vectors.neighbors(word)",
    "similar_by_vector": "vectors.nearest(vector)",
    "index_to_key": "vectors.vocabulary.words",
    "key_to_index": "vectors.vocabulary[word]",
    "get_vector": "vectors[word]",
    "vector_size": "vectors.matrix.shape[1]",
}
"""gensim's names, and what to write here."""


class Vectors:
    """A vector for each word of a vocabulary.

    vocabulary  V words
    matrix      (V, D); kept as it is, not copied

    Likeness is the cosine, which does not depend on length: αu and u are alike for every α > 0 (002 §1.5). A zero
    vector has no direction; its cosine with anything is 0 here.
    """

    def __init__(self, vocabulary: Vocabulary, matrix):
        self.vocabulary = vocabulary
        self.matrix = np.asarray(matrix)
        self.notes: list[str] = []
        if self.matrix.ndim != 2 or len(self.matrix) != len(vocabulary):
            raise OptionError(
                explain(
                    "Vectors",
                    got=f"a matrix of shape {self.matrix.shape} for {len(vocabulary)} words",
                    expected="one row for each word",
                )
            )

    def __repr__(self):
        first = [*self.vocabulary.words[:5], *["…"][: len(self) > 5]]
        return f"<{len(self):,} vectors of {self.matrix.shape[1]} numbers: {', '.join(first)}>"

    def __getattr__(self, name):
        instead = f"; write instead: {_INSTEAD[name]}" if name in _INSTEAD else ""
        raise AttributeError(f"Vectors has no attribute {name!r}{instead}", name=name, obj=self)

    def __len__(self):
        return len(self.vocabulary)

    def __contains__(self, word):
        return word in self.vocabulary

    def __getitem__(self, word: str) -> np.ndarray:
        """The vector of ``word``. Raises UnknownWordError with close spellings."""
        return self.matrix[self.vocabulary[word]]

    def similarity(self, word: str, other: str) -> float:
        """The cosine of two words' vectors, from −1 to 1."""
        return float(_unit(self[word]) @ _unit(self[other]))

    def neighbors(self, word: str, k: int = 10) -> list[tuple[str, float]]:
        """The ``k`` words of largest cosine with ``word``, and the cosines; never ``word`` itself."""
        return self.nearest(self[word], k, without=[word])

    def analogy(self, a: str, b: str, c: str, k: int = 10) -> list[tuple[str, float]]:
        """What is to ``c`` as ``b`` is to ``a``: the words nearest to b − a + c, vectors made of length 1 first.

        None of the three is an answer. Source: Mikolov, Yih & Zweig 2013, the method since called 3CosAdd.
        """
        return self.nearest(_unit(self[b]) - _unit(self[a]) + _unit(self[c]), k, without=[a, b, c])

    def nearest(self, vector, k: int = 10, without: Iterable[str] = ()) -> list[tuple[str, float]]:
        """The ``k`` words of largest cosine with ``vector``; of equal ones the more frequent comes first.

        Memory: O(V), not a copy of the matrix.
        """
        length = np.sqrt(np.vecdot(self.matrix, self.matrix))
        cosines = (self.matrix @ _unit(np.asarray(vector))) / np.where(length > 0, length, 1)
        left_out = {self.vocabulary[word] for word in without}
        ranking = np.argsort(-cosines, kind="stable")[: max(k, 0) + len(left_out)]
        words = self.vocabulary.words
        return [(words[i], float(cosines[i])) for i in ranking if i not in left_out][: max(k, 0)]

    def save(self, path, notes: dict | None = None) -> None:
        """Write words and vectors to ``path``, replacing it only when the file is complete.

        The ending chooses the format: ``.txt`` or ``.vec`` is word2vec's text, ``.bin`` its binary format, which other
        programs read (see `formats`); anything else is safetensors, which also holds counts and ``notes``.

        notes  what else should be known of them (settings, source of the text)
        """
        suffix = Path(path).suffix.lower()
        if suffix in (".txt", ".vec"):
            formats.write_text(path, self.vocabulary.words, self.matrix)
        elif suffix == ".bin":
            formats.write_binary(path, self.vocabulary.words, self.matrix)
        else:
            self._save(path, notes)

    def _save(self, path, notes):
        serialize.save(
            path,
            model={"vectors": self.matrix},
            metadata={
                "kind": _KIND,
                "words": list(self.vocabulary.words),
                "counts": self.vocabulary.counts,
                "min_count": self.vocabulary.min_count,
                "notes": notes or {},
            },
        )

    @classmethod
    def load(cls, path) -> Vectors:
        """Read what `save` wrote, or another program's vectors in a format of `formats`.

        The other formats have no counts; their words come most frequent first, and get V, V − 1, … to keep that order.
        ``notes`` of the result says what was odd about the file.
        Raises CheckpointError or DataError for any other file, FileNotFoundError if there is none.
        """
        if not _is_safetensors(path):
            words, matrix, notes = formats.read(path)
            vectors = cls(Vocabulary(dict(zip(words, range(len(words), 0, -1)))), matrix)
            vectors.notes = notes
            return vectors
        checkpoint = serialize.load(path)
        about = checkpoint.metadata
        if not isinstance(about, dict) or about.get("kind") != _KIND:
            raise CheckpointError(
                explain(
                    f"Vectors.load({str(path)!r})",
                    got="a checkpoint without word vectors",
                    expected="a file that Vectors.save, `train skipgram --out` or `demo` wrote",
                )
            )
        return cls(
            Vocabulary(dict(zip(about["words"], about["counts"].tolist())), about["min_count"]),
            checkpoint.model["vectors"],
        )

    def project(self, words: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
        """(N, 2) places of N words along the two directions in which they differ most, and the (2,) shares of variance.

        Principal components, by singular values of the centered vectors. A component's sign means nothing; it
        is chosen so that the word furthest out is on the positive side, for the same picture every time.
        Source of the kind of picture: 004, last page.
        """
        rows = self.matrix[[self.vocabulary[word] for word in words]].astype(np.float64)
        centered = rows - rows.mean(axis=0)
        U, S, _ = np.linalg.svd(centered, full_matrices=False)
        places = np.zeros((len(rows), 2))
        count = min(2, len(S))
        places[:, :count] = U[:, :count] * S[:count]
        furthest = places[np.abs(places).argmax(axis=0), np.arange(2)]
        variance = np.zeros(2)
        variance[:count] = S[:count] ** 2
        return places * np.where(furthest < 0, -1, 1), variance / max((S**2).sum(), np.finfo(float).tiny)


def _is_safetensors(path):
    """Whether ``path`` begins as such a file does: the length of its header, which is a JSON object."""
    with open(path, "rb") as stream:
        return stream.read(9)[8:] == b"{"


def _unit(x):
    """Rows of length 1; a zero row stays zero."""
    length = np.linalg.norm(x, axis=-1, keepdims=True)
    return x / np.where(length > 0, length, 1)
