"""Reading text: streamed, unpacked, refused with the file's name and what is wrong with it."""

import gzip
import io
import lzma

import pytest

from tinygrad_nlp.data import DataError, lines_as_sentences, sentences, text, text_lines, words


def test_words_are_lower_case_with_apostrophes_of_both_kinds_alike():
    assert words("Don’t DON'T re_use utf8 42 é") == ["don't", "don't", "re_use", "utf8", "é"]


def test_sentences_end_at_stops_and_at_lines():
    found = list(sentences(['He said "stop." Then left?', "a new line", "...", "v1.2 stays"]))
    assert found == [["he", "said", "stop"], ["then", "left"], ["a", "new", "line"], ["v1", "stays"]]


@pytest.mark.parametrize("name, opener", [("a.txt", open), ("a.gz", gzip.open), ("a.xz", lzma.open)])
def test_lines_of_plain_and_packed_files_are_the_same(tmp_path, name, opener):
    with opener(tmp_path / name, "wt", encoding="utf-8") as stream:
        stream.write("eins\nzwei ö\n")
    assert list(text_lines(tmp_path / name)) == ["eins\n", "zwei ö\n"]


def test_standard_input_is_read_as_utf8_whatever_the_locale(monkeypatch):
    class Input:
        buffer = io.BytesIO("\ufeffgrün\n".encode())

    monkeypatch.setattr("sys.stdin", Input())
    assert list(text_lines("-")) == ["grün\n"]


def test_a_file_without_line_ends_is_cut_between_words(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "LONGEST_LINE", 16)
    (tmp_path / "one.txt").write_text(" ".join(f"word{i}" for i in range(100)))
    pieces = list(text_lines(tmp_path / "one.txt"))
    assert len(pieces) > 20 and max(map(len, pieces)) <= 32
    assert [w for s in sentences(pieces) for w in s] == [f"word{i}" for i in range(100)]


def test_lines_are_read_as_they_are_asked_for(tmp_path):
    (tmp_path / "a.txt").write_text("a\nb\n" * 100_000)
    lines = text_lines(tmp_path / "a.txt")
    assert next(lines) == "a\n"
    lines.close()


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("latin.txt", "grün".encode("latin-1"), "not UTF-8 text"),
        ("cut.gz", gzip.compress(b"some text " * 100)[:-20], r"not a complete \.gz file"),
        ("plain.gz", b"not packed", r"not a complete \.gz file"),
        ("cut.xz", lzma.compress(b"some text " * 100)[:-20], r"not a complete \.xz file"),
    ],
)
def test_damaged_files_are_named_with_what_is_wrong(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}.*{message}"):
        list(text_lines(tmp_path / name))


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(DataError, match="nothing.txt: no such file"):
        list(text_lines(tmp_path / "nothing.txt"))
    with pytest.raises(DataError, match="a folder; give the text files in it"):
        list(text_lines(tmp_path))
    (tmp_path / "file.txt").write_text("a")
    with pytest.raises(DataError, match=r"file.txt/x: not readable \(Not a directory\)"):
        list(text_lines(tmp_path / "file.txt" / "x"))


def test_lines_can_be_sentences():
    found = list(lines_as_sentences(['He said "stop." Then left?', "...", "a new line"]))
    assert found == [["he", "said", "stop", "then", "left"], ["a", "new", "line"]]


def test_nul_characters_are_refused(tmp_path):
    (tmp_path / "wide.txt").write_bytes("some text".encode("utf-16-le"))
    with pytest.raises(DataError, match=r"wide.txt: holds NUL characters: no text, or text in UTF-16"):
        list(text_lines(tmp_path / "wide.txt"))
