"""What the demo's report says of the word vectors: the sections of the page, its head and its table of facts."""

from __future__ import annotations

import math
import platform

from .report import Picture, Section, Table

TABLED = 6
MAPPED, NEAR = 7, 4
"""Words on the map and their nearest: more would leave no room for their names."""


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
        f"Text: {documentation.source}, {corpus.tokens:,} words.{cut}"
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
