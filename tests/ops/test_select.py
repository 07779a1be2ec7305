"""Choosing between numbers."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.ops.arrays import each, leaf
from tinygrad_nlp import Tensor


def naive_clip(x, min, max):
    x = np.array(x) if min is None else np.maximum(x, min)
    return x if max is None else np.minimum(x, max)


FORWARD = {
    "masked": lambda x, mask: np.where(mask, x, 0.0),
    "clip": naive_clip,
    "maximum": each(max),
    "minimum": each(min),
    "where": each(lambda c, x, y: x if c else y),
}


def test_what_was_not_chosen_receives_zero_even_of_an_infinite_gradient():
    """sqrt's gradient at 0 is inf; multiplied by the mask's 0 it would be NaN."""
    x = leaf(-1.0, 4.0)
    with np.errstate(divide="ignore"):
        tg.sqrt(tg.where(x > 0, x, 0.0)).sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]


def test_where_keeps_float32_beside_a_python_number():
    x = Tensor(np.float32([1.0, -1.0]), requires_grad=True)
    out = tg.where(x > 0, x, 0.0)
    out.sum().backward()
    assert out.dtype == x.grad.dtype == np.float32


def test_a_condition_that_requires_grad_is_refused():
    with pytest.raises(tg.GradientError, match=r"where: gradient with respect to 'condition'"):
        tg.where(leaf(0.0, 1.0), leaf(1.0, 2.0), 0.0)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_a_tie_is_shared_and_the_two_gradients_add_up_to_the_one_that_arrives(name):
    x, y = leaf(1.0, 2.0, 3.0), leaf(1.0, 3.0, 2.0)
    tg.registry[name](x, y).backward(np.array([1.0, 10.0, 100.0]))
    assert (x.grad + y.grad).tolist() == [1.0, 10.0, 100.0]
    assert x.grad[0] == y.grad[0] == 0.5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["maximum", "minimum", "clip"])
def test_gradients_keep_their_dtype_inside_the_sweep(name, dtype):
    op = tg.registry[name]
    x = np.array([1.0, -1.0], dtype)
    args, options = ((x,), {"min": 0.0, "max": None}) if name == "clip" else ((x, 0.5), {})
    assert op.rules[0](np.ones(2, dtype), x, *args, **options).dtype == dtype


@pytest.mark.parametrize("bounds", [{"min": -1.0, "max": 1.0}, {"min": -1.0}, {"max": 1.0}, {"min": 2.0, "max": 1.0}])
def test_clip_equals_torch_at_and_around_the_bounds(bounds):
    torch = pytest.importorskip("torch")
    x = np.array([-2.0, -1.0, 0.0, 1.0, 1.5, 2.0, 3.0])
    ours, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, expected = tg.clip(ours, **bounds), torch.clamp(theirs, **bounds)
    out.sum().backward()
    expected.sum().backward()
    np.testing.assert_array_equal(out.data, expected.detach().numpy())
    np.testing.assert_array_equal(ours.grad, theirs.grad.numpy())


def test_clip_takes_bounds_by_place_and_bounds_that_broadcast():
    assert tg.clip(np.array([-2.0, 2.0]), -1, 1).tolist() == [-1.0, 1.0]
    x = leaf(0.5)
    tg.clip(x, min=np.array([0.0, 1.0]), max=Tensor(np.array([2.0, 2.0]))).sum().backward()
    assert x.grad.tolist() == [1.0]


def test_clip_without_bounds_and_with_a_bound_that_requires_grad_is_refused():
    with pytest.raises(
        tg.OptionError, match=r"clip: no bound; expected min, max or both\n  write instead: clip\(x, min=0\)"
    ):
        tg.clip(np.ones(2))
    with pytest.raises(
        tg.GradientError, match=r"gradient with respect to 'min'(.|\n)*minimum\(maximum\(x, low\), high\)"
    ):
        tg.clip(leaf(1.0), min=leaf(0.0))


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(
        tg.ShapeError, match=r"where: condition \(2,\) bool, x \(3,\) float64, y \(\) float64; expected"
    ):
        tg.where(np.array([True, False]), np.ones(3), np.array(0.0))
    with pytest.raises(tg.ShapeError, match=r"maximum: x \(2,\) float64, y \(3,\) float64; expected"):
        tg.maximum(np.ones(2), np.ones(3))


@pytest.mark.parametrize("size", [4, 5000], ids=["small", "large"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_masked_out_receives_zero_even_of_an_infinite_gradient(size, dtype):
    """sqrt has slope inf at 0, where a ReLU that is off has slope 0: the product is 0, as torch answers, not NaN."""
    x = np.linspace(-1.05, 2, size).astype(dtype)
    off = x < 0
    for function in (tg.relu, lambda t: tg.clip(t, min=0), lambda t: tg.maximum(t, np.zeros(size, dtype))):
        t = tg.Tensor(x, requires_grad=True)
        with np.errstate(divide="ignore"):
            tg.sqrt(function(t)).sum().backward()
        assert (t.grad[off] == 0).all()
        np.testing.assert_allclose(t.grad[~off], 0.5 / np.sqrt(x[~off]), rtol=1e-6)


def test_masked_keeps_every_bit_of_what_it_keeps():
    x = np.random.default_rng(0).normal(size=(50, 40))
    x[0], x[1], x[2] = np.nan, np.inf, -0.0
    mask = np.random.default_rng(1).random(x.shape) < 0.5
    for a in (x, x.astype(np.float32), x.T.copy().T):
        out = tg.masked(a, mask)
        expected = np.where(mask, a, a.dtype.type(0))
        assert out.dtype == a.dtype and out.shape == a.shape
        np.testing.assert_array_equal(out, expected)
