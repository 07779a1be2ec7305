"""The block forms against the documents' losses, pair by pair, on the engine: equal in loss, gradient, expectation."""

import numpy as np
import pytest
from tinygrad_nlp.models.word2vec import (
    CbowBlocks,
    FastSettings,
    NegativeSampler,
    SkipGramBlocks,
    SoftmaxBlocks,
    SoftmaxCbowBlocks,
    block_loss,
    blocks,
    cbow_loss,
    naive_softmax_loss,
    pairs,
    reaches,
)
from tinygrad_nlp.models.word2vec.rows import move

from tinygrad_nlp import Tensor, logsigmoid

V, D, RATE = 9, 4, 0.01


@pytest.fixture(autouse=True)
def unbounded(monkeypatch):
    """Whole gradients, however long; the bound has a test of its own."""
    monkeypatch.setattr(blocks, "FURTHEST", np.inf)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("size", [V, 1 << 17])
def test_rows_of_a_repeated_id_are_summed_and_others_stay_to_the_bit(size, dtype):
    rng = np.random.default_rng(0)
    for length in (0, 1, 2, 7, 300):
        table = rng.normal(size=(size, 3))
        ids = rng.integers(1, V, length).astype(dtype) * (size // V - 1 or 1)
        ids[: length // 2] = ids[:1]
        rows = rng.normal(size=(length, 3))
        expected, before = table.copy(), table.copy()
        np.subtract.at(expected, ids, rows)
        move(table, ids, rows)
        np.testing.assert_allclose(table, expected, atol=1e-12)
        untouched = np.setdiff1d(np.arange(size), ids)
        assert np.array_equal(table[untouched], before[untouched])


def make(form, window=2, length=6, words=12, **options):
    """A form in float64 tables of its own, a text with repeated words and two sentence ends, and padding at the end."""
    rng = np.random.default_rng(7)
    model = "cbow" if "Cbow" in form.__name__ else "skipgram"
    settings = FastSettings(model=model, window=window, **options)
    center, outside = rng.normal(size=(2, V, D)).astype(np.float32)
    counts = np.array([40, 20, 10, 9, 8, 5, 3, 2, 1])
    before = blocks.BLOCK_WORDS
    blocks.BLOCK_WORDS = length
    try:
        made = form(center, outside, counts, settings, words)
    finally:
        blocks.BLOCK_WORDS = before
    ids = rng.integers(0, V - 1, words + 2 * window)  # word V − 1 does not occur
    ids[window + 3 : window + 6] = 2
    sentence = np.repeat([0, 1, 2], [5, words - 4, 2 * window - 1])
    sentence[-window - 2 :] = -2
    sentence[0] = -1
    return made, ids, sentence


def seen(form, sentence):
    """What a step is told of the sentences: how many words each of its words sees on either side; padding sees none."""
    inner = slice(form.window, form.window + form.words)
    return [np.where(sentence[inner] >= 0, reach[inner], 0) for reach in reaches(sentence, form.window)]


def brute_pairs(form, ids, sentence):
    """(center, outside, expected count) of every pair of the step, one by one."""
    w = form.window
    for t in range(w, w + form.words):
        for i in range(t - w, t + w + 1):
            if i != t and sentence[i] == sentence[t] and sentence[t] >= 0:
                yield ids[i], ids[t], (w + 1 - abs(i - t)) / w if form.settings.dynamic else 1.0


def moved(form, ids, sentence, seed=3):
    """(−change of each table / rate, pairs, loss) of one step."""
    before = form.center.copy(), form.outside.copy()
    count, loss = form.step(ids, *seen(form, sentence), RATE, np.random.default_rng(seed), True)
    changes = [(a.astype(float) - b) / RATE for a, b in zip(before, (form.center, form.outside))]
    form.center[...], form.outside[...] = before
    return *changes, count, loss


def leaves(form):
    return (Tensor(x.astype(np.float64), requires_grad=True) for x in (form.center, form.outside))


def close(actual, expected, tolerance=2e-4):
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


SHAPES = [(2, 6, 12), (4, 3, 16), (1, 12, 12), (3, 32, 5)]


@pytest.mark.parametrize("dynamic", [True, False])
@pytest.mark.parametrize("window, length, words", SHAPES)
def test_a_step_moves_along_the_gradient_the_engine_derives(window, length, words, dynamic):
    form, ids, sentence = make(SkipGramBlocks, window, length, words, dynamic=dynamic)
    d_center, d_outside, _, loss = moved(form, ids, sentence)
    places, words, H, _ = form.layout(ids, *seen(form, sentence), np.random.default_rng(3))
    H[:, form.length :] *= -1
    center, outside = leaves(form)
    total = block_loss(center, outside, places, words, H.astype(float))
    total.backward()
    close(loss, total.item())
    close(d_center, np.asarray(center.grad))
    close(d_outside, np.asarray(outside.grad))


@pytest.mark.parametrize("window, length, words", SHAPES)
def test_expected_pairs_are_those_of_the_pair_by_pair_form(window, length, words):
    form, ids, sentence = make(SkipGramBlocks, window, length, words)
    places, _, H, _ = form.layout(ids, *seen(form, sentence), np.random.default_rng(0))
    found = np.zeros((V, V))
    for b in range(form.count):
        np.add.at(found, (places[b][None], form.own(ids)[b][:, None]), H[b, : form.length])
    brute = np.zeros((V, V))
    for c, o, weight in brute_pairs(form, ids, sentence):
        brute[c, o] += weight
    close(found, brute, 1e-5)
    assert moved(form, ids, sentence)[2] == pytest.approx(brute.sum(), rel=1e-5)


def test_expected_windows_are_the_mean_of_drawn_ones():
    # A text whose ends are sentence ends, so that `pairs`, which draws windows, sees what a block sees.
    form, ids, _ = make(SkipGramBlocks, 3, 6, 12)
    sentence = np.array([-1] * 3 + [0] * 7 + [1] * 5 + [-2] * 3)
    inner = slice(3, 15)
    rng, mean = np.random.default_rng(0), np.zeros((V, V))
    for _ in range(4000):
        np.add.at(mean, pairs(ids[inner], sentence[inner], 3, rng), 1 / 4000)
    brute = np.zeros((V, V))
    for c, o, weight in brute_pairs(form, ids, sentence):
        brute[c, o] += weight
    assert np.abs(mean - brute).max() < 0.06


def test_loss_and_gradient_are_those_of_the_textbook_in_expectation():
    form, ids, sentence = make(SkipGramBlocks, negatives=5)
    p = NegativeSampler([40, 20, 10, 9, 8, 5, 3, 2, 1]).probabilities
    center, outside = leaves(form)
    # E[negative_sampling_loss]: each of the K draws is word w with probability p_w.
    total = 0
    for c, o, weight in brute_pairs(form, ids, sentence):
        scores = outside @ center[int(c)]
        total = total - weight * (logsigmoid(scores[int(o)]) + 5 * (p * logsigmoid(-scores)).sum())
    total.backward()
    draws = [moved(form, ids, sentence, seed) for seed in range(1500)]
    for found, expected in zip(zip(*draws), (center.grad, outside.grad, None, total.item())):
        if expected is not None:
            mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(len(found))
            assert (np.abs(mean - np.asarray(expected)) <= 5 * error + 2e-3).all()


@pytest.mark.parametrize("form", [SkipGramBlocks, CbowBlocks, SoftmaxBlocks, SoftmaxCbowBlocks])
def test_no_vector_moves_further_than_the_bound_and_then_along_its_gradient(monkeypatch, form):
    form, ids, sentence = make(form)
    free_center, free_outside, _, _ = moved(form, ids, sentence)
    bound = float(np.median(np.linalg.norm(np.concatenate([free_center, free_outside]), axis=1))) * RATE
    monkeypatch.setattr(blocks, "FURTHEST", bound)
    for free, kept in zip((free_center, free_outside), moved(form, ids, sentence)):
        length = np.linalg.norm(free, axis=1, keepdims=True) * RATE
        close(kept, free * np.minimum(1, bound / np.maximum(length, 1e-30)), 2e-3)


def test_words_that_do_not_take_part_do_not_move():
    form, ids, sentence = make(SkipGramBlocks)
    before = form.center.copy()
    d_center, _, _, _ = moved(form, ids, sentence)
    assert not d_center[V - 1].any()
    form.step(ids, *seen(form, sentence), RATE, np.random.default_rng(0))
    assert np.array_equal(form.center[V - 1], before[V - 1]) and not np.array_equal(form.center, before)


def contexts(form, ids, sentence, M):
    """(context ids, word, place) of each word that has a context."""
    for b in range(form.count):
        for t in range(form.length):
            around = form.spans(ids)[b][M[b, t] > 0]
            if len(around):
                yield [int(i) for i in around], int(form.own(ids)[b, t]), (b, t)


@pytest.mark.parametrize("combine", ["mean", "sum"])
@pytest.mark.parametrize("dynamic", [True, False])
@pytest.mark.parametrize("window, length, words", SHAPES)
def test_cbow_is_the_documents_loss_with_shared_negatives(window, length, words, combine, dynamic):
    form, ids, sentence = make(CbowBlocks, window, length, words, combine=combine, dynamic=dynamic)
    d_center, d_outside, count, loss = moved(form, ids, sentence)
    rng = np.random.default_rng(3)
    M, _, _ = form.windows(*seen(form, sentence), rng)
    negatives = form.and_negatives(ids, rng)[:, form.length :]
    share = 5 / form.negatives
    center, outside = leaves(form)
    losses = [
        cbow_loss(
            center,
            context,
            word,
            outside,
            combine,
            lambda v, o, U, b=b: -logsigmoid(U[o] @ v) - share * logsigmoid(-(U[negatives[b]] @ v)).sum(),
        )
        for context, word, (b, _) in contexts(form, ids, sentence, M)
    ]
    total = sum(losses[1:], losses[0])
    total.backward()
    close(loss, total.item())
    close(d_center, np.asarray(center.grad))
    close(d_outside, np.asarray(outside.grad))
    assert count == len(losses)


def test_windows_of_cbow_are_symmetric_and_end_with_the_sentence():
    form, ids, sentence = make(CbowBlocks, 2, 6, 12)
    found = set()
    for seed in range(20):
        M, _, _ = form.windows(*seen(form, sentence), np.random.default_rng(seed))
        for b in range(form.count):
            for t in range(form.length):
                at = b * form.length + t + form.window
                offsets = np.flatnonzero(M[b, t]) + b * form.length - at
                reach = np.abs(offsets).max(initial=0)
                found.add(int(reach))
                inside = [
                    j for j in range(-reach, reach + 1) if j and sentence[at] >= 0 and sentence[at + j] == sentence[at]
                ]
                assert offsets.tolist() == inside
    assert found == {0, 1, 2}


def test_word2vecs_own_cbow_moves_context_words_by_the_undivided_gradient():
    options = {"window": 2, "length": 6, "words": 12, "dynamic": False}
    (mean, ids, sentence), (own, _, _) = (make(CbowBlocks, combine=c, **options) for c in ("mean", "word2vec"))
    divided, also, _ = mean.windows(*seen(mean, sentence), np.random.default_rng(0))
    into, back, _ = own.windows(*seen(own, sentence), np.random.default_rng(0))
    assert also is divided and np.array_equal(into, divided)
    assert np.array_equal(back, into > 0) and back.sum(axis=2).max() == 4
    (_, outside_mean, _, loss_mean), (_, outside_own, _, loss_own) = (moved(f, ids, sentence) for f in (mean, own))
    assert loss_mean == loss_own and np.array_equal(outside_mean, outside_own)


@pytest.mark.parametrize("dynamic", [True, False])
@pytest.mark.parametrize("at_once", [1 << 20, 2 * V])
def test_naive_softmax_by_distinct_centers_is_the_sum_over_pairs(monkeypatch, dynamic, at_once):
    monkeypatch.setattr(blocks, "SCORES", at_once)
    form, ids, sentence = make(SoftmaxBlocks, dynamic=dynamic)
    d_center, d_outside, count, loss = moved(form, ids, sentence)
    center, outside = leaves(form)
    every = list(brute_pairs(form, ids, sentence))
    total = sum(w * naive_softmax_loss(center[int(c)], int(o), outside) for c, o, w in every)
    total.backward()
    close(loss, total.item())
    close(d_center, np.asarray(center.grad))
    close(d_outside, np.asarray(outside.grad))
    assert count == pytest.approx(sum(w for _, _, w in every), rel=1e-5)


@pytest.mark.parametrize("combine", ["mean", "sum"])
def test_cbow_with_the_naive_softmax_is_the_documents_loss(combine):
    form, ids, sentence = make(SoftmaxCbowBlocks, combine=combine)
    d_center, d_outside, _, loss = moved(form, ids, sentence)
    M, _, _ = form.windows(*seen(form, sentence), np.random.default_rng(3))
    center, outside = leaves(form)
    losses = [cbow_loss(center, c, o, outside, combine) for c, o, _ in contexts(form, ids, sentence, M)]
    total = sum(losses[1:], losses[0])
    total.backward()
    close(loss, total.item())
    close(d_center, np.asarray(center.grad))
    close(d_outside, np.asarray(outside.grad))


@pytest.mark.parametrize("form", [SkipGramBlocks, CbowBlocks, SoftmaxBlocks, SoftmaxCbowBlocks])
def test_a_step_without_a_single_pair_changes_nothing(form):
    form, ids, _ = make(form)
    alone = np.arange(len(ids))
    before = form.center.copy(), form.outside.copy()
    count, loss = form.step(ids, *seen(form, alone), 1.0, np.random.default_rng(0), True)
    assert count == 0 and loss == 0
    assert np.array_equal(form.center, before[0]) and np.array_equal(form.outside, before[1])


@pytest.mark.parametrize("form", [SkipGramBlocks, CbowBlocks, SoftmaxBlocks, SoftmaxCbowBlocks])
def test_scores_of_a_thousand_stay_finite(form):
    form, ids, sentence = make(form)
    form.center *= 300
    form.outside *= 30
    with np.errstate(over="raise", invalid="raise"):
        _, loss = form.step(ids, *seen(form, sentence), 1e-4, np.random.default_rng(0), True)
    assert np.isfinite(loss) and np.isfinite(form.center).all() and np.isfinite(form.outside).all()
