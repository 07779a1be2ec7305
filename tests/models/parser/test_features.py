"""Features against a slow reading of one configuration at a time."""

import time

import numpy as np
import pytest
from tinygrad_nlp.models.parser import (
    LEFT_ARC,
    RIGHT_ARC,
    SHIFT,
    Configuration,
    HybridConfiguration,
    Sentence,
    States,
    Vocabulary,
    examples,
    generate,
    is_projective,
    load_treebank,
    oracle_moves,
)
from tinygrad_nlp.models.parser.features import feature_count

from tinygrad_nlp import OptionError

from .ewt import EWT, needs_ewt

TREES = [made.sentence for made in generate(40, seed=3)]
CROSSING = Sentence.from_words(list("abcd"), ["X"] * 4, [3, 4, 0, 3], ["dep", "dep", "root", "dep"], xpos=list("wxyz"))


SINGLE = {"arc-standard": Configuration, "arc-hybrid": HybridConfiguration}


def slow_places(c, system="arc-standard"):
    """The words at the 18 or 21 places, None for no word; written from the paper's list."""
    stack = [*reversed(c.stack), None, None, None]
    buffer = [*c.buffer, None, None, None, None]

    def child(word, side, n):
        if word is None:
            return None
        found = sorted(d for h, d, _ in c.arcs if h == word and (d < word if side == "l" else d > word))
        found = found if side == "l" else found[::-1]
        return found[n] if len(found) > n else None

    places = [*stack[:3], *buffer[: 4 if system == "arc-hybrid" else 3]]
    for word in stack[:2]:
        places += [child(word, "l", 0), child(word, "r", 0), child(word, "l", 1), child(word, "r", 1)]
        places += [child(child(word, "l", 0), "l", 0), child(child(word, "r", 0), "r", 0)]
    if system == "arc-hybrid":
        places += [child(buffer[0], "l", 0), child(buffer[0], "l", 1)]
    return places


def without_cost(heads):
    """Arc-hybrid moves to a projective tree, an arc as soon as it costs nothing."""
    c, moves = HybridConfiguration(len(heads)), []
    while not c.finished:
        moves.append(next(m for m in (LEFT_ARC, RIGHT_ARC, SHIFT) if c.legal(m) and not c.costs(heads)[m]))
        c.step(moves[-1])
    return moves


def slow_distances(c):
    """How far s2 is from s1 and s1 from b1, as classes, from the words' numbers."""

    def apart(left, right):
        if left is None or right is None:
            return "none"
        if left == 0:
            return "root"
        d = right - left
        return str(d) if d < 5 else "5-6" if d < 7 else "7-10" if d < 11 else "more"

    s2, s1 = [None, *c.stack][-2:]
    return [apart(s2, s1), apart(s1, c.buffer[0] if c.buffer else None)]


CLASSES = ["1", "2", "3", "4", "5-6", "7-10", "more", "root", "none"]


def slow_examples(sentence, labelled, columns, system, distances=False):
    """[(symbols, class)] as text."""
    c = SINGLE[system](len(sentence))
    words = [w.lower() for w in sentence.forms]
    tags = {"upos": sentence.upos, "xpos": sentence.xpos}
    for move in oracle_moves(sentence.heads) if system == "arc-standard" else without_cost(sentence.heads):
        places = slow_places(c, system)
        kinds = [words, *(tags[column] for column in columns)]
        row = ["<null>" if p is None else "<root>" if p == 0 else kind[p - 1] for kind in kinds for p in places]
        made = {d: label for _, d, label in c.arcs}
        if labelled:
            row += [made.get(p, "<null>") for p in places[7 if system == "arc-hybrid" else 6 :]]
        if distances:
            row += slow_distances(c)
        removed = None if move == SHIFT else c.stack[-2 if move == LEFT_ARC and system == "arc-standard" else -1]
        label = sentence.deprels[removed - 1] if removed else None
        yield tuple(row), (move, label if labelled and move != SHIFT else None)
        c.step(move, label)


@pytest.mark.parametrize("tags, columns", [("upos", ["upos"]), ("xpos", ["xpos"]), ("both", ["upos", "xpos"])])
@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("system", SINGLE)
@pytest.mark.parametrize("distances", [False, True])
def test_examples_are_those_of_one_configuration_at_a_time(tags, columns, labelled, system, distances):
    vocabulary = Vocabulary.of(TREES, tags=tags, distances=distances)
    made = examples(TREES, vocabulary, labelled, system)
    count = feature_count(tags, labelled, system) + 2 * distances
    assert made.features.shape == (2 * sum(map(len, TREES)), count)
    symbols = [s for table in (vocabulary.words, *vocabulary.tags, vocabulary.labels) for s in table] + CLASSES
    relations = vocabulary.relations
    classes = [(0, None), *((1, r) for r in relations), *((2, r) for r in relations)]
    if not labelled:
        classes = [(0, None), (1, None), (2, None)]
    found = sorted(
        (tuple(symbols[i] for i in row), classes[t]) for row, t in zip(made.features.tolist(), made.targets.tolist())
    )
    slow = sorted(example for s in TREES for example in slow_examples(s, labelled, columns, system, distances))
    key = str
    assert sorted(found, key=key) == sorted(slow, key=key)


def test_the_kinds_of_symbols_do_not_overlap():
    vocabulary = Vocabulary.of(TREES, tags="both")
    ids = [i for table in vocabulary.ids for i in table.values()]
    assert sorted(ids) == list(range(vocabulary.size))
    assert len(States.NAMES) == 18 and [feature_count("upos", x) for x in (False, True)] == [36, 48]


def test_rare_and_unseen_words_are_unknown():
    vocabulary = Vocabulary.of(TREES, min_count=1000)
    assert vocabulary.words == ["<null>", "<unknown>", "<root>"]
    encoded = Vocabulary.of(TREES).encode([Sentence.from_words(["THE", "zyzzyva"], ["DET", "???"])], trees=False)
    known = Vocabulary.of(TREES)
    assert encoded.symbols[0].tolist() == [known.ids[0]["the"], 1]
    assert encoded.symbols[1].tolist() == [known.ids[1]["DET"], known.starts[1] + 1]
    case = Vocabulary.of(TREES, lowercase=False)
    assert "The" in case.words and "The" not in known.words


def test_unknown_words_are_known_by_their_endings():
    forms = ["walking", "talking", "singing", "ring", "thing", "1st", "2nd", "3rd", "4th", "5", "song"]
    sentences = [Sentence.from_words(forms, ["X"] * len(forms), [0] * len(forms), ["root"] * len(forms))]
    plain, known = Vocabulary.of(sentences), Vocabulary.of(sentences, endings=True)
    assert plain.unknown("jumping") == 1 and "<-ing>" not in plain.words
    assert known.words[-4:] == ["<-g>", "<-ing>", "<-ng>", "<digits>"] and known.counts[-4:] == [0] * 4
    cases = {"jumping": "<-ing>", "bang": "<-ng>", "ng": "<-g>", "g": "<unknown>", "77": "<digits>", "dog": "<-g>"}
    encoded = known.encode([Sentence.from_words([*cases, "song"], ["X"] * 7)], trees=False)
    assert [known.words[i] for i in encoded.symbols[0]] == [*cases.values(), "song"]
    assert Vocabulary(**known.state_dict()) == known


def test_words_known_from_elsewhere_follow_those_of_the_treebank():
    sentences = [Sentence.from_words(["a", "Bell", "rang"], ["X"] * 3, [2, 3, 0], ["det", "nsubj", "root"])]
    more = Vocabulary.of(sentences, known=["Rang", "tolled", "TOLLED", "<root>"], endings=True)
    assert more.words == ["<null>", "<unknown>", "<root>", "a", "bell", "rang", "tolled"]
    assert more.counts == [0, 0, 0, 1, 1, 1, 0]
    assert Vocabulary.of(sentences, known=["Rang"], lowercase=False).words[-2:] == ["rang", "Rang"]


def test_the_vocabulary_does_not_depend_on_the_order_of_sentences():
    one, two = Vocabulary.of(TREES), Vocabulary.of(TREES[::-1])
    assert one == two and Vocabulary(**one.state_dict()) == one


def test_sentences_that_are_not_projective_are_reported_and_left_out():
    mixed = [TREES[0], CROSSING, TREES[1], CROSSING]
    vocabulary = Vocabulary.of(mixed)
    made = examples(mixed, vocabulary, True)
    assert made.skipped == [1, 3]
    alone = examples([TREES[0], TREES[1]], vocabulary, True)
    assert np.array_equal(made.features, alone.features) and np.array_equal(made.targets, alone.targets)
    assert len(examples([CROSSING], vocabulary, True).targets) == 0


def test_errors():
    with pytest.raises(OptionError, match="expected 'upos', 'xpos' or 'both'"):
        Vocabulary.of(TREES, tags="pos")
    with pytest.raises(OptionError, match="relations that the vocabulary has not: dep"):
        examples([CROSSING], Vocabulary.of(TREES), True)


@needs_ewt
def test_oracle_and_features_of_ewt_in_seconds():
    """Of dev; train is eight times as long and has 5 s. The bound here leaves room for a busy machine."""
    sentences = load_treebank(EWT / "dev.conllu.gz")
    started = time.process_time()
    made = examples(sentences, Vocabulary.of(sentences), True)
    assert time.process_time() - started < 5 / 8 * 4
    crossing = [i for i, s in enumerate(sentences) if not is_projective(s.heads)]
    assert made.skipped == crossing and len(crossing) == 31
