"""tinygrad-nlp experiment: tables, pages, JSON, exit codes."""

import json
import re
from xml.etree import ElementTree

import pytest
from tinygrad_nlp.models.experiments import EXPERIMENTS, pull_push
from tinygrad_nlp.models.word2vec.losses import naive_softmax_loss

from tinygrad_nlp.cli import main


@pytest.fixture
def command(capsys):
    def call(*argv):
        code = main(["experiment", *map(str, argv)])
        return code, *capsys.readouterr()

    return call


def test_without_a_name_it_lists_what_there_is(command):
    code, out, _ = command()
    assert code == 0 and [line.split()[0] for line in out.splitlines()[:-1]] == list(EXPERIMENTS)


def test_one_experiment_prints_tables_reading_and_its_statements(command):
    code, out, _ = command("quadratic")
    assert code == 0
    assert re.search(r"momentum 0.1/0.9 +after 144 +144 +219", out)
    assert "SGD with 0.1 diverges" in out
    assert re.search(r"^32  holds +tinygrad-nlp experiment quadratic", out, re.M)


def test_all_ends_in_a_line_for_each_of_the_42_statements(command, tmp_path):
    code, out, _ = command("--all", "--out", tmp_path)
    rows = re.findall(r"^ ?(\d+)  (holds|holds corrected|FAILS) +tinygrad-nlp experiment ([a-z0-9-]+)", out, re.M)
    assert code == 0
    assert [int(row[0]) for row in rows] == list(range(1, 43)) and {row[2] for row in rows} == set(EXPERIMENTS)
    assert "42 statements: 0 fail" in out
    assert {p.stem for p in tmp_path.iterdir()} == {*EXPERIMENTS, "index"}
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert index.count("<tr>") == 43 and "http" not in index.replace("http-equiv", "")
    for path in tmp_path.iterdir():
        ids = re.findall(r' id="([^"]*)"', path.read_text(encoding="utf-8"))
        assert len(ids) == len(set(ids)), path
        for svg in re.findall(r"<svg.*?</svg>", path.read_text(encoding="utf-8"), re.S):
            ElementTree.fromstring(svg)
            assert "nan" not in svg and "inf" not in svg


def test_out_takes_a_page_or_pictures_by_the_ending(command, tmp_path):
    assert command("momentum", "adam", "--out", tmp_path / "two.html")[0] == 0
    page = (tmp_path / "two.html").read_text(encoding="utf-8")
    assert page.count("<section>") == 2 and page.count("<svg") == 5 and "<h2>adam: Adam as written" in page
    assert re.findall(r"<h(\d)", page)[0] == "1" and "script-src" not in page and "<script" not in page
    code, out, _ = command("adam", "--out", tmp_path / "adam.svg")
    assert code == 0 and {p.name for p in tmp_path.glob("*.svg")} == {"adam.svg", "adam-2.svg"}
    assert f"{tmp_path / 'adam-2.svg'}   <- open this in a browser" in out
    root = ElementTree.fromstring((tmp_path / "adam.svg").read_text(encoding="utf-8"))
    words = {e.text for e in root.iter() if e.tag.endswith("text")}
    assert {"θ₁", "θ₂", "as written 0.1", "Kingma & Ba 0.1", "50"} <= words


@pytest.mark.parametrize(
    "names, message",
    [
        (["sgd", "adam"], "the plots of one experiment, not of 2; a.html takes all"),
        (["window"], "the experiment window has no plot; --out a.html has its tables"),
    ],
)
def test_a_picture_of_no_plot_or_of_several_experiments_is_refused(command, tmp_path, names, message):
    code, _, err = command(*names, "--out", tmp_path / "a.svg")
    assert code == 2 and message in err and not list(tmp_path.iterdir())


def test_json_holds_everything_and_is_json(command):
    code, out, _ = command("adam", "naive-softmax", "--json")
    found = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert code == 0 and set(found["experiments"]) == {"adam", "naive-softmax"}
    assert found["experiments"]["adam"]["tables"][1]["rows"][0][1] == "nan"
    assert [s["row"] for s in found["statements"]] == [1, 2, 24, 35, 36]


def test_a_statement_that_fails_ends_with_code_1(command, monkeypatch):
    monkeypatch.setattr(pull_push, "naive_softmax_loss", lambda *a: -naive_softmax_loss(*a))
    code, out, _ = command("pull-push")
    assert code == 1 and re.search(r"^ 6  FAILS", out, re.M) and "1 statement: 1 fail" in out


@pytest.mark.parametrize(
    "argv, message",
    [
        (["quadratc"], "no experiment 'quadratc'; did you mean quadratic?"),
        (["sgd", "nonsense"], "no experiment 'nonsense'; there are naive-softmax"),
        (["--all", "sgd"], "--all runs every experiment: leave out sgd, or --all"),
        (["sgd", "--seed", "-1"], "is not a whole number of at least 0"),
    ],
)
def test_a_user_error_is_one_line_and_code_2(command, argv, message):
    code, out, err = command(*argv)
    assert code == 2 and out == "" and message in err and err.count("\n") == 1
