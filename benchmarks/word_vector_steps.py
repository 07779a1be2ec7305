"""Single steps of word2vec's fast form: what the engine adds to arithmetic, and the naive softmax beside PyTorch."""

from __future__ import annotations

import statistics
import time

import numpy as np
from tinygrad_nlp.models.word2vec import (
    FastSettings,
    SkipGramBlocks,
    SoftmaxBlocks,
    keep_probability,
    reaches,
    subsample,
)
from tinygrad_nlp.models.word2vec.blocks import FURTHEST
from tinygrad_nlp.models.word2vec.rows import limit

from tinygrad_nlp.rowsparse import add_rows, distinct

WORDS, DIM, RATE, STEPS, TURNS = FastSettings.batch, 100, 0.01, 8, 9


def bookkeeping(corpus) -> float:
    """The share of a skip-gram step that is not arithmetic: calls through ops and rules, checks, sparse gradients.

    By comparison with `by_hand`, the same NumPy calls and no engine, in turns on the corpus's first steps.
    """
    form, steps = made(SkipGramBlocks, corpus)
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(TURNS):
        engine = hand = 0.0
        for text in steps:
            engine += best(lambda: form.step(*text, RATE, rng, False))  # noqa: B023
            hand += best(lambda: by_hand(form, *text, RATE, rng))  # noqa: B023
        shares.append(1 - hand / engine)
    return statistics.median(shares)


def by_hand(form, ids, before, after, rate, rng) -> None:
    """A step of `SkipGramBlocks` in NumPy alone, but for its layout and the sums over repeated words."""
    places, words, H, _ = form.layout(ids, before, after, rng)
    A, B = form.center.take(places, axis=0), form.outside.take(words, axis=0)
    G = np.matmul(B, A.mT)
    np.negative(G, out=G)
    np.exp(G, out=G)
    G += 1
    np.divide(1, G, out=G)
    G -= form.is_word
    G *= H
    G *= np.float32(rate)
    for table, index, steps in ((form.outside, words, G @ A), (form.center, places, G.mT @ B)):
        index = index.reshape(-1)
        rows, position = distinct(index, len(table))
        sums = add_rows(position.take(index), steps.reshape(len(index), -1), len(rows))
        table[rows] -= limit(sums, FURTHEST)


def softmax_beside_pytorch(corpus) -> float | None:
    """How many times faster a pair of the naive softmax is than on PyTorch, one thread each, in turns.

    PyTorch takes as many pairs a step as ours takes words, scores all words of the vocabulary for each pair, and moves
    its tables in place. None where it is not installed.
    """
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    form, steps = made(SoftmaxBlocks, corpus)
    center, outside = (torch.nn.Parameter(torch.from_numpy(x.copy())) for x in (form.center, form.outside))
    optimizer = torch.optim.SGD([center, outside], lr=RATE)

    def pytorch(a, b):
        optimizer.zero_grad()
        scores = torch.nn.functional.embedding(a, center) @ outside.T
        torch.nn.functional.cross_entropy(scores, b, reduction="sum").backward()
        optimizer.step()

    ratios = []
    for turn in range(TURNS):
        text = steps[turn % len(steps)]
        a, b = (torch.from_numpy(text[0][i : i + WORDS].copy()) for i in (0, 1))
        theirs = best(lambda: pytorch(a, b)) / WORDS  # noqa: B023
        pairs, _ = form.step(*text, RATE, rng)
        ratios.append(theirs / (best(lambda: form.step(*text, RATE, rng)) / pairs))  # noqa: B023
    return statistics.median(ratios)


def made(kind, corpus):
    """A form with vectors as long as in mid-training, and its arguments in the corpus's first steps."""
    rng = np.random.default_rng(1)
    counts, settings = corpus.vocabulary.counts, FastSettings(dim=DIM)
    center, outside = rng.normal(0, 0.2, (2, len(counts), DIM)).astype(np.float32)
    form = kind(center, outside, counts, settings, WORDS)
    stop = min(len(corpus), 4 * STEPS * WORDS)
    ids, sentence = subsample(*corpus.piece(0, stop), keep_probability(counts, settings.threshold), rng)
    ids, window = ids.astype(np.int64), form.window
    before, after = reaches(sentence, window)
    steps = []
    for start in range(window, len(ids) - form.words - window, form.words)[:STEPS]:
        own = slice(start, start + form.words)
        steps.append((ids[start - window : own.stop + window], before[own], after[own]))
    return form, steps


def best(call) -> float:
    """The seconds of the fastest of four calls."""
    times = []
    for _ in range(4):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)
