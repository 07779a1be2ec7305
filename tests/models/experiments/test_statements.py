"""The 42 statements: complete, all holding, and each of them able to fail."""

import numpy as np
import pytest
from tinygrad_nlp.models import phrase_sentiment
from tinygrad_nlp.models.experiments import (
    EXPERIMENTS,
    STATEMENTS,
    cbow,
    cross_entropy,
    dropout,
    l2,
    layouts,
    naive_softmax,
    negative_sampling,
    network,
    outcomes,
    pca,
    pull_push,
    relu,
    run,
    run_all,
    sigmoid,
    softmax,
    window,
    zero_gradient,
)
from tinygrad_nlp.models.parser import model as parser_model
from tinygrad_nlp.models.word2vec.losses import cbow_loss, naive_softmax_loss, negative_sampling_loss, window_loss

import tinygrad_nlp as tg
from tinygrad_nlp import nn, optim
from tinygrad_nlp.ops import random as random_ops


@pytest.fixture(scope="module")
def reports():
    return run_all()


def test_there_are_42_each_with_one_experiment_that_reports_it(reports):
    assert [s.row for s in STATEMENTS] == list(range(1, 43))
    assert {s.experiment for s in STATEMENTS} == set(EXPERIMENTS)
    for name, report in reports.items():
        assert {f.row for f in report.findings} == {s.row for s in STATEMENTS if s.experiment == name}, name


def test_every_statement_holds_and_every_slip_was_measured_to_be_one(reports):
    found = outcomes(reports)
    assert len(found) == 42
    for outcome in found:
        assert outcome.verdict == ("holds corrected" if outcome.statement.corrected else "holds"), outcome
        assert outcome.finding.measured and outcome.command == f"tinygrad-nlp experiment {outcome.statement.experiment}"


@pytest.mark.parametrize("seed", [1, 2])
def test_they_hold_for_other_seeds(seed):
    assert [o.statement.row for o in outcomes(run_all(seed)) if o.verdict == "FAILS"] == []


@pytest.mark.parametrize("name", ["variance", "pca", "dropout"])
def test_a_seed_makes_a_run_repeatable_without_touching_the_default_generator(name):
    tg.manual_seed(5)
    expected = tg.random.generator().normal(size=3)
    tg.manual_seed(5)
    first, again, other = run(name, 3), run(name, 3), run(name, 4)
    assert np.array_equal(tg.random.generator().normal(size=3), expected)
    assert first.tables == again.tables and first.reading == again.reading
    assert first.tables != other.tables


def test_an_unknown_experiment_is_refused_with_close_names():
    with pytest.raises(tg.OptionError, match="no experiment 'momentom'; did you mean momentum"):
        run("momentom")


# ---- each statement made false ------------------------------------------------------------------------------------


def a_little_more(loss):
    return lambda *args, **options: loss(*args, **options) * 1.001


def distinct(loss):
    """A window that forgets repeats."""
    return lambda v, outsides, U: loss(v, sorted(set(outsides)), U)


def drawn_once(v, o, negatives, U):
    return negative_sampling_loss(v, o, np.unique(negatives), U)


def context_once(table, context, *rest):
    return cbow_loss(table, np.unique(context), *rest)


def as_is(x, axis=-1):
    return x


rolling = optim.RollingMomentum


def heavy(p, lr, beta):
    return optim.HeavyBall(p, lr=lr, momentum=beta)


class AlwaysDropping(nn.Dropout):
    def eval(self):
        return self


class WithTanh(network.SigmoidNetwork):
    def logits(self, x):
        return tg.tanh(x @ self.W_1 + self.b_1) @ self.W_2 + self.b_2


class WithOneMore(network.SigmoidNetwork):
    def num_parameters(self, trainable_only=False):
        return super().num_parameters(trainable_only) + 1


def untrained(counts, dim, updates, rng):
    return rng.normal(size=(len(counts), dim)), 1.0, 1.0


PLANTED = [
    (
        "naive-softmax",
        naive_softmax.NOTATIONS,
        "cross_entropy of the scores",
        a_little_more(naive_softmax_loss),
        [1, 2, 24],
    ),
    ("layouts", layouts, "naive_softmax_loss", a_little_more(naive_softmax_loss), [3, 4, 13, 14]),
    ("zero-gradient", zero_gradient, "naive_softmax_loss", a_little_more(naive_softmax_loss), [5]),
    ("pull-push", pull_push, "naive_softmax_loss", lambda *a: -naive_softmax_loss(*a), [6]),
    ("l2", l2, "l2_normalize", as_is, [7, 8]),
    ("l2", phrase_sentiment, "l2_normalize", as_is, [9, 10, 11, 12]),
    ("window", window, "window_loss", distinct(window_loss), [15, 23, 28]),
    ("softmax", softmax, "softmax", lambda x: x.exp() / x.exp().sum(), [16]),
    ("softmax", softmax, "softmax", a_little_more(tg.softmax), [16, 19]),
    ("sigmoid", sigmoid, "sigmoid", lambda x: tg.sigmoid(x * 1.001), [17]),
    ("sigmoid", sigmoid, "sigmoid", tg.relu, [17, 18]),
    ("cross-entropy", cross_entropy, "cross_entropy", lambda x, o: -tg.softmax(x)[o].log(), [20]),
    ("network", network, "SigmoidNetwork", WithTanh, [21]),
    ("network", network, "SigmoidNetwork", WithOneMore, [22]),
    ("negative-sampling", negative_sampling, "negative_sampling_loss", drawn_once, [25, 26]),
    ("sparse", optim, "SGD", lambda p, lr: optim.HeavyBall(p, lr=lr), [27]),
    ("cbow", cbow, "cbow_loss", context_once, [29]),
    ("sgd", optim, "SGD", optim.Adam, [30]),
    ("momentum", optim, "RollingMomentum", heavy, [31, 34]),
    ("quadratic", optim, "RollingMomentum", heavy, [32]),
    ("variance", optim, "RollingMomentum", lambda p, lr, beta: rolling(p, lr=lr, beta=beta * beta), [33]),
    ("adam", optim, "AdamAsWritten", optim.Adam, [35]),
    ("adam", optim, "Adam", lambda p, lr, betas: optim.RollingMomentum(p, lr), [35, 36]),
    ("dropout", random_ops, "scale", lambda p, dtype: dtype.type(1), [37, 38]),
    ("dropout", dropout, "Dropout", AlwaysDropping, [39]),
    ("relu", relu, "relu", tg.leaky_relu, [40]),
    ("relu", parser_model, "ACTIVATIONS", {"relu": parser_model.ACTIVATIONS["tanh"]}, [41]),
    ("pca", pca, "trained", untrained, [42]),
]


@pytest.mark.parametrize("name, where, what, fake, rows", PLANTED, ids=lambda x: x if isinstance(x, str) else "")
def test_a_planted_fault_makes_its_statements_fail(monkeypatch, name, where, what, fake, rows):
    if isinstance(where, dict):
        monkeypatch.setitem(where, what, fake)
    else:
        monkeypatch.setattr(where, what, fake)
    with np.errstate(all="ignore"):
        report = run(name)
    assert {o.statement.row for o in outcomes({name: report}) if o.verdict == "FAILS"} >= set(rows)


def test_every_statement_has_been_made_to_fail():
    assert {row for *_, rows in PLANTED for row in rows} == set(range(1, 43))
