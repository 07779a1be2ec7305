"""Copies."""

import numpy as np

import tinygrad_nlp as tg
from tests.ops.arrays import tensor


def expand(x, shape):
    return x + np.zeros(np.broadcast_shapes(x.shape, [max(n, 1) if n else 0 for n in shape]))


FORWARD = {
    "expand": expand,
    "repeat": lambda x, repeats, axis: np.repeat(x, repeats, axis),
    "tile": lambda x, reps: np.tile(x, reps),
}


def test_repeat_means_elements_and_tile_the_whole():
    x = tensor(3)
    np.testing.assert_array_equal(tg.repeat(x, repeats=2).data, x.data[[0, 0, 1, 1, 2, 2]])
    np.testing.assert_array_equal(tg.tile(x, reps=2).data, x.data[[0, 1, 2, 0, 1, 2]])
