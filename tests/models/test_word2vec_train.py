"""The readable loop, end to end on tiny texts."""

import math
import sys

import numpy as np
import pytest
from tinygrad_nlp.models.word2vec import Divergence, Settings, SkipGram, train
from tinygrad_nlp.models.word2vec.train import batch_size, batches

from tinygrad_nlp import RowSparse
from tinygrad_nlp.data import encode

from .little_text import digests, kinds_found, little_text

SMALL = Settings(dim=12, window=3, epochs=25, threshold=0, batch=64, seed=3)


@pytest.fixture(scope="module")
def trained():
    return train(encode(little_text(), 2), SMALL)


def test_the_first_loss_is_that_of_knowing_nothing():
    model = SkipGram(5, 4, np.random.default_rng(0))
    loss = model(np.array([0, 1]), np.array([2, 2]), np.array([[3, 4, 4], [0, 1, 2]]))
    assert loss.item() == pytest.approx(4 * math.log(2))
    loss.backward()
    assert isinstance(model.center.grad, RowSparse) and not model.center.grad.dense().any()
    assert np.abs(model.center.data).max() <= 0.5 / 4


def test_loss_falls_and_words_of_a_kind_come_together(trained):
    losses = [loss for _, loss in trained.curve]
    assert losses[0] > losses[-1] + 0.5
    assert kinds_found(trained.vectors)


def test_the_curve_covers_the_training_in_order(trained):
    shares = [share for share, _ in trained.curve]
    assert shares == sorted(shares) and shares[-1] == 1.0 and 20 < len(shares) <= 200
    assert trained.steps > 0 and trained.pairs > 1000 and not trained.interrupted


def test_untouched_rows_stay_bit_identical_in_a_step():
    from tinygrad_nlp.optim import SGD

    model = SkipGram(6, 4, np.random.default_rng(0))
    model.outside.data = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)
    before = model.center.data.copy(), model.outside.data.copy()
    optimizer = SGD(model.parameters(), lr=0.5)
    model(np.array([1]), np.array([2]), np.array([[4, 4]])).backward()
    optimizer.step()
    assert (model.center.data != before[0]).any(axis=1).tolist() == [False, True, False, False, False, False]
    assert (model.outside.data != before[1]).any(axis=1).tolist() == [False, False, True, False, True, False]


def test_every_epoch_shows_all_blocks_with_shares_that_end_at_one(monkeypatch):
    corpus = encode(little_text(30), 2)
    settings = Settings(window=2, epochs=3, threshold=0)
    monkeypatch.setattr(sys.modules[batches.__module__], "BLOCK", 25)
    seen = list(batches(corpus, settings, 7, np.random.default_rng(0)))
    shares = [done for done, _, _ in seen]
    assert len({len(centers) for _, centers, _ in seen}) > 1, "a block's last batch is shorter"
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0) and len(set(shares)) == len(shares)


def test_same_seed_same_vectors_whatever_the_hash_seed():
    assert len(digests("train(text, Settings(dim=6, epochs=2, seed=7))")) == 1


def test_another_seed_gives_other_vectors():
    corpus = encode(little_text(50), 2)
    one, two = (train(corpus, Settings(dim=4, epochs=1, seed=s)).vectors.matrix for s in (1, 2))
    assert not np.array_equal(one, two)


def test_an_interrupt_keeps_what_was_learned():
    def interrupt(share, pairs, loss):
        if share > 0.4:
            raise KeyboardInterrupt

    result = train(encode(little_text(), 2), SMALL, on_progress=interrupt)
    assert result.interrupted and result.steps > 0 and result.curve[-1][0] < 0.5
    assert np.isfinite(result.vectors.matrix).all() and result.vectors.matrix.any()


def test_divergence_is_said_with_what_to_change():
    with (
        np.errstate(all="ignore"),
        pytest.raises(Divergence, match="a smaller rate or a smaller batch keeps it finite"),
    ):
        train(encode(little_text(), 2), Settings(dim=8, epochs=20, rate=1e19, threshold=0))


def test_batches_shrink_where_one_word_would_fill_them():
    many = np.full(10_000, 10)
    assert batch_size(many, Settings(batch=1024)) == 1024
    assert batch_size(np.array([60, 20, 20]), Settings(batch=1024, threshold=0)) == 33
