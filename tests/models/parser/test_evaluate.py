"""Scores on trees small enough to count by hand."""

import pytest
from tinygrad_nlp.models.parser import Sentence, evaluate, generate

from tinygrad_nlp.data import DataError

GOLD = Sentence.from_words(
    ["the", "dog", "saw", "me", "."],
    ["DET", "NOUN", "VERB", "PRON", "PUNCT"],
    [2, 3, 0, 3, 3],
    ["det", "nsubj", "root", "obj", "punct"],
)


def test_counted_by_hand():
    other = GOLD.with_tree([2, 3, 0, 2, 3], ["det", "nsubj:pass", "root", "obj", "dep"])
    scores = evaluate([GOLD], [other])
    assert scores.words == 5 and scores.sentences == 1 and scores.exact == 0
    assert scores.uas == pytest.approx(4 / 5), "me hangs on dog"
    assert scores.las == pytest.approx(3 / 5), "nsubj:pass is nsubj; dep is not punct"
    assert scores.full_las == pytest.approx(2 / 5)
    assert scores.no_punct == pytest.approx((3 / 4, 3 / 4, 2 / 4))
    tally = scores.by_relation
    assert (tally["nsubj"].gold, tally["nsubj"].parsed, tally["nsubj"].right) == (1, 1, 1)
    assert (tally["punct"].recall, tally["dep"].precision, tally["punct"].precision) == (0, 0, 0)
    assert (tally["obj"].gold, tally["obj"].parsed, tally["obj"].right) == (1, 1, 0)
    near = scores.by_distance["1"]
    assert (near.gold, near.parsed, near.right) == (3, 2, 2)
    assert (near.precision, near.recall, near.f1) == pytest.approx((1, 2 / 3, 0.8))
    assert scores.by_distance["2"].f1 == pytest.approx(2 / 3) and scores.by_distance["root"].f1 == 1


def test_a_sentence_with_a_wrong_relation_is_not_exact():
    other = GOLD.with_tree(GOLD.heads, ["det", "obj", "root", "obj", "punct"])
    assert evaluate([GOLD, GOLD], [GOLD, other]).exact == 0.5 and evaluate([GOLD], [other]).uas == 1


def test_a_treebank_agrees_with_itself():
    trees = [made.sentence for made in generate(20)]
    scores = evaluate(trees, trees)
    assert scores.uas == scores.las == scores.full_las == scores.exact == 1 and scores.no_punct == (1, 1, 1)
    assert all(t.f1 == 1 for t in scores.by_relation.values())
    assert sum(t.gold for t in scores.by_distance.values()) == scores.words == sum(map(len, trees))
    assert "100.00%" in scores.table() and str(scores).startswith("UAS 100.00%  LAS 100.00%")
    assert scores.state_dict()["without_punctuation"]["las"] == 1


def test_only_the_same_words_can_be_compared():
    other = Sentence.from_words(["the", "cat", "saw", "me", "."], heads=[2, 3, 0, 3, 3], deprels=["x"] * 5)
    with pytest.raises(DataError, match="sentence 2: other words"):
        evaluate([GOLD, GOLD], [GOLD, other])
    with pytest.raises(DataError, match="the parsed treebank ends after 1 sentences"):
        evaluate([GOLD, GOLD], [GOLD])
    with pytest.raises(DataError, match="the true treebank ends after 0 sentences"):
        evaluate([], [GOLD])
    assert evaluate([], []).uas == 0
