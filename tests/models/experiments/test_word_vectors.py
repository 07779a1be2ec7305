"""The word-vector experiments against differences of losses written in plain NumPy."""

import numpy as np
import pytest
from tinygrad_nlp.models.experiments import cbow, layouts, negative_sampling, pca, pull_push, run, window, zero_gradient


def naive(v, o, U):
    s = U @ v
    return np.log(np.exp(s - s.max()).sum()) + s.max() - s[o]


def differences(f, x, h=1e-6):
    """∂f/∂x by central differences."""
    g = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        g[i] = (f(up) - f(down)) / (2 * h)
    return g


def test_log_sum_exp_stays_exact_where_exp_then_log_does_not():
    table = run("naive-softmax").tables[0]
    # scores 1000, 0, −1000, 500 with the third true: log(e^1000 + …) + 1000 = 2000
    assert table.column("J at ±1000") == [2000.0, 2000.0, 2000.0, np.inf]
    assert table.column("∂J/∂v there")[:3] == [2.0, 2.0, 2.0] and np.isnan(table.column("∂J/∂v there")[3])


def test_both_layouts_give_the_gradient_that_differences_give():
    rng = np.random.default_rng(0)
    v, U = rng.normal(size=layouts.DIM), rng.normal(size=(layouts.WORDS, layouts.DIM))
    to_v = differences(lambda x: naive(x, layouts.OUTSIDE, U), v)
    to_U = differences(lambda x: naive(v, layouts.OUTSIDE, x), U)
    values, formulas = run("layouts").tables
    for row in values.rows:
        assert row[2] == pytest.approx(naive(v, layouts.OUTSIDE, U), rel=1e-12)
        assert [float(x) for x in row[3].split(", ")] == pytest.approx(to_v[:2], abs=1e-6)
        assert row[5] == pytest.approx(to_U[layouts.OUTSIDE, 0], abs=1e-8)
    assert formulas.rows[0] == ("∂J/∂v_c", "Uᵀ(ŷ − y)", "U(ŷ − y)")


def test_the_counterexample_is_a_minimum_of_the_loss_at_a_wrong_prediction():
    y_hat, gradient = zero_gradient.at(zero_gradient.CENTERED, np.zeros(2))
    assert not gradient.any() and y_hat[0] == pytest.approx(0.2)
    lowest = naive(np.zeros(2), 0, zero_gradient.CENTERED)
    for v in np.random.default_rng(0).normal(size=(50, 2)):
        assert naive(v, 0, zero_gradient.CENTERED) > lowest


def test_one_step_raises_p_as_plain_arithmetic_has_it():
    def p(v):
        return np.exp(-naive(v, pull_push.OUTSIDE, pull_push.U))

    step = differences(lambda v: naive(v, pull_push.OUTSIDE, pull_push.U), pull_push.V_C)
    before, after, moved, _ = pull_push.step(0.5)
    assert before == pytest.approx(p(pull_push.V_C)) and after == pytest.approx(p(pull_push.V_C - 0.5 * step), abs=1e-8)
    assert after > before
    np.testing.assert_allclose(moved, pull_push.V_C - 0.5 * step, atol=1e-8)


def test_negative_sampling_gradients_are_those_of_the_loss_counting_every_draw():
    rng = np.random.default_rng(0)
    v, U = rng.normal(size=negative_sampling.DIM), rng.normal(size=(negative_sampling.WORDS, negative_sampling.DIM))

    def loss(U):
        s = U @ v
        return np.log1p(np.exp(-s[2])) + sum(np.log1p(np.exp(s[k])) for k in negative_sampling.DRAWN)

    forms, gradients = run("negative-sampling").tables
    assert forms.column("J")[:2] == pytest.approx([loss(U)] * 2, rel=1e-12)
    expected = differences(loss, U) @ v / (v @ v)
    assert gradients.column("the engine") == pytest.approx(list(expected), abs=1e-8)


def test_only_the_words_of_the_batch_change():
    rows = {row[0]: row[1:] for row in run("sparse").tables[0].rows}
    assert rows["SGD"] == (2, 6, 0)  # centers 3, 8; outside 5, 9, 11, 12, 20, 21
    assert rows["heavy ball after another batch"][2] == 5  # center 30; outside 31, 32, 33, 34
    assert rows["SGD, naive softmax"][1] == 40


def test_the_corpus_loss_and_its_window_gradient_by_plain_loops():
    rng = np.random.default_rng(0)
    words = sorted(set(window.TEXT))
    V, U = rng.normal(size=(len(words), window.DIM)), rng.normal(size=(len(words), window.DIM))
    ids = [words.index(w) for w in window.TEXT]
    total = 0.0
    for t, c in enumerate(ids):
        for j in (-2, -1, 1, 2):
            if 0 <= t + j < len(ids):
                total += naive(V[c], ids[t + j], U)
    corpus, rows = run("window").tables
    assert corpus.column("the engine") == pytest.approx([total, total / 11, total / 38], rel=1e-12)

    def around_saw(U):
        return sum(naive(V[ids[2]], ids[t], U) for t in (0, 1, 3, 4))

    assert rows.column("the engine") == pytest.approx(list(differences(around_saw, U)[:, 0]), abs=1e-8)


@pytest.mark.parametrize("combine, row", [("sum", 0), ("mean", 1)])
def test_cbow_is_what_its_name_says(combine, row):
    rng = np.random.default_rng(0)
    V, U = rng.normal(size=(cbow.WORDS, cbow.DIM)) / 2, rng.normal(size=(cbow.WORDS, cbow.DIM))

    def loss(V):
        return naive(getattr(V[list(cbow.CONTEXT)], combine)(axis=0), cbow.CENTER, U)

    _, J, *gradients, _ = run("cbow").tables[0].rows[row]
    expected = differences(loss, V)
    assert pytest.approx(loss(V), rel=1e-12) == J
    assert gradients == pytest.approx([expected[w, 0] for w in (0, 3, 5, 1)], abs=1e-8)


def test_counts_of_a_window_by_hand():
    words = ["a", "b", "c"]
    counts = pca.counted([["a", "b", "a", "c"]], words, reach=1)
    assert counts.tolist() == [[0, 2, 1], [2, 0, 0], [1, 0, 0]]


def test_the_trained_vectors_come_near_the_best_loss_there_is():
    rng = np.random.default_rng(0)
    sentences = pca.corpus(rng)
    words = sorted({w for s in sentences for w in s})
    counts = pca.counted(sentences, words)
    _, first, last = pca.trained(counts, 10, 200, rng)
    P = counts / counts.sum()
    conditional = P / P.sum(axis=1, keepdims=True)
    entropy = -(P[P > 0] * np.log(conditional[P > 0])).sum()  # no model is below the entropy of outside given center
    assert entropy < last < entropy + 0.15 and first == pytest.approx(np.log(len(words)), abs=0.05)
