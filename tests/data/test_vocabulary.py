"""Words to ids, and what is said of a word that is not known."""

import pytest

from tinygrad_nlp.data import UnknownWordError, Vocabulary


def test_ids_go_by_count_then_alphabet():
    v = Vocabulary({"b": 2, "a": 2, "z": 9, "rare": 1}, min_count=2)
    assert v.words == ("z", "a", "b") and v.counts.tolist() == [9, 2, 2]
    assert [v[w] for w in v] == [0, 1, 2] and v.ids(["a", "rare", "z"]).tolist() == [1, 0]


def test_unknown_words_are_answered_with_close_spellings():
    v = Vocabulary({"tuple": 5, "list": 5, "tuples": 5}, min_count=5)
    with pytest.raises(UnknownWordError) as caught:
        v["tupel"]
    text = "'tupel' is not among the 3 words that occur at least 5 times; did you mean tuple, tuples?"
    assert str(caught.value) == text
    assert v.close_to("LIST") == ["list"]
    with pytest.raises(KeyError):
        v["qqqq"]
