"""Train a model: skipgram, word vectors by negative sampling, or parser, a dependency parser.

    tinygrad-nlp train skipgram book.txt more.txt.gz --out vectors.safetensors
    zcat *.gz | tinygrad-nlp train skipgram -
    tinygrad-nlp train parser train.conllu --dev dev.conllu --out parser.safetensors

Without a FILE, skipgram trains on Python's own documentation and parser on a treebank of a small grammar. Ctrl-C ends
the training and keeps what was learned.
"""

from __future__ import annotations

import json
import sys
from itertools import chain
from pathlib import Path

from . import positive_float, positive_int, seed_number, train_parser
from .progress import Progress


def add_arguments(parser):
    models = parser.add_subparsers(dest="model", metavar="MODEL", required=True)
    for name, about, arguments, command in (
        ("skipgram", "word vectors", skipgram_arguments, train_skipgram),
        ("parser", "a dependency parser", train_parser.add_arguments, train_parser.run),
    ):
        described = __doc__ if name == "skipgram" else train_parser.__doc__
        model = models.add_parser(name, help=about, description=described, formatter_class=parser.formatter_class)
        arguments(model)
        model.set_defaults(command=command)


def run(arguments):
    return arguments.command(arguments)


def skipgram_arguments(parser):
    parser.add_argument("files", metavar="FILE", nargs="*", help="text in UTF-8, .gz and .xz too; - is standard input")
    parser.add_argument("--out", metavar="FILE", default="vectors.safetensors", help="(default %(default)s)")
    parser.add_argument("--dim", type=positive_int, default=100, help="length of a vector (default %(default)s)")
    parser.add_argument("--window", type=positive_int, default=5, help="furthest context word (default %(default)s)")
    parser.add_argument("--negatives", type=positive_int, default=5, help="drawn words a pair (default %(default)s)")
    parser.add_argument("--min-count", type=positive_int, default=5, help="leave out rarer words (default %(default)s)")
    parser.add_argument("--epochs", type=positive_int, default=5, help="passes over the text (default %(default)s)")
    parser.add_argument("--batch", type=positive_int, default=1024, help="pairs a step, at most (default %(default)s)")
    parser.add_argument("--rate", type=positive_float, default=0.025, help="learning rate (default %(default)s)")
    parser.add_argument("--seed", type=seed_number, default=1, help="same seed, same vectors (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def train_skipgram(arguments):
    from tinygrad_nlp.data import DataError, encode, python_documentation, sentences, text_lines
    from tinygrad_nlp.models.word2vec import Settings

    out = Path(arguments.out)
    if out.is_dir() or not out.parent.is_dir():  # better said now than after an hour of training
        raise DataError(f"--out {out}: {'a folder' if out.is_dir() else f'there is no folder {out.parent}'}")
    if arguments.files:
        text = chain.from_iterable(sentences(text_lines(path)) for path in arguments.files)
        source = ", ".join(arguments.files)
    else:
        documentation = python_documentation()
        text, source = documentation.sentences, documentation.source
        for note in documentation.notes:
            print(f"note: {note}", file=sys.stderr)
    corpus = encode(text, arguments.min_count)
    print(describe_corpus(corpus, source), file=sys.stderr)

    settings = Settings(
        dim=arguments.dim,
        window=arguments.window,
        negatives=arguments.negatives,
        epochs=arguments.epochs,
        batch=arguments.batch,
        rate=arguments.rate,
        seed=arguments.seed,
    )
    result = train_with_progress(corpus, settings)
    result.vectors.save(out, notes={"source": source, **vars(settings)})
    loss = result.curve[-1][1] if result.curve else None
    if arguments.json:
        print(json.dumps({"file": str(out), **summary(corpus, result)}))
    else:
        print(
            f"{out}: {len(corpus.vocabulary):,} vectors of {settings.dim} numbers"
            + (f", loss {loss:.3f}" if loss else "")
        )
        print(f"next: tinygrad-nlp neighbors {out} {corpus.vocabulary.words[min(50, len(corpus.vocabulary) - 1)]}")
    return 130 if result.interrupted else 0


def describe_corpus(corpus, source: str) -> str:
    """One line on what is trained on."""
    return f"{source}: {corpus.tokens:,} words, {len(corpus.vocabulary):,} different ones kept"


def train_with_progress(corpus, settings):
    """`train`, with a progress line on standard error and a last line that says how it went."""
    from tinygrad_nlp.models.word2vec import train

    progress = Progress("training", "pairs")

    def show(share, pairs, loss):
        progress.update(share, pairs, f"loss {loss:.3f}" if loss is not None else "")

    result = train(corpus, settings, on_progress=show)
    rate = result.pairs / max(result.seconds, 1e-9)
    how = "interrupted; keeping what was learned from" if result.interrupted else "trained on"
    progress.close(f"{how} {result.pairs:,} pairs in {result.seconds:.1f} s ({rate:,.0f} pairs/s)")
    return result


def summary(corpus, result) -> dict:
    """What a machine wants to know of a training."""
    return {
        "words": corpus.tokens,
        "vocabulary": len(corpus.vocabulary),
        "settings": vars(result.settings),
        "pairs_per_step": result.batch,
        "pairs": result.pairs,
        "steps": result.steps,
        "training_seconds": round(result.seconds, 3),
        "first_loss": result.curve[0][1] if result.curve else None,
        "last_loss": result.curve[-1][1] if result.curve else None,
        "interrupted": result.interrupted,
    }
