"""The training loop of skip-gram, through the engine: forward, backward, step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from tinygrad_nlp import TinygradError
from tinygrad_nlp.data import Corpus, Vocabulary
from tinygrad_nlp.optim import SGD

from .model import SkipGram
from .sampling import NegativeSampler, keep_probability, pairs, subsample
from .vectors import Vectors

BLOCK = 300_000
"""Tokens whose pairs are made and shuffled at a time: some two million pairs at window 5, for a text of any size."""

CURVE_POINTS = 200
"""Of the loss curve: each is the mean over that share of the training."""

MOST_REPEATS = 20
"""How often the most frequent word may be expected among a batch's centers; see `batch_size`."""


class Divergence(TinygradError, ArithmeticError):
    """The loss left the finite numbers."""


@dataclass(frozen=True)
class Settings:
    """What a training is made of; the defaults are those of the word2vec program where it has one.

    dim         length of the vectors
    window      the furthest context word a center may see
    negatives   drawn words per pair
    threshold   of subsampling, a share of all tokens; 0 keeps all
    epochs      passes over the text
    batch       pairs a step, at most
    rate        learning rate of one pair at the start; it falls in a straight line to ``last_rate``
    seed        of everything random: same seed and text, same vectors
    """

    dim: int = 100
    window: int = 5
    negatives: int = 5
    threshold: float = 1e-3
    epochs: int = 5
    batch: int = 1024
    rate: float = 0.025
    last_rate: float = 1e-4
    seed: int = 1


@dataclass
class Training:
    """A training's result, complete or interrupted.

    curve  [(share of the training done, mean loss per pair since the point before)], nats
    """

    model: SkipGram
    vocabulary: Vocabulary
    settings: Settings
    batch: int
    curve: list[tuple[float, float]] = field(default_factory=list)
    pairs: int = 0
    steps: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def vectors(self) -> Vectors:
        """The center vectors, as they are now."""
        return Vectors(self.vocabulary, self.model.center.data)


def train(corpus: Corpus, settings: Settings | None = None, on_progress: Callable | None = None) -> Training:
    """Train skip-gram with negative sampling on ``corpus``.

    on_progress  called after each step as (share done, pairs so far, the latest point of the curve, or None).

    An interrupt (Ctrl-C) ends the training, not the program: what was learned so far is returned, marked.
    Raises Divergence if the loss becomes infinite or NaN.
    """
    settings = settings or Settings()
    rng = np.random.default_rng(settings.seed)
    vocabulary = corpus.vocabulary
    model = SkipGram(len(vocabulary), settings.dim, rng)
    # The *sum* over a batch's pairs is differentiated: each pair then moves its words as far as it would alone, and
    # `rate` means what it means in word2vec, which takes one pair at a time.
    optimizer = SGD(model.parameters(), lr=settings.rate)
    sampler = NegativeSampler(vocabulary.counts)
    batch = batch_size(vocabulary.counts, settings)
    result = Training(model, vocabulary, settings, batch)

    started = time.perf_counter()
    total = count = 0.0
    try:
        for done, centers, outsides in batches(corpus, settings, batch, rng):
            negatives = sampler.draw((len(centers), settings.negatives), rng)
            loss = model(centers, outsides, negatives, reduction="sum")
            loss.backward()
            optimizer.param_groups[0]["lr"] = settings.rate + (settings.last_rate - settings.rate) * done
            optimizer.step()
            optimizer.zero_grad()

            total, count = total + loss.item(), count + len(centers)
            result.pairs, result.steps = result.pairs + len(centers), result.steps + 1
            if done * CURVE_POINTS >= len(result.curve) + 1 or done >= 1:
                _check_finite(total, settings, batch, done)
                result.curve.append((done, total / count))
                total = count = 0.0
            if on_progress:
                on_progress(done, result.pairs, result.curve[-1][1] if result.curve else None)
    except KeyboardInterrupt:
        result.interrupted = True
    result.seconds = time.perf_counter() - started
    return result


def batches(corpus: Corpus, settings: Settings, batch: int, rng) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """(share of the training done after it, centers, outsides) for every batch of every epoch.

    The text is taken block by block: subsampled, paired and shuffled within the block, all anew in each epoch.
    """
    keep = keep_probability(corpus.vocabulary.counts, settings.threshold)
    size = len(corpus)
    for epoch in range(settings.epochs):
        for start in range(0, size, BLOCK):
            stop = min(start + BLOCK, size)
            ids, sentence = subsample(corpus.ids[start:stop], corpus.sentence[start:stop], keep, rng)
            centers, outsides = pairs(ids, sentence, settings.window, rng)
            order = rng.permutation(len(centers))
            for first in range(0, len(order), batch):
                chosen = order[first : first + batch]
                share = (first + len(chosen)) / len(order)
                done = (epoch + (start + (stop - start) * share) / size) / settings.epochs
                yield done, centers[chosen], outsides[chosen]


def batch_size(counts, settings, workers: int = 1, repeats: float = MOST_REPEATS) -> int:
    """Pairs, or words, a step: ``settings.batch``, less where few words share all the places of a batch.

    The pairs of a batch all start from the same vectors. A word that is in many of them takes many steps at once, in
    the same direction; beyond some tens of times it overshoots, and the loss grows instead of falling. So a batch
    is as long as the most frequent word, after subsampling, is expected ``repeats`` times among its centers, those
    of all ``workers`` together.
    """
    kept = counts * keep_probability(counts, settings.threshold)
    largest_share = kept.max() / kept.sum()
    return int(max(1, min(settings.batch, repeats / workers / largest_share)))


def _check_finite(total, settings, batch, done):
    if not math.isfinite(total):
        raise Divergence(
            f"the loss is {total} after {done:.0%} of the training, with rate {settings.rate:g} and "
            f"{batch} pairs a step; a smaller rate or a smaller batch keeps it finite"
        )
