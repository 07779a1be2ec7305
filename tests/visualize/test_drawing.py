"""Pictures as text: well-formed, harmless whatever names say, and the same bytes every time."""

import base64
import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from tinygrad_nlp.visualize import draw, graphviz_hint, render
from tinygrad_nlp.visualize import drawing as drawing_module
from tinygrad_nlp.visualize.text import brief, clean, number, shorten, width

from tinygrad_nlp import OptionError, Tensor, record_gradients
from tinygrad_nlp.modes import module_scope

HOSTILE = [
    "\"quoted\" and 'single'",
    "back\\slash \\N \\G \\L \\n",
    "<script>alert(1)</script>",
    "]]></text><script>x</script>",
    "a&amp;b & &lt;",
    "port:ne:x",
    "bell\x07 null\x00 escape\x1b[31m",
    "line\nbreak\ttab\r\n",
    "emoji 👩‍💻 🎉",
    "עברית ‮evil‬ عربي",
    "lone \ud800 surrogate \ufffe",
    "<B>",
    "--><!--",
    "{record|<f0> x}",
    "",
    " ",
    "%d %s {0}",
    "日本語" * 30,
]
SVG = "{http://www.w3.org/2000/svg}"


def hostile_loss():
    tensors = [Tensor([1.0, -2.0], requires_grad=True, name=name) for name in HOSTILE]
    with record_gradients():
        total = tensors[0]
        for t, name in zip(tensors[1:], HOSTILE):
            with module_scope(None, name.replace(".", "")):
                total = total * t
        total.name = HOSTILE[2]
        loss = total.sum()
        loss.backward()
    return loss


def network(rng=None):
    rng = rng or np.random.default_rng(0)
    x = Tensor(rng.normal(size=(4, 3)), name="x")
    w = Tensor(rng.normal(size=(3, 40)), requires_grad=True, name="W")
    with record_gradients():
        h = x @ w
        loss = (h * h).sum()
        loss.backward()
    return loss


@pytest.mark.parametrize("view", ["forward", "backward", "both"])
@pytest.mark.parametrize("values", [True, False])
def test_hostile_names_come_out_as_text(view, values):
    picture = draw(hostile_loss(), view=view, title=HOSTILE[3], values=values).svg(engine="builtin")
    root = ElementTree.fromstring(picture)  # fails on raw markup and on characters that XML forbids
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "rect", "g", "path", "text", "circle"}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not any(name.startswith("on") or "href" in name or name in ("id", "style") for name in attributes)
    assert "<script" not in picture
    shown = [element.text for element in root.iter(f"{SVG}text")]
    assert "<script>alert(1)</script>"[:12] in " ".join(shown)
    assert "port:ne:x" in shown
    assert "\\N" in picture
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", picture)


@pytest.mark.parametrize("view", ["forward", "both"])
def test_hostile_names_in_dot_leave_nothing_to_interpret(view):
    source = draw(hostile_loss(), view=view, title=HOSTILE[1]).dot()
    assert "\\" not in source
    assert source.count("&#92;&#8203;") == source.count("&#92;") > 0
    assert "script>" not in source
    assert "<script" not in source
    assert not re.search(r"(?<!\w)port:ne", source)
    source.encode("utf-8")
    for label in re.findall(r"label=(<.*>)(?: [a-z]+=|\]|$)", source, flags=re.M):
        # An HTML-like label is XML once its outer brackets are off.
        ElementTree.fromstring(f"<L>{label[1:-1]}</L>")
    ids = set(re.findall(r"^\s*(\S+) \[label", source, flags=re.M))
    assert all(re.fullmatch(r"n\d+", one) for one in ids)


def test_the_grammar_of_borders():
    x, w = Tensor([1.0], name="x"), Tensor([2.0], requires_grad=True, name="w")
    root = ElementTree.fromstring(draw((x * w).sum(), values=False).svg(engine="builtin"))
    nodes = {g.get("class"): g for g in root.iter(f"{SVG}g") if g.get("data-node")}

    def borders(kind):
        return [rect.attrib for rect in nodes[f"node {kind}"].iter(f"{SVG}rect")]

    assert "stroke-dasharray" in borders("data")[0]
    assert float(borders("parameter")[0]["stroke-width"]) > 3
    loss = borders("op")  # the last op drawn is the root
    assert len(loss) == 2
    assert float(loss[0]["rx"]) > 4


def test_backward_edges_are_dashed_and_only_where_gradients_have_flowed():
    x = Tensor(2.0, requires_grad=True)
    assert 'class="backward"' not in draw(x * Tensor(3.0), view="both").svg(engine="builtin")
    with record_gradients():
        loss = x * Tensor(3.0)
        loss.backward()
    root = ElementTree.fromstring(draw(loss, view="both").svg(engine="builtin"))
    paths = {p.get("class"): [] for p in root.iter(f"{SVG}path") if p.get("class")}
    for p in root.iter(f"{SVG}path"):
        if p.get("class"):
            paths[p.get("class")].append(p)
    assert (len(paths["forward"]), len(paths["backward"])) == (2, 1)
    assert paths["backward"][0].get("stroke-dasharray")
    assert paths["backward"][0].get("stroke") != paths["forward"][0].get("stroke")
    assert not paths["forward"][0].get("stroke-dasharray")


def test_not_yet_not_kept_and_exactly_zero_read_differently():
    x = Tensor([1.0, 2.0], requires_grad=True)
    loss = (x * 0.0).sum()
    before = draw(loss).svg(engine="builtin")
    loss.backward(retain_graph=True)
    after = draw(loss).svg(engine="builtin")
    assert ">not yet<" in before
    assert ">exactly 0<" not in before.split("data-node")[1]
    assert ">exactly 0<" in after
    assert ">not kept<" in after
    assert "record_gradients()" in after


def test_nan_is_hatched_and_counted():
    x = Tensor([1.0, float("nan")], requires_grad=True)
    picture = draw(x * 1.0).svg(engine="builtin")
    assert ">NaN<" in picture
    assert "1 not finite" in picture
    square = np.ones((6, 6))
    clear = draw(Tensor(square, requires_grad=True)).svg(engine="builtin").count("<path")
    square[2, 3] = np.nan
    assert draw(Tensor(square, requires_grad=True)).svg(engine="builtin").count("<path") == clear + 2
    assert "nan" not in re.sub(">[^<]*<", "><", picture)


def test_a_module_is_a_labelled_frame_or_if_it_is_entered_twice_small_print():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with module_scope(None, "layer"):
        y = x * 2.0
    picture = draw(y.sum()).svg(engine="builtin")
    assert 'class="group"' in picture
    assert ">layer<" in picture
    with module_scope(None, "layer"):
        z = (y + 1.0).sum()
    assert 'class="group"' in draw(z).svg(engine="builtin")
    between = y.sum() * 3.0
    with module_scope(None, "layer"):
        again = between * 2.0
    picture = draw(again).svg(engine="builtin")
    assert 'class="group"' not in picture
    assert picture.count(">in layer<") == 3  # two ops and the parameter only they use


def test_block_means_are_said_so():
    assert "means of 3 × 2" in draw(Tensor(np.ones((24, 12)), requires_grad=True) * 1.0).svg(engine="builtin")


def test_a_gradient_that_adds_up_says_of_how_many():
    b = Tensor(1.0, requires_grad=True)
    with record_gradients():
        c = b + b
        c.backward()
    assert "gradient, sum of 2" in draw(c, view="both").svg(engine="builtin")


def test_same_bytes_twice_and_under_another_hash_seed():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from tests.visualize.test_drawing import *\n"
        "d = draw(hostile_loss(), view='both'); e = draw(network(), view='both', title='T')\n"
        "sys.stdout.buffer.write((d.svg('builtin') + d.dot() + e.svg('builtin') + e.dot()).encode())"
    )
    checkout = str(Path(__file__).resolve().parents[2])
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code, checkout],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=checkout,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) > 10_000


@pytest.mark.parametrize(("ops", "mode"), [(100, "full"), (151, "compact"), (1990, "compact"), (2500, "summary")])
def test_large_graphs_get_smaller_cards_and_then_counts(ops, mode):
    x = Tensor(1.0, requires_grad=True)
    for _ in range(ops):
        x = x * 1.01
    drawing = draw(x)
    assert drawing.mode == mode
    picture = drawing.svg(engine="builtin")
    root = ElementTree.fromstring(picture)
    nodes = sum(1 for g in root.iter(f"{SVG}g") if g.get("data-node"))
    assert nodes == (0 if mode == "summary" else ops + 1)
    if mode == "summary":
        assert "2,500 ×" in picture
        assert "2,501 nodes" in drawing.dot()


def test_what_is_left_out_of_a_large_graph_is_told_and_can_be_had():
    x = Tensor(1.0, requires_grad=True)
    for _ in range(200):
        x = x * 1.01
    drawing = draw(x)
    left_out = "201 nodes, one line each: values and gradients are left out above 150; draw(…, values=True) shows them"
    assert left_out in drawing.svg(engine="builtin")
    assert "values=True" in drawing.dot().replace("&#61;", "=")
    full = draw(x, values=True)
    assert full.mode == "full"
    assert "left out" not in full.svg(engine="builtin")
    assert full.svg(engine="builtin").count(">value<") == 201
    assert "left out" not in draw(x, values=False).svg(engine="builtin")
    for _ in range(2000):
        x = x * 1.01
    assert "left out above 2,000 nodes; draw() of a tensor in the middle" in draw(x).svg(engine="builtin")


def test_the_forward_view_is_of_values_alone_and_both_is_the_default():
    loss = network()
    assert draw(loss).view == "both"
    assert "gradient" in draw(loss).svg(engine="builtin")
    for picture in (draw(loss, view="forward").svg(engine="builtin"), draw(loss, view="forward").dot()):
        assert "gradient" not in picture
        assert "value" in picture


def test_a_full_disk_is_named_and_the_old_picture_stays(tmp_path, monkeypatch):
    def full_disk(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "g.svg"
    path.write_text("old")
    drawing = draw(Tensor(1.0, requires_grad=True) * 2.0)
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left on device: .*g.svg"):
        drawing.save(path, engine="builtin")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["g.svg"]


def test_save_goes_by_the_ending(tmp_path, monkeypatch):
    drawing = draw(Tensor(1.0, requires_grad=True) * 2.0)
    assert drawing.save(tmp_path / "g.svg", engine="builtin").read_text().startswith("<svg")
    assert drawing.save(tmp_path / "g.dot").read_text().startswith("digraph")
    with pytest.raises(OptionError, match=r"ending in '\.jpg'; expected \.svg, \.html, \.dot, \.png, \.pdf"):
        drawing.save(tmp_path / "g.jpg")
    monkeypatch.setattr(render, "available", lambda: ["builtin"])
    with pytest.raises(OptionError) as caught:
        drawing.save(tmp_path / "g.png")
    assert "no Graphviz on this machine, which .png needs" in str(caught.value)
    assert graphviz_hint() in str(caught.value)
    assert 'save("g.svg")' in str(caught.value)
    with pytest.raises(OptionError, match="'dot', which is not installed"):
        drawing.svg(engine="dot")
    assert drawing.svg() == drawing.svg(engine="builtin")


def test_unknown_views_and_engines_are_refused():
    x = Tensor(1.0, requires_grad=True) * 2.0
    with pytest.raises(OptionError, match=r"view='sideways'; expected 'forward' or 'backward' or 'both'"):
        draw(x, view="sideways")
    with pytest.raises(OptionError, match="engine: 'neato'"):
        draw(x).svg(engine="neato")


@pytest.mark.parametrize(
    ("platform", "words"), [("linux", "apt"), ("darwin", "brew"), ("win32", "winget"), ("aix", "graphviz.org")]
)
def test_hint_knows_the_system(platform, words, monkeypatch):
    monkeypatch.setattr(render.sys, "platform", platform)
    assert words in graphviz_hint()
    assert 'pip install "tinygrad-nlp[render]"' in graphviz_hint()


@pytest.mark.parametrize("engine", ["dot", "pygraphviz"])
def test_graphviz_draws_hostile_names(engine, tmp_path):
    if engine not in render.available():
        pytest.skip(f"{engine} is not installed")
    drawing = draw(hostile_loss(), view="both", title=HOSTILE[1])
    picture = drawing.svg(engine=engine)
    root = ElementTree.fromstring(picture.encode())
    assert not list(root.iter(f"{SVG}script"))
    shown = " ".join(text for element in root.iter(f"{SVG}text") for text in element.itertext())
    assert "port:ne:x" in shown
    plain = shown.replace("\xa0", " ").replace("\u200b", "")
    assert plain.count("back\\slash \\N \\G \\L \\n") == 3  # heading, module and tensor
    assert drawing.save(tmp_path / "g.png", engine=engine).read_bytes().startswith(b"\x89PNG")
    assert drawing.save(tmp_path / "g.pdf", engine=engine).read_bytes().startswith(b"%PDF")


def test_graphviz_that_fails_is_reported_with_the_way_out(monkeypatch):
    monkeypatch.setattr(render, "_IN_PROCESS", "import sys; sys.exit('no such font')")
    with pytest.raises(render.RenderError) as caught:
        render.render("digraph {}", "svg", "pygraphviz")
    assert "rendering .svg with pygraphviz: no such font" in str(caught.value)
    assert 'svg(engine="builtin")' in str(caught.value)


def test_notebook_shows_an_image_that_cannot_act():
    bundle = draw(hostile_loss(), title=HOSTILE[2])._repr_mimebundle_()
    assert bundle["text/html"].startswith("<img ")
    assert "<script" not in bundle["text/html"]
    assert (
        ElementTree.fromstring(bundle["text/html"].removesuffix(">") + "/>")
        .get("src")
        .startswith("data:image/svg+xml;base64,")
    )
    assert set(draw(hostile_loss())._repr_mimebundle_(include=["text/plain"])) == {"text/plain"}


def test_a_notebook_gets_a_png_where_there_is_graphviz_and_the_graph_is_small(monkeypatch):
    drawing = draw(hostile_loss())
    monkeypatch.setattr(drawing_module, "available", lambda: ["builtin"])
    assert set(drawing._repr_mimebundle_()) == {"text/plain", "text/html", "image/svg+xml"}
    monkeypatch.setattr(drawing_module, "available", lambda: ["dot", "builtin"])
    asked = []
    monkeypatch.setattr(drawing_module, "render", lambda *a, **k: asked.append((a[1:], k)) or b"\x89PNG")
    assert base64.b64decode(drawing._repr_mimebundle_()["image/png"]) == b"\x89PNG"
    assert asked == [(("png", "dot"), {"patience": 10})]
    assert set(drawing._repr_mimebundle_(include=["text/html"])) == {"text/html"}
    assert len(asked) == 1  # not made where it is not wanted
    x = Tensor(1.0, requires_grad=True)
    for _ in range(200):
        x = x * 1.01
    assert "image/png" not in draw(x)._repr_mimebundle_()

    def fail(*arguments, **options):
        raise render.RenderError("no font")

    monkeypatch.setattr(drawing_module, "render", fail)
    assert "image/png" not in drawing._repr_mimebundle_()


def test_clean_keeps_scripts_and_emoji_and_drops_what_cannot_be_seen():
    assert clean("a\x00b\u202ec\ud800d") == "abcd"
    assert clean(" two\n lines ") == "two lines"
    assert clean("👩\u200d💻 עברית") == "👩\u200d💻 עברית"


def test_shorten_keeps_both_ends():
    assert shorten("encoder.layer.11.attention.weight", 15) == "encoder….weight"
    assert shorten("short", 15) == "short"


@pytest.mark.parametrize(
    ("value", "long", "short"),
    [
        (0.0, "0", "0"),
        (-0.5, "−0.5", "−0.5"),
        (1234.5, "1.23e3", "1234"),
        (1e-5, "1e−5", "1e−5"),
        (-0.00041, "−0.00041", "−4e−4"),
        (float("nan"), "NaN", "NaN"),
        (float("-inf"), "−∞", "−∞"),
        (100.0, "100", "100"),
    ],
)
def test_numbers_as_on_a_board(value, long, short):
    assert number(value) == long
    assert brief(value) == short


def test_width_counts_wide_characters_and_not_combining_ones():
    assert width("日本", 10) > width("ab", 10)
    assert width("e\u0301", 10) == width("e", 10)
