"""Ops that move numbers without changing them."""

import numpy as np
import pytest

import tinygrad_nlp as tg


def expand(x, shape):
    return x + np.zeros(np.broadcast_shapes(x.shape, [max(n, 1) if n else 0 for n in shape]))


FORWARD = {
    "cast": lambda x, dtype: x,
    "concat": lambda *xs, axis: np.concatenate(xs, axis),
    "expand": expand,
    "flip": lambda x, axis: np.flip(x, axis),
    "moveaxis": np.moveaxis,
    "pad": lambda x, widths, mode, value: np.pad(
        x, widths, mode, **({"constant_values": value} if mode == "constant" else {})
    ),
    "repeat": lambda x, repeats, axis: np.repeat(x, repeats, axis),
    "reshape": lambda x, shape: np.reshape(x, shape),
    "roll": lambda x, shift, axis: np.roll(x, shift, axis),
    "squeeze": lambda x, axis: np.squeeze(x, axis),
    "stack": lambda *xs, axis: np.stack(xs, axis),
    "swapaxes": np.swapaxes,
    "tile": lambda x, reps: np.tile(x, reps),
    "transpose": lambda x, axes=None: np.transpose(x, axes),
    "unsqueeze": lambda x, axis: np.expand_dims(x, axis),
}


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def tensor(*shape, seed=0, **options):
    return tg.Tensor(numbers(*shape, seed=seed), requires_grad=True, **options)


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


# ---- joining and cutting


def test_concat_takes_a_list_or_several_arguments():
    x, y = tensor(2, 3), tensor(1, 3, seed=1)
    for joined in (tg.concat([x, y]), tg.concat(x, y), tg.concat((x, y), 0), tg.concat([x, y], dim=0)):
        np.testing.assert_array_equal(joined.data, np.concatenate([x.data, y.data]))
    g = numbers(3, 3, seed=2)
    tg.concat([x, y]).backward(g)
    np.testing.assert_array_equal(x.grad, g[:2])
    np.testing.assert_array_equal(y.grad, g[2:])


def test_the_same_tensor_joined_twice_receives_both_parts():
    x = tensor(2)
    tg.concat([x, x, x]).backward(np.arange(6.0))
    np.testing.assert_array_equal(x.grad, [0 + 2 + 4, 1 + 3 + 5])
    x.grad = None
    tg.stack([x, x], axis=1).backward(np.array([[1.0, 2], [3, 4]]))
    np.testing.assert_array_equal(x.grad, [3, 7])


def test_constants_among_the_parts_receive_nothing():
    x = tensor(2)
    tg.concat([np.zeros(3), x, [1.0]]).backward(np.arange(6.0))
    np.testing.assert_array_equal(x.grad, [3, 4])


def test_concat_and_stack_say_what_does_not_fit():
    with pytest.raises(tg.ShapeError, match=r"concat along axis 0: argument 0 .*\(2, 3\).*, argument 2 .*\(2, 4\)"):
        tg.concat([tensor(2, 3), tensor(1, 3), tensor(2, 4)])
    with pytest.raises(tg.ShapeError, match="concat: no arrays"):
        tg.concat([])
    with pytest.raises(tg.ShapeError, match=r"a number; expected arrays\n  write instead: stack"):
        tg.concat([tensor(), tensor()])
    with pytest.raises(tg.ShapeError, match=r"expected one shape for all\n  write instead: concat"):
        tg.stack([tensor(2), tensor(3)])
    with pytest.raises(tg.ShapeError, match="concat: axis=None; expected an axis"):
        tg.concat([tensor(2), tensor(3)], axis=None)


@pytest.mark.parametrize("sections, axis", [(2, 0), (3, 1), ([1, 3], 0), ([2], -1), ([3, 1], 0), ([0, 9], 0), (1, 0)])
def test_split_is_numpys(sections, axis):
    x = tensor(4, 6)
    parts = tg.split(x, sections, axis)
    expected = np.split(x.data, sections, axis)
    assert len(parts) == len(expected)
    for part, other in zip(parts, expected):
        np.testing.assert_array_equal(part.data, other)


def test_concat_of_a_split_gives_back_the_gradient():
    x, g = tensor(6, 2), numbers(6, 2, seed=1)
    tg.concat(tg.split(x, [1, 4])).backward(g)
    np.testing.assert_array_equal(x.grad, g)


def test_split_refuses_unequal_sections():
    with pytest.raises(tg.ShapeError, match="split: 4 sections of axis 1, whose length is 6; expected"):
        tg.split(tensor(4, 6), 4, axis=1)
    with pytest.raises(tg.ShapeError, match="split: axis 2"):
        tg.split(tensor(4, 6), 2, axis=2)


# ---- copies


def test_repeat_means_elements_and_tile_the_whole():
    x = tensor(3)
    np.testing.assert_array_equal(tg.repeat(x, repeats=2).data, x.data[[0, 0, 1, 1, 2, 2]])
    np.testing.assert_array_equal(tg.tile(x, reps=2).data, x.data[[0, 1, 2, 0, 1, 2]])


@pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric", "wrap"])
def test_padding_from_the_array_sends_back_a_count_of_copies(mode):
    x = tensor(3, 4)
    widths = ((1, 2), (0, 3))
    tg.pad(x, widths=widths, mode=mode).sum().backward()
    source = np.pad(np.arange(12).reshape(3, 4), widths, mode)
    np.testing.assert_array_equal(x.grad, np.bincount(source.ravel(), minlength=12).reshape(3, 4))


def test_pad_refuses_modes_that_compute_and_negative_widths():
    with pytest.raises(tg.ShapeError, match="pad: mode='mean'; expected one of constant, edge"):
        tg.pad(tensor(3), widths=1, mode="mean")
    with pytest.raises(tg.ShapeError, match="pad"):
        tg.pad(tensor(3), widths=-1)


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
