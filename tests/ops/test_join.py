"""Joining, cutting and padding."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.ops.arrays import numbers, tensor

FORWARD = {
    "concat": lambda *xs, axis: np.concatenate(xs, axis),
    "pad": lambda x, widths, mode, value: np.pad(
        x, widths, mode, **({"constant_values": value} if mode == "constant" else {})
    ),
    "stack": lambda *xs, axis: np.stack(xs, axis),
}


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
