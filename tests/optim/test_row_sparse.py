"""Row-sparse gradients: as the dense ones where all rows move, and nothing but their rows where those suffice."""

import numpy as np
import pytest

from tests.numerical import assert_close
from tinygrad_nlp import nn, optim
from tinygrad_nlp.optim import blocks
from tinygrad_nlp.rowsparse import OuterRows, RowSparse

from .test_optimizers import LIKE_TORCH, OURS, STEPS, case_id, parameters

ROWS = np.array([1, 4, 1, 6])


def sparse_gradient(step, dtype=np.float64, factors=False):
    rng = np.random.default_rng(step)
    if factors:
        return OuterRows(
            ROWS.reshape(2, 2), rng.normal(size=(2, 2)).astype(dtype), rng.normal(size=(2, 3)).astype(dtype), (8, 3)
        )
    return RowSparse(ROWS, rng.normal(size=(4, 3)).astype(dtype), (8, 3))


@pytest.mark.parametrize("factors", [False, True], ids=["rows", "factors"])
@pytest.mark.parametrize("case", LIKE_TORCH + OURS[:-1], ids=case_id)
def test_row_sparse_gradient_moves_like_the_dense_one(case, factors):
    name, options = case
    (a,), (b,) = parameters(shapes=[(8, 3)]), parameters(shapes=[(8, 3)])
    sparse, dense = getattr(optim, name)([a], **options), getattr(optim, name)([b], **options)
    for step in range(STEPS):
        a.grad = sparse_gradient(step, factors=factors)
        b.grad = sparse_gradient(step, factors=factors).dense()
        sparse.step()
        dense.step()
        assert_close(a.data, b.data, 1e-12)


ADAMS = [case for case in LIKE_TORCH if case[0].startswith("Adam") and "weight_decay" not in case[1]] + [
    ("AdamW", {"lr": 0.03, "weight_decay": 0.3, "amsgrad": True, "maximize": True}),
    ("Adam", {"betas": (0.0, 0.5)}),
]


@pytest.mark.parametrize("case", ADAMS, ids=case_id)
def test_sums_of_rows_without_gradient_stay_and_are_right_all_the_same(case, monkeypatch):
    """Over so many steps that the sums' units are taken into them, in several blocks, from an array in any order."""
    monkeypatch.setattr(blocks, "BLOCK", 8)
    name, options = case
    (a,), (b,) = parameters(shapes=[(40, 3)]), parameters(shapes=[(40, 3)])
    b._data = np.asfortranarray(b._data)
    dense, sparse = getattr(optim, name)([a], **options), getattr(optim, name)([b], **options)
    rng = np.random.default_rng(5)
    for step in range(250):
        rows = rng.integers(0, 40, size=rng.integers(0, 40))
        b.grad = RowSparse(rows, rng.normal(size=(len(rows), 3)), (40, 3))
        a.grad = b.grad.dense()
        before = {key: np.array(value) for key, value in sparse.state.get(b, {}).items()}
        dense.step()
        sparse.step()
        assert_close(a.data, b.data, 1e-11)
        untouched = np.setdiff1d(np.arange(40), rows)
        if step and sparse.state[b]["gradient_sum_unit"] not in (0.0, 1.0):
            assert (sparse.state[b]["gradient_sum"][untouched] == before["gradient_sum"][untouched]).all()


def test_resumed_over_a_change_of_units_to_the_bit():
    def step(optimizer, p, number):
        p.grad = sparse_gradient(number, np.float32)
        optimizer.step()

    (whole,), (first,) = parameters(np.float32, [(8, 3)]), parameters(np.float32, [(8, 3)])
    a, b = optim.Adam([whole]), optim.Adam([first])
    units = []
    for number in range(120):
        step(a, whole, number)
        units.append(a.state[whole]["gradient_sum_unit"])
        if number == 90:
            second = nn.Parameter(first.data.copy())
            b, state, first = optim.Adam([second]), b.state_dict(), second
            b.load_state_dict(state)
        step(b, first, number)
    assert max(units[91:]) == 1.0 and min(units) < 1e-4
    assert whole.data.tobytes() == first.data.tobytes()


def test_half_precision_has_room_for_the_sums_of_a_long_training():
    (p,) = parameters(np.float16, [(3,)])
    optimizer = optim.Adam([p], betas=(0.9, 0.99))
    for _ in range(1500):
        p.grad = np.full(3, 10.0, np.float16)
        optimizer.step()
    for name in ("gradient_sum", "square_sum"):
        assert np.isfinite(optimizer.state[p][name]).all()
    assert np.isfinite(p.data).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda p: optim.SGD(p, lr=0.1),
        lambda p: optim.SGD(p, lr=0.1, maximize=True),
        lambda p: optim.Adagrad(p),
        lambda p: optim.Adam(p, sparse=True),
        lambda p: optim.Adam(p, sparse=True, amsgrad=True),
    ],
)
def test_untouched_rows_stay_bit_identical(make):
    (p,) = parameters(np.float32, [(8, 3)])
    p._data[0] = -0.0  # subtracting 0 would keep it; adding would not
    optimizer, before = make([p]), p.data.copy()
    for step in range(5):
        p.grad = sparse_gradient(step, np.float32)
        optimizer.step()
    untouched, touched = [0, 2, 3, 5, 7], [1, 4, 6]
    assert p.data[untouched].tobytes() == before[untouched].tobytes()
    assert (p.data[touched] != before[touched]).all()
    for name, array in optimizer.state[p].items():
        if np.ndim(array):
            assert not array[untouched].any(), name


def test_momentum_moves_rows_that_got_no_gradient_unless_asked_not_to():
    (p,) = parameters(shapes=[(8, 3)])
    optimizer = optim.Adam([p])
    p.grad = sparse_gradient(0)
    optimizer.step()
    after_first = p.data.copy()
    p.grad = RowSparse(np.array([0]), np.ones((1, 3)), (8, 3))
    optimizer.step()
    assert (p.data[ROWS] != after_first[ROWS]).all()


def test_sparse_adam_is_torchs_sparse_adam():
    torch = pytest.importorskip("torch")
    (p,) = parameters(shapes=[(8, 3)])
    q = torch.nn.Parameter(torch.tensor(p.data))
    # eps stands at another place in SparseAdam; it must not matter here
    ours, theirs = optim.Adam([p], lr=0.02, eps=1e-30, sparse=True), torch.optim.SparseAdam([q], lr=0.02, eps=1e-30)
    for step in range(STEPS):
        rows = np.random.default_rng(step).integers(0, 8, 4)
        values = np.random.default_rng(50 + step).normal(size=(4, 3))
        p.grad = RowSparse(rows, values, (8, 3))
        q.grad = torch.sparse_coo_tensor(rows[None], values, (8, 3), check_invariants=False)
        ours.step()
        theirs.step()
        assert_close(p.data, q.detach().numpy(), 1e-12)


def test_step_after_embedding_lookup_changes_the_rows_looked_up():
    table = nn.Embedding(50, 4)
    before = table.weight.data.copy()
    optimizer = optim.SGD(table.parameters(), lr=0.5)
    (table(np.array([[3, 7], [3, 9]])) * 2).sum().backward()
    optimizer.step()
    moved = before - table.weight.data
    assert set(np.flatnonzero(moved.any(1))) == {3, 7, 9}
    assert_close(moved[[3, 7, 9]], np.repeat([[2.0], [1.0], [1.0]], 4, 1), 1e-6)
