"""Parsing with a BiLSTM network: read all sentences of a batch once, then make the best legal move again and again.

The network's layers are computed here once more, on arrays and with every matrix product made in blocks of one size, as
in `decode`: so a sentence's scores are the same to the bit, whichever sentences it is parsed with.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygrad_nlp.nn import LSTM, Parameter
from tinygrad_nlp.ops.packed import first_rows, steps

from .bilstm import Batch, BiLSTMNetwork, Letters, Spelled
from .decode import Parser, advance
from .features import Vocabulary
from .scorer import products
from .states import States
from .treebank import Sentence


class BiLSTMParser(Parser):
    """A trained parser that reads sentences with LSTMs; as `Parser`, with the letters it knows."""

    def __init__(self, network: BiLSTMNetwork, vocabulary: Vocabulary, letters: Letters, labelled=True, notes=None):
        super().__init__(network, vocabulary, labelled, notes, system="arc-hybrid")
        self.letters = letters

    @classmethod
    def untrained(cls, vocabulary: Vocabulary, letters: Letters, *, labelled=True, rng, **sizes) -> BiLSTMParser:
        """A parser of the given sizes (`BiLSTMNetwork`) with random weights."""
        network = BiLSTMNetwork(
            len(vocabulary.words),
            [len(kind) for kind in vocabulary.tags],
            len(letters.symbols),
            len(vocabulary.relations),
            rng=rng,
            **sizes,
        )
        return cls(network, vocabulary, letters, labelled)

    def counted(self, symbols):
        """Numbers of the vocabulary, each kind counted from 0."""
        return [ids - start for ids, start in zip(symbols, self.vocabulary.starts)]

    def word_table(self) -> np.ndarray:
        """(words, dim) the vectors of the vocabulary's words; changes reach the network."""
        return self.network.words.weight.data

    def trees(self, sentences: Sequence[Sentence]) -> list[tuple[list[int], list[str]]]:
        """(heads, relations) of each sentence, all parsed together."""
        found: list = [([], [])] * len(sentences)
        encoded = self.vocabulary.encode(sentences, trees=False)
        order = np.argsort(-encoded.lengths, kind="stable")
        order = order[encoded.lengths[order] > 0]
        if not len(order):
            return found
        batch = Batch(encoded, Spelled.of(sentences, self.letters), order, self.vocabulary)
        states, network = batch.states(), self.network
        vectors = read(network, self.counted(batch.symbols), batch.spelling, batch.sizes)
        summands = product(vectors, network.move_hidden.weight).reshape(len(vectors) * len(network.places), -1)
        advance(states, Mover(network, summands, batch.row_of).classify)
        if self.labelled:
            heads = batch.row_of[states.head[batch.places]]
            scores = label_scores(network, vectors, heads, batch.words)
            states.label[batch.places] = self._best_labels(scores, heads < len(order))
        names = self.vocabulary.relations
        for number, (heads, labels) in zip(order.tolist(), states.trees()):
            if self.labelled:
                relations = [names[label] for label in labels.tolist()]
            else:
                relations = ["dep" if head else "root" for head in heads.tolist()]
            found[number] = heads.tolist(), relations
        return found

    def _best_labels(self, scores, under_root):
        """ROOT's dependent alone is `root` in Universal Dependencies."""
        is_root = np.array([name == "root" for name in self.vocabulary.relations])
        if is_root.any() and not is_root.all():
            scores = np.where(is_root == under_root[:, None], scores, -np.inf)
        return scores.argmax(axis=1)

    def described(self) -> dict:
        """What `save` writes beside weights, vocabulary and notes."""
        sizes = {name: value for name, value in self.network.sizes.items() if name not in COUNTED}
        return {"network": "bilstm", "letters": self.letters.symbols, "labelled": self.labelled, "sizes": sizes}

    @classmethod
    def made_of(cls, about: dict) -> BiLSTMParser:
        """An untrained parser as `described`."""
        vocabulary, letters = Vocabulary(**about["vocabulary"]), Letters(about["letters"])
        rng = np.random.default_rng(0)
        return cls.untrained(vocabulary, letters, labelled=about["labelled"], rng=rng, **about["sizes"])


COUNTED = ("words", "tags", "letters", "labels")
"""Sizes of the network that the vocabulary tells."""

LARGEST_PRODUCT = 1 << 23
"""Multiplications of one product: larger than in `decode`, for these matrices have to be fetched for every block."""


def product(x, weight: Parameter) -> np.ndarray:
    """x Wᵀ, in blocks of equal size."""
    return products(x, np.ascontiguousarray(weight.data.T)[None], LARGEST_PRODUCT)[0]


def read(network: BiLSTMNetwork, symbols, spelling, sizes) -> np.ndarray:
    """What the network gives for a batch in evaluation, up to rounding."""
    of_row, letters, letter_sizes = spelling
    (forward, backward), _ = layer_outputs(network.spelling, network.letters.weight.data[letters], letter_sizes)
    # The recurrence ends where the other direction begins.
    ends = forward[first_rows(letter_sizes, True)], backward[first_rows(letter_sizes, False)]
    spelled = np.concatenate(ends, axis=1)
    tables = (network.words, *network.tags)
    parts = [table.weight.data[ids] for table, ids in zip(tables, symbols)]
    _, x = layer_outputs(network.context, np.concatenate([*parts, spelled[of_row]], axis=1), sizes)
    return np.concatenate([x, network.nothing.data])


def layer_outputs(lstm: LSTM, x, sizes):
    """(the two directions' hidden states of the last layer, the same joined)."""
    for layer in range(lstm.num_layers):
        both = []
        for reverse, suffix in enumerate(("", "_reverse")):
            W, U, *biases = (
                getattr(lstm, f"{name}_l{layer}{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            both.append(hidden_states(product(x, W) + (biases[0].data + biases[1].data), U, sizes, bool(reverse)))
        x = np.concatenate(both, axis=1)
    return both, x


def hidden_states(a, weight, sizes, reverse) -> np.ndarray:
    """h of an LSTM for all rows of a batch; a: (M, 4H) what its input adds to the pre-activations, overwritten."""
    H = a.shape[1] // 4
    # σ(a) = ½ + ½ tanh(½a): one tanh for all four gates.
    half, offset = np.repeat(np.array([[0.5, 0.5, 1, 0.5], [0.5, 0.5, 0, 0.5]], a.dtype), H, axis=1)
    h, c = np.empty((len(a), H), a.dtype), np.empty((len(a), H), a.dtype)
    for start, stop, before, carried in steps(sizes, reverse):
        gates = a[start:stop]
        if carried:
            gates[:carried] += product(h[before : before + carried], weight)
        np.multiply(np.tanh(np.multiply(gates, half, out=gates), out=gates), half, out=gates)
        gates += offset
        c[start:stop] = gates[:, :H] * gates[:, 2 * H : 3 * H]
        c[start : start + carried] += gates[:carried, H : 2 * H] * c[before : before + carried]
        np.multiply(gates[:, 3 * H :], np.tanh(c[start:stop]), out=h[start:stop])
    return h


def label_scores(network: BiLSTMNetwork, vectors, heads, dependents) -> np.ndarray:
    """(W, R) as `BiLSTMNetwork.labels`."""
    both = product(vectors, network.label_hidden.weight).reshape(2 * len(vectors), -1)
    hidden = np.maximum(both[2 * heads] + both[2 * dependents + 1] + network.label_bias.data, 0)
    return product(hidden, network.label_output.weight) + network.label_output.bias.data


class Mover:
    """Scores of the moves, for the configurations of a batch.

    summands  ((M + 1) · P, H) of `BiLSTMNetwork.summands`, as an array
    row_of    of the `Batch`
    """

    def __init__(self, network: BiLSTMNetwork, summands, row_of):
        self.summands, self.row_of, self.places = summands, row_of, network.places
        self.bias, self.output = network.move_bias.data, network.move_output

    def rows(self, states: States, k: int) -> np.ndarray:
        """(P, k) the rows at the places of the first k sentences."""
        return self.row_of.take(states.places(k)[self.places])

    def scores(self, rows) -> np.ndarray:
        """(k, 3), as the network's; rows: (P, k)."""
        count = len(rows)
        z = self.bias + self.summands.take(rows[0] * count, axis=0)
        for place in range(1, count):
            z += self.summands.take(rows[place] * count + place, axis=0)
        return product(np.maximum(z, 0, out=z), self.output.weight) + self.output.bias.data

    def classify(self, states: States, k: int):
        scores = self.scores(self.rows(states, k))
        return np.where(states.legal(k), scores, -np.inf).argmax(axis=1), None
