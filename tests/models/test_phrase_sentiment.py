"""The sign of a sum of word vectors, and the sums done by hand."""

import numpy as np
import pytest
from tinygrad_nlp.models.experiments.l2 import CASES, POSITIVE
from tinygrad_nlp.models.phrase_sentiment import PhraseSentiment

from tinygrad_nlp import OptionError

VECTORS = {"good": (3.0, 4.0), "bad": (-6.0, 8.0), "": (0.0, 0.0), "zero": (0.0, 0.0)}


def test_scores_by_hand():
    assert PhraseSentiment(VECTORS, (1, 0)).score("good good bad") == 0.0
    assert PhraseSentiment(VECTORS, (1, 0)).sign("good good bad") == "0"
    assert PhraseSentiment(VECTORS, (1, 0), "words").score("good good bad") == pytest.approx(0.6)
    np.testing.assert_allclose(PhraseSentiment(VECTORS, (1, 0), "phrase").sum("good good"), [0.6, 0.8])


def test_a_zero_vector_and_an_empty_phrase_are_zero():
    for kind in (None, "words", "phrase"):
        classifier = PhraseSentiment(VECTORS, (1, 0), kind)
        assert classifier.sign("zero") == classifier.sign("") == "0"
        assert classifier.sum("").tolist() == [0.0, 0.0]


def test_every_case_by_numpy():
    for case in CASES:
        rows = np.array([case.vectors[w] for w in case.phrase.split()], float)
        units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        for kind, total in ((None, rows.sum(0)), ("words", units.sum(0))):
            assert PhraseSentiment(case.vectors, POSITIVE, kind).score(case.phrase) == pytest.approx(total[0])


def test_normalizing_the_phrase_keeps_every_sign():
    for case in CASES:
        raw, phrase = (PhraseSentiment(case.vectors, POSITIVE, kind).sign(case.phrase) for kind in (None, "phrase"))
        assert raw == phrase


def test_unknown_words_and_options_are_refused_by_name():
    with pytest.raises(OptionError, match="the word 'god'.*words among good, bad"):
        PhraseSentiment(VECTORS, (1, 0)).score("good god")
    with pytest.raises(OptionError, match="normalize='all'"):
        PhraseSentiment(VECTORS, (1, 0), "all")
