"""Sums, products, quotients, powers."""

import math

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.numerical import assert_close
from tinygrad_nlp import Tensor

FORWARD = {
    "abs": np.abs,
    "add": np.add,
    "div": lambda x, y: np.multiply(x, np.power(np.asarray(y, float), -1)),
    "mul": np.multiply,
    "neg": np.negative,
    "pow": lambda x, y: np.vectorize(math.pow, otypes=[float])(x, y),
    "reciprocal": lambda x: np.power(x, -1.0),
    "sign": np.sign,
    "square": lambda x: x * x,
    "sub": np.subtract,
}


def gradient(function, x):
    t = Tensor(np.asarray(x), requires_grad=True)
    function(t).sum().backward()
    return t.grad


def test_integers_divide_to_floats():
    assert tg.div(np.array([1, 2]), 2).tolist() == [0.5, 1.0]
    assert tg.reciprocal(np.array([2, 4])).tolist() == [0.5, 0.25]


def test_division_by_a_large_number_keeps_its_gradient():
    """-x / y² would overflow in y²; -(x / y) / y does not."""
    y = Tensor(np.float32([1e25]), requires_grad=True)
    with np.errstate(over="raise"):
        tg.div(np.float32([1e25]), y).backward()
    np.testing.assert_allclose(y.grad, [-1e-25], rtol=1e-6)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 7, 13, 64])
def test_whole_powers_of_whole_numbers_are_exact(n):
    x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    assert tg.pow(x, n).tolist() == [float(int(v) ** n) for v in x]
    assert gradient(lambda t: t**n, x).tolist() == [float(n * int(v) ** (n - 1)) if n else 0.0 for v in x]


def test_whole_powers_keep_integers_and_float32():
    assert tg.pow(np.array([2, 3]), 5).dtype == np.int64
    x = np.float32([1.5, -2.0])
    for y in (2, 3, 2.0, 0.5, -1, 0):
        with np.errstate(invalid="ignore"):
            assert tg.pow(x, y).dtype == np.float32
            assert gradient(lambda t, y=y: t**y, x).dtype == np.float32


def test_a_number_to_a_tensor_keeps_float32():
    t = Tensor(np.float32([0.5, -1.0]), requires_grad=True)
    (2**t).sum().backward()
    assert t.grad.dtype == np.float32
    np.testing.assert_allclose(t.grad, np.log(2) * 2 ** np.array([0.5, -1.0]), rtol=1e-6)


def test_a_cube_is_two_multiplications():
    """Bit for bit, so that no general power can have been computed."""
    x = np.random.default_rng(0).normal(size=1000)
    np.testing.assert_array_equal(tg.pow(x, 3), x * x * x)
    np.testing.assert_array_equal(tg.pow(x, 4), (x * x) * (x * x))
    np.testing.assert_array_equal(gradient(lambda t: t**2, x), 2 * x)


def test_third_derivative_of_a_power():
    x = Tensor(np.array([2.0]), requires_grad=True)
    y = x**5
    for _ in range(3):
        x.zero_grad()
        y.sum().backward(create_graph=True)
        y = x.grad
    assert y.tolist() == [60 * 4.0]


def test_mixed_second_derivative_of_a_power_where_the_exponent_is_zero():
    """∂²(x^y)/∂x∂y = x^(y-1)(1 + y ln x) is 1/x at y = 0: the guard against 0 · inf must not flatten it."""
    x, y = Tensor(np.array([2.0]), requires_grad=True), Tensor(np.array([0.0]), requires_grad=True)
    tg.pow(x, y).backward(create_graph=True)
    gx = x.grad
    y.zero_grad()
    gx.backward()
    assert_close(y.grad, [0.5], 1e-12)


def test_zero_to_a_tensor_has_gradient_zero():
    t = Tensor(np.array([0.5, 1.0, 0.0]), requires_grad=True)
    (0**t).sum().backward()
    assert t.grad.tolist() == [0.0, 0.0, 0.0]


def test_integers_to_a_negative_power_are_refused():
    with pytest.raises(
        tg.DTypeError, match=r"integers to a negative integer power.*\n.*x\.astype\(np\.float64\) \*\* y"
    ):
        tg.pow(np.array([1, 2]), -1)


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(tg.ShapeError, match=r"div: x \(2, 3\) float64, y \(2,\) float64; expected .* shapes broadcast"):
        tg.div(np.ones((2, 3)), np.ones(2))


@pytest.mark.parametrize("x", [0.0, 0.7, 2.0, -1.5])
@pytest.mark.parametrize("y", [-2.0, 0.0, 0.5, 1.0, 2.0, 3.0])
def test_pow_gradients_equal_torch(x, y):
    torch = pytest.importorskip("torch")
    theirs = [torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (x, y)]
    torch.pow(*theirs).backward()
    ours = [Tensor(np.array([v]), requires_grad=True) for v in (x, y)]
    with np.errstate(all="ignore"):
        tg.pow(*ours).backward()
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-12)
