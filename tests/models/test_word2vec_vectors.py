"""What is done with word vectors: neighbours, analogies, a plane, a file."""

import copy
import math
import pickle

import numpy as np
import pytest
from tinygrad_nlp.models.word2vec import Vectors

from tinygrad_nlp import CheckpointError, OptionError, serialize
from tinygrad_nlp.data import UnknownWordError, Vocabulary


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


def test_they_say_what_they_are_and_answer_to_gensims_names():
    v = vectors(np.eye(6))
    assert repr(v) == "<6 vectors of 6 numbers: a, b, c, d, e, …>" and repr(vectors(np.eye(2))).endswith(": a, b>")
    with pytest.raises(AttributeError, match=r"no attribute 'most_similar'; write instead: vectors\.neighbors\(word\)"):
        v.most_similar("a")
    with pytest.raises(AttributeError, match="Vectors has no attribute 'length'$"):
        v.length  # noqa: B018
    again = pickle.loads(pickle.dumps(v))
    assert again.vocabulary.words == v.vocabulary.words and copy.copy(v).matrix is v.matrix


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


def test_saved_vectors_come_back_equal(tmp_path):
    rng = np.random.default_rng(0)
    saved = Vectors(Vocabulary({"the": 9, "cat": 4, "sat": 4}), rng.normal(size=(3, 12)).astype(np.float32))
    saved.save(tmp_path / "v.safetensors", notes={"source": "test"})
    back = Vectors.load(tmp_path / "v.safetensors")
    assert back.vocabulary.words == saved.vocabulary.words
    assert np.array_equal(back.matrix, saved.matrix)
    assert np.array_equal(back.vocabulary.counts, saved.vocabulary.counts)


def test_other_files_are_refused(tmp_path):
    serialize.save(tmp_path / "model.safetensors", model={"w": np.zeros(3)})
    with pytest.raises(CheckpointError, match="a checkpoint without word vectors"):
        Vectors.load(tmp_path / "model.safetensors")
    with pytest.raises(OptionError, match="expected one row for each word"):
        Vectors(Vocabulary({"a": 1}), np.zeros((2, 2)))
