"""In-place changes between forward and backward: refused exactly when a rule needs what was overwritten."""

import gc

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp import Tensor, no_grad
from tinygrad_nlp.errors import StaleValueError
from tinygrad_nlp.reads import values_read
from tinygrad_nlp.versions import changed_since, changes, note_change, owner, tick


def leaf(*values):
    return Tensor(np.array(values or (1.0, 2.0)), requires_grad=True)


def overwrite(t):
    with no_grad():
        t[...] = 9.0


def test_the_message_names_both_lines_the_argument_and_the_way_out():
    x, w = leaf(), leaf()
    y = x * w  # the forward line
    with no_grad():
        w[0] = 5.0  # the line that changed it
    with pytest.raises(StaleValueError) as caught:
        y.sum().backward()
    text = str(caught.value)
    first = test_the_message_names_both_lines_the_argument_and_the_way_out.__code__.co_firstlineno
    assert "backward through mul: its argument y (2,) float64, changed in place at" in text
    assert f"test_versions.py:{first + 4} in" in text, "the line of the change"
    assert f"when mul ran at {__file__}:{first + 2} in" in text, "the line of the forward pass"
    assert "write instead: the change after backward(), or on a copy: Tensor(t.data)" in text


@pytest.mark.parametrize(
    "forward, changed, stale",
    [
        (lambda x, y: x * y, "x", True),
        (lambda x, y: x * y, "y", True),
        (lambda x, y: x + y, "x", False),
        (lambda x, y: x + y, "y", False),
        (lambda x, y: x.exp() + y, "x", False),
        (lambda x, y: x.exp() + y, "inner", True),
        (lambda x, y: x.sin() + y, "x", True),
        (lambda x, y: x.sin() + y, "inner", False),
        (lambda x, y: x.sum() + y, "x", False),
        (lambda x, y: x.reshape(2, 1) + y, "x", False),
        (lambda x, y: x[0] + y, "x", False),
        (lambda x, y: x / y, "y", True),
    ],
)
def test_stale_exactly_when_a_rule_reads_the_value(forward, changed, stale):
    x, y = leaf(), leaf()
    inner = []
    out = forward(x, y)
    inner = out._args[0] if isinstance(out._args[0], Tensor) else x
    overwrite({"x": x, "y": y, "inner": inner}[changed])
    if stale:
        with pytest.raises(StaleValueError):
            out.sum().backward()
    else:
        out.sum().backward()
        assert x.grad is not None


def test_what_only_an_unneeded_gradient_would_read_may_change():
    x, c = leaf(), Tensor(np.ones(2))
    y = x * c
    overwrite(x)  # dJ/dc would read x, but c requires none
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.detach().fill_(3.0),
        lambda x: x.detach()[1:].fill_(3.0),
        lambda x: x.detach().reshape(2, 1).T.zero_(),
        lambda x: x.detach().__iadd__(1.0),
        lambda x: setattr(x, "data", np.zeros(2)),
        lambda x: note_change(x.data[::-1]),
    ],
    ids=["detach", "slice", "view of a view", "iadd", "data setter", "noted by hand"],
)
def test_a_change_is_seen_through_every_alias(change):
    x = leaf()
    y = (x * x).sum()
    change(x)
    with pytest.raises(StaleValueError, match="changed in place at"):
        y.backward()


def test_a_change_before_the_forward_pass_is_no_harm():
    x = leaf()
    overwrite(x)
    (x * x).sum().backward()
    assert x.grad.tolist() == [18.0, 18.0]


def test_a_change_between_two_uses_spoils_the_first_only():
    x = leaf()
    first = (x * x).sum()
    overwrite(x)
    (x * x).sum().backward()
    assert x.grad.tolist() == [18.0, 18.0]
    with pytest.raises(StaleValueError):
        first.backward()


def test_a_change_of_another_array_is_no_harm():
    x, other = leaf(), leaf()
    y = (x * x).sum()
    overwrite(other)
    y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_the_result_of_an_op_can_be_stale_too():
    x = leaf()
    e = x.exp()
    with no_grad():
        e *= 2.0
    with pytest.raises(StaleValueError, match="backward through exp: its result, changed in place at"):
        e.sum().backward()


def test_an_optimizer_step_between_forward_and_backward_is_noticed():
    w = leaf()
    w.grad = np.ones(2)
    loss = (w * w).sum()
    with no_grad():
        w.data -= 0.1 * w.grad
    with pytest.raises(StaleValueError):
        loss.backward()


# ---- the clock and the book of changes


def test_the_clock_only_goes_forward():
    assert tick() < tick() < leaf()._id < leaf()._id


def test_owner_is_the_end_of_the_chain_of_views():
    array = np.zeros((4, 4))
    assert owner(array) is array and owner(array[1:].T) is array


def test_changes_are_dated_by_array():
    a, b = np.zeros(3), np.zeros(3)
    before = tick()
    note_change(a[1:])
    assert "test_versions.py" in changed_since(a, before)
    assert changed_since(a, tick()) is None and changed_since(b, before) is None
    assert changes.latest > before


def test_a_recycled_array_does_not_inherit_a_past():
    a = np.zeros(3)
    note_change(a)
    key = id(a)
    assert key in changes.by_owner
    del a
    gc.collect()
    assert key not in changes.by_owner


# ---- what a rule reads, found in its source


@pytest.mark.parametrize(
    "name, position, read",
    [
        ("mul", 0, {"y"}),
        ("mul", 1, {"x"}),
        ("add", 0, set()),
        ("exp", 0, {"out"}),
        ("sum", 0, set()),
        ("reshape", 0, set()),
        ("getitem", 0, set()),
        ("tanh", 0, {"out"}),
        ("concat", 0, set()),
    ],
)
def test_values_read(name, position, read):
    assert values_read(tg.registry[name], position) == frozenset(read)


def test_a_rule_whose_source_is_unknown_reads_everything():
    namespace = {}
    exec("def rule(g, out, x, y):\n    return g", namespace)

    class typed_into_a_prompt:
        forward = np.add
        arguments = ("x", "y")

    made = tg.Op("typed", np.add, (namespace["rule"], namespace["rule"]), typed_into_a_prompt)
    assert values_read(made, 0) == {"out", "x", "y"}


def test_a_change_is_seen_through_a_window_view():
    """NumPy's windows have no array as base but an object that holds it."""
    x = leaf(0.0, 1.0, 2.0, 3.0)
    windows = x.unfold(size=2, axis=0)
    assert owner(windows.data) is owner(x.data)
    y = (windows * windows).sum()
    overwrite(x)
    with pytest.raises(StaleValueError, match="changed in place"):
        y.backward()


@pytest.mark.parametrize(
    "forward, shape",
    [
        (lambda x: x.sum(), (5,)),  # its rule reads no value, only the shape
        (lambda x: (x + np.ones((2, 3))).sum(), (2, 3)),  # the engine would take the sum's gradient as it came
        (lambda x: (x + np.ones((2, 3))).sum(), (1,)),  # or add it up
        (lambda x: x[np.array([0, 2])].sum(), (4,)),
    ],
)
@pytest.mark.parametrize("create_graph", [False, True])
def test_data_of_another_shape_leaves_no_gradient_of_the_old_one(forward, shape, create_graph):
    x = Tensor(np.ones(3), requires_grad=True, name="W")
    loss = forward(x)
    x.data = np.ones(shape)
    with pytest.raises(StaleValueError) as caught:
        loss.backward(create_graph=create_graph)
    text = str(caught.value)
    assert f"W {shape} float64, whose data was replaced at {__file__}" in text
    assert "expected the shape (3,) that W had when" in text and "or run the forward pass again" in text
    assert x.grad is None
