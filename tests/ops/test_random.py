"""Dropout: the documents' γ, its mean and variance, and its modes."""

import itertools

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp.ops.random import dropout_, keep_mask

FORWARD = {"dropout": lambda x, keep, p: np.where(keep, x / (1 - p), 0.0)}


@pytest.mark.parametrize("p", [0.1, 0.5, 0.75])
def test_the_mean_over_all_masks_is_the_input_and_the_mean_square_grows(p):
    """E[s] = h and E|s|² = |h|² / (1 − p), exactly, by enumerating all 2^k masks.

    000 and 001 2(b)(i) say that the expected magnitude stays; it is the mean.
    """
    h = np.array([0.3, -1.2, 2.0, 0.7, -0.4])
    mean, mean_square = np.zeros_like(h), 0.0
    for mask in itertools.product([False, True], repeat=len(h)):
        keep = np.array(mask)
        probability = np.prod(np.where(keep, 1 - p, p))
        s = dropout_(h, keep, p=p)
        mean += probability * s
        mean_square += probability * (s @ s)
    np.testing.assert_allclose(mean, h, rtol=1e-12)
    np.testing.assert_allclose(mean_square, h @ h / (1 - p), rtol=1e-12)


def test_evaluation_is_the_identity_and_deterministic():
    x = tg.Tensor([1.0, -2.0, 3.0], requires_grad=True)
    assert tg.dropout(x, p=0.9, training=False) is x
    assert tg.dropout(x, p=0.0) is x


def test_gradient_flows_through_the_kept_units_only():
    x = tg.Tensor(np.ones(1000), requires_grad=True)
    out = tg.dropout(x, p=0.25, rng=np.random.default_rng(0))
    out.sum().backward()
    np.testing.assert_array_equal(x.grad, out.data)
    assert set(np.unique(out.data)) == {0.0, 1 / 0.75}


@pytest.mark.parametrize("p", [0.3, 0.5])
def test_the_share_kept_is_one_minus_p_everywhere(p):
    keep = keep_mask((401, 503), p, np.random.default_rng(1))
    assert keep.dtype == bool and keep.shape == (401, 503)
    for share in (keep.mean(), keep[:, ::8].mean(), keep[:8].mean(), (keep[:, 1:] & keep[:, :-1]).mean() / (1 - p)):
        assert abs(share - (1 - p)) < 0.03


def test_float32_stays_float32():
    assert tg.dropout(tg.Tensor([1.0, 2.0]), p=0.5, rng=np.random.default_rng(0)).dtype == np.float32


@pytest.mark.parametrize("p", [1, 1.0, -0.1, 2, float("nan")])
def test_impossible_probabilities_are_refused(p):
    with pytest.raises(tg.OptionError, match="0 <= p < 1"):
        tg.dropout(tg.Tensor([1.0]), p=p)


def test_integers_become_floats_so_that_the_scale_is_not_cut():
    np.testing.assert_allclose(dropout_(np.array([10, 10]), np.array([True, False]), p=0.3), [10 / 0.7, 0.0])


@pytest.mark.parametrize("size", [3, 2048])  # on small arrays and large ones the units are selected in different ways
def test_what_is_dropped_is_zero_whatever_it_was(size):
    x = np.ones(size, np.float32)
    x[0] = np.inf
    keep = np.arange(size) > 0
    t = tg.Tensor(x, requires_grad=True)
    out = tg.registry["dropout"](t, keep, p=0.5)
    assert out.data[0] == 0 and (out.data[1:] == 2).all()
    g = np.ones(size, np.float32)
    g[0] = np.nan
    out.backward(g)
    assert t.grad[0] == 0 and (t.grad[1:] == 2).all()


@pytest.mark.parametrize("source", [np.random.SFC64, np.random.PCG64, np.random.Philox, np.random.MT19937])
@pytest.mark.parametrize("p", [0.5, 0.3])
def test_every_generator_keeps_its_share_in_every_place(source, p):
    rng = np.random.Generator(source(0))
    kept = sum(keep_mask((4, 50), p, rng).astype(int) for _ in range(400))
    assert np.abs(kept / 400 - (1 - p)).max() < 5 * (p * (1 - p) / 400) ** 0.5
