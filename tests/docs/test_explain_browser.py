"""The page of `explain` in a real browser: its style applies, its maths are maths, nothing complains, nothing runs."""

import pytest

from tinygrad_nlp.cli import main

from ..browser import needs_chromium

pytestmark = needs_chromium


@pytest.fixture
def page(browser, tmp_path):
    path = tmp_path / "ops.html"
    assert main(["explain", "softmax", "relu", "cross_entropy", "--out", str(path)]) == 0
    browser.open(path.as_uri())
    return browser


def test_nothing_is_refused_requested_or_run(page):
    assert page.faults() == []
    assert page.evaluate("document.scripts.length") == 0
    assert page.evaluate("getComputedStyle(document.querySelector('.array')).borderCollapse") == "collapse"
    page.evaluate("{const s = document.createElement('script'); s.text = 'window.ran = 1'; document.body.append(s)}")
    assert page.evaluate("window.ran") is None


def test_formulas_are_laid_out_as_formulas(page):
    height = "document.querySelector('#softmax .statement mfrac').getBoundingClientRect().height"
    assert page.evaluate(height) > 25  # a numerator above a denominator, not a line of letters
    assert page.evaluate("document.querySelectorAll('#softmax .steps math').length") >= 8
    last = "[...document.querySelectorAll('#cross_entropy ol.steps li')].at(-1).textContent"
    assert page.evaluate(last).replace("\u00a0", " ").replace(" ", "") == "θ¯=(y^−y)J¯"


def test_pictures_fit_the_page_and_the_page_the_window(page):
    assert page.evaluate("document.querySelectorAll('figure svg').length") == 3
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") is True


def test_the_list_of_ops_leads_to_them(page):
    assert page.evaluate("[...document.querySelectorAll('nav a')].map(a => a.textContent)") == [
        "relu",
        "softmax",
        "cross_entropy",
    ]
    assert page.evaluate("[...document.querySelectorAll('nav a')].every(a => document.querySelector(a.hash))") is True
