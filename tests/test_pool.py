"""Work arrays: re-used when nobody holds them, never while anybody does."""

import threading

import numpy as np
import pytest

from tinygrad_nlp import pool

SHAPE = (300, 301)  # above pool.SMALLEST, and of a size nothing else uses


@pytest.fixture(autouse=True)
def fresh_pool():
    pool.release()
    yield
    pool.release()


def test_a_released_array_is_used_again():
    first = pool.empty(SHAPE, np.dtype(np.float32))
    address = first.ctypes.data
    del first
    assert pool.empty(SHAPE, np.dtype(np.float32)).ctypes.data == address


@pytest.mark.parametrize("hold", [lambda a: a, lambda a: a[5:7], lambda a: a.T, lambda a: a.reshape(-1)[::2]])
def test_an_array_or_view_in_use_is_never_given_out(hold):
    held = hold(pool.empty(SHAPE, np.dtype(np.float32)))
    others = [pool.empty(SHAPE, np.dtype(np.float32)) for _ in range(3)]
    assert not any(np.shares_memory(held, other) for other in others)


def test_dtypes_and_sizes_do_not_mix():
    a = pool.empty(SHAPE, np.dtype(np.float64))
    assert a.dtype == np.float64 and a.shape == SHAPE
    del a
    assert pool.empty(SHAPE, np.dtype(np.float32)).nbytes == 4 * SHAPE[0] * SHAPE[1]


def test_threads_do_not_share():
    addresses = []

    def work():
        array = pool.empty(SHAPE, np.dtype(np.float32))
        addresses.append(array.ctypes.data)
        barrier.wait()

    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=work) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(addresses)) == 2


def test_release_forgets_what_nobody_holds():
    held = pool.empty(SHAPE, np.dtype(np.float32))
    pool.empty(SHAPE, np.dtype(np.float64))
    pool.release()
    assert pool._pool.bytes == held.nbytes


def test_the_pool_is_bounded(monkeypatch):
    monkeypatch.setattr(pool, "LARGEST_TOTAL", 1 << 20)
    kept = [pool.empty(SHAPE, np.dtype(np.float32)) for _ in range(6)]
    assert len({a.ctypes.data for a in kept}) == 6 and pool._pool.bytes <= 1 << 20
