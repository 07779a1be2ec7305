"""How good word vectors are, by what people know of words: similarity judgements and analogies, coverage named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from tinygrad_nlp import softplus
from tinygrad_nlp.data import DataError, text_lines

from .sampling import NegativeSampler, pairs

SCORES = 1 << 23
"""Cosines held at a time: 32 MB."""


@dataclass(frozen=True)
class Similarity:
    """How well cosines order pairs of words as people do.

    spearman  rank correlation of cosine and judgement over the pairs whose words are both known, or NaN if fewer
              than two are
    known     of ``total`` pairs
    """

    spearman: float
    known: int
    total: int


@dataclass(frozen=True)
class Analogies:
    """How many analogies a : b = c : d are completed with d.

    sections  {name: (right, known, total)}; a question is known if all four words are
    """

    sections: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    right = property(lambda self: sum(r for r, _, _ in self.sections.values()))
    known = property(lambda self: sum(k for _, k, _ in self.sections.values()))
    total = property(lambda self: sum(t for _, _, t in self.sections.values()))
    accuracy = property(lambda self: self.right / self.known if self.known else float("nan"))


def similarity(vectors, judged: Iterable[tuple[str, str, float]]) -> Similarity:
    """Spearman's correlation over ``judged`` pairs (word, word, judgement). Unknown words: the pair is left out.

    Source: Finkelstein et al. 2002 for WordSim-353; ranks of equal values are their mean.
    """
    judged = list(judged)
    ids = [(known(vectors, a), known(vectors, b), score) for a, b, score in judged]
    ids = [(a, b, score) for a, b, score in ids if a is not None and b is not None]
    words = vectors.vocabulary.words
    cosines = [vectors.similarity(words[a], words[b]) for a, b, _ in ids]
    return Similarity(spearman(cosines, [score for _, _, score in ids]), len(ids), len(judged))


def analogies(vectors, questions: Iterable[tuple[str, tuple[str, str, str, str]]]) -> Analogies:
    """Answer ``questions`` (section, (a, b, c, d)) by the word nearest to b − a + c that is none of the three.

    The method is that of `Vectors.analogy`, for many questions at once: `SCORES` cosines at a time.
    Source: Mikolov, Chen, Corrado & Dean 2013, section 4.1.
    """
    sections: dict[str, list[int]] = {}
    asked = []
    for name, question in questions:
        counts = sections.setdefault(name, [0, 0, 0])
        counts[2] += 1
        ids = [known(vectors, word) for word in question]
        if None not in ids:
            counts[1] += 1
            asked.append((name, ids))
    matrix = vectors.matrix
    length = np.linalg.norm(matrix, axis=1)
    length[length == 0] = 1
    step = max(1, SCORES // max(len(matrix), 1))
    for start in range(0, len(asked), step):
        names, ids = zip(*asked[start : start + step])
        a, b, c, d = np.array(ids).T
        query = sum(sign * matrix[i] / length[i, None] for sign, i in ((1, b), (-1, a), (1, c)))
        cosines = (query @ matrix.T) / length
        for given in (a, b, c):
            cosines[np.arange(len(given)), given] = -np.inf
        for name, right in zip(names, cosines.argmax(axis=1) == d):
            sections[name][0] += int(right)
    return Analogies({name: tuple(counts) for name, counts in sections.items()})


def held_out_loss(center, outside, counts, ids, sentence, window=5, negatives=5, seed=0, model="skipgram") -> float:
    """The mean loss of negative sampling, in nats, on text that was not trained on.

    model  "skipgram": per pair; "cbow": per word, predicted from the mean of its context's vectors

    The windows and negatives drawn depend on ``seed`` alone, so two models with one vocabulary meet the same ones.
    """
    rng, ids = np.random.default_rng(seed), np.asarray(ids, np.int64)
    sampler = NegativeSampler(counts)
    place, other = pairs(np.arange(len(ids)), sentence, window, rng)
    if model == "cbow":  # what a place predicts in skip-gram is here what it is predicted from
        order = np.argsort(place, kind="stable")
        place, other = place[order], other[order]
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        size = np.diff(starts, append=len(place))
        predicted = ids[place[starts]]
    else:
        predicted = ids[other]
    total = 0.0
    for start in range(0, len(predicted), 1 << 14):
        stop = min(start + (1 << 14), len(predicted))
        if model == "cbow":
            first, last = starts[start], starts[stop - 1] + size[stop - 1]
            sums = np.add.reduceat(center[ids[other[first:last]]], starts[start:stop] - first, axis=0)
            v = sums / size[start:stop, None]
        else:
            v = center[ids[place[start:stop]]]
        o, drawn = predicted[start:stop], sampler.draw((stop - start, negatives), rng)
        total += float(softplus(-np.vecdot(outside[o], v)).sum(dtype=np.float64))
        total += float(softplus(np.vecdot(outside[drawn], v[:, None])).sum(dtype=np.float64))
    return total / len(predicted) if len(predicted) else float("nan")


def read_similarities(path) -> list[tuple[str, str, float]]:
    """Word pairs and their judgements: three fields a line, divided by tabs, commas or spaces; # begins a comment."""
    found = []
    for number, line in enumerate(text_lines(path), 1):
        if line.startswith("#") or not line.strip():
            continue
        fields = (
            [x.strip() for x in line.replace(",", "\t").split("\t")] if "\t" in line or "," in line else line.split()
        )
        try:
            word, other, score = fields[:3]
            found.append((word, other, float(score)))
        except ValueError:
            if number > 1:  # a first line without a number names the columns
                raise DataError(
                    f"{path}, line {number}: {line.strip()[:60]!r}; expected two words and a number"
                ) from None
    if not found:
        raise DataError(f"{path}: no pair of words with a number in it")
    return found


def read_analogies(path) -> list[tuple[str, tuple[str, str, str, str]]]:
    """(section, four words) of each question, in the format of questions-words.txt: ``: name`` begins a section."""
    found, section = [], "analogies"
    for number, line in enumerate(text_lines(path), 1):
        if line.startswith(":"):
            section = line[1:].strip()
        elif line.strip():
            words = line.split()
            if len(words) != 4:
                raise DataError(f"{path}, line {number}: {line.strip()[:60]!r}; expected four words, or ': section'")
            found.append((section, tuple(words)))
    if not found:
        raise DataError(f"{path}: no analogy in it")
    return found


def known(vectors, word: str):
    """The id of ``word`` as it is written, else in lower case, else None."""
    number = vectors.vocabulary.get(word)
    return vectors.vocabulary.get(word.lower()) if number is None else number


def spearman(x, y) -> float:
    """Pearson's correlation of the ranks; NaN where it does not exist (fewer than two, or all equal)."""
    x, y = ranks(x), ranks(y)
    x, y = x - x.mean() if len(x) else x, y - y.mean() if len(y) else y
    scale = np.sqrt((x * x).sum() * (y * y).sum())
    return float((x * y).sum() / scale) if scale > 0 else float("nan")


def ranks(x) -> np.ndarray:
    """From 1; equal values share the mean of their ranks."""
    _, place, count = np.unique(np.asarray(x, float), return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]
