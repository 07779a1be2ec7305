"""Arithmetic in place over large arrays: a cache-sized block at a time, the blocks shared out to threads.

A formula of ten operations over a million numbers would fetch each number ten times from memory; block by block the
ten operations find them in the cache. The result does not depend on the size of the blocks.
"""

from __future__ import annotations

import numpy as np

from ..threads import count, in_parts

BLOCK = 1 << 16
"""Elements per block: so many that the cost of a call is small, so few that all arrays of a block fit the cache."""


class Blocks:
    """Runs rules on blocks; keeps their work arrays, two for each dtype and thread, for the next run."""

    def __init__(self):
        self._scratch: dict = {}

    def run(self, rule, g, arrays, *, decay=0.0, maximize=False) -> None:
        """Call ``rule(w, g, q, *state)`` on one-dimensional views that cover the arrays.

        rule      changes ``w`` and ``state`` in place, but not ``g``; ``q`` is a work array
        g         array that is read
        arrays    [w, *state], arrays of g's shape that are changed, those of the state in C order
        decay     the rule gets g + decay · w
        maximize  the rule gets −g
        """
        w = arrays[0]
        if not w.flags.c_contiguous:  # flattening would work on a copy: do so openly, and put it back
            arrays = [np.ascontiguousarray(w), *arrays[1:]]
        flat = [array.reshape(-1) for array in arrays]
        g = np.ascontiguousarray(g).reshape(-1)
        # Two threads wait for each other's turn in the interpreter after every call. Where main memory is the limit
        # anyway, half as many calls are better (3 million numbers: 5 %), below that they are not.
        step = 2 * BLOCK if g.size > 32 * BLOCK and count() > 1 else BLOCK

        def work(first, last, part):
            q, h = self._work_arrays(w.dtype, part)
            for start in range(first, last, step):
                block = slice(start, min(start + step, last))
                gb = g[block]
                length = gb.size
                wb = flat[0][block]
                if maximize:
                    gb = np.negative(gb, out=h[:length])
                if decay:
                    np.multiply(wb, decay, out=q[:length])
                    gb = np.add(gb, q[:length], out=h[:length])
                rule(wb, gb, q[:length], *[array[block] for array in flat[1:]])

        in_parts(work, g.size, smallest=4 * BLOCK)
        if arrays[0] is not w:
            w[...] = arrays[0]

    def _work_arrays(self, dtype, part):
        if (dtype, part) not in self._scratch:
            self._scratch[dtype, part] = np.empty((2, 2 * BLOCK), dtype)
        return self._scratch[dtype, part]
