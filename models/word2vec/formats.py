"""Word vectors in the formats of other programs: word2vec's text and binary files, and GloVe's.

All three are words with their numbers, one after the other, and say nothing of counts or of how they were made:

    text     a line ``V D``, then V lines: the word, D decimal numbers
    binary   a line ``V D``, then V times: the word, a space, D little-endian float32
    GloVe    as text, without the first line

gensim's ``KeyedVectors`` writes and reads the first two, and reads the third with ``no_header=True``.
"""

from __future__ import annotations

import gzip
import lzma
from contextlib import contextmanager

import numpy as np

from tinygrad_nlp import written
from tinygrad_nlp.data import DataError

LONGEST_WORD = 1 << 16
"""Bytes. What has no end before that is no word but another format."""

ROWS = 1 << 12
"""Rows read or written at a time."""


def write_text(path, words, matrix) -> None:
    """word2vec's text format. Numbers have 9 digits, which is what brings a float32 back to the bit."""
    _write(path, words, matrix, lambda row: (" " + " ".join(f"{x:.9g}" for x in row) + "\n").encode())


def write_binary(path, words, matrix) -> None:
    """word2vec's binary format, as float32 whatever the matrix is."""
    _write(path, words, matrix, lambda row: b" " + row.astype("<f4").tobytes() + b"\n")


def _write(path, words, matrix, numbers):
    with written.stream(path) as stream:
        stream.write(f"{len(words)} {matrix.shape[1]}\n".encode())
        for word, row in zip(words, matrix):
            if not word or any(c.isspace() for c in word):
                raise DataError(f"the word {word!r} has a space, which this format cannot hold; use .safetensors")
            stream.write(word.encode("utf-8", "surrogatepass") + numbers(row))


def read(path) -> tuple[list[str], np.ndarray, list[str]]:
    """(words, matrix (V, D) float32, notes) of a file in any of the three formats; ``.gz`` and ``.xz`` are unpacked.

    The format is told by the file, not by its name. Of a word that comes twice the first row is kept; letters that are
    not UTF-8 are shown as �. Both are reported in ``notes``, and neither ends the reading.
    Raises DataError for what is not such a file, or is cut off.
    """
    with _opened(path) as stream:
        first = stream.readline(LONGEST_WORD)
        fields = first.split()
        if len(fields) == 2 and all(field.isdigit() for field in fields):
            count, dim = map(int, fields)
            start = stream.peek(LONGEST_WORD)
            if not count or not dim:
                raise DataError(f"{path}: says that it holds {count} words of {dim} numbers")
            rows = _text_rows(stream, dim, path, 2) if _is_text(start, dim) else _binary_rows(stream, count, dim, path)
        else:
            count, dim = None, len(fields) - 1
            if dim < 1 or not first.endswith(b"\n") or _numbers(fields[1:]) is None:
                raise DataError(
                    f"{path}: no word vectors; expected safetensors, word2vec text or binary, or GloVe text"
                )
            rows = _rows_after(first, dim, _text_rows(stream, dim, path, 2))
        found, pieces, seen, twice, odd, total = [], [], set(), 0, 0, 0
        piece = []
        for name, row in rows:
            total += 1
            try:
                word = name.decode("utf-8")
            except UnicodeDecodeError:
                word, odd = name.decode("utf-8", "replace"), odd + 1
            if word in seen:
                twice += 1
                continue
            seen.add(word)
            found.append(word)
            piece.append(row)
            if len(piece) == ROWS:
                pieces.append(np.array(piece, np.float32))
                piece = []
        if piece:
            pieces.append(np.array(piece, np.float32))
    if count is not None and total != count:
        raise DataError(f"{path}: cut off: {total:,} of the {count:,} words that its first line promises")
    notes = [f"{odd:,} words are not UTF-8; what could not be read is shown as �"] if odd else []
    notes += [f"{twice:,} words come twice; the first row of each is kept"] if twice else []
    return found, np.concatenate(pieces), notes


def _is_text(start, dim):
    """Whether ``start``, the bytes after the first line, begin with a word and decimal numbers."""
    line, ended, _ = start.partition(b"\n")
    fields = line.split(b" ")[1:]
    numbers = [x for x in fields if x.strip()]
    # A row longer than what can be looked at is text if all but its last number, which may be cut, are numbers.
    return _numbers(numbers if ended else numbers[:-1]) is not None and len(numbers) >= (dim if ended else 2)


def _text_rows(stream, dim, path, line_number):
    for number, line in enumerate(stream, line_number):
        # From the right: some files have words with spaces in them.
        fields = line.rstrip().rsplit(b" ", dim)
        row = _numbers(fields[1:])
        if len(fields) != dim + 1 or row is None:
            if not line.strip():
                continue
            raise DataError(f"{path}, line {number}: expected a word and {dim} numbers, got {line[:40]!r}")
        yield fields[0], row


def _rows_after(first, dim, rows):
    fields = first.rstrip().rsplit(b" ", dim)
    yield fields[0], _numbers(fields[1:])
    yield from rows


def _binary_rows(stream, count, dim, path):
    for _ in range(count):
        word = bytearray()
        while (byte := stream.read(1)) != b" ":
            if not byte:
                return
            if len(word) > LONGEST_WORD:
                raise DataError(f"{path}: no word vectors: a word of more than {LONGEST_WORD:,} bytes")
            if byte != b"\n":  # some programs end a row with it, some do not
                word += byte
        row = stream.read(4 * dim)
        if len(row) < 4 * dim:
            return
        yield bytes(word), np.frombuffer(row, "<f4")


def _numbers(fields):
    try:
        return np.array([float(x) for x in fields], np.float32)
    except ValueError:
        return None


@contextmanager
def _opened(path):
    with open(path, "rb") as stream:
        magic = stream.read(6)
    opener = gzip.open if magic[:2] == b"\x1f\x8b" else lzma.open if magic == b"\xfd7zXZ\x00" else open
    try:
        with opener(path, "rb") as stream:
            yield stream
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: not a complete packed file ({error})") from None
