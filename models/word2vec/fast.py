"""Training word vectors on text of any size: the loop around `blocks`, on one process or several.

`train` in the module of that name is the loop to read; this is the one to use. It differs in what a step is (a
block form, see `blocks`), in reading the text piece by piece, and in having workers.
"""

from __future__ import annotations

import math
import multiprocessing
import multiprocessing.connection
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from tinygrad_nlp import OptionError, TinygradError
from tinygrad_nlp.data import DataError, Vocabulary

from .blocks import FORMS
from .sampling import keep_probability, reaches, subsample
from .train import CURVE_POINTS, Divergence, batch_size
from .vectors import Vectors

PIECE = 1 << 18
"""Words read, thinned out and shuffled at a time; a few megabytes for a text of any size."""

LOOK = 8
"""The loss is computed in every eighth step: the gradient does not need it, and it costs a tenth of a step."""


@dataclass(frozen=True)
class FastSettings:
    """What a training is made of; the defaults are those of the word2vec program where it has one.

    model       "skipgram": each word predicts those around it; "cbow": those around it together predict the word
    loss        "negative": tell it from drawn words; "naive": the softmax over all words
    combine     of cbow: "mean", "sum", or "word2vec" (see `CbowBlocks`)
    dim         length of the vectors
    window      the furthest context word; ``dynamic``: drawn from 1 to that for each word, else always that
    negatives   drawn words per pair, with probability proportional to count ** ``exponent``
    threshold   of subsampling, a share of all words; 0 keeps all
    epochs      passes over the text
    batch       words a step, at most; fewer where one word is very frequent, see `batch_size`
    rate        learning rate of one pair at the start; it falls in a straight line to ``last_rate``
    seed        of everything random: same seed and text, same vectors, with one worker
    """

    model: str = "skipgram"
    loss: str = "negative"
    combine: str = "word2vec"
    dim: int = 100
    window: int = 5
    dynamic: bool = True
    negatives: int = 5
    exponent: float = 0.75
    threshold: float = 1e-3
    epochs: int = 5
    batch: int = 1024
    rate: float = 0.025
    last_rate: float = 1e-4
    seed: int = 1

    def __post_init__(self):
        if (self.model, self.loss) not in FORMS or self.combine not in ("mean", "sum", "word2vec"):
            raise OptionError(
                f"FastSettings: got model={self.model!r}, loss={self.loss!r}, combine={self.combine!r}; expected "
                "model 'skipgram' or 'cbow', loss 'negative' or 'naive', combine 'mean', 'sum' or 'word2vec'"
            )
        small = [name for name in ("dim", "window", "negatives", "epochs", "batch") if getattr(self, name) < 1]
        if small:
            raise OptionError(f"FastSettings: got {small[0]}={getattr(self, small[0])}; expected at least 1")


@dataclass
class FastTraining:
    """A training's result, complete or interrupted.

    center, outside  (V, D) the two tables
    curve            [(share of the training done, mean loss per pair since the point before)], nats
    batch            words a step
    words            of the text gone through, all epochs together; pairs: those expected of them
    """

    center: np.ndarray
    outside: np.ndarray
    vocabulary: Vocabulary
    settings: FastSettings
    batch: int
    workers: int = 1
    curve: list[tuple[float, float]] = field(default_factory=list)
    words: int = 0
    pairs: float = 0.0
    steps: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def vectors(self) -> Vectors:
        """The center vectors, as they are now."""
        return Vectors(self.vocabulary, self.center)


class WorkerLost(TinygradError, RuntimeError):
    """A worker process ended before its work was done."""


def train_fast(
    corpus, settings: FastSettings | None = None, workers: int = 1, on_progress: Callable | None = None
) -> FastTraining:
    """Train word vectors on ``corpus``, a `Corpus` or a `StoredCorpus`.

    workers      processes that share the tables and change them without waiting for each other (Recht et al. 2011,
                 "Hogwild"): two may now and then overwrite each other's change to a row, which does no harm, but
                 makes the result depend on chance. A script that uses more than one needs the usual
                 ``if __name__ == "__main__":``, for they are started anew.
    on_progress  called now and then as (share done, words so far, mean loss since the last point of the curve, or None)

    An interrupt (Ctrl-C) ends the training, not the program: what was learned so far is returned, marked.
    Raises Divergence if the loss becomes twice that of knowing nothing, DataError if the vocabulary has a single word.
    """
    settings = settings or FastSettings()
    size = len(corpus.vocabulary)
    if size < 2:
        raise DataError(
            f"a single word is left ({', '.join(corpus.vocabulary.words)[:40]}), and vectors say how words differ; "
            "give more text, or a smaller --min-count"
        )
    context = multiprocessing.get_context("spawn")
    tables, board = _tables(size, settings, workers, context)
    center, outside = _as_arrays(tables, size)
    batch = batch_size(corpus.vocabulary.counts, settings, workers)
    result = FastTraining(center, outside, corpus.vocabulary, settings, batch, workers)
    started = time.perf_counter()
    view = _Board(board, workers)
    watch = _Watch(result, view, len(corpus) * settings.epochs, on_progress)
    try:
        if workers == 1:
            with np.errstate(all="ignore"):  # what leaves the finite numbers is found in the loss, and said once
                for _ in _shard(corpus, settings, center, outside, batch, 0, 1, view):
                    watch.look()
        else:
            _run_workers(context, (corpus, settings, tables, batch, workers, board), watch)
    except KeyboardInterrupt:
        result.interrupted = True
    finally:
        result.seconds = time.perf_counter() - started
    watch.look(last=True)
    return result


class _Board:
    """Where workers write how far they are: one row each, and a flag by which they are told to stop."""

    WORDS, PAIRS, STEPS, LOSS, LOSS_PAIRS = range(5)

    def __init__(self, shared, workers):
        numbers = np.frombuffer(shared, np.float64)
        self.stop, self.rows = numbers[:1], numbers[1:].reshape(workers, 5)


class _Watch:
    """Turns the board into progress and the curve of the loss."""

    def __init__(self, result, board, total, on_progress):
        self.result, self.board, self.total, self.on_progress = result, board, max(total, 1), on_progress
        self.seen = np.zeros(5)
        settings = result.settings
        self.know_nothing = (
            (1 + settings.negatives) * math.log(2) if settings.loss == "negative" else math.log(len(result.vocabulary))
        )

    def look(self, last=False):
        now = self.board.rows.sum(axis=0)
        result, done = self.result, min(now[_Board.WORDS] / self.total, 1.0)
        result.words, result.pairs, result.steps = int(now[_Board.WORDS]), float(now[_Board.PAIRS]), int(now[2])
        if last or done * CURVE_POINTS >= len(result.curve) + 1:
            loss, pairs = now[_Board.LOSS :] - self.seen[_Board.LOSS :]
            if pairs > 0:
                self.seen = now
                if not loss / pairs < 2 * self.know_nothing:
                    raise Divergence(
                        f"the loss is {loss / pairs:.4g} after {done:.0%} of the training, and knowing nothing costs "
                        f"{self.know_nothing:.4g}: rate {result.settings.rate:g} is too large; a smaller --rate, or a "
                        f"smaller --batch than {result.batch}, keeps it down"
                    )
                result.curve.append((float(done), float(loss / pairs)))
        if self.on_progress and not last:
            self.on_progress(done, result.words, result.curve[-1][1] if result.curve else None)


def _shard(corpus, settings, center, outside, batch, worker, workers, board) -> Iterator[None]:
    """Train on one worker's share of the text; yields after each step, with the board brought up to date."""
    rng = np.random.default_rng((settings.seed, worker))
    keep = keep_probability(corpus.vocabulary.counts, settings.threshold).astype(np.float32)
    form = FORMS[settings.model, settings.loss](center, outside, corpus.vocabulary.counts, settings, batch)
    begin, end = len(corpus) * worker // workers, len(corpus) * (worker + 1) // workers
    row, window = board.rows[worker], settings.window
    pieces = range(begin, end, PIECE)
    look = LOOK if (end - begin) * settings.epochs > 200 * LOOK * form.words else 1
    read = 0
    for _ in range(settings.epochs):
        for piece in rng.permutation(len(pieces)):
            start = pieces[piece]
            stop = min(start + PIECE, end)
            ids, sentence = subsample(*corpus.piece(start, stop), keep, rng)
            steps = -(-len(ids) // form.words)
            before, after = (np.pad(x, (0, steps * form.words - len(x))) for x in reaches(sentence, window))
            ids = np.pad(ids.astype(np.int64), (window, window + len(before) - len(ids)))
            for i, step in enumerate(rng.permutation(steps)):
                if board.stop[0]:
                    return
                share = (read + (stop - start) * (i + 1) / steps) / max((end - begin) * settings.epochs, 1)
                rate = settings.rate + (settings.last_rate - settings.rate) * share
                here = slice(step * form.words, (step + 1) * form.words)
                around = slice(here.start, here.stop + 2 * window)
                look_now = row[_Board.STEPS] % look == 0
                pairs, loss = form.step(ids[around], before[here], after[here], rate, rng, look_now)
                row[_Board.WORDS] = read + (stop - start) * (i + 1) / steps
                row[_Board.PAIRS] += pairs
                row[_Board.STEPS] += 1
                if loss is not None:
                    row[_Board.LOSS] += loss
                    row[_Board.LOSS_PAIRS] += pairs
                yield
            read += stop - start
            row[_Board.WORDS] = read


def _tables(size, settings, workers, context):
    """((center, outside, shape), board): memory that worker processes can share, or plain memory for one."""
    count = size * settings.dim

    def floats(n, kind):
        return context.RawArray(kind, n) if workers > 1 else np.zeros(n, np.dtype(kind))

    tables = floats(count, "f"), floats(count, "f")
    center, _ = _as_arrays(tables, size)
    rng = np.random.default_rng(settings.seed)
    # As in `SkipGram`: uniform on ±1/(2D), and the outside vectors zero.
    rng.random(out=center, dtype=np.float32)
    center -= np.float32(0.5)
    center /= np.float32(settings.dim)
    return tables, floats(1 + 5 * workers, "d")


def _as_arrays(tables, size):
    return tuple(np.frombuffer(table, np.float32).reshape(size, -1) for table in tables)


def _run_workers(context, work, watch):
    workers = work[4]
    # Each worker has one thread of BLAS: more would wait for each other. They read this when they load NumPy.
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    running = []
    try:
        try:
            for worker in range(workers):
                running.append(context.Process(target=_work, args=(worker, *work), daemon=True))
                running[-1].start()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        while any(process.is_alive() for process in running):
            multiprocessing.connection.wait([p.sentinel for p in running if p.is_alive()], timeout=0.2)
            watch.look()
            lost = [k for k, process in enumerate(running) if process.exitcode]
            if lost:
                raise WorkerLost(
                    f"worker {lost[0] + 1} of {workers} ended with code {running[lost[0]].exitcode}; "
                    "fewer --workers, or a smaller --dim or --max-vocabulary, need less memory"
                )
    finally:
        watch.board.stop[0] = 1
        for process in running:
            process.join()


def _work(worker, corpus, settings, tables, batch, workers, board):
    """One worker process: its share of the text, on the shared tables."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the first one tells the others
    center, outside = _as_arrays(tables, len(corpus.vocabulary))
    with np.errstate(all="ignore"):
        for _ in _shard(corpus, settings, center, outside, batch, worker, workers, _Board(board, workers)):
            pass
