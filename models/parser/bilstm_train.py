"""Training a BiLSTM network: a step reads some sentences, walks through their configurations and learns all at once.

The vectors of words do not depend on the moves, so they are made once a step. The walk then is cheap: it only asks for
sums of rows (`bilstm_decode.Mover`). In the first epoch it follows the oracle, later on the parser itself, which so
learns in configurations that its own mistakes lead to, of the moves that cost nothing there the one it likes best
(Goldberg & Nivre 2013; Kiperwasser & Goldberg 2016, section 4.2).
"""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import cross_entropy
from tinygrad_nlp.data import DataError
from tinygrad_nlp.optim import Adam, LinearLR

from .bilstm import Batch, Letters, Spelled
from .bilstm_decode import BiLSTMParser, Mover
from .features import SPECIAL, UNKNOWN
from .hybrid import DynamicOracle
from .train import Run, Training

LABELS = 0.5
"""The share of the labels' loss."""

ARCS_FIRST = np.array([1, 3, 2])
"""Of several moves that cost nothing the oracle makes LEFT-ARC before RIGHT-ARC before SHIFT."""


def begin(sentences, vocabulary, settings, rng, checkpoint, vectors) -> BiLSTMRun:
    """A training at its beginning."""
    if not sum(map(len, sentences)):
        raise DataError("no words to train on")
    sizes = {"word_dim": settings.dim, "hidden": settings.hidden, "dropout": settings.dropout}
    parser = BiLSTMParser.untrained(vocabulary, Letters.of(sentences), labelled=settings.labelled, rng=rng, **sizes)
    if vectors is not None:
        parser.start_from(vectors)
    return BiLSTMRun(Training(parser, settings), sentences, rng, checkpoint)


class BiLSTMRun(Run):
    """The training of a `BiLSTMNetwork`, by sentences."""

    largest_gradient = 5.0

    def __init__(self, result: Training, sentences, rng, checkpoint):
        parser, settings = result.parser, result.settings
        sentences = [s for s in sentences if len(s)]
        self.encoded = e = parser.vocabulary.encode(sentences)
        self.spelled = Spelled.of(sentences, parser.letters)
        self.first_label = parser.vocabulary.first_label + len(SPECIAL)
        self.steps = max(1, round(len(e.symbols[0]) / settings.batch))
        optimizer = Adam(parser.network.parameters(), lr=settings.rate, betas=(0.9, settings.beta2))
        schedule = LinearLR(optimizer, 1.0, settings.last_rate / settings.rate, settings.epochs * self.steps)
        data = (e.lengths, e.symbols, e.heads, e.labels, self.spelled.forms, self.spelled.letters)
        super().__init__(result, len(sentences), data, optimizer, schedule, rng, checkpoint)

    def epoch(self, on_progress) -> float:
        total = moves = 0
        self.network.train()
        for number, chosen in enumerate(self._batches()):
            batch = Batch(self.encoded, self.spelled, chosen, self.result.parser.vocabulary)
            loss, count = self._loss(batch)
            total += self.learn(loss) * count
            moves += count
            self.progress((number + 1) / self.steps, total / moves, on_progress)
        return total / moves

    def _batches(self):
        """The numbers of sentences of like length, about as many words in each, in a new order."""
        lengths = self.encoded.lengths
        order = np.argsort(-lengths + self.rng.uniform(-1, 1, len(lengths)), kind="stable")
        words = np.cumsum(lengths[order])
        parts = np.split(order, np.searchsorted(words, words[-1] * np.arange(1, self.steps) / self.steps))
        # Of few long sentences some parts may be empty. `Batch` wants the longest first.
        parts = [part[np.argsort(-lengths[part], kind="stable")] for part in parts if len(part)]
        return [parts[i] for i in self.rng.permutation(len(parts))]

    def _loss(self, batch):
        """(the loss, a mean over moves and over labels; how many moves there are)."""
        network, parser = self.network, self.result.parser
        symbols = parser.counted(batch.symbols)
        forgotten = self.rng.random(batch.rows, np.float32) < self.forget.take(symbols[0])
        symbols[0] = np.where(forgotten, UNKNOWN, symbols[0])
        vectors = network(symbols, batch.spelling, batch.sizes)
        summands = network.summands(vectors)
        rows, targets = self._walk(batch, summands.data)
        loss = cross_entropy(network.moves(summands, rows), targets)
        if parser.labelled:
            scores = network.labels(vectors, batch.heads, batch.words)
            loss = loss + LABELS * cross_entropy(scores, batch.labels - self.first_label)
        return loss, len(targets)

    def _walk(self, batch, summands):
        """(K, P) what stands at the places in each configuration met, (K,) the move to learn there."""
        states, settings = batch.states(), self.settings
        oracle, mover = DynamicOracle(states, batch.true_heads), Mover(self.network, summands, batch.row_of)
        exploring = settings.oracle == "dynamic" and bool(self.result.history)
        met, targets = [], []
        for step in range(2 * int(states.lengths[0])):
            k = states.active(step)
            rows, best = mover.rows(states, k), oracle.best(k)
            if exploring:
                scores = mover.scores(rows)
                right = np.where(best, scores, -np.inf).argmax(axis=1)
                moves = np.where(states.legal(k), scores, -np.inf).argmax(axis=1)
                if settings.explore < 1:
                    moves = np.where(self.rng.random(k) < settings.explore, moves, right)
            else:
                moves = right = (best * ARCS_FIRST).argmax(axis=1)
            met.append(rows.T)
            targets.append(right)
            oracle.apply(moves)
        return np.concatenate(met), np.concatenate(targets)
