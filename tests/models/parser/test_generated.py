"""The generated treebank: true trees, ambiguity that the words decide, and the bound on every parser's score."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from tinygrad_nlp.models.parser import best_score, evaluate, generate, is_projective, load_treebank, write_conllu
from tinygrad_nlp.models.parser.generated import KIND_OF, PREPOSITIONS, TRANSITIVE, attachment, coordination


@pytest.fixture(scope="module")
def made_trees():
    return generate(4000, seed=1)


def test_sentences_are_valid_conllu_and_projective(tmp_path, made_trees):
    write_conllu(tmp_path / "g.conllu", [made.sentence for made in made_trees[:500]])
    back = load_treebank(tmp_path / "g.conllu")
    assert list(map(str, back)) == [str(made.sentence) for made in made_trees[:500]]
    for made in made_trees:
        assert is_projective(made.sentence.heads) and is_projective(made.best.heads)
        assert made.sentence.heads.count(0) == made.best.heads.count(0) == 1
        roots = [d == "root" for d in made.sentence.deprels]
        assert roots == [h == 0 for h in made.sentence.heads]


def test_a_sentence_depends_on_seed_and_number_alone():
    assert [str(g.sentence) for g in generate(3, 7)] == [str(g.sentence) for g in generate(9, 7)[:3]]
    assert str(generate(1, 7)[0].sentence) != str(generate(1, 8)[0].sentence)


def test_the_same_words_differ_at_most_where_the_grammar_is_ambiguous(made_trees):
    """The bound rests on this: sentences of the same tags and function words differ in the heads of phrases and
    conjuncts, and nowhere else."""
    trees = defaultdict(set)
    for made in made_trees:
        s = made.sentence
        shape = tuple(u if u in ("NOUN", "ADJ", "PROPN", "ADV", "VERB") else f for f, u in zip(s.forms, s.upos))
        trees[shape].add(tuple(zip(s.heads, s.deprels)))
    several = [found for found in trees.values() if len(found) > 1]
    assert len(several) > 50
    for found in several:
        for arcs in zip(*found):
            if len(set(arcs)) > 1:
                assert {deprel for _, deprel in arcs} <= {"obl", "nmod"} or {d for _, d in arcs} == {"conj"}


def test_structures_are_drawn_with_the_probabilities_that_are_stated(made_trees):
    """Frequencies of verb attachment and far coordination, against their sum over the words; z-test at 4 sigma."""
    seen = {"obl": [], "conj": []}
    for made in made_trees:
        s = made.sentence
        for word, (_, deprel) in enumerate(zip(s.heads, s.deprels), 1):
            if s.upos[word - 1] != "NOUN":
                continue
            before = [w for w in range(1, word) if s.deprels[w - 1] == "obj"]
            case = [w for w in range(1, word) if s.heads[w - 1] == word and s.deprels[w - 1] == "case"]
            if deprel in ("obl", "nmod") and case and before and s.forms[case[0] - 1] in PREPOSITIONS:
                noun = before[-1]
                verb = s.heads[noun - 1]
                between = s.upos[noun : case[0] - 1]
                if between:  # of another clause
                    continue
                last = [w for w in range(word + 1, len(s) + 1) if s.heads[w - 1] in (word, noun)]
                last = [w for w in last if s.deprels[w - 1] == "conj" and s.upos[w - 1] == "NOUN"]
                form = next(v for v, (lemma, _) in TRANSITIVE.items() if lemma == s.words[verb - 1][2])
                p = attachment(form, s.forms[noun - 1], s.forms[case[0] - 1], s.forms[word - 1])
                if last:
                    far = coordination(s.forms[noun - 1], s.forms[word - 1], s.forms[last[0] - 1])
                    seen["conj"].append((far, s.heads[last[0] - 1] == noun))
                    p *= 1 - far
                seen["obl"].append((p, deprel == "obl"))
    for name, drawn in seen.items():
        p, happened = np.array(drawn, float).T
        assert len(p) > 400, name
        assert abs(happened.sum() - p.sum()) < 4 * np.sqrt((p * (1 - p)).sum()), name
        for low, high in ((0, 0.2), (0.2, 0.8), (0.8, 1.01)):
            part = (p >= low) & (p < high)
            if part.sum() > 30:
                assert happened[part].mean() == pytest.approx(p[part].mean(), abs=4 * 0.5 / np.sqrt(part.sum()))


def test_the_best_score_is_that_of_the_likeliest_trees(made_trees):
    """What the likeliest trees do score is within chance of the bound, and the documented number is right."""
    scores = evaluate([made.sentence for made in made_trees], [made.best for made in made_trees])
    bound = best_score(made_trees)
    errors = (1 - bound) * scores.words
    assert abs(scores.uas - bound) * scores.words < 4 * np.sqrt(errors)
    assert scores.uas == scores.las == scores.full_las and bound == pytest.approx(0.996, abs=0.001)
    assert best_score([]) == 0


def test_the_ambiguity_is_real(made_trees):
    """Choosing by the preposition alone leaves several times the errors of knowing the words."""
    by_case, total, wrong = defaultdict(Counter), 0, 0
    for made in made_trees:
        s = made.sentence
        for i, d in enumerate(s.deprels):
            if d in ("obl", "nmod") and "obj" in s.deprels[:i]:
                case = next(f for f, h, r in zip(s.forms, s.heads, s.deprels) if h == i + 1 and r == "case")
                by_case[case][d] += 1
        total += len(s)
    wrong = sum(sum(c.values()) - max(c.values()) for c in by_case.values())
    assert wrong / total > 3 * (1 - best_score(made_trees))


def test_every_probability_is_one():
    for verb in TRANSITIVE:
        for noun in KIND_OF:
            for preposition, kinds in PREPOSITIONS.items():
                for inner in (n for n, kind in KIND_OF.items() if kind in kinds):
                    assert 0 < attachment(verb, noun, preposition, inner) < 1
    assert {coordination("apple", "pear", x) for x in KIND_OF} == {0.3, 0.03}
