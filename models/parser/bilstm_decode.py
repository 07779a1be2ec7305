"""Parsing with a BiLSTM network: read all sentences of a batch once, then make the best legal move again and again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygrad_nlp import no_grad

from .bilstm import Batch, BiLSTMNetwork, Letters, Spelled
from .decode import Parser, advance
from .features import Vocabulary
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

    def trees(self, sentences: Sequence[Sentence]) -> list[tuple[list[int], list[str]]]:
        """(heads, relations) of each sentence, all parsed together."""
        found: list = [([], [])] * len(sentences)
        encoded = self.vocabulary.encode(sentences, trees=False)
        order = np.argsort(-encoded.lengths, kind="stable")
        order = order[encoded.lengths[order] > 0]
        if not len(order):
            return found
        batch = Batch(encoded, Spelled.of(sentences, self.letters), order, self.vocabulary)
        states, network = batch.states(), self.network.eval()
        with no_grad():
            vectors = network(self.counted(batch.symbols), batch.spelling, batch.sizes)
            mover = Mover(network, network.summands(vectors).data, batch.row_of)
            advance(states, mover.classify)
            if self.labelled:
                heads = batch.row_of[states.head[batch.places]]
                scores = network.labels(vectors, heads, batch.words).data
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


class Mover:
    """Scores of the moves, for the configurations of a batch.

    summands  ((M + 1) · P, H) of `BiLSTMNetwork.summands`, as an array
    row_of    of the `Batch`
    """

    def __init__(self, network: BiLSTMNetwork, summands, row_of):
        self.summands, self.row_of, self.places = summands, row_of, network.places
        self.bias = network.move_bias.data
        self.output = np.ascontiguousarray(network.move_output.weight.data.T)
        self.output_bias = network.move_output.bias.data

    def rows(self, states: States, k: int) -> np.ndarray:
        """(P, k) the rows at the places of the first k sentences."""
        return self.row_of.take(states.places(k)[self.places])

    def scores(self, rows) -> np.ndarray:
        """(k, 3), as the network's; rows: (P, k)."""
        count = len(rows)
        z = self.bias + self.summands.take(rows[0] * count, axis=0)
        for place in range(1, count):
            z += self.summands.take(rows[place] * count + place, axis=0)
        return np.maximum(z, 0, out=z) @ self.output + self.output_bias

    def classify(self, states: States, k: int):
        scores = self.scores(self.rows(states, k))
        return np.where(states.legal(k), scores, -np.inf).argmax(axis=1), None
