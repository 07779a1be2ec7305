"""train parser, parse and evaluate parser by their words, files and exit codes."""

import io
import json
import os
import sys

import pytest
from tinygrad_nlp.models.parser import Parser, generate, load_treebank, write_conllu

from tinygrad_nlp.cli import main

QUICK = ("--epochs", 2, "--dim", 8, "--hidden", 16, "--batch", 64, "--rate", 0.02)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parser")
    made = [g.sentence for g in generate(130, seed=5)]
    write_conllu(folder / "train.conllu.gz", made[:100])
    write_conllu(folder / "dev.conllu", made[100:])
    argv = ("train", "parser", folder / "train.conllu.gz", "--dev", folder / "dev.conllu", "--out", folder / "p.st")
    assert main(list(map(str, (*argv, *QUICK)))) == 0
    return folder


def test_train_says_what_came_out(run, files, tmp_path):
    argv = ("train", "parser", files / "train.conllu.gz", "--dev", files / "dev.conllu", "--out", tmp_path / "q.st")
    code, out, err = run(*argv, *QUICK)
    assert (
        code == 0
        and f"{tmp_path / 'q.st'}: epoch " in out
        and ", on dev UAS" in out
        and "next: tinygrad-nlp parse" in out
    )
    assert "100 sentences, 1," in err and "trained: 200 sentences in" in err
    code, out, _ = run(*argv, *QUICK, "--json", "--unlabelled", "--tags", "xpos")
    told = json.loads(out)
    assert code == 0 and told["best_epoch"] in (1, 2) and told["settings"]["labelled"] is False
    assert Parser.load(tmp_path / "q.st").vocabulary.tag_columns == "xpos"


def test_a_parser_that_stands_where_nobody_named_a_file_is_kept(run, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    old = tmp_path / "parser.safetensors"
    old.write_bytes(b"hours of work")
    argv = ("train", "parser", files / "dev.conllu", *QUICK)
    code, out, err = run(*argv)
    assert code == 0 and "there was a parser.safetensors; it is now parser.safetensors.old" in err
    assert (tmp_path / "parser.safetensors.old").read_bytes() == b"hours of work" and Parser.load(old)
    code, _, err = run(*argv, "--out", "parser.safetensors")  # named: meant
    assert code == 0 and "there was" not in err
    assert (tmp_path / "parser.safetensors.old").read_bytes() == b"hours of work"
    code, _, err = run(*argv)
    assert code == 0 and "it is now parser.safetensors.old2" in err and Parser.load(f"{old}.old2")
    assert (tmp_path / "parser.safetensors.old").read_bytes() == b"hours of work"


def test_a_resumed_training_gives_the_same_file(run, files, tmp_path):
    argv = ("train", "parser", files / "train.conllu.gz", "--checkpoint", tmp_path / "c.st", "--out", tmp_path / "q.st")
    assert run(*argv, *QUICK)[0] == 0
    once = Parser.load(tmp_path / "q.st").trees(load_treebank(files / "dev.conllu"))
    assert run(*argv, *QUICK, "--resume")[0] == 0
    assert Parser.load(tmp_path / "q.st").trees(load_treebank(files / "dev.conllu")) == once
    code, _, err = run(*argv, *QUICK, "--resume", "--seed", 2)
    assert code == 2 and "a training with seed=1; expected the settings and the treebank it was begun with" in err


def test_a_network_that_reads_the_whole_sentence(run, files, tmp_path):
    train, dev, out = files / "train.conllu.gz", files / "dev.conllu", tmp_path / "b.st"
    argv = ("train", "parser", train, "--dev", dev, "--network", "bilstm", "--out", out)
    code, told, _ = run(*argv, *QUICK, "--json")
    settings = json.loads(told)["settings"]
    assert code == 0 and (settings["network"], settings["tags"], settings["epochs"]) == ("bilstm", "both", 2)
    code, told, _ = run("evaluate", "parser", dev, "--parser", out, "--json")
    assert code == 0 and json.loads(told)["words"] == sum(map(len, load_treebank(dev)))
    assert run("parse", dev, "--parser", out, "--out", tmp_path / "parsed.conllu")[0] == 0
    assert [s.forms for s in load_treebank(tmp_path / "parsed.conllu")] == [s.forms for s in load_treebank(dev)]
    code, _, err = run(*argv, "--activation", "cube")
    assert code == 2 and "--activation: a choice of the feed-forward network alone" in err


def test_word_vectors_to_begin_with(run, files, tmp_path):
    vectors, out = tmp_path / "v.txt", tmp_path / "q.st"
    vectors.write_text("3 5\nthe 1 2 3 4 5\nunheard 5 4 3 2 1\nAnna 1 0 1 0 1\n")
    argv = ("train", "parser", files / "train.conllu.gz", "--vectors", vectors, "--distances", "--epochs", 1)
    code, told, _ = run(*argv, "--out", out, "--json")
    settings = json.loads(told)["settings"]
    assert code == 0 and settings["dim"] == 5 and settings["distances"] is True
    words = Parser.load(out).vocabulary.words
    assert "unheard" in words and words.count("the") == words.count("anna") == 1
    code, _, err = run(*argv, "--dim", 8)
    assert code == 2 and "vectors of 5 numbers for a parser of dim=8" in err
    code, _, err = run(*argv, "--network", "bilstm")
    assert code == 2 and "--distances: a choice of the feed-forward network alone" in err
    code, _, err = run(*argv[:3], "--vectors", files / "dev.conllu")
    assert code == 2 and "dev.conllu" in err


def test_without_a_treebank_the_generated_one_is_used(run, monkeypatch, tmp_path):
    from tinygrad_nlp.cli import train_parser

    monkeypatch.setattr(train_parser, "GENERATED", (60, 20))
    code, out, err = run("train", "parser", "--out", tmp_path / "p.st", *QUICK)
    assert code == 0 and "generated treebank: 60 sentences" in err
    assert "best possible on this treebank: 99." in out and "on dev UAS" in out


def test_parse_changes_heads_and_relations_alone(run, files, tmp_path):
    code, out, err = run("parse", files / "dev.conllu", "--parser", files / "p.st")
    assert (code, err) == (0, "")
    (tmp_path / "out.conllu").write_text(out, encoding="utf-8")
    before, after = load_treebank(files / "dev.conllu"), load_treebank(tmp_path / "out.conllu")
    assert [(s.forms, s.upos, s.comments) for s in before] == [(s.forms, s.upos, s.comments) for s in after]
    assert [(s.heads, s.deprels) for s in after] == Parser.load(files / "p.st").trees(before)
    code, out, _ = run(
        "parse", files / "dev.conllu", "--parser", files / "p.st", "--out", tmp_path / "o2", "--batch", 3
    )
    assert code == 0 and out == ""
    assert (tmp_path / "o2").read_bytes() == (tmp_path / "out.conllu").read_bytes()


def stdin(monkeypatch, text):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_parse_tagged_text_as_a_tree(run, files, monkeypatch):
    stdin(monkeypatch, "the_DET dog_NOUN slept_VERB ._PUNCT\n\nshe_PRON sang_VERB\n")
    code, out, err = run("parse", "-", "--tagged", "--tree", "--parser", files / "p.st")
    assert (code, err) == (0, "")
    assert out.startswith("the dog slept .\n\n") and "she sang\n\n" in out and out.count("root") == 2
    stdin(monkeypatch, "the_DET dog\n")
    code, _, err = run("parse", "-", "--tagged", "--parser", files / "p.st")
    assert code == 2 and "-, line 1: the token 'dog' has no tag; expected word_TAG" in err


BROKEN = "1\tshe\t_\tPRON\t_\t_\t_\t_\t_\t_\n\n# odd\n1\tx\n\n1\the\t_\tPRON\t_\t_\t_\t_\t_\t_\n\n"


def test_ill_formed_sentences_are_refused_or_passed_on_by_choice(run, files, monkeypatch):
    stdin(monkeypatch, BROKEN)
    code, _, err = run("parse", "-", "--parser", files / "p.st")
    assert code == 2 and "standard input, line 4: 2 columns; expected 10" in err
    stdin(monkeypatch, BROKEN)
    code, out, err = run("parse", "-", "--parser", files / "p.st", "--faulty", "keep")
    assert code == 1 and err == "not parsed: standard input, line 4: 2 columns; expected 10, separated by tabs\n"
    assert out == BROKEN.replace("\t_\t_\t_\t_\n", "\t0\troot\t_\t_\n")


def test_missing_tags_are_noted(run, files, monkeypatch):
    stdin(monkeypatch, BROKEN.split("# odd")[0].replace("PRON", "_"))
    code, _, err = run("parse", "-", "--parser", files / "p.st")
    assert code == 0 and "note: 1 of 1 sentences have no UPOS, which this parser reads" in err


def test_evaluate_a_parser_or_its_output(run, files, tmp_path):
    code, out, _ = run("evaluate", "parser", files / "dev.conllu", "--parser", files / "p.st")
    assert code == 0 and "without punctuation" in out and "words from the head" in out
    code, out, _ = run("evaluate", "parser", files / "dev.conllu", "--parser", files / "p.st", "--json")
    scores = json.loads(out)
    assert code == 0 and 0 < scores["las"] <= scores["uas"] <= 1
    run("parse", files / "dev.conllu", "--parser", files / "p.st", "--out", tmp_path / "out.conllu")
    code, out, _ = run("evaluate", "parser", files / "dev.conllu", "--parsed", tmp_path / "out.conllu", "--json")
    assert code == 0 and json.loads(out) == scores


@pytest.mark.parametrize(
    "argv, message",
    [
        (["train", "parser", "/nowhere.conllu"], "tinygrad-nlp: /nowhere.conllu: no such file"),
        (["train", "parser", "--dropout", "1"], "argument --dropout: '1' is not a number from 0 to below 1"),
        (["train", "parser", "--out", "/nowhere/p.st"], "--out /nowhere/p.st: there is no folder /nowhere"),
        (["train", "parser", "--resume"], "--resume: needs --checkpoint FILE"),
        (["parse", "/nowhere.conllu", "--parser", "/nowhere.st"], "/nowhere.st: no such file"),
        (["parse", __file__, "--parser", __file__], "no safetensors file"),
        (["evaluate", "skipgram", "x"], "invalid choice: 'skipgram'"),
    ],
)
def test_a_user_error_is_one_line_and_code_2(run, argv, message):
    code, out, err = run(*argv)
    assert code == 2 and out == "" and message in err and err.count("\n") == 1


def test_an_output_file_is_left_alone_when_the_input_cannot_be_read(run, files, tmp_path):
    (tmp_path / "kept").write_text("precious")
    code, _, err = run("parse", tmp_path / "nowhere", "--parser", files / "p.st", "--out", tmp_path / "kept")
    assert code == 2 and "no such file" in err and (tmp_path / "kept").read_text() == "precious"
    whole = (files / "dev.conllu").read_text(encoding="utf-8")
    (tmp_path / "faulty").write_text(whole + "no sentence\n\n", encoding="utf-8")
    argv = ("parse", tmp_path / "faulty", "--parser", files / "p.st", "--batch", 3)
    code, _, err = run(*argv, "--out", tmp_path / "kept")
    assert code == 2 and "1 columns; expected 10" in err and (tmp_path / "kept").read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["faulty", "kept"]


def test_input_is_not_overwritten(run, files):
    code, _, err = run("parse", files / "dev.conllu", "--parser", files / "p.st", "--out", files / "dev.conllu")
    assert code == 2 and "the file that is read" in err and len(load_treebank(files / "dev.conllu")) == 30


def test_what_cannot_work_is_said_before_the_training(run, files, tmp_path):
    for option in ("--out", "--checkpoint"):
        for path, fault in ((tmp_path / "no" / "p.st", "there is no folder"), (tmp_path, "a folder")):
            code, _, err = run("train", "parser", files / "train.conllu.gz", option, path)
            assert code == 2 and f"{option} {path}: {fault}" in err and "sentences" not in err
        code, _, err = run("train", "parser", files / "train.conllu.gz", option, os.devnull)
        assert code == 2 and f"{option} {os.devnull}: no file" in err and "sentences" not in err


def test_a_missing_parser_says_where_one_comes_from(run, files, tmp_path):
    for command in (["parse"], ["evaluate", "parser"]):
        code, _, err = run(*command, files / "dev.conllu", "--parser", tmp_path / "q.st")
        assert code == 2 and f"{tmp_path / 'q.st'}: no such file; `train parser --out {tmp_path / 'q.st'}`" in err


def test_empty_input_gives_empty_output_and_a_note(run, files, tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    for more in ((), ("--tagged",)):
        code, out, err = run("parse", tmp_path / "empty", "--parser", files / "p.st", *more)
        assert (code, out, err) == (0, "", "note: no sentences in the input\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_named(run, files):
    code, _, err = run("parse", files / "dev.conllu", "--parser", files / "p.st", "--out", "/dev/full")
    assert code == 2 and "/dev/full: No space left on device" in err


def test_a_dynamic_oracle_and_averages_from_the_command_line(run, files, tmp_path):
    argv = ("train", "parser", files / "train.conllu.gz", "--dev", files / "dev.conllu", "--out", tmp_path / "q.st")
    code, out, _ = run(
        *argv, *QUICK, "--oracle", "dynamic", "--average", 0.9, "--beta2", 0.95, "--threads", 2, "--json"
    )
    settings = json.loads(out)["settings"]
    assert code == 0 and (settings["oracle"], settings["average"], settings["beta2"]) == ("dynamic", 0.9, 0.95)
    assert Parser.load(tmp_path / "q.st").system == "arc-hybrid"
    code, out, _ = run("evaluate", "parser", files / "dev.conllu", "--parser", tmp_path / "q.st")
    assert code == 0 and "words in 30 sentences" in out
