"""Circular and hyperbolic functions and their inverses."""

import cmath
from fractions import Fraction

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp import Tensor


def each(function):
    """A function of Python complex numbers (cmath shares no code with NumPy's real loops), applied to every element."""
    return lambda x: np.vectorize(lambda v: function(v).real, otypes=[float])(x) if x.size else x


NAMES = {
    **{name: name for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
}
FORWARD = {ours: each(getattr(cmath, theirs)) for ours, theirs in NAMES.items()}
INSIDE = {"arccosh": np.array([1.1, 2.0, 30.0])}


def points(name):
    return INSIDE.get(name, np.array([-0.9, -0.2, 0.0, 0.5, 0.99]))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_gradient_equals_the_complex_step(name):
    op, x = tg.registry[name], points(name)
    t = Tensor(x, requires_grad=True)
    op(t).sum().backward()
    np.testing.assert_allclose(t.grad, op(x + 1e-30j).imag / 1e-30, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_gradient_equals_torch(name):
    torch = pytest.importorskip("torch")
    x = points(name)
    ours, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out = tg.registry[name](ours)
    expected = getattr(torch, name)(theirs)
    np.testing.assert_allclose(out.data, expected.detach().numpy(), rtol=1e-12, atol=1e-15)
    out.sum().backward()
    expected.sum().backward()
    np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("name, inverse", [(n, f"arc{n}") for n in ("sin", "tan", "sinh", "tanh")])
def test_a_function_of_its_inverse_has_slope_one(name, inverse):
    t = Tensor(np.linspace(-0.8, 0.8, 7), requires_grad=True)
    tg.registry[name](tg.registry[inverse](t)).sum().backward()
    np.testing.assert_allclose(t.grad, np.ones(7), rtol=1e-12)


@pytest.mark.parametrize("name, power, sign", [("arcsin", 0.5, 1), ("arccos", 0.5, -1), ("arctanh", 1.0, 1)])
def test_slope_near_the_end_of_the_domain_keeps_its_digits(name, power, sign):
    """x² rounds to 53 bits, so that 1 - x² has only 27 right at x = 1 - 1e-8."""
    x = 1 - 1e-8
    exact = float(1 / (1 - Fraction(x) ** 2)) ** power
    t = Tensor(np.array([x, -x]), requires_grad=True)
    tg.registry[name](t).sum().backward()
    np.testing.assert_allclose(t.grad, [sign * exact] * 2, rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ["sin", "cos", "tanh", "arctan", "arcsinh"])
def test_far_arguments_raise_no_warning(name, dtype):
    t = Tensor(np.array([-1000.0, 1000.0], dtype), requires_grad=True)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        tg.registry[name](t).sum().backward()
    assert np.isfinite(t.grad).all() and t.grad.dtype == dtype


def test_tanh_saturates_with_gradient_zero():
    t = Tensor(np.array([-1000.0, 1000.0]), requires_grad=True)
    out = tg.tanh(t)
    out.sum().backward()
    assert out.tolist() == [-1.0, 1.0] and t.grad.tolist() == [0.0, 0.0]
