"""Training on small generated treebanks."""

from dataclasses import replace

import numpy as np
import pytest
from tinygrad_nlp.models.parser import Divergence, Parser, Sentence, Settings, evaluate, generate, score, train
from tinygrad_nlp.models.word2vec import Vectors

from tinygrad_nlp import CheckpointError, OptionError, serialize
from tinygrad_nlp.data import DataError
from tinygrad_nlp.data import Vocabulary as Words
from tinygrad_nlp.nn import Parameter
from tinygrad_nlp.optim import Adam

TRAIN = [made.sentence for made in generate(300, seed=1)]
DEV = [made.sentence for made in generate(60, seed=2)]
PLAIN = {"endings": False, "beta2": 0.999, "average": 0.0}
SMALL = Settings(dim=12, hidden=24, epochs=4, batch=128, rate=1e-2, seed=3, **PLAIN)


def weights(result):
    return {name: array.tobytes() for name, array in result.parser.network.state_dict().items()}


@pytest.fixture(scope="module")
def trained():
    return train(TRAIN, DEV, SMALL)


def test_a_few_epochs_learn_the_small_grammar(trained):
    losses = [entry["loss"] for entry in trained.history]
    assert losses == sorted(losses, reverse=True) and losses[0] > 4 * losses[-1]
    scores = score(trained.parser, DEV)
    assert scores.uas > 0.95 and scores.las > 0.9
    assert scores.las == trained.history[trained.best_epoch - 1]["las"] == trained.parser.notes["las"]


@pytest.mark.parametrize("activation", ["relu", "cube", "tanh"])
def test_the_three_transitions_learn_it_too(activation):
    result = train(TRAIN, DEV, replace(SMALL, labelled=False, activation=activation, epochs=3))
    assert score(result.parser, DEV).uas > 0.9 and list(result.history[0]) == ["loss", "uas"]


def test_a_seed_repeats_a_run_to_the_bit(trained):
    again = train(TRAIN, DEV, SMALL)
    assert weights(again) == weights(trained) and again.history == trained.history
    other = train(TRAIN, DEV, replace(SMALL, seed=4, epochs=1))
    assert weights(other) != weights(trained)


class Stop:
    """Interrupts in the middle of the given epoch, as Ctrl-C would."""

    def __init__(self, share):
        self.share = share

    def __call__(self, share, sentences, loss, history):
        if share >= self.share:
            raise KeyboardInterrupt


@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_an_interrupted_training_continues_to_the_bit(tmp_path, trained, share):
    path = tmp_path / "c.safetensors"
    first = train(TRAIN, DEV, SMALL, checkpoint=path, on_progress=Stop(share))
    assert first.interrupted and len(first.history) == int(share * 4)
    second = train(TRAIN, DEV, SMALL, checkpoint=path, resume=True)
    assert not second.interrupted
    assert weights(second) == weights(trained) and second.history == trained.history
    assert second.best_epoch == trained.best_epoch


def test_a_best_epoch_before_the_interruption_is_not_lost(tmp_path):
    spoiled = replace(SMALL, rate=0.02, last_rate=2.0, epochs=5)
    through = train(TRAIN[:60], DEV, spoiled)
    assert through.best_epoch < 5, "or the test shows nothing"
    path = tmp_path / "c.safetensors"
    train(TRAIN[:60], DEV, spoiled, checkpoint=path, on_progress=Stop(0.95))
    resumed = train(TRAIN[:60], DEV, spoiled, checkpoint=path, resume=True)
    assert weights(resumed) == weights(through) and resumed.best_epoch == through.best_epoch


def test_an_interrupt_keeps_the_best_epoch(trained):
    stopped = train(TRAIN, DEV, SMALL, on_progress=Stop(0.6))
    assert stopped.best_epoch in (1, 2) and stopped.history == trained.history[:2]
    assert score(stopped.parser, DEV).las == stopped.history[stopped.best_epoch - 1]["las"]
    at_once = train(TRAIN, DEV, SMALL, on_progress=Stop(0))
    assert at_once.interrupted and at_once.best_epoch == 0 and len(at_once.parser.trees(DEV)) == len(DEV)


def test_the_best_epoch_on_dev_is_kept():
    """A rate that spoils the later epochs: the kept weights are not the last."""
    result = train(TRAIN[:60], DEV, replace(SMALL, rate=0.1, last_rate=0.3, epochs=5))
    scores = [entry["las"] for entry in result.history]
    assert result.best_epoch == scores.index(max(scores)) + 1
    assert score(result.parser, DEV).las == max(scores)


def test_without_dev_the_last_epoch_is_kept():
    result = train(TRAIN[:50], None, replace(SMALL, epochs=2))
    assert result.best_epoch == 2 and list(result.history[0]) == ["loss"]


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    path = tmp_path / "c.safetensors"
    one = replace(SMALL, epochs=1)
    train(TRAIN[:40], None, one, checkpoint=path)
    with pytest.raises(CheckpointError, match="a training with hidden=24; expected the settings and the treebank"):
        train(TRAIN[:40], None, replace(one, hidden=25), checkpoint=path, resume=True)
    with pytest.raises(CheckpointError, match="a training on another treebank"):
        train(TRAIN[1:41], None, one, checkpoint=path, resume=True)
    serialize.save(path, metadata={"kind": "word vectors"})
    with pytest.raises(CheckpointError, match="a checkpoint of something else"):
        train(TRAIN[:40], None, one, checkpoint=path, resume=True)
    with pytest.raises(OptionError, match="expected checkpoint=FILE"):
        train(TRAIN[:40], None, one, resume=True)


def test_resuming_a_complete_training_changes_nothing(tmp_path):
    path, one = tmp_path / "c.safetensors", replace(SMALL, epochs=1)
    complete = train(TRAIN[:40], None, one, checkpoint=path)
    assert weights(train(TRAIN[:40], None, one, checkpoint=path, resume=True)) == weights(complete)


def test_progress_rises_to_one():
    seen = []
    train(TRAIN[:60], None, replace(SMALL, epochs=2), on_progress=lambda *a: seen.append(a))
    shares, sentences = [s for s, *_ in seen], [n for _, n, *_ in seen]
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert sentences == sorted(sentences) and sentences[-1] == 120


def test_non_projective_sentences_are_left_out_and_listed():
    crossing = Sentence.from_words(list("abcd"), ["X"] * 4, [3, 4, 0, 3], ["dep", "dep", "root", "dep"])
    result = train([*TRAIN[:10], crossing], None, replace(SMALL, epochs=1))
    assert result.skipped == [10]
    with pytest.raises(DataError, match="no projective sentence to train on"):
        train([crossing], None, SMALL)


def test_errors():
    with pytest.raises(OptionError, match="Settings: epochs: 0; expected at least 1"):
        train(TRAIN[:5], None, replace(SMALL, epochs=0))
    with pytest.raises(OptionError, match=r"Settings: rate: -1; expected above 0"):
        train(TRAIN[:5], None, replace(SMALL, rate=-1))
    with pytest.raises(OptionError, match="expected 'relu', 'cube' or 'tanh'"):
        train(TRAIN[:5], None, replace(SMALL, activation="gelu"))
    with np.errstate(all="ignore"), pytest.raises(Divergence, match="a smaller rate keeps it finite"):
        train(TRAIN, None, replace(SMALL, activation="cube", rate=1e12))


def test_a_short_memory_of_gradients_moves_rare_words_less():
    """As the settings say: 32 rates for a single sight at 0.999, and 6 at 0.9."""
    for beta2, moved in ((0.999, 32), (0.9, 6)):
        p = Parameter(np.zeros(2))
        optimizer = Adam([p], lr=1.0, betas=(0.9, beta2))
        optimizer.state[p] = {"step": 10**6, "exp_avg": np.zeros(2), "exp_avg_sq": np.zeros(2)}
        for step in range(200):
            p.grad = np.array([1e-3, 7.0]) * (step == 0)
            optimizer.step()
        np.testing.assert_allclose(-p.data, moved, rtol=0.03)
    with pytest.raises(OptionError, match="beta2: 1.0; expected 0 to below 1"):
        train(TRAIN[:5], None, replace(SMALL, beta2=1.0))


def test_words_made_unknown_lend_their_ending_what_they_do():
    """With all words made unknown, endings that are in the treebank learn, and no word does."""
    settings = replace(SMALL, unknown=1e12, epochs=1, endings=True)
    vocabulary = train(TRAIN[:60], None, settings).parser.vocabulary
    before, after = (
        train(TRAIN[:60], None, replace(settings, rate=rate, last_rate=rate)).parser.network.table.weight.data
        for rate in (1e-30, 1e-2)
    )
    moved = {word for word, here in zip(vocabulary.words, (before != after).any(axis=1)) if here}
    assert {"<null>", "<root>"} < moved and any(word.startswith("<-") for word in moved)
    assert not any(n for word, n in zip(vocabulary.words, vocabulary.counts) if word in moved)


def test_words_made_unknown_learn_nothing_and_unknown_learns():
    result = train(TRAIN[:60], None, replace(SMALL, unknown=1e12, epochs=1))
    vocabulary = result.parser.vocabulary
    fresh = Parser.untrained(
        vocabulary,
        labelled=True,
        dim=SMALL.dim,
        hidden=SMALL.hidden,
        activation="relu",
        dropout=SMALL.dropout,
        rng=np.random.default_rng(SMALL.seed),
    )
    before, after = (p.network.table.weight.data for p in (fresh, result.parser))
    moved = (before != after).any(axis=1)[: len(vocabulary.words)]
    assert moved[:3].all() and not moved[3:].any()


def test_the_words_decide_what_tags_cannot():
    """Unknown-word dropout at an α beyond all counts hides the words: attachment falls back to the tags."""
    blind = train(TRAIN, DEV, replace(SMALL, unknown=1e9))
    seeing = train(TRAIN, DEV, SMALL)
    parsed = [list(r.parser.parse(DEV)) for r in (blind, seeing)]
    tallies = [evaluate(DEV, p).by_relation["nmod"].recall + evaluate(DEV, p).by_relation["obl"].recall for p in parsed]
    assert tallies[1] > tallies[0] + 0.05


# ---- vectors from elsewhere --------------------------------------------------------------------------------------


def in_other_words(sentences):
    """The same sentences, every word with an x behind it."""
    return [Sentence.from_words([f + "x" for f in s.forms], s.upos, s.heads, s.deprels, xpos=s.xpos) for s in sentences]


def alike(dim=12, seed=0, dtype=np.float32):
    """Vectors by which every word of the grammar is like itself with an x behind it."""
    words = sorted({form for s in TRAIN for form in s.forms})
    matrix = np.random.default_rng(seed).normal(size=(len(words), dim)).astype(dtype)
    both = [*words, *(word + "x" for word in words)]
    return Vectors(Words(dict(zip(both, range(len(both), 0, -1)))), np.concatenate([matrix, matrix]))


@pytest.mark.parametrize("network", ["feed-forward", "bilstm"])
def test_words_never_seen_are_parsed_by_what_their_vectors_are_like(network):
    small = {"network": "bilstm", "epochs": 3, "batch": 200, "dim": 12, "hidden": 16} if network == "bilstm" else {}
    settings, dev = replace(SMALL, **small), in_other_words(DEV)
    with_vectors = score(train(TRAIN, None, settings, vectors=alike()).parser, dev)
    without = score(train(TRAIN, None, settings).parser, dev)
    assert with_vectors.uas > without.uas + 0.02


def test_vectors_keep_their_directions_and_take_the_spread_of_the_others():
    vectors = alike(dtype=np.float64)
    vectors.matrix *= 7
    words = [*vectors.vocabulary.words, "ANNA"]  # rarer than Anna, and the same in lower case
    vectors = Vectors(Words(dict(zip(words, range(len(words), 0, -1)))), np.vstack([vectors.matrix, np.ones(12)]))
    slow = replace(SMALL, epochs=1, rate=1e-30, last_rate=1e-30)
    parser = train(TRAIN[:40], None, slow, vectors=vectors).parser
    for word in ("Anna", "Annax", "Benx"):
        got = parser.word_table()[parser.vocabulary.ids[0][word.lower()]]
        wanted = vectors[word] * 0.1 / vectors.matrix.std()
        np.testing.assert_allclose(got, wanted, rtol=1e-5)
    with pytest.raises(OptionError, match=r"vectors of 12 numbers for a parser of dim=50(.|\n)*--dim 12"):
        train(TRAIN[:5], None, replace(slow, dim=50), vectors=vectors)


def test_a_training_from_vectors_goes_on_where_it_was(tmp_path):
    path, settings = tmp_path / "c.safetensors", replace(SMALL, epochs=2, distances=True, average=0.9)
    whole = train(TRAIN[:60], None, settings, vectors=alike())
    train(TRAIN[:60], None, settings, vectors=alike(), checkpoint=path, on_progress=Stop(0.6))
    resumed = train(TRAIN[:60], None, settings, vectors=alike(), checkpoint=path, resume=True)
    assert weights(resumed) == weights(whole)
    with pytest.raises(CheckpointError, match="from vectors of other words"):
        train(TRAIN[:60], None, settings, checkpoint=path, resume=True)
    whole.parser.save(tmp_path / "p.safetensors")
    again = Parser.load(tmp_path / "p.safetensors")
    assert again.vocabulary.distances and again.trees(DEV) == whole.parser.trees(DEV)
