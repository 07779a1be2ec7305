"""Training word vectors on text of any size: the loop around `blocks`, on one process or several.

`train` in the module of that name is the loop to read; this is the one to use. It differs in what a step is (a
block form, see `blocks`), in reading the text piece by piece, in having workers (`workers`), and in going on where it
was interrupted (`checkpoint`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from tinygrad_nlp import OptionError
from tinygrad_nlp.data import DataError, Vocabulary

from .blocks import FORMS
from .checkpoint import KEEP_EVERY, keep, restore
from .sampling import keep_probability, reaches, subsample, unigram
from .train import batch_size
from .vectors import Vectors
from .workers import Board, Shared, Watch, asked_to_stop

PIECE = {"negative": 1 << 16, "naive": 1 << 13}
"""Words read, thinned out and shuffled at a time, of a text of any size. A worker that is asked to stop ends the one at
hand, so it should not take long; the naive softmax is slower by far."""

MOST_REPEATS = 40
"""How often the most frequent word may be expected among a step's words; see `batch_size`. The loop of `train` must not
have half as many, but here `blocks.FURTHEST` bounds what such a word does: from 10 to 40, and from 1,024 to 2,048 words
a step, the loss of held-out text of books was the same to 0.003."""

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
    batch: int = 2048
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
    problem          why a checkpoint could not be written, if one could not
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
    problem: str | None = None

    @property
    def vectors(self) -> Vectors:
        """The center vectors, as they are now."""
        return Vectors(self.vocabulary, self.center)

    @property
    def know_nothing(self) -> float:
        """The loss per pair, in nats, of vectors that are 0."""
        s = self.settings
        return (1 + s.negatives) * math.log(2) if s.loss == "negative" else math.log(len(self.vocabulary))


def train_fast(
    corpus,
    settings: FastSettings | None = None,
    workers: int = 1,
    on_progress: Callable | None = None,
    checkpoint=None,
    resume: bool = False,
) -> FastTraining:
    """Train word vectors on ``corpus``, a `Corpus` or a `StoredCorpus`.

    workers      processes that share the tables and change them without waiting for each other (Recht et al. 2011,
                 "Hogwild"): two may now and then overwrite each other's change to a row, which does no harm, but
                 makes the result depend on chance. This process is one of them. A script that uses more than one needs
                 the usual ``if __name__ == "__main__":``, for the others are started anew.
    on_progress  called now and then as (share done, words so far, mean loss since the last point of the curve, or None)
    checkpoint   path of a file to write when the training is interrupted, and every `KEEP_EVERY` seconds until then
    resume       continue from that file; with one worker, to the same bits as if there had been no interruption

    An interrupt (Ctrl-C) ends the training, not the program: what was learned so far is returned, marked.
    Raises Divergence if the loss becomes twice that of knowing nothing; DataError if the vocabulary has a single word,
    or no two words are left in one window; CheckpointError if the checkpoint is of other settings or another corpus.
    """
    settings = settings or FastSettings()
    size = len(corpus.vocabulary)
    if size < 2:
        raise DataError(
            f"a single word is left ({', '.join(corpus.vocabulary.words)[:40]}), and vectors say how words differ; "
            "give more text, or a smaller --min-count"
        )
    if resume and checkpoint is None:
        raise OptionError("train_fast: resume needs checkpoint=FILE, what an interrupted training wrote")
    unigram(corpus.vocabulary.counts, settings.exponent)  # refused now, not by each worker
    shared = Shared(size, settings.dim, workers)
    result = FastTraining(
        *shared.tables,
        corpus.vocabulary,
        settings,
        batch_size(corpus.vocabulary.counts, settings, workers, MOST_REPEATS),
        workers,
    )
    watch = Watch(result, shared.board, len(corpus) * settings.epochs, on_progress)
    if resume:
        restore(checkpoint, corpus, watch)
    else:
        # As in `SkipGram`: center vectors uniform on ±1/(2D), and the outside vectors zero.
        result.center[:] = np.random.default_rng(settings.seed).random(result.center.shape, np.float32)
        result.center -= np.float32(0.5)
        result.center /= np.float32(settings.dim)
    started = kept = time.perf_counter() - result.seconds
    try:
        with asked_to_stop(shared.board), shared.helpers(_help, (corpus, settings, result.batch)) as helpers:
            with np.errstate(all="ignore"):  # what leaves the finite numbers is found in the loss, and said once
                every = pause(corpus, settings, result.batch)
                for step, ended in enumerate(_work(0, shared, corpus, settings, result.batch)):
                    if step % every == 0:
                        watch.look()
                        helpers.check()
                    if ended and checkpoint and time.perf_counter() - kept > KEEP_EVERY:
                        kept = time.perf_counter()
                        result.seconds = kept - started
                        _try_to_keep(checkpoint, corpus, watch)
            while helpers.busy(0.2):
                watch.look()
                helpers.check()
        result.interrupted = shared.board.stopped
    except KeyboardInterrupt:  # a second one, or in a thread: between two changes, so there is no going on from here
        result.interrupted, checkpoint = True, None
    result.seconds = time.perf_counter() - started
    watch.look(last=True)
    if result.interrupted:
        if checkpoint:
            _try_to_keep(checkpoint, corpus, watch)
    elif not result.pairs:
        raise DataError(
            "no two words are left in one window: sentences of a single word, or a text so short that all of it is "
            "frequent and was thinned out; --subsample 0 keeps every word"
        )
    return result


def _try_to_keep(path, corpus, watch) -> None:
    """Write a checkpoint; where that fails (a full disk) say so in the result, for the vectors are not to be lost."""
    try:
        keep(path, corpus, watch)
    except OSError as error:
        watch.result.problem = f"{path}: no checkpoint: {error.strerror or error}"


def _work(worker: int, shared, corpus, settings, batch: int) -> Iterator[bool]:
    """Train on one piece of the text after the other until none is left; yields after each step whether it ended one.

    A piece is known by its number alone, and so is everything random about it: workers take the next one there is,
    and an interrupted training goes on with the next one.
    """
    counts, window, board = corpus.vocabulary.counts, settings.window, shared.board
    keep = keep_probability(counts, settings.threshold).astype(np.float32)
    form = FORMS[settings.model, settings.loss](*shared.tables, counts, settings, batch)
    size, total = len(corpus), max(len(corpus) * settings.epochs, 1)
    pieces = range(0, size, max(1, min(PIECE[settings.loss], -(-size // shared.workers))))
    look = pause(corpus, settings, batch)
    row, known = board.rows[worker], -1
    while (number := board.next_piece(len(pieces) * settings.epochs)) is not None:
        epoch, place = divmod(number, len(pieces))
        if epoch != known:
            known, order = epoch, np.random.default_rng((settings.seed, epoch, 1)).permutation(len(pieces))
        rng = np.random.default_rng((settings.seed, number))
        start = pieces[order[place]]
        stop, read = min(start + pieces.step, size), row[Board.WORDS]
        ids, sentence = subsample(*corpus.piece(start, stop), keep, rng)
        steps = -(-len(ids) // form.words)
        before, after = (np.pad(x, (0, steps * form.words - len(x))) for x in reaches(sentence, window))
        ids = np.pad(ids.astype(np.int64), (window, window + len(before) - len(ids)))
        for i, step in enumerate(rng.permutation(steps)):
            row[Board.WORDS] = read + (stop - start) * (i + 1) / steps
            rate = settings.rate + (settings.last_rate - settings.rate) * board.rows[:, Board.WORDS].sum() / total
            own = slice(step * form.words, (step + 1) * form.words)
            around = slice(own.start, own.stop + 2 * window)
            wanted = row[Board.STEPS] % look == 0
            pairs, loss = form.step(ids[around], before[own], after[own], float(rate), rng, wanted)
            row[Board.PAIRS] += pairs
            row[Board.STEPS] += 1
            if loss is not None:
                row[Board.LOSS] += loss
                row[Board.LOSS_PAIRS] += pairs
            yield i == steps - 1
        row[Board.WORDS] = read + stop - start


def pause(corpus, settings, batch: int) -> int:
    """Steps from one look at the loss to the next: `LOOK`, 1 where there are few steps."""
    return LOOK if len(corpus) * settings.epochs > 100 * LOOK * batch else 1


def _help(worker: int, shared, corpus, settings, batch: int) -> None:
    """What a process beside the first does."""
    with np.errstate(all="ignore"):
        for _ in _work(worker, shared, corpus, settings, batch):
            pass
