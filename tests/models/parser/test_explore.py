"""Learning from configurations that the parser gets into by itself."""

from dataclasses import replace

import numpy as np
import pytest
from tinygrad_nlp.models.parser import RIGHT_ARC, HybridConfiguration, Settings, examples, score, train
from tinygrad_nlp.models.parser.examples import explore
from tinygrad_nlp.models.parser.scorer import explorer

from tinygrad_nlp import OptionError, no_grad

from .test_decode import TREES, untrained
from .test_features import CROSSING, slow_places
from .test_train import DEV, SMALL, TRAIN, Stop, weights

SOME = TREES[:20]


def slow_walk(parser, sentence, own):
    """[(features, class to learn)] of one sentence, by the costs of one configuration and the network itself."""
    ids, relations = parser.vocabulary.ids, parser.vocabulary.relations
    c = HybridConfiguration(len(sentence), single_root=True)
    columns = [[w.lower() for w in sentence.forms], sentence.upos]
    while not c.finished:
        made = {d: label for _, d, label in c.arcs}
        places, row = slow_places(c, "arc-hybrid"), []
        for table, kind in zip(ids, columns):
            row += [table["<null>" if p is None else "<root>" if p == 0 else kind[p - 1]] for p in places]
        if parser.labelled:
            row += [ids[-1][made.get(p, "<null>")] for p in places[7:]]
        with no_grad():
            scores = parser.network(np.array([row])).data[0]
        classes = [(m, r) for m in range(3) for r in (relations if m and parser.labelled else [None])]
        true = sentence.deprels[c.stack[-1] - 1] if parser.labelled and len(c.stack) > 1 else None
        costs = c.costs(sentence.heads)
        legal = [i for i, (m, _) in enumerate(classes) if c.legal(m)]
        least = min(costs[classes[i][0]] for i in legal)
        right = [i for i in legal if costs[classes[i][0]] == least and classes[i][1] in (None, true)]
        target = max(right, key=lambda i: scores[i])
        yield tuple(row), target
        if own:
            root = {i: classes[i][0] == RIGHT_ARC and len(c.stack) == 2 for i in legal}
            likely = [i for i in legal if classes[i][1] is None or (classes[i][1] == "root") == root[i]]
            target = max(likely, key=lambda i: scores[i])
        c.step(*classes[target])


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("own", [False, True])
def test_explored_configurations_are_those_of_one_sentence_at_a_time(labelled, own):
    parser = untrained(labelled, system="arc-hybrid")
    parser.network.astype(np.float64)
    choose = explorer(parser, float(own), np.random.default_rng(0))
    made = explore(parser.vocabulary.encode(SOME), parser.vocabulary, labelled, choose)
    found = sorted((tuple(row), t) for row, t in zip(made.features.tolist(), made.targets.tolist()))
    assert found == sorted(example for s in SOME for example in slow_walk(parser, s, own)) and made.skipped == []


def test_an_untrained_parser_leaves_the_way_and_the_oracles_moves_do_not():
    """Without own moves the labels at the dependents' places are the true ones: features of the static examples."""
    parser = untrained(system="arc-hybrid")
    encoded, vocabulary = parser.vocabulary.encode(SOME), parser.vocabulary
    rng = np.random.default_rng(0)

    def distance(probability):
        made = explore(encoded, vocabulary, True, explorer(parser, probability, rng))
        on_the_way = {tuple(row) for row in examples(SOME, vocabulary, True, "arc-hybrid").features.tolist()}
        return sum(tuple(row) not in on_the_way for row in made.features.tolist()) / len(made.targets)

    shares = [distance(p) for p in (0.0, 0.3, 1.0)]
    assert shares == sorted(shares) and shares[0] < shares[1] < shares[2]


# ---- training ----------------------------------------------------------------------------------------------------

DYNAMIC = replace(SMALL, oracle="dynamic", average=0.95)


@pytest.fixture(scope="module")
def trained():
    return train(TRAIN, DEV, DYNAMIC)


def test_a_dynamic_oracle_learns_the_small_grammar(trained):
    scores = score(trained.parser, DEV)
    assert trained.parser.system == "arc-hybrid" and scores.uas > 0.95 and scores.las > 0.9
    assert scores.las == trained.history[trained.best_epoch - 1]["las"]


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_an_interrupted_training_continues_to_the_bit(tmp_path, trained, share):
    path = tmp_path / "c.safetensors"
    train(TRAIN, DEV, DYNAMIC, checkpoint=path, on_progress=Stop(share))
    second = train(TRAIN, DEV, DYNAMIC, checkpoint=path, resume=True)
    assert weights(second) == weights(trained) and second.history == trained.history


def test_trees_that_cross_are_learned_from_too():
    assert train([*TRAIN[:10], CROSSING], None, replace(DYNAMIC, epochs=2)).skipped == []


def test_the_average_is_what_is_scored_and_kept():
    last = train(TRAIN[:100], DEV, replace(SMALL, epochs=2))
    mean = train(TRAIN[:100], DEV, replace(SMALL, epochs=2, average=0.9))
    assert [e["loss"] for e in last.history] == [e["loss"] for e in mean.history], "the steps are the same"
    assert weights(last) != weights(mean)
    assert score(mean.parser, DEV).las == mean.history[mean.best_epoch - 1]["las"]


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"oracle": "best"}, "oracle: 'best'; expected 'static' or 'dynamic'"),
        ({"explore": 1.5}, "explore: 1.5; expected 0 to 1"),
        ({"average": 1.0}, "average: 1.0; expected 0 to below 1"),
    ],
)
def test_errors(wrong, message):
    with pytest.raises(OptionError, match=message):
        train(TRAIN[:5], None, replace(Settings(), **wrong))
