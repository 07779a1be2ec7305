"""Treebanks in CoNLL-U, read sentence by sentence and written back byte for byte.

A sentence keeps every line it was read from: comments, multiword tokens (``1-2``), empty nodes (``3.1``), all ten
columns as text, its line ends, and blank lines around it. What the parser looks at (forms, tags, heads, relations)
is a view on the lines of its words. Format: https://universaldependencies.org/format.html.

Why not a library: `conllu` 6.0 gives EWT back to the byte too, in three times the time, but keeps one of two equal
FEATS keys, turns CRLF into LF, and takes a HEAD outside the sentence, a cycle or two roots without a word.
"""

from __future__ import annotations

import errno
import gzip
import lzma
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext

from tinygrad_nlp import written
from tinygrad_nlp.data import DataError

COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
ID, FORM, LEMMA, UPOS, XPOS, FEATS, HEAD, DEPREL, DEPS, MISC = range(10)
_BOM = b"\xef\xbb\xbf"


class TreebankError(DataError):
    """A sentence that is no CoNLL-U, or no tree; ``name`` and ``line`` say where."""

    def __init__(self, name: str, line: int, message: str):
        super().__init__(f"{name}, line {line}: {message}")
        self.name, self.line = name, line


class Sentence:
    """One sentence of a treebank.

    comments  lines that begin with ``#``, as they are
    rows      lists of ten strings, one for each line: words, multiword tokens, empty nodes
    line      the number of its first line in the file, from 1
    """

    __slots__ = ("comments", "rows", "words", "line", "leading", "newline", "ending")

    def __init__(self, rows, comments=(), *, line=1, leading="", newline="\n", ending=None):
        self.comments, self.rows = list(comments), rows
        self.words = [row for row in rows if row[ID].isdecimal()]
        self.line, self.leading, self.newline = line, leading, newline
        self.ending = newline * 2 if ending is None else ending

    def __len__(self):
        return len(self.words)

    forms = property(lambda self: [row[FORM] for row in self.words])
    upos = property(lambda self: [row[UPOS] for row in self.words])
    xpos = property(lambda self: [row[XPOS] for row in self.words])
    deprels = property(lambda self: [row[DEPREL] for row in self.words])

    @property
    def heads(self) -> list[int]:
        """The head of each word, 0 for the root. Raises TreebankError if it has none."""
        try:
            return [int(row[HEAD]) for row in self.words]
        except ValueError:
            raise TreebankError("a sentence", self.line, f"no tree: HEAD is not a number in {self!r}") from None

    def with_tree(self, heads: Iterable[int], deprels: Iterable[str]) -> Sentence:
        """A copy with other heads and relations. DEPS, the enhanced graph over the old tree, becomes ``_``."""
        tree = iter(zip(heads, deprels))
        rows = []
        for row in self.rows:
            if row[ID].isdecimal():
                head, deprel = next(tree)
                row = [*row[:HEAD], str(head), deprel, "_", row[MISC]]
            rows.append(row)
        return Sentence(
            rows, self.comments, line=self.line, leading=self.leading, newline=self.newline, ending=self.ending
        )

    def __str__(self):
        """The bytes it was read from, as text."""
        lines = self.newline.join([*self.comments, *map("\t".join, self.rows)])
        return f"{self.leading}{lines}{self.ending}"

    def __repr__(self):
        return f"<Sentence of {len(self)} words: {' '.join(self.forms)[:50]}>"

    @classmethod
    def from_words(cls, forms, upos=None, heads=None, deprels=None, *, lemmas=None, xpos=None, comments=()) -> Sentence:
        """A sentence made of lists of equal length; what is not given is ``_``.

        >>> print(Sentence.from_words(["Go", "!"], ["VERB", "PUNCT"], [0, 1], ["root", "punct"]).rows[1])
        ['2', '!', '_', 'PUNCT', '_', '_', '1', 'punct', '_', '_']
        """
        n = len(forms)
        columns = [forms, lemmas, upos, xpos, None, heads, deprels, None, None]
        filled = [list(map(str, column)) if column is not None else ["_"] * n for column in columns]
        return cls([[str(i + 1), *row] for i, row in enumerate(zip(*filled))], comments)


class Faulty:
    """A sentence that could not be read: its text as it stands in the file, and the error that says why."""

    __slots__ = ("text", "error", "line")

    def __init__(self, text: str, error: TreebankError):
        self.text, self.error, self.line = text, error, error.line

    def __str__(self):
        return self.text


def read_conllu(path, *, trees: bool = True, keep_faulty: bool = False) -> Iterator[Sentence | Faulty]:
    """The sentences of a CoNLL-U file, one at a time, so that it may be larger than memory.

    path         ``.gz`` and ``.xz`` are unpacked; ``-`` is standard input
    trees        check HEAD and DEPREL: every sentence a tree with one root. False for input that is yet to be parsed
    keep_faulty  give an ill-formed sentence as `Faulty`, with its text and error, and go on

    Raises TreebankError with file, line and fault (unless kept), DataError for a file that cannot be read.
    """
    with _opened(path) as (name, stream):
        block: list[bytes] = []
        leading, held, first = "", None, 1
        for number, raw in enumerate(stream, 1):
            if number == 1 and raw.startswith(_BOM):
                leading, raw = "\ufeff", raw[len(_BOM) :]
            if raw.strip(b"\r\n"):
                if not block:
                    first = number
                    if held is not None:  # held until now: blank lines at the very end belong to the last sentence
                        yield held
                        held = None
                block.append(raw)
            elif block:
                block.append(raw)
                held, leading, block = _parsed(name, first, block, leading, trees, keep_faulty), "", []
            else:
                leading += raw.decode()
        if block:
            held, leading = _parsed(name, first, block, leading, trees, keep_faulty), ""
        if held is not None:
            if isinstance(held, Faulty):
                held.text += leading
            else:
                held.ending += leading
            yield held


def load_treebank(path, *, trees: bool = True) -> list[Sentence]:
    """All sentences of a file; raises as `read_conllu` does, and DataError if there are none."""
    sentences = list(read_conllu(path, trees=trees))
    if not sentences:
        raise DataError(f"{'standard input' if str(path) == '-' else path}: no sentences in it")
    return sentences


def write_conllu(path, sentences: Iterable[Sentence | Faulty]) -> int:
    """Write sentences to a file and return their number.

    path  packed if its name ends in ``.gz`` or ``.xz``; ``-`` is standard output

    What was read by `read_conllu` and not changed is written as the very bytes it was read from. A file that is there
    is replaced when the last sentence is written, and stays if something fails before. Raises DataError if the file
    cannot be written.
    """
    count = 0
    with _created(path) as stream:
        for sentence in sentences:
            stream.write(str(sentence).encode("utf-8", "surrogateescape"))
            count += 1
        stream.flush()
    return count


def from_tagged(text: str, separator: str = "_", *, xpos=False, name: str = "text", line: int = 1) -> Sentence:
    """A sentence from one line of tokens with their UPOS tags, or with their XPOS tags.

    >>> from_tagged("Dogs_NOUN bark_VERB ._PUNCT").upos
    ['NOUN', 'VERB', 'PUNCT']

    The last ``separator`` of a token counts. Raises TreebankError for a token without a tag.
    """
    pairs = [token.rpartition(separator) for token in text.split()]
    for token, (form, _, tag) in zip(text.split(), pairs):
        if not form or not tag:
            raise TreebankError(name, line, f"the token {token!r} has no tag; expected word{separator}TAG")
    if not pairs:
        raise TreebankError(name, line, "no words in it")
    forms, tags = [form for form, _, _ in pairs], [tag for _, _, tag in pairs]
    return Sentence.from_words(forms, None if xpos else tags, xpos=tags if xpos else None)


# ---- one block of lines ----------------------------------------------------------------------------------------------


def _parsed(name, first, block, leading, trees, keep_faulty):
    try:
        return _sentence(name, first, block, leading, trees)
    except TreebankError as error:
        if not keep_faulty:
            raise
        return Faulty(leading + b"".join(block).decode("utf-8", "surrogateescape"), error)


def _sentence(name, first, block, leading, trees):
    blank = block[-1] if len(block) > 1 and not block[-1].strip(b"\r\n") else b""
    block = block[:-1] if blank else block
    newline = b"\r\n" if block[0].endswith(b"\r\n") else b"\n"
    comments, rows, places, lines = [], [], [], []
    for number, raw in enumerate(block, first):
        text = raw[: -len(newline)] if raw.endswith(newline) else raw
        if text.endswith((b"\r", b"\n")):
            raise TreebankError(name, number, "another line end than the line before (LF and CRLF mixed)")
        try:
            lines.append(text.decode())
        except UnicodeDecodeError as error:
            raise TreebankError(name, number, f"not UTF-8 text ({error.reason})") from None
    for number, text in enumerate(lines, first):
        if text.startswith("#"):
            if rows:
                raise TreebankError(name, number, "a comment among the words; comments come before the first")
            comments.append(text)
            continue
        row = text.split("\t")
        if len(row) != len(COLUMNS):
            raise TreebankError(name, number, f"{len(row)} columns; expected 10, separated by tabs{_likely(row)}")
        if "" in row:
            raise TreebankError(name, number, f"{COLUMNS[row.index('')]} is empty; nothing is written as _")
        rows.append(row)
        places.append(number)
    if not rows:
        raise TreebankError(name, first, "comments without a sentence")
    _check_ids(name, rows, places)
    if trees:
        _check_tree(name, *zip(*((row, place) for row, place in zip(rows, places) if row[ID].isdecimal())))
    ending = (newline if block[-1].endswith(newline) else b"") + blank
    return Sentence(rows, comments, line=first, leading=leading, newline=newline.decode(), ending=ending.decode())


def _likely(row):
    """What a line of a single column may be."""
    if len(row) > 1:
        return ""
    parts = row[0].split()
    if len(parts) == len(COLUMNS) and parts[0].isdecimal():
        return "; is it separated by spaces?"
    return "; is it plain text? Words need tags: `parse --tagged` reads Dogs_NOUN bark_VERB ._PUNCT"


def _number(text):
    """A whole number as CoNLL-U writes it, without sign or leading zero; else None."""
    return int(text) if text.isascii() and text.isdecimal() and (text == "0" or text[0] != "0") else None


def _check_ids(name, rows, places):
    words = empty = last_of_range = 0
    range_place = None
    for row, place in zip(rows, places):
        text = row[ID]
        before, mark, after = text.partition("-" if "-" in text else ".")
        start, stop = _number(before), _number(after)
        if not mark:
            if start != words + 1:
                raise TreebankError(name, place, f"ID is {text!r}; expected {words + 1}")
            words, empty = words + 1, 0
        elif start is None or stop is None:
            raise TreebankError(name, place, f"ID is {text!r}; expected a number, a range 1-2 or an empty node 1.1")
        elif mark == "-":
            if start != words + 1 or stop <= start or start <= last_of_range:
                raise TreebankError(
                    name, place, f"ID is {text!r}; a range stands before its first word, and two do not overlap"
                )
            last_of_range, range_place = stop, place
        else:
            if (start, stop) != (words, empty + 1):
                raise TreebankError(name, place, f"ID is {text!r}; expected {words}.{empty + 1} for an empty node here")
            empty = stop
    if last_of_range > words:
        raise TreebankError(name, range_place, f"a range up to {last_of_range} in a sentence of {words} words")
    if not words:
        raise TreebankError(name, places[0], "no words in it")


def _check_tree(name, rows, places):
    n = len(rows)
    heads = [0]
    for word, (row, place) in enumerate(zip(rows, places), 1):
        head = _number(row[HEAD])
        if head is None or head > n:
            raise TreebankError(name, place, f"HEAD is {row[HEAD]!r}; expected 0 to {n}, the sentence's words")
        if head == word:
            raise TreebankError(name, place, f"word {word} is its own head")
        heads.append(head)
    roots = [word for word in range(1, n + 1) if heads[word] == 0]
    if len(roots) > 1:
        listed = ", ".join(map(str, roots))
        raise TreebankError(name, places[roots[1] - 1], f"words {listed} have HEAD 0: several roots; expected one")
    if not roots:
        raise TreebankError(name, places[0], "no word has HEAD 0: the sentence has no root")
    reaches_root = [True] + [False] * n
    for word in range(1, n + 1):
        path = []
        while not reaches_root[word]:
            if word in path:
                circle = [*path[path.index(word) :], word]
                raise TreebankError(name, places[word - 1], f"a cycle of heads: {' -> '.join(map(str, circle))}")
            path.append(word)
            word = heads[word]
        for passed in path:
            reaches_root[passed] = True


@contextmanager
def _opened(path):
    """(a name for messages, a stream of bytes to read)."""
    path = os.fspath(path)
    if path == "-":
        with _named("standard input"):
            yield "standard input", sys.stdin.buffer
        return
    suffix = os.path.splitext(path)[1].lower()
    try:
        opened = {".gz": gzip.open, ".xz": lzma.open}.get(suffix, open)(path, "rb")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"{path}: a folder; give the file in it") from None
    except PermissionError:
        raise DataError(f"{path}: not permitted") from None
    try:
        with _named(path), opened as stream:
            yield path, stream
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: not a complete {suffix} file ({error})") from None


@contextmanager
def _created(path):
    """A stream of bytes to write."""
    path = os.fspath(path)
    if path == "-":
        with _named("standard output"):
            yield sys.stdout.buffer
        return
    if os.path.isdir(path):
        raise DataError(f"{path}: a folder; give the file in it")
    suffix = os.path.splitext(path)[1].lower()
    try:
        with written.stream(path) as file, _packed(path, suffix, file) as stream:
            yield stream
    except OSError as error:
        if error.filename != path or isinstance(error, BrokenPipeError):
            raise
        said = {errno.ENOENT: "no such folder", errno.EACCES: "not permitted"}.get(error.errno, error.strerror)
        raise DataError(f"{path}: {said}") from None


def _packed(path, suffix, file):
    if suffix == ".gz":
        return gzip.GzipFile(path, "wb", fileobj=file)
    return lzma.open(file, "wb") if suffix == ".xz" else nullcontext(file)


@contextmanager
def _named(name):
    """An error of the system that does not say of which file (a full disk) is given its name."""
    try:
        yield
    except BrokenPipeError:  # a reader that has enough
        raise
    except OSError as error:
        if error.filename or not error.errno:
            raise
        raise DataError(f"{name}: {error.strerror}") from None
