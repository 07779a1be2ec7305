"""The layout of batches of sequences of different lengths, without padding, over which recurrence runs.

The longest sequence first; then the sequences that are still going at a step are always the first few, and a batch is
the rows of all steps one after another: first the first elements of all sequences, then the second elements of those
that have one. ``sizes`` says how many rows each step has, (3, 2, 2, 1) for the lengths 4, 3, 1. It is the layout of
PyTorch's PackedSequence. A recurrence that runs from the end starts each sequence at its own last element.
"""

from __future__ import annotations

from functools import lru_cache, wraps
from typing import NamedTuple

import numpy as np

from ..errors import ShapeError, describe, explain
from .join import concat


class Step(NamedTuple):
    """Rows ``start`` to ``stop`` of a packed batch; the first ``carried`` of them go on from those at ``before``."""

    start: int
    stop: int
    before: int
    carried: int


def of_batch(function):
    """Remember the last answers: every layer and pass of a training step asks the same of its batch."""
    remembered = lru_cache(maxsize=64)(function)

    @wraps(function)
    def answer(sizes, reverse):
        return remembered(tuple(sizes), bool(reverse))

    return answer


@of_batch
def steps(sizes, reverse) -> tuple[Step, ...]:
    """The steps of a packed batch in the order they are taken.

    >>> steps((3, 2), False)
    (Step(start=0, stop=3, before=0, carried=0), Step(start=3, stop=5, before=0, carried=2))
    >>> steps((3, 2), True)
    (Step(start=3, stop=5, before=3, carried=0), Step(start=0, stop=3, before=3, carried=2))
    """
    starts = [0]
    for size in sizes:
        starts.append(starts[-1] + size)
    order = range(len(sizes))[::-1] if reverse else range(len(sizes))
    made, last = [], None
    for t in order:
        carried = 0 if last is None else min(sizes[t], sizes[last])
        made.append(Step(starts[t], starts[t + 1], starts[t] if last is None else starts[last], carried))
        last = t
    return tuple(made)


@of_batch
def previous_rows(sizes, reverse) -> np.ndarray:
    """(M,) for each row the row before it in its sequence; M + i where sequence i begins, for its initial state."""
    total = sum(sizes)
    found = np.empty(total, np.intp)
    for start, stop, before, carried in steps(sizes, reverse):
        found[start : start + carried] = np.arange(before, before + carried)
        found[start + carried : stop] = np.arange(total + carried, total + stop - start)
    found.flags.writeable = False
    return found


@of_batch
def first_rows(sizes, reverse) -> np.ndarray:
    """(N,) the row where each sequence begins: its last element if the recurrence runs from the end."""
    parts = [np.arange(step.start + step.carried, step.stop) for step in steps(sizes, reverse)]
    found = np.concatenate(parts or [[]]).astype(np.intp)
    found.flags.writeable = False
    return found


def refuse_sizes(name, x, sizes, **states):
    """Raise ShapeError for sizes that are no packed batch, or initial states that are not one row a sequence."""
    falling = all(a >= b for a, b in zip(sizes, sizes[1:])) and all(size > 0 for size in sizes)
    if not falling or sum(sizes) != len(x):
        raise ShapeError(
            explain(
                name,
                got=f"{describe(x, 'x')} and sizes={tuple(sizes)}, which sum to {sum(sizes)}",
                expected="sizes of the steps, above 0 and none larger than the one before, whose sum is the rows of x",
            )
        )
    for state, value in states.items():
        if value is not None and len(value) != (sizes[0] if sizes else 0):
            raise ShapeError(explain(name, got=describe(value, state), expected=f"{sizes[0]} rows, one a sequence"))


def previous(state, first, sizes, reverse):
    """The state each row goes on from: ``state`` of the row before it, ``first`` or 0 where its sequence begins."""
    if first is None:
        first = np.zeros((max(sizes, default=0), state.shape[1]), state.dtype)
    return concat(state, first)[previous_rows(sizes, reverse)]


def before_each(state, first, sizes, reverse):
    """`previous`, of arrays."""
    # mode="clip": the rows where a sequence begins are overwritten at once
    found = np.take(state, previous_rows(sizes, reverse), axis=0, mode="clip") if len(state) else state
    found[first_rows(sizes, reverse)] = 0 if first is None else first
    return found


def added(x, y):
    """x with y added to its first rows."""
    return x + y if x.shape[0] == y.shape[0] else concat(x[: y.shape[0]] + y, x[y.shape[0] :])
