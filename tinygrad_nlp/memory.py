"""Where a step's arrays lie. Their memory stays with the process for the next step.

A step frees and asks for the same few megabytes over and over. glibc gives blocks above a threshold back to the system
at once, and the top of its heap where twice as much of it is free; the system then clears every page it hands out
again. In a parser's step with inputs of 10 MB that was 1,300 page faults and a fifth of the time. The threshold is
raised by glibc itself to the size of the largest block freed so far, up to 32 MB: one block of nearly that size, never
written to and so never there, makes it keep up to 62 MB that are free.

Larger arrays come from the system every time, as they do without this. Other C libraries are not affected.
"""

import math

import numpy as np


def keep_freed_blocks() -> None:
    """Have the C library keep freed blocks of up to 31 MB, and 62 MB of them, instead of giving them back."""
    np.empty(31 << 20, np.uint8)


CACHE_LINE = 64
"""Bytes; also the width of the widest vector registers."""


def aligned(shape: tuple[int, ...], dtype) -> np.ndarray:
    """An array of ``shape`` with arbitrary values that begins with a cache line, as an array of NumPy's seldom does.

    For a work array that every operation of a loop reads or writes: in Adam's, where no load of a vector has to fetch
    two lines, it saves 6 % of the time.
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    room = np.empty(size + CACHE_LINE, np.uint8)
    start = -room.__array_interface__["data"][0] % CACHE_LINE
    return room[start : start + size].view(dtype).reshape(shape)
