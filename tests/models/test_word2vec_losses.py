"""The losses of word2vec against the closed forms of 000-004 (what they state of each gradient), in plain NumPy."""

import numpy as np
import pytest
from tinygrad_nlp.models.word2vec import (
    cbow_context,
    cbow_loss,
    naive_softmax_loss,
    negative_sampling_loss,
    window_loss,
)

from tinygrad_nlp import OptionError, Tensor, registry

V, D = 7, 4


@pytest.fixture
def tables():
    rng = np.random.default_rng(5)
    return rng.normal(size=D), rng.normal(size=(V, D)), rng.normal(size=(V, D))


def leaf(array):
    return Tensor(array, requires_grad=True)


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def close(actual, expected):
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=1e-12, atol=1e-13)


def softmax_gradients(v, o, U):
    error = softmax(U @ v) - np.eye(V)[o]
    return U.T @ error, np.outer(error, v)


def test_naive_softmax_is_minus_score_plus_log_sum_exp_with_gradients_of_the_documents(tables):
    v, U, _ = tables
    v_c, U_t = leaf(v), leaf(U)
    loss = naive_softmax_loss(v_c, 3, U_t)
    loss.backward()
    close(loss.item(), -U[3] @ v + np.log(np.exp(U @ v).sum()))
    dv, dU = softmax_gradients(v, 3, U)
    close(v_c.grad, dv)
    close(U_t.grad, dU)


def test_naive_softmax_of_a_batch_is_the_mean_over_its_pairs(tables):
    _, U, W = tables
    centers, outsides = leaf(W[:3]), np.array([1, 1, 6])
    loss = naive_softmax_loss(centers, outsides, leaf(U))
    loss.backward()
    close(loss.item(), np.mean([-np.log(softmax(U @ v)[o]) for v, o in zip(W, outsides)]))
    close(centers.grad, [softmax_gradients(v, o, U)[0] / 3 for v, o in zip(W, outsides)])


def test_naive_softmax_stays_finite_at_scores_of_a_thousand():
    loss = naive_softmax_loss(leaf(np.array([1000.0])), 0, leaf(np.array([[-1.0], [1.0]])))
    assert loss.item() == 2000.0


def negative_sampling_closed(v, o, negatives, U):
    s = sigmoid(U @ v)
    drawn = np.bincount(negatives, minlength=V)
    y = np.eye(V)[o]
    loss = -np.log(s[o]) - (drawn * np.log(1 - s)).sum()
    weights = y * (s - 1) + drawn * s
    return loss, weights @ U, np.outer(weights, v)


NEGATIVES = [
    pytest.param([0, 5], id="distinct"),
    pytest.param([5, 5, 5, 0], id="one word drawn three times"),
    pytest.param([2, 0, 2], id="the outside word drawn twice"),
]


@pytest.mark.parametrize("negatives", NEGATIVES)
def test_negative_sampling_counts_a_word_as_often_as_it_was_drawn(tables, negatives):
    v, U, _ = tables
    v_c, U_t = leaf(v), leaf(U)
    loss = negative_sampling_loss(v_c, 2, np.array(negatives), U_t)
    loss.backward()
    expected = negative_sampling_closed(v, 2, negatives, U)
    for actual, want in zip((loss.item(), v_c.grad, U_t.grad), expected):
        close(actual, want)


@pytest.mark.parametrize("negatives", NEGATIVES)
def test_the_op_used_in_training_has_the_same_closed_form(tables, negatives):
    v, U, _ = tables
    centers, U_t = leaf(np.stack([v, v])), leaf(U)
    both = np.array([negatives, negatives])
    loss = registry["negative_sampling"](centers, U_t, np.array([2, 2]), both, reduction="sum")
    loss.backward()
    expected, dv, dU = negative_sampling_closed(v, 2, negatives, U)
    close(loss.item(), 2 * expected)
    close(centers.grad, [dv, dv])
    close(U_t.grad, 2 * dU)


@pytest.mark.parametrize("outsides", [[1], [1, 4, 6], [1, 4, 4, 4]])
def test_a_window_sums_over_its_words_and_a_repeated_word_adds(tables, outsides):
    v, U, _ = tables
    v_c, U_t = leaf(v), leaf(U)
    window_loss(v_c, outsides, U_t).backward()
    parts = [softmax_gradients(v, o, U) for o in outsides]
    close(v_c.grad, sum(p[0] for p in parts))
    close(U_t.grad, sum(p[1] for p in parts))


@pytest.mark.parametrize("combine, share", [("sum", 1.0), ("mean", 1 / 3)])
def test_cbow_gives_each_occurrence_of_a_context_word_its_share(tables, combine, share):
    _, U, W = tables
    context = [0, 3, 3]
    table, U_t = leaf(W), leaf(U)
    cbow_loss(table, np.array(context), 5, U_t, combine).backward()
    combined = W[context].sum(axis=0) * share
    g, dU = softmax_gradients(combined, 5, U)
    expected = np.zeros_like(W)
    expected[0], expected[3] = g * share, 2 * g * share
    close(table.grad, expected)
    close(U_t.grad, dU)


def test_cbow_takes_other_losses_and_refuses_other_combinations(tables):
    _, U, W = tables

    def drawn(v, o, U):
        return negative_sampling_loss(v, o, np.array([1, 1]), U)

    loss = cbow_loss(Tensor(W), np.array([0, 3]), 5, Tensor(U), loss=drawn)
    close(loss.item(), negative_sampling_closed(W[[0, 3]].mean(axis=0), 5, [1, 1], U)[0])
    with pytest.raises(OptionError, match="combine='max'; expected 'mean' or 'sum'"):
        cbow_context(Tensor(W), np.array([0]), "max")
