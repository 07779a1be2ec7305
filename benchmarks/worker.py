"""One peer in a process of its own: ``python -m benchmarks.worker PEER THREADS``, driven by lines of JSON.

Each library keeps a pool of threads and a way of holding memory; in one process they would get into each other's way.
The driver starts a worker with the thread limits in its environment and asks for one thing at a time.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback

WARM_UP_STEPS = 3
TURN_SECONDS = 0.2
"""About how long a peer is timed before the next has its turn."""

LOSSES = 3
"""First losses reported without dropout: the second and third show that the updates agree too."""


def thread_environment(threads: int) -> dict[str, str]:
    """What limits the thread pools; it must be set before the libraries are imported."""
    n = str(threads)
    names = (
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    )
    environment = dict.fromkeys(names, n)
    environment["NPROC"] = n  # the size of JAX's own pool
    flags = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    environment["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    environment["JAX_PLATFORMS"] = "cpu"
    return environment


class Worker:
    def __init__(self, peer: str, threads: int):
        self.module = importlib.import_module(f"benchmarks.peers.{peer}")
        if peer.startswith("torch"):
            import torch

            torch.set_num_threads(threads)
        self.trainer, self.turn = None, 1

    def data(self, workload, seed, ids, sizes, dropout=True):
        from benchmarks.workloads import WORKLOADS, without_dropout

        data = WORKLOADS[workload].make(seed=seed, ids=ids, **sizes)
        return data if dropout else without_dropout(data)

    def build(self, workload, data):
        from benchmarks.workloads import WORKLOADS

        function = getattr(self.module, WORKLOADS[workload].function, None)
        return function(data) if function else None

    def prepare(self, workload, seed, ids):
        """Build, compare, warm up; reports the first losses, or None if the peer has no form of the workload."""
        self.trainer = None  # lets the last workload's memory go first
        plain = self.build(workload, self.data(workload, seed, ids, {}, dropout=False))
        if plain is None:
            return {"losses": None}
        losses = [plain.step() for _ in range(LOSSES)]
        del plain
        self.trainer = self.build(workload, self.data(workload, seed, ids, {}))
        for _ in range(WARM_UP_STEPS):
            start = time.perf_counter()
            self.trainer.step()
            seconds = time.perf_counter() - start
        self.turn = max(1, min(1000, round(TURN_SECONDS / seconds)))
        return {"losses": losses}

    def time(self):
        """Seconds per step over one turn. The garbage collector is on, as it is for users."""
        if self.turn > 1:
            self.trainer.step()  # brings back what the other peers have put out of the cache
        start = time.perf_counter()
        for _ in range(self.turn):
            self.trainer.step()
        return {"seconds": (time.perf_counter() - start) / self.turn}

    def memory(self, workload, seed, ids, sizes, steps):
        """Bytes by which the peak grows from building the model to the end of some steps.

        A step on a batch of 8 goes before: it loads the libraries' code and work space, tens of megabytes in some,
        which belong to no model.
        """
        self.build(workload, self.data(workload, seed, ids, {**sizes, "batch": 8})).step()
        data = self.data(workload, seed, ids, sizes)
        before = peak_memory(reset=True)
        trainer = self.build(workload, data)
        for _ in range(steps):
            trainer.step()
        return {"bytes": peak_memory() - before}


def peak_memory(reset=False) -> int:
    """The largest resident size so far; ``reset`` makes it the present one first, where the system can (Linux).

    Without that the peak of the imports would hide the first megabytes of growth.
    """
    try:
        if reset:
            with open("/proc/self/clear_refs", "w") as file:
                file.write("5")
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    except OSError:
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def serve(peer: str, threads: int) -> None:
    # What libraries print must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(message):
        print(json.dumps(message), file=answers, flush=True)

    try:
        worker = Worker(peer, threads)
    except ImportError as error:
        answer({"missing": str(error)})
        return
    answer({"ready": getattr(worker.module, "__name__", peer)})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer(getattr(worker, request.pop("do"))(**request))
        except Exception:
            answer({"error": traceback.format_exc()})


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
