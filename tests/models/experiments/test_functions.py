"""Softmax, sigmoid, cross-entropy, the layers and dropout, against NumPy and differences."""

import itertools

import numpy as np
import pytest
from tinygrad_nlp.models.experiments import Report, dropout, network, relu, report, run, sigmoid

from .test_word_vectors import differences


def stable_softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def test_the_softmax_jacobian_is_what_differences_give():
    x = np.random.default_rng(0).normal(size=6) * 2
    shifts, matrix = run("softmax").tables
    ours = np.array([row[1:] for row in matrix.rows])
    for k in range(6):
        np.testing.assert_allclose(ours[k], differences(lambda t, k=k: stable_softmax(t)[k], x), atol=1e-9)
    assert [row[0] for row in shifts.rows] == [1000, -1000, 1e4, -1e4]
    assert all(row[1] < 1e-11 and row[2] == "NaN" for row in shifts.rows)


def test_sigmoids_slope_is_what_differences_give():
    x = np.linspace(-6, 6, 25)
    h = 1e-6
    expected = (1 / (1 + np.exp(-x - h)) - 1 / (1 + np.exp(-x + h))) / (2 * h)
    np.testing.assert_allclose(sigmoid.slope(x), expected, atol=1e-9)


def test_cross_entropys_gradient_at_saturated_logits():
    rows = {(row[0], row[1]): row[2:] for row in run("cross-entropy").tables[0].rows}
    assert rows["0, 1000, 0", "fused"] == (-1, 1, 0)
    assert np.isnan(rows["0, 1000, 0", "chain of rules"]).all()
    x = np.array([1.0, 2.0, 3.0])
    expected = differences(lambda t: -np.log(stable_softmax(t)[0]), x)
    for way in ("fused", "chain of rules", "−y/ŷ times Jacobian"):
        assert rows["1, 2, 3", way] == pytest.approx(expected, abs=1e-8)


def test_003s_lines_are_the_gradient_that_differences_give():
    rng = np.random.default_rng(0)
    x, W_1, b_1 = rng.normal(size=5), rng.normal(size=(5, 4)), rng.normal(size=4)
    W_2, b_2 = rng.normal(size=(4, 3)), rng.normal(size=3)
    by_hand = network.by_hand(x, 1, W_1, b_1, W_2, b_2)

    def loss(x=x, W_1=W_1, b_1=b_1, W_2=W_2, b_2=b_2):
        return -np.log(stable_softmax(1 / (1 + np.exp(-(x @ W_1 + b_1))) @ W_2 + b_2)[1])

    for name, value in (("x", x), ("W_1", W_1), ("b_1", b_1), ("W_2", W_2), ("b_2", b_2)):
        expected = differences(lambda t, name=name: loss(**{name: t}), value)
        np.testing.assert_allclose(by_hand[name], expected, atol=1e-8, err_msg=name)
    assert run("network").tables[1].rows[2][3:] == (101770, 101770)


def test_relus_derivative_at_zero_is_zero():
    kink, layer, _ = run("relu").tables
    assert kink.column("derivative by the engine") == [0, 0, 0, 0, 1, 1]
    assert layer.rows[0][1] == 0 and set(layer.rows[0][3:]) == {0.0}  # the unit at its kink
    assert layer.rows[1][1] == pytest.approx(-1) and set(layer.rows[1][3:]) == {0.0}
    assert layer.rows[2][1] == pytest.approx(1) and all(layer.rows[2][3:])
    assert relu.PLACES[3] == 0.0


def test_the_mean_and_square_over_all_masks_by_a_plain_loop():
    h, p = np.array([1.0, -2.0, 0.5]), 0.3
    mean, square = np.zeros(3), 0.0
    for kept in itertools.product((0, 1), repeat=3):
        probability = np.prod([1 - p if d else p for d in kept])
        dropped = np.array(kept) * h / (1 - p)
        mean, square = mean + probability * dropped, square + probability * dropped @ dropped
    ours = dropout.averages(h, p)
    np.testing.assert_allclose(ours[0], mean, rtol=1e-12)
    np.testing.assert_allclose(mean, h, rtol=1e-12)
    assert ours[1] == pytest.approx(square) == pytest.approx(h @ h / (1 - p))


def test_gamma_and_its_refusal():
    rows = run("dropout").tables[1].rows
    assert [(row[0], pytest.approx(row[1])) for row in rows[:-1]] == [(row[0], 1 / (1 - row[0])) for row in rows[:-1]]
    assert rows[-1][:2] == (1.0, "refused")


def test_a_gap_is_never_lost_to_nan():
    assert report.gap(np.array([1.0, np.nan]), np.array([1.0, 2.0])) == np.inf
    assert report.gap(np.zeros(2), np.zeros(3)) == np.inf
    assert report.gap(np.zeros(0), np.zeros(0)) == 0.0
    assert isinstance(run("sigmoid"), Report)
