"""Windows of neighbours, by loops."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.ops.arrays import numbers, tensor


def window_starts(length, size, step):
    return range(0, length - size + 1, step)


def unfold(x, size, step=1, axis=0):
    line = np.moveaxis(x, axis, -1)
    windows = np.stack([line[..., t : t + size] for t in window_starts(line.shape[-1], size, step)], -2)
    return np.moveaxis(windows, -2, axis % x.ndim)


def add_windows(x, length, step=1, axis=0):
    windows = np.moveaxis(x, axis % (x.ndim - 1), 0)
    out = np.zeros((length, *windows.shape[1:-1]))
    for t, window in enumerate(windows):
        for j in range(x.shape[-1]):
            out[t * step + j] += window[..., j]
    return np.moveaxis(out, 0, axis % (x.ndim - 1))


FORWARD = {
    "unfold": unfold,
    "add_windows": add_windows,
}


@pytest.mark.parametrize("shape, axis", [((7,), 0), ((7, 3), 0), ((2, 7, 3), 1), ((2, 3, 7), -1)])
@pytest.mark.parametrize("size, step", [(1, 1), (3, 1), (3, 2), (2, 3), (7, 1)])
def test_unfold_and_its_gradient_equal_a_loop(shape, axis, size, step):
    x = tensor(*shape)
    out = tg.unfold(x, size=size, step=step, axis=axis)
    np.testing.assert_array_equal(out.data, unfold(x.data, size, step, axis))
    g = numbers(*out.shape, seed=1)
    out.backward(g)
    np.testing.assert_allclose(x.grad, add_windows(g, 7, step, axis), atol=1e-14)


def test_unfold_agrees_with_torch():
    torch = pytest.importorskip("torch")
    x = numbers(2, 8, 3)
    theirs = torch.tensor(x).unfold(1, 3, 2).numpy()
    np.testing.assert_array_equal(tg.unfold(x, size=3, step=2, axis=1), theirs)


def test_unfold_copies_nothing_and_says_what_does_not_fit():
    x = numbers(6)
    assert np.shares_memory(tg.unfold(x, size=2, axis=0), x)
    with pytest.raises(
        tg.ShapeError, match=r"windows of size=9 along axis 0 of emb \(6,\) float64; expected a size of at"
    ):
        tg.unfold(tensor(6, name="emb"), size=9, axis=0)
    with pytest.raises(tg.ShapeError, match="size=2, step=0; expected both 1 or more"):
        tg.unfold(x, size=2, step=0, axis=0)
