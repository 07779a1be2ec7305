"""The demo's second half: a dependency parser trained in seconds on the generated treebank, and what it makes of
sentences it has not seen."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .blas import one_thread
from .report import Picture, Section, Table
from .train_parser import train_with_progress

SENTENCES, QUICK_SENTENCES = 1500, 600
UNSEEN = 400
# A small network suits a small grammar: more sentences, units or epochs gave no better score on unseen sentences.
SETTINGS = {"dim": 32, "hidden": 64, "batch": 256, "rate": 5e-3}
EPOCHS, QUICK_EPOCHS = 5, 4
SHOWN = range(8, 15)
"""Words of a sentence that is shown: enough for a structure, few enough for a screen."""

RELATIONS = 10
"""The most frequent ones are in the table."""

RECORDED = 4
"""Steps from one record of the norms to the next."""


@dataclass
class Record:
    """What is kept of a training for its pictures: the loss of each step, and norms per layer."""

    losses: list[tuple[float, float]] = field(default_factory=list)
    norms: object = None
    _epoch: int = -1
    _before: tuple[float, float] = (0.0, 0.0)

    def start(self, network):
        from tinygrad_nlp import nn

        self.norms = nn.watch(network, every=RECORDED)
        self.norms.__enter__()

    def stop(self):
        if self.norms is not None:
            self.norms.__exit__()

    def step(self, share, epochs, mean, epoch):
        """``mean`` is that of the epoch so far; this step's loss is what brought it there."""
        if self.losses and share <= self.losses[-1][0]:
            return  # the end of an epoch is reported once more
        self.norms.step()
        if epoch != self._epoch:
            self._epoch, self._before = epoch, (0.0, 0.0)
        part = share * epochs - epoch
        gone, total = self._before
        self.losses.append((share, (mean * part - total) / (part - gone)))
        self._before = part, mean * part


@dataclass(frozen=True)
class ParserPart:
    """What the parser's part of the demo found.

    training   the result of `train`
    unseen     the test sentences as `generate` made them, and ``parsed``, the parser's trees of them
    scores     of the parser, and ``bound``, the best that can be expected of any
    sentences  how many it was trained on
    record     losses and norms of its training
    """

    training: object
    unseen: list
    parsed: list
    scores: object
    bound: float
    sentences: int
    record: Record = field(default_factory=Record)

    def text(self) -> str:
        """For the terminal: the scores, and a sentence as a tree."""
        from tinygrad_nlp.models.parser import tree_text

        lines = [
            f"dependency parser: {self.scores.words:,} words of {len(self.unseen)} unseen sentences, "
            f"UAS {self.scores.uas:.2%}, LAS {self.scores.las:.2%} (best possible {self.bound:.2%})"
        ]
        for i in self._examples()[:1]:
            lines += ["", "  " + " ".join(self.parsed[i].forms)]
            lines += ["  " + line for line in tree_text(self.parsed[i]).splitlines()]
        return "\n".join(lines)

    def lead(self) -> str:
        """The section's first paragraph."""
        scores = self.scores
        return (
            f"The same engine trained a transition-based parser on {self.sentences:,} sentences that a small grammar "
            f"made, in {self.training.seconds:.1f} s. Of {scores.words:,} words in {len(self.unseen)} sentences it had "
            f"not seen, {scores.uas:.2%} got the right head (UAS), {scores.las:.2%} the right relation too (LAS). Some "
            f"sentences can be read in two ways, and the grammar decides by chance: {self.bound:.2%} is the most that "
            "can be expected of any parser."
        )

    def losses(self) -> Picture:
        """The loss of each step and its mean."""
        from tinygrad_nlp.visualize import plots

        classes = self.training.parser.network.output.weight.shape[0]
        drawn = plots.curves(
            self.record.losses,
            "Parser",
            "training done",
            "loss (nats per move)",
            share=True,
            mean=True,
            levels={f"knowing nothing: log {classes} = {math.log(classes):.3f}": math.log(classes)},
            height=460,
        )
        return Picture.of(
            drawn, "Each move of the parser costs −log of the probability it gave to the right one. Pale: each batch."
        )

    def gradients(self) -> Section:
        """Norms per layer, recorded while it was trained."""
        from tinygrad_nlp.visualize import plots

        norms = self.record.norms
        weights = {path: values for path, values in norms.gradients.items() if path.endswith("weight")}
        outputs = {path: v for path, v in norms.activations.items() if "." not in path and path in self._layers()}
        options = {"steps": norms.steps, "mean": True, "height": 480}
        return Section(
            "gradients",
            "Gradients and activations, layer by layer",
            [
                "What one looks at when a network does not learn: a gradient that vanishes towards the input, or an "
                "activation that grows without end, shows here long before it shows in the loss."
            ],
            [
                Picture.of(
                    plots.norms(weights, "Gradients of the parser's weights", **options),
                    "‖∂J/∂W‖ of each table of weights, recorded by nn.watch while the parser was trained.",
                ),
                Picture.of(
                    plots.norms(outputs, "Activations of the parser's layers", y_label="root mean square", **options),
                    "The root of the mean square of what each layer puts out: vectors of the features, hidden units, "
                    "what dropout left of them, scores of the moves.",
                ),
            ],
        )

    def _layers(self):
        return [name for name, _ in self.training.parser.network.named_children()]

    def figures(self) -> list[tuple[str, str]]:
        """For the head of the report."""
        what = "of unseen words get the right head and relation"
        return [(f"{self.scores.las:.2%}", f"{what}; {self.bound:.2%} is the best possible")]

    def sections(self) -> list[Section]:
        """The parser's part of the report."""
        scores = self.scores
        rows = [
            ("all words", f"{scores.words:,}", f"{scores.uas:.2%}", f"{scores.las:.2%}", f"{self.bound:.2%}"),
        ]
        tallies = sorted(scores.by_relation.items(), key=lambda item: -item[1].gold)
        parts = [(name, f"{t.gold:,}", f"{t.precision:.2%}", f"{t.recall:.2%}", f"{t.f1:.2%}") for name, t in tallies]
        return [
            self.gradients(),
            Section(
                "parsing",
                "Sentences, parsed",
                [
                    self.lead(),
                    "An arrow points from a word to one that depends on it. The parser reads from left to right and "
                    "decides, move by move.",
                ],
                [*self.pictures(), self.distances()],
                [
                    Table("On sentences it had not seen", ("", "words", "UAS", "LAS", "best possible LAS"), rows),
                    Table(
                        "The same by relation: head and relation right",
                        ("relation", "words", "precision", "recall", "F1"),
                        parts[:RELATIONS],
                    ),
                ],
            ),
        ]

    def distances(self) -> Picture:
        """How often the head is right, by how far away it is."""
        from tinygrad_nlp.visualize import plots

        said = {"root": "the root", "1": "1 word away"}
        found = {
            said.get(k, f"{k.replace('-', '–')} words away"): t for k, t in self.scores.by_distance.items() if t.gold
        }
        lowest = min(tally.recall for tally in found.values())
        drawn = plots.bars(
            {f"{name} ({tally.gold:,})": tally.recall for name, tally in found.items()},
            "Right heads, by distance",
            "share of words whose head is right",
            share=True,
            low=max(0.0, math.floor(20 * lowest - 0.5) / 20),
            high=1.0,
        )
        return Picture.of(drawn, "By how far apart a word and its true head stand; in brackets, how many such words.")

    def pictures(self) -> list[Picture]:
        """Two trees the parser has right, and one with an error if there is one."""
        from tinygrad_nlp.visualize import draw_tree

        made = []
        for i in self._examples():
            found = self.parsed[i]
            tree = draw_tree(found.forms, found.heads, found.deprels, found.upos, against=self._truth(i))
            made.append(Picture(tree.svg(), self._caption(i), kind="tree"))
        return made

    def rows(self) -> list[tuple[str, str]]:
        """For the table of facts."""
        s = self.training.settings
        size = sum(p.size for p in self.training.parser.network.parameters())
        return [
            (
                "parser",
                f"arc-standard, {s.dim} numbers a vector, {s.hidden} hidden units, {size:,} parameters; Adam, rate "
                f"{s.rate:g}, {s.epochs} epochs of {self.sentences:,} sentences, {self.training.seconds:.1f} s",
            )
        ]

    def state_dict(self) -> dict:
        """For a machine."""
        return {
            "uas": self.scores.uas,
            "las": self.scores.las,
            "best_possible": self.bound,
            "sentences": self.sentences,
            "unseen": len(self.unseen),
            "seconds": round(self.training.seconds, 3),
        }

    def _examples(self):
        """Numbers of the sentences shown: one with a phrase, one with a coordination, the first with an error."""
        sizes = sorted(range(len(self.parsed)), key=lambda i: len(self.parsed[i]) not in SHOWN)
        right = [i for i in sizes if not self._faults(i)]
        chosen = []
        for wanted in ({"nmod", "obl"}, {"conj"}):
            found = [i for i in right if i not in chosen and wanted & set(self.parsed[i].deprels)]
            chosen += (found or [i for i in right if i not in chosen])[:1]
        return chosen + [i for i in sizes if self._faults(i)][:1]

    def _truth(self, i):
        """The true heads and relations; as LAS has it, a relation that is wrong in its subtype alone is right."""
        from tinygrad_nlp.models.parser import universal

        true, found = self.unseen[i].sentence, self.parsed[i]
        pairs = zip(true.deprels, found.deprels)
        return true.heads, [f if universal(t) == universal(f) else t for t, f in pairs]

    def _faults(self, i):
        heads, deprels = self._truth(i)
        found = self.parsed[i]
        return sum(a != b for a, b in zip(zip(heads, deprels), zip(found.heads, found.deprels)))

    def _caption(self, i):
        faults, found, best = self._faults(i), self.parsed[i], self.unseen[i].best
        if not faults:
            return "As the grammar made it: every head and every relation is right."
        count = "One arc is wrong" if faults == 1 else f"{faults} arcs are wrong"
        if (found.heads, found.deprels) == (best.heads, best.deprels):
            return f"{count}, yet this is the likelier reading of these words: nobody who sees only them can do better."
        return f"{count}: a parser that knew the grammar would have read it otherwise."


def parser_part(quick: bool, seed: int) -> ParserPart | None:
    """Train and try the parser; None if it was interrupted before an epoch was done."""
    from tinygrad_nlp.models.parser import Settings, best_score, evaluate, generate

    count = QUICK_SENTENCES if quick else SENTENCES
    made = generate(count + UNSEEN, seed)
    known = {tuple(g.sentence.forms) for g in made[:count]}
    unseen = [g for g in made[count:] if tuple(g.sentence.forms) not in known]
    settings = Settings(**SETTINGS, epochs=QUICK_EPOCHS if quick else EPOCHS, seed=seed)
    record = Record()
    with one_thread():
        training = trained([g.sentence for g in made[:count]], settings, record)
        if not training.best_epoch:
            return None
        parsed = list(training.parser.parse([g.sentence for g in unseen]))
    scores = evaluate([g.sentence for g in unseen], parsed)
    return ParserPart(training, unseen, parsed, scores, best_score(unseen), count, record)


def trained(sentences, settings, record):
    """`train` with a progress line, its losses and norms recorded."""

    def note(share, count, loss, history):
        record.step(share, settings.epochs, loss, len(history))

    try:
        return train_with_progress(sentences, None, settings, on_progress=note, on_start=record.start)
    finally:
        record.stop()
