"""A corpus on disk equals the one in memory, in bounded memory, and leaves nothing behind."""

import gc
import pickle
import random
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from tinygrad_nlp.data import DataError, Vocabulary, encode, store, stored


def random_text():
    rng = random.Random(0)
    return [[f"w{int(rng.paretovariate(0.8))}" for _ in range(rng.randrange(0, 9))] for _ in range(500)]


@pytest.mark.parametrize("chunk", [1 << 18, 64])
@pytest.mark.parametrize("min_count", [1, 3])
def test_it_holds_what_encode_holds(monkeypatch, chunk, min_count):
    monkeypatch.setattr(stored, "_CHUNK", chunk)
    memory, disk = encode(random_text(), min_count), store(random_text(), min_count)
    assert disk.vocabulary.words == memory.vocabulary.words
    assert np.array_equal(disk.vocabulary.counts, memory.vocabulary.counts)
    assert (len(disk), disk.tokens, disk.forgotten) == (len(memory), memory.tokens, 0)
    for start, stop in ((0, len(memory)), (7, 100), (5, 5)):
        ours, theirs = disk.piece(start, stop), memory.piece(start, stop)
        assert np.array_equal(ours[0], theirs[0]) and np.array_equal(ours[1], theirs[1])


def test_a_bounded_vocabulary_is_the_most_frequent_words_and_others_are_skipped():
    corpus = store([["a", "b", "a"], ["c", "a", "b"], ["c", "b", "b", "d"]], 1, max_vocabulary=2)
    assert corpus.vocabulary.words == ("b", "a") and corpus.vocabulary.counts.tolist() == [4, 3]
    assert [corpus.vocabulary.words[i] for i in corpus.piece(0, 9)[0]] == ["a", "b", "a", "a", "b", "b", "b"]
    assert Vocabulary({"x": 1, "y": 2}, most=1).words == ("y",)


def test_with_too_many_words_to_count_the_rarest_are_forgotten_and_the_frequent_are_exact():
    text = [["the", f"once{i}", "cat"] for i in range(1000)]
    corpus = store(text, 2, most_candidates=100)
    assert corpus.vocabulary.words == ("cat", "the") and corpus.vocabulary.counts.tolist() == [1000, 1000]
    assert corpus.forgotten > 800 and len(corpus) == 2000 and corpus.tokens == 3000
    ids, sentence = corpus.piece(0, 2000)
    assert ids.tolist() == [1, 0] * 1000 and np.array_equal(sentence, np.repeat(np.arange(1000), 2))


def test_a_forgotten_word_that_comes_back_keeps_only_its_later_places():
    # "rare" is forgotten when the bound is met, then becomes frequent: its count and its places must agree.
    text = [["rare"]] + [["the", f"x{i}"] for i in range(30)] + [["rare", "the"]] * 20
    corpus = store(text, 5, most_candidates=10)
    ids, _ = corpus.piece(0, len(corpus))
    assert dict(zip(corpus.vocabulary.words, np.bincount(ids).tolist())) == {"the": 50, "rare": 20}
    assert corpus.vocabulary.counts.tolist() == np.bincount(ids).tolist()


def test_the_file_goes_with_the_corpus_and_a_worker_does_not_own_it():
    corpus = store([["a", "b"]] * 5, 1)
    file = Path(corpus.file)
    assert [p.name for p in file.parent.iterdir()] == ["corpus"]
    copy = pickle.loads(pickle.dumps(corpus))
    assert np.array_equal(copy.piece(0, 10)[0], corpus.piece(0, 10)[0])
    del copy
    gc.collect()
    assert file.exists()
    del corpus
    gc.collect()
    assert not file.parent.exists()


@pytest.mark.parametrize("text, message", [([], "in a text of 0 words"), ([["a", "b"]], "no word occurs 5 times")])
def test_a_text_without_frequent_words_is_refused_and_leaves_no_file(tmp_path, monkeypatch, text, message):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(DataError, match=message):
        store(text)
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_with_what_to_do(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stored, "_number", full)
    with pytest.raises(DataError, match=r"does not fit into .* \(No space left on device\); set TMPDIR"):
        store([["a"]])


def test_errors_of_the_text_itself_are_passed_on():
    def text():
        yield ["a"]
        raise DataError("book.txt: no such file")

    with pytest.raises(DataError, match="^book.txt: no such file$"):
        store(text())


def test_memory_does_not_grow_with_the_text(monkeypatch):
    monkeypatch.setattr(stored, "_CHUNK", 1 << 12)

    def peak(sentences):
        tracemalloc.start()
        store((["one", "two", "three", "four"] for _ in range(sentences)), 1)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(100_000) < 1.5 * peak(10_000)


def test_what_is_too_long_for_a_word_ends_the_sentence_and_is_not_kept():
    corpus = store([["a", "x" * 5000, "b"]] * 3, 1)
    assert corpus.vocabulary.words == ("a", "b") and corpus.tokens == 9
    ids, sentence = corpus.piece(0, 6)
    assert ids.tolist() == [0, 1] * 3 and len(set(sentence.tolist())) == 6
