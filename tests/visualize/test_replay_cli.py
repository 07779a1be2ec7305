"""``tinygrad-nlp replay``: its words, its files, its exit codes."""

import json

import pytest

from tinygrad_nlp.cli import main


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        code = main(["replay", *map(str, argv)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.mark.parametrize(
    "example, steps",
    [
        ("network", "6 forward and 9"),
        ("skipgram", "9 forward and 11"),
        ("softmax", "14 forward and 17"),
        ("parser", "6 forward and 10"),
    ],
)
def test_examples(run, tmp_path, example, steps):
    code, out, err = run(example)
    assert code == 0 and err == "" and f"replay of {steps} backward steps" in out
    page = (tmp_path / f"replay-{example}.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and len(page) < 100_000


def test_a_function_of_the_user(run, tmp_path):
    (tmp_path / "neighbour.py").write_text("factor = 3.0\n")
    (tmp_path / "mine.py").write_text(
        "from tinygrad_nlp import Tensor\n"
        "from neighbour import factor\n"
        "def loss():\n"
        "    x = Tensor([1.0, 2.0], requires_grad=True, name='x')\n"
        "    return (x * x * factor).sum()\n"
        "def number():\n"
        "    return 1.0\n"
    )
    code, out, _ = run("mine.py:loss", "--out", "page.html", "--title", "Mine", "--json")
    assert code == 0 and json.loads(out) == {"file": "page.html", "steps": 9, "wrong": []}
    assert "<title>Mine</title>" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert run("mine.py:loss")[0] == 0
    assert "<title>loss</title>" in (tmp_path / "replay-loss.html").read_text(encoding="utf-8")
    for argv, message in (
        (["mine.py:lost"], "mine.py has no function 'lost'; it has loss, number"),
        (["mine.py:number"], "number() returned float; expected the loss, a Tensor"),
        (["absent.py:loss"], "absent.py: no such file"),
        (
            ["netwrok"],
            "no example 'netwrok'; there are network, skipgram, softmax, parser, or a function: FILE.py:function",
        ),
        (["network", "--out", "page.txt"], "expected .html"),
    ):
        code, out, err = run(*argv)
        assert code == 2 and message in err and "Traceback" not in err


def test_a_wrong_rule_is_the_exit_code(run, tmp_path):
    (tmp_path / "faulty.py").write_text(
        "import numpy as np\n"
        "from tinygrad_nlp import Tensor\n"
        "from tinygrad_nlp.op import Op\n"
        "class body:\n"
        "    'exp, with a sign lost.'\n"
        "    def forward(x):\n"
        "        return np.exp(x)\n"
        "    def vjp_x(g, out, x):\n"
        "        return -g * out\n"
        "wrong = Op('exp_with_a_slip', body.forward, (body.vjp_x,), body)\n"
        "def loss():\n"
        "    return wrong(Tensor([1.0], requires_grad=True)).sum()\n"
    )
    code, out, _ = run("faulty.py:loss")
    assert code == 1 and "WRONG by finite differences: exp_with_a_slip" in out
