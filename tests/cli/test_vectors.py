"""train, evaluate and vectors from the command line: what they write, and what they say of bad input."""

import gzip
import importlib
import io
import json
import os
import signal

import numpy as np
import pytest
from tinygrad_nlp.models.word2vec import Vectors

from tinygrad_nlp.cli import train
from tinygrad_nlp.data import Vocabulary

TEXT = "the cat sleeps. the dog sleeps.\nthe car drives. the bus drives.\n" * 60


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


SMALL = ["--dim", 6, "--epochs", 2]


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
@pytest.mark.parametrize("loss", ["negative", "naive"])
@pytest.mark.parametrize("ending", ["safetensors", "txt", "bin"])
def test_every_model_and_loss_writes_every_format(run, text, tmp_path, model, loss, ending):
    out = tmp_path / f"v.{ending}"
    code, said, err = run("train", "skipgram", text, "--model", model, "--loss", loss, "--out", out, *SMALL)
    assert code == 0 and f"{out}: 7 vectors of 6 numbers, loss " in said and "words/s" in err
    assert Vectors.load(out).matrix.shape == (7, 6)
    assert run("neighbors", out, "cat", "-k", 2)[0] == 0
    assert run("analogy", out, "cat", "dog", "car", "-k", 1)[0] == 0


def test_options_reach_the_training(run, text, tmp_path):
    options = ["--fixed-window", "--window", 2, "--negatives", 7, "--exponent", 0.5, "--subsample", 0.01, "--json"]
    options += ["--min-count", 2, "--max-vocabulary", 5, "--rate", 0.05, "--last-rate", 0.01, "--batch", 64]
    options += ["--combine", "sum", "--seed", 9, "--sentences", "line", "--workers", 1]
    code, out, _ = run("train", "skipgram", text, "--out", tmp_path / "v.safetensors", *SMALL, *options)
    found = json.loads(out)
    expected = {"dynamic": False, "window": 2, "negatives": 7, "exponent": 0.5, "threshold": 0.01, "rate": 0.05}
    expected |= {"last_rate": 0.01, "batch": 64, "combine": "sum", "seed": 9, "dim": 6, "epochs": 2}
    assert code == 0 and expected.items() <= found["settings"].items()
    assert found["vocabulary"] == 5 and found["words"] == 720 and found["last_loss"] > 0


def test_vectors_that_stand_where_nobody_named_a_file_are_kept(run, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vectors.safetensors").write_bytes(b"hours of work")
    code, _, err = run("train", "skipgram", text, *SMALL)
    assert code == 0 and "there was a vectors.safetensors; it is now vectors.safetensors.old" in err
    assert (tmp_path / "vectors.safetensors.old").read_bytes() == b"hours of work"
    assert Vectors.load(tmp_path / "vectors.safetensors").matrix.shape == (7, 6)
    code, _, err = run("train", "skipgram", text, *SMALL, "--out", "vectors.safetensors")  # named: meant
    assert code == 0 and "there was" not in err


def test_a_training_too_short_to_learn_from_says_so(run, text, tmp_path):
    argv = ("train", "skipgram", text, "--out", tmp_path / "v.safetensors", "--dim", 20)
    code, out, err = run(*argv)
    assert code == 0 and "loss 4.1" in out  # of 6 ln 2 = 4.159
    assert "note: knowing nothing costs 4.159, so little was learned: a short text needs more --epochs than 5" in err
    code, out, err = run(*argv, "--subsample", 0)
    assert code == 0 and "loss 2." in out and "knowing nothing" not in err


def test_standard_input_and_packed_files_are_trained_on(run, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", type("Input", (), {"buffer": io.BytesIO(TEXT.encode())}))
    with gzip.open(tmp_path / "b.gz", "wt") as stream:
        stream.write(TEXT)
    code, _, err = run("train", "skipgram", "-", tmp_path / "b.gz", "--out", tmp_path / "v.bin", *SMALL)
    assert code == 0 and f"standard input, {tmp_path / 'b.gz'}: 1,440 words" in err


def test_windows_end_with_the_sentence_or_with_the_line(run, tmp_path):
    (tmp_path / "t").write_text("a b. c d.\n" * 50)
    pairs = {}
    for kind in ("punctuation", "line"):
        options = ["--sentences", kind, "--fixed-window", "--window", 3, "--subsample", 0, "--json", "--epochs", 1]
        pairs[kind] = json.loads(run("train", "skipgram", tmp_path / "t", "--out", tmp_path / "v.bin", *options)[1])
    assert pairs["punctuation"]["pairs"] == 50 * 4 and pairs["line"]["pairs"] == 50 * 12


def broken(tmp_path):
    """name -> path of input that cannot be trained on."""
    made = {
        "empty": b"",
        "few": b"only a few words",
        "single": b"word " * 50,
        "latin": "grün ".encode("latin-1") * 50,
        "nul": b"some\0words " * 50,
        "numbers": b"1 2 3 4 5\n" * 50,
    }
    for name, content in made.items():
        (tmp_path / name).write_bytes(content)


@pytest.mark.parametrize(
    "name, message",
    [
        ("empty", "no word occurs 5 times in a text of 0 words; give more text, or a smaller --min-count"),
        ("few", "no word occurs 5 times in a text of 4 words"),
        ("single", "a single word is left (word), and vectors say how words differ"),
        ("latin", "latin: not UTF-8 text"),
        ("nul", "nul: holds NUL characters"),
        ("numbers", "in a text of 0 words"),
        ("", "a folder; give the text files in it"),
        ("missing", "missing: no such file"),
    ],
)
def test_text_that_cannot_be_trained_on_is_one_line_and_code_2(run, tmp_path, name, message):
    broken(tmp_path)
    (tmp_path / "v.bin").write_bytes(b"precious")
    code, out, err = run("train", "skipgram", tmp_path / name, "--out", tmp_path / "v.bin")
    last = err.splitlines()[-1]
    assert code == 2 and out == "" and message in last and last.startswith("tinygrad-nlp: ")
    assert "Traceback" not in err and (tmp_path / "v.bin").read_bytes() == b"precious"


@pytest.mark.parametrize(
    "option, value, message",
    [
        ("--dim", "-3", "'-3' is not a whole number of at least 1"),
        ("--window", "0", "'0' is not a whole number of at least 1"),
        ("--workers", "two", "'two' is not a whole number of at least 1"),
        ("--exponent", "nan", "'nan' is not a number"),
        ("--subsample", "-1", "'-1' is less than 0"),
        ("--rate", "0", "'0' is not a number above 0"),
        ("--loss", "hinge", "invalid choice: 'hinge'"),
    ],
)
def test_impossible_options_are_one_line_and_code_2(run, text, option, value, message):
    code, out, err = run("train", "skipgram", text, f"{option}={value}")
    assert code == 2 and out == "" and message in err and err.count("\n") == 1


def test_a_diverging_rate_is_named_with_the_remedy(run, text, tmp_path):
    with np.errstate(all="ignore"):
        code, _, err = run("train", "skipgram", text, "--rate", "1e19", "--epochs", 30, "--out", tmp_path / "v.bin")
    assert code == 2 and "rate 1e+19 is too large; a smaller --rate, or a smaller --batch than" in err.splitlines()[-1]
    assert not (tmp_path / "v.bin").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_what_is_no_file_is_not_replaced_by_one(run, text, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    code, _, err = run("train", "skipgram", text, "--out", tmp_path / "pipe")
    assert code == 2 and "pipe: no file, and what is written there cannot be read again" in err.splitlines()[-1]
    assert (tmp_path / "pipe").is_fifo()


def test_a_folder_that_cannot_be_written_is_said_before_training(run, text, tmp_path, monkeypatch):
    monkeypatch.setattr(train.os, "access", lambda path, mode: False)
    code, _, err = run("train", "skipgram", text, "--out", tmp_path / "v.bin")
    assert code == 2 and "v.bin: not writable with your permissions" in err and "kept" not in err


def test_vectors_that_do_not_fit_on_the_disk_are_kept_elsewhere(run, text, tmp_path, monkeypatch):
    save = Vectors.save

    def full(self, path, notes=None):
        if path == tmp_path / "v.bin":
            raise OSError(28, "No space left on device")
        save(self, path, notes)

    monkeypatch.setattr(Vectors, "save", full)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, out, err = run("train", "skipgram", text, "--out", tmp_path / "v.bin", *SMALL, "--json")
    kept = json.loads(out)["file"]
    assert code == 2 and f"v.bin: No space left on device; the vectors are kept in {kept}" in err
    assert len(Vectors.load(kept)) == 7


def test_two_full_disks_are_one_line_and_nothing_is_left_behind(run, text, tmp_path, monkeypatch):
    def full(self, path, notes=None):
        raise OSError("I/O error: no room")  # as the writer of safetensors says it: no number, no strerror

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr(Vectors, "save", full)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    code, _, err = run("train", "skipgram", text, "--out", tmp_path / "v.bin", *SMALL)
    assert code == 2 and "v.bin: I/O error: no room; nor could they be kept in " in err.splitlines()[-1]
    assert err.count("kept in") == 1 and list((tmp_path / "elsewhere").iterdir()) == []


def test_too_little_memory_is_one_line(run, text, tmp_path, monkeypatch):
    def refuse(*_):
        raise MemoryError("Unable to allocate 3. TiB")

    monkeypatch.setattr("tinygrad_nlp.models.word2vec.fast.Shared", refuse)
    code, _, err = run("train", "skipgram", text, "--out", tmp_path / "v.bin", *SMALL)
    assert code == 2 and err.splitlines()[-1] == "tinygrad-nlp: not enough memory: Unable to allocate 3. TiB"


def test_an_interrupt_keeps_the_vectors_and_ends_with_130(run, text, tmp_path, monkeypatch):
    from tinygrad_nlp.cli.progress import Progress

    def interrupt(self, share, count, note=""):
        if share > 0.3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "update", interrupt)
    code, _, err = run("train", "skipgram", text, "--out", tmp_path / "v.bin", "--epochs", 50)
    assert code == 130 and "interrupted; keeping what was learned from" in err
    assert len(Vectors.load(tmp_path / "v.bin")) == 7


def test_a_line_without_end_is_trained_on(run, tmp_path):
    (tmp_path / "t").write_text("one two three four " * 120_000)  # longer than a line may be: cut between words
    code, _, err = run("train", "skipgram", tmp_path / "t", "--epochs", 1, "--dim", 4, "--out", tmp_path / "v.bin")
    assert code == 0 and "480,000 words, 4 different ones kept" in err


@pytest.fixture
def saved(tmp_path):
    rows = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]])
    path = tmp_path / "v.safetensors"
    Vectors(Vocabulary({"list": 9, "tuple": 8, "file": 7, "path": 6}), rows).save(path)
    return path


def test_vectors_are_described_and_converted_there_and_back(run, saved, tmp_path):
    code, out, _ = run("vectors", saved, "--out", tmp_path / "v.txt")
    assert code == 0 and out.startswith("4 vectors of 2 numbers (float64): list, tuple, file, path\n")
    code, out, _ = run("vectors", tmp_path / "v.txt", "--out", tmp_path / "v.bin", "--json")
    assert json.loads(out)["words"] == 4
    back = Vectors.load(tmp_path / "v.bin")
    assert back.vocabulary.words == ("list", "tuple", "file", "path")
    np.testing.assert_allclose(back.matrix, Vectors.load(saved).matrix, rtol=1e-6)


def test_oddities_of_a_file_are_notes_on_standard_error(run, tmp_path):
    (tmp_path / "v.txt").write_bytes(b"2 2\na 1 2\na 3 4\n")
    for command, *words in (["vectors"], ["neighbors", "a"], ["analogy", "a", "a", "a"]):
        code, _, err = run(command, tmp_path / "v.txt", *words)
        assert code == 0 and err == "note: 1 words come twice; the first row of each is kept\n"


def test_evaluate_reports_coverage(run, saved, tmp_path):
    (tmp_path / "p.tsv").write_text("list\ttuple\t9\nlist\tfile\t1\nfile\tpath\t8\nlist\tunknown\t3\n")
    (tmp_path / "q.txt").write_text(": kinds\nlist tuple file path\nlist tuple file unknown\n")
    arguments = ["evaluate", "vectors", saved, "--pairs", tmp_path / "p.tsv", "--analogies", tmp_path / "q.txt"]
    code, out, _ = run(*arguments)
    assert code == 0 and "on 3 of 4 pairs" in out and "analogies: 100.0% on 1 of 2 questions" in out
    found = json.loads(run(*arguments, "--json")[1])
    assert found["similarity"]["known"] == 3 and found["analogies"]["sections"]["kinds"]["total"] == 2
    (tmp_path / "none.tsv").write_text("x\ty\t1\n")
    assert json.loads(run("evaluate", "vectors", saved, "--pairs", tmp_path / "none.tsv", "--json")[1])[
        "similarity"
    ] == {
        "spearman": None,
        "known": 0,
        "total": 1,
    }


def test_evaluate_without_a_measure_says_what_to_give(run, saved):
    code, _, err = run("evaluate", "vectors", saved)
    assert code == 2 and "give --pairs FILE, --analogies FILE or both" in err and err.count("\n") == 1


def test_reading_shows_progress(capsys):
    from tinygrad_nlp.cli.progress import Progress

    clock = iter(range(0, 1000, 10))
    stream = io.StringIO()
    progress = Progress("reading", "words", stream, clock=lambda: next(clock))
    assert list(train.counted([["a", "b"]] * 2001, progress)) == [["a", "b"]] * 2001
    assert stream.getvalue().splitlines()[-1] == "reading  4,002 words  133 words/s"
    assert capsys.readouterr() == ("", "")


def test_an_interrupted_training_resumes_to_the_same_file(run, text, tmp_path, monkeypatch):
    word2vec = importlib.import_module("tinygrad_nlp.models.word2vec.fast")
    monkeypatch.setitem(word2vec.PIECE, "negative", 300)
    command = ["train", "skipgram", text, *SMALL, "--epochs", 40, "--subsample", 0, "--out"]
    assert run(*command, tmp_path / "whole.bin")[0] == 0
    looks = []

    class Interrupted(train.Progress):
        def update(self, share, count, rest):
            if share > 0.4 and not looks:
                looks.append(signal.raise_signal(signal.SIGINT))

    with monkeypatch.context() as patched:
        patched.setattr(train, "Progress", Interrupted)
        code, out, err = run(*command, tmp_path / "v.bin")
    part = tmp_path / "v.bin.part"
    assert code == 130 and part.exists() and f"{part}: where it stopped; the same command with --resume goes on" in out
    assert len(Vectors.load(tmp_path / "v.bin").vocabulary) == 7
    code, out, err = run(*command, tmp_path / "v.bin", "--resume", "--dim", 7)
    assert code == 2 and "the training was begun with dim 6, and is to go on with 7" in err.splitlines()[-1]
    assert run(*command, tmp_path / "v.bin", "--resume")[0] == 0 and not part.exists()
    assert (tmp_path / "v.bin").read_bytes() == (tmp_path / "whole.bin").read_bytes()
    code, out, err = run(*command, tmp_path / "v.bin", "--resume")
    assert code == 2 and "no interrupted training to resume; start it without --resume" in err.splitlines()[-1]
