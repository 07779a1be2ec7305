"""What edges carry: the numbers are those of the rule, they add up to the engine's gradient, and where they do not
the picture says so."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from tinygrad_nlp.visualize import chips, contributions, draw
from tinygrad_nlp.visualize.card import Card
from tinygrad_nlp.visualize.layout import Box
from tinygrad_nlp.visualize.svg import arranged

from tests.visualize.test_layout import overlap
from tinygrad_nlp import Tensor, nn, no_grad, record_gradients, tanh
from tinygrad_nlp.cli.replay import skipgram, softmaxes
from tinygrad_nlp.modes import module_scope

SVG = "{http://www.w3.org/2000/svg}"


def recorded(make):
    with record_gradients():
        loss = make()
        loss.backward()
    return loss


def twice():
    """J = x² + 3x + x at x = 2: the four uses of x send back 2, 2, 3 and 1, which add up to 8."""
    x = Tensor(2.0, requires_grad=True, name="x")
    return recorded(lambda: x * x + x * 3.0 + x)


def parts(drawing, title):
    graph = drawing.graph
    return [
        np.array(e.part.cells).reshape(e.part.shape)
        for e in graph.edges
        if e.part is not None and graph.nodes[e.tail].title == title
    ]


def test_contributions_are_what_the_rules_send_and_add_up():
    drawing = draw(twice())
    assert sorted(float(p) for p in parts(drawing, "x")) == [1, 2, 2, 3]
    picture = drawing.svg(engine="builtin")
    assert "gradient, sum of 4" in picture
    shown = ElementTree.fromstring(picture)
    sent = [g.find(f"{SVG}text").text for g in shown.iter(f"{SVG}g") if g.get("class") == "sent"]
    assert sorted(sent) == ["1", "1", "1", "1", "2", "2", "3"]
    assert "3" in re.findall(r'POINT-SIZE="11">([^<]*)</FONT>', drawing.dot())
    assert not drawing.graph.notes


def test_the_sum_has_its_sign_in_both_views():
    loss = twice()
    circles = [draw(loss, view=view).svg(engine="builtin").count('r="8"') for view in ("forward", "both", "backward")]
    # In the backward view each of the three additions of four contributions is an op with its own sign.
    assert circles == [0, 1, 3]


def test_dot_says_what_its_lines_and_borders_mean():
    legend = draw(twice(), title="T").dot().replace("&#58;", ":").replace("&#59;", ";")
    assert "rounded: op; thick: parameter; double: result; solid blue line: value, forward" in legend
    assert "beside it: what a rule sent back" in legend
    assert "gradient" not in draw(twice(), view="forward").dot()


def test_a_row_read_twice_is_a_sum_of_cells():
    table = Tensor(np.arange(12.0).reshape(4, 3), requires_grad=True, name="table")
    weights = np.array([1.0, 10.0, 100.0])
    loss = recorded(lambda: (table[1] * Tensor(weights)).sum() + (table[2] * Tensor(2 * weights)).sum())
    first, second = parts(draw(loss), "table")
    expected = np.zeros((4, 3))
    expected[1] = weights
    np.testing.assert_array_equal(first, expected)
    expected[1], expected[2] = 0, 2 * weights
    np.testing.assert_array_equal(second, expected)
    np.testing.assert_array_equal(first + second, table.grad)


def test_a_broadcast_argument_gets_its_summed_share():
    b = Tensor([1.0, 2.0], requires_grad=True, name="b")
    loss = recorded(lambda: (Tensor(np.ones((3, 2))) + b).sum() + b.sum())
    assert [p.tolist() for p in parts(draw(loss), "b")] == [[3.0, 3.0], [1.0, 1.0]]


@pytest.mark.parametrize(("ops", "shown"), [(38, "every"), (60, "sums"), (160, "none")])
def test_how_much_is_shown_goes_by_the_size_of_the_graph(ops, shown):
    def make():
        x = Tensor(1.0, requires_grad=True, name="x")
        y = x + x
        for _ in range(ops - 1):
            y = y * 1.01
        return y

    loss = recorded(make)
    count = {"every": ops + 1, "sums": 2, "none": 0}[shown]
    assert sum(e.part is not None for e in draw(loss, fold=False).graph.edges) == count
    assert not any(e.part for e in draw(loss, contributions=False).graph.edges)
    assert not any(e.part for e in draw(loss, view="forward").graph.edges)
    assert not any(e.part for e in draw(loss, values=False).graph.edges)
    assert sum(e.part is not None for e in draw(loss, contributions=True).graph.edges) == ops + 1


def test_an_old_gradient_or_a_hook_is_told():
    loss = twice()
    x = next(a for a in loss._args if a.name == "x")
    x.grad = np.array(5.0, x.dtype)
    note = "the gradient of x is not the sum of what arrives here: it held something before (zero_grad() clears it)"
    assert draw(loss).graph.notes[0].startswith(note)
    assert note[:60] in draw(loss).svg(engine="builtin")
    assert "zero_grad" in draw(loss).dot()


def test_a_value_changed_since_and_a_gradient_not_kept_leave_the_edge_bare():
    w = Tensor([2.0, 3.0], requires_grad=True, name="w")
    loss = recorded(lambda: (w * w).sum())
    with no_grad():
        w -= 0.1
    drawing = draw(loss)
    assert parts(drawing, "w") == []
    assert "2 contributions not shown" in drawing.graph.notes[0]
    v = Tensor([2.0, 3.0], requires_grad=True, name="v")
    loss = (v * v).sum()
    loss.backward(retain_graph=True)
    assert "record_gradients()" in draw(loss).graph.notes[0]


def test_contributions_to_a_very_large_table_are_left_out_and_that_is_told(monkeypatch):
    monkeypatch.setattr(contributions, "MOST_ELEMENTS", 5)
    table = Tensor(np.ones((3, 2)), requires_grad=True, name="table")
    drawing = draw(recorded(lambda: (table[0] * table[1]).sum()))
    assert parts(drawing, "table") == []
    assert len(parts(drawing, "getitem")) == 2
    assert drawing.graph.notes == ["contributions to arrays of over 5 elements are not shown"]


def test_before_backward_nothing_is_said_to_have_flowed():
    x = Tensor(2.0, requires_grad=True)
    drawing = draw(x * x)
    assert not any(e.part or e.flowed for e in drawing.graph.edges)
    assert not drawing.graph.notes


def test_contributions_into_a_closed_module_are_not_those_of_one_op_inside():
    class Both(nn.Module):
        def forward(self, x):
            return tanh(x) + x

    x = Tensor([0.5], requires_grad=True)
    loss = recorded(lambda: Both()(x * 2.0).sum())
    assert len(parts(draw(loss), "x #2")) == 2  # forward has it as x, as the caller has the leaf
    closed = draw(loss, depth=0)
    assert [closed.graph.nodes[e.tail].title for e in closed.graph.edges] == ["x", "x #2", "Both"]
    assert parts(closed, "x #2") == []


def test_a_not_finite_contribution_is_a_word():
    x = Tensor(0.0, requires_grad=True, name="x")
    with np.errstate(all="ignore"):
        loss = recorded(lambda: (x / 0.0) * 1.0)
    picture = draw(loss).svg(engine="builtin")
    assert ">∞<" in picture
    assert "nan" not in re.sub(">[^<]*<", "><", picture)


def test_chips_cover_no_card_and_no_other_chip():
    def make():
        x = Tensor(np.arange(6.0), requires_grad=True, name="x")
        a, b = x + x, x * x
        with module_scope(None, "inner"):
            c = a * b
        return (c + c * x).sum()

    graph = draw(recorded(make)).graph
    sent = chips.chips_of(graph)
    _, layout = arranged(graph, lambda node, badge: Card(node), sent=sent)
    places = chips.placed(sent, layout)
    assert len(places) == len(sent) > 8
    boxes = [Box(x, y, chip.width, chip.height) for chip, x, y in places]
    for i, box in enumerate(boxes):
        assert not any(overlap(box, card) for card in layout.boxes.values())
        assert not any(overlap(box, other) for other in boxes[:i])


def test_no_chip_is_cut_at_the_edge_of_the_picture():
    for make in (softmaxes, skipgram):
        root = ElementTree.fromstring(draw(recorded(make)).svg(engine="builtin"))
        whole = float(root.get("width"))
        shift = sum(
            float(re.match(r"translate\(([-\d.]+)", g.get("transform"))[1])
            for g in root.iter(f"{SVG}g")
            if g.get("transform")
        )
        for g in root.iter(f"{SVG}g"):
            if g.get("class") == "sent":
                rect = g.find(f"{SVG}rect")
                assert 0 <= shift + float(rect.get("x")) <= whole - float(rect.get("width"))


def test_an_edge_of_many_folded_modules_does_not_show_what_one_of_them_sent():
    model = nn.Sequential(*(nn.Linear(4, 4) for _ in range(3)))
    x = Tensor(np.ones((1, 4)), requires_grad=True)
    loss = recorded(lambda: model(x * 2.0).sum())
    for depth in (None, 1):
        graph = draw(loss, depth=depth, fold=True, contributions=True).graph
        shown = {(graph.nodes[e.tail].title, graph.nodes[e.head].title) for e in graph.edges if e.part is not None}
        assert shown == {("x", "mul")}
