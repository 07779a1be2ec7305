"""In-place changes: which array was changed, when, and on which line.

A rule may need a value of the forward pass. Were that value overwritten in between, the gradient would be
wrong without a word, so backward must know. PyTorch gives every tensor a counter and saves its reading with
every op; here time does the same for nothing: node ids come from one clock, each in-place change notes the
clock's reading, and a node's input is stale exactly when its array was changed after the node's id.

Changes are kept by the array that *owns* the memory, so a change through a view, a detached alias or an
optimizer is seen from all of them.
"""

from __future__ import annotations

import itertools
import weakref
from _thread import RLock  # threading.RLock, which would cost a module more

import numpy as np

from .errors import user_line

tick = itertools.count(1).__next__
"""The one clock: node ids and change times are its readings."""


class _Changes:
    """``latest`` is the time of the newest change of any array: one comparison clears most nodes."""

    __slots__ = ("latest", "by_owner")

    def __init__(self):
        self.latest = 0
        self.by_owner = {}


changes = _Changes()
_one_at_a_time = RLock()  # re-entrant: a garbage collection may come in between


def owner(array):
    """The array whose memory ``array`` looks at: itself, or the end of its chain of bases."""
    base = array.base
    while base is not None:
        # A window view's base is no array but a small object with the array as its own base (NumPy's as_strided).
        if isinstance(base, np.ndarray):
            array = base
        base = getattr(base, "base", None)
    return array


def note_change(*arrays) -> None:
    """Record that the memory of ``arrays`` was just changed, and the line of user code that did it."""
    line = user_line()
    known = changes.by_owner
    with _one_at_a_time:  # else a thread that was interrupted here could set ``latest`` back
        changes.latest = time = tick()
        for array in arrays:
            held = owner(array)
            key = id(held)
            entry = known.get(key)
            # The reference's callback clears the entry with the array: a recycled id cannot inherit its past.
            known[key] = (entry[0] if entry else weakref.ref(held, lambda _, key=key: known.pop(key, None)), time, line)


def changed_since(array, time: int) -> str | None:
    """``file:line in function`` of the newest change of ``array`` after ``time``, or None."""
    entry = changes.by_owner.get(id(owner(array)))
    if entry is None or entry[1] <= time:
        return None
    return entry[2] or "an unknown line"
