"""The OpenBLAS that NumPy has loaded: which library it is, and how many threads it may use."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path


def openblas_functions() -> Callable[[str], object] | None:
    """name -> OpenBLAS's function of that name (``get_num_threads`` …), or None where NumPy has another library."""
    import numpy  # noqa: F401 (loads the library)

    for path in _loaded():
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        for prefix, suffix in (("scipy_", "64_"), ("scipy_", ""), ("", "64_"), ("", "")):
            if hasattr(library, f"{prefix}openblas_get_num_threads{suffix}"):
                return lambda name, p=prefix, s=suffix: getattr(library, f"{p}openblas_{name}{s}", None)
    return None


@contextmanager
def threads(count: int):
    """Let matrix products use ``count`` threads, if the library is OpenBLAS and lets itself be told; then as before."""
    functions = openblas_functions()
    get, put = (functions("get_num_threads"), functions("set_num_threads")) if functions else (None, None)
    if get is None or put is None:
        yield
        return
    before = get()
    put(count)
    try:
        yield
    finally:
        put(before)


def one_thread():
    """`threads` for products that take less than a millisecond.

    Shared out to as many threads as there are cores they are little faster on an idle machine; on a busy one each waits
    for the thread that has no core: a training of 1.7 s then took 25 s.
    """
    return threads(1)


def _loaded() -> list[str]:
    # Only a library that is already in the process may be opened: another copy would start threads of its own.
    try:
        maps = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return []
    found = dict.fromkeys(line.split(maxsplit=5)[-1] for line in maps if "openblas" in line)
    return sorted(found, key=lambda path: "numpy" not in path)
