"""The command line by its words and exit codes."""

import gzip
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from tinygrad_nlp.models.word2vec import Vectors

from tinygrad_nlp.cli import COMMANDS
from tinygrad_nlp.data import Vocabulary


@pytest.fixture
def saved(tmp_path):
    rows = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]])
    vocabulary = Vocabulary({"list": 9, "tuple": 8, "file": 7, "path": 6})
    path = tmp_path / "v.safetensors"
    Vectors(vocabulary, rows).save(path)
    return path


@pytest.mark.parametrize("argv, code", [([], 2), (["--help"], 0), (["-h"], 0)])
def test_help_names_every_command(run, argv, code):
    got, out, err = run(*argv)
    assert got == code and err == ""
    assert all(f"  {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(run, name):
    code, out, err = run(name, "--help")
    assert code == 0 and f"usage: tinygrad-nlp {name}" in out and err == ""


@pytest.mark.parametrize(
    "argv, message",
    [
        (["nieghbors"], "tinygrad-nlp: no command 'nieghbors'; did you mean neighbors?"),
        (["xyz"], "tinygrad-nlp: no command 'xyz'; commands: demo, train, neighbors, analogy, "),
        (
            ["demo", "--epochs", "0"],
            "tinygrad-nlp demo: argument --epochs: '0' is not a whole number of at least 1 (see tinygrad-nlp demo "
            "--help)",
        ),
        (["demo", "--seed", "-1"], "argument --seed: '-1' is not a whole number of at least 0"),
        (["train", "skipgram", "--rate", "nan"], "argument --rate: 'nan' is not a number above 0"),
        (["train", "parsnip"], "invalid choice: 'parsnip'"),
        (["train", "skipgram", "/nowhere.txt"], "tinygrad-nlp: /nowhere.txt: no such file"),
        (["train", "skipgram", "--out", "/nowhere/v.st"], "--out /nowhere/v.st: there is no folder /nowhere"),
        (["neighbors", "/nowhere.st", "list"], "tinygrad-nlp: /nowhere.st: No such file or directory"),
        (
            ["neighbors", __file__, "list"],
            "no word vectors; expected safetensors, word2vec text or binary, or GloVe text",
        ),
        (["check", "sofmax"], "tinygrad-nlp: no op 'sofmax'; did you mean softmax"),
    ],
)
def test_a_user_error_is_one_line_and_code_2(run, argv, message):
    code, out, err = run(*argv)
    assert code == 2 and out == ""
    assert message in err and err.count("\n") == 1


def test_an_out_folder_that_is_a_file_is_refused_before_training(run, tmp_path):
    (tmp_path / "taken").write_text("")
    code, _, err = run("demo", "--quick", "--out", tmp_path / "taken")
    assert code == 2 and "taken: File exists" in err and "training" not in err


def test_neighbors_and_analogy(run, saved):
    code, out, _ = run("neighbors", saved, "list", "file", "-k", 1)
    assert code == 0 and out == "list\n  tuple  0.994\nfile\n  path  0.994\n"
    code, out, _ = run("neighbors", saved, "list", "-k", 2, "--json")
    assert [word for word, _ in json.loads(out)["list"]] == ["tuple", "path"]
    code, out, _ = run("analogy", saved, "list", "tuple", "file", "-k", 1)
    assert code == 0 and out.splitlines()[0] == "list is to tuple as file is to" and "path" in out


def test_an_unknown_word_is_answered_with_close_ones(run, saved):
    code, out, err = run("neighbors", saved, "tupel")
    assert code == 2 and out == ""
    assert err == "tinygrad-nlp: 'tupel' is not among the 4 words that occur at least 1 times; did you mean tuple?\n"


def test_training_on_files_writes_vectors_that_neighbors_reads(run, tmp_path):
    with gzip.open(tmp_path / "a.txt.gz", "wt") as stream:
        stream.write("the cat sleeps. the dog sleeps.\n" * 40)
    (tmp_path / "b.txt").write_text("the car drives\n" * 40)
    out_file = tmp_path / "v.safetensors"
    options = ["--dim", 8, "--epochs", 2, "--out", out_file]
    code, out, err = run("train", "skipgram", tmp_path / "a.txt.gz", tmp_path / "b.txt", *options)
    assert code == 0
    assert f"{out_file}: 6 vectors of 8 numbers, loss " in out
    assert "360 words, 6 different ones kept" in err and "words/s" in err
    assert run("neighbors", out_file, "cat")[0] == 0
    code, out, _ = run("train", "skipgram", tmp_path / "b.txt", *options, "--subsample", 0, "--json")
    assert json.loads(out)["vocabulary"] == 3


def test_check_passes_a_right_op_and_names_one_without_gradient(run):
    code, out, _ = run("check", "mul", "argmax")
    assert code == 0 and re.search(r"mul +right on \d+ samples", out) and "has no gradient" in out
    assert "2 ops, 0 wrong" in out


def test_check_ends_with_code_1_at_a_planted_wrong_rule(run, monkeypatch):
    from tinygrad_nlp import registry

    op = registry["tanh"]
    monkeypatch.setattr(op, "rules", (lambda g, out, x: g * (1 - out * out) * 1.001,))
    code, out, _ = run("check", "tanh")
    assert code == 1 and "WRONG at sample" in out


def test_doctor_says_what_is_there_and_what_is_not(run, monkeypatch):
    monkeypatch.setenv("PATH", "")
    code, out, _ = run("doctor", "--json")
    found = json.loads(out)
    assert code == 0 and found["facts"]["NumPy"] == np.__version__ and found["facts"]["Graphviz"] == "no `dot` program"
    assert run("doctor")[0] == 0


def test_doctor_advises_on_narrow_kernels_only_where_the_cpu_has_wide_ones(monkeypatch):
    from tinygrad_nlp.cli import doctor

    monkeypatch.setattr(doctor, "openblas", lambda: ("Haswell", 1))
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    for wide in (True, False):
        monkeypatch.setattr(doctor, "has_avx512", lambda wide=wide: wide)
        advice = " ".join(doctor.examine()[1])
        assert ("OPENBLAS_CORETYPE=SkylakeX" in advice) == wide
    monkeypatch.setattr(doctor, "has_avx512", lambda: True)
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert "unset OPENBLAS_CORETYPE (now Haswell)" in " ".join(doctor.examine()[1])
    monkeypatch.setattr(doctor, "openblas", lambda: ("SkylakeX", 1000))
    monkeypatch.setattr(doctor, "has_avx512", lambda: True)
    advice = " ".join(doctor.examine()[1])
    assert "OPENBLAS_CORETYPE" not in advice and "OPENBLAS_NUM_THREADS=" in advice


def test_the_module_runs_as_a_program_and_a_closed_pipe_is_no_traceback():
    command = f'"{sys.executable}" -m tinygrad_nlp --help | head -c 5'
    done = subprocess.run(
        command,
        shell=True,
        env={"PYTHONPATH": ":".join(filter(None, sys.path)), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "usage" and "Traceback" not in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_standard_output_is_named(unbuffered):
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path)), "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tinygrad_nlp", "--help"],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, "tinygrad-nlp: standard output: No space left on device\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_behind_a_page_is_named(run, tmp_path):
    (tmp_path / "relu.md").symlink_to("/dev/full")
    code, out, err = run("explain", "relu", "--out", tmp_path / "relu.md")
    assert (code, out, err) == (2, "", f"tinygrad-nlp: {tmp_path / 'relu.md'}: No space left on device\n")


def test_only_the_command_asked_for_is_imported():
    code = "import sys, tinygrad_nlp.cli as c; c.main(['--help']); print('tinygrad_nlp.cli.demo' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "False"
