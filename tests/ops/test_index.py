"""Reading and writing by index."""

import numpy as np
import pytest

import tinygrad_nlp as tg


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


def rows_of(x, index, shape, padding_idx=None):
    out = np.zeros(shape)
    for position, i in np.ndenumerate(index):
        if i != padding_idx:
            out[i] += x[position]
    return out


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
    "getitem": lambda x, index: x[index],
    "put_back": put_back,
    "take": np.take,
    "gather": lambda x, index, axis: np.take_along_axis(x, index, axis),
    "scatter_add": scatter_add,
    "embedding": lambda table, index, padding_idx=None: table[index],
    "rows_of": rows_of,
    "one_hot": lambda index, num_classes, dtype: np.eye(num_classes or index.max() + 1)[index],
    "unfold": unfold,
    "add_windows": add_windows,
}


def numbers(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def tensor(*shape, seed=0, dtype=np.float64, **options):
    return tg.Tensor(numbers(*shape, seed=seed, dtype=dtype), requires_grad=True, **options)


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


# ---- embedding


def test_embedding_equals_one_hot_times_the_table():
    table, index = tensor(6, 3), np.array([[0, 5, 5], [2, 0, 5]])
    dense = tg.Tensor(table.data, requires_grad=True)
    u = numbers(2, 3, 3, seed=2)
    sparse_out = tg.embedding(table, index)
    dense_out = tg.matmul(tg.one_hot(index, 6, np.float64), dense)
    np.testing.assert_array_equal(sparse_out.data, dense_out.data)
    sparse_out.backward(u)
    dense_out.backward(u)
    assert isinstance(table.grad, tg.RowSparse)
    np.testing.assert_allclose(np.asarray(table.grad), dense.grad, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [7, 3000])  # below and above where add_rows changes its method
def test_row_sparse_gradient_equals_a_loop_of_additions_to_the_bit(dtype, size):
    index = np.random.default_rng(1).integers(0, 20, size)
    table, u = tensor(20, 6, dtype=dtype), numbers(size, 6, seed=2, dtype=dtype)
    tg.embedding(table, index).backward(u)
    expected = np.zeros((20, 6), dtype)
    for i, row in zip(index, u):
        expected[i] += row
    np.testing.assert_array_equal(table.grad.dense(), expected)
    np.testing.assert_array_equal(table.grad.merged()[1], expected[np.unique(index)])
    dense = tg.Tensor(table.data, requires_grad=True)
    tg.take(dense, index).backward(u)
    np.testing.assert_array_equal(dense.grad, expected)


def test_a_table_read_twice_adds_up_sparse_and_a_dense_use_makes_it_dense():
    table = tensor(5, 2)
    (tg.embedding(table, [0, 1]).sum() + 2 * tg.embedding(table, [1]).sum()).backward()
    assert isinstance(table.grad, tg.RowSparse)
    np.testing.assert_array_equal(np.asarray(table.grad)[:, 0], [1, 3, 0, 0, 0])
    table.grad = None
    (tg.embedding(table, [0, 1]).sum() + table.sum()).backward()
    np.testing.assert_array_equal(table.grad[:, 0], [2, 2, 1, 1, 1])


def test_second_derivative_through_an_embedding():
    table = tensor(4, 2)
    vectors = tg.embedding(table, [1, 1, 3])
    (vectors * vectors * vectors).sum().backward(create_graph=True)
    first = table.grad
    table.grad = None
    (first * first).sum().backward()
    counts = np.array([0.0, 2, 0, 1])[:, None]
    np.testing.assert_allclose(np.asarray(table.grad), 2 * (3 * counts * table.data**2) * 6 * counts * table.data)


def test_padding_is_read_and_receives_nothing_not_even_nan():
    table = tensor(3, 2)
    out = tg.embedding(table, [[0, 1], [2, 0]], padding_idx=0)
    np.testing.assert_array_equal(out.data, table.data[[[0, 1], [2, 0]]])
    u = np.ones((2, 2, 2))
    u[0, 0] = np.inf
    out.backward(u)
    np.testing.assert_array_equal(np.asarray(table.grad), [[0, 0], [1, 1], [1, 1]])
    assert 0 not in table.grad.rows


def test_embedding_names_the_bad_id_its_position_and_the_table():
    table = tensor(5, 3)
    with pytest.raises(
        tg.IndexRangeError,
        match=r"^embedding: index 7 at position \(0, 2\), table has 5 rows; expected ids from 0 to 4",
    ):
        tg.embedding(table, [[0, 1, 7], [9, 0, 0]])
    with pytest.raises(tg.IndexRangeError, match=r"index -1 at position \(1,\), table has 5 rows"):
        tg.embedding(table, [0, -1])
    with pytest.raises(tg.DTypeError, match=r"index \(2,\) float64; expected ids of an integer dtype"):
        tg.embedding(table, [0.0, 1.0])
    with pytest.raises(tg.DTypeError, match=r"np.flatnonzero\(mask\)"):
        tg.embedding(table, np.array([True, False]))
    with pytest.raises(tg.IndexRangeError, match="expected no ids, for there is nothing to read"):
        tg.embedding(np.zeros((0, 3)), [0])


def test_one_hot_counts_the_classes_and_refuses_ids_outside():
    np.testing.assert_array_equal(tg.one_hot([2, 0]), [[0, 0, 1], [1, 0, 0]])
    assert tg.one_hot([2, 0]).dtype == np.float32
    assert tg.one_hot(np.zeros(0, np.int64), 3).shape == (0, 3)
    with pytest.raises(tg.IndexRangeError, match=r"one_hot: index 3 at position \(1,\), there are 3 classes"):
        tg.one_hot([0, 3], 3)
    assert not tg.one_hot(tg.Tensor([1, 0]), 2).requires_grad


# ---- windows


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


def test_a_narrow_integer_index_into_more_rows_than_it_can_count():
    x = tg.Tensor(np.ones((200, 2)), requires_grad=True)
    x[np.array([1, -1, 1], np.int8)].sum().backward()
    np.testing.assert_array_equal(np.flatnonzero(x.grad[:, 0]), [1, 199])
    np.testing.assert_array_equal(x.grad[[1, 199], 0], [2.0, 1.0])
