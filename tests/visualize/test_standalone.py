"""A drawing as a page: self-contained, without script, and harmless whatever names say."""

import re
from html.parser import HTMLParser

import pytest
from tinygrad_nlp.visualize import draw, picture

from tests.visualize.test_drawing import HOSTILE, hostile_loss
from tinygrad_nlp import Tensor, record_gradients


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.words = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.words.append(data)


def test_saved_as_html_it_is_one_page_that_may_do_nothing(tmp_path):
    path = draw(Tensor(1.0, requires_grad=True) * 2.0, title="Twice").save(tmp_path / "g.html")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "<title>Twice</title>" in text
    elements = Elements(text).found
    policy = next(a["content"] for t, a in elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)
    assert "@import" not in text
    assert "url(" not in text


@pytest.mark.parametrize("view", ["forward", "backward", "both"])
def test_hostile_names_make_no_element_and_no_attribute(view):
    text = draw(hostile_loss(), view=view, title=HOSTILE[3]).html()
    plain = draw((Tensor([1.0], requires_grad=True) * 2.0).sum()).html()
    parsed = Elements(text)
    assert {t for t, _ in parsed.found} <= {t for t, _ in Elements(plain).found} | {"circle"}
    assert not any(name.startswith("on") or name == "style" for _, a in parsed.found for name in a)
    assert "<script>alert(1)</script>" in parsed.words or "gradient of <script>alert(1)</script>" in parsed.words
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", text)


def test_the_table_says_what_each_node_is_made_of():
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    with record_gradients():
        loss = (x * 0.0).sum()
        loss.backward()
    rows = re.findall(r"<tr>(<td>.*?)</tr>", draw(loss).html())
    cells = [re.findall(r"<bdi>(.*?)</bdi>", row) for row in rows]
    assert cells == [
        ["x", "parameter", "(2)", "", "exactly 0", ""],
        ["mul", "mul, y=0", "(2)", "x = x", "known", ""],
        ["loss", "sum", "scalar", "x = mul", "known", ""],
    ]


def test_show_opens_a_page_and_says_where_it_is_if_no_browser_starts(monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(picture.webbrowser, "open", lambda url: opened.append(url) or len(opened) == 1)
    drawing = draw(Tensor(1.0, requires_grad=True) * 2.0)
    paths = [drawing.show(), drawing.show()]
    try:
        assert opened == [path.as_uri() for path in paths]
        assert paths[0].read_text(encoding="utf-8") == drawing.html()
        assert capsys.readouterr().out == f"no browser could be started; the page is {paths[1]}\n"
    finally:
        for path in paths:
            path.unlink()


def test_show_in_a_notebook_is_the_cell_s_output(monkeypatch):
    import sys
    from types import ModuleType, SimpleNamespace

    shown = []
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())
    display.display = shown.append
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    drawing = draw(Tensor(1.0, requires_grad=True) * 2.0)
    assert drawing.show() is None
    assert shown == [drawing]
