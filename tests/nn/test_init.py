"""Initial values: the distributions' moments and bounds against the papers' formulas."""

import math

import numpy as np
import pytest

from tinygrad_nlp import OptionError, ShapeError, nn
from tinygrad_nlp.nn import init
from tinygrad_nlp.random import manual_seed

SHAPE = (300, 500)  # (fan_out, fan_in)
# 150,000 draws: the sample variance of a normal is off by 0.4 % (one standard deviation); 2 % is five of them.
TOLERANCE = 0.02


def filled(function, shape=SHAPE, **options):
    tensor = nn.Parameter(np.full(shape, np.nan))
    assert function(tensor, generator=np.random.default_rng(0), **options) is tensor
    return tensor.data


NORMAL = [
    (init.xavier_normal_, {}, 2 / (500 + 300)),
    (init.xavier_normal_, {"gain": 3.0}, 9 * 2 / (500 + 300)),
    (init.kaiming_normal_, {}, 2 / 500),
    (init.kaiming_normal_, {"mode": "fan_out", "nonlinearity": "relu"}, 2 / 300),
    (init.kaiming_normal_, {"a": 0.5}, 2 / (1 + 0.25) / 500),
    (init.kaiming_normal_, {"nonlinearity": "tanh"}, (5 / 3) ** 2 / 500),
    (init.normal_, {"mean": 0.0, "std": 0.3}, 0.09),
]
UNIFORM = [
    (init.xavier_uniform_, {}, 2 / (500 + 300)),
    (init.kaiming_uniform_, {}, 2 / 500),
    (init.kaiming_uniform_, {"mode": "fan_out", "nonlinearity": "linear"}, 1 / 300),
    (init.uniform_, {"a": -0.6, "b": 0.6}, 1.2**2 / 12),
]


@pytest.mark.parametrize("function, options, variance", NORMAL + UNIFORM)
def test_variance_is_the_formulas(function, options, variance):
    values = filled(function, **options)
    assert values.var() == pytest.approx(variance, rel=TOLERANCE)
    assert abs(values.mean()) < 5 * math.sqrt(variance / values.size)


@pytest.mark.parametrize("function, options, variance", UNIFORM)
def test_uniform_values_fill_their_interval(function, options, variance):
    values, bound = filled(function, **options), math.sqrt(3 * variance)
    assert 0.999 * bound < np.abs(values).max() <= bound
    assert np.mean(np.abs(values) < bound / 2) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("function, options, variance", NORMAL)
def test_normal_values_have_normal_tails(function, options, variance):
    assert np.mean(np.abs(filled(function, **options)) < math.sqrt(variance)) == pytest.approx(0.6827, abs=0.006)


def test_fans_count_the_window_of_a_convolution():
    assert init.fans(nn.Parameter(np.zeros((7, 5)))) == (5, 7)
    assert init.fans(nn.Parameter(np.zeros((7, 5, 3, 2)))) == (30, 42)
    with pytest.raises(ShapeError, match=r"fan_in and fan_out: \(3,\) float64; expected at least two axes"):
        init.xavier_uniform_(nn.Parameter(np.zeros(3)))


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (6, 2, 2)])
def test_orthogonal_rows_or_columns_are_orthonormal(shape):
    w = filled(init.orthogonal_, shape, gain=2.0).reshape(shape[0], -1) / 2
    smaller = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    assert np.abs(smaller - np.eye(len(smaller))).max() < 1e-12


def test_orthogonal_is_uniform_without_a_preferred_sign():
    # Without the correction by the signs of R's diagonal the first entry of Q is always of one sign.
    rng = np.random.default_rng(0)
    firsts = [init.orthogonal_(nn.Parameter(np.zeros((3, 3))), generator=rng).data[0, 0] for _ in range(400)]
    assert abs(np.mean(np.array(firsts) > 0) - 0.5) < 0.13


def test_defaults_of_layers_are_torchs_distributions():
    manual_seed(0)
    linear = nn.Linear(400, 300)
    for p in (linear.weight, linear.bias):
        assert np.abs(p.data).max() <= 1 / 20
        assert p.data.std() == pytest.approx(1 / 20 / math.sqrt(3), rel=0.1)
    assert nn.Embedding(500, 200).weight.data.std() == pytest.approx(1.0, rel=0.02)
    assert nn.Linear(0, 2).weight.shape == (2, 0)


def test_one_seed_gives_one_start_in_either_precision():
    def weights(dtype):
        manual_seed(5)
        return nn.Linear(6, 4, dtype=dtype).weight.data

    assert (weights(np.float32) == weights(np.float32)).all()
    assert (weights(np.float64).astype(np.float32) == weights(np.float32)).all()
    first, second = (nn.Linear(6, 4, rng=np.random.default_rng(1)).weight.data for _ in range(2))
    assert (first == second).all()


def test_constants_and_errors():
    p = nn.Parameter(np.empty((2, 3)))
    assert (init.zeros_(p).data == 0).all() and (init.ones_(p).data == 1).all()
    assert (init.constant_(p, 0.25).data == 0.25).all()
    with pytest.raises(OptionError, match="mode: 'both'; expected 'fan_in' or 'fan_out'"):
        init.kaiming_normal_(p, mode="both")
    with pytest.raises(OptionError, match="calculate_gain: 'swish'; expected one of linear, sigmoid, tanh"):
        init.kaiming_normal_(p, nonlinearity="swish")
    with pytest.raises(ShapeError, match=r"orthogonal_: \(3,\)"):
        init.orthogonal_(nn.Parameter(np.zeros(3)))


def test_gains_are_torchs():
    torch_init = pytest.importorskip("torch").nn.init
    for name, param in [("linear", None), ("sigmoid", None), ("tanh", None), ("relu", None), ("leaky_relu", 0.3)]:
        assert init.calculate_gain(name, param) == pytest.approx(torch_init.calculate_gain(name, param), rel=1e-15)
    assert init.calculate_gain("leaky_relu") == pytest.approx(torch_init.calculate_gain("leaky_relu"), rel=1e-15)
