"""The demo's report in a real browser: nothing complained of, nothing asked for, the engine's numbers, the replay."""

import re

import numpy as np
import pytest
from tinygrad_nlp.models.word2vec import Vectors

from tinygrad_nlp.cli import main

from ..browser import needs_chromium

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    assert main(["demo", "--quick", "--epochs", "2", "--out", str(out)]) == 0
    return out


@pytest.fixture
def page(browser, folder):
    browser.open((folder / "report.html").as_uri())
    return browser


def frame(browser):
    """The context of the replay's frame."""
    made = [event["context"] for event in browser.saw("Runtime.executionContextCreated")]
    return next(c["id"] for c in reversed(made) if c["auxData"]["frameId"] != main_frame(browser))


def main_frame(browser):
    return browser.send("Page.getFrameTree")["frameTree"]["frame"]["id"]


def test_nothing_is_complained_of_or_asked_for(page):
    assert page.faults() == []
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0
    assert page.evaluate("document.scripts.length") == 0
    # Its own style sheet is let through; a script that someone puts in is stopped.
    assert page.evaluate("getComputedStyle(document.querySelector('.figures')).display") == "flex"
    page.evaluate("{const s = document.createElement('script'); s.append('window.ran = 1'); document.body.append(s)}")
    assert page.evaluate("window.ran") is None


def test_the_contents_lead_to_the_sections_by_keyboard(page):
    links = page.evaluate("[...document.querySelectorAll('nav a')].map(a => a.hash)")
    assert links == ["#words", "#losses", "#step", "#gradients", "#parsing", "#made"]
    for link in links:
        page.evaluate(f"document.querySelector('nav a[href=\"{link}\"]').focus()")
        page.press("Enter", "\r")
        assert page.evaluate("location.hash") == link
        top = page.evaluate(f"document.querySelector('{link}').getBoundingClientRect().top")
        at_end = page.evaluate("innerHeight + scrollY >= document.documentElement.scrollHeight - 1")
        assert -1 <= top <= 40 or at_end


def test_headings_name_and_pictures_describe(page):
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(h => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1 and max(np.diff(levels)) <= 1
    unnamed = "[...document.querySelectorAll('svg[role=img]')].filter(s => !s.getAttribute('aria-label')).length"
    assert page.evaluate("document.querySelectorAll('svg').length") >= 9 and page.evaluate(unnamed) == 0
    assert page.evaluate("document.querySelector('iframe').title") == "One pair, step by step"
    assert page.evaluate("[...document.querySelectorAll('figure')].every(f => f.tabIndex === 0)")


def test_the_numbers_are_the_engines(page, folder):
    vectors = Vectors.load(folder / "vectors.safetensors")
    rows = page.evaluate(
        "[...document.querySelectorAll('#words tbody tr')].map(r => [...r.cells].map(c => c.textContent.trim()))"
    )
    for word, *cells in rows:
        expected = [f"{other} {cosine:.2f}" for other, cosine in vectors.neighbors(word, len(cells))]
        assert cells == expected
    # The map: its dots are the projection of the words it names, up to one scale and a shift.
    dots = page.evaluate(
        "[...document.querySelectorAll('#words circle')]"
        ".map(c => [c.textContent, c.cx.baseVal.value, c.cy.baseVal.value])"
    )
    mapped, seen = [d[0] for d in dots], np.array([[d[1], -d[2]] for d in dots])
    places, _ = vectors.project(mapped)
    order = np.argsort(mapped)  # the order of the words decides nothing but a sign
    moved, true = (x[order] - x[order].mean(axis=0) for x in (seen, places))
    scale = np.abs(moved).max() / np.abs(true).max()
    assert np.allclose(np.abs(moved), np.abs(true) * scale, atol=0.2)


def test_the_replay_steps_in_its_frame(page):
    inside = frame(page)
    step = "Number(document.body.dataset.step)"
    assert page.evaluate("location.href", inside) == "about:srcdoc"
    assert page.evaluate(step, inside) == 0
    page.evaluate("document.querySelector('iframe').focus()")
    page.evaluate("document.getElementById('slider').focus()", inside)
    for expected in (1, 2, 3):
        page.press("ArrowRight")
        assert page.evaluate(step, inside) == expected
    assert page.faults() == []
    # It can do nothing to the page around it.
    assert page.evaluate("(() => { try { return parent.document.title } catch (e) { return e.name } })()", inside) == (
        "SecurityError"
    )


def test_it_fits_narrow_screens_and_projectors(browser, folder):
    for size in ((390, 800), (1280, 720), (1920, 1080)):
        browser.open((folder / "report.html").as_uri(), *size)
        assert browser.evaluate("document.documentElement.scrollWidth") <= size[0]
        plots = "[...document.querySelectorAll('figure.plot svg')].map(s => s.getBoundingClientRect().height)"
        assert max(browser.evaluate(plots)) <= size[1]
    browser.open((folder / "report.html").as_uri(), 900, 700)
    hidden = "[...document.querySelectorAll('.scroll')].map(s => s.scrollWidth - s.clientWidth)"
    assert max(browser.evaluate(hidden)) <= 0


def test_dark_is_dark_and_print_is_light_without_the_frame(page):
    paper = "getComputedStyle(document.body).backgroundColor"
    light = [int(c) for c in re.findall(r"\d+", page.evaluate(paper))]
    page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    dark = [int(c) for c in re.findall(r"\d+", page.evaluate(paper))]
    assert min(light) > 230 and max(dark) < 30
    page.send("Emulation.setEmulatedMedia", media="print")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('iframe')).display") == "none"
