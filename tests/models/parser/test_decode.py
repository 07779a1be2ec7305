"""Parsing many sentences at once, and the parser as a file."""

import time

import numpy as np
import pytest
from tinygrad_nlp.models.parser import (
    Faulty,
    Parser,
    Sentence,
    TreebankError,
    Vocabulary,
    generate,
    is_projective,
    load_treebank,
    minibatch_parse,
)
from tinygrad_nlp.models.parser.decode import advance
from tinygrad_nlp.models.parser.features import extract
from tinygrad_nlp.models.parser.model import ParserNetwork
from tinygrad_nlp.models.parser.scorer import Scorer
from tinygrad_nlp.models.parser.treebank import _check_tree

from tinygrad_nlp import CheckpointError, DTypeError, OptionError, Tensor, jacobian, nn, no_grad, serialize

from .ewt import EWT, needs_ewt
from .test_features import CLASSES, SINGLE, slow_distances, slow_places

TREES = [made.sentence for made in generate(150, seed=4)]
VARIANTS = [
    (True, "upos", "relu", "arc-standard"),
    (True, "both", "cube", "arc-standard"),
    (False, "xpos", "tanh", "arc-standard"),
    (False, "upos", "relu", "arc-hybrid"),
    (True, "both", "relu", "arc-hybrid"),
    (True, "upos", "relu", "arc-standard distances"),
    (False, "both", "relu", "arc-hybrid distances"),
]


def untrained(
    labelled=True, tags="upos", activation="relu", system="arc-standard", seed=0, hidden=24, dim=8, scale=3.0
):
    system, *distances = system.split()
    vocabulary = Vocabulary.of(TREES[:50], tags=tags, distances=bool(distances))
    rng = np.random.default_rng(seed)
    parser = Parser.untrained(
        vocabulary,
        labelled=labelled,
        dim=dim,
        hidden=hidden,
        activation=activation,
        dropout=0.5,
        rng=rng,
        system=system,
    )
    for parameter in parser.network.parameters():  # random weights large enough that no choice is close
        parameter.data = rng.normal(size=parameter.shape, scale=scale).astype(np.float32)
    parser.network.eval()
    return parser


@pytest.mark.parametrize("labelled, tags, activation, system", VARIANTS)
def test_scores_by_sums_of_rows_are_those_of_the_network(labelled, tags, activation, system):
    parser = untrained(labelled, tags, activation, system, scale=0.3)
    parser.network.astype(np.float64)
    encoded = parser.vocabulary.encode(TREES, trees=False)
    chunk = encoded.chunk(np.argsort(-encoded.lengths, kind="stable"), parser.vocabulary, system=parser.system)
    scorer, compared = Scorer(parser, chunk), 0

    def classify(states, k):
        nonlocal compared
        with no_grad():
            expected = parser.network(extract(chunk, k, labelled)).data
        np.testing.assert_allclose(scorer.scores(states, k), expected, rtol=1e-9, atol=1e-9)
        compared += k
        return scorer.classify(states, k)

    advance(chunk.states, classify)
    assert compared == 2 * sum(map(len, TREES))


@pytest.mark.parametrize("labelled, tags, activation, system", VARIANTS)
def test_decoding_is_greedy_over_legal_transitions(labelled, tags, activation, system):
    """One sentence at a time, by the slow Configuration and the network itself."""
    parser = untrained(labelled, tags, activation, system)
    parser.network.astype(np.float64)
    vocabulary, relations = parser.vocabulary, parser.vocabulary.relations
    for sentence, (heads, labels) in zip(TREES[:30], parser.trees(TREES[:30])):
        system = parser.system
        c = SINGLE[system](len(sentence), single_root=True)
        while not c.finished:
            places, made = slow_places(c, system), {d: label for _, d, label in c.arcs}
            columns = [[w.lower() for w in sentence.forms], sentence.upos, sentence.xpos]
            kinds = [columns[i] for i in {"upos": (0, 1), "xpos": (0, 2), "both": (0, 1, 2)}[tags]]
            row = []
            for ids, kind in zip(vocabulary.ids, kinds):
                symbols = ("<null>" if p is None else "<root>" if p == 0 else kind[p - 1] for p in places)
                row += [ids.get(s, ids["<unknown>"]) for s in symbols]
            if labelled:
                row += [vocabulary.ids[-1][made.get(p, "<null>")] for p in places[7 if system == "arc-hybrid" else 6 :]]
            if vocabulary.distances:
                row += [vocabulary.starts[-1] + CLASSES.index(name) for name in slow_distances(c)]
            with no_grad():
                scores = parser.network(np.array([row])).data[0]
            classes = [(m, None) for m in range(3)]
            if labelled:
                classes = [(0, None), *((m, r) for m in (1, 2) for r in relations)]
            under_root = len(c.stack) == 2
            allowed = [
                i
                for i, (move, r) in enumerate(classes)
                if c.legal(move) and (r is None or (r == "root") == (under_root and move == 2))
            ]
            c.step(*classes[max(allowed, key=lambda i: scores[i])])
        assert c.heads() == heads
        if labelled:
            assert [label for _, label in sorted((d, x) for _, d, x in c.arcs)] == labels
        else:
            assert labels == ["dep" if head else "root" for head in heads]


@pytest.mark.parametrize("labelled, tags, activation, system", VARIANTS)
def test_the_result_does_not_depend_on_the_batch(labelled, tags, activation, system):
    parser = untrained(labelled, tags, activation, system, scale=0.05)  # close choices: rounding would show
    whole = parser.trees(TREES)
    for batch_size in (1, 2, 7, 64, 65, 1000):
        assert minibatch_parse(TREES, parser, batch_size) == whole
        assert [(s.heads, s.deprels) for s in parser.parse(iter(TREES), batch_size)] == whole


def test_scores_are_equal_to_the_bit_whatever_the_company():
    parser = untrained(hidden=200, dim=50, scale=0.05)

    def first_scores(sentences):
        encoded = parser.vocabulary.encode(sentences, trees=False)
        order = np.argsort(-encoded.lengths, kind="stable")
        chunk = encoded.chunk(order, parser.vocabulary)
        scores = Scorer(parser, chunk).scores(chunk.states, len(sentences))
        return dict(zip(order.tolist(), scores))

    together = first_scores(TREES)
    for i in (0, 63, 64, 149):
        assert np.array_equal(first_scores([TREES[i]])[0], together[i])


@pytest.mark.parametrize("labelled, tags, activation, system", VARIANTS)
@pytest.mark.parametrize("seed", range(3))
def test_even_an_untrained_parser_gives_projective_trees_with_one_root(labelled, tags, activation, system, seed):
    parser = untrained(labelled, tags, activation, system, seed)
    for sentence in parser.parse(TREES):
        _check_tree("parsed", sentence.words, range(len(sentence)))
        assert is_projective(sentence.heads)
        assert [d == "root" for d in sentence.deprels] == [h == 0 for h in sentence.heads]


def test_what_could_not_be_read_is_passed_on_in_its_place():
    parser, faulty = untrained(), Faulty("1\tx\n\n", TreebankError("f", 1, "2 columns"))
    found = list(parser.parse([TREES[0], faulty, TREES[1]], batch_size=2))
    assert found[1] is faulty and [s.forms for s in found[::2]] == [TREES[0].forms, TREES[1].forms]
    assert list(parser.parse([])) == [] and list(parser.parse([faulty])) == [faulty] and parser.trees([]) == []
    with pytest.raises(OptionError, match="batch_size: 0; expected at least 1"):
        minibatch_parse(TREES, parser, 0)


def test_unknown_words_and_tags_are_parsed():
    strange = Sentence.from_words(["?"] * 5, ["_"] * 5)
    ((heads, _),) = untrained(tags="both").trees([strange])
    assert sorted(heads)[0] == 0 and len(heads) == 5


# ---- the file ----------------------------------------------------------------------------------------------------


def test_what_the_hidden_layer_reads_is_dropped_in_training():
    network = ParserNetwork(4, 2, 500, 1000, 1000, dropout=0.0, input_dropout=0.25, rng=np.random.default_rng(0))
    network.table.weight.data = np.ones((4, 500), np.float32)
    network.hidden.weight.data = network.output.weight.data = np.eye(1000, dtype=np.float32)
    seen = network(np.array([[0, 1], [2, 3]])).data
    assert set(seen.reshape(-1).tolist()) == {0.0, np.float32(1 / 0.75)} and abs((seen == 0).mean() - 0.25) < 0.05
    network.eval()
    assert (network(np.array([[0, 1], [2, 3]])).data == 1).all()


@pytest.mark.parametrize("labelled, tags, activation, system", VARIANTS)
def test_a_parser_is_one_file(tmp_path, labelled, tags, activation, system):
    parser = untrained(labelled, tags, activation, system)
    parser.notes = {"source": "generated", "las": 0.5}
    parser.save(tmp_path / "p.safetensors")
    back = Parser.load(tmp_path / "p.safetensors")
    assert back.trees(TREES) == parser.trees(TREES)
    assert back.vocabulary == parser.vocabulary and back.notes == parser.notes
    assert back.labelled == labelled and back.system == parser.system == system.split()[0]
    assert not back.network.training


def test_damaged_foreign_and_other_files_are_refused(tmp_path):
    path = tmp_path / "p.safetensors"
    untrained().save(path)
    good = path.read_bytes()
    for damaged in (good[:-100], good[:-1] + bytes([good[-1] ^ 1]), b"hello, this is no parser", b""):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="p.safetensors"):
            Parser.load(path)
    serialize.save(path, model={"w": np.zeros(3)}, metadata={"kind": "word vectors"})
    with pytest.raises(CheckpointError, match="a checkpoint of word vectors; expected a parser that Parser.save"):
        Parser.load(path)
    serialize.save(path, metadata={"kind": "dependency parser", "version": 99})
    with pytest.raises(CheckpointError, match="parser format 99; expected format 2"):
        Parser.load(path)
    serialize.save(path, metadata={"kind": "dependency parser", "version": 2})
    with pytest.raises(CheckpointError, match="a parser without all of its settings"):
        Parser.load(path)
    with pytest.raises(FileNotFoundError):
        Parser.load(tmp_path / "nowhere")


# ---- the statements of the documents ------------------------------------------------------------------------------


def test_relu_layer_jacobian_is_the_indicator_times_the_weight():
    """Statement 40 (001 3(e)(i)): ∂h_i/∂x_j = 1{z_i > 0} W_ji, with h = ReLU(x W + b)."""
    rng = np.random.default_rng(1)
    layer = nn.Linear(5, 4, dtype=np.float64, rng=rng)
    W, b, x = layer.weight.data.T, layer.bias.data, rng.normal(size=5)
    z = x @ W + b
    assert 0 < (z > 0).sum() < 4, "both cases are to be seen"
    found = jacobian(lambda x: layer(x).relu())(Tensor(x))
    np.testing.assert_allclose(np.asarray(found.data), (z > 0)[:, None] * W.T, rtol=1e-12)


def test_gradient_of_the_logits_is_the_prediction_minus_the_target():
    """Statement 41 (001 3(e)(ii)) in the parser's own loss, for a batch: its mean divides by B."""
    parser = untrained(labelled=False, scale=0.3)
    network, rng = parser.network, np.random.default_rng(2)
    features = rng.integers(0, parser.vocabulary.size, (7, 36))
    targets = rng.integers(0, 3, 7)
    logits = network(features)
    scores = np.exp(logits.data - logits.data.max(axis=1, keepdims=True))
    predicted = scores / scores.sum(axis=1, keepdims=True)
    network.loss(features, targets).backward()
    expected = ((predicted - np.eye(3)[targets]) / 7).sum(axis=0)
    np.testing.assert_allclose(network.output.bias.grad.data, expected, atol=1e-6)


@needs_ewt
def test_decoding_speed_at_hidden_200():
    """2,000 sentences a CPU second are asked for; the bound leaves room for a busy machine."""
    sentences = load_treebank(EWT / "test.conllu.gz")
    vocabulary = Vocabulary.of(sentences)
    rng = np.random.default_rng(0)
    parser = Parser.untrained(vocabulary, labelled=True, dim=50, hidden=200, activation="relu", dropout=0.5, rng=rng)
    started = time.process_time()
    parser.trees(sentences)
    assert len(sentences) / (time.process_time() - started) > 1000


def test_text_is_refused_with_what_to_give_and_a_parser_says_what_it_knows():
    parser = untrained()
    for given in ("the dog barks", ["the dog barks"]):
        with pytest.raises(DTypeError, match=r"parse\(\): text; expected sentences of words with tags[^§]*from_tagged"):
            list(parser.parse(given))
    words = {form.lower() for tree in TREES[:50] for form in tree.forms}
    relations = {relation for tree in TREES[:50] for relation in tree.deprels}
    assert repr(parser) == f"<Parser of {len(words)} words, {len(relations)} relations>"
    assert repr(untrained(labelled=False)) == f"<Parser of {len(words)} words>"
