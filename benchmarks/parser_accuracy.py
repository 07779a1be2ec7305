"""How well the parsers do: each model trained with several seeds, chosen on dev, scored on test.

    python -m benchmarks.parser_accuracy en_ewt/ --seeds 3
    python -m benchmarks.parser_accuracy en_ewt/ --models three --seeds 1
    python -m benchmarks.parser_accuracy en_ewt/ --models best --vectors vectors.txt

The folder has files *train.conllu*, *dev.conllu* and *test.conllu*. Words and tags are the true ones, all words
count; LAS is that of universal relations. One thread.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tinygrad_nlp.models.parser import Settings, load_treebank, score  # noqa: E402 (after the line above)
from tinygrad_nlp.models.word2vec import Vectors  # noqa: E402

from tinygrad_nlp.cli.train_parser import train_with_progress  # noqa: E402

from . import report  # noqa: E402

MODELS = {
    "three": (
        "3 transitions, 36 features, hidden 200",
        {"labelled": False, "dropout": 0.3, "batch": 512, "rate": 1.5e-3, "beta2": 0.999},
    ),
    "labelled": ("labelled, 48 features, hidden 200", {"epochs": 10}),
    "best": (
        "labelled, 68 features, hidden 800",
        {
            "tags": "both",
            "distances": True,
            "hidden": 800,
            "dropout": 0.5,
            "input_dropout": 0.25,
            "unknown": 0.5,
            "epochs": 12,
        },
    ),
    "bilstm": ("BiLSTM of words, tags and letters, dynamic oracle", {"network": "bilstm"}),
}
GOALS = {"three": (83.0, None), "labelled": (85.3, 83.3), "best": (88.1, 86.2), "bilstm": (90.0, 88.5)}
"""UAS and LAS on the test part of UD English EWT, in percent, at least."""


def part(folder, name) -> Path:
    """The file of a treebank's "train", "dev" or "test"."""
    found = sorted(Path(folder).glob(f"*{name}.conllu*"))
    if len(found) != 1:
        sys.exit(f"{folder}: {len(found)} files *{name}.conllu*; expected one")
    return found[0]


def arguments(argv=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parser_accuracy", description=__doc__.split("\n")[0])
    parser.add_argument("folder", metavar="TREEBANK_DIR")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), help="(default: all)")
    parser.add_argument("--seeds", type=int, default=3, help="how many (default 3)")
    parser.add_argument("--first", type=int, default=1, help="the first of them (default 1)")
    parser.add_argument("--vectors", metavar="FILE", help='word vectors that the model "best" begins with')
    parser.add_argument("--out", metavar="FOLDER", help="keep the parsers there")
    parser.add_argument("--json", metavar="FILE", help="write every run there")
    return parser.parse_args(argv)


def main(argv=None) -> int:
    options = arguments(argv)
    train, dev, test = (load_treebank(part(options.folder, name)) for name in ("train", "dev", "test"))
    vectors = Vectors.load(options.vectors) if options.vectors else None
    runs = []
    for name in options.models:
        for seed in range(options.first, options.first + options.seeds):
            start = vectors if name == "best" else None
            result = train_with_progress(train, dev, settings(name, seed), vectors=start)
            on_dev, on_test = score(result.parser, dev), score(result.parser, test)
            row = {"model": name, "seed": seed, "seconds": result.seconds, "epoch": result.best_epoch}
            row |= {"dev": (on_dev.uas, on_dev.las), "test": (on_test.uas, on_test.las)}
            runs.append(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
            if options.out:
                result.parser.save(Path(options.out) / f"{name}-{seed}.safetensors")
            if options.json:
                with open(options.json, "w", encoding="utf-8") as out:
                    json.dump(runs, out)
    print(table(runs))
    return 0


def settings(name, seed) -> Settings:
    """Of a model; what it does not say is its network's default."""
    made = Settings.bilstm if MODELS[name][1].get("network") == "bilstm" else Settings
    return made(**MODELS[name][1], seed=seed)


def table(runs) -> str:
    """A line a model: means over seeds, and the least and largest of them."""
    head = ["model", "seeds", "dev UAS / LAS", "test UAS", "test LAS", "minutes"]
    rows = []
    for name in dict.fromkeys(run["model"] for run in runs):
        mine = [run for run in runs if run["model"] == name]
        labelled = MODELS[name][1].get("labelled", True)
        dev = [statistics.mean(run["dev"][i] for run in mine) for i in (0, 1)]
        cells = [_spread([run["test"][i] for run in mine], GOALS[name][i]) for i in (0, 1)]
        minutes = statistics.mean(run["seconds"] for run in mine) / 60
        shown = f"{100 * dev[0]:.1f} / {100 * dev[1]:.1f}" if labelled else f"{100 * dev[0]:.1f}"
        las = cells[1] if labelled else "–"
        rows.append([MODELS[name][0], str(len(mine)), shown, cells[0], las, f"{minutes:.1f}"])
    return report.markdown(head, rows)


def _spread(shares, goal):
    values = [100 * share for share in shares]
    mark = "" if goal is None else " ✓" if statistics.mean(values) >= goal else f" ✗ ≥{goal}"
    return f"{statistics.mean(values):.2f} ({min(values):.2f}–{max(values):.2f}){mark}"


if __name__ == "__main__":
    sys.exit(main())
