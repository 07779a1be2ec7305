"""Pairs, subsampling and negatives against brute force and the distributions they must have."""

import numpy as np
import pytest
from tinygrad_nlp.models.word2vec import NegativeSampler, keep_probability, pairs, subsample

from tinygrad_nlp import OptionError


class Widest:
    """A generator whose windows are all as wide as allowed."""

    def integers(self, low, high, size):
        return np.full(size, high - 1)


def test_pairs_are_all_words_within_the_window_and_the_sentence():
    ids = np.array([10, 11, 12, 13, 20, 21, 30], np.int32)
    sentence = np.array([0, 0, 0, 0, 1, 1, 2], np.int32)
    centers, outsides = pairs(ids, sentence, 2, Widest())
    brute = [
        (ids[i], ids[j])
        for i in range(len(ids))
        for j in range(len(ids))
        if i != j and abs(i - j) <= 2 and sentence[i] == sentence[j]
    ]
    assert sorted(zip(centers.tolist(), outsides.tolist())) == sorted((int(a), int(b)) for a, b in brute)


def test_windows_are_drawn_for_each_center():
    reach = np.array([1, 3, 1, 2, 1])

    class Drawn:
        def integers(self, low, high, size):
            assert (low, high, size) == (1, 4, 5)
            return reach

    centers, outsides = pairs(np.arange(5), np.zeros(5, int), 3, Drawn())
    brute = [(i, j) for i in range(5) for j in range(5) if i != j and abs(i - j) <= reach[i]]
    assert sorted(zip(centers.tolist(), outsides.tolist())) == brute


def test_a_distance_is_paired_with_the_linear_probability():
    n, window = 60_000, 4
    centers, outsides = pairs(np.arange(n), np.zeros(n, int), window, np.random.default_rng(0))
    share = np.bincount(np.abs(centers - outsides))[1:] / (2 * n)
    np.testing.assert_allclose(share, [1, 3 / 4, 2 / 4, 1 / 4], atol=0.01)


@pytest.mark.parametrize("ids", [[], [3]])
def test_texts_too_short_for_a_pair_give_none(ids):
    centers, outsides = pairs(np.array(ids, int), np.zeros(len(ids), int), 5, np.random.default_rng(0))
    assert len(centers) == len(outsides) == 0


def test_keep_probability_is_that_of_word2vec():
    counts = np.array([900, 99, 1])
    f = counts / 1000
    t = 0.01
    np.testing.assert_allclose(keep_probability(counts, t), np.minimum(1, np.sqrt(t / f) + t / f))
    assert keep_probability(counts, t)[2] == 1
    assert (keep_probability(counts, 0) == 1).all()


def test_gensim_keeps_as_many():
    word2vec = pytest.importorskip("gensim.models.word2vec")
    text = [["the"] * 40 + ["cat"] * 7 + ["sat"] * 3 + ["rare"]] * 9
    model = word2vec.Word2Vec(min_count=10, sample=1e-2)
    model.build_vocab(text)
    words = ["the", "cat", "sat"]
    theirs = [model.wv.get_vecattr(word, "sample_int") / 2**32 for word in words]
    np.testing.assert_allclose(keep_probability([360, 63, 27], 1e-2), theirs, rtol=1e-6)


def test_subsampling_keeps_words_and_sentences_together():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 2, 40_000)
    kept, sentence = subsample(ids, np.arange(40_000), np.array([0.25, 1.0]), rng)
    assert (ids[sentence] == kept).all() and (kept == 1).sum() == (ids == 1).sum()
    assert abs((kept == 0).sum() / (ids == 0).sum() - 0.25) < 0.02


@pytest.mark.parametrize("counts", [[1], [5, 5], [1000, 10, 1, 1, 1], list(range(1, 40))])
def test_negatives_have_the_distribution_of_counts_to_three_quarters(counts):
    sampler = NegativeSampler(counts)
    p = np.array(counts, float) ** 0.75
    p /= p.sum()
    np.testing.assert_allclose(sampler.probabilities, p)
    # Exact, not only in the limit: what the columns of the alias table hold of each word.
    mass = sampler._first_share + 0
    np.add.at(mass, sampler._second, 1 - sampler._first_share)
    np.testing.assert_allclose(mass / len(counts), p, rtol=1e-9, atol=1e-12)
    drawn = np.bincount(sampler.draw((200, 500), np.random.default_rng(1)).ravel(), minlength=len(p)) / 100_000
    assert np.abs(drawn - p).max() < 0.006


@pytest.mark.parametrize("power", [1e300, -400])
def test_a_power_without_probabilities_is_refused(power):
    with pytest.raises(OptionError, match="power=.*; expected counts \\*\\* power with a finite sum above 0"):
        NegativeSampler([9, 10], power)
