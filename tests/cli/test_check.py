"""`check` of what a user's file holds: an op, a loss, a Module, gradients worked out by hand."""

import json
import sys

import pytest

MINE = """
import numpy as np
import tinygrad_nlp as tg
from tinygrad_nlp import Tensor, compare_by_hand, nn, op

rng = np.random.default_rng(0)
X, TARGETS = rng.normal(size=(5, 4)), np.array([0, 1, 2, 0, 1])
OUTSIDE = Tensor(rng.normal(size=(4, 3)), requires_grad=True, name="outside", dtype=np.float32)


@op
class relu_of_the_file:
    def forward(x):
        return np.maximum(x, 0)
    def vjp_x(g, out, x):
        return g


def right():
    W = Tensor([[0.1, -0.2, 0.3]] * 4, requires_grad=True, name="W")
    return tg.cross_entropy(tg.dropout(tg.tanh(X @ W), 0.3), TARGETS)


def outside():
    import neighbour_of_check
    return (tg.tanh(X @ OUTSIDE) ** neighbour_of_check.TWO).mean()


def cut_off():
    W = Tensor(np.ones((4, 3)), requires_grad=True)
    h = tg.tanh(X @ W)
    return (h * h.detach()).mean()


class Right(nn.Module):
    def __init__(self):
        self.table = nn.Embedding(10, 4)
        self.drop = nn.Dropout(0.4)
        self.out = nn.Linear(4, 2)
    def forward(self, index):
        return self.out(self.drop(self.table(index).mean(1)))


class Wrong(nn.Module):
    def __init__(self):
        self.hidden = nn.Linear(4, 8)
        self.out = nn.Linear(8, 3)
    def forward(self, x):
        return self.out(relu_of_the_file(self.hidden(x)))


class Odd(nn.Module):
    def forward(self, x):
        return x.reshape(7, 11, 13)


model = Wrong()


def by_hand(slip=True):
    x, W = Tensor(X), Tensor(np.ones((4, 3)) * X[0, :, None], requires_grad=True)
    loss = tg.mse(tg.tanh(x @ W), np.ones((5, 3)))
    h = np.tanh(x.data @ W.data)
    return compare_by_hand(loss, W=x.data.T @ (2 * (h - 1) / 15 * (1 - (h if slip else h * h))))


def by_hand_right():
    return by_hand(slip=False)


def three():
    return 3


def needs(x):
    return x
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "neighbour_of_check.py").write_text("TWO = 2.0\n")
    (tmp_path / "mine_to_check.py").write_text(MINE)
    yield tmp_path
    sys.modules.pop("neighbour_of_check", None)


@pytest.mark.parametrize(
    "name, names",
    [
        ("right", "W"),
        ("outside", "outside"),
        ("Right", "table.weight, out.weight, out.bias"),
        ("by_hand_right", "W"),
    ],
)
def test_what_is_right_passes_in_a_line(run, mine, name, names):
    code, out, err = run("check", f"mine_to_check.py:{name}")
    assert (code, out, err) == (0, f"mine_to_check.py:{name}  right: {names}\n", "")


@pytest.mark.parametrize(
    "name, words",
    [
        (
            "relu_of_the_file",
            [
                "WRONG at sample 0\n  asked       the gradient of relu_of_the_file (2, 3) with respect to x (2, 3)\n",
                "  where       vjp_x of the op relu_of_the_file\n",
                "  got         1 at ",
                "  expected    0, by central differences\n",
                "  mistake     missing mask: 2 of 6 elements get a gradient although they have no influence there\n",
                "  write       g * mask",
            ],
        ),
        (
            "Wrong",
            [
                "WRONG: hidden.weight, hidden.bias, input (checked: hidden.weight, hidden.bias, out.weight, out.bias, ",
                "with respect to hidden.weight (8, 4)",
                "missing mask: the rule of relu_of_the_file for its argument x (used at mine_to_check.py:",
            ],
        ),
        ("model", ["WRONG: hidden.weight, hidden.bias, input"]),
        ("cut_off", ["detached branch: the argument y of mul at mine_to_check.py:", "the ops of tinygrad_nlp on"]),
        (
            "by_hand",
            ["WRONG: W", "worked out by hand", "the factor `out` is missing in `g * (1 - out * out)` (in tanh"],
        ),
    ],
)
def test_what_is_wrong_ends_with_code_1_and_five_parts(run, mine, name, words):
    code, out, err = run("check", f"mine_to_check.py:{name}")
    assert code == 1 and err == ""
    for text in words:
        assert text in out


def test_json_holds_the_verdicts(run, mine):
    code, out, _ = run("check", "tanh", "mine_to_check.py:cut_off", "--json")
    verdicts = json.loads(out)
    assert code == 1 and verdicts["tanh"].startswith("right on")
    assert "mistake: detached branch: " in verdicts["mine_to_check.py:cut_off"]


@pytest.mark.parametrize(
    "name, words",
    [
        ("three", "mine_to_check.py:three returned int; expected an op (a class with @op above it), a Module, or a "),
        ("needs", "mine_to_check.py:needs needs arguments: x; expected a function without, that returns the loss; "),
        ("Odd", "mine_to_check.py:Odd takes inputs of a shape that cannot be guessed; expected an op"),
        ("lost", "mine_to_check.py has no op 'lost'; it has "),
    ],
)
def test_what_cannot_be_checked_is_one_line(run, mine, name, words):
    code, out, err = run("check", f"mine_to_check.py:{name}")
    assert code == 2 and out == "" and err.startswith(f"tinygrad-nlp: {words}") and err.count("\n") == 1


def test_leaves_outside_keep_their_numbers_and_type(mine):
    from tinygrad_nlp.cli import user_file
    from tinygrad_nlp.diagnosis import check_loss

    with user_file.named("mine_to_check.py:outside") as (function, held):
        before = held["OUTSIDE"].data
        assert check_loss(function).faults == []
        assert held["OUTSIDE"].data is before and held["OUTSIDE"].grad is None
