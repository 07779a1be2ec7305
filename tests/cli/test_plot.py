"""tinygrad-nlp plot: which words it shows, and what it says where it cannot."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from tinygrad_nlp.models.word2vec import Vectors

from tinygrad_nlp.cli.plot import PAIRS
from tinygrad_nlp.data import Vocabulary

WORDS = ["the", *(word for pair in PAIRS for word in pair), "</text><script>alert(1)</script>", "film", "&amp;"]


def saved(path, words):
    matrix = np.random.default_rng(0).normal(size=(len(words), 6)).astype(np.float32)
    vectors = Vectors(Vocabulary(dict(zip(words, range(len(words) + 5, 5, -1)))), matrix)
    vectors.save(path)
    return path, vectors


@pytest.fixture
def vectors(tmp_path):
    return saved(tmp_path / "vectors.safetensors", WORDS)


def shown(path):
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    return {e.text for e in root.iter() if e.tag.endswith("text")}, sum(e.tag.endswith("polyline") for e in root.iter())


def test_by_default_the_pairs_of_004_joined(run, vectors, tmp_path):
    path, held = vectors
    code, out, err = run("plot", path, "--out", tmp_path / "map.svg")
    words, _ = shown(tmp_path / "map.svg")
    assert code == 0 and err == "" and {word for pair in PAIRS for word in pair} <= words and "the" not in words
    assert f"good, bad: cosine {held.similarity('good', 'bad'):.3f}" in out and "map.svg   <- open" in out


def test_words_of_ones_own_with_places_as_numbers(run, vectors, tmp_path):
    path, held = vectors
    words = ["film", "the", WORDS[9], "&amp;"]
    code, out, _ = run("plot", path, *words, "--pairs", "--json", "--out", tmp_path / "map.html")
    found = json.loads(out)
    places, shares = held.project(words)
    assert code == 0 and found["pairs"] == [["film", "the"], [WORDS[9], "&amp;"]]
    assert np.allclose([found["places"][w] for w in words], places) and np.allclose(found["shares_of_variance"], shares)
    page = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page and "Content-Security-Policy" in page


def test_without_the_pairs_the_most_frequent_words(run, tmp_path):
    path, _ = saved(tmp_path / "other.bin", [f"w{i}" for i in range(60)])
    code, out, err = run("plot", path, "--out", tmp_path / "map.svg")
    words, _ = shown(tmp_path / "map.svg")
    assert code == 0 and "the vectors lack the word pairs of 004: the 40 most frequent words instead" in err
    assert out.startswith("The 40 most frequent words: 40 words")
    named = words & {f"w{i}" for i in range(60)}  # names that found no room are left out
    assert len(named) > 20 and named <= {f"w{i}" for i in range(40)}
    code, out, err = run("plot", path, "--frequent", 7, "--out", tmp_path / "map.svg")
    assert code == 0 and err == "" and out.startswith("The 7 most frequent words: 7 words")


def test_no_pairs_joins_nothing(run, vectors, tmp_path):
    run("plot", vectors[0], "--no-pairs", "--out", tmp_path / "a.svg")
    assert shown(tmp_path / "a.svg")[1] < len(PAIRS)  # lines that lead from names to dots may be left


@pytest.mark.parametrize(
    "argv, message",
    [
        (["goood"], r"goood.*good"),
        (["good", "bad", "the", "--pairs"], "--pairs: 3 words; expected an even number"),
        (["good", "--frequent", "3"], "--frequent 3 or words, not both"),
        (["--out", "map.gif"], "ending in '.gif'; expected .svg, .html, .png"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(run, vectors, argv, message):
    code, out, err = run("plot", vectors[0], *argv)
    assert code == 2 and out == "" and err.count("\n") == 1 and re.search(message, err)


def test_a_file_that_is_not_there(run, tmp_path):
    code, _, err = run("plot", tmp_path / "none.bin")
    assert code == 2 and err.startswith("tinygrad-nlp: ") and "No such file" in err
