"""sum_to_shape is the adjoint of broadcasting; axes are normalized or refused by name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.numerical import assert_close
from tinygrad_nlp import Tensor
from tinygrad_nlp.broadcasting import normalize_axes, restore_axes, sum_to_shape
from tinygrad_nlp.errors import ShapeError


@st.composite
def shape_and_larger(draw):
    larger = draw(st.lists(st.integers(0, 3), max_size=4))
    smaller = [draw(st.sampled_from([1, n])) for n in larger][draw(st.integers(0, len(larger))) :]
    return tuple(smaller), tuple(larger)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(shape_and_larger(), st.integers(0, 100))
def test_sum_to_shape_is_adjoint_of_broadcast_to(shapes, seed):
    """⟨broadcast(x), g⟩ = ⟨x, sum_to_shape(g)⟩, which is what adjoint means."""
    smaller, larger = shapes
    rng = np.random.default_rng(seed)
    x, g = rng.normal(size=smaller), np.asarray(rng.normal(size=larger))
    summed = np.asarray(sum_to_shape(g, smaller))
    assert summed.shape == smaller
    assert_close((np.broadcast_to(x, larger) * g).sum(), (x * summed).sum(), 1e-12)


def test_the_same_shape_is_returned_as_it_is():
    g = np.ones((2, 3))
    assert sum_to_shape(g, (2, 3)) is g


def test_it_runs_on_tensors():
    g = Tensor(np.ones((4, 2, 3)), requires_grad=True)
    out = sum_to_shape(g, (2, 1))
    assert out.shape == (2, 1) and out.data.tolist() == [[12.0], [12.0]]
    out.sum().backward()
    assert g.grad.shape == (4, 2, 3)


@pytest.mark.parametrize(
    "shapes",
    [
        ((), (2, 3)),
        ((3,), (2, 3)),
        ((2, 1), (1, 3)),
        ((0, 3), (1, 3)),
        ((1,), ()),
        ((1, 1, 1), (2,)),
        ((4, 1, 3), (2, 1)),
    ],
)
def test_gradients_of_broadcast_arguments_are_sums_over_the_copies(shapes):
    a, b = (Tensor(np.full(s, 2.0), requires_grad=True) for s in shapes)
    (a * b).sum().backward()
    copies = np.prod(np.broadcast_shapes(*shapes))
    for t in (a, b):
        assert t.grad.shape == t.shape
        if t.size:
            np.testing.assert_array_equal(t.grad, np.full(t.shape, 2.0 * copies / t.size))


@pytest.mark.parametrize(
    "axis, ndim, expected",
    [
        (None, 3, (0, 1, 2)),
        (-1, 3, (2,)),
        ((2, 0), 3, (0, 2)),
        ([-1, 0], 2, (0, 1)),
        (None, 0, ()),
        (np.int64(1), 2, (1,)),
    ],
)
def test_normalize_axes(axis, ndim, expected):
    assert normalize_axes(axis, ndim) == expected


def test_axes_that_do_not_exist_or_come_twice_are_refused():
    with pytest.raises(ShapeError, match="axis: 2 for an array of 2 axes; expected a number from -2 to 1"):
        normalize_axes(2, 2)
    with pytest.raises(ShapeError, match="an axis named twice"):
        normalize_axes((0, -2), 2)
    with pytest.raises(ShapeError, match="expected an int, a tuple of ints or None"):
        normalize_axes("rows", 2)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("keepdims", [True, False])
def test_restore_axes_undoes_the_removal(axis, keepdims):
    x = np.arange(24.0).reshape(2, 3, 4)
    expected = x.sum(axis, keepdims=True)
    np.testing.assert_array_equal(restore_axes(np.asarray(x.sum(axis, keepdims=keepdims)), axis, x.shape), expected)


def test_float16_gradients_of_copies_add_up_beyond_2048():
    """NumPy adds rows of float16 in float16, where 2048 + 1 is 2048."""
    bias = Tensor(np.zeros(3, np.float16), requires_grad=True)
    (np.ones((5000, 3), np.float16) + bias).sum().backward()
    assert bias.grad.dtype == np.float16 and bias.grad.tolist() == [5000.0] * 3
