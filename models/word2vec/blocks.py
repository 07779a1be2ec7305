r"""The fast form of word2vec: the same losses for a block of words at once, so that all work is matrix products.

Pair by pair, every pair gathers 1 + K rows for a few hundred multiplications, and moving memory is all one does. But
neighbours share their neighbours. A block takes T₀ = 16 successive words as those to be predicted, the T₀ + 2w words
from w before to w after it as those that predict, and K₀ negatives that **all its pairs share**:

    A (T₀+2w, D)  center vectors         B (T₀+K₀, D)  outside vectors of the block's words, then of its negatives
    S = B Aᵀ      every score at once    H             how much each score counts

H is the number of times a pair is expected: (w + 1 − j) / w at distance j for a window drawn from 1 … w, 1 for a
fixed one, 0 across a sentence's end. A center of n expected pairs has n·K negatives in the pair-by-pair form; here
each of the K₀ shared ones counts n·K / K₀. So the loss has the same expectation, and so has the gradient:

    J = Σ H ⊙ [−log σ(S) on the words, −log σ(−S) on the negatives]        G = ∂J/∂S = H ⊙ (σ(S) − Y)
    ∂J/∂B = G A        ∂J/∂A = Gᵀ B

`block_loss` is that on the engine's tape. A step of `SkipGramBlocks` calls the same ops on arrays, and then the ops'
own rules on arrays: what the tape would do, without the tape. No gradient is written in this module but that of the
naive softmax (`SoftmaxBlocks.softmax` says why). A test holds steps to the tape, and both to `negative_sampling_loss`.

Source of sharing negatives: Ji, Satish, Li & Dubey 2016, "Parallelizing Word2Vec in Shared and Distributed Memory",
there within one window; here within a block of windows.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from tinygrad_nlp import bce_with_logits, embedding, matmul

from .rows import limit, move
from .sampling import NegativeSampler

BLOCK_WORDS = 16
"""T₀, and K₀, at least; wide windows take longer blocks. Larger ones multiply more zeros of H. With fewer than 16
negatives the vectors become worse: too many pairs hang on the same few draws."""

FURTHEST = 1.0
"""How far a step may move a word's vector, see `limit`; vectors grow to lengths of 1 to 4. With the default settings it
changes nothing to speak of; without it, twice the rate, or a window of 10 with 15 negatives, diverged on real text."""

NEEDED = (True, True)
"""Gradients are wanted of both arguments: said to ops whose rules for arrays have a form of their own, `kernel_vjp`."""

SCORES = 1 << 23
"""Scores of the naive softmax held at a time: 32 MB."""


def block_loss(center, outside, places, words, weights):
    """The loss of a block, or of several, on the engine: a number, the sum over the expected pairs, in nats.

    center, outside  (V, D) the two tables
    places           (…, A) ids of the words that predict
    words            (…, B) ids of the words that are predicted, then of the negatives
    weights          (…, B, A): H above, with the rows of the predicted words positive and those of the negatives
                     negative: the sign says which they are
    """
    scores = embedding(outside, words) @ embedding(center, places).mT
    return bce_with_logits(scores, (weights > 0).astype(scores.dtype), abs(weights), reduction="sum")


class Blocks:
    """What the fast forms share: the layout of a step, the windows, the tables.

    center, outside  (V, D) float32 tables, changed in place
    counts           (V,) of the words
    settings         `FastSettings`
    words            T, the words predicted in a step; rounded down to whole blocks
    """

    def __init__(self, center, outside, counts, settings, words: int):
        self.center, self.outside, self.settings = center, outside, settings
        self.length = min(max(BLOCK_WORDS, 2 * settings.window), words)
        self.negatives = max(BLOCK_WORDS, self.length)
        self.count = words // self.length
        self.words = self.length * self.count
        self.window = settings.window
        self.span = self.length + 2 * self.window
        self.sampler = NegativeSampler(counts, settings.exponent)
        self.share = np.float32(settings.negatives / self.negatives)  # what a shared negative counts for a pair
        # Y, written out: subtracted as a column it would take three times as long.
        self.is_word = np.zeros(
            (self.count, self.length + self.negatives, self.length if settings.model == "cbow" else self.span),
            np.float32,
        )
        self.is_word[:, : self.length] = 1
        distance = np.arange(self.window, 0, -1)
        self.inside = (distance <= np.arange(self.window + 1)[:, None]).astype(np.float32)
        expected = (self.window + 1 - distance) / self.window if settings.dynamic else 1
        self.expected = (self.inside * expected).astype(np.float32)

    def spans(self, ids):
        """ids: (T + 2w,) -> (blocks, T₀ + 2w), a view: what stands in and around each block."""
        return sliding_window_view(ids, self.span)[:: self.length]

    def own(self, ids):
        """ids: (T + 2w,) -> (blocks, T₀), a view: the block's own words."""
        return ids[self.window : self.window + self.words].reshape(self.count, self.length)

    def around(self, before, after, weights, rows):
        """(blocks, ``rows``, T₀ + 2w): what each word around counts to each of a block's words; rows past T₀ are 0.

        before, after  (blocks, T₀): how many words a word sees on either side
        weights        (w + 1, w): of the w words before a word that sees 0 … w of them, nearest last

        A word's row has its window on the diagonal, so a view whose rows start one later each holds just the windows.
        """
        out = np.zeros((self.count, rows, self.span), np.float32)
        block, row, place = out.strides
        windows = as_strided(out, (self.count, self.length, 2 * self.window + 1), (block, row + place, place))
        windows[:, :, : self.window] = weights.take(before, axis=0)
        windows[:, :, self.window + 1 :] = weights[:, ::-1].take(after, axis=0)
        return out

    def and_negatives(self, ids, rng):
        """(blocks, T₀ + K₀): the ids of each block's own words, then of the negatives drawn for it."""
        return np.concatenate([self.own(ids), self.sampler.draw((self.count, self.negatives), rng)], axis=1)

    def score(self, A, words, H, rate, want_loss):
        """Score vectors A against the outside words; move the outside vectors down the gradient, by ``rate``.

        A: (blocks, n, D); words: (blocks, T₀ + K₀) ids, see `and_negatives`; H: (blocks, T₀ + K₀, n), what each counts.
        -> (rate times the gradient of A, the loss or None).
        """
        B = embedding(self.outside, words)
        S = matmul(B, A.mT)
        loss = float(bce_with_logits(S, self.is_word, H, reduction="sum")) if want_loss else None
        dS, *_ = bce_with_logits.kernel_vjp(rate, loss, None, NEEDED, S, self.is_word, H, None, reduction="sum")
        dB, dAt = matmul.kernel_vjp(dS, S, None, NEEDED, B, A.mT)
        move(self.outside, words, dB, FURTHEST)
        return dAt.mT, loss


class SkipGramBlocks(Blocks):
    """Skip-gram with negative sampling, as the module describes."""

    def step(self, ids, before, after, rate, rng, want_loss=True):
        """Move both tables along the gradient of one step's loss, by ``rate``.

        ids            (T + 2w,) the words, from w before to w after those predicted
        before, after  (T,) of those predicted: how many of the w words on either side are in its sentence
        -> (pairs expected, their loss in nats, or None unless wanted).
        """
        places, words, H, pairs = self.layout(ids, before, after, rng)
        dA, loss = self.score(embedding(self.center, places), words, H, rate, want_loss)
        move(self.center, places, dA, FURTHEST)
        return pairs, loss

    def layout(self, ids, before, after, rng):
        """(ids of the words that predict, ids of the words and negatives, H, pairs expected), for all blocks."""
        shape = (self.count, self.length)
        H = self.around(before.reshape(shape), after.reshape(shape), self.expected, self.length + self.negatives)
        # Of each center, all its pairs; a product with ones sums three times faster than `sum`.
        pairs = np.ones(self.length, np.float32) @ H[:, : self.length]
        H[:, self.length :] = (pairs * self.share)[:, None, :]
        return self.spans(ids), self.and_negatives(ids, rng), H, float(pairs.sum())


class CbowBlocks(Blocks):
    """CBOW with negative sampling: the combined context of each word predicts it, against negatives its block shares.

    With M (T₀, T₀+2w) the windows of a block, drawn, not expected, as the mean is not linear in them:

        V̂ = M A / C        S = B V̂ᵀ        H: 1 on the diagonal, K / K₀ on the negatives, 0 elsewhere

    and backwards ∂J/∂A = Mᵀ (∂J/∂V̂ / C). C is the number of words in the window for ``combine="mean"`` and 1
    for "sum". "word2vec" divides going forward and not going back, as the word2vec program and gensim do: the context
    words then move C times as far as the derivative says. It is no gradient of the loss, but what those train with.
    """

    def step(self, ids, before, after, rate, rng, want_loss=True):
        """As `SkipGramBlocks.step`; a pair here is a word and its whole context."""
        into, back, predicted = self.windows(before, after, rng)
        words, places = self.and_negatives(ids, rng), self.spans(ids)
        H = np.zeros((self.count, self.length + self.negatives, self.length), np.float32)
        H[:, range(self.length), range(self.length)] = predicted
        H[:, self.length :] = (predicted * self.share)[:, None, :]
        A = embedding(self.center, places)
        dV, loss = self.score(matmul(into, A), words, H, rate, want_loss)
        _, dA = matmul.kernel_vjp(dV, None, None, (False, True), back, A)
        move(self.center, places, dA, FURTHEST)
        return float(predicted.sum()), loss

    def windows(self, before, after, rng):
        """(M / C going forward, M or M / C going back, whether a word has a context); windows drawn anew.

        The first two are float32 (blocks, T₀, T₀ + 2w), the last (blocks, T₀): a word alone predicts nothing.
        """
        shape = (self.count, self.length)
        before, after = before.reshape(shape), after.reshape(shape)
        if self.settings.dynamic:
            reach = rng.integers(1, self.window + 1, shape)
            before, after = np.minimum(before, reach), np.minimum(after, reach)
        M, size = self.around(before, after, self.inside, self.length), before + after
        predicted = (size > 0).astype(np.float32)
        if self.settings.combine == "sum":
            return M, M, predicted
        mean = M / np.maximum(size, 1)[:, :, None].astype(np.float32)
        return mean, M if self.settings.combine == "word2vec" else mean, predicted


class SoftmaxBlocks(Blocks):
    """The naive softmax, all V words for every pair, at the cost of one row of scores for each *distinct* center.

    The softmax depends on the center alone. If c is the center of n_c expected pairs, n_co of them with o outside:

        J = Σ_c [n_c log Σ_w exp(u_w·v_c) − Σ_o n_co u_o·v_c]        ∂J/∂(U v_c) = n_c softmax(U v_c) − n_c·

    A center that has ten outside words, or occurs ten times in the step, is scored once. For CBOW every word has a
    context of its own, and nothing is shared.
    """

    def step(self, ids, before, after, rate, rng, want_loss=True):
        """As `SkipGramBlocks.step`; the loss comes with the gradient, so it is always given."""
        shape = (self.count, self.length)
        H = self.around(before.reshape(shape), after.reshape(shape), self.expected, self.length)
        block, word, place = np.nonzero(H)
        if not len(block):
            return 0.0, 0.0
        weights = H[block, word, place]
        centers, row = np.unique(self.spans(ids)[block, place], return_inverse=True)
        v = self.center.take(centers, axis=0)
        dv, dU, loss = self.softmax(v, row, self.own(ids)[block, word], weights, rate)
        self.center[centers] -= limit(dv, FURTHEST)
        self.outside -= limit(dU, FURTHEST)
        return float(weights.sum()), loss

    def softmax(self, v, row, outside, weights, rate):
        """The naive softmax of P weighted pairs: (rate · ∂J/∂v (C, D), rate · ∂J/∂U (V, D), J).

        v: (C, D) distinct centers; row, outside, weights: (P,) each pair's row of v, outside word and weight.
        Memory: `SCORES` at a time, however many centers there are.
        """
        # By hand, though the engine's rules say the same: here one pass makes loss and gradient in the array of the
        # scores. `cross_entropy`'s kernel does so too, but for one outside word a row, and its ŷ − y then needs each
        # row's weight, in a further array; `logsumexp`'s rule takes the softmax anew. Medians of processor time in
        # turns, one thread, on books: with the first a step was 8 to 10 % slower at 5,000 words and 14 to 21 % at
        # 9,400, with the second 28 % and 40 to 54 %; in blocks that stay in the cache still 4 % and 29 to 37 %.
        size = len(self.outside)
        pair, index = np.unique(row * size + outside, return_inverse=True)
        count = np.bincount(index, weights).astype(np.float32)
        total = np.bincount(row, weights, minlength=len(v)).astype(np.float32)
        dv, dU, loss = np.empty_like(v), np.empty_like(self.outside), 0.0
        rows = max(1, SCORES // size)
        for start in range(0, len(v), rows):
            stop = min(start + rows, len(v))
            here = slice(*np.searchsorted(pair, (start * size, stop * size)))
            place = pair[here] - start * size
            S = v[start:stop] @ self.outside.T
            # exp of at most 0: shifting the scores changes no probability and keeps the exponential finite.
            largest = S.max(axis=1, keepdims=True)
            target = S.reshape(-1).take(place)
            S -= largest
            np.exp(S, out=S)
            sums = S.sum(axis=1, keepdims=True)
            n = total[start:stop, None]
            loss += float(np.vdot(n, largest + np.log(sums)) - np.vdot(count[here], target))
            S *= np.float32(rate) * n / sums
            S.reshape(-1)[place] -= np.float32(rate) * count[here]
            np.matmul(S, self.outside, out=dv[start:stop])
            if start:
                dU += S.T @ v[start:stop]
            else:
                np.matmul(S.T, v[start:stop], out=dU)
        return dv, dU, loss


class SoftmaxCbowBlocks(CbowBlocks, SoftmaxBlocks):
    """CBOW with the naive softmax: V scores for every word predicted."""

    def step(self, ids, before, after, rate, rng, want_loss=True):
        """As `SoftmaxBlocks.step`."""
        into, back, predicted = self.windows(before, after, rng)
        chosen, places = np.flatnonzero(predicted), self.spans(ids)
        if not len(chosen):
            return 0.0, 0.0
        A = embedding(self.center, places)
        V = matmul(into, A).reshape(-1, A.shape[2])
        each, one = np.arange(len(chosen)), np.ones(len(chosen), np.float32)
        dv, dU, loss = self.softmax(V[chosen], each, self.own(ids).reshape(-1)[chosen], one, rate)
        dV = np.zeros_like(V)
        dV[chosen] = dv
        _, dA = matmul.kernel_vjp(dV.reshape(*predicted.shape, -1), None, None, (False, True), back, A)
        move(self.center, places, dA, FURTHEST)
        self.outside -= limit(dU, FURTHEST)
        return float(len(chosen)), loss


FORMS = {
    ("skipgram", "negative"): SkipGramBlocks,
    ("skipgram", "naive"): SoftmaxBlocks,
    ("cbow", "negative"): CbowBlocks,
    ("cbow", "naive"): SoftmaxCbowBlocks,
}
