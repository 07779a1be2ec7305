"""Saved drawings in a real browser: hostile names stay text, nothing is requested, nothing is complained of."""

from tinygrad_nlp.visualize import diff, draw

from ..browser import needs_chromium
from .test_drawing import HOSTILE, hostile_loss

pytestmark = needs_chromium


def pictures():
    yield from (draw(hostile_loss(), view=view, title=HOSTILE[3]) for view in ("forward", "backward", "both"))
    yield diff(hostile_loss(), hostile_loss() * 2.0, title=HOSTILE[3])


def test_hostile_names_do_nothing_in_a_page_that_may_do_nothing(browser, tmp_path):
    for number, picture in enumerate(pictures()):
        browser.open(picture.save(tmp_path / f"{number}.html").as_uri())
        assert browser.faults() == []
        assert browser.evaluate("document.scripts.length") == 0
        assert browser.evaluate("document.querySelector('h1').textContent") == HOSTILE[3]
        shown = browser.evaluate("document.querySelector('svg').textContent")
        assert "port:ne:x" in shown
        assert "back\\slash \\N" in shown
        # The policy lets the page's own style sheet through and stops a script that someone puts in.
        assert browser.evaluate("getComputedStyle(document.querySelector('table')).borderCollapse") == "collapse"
        browser.evaluate(
            "{const s = document.createElement('script'); s.text = 'window.ran = 1'; document.body.append(s)}"
        )
        assert browser.evaluate("window.ran") is None


def test_the_whole_picture_fits_the_window_on_request_and_by_keyboard(browser, tmp_path):
    x = hostile_loss()
    browser.open(draw(x, view="both").save(tmp_path / "fit.html").as_uri())
    height = "document.querySelector('svg').getBoundingClientRect().height"
    assert browser.evaluate(height) > 800
    browser.evaluate("document.getElementById('fit').focus()")
    browser.press(" ")
    assert browser.evaluate("document.getElementById('fit').checked") is True
    assert browser.evaluate(height) <= 800
    assert browser.evaluate("document.documentElement.scrollWidth") <= 1280
