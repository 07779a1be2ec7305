"""Reading and writing by index."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.ops.arrays import numbers, tensor


def put_back(x, index, shape):
    out = np.zeros(shape)
    for position, i in np.ndenumerate(np.arange(out.size).reshape(shape)[index]):
        out.flat[i] += x[position]
    return out


def scatter_add(x, index, source, axis):
    out = x.copy()
    for position, i in np.ndenumerate(index):
        target = list(position)
        target[axis] = i
        out[tuple(target)] += source[position]
    return out


FORWARD = {
    "getitem": lambda x, index: x[index],
    "put_back": put_back,
    "take": np.take,
    "gather": lambda x, index, axis: np.take_along_axis(x, index, axis),
    "scatter_add": scatter_add,
}


MASK = np.array([[True, False, True, False], [False, False, False, True], [True, True, False, False]])

INDICES = [
    0,
    -1,
    (1, 2),
    (1, 2, -1),
    slice(None),
    slice(1, None),
    slice(None, None, -1),
    (slice(None), slice(3, 0, -2)),
    slice(2, 2),
    ...,
    (..., 0),
    (0, ..., 1),
    None,
    (None, 1, None),
    (slice(None), None, 1),
    [0, 2],
    [1, 1, -2, 1],
    np.array([[0, 1], [2, 0]]),
    np.array(2),
    np.array([], dtype=np.int64),
    (np.array([0, 2, 0]), np.array([1, 1, 1])),
    (np.array([[0], [2]]), np.array([1, 1, 3])),
    (slice(None), np.array([3, 3])),
    (np.array([0, 0]), slice(None), np.array([1, 1])),
    (np.array([0, 0]), slice(None), None, 1),
    (..., np.array([0, 0, 1])),
    (0, np.array([3, 3]), ...),
    MASK,
    MASK[:, 0],
    (slice(None), MASK[1]),
    (MASK, np.array([1] * int(MASK.sum()))),
    (MASK[:, 0], ..., 1),
    np.zeros((3, 4, 2), bool),
    np.array([2, 2], dtype=np.uint8),
]


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_every_numpy_index_is_read_and_sent_back(index):
    x = tensor(3, 4, 2)
    out = x[index]
    np.testing.assert_array_equal(out.data, x.data[index])
    g = numbers(*out.shape, seed=1)
    out.backward(g)
    np.testing.assert_allclose(x.grad, put_back(g, index, x.shape), rtol=0, atol=1e-14)


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_put_back_is_the_transpose_of_reading(index):
    x, y = numbers(3, 4, 2), numbers(*np.zeros((3, 4, 2))[index].shape, seed=1)
    assert np.isclose((x[index] * y).sum(), (x * tg.put_back(y, index=index, shape=x.shape)).sum())


def test_a_tensor_of_ints_or_a_comparison_is_an_index():
    x = tensor(4, 3)
    np.testing.assert_array_equal(x[tg.Tensor([3, 0])].data, x.data[[3, 0]])
    np.testing.assert_array_equal(x[tg.Tensor(x.data > 0)].data, x.data[x.data > 0])


def test_put_back_refuses_a_row_that_is_not_there():
    for row in (3, -4):
        with pytest.raises(tg.IndexRangeError):
            tg.put_back(numbers(1, 2), index=np.array([row]), shape=(3, 2))


def test_index_out_of_range_names_shape_index_and_axis():
    with pytest.raises(
        tg.IndexRangeError, match=r"getitem: x\[index\]: hidden \(3, 4\) float64, index 7 \(index 7 is out"
    ):
        tensor(3, 4, name="hidden")[7]
    with pytest.raises(IndexError, match="too many indices"):
        tensor(3, 4)[0, 0, 0]
    with pytest.raises(tg.IndexRangeError, match="boolean"):
        tensor(3, 4)[np.array([True, False])]


def test_a_narrow_integer_index_into_more_rows_than_it_can_count():
    x = tg.Tensor(np.ones((200, 2)), requires_grad=True)
    x[np.array([1, -1, 1], np.int8)].sum().backward()
    np.testing.assert_array_equal(np.flatnonzero(x.grad[:, 0]), [1, 199])
    np.testing.assert_array_equal(x.grad[[1, 199], 0], [2.0, 1.0])


# ---- take, gather, scatter_add


def test_take_counts_negative_indices_from_the_end_and_adds_repeats():
    x = tensor(4, 2)
    tg.take(x, [-1, 3, 0]).backward(np.array([[1.0, 2], [10, 20], [5, 5]]))
    np.testing.assert_array_equal(x.grad, [[5, 5], [0, 0], [0, 0], [11, 22]])


def test_take_refuses_masks_floats_and_what_is_out_of_range():
    with pytest.raises(tg.DTypeError, match=r"take: an index of dtype bool; expected ints\n  write instead: x\[mask\]"):
        tg.take(tensor(3), np.array([True, False, True]))
    with pytest.raises(tg.DTypeError, match="dtype float64"):
        tg.take(tensor(3), [0.0])
    with pytest.raises(tg.IndexRangeError, match="out of bounds"):
        tg.take(tensor(3), [3])


def test_take_of_a_flattened_array_is_numpys():
    x = tensor(2, 3)
    out = tg.take(x, [[5, -1], [0, 0]], axis=None)
    np.testing.assert_array_equal(out.data, np.take(x.data, [[5, -1], [0, 0]]))
    out.sum().backward()
    np.testing.assert_array_equal(x.grad, [[2, 0, 0], [0, 0, 2]])


def test_gather_picks_each_examples_own_logit():
    logits, labels = tensor(3, 5), np.array([4, 0, 4])
    own = tg.gather(logits, labels[:, None], axis=1)
    np.testing.assert_array_equal(own.data[:, 0], logits.data[np.arange(3), labels])
    own.sum().backward()
    np.testing.assert_array_equal(logits.grad, np.eye(5)[labels])


def test_gather_and_scatter_add_agree_with_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    for axis, shape in ((0, (6, 4)), (1, (3, 7)), (-1, (3, 5))):
        x, source, index = numbers(3, 4), numbers(*shape, seed=1), rng.integers(0, 3, shape)
        a, b = tg.Tensor(x, requires_grad=True), tg.Tensor(source, requires_grad=True)
        ta, tb, ti = torch.tensor(x, requires_grad=True), torch.tensor(source, requires_grad=True), torch.tensor(index)
        ours = tg.scatter_add(a, index, b, axis=axis)
        theirs = ta.scatter_add(axis, ti, tb)
        np.testing.assert_allclose(ours.data, theirs.detach().numpy(), atol=1e-14)
        back = tg.gather(ours * ours, index, axis=axis)
        there = (theirs * theirs).gather(axis, ti)
        np.testing.assert_allclose(back.data, there.detach().numpy(), atol=1e-13)
        (back * back).sum().backward()
        (there * there).sum().backward()
        np.testing.assert_allclose(a.grad, ta.grad.numpy(), atol=1e-11)
        np.testing.assert_allclose(b.grad, tb.grad.numpy(), atol=1e-11)


def test_scatter_add_leaves_its_argument_alone_and_promotes():
    x = np.zeros(3, np.float32)
    out = tg.scatter_add(x, [0, 0, -1], np.array([1.0, 2.0, 3.0]), axis=0)
    assert out.dtype == np.float64 and not x.any()
    np.testing.assert_array_equal(out, [3, 0, 3])


def test_gather_and_scatter_add_say_which_shapes_do_not_fit():
    with pytest.raises(tg.ShapeError, match=r"2 axes and 1; expected as many axes in index as in x\n  write instead"):
        tg.gather(tensor(3, 4), [0, 1, 2], axis=1)
    with pytest.raises(tg.IndexRangeError, match=r"gather: index 4 at position \(1, 0\), axis 1 has 4 places"):
        tg.gather(tensor(3, 4), [[0], [4], [5]], axis=1)
    with pytest.raises(tg.DTypeError, match="expected an integer array"):
        tg.gather(tensor(3, 4), [[0.5], [1], [2]], axis=1)
    with pytest.raises(
        tg.ShapeError, match=r"scatter_add: x \(3, 4\), index \(1, 2\), source \(1, 2\), axis 1; expected"
    ):
        tg.scatter_add(tensor(3, 4), [[0, 1]], numbers(1, 2), axis=1)  # NumPy would broadcast it to every row


@pytest.mark.parametrize("lookup", [tg.take, tg.embedding, lambda x, index: tg.gather(x, index[:, None], axis=0)])
def test_an_index_changed_after_the_forward_pass_does_not_reach_the_gradient(lookup):
    x, index = tensor(4, 1), np.array([0, 1])
    out = lookup(x, index).sum()
    index[:] = 3
    out.backward()
    np.testing.assert_array_equal(np.asarray(x.grad)[:, 0], [1, 1, 0, 0])
