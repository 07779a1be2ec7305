"""Runs a tutorial: its Python cells in order, as a notebook would, and what each shows.

    python -m tests.docs.tutorials            # write the outputs and pictures of docs/tutorials anew
    python -m tests.docs.tutorials 3          # of the third only

A cell is a fence of ``python``; the fence of ``text`` that follows it holds what it prints and the value of its last
line; a Markdown image that follows holds the picture which is that value. A fence of ``py`` is code to look at.
"""

from __future__ import annotations

import ast
import io
import linecache
import re
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from tinygrad_nlp import registry

FOLDER = Path(__file__).parent.parent.parent / "docs" / "tutorials"
CELL = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?P<said>\n```text\n(?P<text>.*?)^```\n)?(?P<shown>\n!\[[^\]]*\]\((?P<image>[^)]+)\)\n)?",
    re.M | re.S,
)


@dataclass
class Cell:
    """A code cell: what the file says it prints (``text``) and shows (``image``), and what it did."""

    line: int
    code: str
    text: str
    image: str
    printed: str = ""
    picture: str = ""


def paths() -> list[Path]:
    """The tutorials, in order."""
    return sorted(FOLDER.glob("[0-9]*.md"))


def run(path: Path) -> list[Cell]:
    """The tutorial's cells after all have run in one namespace; an error says which cell raised it."""
    source = path.read_text(encoding="utf-8")
    names, known = {"__name__": "__main__"}, set(registry)
    cells = []
    try:
        for found in CELL.finditer(source):
            line = source[: found.start("code")].count("\n") + 1
            cell = Cell(line, found["code"], found["text"] or "", found["image"] or "")
            try:
                cell.printed, cell.picture = execute(cell.code, names, f"<{path.name}, cell {len(cells) + 1}>")
            except Exception as error:
                raise RuntimeError(f"{path.name}, the cell at line {line}") from error
            cells.append(cell)
    finally:
        for name in set(registry) - known:  # a tutorial's own ops
            del registry[name]
    return cells


def execute(code: str, names: dict, place: str) -> tuple[str, str]:
    """(what is printed, the picture as SVG) by a cell that is run in ``names``."""
    linecache.cache[place] = (len(code), None, code.splitlines(keepends=True), place)  # for inspect.getsource
    tree = ast.parse(code, place)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    said, value = io.StringIO(), None
    with redirect_stdout(said):
        exec(compile(tree, place, "exec"), names)  # noqa: S102
        if last is not None:
            value = eval(compile(ast.Expression(last.value), place, "eval"), names)  # noqa: S307
        if value is not None and not hasattr(value, "svg"):
            print(repr(value))
    return "\n".join(line.rstrip() for line in said.getvalue().splitlines()), as_svg(value)


def as_svg(value) -> str:
    """The picture that a cell shows; '' if it shows none. Lines of code, and so of this machine, are left out."""
    if not hasattr(value, "svg"):
        return ""
    if not hasattr(value, "graph"):
        return value.svg()
    for node in value.graph.nodes.values():
        node.made_at = ""
    return value.svg(engine="builtin")


def written(path: Path) -> tuple[str, dict[Path, str]]:
    """The tutorial with its cells' outputs as they are now, and its pictures."""
    cells, pictures = iter(run(path)), {}

    def again(found):
        cell = next(cells)
        if cell.image and cell.picture:
            pictures[path.parent / cell.image] = cell.picture
        text = f"\n```text\n{cell.printed}\n```\n" if cell.printed else ""
        return f"```python\n{found['code']}```\n{text}{found['shown'] or ''}"

    return CELL.sub(again, path.read_text(encoding="utf-8")), pictures


def main(chosen=""):
    for path in paths():
        if chosen and path.name[0] not in chosen:
            continue
        text, pictures = written(path)
        path.write_text(text, encoding="utf-8")
        for image, picture in pictures.items():
            image.parent.mkdir(exist_ok=True)
            image.write_text(picture, encoding="utf-8")
        print(path.name, len(pictures), "pictures")


if __name__ == "__main__":
    main("".join(sys.argv[1:]))
