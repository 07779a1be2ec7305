"""The step we are timed with computes what the step written out in NumPy computes, on small sizes of every workload.

The two share no code: `benchmarks.peers.numpy_hand` has its own forward, backward, scatter and optimizers. So this is
also an end-to-end check of modules, losses, row-sparse gradients and optimizers together.
"""

import numpy as np
import pytest

from benchmarks.peers import numpy_hand, ours
from benchmarks.workloads import WORKLOADS, without_dropout

SMALL = {
    "parser": {"batch": 16, "vocabulary": 30, "features": 4, "width": 6, "hidden": 8},
    "softmax_skipgram": {"batch": 16, "vocabulary": 20, "width": 6},
    "negative_sampling": {"batch": 16, "vocabulary": 20, "width": 6, "negatives": 3},
    "sigmoid_net": {"batch": 8, "inputs": 12, "hidden": 6, "classes": 3},
    "tagger": {"sentences": 5, "longest": 6, "vocabulary": 20, "width": 6, "hidden": 4, "classes": 5},
    "chain": {"length": 100},
}
"""Batches larger than the vocabulary's common words, so that ids repeat."""

STEPS = 10
"""More than there are batches, so that every batch comes twice."""


def small(name):
    workload = WORKLOADS[name]
    return workload.function, without_dropout(workload.make(seed=1, **SMALL[workload.function]))


@pytest.mark.parametrize("name", WORKLOADS)
def test_losses_and_updates_are_those_of_the_step_by_hand(name):
    function, data = small(name)
    by_hand, by_us = getattr(numpy_hand, function)(data), getattr(ours, function)(data)
    for step in range(STEPS):
        assert by_us.step() == pytest.approx(by_hand.step(), rel=2e-6), f"loss at step {step}"
    expected, got = by_hand.parameters(), by_us.parameters()
    assert got.keys() == expected.keys()
    for key, value in expected.items():
        assert got[key].dtype == np.float32
        moved = np.abs(value - data.parameters[key]).max() if key in data.parameters else np.abs(value).max()
        assert moved > 0
        # Adam divides by √v̂: where a gradient is nearly 0 its rounding counts fully, though the move stays below lr.
        np.testing.assert_allclose(got[key], value, rtol=0, atol=2e-3 * moved, err_msg=key)


@pytest.mark.parametrize("name", WORKLOADS)
def test_data_is_that_of_the_seed_and_is_left_alone(name):
    function, data = small(name)
    trainer = getattr(ours, function)(data)
    trainer.step()
    _, again = small(name)
    for key, value in again.parameters.items():
        np.testing.assert_array_equal(data.parameters[key], value)
    for batch, same in zip(data.batches, again.batches):
        for array, other in zip(batch, same):
            np.testing.assert_array_equal(array, other)


def test_scatter_without_scipy_sums_as_add_at_does():
    rng = np.random.default_rng(0)
    ids, values = rng.integers(0, 5, (7, 3)), rng.standard_normal((7, 4)).astype(np.float32)
    coefficient = rng.standard_normal((7, 3)).astype(np.float32)
    expected = np.zeros((5, 4))
    np.add.at(expected, ids, coefficient[:, :, None] * values[:, None, :])
    scatter = numpy_hand.Scatter(7, 3)
    np.testing.assert_allclose(scatter.with_numpy(ids, values, 5, coefficient), expected, atol=1e-6)
    np.testing.assert_allclose(scatter(ids, values, 5, coefficient), expected, atol=1e-6)
