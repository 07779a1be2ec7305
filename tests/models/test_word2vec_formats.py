"""word2vec's and GloVe's files, both ways, against gensim where it is installed and byte for byte where it is not."""

import errno
import gzip
import os

import numpy as np
import pytest
from tinygrad_nlp.models.word2vec import Vectors, formats

from tinygrad_nlp.data import DataError, Vocabulary

WORDS = ["the", "naïve", "don't", "日本"]


@pytest.fixture
def vectors():
    rows = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    return Vectors(Vocabulary(dict(zip(WORDS, (9, 7, 7, 2)))), rows)


@pytest.mark.parametrize("name", ["v.txt", "v.vec", "v.bin", "v.safetensors"])
def test_what_is_written_is_read_to_the_bit(tmp_path, vectors, name):
    vectors.save(tmp_path / name)
    back = Vectors.load(tmp_path / name)
    assert back.vocabulary.words == vectors.vocabulary.words and back.notes == []
    assert np.array_equal(back.matrix, vectors.matrix)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_the_bytes_are_those_of_the_format(tmp_path):
    v = Vectors(Vocabulary({"a": 2, "b": 1}), np.array([[1, -0.5], [0.25, 3]], np.float32))
    v.save(tmp_path / "v.txt")
    assert (tmp_path / "v.txt").read_bytes() == b"2 2\na 1 -0.5\nb 0.25 3\n"
    v.save(tmp_path / "v.bin")
    expected = b"2 2\na \0\0\x80?\0\0\0\xbf\nb \0\0\x80>\0\0@@\n"
    assert (tmp_path / "v.bin").read_bytes() == expected


@pytest.mark.parametrize("binary", [True, False])
def test_gensim_reads_ours_and_we_read_gensims(tmp_path, vectors, binary):
    keyed = pytest.importorskip("gensim.models").KeyedVectors
    name = "v.bin" if binary else "v.txt"
    vectors.save(tmp_path / name)
    theirs = keyed.load_word2vec_format(tmp_path / name, binary=binary)
    assert theirs.index_to_key == list(vectors.vocabulary.words)
    assert np.array_equal(theirs.vectors, vectors.matrix)
    theirs.save_word2vec_format(tmp_path / f"g{name}", binary=binary)
    back = Vectors.load(tmp_path / f"g{name}")
    assert back.vocabulary.words == vectors.vocabulary.words
    assert np.array_equal(back.matrix, vectors.matrix)


def test_glove_without_a_first_line_packed_and_with_spaces_in_words(tmp_path):
    with gzip.open(tmp_path / "glove.gz", "wt") as stream:
        stream.write("the 0.1 -2e-3 3\n. . 1 2 3\nlast 4 5 6\n")
    v = Vectors.load(tmp_path / "glove.gz")
    assert v.vocabulary.words == ("the", ". .", "last") and v["last"].tolist() == [4, 5, 6]


def test_binary_rows_without_line_ends_as_older_programs_write_them(tmp_path):
    rows = np.array([[1, 2], [3, 4]], "<f4")
    (tmp_path / "v").write_bytes(b"2 2\n" + b"a " + rows[0].tobytes() + b"b " + rows[1].tobytes())
    assert np.array_equal(Vectors.load(tmp_path / "v").matrix, rows)


def test_a_binary_row_that_holds_a_line_end_is_still_binary(tmp_path):
    rows = np.frombuffer(b"\n\n\n\n1 2\n" * 2, "<f4").reshape(2, 2)
    (tmp_path / "v").write_bytes(b"2 2\n" + b"a " + rows[0].tobytes() + b"\nb " + rows[1].tobytes() + b"\n")
    assert np.array_equal(Vectors.load(tmp_path / "v").matrix, rows)


def test_odd_letters_and_doubled_words_are_reported_not_fatal(tmp_path):
    (tmp_path / "v.txt").write_bytes(b"4 2\nna\xefve 1 2\nx 3 4\nx 5 6\ny 7 8\n")
    v = Vectors.load(tmp_path / "v.txt")
    assert v.vocabulary.words == ("na\ufffdve", "x", "y") and v["x"].tolist() == [3, 4]
    assert v.notes == [
        "1 words are not UTF-8; what could not be read is shown as �",
        "1 words come twice; the first row of each is kept",
    ]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "no word vectors; expected safetensors, word2vec"),
        (b"hello world this is text\n", "no word vectors"),
        (b"3 2\na 1 2\nb 3 4\n", "cut off: 2 of the 3 words"),
        (b"2 2\na 1 2\nb 3\n", "line 3: expected a word and 2 numbers"),
        (b"2 2\na 1 2\nb 3 x\n", "line 3: expected a word and 2 numbers"),
        (b"0 5\n", "0 words of 5 numbers"),
        (b"2 2\na \0\0\x80?\0\0\0\xbf\nb \0\0", "cut off: 1 of the 2 words"),
        (b"999999999999 100\na \0\0\x80?", "cut off: 0 of the 999,999,999,999 words"),
        (b"1 2\n" + b"\xff" * 70_000, "a word of more than 65,536 bytes"),
        (gzip.compress(b"99 2\n" + b"a 1 2\n" * 99)[:-12], "not a complete packed file"),
    ],
)
def test_broken_files_are_named_with_what_is_wrong(tmp_path, content, message):
    (tmp_path / "broken").write_bytes(content)
    with pytest.raises(DataError, match=f"broken.*{message}"):
        Vectors.load(tmp_path / "broken")


def test_a_word_with_a_space_is_refused_and_the_old_file_stays(tmp_path):
    (tmp_path / "v.txt").write_text("precious")
    with pytest.raises(DataError, match="'new york' has a space, which this format cannot hold"):
        Vectors(Vocabulary({"new york": 1}), np.zeros((1, 2))).save(tmp_path / "v.txt")
    assert (tmp_path / "v.txt").read_text() == "precious" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["v.txt", "v.bin"])
def test_a_full_disk_is_named_and_the_old_file_stays(tmp_path, monkeypatch, name):
    def full_disk(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / name
    path.write_text("precious")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left on device: .*" + name):
        Vectors(Vocabulary({"a": 1}), np.zeros((1, 2))).save(path)
    assert path.read_text() == "precious" and len(list(tmp_path.iterdir())) == 1


def test_long_rows_are_told_apart_from_binary_ones(tmp_path):
    rows = np.random.default_rng(0).normal(size=(2, 9000)).astype(np.float32)
    for write in (formats.write_text, formats.write_binary):
        write(tmp_path / "v", ["a", "b"], rows)
        assert np.array_equal(formats.read(tmp_path / "v")[1], rows)
