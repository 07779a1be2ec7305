r"""The fast form of word2vec: the same losses for a block of words at once, so that all work is matrix products.

Pair by pair, every pair gathers 1 + K rows for a few hundred multiplications, and moving memory is all one does. But
neighbours share their neighbours. A block takes T₀ = 16 successive words as those to be predicted, the T₀ + 2w words
from w before to w after it as those that predict, and K₀ negatives that **all its pairs share**:

    A (T₀+2w, D)  center vectors         B (T₀+K₀, D)  outside vectors of the block's words, then of its negatives
    S = A Bᵀ      every score at once    H             how much each score counts

H is the number of times a pair is expected: (w + 1 − j) / w at distance j for a window drawn from 1 … w, 1 for a
fixed one, 0 across a sentence's end. A center of n expected pairs has n·K negatives in the pair-by-pair form; here
each of the K₀ shared ones counts n·K / K₀. So the loss has the same expectation, and so has the gradient:

    J = Σ H ⊙ [−log σ(S) on the words, −log σ(−S) on the negatives]        G = ∂J/∂S = H ⊙ (σ(S) − Y)
    ∂J/∂A = G B        ∂J/∂B = Gᵀ A

`block_loss` is that on the engine, which derives the gradient; `SkipGramBlocks.step` runs the same three products on
arrays that are reused from step to step. A test holds one to the other, and both to `negative_sampling_loss`.

Source of sharing negatives: Ji, Satish, Li & Dubey 2016, "Parallelizing Word2Vec in Shared and Distributed Memory",
there within one window; here within a block of windows.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinygrad_nlp import bce_with_logits, embedding

from .rows import limit, subtract_rows
from .sampling import NegativeSampler

BLOCK_WORDS = 16
"""T₀, and K₀, at least; wide windows take longer blocks. Larger ones multiply more zeros of H. With fewer than 16
negatives the vectors become worse: too many pairs hang on the same few draws."""

FURTHEST = 1.0
"""How far a step may move a word's vector, see `limit`; vectors grow to lengths of 1 to 4. With the default settings it
changes nothing to speak of; without it, twice the rate, or a window of 10 with 15 negatives, diverged on real text."""

SCORES = 1 << 23
"""Scores of the naive softmax held at a time: 32 MB."""


def block_loss(center, outside, places, words, weights):
    """The loss of a block on the engine: a number, the sum over the expected pairs, in nats.

    center, outside  (V, D) the two tables
    places           (A,) ids of the words that predict
    words            (B,) ids of the words that are predicted, then of the negatives; weights.shape[1] − B₀ of them
    weights          pair (A, B): H above, with the columns of the predicted words positive and those of the negatives
                     negative: the sign says which they are
    """
    scores = embedding(center, places) @ embedding(outside, words).T
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
        # At least 2w, or more than two spans would overlap.
        self.length = min(max(BLOCK_WORDS, 2 * settings.window), words)
        self.negatives = max(BLOCK_WORDS, self.length)
        self.count = words // self.length
        self.words = self.length * self.count
        self.window = settings.window
        self.span = self.length + 2 * self.window
        self.sampler = NegativeSampler(counts, settings.exponent)
        distance = np.abs(np.arange(self.span)[:, None] - self.window - np.arange(self.length))
        self.distance = np.where(distance == 0, self.window + 1, distance)  # no word is in its own window
        nearness = (self.window + 1 - self.distance) / self.window if settings.dynamic else self.distance <= self.window
        self.expected = np.maximum(nearness, 0).astype(np.float32)
        rows = max(self.words + 2 * self.window, self.count * (self.length + self.negatives))
        # Memory is asked for once: fresh arrays of this size would be given back to the system after every step.
        self._scratch = np.empty((2, rows, center.shape[1]), np.float32)

    def spans(self, x):
        """x: (T + 2w, …) -> (blocks, T₀ + 2w, …), a view: what stands in and around each block."""
        return np.moveaxis(sliding_window_view(x, self.span, axis=0)[:: self.length], -1, 1)

    def own(self, x):
        """x: (T + 2w,) -> (blocks, T₀), a view: the block's own words."""
        return x[self.window : self.window + self.words].reshape(self.count, self.length)

    def together(self, sentence):
        """(blocks, T₀ + 2w, T₀): whether two words stand in one sentence; numbers below 0 are no sentence."""
        own = self.own(sentence)
        same = self.spans(sentence)[:, :, None] == own[:, None, :]
        return same & (own >= 0)[:, None, :] if own.min() < 0 else same

    def overlapped(self, rows):
        """rows: (blocks, T₀ + 2w, D), a gradient of `spans` -> (T + 2w, D): what overlaps is added."""
        out = np.zeros((self.words + 2 * self.window, rows.shape[2]), rows.dtype)
        if self.length < 2 * self.window:  # more than two spans overlap
            for b in range(self.count):
                out[b * self.length : b * self.length + self.span] += rows[b]
            return out
        out[: self.words].reshape(self.count, self.length, -1)[...] = rows[:, : self.length]
        after = sliding_window_view(out[self.length :], 2 * self.window, axis=0, writeable=True)[:: self.length]
        after += rows[:, self.length :].swapaxes(1, 2)  # what lies beyond a block is the beginning of the next
        return out


class SkipGramBlocks(Blocks):
    """Skip-gram with negative sampling, as the module describes."""

    def __init__(self, center, outside, counts, settings, words):
        super().__init__(center, outside, counts, settings, words)
        wide, dim, f = self.length + self.negatives, center.shape[1], np.float32
        self._H = np.empty((self.count, self.span, wide), f)
        self._S = np.empty_like(self._H)
        self._E = np.empty((self.words + 2 * self.window, dim), f)
        self._B = np.empty((self.count, wide, dim), f)
        self._dA, self._dB = np.empty((self.count, self.span, dim), f), np.empty_like(self._B)
        self._ids = np.empty((self.count, wide), np.int64)
        self._ones = np.ones(self.length, f)  # a product with it sums three times faster than `sum`
        self._signs = np.repeat(np.array([1, -1], f), (self.length, self.negatives))

    def layout(self, ids, sentence, rng):
        """(words, H): the ids of each block's words and negatives (blocks, T₀ + K₀), and the weights of all scores.

        Both are overwritten by the next call.
        """
        H, words = self._H, self._ids
        pairs = H[:, :, : self.length]
        np.multiply(self.together(sentence), self.expected, out=pairs)
        share = np.float32(self.settings.negatives / self.negatives)
        H[:, :, self.length :] = (pairs @ self._ones * share)[:, :, None]
        words[:, : self.length] = self.own(ids)
        words[:, self.length :] = self.sampler.draw((self.count, self.negatives), rng)
        return words, H

    def step(self, ids, sentence, rate, rng, want_loss=True):
        """Move both tables along the gradient of one step's loss, by ``rate``.

        ids, sentence: (T + 2w,) the words and their sentences' numbers, from w before to w after those predicted.
        -> (pairs expected, their loss in nats, or None unless wanted).
        """
        words, H = self.layout(ids, sentence, rng)
        S, length = self._S, self.length
        np.take(self.center, ids, axis=0, out=self._E, mode="clip")
        np.take(self.outside, words, axis=0, out=self._B, mode="clip")
        A, B = self.spans(self._E), self._B
        np.matmul(A, B.swapaxes(1, 2), out=S)
        pairs = float(H[:, :, :length].sum())
        loss = None
        if want_loss:
            signed = S.copy()
            signed[:, :, :length] *= -1
            loss = float(np.vdot(H, softplus(signed)))
        # σ(s) − y is (tanh(s/2) + 1)/2 − y: one call that cannot overflow. The half is left to the rate.
        S *= np.float32(0.5)
        np.tanh(S, out=S)
        S -= self._signs
        S *= H
        S *= np.float32(rate / 2)
        np.matmul(S, B, out=self._dA)
        np.matmul(S.swapaxes(1, 2), A, out=self._dB)
        subtract_rows(self.center, ids, self.overlapped(self._dA), self._scratch, FURTHEST)
        subtract_rows(self.outside, words.reshape(-1), self._dB.reshape(-1, B.shape[2]), self._scratch, FURTHEST)
        return pairs, loss


class CbowBlocks(Blocks):
    """CBOW with negative sampling: the combined context of each word predicts it, against negatives its block shares.

    With M (T₀, T₀+2w) the windows of a block, drawn, not expected, as the mean is not linear in them:

        V̂ = M A / C        s_t = v̂_t·u_t        N = V̂ · (negatives)ᵀ, each counting K / K₀

    and backwards ∂J/∂A = Mᵀ (∂J/∂V̂ / C). C is the number of words in the window for ``combine="mean"`` and 1
    for "sum". "word2vec" divides going forward and not going back, as the word2vec program and gensim do: the context
    words then move C times as far as the derivative says. It is no gradient of the loss, but what those train with.
    """

    def step(self, ids, sentence, rate, rng, want_loss=True):
        """As `SkipGramBlocks.step`; a pair here is a word and its whole context."""
        M, into, back = self.windows(sentence, rng)
        own = self.own(ids)
        A, U = self.spans(self.center.take(ids, axis=0)), self.outside.take(own, axis=0)
        negatives = self.sampler.draw((self.count, self.negatives), rng)
        N = self.outside.take(negatives, axis=0)
        predicted = (M @ np.ones(self.span, np.float32) > 0).astype(
            np.float32
        )  # a word alone in its sentence predicts nothing
        V = np.matmul(into, A)
        s, S = np.vecdot(V, U), np.matmul(V, N.swapaxes(1, 2))
        weight = np.float32(self.settings.negatives / self.negatives)
        pairs, loss = float(predicted.sum()), None
        if want_loss:
            loss = float(np.vdot(predicted, softplus(-s) + weight * softplus(S).sum(axis=2)))
        g = (sigmoid(s) - 1) * predicted * np.float32(rate)
        G = sigmoid(S) * (predicted * (weight * np.float32(rate)))[:, :, None]
        dV = g[:, :, None] * U + np.matmul(G, N)
        subtract_rows(self.center, ids, self.overlapped(np.matmul(back.swapaxes(1, 2), dV)), self._scratch, FURTHEST)
        rows = np.concatenate([g[:, :, None] * V, np.matmul(G.swapaxes(1, 2), V)], axis=1)
        words = np.concatenate([own, negatives], axis=1)
        subtract_rows(self.outside, words.reshape(-1), rows.reshape(-1, rows.shape[2]), self._scratch, FURTHEST)
        return pairs, loss

    def windows(self, sentence, rng):
        """(M, what combines going forward, going back), each float32 (blocks, T₀, T₀ + 2w); windows drawn anew."""
        reach = np.full((self.count, 1, self.length), self.window)
        if self.settings.dynamic:
            reach = rng.integers(1, self.window + 1, reach.shape)
        near = self.together(sentence) & (self.distance <= reach)
        M = near.swapaxes(1, 2).astype(np.float32)
        if self.settings.combine == "sum":
            return M, M, M
        # A product with ones sums faster than `sum`.
        size = M @ np.ones((self.span, 1), np.float32)
        into = M / np.maximum(size, 1)
        return M, into, M if self.settings.combine == "word2vec" else into


class SoftmaxBlocks(Blocks):
    """The naive softmax, all V words for every pair, at the cost of one row of scores for each *distinct* center.

    The softmax depends on the center alone. If c is the center of n_c expected pairs, n_co of them with o outside:

        J = Σ_c [n_c log Σ_w exp(u_w·v_c) − Σ_o n_co u_o·v_c]        ∂J/∂(U v_c) = n_c softmax(U v_c) − n_c·

    A center that has ten outside words, or occurs ten times in the step, is scored once. For CBOW every word has a
    context of its own, and nothing is shared.
    """

    def step(self, ids, sentence, rate, rng, want_loss=True):
        """As `SkipGramBlocks.step`; the loss comes with the gradient, so it is always given."""
        H = self.together(sentence) * self.expected
        block, place, word = np.nonzero(H)
        if not len(block):
            return 0.0, 0.0
        weights = H[block, place, word]
        centers, row = np.unique(self.spans(ids)[block, place], return_inverse=True)
        rows, dU, loss = self.softmax(self.center.take(centers, axis=0), row, self.own(ids)[block, word], weights)
        self.center[centers] -= limit(np.float32(rate) * rows, FURTHEST)
        self.outside -= limit(np.float32(rate) * dU, FURTHEST)
        return float(weights.sum()), loss

    def softmax(self, v, row, outside, weights):
        """The naive softmax of P weighted pairs: (∂J/∂v (C, D), ∂J/∂U (V, D), J).

        v: (C, D) distinct centers; row, outside, weights: (P,) each pair's row of v, outside word and weight.
        Memory: `SCORES` at a time, however many centers there are.
        """
        size = len(self.outside)
        pair, index = np.unique(row * size + outside, return_inverse=True)
        count = np.bincount(index, weights).astype(np.float32)
        total = np.bincount(row, weights, minlength=len(v)).astype(np.float32)
        dv, dU, loss = np.empty_like(v), np.zeros_like(self.outside), 0.0
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
            S *= n / sums
            S.reshape(-1)[place] -= count[here]
            np.matmul(S, self.outside, out=dv[start:stop])
            dU += S.T @ v[start:stop]
        return dv, dU, loss


class SoftmaxCbowBlocks(CbowBlocks, SoftmaxBlocks):
    """CBOW with the naive softmax: V scores for every word predicted."""

    def step(self, ids, sentence, rate, rng, want_loss=True):
        """As `SoftmaxBlocks.step`."""
        M, into, back = self.windows(sentence, rng)
        predicted = np.flatnonzero(M.any(axis=2).reshape(-1))
        dim = self.center.shape[1]
        V = np.matmul(into, self.spans(self.center.take(ids, axis=0))).reshape(-1, dim).take(predicted, axis=0)
        outside = self.own(ids).reshape(-1).take(predicted)
        one = np.ones(len(predicted), np.float32)
        rows, dU, loss = self.softmax(V, np.arange(len(predicted)), outside, one)
        dV = np.zeros((self.words, dim), np.float32)
        dV[predicted] = np.float32(rate) * rows
        dV = dV.reshape(self.count, self.length, dim)
        subtract_rows(self.center, ids, self.overlapped(np.matmul(back.swapaxes(1, 2), dV)), self._scratch, FURTHEST)
        self.outside -= limit(np.float32(rate) * dU, FURTHEST)
        return float(len(predicted)), loss


def softplus(x):
    """log(1 + e^x), without overflow: −log σ(−x)."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def sigmoid(x):
    """1 / (1 + e^−x), by tanh, which cannot overflow."""
    return (np.tanh(x * np.float32(0.5)) + 1) * np.float32(0.5)


FORMS = {
    ("skipgram", "negative"): SkipGramBlocks,
    ("skipgram", "naive"): SoftmaxBlocks,
    ("cbow", "negative"): CbowBlocks,
    ("cbow", "naive"): SoftmaxCbowBlocks,
}
