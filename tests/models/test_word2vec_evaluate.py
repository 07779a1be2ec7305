"""Measures of word vectors against SciPy, gensim, brute force and hand-made vectors."""

import math

import numpy as np
import pytest
from tinygrad_nlp.models.word2vec import Vectors, evaluate
from tinygrad_nlp.models.word2vec.evaluate import (
    analogies,
    held_out_loss,
    read_analogies,
    read_similarities,
    similarity,
)

from tinygrad_nlp.data import DataError, Vocabulary


def random_vectors(count=40, dim=6, seed=0):
    rng = np.random.default_rng(seed)
    words = {f"w{i}": count - i for i in range(count)}
    return Vectors(Vocabulary(words), rng.normal(size=(count, dim)).astype(np.float32))


def test_spearman_is_scipys_with_ties():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    for _ in range(20):
        x, y = rng.integers(0, 6, (2, 30))
        assert evaluate.spearman(x, y) == pytest.approx(stats.spearmanr(x, y)[0])
    assert math.isnan(evaluate.spearman([1, 1], [1, 2])) and math.isnan(evaluate.spearman([], []))


def test_similarity_leaves_unknown_words_out_and_says_so():
    v = Vectors(Vocabulary(dict.fromkeys("abc", 1)), np.array([[1, 0], [1, 0.1], [0, 1]]))
    found = similarity(v, [("a", "b", 9), ("A", "c", 1), ("b", "c", 2), ("a", "zzz", 5)])
    assert (found.known, found.total) == (3, 4) and found.spearman == pytest.approx(1)
    assert math.isnan(similarity(v, [("a", "zzz", 5)]).spearman)


@pytest.mark.parametrize("at_once", [1 << 20, 90])
def test_analogies_in_batches_are_those_asked_one_by_one(monkeypatch, at_once):
    monkeypatch.setattr(evaluate, "SCORES", at_once)
    v = random_vectors()
    v.matrix[7] = 0
    rng = np.random.default_rng(1)
    questions = []
    for i in range(60):
        a, b, c, d = (f"w{k}" for k in rng.choice(40, 4, replace=False))
        answer = v.analogy(a, b, c, 1)[0][0]
        questions.append(("even" if i % 2 else "odd", (a, b, c, answer if i % 3 else d)))
    questions.append(("odd", ("w1", "w2", "w3", "nowhere")))
    expected = {"even": [0, 0, 0], "odd": [0, 0, 0]}
    for name, (a, b, c, d) in questions:
        expected[name][2] += 1
        if d in v:
            expected[name][1] += 1
            expected[name][0] += v.analogy(a, b, c, 1)[0][0] == d
    found = analogies(v, questions)
    assert {k: list(x) for k, x in found.sections.items()} == expected
    assert (found.known, found.total) == (60, 61) and found.accuracy == found.right / 60 > 0.5


def test_both_measures_are_gensims(tmp_path):
    keyed = pytest.importorskip("gensim.models").KeyedVectors
    v = random_vectors(seed=3)
    theirs = keyed(6)
    theirs.add_vectors(list(v.vocabulary.words), v.matrix)
    rng = np.random.default_rng(2)
    with open(tmp_path / "pairs.tsv", "w") as stream:
        stream.write("# comment\n")
        for score in range(30):
            a, b = rng.choice(45, 2, replace=False)  # a word with itself is 1 only up to rounding
            stream.write(f"w{a}\tw{b}\t{score}\n")
    with open(tmp_path / "questions.txt", "w") as stream:
        stream.write(": one\n")
        for i in range(50):
            a, b, c, d = rng.choice(42, 4, replace=False)
            if i % 2 and max(a, b, c) < 40:
                d = v.analogy(f"w{a}", f"w{b}", f"w{c}", 1)[0][0][1:]
            stream.write(f"w{a} w{b} w{c} w{d}\n")
    ours = similarity(v, read_similarities(tmp_path / "pairs.tsv"))
    _, (spearman, _), unknown = theirs.evaluate_word_pairs(tmp_path / "pairs.tsv")
    assert ours.spearman == pytest.approx(float(spearman), abs=1e-6)
    assert 100 * (1 - ours.known / ours.total) == pytest.approx(unknown)
    accuracy, sections = theirs.evaluate_word_analogies(tmp_path / "questions.txt")
    ours = analogies(v, read_analogies(tmp_path / "questions.txt"))
    assert ours.accuracy == pytest.approx(accuracy) and ours.right == len(sections[0]["correct"]) > 10


def test_the_held_out_loss_is_that_of_the_pairs():
    rng = np.random.default_rng(0)
    center, outside = rng.normal(size=(2, 7, 4)).astype(np.float32)
    ids, sentence = rng.integers(0, 7, 400), np.repeat(np.arange(40), 10)
    zero = held_out_loss(center * 0, outside, np.ones(7), ids, sentence)
    assert zero == pytest.approx(6 * math.log(2))
    sigma = 1 / (1 + np.exp(-(center @ outside.T).astype(float)))
    near = np.zeros((7, 7))
    for i in range(400):
        for j in range(max(i - 5, 0), min(i + 6, 400)):
            if i != j and sentence[i] == sentence[j]:
                near[ids[i], ids[j]] += (6 - abs(i - j)) / 5
    expected = (near * (-np.log(sigma) - 5 * np.log(1 - sigma).mean(axis=1, keepdims=True))).sum() / near.sum()
    found = np.mean([held_out_loss(center, outside, np.ones(7), ids, sentence, seed=s) for s in range(40)])
    assert found == pytest.approx(expected, rel=0.01)
    assert math.isnan(held_out_loss(center, outside, np.ones(7), [], np.array([], int)))


def test_the_held_out_loss_of_cbow_is_that_of_each_word_and_the_mean_of_its_window():
    rng = np.random.default_rng(0)
    center, outside = rng.normal(size=(2, 7, 4)).astype(np.float32)
    ids, sentence = rng.integers(0, 7, 40), np.repeat(np.arange(5), 8)
    zero = held_out_loss(center * 0, outside, np.ones(7), ids, sentence, model="cbow")
    assert zero == pytest.approx(6 * math.log(2))
    losses = []  # expected over windows of 1, 2 and 3, all equally likely, and over negatives
    for i in range(40):
        for window in (1, 2, 3):
            around = [j for j in range(max(i - window, 0), min(i + window + 1, 40)) if j != i]
            v = np.mean([center[ids[j]] for j in around if sentence[j] == sentence[i]], axis=0).astype(float)
            sigma = 1 / (1 + np.exp(-(outside @ v)))
            losses.append(-np.log(sigma[ids[i]]) - 5 * np.log(1 - sigma).mean())
    found = [held_out_loss(center, outside, np.ones(7), ids, sentence, 3, seed=s, model="cbow") for s in range(300)]
    assert np.mean(found) == pytest.approx(np.mean(losses), rel=0.01)
    assert math.isnan(held_out_loss(center, outside, np.ones(7), [], np.array([], int), model="cbow"))


@pytest.mark.parametrize("line", ["tiger\tcat\t7.35", "tiger,cat,7.35", "tiger cat 7.35"])
def test_judgements_are_read_with_tabs_commas_or_spaces(tmp_path, line):
    (tmp_path / "p").write_text(f"Word 1,Word 2,Human\n{line}\n\n" if "," in line else f"# c\n{line}\n")
    assert read_similarities(tmp_path / "p") == [("tiger", "cat", 7.35)]


@pytest.mark.parametrize(
    "read, content, message",
    [
        (read_similarities, "a b 1\na b\n", "p, line 2: 'a b'; expected two words and a number"),
        (read_similarities, "", "no pair of words"),
        (read_analogies, ": s\na b c\n", "p, line 2: 'a b c'; expected four words"),
        (read_analogies, ": s\n", "no analogy in it"),
    ],
)
def test_files_that_are_something_else_are_refused_by_line(tmp_path, read, content, message):
    (tmp_path / "p").write_text(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "p")


def test_sections_of_analogies(tmp_path):
    (tmp_path / "q").write_text(": family\nboy girl he she\n: gram1\na b c d\n")
    assert read_analogies(tmp_path / "q") == [("family", ("boy", "girl", "he", "she")), ("gram1", ("a", "b", "c", "d"))]
