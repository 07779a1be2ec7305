"""Parsing many sentences at once; and the trained parser, from its file to its trees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from tinygrad_nlp import CheckpointError, OptionError, serialize
from tinygrad_nlp.errors import DTypeError, explain

from .features import SPECIAL, Vocabulary
from .model import INITIAL, ParserNetwork
from .scorer import Scorer
from .states import States
from .treebank import Faulty, Sentence

KIND, VERSION = "dependency parser", 2


def minibatch_parse(sentences: Sequence[Sentence], parser: Parser, batch_size: int = 1024) -> list[tuple[list, list]]:
    """(heads, relations) of each sentence, ``batch_size`` of them advanced at a time; the result does not depend on it.

    Sentences of like length go together: a batch takes as many steps as its longest one.
    """
    if batch_size < 1:
        raise OptionError(explain("minibatch_parse: batch_size", got=repr(batch_size), expected="at least 1"))
    order = sorted(range(len(sentences)), key=lambda i: -len(sentences[i]))
    found: list = [None] * len(sentences)
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        for i, tree in zip(chosen, parser.trees([sentences[i] for i in chosen])):
            found[i] = tree
    return found


def advance(states: States, classify: Callable[[States, int], tuple]) -> None:
    """Make moves until none is left. classify: (states, k) -> (moves (k,), labels (k,) or None) of the first k."""
    for step in range(2 * int(states.lengths[0]) if len(states.lengths) else 0):
        states.apply(*classify(states, states.active(step)))


class Parser:
    """A trained parser: network, vocabulary, and what kind of transitions it makes.

    labelled  transitions carry relations and the dependents' relations are features (Chen & Manning); else the
              course's three transitions. An unlabelled tree gets ``root`` and, elsewhere, ``dep``, UD's "unspecified"
    system    "arc-standard" or "arc-hybrid"
    notes     what else should be known of it: settings, scores, source
    """

    def __init__(
        self,
        network: ParserNetwork,
        vocabulary: Vocabulary,
        labelled: bool,
        notes: dict | None = None,
        *,
        system: str = "arc-standard",
    ):
        self.network, self.vocabulary, self.labelled, self.notes = network, vocabulary, labelled, notes or {}
        self.system = system

    def __repr__(self):
        words, relations = len(self.vocabulary.words) - len(SPECIAL), len(self.vocabulary.relations)
        return f"<{type(self).__name__} of {words:,} words" + (f", {relations} relations>" if self.labelled else ">")

    @classmethod
    def untrained(
        cls,
        vocabulary: Vocabulary,
        *,
        labelled,
        dim,
        hidden,
        activation,
        dropout,
        input_dropout=0.0,
        rng,
        system="arc-standard",
    ) -> Parser:
        """A parser of the given sizes with random weights."""
        network = ParserNetwork(
            vocabulary.size,
            vocabulary.feature_count(labelled, system),
            dim,
            hidden,
            1 + 2 * len(vocabulary.relations) if labelled else 3,
            activation=activation,
            dropout=dropout,
            input_dropout=input_dropout,
            rng=rng,
        )
        return cls(network, vocabulary, labelled, system=system)

    def word_table(self) -> np.ndarray:
        """(words, dim) the vectors of the vocabulary's words; changes reach the network."""
        return self.network.table.weight.data[: len(self.vocabulary.words)]

    def start_from(self, vectors) -> None:
        """Give the words that ``vectors`` knows their vectors there, with the spread of the others.

        vectors  models.word2vec.Vectors, matrix (V, dim). Raises OptionError for vectors of another length.
        """
        table, words, matrix = self.word_table(), vectors.vocabulary.words, vectors.matrix
        if matrix.shape[1] != table.shape[1]:
            raise OptionError(
                explain(
                    "train: vectors",
                    got=f"vectors of {matrix.shape[1]} numbers for a parser of dim={table.shape[1]}",
                    expected="vectors as long as the parser's own",
                    write=f"Settings(dim={matrix.shape[1]}), --dim {matrix.shape[1]}",
                )
            )
        ids, scale = self.vocabulary.ids[0], INITIAL / max(float(np.std(matrix)), 1e-12)
        # The rarest first: of words that differ in case alone the most frequent one is to stay.
        for word, vector in zip(reversed(words), matrix[::-1]):
            number = ids.get(word.lower() if self.vocabulary.lowercase else word)
            if number is not None:
                table[number] = scale * vector

    def parse(self, sentences: Iterable[Sentence | Faulty], batch_size: int = 1024) -> Iterator[Sentence | Faulty]:
        """The sentences with the parser's heads and relations, in their order, read ``batch_size`` at a time.

        What could not be read (`Faulty`) is passed on as it is. The result does not depend on ``batch_size``. Raises
        DTypeError for text: words need tags.
        """
        sentences = iter(sentences)
        while batch := list(islice(sentences, max(batch_size, 1))):
            if any(isinstance(s, str) for s in batch):
                raise DTypeError(
                    explain(
                        "parse()",
                        got="text",
                        expected="sentences of words with tags",
                        write='parse([from_tagged("Dogs_NOUN bark_VERB ._PUNCT")]), or load_treebank(path) for CoNLL-U',
                    )
                )
            trees = iter(minibatch_parse([s for s in batch if not isinstance(s, Faulty)], self, batch_size))
            yield from (s if isinstance(s, Faulty) else s.with_tree(*next(trees)) for s in batch)

    def trees(self, sentences: Sequence[Sentence]) -> list[tuple[list[int], list[str]]]:
        """(heads, relations) of each sentence, all parsed together."""
        if not sentences:
            return []
        encoded = self.vocabulary.encode(sentences, trees=False)
        order = np.argsort(-encoded.lengths, kind="stable")
        chunk = encoded.chunk(order, self.vocabulary, system=self.system)
        advance(chunk.states, Scorer(self, chunk).classify)
        found: list = [None] * len(sentences)
        symbols, start = self.vocabulary.labels, self.vocabulary.first_label
        for number, (heads, labels) in zip(order.tolist(), chunk.states.trees()):
            heads = heads.tolist()
            if self.labelled:
                relations = [symbols[label - start] for label in labels.tolist()]
            else:
                relations = ["dep" if head else "root" for head in heads]
            found[number] = heads, relations
        return found

    def save(self, path) -> None:
        """Write all that is needed to parse into one safetensors file."""
        about = {"kind": KIND, "version": VERSION, "vocabulary": self.vocabulary.state_dict(), "notes": self.notes}
        serialize.save(path, model=self.network, metadata=about | self.described())

    def described(self) -> dict:
        """What `save` writes beside weights, vocabulary and notes: all that `made_of` needs."""
        network = self.network
        return {
            "labelled": self.labelled,
            "system": self.system,
            "dim": network.table.embedding_dim,
            "hidden": network.hidden.out_features,
            "activation": network.activation,
            "dropout": network.dropout.p,
        }

    @classmethod
    def made_of(cls, about: dict) -> Parser:
        """An untrained parser as `described`. Raises KeyError or TypeError where something is missing."""
        sizes = {name: about[name] for name in ("labelled", "system", "dim", "hidden", "activation", "dropout")}
        return cls.untrained(Vocabulary(**about["vocabulary"]), rng=np.random.default_rng(0), **sizes)

    @classmethod
    def load(cls, path) -> Parser:
        """Read what `save` wrote.

        Raises CheckpointError for a file that is damaged, of another kind or another version; FileNotFoundError if
        there is none.
        """
        checkpoint = serialize.load(path)
        about = checkpoint.metadata
        if not isinstance(about, dict) or about.get("kind") != KIND:
            kind = about.get("kind", "something else") if isinstance(about, dict) else "something else"
            raise _refusal(path, f"a checkpoint of {kind}", "a parser that Parser.save or `train parser --out` wrote")
        if about.get("version") != VERSION:
            raise _refusal(path, f"parser format {about.get('version')}", f"format {VERSION}, which this release reads")
        try:
            parser = _kind(about.get("network")).made_of(about)
            parser.network.load_state_dict(checkpoint.model)
        except (KeyError, TypeError) as error:
            raise _refusal(path, f"a parser without all of its settings ({error})", "what Parser.save wrote") from None
        parser.notes = about.get("notes") or {}
        parser.network.eval()
        return parser


def _kind(network):
    """The class of parsers with that kind of network."""
    if network == "bilstm":
        from .bilstm_decode import BiLSTMParser

        return BiLSTMParser
    return Parser


def _refusal(path, got, expected):
    return CheckpointError(explain(f"Parser.load({str(path)!r})", got=got, expected=expected))
