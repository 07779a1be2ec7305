"""Large work arrays that are used again instead of being given back and asked for again.

A training step frees and allocates the same few megabytes over and over. The C library hands large blocks back to
the kernel at once, and the kernel clears every page it gives out: with a 20 MB gradient of a softmax over 10,000
words a tenth of the step went to a thousand page faults. `empty` instead keeps the arrays it made and hands out one
that nobody else holds: an array is free when the pool's own reference is the only one left, which CPython's reference
count tells. Nothing has to be returned.

Each thread has a pool of its own. Where reference counts cannot be read, `empty` is ``np.empty``.
"""

from __future__ import annotations

import math
import sys
from _thread import _local as ThreadLocal  # threading.local, which would cost a module more

import numpy as np

SMALLEST = 1 << 16
"""Elements below which the C library re-uses memory by itself."""

LARGEST_TOTAL = 1 << 30
"""Bytes a thread's pool may keep. What exceeds it is an ordinary array."""


class _Pool(ThreadLocal):
    def __init__(self):
        self.arrays = {}  # (elements, dtype) -> arrays of that size
        self.bytes = 0


_pool = _Pool()


def _free_array(arrays):
    for array in arrays:
        if sys.getrefcount(array) == _UNSHARED:
            return array
    return None


def _calibrate() -> int:
    """The reference count `_free_array` sees for an array nobody else holds; it varies between Python versions."""
    if not hasattr(sys, "getrefcount"):
        return -1
    seen = []

    def look(arrays):
        for array in arrays:
            seen.append(sys.getrefcount(array))

    look([np.empty(1)])
    return seen[0]


_UNSHARED = _calibrate()


def empty(shape, dtype) -> np.ndarray:
    """An uninitialised array of ``shape``; its memory may have been used before."""
    size = math.prod(shape)
    if size < SMALLEST or _UNSHARED < 0:
        return np.empty(shape, dtype)
    key = (size, dtype)
    arrays = _pool.arrays.get(key)
    if arrays is None:
        arrays = _pool.arrays[key] = []
    array = _free_array(arrays)
    if array is None:
        array = np.empty(size, dtype)
        if _pool.bytes + array.nbytes > LARGEST_TOTAL:  # shapes changed, perhaps: forget those no longer used
            release()
        if _pool.bytes + array.nbytes <= LARGEST_TOTAL:
            arrays = _pool.arrays.setdefault(key, [])
            arrays.append(array)
            _pool.bytes += array.nbytes
    return array.reshape(shape)


def release() -> None:
    """Let go of every array of this thread's pool that nobody uses."""
    for key, arrays in list(_pool.arrays.items()):
        free = _free_array(arrays)
        while free is not None:
            arrays[:] = [array for array in arrays if array is not free]
            _pool.bytes -= free.nbytes
            free = _free_array(arrays)
        if not arrays:
            del _pool.arrays[key]
