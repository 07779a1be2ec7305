"""Trees as text, and the examples in the docstrings of the parser's modules."""

import doctest
import importlib
from pathlib import Path

import pytest
import tinygrad_nlp.models.parser as package
from tinygrad_nlp.models.parser import Sentence, generate, tree_text

NAMES = sorted(path.stem for path in Path(package.__file__).parent.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", NAMES)
def test_examples_in_docstrings(name):
    module = importlib.import_module(f"{package.__name__}.{name}")
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


def test_a_tree_line_by_line():
    sentence = Sentence.from_words(["a", "b", "c", "d"], ["X"] * 4, [2, 0, 4, 2], ["p", "root", "q", "r"])
    assert tree_text(sentence).splitlines() == [
        "  ┌───── a  X  p",
        "──┼───── b  X  root",
        "  │  ┌── c  X  q",
        "  └──┴── d  X  r",
    ]


def test_a_crossing_arc_names_its_head():
    sentence = Sentence.from_words(list("abcd"), ["X"] * 4, [3, 4, 0, 3], ["p", "q", "root", "r"])
    lines = tree_text(sentence).splitlines()
    assert lines[1].endswith("b  X  q  (head: 4 d)") and lines[2].endswith("root  (head: 0 ROOT)")
    assert "head" not in lines[3]


def heads_from(text):
    """The heads that a reader sees: from a line's corner along the upright to the word joined to it."""
    lines, heads = text.splitlines(), []
    for i, line in enumerate(lines):
        corner = max(line.rfind(c) for c in "┌├└")
        if corner < 0 or line.startswith("─"):
            heads.append(0)
            continue
        for step in {"┌": [1], "└": [-1], "├": [1, -1]}[line[corner]]:
            j = i + step
            while 0 <= j < len(lines) and lines[j][corner] in "│├":
                j += step
            if 0 <= j < len(lines) and lines[j][corner] in "┼┴┬":
                heads.append(j + 1)
                break
    return heads


def test_the_drawing_can_be_read_back():
    for made in generate(60, seed=9):
        assert heads_from(tree_text(made.sentence)) == made.sentence.heads
