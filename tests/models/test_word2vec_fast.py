"""The fast loop: learns what the readable one learns, on one process or several; stops well; says what went wrong."""

import os
import signal
import threading
import time
import tracemalloc

import numpy as np
import pytest
from tinygrad_nlp.models.word2vec import Divergence, FastSettings, WorkerLost, fast, train_fast, workers

from tinygrad_nlp import CheckpointError, OptionError, serialize
from tinygrad_nlp.data import DataError, encode, store, stored

from .little_text import digests, kinds_found, little_text

SMALL = {"dim": 12, "window": 3, "epochs": 30, "threshold": 0, "seed": 3}
FORMS = [("skipgram", "negative"), ("cbow", "negative"), ("skipgram", "naive"), ("cbow", "naive")]


@pytest.mark.parametrize("model, loss", FORMS)
@pytest.mark.parametrize("dynamic", [True, False])
def test_loss_falls_and_words_of_a_kind_come_together(model, loss, dynamic):
    settings = FastSettings(model=model, loss=loss, dynamic=dynamic, **SMALL)
    result = train_fast(encode(little_text(), 2), settings)
    losses = [value for _, value in result.curve]
    know_nothing = 6 * np.log(2) if loss == "negative" else np.log(len(result.vocabulary))
    assert losses[0] == pytest.approx(know_nothing, abs=0.4) and losses[-1] < losses[0] - 0.4
    assert kinds_found(result.vectors)
    shares = [share for share, _ in result.curve]
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(shares) <= 201
    assert result.words == 30 * 2400 and result.pairs > 0 and not result.interrupted


def test_the_loss_is_the_mean_over_all_pairs_of_the_steps_looked_at(monkeypatch):
    seen = []
    form = fast.FORMS["skipgram", "negative"]
    step = form.step

    def watched(self, *arguments):
        pairs, loss = step(self, *arguments)
        seen.append((pairs, loss))
        return pairs, loss

    monkeypatch.setattr(form, "step", watched)
    monkeypatch.setattr(workers, "CURVE_POINTS", 0.5)
    result = train_fast(encode(little_text(200), 2), FastSettings(**{**SMALL, "epochs": 3}))
    pairs, losses = np.array(seen).T
    assert len(result.curve) == 1 and len(seen) == result.steps
    assert result.curve[0][1] == pytest.approx(losses.sum() / pairs.sum())
    assert result.pairs == pytest.approx(pairs.sum())


def test_a_corpus_on_disk_trains_to_the_same_bits_and_pieces_cover_the_text(monkeypatch):
    monkeypatch.setitem(fast.PIECE, "negative", 500)
    settings = FastSettings(**{**SMALL, "epochs": 2})
    one, two = (train_fast(kind(little_text(), 2), settings) for kind in (encode, store))
    assert np.array_equal(one.center, two.center) and np.array_equal(one.outside, two.outside)
    assert one.words == 2 * 2400


def test_same_seed_same_vectors_whatever_the_hash_seed():
    assert len(digests("train_fast(text, FastSettings(dim=6, epochs=2, seed=7))")) == 1


def test_another_seed_gives_other_vectors():
    corpus = encode(little_text(50), 2)
    one, two = (train_fast(corpus, FastSettings(dim=4, epochs=1, seed=s)).center for s in (1, 2))
    assert not np.array_equal(one, two)


def test_two_workers_share_the_tables_and_the_text():
    before = os.environ.get("OPENBLAS_NUM_THREADS")
    result = train_fast(store(little_text(1200), 2), FastSettings(**SMALL), workers=2)
    assert kinds_found(result.vectors) and result.workers == 2
    assert result.words == 30 * 4800 and result.curve[-1][0] == 1.0
    assert result.curve[-1][1] < 6 * np.log(2) - 0.4
    assert os.environ.get("OPENBLAS_NUM_THREADS") == before


def interrupt_after(share):
    def interrupt(done, words, loss):
        if done > share:
            raise KeyboardInterrupt

    return interrupt


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_keeps_what_was_learned(workers):
    settings = FastSettings(**{**SMALL, "epochs": 400})
    started = time.monotonic()
    result = train_fast(encode(little_text(), 2), settings, workers, interrupt_after(0.05))
    assert result.interrupted and 0 < result.words < 400 * 2400 * 0.9 and result.curve
    assert np.isfinite(result.center).all() and result.outside.any()
    assert time.monotonic() - started < 60


def interrupted_and_resumed(path, settings, share):
    corpus = encode(little_text(), 2)
    first = train_fast(corpus, settings, 1, interrupt_after(share), path)
    assert first.interrupted and 0 < first.words < settings.epochs * 2400
    return first, train_fast(corpus, settings, 1, None, path, resume=True)


@pytest.mark.parametrize("model, loss", FORMS)
def test_an_interrupted_training_continues_to_the_same_bits(model, loss, tmp_path, monkeypatch):
    monkeypatch.setitem(fast.PIECE, loss, 700)
    settings = FastSettings(model=model, loss=loss, **{**SMALL, "epochs": 6})
    whole = train_fast(encode(little_text(), 2), settings)
    for share in (0.0, 0.4, 0.9):
        first, rest = interrupted_and_resumed(tmp_path / "part", settings, share)
        assert np.array_equal(whole.center, rest.center) and np.array_equal(whole.outside, rest.outside)
        assert not rest.interrupted and (rest.words, rest.steps) == (whole.words, whole.steps)
        assert rest.pairs == pytest.approx(whole.pairs) and rest.seconds > first.seconds
        assert rest.curve[: len(first.curve)] == first.curve and rest.curve[-1][0] == 1.0


def test_ctrl_c_ends_the_piece_at_hand_and_gives_the_signal_back(tmp_path, monkeypatch):
    monkeypatch.setitem(fast.PIECE, "negative", 700)
    settings = FastSettings(**{**SMALL, "epochs": 40})
    corpus, sent = encode(little_text(), 2), []

    def press(done, words, loss):
        if done > 0.3 and not sent:
            sent.append(signal.raise_signal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    first = train_fast(corpus, settings, 1, press, tmp_path / "part")
    assert first.interrupted and 0.3 < first.words / (40 * 2400) < 0.5 and signal.getsignal(signal.SIGINT) is before
    rest = train_fast(corpus, settings, 1, None, tmp_path / "part", resume=True)
    assert np.array_equal(rest.center, train_fast(corpus, settings).center)


def test_a_second_ctrl_c_ends_at_once_and_leaves_no_checkpoint(tmp_path):
    def press_twice(done, words, loss):
        if done > 0.1:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    result = train_fast(encode(little_text(), 2), FastSettings(**SMALL), 1, press_twice, tmp_path / "part")
    assert result.interrupted and 0 < result.words < 30 * 2400 and not (tmp_path / "part").exists()


def test_memory_of_training_does_not_grow_with_the_text(monkeypatch):
    monkeypatch.setitem(fast.PIECE, "negative", 1 << 12)
    words = [f"w{i}" for i in range(400)]

    def peak(sentences):
        rng = np.random.default_rng(0)
        tracemalloc.start()
        corpus = store(([words[i] for i in rng.integers(0, 400, 40)] for _ in range(sentences)), 1)
        train_fast(corpus, FastSettings(dim=10, epochs=1))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    monkeypatch.setattr(stored, "_CHUNK", 1 << 12)
    peak(400)  # what is imported at first use is not counted
    assert peak(4000) < 1.2 * peak(400)


def test_two_workers_go_on_with_what_is_left(tmp_path):
    settings, corpus = FastSettings(**{**SMALL, "epochs": 60}), encode(little_text(), 2)
    first = train_fast(corpus, settings, 2, interrupt_after(0.2), tmp_path / "part")
    rest = train_fast(corpus, settings, 2, None, tmp_path / "part", resume=True)
    assert first.interrupted and rest.words == 60 * 2400 and kinds_found(rest.vectors)


def test_resuming_with_other_settings_or_text_is_refused_with_what_differs(tmp_path):
    path, settings = tmp_path / "part", FastSettings(**SMALL)
    with pytest.raises(CheckpointError, match="part: no interrupted training to resume; start it without --resume"):
        train_fast(encode(little_text(), 2), settings, 1, None, path, resume=True)
    train_fast(encode(little_text(), 2), settings, 1, interrupt_after(0.1), path)
    for name, value, text in (
        ("dim", 13, little_text()),
        ("rate", 0.5, little_text()),
        ("text checksum", r"\d+", little_text()[::-1]),
        ("words of text", 2396, little_text()[1:]),
    ):
        other = FastSettings(**{**SMALL, **({name: value} if name in ("dim", "rate") else {})})
        with pytest.raises(CheckpointError, match=f"begun with {name} .*, and is to go on with {value}"):
            train_fast(encode(text, 2), other, 1, None, path, resume=True)
    serialize.save(path, metadata={"kind": "vectors"})
    with pytest.raises(CheckpointError, match="no interrupted training of word vectors"):
        train_fast(encode(little_text(), 2), settings, 1, None, path, resume=True)


def test_what_no_worker_could_use_is_refused_before_any_is_started(monkeypatch):
    def started(*_):
        raise AssertionError("a worker was started")

    monkeypatch.setattr(workers.Shared, "helpers", started)
    corpus = encode(little_text(), 2)
    with pytest.raises(OptionError, match=r"power=1e\+300"):
        train_fast(corpus, FastSettings(**SMALL, exponent=1e300), 2)
    with pytest.raises(OptionError, match="resume needs checkpoint=FILE"):
        train_fast(corpus, FastSettings(**SMALL), 2, resume=True)


def test_a_checkpoint_that_cannot_be_written_loses_nothing(tmp_path):
    path = tmp_path / "no folder" / "part"
    result = train_fast(encode(little_text(), 2), FastSettings(**SMALL), 1, interrupt_after(0.1), path)
    assert result.interrupted and result.outside.any() and "no checkpoint: No such file" in result.problem


def test_a_training_that_goes_on_keeps_a_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(fast, "KEEP_EVERY", 0.0)
    monkeypatch.setitem(fast.PIECE, "negative", 700)
    settings, corpus = FastSettings(**{**SMALL, "epochs": 4}), encode(little_text(), 2)
    whole = train_fast(corpus, settings, 1, None, tmp_path / "part")
    part = train_fast(corpus, settings, 1, None, tmp_path / "part", resume=True)
    assert part.words == whole.words and np.array_equal(part.center, whole.center)


def test_a_text_of_which_nothing_is_left_is_refused():
    with pytest.raises(DataError, match="no two words are left in one window.*--subsample 0 keeps every word"):
        train_fast(encode([["a", "b"]] * 3, 1), FastSettings(dim=3, threshold=1e-9))
    with pytest.raises(DataError, match="sentences of a single word"):
        train_fast(encode([["a"], ["b"]] * 30, 1), FastSettings(dim=3, threshold=0))


def test_a_worker_that_is_killed_is_said(monkeypatch):
    found = []

    def kill(done, words, loss):
        if done > 0 and not found:
            import multiprocessing

            found.append(multiprocessing.active_children()[0])
            found[0].kill()

    with pytest.raises(WorkerLost, match=r"worker \d of 2 ended with code -9; fewer --workers"):
        train_fast(encode(little_text(), 2), FastSettings(**{**SMALL, "epochs": 400}), 2, kill)
    assert threading.active_count() < 5


def test_divergence_is_said_with_what_to_change():
    with (
        np.errstate(all="ignore"),
        pytest.raises(Divergence, match="rate 1e.19 is too large; a smaller --rate, or a smaller"),
    ):
        train_fast(encode(little_text(), 2), FastSettings(**{**SMALL, "rate": 1e19}))


def test_a_single_word_is_refused():
    with pytest.raises(DataError, match=r"a single word is left \(word\)"):
        train_fast(encode([["word"] * 9], 2))


@pytest.mark.parametrize("wrong", [{"model": "glove"}, {"loss": "hinge"}, {"combine": "max"}, {"dim": 0}])
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(OptionError, match="FastSettings: got"):
        FastSettings(**wrong)


@pytest.mark.parametrize("model, loss", FORMS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_texts_of_a_few_words_train(model, loss, count):
    result = train_fast(
        encode([["a", "b", "c"][:2]] * count, 1), FastSettings(model=model, loss=loss, dim=3, epochs=2, threshold=0)
    )
    assert np.isfinite(result.center).all() and result.words == 4 * count


@pytest.mark.parametrize("count", [2, 4, 8])
def test_texts_whose_few_words_are_all_equally_frequent_do_not_diverge(count):
    text = [[f"w{i}" for i in range(count)] * 20] * (30_000 // count // 20)
    for dim in (4, 100):
        result = train_fast(encode(text, 1), FastSettings(epochs=2, dim=dim))
        assert result.curve[-1][1] < 3.2


def test_strong_settings_do_not_diverge():
    settings = FastSettings(window=10, dynamic=False, negatives=15, rate=0.1, epochs=3, dim=20)
    result = train_fast(encode(little_text(2000), 1), settings)
    assert result.curve[-1][1] < 12
