"""Ids and vectors: what reads a table, adds to it, and counts as one."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.ops.arrays import numbers, tensor


def rows_of(x, index, shape, padding_idx=None):
    out = np.zeros(shape)
    for position, i in np.ndenumerate(index):
        if i != padding_idx:
            out[i] += x[position]
    return out


FORWARD = {
    "embedding": lambda table, index, padding_idx=None: table[index],
    "rows_of": rows_of,
    "one_hot": lambda index, num_classes, dtype: np.eye(num_classes or index.max() + 1)[index],
}


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
