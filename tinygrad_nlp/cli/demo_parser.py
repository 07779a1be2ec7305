"""The demo's second half: a dependency parser trained in seconds on the generated treebank, and what it makes of
sentences it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

from .blas import one_thread
from .report import Picture
from .train_parser import train_with_progress

SENTENCES, QUICK_SENTENCES = 1500, 600
UNSEEN = 400
# A small network suits a small grammar: more sentences, units or epochs gave no better score on unseen sentences.
SETTINGS = {"dim": 32, "hidden": 64, "batch": 256, "rate": 5e-3}
EPOCHS, QUICK_EPOCHS = 5, 4
SHOWN = range(8, 15)
"""Words of a sentence that is shown: enough for a structure, few enough for a screen."""


@dataclass(frozen=True)
class ParserPart:
    """What the parser's part of the demo found.

    training   the result of `train`
    unseen     the test sentences as `generate` made them, and ``parsed``, the parser's trees of them
    scores     of the parser, and ``bound``, the best that can be expected of any
    sentences  how many it was trained on
    """

    training: object
    unseen: list
    parsed: list
    scores: object
    bound: float
    sentences: int

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

    def pictures(self) -> list[Picture]:
        """Two trees the parser has right, and one with an error if there is one."""
        from tinygrad_nlp.visualize import draw_tree

        made = []
        for i in self._examples():
            found = self.parsed[i]
            tree = draw_tree(found.forms, found.heads, found.deprels, found.upos, against=self._truth(i))
            made.append(Picture(tree.svg(), self._caption(i)))
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
    with one_thread():
        training = train_with_progress([g.sentence for g in made[:count]], None, settings)
        if not training.best_epoch:
            return None
        parsed = list(training.parser.parse([g.sentence for g in unseen]))
    scores = evaluate([g.sentence for g in unseen], parsed)
    return ParserPart(training, unseen, parsed, scores, best_score(unseen), count)
