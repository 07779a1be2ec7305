"""Row-sparse gradients: equal to dense ones through every operation, and rows that were not read stay untouched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_nlp as tg
from tests.numerical import assert_close
from tinygrad_nlp import RowSparse, Tensor
from tinygrad_nlp.rowsparse import OuterRows, add_rows, all_below, distinct

RNG = np.random.default_rng(0)
ROWS = np.array([3, 1, 3, 0])
VALUES = RNG.normal(size=(4, 2))


def naive(rows, values, shape):
    out = np.zeros(shape)
    for row, value in zip(rows, values):
        out[row] += value
    return out


@pytest.fixture
def sparse():
    return RowSparse(ROWS, VALUES, (5, 2))


DENSE = naive(ROWS, VALUES, (5, 2))


def test_dense_sums_repeated_rows(sparse):
    assert_close(sparse.dense(), DENSE, 1e-12)
    assert_close(np.asarray(sparse), DENSE, 1e-12)
    assert (sparse.shape, sparse.ndim, sparse.size, sparse.dtype) == ((5, 2), 2, 10, np.float64)
    assert repr(sparse) == "RowSparse(rows=[0 1 3], shape=(5, 2), dtype=float64)"


def test_merged_has_every_row_once_in_order(sparse):
    rows, sums = sparse.merged()
    assert rows.tolist() == [0, 1, 3]
    assert_close(sums, DENSE[rows], 1e-12)


@pytest.mark.parametrize(
    "operation",
    [
        lambda g: g + g,
        lambda g: g * 2.0,
        lambda g: 0.5 * g,
        lambda g: g / 4.0,
        lambda g: -g,
        lambda g: g - g * 0.5,
        lambda g: g + np.ones((5, 2)),
        lambda g: np.ones((5, 2)) + g,
        lambda g: np.ones((5, 2)) - g,
        lambda g: g * np.full((5, 2), 3.0),
        lambda g: np.full((5, 2), 3.0) * g,
        lambda g: g / np.full((5, 2), 3.0),
    ],
)
@pytest.mark.parametrize("kind", ["rows", "outer"])
def test_arithmetic_equals_dense_arithmetic(operation, kind):
    if kind == "rows":
        g = RowSparse(ROWS, VALUES, (5, 2))
    else:
        g = OuterRows(np.array([[3, 1], [3, 0]]), RNG.normal(size=(2, 2)), RNG.normal(size=(2, 2)), (5, 2))
    assert_close(np.asarray(operation(g)), operation(np.asarray(g)), 1e-12)


def test_sums_and_multiples_stay_sparse(sparse):
    for g in (sparse + sparse, sparse * 2, -sparse, sparse / 2, sparse - sparse):
        assert isinstance(g, RowSparse)


def test_factors_equal_the_rows_they_stand_for():
    index, coefficients, vectors = np.array([[3, 1, 3], [0, 0, 2]]), RNG.normal(size=(2, 3)), RNG.normal(size=(2, 4))
    outer = OuterRows(index, coefficients, vectors, (5, 4))
    expected = naive(index.ravel(), (coefficients[:, :, None] * vectors[:, None]).reshape(-1, 4), (5, 4))
    assert_close(outer.dense(), expected, 1e-12)
    rows, sums = outer.merged()
    assert rows.tolist() == [0, 1, 2, 3]
    assert_close(sums, expected[rows], 1e-12)
    assert_close(outer.plain().dense(), expected, 1e-12)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(0, 6), max_size=30),
    st.sampled_from([(), (1,), (2,), (3,), (2, 2), (0,)]),
    st.sampled_from([np.float32, np.float64]),
)
def test_add_rows_equals_a_loop(rows, row_shape, dtype):
    values = np.random.default_rng(1).normal(size=(len(rows), *row_shape)).astype(dtype)
    out = add_rows(np.array(rows, int), values, 7)
    assert out.dtype == dtype
    np.testing.assert_allclose(out, naive(rows, values, (7, *row_shape)), rtol=1e-5, atol=1e-5)


def test_large_sums_equal_a_loop():
    rows, values = RNG.integers(0, 50, 4000), RNG.normal(size=(4000, 16))
    assert_close(add_rows(rows, values, 50), naive(rows, values, (50, 16)), 1e-11)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 9), max_size=20))
def test_distinct_equals_unique(rows):
    rows = np.array(rows, int)
    present, position = distinct(rows, 10)
    np.testing.assert_array_equal(present, np.unique(rows))
    np.testing.assert_array_equal(present[position[rows]], rows)


# ---- through the engine


def test_the_gradient_of_a_lookup_is_row_sparse_and_equals_the_dense_one():
    table, dense = (Tensor(RNG.normal(size=(6, 2)), requires_grad=True) for _ in range(2))
    index, weight = np.array([[4, 1], [4, 4]]), RNG.normal(size=(2, 2, 2))
    (tg.embedding(table, index) * weight).sum().backward()
    (dense[index] * weight).sum().backward()
    assert isinstance(table.grad, RowSparse) and isinstance(dense.grad, np.ndarray)
    assert set(table.grad.rows.ravel().tolist()) == {1, 4}
    assert_close(np.asarray(table.grad), dense.grad, 1e-12)


def test_two_lookups_stay_sparse_and_a_dense_use_makes_the_sum_dense():
    table = Tensor(RNG.normal(size=(6, 2)), requires_grad=True)
    (tg.embedding(table, np.array([1])) * tg.embedding(table, np.array([2]))).sum().backward()
    assert isinstance(table.grad, RowSparse)
    expected = np.zeros((6, 2))
    expected[1], expected[2] = table.data[2], table.data[1]
    assert_close(np.asarray(table.grad), expected, 1e-12)
    table.sum().backward()
    assert_close(np.asarray(table.grad), expected + 1, 1e-12)


@pytest.mark.parametrize("sparse_first", [True, False])
def test_sparse_and_dense_parts_meet_in_one_sweep(sparse_first):
    table = Tensor(RNG.normal(size=(4, 2)), requires_grad=True)
    parts = [tg.embedding(table, np.array([1, 1])).sum(), (table * table).sum()]
    first, second = parts if sparse_first else parts[::-1]
    (first + second).backward()
    expected = 2 * table.data
    expected[1] += 2
    assert_close(np.asarray(table.grad), expected, 1e-12)


def test_a_table_that_is_itself_computed_gets_a_dense_gradient():
    base = Tensor(RNG.normal(size=(4, 2)), requires_grad=True)
    tg.embedding(base * 2, np.array([1, 1])).sum().backward()
    expected = np.zeros((4, 2))
    expected[1] = 4
    assert_close(base.grad, expected, 1e-12)


def test_hooks_of_a_table_see_and_may_scale_the_sparse_gradient():
    table = Tensor(np.ones((4, 2)), requires_grad=True)
    table.register_hook(lambda g: g * 3)
    tg.embedding(table, np.array([2])).sum().backward()
    assert isinstance(table.grad, RowSparse)
    assert np.asarray(table.grad).tolist() == [[0, 0], [0, 0], [3, 3], [0, 0]]


def test_transforms_answer_in_dense_arrays():
    g = tg.grad(lambda table: tg.embedding(table, np.array([2])).sum())(np.ones((3, 2)))
    assert type(g) is np.ndarray and g.tolist() == [[0, 0], [0, 0], [1, 1]]


# ---- nobody else's memory: what changes after backward must not reach the gradient


def test_moving_the_centers_leaves_the_tables_factored_gradient():
    """An optimizer that moves the centers first must not move the table by the new ones."""
    center, table = Tensor(RNG.normal(size=(4, 3)), requires_grad=True), Tensor(RNG.normal(size=(6, 3)))
    table.requires_grad_()
    tg.negative_sampling(center, table, RNG.integers(0, 6, 4), RNG.integers(0, 6, (4, 5))).backward()
    assert isinstance(table.grad, OuterRows)
    before = table.grad.dense().copy()
    with tg.no_grad():
        center *= 0.0
    np.testing.assert_array_equal(table.grad.dense(), before)


def test_vectors_are_shared_with_no_other_gradient_and_not_with_the_seed():
    table, bias = Tensor(np.ones((5, 2)), requires_grad=True), Tensor(np.ones((4, 2)), requires_grad=True)
    seed = VALUES.copy()
    (tg.embedding(table, ROWS) + bias).backward(seed)
    bias.grad *= 0
    seed *= 0
    np.testing.assert_allclose(table.grad.dense(), DENSE)


def test_an_index_buffer_can_be_refilled_between_two_backwards():
    table, index = Tensor(np.ones((5, 2)), requires_grad=True), Tensor(np.array([0, 1]))
    tg.embedding(table, index).sum().backward()
    index[...] = np.array([3, 3])
    tg.embedding(table, index).sum().backward()
    np.testing.assert_array_equal(table.grad.dense(), [[1, 1], [1, 1], [0, 0], [2, 2], [0, 0]])


def test_a_sparse_gradient_has_its_tables_dtype():
    table = Tensor(np.ones((5, 2), np.float32), requires_grad=True)
    (tg.embedding(table, ROWS) * np.ones(2)).sum().backward()
    assert table.grad.dtype == np.float32


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i2", ">i8", ">u4"])
def test_all_below_looks_at_every_id_of_every_integer_dtype(dtype):
    smallest, largest = np.iinfo(dtype).min, np.iinfo(dtype).max
    for i in {smallest, smallest + 1, max(-1, smallest), 0, 1, 126, 127, largest - 1, largest}:
        ids = np.array([0, 0, i], dtype)
        for count in (0, 1, 2, 127, 128, 200, 255, 256, 300, 2**16, 2**31, 2**40):
            assert all_below(ids, count) == all_below(ids[::-1], count) == (0 <= i < count)
    assert all_below(np.array([], dtype), 0)


@pytest.mark.parametrize("row", [-1, 5, 2**32 + 1, -(2**32) + 1])
def test_a_rule_that_names_a_row_outside_of_the_table_is_refused_at_the_sum(row):
    x = Tensor(np.ones((5, 2)), requires_grad=True)
    x.register_hook(lambda g: RowSparse(np.array([1, row]), np.ones((2, 2)), (5, 2)))
    x.sum().backward()
    with pytest.raises(tg.errors.IndexRangeError, match="expected rows from 0 to 4"):
        x.grad.dense()
