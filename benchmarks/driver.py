"""Runs the peers in turn. On a machine that others use as well, only times taken side by side can be compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from .worker import thread_environment

ROOT = Path(__file__).resolve().parent.parent

PAUSE = 0.05
"""Seconds between turns. Idle threads of OpenMP and OpenBLAS spin for a while before they sleep; a turn begins when
those of the last have gone."""

LOSS_TOLERANCE = 2e-4
"""Relative; float32 sums in different orders differ by some 1e-6, and Adam amplifies that where gradients are tiny."""


class Missing(Exception):
    """A peer that is not installed."""


class Failed(Exception):
    """A peer that raised, or computes something else."""


class Peer:
    """A worker process and the pipe to it."""

    def __init__(self, name: str, threads: int):
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **thread_environment(threads)},
        )
        self._answer()

    def ask(self, do: str, **request) -> dict:
        self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"the worker ended with status {self.process.wait()}")
        message = json.loads(line)
        if "missing" in message:
            raise Missing(message["missing"])
        if "error" in message:
            raise Failed(message["error"].rstrip())
        return message

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def start_peers(names, threads, say) -> tuple[dict[str, Peer], dict[str, str], dict[str, str]]:
    """(peer by name, why the missing ones are missing, why the broken ones broke)."""
    peers, missing, failed = {}, {}, {}
    for name in names:
        try:
            peers[name] = Peer(name, threads)
        except Missing as error:
            missing[name] = str(error)
            say(f"{name}: skipped, {error}")
        except Failed as error:
            failed[name] = str(error)
            say(f"{name}: FAILED\n{error}")
    return peers, missing, failed


def time_workload(peers, workload, rounds, seed, ids, say) -> tuple[dict[str, list[float]], dict[str, str]]:
    """(seconds a step, one number a round for each peer that takes part; what failed).

    The peer that begins changes every round, so that none always comes after the same other one.
    """
    seconds, failed, expected = {}, {}, None
    for name, peer in peers.items():
        try:
            losses = peer.ask("prepare", workload=workload, seed=seed, ids=ids)["losses"]
            if losses is None:
                continue
            expected = expected or (name, losses)
            compare_losses(name, losses, *expected, only_first=workload == "W3-SparseAdam")
            seconds[name] = []
        except Failed as error:
            failed[name] = str(error)
            say(f"{workload} {name}: FAILED\n{error}")
    order = list(seconds)
    for turn in range(rounds if order else 0):
        shift = turn % len(order)
        for name in order[shift:] + order[:shift]:
            time.sleep(PAUSE)
            seconds[name].append(peers[name].ask("time")["seconds"])
    return seconds, failed


def compare_losses(name, losses, other, expected, only_first):
    """SparseAdam's later losses differ by design: PyTorch leaves ε out of the bias correction."""
    for step, (got, want) in enumerate(zip(losses, expected)):
        if not abs(got - want) <= LOSS_TOLERANCE * abs(want):
            raise Failed(f"loss {got:.7g} at step {step + 1}; {other} has {want:.7g}: not the same computation")
        if only_first:
            return


def measure_memory(names, seed, ids, say, batch=8192, steps=5) -> dict[str, int]:
    """Peak growth in bytes of the parser step with a large batch, each peer in a fresh process."""
    grown = {}
    for name in names:
        try:
            peer = Peer(name, threads=1)
            grown[name] = peer.ask("memory", workload="W1a", seed=seed, ids=ids, sizes={"batch": batch}, steps=steps)[
                "bytes"
            ]
            peer.close()
        except (Missing, Failed) as error:
            say(f"memory {name}: skipped\n{error}")
    return grown


def measure_imports(rounds) -> dict[str, list[float]]:
    """Seconds to import us and NumPy, each time in a new interpreter, in turn."""
    seconds = {"tinygrad_nlp": [], "numpy": []}
    # An installed package has its bytecode; so must this checkout, whatever the shell says.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for turn in range(rounds + 1):
        for module in seconds if turn % 2 else reversed(seconds):
            code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
            done = subprocess.run(
                [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
            )
            if turn:  # the first one fills the disk cache and writes the bytecode
                seconds[module].append(float(done.stdout))
    return seconds
