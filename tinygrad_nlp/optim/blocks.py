"""Arithmetic in place over large arrays: a cache-sized block at a time, the blocks shared out to threads.

A formula of ten operations over a million numbers would fetch each number ten times from memory; block by block the
ten operations find them in the cache. The result does not depend on the size of the blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..memory import aligned
from ..threads import in_parts

BLOCK = 1 << 17
"""Elements per block: so many that the cost of a call is small, so few that all arrays of a block fit the cache that
the cores share. (A quarter of it, for the second-level cache, took 10 % longer over a million elements.)"""

SHARE = 8 * BLOCK
"""Elements a thread gets, at least. OpenBLAS's own threads stay on their cores for some milliseconds after a product,
in case another follows, so a thread of ours is slow to begin; of a million elements two threads made nothing faster."""


class InTwo(NamedTuple):
    """A rule in two parts: ``learn(g, q, *state)`` changes the state by the gradient, ``move(w, q, *state)`` the
    parameter by its state. `Blocks.run_from_rows` needs a ``learn`` that changes nothing where the gradient is 0."""

    learn: Callable
    move: Callable

    def __call__(self, w, g, q, *state):
        self.learn(g, q, *state)
        self.move(w, q, *state)


class Blocks:
    """Runs rules on blocks; keeps their work arrays, two for each dtype and thread, for the next run."""

    def __init__(self):
        self._scratch: dict = {}

    def run(self, rule, g, arrays, *, decay=0.0, maximize=False) -> None:
        """Call ``rule(w, g, q, *state)`` on views that cover the arrays.

        rule      changes ``w`` and ``state`` in place, but not ``g``; ``q`` is a work array
        g         array that is read
        arrays    [w, *state], arrays of g's shape that are changed, those of the state in C order
        decay     the rule gets g + decay · w
        maximize  the rule gets −g
        """
        w, *state = arrays

        def work(first, last, part):
            scratch = self._work_arrays(w.dtype, part)
            for start in range(first, last, BLOCK):
                block = slice(start, min(start + BLOCK, last))
                wb, *held = (array[block] for array in flat)
                self._on_block(rule, wb, flat_g[block], held, scratch, decay, maximize)

        if w.size <= BLOCK:  # a single block may have any shape
            self._on_block(rule, w, g, state, self._work_arrays(w.dtype, 0), decay, maximize)
        else:
            flat = [np.ascontiguousarray(w).reshape(-1), *(array.reshape(-1) for array in state)]
            flat_g = np.ascontiguousarray(g).reshape(-1)
            in_parts(work, w.size, smallest=SHARE)
            put_back(w, flat[0])

    @staticmethod
    def _on_block(rule, w, g, state, scratch, decay, maximize):
        q = scratch[0, : w.size].reshape(w.shape)
        if maximize or decay:
            h = scratch[1, : w.size].reshape(w.shape)
            if maximize:
                g = np.negative(g, out=h)
            if decay:
                np.multiply(w, decay, out=q)
                g = np.add(g, q, out=h)
        rule(w, g, q, *state)

    def run_on_rows(self, rule, rows, values, arrays, **options) -> None:
        """As `run`, on some rows of ``arrays`` alone.

        rows    (K,) ints, each named once; values: (K, …) their gradients
        """
        at_once = max(1, BLOCK * len(arrays[0]) // max(arrays[0].size, 1))
        for start in range(0, len(rows), at_once):
            chosen = rows[start : start + at_once]
            touched = [array.take(chosen, axis=0) for array in arrays]
            self.run(rule, values[start : start + at_once], touched, **options)
            for array, new in zip(arrays, touched):
                array[chosen] = new

    def run_from_rows(self, rule: InTwo, rows, values, arrays, *, maximize=False) -> None:
        """As `run`, on all of ``arrays``, the gradient being 0 outside some rows.

        rows    (K,) ints, ascending, each named once; values: (K, …) their gradients

        ``rule.learn`` reads and writes the state of these rows alone; ``rule.move`` moves every row.
        """
        if maximize:
            values = -values
        w, *state = arrays
        flat = [np.ascontiguousarray(w).reshape(len(w), -1), *(array.reshape(len(w), -1) for array in state)]
        width = max(1, flat[0].shape[1])
        values = values.reshape(len(rows), width)
        step = max(1, BLOCK // width)

        def work(first, last, part):
            q = self._work_arrays(w.dtype, part, at_least=step * width)[0][: step * width].reshape(step, width)
            starts = range(first, last, step)
            ends = np.searchsorted(rows, [*starts, last]).tolist()
            for start, low, high in zip(starts, ends, ends[1:]):
                wb, *held = (array[start : min(start + step, last)] for array in flat)
                if low < high:
                    touched = rows[low:high] - start
                    sums = [array.take(touched, axis=0) for array in held]
                    rule.learn(values[low:high], q[: high - low], *sums)
                    for array, new in zip(held, sums):
                        array[touched] = new
                rule.move(wb, q[: len(wb)], *held)

        in_parts(work, len(w), smallest=max(1, SHARE // width))
        put_back(w, flat[0])

    def _work_arrays(self, dtype, part, at_least=BLOCK):
        found = self._scratch.get((dtype, part))
        if found is None or found.shape[1] < at_least:
            found = self._scratch[dtype, part] = aligned((2, at_least), dtype)
        return found


def put_back(w, flat) -> None:
    """The values of ``flat`` into ``w``, where it could only be flattened by a copy."""
    if not w.flags.c_contiguous:
        w[...] = flat.reshape(w.shape)
