"""Nonlinearities."""

import math

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp import Tensor


def each(function):
    """A function of Python numbers with options, applied to every element."""
    return lambda x, **o: np.vectorize(lambda v: function(v, **o), otypes=[float])(x) if x.size else x


def naive_gelu(x, approximate):
    if approximate == "none":
        return x * 0.5 * math.erfc(-x / math.sqrt(2))
    return x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


FORWARD = {
    "elu": each(lambda x, alpha: x if x > 0 else alpha * math.expm1(x)),
    "gelu": each(naive_gelu),
    "hardtanh": each(lambda x, min_val, max_val: sorted((min_val, x, max_val))[1]),
    "leaky_relu": each(lambda x, negative_slope: x if x > 0 else negative_slope * x),
    "logsigmoid": each(lambda x: -math.log(1 + math.exp(-x))),
    "relu": each(lambda x: x if x > 0 else 0.0),
    "sigmoid": each(lambda x: 1 / (1 + math.exp(-x))),
    "silu": each(lambda x: x / (1 + math.exp(-x))),
    "softplus": each(lambda x, beta: math.log(1 + math.exp(beta * x)) / beta),
}

ALL = [
    *((name, {}) for name in sorted(FORWARD)),
    ("elu", {"alpha": 0.3}),
    ("gelu", {"approximate": "tanh"}),
    ("hardtanh", {"min_val": -0.5, "max_val": 2.0}),
    ("leaky_relu", {"negative_slope": 0.2}),
    ("softplus", {"beta": 3.0}),
]
FAR = [-1000.0, -100.0, 100.0, 1000.0]


def run(name, x, **options):
    t = Tensor(np.asarray(x), requires_grad=True)
    out = tg.registry[name](t, **options)
    out.sum().backward()
    return out.data, t.grad


@pytest.mark.parametrize("name, options", ALL)
def test_values_and_gradients_equal_torch(name, options):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn.functional, name)
    # PyTorch's softplus leaves the logarithm out above beta · x = 20; ours does not (the next test).
    x = np.concatenate([np.linspace(-30, 6, 145), [] if name == "softplus" else np.linspace(7, 30, 24), FAR])
    x = x[x * options.get("beta", 1.0) < 20] if name == "softplus" else x
    out, g = run(name, x, **options)
    t = torch.tensor(x, requires_grad=True)
    expected = theirs(t, **options)
    expected.sum().backward()
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(g, t.grad.numpy(), rtol=1e-12, atol=1e-12)


def test_softplus_keeps_the_logarithm_where_torch_drops_it():
    x = 25.0
    got = float(tg.softplus(np.array([x]))[0])
    assert got - x == pytest.approx(math.exp(-x), rel=1e-4)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name, options", ALL)
def test_far_arguments_give_finite_values_and_no_warning(name, options, dtype):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        out, g = run(name, np.array(FAR, dtype), **options)
    assert out.dtype == g.dtype == dtype
    assert np.isfinite(out).all() and np.isfinite(g).all()


@pytest.mark.parametrize("name, options", ALL)
def test_infinity_gives_the_limit(name, options):
    with np.errstate(all="ignore"):
        out = tg.registry[name](np.array([np.inf]), **options)[0]
    limits = {"sigmoid": 1.0, "logsigmoid": 0.0, "hardtanh": options.get("max_val", 1.0)}
    assert out == limits.get(name, math.inf)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sigmoid_keeps_its_digits_in_the_tail(dtype):
    """A probability of 1e-30 must not round to 0: its logarithm is part of a loss."""
    x = np.linspace(-80, 30, 1101).astype(dtype)
    expected = np.array([1 / (1 + math.exp(-float(v))) for v in x])
    np.testing.assert_allclose(tg.sigmoid(x), expected, rtol=4 * np.finfo(dtype).eps)


def test_sigmoid_at_infinity():
    assert tg.sigmoid(np.array([-np.inf, np.inf, -1e4, 1e4])).tolist() == [0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize("x", [0.0, 0.3, -7.0, 40.0, -1000.0])
def test_one_minus_sigmoid_of_minus_x_is_sigmoid_of_x(x):
    """003 Eq 39-40."""
    assert 1 - tg.sigmoid(np.array([-x]))[0] == pytest.approx(tg.sigmoid(np.array([x]))[0], abs=2e-16)


def test_sigmoid_slope_is_the_one_the_problem_set_derives():
    """003 Q2a, 004 (c): σ' = σ(1 - σ), with σ computed here from its definition."""
    x = np.linspace(-4, 4, 9)
    s = 1 / (1 + np.exp(-x))
    np.testing.assert_allclose(run("sigmoid", x)[1], s * (1 - s), rtol=1e-12)


def test_logsigmoid_is_finite_where_the_log_of_sigmoid_is_not():
    out, g = run("logsigmoid", np.array([-1000.0]))
    assert out.tolist() == [-1000.0] and g.tolist() == [1.0]
    with np.errstate(divide="ignore"):
        assert np.isneginf(tg.log(tg.sigmoid(np.array([-1000.0]))))


def test_relu_slope_at_and_around_zero():
    assert run("relu", np.array([-1.0, 0.0, 2.0]))[1].tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("name, options", ALL)
def test_integers_and_numbers_are_taken(name, options):
    op = tg.registry[name]
    expected = FORWARD[name](np.array([1.0, -2.0]), **op.defaults | options)
    np.testing.assert_allclose(op(np.array([1, -2]), **options), expected, rtol=1e-12)
    np.testing.assert_allclose(op(1.0, **options), expected[0], rtol=1e-12)


@pytest.mark.parametrize("name", ["sigmoid", "silu", "gelu"])
def test_analytic_ops_agree_with_the_complex_step(name):
    options = {"approximate": "tanh"} if name == "gelu" else {}
    x = np.array([-2.0, 0.1, 3.0])
    g = run(name, x, **options)[1]
    np.testing.assert_allclose(g, tg.registry[name](x + 1e-30j, **options).imag / 1e-30, rtol=1e-12)


def test_options_without_meaning_are_refused():
    x = np.ones(2)
    with pytest.raises(tg.OptionError, match=r'gelu: approximate=\'exact\'; expected "none" or "tanh"'):
        tg.gelu(x, approximate="exact")
    with pytest.raises(tg.OptionError, match="softplus: beta=0; expected a positive number"):
        tg.softplus(x, beta=0)
    with pytest.raises(tg.OptionError, match="hardtanh: min_val=2, max_val=1.0; expected min_val < max_val"):
        tg.hardtanh(x, min_val=2)
