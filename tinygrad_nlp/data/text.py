"""Lines of text from files of any size, and the words of each sentence in them."""

from __future__ import annotations

import gzip
import io
import lzma
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import TinygradError

_WORD = re.compile(r"[^\W\d]\w*(?:'\w+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+")

LONGEST_LINE = 1 << 20
"""Characters. A file without line ends (text8 is one line of 100 MB) is cut at the last space before this."""


class DataError(TinygradError, ValueError):
    """Data that cannot be read: no such file, not text, damaged, or nothing in it."""


def words(text: str) -> list[str]:
    """The words of ``text`` in lower case: letters first, then letters, digits and underscores; inner apostrophes stay.

    >>> words("The list's 2nd item isn't sys.argv[1].")
    ['the', "list's", 'nd', 'item', "isn't", 'sys', 'argv']
    """
    return _WORD.findall(text.lower().replace("’", "'"))


def sentences(lines: Iterable[str]) -> Iterator[list[str]]:
    """The words of each sentence. A line never holds part of a sentence that the next one continues.

    >>> list(sentences(["One is odd. Two is even!", "", "Three"]))
    [['one', 'is', 'odd'], ['two', 'is', 'even'], ['three']]
    """
    for line in lines:
        for sentence in _SENTENCE_END.split(line):
            found = words(sentence)
            if found:
                yield found


def lines_as_sentences(lines: Iterable[str]) -> Iterator[list[str]]:
    """The words of each line: for text that has one sentence, or one document, a line.

    >>> list(lines_as_sentences(["One is odd. Two is even!", "", "Three"]))
    [['one', 'is', 'odd', 'two', 'is', 'even'], ['three']]
    """
    for line in lines:
        found = words(line)
        if found:
            yield found


def text_lines(path: str | Path) -> Iterator[str]:
    """The lines of a text file, read as they are asked for, so that the file may be larger than memory.

    path  a file in UTF-8; ``.gz`` and ``.xz`` are unpacked; ``-`` is standard input.

    Raises DataError that names the file if it is missing, a folder, not readable, not UTF-8, no text, or damaged.
    """
    with _opened(path) as stream:
        rest = ""
        while piece := stream.readline(LONGEST_LINE):
            if "\0" in piece:
                raise DataError(f"{_name(path)}: holds NUL characters: no text, or text in UTF-16, to be converted")
            piece = rest + piece
            rest = ""
            if len(piece) >= LONGEST_LINE and not piece.endswith("\n"):
                cut = piece.rfind(" ") + 1
                # A "word" as long as the limit is no word; keeping it would let memory grow without end.
                piece, rest = (piece[:cut], piece[cut:]) if cut else (piece, "")
            yield piece
        if rest:
            yield rest


def _name(path):
    return "standard input" if str(path) == "-" else str(path)


@contextmanager
def _opened(path):
    name = _name(path)
    suffix = Path(path).suffix.lower()
    try:
        if str(path) == "-":
            # Not sys.stdin itself: its encoding depends on the locale, and a corpus should not.
            yield io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig")
        else:
            opener = {".gz": gzip.open, ".xz": lzma.open}.get(suffix, open)
            with opener(path, "rt", encoding="utf-8-sig", newline=None) as stream:
                yield stream
    except FileNotFoundError:
        raise DataError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"{name}: a folder; give the text files in it") from None
    except PermissionError:
        raise DataError(f"{name}: not readable with your permissions") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}: not UTF-8 text ({error.reason}); convert it: iconv -f LATIN1 -t UTF-8 FILE > NEW"
        ) from None
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{name}: not a complete {suffix} file ({error})") from None
    except OSError as error:  # a file where a folder is meant, a name too long, a disk that fails
        raise DataError(f"{name}: not readable ({error.strerror or error})") from None
