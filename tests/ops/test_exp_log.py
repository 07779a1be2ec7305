"""Exponentials, logarithms, roots, error function."""

import math

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp import Tensor


def each(function):
    """A function of Python numbers, applied to every element."""
    return lambda *x: (
        np.vectorize(function, otypes=[float])(*x) if np.broadcast(*x).size else np.broadcast_arrays(*x)[0]
    )


FORWARD = {
    "erf": each(math.erf),
    "exp": each(math.exp),
    "expm1": each(math.expm1),
    "log": each(math.log),
    "log1p": each(math.log1p),
    "logaddexp": lambda x, y: np.log(np.exp(x) + np.exp(y)),
    "rsqrt": lambda x: np.power(x, -0.5),
    "sqrt": each(math.sqrt),
}


def grid(dtype):
    tiny = float(np.finfo(dtype).tiny)
    parts = np.linspace(-7, 7, 20001), np.geomspace(tiny, 1.0, 500), -np.geomspace(tiny, 1.0, 500)
    return np.concatenate([*parts, [0.0, 0.46875, np.nextafter(0.46875, 1.0), 6.0, 30.0]]).astype(dtype)


@pytest.mark.parametrize("dtype, ulps", [(np.float64, 4), (np.float32, 4)])
def test_erf_is_accurate_to_four_units_in_the_last_place(dtype, ulps):
    x = grid(dtype)
    expected = np.vectorize(math.erf)(x.astype(np.float64))
    got = tg.erf(x)
    assert got.dtype == dtype
    error = np.abs(got.astype(np.float64) - expected)
    # A subnormal result has no relative accuracy to keep.
    assert (error <= ulps * np.finfo(dtype).eps * np.abs(expected) + 2 * np.finfo(dtype).smallest_subnormal).all()


def test_erf_equals_scipy():
    special = pytest.importorskip("scipy.special")
    x = grid(np.float64)
    np.testing.assert_allclose(tg.erf(x), special.erf(x), rtol=1e-15, atol=1e-300)


def test_erf_of_several_blocks_equals_erf_of_each_element():
    x = np.random.default_rng(0).normal(size=(3, 20_001))
    np.testing.assert_array_equal(tg.erf(x)[:, ::999], [[tg.erf(v) for v in row] for row in x[:, ::999]])


def test_erf_at_the_ends():
    x = np.array([-np.inf, -40.0, -0.0, 0.0, 40.0, np.inf])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        got = tg.erf(x)
    assert got.tolist() == [-1.0, -1.0, 0.0, 0.0, 1.0, 1.0]
    assert np.signbit(got[2]) and not np.signbit(got[3])
    assert np.isnan(tg.erf(np.array([np.nan]))).all()


def test_erf_is_odd_and_takes_any_real_dtype():
    x = np.random.default_rng(0).normal(size=(3, 4))
    np.testing.assert_array_equal(tg.erf(-x), -tg.erf(x))
    assert tg.erf(np.array([1, 2])).dtype == np.float64
    assert float(tg.erf(1)) == pytest.approx(math.erf(1), abs=1e-15)
    half = tg.erf(np.float16([0.5]))
    assert half.dtype == np.float16 and abs(float(half[0]) - math.erf(0.5)) < 1e-3


def test_erf_refuses_complex_numbers():
    with pytest.raises(tg.DTypeError, match=r"erf: x \(1,\) complex128; expected real numbers"):
        tg.erf(np.array([1j]))


@pytest.mark.parametrize("x", [1000.0, -1000.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_logaddexp_is_finite_for_far_arguments(x, dtype):
    a, b = (Tensor(np.array([x], dtype), requires_grad=True) for _ in range(2))
    with np.errstate(over="raise", invalid="raise"):
        out = tg.logaddexp(a, b)
        out.backward()
    np.testing.assert_allclose(out.data, [x + math.log(2)], rtol=np.finfo(dtype).eps)
    np.testing.assert_allclose(a.grad, [0.5], rtol=2000 * np.finfo(dtype).eps)  # out itself is rounded to 1000 eps


def test_logaddexp_of_two_impossible_events_has_no_nan():
    a, b = (Tensor(np.array([-np.inf, -np.inf]), requires_grad=True) for _ in range(2))
    tg.logaddexp(a, b).sum().backward()
    assert a.grad.tolist() == [0.0, 0.0] and b.grad.tolist() == [0.0, 0.0]


def test_gradients_of_logaddexp_add_up_to_the_gradient_that_arrives():
    rng = np.random.default_rng(0)
    a, b = (Tensor(rng.normal(size=5) * 10, requires_grad=True) for _ in range(2))
    tg.logaddexp(a, b).sum().backward()
    np.testing.assert_allclose(a.grad + b.grad, np.ones(5), rtol=1e-12)


def test_small_arguments_keep_their_digits():
    x = np.array([1e-12])
    assert tg.expm1(x)[0] == pytest.approx(1e-12, rel=1e-11)
    assert tg.log1p(x)[0] == pytest.approx(1e-12, rel=1e-11)


@pytest.mark.parametrize("name", sorted(FORWARD))
def test_integers_give_floats(name):
    op = tg.registry[name]
    assert op(*[np.array([1, 2])] * op.arity).dtype == np.float64


@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "sqrt", "rsqrt"])
def test_analytic_ops_agree_with_the_complex_step(name):
    """Im f(x + ih) / h is the derivative to machine precision, with no difference that cancels."""
    op, x = tg.registry[name], np.array([0.3, 1.0, 2.5])
    t = Tensor(x, requires_grad=True)
    op(t).sum().backward()
    np.testing.assert_allclose(t.grad, op(x + 1e-30j).imag / 1e-30, rtol=1e-13)


def test_words_are_refused():
    with pytest.raises(tg.DTypeError, match="exp"):
        tg.exp(np.array(["word"]))
