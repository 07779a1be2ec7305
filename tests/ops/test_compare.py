"""Comparisons and logic, by Python's own operators."""

import operator

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.ops.arrays import each, leaf
from tinygrad_nlp import Tensor

FORWARD = {
    "equal": each(operator.eq, bool),
    "greater": each(operator.gt, bool),
    "greater_equal": each(operator.ge, bool),
    "isfinite": each(lambda x: abs(x) < float("inf"), bool),
    "isnan": each(lambda x: x != x, bool),
    "less": each(operator.lt, bool),
    "less_equal": each(operator.le, bool),
    "logical_and": each(lambda x, y: x != 0 and y != 0, bool),
    "logical_not": each(operator.not_, bool),
    "logical_or": each(lambda x, y: x != 0 or y != 0, bool),
    "logical_xor": each(lambda x, y: (x != 0) != (y != 0), bool),
    "not_equal": each(operator.ne, bool),
}
COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_of_tensors_give_bool_tensors_without_gradient(name):
    out = tg.registry[name](leaf(1.0, 2.0, 3.0), 2.0)
    assert isinstance(out, Tensor) and out.dtype == bool and not out.requires_grad
    assert out.tolist() == getattr(np, name)(np.array([1.0, 2.0, 3.0]), 2.0).tolist()


def test_operators_compare():
    t = leaf(1.0, 2.0)
    assert (t == 1).tolist() == [True, False] and (t != 1).tolist() == [False, True]
    assert operator.gt(2, t).tolist() == [True, False] and (t >= 2).tolist() == [False, True]


def test_isnan_isfinite_logical_not():
    t = leaf(0.0, np.nan, np.inf)
    assert tg.isnan(t).tolist() == [False, True, False]
    assert tg.isfinite(t).tolist() == [True, False, False]
    assert tg.logical_not(t == 0).tolist() == [False, True, True]


def test_operators_on_masks_are_logic():
    t = leaf(1.0, 2.0, 3.0)
    low, array = t < 3, np.array([True, False, False])
    assert ((t > 1) & low).tolist() == [False, True, False]
    assert ((t > 2) | (t < 2)).tolist() == [True, False, True]
    assert (low ^ (t > 1)).tolist() == [True, False, True]
    assert (~low).tolist() == [False, False, True]
    assert (low & array).tolist() == (array & low).tolist() == [True, False, False]
    assert (low & True).tolist() == (True & low).tolist() == low.tolist()
    assert (np.invert(low) | False).tolist() == [False, False, True]
    low &= t > 1
    assert low.tolist() == [False, True, False]


@pytest.mark.parametrize(
    "use",
    [
        lambda x, i: x > 1 & x < 3,  # Python reads 1 & x first
        lambda x, i: i & i,  # for integers these operators are another thing
        lambda x, i: ~i,
        lambda x, i: (x > 1) | 1,
    ],
)
def test_operators_of_masks_refuse_numbers(use):
    with pytest.raises(tg.DTypeError, match=r"expected masks, tensors of bool") as caught:
        use(leaf(1.0, 2.0), Tensor([1, 2]))
    assert "write instead: (x > 0) & (y > 0), with the parentheses" in str(caught.value)
