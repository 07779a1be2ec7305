"""The replay page in a real browser: every step, every number, no error, no request. Skipped without Chromium."""

import json

import numpy as np
import pytest
from tinygrad_nlp.visualize import replay

from tinygrad_nlp import Tensor, embedding, exp, registry, relu, sqrt
from tinygrad_nlp.cli.replay import network, skipgram, softmaxes

from ..browser import needs_chromium
from .test_replay import HOSTILE, hostile_loss, parameter, wrong_op

pytestmark = needs_chromium


@pytest.fixture
def page(browser, tmp_path):
    def show(shown, fragment="", **size):
        path = shown.save(tmp_path / "replay.html")
        browser.open(path.as_uri() + fragment, **size)
        return browser

    return show


STEP = "Number(document.body.dataset.step)"
PANEL = "document.getElementById('panel').textContent"


@pytest.mark.parametrize("example", [network, skipgram])
def test_every_step_is_reached_by_keyboard_with_the_right_numbers(page, example):
    shown = replay(example())
    data = shown.data
    tab = page(shown)
    last = len(data["steps"]) - 1
    for at, step in enumerate(data["steps"]):
        assert tab.evaluate(STEP) == at
        said = tab.evaluate("document.getElementById('live').textContent")
        if step["k"] == "backward":
            head, tail = (data["nodes"][data["edges"][step["e"]][end]]["t"] for end in "ht")
            assert (
                said.startswith(f"Backward {at - len(data['nodes']) + _leaves(data) - 1} of ")
                and f"{head} sends back to {tail}" in said
            )
            label = tab.evaluate(
                "[...document.querySelectorAll('#panel .result figure')].map(f => f.querySelector('svg.heat') ?"
                " f.querySelector('svg.heat').getAttribute('aria-label') : f.querySelector('.big').textContent)"
            )
            sent = data["maps"][step["p"]]
            shown_values = [float(v) for row in sent["c"] for v in row]
            told = label[1 if "b" in step else 0].split("largest")[-1].split(";")[0].split("): ")[-1]
            told = [float(v.replace("−", "-")) for v in told.split(",")]
            if len(told) == 1 < len(shown_values):
                shown_values = [max(map(abs, shown_values))]
            np.testing.assert_allclose(told, shown_values, rtol=6e-3)
            assert "✓ checked against finite differences" in tab.evaluate(PANEL)
        tab.press("ArrowRight")
    assert tab.evaluate(STEP) == last
    tab.press("Home")
    assert tab.evaluate(STEP) == 0
    tab.press("End")
    assert tab.evaluate(STEP) == last
    tab.press("ArrowLeft")
    assert tab.evaluate(STEP) == last - 1
    tab.press(" ")
    assert tab.evaluate(STEP) == last
    assert tab.faults() == []


def test_of_many_ids_the_span_is_shown_and_no_mean(page):
    ids = np.arange(90).reshape(3, 30) % 21
    table = parameter(np.arange(42.0).reshape(21, 2), "table")
    tab = page(replay(embedding(table, ids).sum()))
    assert "0 … 20" in tab.evaluate("document.querySelector('.card.data').textContent")
    assert "0 … 20" in tab.evaluate(PANEL)
    assert "means of" not in tab.evaluate("document.querySelector('.card.data').textContent")
    assert tab.evaluate("document.querySelectorAll('.card.data .cell').length") == 0
    assert tab.faults() == []


def _leaves(data):
    return sum(node["k"] != "op" for node in data["nodes"])


def test_the_slider_and_the_fragment_lead_to_a_step(page):
    tab = page(replay(skipgram()), "#step=7")
    assert tab.evaluate(STEP) == 7
    tab.evaluate("location.hash = '#step=12'; 0")
    tab.evaluate("new Promise(r => setTimeout(r, 50))")
    assert tab.evaluate(STEP) == 12
    tab.evaluate("document.getElementById('slider').focus(); 0")
    tab.send("Input.dispatchKeyEvent", type="rawKeyDown", key="ArrowRight", code="ArrowRight", windowsVirtualKeyCode=39)
    assert tab.evaluate(STEP) == 13
    for wrong in ("#step=99", "#step=-1", "#step=x", "#<img src=x>"):
        tab = page(replay(skipgram()), wrong)
        assert tab.evaluate(STEP) in (0, 21)
        assert tab.faults() == []


def test_predict_hides_the_number_until_asked(page):
    shown = replay(skipgram())
    tab = page(shown, "#step=16")
    assert "−4.633" in tab.evaluate(PANEL)
    live = "document.getElementById('live').textContent"
    card = "[...document.querySelectorAll('.card')].find(c => c.children[2].textContent === 'ŷ[4]').textContent"
    assert "−4.63" in tab.evaluate(card)
    tab.press("p", "p")
    assert "Predict: what does log(ŷ[4]) send back to ŷ[4]" in tab.evaluate(PANEL)
    for place in (PANEL, live, card):
        assert "4.63" not in tab.evaluate(place).replace("local Jacobian (1 × 1)4.63", "")
    tab.press(" ")
    assert tab.evaluate(STEP) == 16 and "−4.633" in tab.evaluate(PANEL) and "−4.63" in tab.evaluate(card)
    tab.press("ArrowRight")
    assert "Predict" in tab.evaluate(PANEL)
    assert tab.faults() == []


def test_the_sum_of_contributions_is_shown(page):
    x = parameter([1.0, 2.0], "x")
    tab = page(replay((x * x).sum()), "#step=6")
    figures = tab.evaluate("[...document.querySelectorAll('.adding svg.heat')].map(f => f.getAttribute('aria-label'))")
    assert figures == ["(2): 1, 2", "(2): 1, 2", "(2): 2, 4"]
    assert tab.evaluate("document.querySelectorAll('circle.plus').length") == 1


def test_a_broadcast_argument_is_told_why_its_gradient_is_a_sum(page):
    data = replay(network()).data
    at = next(
        i
        for i, step in enumerate(data["steps"])
        if step["k"] == "backward" and data["nodes"][data["edges"][step["e"]]["t"]]["t"] == "b1"
    )
    tab = page(replay(network()), f"#step={at}")
    assert "b1 (4) was copied to (2, 4) (broadcasting)" in tab.evaluate(PANEL)


def test_the_trail_names_a_vanishing_and_an_exploding_gradient(page):
    x = parameter([2.0], "x")
    small = x * Tensor([1e-6], name="tiny")
    large = small * Tensor([1e12], name="huge")
    tab = page(replay(large.sum()), "#step=9")
    rows = tab.evaluate("[...document.querySelectorAll('.trail tr')].map(r => r.textContent)")
    assert [row.endswith("exploding") for row in rows] == [False, False, True, True]
    tab = page(replay((small * 1.0).sum()), "#step=9")
    rows = tab.evaluate("[...document.querySelectorAll('.trail tr')].map(r => r.textContent)")
    assert rows[-1] == "x1e−6vanishing" and not rows[0].endswith("vanishing")


def test_not_yet_differs_from_zero_and_nan_is_hatched(page):
    x = parameter([0.0, 1.0], "x")
    shown = replay((sqrt(x) * Tensor([0.0, 0.0])).sum())
    tab = page(shown, "#step=3")
    graph = "document.getElementById('graph').textContent"
    assert "gradientnot yet" in tab.evaluate(graph)
    tab.press("End")
    assert "not yet" not in tab.evaluate(graph)
    assert tab.evaluate("document.querySelectorAll('#panel .result .hatch').length") == 1
    assert "the first NaN or infinity" in tab.evaluate(PANEL)
    tab.press("ArrowLeft")
    assert "exactly 0" in tab.evaluate(PANEL) and "not yet" in tab.evaluate(graph)
    assert tab.faults() == []


def test_a_wrong_rule_is_red(page):
    tab = page(replay(wrong_op(-1.0)(parameter([0.3, -1.2], "x")).sum()), "#step=5")
    assert "✗ the rule disagrees with finite differences" in tab.evaluate(PANEL)
    red = tab.evaluate("getComputedStyle(document.querySelector('.badge.wrong')).color")
    assert red == "rgb(176, 16, 48)"


def test_a_kink_is_explained_by_the_convention(page):
    tab = page(replay(relu(parameter([0.0, 1.0], "x")).sum()), "#step=5")
    assert "1 at a kink left out" in tab.evaluate(PANEL)
    assert registry["relu"].conventions[0].where in tab.evaluate(
        "document.querySelector('#panel ul.quiet').textContent"
    )


def test_small_empty_and_overflowing_graphs(page):
    for loss in (softmaxes(), parameter(3.0), exp(parameter(np.zeros((0, 3)), "nothing")).sum()):
        shown = replay(loss)
        tab = page(shown)
        for _ in shown.data["steps"]:
            tab.press("ArrowRight")
        assert tab.evaluate(STEP) == len(shown.data["steps"]) - 1
        tab.evaluate("document.querySelector('.card').dispatchEvent(new MouseEvent('click')); 0")
        assert "Chain rule" in tab.evaluate(PANEL)
        assert tab.faults() == []


def test_a_parameter_tells_its_chain_rule(page):
    tab = page(replay(network()), "#step=9")
    tab.evaluate(
        "[...document.querySelectorAll('.card')].find(c => c.querySelector('.title').textContent === 'W1').focus(); 0"
    )
    tab.press("Enter")
    assert "Chain rule for W1" in tab.evaluate(PANEL) and "One path" in tab.evaluate(PANEL)
    factors = tab.evaluate("[...document.querySelectorAll('.factor')].map(f => f.textContent)")
    assert factors == [
        "∂J∂scores",
        "∂scores∂(hidden @ W2)",
        "∂(hidden @ W2)∂hidden",
        "∂hidden∂z",
        "∂z∂(x @ W1)",
        "∂(x @ W1)∂W1",
    ]
    tab.evaluate("document.querySelector('.factor').click(); 0")
    assert tab.evaluate(STEP) == 8
    tab.evaluate("document.querySelector('.card.parameter').dispatchEvent(new MouseEvent('click', {bubbles: true})); 0")
    tab.press("Escape")
    assert "Chain rule" not in tab.evaluate(PANEL)
    tab = page(replay(skipgram()))
    tab.evaluate("document.querySelector('.card.parameter').dispatchEvent(new MouseEvent('click', {bubbles: true})); 0")
    assert "2 paths lead to the loss J" in tab.evaluate(PANEL)
    assert tab.faults() == []


def test_search_finds_by_name_and_by_op(page):
    tab = page(replay(skipgram()))
    for asked, hits in (("softmax", 1), ("outside", 1), ("nothing like it", 0)):
        tab.evaluate(
            f"var s = document.getElementById('search'); s.value = '{asked}'; s.dispatchEvent(new Event('input')); 0"
        )
        assert tab.evaluate("document.querySelectorAll('.hit').length") == hits
    tab.press("/", "/")
    tab.evaluate("s.value = 'softmax'; s.dispatchEvent(new Event('input')); 0")
    tab.press("Enter")
    assert "Forward: ŷ" in tab.evaluate(PANEL)


def test_help_opens_and_closes(page):
    tab = page(replay(skipgram()))
    tab.press("?", "?")
    assert tab.evaluate("document.getElementById('help').open") is True
    tab.press("ArrowRight")
    assert tab.evaluate(STEP) == 0
    tab.evaluate("document.querySelector('#help button').click(); 0")
    assert tab.evaluate("document.getElementById('help').open") is False


def test_the_handout_lists_every_step(page):
    shown = replay(network())
    tab = page(shown)
    tab.evaluate("window.dispatchEvent(new Event('beforeprint')); 0")
    steps = len(shown.data["steps"])
    assert tab.evaluate("document.querySelectorAll('#handout article').length") == steps
    assert tab.evaluate("document.querySelectorAll('#handout .badge.right').length") == 9
    tab.send("Emulation.setEmulatedMedia", media="print")
    shows = "getComputedStyle(document.getElementById('{}')).display"
    assert tab.evaluate(shows.format("handout")) == "block" and tab.evaluate(shows.format("app")) == "none"
    assert tab.evaluate(STEP) == 0
    assert tab.faults() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(page, scheme):
    tab = page(replay(skipgram()), "#step=16")
    tab.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    pairs = tab.evaluate(
        "['--ink --paper', '--muted --paper', '--muted --wash', '--backward --paper', '--forward --paper',"
        " '--good --goodtint', '--bad --badtint', '--ink --tint', '--ink --hit'].map(p => p.split(' ').map(v =>"
        " getComputedStyle(document.documentElement).getPropertyValue(v).trim()))"
    )
    for one, other in pairs:
        assert contrast(one, other) >= 4.5, (scheme, one, other)


def contrast(one, other):
    def luminance(colour):
        digits = colour[1:] if len(colour) == 7 else "".join(2 * d for d in colour[1:])
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        r, g, b = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_is_wider_than_the_screen(page, width):
    shown = replay(network())
    tab = page(shown, width=width, height=800)
    for _ in shown.data["steps"]:
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert (
            tab.evaluate("document.getElementById('panel').scrollWidth - document.getElementById('panel').clientWidth")
            <= 0
        )
        tab.press("ArrowRight")


def test_hostile_names_and_titles_do_nothing(page):
    tab = page(replay(hostile_loss(), title=HOSTILE[0]))
    tab.evaluate("window.alert = () => { window.attacked = true }; 0")
    before = "document.querySelectorAll('script, img, b[onclick], iframe, object, embed').length"
    assert tab.evaluate(before) == 2
    for _ in range(60):
        tab.press("ArrowRight")
    for i in range(12):
        tab.evaluate(f"document.querySelectorAll('.card')[{i}].dispatchEvent(new MouseEvent('click')); 0")
    tab.evaluate("window.dispatchEvent(new Event('beforeprint')); 0")
    assert tab.evaluate(before) == 2 and tab.evaluate("window.attacked") is None
    assert tab.evaluate("document.title").startswith("</script><img")
    assert tab.faults() == []


def test_works_in_the_sandboxed_frame_of_a_notebook(browser, tmp_path):
    shown = replay(hostile_loss(), title=HOSTILE[2])
    notebook = tmp_path / "notebook.html"
    notebook.write_text(f"<!doctype html><meta charset=utf-8>{shown._repr_mimebundle_()['text/html']}")
    browser.open(notebook.as_uri())
    contexts = [event["context"] for event in browser.saw("Runtime.executionContextCreated")]
    inner = contexts[-1]["id"]
    assert browser.evaluate("location.href", inner) == "about:srcdoc" and browser.evaluate("origin", inner) == "null"
    assert browser.evaluate(STEP, inner) == 0
    for _ in range(3):
        browser.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'})); 0", inner)
    browser.evaluate("document.getElementById('print').click(); 0", inner)
    browser.evaluate("document.getElementById('keys').click(); 0", inner)
    assert browser.evaluate(STEP, inner) == 3
    browser.send("Runtime.evaluate", expression="new Promise(r => setTimeout(r, 500))", awaitPromise=True)
    complaints = [fault for fault in browser.faults() if "allow-modals" not in json.dumps(fault)]
    assert complaints == []


def test_works_in_the_frame_of_a_page_with_a_strict_policy_of_its_own(browser, tmp_path):
    shown = replay(skipgram())
    allowed = shown.frame_policy()
    outer = tmp_path / "report.html"
    for rules, works in ((allowed, True), (dict.fromkeys(allowed, "'none'"), False)):
        policy = f"default-src 'none'; script-src {rules['script-src']}; style-src {rules['style-src']}; img-src data:"
        outer.write_text(
            f'<!doctype html><meta charset=utf-8><meta http-equiv="Content-Security-Policy" content="{policy}">'
            f'<link rel="icon" href="data:,">{shown.frame(height=500)}'
        )
        browser.open(outer.as_uri())
        inner = [event["context"] for event in browser.saw("Runtime.executionContextCreated")][-1]["id"]
        step = browser.evaluate("document.body.dataset.step", inner)
        assert (step == "0") is works
        if works:
            assert browser.evaluate("getComputedStyle(document.getElementById('app')).display", inner) == "grid"
            assert browser.faults() == []


def test_the_policy_stops_a_script_that_got_in(page):
    tab = page(replay(skipgram()))
    attacks = (
        "document.body.innerHTML = '<b>x</b>'",
        "document.body.setAttribute('onclick', 'window.attacked = 1')",
        "eval('1')",
        "new Function('1')()",
    )
    for attack in attacks:
        said = tab.evaluate(f"(() => {{ try {{ {attack}; return 'done' }} catch {{ return 'refused' }} }})()")
        assert said == "refused", attack
    assert tab.evaluate("window.attacked") is None
