"""Train word vectors on the documentation text that ships with Python, and a parser on generated sentences; write a
report: a training step drawn and replayed, losses, gradient norms, a map of words, parse trees.

No network is used and nothing but this package is needed. Ctrl-C ends the training; the report is written all the same.
"""

from __future__ import annotations

import json
import math
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from . import positive_int, seed_number
from .report import Picture, Report, Section, Table
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
TABLED = 6
MAPPED, NEAR = 7, 4  # words on the map and their nearest: more would leave no room for their names

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
    from tinygrad_nlp.visualize import graphviz_hint, plots

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
        words_section(vectors, neighbors),
        losses_section(result, parsing),
        step_section(step),
        *(parsing.sections() if parsing else ()),
    ]
    seconds = time.perf_counter() - started
    report = Report(
        lead=lead(corpus, documentation, result),
        made=f"{time.strftime('%d %B %Y, %H:%M %Z').strip()}. {versions()}.",
        command=command(arguments, settings),
        figures=figures(result, parsing, seconds),
        sections=sections,
        facts=facts(arguments, documentation, corpus, result, read, seconds, parsing),
    )
    files["report"].write_text(report.html(), encoding="utf-8")

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
        if not has_graphviz():
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


# ---- the report's parts -------------------------------------------------------------------------------------------


def words_section(vectors, neighbors) -> Section:
    """Nearest words as a table, and the map."""
    from tinygrad_nlp.visualize import plots

    rows = [[word, *((other, f"{cosine:.2f}") for other, cosine in near[:TABLED])] for word, near in neighbors.items()]
    table = Table(
        "The number is the cosine of the two vectors: 1 is the same direction.",
        ("word", *(f"nearest {i + 1}" if i == 0 else str(i + 1) for i in range(TABLED))),
        [[*row, *[""] * (1 + TABLED - len(row))] for row in rows],
    )
    strong = far_apart(vectors, list(neighbors), MAPPED)
    pairs = [(word, other) for word in strong for other, _ in neighbors[word][:NEAR]]
    mapped = list(dict.fromkeys([*strong, *(other for _, other in pairs)]))
    places, shares = vectors.project(mapped)
    drawn = plots.word_map(
        places, mapped, strong=strong, pairs=pairs, shares=shares, title="A map of words", height=700
    )
    return Section(
        "words",
        "Words by their neighbours",
        ["Nothing but the words around each word was given; words that are used alike have come to lie together."],
        [
            Picture.of(
                drawn,
                "Words of the table, each joined to its nearest, at the two principal components of their vectors. "
                f"These hold {shares[0]:.0%} and {shares[1]:.0%} of the variance: what lies apart here is apart; what "
                "lies together may still differ in the other dimensions.",
            )
        ],
        [table],
    )


def far_apart(vectors, words, count) -> list[str]:
    """``count`` of the words: the first, then again and again the one least like those already chosen."""
    chosen = words[:1]
    while len(chosen) < min(count, len(words)):
        left = [word for word in words if word not in chosen]
        chosen.append(min(left, key=lambda word: max(vectors.similarity(word, other) for other in chosen)))
    return chosen


def losses_section(result, parsing) -> Section:
    """The loss curves of both models."""
    from tinygrad_nlp.visualize import plots

    words = 1 + result.settings.negatives
    nothing = words * math.log(2)
    shown = plots.curves(
        result.curve,
        "Word vectors",
        "training done",
        "mean loss (nats per pair)",
        share=True,
        levels={f"knowing nothing: {words} log 2 = {nothing:.3f}": nothing},
        height=460,
    )
    caption = (
        "A pair costs −log σ(u·v) for the word that was there, and −log σ(−u·v) for each of the "
        f"{result.settings.negatives} drawn at random: v is the vector of the center word, u that of the other. "
        "Each point is the mean of a part of the training."
    )
    pictures = [Picture.of(shown, caption)] if result.curve else []
    if parsing:
        pictures.append(parsing.losses())
    return Section("losses", "Losses", (), pictures)


def step_section(step) -> Section:
    """The training step as two graphs, and replayed."""
    from tinygrad_nlp.visualize import replay

    return Section(
        "step",
        "One training step, as the engine recorded it",
        [
            "Values flow along the solid edges to the loss; gradients come back along the dashed ones. The training "
            "above is this step with more words, many thousand times."
        ],
        [Picture(s.drawing.svg(engine="builtin"), s.caption, kind="graph") for s in step],
        replay=replay(step[1].loss, title="One pair, step by step"),
        replay_about="The arrow keys step through the forward and the backward pass: the rule of each edge, the "
        "gradient that arrives, what is sent back, and a check by finite differences.",
    )


def figures(result, parsing, seconds) -> list[tuple[str, str]]:
    """The outcome at a glance."""
    made = [(f"{result.pairs:,}", f"pairs of words in {result.seconds:.1f} s")]
    if result.curve:
        nothing = (1 + result.settings.negatives) * math.log(2)
        made.append((f"{result.curve[-1][1]:.3f}", f"nats a pair at the end; {nothing:.3f} is knowing nothing"))
    if parsing:
        made += parsing.figures()
    return [*made, (f"{seconds:.0f} s", "for all of it")]


def command(arguments, settings) -> str:
    """What repeats this run."""
    quick = " --quick" if arguments.quick else ""
    return f"tinygrad-nlp demo{quick} --seed {settings.seed} --epochs {settings.epochs}"


def versions() -> str:
    import numpy as np

    from tinygrad_nlp import __version__

    python = platform.python_version()
    return (
        f"tinygrad_nlp {__version__}, Python {python}, NumPy {np.__version__}, {platform.system()} {platform.machine()}"
    )


def lead(corpus, documentation, result) -> str:
    """The page's first paragraph."""
    cut = " The training was interrupted, so the vectors are unfinished." if result.interrupted else ""
    return (
        "Skip-gram with negative sampling, every gradient by tinygrad_nlp's own backpropagation. "
        f"Text: {documentation.source}, {corpus.tokens:,} words. "
        f"{result.pairs:,} pairs of words in {result.seconds:.1f} s.{cut}"
    )


def facts(arguments, documentation, corpus, result, read, seconds, parsing) -> list[tuple[str, str]]:
    """Rows of the last table: settings, timing, versions."""
    s = result.settings
    return [
        ("command", command(arguments, s)),
        ("text", f"{documentation.source}; {corpus.tokens:,} words, {len(documentation.sentences):,} sentences"),
        *(("note", note) for note in documentation.notes),
        ("vocabulary", f"{len(corpus.vocabulary):,} words that occur at least {corpus.vocabulary.min_count} times"),
        (
            "model",
            f"skip-gram, {s.dim} numbers a vector, {sum(p.size for p in result.model.parameters()):,} parameters",
        ),
        ("pairs", f"window up to {s.window}, {s.negatives} negatives, frequent words thinned at {s.threshold:g}"),
        (
            "optimizer",
            f"SGD, rate {s.rate:g} falling to {s.last_rate:g}, {result.batch} pairs a step, {result.steps:,} steps",
        ),
        ("speed", f"{result.pairs / max(result.seconds, 1e-9):,.0f} pairs a second"),
        *(parsing.rows() if parsing else ()),
        ("time", f"reading {read:.1f} s, training {result.seconds:.1f} s, all {seconds:.1f} s"),
        ("versions", versions()),
    ]


def has_graphviz() -> bool:
    """Whether a real Graphviz, on the path or inside pygraphviz, can be used."""
    import importlib.util
    import shutil

    return shutil.which("dot") is not None or importlib.util.find_spec("pygraphviz") is not None
