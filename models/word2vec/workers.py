"""What the processes of a training share: the tables, and a board on which each writes how far it is."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from contextlib import contextmanager, nullcontext

import numpy as np

from tinygrad_nlp import TinygradError

from .train import CURVE_POINTS, Divergence


class WorkerLost(TinygradError, RuntimeError):
    """A worker process ended before its work was done."""


class Shared:
    """The two tables and the board, in memory that worker processes can share, or plain memory for one."""

    def __init__(self, size: int, dim: int, workers: int):
        self.workers, self._shape = workers, (2, size, dim)
        self._context = multiprocessing.get_context("spawn")
        self._lock = self._context.Lock() if workers > 1 else nullcontext()
        self._floats, self._numbers = self._memory("f", 2 * size * dim), self._memory("d", 2 + 5 * workers)
        self._look()

    def _memory(self, kind, count):
        return self._context.RawArray(kind, count) if self.workers > 1 else np.zeros(count, kind)

    def _look(self):
        self.tables = tuple(np.frombuffer(self._floats, np.float32).reshape(self._shape))
        self.board = Board(np.frombuffer(self._numbers, np.float64), self._lock)

    def __getstate__(self):
        # Views of shared memory would arrive as copies of it.
        return {name: value for name, value in vars(self).items() if name not in ("tables", "board", "_context")}

    def __setstate__(self, state):
        vars(self).update(state)
        self._look()

    @contextmanager
    def helpers(self, work, arguments):
        """Run ``work(worker, self, *arguments)`` in a process for each worker but the first."""
        # Each has one thread of BLAS: more would wait for each other. They read this when they load NumPy.
        names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
        before = {name: os.environ.get(name) for name in names}
        running = _Helpers()
        try:
            try:
                os.environ.update(dict.fromkeys(names, "1"))
                for worker in range(1, self.workers):
                    running.append(
                        self._context.Process(target=_start, args=(work, worker, self, *arguments), daemon=True)
                    )
                    running[-1].start()
            finally:
                for name, value in before.items():
                    if value is None:
                        os.environ.pop(name, None)
                    else:
                        os.environ[name] = value
            yield running
        except BaseException:
            self.board.flags[Board.STOP] = 1
            raise
        finally:
            for process in running:
                process.join()


def _start(work, *arguments):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the first one tells the others
    work(*arguments)


class _Helpers(list):
    """Worker processes."""

    def busy(self, seconds: float) -> bool:
        """Wait until one ends, ``seconds`` at most; returns whether any goes on."""
        alive = [process.sentinel for process in self if process.is_alive()]
        if alive:
            multiprocessing.connection.wait(alive, timeout=seconds)
        return bool(alive)

    def check(self) -> None:
        """Raise WorkerLost if one has failed."""
        for worker, process in enumerate(self, 2):
            if process.exitcode:
                raise WorkerLost(
                    f"worker {worker} of {len(self) + 1} ended with code {process.exitcode}; "
                    "fewer --workers, or a smaller --dim or --max-vocabulary, need less memory"
                )


class Board:
    """How far the workers are, a row of numbers each; which piece of the text is next; whether they are to stop."""

    WORDS, PAIRS, STEPS, LOSS, LOSS_PAIRS = range(5)
    STOP, NEXT = range(2)

    def __init__(self, numbers, lock):
        self.flags, self.rows, self._lock = numbers[:2], numbers[2:].reshape(-1, 5), lock

    @property
    def stopped(self) -> bool:
        return bool(self.flags[Board.STOP])

    def next_piece(self, count: int) -> int | None:
        """The number of a piece that no other worker has; None if all ``count`` are taken, or there is to be an end."""
        with self._lock:
            number = int(self.flags[Board.NEXT])
            if number >= count or self.stopped:
                return None
            self.flags[Board.NEXT] += 1
            return number


@contextmanager
def asked_to_stop(board):
    """Make the first Ctrl-C ask the workers to end after the pieces they have; the second is as always.

    Ended so, a training can be continued to the bit.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return

    def ask(number, frame):
        if board.stopped:
            raise KeyboardInterrupt
        board.flags[Board.STOP] = 1

    signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class Watch:
    """Turns the board into progress and the curve of the loss."""

    def __init__(self, result, board, total, on_progress):
        self.result, self.board, self.total, self.on_progress = result, board, max(total, 1), on_progress
        self.seen = np.zeros(5)

    def look(self, last=False):
        now = self.board.rows.sum(axis=0)
        result, done = self.result, min(now[Board.WORDS] / self.total, 1.0)
        result.words, result.pairs, result.steps = int(now[Board.WORDS]), float(now[Board.PAIRS]), int(now[Board.STEPS])
        if last or done * CURVE_POINTS >= len(result.curve) + 1:
            loss, pairs = now[Board.LOSS :] - self.seen[Board.LOSS :]
            if pairs > 0:
                self.seen = now
                result.curve.append((float(done), float(loss / pairs)))
                if not loss / pairs < 2 * self.result.know_nothing:
                    self._diverged(loss / pairs, done)
            elif last and result.curve:  # no loss was looked at since
                result.curve[-1] = (float(done), result.curve[-1][1])
        if last and done == 1:
            latest = [loss for _, loss in result.curve[-len(result.curve) // 4 :]]
            if latest and sum(latest) / len(latest) > 1.05 * self.result.know_nothing:
                self._diverged(sum(latest) / len(latest), done)
        if self.on_progress and not last and not self.board.stopped:
            try:
                self.on_progress(done, result.words, result.curve[-1][1] if result.curve else None)
            except KeyboardInterrupt:
                if self.board.stopped:  # the second
                    raise
                self.board.flags[Board.STOP] = 1

    def _diverged(self, loss, done):
        raise Divergence(
            f"the loss is {loss:.4g} after {done:.0%} of the training, and knowing nothing costs "
            f"{self.result.know_nothing:.4g}: rate {self.result.settings.rate:g} is too large; a smaller --rate, or a "
            f"smaller --batch than {self.result.batch}, keeps it down"
        )
