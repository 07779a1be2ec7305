"""A classifier that has read the whole sentence: two directions of LSTM give every word a vector in its context.

What the feed-forward network (`model`) sees of a configuration through 48 or more features, the vectors of four words
tell here, for each has read the sentence from both ends (Kiperwasser & Goldberg 2016, "Simple and accurate dependency
parsing using bidirectional LSTM feature representations"). What is read of a word joins the vectors of the word, of its
tags and of its spelling, which another LSTM has read letter by letter. The moves are those of the arc-hybrid system;
labels are given to the arcs afterwards, from the vectors of head and dependent.

A batch of sentences is kept without padding, as `tinygrad_nlp.ops.packed` lays it out: first all words 0, which are
ROOT, the longest sentence's first, then all words 1 and so on. One row more stands for "no word".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tinygrad_nlp import Tensor, concat, dropout
from tinygrad_nlp.nn import LSTM, Embedding, Linear, Module, Parameter, init

from .features import ROOT, Encoded, Vocabulary
from .hybrid import HybridStates
from .model import INITIAL
from .treebank import Sentence

PLACES = ("s1", "s2", "s3", "b1")
"""Whose vectors the moves are chosen by: three words on the stack, one in the buffer."""

LONGEST_WORD = 32
"""Letters of a word that are read: of a longer one the first and the last half of so many."""


@dataclass(frozen=True)
class Letters:
    """The letters a parser knows, with numbers for one never seen, for the two ends of a word, and for ROOT."""

    symbols: list[str]

    UNKNOWN, BEGIN, END, ROOT = range(4)
    SPECIAL = ("<unknown>", "<begin>", "<end>", "<root>")

    def __post_init__(self):
        object.__setattr__(self, "ids", {symbol: i for i, symbol in enumerate(self.symbols)})

    @classmethod
    def of(cls, sentences: Iterable[Sentence], min_count: int = 2) -> Letters:
        """The letters of a treebank; those seen once stand for the unknown ones."""
        counts = Counter(letter for sentence in sentences for form in sentence.forms for letter in form)
        return cls([*cls.SPECIAL, *sorted(letter for letter, n in counts.items() if n >= min_count)])

    def spell(self, form: str) -> list[int]:
        if len(form) > LONGEST_WORD:
            form = form[: LONGEST_WORD // 2] + form[-LONGEST_WORD // 2 :]
        return [self.BEGIN, *[self.ids.get(letter, self.UNKNOWN) for letter in form], self.END]


@dataclass(frozen=True)
class Spelled:
    """How the T words of some sentences are spelled: forms (T,) the number of each word's form, of F different ones;
    letters (F, longest) and lengths (F,) of each form. Form 0 is ROOT."""

    forms: np.ndarray
    letters: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, sentences: Sequence[Sentence], letters: Letters) -> Spelled:
        numbers: dict = {None: 0}
        forms = [numbers.setdefault(form, len(numbers)) for s in sentences for form in s.forms]
        spellings = [[letters.ROOT], *[letters.spell(form) for form in numbers if form is not None]]
        lengths = np.array([len(s) for s in spellings])
        table = np.zeros((len(spellings), lengths.max()), np.int32)
        for row, spelling in zip(table, spellings):
            row[: len(spelling)] = spelling
        return cls(np.array(forms, np.intp), table, lengths)

    def pack(self, forms):
        """(place of each of the ``forms`` in a batch without padding, that batch's letters, its sizes)."""
        distinct, inverse = np.unique(forms, return_inverse=True)
        order = np.argsort(-self.lengths[distinct], kind="stable")
        place = np.empty(len(order), np.intp)
        place[order] = np.arange(len(order))
        chosen = distinct[order]
        lengths = self.lengths[chosen]
        there = np.arange(lengths[0]) < lengths[:, None]
        packed = self.letters[chosen, : lengths[0]].T[there.T]
        return place[inverse], packed, tuple(there.sum(axis=0).tolist())


class Batch:
    """Some sentences, the longest first, as rows without padding; M rows are words or ROOT.

    sizes     rows of each step
    symbols   (kinds, M) words and tags, as numbers of the vocabulary
    spelling  (place of each row's form, letters, sizes) as `Spelled.pack` gives them
    row_of    (N · width,) the row of each place of `States`; M where there is no word
    words     (W,) the rows that are words, ``places`` (W,) their places
    heads, labels  (W,) the row of each word's true head, and its label; None without trees
    """

    def __init__(self, encoded: Encoded, spelled: Spelled, chosen, vocabulary: Vocabulary):
        self.lengths = lengths = encoded.lengths[chosen]
        states, count = self.states(), len(chosen)
        there = np.arange(int(lengths[0]) + 1)[:, None] <= lengths
        self.sizes = tuple(there.sum(axis=1).tolist())
        position, sentence = np.nonzero(there)
        self.rows = len(position)
        place = states.root[sentence] + position
        self.row_of = np.full(count * states.width, self.rows, np.intp)
        self.row_of[place] = np.arange(self.rows)
        self.words, self.places = np.arange(count, self.rows), place[count:]

        starts = np.concatenate([[0], np.cumsum(encoded.lengths)])[chosen]
        source = (starts[sentence] + position - 1)[count:]
        self.symbols = np.empty((len(encoded.symbols), self.rows), np.intp)
        for kind, values in enumerate(encoded.symbols):
            self.symbols[kind, :count] = vocabulary.starts[kind] + ROOT
            self.symbols[kind, count:] = values[source]
        self.spelling = spelled.pack(np.concatenate([np.zeros(count, np.intp), spelled.forms[source]]))
        self.heads = self.labels = None
        if encoded.heads is not None:
            self.true_heads = np.full(count * states.width, -1, np.intp)
            self.true_heads[self.places] = states.root[sentence[count:]] + encoded.heads[source]
            self.heads = self.row_of[self.true_heads[self.places]]
            self.labels = encoded.labels[source]

    def states(self) -> HybridStates:
        """The sentences' configurations before the first move."""
        return HybridStates(self.lengths)


class BiLSTMNetwork(Module):
    r"""Vectors of words in context; from them scores of the moves, and of the labels of arcs.

    words, tags, letters, labels  how many there are of each (``tags`` a list, one number a kind)
    word_dim, tag_dim, letter_dim  lengths of their vectors
    letter_hidden  units of the LSTM over letters, in each direction
    hidden, layers  of the LSTM over words, in each direction
    move_hidden, label_hidden  units of the two hidden layers
    places   names of the P places whose vectors the moves are scored by
    dropout  of everything that is joined, between the layers, of the vectors and of the hidden layers; in training
    rng      draws the parameters and the masks

    The hidden layer for a configuration, ReLU(Σ_p v_p W_p + b), is a sum of rows: ``summands`` makes v W_p for every
    row of the batch and every place once, and `moves` adds up.
    """

    def __init__(
        self,
        words,
        tags,
        letters,
        labels,
        *,
        word_dim=100,
        tag_dim=30,
        letter_dim=32,
        letter_hidden=50,
        hidden=200,
        layers=2,
        move_hidden=200,
        label_hidden=100,
        places=PLACES,
        dropout=0.33,
        rng=None,
    ):
        sizes = {name: value for name, value in locals().items() if name not in ("self", "rng", "__class__")}
        self.sizes, self.dropout, self.rng = sizes, dropout, rng
        self.words = Embedding(words, word_dim, rng=rng)
        self.tags = [Embedding(count, tag_dim, rng=rng) for count in tags]
        self.letters = Embedding(letters, letter_dim, rng=rng)
        for table, std in ((self.words, INITIAL), *((table, 0.3) for table in (*self.tags, self.letters))):
            init.normal_(table.weight, std=std, generator=rng)
        self.spelling = LSTM(letter_dim, letter_hidden, bidirectional=True, rng=rng)
        joined = word_dim + tag_dim * len(tags) + 2 * letter_hidden
        self.context = LSTM(joined, hidden, layers, dropout=dropout, bidirectional=True, rng=rng)
        self.nothing = Parameter(np.zeros((1, 2 * hidden), np.float32))
        self.move_hidden = Linear(2 * hidden, len(places) * move_hidden, bias=False, rng=rng)
        self.move_bias = Parameter(np.zeros(move_hidden, np.float32))
        self.move_output = Linear(move_hidden, 3, rng=rng)
        self.label_hidden = Linear(2 * hidden, 2 * label_hidden, bias=False, rng=rng)
        self.label_bias = Parameter(np.zeros(label_hidden, np.float32))
        self.label_output = Linear(label_hidden, labels, rng=rng)
        self.places = [HybridStates.NAMES.index(name) for name in places]

    def forward(self, symbols, spelling, sizes) -> Tensor:
        """(M + 1, 2H) a vector for each row of a batch, and one for "no word".

        symbols: words and tags of the rows, each kind counted from 0; spelling, sizes: as of `Batch`
        """
        of_row, letters, letter_sizes = spelling
        _, (spelled, _) = self.spelling.packed(self.letters(letters), letter_sizes)
        spelled = concat(spelled[0], spelled[1], axis=1)[of_row]
        tables = (self.words, *self.tags)
        joined = concat([*[table(ids) for table, ids in zip(tables, symbols)], spelled], axis=1)
        vectors, _ = self.context.packed(self.dropped(joined), sizes)
        return self.dropped(concat(vectors, self.nothing))

    def dropped(self, x):
        return dropout(x, self.dropout, training=self.training, rng=self.rng)

    def summands(self, vectors):
        """((M + 1) · P, H) what each row adds to the hidden layer at each place."""
        return self.move_hidden(vectors).reshape((len(vectors) * len(self.places), -1))

    def moves(self, summands, rows):
        """(K, 3) scores of SHIFT, LEFT-ARC and RIGHT-ARC; rows: (K, P) what stands at the places."""
        chosen = summands[rows * len(self.places) + np.arange(len(self.places))]
        return self.move_output(self.dropped((chosen.sum(axis=1) + self.move_bias).relu()))

    def labels(self, vectors, heads, dependents):
        """(W, R) scores of the labels of arcs; heads, dependents: (W,) rows."""
        both = self.label_hidden(vectors).reshape((2 * len(vectors), -1))
        hidden = both[2 * heads] + both[2 * dependents + 1] + self.label_bias
        return self.label_output(self.dropped(hidden.relu()))
