"""A text as numbers, in memory."""

import numpy as np
import pytest

from tinygrad_nlp.data import DataError, encode


def test_encoding_leaves_out_rare_words_and_keeps_sentences_apart():
    corpus = encode(iter([["a", "b", "a"], ["c"], ["b", "a"]]), min_count=2)
    assert [corpus.vocabulary.words[i] for i in corpus.ids] == ["a", "b", "a", "b", "a"]
    assert corpus.sentence.tolist() == [0, 0, 0, 2, 2]
    assert corpus.tokens == 6 and len(corpus) == 5


def test_encoding_in_chunks_is_the_same(monkeypatch):
    from tinygrad_nlp.data import corpus as module

    text = [["a", "b"], ["b", "c", "a"], ["d"]] * 7
    whole = encode(text, 1)
    monkeypatch.setattr(module, "_CHUNK", 2)
    cut = encode(text, 1)
    assert np.array_equal(whole.ids, cut.ids) and np.array_equal(whole.sentence, cut.sentence)


def test_a_text_without_frequent_words_is_refused():
    with pytest.raises(DataError, match="no word occurs 5 times in a text of 2 words; give more text, or a smaller"):
        encode([["hello", "there"]])
    with pytest.raises(DataError, match="in a text of 0 words"):
        encode([])
