"""How fast the parser is: a training step beside PyTorch's, then oracle, features and decoding of a treebank.

    python -m benchmarks.parser en_ewt/ --rounds 15

The step (hidden 200, 48 features, batch 1,024, 80 classes, Adam) is timed in turns, each library in a process of its
own, at one thread and at two. The treebank's folder has files *train.conllu* and *test.conllu*; their times are CPU
seconds of one thread, the best of a few, and hold on a busy machine too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402 (after the line above)
from tinygrad_nlp.models.parser import Parser, Settings, Vocabulary, examples, load_treebank  # noqa: E402
from tinygrad_nlp.models.parser.bilstm_decode import BiLSTMParser  # noqa: E402

from . import report  # noqa: E402
from .__main__ import machine, say  # noqa: E402
from .driver import start_peers, time_workload  # noqa: E402
from .parser_accuracy import part  # noqa: E402

STEP = "W1c"
ORACLE_LIMIT = 5.0
"""CPU seconds for oracle and features of a training set, at most."""

DECODING_LIMIT = 2000
"""Sentences per CPU second of the feed-forward network at hidden 200, at least."""


def arguments(argv=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parser", description=__doc__.split("\n")[0])
    parser.add_argument("folder", metavar="TREEBANK_DIR", nargs="?", help="also measure oracle, features and decoding")
    parser.add_argument("--parser", metavar="FILE", help="to decode with (default: random weights, hidden 200)")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2], help="for the step; none leaves it out")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each peer (default 15)")
    parser.add_argument("--peers", nargs="+", default=["ours", "torch_eager"], help="(default: ours torch_eager)")
    parser.add_argument("--repeats", type=int, default=3, help="of oracle and decoding (default 3)")
    parser.add_argument("--json", metavar="FILE", help="write the times there")
    return parser.parse_args(argv)


def main(argv=None) -> int:
    options = arguments(argv)
    record = {"machine": machine(), "steps": []}
    say(", ".join(f"{key} {value}" for key, value in record["machine"].items() if value))
    broken = {}
    for threads in options.threads:
        peers, _, failed = start_peers(options.peers, threads, say)
        seconds, wrong = time_workload(peers, STEP, options.rounds, 0, "zipf", say)
        record["steps"].append({"workload": STEP, "threads": threads, "seconds": seconds})
        broken |= failed | wrong
        for peer in peers.values():
            peer.close()
    if record["steps"]:
        print(report.text(*_present(*report.time_table(record["steps"]))) + "\n")
    if options.folder:
        record |= on_treebank(options.folder, options.parser, options.repeats)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump(record, out)
    return 1 if broken else 0


def _present(head, rows):
    """The columns in which a peer took part."""
    kept = [i for i in range(len(head)) if any(row[i] != "–" for row in rows)]
    return [head[i] for i in kept], [[row[i] for i in kept] for row in rows]


def on_treebank(folder, file, repeats) -> dict:
    """CPU seconds of oracle and features, sentences decoded per CPU second; printed."""
    train, test = load_treebank(part(folder, "train")), load_treebank(part(folder, "test"))
    vocabulary = Vocabulary.of(train)
    parser = Parser.load(file) if file else untrained(vocabulary)
    found = {}
    for system in ("arc-standard", "arc-hybrid"):
        found[system] = fastest(lambda s=system: examples(train, vocabulary, True, s), repeats)
        mark = "✓" if found[system] <= ORACLE_LIMIT else f"✗ ≤{ORACLE_LIMIT:g}"
        print(f"oracle and features of {len(train):,} sentences, {system}: {found[system]:.2f} CPU s {mark}")
    speed = len(test) / fastest(lambda: parser.trees(test), repeats)
    bilstm = isinstance(parser, BiLSTMParser)
    mark = "" if bilstm else " ✓" if speed >= DECODING_LIMIT else f" ✗ ≥{DECODING_LIMIT:,}"
    size = parser.network.sizes["hidden"] if bilstm else parser.network.hidden.out_features
    network = f"{'BiLSTM, ' if bilstm else ''}hidden {size}"
    print(f"decoding of {len(test):,} sentences, {network}, {parser.system}: {speed:,.0f} per CPU second{mark}")
    return {"oracle_seconds": found, "sentences_per_second": speed}


def untrained(vocabulary) -> Parser:
    settings = Settings()
    sizes = {name: getattr(settings, name) for name in ("labelled", "dim", "hidden", "activation", "dropout")}
    return Parser.untrained(vocabulary, rng=np.random.default_rng(0), **sizes)


def fastest(work, repeats) -> float:
    """The least CPU seconds of a few calls."""
    seconds = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


if __name__ == "__main__":
    sys.exit(main())
