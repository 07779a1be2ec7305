"""CoNLL-U: what is read is written back to the byte, and every fault is named with its line."""

import errno
import gzip
import hashlib
import io
import lzma
import os
import sys

import pytest
from tinygrad_nlp.models.parser import (
    Faulty,
    Sentence,
    TreebankError,
    from_tagged,
    load_treebank,
    read_conllu,
    write_conllu,
)

from tinygrad_nlp.data import DataError

from .ewt import EWT, needs_ewt

PLAIN = (
    "# sent_id = 1\n# text = Don't go\n"
    "1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\tX=1|A=2\n"
    "1\tDo\tdo\tAUX\tVBP\tMood=Imp\t3\taux\t3:aux\t_\n"
    "2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t3:advmod\t_\n"
    "3\tgo\tgo\tVERB\tVB\t_\t0\troot\t0:root\tSpaceAfter=No\n"
    "3.1\tthere\t_\tADV\t_\t_\t_\t_\t3:advmod\t_\n\n"
    "1\tNew York\t_\tPROPN\t_\tB=1|A=2|B=3\t0\troot\t_\té=ü\n\n"
)


def row(number, head, form="w", deprel="dep"):
    return f"{number}\t{form}\t_\tX\t_\t_\t{head}\t{deprel}\t_\t_"


def text(*rows):
    return "\n".join(rows) + "\n\n"


@pytest.fixture
def file(tmp_path):
    def file(content, name="t.conllu"):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / name

    return file


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        "\ufeff" + PLAIN,
        "\n\n" + PLAIN.replace("\n\n", "\n\n\n"),
        PLAIN + "\n\n\n",
        PLAIN[:-1],
        PLAIN[:-2],
        "# only\n0.1\te" + "\t_" * 8 + "\n0.2\tf" + "\t_" * 8 + "\n" + text(row(1, 0)),
        "",
    ],
    ids=["plain", "crlf", "bom", "blank", "blank-end", "no-blank-end", "no-line-end", "empty-node-first", "empty"],
)
def test_a_file_is_written_back_to_the_byte(file, tmp_path, content):
    path, out = file(content), tmp_path / "out"
    count = write_conllu(out, read_conllu(path))
    assert out.read_bytes() == path.read_bytes()
    assert count == (2 if "Don't" in content else bool(content))


def test_the_words_of_a_sentence_are_its_numbered_rows(file):
    sentence, other = load_treebank(file(PLAIN))
    assert sentence.forms == ["Do", "n't", "go"] and sentence.heads == [3, 3, 0] and len(sentence.rows) == 5
    assert sentence.deprels == ["aux", "advmod", "root"] and sentence.xpos[2] == "VB"
    assert (sentence.line, other.line) == (1, 9) and other.forms == ["New York"]


def test_another_tree_changes_head_relation_and_enhanced_graph_alone(file):
    sentence = load_treebank(file(PLAIN))[0]
    changed = sentence.with_tree([0, 1, 1], ["root", "x", "y"])
    assert changed.heads == [0, 1, 1] and sentence.heads == [3, 3, 0]
    for before, after in zip(sentence.rows, changed.rows):
        assert before[:6] + before[9:] == after[:6] + after[9:]
        assert after == before if not before[0].isdecimal() else after[8] == "_"
    assert str(changed).startswith("# sent_id = 1\n# text = Don't go\n1-2\tDon't")


@pytest.mark.parametrize("name, pack", [("t.conllu.gz", gzip.compress), ("t.conllu.xz", lzma.compress)])
def test_packed_files_are_read_and_written(file, tmp_path, name, pack):
    sentences = load_treebank(file(pack(PLAIN.encode()), name))
    out = tmp_path / f"out-{name}"
    write_conllu(out, sentences)
    assert {"gz": gzip, "xz": lzma}[name[-2:]].open(out).read() == PLAIN.encode()
    broken = file(pack(PLAIN.encode())[:-9], name)
    with pytest.raises(DataError, match=rf"{name}: not a complete \.{name[-2:]} file"):
        load_treebank(broken)


FAULTS = {
    "columns": (text("# c", "1\tw\t_\tX\t_\t_\t0\troot\t_"), 2, "9 columns; expected 10, separated by tabs"),
    "spaces": (
        text("1 w _ X _ _ 0 root _ _"),
        1,
        "1 columns; expected 10, separated by tabs; is it separated by spaces",
    ),
    "plain text": (
        text("Ten words in a line are still no line of columns"),
        1,
        "1 columns; expected 10, separated by tabs; is it plain text? Words need tags: `parse --tagged` reads ",
    ),
    "empty": (text("1\tw\t_\tX\t\t_\t0\troot\t_\t_"), 1, "XPOS is empty; nothing is written as _"),
    "order": (text(row(1, 0), row(3, 1)), 2, "ID is '3'; expected 2"),
    "zero": (text(row("01", 0)), 1, "ID is '01'; expected 1"),
    "letters": (text(row("x", 0)), 1, "ID is 'x'; expected 1"),
    "range": (text(row("1-x", "_")), 1, "ID is '1-x'; expected a number, a range 1-2 or an empty node 1.1"),
    "late range": (text(row(1, 0), row("1-2", "_"), row(2, 1)), 2, "a range stands before its first word"),
    "overlap": (text(row("1-3", "_"), row(1, 0), row("2-3", "_"), row(2, 1), row(3, 1)), 3, "two do not overlap"),
    "long range": (text(row("1-3", "_"), row(1, 0), row(2, 1)), 1, "a range up to 3 in a sentence of 2 words"),
    "empty node": (text(row(1, 0), row("1.2", "_")), 2, "ID is '1.2'; expected 1.1 for an empty node here"),
    "no words": (text(row("0.1", "_")), 1, "no words in it"),
    "head": (text(row(1, 0), row(2, 3)), 2, "HEAD is '3'; expected 0 to 2"),
    "no number": (text(row(1, "_")), 1, "HEAD is '_'; expected 0 to 1"),
    "self": (text(row(1, 0), row(2, 2)), 2, "word 2 is its own head"),
    "cycle": (text(row(1, 0), row(2, 3), row(3, 4), row(4, 2)), 2, "a cycle of heads: 2 -> 3 -> 4 -> 2"),
    "no root": (text(row(1, 2), row(2, 1)), 1, "no word has HEAD 0: the sentence has no root"),
    "two roots": (text(row(1, 0), row(2, 0)), 2, "words 1, 2 have HEAD 0: several roots; expected one"),
    "comment": (text(row(1, 0), "# late"), 2, "a comment among the words"),
    "comment alone": (text("# alone"), 1, "comments without a sentence"),
    "line ends": (row(1, 0) + "\n" + row(2, 1) + "\r\n\n", 2, "LF and CRLF mixed"),
    "utf-8": (row(1, 0).encode() + b"\n" + row(2, 1).encode().replace(b"w", b"\xff") + b"\n\n", 2, "not UTF-8 text"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_file_and_line(file, name):
    content, line, message = FAULTS[name]
    good = text(row(1, 0))
    path = file(good.encode() + (content.encode() if isinstance(content, str) else content) + good.encode())
    with pytest.raises(TreebankError) as raised:
        list(read_conllu(path))
    assert str(raised.value).startswith(f"{path}, line {line + 2}: ") and message in str(raised.value)
    assert (raised.value.name, raised.value.line) == (str(path), line + 2)


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_sentence_can_be_kept_and_nothing_is_lost(file, tmp_path, name):
    content, line, _ = FAULTS[name]
    good = text(row(1, 0))
    path = file(good.encode() + (content.encode() if isinstance(content, str) else content) + good.encode())
    first, faulty, last = read_conllu(path, keep_faulty=True)
    assert isinstance(first, Sentence) and isinstance(faulty, Faulty) and isinstance(last, Sentence)
    assert faulty.line == line + 2
    write_conllu(tmp_path / "out", [first, faulty, last])
    assert (tmp_path / "out").read_bytes() == path.read_bytes()


def test_a_sentence_without_a_tree_says_so():
    with pytest.raises(TreebankError, match="no tree: HEAD is not a number in <Sentence of 1 words: Go>"):
        Sentence.from_words(["Go"]).heads  # noqa: B018


def test_trees_are_not_asked_of_input_for_the_parser(file):
    path = file(text(row(1, "_"), row(2, 9)))
    assert [s.forms for s in read_conllu(path, trees=False)] == [["w", "w"]]
    with pytest.raises(TreebankError, match="line 1: HEAD is '_'"):
        list(read_conllu(path))


def test_sentences_come_as_the_file_is_read(monkeypatch):
    """The first sentence is there before the file has ended."""

    def stream():
        yield from (line.encode() for line in (text(row(1, 0)) + row(1, 0) + "\n").splitlines(keepends=True))
        raise AssertionError("read to the end")

    monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": stream()}))
    assert next(read_conllu("-")).forms == ["w"]


def test_standard_input_and_output(file, monkeypatch, capsysbinary):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PLAIN.encode())))
    assert write_conllu("-", read_conllu("-")) == 2
    assert capsysbinary.readouterr().out == PLAIN.encode()
    with pytest.raises(DataError, match="^standard input: no sentences in it"):
        load_treebank("-")  # read to its end above


def test_files_that_cannot_be_read_are_named(tmp_path, file):
    with pytest.raises(DataError, match=r"nowhere\.conllu: no such file"):
        load_treebank(tmp_path / "nowhere.conllu")
    with pytest.raises(DataError, match="a folder; give the file in it"):
        load_treebank(tmp_path)
    with pytest.raises(DataError, match="no sentences in it"):
        load_treebank(file("\n\n"))
    with pytest.raises(DataError, match="no such folder"):
        write_conllu(tmp_path / "no" / "x", [])


@pytest.mark.parametrize("name", ["t.conllu", "t.conllu.gz", "t.conllu.xz"])
def test_an_old_file_stays_until_the_last_sentence_is_written(file, tmp_path, name):
    first, _ = load_treebank(file(PLAIN, "source"))
    old = file("old", name)

    def interrupted():
        yield from [first] * 5000
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_conllu(old, interrupted())
    assert old.read_bytes() == b"old" and sorted(p.name for p in tmp_path.iterdir()) == ["source", name]
    write_conllu(old, [first])
    assert [s.forms for s in load_treebank(old)] == [first.forms]


def test_a_treebank_may_take_its_own_place(file):
    path = file(PLAIN)
    assert write_conllu(path, (s.with_tree([0] * len(s), s.deprels) for s in read_conllu(path))) == 2
    assert [s.heads for s in read_conllu(path, trees=False)] == [[0, 0, 0], [0]]


def test_files_that_cannot_be_written_are_named(tmp_path, file, monkeypatch):
    with pytest.raises(DataError, match=rf"{tmp_path.name}: a folder; give the file in it"):
        write_conllu(tmp_path, [])

    def full_disk(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(DataError, match=r"out\.conllu: No space left on device"):
        write_conllu(tmp_path / "out.conllu", load_treebank(file(PLAIN)))
    assert not (tmp_path / "out.conllu").exists()


def test_an_error_of_another_file_is_not_blamed_on_the_one_written(tmp_path):
    def sentences():
        yield from (tmp_path / "lists.txt").read_text()

    with pytest.raises(FileNotFoundError, match="lists.txt"):
        write_conllu(tmp_path / "out.conllu", sentences())


def test_tagged_text():
    sentence = from_tagged("snake_case_NOUN is_AUX ok_ADJ")
    assert sentence.forms == ["snake_case", "is", "ok"] and sentence.upos == ["NOUN", "AUX", "ADJ"]
    assert from_tagged("a/b/NOUN", "/").forms == ["a/b"]
    with pytest.raises(TreebankError, match="stdin, line 7: the token 'word' has no tag; expected word_TAG"):
        from_tagged("a_DET word", name="stdin", line=7)
    with pytest.raises(TreebankError, match="the token '_X' has no tag"):
        from_tagged("_X")
    with pytest.raises(TreebankError, match="no words"):
        from_tagged("  ")


@needs_ewt
@pytest.mark.parametrize(
    "part, sentences, words, digest",
    [
        ("dev", 2001, 25147, "531a54ff90d6ab12201c5a50c3e78e6ddac4de69abc4bce5d275d3cd29efe2b6"),
        ("test", 2077, 25094, "e266e515a0a7547657ed3d90d9ba46487d6bd251f27ad4269d4e8a427c8555cd"),
    ],
)
def test_ewt_comes_back_to_the_byte(part, sentences, words, digest):
    found = load_treebank(EWT / f"{part}.conllu.gz")
    assert len(found) == sentences and sum(map(len, found)) == words
    assert hashlib.sha256("".join(map(str, found)).encode()).hexdigest() == digest
