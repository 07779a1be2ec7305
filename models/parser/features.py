"""What the classifier sees of a configuration: the words, tags and labels at 18 places.

The places: three on the stack, three in the buffer, and for each of the two top stack words its first and second
leftmost and rightmost dependents, the leftmost of its leftmost and the rightmost of its rightmost. The course's 36
features are the words and tags there; Chen & Manning (2014, section 3.1) add the labels of the 12 dependents, 48.
With two kinds of tags it is 54 and 66. The arc-hybrid system has three places more, 21. Two features more, if wanted,
are how far s2 is from s1 and s1 from b1 (Zhang & Nivre 2011, "Transition-based dependency parsing with rich non-local
features").

Words, tags, labels and distances are rows of one table of vectors: one lookup for all features, and every id says its
kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tinygrad_nlp import OptionError
from tinygrad_nlp.errors import explain

from .hybrid import HybridStates
from .states import States
from .treebank import DEPREL, UPOS, XPOS, Sentence

SYSTEMS = {"arc-standard": States, "arc-hybrid": HybridStates}

NULL, UNKNOWN, ROOT = 0, 1, 2
"""The first three entries of every list of symbols: no word there; one never seen in training; ROOT itself."""
SPECIAL = ("<null>", "<unknown>", "<root>")

WORDS_OF_AN_ENDING = 5

DISTANCES = (1, 2, 3, 4, 5, 7, 11)
"""The shortest of each class of distances, in words; two classes more are ROOT on the left and no word on one side."""
FROM_ROOT, FROM_NONE = len(DISTANCES), len(DISTANCES) + 1
APART = (("s2", "s1"), ("s1", "b1"))
"""Whose distances are features."""

TAGS = {"upos": (UPOS,), "xpos": (XPOS,), "both": (UPOS, XPOS)}


@dataclass(frozen=True)
class Vocabulary:
    """The symbols a parser knows, as rows of its table: words first, then each kind of tag, then labels.

    words, tags, labels  lists of symbols; ``tags`` holds one list for each kind ("upos", "xpos")
    counts               how often each word occurs in training, 0 for the special ones and for endings
    tag_columns          "upos", "xpos" or "both"
    lowercase            words are compared in lower case
    endings              a word never seen is known by its ending, or as having digits; such symbols follow the words
    distances            the last rows stand for distances
    """

    words: list[str]
    tags: list[list[str]]
    labels: list[str]
    counts: list[int]
    tag_columns: str = "upos"
    lowercase: bool = True
    endings: bool = False
    distances: bool = False

    def __post_init__(self):
        tables = [self.words, *self.tags, self.labels]
        starts = np.cumsum([0, *map(len, tables)])
        ids = [{symbol: start + i for i, symbol in enumerate(table)} for start, table in zip(starts, tables)]
        object.__setattr__(self, "starts", [int(start) for start in starts])
        object.__setattr__(self, "ids", ids)

    @classmethod
    def of(
        cls,
        sentences: Iterable[Sentence],
        *,
        tags="upos",
        min_count=1,
        lowercase=True,
        endings=False,
        distances=False,
        known: Iterable[str] = (),
    ) -> Vocabulary:
        """The symbols of a treebank; words rarer than ``min_count`` are unknown, endings of fewer words than five.

        known  more words, of which something is known from elsewhere; they come after the treebank's, with count 0
        """
        if tags not in TAGS:
            raise OptionError(explain("Vocabulary: tags", got=repr(tags), expected="'upos', 'xpos' or 'both'"))
        words, labels = Counter(), Counter()
        kinds = [Counter() for _ in TAGS[tags]]
        for sentence in sentences:
            words.update(_forms(sentence, lowercase))
            labels.update(sentence.deprels)
            for kind, column in zip(kinds, TAGS[tags]):
                kind.update(row[column] for row in sentence.words)
        # In order of frequency, equal ones by the alphabet: the same treebank gives the same ids in any order.
        kept = sorted((w for w, n in words.items() if n >= min_count), key=lambda w: (-words[w], w))
        counts = [words[w] for w in kept]
        seen = {*kept, *SPECIAL}
        kept += [w for w in dict.fromkeys(w.lower() if lowercase else w for w in known) if w not in seen]
        if endings:
            found = Counter(ending for w in words for ending in _endings(w))
            kept += sorted(ending for ending, n in found.items() if n >= WORDS_OF_AN_ENDING)
        return cls(
            [*SPECIAL, *kept],
            [[*SPECIAL, *sorted(kind)] for kind in kinds],
            [*SPECIAL, *sorted(labels)],
            [0, 0, 0, *counts, *[0] * (len(kept) - len(counts))],
            tags,
            lowercase,
            endings,
            distances,
        )

    @property
    def size(self) -> int:
        """Rows of the table."""
        return self.starts[-1] + (FROM_NONE + 1 if self.distances else 0)

    @property
    def first_label(self) -> int:
        """The row where labels begin."""
        return self.starts[-2]

    @property
    def relations(self) -> list[str]:
        """The labels of arcs, without the special ones."""
        return self.labels[len(SPECIAL) :]

    def encode(self, sentences: Sequence[Sentence], trees: bool = True) -> Encoded:
        """The sentences as arrays; ``trees`` also takes their heads and relations."""
        lengths = np.array([len(s) for s in sentences], np.intp)
        kinds = []
        word_ids = self.ids[0]
        kinds.append([word_ids.get(w) or self.unknown(w) for s in sentences for w in _forms(s, self.lowercase)])
        for kind, column in enumerate(TAGS[self.tag_columns], 1):
            ids, unknown = self.ids[kind], self.starts[kind] + UNKNOWN
            kinds.append([ids.get(row[column], unknown) for s in sentences for row in s.words])
        heads = labels = None
        if trees:
            ids, unknown = self.ids[-1], self.first_label + UNKNOWN
            heads = np.array([head for s in sentences for head in s.heads], np.intp)
            labels = np.array([ids.get(row[DEPREL], unknown) for s in sentences for row in s.words], np.intp)
        return Encoded(lengths, np.array(kinds, np.intp).reshape(len(kinds), -1), heads, labels)

    def unknown(self, word: str) -> int:
        """What stands for a word that is not known: its ending, the longest there is, or UNKNOWN."""
        if self.endings:
            for ending in _endings(word):
                if ending in self.ids[0]:
                    return self.ids[0][ending]
        return UNKNOWN

    def null_label(self) -> int:
        return self.first_label + NULL

    def feature_count(self, labelled: bool, system: str = "arc-standard") -> int:
        """F, the features of a configuration."""
        return feature_count(self.tag_columns, labelled, system) + (len(APART) if self.distances else 0)

    def state_dict(self) -> dict:
        """Plain lists and strings, for a file."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Encoded:
    """N sentences of T words in all, one after another: lengths (N,), symbols (kinds, T), heads (T,), labels (T,)."""

    lengths: np.ndarray
    symbols: np.ndarray
    heads: np.ndarray | None
    labels: np.ndarray | None

    def chunk(self, chosen, vocabulary: Vocabulary, *, system="arc-standard", single_root: bool = True) -> Chunk:
        """The sentences with the numbers ``chosen``, the longest first, laid out as `States` wants them."""
        states = SYSTEMS[system](self.lengths[chosen], single_root=single_root)
        size, lengths = len(chosen) * states.width, states.lengths
        starts = np.concatenate([[0], np.cumsum(self.lengths)])[chosen]
        row = np.repeat(np.arange(len(chosen)), lengths)
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        source, place = starts[row] + within, states.front[row] + within
        symbols = np.empty((len(self.symbols), size), np.intp)
        for kind, values in enumerate(self.symbols):
            symbols[kind] = vocabulary.starts[kind] + NULL
            symbols[kind, states.root] = vocabulary.starts[kind] + ROOT
            symbols[kind, place] = values[source]
        states.label[:] = vocabulary.null_label()
        heads = labels = None
        if self.heads is not None:
            heads = np.full(size, -1, np.intp)
            heads[place] = states.root[row] + self.heads[source]
            labels = np.full(size, vocabulary.null_label(), np.intp)
            labels[place] = self.labels[source]
        return Chunk(states, symbols, heads, labels, vocabulary.starts[-1] if vocabulary.distances else None)


@dataclass(frozen=True)
class Chunk:
    """A batch of sentences: their states, and symbols (kinds, N · width), gold heads and labels by place; and the row
    of the table where distances begin, if they are features."""

    states: States
    symbols: np.ndarray
    heads: np.ndarray | None
    labels: np.ndarray | None
    first_distance: int | None


def extract(chunk: Chunk, k: int, labelled: bool) -> np.ndarray:
    """(k, F) the features of the first k sentences: P words, P of each kind of tag, dependents' labels and distances
    if wanted."""
    at = chunk.states.places(k)
    blocks = [values.take(at) for values in chunk.symbols]
    if labelled:
        blocks.append(chunk.states.label.take(at[chunk.states.DEPENDENTS :]))
    if chunk.first_distance is not None:
        blocks.append(distances(chunk.states, at) + chunk.first_distance)
    return np.concatenate(blocks).T


def distances(states: States, at) -> np.ndarray:
    """(2, k) the classes of the distances `APART`; at: (P, k) what ``states.places(k)`` says."""
    k = at.shape[1]
    found = np.empty((len(APART), k), np.intp)
    for row, pair in zip(found, APART):
        left, right = (at[states.NAMES.index(name)] for name in pair)
        row[:] = np.searchsorted(DISTANCES, right - left, side="right") - 1
        row[left == states.root[:k]] = FROM_ROOT
        row[(left == states.none[:k]) | (right >= states.end[:k])] = FROM_NONE
    return found


def feature_count(tags: str, labelled: bool, system: str = "arc-standard") -> int:
    """F: 36 or 54 without labels, 48 or 66 with them; more in the arc-hybrid system.

    >>> [feature_count("upos", False), feature_count("upos", True), feature_count("both", True)]
    [36, 48, 66]
    """
    places, dependents = len(SYSTEMS[system].NAMES), SYSTEMS[system].DEPENDENTS
    return places * (1 + len(TAGS[tags])) + (places - dependents if labelled else 0)


def _endings(word):
    """What an unknown word may be known by, best first: ``<-ing>``, ``<-ng>``, ``<-g>``, or ``<digits>``."""
    if any(letter.isdigit() for letter in word):
        return ["<digits>"]
    return [f"<-{word[-n:]}>" for n in (3, 2, 1) if len(word) > n]


def _forms(sentence, lowercase):
    return [form.lower() for form in sentence.forms] if lowercase else sentence.forms
