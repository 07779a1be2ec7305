"""The embedded corpus: the documentation text that ships with every Python.

Two sources: ``pydoc_data.topics``, what ``help("topic")`` shows, and the docstrings of the standard library, read
from its source files without importing or running any of them. Both are in the interpreter's own folder, so
there is real English to train on with nothing to download.
"""

from __future__ import annotations

import ast
import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .text import DataError, sentences

MOST_WORDS = 300_000
"""Enough for neighbours that make sense, little enough to train on while a class waits."""

# Tests and their data, programs rather than libraries, and what others installed beside the library.
_LEFT_OUT = frozenset(
    [
        "test",
        "tests",
        "idle_test",
        "idlelib",
        "turtledemo",
        "lib2to3",
        "distutils",
        "ensurepip",
        "pydoc_data",
        "site-packages",
        "dist-packages",
        "lib-dynload",
        "__pycache__",
    ]
)
_DEFINITIONS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_PROMPT = re.compile(r"^\s*(>>>|\.\.\. |\.\.\.$)")
_RULE = re.compile(r"^[\s*=+|^~\"'`#-]+$")  # a line that only underlines a heading or borders a table


@dataclass(frozen=True)
class Documentation:
    """sentences  the words of each sentence, in a fixed order for one Python version
    source     in words: what was found, for the user to read
    notes      what is missing from this interpreter, and what that means
    """

    sentences: list[list[str]]
    source: str
    notes: tuple[str, ...] = ()

    def __len__(self):
        return sum(map(len, self.sentences))


def python_documentation(most_words: int = MOST_WORDS, library: Path | None = None) -> Documentation:
    """Python's documentation as sentences: the help topics, then docstrings, up to ``most_words`` words.

    library  the folder of the standard library's sources; found by itself.

    Raises DataError where the interpreter has neither (its sources stripped).
    """
    notes, parts = [], []
    found: list[list[str]] = []
    topics = _topics()
    for text in topics:
        found += _sentences_of(text)
    room = most_words - sum(map(len, found))
    if topics:
        parts.append(f"{len(topics)} help topics")
    else:
        notes.append("this Python has no pydoc_data (the help topics), so the corpus is docstrings alone")

    documented = 0
    seen = set()
    for text in _docstrings(library or Path(sysconfig.get_paths()["stdlib"])):
        if text in seen:  # the same sentence copied to forty methods would outweigh everything else
            continue
        seen.add(text)
        block = _sentences_of(text)
        room -= sum(map(len, block))
        if room < 0:
            break
        documented += 1
        found += block
    if documented:
        parts.append(f"{documented:,} docstrings of the standard library")
    else:
        notes.append("the standard library's sources are not there, so the corpus is help topics alone")
    if not found:
        raise DataError(
            "this Python carries neither help topics nor library sources, so there is no embedded text; "
            "give a text file: tinygrad-nlp train skipgram FILE"
        )
    return Documentation(found, f"Python's own documentation: {' and '.join(parts)}", tuple(notes))


def _topics() -> list[str]:
    try:
        from pydoc_data.topics import topics
    except ImportError:
        return []
    return [topics[name] for name in sorted(topics)]


def _docstrings(library: Path) -> Iterator[str]:
    """Docstrings of every definition, file by file in sorted order: the order must not depend on the disk."""
    for path in sorted(library.rglob("*.py"), key=lambda p: p.relative_to(library).parts):
        parts = path.relative_to(library).parts
        # A module like _pyio documents again what io does, mostly by doctest.
        if _LEFT_OUT.intersection(parts) or parts[0].startswith(("_", "config-")):
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue
        for definition in _definitions(tree):
            if text := ast.get_docstring(definition):
                yield text


def _definitions(node) -> Iterator[ast.AST]:
    """Every module, class and function below ``node``, in the order of the source.

    Only statements are visited: `ast.walk` would spend most of its time inside expressions.
    """
    if isinstance(node, _DEFINITIONS):
        yield node
    for block in ("body", "handlers", "orelse", "finalbody"):
        for child in getattr(node, block, ()):
            yield from _definitions(child)


def _sentences_of(text: str) -> list[list[str]]:
    """Sentences of a text whose paragraphs are set apart by blank lines; lines typed at a prompt are not English."""
    lines = [line for line in text.split("\n") if not _PROMPT.match(line)]
    paragraphs, current = [], []
    for line in lines:
        if line.strip() and not _RULE.match(line):
            current.append(line.strip())
        elif current:
            paragraphs.append(" ".join(current))
            current = []
    paragraphs.append(" ".join(current))
    return list(sentences(paragraphs))
