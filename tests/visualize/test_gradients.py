"""The backward view: a graph of the backward pass whose numbers are those that backward computes."""

from xml.etree import ElementTree

import numpy as np
import pytest
from tinygrad_nlp.visualize import draw

from tests.visualize.test_drawing import HOSTILE, SVG, hostile_loss
from tinygrad_nlp import GradientError, Tensor, cross_entropy, embedding, nn, record_gradients, sigmoid, softmax
from tinygrad_nlp.modes import module_scope


def parameter(values, name=None):
    return Tensor(np.array(values), requires_grad=True, name=name)


def backward(tensor, **options):
    return draw(tensor, view="backward", **options).graph


def by_title(graph):
    return {node.title: node for node in graph.nodes.values()}


def test_a_product_becomes_two_products_with_the_other_factor():
    x, y = parameter(2.0, "x"), parameter(5.0, "y")
    loss = x * y
    loss.name = "J"
    graph = backward(loss)
    nodes = by_title(graph)
    assert set(nodes) == {"x", "y", "gradient of J", "gradient of x", "gradient of y"}
    assert [nodes[f"gradient of {n}"].value.cells for n in "Jxy"] == [((1.0,),), ((5.0,),), ((2.0,),)]
    assert {(graph.nodes[e.tail].title, graph.nodes[e.head].title) for e in graph.edges} == {
        ("gradient of J", "gradient of x"),
        ("y", "gradient of x"),
        ("gradient of J", "gradient of y"),
        ("x", "gradient of y"),
    }
    assert [nodes[f"gradient of {n}"].root for n in "Jxy"] == [False, True, True]
    assert [nodes[n].kind for n in ("x", "gradient of J", "gradient of x")] == ["parameter", "data", "op"]


def test_its_numbers_are_those_of_backward():
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(4, 3)), name="x")
    w, b = parameter(rng.normal(size=(3, 2)), "W"), parameter(rng.normal(size=2), "b")
    hidden = sigmoid(x @ w + b)
    loss = cross_entropy(hidden, np.array([0, 1, 1, 0]))
    nodes = by_title(backward(loss))
    loss.backward(retain_graph=True)
    for t in (w, b):
        cells = np.array(nodes[f"gradient of {t.name}"].value.cells).reshape(t.shape)
        np.testing.assert_allclose(cells, t.grad, rtol=1e-12)


def test_drawing_it_leaves_gradients_hooks_and_graph_alone():
    x = parameter([1.0, 2.0], "x")
    calls = []
    with record_gradients() as journal:
        y = x * x
        y.register_hook(lambda g: calls.append(g))
        y.retain_grad()
        loss = y.sum()
        before = len(journal)
        backward(loss)
        assert (len(journal), len(calls)) == (before, 1)
        assert x.grad is None
        assert y._grad is None  # .grad would warn that nothing is kept
        loss.backward()
    np.testing.assert_array_equal(x.grad, [2.0, 4.0])
    assert len(calls) == 2


def test_the_ops_of_one_rule_are_a_group_and_a_lone_op_needs_none():
    x = parameter([1.0, 2.0, 3.0], "x")
    p = softmax(x)
    p.name = "p"
    graph = backward((p * p).sum())
    assert ("rule of p",) in graph.groups
    inside = [graph.nodes[key].op for key in graph.groups["rule of p",].members]
    assert inside == ["mul", "sum", "sub", "mul"]
    assert backward(parameter(2.0) * 3.0).groups == {}


def test_what_adds_up_contributions_belongs_to_no_rule():
    x = parameter([1.0, 2.0], "x")
    graph = backward((x * x).sum() + (x * 3.0).sum())
    total = by_title(graph)["gradient of x"]
    assert (total.op, total.detail, total.group) == ("add", "sum over the uses", ())
    assert sum(node.detail == "sum over the uses" for node in graph.nodes.values()) == 2


def test_the_forward_pass_is_there_as_values_only():
    x = parameter([1.0, 2.0], "x")
    with module_scope(None, "layer"):
        h = sigmoid(x * 2.0)
    h.name = "h"
    graph = backward((h * h).sum())
    node = by_title(graph)["h"]
    assert (node.kind, node.detail, node.group) == ("data", "value of the forward pass", ())
    assert not any(edge.head == node.key for edge in graph.edges)


def test_one_gradient_of_several_tensors_names_those_the_user_named():
    x, y = parameter(1.0, "x"), parameter(2.0, "y")
    assert "gradient of x, y" in by_title(backward(x + y))


def test_parameters_of_layers_are_told_apart_by_their_layer():
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    titles = by_title(backward(net(Tensor([[1.0, 2.0, 3.0]])).sum()))
    assert {"gradient of 0.weight", "gradient of 0.bias", "gradient of 1.weight"} <= set(titles)


def test_rows_of_an_embedding_arrive_as_a_table():
    table = parameter(np.eye(4), "table")
    graph = backward(embedding(table, np.array([1, 1, 3])).sum())
    assert by_title(graph)["gradient of table"].value.cells[1] == (2.0,) * 4


def test_edges_of_gradients_are_dashed_and_those_of_values_are_not():
    x = parameter([1.0, 2.0], "x")
    picture = draw(sigmoid(x).sum(), view="backward").svg(engine="builtin")
    paths = [p for p in ElementTree.fromstring(picture).iter(f"{SVG}path") if p.get("data-edges")]
    dashed = {p.get("class"): "stroke-dasharray" in p.attrib for p in paths}
    assert dashed == {"forward": False, "backward": True}
    assert ">forward value<" in picture
    assert ">gradient of a leaf<" in picture
    assert "Backward pass that computes gradient of x" in picture
    source = draw(sigmoid(x).sum(), view="backward").dot()
    assert "style=dashed" in source


def test_a_loss_of_several_numbers_or_of_no_parameter_is_refused():
    x = parameter([1.0, 2.0], "x")
    with pytest.raises(GradientError, match=r'draw\(view="backward"\)[\s\S]*mul|draw\(t\.sum\(\), view="backward"\)'):
        backward(x * 2.0)
    with pytest.raises(GradientError, match="does not depend on any tensor that requires grad"):
        backward(Tensor(1.0) * 2.0)
    loss = (x * x).sum()
    loss.backward()
    with pytest.raises(GradientError, match=r"which backward\(\) has freed"):
        backward(loss)


def test_hostile_names_of_rules_and_gradients_are_text():
    picture = draw(hostile_loss(), view="backward", title=HOSTILE[3]).svg(engine="builtin")
    root = ElementTree.fromstring(picture)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg",
        "title",
        "desc",
        "rect",
        "g",
        "path",
        "text",
        "circle",
    }
    assert any("gradient of" in (e.text or "") and ".port:ne:x" in e.text for e in root.iter(f"{SVG}text"))
