"""The parser's benchmarks run on a small treebank and print what they say they print."""

import json

import numpy as np
import pytest
from tinygrad_nlp.models.parser import Parser, Vocabulary, generate, load_treebank, write_conllu
from tinygrad_nlp.models.parser.bilstm import Letters
from tinygrad_nlp.models.parser.bilstm_decode import BiLSTMParser

from benchmarks import parser, parser_accuracy


@pytest.fixture
def folder(tmp_path):
    made = [g.sentence for g in generate(60, seed=5)]
    for name, part in (("train", made[:40]), ("dev", made[40:50]), ("test", made[50:])):
        write_conllu(tmp_path / f"x-ud-{name}.conllu", part)
    return tmp_path


def test_oracle_and_decoding_are_timed(folder, capsys):
    assert parser.main([str(folder), "--threads", "--repeats", "1", "--json", str(folder / "r.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "oracle and features of 40 sentences, arc-standard",
        "oracle and features of 40 sentences, arc-hybrid",
        "decoding of 10 sentences, hidden 200, arc-standard",
    ]
    assert json.loads((folder / "r.json").read_text())["sentences_per_second"] > 0


def test_a_bilstm_can_be_timed_too(folder, capsys):
    text = load_treebank(folder / "x-ud-train.conllu")
    made = BiLSTMParser.untrained(Vocabulary.of(text), Letters.of(text), rng=np.random.default_rng(0), hidden=8)
    made.save(folder / "p.safetensors")
    argv = [str(folder), "--parser", str(folder / "p.safetensors"), "--threads", "--repeats", "1"]
    assert parser.main(argv) == 0
    assert "decoding of 10 sentences, BiLSTM, hidden 8, arc-hybrid: " in capsys.readouterr().out


def test_every_seed_is_a_run_and_every_model_a_line(folder, capsys, monkeypatch):
    monkeypatch.setitem(parser_accuracy.MODELS, "three", ("small", {"labelled": False, "epochs": 1, "hidden": 8}))
    argv = [str(folder), "--models", "three", "--seeds", "2", "--out", str(folder), "--json", str(folder / "a.json")]
    assert parser_accuracy.main(argv) == 0
    runs = json.loads((folder / "a.json").read_text())
    assert [run["seed"] for run in runs] == [1, 2]
    head, _, line = capsys.readouterr().out.splitlines()
    shares = [100 * run["test"][0] for run in runs]
    assert f"| {sum(shares) / 2:.2f} ({min(shares):.2f}–{max(shares):.2f}) ✗ ≥83.0 | – |" in line
    assert not Parser.load(folder / "three-2.safetensors").labelled


def test_a_folder_without_the_files_is_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"0 files \*train.conllu\*; expected one"):
        parser_accuracy.main([str(tmp_path)])
