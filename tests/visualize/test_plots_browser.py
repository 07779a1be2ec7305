"""Plots in a real browser: hostile names do nothing, letters stay in the picture and apart, dark is dark."""

import pytest
from tinygrad_nlp.visualize import plots

from ..browser import needs_chromium
from .test_drawing import HOSTILE
from .test_plots import every_kind

pytestmark = needs_chromium


def test_hostile_names_do_nothing_in_any_kind_of_plot(browser, tmp_path):
    for number, plot in enumerate(every_kind(HOSTILE, HOSTILE[3])):
        for kind in ("html", "svg"):
            browser.open(plot.save(tmp_path / f"{number}.{kind}").as_uri())
            assert browser.faults() == []
            assert browser.evaluate("document.querySelectorAll('script').length") == 0
        browser.open((tmp_path / f"{number}.html").as_uri())
        assert browser.evaluate("document.querySelector('h1').textContent") == HOSTILE[3]
        # The page's own style sheet is let through, a script that someone puts in is stopped.
        assert browser.evaluate("getComputedStyle(document.querySelector('figure')).overflowX") == "auto"
        browser.evaluate(
            "{const s = document.createElement('script'); s.text = 'window.ran = 1'; document.body.append(s)}"
        )
        assert browser.evaluate("window.ran") is None


OUTSIDE = """(() => {
  const sheet = document.querySelector('svg').getBoundingClientRect(), found = [];
  for (const t of document.querySelectorAll('svg text')) {
    const b = t.getBoundingClientRect();
    if (b.left < sheet.left - 1 || b.right > sheet.right + 1 || b.top < sheet.top - 1 || b.bottom > sheet.bottom + 1)
      found.push(t.textContent);
  }
  return found;
})()"""

MEETING = """(() => {
  const boxes = [...document.querySelectorAll('svg text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  const found = [];
  boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
    const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    if (wide > 2 && high > 6) found.push([a, b]);
  }));
  return found;
})()"""


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_letters_stay_in_the_picture_and_off_each_other(browser, tmp_path, size):
    names = ["table.weight", "hidden", "a rather long name of a layer indeed", "output", "日本語", "x"]
    words = ["good", "bad", "wonderful", "great", "boring", "waste"]
    for number, plot in enumerate([*every_kind(names, "A title"), *every_kind(words, "W" * 200)]):
        browser.open(plot.save(tmp_path / f"{number}.html").as_uri(), *size)
        assert browser.evaluate(OUTSIDE) == [], repr(plot)
        assert browser.evaluate(MEETING) == [], repr(plot)
        assert browser.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert browser.evaluate("document.querySelector('svg').getBoundingClientRect().height") < size[1]


def test_a_picture_is_dark_where_the_reader_is(browser, tmp_path):
    plot = plots.curves({"a": [1.0, 2.0], "b": [2.0, 1.0]})
    for kind in ("svg", "html"):
        browser.open(plot.save(tmp_path / f"dark.{kind}").as_uri())
        read = "getComputedStyle(document.querySelector('.f-paper')).fill"
        assert browser.evaluate(read) == "rgb(255, 255, 255)"
        browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        assert browser.evaluate(read) == "rgb(18, 23, 29)"
        browser.send("Emulation.setEmulatedMedia", media="print")
        assert browser.evaluate(read) == "rgb(255, 255, 255)"
