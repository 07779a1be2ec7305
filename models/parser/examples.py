"""What the classifier learns from: configurations, each with the move that is right there.

With the static oracle they are those on the way to the true trees. A parser on its own makes mistakes, and then stands
in configurations no oracle's way leads through; with the dynamic oracle it can learn there as well (`explore`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinygrad_nlp import OptionError
from tinygrad_nlp.errors import explain

from .features import SPECIAL, Encoded, Vocabulary, extract
from .hybrid import DynamicOracle
from .states import Oracle
from .transitions import RIGHT_ARC, SHIFT
from .treebank import Sentence

CHUNK = 1024


@dataclass(frozen=True)
class Examples:
    """What a classifier is trained on: features (M, F) and targets (M,); ``skipped`` are the sentences whose trees
    are not projective, by their numbers. A target is SHIFT 0, then LEFT-ARC and RIGHT-ARC, with R labels
    LEFT-ARC of each label and RIGHT-ARC of each."""

    features: np.ndarray
    targets: np.ndarray
    skipped: list[int]


def examples(sentences: Sequence[Sentence], vocabulary: Vocabulary, labelled: bool, system="arc-standard") -> Examples:
    """Every configuration on the oracle's way to every tree, with the oracle's move.

    2n of them for a sentence of n words, in the order of the moves of sentences of like length; M = 2T in all.
    Trees that are not projective are skipped in the arc-standard system. The arc-hybrid one's oracle knows what a move
    costs: the move that costs least is taken, of several an arc before SHIFT.
    Raises OptionError if ``labelled`` and a relation is not in the vocabulary: no class would stand for it.
    """
    encoded = vocabulary.encode(sentences)
    if labelled and (encoded.labels < vocabulary.first_label + len(SPECIAL)).any():
        unknown = sorted({d for s in sentences for d in s.deprels} - set(vocabulary.relations))
        raise OptionError(
            explain(
                "examples",
                got=f"relations that the vocabulary has not: {', '.join(unknown)}",
                expected="sentences whose relations it was made of",
                write="Vocabulary.of(sentences)",
            )
        )
    return _collect(
        encoded, vocabulary, labelled, system, _follow_static if system == "arc-standard" else _follow_costs
    )


def explore(encoded: Encoded, vocabulary: Vocabulary, labelled: bool, choose) -> Examples:
    """The configurations that a parser gets into by itself, with the move that is best there for the true tree.

    choose  a function of a `Chunk` that gives a function (states, k, classes (k, 3), best (k, 3)) -> (targets (k,),
            moves (k,), labels (k,)): of the ``best`` moves (`DynamicOracle`), whose classes are given, the one to
            learn; and the one to make

    Arc-hybrid only. Source: Goldberg & Nivre 2013, algorithm 3.
    """

    def follow(chunk):
        oracle, chosen = DynamicOracle(chunk.states, chunk.heads), choose(chunk)

        def step(k):
            classes, _ = _classes(chunk, vocabulary, labelled, k)
            targets, moves, labels = chosen(chunk.states, k, classes, oracle.best(k))
            oracle.apply(moves, labels)
            return targets

        return step, None

    return _collect(encoded, vocabulary, labelled, "arc-hybrid", lambda chunk, *_: follow(chunk))


def _collect(encoded, vocabulary, labelled, system, follow):
    """Walk through all sentences; ``follow(chunk, vocabulary, labelled)`` gives a function that makes step after step
    and returns the targets, and the array of the sentences that were lost on the way, or None."""
    order = np.argsort(-encoded.lengths, kind="stable")
    features = np.empty((2 * int(encoded.lengths.sum()), vocabulary.feature_count(labelled, system)), np.int32)
    targets = np.empty(len(features), np.int32)
    owner = np.empty(len(features), np.int32)
    done, skipped = 0, []
    for start in range(0, len(order), CHUNK):
        chosen = order[start : start + CHUNK]
        chunk = encoded.chunk(chosen, vocabulary, system=system, single_root=system != "arc-standard")
        step, lost = follow(chunk, vocabulary, labelled)
        for number in range(2 * int(chunk.states.lengths[0])):
            k = chunk.states.active(number)
            block = slice(done, done + k)
            done += k
            features[block] = extract(chunk, k, labelled)
            owner[block] = chosen[:k]
            targets[block] = step(k)
        if lost is not None:
            skipped += chosen[lost].tolist()
    if skipped:
        lost = np.zeros(len(encoded.lengths), bool)
        lost[skipped] = True
        kept = ~lost[owner]
        features, targets = features[kept], targets[kept]
    return Examples(features, targets, sorted(skipped))


def _follow_static(chunk, vocabulary, labelled):
    states, oracle = chunk.states, Oracle(chunk.states, chunk.heads)

    def step(k):
        moves = oracle.next_moves(k)
        labels = chunk.labels.take(states.removed(moves))
        classes = _numbered(moves, labels, vocabulary) if labelled else moves
        states.apply(moves, labels)
        return classes

    return step, oracle.lost


def _follow_costs(chunk, vocabulary, labelled):
    oracle = DynamicOracle(chunk.states, chunk.heads)

    def step(k):
        classes, labels = _classes(chunk, vocabulary, labelled, k)
        moves = (oracle.best(k) * _ARCS_FIRST).argmax(axis=1)
        oracle.apply(moves, labels)
        return classes[np.arange(k), moves]

    return step, None


_ARCS_FIRST = np.array([1, 3, 2])


def _classes(chunk, vocabulary, labelled, k):
    """(k, 3) the class of each of the three moves, with the true label of the word that would go; (k,) that label."""
    labels = chunk.labels.take(chunk.states.removed(np.full(k, SHIFT)))
    moves = np.arange(3) + np.zeros((k, 1), np.intp)
    return (_numbered(moves, labels[:, None], vocabulary) if labelled else moves), labels


def _numbered(moves, labels, vocabulary):
    """SHIFT 0, LEFT-ARC with the first relation 1, and so on."""
    first, relations = vocabulary.first_label + len(SPECIAL), len(vocabulary.relations)
    return np.where(moves == SHIFT, 0, 1 + labels - first + relations * (moves == RIGHT_ARC))
