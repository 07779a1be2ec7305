"""Train word vectors on the documentation text that ships with Python, and a parser on generated sentences; write a
report: a training step drawn and replayed, losses, gradient norms, a map of words, parse trees.

No network is used and nothing but this package is needed. Ctrl-C ends the training; the report is written all the same.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from .. import written
from . import positive_int, seed_number
from .report import Report
from .train import describe_corpus, summary, train_with_progress

WORDS = [
    "list",
    "true",
    "integer",
    "string",
    "file",
    "class",
    "exception",
    "returns",
    "first",
    "read",
    "start",
    "server",
    "keys",
    "year",
]
"""Words whose neighbours are shown, where the text has them."""

SHOWN = 8

# Small vectors, a narrow window and no rare words suit a text of 300,000 words: measured over seeds, `list` then
# finds `tuple` and `true` finds `false` among the first few. Wider windows bring topics instead of kinds of word.
DIM, WINDOW, MIN_COUNT, EPOCHS = 64, 2, 15, 25
QUICK_WORDS, QUICK_MIN_COUNT, QUICK_EPOCHS = 70_000, 8, 10


def add_arguments(parser):
    parser.add_argument(
        "--out", metavar="DIR", default="tinygrad-nlp-demo", help="where to write (default %(default)s)"
    )
    parser.add_argument("--seed", type=seed_number, default=1, help="same seed, same vectors (default %(default)s)")
    parser.add_argument("--epochs", type=positive_int, help=f"passes over the text (default {EPOCHS})")
    parser.add_argument("--quick", action="store_true", help="less text and fewer passes: seconds, and poorer vectors")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def run(arguments):
    from tinygrad_nlp.data import encode, python_documentation
    from tinygrad_nlp.models.word2vec import Settings
    from tinygrad_nlp.visualize import graphviz_hint, plots, render

    from . import demo_report
    from .demo_parser import parser_part

    started = time.perf_counter()
    say = print if not arguments.json else lambda *lines: None
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)  # said now if it cannot be, not after the training

    print("reading Python's own documentation …", file=sys.stderr)
    documentation = python_documentation(QUICK_WORDS) if arguments.quick else python_documentation()
    for note in documentation.notes:
        print(f"note: {note}", file=sys.stderr)
    corpus = encode(documentation.sentences, QUICK_MIN_COUNT if arguments.quick else MIN_COUNT)
    say(describe_corpus(corpus, documentation.source))
    read = time.perf_counter() - started

    epochs = arguments.epochs or (QUICK_EPOCHS if arguments.quick else EPOCHS)
    settings = Settings(dim=DIM, window=WINDOW, epochs=epochs, seed=arguments.seed)
    result = train_with_progress(corpus, settings)
    vectors = result.vectors
    files = {"vectors": out / "vectors.safetensors", "graph": out / "graph.svg", "report": out / "report.html"}
    vectors.save(files["vectors"], notes={"source": documentation.source, **vars(settings)})

    words = shown_words(vectors)
    neighbors = {word: vectors.neighbors(word, SHOWN) for word in words}
    say("\nnearest words (trained from nothing but the text):")
    for word, near in neighbors.items():
        say(f"  {word:<10} {', '.join(other for other, _ in near)}")
    say("\nloss per pair (nats):")
    say(plots.text_curve(result.curve))

    parsing = None if result.interrupted else parser_part(arguments.quick, arguments.seed)
    if parsing:
        files["parser"] = out / "parser.safetensors"
        parsing.training.parser.save(files["parser"])
        say(f"\n{parsing.text()}")

    step = training_step(vectors, corpus)
    step[0].drawing.save(files["graph"])
    sections = [
        demo_report.words_section(vectors, neighbors),
        demo_report.losses_section(result, parsing),
        demo_report.step_section(step),
        *(parsing.sections() if parsing else ()),
    ]
    seconds = time.perf_counter() - started
    report = Report(
        lead=demo_report.lead(corpus, documentation, result),
        made=f"{time.strftime('%d %B %Y, %H:%M %Z').strip()}. {demo_report.versions()}.",
        command=demo_report.command(arguments, settings),
        figures=demo_report.figures(result, parsing, seconds),
        sections=sections,
        facts=demo_report.facts(arguments, documentation, corpus, result, read, seconds, parsing),
    )
    written.write(files["report"], report.html())

    if arguments.json:
        print(
            json.dumps(
                {
                    **summary(corpus, result),
                    "source": documentation.source,
                    "neighbors": neighbors,
                    "parser": parsing.state_dict() if parsing else None,
                    "files": {name: str(path) for name, path in files.items()},
                    "seconds": round(seconds, 3),
                },
                ensure_ascii=False,
            )
        )
    else:
        if render.available() == [render.BUILTIN]:
            say(f"\ngraph drawn with the built-in layout; for Graphviz's (and PNG, PDF): {graphviz_hint()}")
        say(f"\nreport   {files['report']}   <- open this in a browser")
        for name in [name for name in files if name != "report"]:
            say(f"{name:<8} {files[name]}")
        say(f"next: tinygrad-nlp neighbors {files['vectors']} {words[0]}    ({seconds:.0f} s in all)")
    return 130 if result.interrupted or not parsing or parsing.training.interrupted else 0


def shown_words(vectors) -> list[str]:
    """`WORDS` the text has; where it has few of them, its frequent longer words instead."""
    words = [word for word in WORDS if word in vectors]
    if len(words) < 4:
        words += [w for w in vectors.vocabulary.words if len(w) > 3 and w not in words][: 8 - len(words)]
    return words or list(vectors.vocabulary.words[:8])


@dataclass(frozen=True)
class Step:
    """A training step so small that it can be read: its picture, its loss (with the graph), and what it is."""

    drawing: object
    loss: object
    caption: str


def training_step(vectors, corpus) -> list[Step]:
    """The step of a model of six words, batched as trained, and one pair of it spelled out."""
    import numpy as np

    from tinygrad_nlp import Tensor, record_gradients
    from tinygrad_nlp.models.word2vec import SkipGram, negative_sampling_loss
    from tinygrad_nlp.visualize import draw

    rng = np.random.default_rng(0)
    words = [w for w in ("list", "of", "integers", "tuple", "file", "true", "class") if w in vectors][:6]
    words += [w for w in vectors.vocabulary.words if w not in words][: max(0, 6 - len(words))]
    size, dim = len(words), 4
    outside_start = rng.normal(0, 0.5, (size, dim)).astype(
        np.float32
    )  # as if trained a while; zeros would show nothing
    ids = np.arange(size)

    model = SkipGram(size, dim, rng)
    model.center.data = rng.normal(0, 0.5, (size, dim)).astype(np.float32)
    model.outside.data = outside_start
    model.center.name, model.outside.name = "center vectors", "outside vectors"
    centers, outsides = ids[[0, 0, 1]] % size, ids[[1, 2, 2]] % size
    negatives = np.array([[3, 4], [4, 5], [5, 3]]) % size
    with record_gradients():
        batch = model(centers, outsides, negatives, reduction="sum")
        batch.name = "loss"
        batch.backward()
    described = ", ".join(f"{words[c]} sees {words[o]}" for c, o in zip(centers, outsides))

    v_c = Tensor(model.center.data[0], requires_grad=True, name="v_c")
    outside = Tensor(outside_start, requires_grad=True, name="U")
    with record_gradients():
        pair = negative_sampling_loss(v_c, int(outsides[0]), negatives[0], outside)
        pair.name = "loss"
        pair.backward()
    return [
        Step(
            draw(batch, view="both", title="A step of three pairs"),
            batch,
            f"A batch of three pairs ({described}), two drawn words each, {size} words of {dim} numbers: "
            "lookup, loss, gradients of both tables.",
        ),
        Step(
            draw(pair, view="both", title="One pair, spelled out"),
            pair,
            f"The same loss for one pair ({words[centers[0]]} sees {words[outsides[0]]}) as the textbook writes it, "
            "every operation a card of its own.",
        ),
    ]
