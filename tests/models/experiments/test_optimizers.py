"""The optimizers' experiments against loops in plain NumPy and closed forms."""

import math

import numpy as np
import pytest
from tinygrad_nlp.models.experiments import adam, momentum, quadratic, run, sgd, variance

from tinygrad_nlp import optim

CURVATURE = np.array([100.0, 1.0])


def loop(move, updates=1000, tolerance=1e-3):
    """(updates until the gradient norm, tested before each, is below the tolerance, or None; path of θ)."""
    theta, state, path = np.ones(2), {}, []
    for t in range(updates + 1):
        g = CURVATURE * theta
        path.append(theta)
        if np.linalg.norm(g) < tolerance:
            return t, path
        if t < updates:
            theta = theta - move(t + 1, g, state)
            if np.abs(theta).max() > 1e100:
                break
    return None, path


def rolling(t, g, state, rate=0.1, beta=0.9):
    state["m"] = beta * state.get("m", 0.0) + (1 - beta) * g
    return rate * state["m"]


def kingma_ba(t, g, state, rate=0.1, b1=0.9, b2=0.999):
    m = state["m"] = b1 * state.get("m", 0.0) + (1 - b1) * g
    v = state["v"] = b2 * state.get("v", 0.0) + (1 - b2) * g * g
    return rate * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + 1e-8)


def as_written(t, g, state, rate=0.1, b1=0.9, b2=0.999):
    m = state["m"] = b1 * state.get("m", 0.0) + (1 - b1) * g
    v = state["v"] = b2 * state.get("v", 0.0) + (1 - b2) * g * g
    return rate * m / np.sqrt(v)


def test_the_three_settings_as_a_plain_loop_finds_them():
    after = run("quadratic").tables[0].column("converged")
    assert loop(lambda t, g, s: 0.1 * g)[0] is None and after[0] == "diverges"
    assert loop(lambda t, g, s: 0.005 * g)[0] is None and after[1] == "not in 1000"
    count, path = loop(rolling)
    assert after[2] == f"after {count}" and count == 144
    ours = quadratic.descend(quadratic.SETTINGS["momentum 0.1/0.9"])
    np.testing.assert_allclose(ours.theta[: count + 1], path, rtol=1e-9, atol=1e-12)


def test_sgd_0_005_would_need_the_closed_forms_1379_updates():
    # θ₁ halves and is gone; what remains is 0.995ᵗ < 0.001.
    needed = math.ceil(math.log(1e-3) / math.log(0.995))
    assert needed == 1379 and f"needs {needed}" in run("quadratic").finding(32).measured


def test_criteria_stop_where_the_closed_form_puts_them():
    path = quadratic.descend(quadratic.SETTINGS["SGD 0.005"])
    assert quadratic.converged(path, quadratic.first_coordinate) == math.ceil(math.log(1e-3) / math.log(0.5)) == 10
    # The step before the state t was 0.005 · 0.995^(t − 1) long once θ₁ is gone.
    step = 1 + math.ceil(math.log(1e-3 / 0.005) / math.log(0.995))
    assert quadratic.converged(path, quadratic.step_length) == step
    assert quadratic.converged(path) is None and quadratic.converged(path, quadratic.distance) is None


def test_momentum_swings_and_stays_below_the_tolerance_only_later():
    norms = [np.linalg.norm(CURVATURE * theta) for theta in loop(rolling, tolerance=0.0)[1]]
    last_above = max(t for t, norm in enumerate(norms) if norm >= 1e-3)
    assert quadratic.settled(quadratic.descend(quadratic.SETTINGS["momentum 0.1/0.9"])) == last_above + 1 > 144
    assert quadratic.settled(quadratic.descend(quadratic.SETTINGS["SGD 0.005"])) is None


def test_the_criterion_is_tested_before_each_update_and_so_may_need_none():
    path = quadratic.descend(lambda p: optim.SGD(p, lr=0.1), start=(0.0, 0.0))
    assert quadratic.converged(path) == 0


def test_sgd_diverges_exactly_above_two_hundredths():
    table = run("sgd").tables[0]
    for rate, measured in zip(table.column("α"), table.column("measured")):
        assert (measured == "diverges") == (rate > 0.02)
        count = loop(lambda t, g, s, rate=rate: rate * g)[0]
        assert measured.startswith("after") == (count is not None)
        assert count is None or measured == f"after {count}" == sgd.predicted(rate)


def test_heavy_ball_builds_up_by_the_geometric_series_and_the_rolling_average_does_not():
    t = np.arange(1, 101)
    built = momentum.steps_under(np.ones(100), lambda p: optim.HeavyBall(p, lr=0.1, momentum=0.9))
    np.testing.assert_allclose(built, 0.1 * (1 - 0.9**t) / (1 - 0.9), rtol=1e-9)
    averaged = momentum.steps_under(np.ones(100), lambda p: optim.RollingMomentum(p, lr=0.1, beta=0.9))
    np.testing.assert_allclose(averaged, 0.1 * (1 - 0.9**t), rtol=1e-9)


def test_adam_takes_a_plain_loops_number_of_updates():
    table = run("adam").tables[3]
    for form, rate, measured in zip(table.column("form"), table.column("α"), table.column("converged")):
        rule = kingma_ba if form == "Kingma & Ba" else as_written
        count = loop(lambda t, g, s, rule=rule, rate=rate: rule(t, g, s, rate))[0]
        assert measured == (f"after {count}" if count is not None else "not in 1000"), (form, rate)


def test_the_first_step_as_written_is_3_16_alpha_and_the_published_one_alpha():
    one = np.ones((1, 1))
    first = abs(adam.moves(lambda p: optim.AdamAsWritten(p, lr=0.1), one)[0, 0])
    assert first == pytest.approx(0.1 * 0.1 / math.sqrt(0.001), rel=1e-12)
    assert abs(adam.moves(lambda p: optim.Adam(p, lr=0.1), one)[0, 0]) == pytest.approx(0.1, rel=1e-6)


def test_only_squares_make_the_update_free_of_the_gradients_scale():
    rows = {row[0]: row[1:] for row in run("adam").tables[2].rows}
    assert rows["002's formula"] == pytest.approx([0.1 * 0.1 / math.sqrt(0.001)] * 3, rel=1e-9)
    assert rows["002's words: v averages |g|"][2] / rows["002's words: v averages |g|"][0] == pytest.approx(1e3)
    assert rows["Adam"] == pytest.approx([0.1] * 3, rel=1e-4)
    assert rows["SGD"] == pytest.approx([1e-4, 0.1, 100.0])


def test_a_zero_first_gradient_is_nan_in_the_formula_and_no_move_in_the_optimizer():
    table = run("adam").tables[1]
    formula, ruled, published = (row[1:] for row in table.rows)
    assert math.isnan(formula[0]) and math.isnan(formula[1]) and math.isfinite(formula[2])
    assert ruled[0] == ruled[1] == published[0] == published[1] == 0


@pytest.mark.parametrize("beta, correlation", [(0.5, 0.0), (0.9, 0.0), (0.9, 0.7), (0.95, -0.4)])
def test_the_predicted_variance_is_the_double_sum_over_the_weights(beta, correlation):
    n = 600
    weights = (1 - beta) * beta ** np.arange(n)
    covariance = correlation ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    assert variance.predicted(beta, correlation) == pytest.approx(weights @ covariance @ weights, rel=1e-9)


def test_the_measured_variance_is_the_predicted_one():
    for row in run("variance", 4).tables[0].rows:
        assert row[2] == pytest.approx(row[3], rel=0.1)
    assert variance.predicted(0.9) == pytest.approx(1 / 19)
