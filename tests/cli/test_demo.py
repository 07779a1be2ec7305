"""The main job end to end: `demo --quick`, its files, its page."""

import html
import json
import re
import time
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from tinygrad_nlp.models.word2vec import Vectors
from tinygrad_nlp.visualize import draw_tree, plots

from tinygrad_nlp.cli import main
from tinygrad_nlp.cli.demo_parser import ParserPart
from tinygrad_nlp.cli.report import Picture, Report, Section, Table

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Checks that tags are closed in order, and collects what could reach outside the page."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.reaching, self.policy, self.text = [], set(), [], "", []
        self.ids, self.anchors, self.frames = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        found = dict(attributes)
        for name, value in attributes:
            own = value and value.startswith(("#", "data:,"))
            if name in ("src", "href", "xlink:href", "action", "data", "srcset", "style") and not own:
                self.reaching.append((tag, name, value))
            if name.startswith("on") or (tag == "iframe" and found.get("sandbox") != "allow-scripts"):
                self.reaching.append((tag, name, value))
        if "id" in found:
            self.ids.append(found["id"])
        if found.get("href", "").startswith("#"):
            self.anchors.append(found["href"][1:])
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"]
        if "srcdoc" in found:
            self.frames.append(found["srcdoc"])

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
    assert text.startswith("<!doctype html>") and '<html lang="en">' in text
    assert page.reaching == [] and not page.tags & {"script", "object", "embed", "img", "foreignObject"}
    for framed in page.frames:
        text = text.replace(html.escape(framed, quote=True), "")
    assert not re.search(r"url\(|@import", text)
    # The namespace of SVG is a name, not an address that is fetched; nor is a digest, which may hold two slashes.
    assert "//" not in re.sub(r"'sha256-[\w+/]+=*'", "", text).replace("http://www.w3.org/2000/svg", "")
    assert page.policy.startswith("default-src 'none'") and "unsafe" not in page.policy
    assert "prefers-color-scheme:dark" in text
    assert len(set(page.ids)) == len(page.ids) and set(page.anchors) <= set(page.ids)
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
    assert sorted(p.name for p in out.iterdir()) == [
        "graph.svg",
        "parser.safetensors",
        "report.html",
        "vectors.safetensors",
    ]


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
        "Words by their neighbours",
        "A map of words",
        "Losses",
        "One training step",
        "The same step, replayed",
        "Gradients of the parser's weights",
        "Activations of the parser's layers",
        "Sentences, parsed",
        "Right heads, by distance",
        "How it was made",
        "tinygrad-nlp demo --quick --seed 1 --epochs 10",
        "versions",
    ):
        assert part in words
    assert page.ids == ["top", "words", "losses", "step", "gradients", "parsing", "made"]
    assert page.anchors == [*page.ids[1:], "top"]
    assert len(text) < 700_000 and len(page.frames) == 1
    assert 8 + 2 <= len(pictures(text)) <= 8 + 3
    assert text.count('<figure class="tree"') == len(pictures(text)) - 8
    for svg in pictures(text):
        root = ElementTree.fromstring(svg)
        assert (
            root.get("role") == "img"
            and root.get("aria-label")
            and root.find("{http://www.w3.org/2000/svg}desc") is not None
        )


def pictures(text):
    return re.findall(r"<svg.*?</svg>", text, re.S)


def test_the_parser_does_well_on_sentences_it_has_not_seen_and_shows_a_tree(demo):
    _, _, printed, _, _ = demo
    said = re.search(r"of (\d+) unseen sentences, UAS ([\d.]+)%, LAS ([\d.]+)% \(best possible ([\d.]+)%\)", printed)
    unseen, uas, las, best = map(float, said.groups())
    assert unseen > 300 and 96 < las <= uas <= best + 0.5 < 100.5 and best > 99
    assert re.search(r"^  ──\S*┼\S* \w+ +VERB +root$", printed, re.M)


def test_the_saved_parser_parses(demo, tmp_path, capsys):
    _, out, _, _, _ = demo
    text = tmp_path / "text"
    text.write_text("The_DET girl_NOUN saw_VERB a_DET dog_NOUN ._PUNCT\n", encoding="utf-8")
    assert main(["parse", "--parser", str(out / "parser.safetensors"), "--tagged", str(text)]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines() if line[:1].isdigit()]
    assert [row[6] for row in rows] == ["2", "3", "0", "5", "3", "3"]


@pytest.mark.parametrize("fault", [False, True])
def test_shown_trees_are_two_right_ones_and_an_error_if_there_is_one(fault):
    from tinygrad_nlp.models.parser import best_score, evaluate, generate

    made = generate(60, 3)
    parsed = [g.sentence for g in made]
    if fault:
        wrong = next(i for i, g in enumerate(made) if len(g.sentence) > 9)
        heads = list(parsed[wrong].heads)
        heads[-1] = 1 if heads[-1] != 1 else 2
        parsed[wrong] = parsed[wrong].with_tree(heads, parsed[wrong].deprels)
    scores = evaluate([g.sentence for g in made], parsed)
    part = ParserPart(None, made, parsed, scores, best_score(made), 0)
    pictures = part.pictures()
    assert len(pictures) == 2 + fault
    assert ["✗" in p.svg for p in pictures] == [False, False, True][: len(pictures)]
    assert pictures[0].caption == "As the grammar made it: every head and every relation is right."
    if fault:
        assert pictures[2].caption == "One arc is wrong: a parser that knew the grammar would have read it otherwise."


def test_a_subtype_alone_is_no_error_as_in_las():
    from tinygrad_nlp.models.parser import best_score, evaluate, generate

    made = [g for g in generate(200, 3) if "nsubj:pass" in g.sentence.deprels][:2]
    parsed = [g.sentence.with_tree(g.sentence.heads, [d.split(":")[0] for d in g.sentence.deprels]) for g in made]
    scores = evaluate([g.sentence for g in made], parsed)
    assert scores.las == 1 > scores.full_las
    pictures = ParserPart(None, made, parsed, scores, best_score(made), 0).pictures()
    assert len(pictures) == 2 and not any("✗" in p.svg for p in pictures)


def test_an_error_no_parser_could_avoid_is_called_that():
    from tinygrad_nlp.models.parser import best_score, evaluate, generate

    made = [g for g in generate(400, 3) if g.sentence.heads != g.best.heads][:1]
    parsed = [g.best for g in made]
    part = ParserPart(None, made, parsed, evaluate([g.sentence for g in made], parsed), best_score(made), 0)
    assert [p.caption.split(" wrong, yet ")[-1] for p in part.pictures()] == [
        "this is the likelier reading of these words: nobody who sees only them can do better."
    ]


def test_the_vectors_and_the_graph_can_be_used(demo):
    _, out, _, _, _ = demo
    vectors = Vectors.load(out / "vectors.safetensors")
    assert "list" in vectors and vectors.matrix.shape[1] == 64
    assert "<svg" in (out / "graph.svg").read_text(encoding="utf-8")


def test_json_is_one_object_and_nothing_else(tmp_path, capsys):
    assert main(["demo", "--quick", "--epochs", "1", "--json", "--out", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["last_loss"] < found["first_loss"] and found["settings"]["epochs"] == 1 and not found["interrupted"]
    assert set(found["files"]) == {"vectors", "graph", "report", "parser"} and found["neighbors"]["true"]
    assert 0.9 < found["parser"]["las"] <= found["parser"]["uas"] <= 1 and found["parser"]["best_possible"] > 0.99


def test_without_graphviz_it_says_how_to_get_it_and_goes_on(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("tinygrad_nlp.visualize.render.available", lambda: ["builtin"])
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
    assert "Sentences, parsed" not in text and not (tmp_path / "parser.safetensors").exists()
    assert "The training was interrupted" in text and len(Vectors.load(tmp_path / "vectors.safetensors")) > 100


def test_an_interrupt_during_the_parser_keeps_vectors_and_report_too(tmp_path, capsys, monkeypatch):
    from tinygrad_nlp.cli.progress import Progress

    def interrupt(self, share, count, note=""):
        if self.unit == "sentences":
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "update", interrupt)
    assert main(["demo", "--quick", "--epochs", "1", "--out", str(tmp_path)]) == 130
    assert "interrupted; keeping the best epoch so far" in capsys.readouterr().err
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Sentences, parsed" not in text and "The training was interrupted" not in text
    assert (tmp_path / "vectors.safetensors").exists()


def test_the_map_shows_words_unlike_each_other_first():
    import numpy as np

    from tinygrad_nlp.cli.demo_report import far_apart
    from tinygrad_nlp.data import Vocabulary

    matrix = np.array([[1, 0], [1, 0.1], [0, 1], [-1, 0], [0.1, 1]])
    vectors = Vectors(Vocabulary(dict(zip("abcde", range(9, 4, -1)))), matrix)
    assert far_apart(vectors, list("abcde"), 3) == ["a", "d", "c"]
    assert sorted(far_apart(vectors, list("abcde"), 9)) == list("abcde")


def test_the_recorded_losses_are_those_of_the_steps():
    from tinygrad_nlp.cli.demo_parser import Record

    losses, sizes = [3.0, 2.0, 4.0, 1.0, 0.5, 0.25], [4, 4, 2] * 2
    record = Record()
    record.norms = type("Norms", (), {"step": lambda self: None})()
    for epoch in range(2):
        total = gone = 0
        for loss, size in list(zip(losses, sizes))[3 * epoch : 3 * epoch + 3]:
            total, gone = total + loss * size, gone + size
            record.step((epoch + gone / 10) / 2, 2, total / gone, epoch)
        record.step((epoch + 1) / 2, 2, total / gone, epoch + 1)  # as `train` reports the end of an epoch
    assert [loss for _, loss in record.losses] == pytest.approx(losses)
    assert [share for share, _ in record.losses] == pytest.approx([0.2, 0.4, 0.5, 0.7, 0.9, 1.0])


def test_hostile_words_are_shown_and_do_nothing():
    words = ["</td><script>alert(1)</script>", "<img src=x onerror=alert(1)>", 'a"b', "&amp;", "</title>", "\x00nul"]
    drawn = Picture('<?xml version="1.0"?><svg viewBox="0 0 1 1"></svg>', words[1], words[2])
    tree = Picture(draw_tree(words, [0] * len(words), words, against=range(len(words))).svg(), words[1], kind="tree")
    places = [(float(i), float(i * i)) for i in range(len(words))]
    mapped = Picture.of(plots.word_map(places, words, pairs=[words[:2]], title=words[1]), words[0])
    report = Report(
        lead=words[0],
        made=words[1],
        command=words[2],
        figures=[(words[0], words[1])],
        sections=[
            Section("a", words[0], words, [drawn, mapped], [Table(words[0], words, [[w, (w, w)] for w in words])]),
            Section("b", words[1], words, [tree]),
        ],
        facts=[(words[0], words[1])],
    )
    page = check_page(report.html())
    shown = "".join(page.text)
    assert all(word.replace("\x00", "") in shown for word in words)
