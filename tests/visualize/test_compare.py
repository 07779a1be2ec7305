"""`diff`: what it finds between two graphs, how it says so, and what its picture shows."""

import re
import time
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tinygrad_nlp.visualize import collect, diff, draw
from tinygrad_nlp.visualize.compare_svg import merged
from tinygrad_nlp.visualize.matching import matched

from tests.visualize.test_drawing import HOSTILE, SVG, hostile_loss
from tinygrad_nlp import OptionError, Tensor, record_gradients, relu, sigmoid, tanh
from tinygrad_nlp.modes import module_scope


def network(activation=sigmoid, *, size=4, scale=None, name="hidden", backward=False, factor=1.0):
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(2, 3)), name="x")
    w = Tensor(rng.normal(size=(3, 5))[:, :size] * factor, requires_grad=True, name="W")
    with record_gradients():
        hidden = activation(x @ w)
        hidden.name = name
        out = hidden * scale if scale else hidden
        loss = (out * out).sum()
        if backward:
            loss.backward()
    return loss


def said(difference, state):
    return {change.node.title: change.what for change in difference.of(state)}


def test_a_graph_does_not_differ_from_itself_or_its_twin():
    assert diff(network(), network()).same
    assert diff(network(backward=True), network(backward=True)).heading() == "0 added, 0 removed, 0 changed, 6 the same"


def test_another_activation_is_one_node_removed_and_one_added():
    found = diff(network(sigmoid), network(relu))
    assert [(c.state, c.node.op) for c in found.of("added") + found.of("removed")] == [
        ("added", "relu"),
        ("removed", "sigmoid"),
    ]
    assert {c.node.op for c in found.of("same")} == {"", "matmul"}


def test_an_op_put_in_between_is_added_and_its_reader_rewired():
    found = diff(network(), network(scale=2.0))
    assert list(said(found, "added")) == ["out"]
    assert not found.of("removed")
    assert "inputs: x was hidden, is out" in " ".join(sum(said(found, "changed").values(), ()))


def test_shapes_options_names_modules_and_dtypes():
    assert said(diff(network(size=4), network(size=5)), "changed")["W"] == ("shape (3, 4) → (3, 5)",)
    x = Tensor(np.ones((2, 2)), requires_grad=True)
    assert said(diff(x.sum(axis=1), x.sum(axis=0)), "changed") == {"sum": ("options axis=1 → axis=0",)}
    assert said(diff(network(), network(name="h")), "changed") == {"h": ("name hidden → h",)}
    x = Tensor([1.0, 2.0], requires_grad=True)
    with module_scope(None, "layer"):
        y = x * 2.0
    assert "module – → layer" in " ".join(sum(said(diff(x * 2.0, y), "changed").values(), ()))
    single, double = (Tensor(np.ones(2, t), requires_grad=True) for t in (np.float32, np.float64))
    assert said(diff(single * 1.0, double * 1.0), "changed")["mul"][0] == "dtype float32 → float64"


def test_values_by_the_largest_difference_and_large_arrays_by_their_norm():
    found = said(diff(Tensor([1.0, 2.0, 4.0]), Tensor([1.0, 2.5, 4.25])), "changed")
    assert found == {"data": ("value: max |Δ| 0.5",)}
    big = np.zeros((200, 300))
    big[0, 0] = 3.0
    other = big.copy()
    other[0, 1] = 4.0
    assert said(diff(Tensor(big), Tensor(other)), "changed") == {"data": ("value: norm 3 → 5",)}
    assert diff(Tensor(big), Tensor(big.copy())).same


def test_what_is_not_finite():
    nan, inf = float("nan"), float("inf")
    assert said(diff(Tensor([1.0, 2.0]), Tensor([1.0, nan])), "changed") == {"data": ("value: 0 → 1 not finite",)}
    assert said(diff(Tensor([nan, 2.0]), Tensor([2.0, nan])), "changed") == {"data": ("value: NaN in other places",)}
    assert said(diff(Tensor([inf, 2.0]), Tensor([-inf, 2.0])), "changed") == {"data": ("value: max |Δ| ∞",)}
    assert diff(Tensor([nan, inf]), Tensor([nan, inf])).same


def test_gradients_by_state_and_by_value():
    found = said(diff(network(), network(backward=True)), "changed")
    assert found["W"] == ("gradient not yet → known",)
    a, b = network(backward=True), network(backward=True, factor=2.0)
    found = said(diff(a, b), "changed")["W"]
    assert [w.split(":")[0] for w in found] == ["value", "gradient"]


def test_a_drawing_remembers_what_a_step_has_changed():
    loss = network(backward=True)
    before = draw(loss)
    weight = next(t for t in loss._args[0]._args[0]._args[0]._args if t.name == "W")
    weight.data[0, 0] += 0.25
    assert said(diff(before, loss), "changed") == {"W": ("value: max |Δ| 0.25",)}


def test_the_table_is_text():
    text = str(diff(network(sigmoid), network(tanh), title="T"))
    lines = text.splitlines()
    assert lines[0] == "1 added, 1 removed, 2 changed, 3 the same"
    assert "− hidden = sigmoid (2, 4)" in lines
    assert "+ hidden = tanh    (2, 4)" in lines
    assert all(line[0] in "+−≠" for line in lines[1:])


@st.composite
def programs(draw):
    """A list of ops on earlier results, and the same list with some left out, changed or put in."""
    ops = draw(
        st.lists(st.tuples(st.sampled_from("mad"), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8)
    )
    other = list(ops)
    for _ in range(draw(st.integers(0, 3))):
        i = draw(st.integers(0, len(other)))
        other[i : i + draw(st.integers(0, 1))] = [("s", 0, 1)] * draw(st.integers(0, 1))
    return ops, other


def run(program):
    made = [Tensor(1.5, requires_grad=True, name="x"), Tensor(0.5, requires_grad=True, name="y")]
    for op, i, j in program:
        a, b = made[-1 - i % len(made)], made[-1 - j % len(made)]
        made.append(a * b if op == "m" else a + b if op == "a" else a / b if op == "d" else sigmoid(a))
    return made[-1]


@settings(deadline=None, max_examples=60)
@given(programs())
def test_every_node_is_told_once_and_the_merged_graph_runs_downwards(pair):
    a, b = (collect(run(program)) for program in pair)
    pairs = matched(a, b)
    assert [one for one, _ in pairs if one] == list(a.nodes)
    assert [other for _, other in pairs if other] == list(b.nodes)
    found = diff(run(pair[0]), run(pair[1]))
    graph, states, edge_states = merged(found)
    place = {key: i for i, key in enumerate(graph.nodes)}
    assert all(place[e.tail] < place[e.head] for e in graph.edges)
    assert sum(state != "added" for state in edge_states) == len(a.edges)
    assert sum(state != "removed" for state in edge_states) == len(b.edges)
    for edge, state in zip(graph.edges, edge_states):
        ends = {states[edge.tail], states[edge.head]}
        assert not ("added" in ends and state != "added")
        assert not ("removed" in ends and state != "removed")
    if pair[0] == pair[1]:
        assert found.same


def test_the_picture_marks_by_sign_and_dashes_and_not_by_colour_alone():
    picture = diff(network(sigmoid), network(relu)).svg()
    root = ElementTree.fromstring(picture)
    signs = [t.text for t in root.iter(f"{SVG}text") if t.text in ("+", "−", "≠")]
    assert {"+", "−", "≠"} <= set(signs)
    paths = {p.get("class"): p for p in root.iter(f"{SVG}path") if p.get("class")}
    assert "stroke-dasharray" in paths["removed"].attrib
    assert "stroke-dasharray" not in paths["added"].attrib
    assert float(paths["added"].get("stroke-width")) > float(paths["same"].get("stroke-width"))
    assert ">only in the first<" in picture
    assert diff(network(sigmoid), network(relu)).svg() == picture


def test_a_trunk_of_several_states_is_neutral_until_it_splits():
    """x leads far down along one line: to the loss in the first graph alone, to an op before it in the second alone."""

    def program(second):
        x = Tensor(2.0, requires_grad=True, name="x")
        h = sigmoid(sigmoid(x))
        h = sigmoid(h * x if second else h * 1.0)
        return sigmoid(sigmoid(h)) + (1.0 if second else x)

    root = ElementTree.fromstring(diff(program(False), program(True)).svg())
    starts, ends = {}, {}
    for path in root.iter(f"{SVG}path"):
        if path.get("class"):
            places = re.findall(r"[-\d.]+ [-\d.]+", path.get("d"))
            starts.setdefault(path.get("class"), set()).add(places[0])
            ends.setdefault(path.get("class"), set()).add(places[-1])
    assert starts["removed"] & starts["added"] & ends["same"]


@pytest.mark.parametrize("ending", ["svg", "html", "txt"])
def test_save_goes_by_the_ending(tmp_path, ending):
    found = diff(network(sigmoid), network(relu), title="T")
    text = found.save(tmp_path / f"d.{ending}").read_text(encoding="utf-8")
    assert text.startswith({"svg": "<svg", "html": "<!doctype html>", "txt": "1 added"}[ending])
    with pytest.raises(OptionError, match=r"ending in '\.gif'; expected \.svg, \.html, \.txt"):
        found.save(tmp_path / "d.gif")


def test_too_large_graphs_are_refused_and_closed_ones_compared():
    x = Tensor(1.0, requires_grad=True)
    with module_scope(None, "chain"):
        y = x
        for _ in range(2500):
            y = y * 1.0
    with pytest.raises(OptionError, match=r"a graph of 2,501 nodes; expected at most 2,000"):
        diff(y, y)
    assert diff(draw(y, depth=0), draw(y, depth=0)).same


def test_long_chains_with_many_differences_take_seconds_and_print_shortly():
    def chain(every):
        y = Tensor(1.0, requires_grad=True, name="x")
        for i in range(900):
            y = y * 1.0 if i % every else y + 0.0
        return y

    started = time.perf_counter()
    found = diff(chain(2), chain(3))
    assert time.perf_counter() - started < 10
    assert len(found.of("added")) == len(found.of("removed")) < 500
    assert len(str(found).splitlines()) == 62
    assert str(found).endswith(" more: text()")
    assert len(found.text().splitlines()) == 1 + len(found.changes) - len(found.of("same"))


def test_hostile_names_stay_text():
    found = diff(hostile_loss(), Tensor(1.0, requires_grad=True, name=HOSTILE[2]) * 2.0, title=HOSTILE[3])
    assert len(found.of("removed")) > 30
    assert "&lt;script&gt;" in found.html().split("<tbody>")[1]
    for page in (found.svg(), found.html(), found._repr_mimebundle_()["text/html"]):
        assert "<script" not in page
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", page)
    ElementTree.fromstring(found.svg())
    assert "\x1b" not in found.text()
    assert len(found.text().splitlines()) == 1 + len(found.changes) - len(found.of("same"))
