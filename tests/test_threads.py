"""Threads of the optimizers: every element once, the same bits whatever their number, errors not lost."""

import os

import numpy as np
import pytest

from tinygrad_nlp import Tensor, optim, threads


@pytest.mark.parametrize("number", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [0, 1, 99, 100, 1000, 1001])
def test_the_parts_cover_everything_once(monkeypatch, number, size):
    monkeypatch.setattr(threads, "count", lambda: number)
    seen = np.zeros(size, int)
    parts = []

    def work(start, stop, part):
        seen[start:stop] += 1
        parts.append(part)

    threads.in_parts(work, size, smallest=50)
    assert (seen == 1).all() and len(set(parts)) == len(parts) <= number
    assert size < 100 or number == 1 or len(parts) > 1


def test_an_error_in_any_part_is_raised_when_all_have_ended(monkeypatch):
    monkeypatch.setattr(threads, "count", lambda: 2)
    ended = []
    for failing in (0, 1):

        def work(start, stop, part, failing=failing):
            if part == failing:
                raise ValueError(f"part {part}")
            ended.append(part)

        with pytest.raises(ValueError, match=f"part {failing}"):
            threads.in_parts(work, 100, smallest=10)
    assert sorted(ended) == [0, 1]


@pytest.mark.parametrize("make", [optim.SGD, optim.Adam, optim.RMSprop], ids=lambda o: o.__name__)
def test_a_step_is_the_same_to_the_bit_with_any_number_of_threads(monkeypatch, make):
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=(700, 901)).astype(np.float32), rng.normal(size=(3, 700, 901)).astype(np.float32)
    results = []
    for number in (1, 2, 3):
        monkeypatch.setattr(threads, "count", lambda number=number: number)
        w = Tensor(start, requires_grad=True)
        optimizer = make([w], lr=0.01, weight_decay=0.1)
        for g in gradients:
            w.grad = g
            optimizer.step()
        results.append(w.data.copy())
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_the_environment_limits_the_number(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    assert threads.count() == 3
    monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert threads.count() == 5
    monkeypatch.setenv("OMP_NUM_THREADS", "zero")
    assert threads.count() >= 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own(monkeypatch):
    monkeypatch.setattr(threads, "count", lambda: 2)
    threads.in_parts(lambda start, stop, part: None, 100, smallest=10)
    child = os.fork()
    if child == 0:
        done = []
        threads.in_parts(lambda start, stop, part: done.append(part), 100, smallest=10)
        os._exit(0 if sorted(done) == [0, 1] else 1)
    assert os.waitpid(child, 0)[1] == 0
