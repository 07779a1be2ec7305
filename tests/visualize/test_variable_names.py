"""Pictures name tensors by the variables of the user's code, where `record_gradients` was on."""

import html
import json
import re

import numpy as np
import pytest
from tinygrad_nlp.visualize import collect, diff, draw, replay

from tinygrad_nlp import Tensor, record_gradients, relu, tanh
from tinygrad_nlp.cli import main

FILE = """
import numpy as np
from tinygrad_nlp import Tensor, relu

def layer(x, W):
    z = x @ W
    return relu(z)

def my_loss():
    x, W1 = Tensor(np.ones((2, 3))), Tensor(np.ones((3, 3)), requires_grad=True)
    W2 = Tensor(np.ones((3, 3)), requires_grad=True, name="decoder")
    h = layer(x, W1)
    scores = layer(h, W2)
    return scores.mean()
"""
NAMES = ["x", "W1", "decoder", "z@1", "h", "z@2", "scores"]


def parameter(*shape, name=None):
    return Tensor(np.linspace(-1.0, 1.0, int(np.prod(shape))).reshape(shape), requires_grad=True, name=name)


def titles(loss):
    return [node.title for node in collect(loss).nodes.values()]


def layer(x, W):
    z = x @ W
    return relu(z)


def test_a_function_in_the_users_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(FILE)
    for argv in (["draw"], ["draw", "--out", "g.dot"], ["replay"]):
        assert main([argv[0], "mine.py:my_loss", *argv[1:]]) == 0
    capsys.readouterr()
    svg = (tmp_path / "my_loss.svg").read_text(encoding="utf-8")
    dot = html.unescape((tmp_path / "g.dot").read_text(encoding="utf-8"))
    page = (tmp_path / "replay-my_loss.html").read_text(encoding="utf-8")
    for name in NAMES:
        assert re.search(rf">{name}<", svg) and re.search(rf">{name}<", dot) and f'"t":{json.dumps(name)}' in page
    assert ">matmul<" in svg  # the op stands below the name


def test_a_recorded_graph():
    x, W = Tensor(np.ones((2, 3))), parameter(3, 3)
    with record_gradients():
        h = tanh(x @ W)
        loss = h.sum()
    assert titles(loss) == ["x", "W", "matmul", "h", "loss"]
    assert [n["t"] for n in replay(loss).data["nodes"]] == ["x", "W", "x @ W", "h", "loss"]
    assert replay(loss).title == "loss" and h.name is None
    assert "gradient of h" in draw(loss, view="backward").svg(engine="builtin")


def test_a_given_name_wins():
    x, W = Tensor(np.ones((2, 3)), name="input"), parameter(3, 3)
    with record_gradients():
        h = x @ W
        h.name = "hidden"
        loss = h.sum()
    W.name = "weights"
    assert titles(loss) == ["input", "weights", "hidden", "loss"]


def test_what_a_loop_binds_again_is_numbered_as_in_the_journal():
    h, W = parameter(2, 3), parameter(3, 3)
    with record_gradients() as journal:
        for _ in range(3):
            h = layer(h, W)
        loss = h.sum()
    shown = titles(loss)
    assert shown[2:] == ["z@1", "h@1", "z@2", "h@2", "z@3", "h@3", "loss"] == journal.names()


def test_a_leaf_is_called_as_the_outermost_function_has_it():
    x, W1, W2 = Tensor(np.ones((2, 3))), parameter(3, 3), parameter(3, 3)
    with record_gradients():
        loss = layer(layer(x, W1), W2).sum()
    assert [t for t in titles(loss) if t.startswith("W")] == ["W1", "W2"]


def test_tensors_called_alike_are_marked():
    h = parameter(3, name="h")
    for _ in range(2):
        with record_gradients():  # each recording knows of one h
            h = h * 2.0
    loss = h.sum()
    assert titles(loss) == ["h", "h #2", "h #3", "sum"]


@pytest.mark.parametrize("picture", [collect, draw, replay])
def test_inside_of_the_recording_names_are_known_already(picture):
    W = parameter(3)
    with record_gradients():
        h = W * 2.0
        loss = h.sum()
        made = picture(loss)
    nodes = made.data["nodes"] if picture is replay else getattr(made, "graph", made).nodes.values()
    assert [n["t"] if picture is replay else n.title for n in nodes] == ["W", "h", "loss"]


def test_without_a_recording_nothing_is_named():
    W = parameter(3)
    h = W * 2.0
    loss = h.sum()
    assert titles(loss) == ["parameter", "mul", "sum"]


def test_to_rename_a_variable_changes_no_graph():
    W = parameter(3)
    with record_gradients():
        h = W * 2.0
        first = h.sum()
    with record_gradients():
        hidden = W * 2.0
        second = hidden.sum()
    assert diff(first, second).same
    first.name = "loss"
    assert [c.what for c in diff(first, second).of("changed")] == [("name loss → second",)]
