"""The README's code runs as it stands, and what it shows of the source and of the command line is what is there."""

import inspect
import re
from pathlib import Path

import numpy as np

from tinygrad_nlp import registry
from tinygrad_nlp.cli import main

README = Path(__file__).parent.parent / "README.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.S)


def test_the_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    examples = [code for code in blocks("python") if "class softmax" not in code]
    names = {}
    for code in examples:
        exec(compile(code, "README.md", "exec"), names)
    registry.pop("cube")
    shapes, second, checked = capsys.readouterr().out.splitlines()
    assert shapes == "(5, 16) (16, 3)"
    assert abs(float(second) + 2 * np.tanh(0.5) / np.cosh(0.5) ** 2) < 1e-12  # tanh'' = -2 tanh / cosh²
    trained = names["cross_entropy"](names["model"](names["x"].astype(np.float32)), names["target"])
    assert trained.item() < 0.2 and checked == "True"
    assert (tmp_path / "graph.svg").stat().st_size > 1000 and (tmp_path / "model.safetensors").exists()


def test_the_softmax_shown_is_the_softmax_run():
    def lines(text):
        return [" ".join(line.split("#")[0].split()) for line in text.splitlines() if line.split("#")[0].strip()]

    [shown] = [code for code in blocks("python") if "class softmax" in code]
    op = registry["softmax"]
    source = lines(inspect.getsource(op.forward)) + lines(inspect.getsource(op.rules[0]))
    assert [line for line in lines(shown) if line not in ("@op", "class softmax:")] == source


def test_the_formula_shown_is_the_formula_printed(capsys):
    [shown] = [text for text in blocks("text") if text.startswith("$ tinygrad-nlp formula")]
    command, expected = shown.split("\n", 1)
    assert main(command.split()[2:]) in (0, None)
    assert capsys.readouterr().out.strip() == expected.strip()


def test_no_placeholder_is_left():
    assert not re.search(r"@[A-Z]{2,}@|TODO|FIXME", README.read_text(encoding="utf-8"))
