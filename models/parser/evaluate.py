"""How well trees agree with the true ones, by the rules of the CoNLL 2018 shared task, on given words.

UAS is the share of words whose head is right, LAS of those whose relation is right too. The shared task compares
relations without their subtypes (``nmod:poss`` as ``nmod``), the "universal" LAS; the full one is given beside it. All
words count, punctuation included; the scores without it are given too, a word being punctuation if its true UPOS is
PUNCT. Source: Zeman et al. 2018, "CoNLL 2018 shared task", section 5; its script also aligns words, which
here are the same by construction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tinygrad_nlp.data import DataError

from .treebank import DEPREL, FORM, HEAD, ID, UPOS, Sentence

DISTANCES = ("root", "1", "2", "3-6", "7+")


@dataclass
class Tally:
    """Words in the true trees, in the parsed ones, and those right: recall, precision and F1."""

    gold: int = 0
    parsed: int = 0
    right: int = 0

    @property
    def precision(self) -> float:
        return self.right / self.parsed if self.parsed else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.gold + self.parsed) if self.gold + self.parsed else 0.0


@dataclass
class Scores:
    """The scores of a treebank, as shares from 0 to 1.

    uas, las, full_las  over all words; ``las`` with universal relations, ``full_las`` with subtypes
    no_punct            the same three over the words whose true UPOS is not PUNCT
    exact               sentences whose every head and universal relation is right
    by_relation         universal relation -> `Tally` of words with head and relation right
    by_distance         "root", "1", "2", "3-6", "7+" words from head to dependent -> `Tally` of words with head right
    """

    words: int
    sentences: int
    uas: float
    las: float
    full_las: float
    no_punct: tuple[float, float, float]
    exact: float
    by_relation: dict[str, Tally] = field(default_factory=dict)
    by_distance: dict[str, Tally] = field(default_factory=dict)

    def __str__(self):
        return f"UAS {self.uas:.2%}  LAS {self.las:.2%}  ({self.words:,} words, {self.sentences:,} sentences)"

    def table(self) -> str:
        """All of it as text."""
        bare = self.no_punct
        lines = [
            f"{self.words:,} words in {self.sentences:,} sentences, {self.exact:.2%} of them without a fault",
            "",
            f"{'':24}{'UAS':>8}{'LAS':>8}{'full LAS':>10}",
            f"{'all words':24}{self.uas:8.2%}{self.las:8.2%}{self.full_las:10.2%}",
            f"{'without punctuation':24}{bare[0]:8.2%}{bare[1]:8.2%}{bare[2]:10.2%}",
        ]
        for title, tallies in (
            ("relation (head and relation right)", self.by_relation),
            ("words from the head (head right)", self.by_distance),
        ):
            lines += ["", f"{title:40}{'words':>8}{'precision':>11}{'recall':>8}{'F1':>8}"]
            lines += [
                f"  {name:38}{t.gold:8,}{t.precision:11.2%}{t.recall:8.2%}{t.f1:8.2%}" for name, t in tallies.items()
            ]
        return "\n".join(lines)

    def state_dict(self) -> dict:
        """Numbers for a machine."""
        names = ("uas", "las", "full_las")
        return {
            "words": self.words,
            "sentences": self.sentences,
            **{name: getattr(self, name) for name in names},
            "without_punctuation": dict(zip(names, self.no_punct)),
            "exact": self.exact,
            "by_relation": {name: vars(tally) for name, tally in self.by_relation.items()},
            "by_distance": {name: vars(tally) for name, tally in self.by_distance.items()},
        }


def universal(deprel: str) -> str:
    """A relation without its subtype.

    >>> universal("acl:relcl")
    'acl'
    """
    return deprel.partition(":")[0]


def evaluate(gold: Iterable[Sentence], parsed: Iterable[Sentence]) -> Scores:
    """Compare trees sentence by sentence. Raises DataError if the words differ, naming the first place."""
    counted, right = Counter(), Counter()
    relations: dict[str, Tally] = {}
    distances = {name: Tally() for name in DISTANCES}
    sentences = exact = 0
    for true, found in _pairs(gold, parsed):
        sentences += 1
        faults = 0
        for a, b in zip(true.words, found.words):
            place = int(a[ID])
            head = a[HEAD] == b[HEAD]
            relation, other = universal(a[DEPREL]), universal(b[DEPREL])
            las = head and relation == other
            faults += not las
            marks = (head, las, head and a[DEPREL] == b[DEPREL])
            for group in ("all",) if a[UPOS] == "PUNCT" else ("all", "no punct"):
                counted[group] += 1
                for name, good in enumerate(marks):
                    right[group, name] += good
            relations.setdefault(relation, Tally()).gold += 1
            relations.setdefault(other, Tally()).parsed += 1
            relations[relation].right += las
            distances[_distance(place, int(a[HEAD]))].gold += 1
            distances[_distance(place, int(b[HEAD]))].parsed += 1
            distances[_distance(place, int(a[HEAD]))].right += head
        exact += not faults

    def share(group, name):
        return right[group, name] / counted[group] if counted[group] else 0.0

    return Scores(
        counted["all"],
        sentences,
        *(share("all", name) for name in range(3)),
        tuple(share("no punct", name) for name in range(3)),
        exact / sentences if sentences else 0.0,
        dict(sorted(relations.items(), key=lambda item: (-item[1].gold, item[0]))),
        distances,
    )


def _distance(place, head):
    if head == 0:
        return "root"
    distance = abs(place - head)
    return str(distance) if distance <= 2 else "3-6" if distance <= 6 else "7+"


def _pairs(gold, parsed):
    gold, parsed, number = iter(gold), iter(parsed), 0
    end = object()
    while True:
        number += 1
        a, b = next(gold, end), next(parsed, end)
        if a is end and b is end:
            return
        if a is end or b is end:
            side = "true" if a is end else "parsed"
            raise DataError(f"the {side} treebank ends after {number - 1} sentences, the other one goes on")
        if [row[FORM] for row in a.words] != [row[FORM] for row in b.words]:
            raise DataError(f"sentence {number}: other words ({' '.join(a.forms)[:40]!r}, {' '.join(b.forms)[:40]!r})")
        yield a, b
