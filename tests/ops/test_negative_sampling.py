"""Negative sampling against its closed form, word by word, as 003 Q3c and 004 (c) write it (slips corrected)."""

import sys

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.numerical import assert_close


def sigma(x):
    return 1 / (1 + np.exp(-x))


def loss_by_words(center, table, outside, negatives, reduction="mean"):
    rows = []
    for v, o, drawn in zip(center, outside, negatives):
        rows.append(-np.log(sigma(table[o] @ v)) - sum(np.log(sigma(-table[k] @ v)) for k in drawn))
    rows = np.array(rows, dtype=np.float64)
    return {"none": rows, "sum": rows.sum(), "mean": rows.mean() if len(rows) else np.nan}[reduction]


FORWARD = {"negative_sampling": loss_by_words}


def gradients_by_words(center, table, outside, negatives):
    """Sums over pairs of the three formulas; a word drawn twice is added twice."""
    center_bar, table_bar = np.zeros_like(center), np.zeros_like(table)
    for b, (v, o, drawn) in enumerate(zip(center, outside, negatives)):
        center_bar[b] += (sigma(table[o] @ v) - 1) * table[o]
        table_bar[o] += (sigma(table[o] @ v) - 1) * v
        for k in drawn:
            center_bar[b] += sigma(table[k] @ v) * table[k]
            table_bar[k] += sigma(table[k] @ v) * v
    return center_bar, table_bar


def problem(words=7, pairs=5, drawn=4, seed=0):
    rng = np.random.default_rng(seed)
    center, table = rng.normal(size=(pairs, 3)), rng.normal(size=(words, 3))
    return center, table, rng.integers(0, words - 1, pairs), rng.integers(0, words - 1, (pairs, drawn))


@pytest.mark.parametrize("words", [2, 3, 7], ids=lambda n: f"{n} words")
def test_gradients_equal_the_hand_derivation_with_repeated_and_true_words_among_the_negatives(words):
    center, table, outside, negatives = problem(words)
    v, u = tg.Tensor(center, requires_grad=True), tg.Tensor(table, requires_grad=True)
    tg.negative_sampling(v, u, outside, negatives, reduction="sum").backward()
    center_bar, table_bar = gradients_by_words(center, table, outside, negatives)
    assert_close(v.grad, center_bar, 1e-12)
    assert_close(u.grad.dense(), table_bar, 1e-12)
    rows, values = u.grad.merged()
    assert_close(values, table_bar[rows], 1e-12)


@pytest.mark.parametrize("numbers", [1, 15, 31, 10_000], ids=lambda n: f"{n} at a time")
@pytest.mark.parametrize("needs", [(True, True), (True, False), (False, True)])
def test_pairs_may_go_in_blocks_of_any_size(monkeypatch, numbers, needs):
    monkeypatch.setattr(sys.modules["tinygrad_nlp.ops.negative_sampling"], "BLOCK", numbers)
    center, table, outside, negatives = problem(pairs=7)
    v, u = (tg.Tensor(a, requires_grad=need) for a, need in zip((center, table), needs))
    losses = tg.negative_sampling(v, u, outside, negatives, reduction="none")
    assert_close(losses.data, loss_by_words(center, table, outside, negatives, "none"), 1e-12)
    losses.sum().backward()
    for t, expected in zip((v, u), gradients_by_words(center, table, outside, negatives)):
        assert t.grad is None or np.allclose(t.grad, expected, rtol=0, atol=1e-12)
        assert (t.grad is None) == (not t.requires_grad)


def test_words_that_were_not_named_have_no_row():
    center, table, outside, negatives = problem()
    u = tg.Tensor(table, requires_grad=True)
    tg.negative_sampling(tg.Tensor(center), u, outside, negatives).backward()
    assert isinstance(u.grad, tg.RowSparse)
    assert set(u.grad.merged()[0]) == set(outside) | set(negatives.ravel())


def test_it_stays_finite_at_extreme_scores():
    center, table = np.full((1, 2), 40.0), np.array([[25.0, 0.0], [-25.0, 0.0]])
    v = tg.Tensor(center, requires_grad=True)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss = tg.negative_sampling(v, tg.Tensor(table), np.array([1]), np.array([[0, 0]]))
        loss.backward()
    assert loss.item() == 3000.0
    assert_close(v.grad, [[75.0, 0.0]], 1e-12)


def test_wrong_shapes_are_refused_by_name():
    center, table, outside, negatives = problem()
    with pytest.raises(tg.ShapeError, match=r"center \(B, D\) and table \(V, D\) of the same D"):
        tg.negative_sampling(tg.Tensor(center[:, :2]), tg.Tensor(table), outside, negatives)
    with pytest.raises(tg.ShapeError, match=r"expected outside \(5,\) and negatives \(5, K\)"):
        tg.negative_sampling(tg.Tensor(center), tg.Tensor(table), outside[:3], negatives)


def test_a_word_outside_the_table_is_refused():
    center, table, outside, negatives = problem()
    with pytest.raises(tg.IndexRangeError, match="7 rows"):
        tg.negative_sampling(tg.Tensor(center), tg.Tensor(table, requires_grad=True), outside + 7, negatives)
