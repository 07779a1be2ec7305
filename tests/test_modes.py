"""Switches: no_grad, enable_grad, detect_anomaly, record_gradients; nesting, decorating, threads, tasks, exceptions."""

import asyncio
import threading

import numpy as np
import pytest

from tinygrad_nlp import Tensor, detect_anomaly, enable_grad, is_grad_enabled, no_grad, record_gradients
from tinygrad_nlp.modes import current, module_scope


def records():
    return (Tensor(1.0, requires_grad=True) * 2).requires_grad


def test_recording_is_on_unless_switched_off():
    assert is_grad_enabled() and records()
    with no_grad():
        assert not is_grad_enabled() and not records()
        with enable_grad():
            assert records()
        assert not records()
    assert records()


def test_results_made_under_no_grad_hold_no_graph():
    x = Tensor([1.0], requires_grad=True)
    with no_grad():
        y = x * 2
    assert y.is_leaf and y._args is None


def test_modes_as_decorators():
    @no_grad()
    def evaluate():
        "Compute."
        return records()

    assert evaluate() is False and records()
    assert evaluate.__name__ == "evaluate" and evaluate.__doc__ == "Compute."


def test_a_decorated_function_may_call_itself():
    @no_grad()
    def count(n):
        return [records()] + (count(n - 1) if n else [])

    assert count(3) == [False] * 4 and records()


def test_one_instance_can_be_entered_again():
    off = no_grad()
    with off, off:
        assert not records()
    assert records()


def test_an_exception_restores_the_mode():
    with pytest.raises(ZeroDivisionError), no_grad(), detect_anomaly():
        raise ZeroDivisionError
    assert records() and not current().anomaly


def test_no_grad_in_one_thread_does_not_switch_off_another():
    inside, release, seen = threading.Event(), threading.Event(), []

    def loader():
        with no_grad():
            inside.set()
            release.wait(5)
            seen.append(records())

    thread = threading.Thread(target=loader)
    thread.start()
    inside.wait(5)
    assert records(), "the training thread must still record"
    release.set()
    thread.join()
    assert seen == [False]


def test_a_new_thread_starts_with_recording_on():
    seen = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append(records()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_no_grad_in_one_task_does_not_switch_off_another():
    async def quiet(started, done):
        with no_grad():
            started.set()
            await done.wait()
            return records()

    async def main():
        started, done = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(quiet(started, done))
        await started.wait()
        outer = records()
        done.set()
        return outer, await task

    assert asyncio.run(main()) == (True, False)


def test_backward_in_a_thread_while_another_is_in_no_grad():
    results = []

    def train():
        for _ in range(50):
            x = Tensor(np.ones(3), requires_grad=True)
            (x * x).sum().backward()
            results.append(float(x.grad.sum()))

    threads = [threading.Thread(target=train) for _ in range(4)]
    with no_grad():
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert results == [6.0] * 200


def test_modes_combine():
    with detect_anomaly(), record_gradients() as journal, no_grad():
        assert current().anomaly and current().journal is journal and not current().recording
    assert not current().anomaly and current().journal is None


def test_record_gradients_lists_tensors_in_the_order_they_were_made():
    x = Tensor(2.0, requires_grad=True)
    with record_gradients() as journal:
        loss = (x * x) + x
        loss.backward()
    assert len(journal) == 2
    assert [float(t.grad) for t in journal] == [1.0, 1.0] and x.grad == 5.0
    assert "test_modes.py" in journal[0].made_at


def test_module_scope_names_the_path_of_nested_calls():
    with module_scope(object(), "encoder"), module_scope(object(), "linear"):
        t = Tensor(1.0, requires_grad=True) * 2
        assert t._scope.path == "encoder.linear"
    assert (Tensor(1.0, requires_grad=True) * 2)._scope is None


def test_a_decorated_generator_runs_in_the_mode_and_the_loop_around_it_does_not():
    w = Tensor(1.0, requires_grad=True)

    @no_grad()
    def values():
        got = yield w * 2
        yield w * got

    running = values()
    assert not next(running).requires_grad
    assert (w * 2).requires_grad
    third = running.send(3.0)
    assert third.item() == 3.0 and not third.requires_grad
    assert list(running) == [] and is_grad_enabled()


def test_a_decorated_coroutine_runs_in_the_mode():
    w = Tensor(1.0, requires_grad=True)

    @no_grad()
    async def value():
        await asyncio.sleep(0)
        return w * 2

    async def both():
        return await value(), w * 2

    inside, outside = asyncio.run(both())
    assert not inside.requires_grad and outside.requires_grad


@pytest.mark.parametrize("mode", [no_grad, enable_grad, detect_anomaly])
def test_a_mode_decorates_with_and_without_parentheses(mode):
    def asked(x, *, twice=False):
        "Whether ops are recorded."
        return is_grad_enabled(), twice

    for decorated in (mode(asked), mode()(asked)):
        assert decorated(1, twice=True) == (mode is not no_grad, True)
        assert decorated.__name__ == "asked" and decorated.__doc__ == "Whether ops are recorded."
