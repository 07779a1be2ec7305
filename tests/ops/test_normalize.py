"""Softmax and the normalizations: the statements of the course documents, extremes, masks, PyTorch's numbers."""

import math

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.numerical import assert_close, gradient
from tinygrad_nlp.errors import ShapeError


def plain_softmax(x, axis=-1):
    e = np.exp(x)
    return e / np.sum(e, axis=axis, keepdims=True)


def layer_norm(x, weight, bias, eps=1e-5):
    out = np.zeros(x.shape)
    for place in np.ndindex(*x.shape[:-1]):
        row = x[place]
        out[place] = (row - row.mean()) / math.sqrt(row.var() + eps) * weight + bias
    return out


FORWARD = {
    "l2_normalize": lambda x, axis=-1: x / np.sqrt(np.sum(x**2, axis=axis, keepdims=True)),
    "layer_norm": layer_norm,
    "log_softmax": lambda x, axis=-1: np.log(plain_softmax(x, axis)),
    "logsumexp": lambda x, axis=None, keepdims=False: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)),
    "softmax": plain_softmax,
}

INF, NAN = np.inf, np.nan


def vjp(function, x, u):
    t = tg.Tensor(np.asarray(x), requires_grad=True)
    function(t).backward(np.asarray(u, t.dtype))
    return t.grad


def jacobian(function, x):
    """Row i is the gradient of output i: one backward for each."""
    n = function(np.asarray(x)).size
    return np.array([vjp(function, x, row) for row in np.eye(n)])


# ---- softmax ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("c", [-1e4, -1000.0, -1.5, 0.25, 1000.0, 1e4])
def test_softmax_does_not_see_a_shift(c):
    """003 Q1, 004 (a)."""
    x = np.random.default_rng(0).normal(size=(4, 6))
    assert_close(tg.softmax(x + c), tg.softmax(x), 1e-11)
    assert_close(tg.log_softmax(x + c), tg.log_softmax(x), 1e-11)
    assert_close(tg.logsumexp(x + c, axis=1), tg.logsumexp(x, axis=1) + c, 1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1000.0, 1e4])
def test_extreme_logits_stay_finite_forward_and_backward(size, dtype):
    x = np.array([[size, -size, 0.0], [-size, -size, -size], [size, size, size - 1]], dtype)
    for function in (tg.softmax, tg.log_softmax, lambda a: tg.logsumexp(a, axis=1)):
        out = function(x)
        assert out.dtype == dtype and np.isfinite(out).all()
        assert np.isfinite(vjp(function, x, np.ones(out.shape))).all()
    assert_close(tg.softmax(x)[0], [1, 0, 0], 0)
    assert_close(tg.log_softmax(x)[0], [0, -2 * size, -size], 0)
    with np.errstate(over="ignore", invalid="ignore"):
        assert not np.isfinite(plain_softmax(x)).all(), "the naive form would do here: the test shows nothing"


def test_jacobian_of_softmax():
    """003 Q2b: dŷ_k/dx_i = ŷ_k (δ_ki - ŷ_i), with the index of its Eq 16 corrected."""
    x = np.array([0.3, -1.2, 2.0, 0.7])
    y = np.exp(x) / np.exp(x).sum()
    by_hand = np.array([[y[k] * ((k == i) - y[i]) for i in range(4)] for k in range(4)])
    got = jacobian(tg.softmax, x)
    assert_close(got, by_hand, 1e-15)
    as_printed = np.array([[y[k] * ((k == i) - y[k]) for i in range(4)] for k in range(4)])
    assert np.abs(got - as_printed).max() > 0.1, "003 Eq 16 as printed"
    np.testing.assert_allclose(got.sum(0), 0, atol=1e-16)  # the outputs sum to 1
    np.testing.assert_allclose(got.sum(1), 0, atol=1e-16)  # a shift changes nothing
    np.testing.assert_allclose(got, got.T, atol=1e-16)


def test_cross_entropy_of_a_one_hot_target_sends_back_prediction_less_target():
    """003 Eq 18, sign corrected: ŷ - y."""
    x, y = np.array([0.3, -1.2, 2.0]), np.array([0.0, 1.0, 0.0])
    predicted = np.exp(x) / np.exp(x).sum()
    assert_close(vjp(lambda t: -(tg.log_softmax(t) * y).sum(), x, 1.0), predicted - y, 1e-15)
    assert_close(vjp(tg.softmax, x, -y / predicted), predicted - y, 1e-15)


def test_masked_logits_get_nothing_and_send_nothing():
    x = np.array([[0.5, -INF, 1.5, -INF], [2.0, 1.0, 0.0, -1.0]])
    u = np.random.default_rng(1).normal(size=x.shape)
    out = tg.softmax(x)
    assert_close(out[0, [0, 2]], plain_softmax(x[0, [0, 2]]), 1e-15)
    assert (out[0, [1, 3]] == 0).all()
    g = vjp(tg.softmax, x, u)
    assert (g[0, [1, 3]] == 0).all()
    assert_close(g[0, [0, 2]], vjp(tg.softmax, x[0, [0, 2]], u[0, [0, 2]]), 1e-15)
    chosen = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
    g = vjp(tg.log_softmax, x, chosen)
    assert (g[0, [1, 3]] == 0).all() and np.isfinite(g).all()
    g = vjp(lambda t: tg.logsumexp(t, axis=1), x, np.ones(2))
    assert_close(g, out, 1e-15)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_row_that_is_masked_whole_is_nan_alone():
    x = np.array([[-INF, -INF], [0.0, 1.0]])
    for function in (tg.softmax, tg.log_softmax):
        out = function(x)
        assert np.isnan(out[0]).all() and np.isfinite(out[1]).all()
    total = tg.logsumexp(x, axis=1)
    assert total[0] == -INF and np.isfinite(total[1])
    g = vjp(lambda t: tg.logsumexp(t, axis=1), x, np.ones(2))
    assert np.isnan(g[0]).all() and np.isfinite(g[1]).all()


def test_logsumexp_at_infinities():
    assert tg.logsumexp(np.array([INF, 0.0])) == INF
    assert tg.logsumexp(np.array([-INF, 3.0])) == 3.0
    assert np.isnan(tg.logsumexp(np.array([NAN, 0.0])))
    assert tg.logsumexp(np.zeros((2, 0)), axis=1).tolist() == [-INF, -INF]


@pytest.mark.filterwarnings("ignore:invalid value")
def test_nan_stays_in_its_row():
    x = np.array([[NAN, 1.0], [0.0, 1.0]])
    for function in (tg.softmax, tg.log_softmax, tg.l2_normalize):
        for result in (function(x), vjp(function, x, np.ones((2, 2)))):
            assert np.isnan(result[0]).all() and np.isfinite(result[1]).all()


def test_softmax_of_integers_is_a_float():
    assert_close(tg.softmax(np.array([0, 1, 2])), plain_softmax(np.array([0.0, 1.0, 2.0])), 1e-15)
    assert tg.log_softmax(np.array([0, 1])).dtype == np.float64


def test_softmax_over_several_axes_is_one_distribution():
    x = np.random.default_rng(2).normal(size=(3, 4, 2))
    assert_close(tg.softmax(x, axis=(0, 1)).sum((0, 1)), [1, 1], 1e-15)
    assert_close(tg.softmax(x, axis=None), plain_softmax(x, None), 1e-15)


def test_softmax_by_complex_step():
    """Im f(x + ih) / h is the derivative to rounding error, with no difference taken."""
    x, v, h = np.array([0.2, -1.0, 1.7]), np.array([1.0, 2.0, -0.5]), 1e-30
    y = np.exp(x) / np.exp(x).sum()
    jv = (np.diag(y) - np.outer(y, y)) @ v
    assert_close(np.imag(tg.softmax(x + 1j * h * v)) / h, jv, 1e-15)


# ---- layer_norm ------------------------------------------------------------------------------------------------


def test_layer_norm_forgets_shift_and_scale_of_a_row():
    x = np.random.default_rng(3).normal(size=(3, 8))
    one, zero = np.ones(8), np.zeros(8)
    expected = tg.layer_norm(x, one, zero, eps=0.0)
    assert_close(tg.layer_norm(5 * x + 3, one, zero, eps=0.0), expected, 1e-13)
    np.testing.assert_allclose(expected.mean(-1), 0, atol=1e-15)
    np.testing.assert_allclose(expected.var(-1), 1, atol=1e-14)


def test_gradient_of_layer_norm_has_no_part_that_its_output_cannot_feel():
    """No mean (a shift is forgotten) and, at eps = 0, no part along z (so is a scale)."""
    rng = np.random.default_rng(4)
    x, u = rng.normal(size=(3, 8)), rng.normal(size=(3, 8))
    z = (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True)
    g = vjp(lambda t: tg.layer_norm(t, np.ones(8), np.zeros(8), eps=0.0), x, u)
    np.testing.assert_allclose(g.sum(-1), 0, atol=1e-14)
    np.testing.assert_allclose((g * z).sum(-1), 0, atol=1e-14)


def test_layer_norm_refuses_what_broadcasting_would_let_pass():
    x = tg.Tensor(np.ones((2, 3), np.float32), name="h")
    good = np.ones(3, np.float32)
    words = r"layer_norm: weight \(1,\) float32 for x \(2, 3\); expected weight of shape \(3,\), the last axis of x"
    with pytest.raises(ShapeError, match=words):
        tg.layer_norm(x, np.ones(1, np.float32), good)
    with pytest.raises(ShapeError, match=r"bias \(2, 3\) float32 for x \(2, 3\); expected bias of shape \(3,\)"):
        tg.layer_norm(x, good, np.ones((2, 3), np.float32))
    with pytest.raises(ShapeError, match=r"expected x: \(…, D\) with D > 0"):
        tg.layer_norm(np.float64(1.0), good, good)
    with pytest.raises(ShapeError, match=r"expected x: \(…, D\) with D > 0"):
        tg.layer_norm(np.ones((2, 0)), np.ones(0), np.ones(0))


# ---- l2_normalize ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.01, 1.0, 7.0])
def test_positive_multiples_share_a_unit_vector_and_negative_ones_its_opposite(alpha):
    """000 and 001 (c), 002 §1.5."""
    x = np.array([3.0, -4.0, 12.0])
    assert_close(tg.l2_normalize(alpha * x), x / 13, 1e-15)
    assert_close(tg.l2_normalize(-alpha * x), -x / 13, 1e-15)


def test_zero_vector_normalizes_to_zero_beside_others():
    x = np.array([[0.0, 0.0], [3.0, 4.0]], np.float32)
    out, g = tg.l2_normalize(x), vjp(tg.l2_normalize, x, np.ones((2, 2)))
    np.testing.assert_array_equal(out[0], 0)
    np.testing.assert_array_equal(g[0], 0)
    assert_close(g[1], (np.eye(2) - np.outer([0.6, 0.8], [0.6, 0.8])) @ np.ones(2) / 5, 1e-7)


def test_jacobian_of_l2_normalize_is_a_projector():
    x = np.array([1.0, -2.0, 2.0])
    u = x / 3
    got = jacobian(tg.l2_normalize, x)
    assert_close(got, (np.eye(3) - np.outer(u, u)) / 3, 1e-15)
    np.testing.assert_allclose(got @ x, 0, atol=1e-15)  # growing x does not turn it


@pytest.mark.parametrize("scale", [1e-44, 1e-30, 1e30])
def test_l2_normalize_of_float32_at_the_ends_of_its_range(scale):
    x = np.array([3.0, 4.0], np.float32) * np.float32(scale)
    exact = x.astype(np.float64) / math.hypot(*x.astype(np.float64))
    np.testing.assert_allclose(tg.l2_normalize(x), exact, rtol=2e-6)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "l2_normalize"])
def test_an_axis_that_is_not_there_is_named(name):
    logits = tg.Tensor(np.ones((2, 3)), name="logits")
    with pytest.raises(ShapeError) as raised:
        tg.registry[name](logits, axis=2)
    assert f"{name} of logits (2, 3) float64: axis: 2 for an array of 2 axes" in str(raised.value)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "l2_normalize", "layer_norm"])
def test_values_and_gradients_equal_pytorchs(name):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    x, w, b = 3 * rng.normal(size=(4, 5, 6)), rng.normal(size=6), rng.normal(size=6)
    theirs = {
        "softmax": lambda t: t.softmax(1),
        "log_softmax": lambda t: t.log_softmax(1),
        "logsumexp": lambda t: t.logsumexp(1),
        "l2_normalize": lambda t: torch.nn.functional.normalize(t, dim=1),
        "layer_norm": lambda t, w, b: torch.nn.functional.layer_norm(t, (6,), w, b),
    }[name]
    arrays = [x, w, b] if name == "layer_norm" else [x]
    options = {} if name == "layer_norm" else {"axis": 1}
    their_inputs = [torch.tensor(a, requires_grad=True) for a in arrays]
    our_inputs = [tg.Tensor(a, requires_grad=True) for a in arrays]
    expected, out = theirs(*their_inputs), tg.registry[name](*our_inputs, **options)
    u = rng.normal(size=out.shape)
    expected.backward(torch.tensor(u))
    out.backward(u)
    assert_close(out.data, expected.detach().numpy(), 1e-12, name)
    for a, t in zip(our_inputs, their_inputs):
        assert_close(a.grad, t.grad.numpy(), 1e-12, name)


def test_logsumexp_is_near_the_maximum_and_its_gradient_is_softmax():
    x = np.array([1.0, 5.0, 2.0])
    assert 5.0 < tg.logsumexp(x) <= 5.0 + math.log(3)
    assert_close(vjp(tg.logsumexp, x, 1.0), gradient(lambda a: np.log(np.exp(a).sum()), x), 1e-10)
