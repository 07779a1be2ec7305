"""`record_gradients`: every intermediate under the name it has in the user's code."""

import gc
import weakref

import numpy as np
import pytest

from tinygrad_nlp import Tensor, nn, record_gradients, relu, tanh

SOURCE = """
W = Tensor(np.ones((2, 2)), requires_grad=True)
h = X @ W
for t in range(2):
    h = tanh(h + t)
loss = h.sum()
loss.backward()
"""


def leaf(*shape):
    return Tensor(np.linspace(-1.0, 1.0, int(np.prod(shape))).reshape(shape), requires_grad=True)


def layer(x, W):
    z = x @ W
    return tanh(z)


def two(x):
    return x * 2, x * 3


def test_names_are_those_of_the_variables():
    x, W = leaf(2, 3), leaf(3, 3)
    with record_gradients() as journal:
        h = layer(x, W)
        y = relu(h) * 2.0
        y += 1.0
        loss = y.sum()
        loss.backward()
    names = journal.names()
    assert names[:2] == ["z", "h"] and names[-3:] == ["y@1", "y@2", "loss"]
    assert journal["z"].shape == (2, 3) and journal["h"] is h and journal["y"] is y and journal["y@1"] is not y
    np.testing.assert_array_equal(journal["y"].grad, np.ones((2, 3)))


def test_loops_and_containers():
    x, W = leaf(2, 3), leaf(3, 3)
    states, by_key = [x], {}
    h = [None] * 3
    with record_gradients() as journal:
        for t in range(3):
            h[t] = tanh(states[-1] @ W)
            s = h[t] * 2.0
            states.append(s.exp())
        by_key["sum"] = states[3].sum()
        by_key["sum"].backward()
    assert [journal[f"h[{t}]"] is h[t] for t in range(3)] == [True] * 3
    assert [journal[f"states[{t}]"] is states[t] for t in (1, 2, 3)] == [True] * 3
    assert {"s@1", "s@2", "s@3", "by_key['sum']"} <= set(journal.names()) and journal["s"] is s


def test_other_ways_to_bind():
    class Holder:
        pass

    x, holder = leaf(3), Holder()
    with record_gradients() as journal:
        p, q = two(x)
        a = b = p * q
        holder.state = a * 2.0
        if (w := holder.state * b) is not None:
            typed: Tensor = w + 1.0
        typed.sum().backward()
    for name, tensor in (("p", p), ("q", q), ("a", a), ("holder.state", holder.state), ("w", w), ("typed", typed)):
        assert journal[name] is tensor


def test_of_the_tensors_a_module_makes_the_last_gets_the_variables_name():
    class Net(nn.Module):
        def __init__(self):
            self.hidden, self.out = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x):
            a = self.hidden(x)
            return self.out(relu(a))

    net, x = Net(), leaf(2, 3)
    with record_gradients() as journal:
        scores = net(x)
        scores.sum().backward()
    assert journal["scores"] is scores and journal["a"].shape == (2, 4)
    assert sum(name == "scores" for name in journal.names()) == 1


def test_without_source_and_at_module_level():
    variables = {"Tensor": Tensor, "np": np, "X": np.ones((3, 2)), "tanh": tanh}
    with record_gradients() as journal:
        exec(SOURCE, variables)
    names = journal.names()
    assert names[0] == "h@1" and {"h@2", "h@3", "loss"} <= set(names) and names.count("add") == 2
    assert journal["h"] is variables["h"]


def test_a_name_given_to_a_tensor_comes_first():
    x = leaf(3)
    with record_gradients() as journal:
        y = x * x
        y.name = "square"
        z = y * 2.0
        z.sum().backward()
    assert journal["square"] is y and journal["z"] is z
    with pytest.raises(KeyError, match="no recorded tensor is named 'y'; there are: square, z, "):
        journal["y"]


def test_the_table_is_aligned_and_the_dict_complete():
    x = leaf(2, 3)
    with record_gradients() as journal:
        h = x * 2.0
        unused = h * h
        loss = h.sum()
        loss.backward()
    lines = str(journal).splitlines()
    assert lines[0].split() == ["name", "shape", "value", "gradient", "op", "line"]
    assert len({line.index(f" {op} ") for line, op in zip(lines, ("op", "mul", "mul", "sum"))}) == 1
    assert "-2 … 2, mean 0" in lines[1] and "1 … 1, mean 1" in lines[1] and "none arrived" in lines[2]
    data = journal.to_dict()
    assert list(data) == ["h", "unused", "loss"]
    assert data["h"]["shape"] == (2, 3) and data["h"]["op"] == "mul" and "test_journal.py" in data["h"]["where"]
    np.testing.assert_array_equal(data["h"]["value"], h.data)
    np.testing.assert_array_equal(data["h"]["gradient"], np.ones((2, 3)))
    assert data["unused"]["gradient"] is None and unused.shape == (2, 3)
    with record_gradients() as nothing:
        pass
    assert str(nothing).startswith("nothing was recorded")


def test_expressions_that_no_variable_holds_are_told_apart():
    x = leaf(3)
    with record_gradients() as journal:
        (x * 2.0 + x * 3.0).sum().backward()
    data = journal.to_dict()
    assert len(data) == 4 and all(d["gradient"] is not None for d in data.values())
    if hasattr(record_gradients.__code__, "co_positions"):  # Python 3.11 keeps columns
        assert {"x * 2.0", "x * 3.0", "x * 2.0 + x * 3.0"} <= set(data)


def test_variables_are_looked_at_and_let_go():
    def run():
        x = leaf(3)
        with record_gradients() as journal:
            y, z = two(x)
            (y * z).sum().backward()
        assert journal["y"] is y
        seen = weakref.ref(y)
        del journal, y, z
        return seen()

    gc.disable()
    try:
        assert run() is None
    finally:
        gc.enable()


def test_a_dict_that_the_user_got_from_locals_is_left_alone():
    x = leaf(3)
    held = locals()
    with record_gradients() as journal:
        y, z = two(x)
    assert held["x"] is x and len(journal) == 2 and z.shape == y.shape


def test_nothing_is_noted_outside():
    x = leaf(3)
    with record_gradients() as journal:
        y = x * 2.0
    z = y * 2.0
    assert len(journal) == 1 and list(journal) == [y] and z.shape == (3,)
