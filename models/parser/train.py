"""The training loop of the parser, through the engine: forward, backward, step; the best epoch on dev is kept."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field

import numpy as np

from tinygrad_nlp import CheckpointError, OptionError, TinygradError, serialize
from tinygrad_nlp.data import DataError
from tinygrad_nlp.errors import explain
from tinygrad_nlp.optim import Adam, ExponentialAverage, LinearLR, clip_grad_norm_

from .decode import Parser
from .evaluate import Scores, evaluate
from .examples import Examples, examples, explore
from .features import SYSTEMS, Vocabulary
from .scorer import explorer
from .settings import ORACLES, Settings, check
from .treebank import Sentence

KIND = "training of a dependency parser"


class Divergence(TinygradError, ArithmeticError):
    """The loss left the finite numbers."""


@dataclass
class Training:
    """A training's result, complete or interrupted.

    parser   with the weights of the best epoch on dev, of the last one without dev
    history  one entry an epoch: mean loss in nats, and dev scores (UAS, LAS) if there is a dev treebank
    skipped  numbers of the training sentences whose trees are not projective
    """

    parser: Parser
    settings: Settings
    history: list[dict] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    interrupted: bool = False


def train(
    sentences: Sequence[Sentence],
    dev: Sequence[Sentence] | None = None,
    settings: Settings | None = None,
    *,
    vectors=None,
    checkpoint=None,
    resume: bool = False,
    on_start: Callable | None = None,
    on_progress: Callable | None = None,
) -> Training:
    """Train a parser.

    sentences    with trees; non-projective ones are left out and listed in the result
    dev          trees to choose the best epoch by: LAS, or UAS for an unlabelled parser
    vectors      models.word2vec.Vectors as long as ``settings.dim``, what words begin with; words that the treebank
                 lacks are known then too
    checkpoint   a file that is written after each epoch
    resume       continue from ``checkpoint``; to the bit as if the training had not been interrupted
    on_start     called with the network before the first step, for instance to watch it (`nn.watch`)
    on_progress  called after each step as (share done, sentences so far, loss so far in the epoch, history)

    An interrupt (Ctrl-C) ends the training, not the program: the best epoch so far is returned, marked.
    Raises Divergence if the loss becomes infinite or NaN, DataError if there is nothing to learn from, CheckpointError
    for a checkpoint of other settings or another treebank.
    """
    settings = settings or Settings()
    check(settings)
    rng = np.random.default_rng(settings.seed)
    kept = {name: getattr(settings, name) for name in ("tags", "min_count", "lowercase")}
    if settings.network == "feed-forward":
        kept |= {"endings": settings.endings, "distances": settings.distances}
    vocabulary = Vocabulary.of(sentences, **kept, known=() if vectors is None else vectors.vocabulary.words)
    if settings.network == "bilstm":
        from .bilstm_train import begin

        run = begin(sentences, vocabulary, settings, rng, checkpoint, vectors)
    else:
        run = _begin(sentences, vocabulary, settings, rng, checkpoint, vectors)
    result = run.result
    parser = result.parser
    if resume:
        run.resume()

    started = time.perf_counter() - result.seconds
    if on_start:
        on_start(parser.network)
    try:
        while len(result.history) < settings.epochs:
            entry = {"loss": run.epoch(on_progress)}
            with run.averaged():
                if dev:
                    scores = score(parser, dev)
                    entry |= {"uas": scores.uas, "las": scores.las} if settings.labelled else {"uas": scores.uas}
                result.history.append(entry)
                run.keep_best("las" if settings.labelled else "uas")
            result.seconds = time.perf_counter() - started
            if checkpoint is not None:
                run.save()
            if on_progress:
                on_progress(len(result.history) / settings.epochs, run.sentences_seen, entry["loss"], result.history)
    except KeyboardInterrupt:
        result.interrupted = True
    result.seconds = time.perf_counter() - started
    if run.best is not None:
        parser.network.load_state_dict(run.best)
    parser.network.eval()
    best = result.history[result.best_epoch - 1] if result.best_epoch else {}
    parser.notes = {"settings": asdict(settings), "epoch": result.best_epoch, **best}
    return result


def score(parser: Parser, sentences: Sequence[Sentence], batch_size: int = 1024) -> Scores:
    """Parse sentences that have trees, and compare."""
    return evaluate(sentences, parser.parse(sentences, batch_size))


def _begin(sentences, vocabulary, settings, rng, checkpoint, vectors):
    system = ORACLES[settings.oracle]
    data = examples(sentences, vocabulary, settings.labelled, system)
    if not len(data.targets):
        raise DataError("no projective sentence to train on")
    parser = Parser.untrained(
        vocabulary,
        labelled=settings.labelled,
        dim=settings.dim,
        hidden=settings.hidden,
        activation=settings.activation,
        dropout=settings.dropout,
        input_dropout=settings.input_dropout,
        rng=rng,
        system=system,
    )
    if vectors is not None:
        parser.start_from(vectors)
    steps = settings.epochs * math.ceil(len(data.targets) / settings.batch)
    optimizer = Adam(parser.network.parameters(), lr=settings.rate, betas=(0.9, settings.beta2))
    schedule = LinearLR(optimizer, 1.0, settings.last_rate / settings.rate, steps)
    result = Training(parser, settings, skipped=data.skipped)
    return FeedForwardRun(result, data, sentences, optimizer, schedule, rng, checkpoint)


class Run:
    """The state of a training between two epochs, and what moves it; a subclass gives `epoch`.

    sentences  how many there are in an epoch
    data       the arrays that are learned from, by which a checkpoint knows its treebank
    """

    largest_gradient = 0.0
    """What the norm of all gradients is cut down to; 0 for no limit."""

    def __init__(self, result: Training, sentences: int, data, optimizer, schedule, rng, checkpoint):
        self.result, self.rng, self.checkpoint = result, rng, checkpoint
        self.optimizer, self.schedule = optimizer, schedule
        self.settings, self.network = result.settings, result.parser.network
        self.average = None
        if self.settings.average:
            self.average = ExponentialAverage(self.network.parameters(), self.settings.average)
        self.sentences, self.sentences_seen = sentences, 0
        self.signature = self._signature(data) if checkpoint is not None else None
        self.best: dict | None = None
        counts = np.array(result.parser.vocabulary.counts, np.float32)
        alpha = self.settings.unknown
        self.forget = np.where(counts > 0, alpha / (counts + alpha), 0).astype(np.float32)

    def epoch(self, on_progress) -> float:
        """One pass in a new order; the mean loss."""
        raise NotImplementedError

    def learn(self, loss) -> float:
        """One step down from ``loss``; its value. Raises Divergence if that is not finite."""
        self.optimizer.zero_grad()
        loss.backward()
        if self.largest_gradient:
            clip_grad_norm_(self.network.parameters(), self.largest_gradient)
        self.optimizer.step()
        self.schedule.step()
        if self.average:
            self.average.update()
        value = loss.item()
        if not math.isfinite(value):
            raise Divergence(
                f"the loss is {value} in epoch {len(self.result.history) + 1}, with rate {self.settings.rate:g}; "
                "a smaller rate keeps it finite"
            )
        return value

    def progress(self, share, loss, on_progress):
        """Tell that ``share`` of the epoch is done, with the mean ``loss`` so far."""
        done = len(self.result.history) + share
        self.sentences_seen = round(done * self.sentences)
        if on_progress:
            on_progress(done / self.settings.epochs, self.sentences_seen, loss, self.result.history)

    def averaged(self):
        """A context in which the network has the average of its weights, if one is kept."""
        return self.average.applied() if self.average else nullcontext()

    def keep_best(self, by):
        history = self.result.history
        if by not in history[-1] or all(history[-1][by] > entry[by] for entry in history[:-1]):
            self.best, self.result.best_epoch = self.network.state_dict(), len(history)

    def _signature(self, data):
        """What a checkpoint must agree in to be continued."""
        digest = hashlib.blake2b(json.dumps(self.result.parser.vocabulary.state_dict()).encode(), digest_size=16)
        for array in data:
            digest.update(np.ascontiguousarray(array))
        return {"settings": asdict(self.settings), "treebank": digest.hexdigest()}

    def save(self):
        serialize.save(
            self.checkpoint,
            model=self.network,
            optimizer=self.optimizer,
            schedule=self.schedule,
            metadata={
                "kind": KIND,
                "signature": self.signature,
                "rng": self.rng.bit_generator.state,
                "best": self.best,
                "average": self.average and self.average.state_dict(),
                "history": self.result.history,
                "best_epoch": self.result.best_epoch,
                "seconds": self.result.seconds,
            },
        )

    def resume(self):
        if self.checkpoint is None:
            raise OptionError(explain("train: resume", got="no checkpoint", expected="checkpoint=FILE to resume from"))
        about = serialize.load(self.checkpoint).metadata
        if not isinstance(about, dict) or about.get("kind") != KIND:
            raise self._refusal("a checkpoint of something else", "one that train(checkpoint=…) wrote")
        if about["signature"] != self.signature:
            other = about["signature"]["settings"]
            changed = [f"{k}={other.get(k)!r}" for k, v in asdict(self.settings).items() if other.get(k) != v]
            got = f"with {', '.join(changed)}" if changed else "on another treebank or from vectors of other words"
            got = f"a training {got}"
            raise self._refusal(got, "the settings and the treebank it was begun with")
        serialize.load(self.checkpoint, model=self.network, optimizer=self.optimizer, schedule=self.schedule)
        self.rng.bit_generator.state = about["rng"]
        if self.average:
            self.average.load_state_dict(about["average"])
        self.best, result = about["best"], self.result
        result.history, result.best_epoch = list(about["history"]), about["best_epoch"]
        result.seconds = about["seconds"]

    def _refusal(self, got, expected):
        return CheckpointError(explain(f"train: resume from {str(self.checkpoint)!r}", got=got, expected=expected))


class FeedForwardRun(Run):
    """The training of a `ParserNetwork`, by configurations."""

    def __init__(self, result: Training, data: Examples, sentences, optimizer, schedule, rng, checkpoint):
        count, arrays = len(sentences) - len(data.skipped), (data.features, data.targets)
        super().__init__(result, count, arrays, optimizer, schedule, rng, checkpoint)
        self.data, self.encoded = data, None
        if self.settings.oracle == "dynamic":
            self.encoded = result.parser.vocabulary.encode(sentences)
        self.places = len(SYSTEMS[result.parser.system].NAMES)
        vocabulary = result.parser.vocabulary
        self.unknown = np.array([vocabulary.unknown(word) for word in vocabulary.words], np.int32)

    def epoch(self, on_progress) -> float:
        settings, data = self.settings, self._examples()
        order = self.rng.permutation(len(data.targets))
        total = 0.0
        self.network.train()
        for start in range(0, len(order), settings.batch):
            chosen = order[start : start + settings.batch]
            features = data.features.take(chosen, axis=0)
            if settings.unknown:
                words = features[:, : self.places]
                made = self.rng.random(words.shape, np.float32) < self.forget.take(words)
                words[made] = self.unknown.take(words[made])
            loss = self.learn(self.network.loss(features, data.targets.take(chosen)))
            total += loss * len(chosen)
            done = start + len(chosen)
            self.progress(done / len(order), total / done, on_progress)
        return total / len(order)

    def _examples(self):
        """What this epoch learns from."""
        if self.encoded is None or not self.result.history:
            return self.data
        self.data = None  # its memory is the next one's
        parser = self.result.parser
        with self.averaged():
            choose = explorer(parser, self.settings.explore, self.rng)
            self.data = explore(self.encoded, parser.vocabulary, parser.labelled, choose)
        return self.data
