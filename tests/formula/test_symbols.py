"""Symbols: shape, dtype and value of an array, the memory of how it was made, and no way around it."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp.formula import formula
from tinygrad_nlp.formula.symbols import SymbolBook


@pytest.fixture
def x():
    return SymbolBook().leaf("x", np.array([1.0, -2.0]))


def test_a_symbol_evaluates_as_it_is_built(x):
    s = (2 * x + 1).sum() / x.size
    np.testing.assert_array_equal(s.value, (2 * x.value + 1).sum() / 2)
    assert s.op.name == "div" and s.shape == ()


def test_an_array_on_the_left_asks_the_symbol(x):
    assert (np.array([3.0, 4.0]) - x).op.name == "sub"


def test_equal_expressions_are_one_symbol(x):
    assert tg.exp(x) is tg.exp(x)
    assert x * np.ones(2) is x * np.ones(2)
    assert x * np.ones(2) is not x * np.zeros(2)
    assert x.sum(0) is not x.sum()


@pytest.fixture
def own_op():
    """Register an op for one test."""
    made = []

    def own_op(rule):
        body = type("own", (), {"forward": lambda x: x * 3.0, "vjp_x": rule, "__doc__": "3 x", "__module__": "test"})
        made.append(tg.op(body))
        return made[-1]

    yield own_op
    for op in made:
        tg.registry.pop(op.name)


def loss_of(op):
    x = tg.Tensor(np.array([1.0, 2.0]), requires_grad=True, name="x")
    return op(x).sum(), x


def test_a_users_own_op_is_read_like_any_other(own_op):
    loss, x = loss_of(own_op(lambda g, out, x: 3.0 * g))
    assert formula(loss, x).latex() == r"3 \mathbf{1}"


def test_a_wrong_rule_prints_what_it_says_for_that_is_what_the_engine_computes(own_op):
    loss, x = loss_of(own_op(lambda g, out, x: 4.0 * g))
    assert formula(loss, x).latex() == r"4 \mathbf{1}"


@pytest.mark.parametrize(
    "rule, words",
    [
        (lambda g, out, x: g * np.exp(x), "formula: the rule of own: .*ufunc.*write instead: exp"),
        (lambda g, out, x: 3.0 * g if x[0] > 0 else g, "formula: the rule of own: it asked for the values of a symbol"),
        (lambda g, out, x: np.asarray(x) * g, "formula: the rule of own: it gave a symbol .* to a function of NumPy"),
    ],
)
def test_a_rule_that_needs_numbers_is_named(own_op, rule, words):
    loss, x = loss_of(own_op(rule))
    with pytest.raises(tg.DTypeError, match="(?s)" + words):
        formula(loss, x)
