"""FILE.py:NAME, the same for every command that takes one."""

import json
import sys

import pytest

from tinygrad_nlp import registry
from tinygrad_nlp.ops import softmax

MINE = """
from __future__ import annotations
import dataclasses
import numpy as np
from tinygrad_nlp import Tensor, op
from tinygrad_nlp.samples import normal, sample
from neighbour_of_mine import FACTOR


@dataclasses.dataclass
class Settings:
    size: int = 2


@op
class cubed_of_mine:
    "x · x · x, elementwise."
    def forward(x):
        return x * x * x
    def vjp_x(g, out, x):
        return g * 3 * x * x


@op
class cubed_with_a_slip:
    def forward(x):
        return x * x * x
    def vjp_x(g, out, x):
        return g * 2 * x * x


@op
class product_of_mine:
    def forward(x, y):
        return x @ y
    def vjp_x(g, out, x, y):
        return g @ y.T
    def vjp_y(g, out, x, y):
        return x.T @ g
    if {declared}:
        samples = (sample(normal(3, 4), normal(4, 2)),)


def loss():
    x = Tensor(np.ones(Settings().size), requires_grad=True, name="x")
    return (cubed_of_mine(x) * FACTOR).sum()


def scaled(x, *, by, twice=False):
    return (x * by).sum()


def misfit():
    return Tensor(np.ones(3)) @ Tensor(np.ones(2))


number = 3
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "neighbour_of_mine.py").write_text("FACTOR = 2.0\n")
    (tmp_path / "mine.py").write_text(MINE.replace("{declared}", "False"))
    before = dict(registry)
    yield tmp_path
    sys.modules.pop("neighbour_of_mine", None)
    registry.clear()
    registry.update(before)


COMMANDS = [["draw", "--out", "out.svg"], ["replay", "--out", "out.html"], ["formula"]]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c[0])
def test_a_function_of_the_users_file(run, mine, command):
    before = list(sys.path), "mine" in sys.modules
    code, _, err = run(command[0], "mine.py:loss", *command[1:])
    assert (code, err) == (0, "")
    assert (sys.path, "mine" in sys.modules) == before


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c[0])
@pytest.mark.parametrize(
    "place, message",
    [
        ("mine.py:lost", "mine.py has no function 'lost'; it has Settings, cubed_of_mine, cubed_with_a_slip, "),
        ("mine.py:number", "mine.py has no function 'number'; it has "),
        ("mine.py:", "mine.py:: name the function too, as in mine.py:my_loss"),
        ("mine.py", "mine.py: name the function too, as in mine.py:my_loss"),
        ("absent.py:loss", "absent.py: no such file"),
        ("notes.txt:loss", "notes.txt is no Python file; expected FILE.py:function"),
        (
            "mine.py:scaled",
            "mine.py:scaled needs arguments: x, by; expected a function without, that returns the loss; write one "
            "beside it: def my_loss(): return scaled(x, by)",
        ),
        ("mine.py:cubed_of_mine", "mine.py:cubed_of_mine needs arguments: x; expected a function without"),
        ("mine.py:Settings", "Settings() returned Settings; expected the loss, a Tensor"),
    ],
)
def test_what_is_no_function_that_can_be_called_is_one_line(run, mine, command, place, message):
    (mine / "notes.txt").write_text("")
    code, out, err = run(command[0], place, *command[1:])
    assert code == 2 and out == "" and err.count("\n") == 1
    assert err.startswith(f"tinygrad-nlp: {message}")


def test_an_error_inside_the_users_file_names_the_users_line(run, mine):
    code, _, err = run("formula", "mine.py:misfit")
    line = MINE.split("\n").index("    return Tensor(np.ones(3)) @ Tensor(np.ones(2))") + 1
    assert code == 2 and "inner dimensions 3 and 2 differ" in err
    assert f"mine.py:{line} in misfit" in err


@pytest.mark.parametrize("command", [*COMMANDS, ["check"]], ids=lambda c: c[0])
@pytest.mark.parametrize(
    "text, last",
    [
        ("def loss():\n    return 1 / 0\n", "ZeroDivisionError: division by zero"),
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def loss(:\n", "SyntaxError: invalid syntax"),
    ],
)
def test_a_file_that_fails_shows_its_own_lines_alone_and_is_no_wrong_gradient(run, mine, command, text, last):
    (mine / "fails.py").write_text(text)
    code, out, err = run(command[0], "fails.py:loss", *command[1:])
    lines = err.splitlines()
    assert code == 2 and out == "" and lines[0] == "tinygrad-nlp: your file failed" and lines[-1] == last
    assert [line for line in lines if line.startswith('  File "') and "fails.py" not in line] == []


def test_an_error_of_our_own_keeps_its_traceback(run, mine, monkeypatch):
    monkeypatch.setattr("tinygrad_nlp.cli.check.check_function", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("check", "mine.py:loss")


def test_check_tells_the_parameters_of_layers_apart(run, mine):
    (mine / "net.py").write_text(
        "import numpy as np\n"
        "from tinygrad_nlp import cross_entropy, nn\n"
        "model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))\n"
        "def loss():\n"
        "    return cross_entropy(model(np.ones((4, 3))), np.array([0, 1, 1, 0]))\n"
    )
    code, out, _ = run("check", "net.py:loss")
    assert code == 0 and out == ("net.py:loss  right: model.0.weight, model.0.bias, model.1.weight, model.1.bias\n")


def test_check_takes_an_op_of_the_users_file(run, mine):
    code, out, _ = run("check", "mine.py:cubed_of_mine")
    assert code == 0 and out == "mine.py:cubed_of_mine  right on normal numbers of shape (2, 3)\n"
    code, out, _ = run("check", "mine.py:cubed_with_a_slip", "tanh", "--json")
    verdicts = json.loads(out)
    assert code == 1 and verdicts["mine.py:cubed_with_a_slip"].startswith("WRONG at sample 0")
    assert verdicts["tanh"].startswith("right on")


def test_check_says_when_an_op_needs_samples_and_uses_them(run, mine):
    code, _, err = run("check", "mine.py:product_of_mine")
    assert code == 2 and "product_of_mine declares no samples, and cannot be checked on normal numbers of shape" in err
    assert "samples = (sample(normal(3, 4), normal(3, 4)),), from tinygrad_nlp.samples import normal, sample" in err
    (mine / "mine.py").write_text(MINE.replace("{declared}", "True"))
    code, out, _ = run("check", "mine.py:product_of_mine")
    assert code == 0 and out == "mine.py:product_of_mine  right on 1 samples\n"


def test_explain_takes_an_op_of_the_users_file(run, mine):
    code, out, _ = run("explain", "mine.py:cubed_of_mine", "softmax")
    assert code == 0 and out.startswith("cubed_of_mine(x)\nx · x · x, elementwise.\n")
    assert softmax.derivation.source in " ".join(out.split())


@pytest.mark.parametrize("command", ["check", "explain"])
@pytest.mark.parametrize(
    "place, message",
    [
        ("mine.py:cubed", "mine.py has no op 'cubed'; it has "),
        ("mine.py", "mine.py: name the op too, as in mine.py:my_op"),
        ("sofmax", "no op 'sofmax'; did you mean softmax"),
        ("zzzzzz", "no op 'zzzzzz'; see: "),
    ],
)
def test_what_is_no_op_is_one_line(run, mine, command, place, message):
    code, out, err = run(command, place)
    assert code == 2 and out == "" and err.count("\n") == 1
    assert err.startswith(f"tinygrad-nlp: {message}")


def test_a_function_is_no_op_to_explain(run, mine):
    code, out, err = run("explain", "mine.py:loss")
    assert code == 2 and out == "" and err.count("\n") == 1
    assert err.startswith("tinygrad-nlp: mine.py:loss is a function; expected an op: a class with @op above it")
