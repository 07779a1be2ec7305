"""Training end to end on tiny texts, and what is done with the vectors."""

import math
import subprocess
import sys

import numpy as np
import pytest
from tinygrad_nlp.models.word2vec import Divergence, Settings, SkipGram, Vectors, train
from tinygrad_nlp.models.word2vec.train import batch_size, batches

from tinygrad_nlp import CheckpointError, OptionError, RowSparse, serialize
from tinygrad_nlp.data import UnknownWordError, Vocabulary, encode


def little_text(sentences=600, seed=0):
    """Animals sleep, vehicles drive: words of one kind occur in the same places."""
    rng = np.random.default_rng(seed)
    kinds = [(["cat", "dog", "cow"], ["sleeps", "eats"]), (["car", "bus", "van"], ["drives", "stops"])]
    text = []
    for _ in range(sentences):
        nouns, verbs = kinds[rng.integers(2)]
        text.append(["the", nouns[rng.integers(3)], "there", verbs[rng.integers(2)]])
    return encode(text, 2)


SMALL = Settings(dim=12, window=3, epochs=25, threshold=0, batch=64, seed=3)


@pytest.fixture(scope="module")
def trained():
    return train(little_text(), SMALL)


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
    animals, vehicles = {"cat", "dog", "cow"}, {"car", "bus", "van"}
    for kind in (animals, vehicles):
        for word in kind:
            assert {w for w, _ in trained.vectors.neighbors(word, 2)} == kind - {word}


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
    corpus = little_text(30)
    settings = Settings(window=2, epochs=3, threshold=0)
    monkeypatch.setattr(sys.modules[batches.__module__], "BLOCK", 25)
    seen = list(batches(corpus, settings, 7, np.random.default_rng(0)))
    shares = [done for done, _, _ in seen]
    assert len({len(centers) for _, centers, _ in seen}) > 1, "a block's last batch is shorter"
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0) and len(set(shares)) == len(shares)


SCRIPT = """
import hashlib
from tinygrad_nlp.data import encode
from tinygrad_nlp.models.word2vec import Settings, train
text = [["a", "b", "c"], ["b", "d"], ["c", "a", "d", "b"]] * 40
r = train(encode(text, 2), Settings(dim=6, epochs=2, seed=7))
print(hashlib.sha256(r.vectors.matrix.tobytes()).hexdigest(), r.vectors.vocabulary.words)
"""


def test_same_seed_same_vectors_whatever_the_hash_seed():
    found = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={"PYTHONPATH": ":".join(filter(None, sys.path)), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(found) == 1


def test_another_seed_gives_other_vectors():
    corpus = little_text(50)
    one, two = (train(corpus, Settings(dim=4, epochs=1, seed=s)).vectors.matrix for s in (1, 2))
    assert not np.array_equal(one, two)


def test_an_interrupt_keeps_what_was_learned():
    def interrupt(share, pairs, loss):
        if share > 0.4:
            raise KeyboardInterrupt

    result = train(little_text(), SMALL, on_progress=interrupt)
    assert result.interrupted and result.steps > 0 and result.curve[-1][0] < 0.5
    assert np.isfinite(result.vectors.matrix).all() and result.vectors.matrix.any()


def test_divergence_is_said_with_what_to_change():
    with (
        np.errstate(all="ignore"),
        pytest.raises(Divergence, match="a smaller rate or a smaller batch keeps it finite"),
    ):
        train(little_text(), Settings(dim=8, epochs=20, rate=1e19, threshold=0))


def test_batches_shrink_where_one_word_would_fill_them():
    many = np.full(10_000, 10)
    assert batch_size(many, Settings(batch=1024)) == 1024
    assert batch_size(np.array([60, 20, 20]), Settings(batch=1024, threshold=0)) == 33


def vectors(rows, words="abcdefgh"):
    return Vectors(Vocabulary(dict.fromkeys(words[: len(rows)], 5)), np.array(rows, float))


def test_neighbors_go_by_cosine_not_by_length():
    v = vectors([[1, 0], [100, 1], [0.5, 0.5], [-9, 0], [0, 0]])
    assert [w for w, _ in v.neighbors("a", 4)] == ["b", "c", "e", "d"]
    assert dict(v.neighbors("a"))["c"] == pytest.approx(math.sqrt(0.5))
    assert v.similarity("a", "d") == pytest.approx(-1) and v.similarity("a", "e") == 0
    assert len(v.neighbors("a", 99)) == 4


def test_analogy_goes_by_the_difference_and_never_answers_with_the_question():
    v = vectors([[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 1, 1.2], [0.1, 0, 1]])
    assert v.analogy("a", "b", "c", 1)[0][0] == "d"
    assert {w for w, _ in v.analogy("a", "b", "c", 9)} == {"d", "e"}
    with pytest.raises(UnknownWordError):
        v.analogy("a", "b", "zzz")


def test_projection_keeps_distances_of_points_in_a_plane():
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(6, 2)) @ np.linalg.qr(rng.normal(size=(5, 2)))[0].T
    v = vectors(plane)
    places, shares = v.project("abcdef")

    def distances(x):
        return np.linalg.norm(x[:, None] - x[None], axis=-1)

    np.testing.assert_allclose(distances(places), distances(plane), atol=1e-12)
    assert shares.sum() == pytest.approx(1) and shares[0] >= shares[1]


@pytest.mark.parametrize("count", [1, 2])
def test_projection_of_one_or_two_words_is_finite(count):
    places, shares = vectors(np.eye(3)[:count]).project("abc"[:count])
    assert places.shape == (count, 2) and np.isfinite(places).all() and np.isfinite(shares).all()


def test_saved_vectors_come_back_equal(tmp_path, trained):
    trained.vectors.save(tmp_path / "v.safetensors", notes={"source": "test"})
    back = Vectors.load(tmp_path / "v.safetensors")
    assert back.vocabulary.words == trained.vocabulary.words
    assert np.array_equal(back.matrix, trained.vectors.matrix)
    assert np.array_equal(back.vocabulary.counts, trained.vocabulary.counts)


def test_other_files_are_refused(tmp_path):
    serialize.save(tmp_path / "model.safetensors", model={"w": np.zeros(3)})
    with pytest.raises(CheckpointError, match="a checkpoint without word vectors"):
        Vectors.load(tmp_path / "model.safetensors")
    with pytest.raises(OptionError, match="expected one row for each word"):
        Vectors(Vocabulary({"a": 1}), np.zeros((2, 2)))
