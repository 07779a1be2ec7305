"""The main job end to end: `demo --quick`, its files, its page."""

import json
import re
import time
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from tinygrad_nlp.models.word2vec import Vectors

from tinygrad_nlp.cli import main
from tinygrad_nlp.cli.report import Picture, Report

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Checks that tags are closed in order, and collects what could reach outside the page."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.reaching, self.policy, self.text = [], set(), [], "", []
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "action", "data", "srcset") or name.startswith("on"):
                self.reaching.append((tag, name, value))
        if dict(attributes).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attributes)["content"]

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes what is not open"

    def handle_data(self, data):
        self.text.append(data)


def check_page(text):
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>") and '<html lang="en">' in text
    assert page.reaching == [] and not page.tags & {
        "script",
        "iframe",
        "object",
        "embed",
        "link",
        "img",
        "foreignObject",
    }
    assert not re.search(r"url\(|@import", text)
    # The namespace of SVG is a name, not an address that is fetched.
    assert "//" not in text.replace("http://www.w3.org/2000/svg", "")
    assert page.policy.startswith("default-src 'none'") and "script-src" not in page.policy
    assert "prefers-color-scheme: dark" in text
    return page


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    import contextlib
    import io

    out = tmp_path_factory.mktemp("demo") / "deep" / "er"
    printed, progress = io.StringIO(), io.StringIO()
    started = time.perf_counter()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(progress):
        code = main(["demo", "--quick", "--out", str(out)])
    return code, out, printed.getvalue(), progress.getvalue(), time.perf_counter() - started


def test_it_ends_well_and_soon(demo):
    code, out, _, _, seconds = demo
    assert code == 0 and seconds < 15
    assert sorted(p.name for p in out.iterdir()) == ["graph.svg", "report.html", "vectors.safetensors"]


def test_it_prints_neighbours_a_curve_and_where_the_report_is(demo):
    _, out, printed, progress, _ = demo
    assert re.search(r"^  true  .*\bfalse\b", printed, re.M), "true and false are used alike, even in little text"
    assert "loss per pair (nats):" in printed and "|*" in printed
    assert str(out / "report.html") in printed and "next: tinygrad-nlp neighbors" in printed
    assert re.search(r"trained on [\d,]+ pairs in", progress)


def test_the_page_is_valid_and_alone(demo):
    _, out, _, _, _ = demo
    text = (out / "report.html").read_text(encoding="utf-8")
    page = check_page(text)
    words = " ".join(page.text)
    for part in (
        "Nearest neighbours",
        "A map of words",
        "The loss",
        "One training step",
        "How it was made",
        "versions",
    ):
        assert part in words
    assert text.count("<svg") == 4
    for svg in re.findall(r"<svg.*?</svg>", text, re.S):
        ElementTree.fromstring(svg)


def test_the_vectors_and_the_graph_can_be_used(demo):
    _, out, _, _, _ = demo
    vectors = Vectors.load(out / "vectors.safetensors")
    assert "list" in vectors and vectors.matrix.shape[1] == 64
    assert "<svg" in (out / "graph.svg").read_text(encoding="utf-8")


def test_json_is_one_object_and_nothing_else(tmp_path, capsys):
    assert main(["demo", "--quick", "--epochs", "1", "--json", "--out", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["last_loss"] < found["first_loss"] and found["settings"]["epochs"] == 1 and not found["interrupted"]
    assert set(found["files"]) == {"vectors", "graph", "report"} and found["neighbors"]["true"]


def test_without_graphviz_it_says_how_to_get_it_and_goes_on(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")
    from tinygrad_nlp.cli import demo as module

    monkeypatch.setattr(module, "has_graphviz", lambda: False)
    assert main(["demo", "--quick", "--epochs", "1", "--out", str(tmp_path)]) == 0
    assert 'pip install "tinygrad-nlp[render]"' in capsys.readouterr().out
    assert (tmp_path / "graph.svg").exists()


@pytest.mark.parametrize("when", [0.0, 0.3])
def test_an_interrupt_keeps_vectors_and_report_and_ends_with_130(tmp_path, capsys, monkeypatch, when):
    from tinygrad_nlp.cli.progress import Progress

    def interrupt(self, share, count, note=""):
        if share > when:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "update", interrupt)
    assert main(["demo", "--quick", "--epochs", "2", "--out", str(tmp_path)]) == 130
    assert "interrupted; keeping what was learned from" in capsys.readouterr().err
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The training was interrupted" in text and len(Vectors.load(tmp_path / "vectors.safetensors")) > 100


def test_hostile_words_are_shown_and_do_nothing():
    words = ["</td><script>alert(1)</script>", "<img src=x onerror=alert(1)>", 'a"b', "&amp;", "</title>", "\x00nul"]
    report = Report(
        lead=words[0],
        curve=[(0.5, 1.0), (1.0, 0.5)],
        first_loss=4.2,
        neighbors={word: [(other, 0.5) for other in words] for word in words},
        mapped=words,
        places=[(float(i), float(i * i)) for i in range(len(words))],
        shares=(0.5, 0.25),
        pictures=[Picture('<?xml version="1.0"?><svg viewBox="0 0 1 1"></svg>', words[1])],
        facts=[(words[0], words[1])],
    )
    page = check_page(report.html())
    shown = "".join(page.text)
    assert all(word.replace("\x00", "") in shown for word in words)
