"""The BiLSTM network: its batches, its decoding against itself, its training and its file."""

from dataclasses import replace

import numpy as np
import pytest
from tinygrad_nlp.models.parser import (
    Divergence,
    HybridConfiguration,
    Parser,
    Sentence,
    Settings,
    generate,
    is_projective,
    minibatch_parse,
    score,
    train,
)
from tinygrad_nlp.models.parser.bilstm import LONGEST_WORD, Batch, Letters, Spelled
from tinygrad_nlp.models.parser.bilstm_decode import BiLSTMParser, Mover, label_scores, read
from tinygrad_nlp.models.parser.features import Vocabulary

from tinygrad_nlp import CheckpointError, OptionError, Tensor, no_grad, serialize
from tinygrad_nlp.data import DataError

TREES = [made.sentence for made in generate(160, seed=1)]
DEV = [made.sentence for made in generate(60, seed=2)]
SMALL = Settings.bilstm(dim=12, hidden=12, epochs=4, batch=80, rate=1e-2, seed=3, average=0.9, dropout=0.1)
SIZES = {"word_dim": 6, "tag_dim": 3, "letter_dim": 4, "letter_hidden": 3, "hidden": 5, "move_hidden": 7}


def untrained(seed=0, scale=0.6, labelled=True, trees=TREES[:60]):
    vocabulary, letters = Vocabulary.of(trees, tags="both"), Letters.of(trees)
    rng = np.random.default_rng(seed)
    parser = BiLSTMParser.untrained(vocabulary, letters, labelled=labelled, rng=rng, **SIZES)
    for parameter in parser.network.parameters():
        parameter.data = rng.normal(size=parameter.shape, scale=scale).astype(np.float32)
    parser.network.eval()
    return parser


def batch_of(parser, sentences, trees=True):
    encoded = parser.vocabulary.encode(sentences, trees=trees)
    order = np.argsort(-encoded.lengths, kind="stable")
    return order, Batch(encoded, Spelled.of(sentences, parser.letters), order, parser.vocabulary)


def vectors_of(parser, batch):
    with no_grad():
        return parser.network(parser.counted(batch.symbols), batch.spelling, batch.sizes)


# ---- batches -----------------------------------------------------------------------------------------------


def test_rows_of_a_batch_are_the_words_of_its_sentences():
    parser = untrained()
    order, batch = batch_of(parser, TREES[:7])
    states, words = batch.states(), parser.vocabulary.words
    of_row, letters, sizes = batch.spelling
    starts = np.concatenate([[0], np.cumsum(sizes)])
    for i, number in enumerate(order):
        sentence = TREES[number]
        rows = batch.row_of[states.root[i] : states.root[i] + states.width]
        assert (rows[len(sentence) + 1 :] == batch.rows).all() and words[batch.symbols[0, rows[0]]] == "<root>"
        for position, form in enumerate(sentence.forms, 1):
            row = rows[position]
            assert words[batch.symbols[0, row]] in (form.lower(), "<unknown>")
            spelled = [letters[starts[t] + of_row[row]] for t, n in enumerate(sizes) if n > of_row[row]]
            assert spelled == parser.letters.spell(form)
            at = row - len(order)
            assert batch.heads[at] == rows[sentence.heads[position - 1]]
            assert parser.vocabulary.labels[batch.labels[at] - parser.vocabulary.starts[-2]] in (
                sentence.deprels[position - 1],
                "<unknown>",
            )


def test_long_words_are_read_at_both_ends():
    letters = Letters.of([Sentence.from_words(["ab", "ab"], ["X"] * 2, [0, 1], ["root", "dep"])])
    word = "a" * 40 + "c" + "b" * 40
    spelled = letters.spell(word)
    assert len(spelled) == LONGEST_WORD + 2 and [letters.symbols[i] for i in spelled[:2]] == ["<begin>", "a"]
    assert letters.symbols[spelled[-2]] == "b" and letters.spell("c") == [1, 0, 2]


# ---- decoding ----------------------------------------------------------------------------------------------


def test_reading_by_blocks_is_what_the_network_computes():
    parser = untrained()
    parser.network.astype(np.float64)
    _, batch = batch_of(parser, TREES)
    vectors = vectors_of(parser, batch)
    found = read(parser.network, parser.counted(batch.symbols), batch.spelling, batch.sizes)
    np.testing.assert_allclose(found, vectors.data, rtol=1e-10, atol=1e-12)
    rows = np.random.default_rng(0).integers(0, batch.rows + 1, (50, len(parser.network.places)))
    summands = parser.network.summands(vectors)
    scores = Mover(parser.network, summands.data, batch.row_of).scores(rows.T)
    np.testing.assert_allclose(scores, parser.network.moves(summands, rows).data, rtol=1e-10, atol=1e-12)
    expected = parser.network.labels(vectors, batch.heads, batch.words).data
    found = label_scores(parser.network, vectors.data, batch.heads, batch.words)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_a_sentence_is_read_alike_to_the_bit_in_any_company():
    parser = untrained()
    order, batch = batch_of(parser, TREES)
    together = read(parser.network, parser.counted(batch.symbols), batch.spelling, batch.sizes)
    states = batch.states()
    for i in range(0, len(order), 9):
        sentence = TREES[order[i]]
        _, single = batch_of(parser, [sentence])
        alone = read(parser.network, parser.counted(single.symbols), single.spelling, single.sizes)
        rows = batch.row_of[states.root[i] : states.root[i] + len(sentence) + 1]
        np.testing.assert_array_equal(together[rows], alone[: len(sentence) + 1])
    trees = minibatch_parse(TREES, parser, 1000)
    assert all(minibatch_parse(TREES, parser, size) == trees for size in (1, 7, 64))


def test_decoding_is_greedy_over_legal_moves_and_labels_come_after():
    """One sentence at a time, by the slow configuration and the network itself."""
    parser = untrained(seed=4)
    names = [parser.vocabulary.relations, ("SHIFT", "LEFT-ARC", "RIGHT-ARC")]
    for sentence, (heads, relations) in zip(TREES[:25], parser.trees(TREES[:25])):
        _, batch = batch_of(parser, [sentence])
        vectors = vectors_of(parser, batch)
        nothing, summands = batch.rows, parser.network.summands(vectors)
        c = HybridConfiguration(len(sentence), single_root=True)
        while not c.finished:
            stack, first = [nothing, nothing, *c.stack][::-1], c.buffer[0] if c.buffer else nothing
            with no_grad():
                scores = parser.network.moves(summands, np.array([[*stack[:3], first]])).data[0]
            c.step(max((m for m in range(3) if c.legal(m)), key=lambda m: scores[m]))
        assert c.heads() == heads
        with no_grad():
            scores = parser.network.labels(vectors, np.array(heads), np.arange(1, len(heads) + 1)).data
        for head, relation, row in zip(heads, relations, scores):
            fitting = [n for n in names[0] if (n == "root") == (head == 0)]
            assert relation == max(fitting, key=lambda n: row[names[0].index(n)])


def test_even_an_untrained_parser_gives_projective_trees_with_one_root():
    for labelled in (True, False):
        for heads, relations in untrained(seed=5, labelled=labelled).trees(DEV):
            assert heads.count(0) == 1 and is_projective(heads)
            assert [r == "root" for r in relations] == [h == 0 for h in heads]


def test_empty_and_unknown_sentences():
    parser = untrained()
    strange = Sentence.from_words(["Ωμέγα"], ["?"], [0], ["root"])
    assert parser.trees([]) == [] and parser.trees([strange]) == [([0], ["root"])]


# ---- training ----------------------------------------------------------------------------------------------


def weights(result):
    return {name: array.tobytes() for name, array in result.parser.network.state_dict().items()}


@pytest.fixture(scope="module")
def trained():
    return train(TREES, DEV, SMALL)


def test_a_few_epochs_learn_the_small_grammar(trained):
    losses = [entry["loss"] for entry in trained.history]
    assert losses == sorted(losses, reverse=True) and losses[0] > 3 * losses[-1]
    scores = score(trained.parser, DEV)
    assert scores.uas > 0.93 and scores.las > 0.8
    assert scores.las == trained.history[trained.best_epoch - 1]["las"] == trained.parser.notes["las"]


def test_a_seed_repeats_a_run_and_an_interrupted_one_continues_to_the_bit(tmp_path, trained):
    def stop(share, *rest):
        if share > 0.5:
            raise KeyboardInterrupt

    path = tmp_path / "c.safetensors"
    first = train(TREES, DEV, SMALL, checkpoint=path, on_progress=stop)
    assert first.interrupted and len(first.history) == 2
    second = train(TREES, DEV, SMALL, checkpoint=path, resume=True)
    assert weights(second) == weights(trained) and second.history == trained.history
    with pytest.raises(CheckpointError, match="a training on another treebank"):
        train(TREES[1:], DEV, SMALL, checkpoint=path, resume=True)


def test_oracles_and_no_labels():
    one = replace(SMALL, epochs=2, labelled=False, average=0.0)
    for settings in (one, replace(one, oracle="static"), replace(one, explore=0.5)):
        result = train(TREES, DEV, settings)
        assert result.history[1]["uas"] > 0.6 and list(result.history[0]) == ["loss", "uas"]


def test_sentences_with_crossing_arcs_are_learnt_from_too():
    crossing = Sentence.from_words(list("abcd"), ["X"] * 4, [3, 4, 0, 3], ["dep", "dep", "root", "dep"])
    result = train([*TREES[:10], crossing], None, replace(SMALL, epochs=1))
    assert result.skipped == [] and np.isfinite(result.history[0]["loss"])


def test_refusals():
    with pytest.raises(DataError, match="no words to train on"):
        train([], None, SMALL)
    with pytest.raises(OptionError, match="Settings: network: 'lstm'; expected 'feed-forward' or 'bilstm'"):
        train(TREES[:5], None, replace(SMALL, network="lstm"))
    with np.errstate(all="ignore"), pytest.raises(Divergence, match="a smaller rate keeps it finite"):
        train(TREES, None, replace(SMALL, rate=1e30))


# ---- the file ----------------------------------------------------------------------------------------------


def test_a_parser_is_one_file(tmp_path, trained):
    path = tmp_path / "p.safetensors"
    trained.parser.save(path)
    loaded = Parser.load(path)
    assert isinstance(loaded, BiLSTMParser) and loaded.trees(DEV) == trained.parser.trees(DEV)
    assert loaded.notes["settings"]["network"] == "bilstm" and loaded.letters == trained.parser.letters
    about = serialize.load(path).metadata
    serialize.save(path, model=trained.parser.network, metadata={k: v for k, v in about.items() if k != "letters"})
    with pytest.raises(CheckpointError, match="a parser without all of its settings"):
        Parser.load(path)


def test_gradients_reach_every_parameter():
    parser = untrained()
    _, batch = batch_of(parser, TREES[:20])
    network = parser.network
    vectors = network(parser.counted(batch.symbols), batch.spelling, batch.sizes)
    rows = np.random.default_rng(0).integers(0, batch.rows + 1, (30, len(network.places)))
    moves = network.moves(network.summands(vectors), rows)
    labels = network.labels(vectors, batch.heads, batch.words)
    ((moves * Tensor(np.ones((30, 3), np.float32))).sum() + (labels * labels).sum()).backward()
    assert all(np.asarray(p.grad).any() for p in network.parameters())
