"""Word vectors as good as gensim's: held-out loss, similarity and analogies at equal epochs, as a table.

    python -m benchmarks.word_vector_quality BOOKS.txt.xz FACTS.txt.xz --pairs wordsim353.tsv --analogies questions.txt

Each FILE is a corpus of its own, a line a sentence; its first ``--held-out`` lines are kept from both. Both train on
the same words with the same settings, one thread, and as many times as there are seeds; the table has the mean and, in
brackets, how far the seeds lie apart. The loss is that of negative sampling on windows and negatives that are the same
for both, in nats.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

from .word_vectors import gensim_list, ours, prepared, quality

MEASURES = {"held_out_loss": "held-out loss", "spearman": "WordSim-353", "analogies": "analogies"}


def arguments(argv=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.word_vector_quality", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("files", metavar="FILE", nargs="+", help="text in UTF-8, .gz and .xz too")
    parser.add_argument("--pairs", metavar="FILE", help="judged pairs of words")
    parser.add_argument("--analogies", metavar="FILE", help="questions a : b = c : d")
    parser.add_argument("--held-out", type=int, default=1000, help="first lines, kept for the loss (default 1000)")
    parser.add_argument("--lines", type=int, help="of each text, after those held out (default: all)")
    parser.add_argument("--model", choices=["skipgram", "cbow"], default="skipgram")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3, help="how many (default 3)")
    parser.add_argument("--first", type=int, default=1, help="the first of them (default 1)")
    parser.add_argument("--json", metavar="FILE", help="write every training's measures there")
    return parser.parse_args(argv)


def main(argv=None) -> int:
    options = arguments(argv)
    rows = []
    for path in options.files:
        with prepared(path, options) as (corpus, sentences, held):
            for seed in range(options.first, options.first + options.seeds):
                for name, peer in (("gensim", gensim_list), ("ours", ours)):
                    _, center, outside = peer(corpus, sentences, options, seed)
                    row = {"text": Path(path).name.split(".")[0], "peer": name, "seed": seed}
                    row |= quality(corpus, held, center, outside, options)
                    rows.append(row)
                    print(json.dumps(row), file=sys.stderr, flush=True)
        print(table([row for row in rows if row["text"] == rows[-1]["text"]]), flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump({"options": vars(options), "trainings": rows}, out)
    return 0


def table(rows) -> str:
    """A row for each peer: of each measure the mean over the seeds, and the span from the lowest to the highest."""
    measures = [name for name in MEASURES if name in rows[0]]
    lines = [
        "| text | | " + " | ".join(MEASURES[name] for name in measures) + " |",
        "| --- " * (2 + len(measures)) + "|",
    ]
    for peer in dict.fromkeys(row["peer"] for row in rows):
        mine = [row for row in rows if row["peer"] == peer]
        cells = []
        for name in measures:
            values = [row[name] for row in mine]
            cells.append(f"{statistics.mean(values):.3f} ({max(values) - min(values):.3f})")
        lines.append(f"| {rows[0]['text']} | {peer} | " + " | ".join(cells) + " |")
    known = [
        f"{rows[0][name]:,} {about}"
        for name, about in (("pairs_known", "pairs"), ("analogies_known", "questions"))
        if name in rows[0]
    ]
    return "\n".join([*lines, *([f"known: {', '.join(known)}"] if known else [])])


if __name__ == "__main__":
    sys.exit(main())
