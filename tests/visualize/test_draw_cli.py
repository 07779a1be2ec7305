"""``tinygrad-nlp draw``: its words, its files, its exit codes."""

import json

import pytest

from tinygrad_nlp.cli import main


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        code = main(["draw", *map(str, argv)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.mark.parametrize(("example", "nodes"), [("network", 12), ("skipgram", 11), ("softmax", 15), ("parser", 13)])
def test_examples(run, tmp_path, example, nodes):
    code, out, err = run(example)
    assert (code, err) == (0, "")
    assert f"drawing of {nodes} nodes" in out
    picture = (tmp_path / f"{example}.svg").read_text(encoding="utf-8")
    assert picture.startswith("<") and "<svg" in picture


def test_views_and_formats(run, tmp_path):
    code, out, _ = run("network", "--view", "backward", "--out", "back.html", "--json")
    assert code == 0
    said = json.loads(out)
    assert said["file"] == "back.html"
    assert "gradient of W1" in (tmp_path / "back.html").read_text(encoding="utf-8")
    assert run("network", "--view", "forward", "--out", "n.dot", "--no-values", "--title", "Mine")[0] == 0
    source = (tmp_path / "n.dot").read_text(encoding="utf-8")
    assert "Mine" in source
    assert "not yet" not in source
    assert run("parser", "--view", "forward", "--depth", "0", "--fold", "--out", "p.html")[0] == 0
    assert "ParserNetwork" in (tmp_path / "p.html").read_text(encoding="utf-8")
    assert run("network", "--out", "n.svg", "--engine", "builtin")[0] == 0
    assert "gradient, backward" in (tmp_path / "n.svg").read_text(encoding="utf-8")


def test_a_function_of_the_user_and_what_cannot_be_drawn(run, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from tinygrad_nlp import Tensor\n"
        "def loss():\n"
        "    x = Tensor([1.0, 2.0], requires_grad=True, name='<x>')\n"
        "    return (x * x).sum()\n"
        "def vector():\n"
        "    return Tensor([1.0, 2.0], requires_grad=True) * 2.0\n"
    )
    assert run("mine.py:loss", "--engine", "builtin")[0] == 0
    assert "<title>loss</title>" in (tmp_path / "loss.svg").read_text(encoding="utf-8")  # headed by the function
    assert "&lt;x&gt;" in (tmp_path / "loss.svg").read_text(encoding="utf-8")
    assert run("mine.py:vector", "--view", "forward")[0] == 0
    for argv, message in (
        (["mine.py:lost"], "mine.py has no function 'lost'; it has loss, vector"),
        (["mine.py:vector"], "expected one number (a loss)"),
        (["mine.py:vector", "--view", "backward"], "expected a loss: one number"),
        (["absent.py:loss"], "absent.py: no such file"),
        (
            ["netwrok"],
            "no example 'netwrok'; there are network, skipgram, softmax, parser, or a function: FILE.py:function",
        ),
        (["network", "--out", "page.jpg"], "expected .svg, .html, .dot, .png, .pdf"),
        (["network", "--out", "."], "a folder, .; expected .svg, .html, .dot, .png, .pdf; write instead: save("),
        (["network", "--depth", "-1"], "expected None or a whole number of at least 0"),
        (["network", "--view", "sideways"], "invalid choice: 'sideways'"),
    ):
        code, _, err = run(*argv)
        assert code == 2, argv
        assert message in err
        assert "Traceback" not in err
