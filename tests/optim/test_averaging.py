"""Averages of parameters: by the formula in plain NumPy, and PyTorch's."""

import numpy as np
import pytest

from tinygrad_nlp import CheckpointError, OptionError
from tinygrad_nlp.nn import Linear, Parameter
from tinygrad_nlp.optim import SGD, ExponentialAverage


def parameters(seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [Parameter(rng.normal(size=shape).astype(dtype)) for shape in ((5, 3), (7,), ())]


def walk(average, steps, seed=1):
    """Random values, step by step; yields them."""
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        for p in average.parameters:
            p.data = rng.normal(size=p.shape)
        average.update()
        yield [np.array(p.data) for p in average.parameters]


@pytest.mark.parametrize("decay", [0.0, 0.2, 0.99])
def test_the_average_is_the_sum_of_the_formula(decay):
    average = ExponentialAverage(parameters(), decay)
    start = [np.array(p.data) for p in average.parameters]
    seen = [start, *walk(average, 30)]
    d = [min(decay, (1 + t) / (10 + t)) for t in range(1, 31)]
    weights = [np.prod(d), *((1 - d[t]) * np.prod(d[t + 1 :]) for t in range(30))]
    assert abs(sum(weights) - 1) < 1e-12
    for i, found in enumerate(average.averages):
        np.testing.assert_allclose(found, sum(w * values[i] for w, values in zip(weights, seen)), rtol=1e-12)


def test_it_is_pytorchs_when_the_beginning_is_over():
    torch = pytest.importorskip("torch")
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    average = ExponentialAverage(parameters(), 0.5)
    list(walk(average, 8))  # from the 8th step on (1 + t) / (10 + t) is above 0.5
    module = torch.nn.Module()
    module.p = torch.nn.Parameter(torch.tensor(average.averages[0]))
    theirs = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.5))
    theirs.update_parameters(module)
    for values in walk(average, 5, seed=4):
        module.p.data = torch.tensor(values[0])
        theirs.update_parameters(module)
    np.testing.assert_allclose(average.averages[0], theirs.module.p.detach().numpy(), rtol=1e-12)


def test_large_arrays_in_blocks_and_float32_stay_what_they_are():
    p = Parameter(np.arange(300_001, dtype=np.float32))
    average = ExponentialAverage([p])
    p.data = p.data + np.float32(1)
    average.update()
    assert average.averages[0].dtype == np.float32
    np.testing.assert_allclose(average.averages[0], np.arange(300_001) + 1 - 2 / 11, rtol=1e-6)


def test_applied_puts_the_averages_in_place_for_a_while():
    average = ExponentialAverage(parameters())
    *_, last = walk(average, 4)
    averages = [np.array(a) for a in average.averages]
    with pytest.raises(KeyError), average.applied():
        for p, a in zip(average.parameters, averages):
            assert np.array_equal(p.data, a)
        assert all(map(np.array_equal, average.state_dict()["averages"], averages))
        with pytest.raises(OptionError, match="parameters that hold the averages"):
            average.update()
        raise KeyError
    for p, a, values in zip(average.parameters, average.averages, last):
        assert np.array_equal(p.data, values)
        assert not np.shares_memory(p.data, a)
    average.swap()
    assert np.array_equal(average.parameters[0].data, averages[0])


def test_the_training_does_not_notice():
    def trained(averaged):
        model = Linear(3, 2, rng=np.random.default_rng(0))
        optimizer = SGD(model.parameters(), lr=0.1)
        average = ExponentialAverage(model.parameters())
        x = np.random.default_rng(1).normal(size=(8, 3)).astype(np.float32)
        for _ in range(5):
            optimizer.zero_grad()
            (model(x) ** 2).sum().backward()
            optimizer.step()
            if averaged:
                average.update()
                with average.applied():
                    model(x)
        return model.weight.data.tobytes()

    assert trained(True) == trained(False)


def test_a_saved_state_continues_to_the_bit():
    one, two = ExponentialAverage(parameters()), ExponentialAverage(parameters(7))
    list(walk(one, 5))
    state = one.state_dict()
    list(walk(one, 5, seed=9))
    two.load_state_dict(state)
    list(walk(two, 5, seed=9))
    assert one.steps == two.steps == 10
    assert all(map(np.array_equal, one.averages, two.averages))


def test_errors():
    with pytest.raises(OptionError, match="decay: 1.0; expected 0 <= decay < 1"):
        ExponentialAverage(parameters(), 1.0)
    with pytest.raises(OptionError, match="no parameters"):
        ExponentialAverage([])
    average = ExponentialAverage(parameters())
    with pytest.raises(CheckpointError, match="expected what state_dict"):
        average.load_state_dict({})
    with pytest.raises(CheckpointError, match="load_state_dict of ExponentialAverage"):
        average.load_state_dict({"steps": 1, "averages": [np.zeros(2)]})
