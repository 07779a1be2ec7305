"""What is drawn: nodes, edges, groups and the state of gradients, against graphs small enough to write down."""

import math

import numpy as np
import pytest
from tinygrad_nlp.visualize import collect, draw
from tinygrad_nlp.visualize.heatmap import colour, heat_map

from tinygrad_nlp import GradientError, Tensor, embedding, record_gradients
from tinygrad_nlp.modes import module_scope


def parameter(values, name=None):
    return Tensor(values, requires_grad=True, name=name)


def by_title(graph):
    return {node.title: node for node in graph.nodes.values()}


def arrows(graph):
    return sorted((graph.nodes[e.tail].title, graph.nodes[e.head].title, e.argument) for e in graph.edges)


def test_a_layer_is_its_parameters_data_and_ops():
    x, w, b = Tensor([[1.0, 2.0]], name="x"), parameter([[1.0], [2.0]], "w"), parameter([3.0], "b")
    graph = collect((x @ w + b).sum())
    assert [(n.title, n.kind, n.shape, n.root) for n in graph.nodes.values()] == [
        ("x", "data", (1, 2), False),
        ("w", "parameter", (2, 1), False),
        ("b", "parameter", (1,), False),
        ("matmul", "op", (1, 1), False),
        ("add", "op", (1, 1), False),
        ("sum", "op", (), True),
    ]
    assert arrows(graph) == [
        ("add", "sum", "x"),
        ("b", "add", "y"),
        ("matmul", "add", "x"),
        ("w", "matmul", "y"),
        ("x", "matmul", "x"),
    ]


def test_a_tensor_used_twice_is_one_node_with_two_edges():
    b = parameter(1.0, "b")
    graph = collect(b + b)
    assert len(graph.nodes) == 2
    assert arrows(graph) == [("b", "add", "x"), ("b", "add", "y")]
    assert by_title(graph)["b"].uses == 2


def test_several_roots_share_what_they_have_in_common():
    x = parameter([1.0, 2.0], "x")
    y = x * x
    graph = collect([y.sum(), y.mean(), y.sum()])
    assert [node.op for node in graph.roots] == ["sum", "mean", "sum"]
    assert sum(node.op == "mul" for node in graph.nodes.values()) == 1


def test_numbers_and_options_are_small_print_and_index_arrays_are_data():
    x = parameter([[1.0, 2.0], [3.0, 4.0]])
    graph = collect((x * 2.5).sum(axis=1))
    assert [n.detail for n in graph.nodes.values()] == ["", "y=2.5", "axis=1"]
    graph = collect(x * np.array([1.0, -1.0], np.float32))
    constant = by_title(graph)["y"]
    assert (constant.kind, constant.shape, constant.value.cells) == ("data", (2,), ((1.0, -1.0),))


def test_gradient_is_not_yet_known_before_backward():
    graph = collect(parameter(2.0) * Tensor(3.0))
    assert [n.gradient_state for n in graph.nodes.values()] == ["not yet", "not needed", "not yet"]
    assert not any(edge.flowed for edge in graph.edges)


def test_every_gradient_is_known_inside_record_gradients():
    x = parameter(2.0, "x")
    with record_gradients():
        y = x * x
        loss = y * 3.0
        loss.backward()
    graph = collect(loss)
    assert [n.gradient.cells for n in graph.nodes.values()] == [((12.0,),), ((3.0,),), ((1.0,),)]
    assert all(edge.flowed for edge in graph.edges)


def test_inner_gradients_that_were_dropped_are_not_kept_rather_than_not_yet():
    x = parameter(2.0)
    loss = x * x * 3.0
    loss.backward(retain_graph=True)
    graph = collect(loss)
    assert [n.gradient_state for n in graph.nodes.values()] == ["known", "not kept", "not kept"]


def test_a_gradient_of_exactly_zero_is_known():
    x = parameter([1.0, 2.0])
    loss = (x * 0.0).sum()
    loss.backward(retain_graph=True)
    node = next(iter(collect(loss).nodes.values()))
    assert node.gradient_state == "known"
    assert node.gradient.zero


def test_a_freed_graph_is_refused_with_what_to_write():
    x = parameter(2.0)
    loss = (x * x) * 3.0
    loss.backward()
    with pytest.raises(GradientError) as caught:
        collect(loss)
    message = str(caught.value)
    assert "the graph of mul (), which backward() has freed" in message
    assert "loss.backward(retain_graph=True)" in message
    assert "with record_gradients():" in message
    assert f"{__file__}:" in message


@pytest.mark.parametrize("wrong", [3, None, [], [1.0], "loss"])
def test_what_is_no_tensor_is_refused(wrong):
    with pytest.raises(TypeError, match=r"draw\(\): .*expected a Tensor, or a list of Tensors"):
        collect(wrong)


def test_modules_are_nested_groups_and_adopt_the_parameters_only_they_use():
    x, w, shared = Tensor([1.0], name="x"), parameter([1.0], "w"), parameter([1.0], "shared")
    with module_scope(None, "parser"):
        with module_scope(None, "hidden"):
            h = x * w * shared
        out = h * shared
    graph = collect(out)
    nodes = by_title(graph)
    assert nodes["w"].group == ("parser", "hidden")
    assert nodes["shared"].group == ("parser",)
    assert nodes["x"].group == ()
    assert list(graph.groups) == [("parser",), ("parser", "hidden")]
    assert len(graph.groups["parser", "hidden"].members) == 3


def test_a_graph_of_20_000_ops_needs_no_recursion():
    x = parameter(1.0)
    for _ in range(20_000):
        x = x + 1.0
    assert len(collect(x, values=False).nodes) == 20_001


def test_a_tensor_is_visited_once_however_many_paths_lead_to_it():
    """60 doublings: 61 tensors, but 2**60 paths."""
    x = parameter(1.0)
    for _ in range(60):
        x = x + x
    graph = collect(x)
    assert (len(graph.nodes), len(graph.edges)) == (61, 120)


def test_heat_map_shows_small_arrays_whole_and_large_ones_as_block_means():
    small = np.arange(6.0).reshape(2, 3)
    assert heat_map(small).cells == ((0.0, 1.0, 2.0), (3.0, 4.0, 5.0))
    assert heat_map(small).block is None
    large = np.arange(240.0 * 480).reshape(240, 480)
    shown = heat_map(large)
    tall, wide = shown.block
    assert len(shown.cells) == -(-240 // tall)
    assert len(shown.cells) * len(shown.cells[0]) <= 72
    assert shown.cells[1][2] == pytest.approx(large[tall : 2 * tall, 2 * wide : 3 * wide].mean())
    assert shown.cells[-1][-1] == pytest.approx(
        large[240 - (240 % tall or tall) :, 480 - (480 % wide or wide) :].mean()
    )


def test_heat_map_is_a_copy():
    x = parameter([1.0, 2.0])
    graph = collect(x * 1.0)
    x.data[...] = 9.0
    assert next(iter(graph.nodes.values())).value.cells == ((1.0, 2.0),)


def test_heat_map_counts_what_is_not_finite_and_keeps_the_scale_finite():
    shown = heat_map(np.array([1.0, np.nan, -np.inf, -2.0]))
    assert (shown.strange, shown.largest) == (2, 2.0)
    assert math.isnan(shown.cells[0][1])


@pytest.mark.parametrize("array", [np.zeros((0, 3)), np.array([1j])])
def test_no_heat_map_of_nothing_or_of_complex_numbers(array):
    assert heat_map(array) is None


def test_zero_alone_is_white_and_signs_go_to_blue_and_orange():
    assert colour(0.0, 1.0) == "#ffffff"
    assert colour(-1.0, 1.0) == "#0072b2"
    assert colour(1.0, 1.0) == "#e07b00"
    assert colour(0.001, 1.0) != "#ffffff"


def test_many_integers_are_shown_by_their_span():
    assert heat_map(np.arange(200).reshape(2, 100) - 7).span == "-7 … 192"
    assert heat_map(np.arange(6)).span == ""
    assert heat_map(np.arange(200.0)).span == ""
    table = parameter(np.ones((60, 2)), "table")
    rows = np.arange(40).repeat(2)
    drawing = draw(embedding(table, rows).sum())
    assert ">0 … 39<" in drawing.svg(engine="builtin")
    assert "0 … 39" in drawing.dot()
