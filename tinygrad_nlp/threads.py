"""A few threads for large elementwise work, where NumPy lets go of the interpreter lock.

Only the optimizers use them: a step over a million parameters is a dozen passes over memory without a matrix product
that BLAS would spread over the cores. The result does not depend on the number of threads.
"""

from __future__ import annotations

import os
from functools import cache


def count() -> int:
    """Threads to use: what OPENBLAS_NUM_THREADS or OMP_NUM_THREADS says, else the cores this process may run on."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "")
        if value.isdigit() and int(value) > 0:
            return int(value)
    return usable_cores()


def usable_cores() -> int:
    """Cores this process may use, which in a container or under taskset is fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _helpers():
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(max(count() - 1, 1), thread_name_prefix="tinygrad_nlp")


if hasattr(os, "register_at_fork"):  # threads do not live on in a forked process: it makes its own
    os.register_at_fork(after_in_child=_helpers.cache_clear)


def in_parts(work, size: int, smallest: int) -> None:
    """Call ``work(start, stop, part)`` on contiguous parts that cover ``range(size)``, one a thread.

    As many parts as there are threads, but none smaller than ``smallest``; a single one runs without any thread. An
    exception in a part is raised once all have ended.
    """
    parts = max(1, min(count(), size // smallest)) if size >= 2 * smallest else 1
    if parts == 1:
        work(0, size, 0)
        return
    bounds = [size * i // parts for i in range(parts + 1)]
    others = [_helpers().submit(work, bounds[i], bounds[i + 1], i) for i in range(1, parts)]
    try:
        work(bounds[0], bounds[1], 0)
    finally:
        for other in others:
            other.exception()  # waits
    for other in others:
        other.result()
