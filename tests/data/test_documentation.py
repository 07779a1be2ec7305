"""The corpus that every Python carries."""

import subprocess
import sys

import pytest

from tinygrad_nlp.data import DataError, documentation, encode, python_documentation


def test_the_embedded_corpus_is_english_of_the_promised_size():
    text = python_documentation(most_words=70_000)
    assert 50_000 < len(text) <= 70_000
    corpus = encode(text.sentences, 15)
    assert {"list", "tuple", "true", "false", "the"} <= set(corpus.vocabulary.words)
    assert text.source.startswith("Python's own documentation: ")


SMALL = """
from tinygrad_nlp.data import python_documentation
import hashlib
print(hashlib.sha256(repr(python_documentation(68_000).sentences).encode()).hexdigest())
"""


def test_the_embedded_corpus_is_the_same_in_every_process():
    found = {
        subprocess.run(
            [sys.executable, "-c", SMALL],
            env={"PYTHONPATH": ":".join(filter(None, sys.path)), "PYTHONHASHSEED": s},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for s in ("1", "2")
    }
    assert len(found) == 1


FIRST = '''
def f():
    """Inner words here."""
class A:
    if True:
        def g(self):
            "Nested deep."
def h():
    """Inner words here."""
'''

SECOND = '''
"""Second file. Ignore this:

>>> boom()
"""
raise SystemExit("was run")
'''


@pytest.fixture
def library(tmp_path):
    (tmp_path / "b.py").write_text(SECOND)
    (tmp_path / "a.py").write_text(FIRST)
    (tmp_path / "broken.py").write_text('"""never"""\ndef (')
    (tmp_path / "_private.py").write_text('"""never"""')
    for folder in ("test", "idlelib", "site-packages", "lib2to3"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.py").write_text('"""never"""')
    return tmp_path


def test_docstrings_are_read_in_file_order_without_running_anything(library, monkeypatch):
    monkeypatch.setattr(documentation, "_topics", list)
    text = python_documentation(library=library)
    expected = [["inner", "words", "here"], ["nested", "deep"], ["second", "file"], ["ignore", "this"]]
    assert text.sentences == expected


def test_a_missing_pydoc_data_is_said_and_docstrings_serve(library, monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)  # what import then finds is ImportError
    text = python_documentation(library=library)
    assert text.notes == ("this Python has no pydoc_data (the help topics), so the corpus is docstrings alone",)
    assert text.source == "Python's own documentation: 3 docstrings of the standard library"


def test_missing_sources_are_said_and_topics_serve(tmp_path):
    text = python_documentation(library=tmp_path)
    assert text.notes == ("the standard library's sources are not there, so the corpus is help topics alone",)
    assert len(text) > 20_000


def test_nothing_at_all_is_refused_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(documentation, "_topics", list)
    with pytest.raises(DataError, match="give a text file: tinygrad-nlp train skipgram FILE"):
        python_documentation(library=tmp_path)
