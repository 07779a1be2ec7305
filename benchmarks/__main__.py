"""``python -m benchmarks [W1 W2 …]``: every peer on every workload, in turn, and the table of ratios.

A name chooses all workloads that begin with it (W1: W1a and W1b); ``memory`` and ``import`` are names too.
Ends with status 1 if a peer failed or computed another loss; a goal that is missed is marked, but is no failure:
a busy machine misses many.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import sys

from . import report
from .driver import measure_imports, measure_memory, start_peers, time_workload
from .peers import PEERS
from .workloads import WORKLOADS

OTHERS = ("memory", "import")


def arguments(argv=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    parser.add_argument(
        "workloads", nargs="*", metavar="W1 W2 …", help=f"of {', '.join([*WORKLOADS, *OTHERS])}; default all"
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="thread counts (default: 1 2)")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each peer (default: 15)")
    parser.add_argument(
        "--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER", help=f"of {', '.join(PEERS)}"
    )
    parser.add_argument(
        "--ids", choices=("zipf", "uniform"), default="zipf", help="how word ids are drawn (default: zipf)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", metavar="FILE", help="write every round's time there")
    options = parser.parse_args(argv)
    known = [*WORKLOADS, *OTHERS]
    for name in options.workloads:
        if not any(word.startswith(name) for word in known):
            parser.error(f"no workload {name!r}; there are {', '.join(known)}")
    options.chosen = [word for word in known if not options.workloads or word.startswith(tuple(options.workloads))]
    return options


def machine() -> dict:
    """What the numbers depend on."""
    versions = {}
    for package in ("numpy", "scipy", "torch", "jax", "autograd", "mygrad"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "python": platform.python_version(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": load,
        "versions": versions,
        "OPENBLAS_CORETYPE": os.environ.get("OPENBLAS_CORETYPE"),
    }


def processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def say(line):
    print(line, file=sys.stderr, flush=True)


def main(argv=None) -> int:
    options = arguments(argv)
    record = {"machine": machine(), "options": {**vars(options)}, "results": [], "missing": {}, "failed": []}
    say(", ".join(f"{key} {value}" for key, value in record["machine"].items() if value))

    load, cores = record["machine"]["load"], record["machine"]["cores"]
    if load and load > 0.5:
        busy = f"The machine is busy (load {load:.1f} on {cores} cores): ratios are rough"
        say(busy + (", and those at several threads mean nothing." if max(options.threads) > 1 else "."))

    for threads in options.threads:
        # The long chain says the same at any number of threads.
        names = [w for w in options.chosen if w in WORKLOADS and (w != "chain" or threads == options.threads[0])]
        if not names:
            continue
        peers, missing, failed = start_peers(options.peers, threads, say)
        record["missing"].update(missing)
        record["failed"] += [{"peer": peer, "error": error} for peer, error in failed.items()]
        for workload in names:
            rounds = min(options.rounds, 3) if workload == "chain" else options.rounds
            seconds, failed = time_workload(peers, workload, rounds, options.seed, options.ids, say)
            record["failed"] += [{"peer": peer, "workload": workload, "error": error} for peer, error in failed.items()]
            record["results"].append({"workload": workload, "threads": threads, "seconds": seconds})
            say(
                f"{workload}, {threads} thread(s): "
                + ", ".join(f"{k} {sorted(v)[len(v) // 2] * 1e3:.4g} ms" for k, v in seconds.items())
            )
        for peer in peers.values():
            peer.close()
    tables = [report.time_table(record["results"])] if record["results"] else []
    if "memory" in options.chosen:
        record["memory"] = measure_memory(options.peers, options.seed, options.ids, say)
        tables.append(report.memory_table(record["memory"]))
    if "import" in options.chosen:
        record["import"] = measure_imports(options.rounds)
        tables.append(report.import_table(record["import"]))

    print("Our time ÷ the peer's: median [smallest–largest] over rounds; in brackets the peer's own median.\n")
    for form in (report.text, report.markdown):
        for table in tables:
            print(form(*table) + "\n")
    for peer, why in record["missing"].items():
        print(f"skipped: {PEERS[peer]} ({why})")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(record, file, indent=1)
    return 1 if record["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
