"""Closed modules and folded siblings: what is left, what it is called, and that every order is kept."""

import numpy as np
import pytest
from tinygrad_nlp.visualize import draw

from tests.visualize.test_drawing import HOSTILE
from tinygrad_nlp import GradientError, OptionError, Tensor, concat, nn, record_gradients, tanh


class Block(nn.Module):
    def __init__(self, size=4):
        self.norm, self.a, self.b = nn.LayerNorm(size), nn.Linear(size, size), nn.Linear(size, size)

    def forward(self, x):
        return x + self.b(tanh(self.a(self.norm(x))))


class Net(nn.Module):
    def __init__(self, blocks=3, heads=4):
        self.blocks = [Block() for _ in range(blocks)]
        self.heads = [nn.Linear(4, 2) for _ in range(heads)]
        self.out = nn.Linear(2 * heads, 3)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.out(concat([head(x) for head in self.heads], axis=1))


def data(rows=5, columns=4):
    return Tensor(np.random.default_rng(0).normal(size=(rows, columns)), name="x")


def titles(graph):
    return [node.title for node in graph.nodes.values()]


def wires(graph):
    return sorted({(graph.nodes[e.tail].title, graph.nodes[e.head].title) for e in graph.edges})


def check(graph):
    """Inputs before results, no edge to what is gone, groups and uses as the nodes say."""
    place = {key: i for i, key in enumerate(graph.nodes)}
    assert all(place[e.tail] < place[e.head] for e in graph.edges)
    assert all(key == node.key for key, node in graph.nodes.items())
    assert {key for g in graph.groups.values() for key in g.members} == {k for k, n in graph.nodes.items() if n.group}
    for key, node in graph.nodes.items():
        assert node.uses == sum(e.tail == key for e in graph.edges)


def test_depth_0_is_the_module_as_one_box():
    net, x = Net(), data()
    graph = draw(net, x, depth=0).graph
    check(graph)
    assert titles(graph) == ["x", "Net"]
    box = list(graph.nodes.values())[1]
    assert (box.kind, box.root, box.shape, box.group) == ("module", True, (5, 3), ())
    assert f", {net.num_parameters():,} parameters" in box.detail
    np.testing.assert_allclose(box.value.cells, net(x).data, rtol=1e-6)


def test_depth_1_closes_what_is_directly_inside():
    graph = draw(Net(), data(), depth=1).graph
    check(graph)
    assert wires(graph) == [("blocks", "heads"), ("concat", "out"), ("heads", "concat"), ("x", "blocks")]
    assert list(graph.groups) == [("Net",)]
    heads = next(node for node in graph.nodes.values() if node.title == "heads")
    assert "4 results" in heads.detail
    assert heads.value is None


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("fold", [False, True])
def test_every_depth_keeps_the_order(depth, fold):
    drawing = draw(Net(), data(), depth=depth, fold=fold)
    check(drawing.graph)
    assert sum(node.root for node in drawing.graph.nodes.values()) == 1
    assert drawing.svg(engine="builtin").startswith("<svg")
    assert drawing.dot().startswith("digraph")


def test_word_ids_stay_in_sight_and_other_arrays_go_into_the_box():
    class Words(nn.Module):
        def __init__(self):
            self.table = nn.Embedding(5, 2)

        def forward(self, ids):
            return self.table(ids) * np.array([[1.0, 0.0]], np.float32)

    graph = draw(Words(), np.array([0, 3, 3]), depth=0).graph
    check(graph)
    assert wires(graph) == [("index", "Words")]


def test_a_deep_depth_changes_nothing():
    net, x = Net(), data()
    whole, deep = draw(net, x).graph, draw(net, x, depth=9).graph
    assert titles(whole) == titles(deep)
    assert whole.edges == deep.edges


def test_a_shared_parameter_is_one_node_outside_of_its_users():
    layer = nn.Linear(4, 4, bias=False)

    class Twice(nn.Module):
        def __init__(self):
            self.layer = layer

        def forward(self, x):
            return self.layer(tanh(self.layer(x)))

    drawing = draw(Twice(), data(), depth=1)
    check(drawing.graph)
    assert titles(drawing.graph).count("layer") == 2
    weight = next(node for node in drawing.graph.nodes.values() if node.title == "weight")
    assert (weight.kind, weight.uses, weight.group) == ("parameter", 2, ("Twice",))
    assert ">used 2×<" in drawing.svg(engine="builtin")
    assert "used 2×" in drawing.dot()


def test_a_module_called_again_in_between_makes_no_cycle():
    layer = nn.Linear(4, 4)
    x = data()
    h = layer(x)
    graph = draw(layer(h) * h.sum(), depth=0).graph
    check(graph)
    assert [t for t in titles(graph) if t == "Linear"] == ["Linear", "Linear"]


def test_a_module_of_modules_called_again_in_between_makes_no_cycle():
    net = nn.Sequential(nn.Linear(4, 4))
    graph = draw(net(tanh(net(data()))), depth=0).graph
    check(graph)
    assert titles(graph)[-3:] == ["Sequential", "tanh", "Sequential"]


@pytest.mark.parametrize("shared", [True, False])
def test_a_row_folds_over_what_all_read_alike_and_not_over_what_each_has_for_itself(shared):
    class Gate(nn.Module):
        def forward(self, x, mask):
            return tanh(x * mask)

    class Gates(nn.Module):
        def __init__(self):
            self.gates = [Gate() for _ in range(3)]

        def forward(self, x, *masks):
            for gate, mask in zip(self.gates, masks * 3):
                x = gate(x, mask)
            return x

    x = Tensor(np.ones((5, 4)), requires_grad=True, name="x") * 1.0  # a leaf would belong to the one gate that reads it
    masks = [Tensor(np.ones((5, 4)), name=f"mask {i}") for i in range(1 if shared else 3)]
    for depth in (2, None):
        graph = draw(Gates(), x, *masks, depth=depth, fold=True).graph
        check(graph)
        assert any("×3" in t for t in [*titles(graph), *(p[-1] for p in graph.groups)]) is shared


def test_gradients_of_a_closed_module_are_those_of_its_result():
    net, x = Net(), data()
    with record_gradients():
        loss = (net(x) ** 2).sum()
        loss.backward()
    drawing = draw(loss, view="both", depth=0)
    box = next(node for node in drawing.graph.nodes.values() if node.kind == "module")
    assert box.gradient_state == "known"
    np.testing.assert_allclose(box.gradient.cells, 2 * np.array(box.value.cells), rtol=1e-5)


def test_equal_layers_in_a_row_fold_whether_closed_or_open():
    layers = nn.Sequential(*(nn.Linear(4, 4) for _ in range(12)))
    graph = draw(layers, data(), depth=1, fold=True).graph
    check(graph)
    box = list(graph.nodes.values())[1]
    assert (box.title, box.root) == ("0 … 11 ×12", True)
    assert box.detail.endswith("one after the other")
    assert (box.value, box.gradient_state) == (None, "not needed")
    graph = draw(layers, data(), fold=True).graph
    check(graph)
    assert ("Sequential", "0 … 11 ×12, one after the other") in graph.groups
    assert len(graph.nodes) == 4
    assert sum(node.root for node in graph.nodes.values()) == 1


def test_equal_modules_side_by_side_fold_into_one_wire():
    graph = draw(Net(blocks=1), data(), depth=2, fold=True).graph
    check(graph)
    assert ("0 … 3 ×4", "concat") in wires(graph)
    assert sum(graph.nodes[e.head].title == "concat" for e in graph.edges) == 1


def test_what_follows_a_folded_row_reads_its_last_result():
    net = nn.Sequential(*(Block() for _ in range(5)), nn.Linear(4, 2))
    for depth in (1, None):
        graph = draw(net, data(), depth=depth, fold=True).graph
        check(graph)
        assert {t for t, h in wires(graph) if h in ("5", "linear")} >= ({"0 … 4 ×5"} if depth else {"add"})


def test_different_siblings_do_not_fold():
    x = Tensor(np.eye(4), requires_grad=True, name="x") * 1.0
    for layers in (
        [nn.Linear(4, 4), nn.Linear(4, 4, bias=False)],  # ops
        [nn.Linear(4, 4), nn.Linear(4, 5)],  # shapes
        [nn.Softmax(0), nn.Softmax(1)],  # options
    ):
        for depth in (1, None):
            net = nn.Sequential(*layers)
            assert "×" not in "".join(p[-1] for p in draw(net, x, depth=depth, fold=True).graph.groups)
            assert not any("×" in t for t in titles(draw(net, x, depth=depth, fold=True).graph))


def test_a_row_whose_middle_is_read_elsewhere_does_not_fold_over_it():
    layers = [nn.Linear(4, 4) for _ in range(3)]

    class Skip(nn.Module):
        def __init__(self):
            self.layers = layers

        def forward(self, x):
            first = self.layers[0](x)
            return self.layers[2](self.layers[1](first)) + first

    graph = draw(Skip(), data(), depth=2, fold=True).graph
    check(graph)
    assert [t for t in titles(graph) if t not in ("x", "add")] == ["0", "1 … 2 ×2"]
    assert ("0", "add") in wires(graph)


def test_a_large_graph_folds_by_itself_and_says_so():
    drawing = draw(Net(blocks=20), data())
    assert len(drawing.graph.nodes) < 60
    assert "0 … 19 ×20, one after the other" in drawing.svg(engine="builtin")
    assert len(draw(Net(blocks=20), data(), fold=False).graph.nodes) > 200


def test_a_module_may_return_several_results():
    class Two(nn.Module):
        def forward(self, x):
            return {"sum": x.sum(), "mean": x.mean()}

    x = Tensor([1.0, 2.0], requires_grad=True)
    assert [node.op for node in draw(Two(), x).graph.roots] == ["sum", "mean"]
    with pytest.raises(
        GradientError, match=r"Two\(…\), of which no op was recorded: nothing it computes with requires"
    ):
        draw(Two(), data())


def test_what_cannot_be_drawn_is_refused_with_what_to_write():
    x = Tensor(1.0, requires_grad=True) * 2.0
    with pytest.raises(OptionError, match=r'draw\(\[a, b\]\) for two results; draw\(loss, view="both"\)'):
        draw(x, "both")
    for depth in (-1, 1.5, True):
        with pytest.raises(OptionError, match="expected None or a whole number of at least 0"):
            draw(x, depth=depth)
    with pytest.raises(TypeError, match=r"the class Net; expected a Module that was made"):
        draw(Net, data())
    with pytest.raises(TypeError, match=r"<lambda>\(…\), which returned str"):
        draw(lambda: "text")


def test_hostile_names_of_modules_are_text():
    net = nn.Sequential({name.replace(".", ""): nn.Linear(4, 4) for name in HOSTILE if name.strip()})
    for depth, fold in ((None, False), (1, False), (1, True)):
        drawing = draw(net, data(), depth=depth, fold=fold)
        assert "<script" not in drawing.html()
        assert "<script" not in drawing.dot()
        assert "\\" not in drawing.dot()
    assert "&lt;script&gt;" in draw(net, data(), depth=1, fold=False).html()


def test_a_module_called_twice_in_a_row_is_two_boxes_even_if_all_it_does_is_call_another():
    class Inner(nn.Module):
        def __init__(self):
            self.linear = nn.Linear(4, 4)

        def forward(self, x):
            return self.linear(x)

    class Outer(nn.Module):
        def __init__(self):
            self.inner = Inner()

        def forward(self, x):
            return self.inner(self.inner(x))

    graph = draw(Outer(), data(), depth=1).graph
    check(graph)
    assert titles(graph).count("inner") == 2
    assert ("inner", "inner") in wires(graph)
