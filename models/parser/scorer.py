"""The classifier's scores and its choice among legal transitions, for many configurations at a time.

A step of the network costs F·D·H products for a configuration, nearly all of them in x W. But x joins F vectors of
the table, so x W is a sum of F rows, each the product of one vector with one slice of W (Chen & Manning 2014,
section 3.2). Those products are made once for each different word of a batch of sentences, not at each step: the
hidden layer is then a sum of rows. The sums are made in one order and the matrix products in blocks of one size, small
enough that all rows of a block are summed alike, so that a sentence's scores are the same to the bit, whichever
sentences it is parsed with.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from .features import APART, SPECIAL, Chunk, distances
from .model import ACTIVATIONS
from .states import States
from .transitions import LEFT_ARC, RIGHT_ARC, SHIFT

BLOCKS = (64, 32, 16, 8, 4, 2, 1)
"""Rows of a matrix product: the first of these that `_block_size` finds fair."""

LARGEST_PRODUCT = 1 << 18
"""Multiplications of one product. Beyond about this number OpenBLAS shares it out to threads, and so small a share
is sooner computed than waited for: on a busy machine of two cores decoding took four times as long."""


class Scorer:
    """Scores of the transitions for one chunk of sentences, by sums of rows made beforehand.

    ``tokens`` (P, U, H) holds, for each of the P places and each different token (word and tags), the sum of the
    products of its vectors with their slices of W; ``labels`` likewise for the relations of dependents, and
    ``distances`` for the distances.
    """

    def __init__(self, parser, chunk: Chunk):
        network, vocabulary = parser.network, parser.vocabulary
        table = network.table.weight.data
        dim, hidden = table.shape[1], network.hidden.out_features
        slices = np.ascontiguousarray(network.hidden.weight.data.T).reshape(-1, dim, hidden)
        self.bias = network.hidden.bias.data
        self.activate = ACTIVATIONS[network.activation][1]

        places, self.dependents = len(chunk.states.NAMES), chunk.states.DEPENDENTS
        distinct, self.token = _distinct(chunk.symbols, vocabulary.size)
        self.tokens = 0
        for kind, rows in enumerate(distinct):
            used, number = np.unique(rows, return_inverse=True)
            made = products(table.take(used, axis=0), slices[kind * places : (kind + 1) * places])
            self.tokens = self.tokens + made.take(number, axis=1)
        self.first_label = vocabulary.first_label
        self.labels = self.distances = None
        if vocabulary.distances:
            self.distances = products(table[vocabulary.starts[-1] :], slices[-len(APART) :])
            slices = slices[: -len(APART)]
        if parser.labelled:
            self.labels = products(table[self.first_label : vocabulary.starts[-1]], slices[self.dependents - places :])

        self.output = np.ascontiguousarray(network.output.weight.data.T)
        self.output_bias = network.output.bias.data
        count = len(chunk.states.lengths)
        self._block = _block_size(hidden, self.output.shape[1], table.dtype)
        self._hidden = np.zeros((-(-count // self._block) * self._block, hidden), table.dtype)
        self._row = np.empty((count, hidden), table.dtype)
        self.moves, self.relations, self.penalties = _transitions(parser, table.dtype)
        self.relations = self.relations + self.first_label if parser.labelled else None

    def scores(self, states: States, k: int) -> np.ndarray:
        """(k, C) what the network says of the first k sentences; as ``network(features)``, up to rounding."""
        at = states.places(k)
        z, row = self._hidden[:k], self._row[:k]
        z[:] = self.bias
        for place, token in enumerate(self.token.take(at)):
            # mode="clip" lets take write into `out` directly; no index is out of range
            z += np.take(self.tokens[place], token, axis=0, out=row, mode="clip")
        if self.labels is not None:
            for place, label in enumerate(states.label.take(at[self.dependents :]) - self.first_label):
                z += np.take(self.labels[place], label, axis=0, out=row, mode="clip")
        if self.distances is not None:
            for pair, distance in enumerate(distances(states, at)):
                z += np.take(self.distances[pair], distance, axis=0, out=row, mode="clip")
        self.activate(z)
        padded = self._hidden[: -(-k // self._block) * self._block]
        blocks = padded.reshape(-1, self._block, padded.shape[1])
        return np.matmul(blocks, self.output).reshape(len(padded), -1)[:k] + self.output_bias

    def classify(self, states: States, k: int) -> tuple[np.ndarray, np.ndarray | None]:
        """The best legal transitions of the first k sentences: moves (k,), and labels (k,) if there are any."""
        return self.chosen(self.scores(states, k), states, k)

    def chosen(self, scores, states: States, k: int) -> tuple[np.ndarray, np.ndarray | None]:
        """What `classify` makes of ``scores`` (k, C)."""
        under_root = states.top[:k] - states.bottom[:k] == 1
        penalties = self.penalties.take(states.legal(k) @ (1, 2, 4) + 8 * under_root, axis=0)
        best = (scores + penalties).argmax(axis=1)
        return self.moves.take(best), None if self.relations is None else self.relations.take(best)


def explorer(parser, probability: float, rng) -> Callable:
    """For `examples.explore`: the move to learn is the best that the parser can think of among those without cost, so
    that it need not learn what it would not have done; the move to make is with ``probability`` the parser's own."""

    def of_chunk(chunk):
        scorer = Scorer(parser, chunk)

        def choose(states, k, classes, best):
            scores, rows = scorer.scores(states, k), np.arange(k)
            right = np.where(best, np.take_along_axis(scores, classes, axis=1), -np.inf).argmax(axis=1)
            moves, relations = scorer.chosen(scores, states, k)
            own = rng.random(k) < probability
            labels = chunk.labels.take(states.removed(right))
            if relations is not None:
                labels = np.where(own, relations, labels)
            return classes[rows, right], np.where(own, moves, right), labels

        return choose

    return of_chunk


def _transitions(parser, dtype):
    """(C,) moves; (C,) relations as numbers among the labels; (16, C) what is added to scores: 0, or −inf if illegal.

    The row of penalties has a bit for each legal move, and one for "ROOT is the second on the stack": its
    dependent alone is `root` in Universal Dependencies.
    """
    if not parser.labelled:
        moves, relations = np.arange(3), None
        of_root = np.zeros(3, bool)
        root_known = False
    else:
        names = parser.vocabulary.relations
        moves = np.repeat([SHIFT, LEFT_ARC, RIGHT_ARC], [1, len(names), len(names)])
        relations = np.concatenate([[0], np.tile(np.arange(len(names)) + len(SPECIAL), 2)])
        of_root = np.array([False, *[name == "root" for name in names] * 2])
        root_known = len(names) > 1 and bool(of_root.any())
    penalties = np.zeros((16, len(moves)), dtype)
    for row in range(16):
        legal = (row >> moves) & 1 == 1
        if root_known:
            legal &= (moves == SHIFT) | (of_root == ((moves == RIGHT_ARC) & (row >= 8)))
        penalties[row, ~legal] = -np.inf
    return moves, relations, penalties


def _distinct(symbols, size):
    """The different columns of ``symbols`` (kinds, M), as (kinds, U), and for each column its number among them."""
    code = symbols[0]
    for values in symbols[1:]:
        code = code * size + values
    _, first, number = np.unique(code, return_index=True, return_inverse=True)
    return symbols[:, first], number


def products(x, slices, largest=LARGEST_PRODUCT):
    """x W for each W of ``slices`` (P, D, H), block by block: x (U, D) -> (P, U, H)."""
    count, dim, hidden = slices.shape
    size = _block_size(dim, hidden, x.dtype, largest)
    padded = np.zeros((-(-len(x) // size) * size, dim), x.dtype)
    padded[: len(x)] = x
    found = np.matmul(padded.reshape(-1, size, dim), slices[:, None])
    return found.reshape(count, len(padded), hidden)[:, : len(x)]


@cache
def _block_size(inputs, outputs, dtype, largest=LARGEST_PRODUCT):
    """How many rows to multiply at once with a matrix (inputs, outputs).

    BLAS cuts a product into tiles, and may sum a row in another order according to the tile it lies in (OpenBLAS with
    AVX-512 does): a sentence's scores would depend on its place in the batch. Equal rows show it: their results must
    be equal.
    """
    rng = np.random.default_rng(0)
    row, W = rng.normal(size=inputs).astype(dtype), rng.normal(size=(inputs, outputs)).astype(dtype)
    for size in BLOCKS[:-1]:
        if size * inputs * outputs <= largest:
            found = np.matmul(np.tile(row, (1, size, 1)), W)[0]
            if (found == found[0]).all():
                return size
    return BLOCKS[-1]
