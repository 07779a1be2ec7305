"""Clipping against PyTorch and by its properties."""

import math

import numpy as np
import pytest

from tests.numerical import assert_close
from tinygrad_nlp import GradientError, OptionError, nn, optim
from tinygrad_nlp.rowsparse import RowSparse


def with_gradients(scale=1.0):
    rng = np.random.default_rng(3)
    params = [nn.Parameter(np.zeros(shape)) for shape in ((4, 3), (5,), (), (2,))]
    for p in params[:3]:
        p.grad = np.asarray(rng.normal(0, scale, p.shape))
    return params


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("max_norm", [0.0, 0.5, 100.0])
def test_norm_and_gradients_are_torchs(norm_type, max_norm):
    torch = pytest.importorskip("torch")
    ours = with_gradients()
    theirs = [torch.nn.Parameter(torch.zeros(p.shape, dtype=torch.float64)) for p in ours]
    for p, q in zip(ours[:3], theirs):
        q.grad = torch.tensor(p.grad)
    norm = optim.clip_grad_norm_(ours, max_norm, norm_type)
    assert norm == pytest.approx(float(torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)), rel=1e-12)
    for p, q in zip(ours[:3], theirs):
        assert_close(p.grad, q.grad.numpy(), 1e-12)
    assert ours[3].grad is None


def test_short_gradients_stay_to_the_bit_and_long_ones_keep_their_direction():
    params = with_gradients(1e-3)
    before = [p.grad.copy() for p in params[:3]]
    optim.clip_grad_norm_(iter(params), 1.0)
    assert all((p.grad == g).all() for p, g in zip(params, before))
    optim.clip_grad_norm_(params, 1e-6)
    ratios = np.concatenate([(p.grad / g).reshape(-1) for p, g in zip(params, before)])
    assert np.ptp(ratios) < 1e-12 * ratios[0]


def test_clipping_makes_new_arrays():
    params = with_gradients()
    held = params[0].grad
    kept = held.copy()
    optim.clip_grad_norm_(params, 0.1)
    optim.clip_grad_value_(params, 0.01)
    assert (held == kept).all()


def test_rows_drawn_twice_count_with_their_sum():
    p = nn.Parameter(np.zeros((4, 2)))
    p.grad = RowSparse(np.array([1, 1, 3]), np.array([[3.0, 0], [3, 0], [0, 8]]), (4, 2))
    assert optim.clip_grad_norm_([p], 1.0) == pytest.approx(10.0)
    assert isinstance(p.grad, RowSparse)
    assert_close(p.grad.dense(), [[0, 0], [0.6, 0], [0, 0], [0, 0.8]], 1e-6)
    p.grad = RowSparse(np.array([1, 1, 3]), np.array([[3.0, 0], [-2.5, 0], [0, 8]]), (4, 2))
    optim.clip_grad_value_(p, 1.0)
    assert_close(p.grad.dense(), [[0, 0], [0.5, 0], [0, 0], [0, 1]], 1e-14)


def test_value_clipping_limits_each_element():
    params = with_gradients(5.0)
    expected = [np.clip(p.grad, -1, 1) for p in params[:3]]
    optim.clip_grad_value_(params, 1.0)
    assert all((p.grad == e).all() for p, e in zip(params, expected))


def test_errors_by_their_words():
    params = with_gradients()
    params[1].name = "hidden.bias"
    params[1].grad = np.full(5, np.nan)
    with pytest.raises(GradientError, match=r"norm nan; the first is that of hidden.bias \(5,\)"):
        optim.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    assert math.isnan(optim.clip_grad_norm_(params, 1.0)) and np.isnan(params[0].grad).all()
    with pytest.raises(OptionError, match="norm_type: 0; expected a number above 0, or math.inf"):
        optim.clip_grad_norm_(params, 1.0, 0)
    with pytest.raises(OptionError, match="clip_grad_value_: -1; expected a number >= 0"):
        optim.clip_grad_value_(params, -1)
