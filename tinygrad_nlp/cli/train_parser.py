"""Train a dependency parser on a treebank in CoNLL-U.

    tinygrad-nlp train parser en_ewt-ud-train.conllu --dev en_ewt-ud-dev.conllu --out parser.safetensors

Without TRAIN it trains on a treebank that a small grammar generates, whose best possible score is known. With --dev the
best epoch on it is kept. --vectors takes word vectors, of `train skipgram` or another program, to begin with. --network
bilstm reads the whole sentence before the first move: slower, and far better. With --checkpoint an interrupted training
can go on with --resume, to the bit. Ctrl-C ends the training and keeps the best epoch.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from . import positive_float, positive_int, seed_number
from .blas import threads
from .files import keep_old, refuse_unwritable
from .progress import Progress
from .vectors import load_vectors

CHOICES = (
    "tags",
    "dim",
    "hidden",
    "activation",
    "dropout",
    "input_dropout",
    "min_count",
    "beta2",
    "distances",
    "unknown",
    "epochs",
    "batch",
    "rate",
    "oracle",
    "average",
)
"""Options that are settings by the same name; each network has defaults of its own."""

OUT = "parser.safetensors"

GENERATED = (2000, 300)
"""Sentences of the generated treebank to train on, and to choose the best epoch by."""


def add_arguments(parser):
    parser.add_argument("treebank", metavar="TRAIN", nargs="?", help="CoNLL-U, .gz and .xz too; - is standard input")
    parser.add_argument("--dev", metavar="FILE", help="a treebank to choose the best epoch by")
    parser.add_argument("--vectors", metavar="FILE", help="word vectors to begin with; they say --dim")
    parser.add_argument("--out", metavar="FILE", help=f"(default {OUT}; one that is there already becomes {OUT}.old)")
    parser.add_argument("--unlabelled", action="store_true", help="three transitions and no relations")
    parser.add_argument(
        "--network",
        choices=["feed-forward", "bilstm"],
        default="feed-forward",
        help="what reads the sentence; where two defaults are given below, they are theirs (default %(default)s)",
    )
    parser.add_argument("--tags", choices=["upos", "xpos", "both"], help="(default upos; both)")
    parser.add_argument("--dim", type=positive_int, help="length of a vector (default 50; 100)")
    parser.add_argument("--hidden", type=positive_int, help="hidden units, of an LSTM in each direction (default 200)")
    parser.add_argument("--activation", choices=["relu", "cube", "tanh"], help="(default relu; bilstm: no choice)")
    parser.add_argument("--dropout", type=share, help="of units in training (default 0.4)")
    parser.add_argument("--input-dropout", type=share, help="of what they read (default 0; bilstm: as --dropout)")
    parser.add_argument(
        "--distances", action="store_true", help="features of how far words are apart (bilstm: no choice)"
    )
    parser.add_argument("--min-count", type=positive_int, help="rarer words are unknown (default 1)")
    parser.add_argument(
        "--unknown",
        type=positive_float,
        metavar="A",
        help="of words that occur n times A / (n + A) are made unknown in training (default 0.25; 0.5)",
    )
    parser.add_argument("--epochs", type=positive_int, help="passes over TRAIN (default 8; 18)")
    parser.add_argument("--batch", type=positive_int, help="transitions, or words, a step (default 256; 800)")
    parser.add_argument("--rate", type=positive_float, help="learning rate (default 0.001; 0.002)")
    parser.add_argument("--beta2", type=share, help="Adam's memory of the size of gradients (default 0.9; 0.95)")
    parser.add_argument(
        "--oracle",
        choices=["static", "dynamic"],
        help="dynamic: learn from the parser's own mistakes too (default static; dynamic)",
    )
    parser.add_argument(
        "--average",
        type=share,
        metavar="DECAY",
        help="keep an average of the weights; 0 for none (default 0.998; 0.999)",
    )
    parser.add_argument("--seed", type=seed_number, default=1, help="same seed, same parser (default %(default)s)")
    parser.add_argument(
        "--threads",
        type=positive_int,
        default=1,
        help="of matrix products; on a busy machine 2 are slower than 1 (default 1)",
    )
    parser.add_argument("--checkpoint", metavar="FILE", help="written after each epoch")
    parser.add_argument("--resume", action="store_true", help="go on from --checkpoint")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def share(text: str) -> float:
    """An argparse type: a number from 0, below 1."""
    import argparse

    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to below 1")
    return value


def run(arguments):
    from tinygrad_nlp.data import DataError
    from tinygrad_nlp.models.parser import Settings, best_score, generate, load_treebank

    out = Path(arguments.out or OUT)
    refuse_unwritable("--out", out)  # better said now than after an hour of training
    if arguments.checkpoint:
        refuse_unwritable("--checkpoint", Path(arguments.checkpoint))
    if arguments.resume and not arguments.checkpoint:
        raise DataError("--resume: needs --checkpoint FILE, the file to go on from")
    for name in ("activation", "distances", "input_dropout"):
        if arguments.network == "bilstm" and getattr(arguments, name):
            raise DataError(f"--{name.replace('_', '-')}: a choice of the feed-forward network alone")
    vectors = None
    if arguments.vectors:
        vectors = load_vectors(arguments.vectors)
        arguments.dim = arguments.dim or vectors.matrix.shape[1]
    bound, dev = None, None
    if arguments.treebank:
        sentences, source = load_treebank(arguments.treebank), arguments.treebank
    else:
        made = generate(sum(GENERATED), arguments.seed)
        sentences, source = [g.sentence for g in made[: GENERATED[0]]], "generated treebank"
        if not arguments.dev:
            dev, bound = [g.sentence for g in made[GENERATED[0] :]], best_score(made[GENERATED[0] :])
    if arguments.dev:
        dev = load_treebank(arguments.dev)
    print(f"{source}: {len(sentences):,} sentences, {sum(map(len, sentences)):,} words", file=sys.stderr)

    given = {name: getattr(arguments, name) for name in CHOICES if getattr(arguments, name) is not None}
    given |= {"labelled": not arguments.unlabelled, "seed": arguments.seed}
    settings = (Settings.bilstm if arguments.network == "bilstm" else Settings)(**given)
    settings = replace(settings, last_rate=min(settings.last_rate, settings.rate))
    with threads(arguments.threads):
        result = train_with_progress(
            sentences, dev, settings, vectors=vectors, checkpoint=arguments.checkpoint, resume=arguments.resume
        )
    result.parser.notes["source"] = source
    keep_old(out, arguments.out)
    result.parser.save(out)
    best = result.history[result.best_epoch - 1] if result.best_epoch else {}
    if arguments.json:
        print(
            json.dumps(
                {
                    "file": str(out),
                    "settings": vars(settings),
                    "history": result.history,
                    "best_epoch": result.best_epoch,
                    "not_projective": len(result.skipped),
                    "best_possible": bound,
                    "seconds": round(result.seconds, 3),
                    "interrupted": result.interrupted,
                }
            )
        )
    else:
        scores = "  ".join(f"{name.upper()} {best[name]:.2%}" for name in ("uas", "las") if name in best)
        print(f"{out}: epoch {result.best_epoch}" + (f", on dev {scores}" if scores else ""))
        if bound is not None:
            print(f"best possible on this treebank: {bound:.2%} expected of a parser that knows its grammar")
        print(f"next: tinygrad-nlp parse --parser {out} FILE")
    return 130 if result.interrupted else 0


def train_with_progress(sentences, dev, settings, on_progress=None, **options):
    """`train`, with a progress line on standard error and a last line that says how it went."""
    from tinygrad_nlp.models.parser import train

    progress, seen = Progress("training", "sentences"), 0

    def show(share, count, loss, history):
        nonlocal seen
        seen = count
        scored = history[-1] if history else {}
        last = "".join(f"  {name.upper()} {scored[name]:.2%}" for name in ("uas", "las") if name in scored)
        progress.update(share, count, f"loss {loss:.3f}{last}")
        if on_progress is not None:
            on_progress(share, count, loss, history)

    result = train(sentences, dev, settings, on_progress=show, **options)
    how = "interrupted; keeping the best epoch so far" if result.interrupted else "trained"
    progress.close(f"{how}: {seen:,} sentences in {result.seconds:.1f} s")
    if result.skipped:
        print(f"note: {len(result.skipped):,} sentences with crossing arcs were left out", file=sys.stderr)
    return result
