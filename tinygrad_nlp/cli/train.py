"""Train a model: skipgram, word vectors on text of any size, or parser, a dependency parser.

    tinygrad-nlp train skipgram book.txt more.txt.gz --out vectors.safetensors
    zcat *.gz | tinygrad-nlp train skipgram - --out vectors.bin
    tinygrad-nlp train parser train.conllu --dev dev.conllu --out parser.safetensors

Without a FILE, skipgram trains on Python's own documentation and parser on a treebank of a small grammar. Ctrl-C ends
the training and keeps what was learned; of word vectors also a file OUT.part, from which the same command with --resume
goes on, with one worker to the same bits as without an interruption.

Word vectors: the ending of --out chooses the format: .txt and .vec are word2vec's text format, .bin its binary one,
anything else safetensors. The text, as numbers, goes to a file in TMPDIR while it is trained on: 12 bytes a word.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from itertools import chain
from pathlib import Path

from . import positive_float, positive_int, seed_number, train_parser
from .files import keep_old, refuse_unwritable
from .progress import Progress

OUT = "vectors.safetensors"

LITTLE = 0.9
"""Of the loss of knowing nothing: above it, neighbours are mostly chance, and the training says so."""


def add_arguments(parser):
    models = parser.add_subparsers(dest="task", metavar="MODEL", required=True)
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
    parser.add_argument("--out", metavar="FILE", help=f"(default {OUT}; one that is there already becomes {OUT}.old)")
    parser.add_argument(
        "--model",
        choices=["skipgram", "cbow"],
        default="skipgram",
        help="skipgram: a word predicts those around it; cbow: those around it predict the word (default %(default)s)",
    )
    parser.add_argument(
        "--loss",
        choices=["negative", "naive"],
        default="negative",
        help="negative: against drawn words; naive: softmax over all words, for small vocabularies (default "
        "%(default)s)",
    )
    parser.add_argument(
        "--combine",
        choices=["word2vec", "mean", "sum"],
        default="word2vec",
        help="cbow: mean or sum of the context; word2vec: mean, gradient undivided, as gensim (default %(default)s)",
    )
    parser.add_argument(
        "--sentences",
        choices=["punctuation", "line"],
        default="punctuation",
        help="windows end at . ! ? and at line ends, or at line ends only (default %(default)s)",
    )
    parser.add_argument("--dim", type=positive_int, default=100, help="length of a vector (default %(default)s)")
    parser.add_argument("--window", type=positive_int, default=5, help="furthest context word (default %(default)s)")
    parser.add_argument("--fixed-window", action="store_true", help="always --window wide, not drawn from 1 to it")
    parser.add_argument("--negatives", type=positive_int, default=5, help="drawn words a pair (default %(default)s)")
    parser.add_argument(
        "--exponent", type=finite, default=0.75, help="of the counts, when drawing negatives (default %(default)s)"
    )
    parser.add_argument(
        "--subsample",
        "--sample",
        type=not_negative,
        default=1e-3,
        help="share of the text above which a word is thinned out; 0: never (default %(default)s)",
    )
    parser.add_argument("--min-count", type=positive_int, default=5, help="leave out rarer words (default %(default)s)")
    parser.add_argument("--max-vocabulary", type=positive_int, help="keep only so many words, the most frequent")
    parser.add_argument("--epochs", type=positive_int, default=5, help="passes over the text (default %(default)s)")
    parser.add_argument("--batch", type=positive_int, default=2048, help="words a step, at most (default %(default)s)")
    parser.add_argument("--rate", type=positive_float, default=0.025, help="learning rate (default %(default)s)")
    parser.add_argument("--last-rate", type=not_negative, default=1e-4, help="what it falls to (default %(default)s)")
    parser.add_argument("--workers", type=positive_int, default=1, help="processes (default %(default)s)")
    parser.add_argument(
        "--seed", type=seed_number, default=1, help="same seed, same vectors, with one worker (default %(default)s)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue an interrupted training of the same text, settings and --out"
    )
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def train_skipgram(arguments):
    from tinygrad_nlp.data import DataError, lines_as_sentences, python_documentation, sentences, store, text_lines
    from tinygrad_nlp.models.word2vec import FastSettings

    out = Path(arguments.out or OUT)
    refuse_unwritable("--out", out)  # better said now than after an hour of training
    part = out.with_name(out.name + ".part")
    if arguments.resume and not part.exists():
        raise DataError(f"{part}: no interrupted training to resume; start it without --resume")
    if arguments.files:
        split = sentences if arguments.sentences == "punctuation" else lines_as_sentences
        text = chain.from_iterable(split(text_lines(path)) for path in arguments.files)
        source = ", ".join("standard input" if path == "-" else path for path in arguments.files)
    else:
        documentation = python_documentation()
        text, source = documentation.sentences, documentation.source
        for note in documentation.notes:
            print(f"note: {note}", file=sys.stderr)
    settings = FastSettings(
        model=arguments.model,
        loss=arguments.loss,
        combine=arguments.combine,
        dim=arguments.dim,
        window=arguments.window,
        dynamic=not arguments.fixed_window,
        negatives=arguments.negatives,
        exponent=arguments.exponent,
        threshold=arguments.subsample,
        epochs=arguments.epochs,
        batch=arguments.batch,
        rate=arguments.rate,
        last_rate=min(arguments.last_rate, arguments.rate),
        seed=arguments.seed,
    )
    reading = Progress("reading", "words")
    corpus = store(counted(text, reading), arguments.min_count, arguments.max_vocabulary)
    reading.close(describe_corpus(corpus, source))
    if corpus.forgotten:
        print(f"note: {corpus.forgotten:,} rare words were dropped while counting; there are too many", file=sys.stderr)

    result = train_with_progress(corpus, settings, arguments.workers, part, arguments.resume)
    keep_old(out, arguments.out)
    saved = save(result.vectors, out, {"source": source, **vars(settings)})
    if result.problem:
        print(f"note: {result.problem}", file=sys.stderr)
    if saved == out and not result.interrupted:
        part.unlink(missing_ok=True)
    loss = result.curve[-1][1] if result.curve else None
    if arguments.json:
        print(json.dumps({"file": str(saved), **summary(corpus, result)}))
    else:
        print(
            f"{saved}: {len(corpus.vocabulary):,} vectors of {settings.dim} numbers"
            + (f", loss {loss:.3f}" if loss is not None else "")
        )
        if loss is not None and loss > LITTLE * result.know_nothing and not result.interrupted:
            print(
                f"note: knowing nothing costs {result.know_nothing:.3f}, so little was learned: a short text needs "
                f"more --epochs than {settings.epochs}, or a larger --rate",
                file=sys.stderr,
            )
        if result.interrupted and not result.problem:
            print(f"{part}: where it stopped; the same command with --resume goes on")
        print(f"next: tinygrad-nlp neighbors {saved} {corpus.vocabulary.words[min(50, len(corpus.vocabulary) - 1)]}")
    if saved != out:
        return 2
    return 130 if result.interrupted else 0


def save(vectors, out: Path, notes: dict) -> Path:
    """Write ``vectors`` to ``out``, or, if that fails now (a full disk), to the temporary folder; returns where.

    Raises DataError if neither has room.
    """
    from tinygrad_nlp.data import DataError

    try:
        vectors.save(out, notes)
        return out
    except OSError as error:
        handle, other = tempfile.mkstemp(prefix="tinygrad_nlp-vectors-", suffix=out.suffix)
        os.close(handle)
        said = f"--out {out}: {error.strerror or error}"
        try:
            vectors.save(other, notes)
        except OSError as second:
            os.unlink(other)
            raise DataError(f"{said}; nor could they be kept in {other}: {second.strerror or second}") from None
        print(f"tinygrad-nlp: {said}; the vectors are kept in {other}", file=sys.stderr)
        return Path(other)


def counted(sentences, progress):
    """``sentences``, with a line of progress; how much is left is not known."""
    words = 0
    for number, sentence in enumerate(sentences):
        words += len(sentence)
        if number % 1000 == 0:
            progress.count(words)
        yield sentence


def describe_corpus(corpus, source: str) -> str:
    """One line on what is trained on."""
    return f"{source}: {corpus.tokens:,} words, {len(corpus.vocabulary):,} different ones kept"


def train_with_progress(corpus, settings, workers: int = 1, checkpoint=None, resume: bool = False):
    """Train by what ``settings`` are for, with a progress line on standard error and a last line on how it went."""
    from tinygrad_nlp.models.word2vec import FastSettings, train, train_fast

    fast = isinstance(settings, FastSettings)
    unit = "words" if fast else "pairs"
    progress = Progress("training", unit)

    def show(share, count, loss):
        progress.update(share, count, f"loss {loss:.3f}" if loss is not None else "")

    if fast:
        result = train_fast(corpus, settings, workers, show, checkpoint, resume)
    else:
        result = train(corpus, settings, on_progress=show)
    count = result.words if fast else result.pairs
    rate = count / max(result.seconds, 1e-9)
    how = "interrupted; keeping what was learned from" if result.interrupted else "trained on"
    progress.close(f"{how} {count:,} {unit} in {result.seconds:.1f} s ({rate:,.0f} {unit}/s)")
    return result


def summary(corpus, result) -> dict:
    """What a machine wants to know of a training."""
    fast = hasattr(result, "words")
    return {
        "words": corpus.tokens,
        "vocabulary": len(corpus.vocabulary),
        "settings": vars(result.settings),
        "words_per_step" if fast else "pairs_per_step": result.batch,
        "pairs": round(result.pairs),
        "steps": result.steps,
        "training_seconds": round(result.seconds, 3),
        "first_loss": result.curve[0][1] if result.curve else None,
        "last_loss": result.curve[-1][1] if result.curve else None,
        "interrupted": result.interrupted,
        **({"words_trained": result.words, "workers": result.workers} if fast else {}),
    }


def finite(text: str) -> float:
    """An argparse type: a finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return value


def not_negative(text: str) -> float:
    """An argparse type: a finite number of at least 0."""
    value = finite(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is less than 0")
    return value
