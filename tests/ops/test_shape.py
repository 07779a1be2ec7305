"""The same numbers under another shape, in another order, in another dtype."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.ops.arrays import numbers, tensor

FORWARD = {
    "cast": lambda x, dtype: x,
    "flip": lambda x, axis: np.flip(x, axis),
    "moveaxis": np.moveaxis,
    "reshape": lambda x, shape: np.reshape(x, shape),
    "roll": lambda x, shift, axis: np.roll(x, shift, axis),
    "squeeze": lambda x, axis: np.squeeze(x, axis),
    "swapaxes": np.swapaxes,
    "transpose": lambda x, axes=None: np.transpose(x, axes),
    "unsqueeze": lambda x, axis: np.expand_dims(x, axis),
}


def test_aliases_are_the_same_op():
    assert tg.permute is tg.transpose
    assert tg.broadcast_to is tg.expand
    assert tg.concatenate is tg.concat and tg.cat is tg.concat


# ---- axes


def test_reshape_transpose_and_expand_say_what_does_not_fit():
    with pytest.raises(tg.ShapeError, match=r"reshape: x|reshape: .*\(6 elements\) to shape \(4, 2\)"):
        tensor(2, 3).reshape(4, 2)
    with pytest.raises(tg.ShapeError, match=r"transpose: axes \(0, 0\) for .*; expected each of the 2 axes once"):
        tensor(2, 3).transpose(0, 0)
    with pytest.raises(tg.ShapeError, match=r"to shape \(2, 4\); expected a shape that agrees from the last axis"):
        tg.expand(tensor(2, 3), shape=(2, 4))


def test_squeeze_and_unsqueeze_undo_each_other():
    x = tensor(2, 3)
    for axis in (0, 1, -1, (0, 2)):
        y = tg.unsqueeze(x, axis=axis)
        assert y.shape == np.expand_dims(x.data, axis).shape
        assert tg.squeeze(y, axis=axis).shape == x.shape
    assert tg.squeeze(x, dim=None).shape == (2, 3)
    with pytest.raises(tg.ShapeError, match="squeeze"):
        tg.squeeze(x, axis=0)


def test_flatten_joins_the_axes_asked_for():
    x = tensor(2, 3, 4)
    assert tg.flatten(x).shape == (24,)
    assert tg.flatten(x, 1).shape == (2, 12)
    assert tg.flatten(x, 0, -2).shape == (6, 4)
    assert tg.flatten(np.float64(3.0)).shape == (1,)
    assert tg.flatten(np.zeros((0, 3))).shape == (0,)
    with pytest.raises(tg.ShapeError, match=r"flatten: start_dim=2, end_dim=0 for shape \(2, 3, 4\)"):
        tg.flatten(x, 2, 0)


def test_a_composite_is_recorded_at_the_users_line():
    line = "in test_a_composite_is_recorded_at_the_users_line"
    x = tensor(4, 2)
    assert tg.flatten(x).made_at.endswith(line)
    assert tg.split(x, 2)[1].made_at.endswith(line)
    assert tg.astype(x, np.float32).made_at.endswith(line)


# ---- dtype


def test_astype_sends_the_gradient_back_in_the_first_dtype():
    x = tg.Tensor(numbers(3).astype(np.float32), requires_grad=True)
    y = tg.astype(x, np.float64)
    assert y.dtype == np.float64 and y.requires_grad
    (y * y).sum().backward()
    assert x.grad.dtype == np.float32
    np.testing.assert_allclose(x.grad, 2 * x.data)
    assert x.astype("float16").dtype == np.float16


@pytest.mark.parametrize("dtype", [int, np.int32, bool])
def test_astype_to_whole_numbers_is_a_constant_of_the_graph(dtype):
    x = tensor(3)
    y = x.astype(dtype)
    assert y.dtype == np.dtype(dtype) and not y.requires_grad
    np.testing.assert_array_equal(y.data, x.data.astype(dtype))


def test_astype_copies():
    x = np.ones(3)
    y = tg.astype(x, np.float64)
    y[0] = 5
    assert x[0] == 1
