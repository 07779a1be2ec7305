"""The tutorials run as they stand, and what they show is what their cells print and draw."""

import json
import re
from xml.etree import ElementTree

import pytest

from tinygrad_nlp import registry

from . import tutorials

AGAIN = "write it again: python -m tests.docs.tutorials"


@pytest.mark.parametrize("path", tutorials.paths(), ids=lambda path: path.stem)
def test_a_tutorial_shows_what_its_cells_do(path):
    known = set(registry)
    cells = tutorials.run(path)
    assert set(registry) == known
    assert len(cells) >= 15
    for cell in cells:
        assert cell.printed == cell.text.rstrip("\n"), f"the cell at line {cell.line}; {AGAIN}"
        assert bool(cell.picture) == bool(cell.image), f"the cell at line {cell.line} shows a picture or claims one"
        if cell.image:
            kept = (path.parent / cell.image).read_text(encoding="utf-8")
            assert alike(cell.picture, kept), f"{cell.image}; {AGAIN}"


def alike(made, kept):
    """True if two pictures say the same: all their words and numbers. Where they stand is visualize's own affair."""
    return words_of(made) == words_of(kept)


def words_of(svg):
    parts = [e for e in ElementTree.fromstring(svg).iter() if not e.tag.endswith("style")]
    return sorted(text.strip() for e in parts for text in (e.text, e.tail) if text and text.strip())


def test_there_are_six_with_exercises_solutions_and_a_way_on():
    titles = [path.read_text("utf-8").splitlines()[0] for path in tutorials.paths()]
    assert [title[2] for title in titles] == list("123456")
    for path in tutorials.paths():
        text = path.read_text("utf-8")
        exercises = text.split("\n## Exercises\n")[1].split("\n## Solutions\n")[0]
        solutions = text.split("\n## Solutions\n")[1]
        asked, solved = (re.findall(r"^\*\*(\d)\.\*\*", part, re.M) for part in (exercises, solutions))
        assert asked == solved and len(asked) >= 3, path.name
        assert "wrong" in exercises.lower() or "WRONG" in exercises  # an answer that is explained
        for target in re.findall(r"\]\(((?!http)[^)#]+)", text):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_all_pictures_are_shown_somewhere():
    shown = {
        image for path in tutorials.paths() for image in re.findall(r"\]\((images/[^)]+)", path.read_text("utf-8"))
    }
    kept = {f"images/{p.name}" for p in (tutorials.FOLDER / "images").iterdir()}
    assert shown == kept


def test_the_index_names_every_page():
    docs = tutorials.FOLDER.parent
    for index in (docs / "README.md", tutorials.FOLDER / "README.md"):
        text = index.read_text("utf-8")
        for target in re.findall(r"\]\(((?!http)[^)#]+)", text):
            assert (index.parent / target).exists(), f"{index}: {target}"
    listed = (tutorials.FOLDER / "README.md").read_text("utf-8")
    assert all(path.name in listed for path in tutorials.paths())


@pytest.mark.parametrize("path", tutorials.paths(), ids=lambda path: path.stem)
def test_they_open_as_notebooks(path):
    jupytext = pytest.importorskip("jupytext")
    text = path.read_text("utf-8")
    notebook = json.loads(jupytext.writes(jupytext.reads(text, fmt="md"), fmt="ipynb"))
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code == [found["code"].rstrip("\n") for found in tutorials.CELL.finditer(text)]


def test_a_cell_is_a_cell_and_a_wrong_output_is_seen(tmp_path):
    path = tmp_path / "9-short.md"
    path.write_text("# 9\n\n```python\nx = 2\nx * 3\n```\n\n```text\n7\n```\n\n```py\nno cell\n```\n", encoding="utf-8")
    [cell] = tutorials.run(path)
    assert (cell.printed, cell.text, cell.image) == ("6", "7\n", "")
    text, pictures = tutorials.written(path)
    assert "```text\n6\n```" in text and pictures == {}
    path.write_text("```python\n1 / 0\n```\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match="9-short.md, the cell at line 2"):
        tutorials.run(path)


def test_pictures_are_compared_by_what_they_say():
    drawn = "<svg><text x='{}'>{}</text></svg>"
    assert alike(drawn.format(1, "0.5"), drawn.format(2, "0.5"))
    assert not alike(drawn.format(1, "0.5"), drawn.format(1, "0.6"))
