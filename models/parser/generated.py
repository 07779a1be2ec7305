"""A treebank made by a small grammar, in Universal Dependencies, whose best possible score is known.

Two things in it are ambiguous as they are in English, and the words decide:

- **Attachment**: in "saw the girl with the telescope" the phrase hangs on the verb (``obl``) or on the noun (``nmod``).
- **Coordination**: in "a box of apples and pears" the second noun is joined to the nearer noun or to the farther.

The words of a sentence are drawn first and its structure afterwards, with a probability that only depends on the
words: `attachment` and `coordination` are that probability. So the best any parser can do is to choose the likelier
structure at each place, and its expected score is a sum that is known exactly; no parser, however large, has a higher
expectation. Everything else in a sentence follows from its words, because the grammar puts nothing else after an
object that could be read in two ways.

A sentence is deterministic given (seed, number), so that one can draw more without changing the first ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .treebank import Sentence

# Nouns by what they are. A verb's or a preposition's liking is for a kind, so a parser has to learn kinds from words.
KINDS = {
    "person": ["girl", "boy", "teacher", "farmer", "sailor", "doctor", "queen", "painter", "child", "neighbour"],
    "animal": ["dog", "cat", "horse", "bird", "fox", "goat", "rabbit", "hen"],
    "tool": ["telescope", "camera", "hammer", "knife", "brush", "spoon", "lamp", "rope"],
    "food": ["apple", "pear", "soup", "bread", "cake", "cheese", "plum", "pie"],
    "container": ["box", "basket", "bag", "bottle", "bowl", "jar"],
    "place": ["garden", "kitchen", "harbour", "forest", "village", "market", "barn", "tower"],
    "time": ["morning", "evening", "night", "summer", "winter", "spring"],
}
KIND_OF = {noun: kind for kind, nouns in KINDS.items() for noun in nouns}

# Verbs: (lemma, past, the kinds of their objects).
TRANSITIVE = {
    "saw": ("see", ("person", "animal", "place", "container")),
    "watched": ("watch", ("person", "animal")),
    "painted": ("paint", ("person", "animal", "container", "place")),
    "cut": ("cut", ("food", "tool")),
    "ate": ("eat", ("food",)),
    "carried": ("carry", ("container", "animal", "tool", "food")),
    "bought": ("buy", ("food", "tool", "container", "animal")),
    "liked": ("like", ("person", "animal", "food", "place")),
    "found": ("find", ("tool", "container", "animal", "person")),
}
INTRANSITIVE = {"slept": "sleep", "waited": "wait", "laughed": "laugh", "sang": "sing"}
PARTICIPLES = {"saw": "seen", "ate": "eaten"}  # the others look like the past
PREPOSITIONS = {
    "with": ("tool", "animal", "food"),
    "in": ("place", "container", "time"),
    "of": ("food", "person", "place"),
    "near": ("place", "person", "container"),
    "from": ("place", "person"),
}
INSTRUMENT = {"saw", "watched", "painted", "cut", "ate"}  # verbs that one does with a tool
ADJECTIVES = ["old", "small", "red", "quiet", "clever", "wet", "heavy", "strange"]
ADVERBS = ["often", "slowly", "gladly", "never"]
NAMES = ["Anna", "Ben", "Clara", "David", "Eva"]


def attachment(verb: str, noun: str, preposition: str, inner: str) -> float:
    """The probability that "preposition inner" hangs on ``verb`` and not on its object ``noun``."""
    kind = KIND_OF[inner]
    if preposition == "of":
        return 0.01
    if kind == "time":
        return 0.98
    if preposition == "with":
        if kind == "tool":
            return 0.97 if verb in INSTRUMENT else 0.1 if KIND_OF[noun] in ("person", "container") else 0.6
        return 0.05
    if preposition == "from":
        return 0.95 if verb in ("bought", "carried") else 0.08
    if preposition == "in" and kind == "container":
        return 0.95 if verb in ("carried", "found") else 0.05
    return 0.9 if verb in ("found", "watched", "ate") else 0.12  # a place, near or in


def coordination(noun: str, inner: str, last: str) -> float:
    """The probability that in "noun … inner and last" the last is joined to ``noun`` and not to ``inner``."""
    far, near, third = KIND_OF[noun], KIND_OF[inner], KIND_OF[last]
    if third == far == near:
        return 0.3
    return 0.97 if third == far else 0.03


@dataclass(frozen=True)
class Generated:
    """A sentence with its tree, the likeliest tree, and how many of its words the latter gets right on average."""

    sentence: Sentence
    best: Sentence
    expected: float


def generate(count: int, seed: int = 1) -> list[Generated]:
    """The sentences 0 … count − 1 of the treebank with that seed."""
    return [_Draw(np.random.default_rng([seed, number])).sentence(number) for number in range(count)]


def treebank(count: int = 3000, seed: int = 1) -> list[Sentence]:
    """`generate`, the sentences alone.

    >>> " ".join(treebank(2)[1].forms)
    'The boy near the forest found the strange box .'
    """
    return [made.sentence for made in generate(count, seed)]


def best_score(generated: list[Generated]) -> float:
    """The highest UAS, and LAS, that can be expected of any parser on these sentences, given their words alone.

    Head and relation of a phrase are decided together, so the two scores have one bound. On long treebanks of this
    grammar it is 0.996 (`tests/models/parser/test_generated.py`).
    """
    words = sum(len(made.sentence) for made in generated)
    return sum(made.expected for made in generated) / words if words else 0.0


class _Draw:
    """One sentence in the making: words are appended, heads are filled in when known."""

    def __init__(self, rng):
        self.rng = rng
        self.rows: list[list] = []  # [form, lemma, upos, xpos, head, deprel]
        self.best: dict[int, tuple[int, str]] = {}
        self.lost = 0.0  # words that the likeliest tree is expected to get wrong

    def one_of(self, options):
        return options[int(self.rng.integers(len(options)))]

    def chance(self, probability):
        return bool(self.rng.random() < probability)

    def word(self, form, upos, xpos, deprel="_", head=0, lemma=None):
        self.rows.append([form, lemma or form, upos, xpos, head, deprel])
        return len(self.rows)

    def hang(self, word, head, deprel):
        self.rows[word - 1][4:] = [head, deprel]

    def sentence(self, number):
        start = self.one_of(["subject", "subject", "subject", "time"])
        front = self.phrase("in", "time") if start == "time" else None
        comma = self.word(",", "PUNCT", ",", "punct") if front and self.chance(0.6) else None
        verb = self.clause()
        self.hang(verb, 0, "root")
        for word, deprel in ((front, "obl"), (comma, "punct")):
            if word:
                self.hang(word, verb, deprel)
        if self.chance(0.15):  # a second clause, closed off by its own subject
            comma = self.word(",", "PUNCT", ",", "punct")
            conjunction = self.word(self.one_of(["and", "but"]), "CCONJ", "CC", "cc")
            second = self.clause()
            self.hang(comma, second, "punct")
            self.hang(conjunction, second, "cc")
            self.hang(second, verb, "conj")
        self.word(".", "PUNCT", ".", "punct", verb)
        return self.finish(number)

    def finish(self, number):
        first = self.rows[0]
        first[0] = first[0][0].upper() + first[0][1:]
        forms, lemmas, upos, xpos, heads, deprels = map(list, zip(*self.rows))
        comments = [f"# sent_id = generated-{number}", f"# text = {' '.join(forms)}"]
        sentence = Sentence.from_words(forms, upos, heads, deprels, lemmas=lemmas, xpos=xpos, comments=comments)
        for word, (head, deprel) in self.best.items():
            heads[word - 1], deprels[word - 1] = head, deprel
        return Generated(sentence, sentence.with_tree(heads, deprels), len(forms) - self.lost)

    def clause(self):
        """Subject, verb and what belongs to it; the verb, still without a head."""
        subject = self.subject()
        passive = self.chance(0.08)
        auxiliaries = []
        if passive:
            auxiliaries.append((self.word("was", "AUX", "VBD", lemma="be"), "aux:pass"))
        elif self.chance(0.2):
            auxiliaries.append((self.word("had", "AUX", "VBD", lemma="have"), "aux"))
        if self.chance(0.2):
            auxiliaries.append((self.word(self.one_of(ADVERBS), "ADV", "RB"), "advmod"))
        if not passive and self.chance(0.2):
            form = self.one_of(list(INTRANSITIVE))
            verb = self.word(form, "VERB", "VBN" if auxiliaries else "VBD", lemma=INTRANSITIVE[form])
        else:
            form = self.one_of(list(TRANSITIVE))
            tag = "VBN" if auxiliaries and auxiliaries[0][1] != "advmod" else "VBD"
            shown = PARTICIPLES.get(form, form) if tag == "VBN" else form
            verb = self.word(shown, "VERB", tag, lemma=TRANSITIVE[form][0])
            if not passive:
                self.object(verb, form)
        for word, deprel in auxiliaries:
            self.hang(word, verb, deprel)
        self.hang(subject, verb, "nsubj:pass" if passive else "nsubj")
        if (passive or form in INTRANSITIVE) and self.chance(0.5):  # nothing but the verb can take it
            by = passive and self.chance(0.6)
            preposition, kind = ("by", "person") if by else self.one_of([("in", "place"), ("near", "person")])
            self.hang(self.phrase(preposition, kind), verb, "obl:agent" if by else "obl")
        return verb

    def subject(self):
        if self.chance(0.2):
            return self.word(self.one_of(["she", "he", "they", "we"]), "PRON", "PRP")
        if self.chance(0.25):
            return self.word(self.one_of(NAMES), "PROPN", "NNP")
        noun = self.noun(self.one_of(["person", "animal"]))
        if self.chance(0.2):
            self.hang(self.phrase(self.one_of(["from", "near"]), "place"), noun, "nmod")
        elif self.chance(0.12):
            conjunction = self.word("and", "CCONJ", "CC")
            other = self.noun("person")
            self.hang(conjunction, other, "cc")
            self.hang(other, noun, "conj")
        return noun

    def noun(self, kind):
        """A noun with what stands before it; the noun's number."""
        before = [(self.word(self.one_of(["the", "the", "a"]), "DET", "DT"), "det")]
        if self.chance(0.25):
            before.append((self.word(self.one_of(ADJECTIVES), "ADJ", "JJ"), "amod"))
        noun = self.word(self.one_of(KINDS[kind]), "NOUN", "NN")
        article, following = self.rows[noun - 1 - len(before)], self.rows[noun - len(before)]
        if article[0] == "a" and following[0][0] in "aeiou":
            article[0] = "an"
        for word, deprel in before:
            self.hang(word, noun, deprel)
        return noun

    def phrase(self, preposition, kind):
        """A preposition and a noun; the noun, still without a head."""
        case = self.word(preposition, "ADP", "IN")
        noun = self.noun(kind)
        self.hang(case, noun, "case")
        return noun

    def object(self, verb, form):
        """The object of a transitive verb, with the two ambiguities of this grammar."""
        noun = self.noun(self.one_of(TRANSITIVE[form][1]))
        self.hang(noun, verb, "obj")
        if not self.chance(0.75):
            return
        preposition = self.one_of(list(PREPOSITIONS))
        inner = self.phrase(preposition, self.one_of(PREPOSITIONS[preposition]))
        lemma, other = self.rows[noun - 1][1], self.rows[inner - 1][1]
        to_verb, to_noun = attachment(form, lemma, preposition, other), 0.0
        last = None
        if KIND_OF[other] != "time" and self.chance(0.35):
            conjunction = self.word("and", "CCONJ", "CC")
            last = self.noun(self.one_of([KIND_OF[lemma], KIND_OF[other]]))
            self.hang(conjunction, last, "cc")
            to_noun = coordination(lemma, other, self.rows[last - 1][1])

        # Joined to the farther noun, the last one would cross a phrase on the verb: the phrase is then on the noun.
        far = last is not None and self.chance(to_noun)
        on_verb = not far and self.chance(to_verb)
        self.hang(inner, *((verb, "obl") if on_verb else (noun, "nmod")))
        p_verb = (1 - to_noun) * to_verb
        self.best[inner] = (verb, "obl") if p_verb > 0.5 else (noun, "nmod")
        self.lost += min(p_verb, 1 - p_verb)
        if last is not None:
            self.hang(last, noun if far else inner, "conj")
            self.best[last] = (noun if to_noun > 0.5 else inner, "conj")
            self.lost += min(to_noun, 1 - to_noun)
