"""The replay's numbers: the engine's gradients, edge by edge, checked by means that are not the engine's."""

import hashlib
import json
import re
from base64 import b64encode
from html.parser import HTMLParser
from importlib.resources import files
from xml.etree import ElementTree

import numpy as np
import pytest
from tinygrad_nlp.models.word2vec import SkipGram
from tinygrad_nlp.visualize import replay
from tinygrad_nlp.visualize.replay.data import _formula as formula_of

from tinygrad_nlp import (
    GradientError,
    OptionError,
    StaleValueError,
    Tensor,
    exp,
    log,
    nn,
    no_grad,
    record_gradients,
    relu,
    sqrt,
)
from tinygrad_nlp.cli.replay import network, skipgram, softmaxes
from tinygrad_nlp.formula.typeset import ELEMENTS
from tinygrad_nlp.op import Op

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "\"double\" and 'single'",
    "]]></svg></noscript><b>bold</b>",
    "@@SCRIPT@@ @@DATA@@ \\u003cb> \\",
    "&lt;b&gt; & &amp;",
    "line\u2028separator\u2029paragraph",
    "עברית ‮evil‬ عربي",
    "${alert(1)} `tick`",
    "__proto__",
    "lone \ud800 surrogate \x00 \x1b",
    "emoji 👩‍💻",
]


def parameter(value, name=None):
    return Tensor(np.asarray(value, np.float64), requires_grad=True, name=name)


def numbers(shown, place):
    """The array that the page shows under a number of its table, where it shows every element."""
    entry = shown.data["maps"][place]
    assert "b" not in entry
    return np.array([[float(v) for v in row] for row in entry["c"]])


def final_gradients(shown):
    """{label: the gradient on the page after the last step}."""
    found = {}
    for step in shown.data["steps"]:
        if step["k"] == "backward":
            tail = shown.data["edges"][step["e"]]["t"]
            found[shown.data["nodes"][tail]["t"]] = numbers(shown, step.get("x", step["a"]))
    return found


def backward_steps(shown, tail=None):
    steps = [s for s in shown.data["steps"] if s["k"] == "backward"]
    return [s for s in steps if tail in (None, shown.data["nodes"][shown.data["edges"][s["e"]]["t"]]["t"])]


def wrong_op(factor):
    """exp whose rule is off by a factor, and which no registry knows."""

    class body:
        "e to the power of each element, with a faulty rule."

        def forward(x):
            return np.exp(x)

        def vjp_x(g, out, x):
            return g * out * factor

    return Op("faulty", body.forward, (body.vjp_x,), body)


@pytest.mark.parametrize("example", [network, skipgram])
def test_gradients_on_the_page_are_those_of_backward(example):
    loss = example()
    shown = replay(loss)
    leaves = {t.name: t for t in _leaves(loss)}
    loss.backward()
    found = final_gradients(shown)
    assert len(leaves) in (2, 4)
    for name, leaf in leaves.items():
        # Six digits are written.
        np.testing.assert_allclose(found[name], np.atleast_2d(leaf.grad), rtol=5e-6, atol=1e-12)
    assert shown.data["engine"]["ok"] == 1 and float(shown.data["engine"]["d"]) < 1e-12


def _leaves(t):
    waiting, seen = [t], {}
    while waiting:
        t = waiting.pop()
        if t._op is None and t.requires_grad:
            seen[id(t)] = t
        waiting += [a for a in t._args or () if isinstance(a, Tensor)]
    return seen.values()


def test_skipgram_agrees_with_the_closed_form_of_the_documents():
    loss = skipgram()
    table, outside = (next(t for t in _leaves(loss) if t.name[0] == letter) for letter in "VU")
    v_c, u = table._data[2], outside._data
    predicted = np.exp(u @ v_c) / np.exp(u @ v_c).sum()
    y = np.eye(6)
    error = 2 * predicted - y[4] - y[1]
    found = final_gradients(replay(loss))
    np.testing.assert_allclose(found["v_c"], [u.T @ error], rtol=5e-6)
    np.testing.assert_allclose(found["U outside vectors"], np.outer(error, v_c), rtol=5e-6)


def test_every_step_multiplies_what_arrives_by_the_local_jacobian():
    shown = replay(skipgram())
    for step in backward_steps(shown):
        j = step["j"]
        cells = np.zeros(j["r"] * j["k"])
        if "d" in j:
            cells[:] = j["d"]
        else:
            cells[j["p"][::2]] = j["p"][1::2]
        sent = numbers(shown, step["i"]).reshape(-1) @ cells.reshape(j["r"], j["k"])
        np.testing.assert_allclose(sent, numbers(shown, step["p"]).reshape(-1), rtol=1e-2, atol=1e-2)  # three digits


def test_softmax_jacobian_is_the_closed_form():
    shown = replay(skipgram())
    (step,) = backward_steps(shown, "scores U v_c")
    predicted = numbers(shown, next(n["v"] for n in shown.data["nodes"] if n["t"] == "ŷ")).reshape(-1)
    np.testing.assert_allclose(
        np.reshape(step["j"]["d"], (6, 6)), np.diag(predicted) - np.outer(predicted, predicted), rtol=1e-2
    )


def test_contributions_to_one_tensor_are_shown_as_a_sum():
    x = parameter([1.0, 2.0, -3.0], "x")
    first, second, third = backward_steps(replay((x * x + 5.0 * x).sum()), "x")
    shown = replay((x * x + 5.0 * x).sum())
    assert "b" not in first
    for step in (second, third):
        np.testing.assert_allclose(
            numbers(shown, step["b"]) + numbers(shown, step["p"]), numbers(shown, step["a"]), rtol=1e-5
        )
    np.testing.assert_allclose(numbers(shown, third["a"]), [[7.0, 9.0, -1.0]])


def test_backward_steps_come_when_all_of_a_gradient_has_arrived():
    shown = replay(skipgram())
    sent_from = set()
    for step in backward_steps(shown):
        edge = shown.data["edges"][step["e"]]
        assert edge["t"] not in sent_from
        sent_from.add(edge["h"])


def test_a_replay_leaves_tensors_and_graph_as_they_are():
    x = parameter([1.0, 2.0], "x")
    with record_gradients() as journal:
        y = x * x
        y.retain_grad()
        loss = y.sum()
        replay(loss)
        assert x.grad is None and y.grad is None and loss.grad is None
        assert len(journal) == 2
        loss.backward()
    np.testing.assert_allclose(x.grad, [2.0, 4.0])
    replay(loss)
    np.testing.assert_allclose(x.grad, [2.0, 4.0])


def test_a_replay_does_not_change_with_its_tensors():
    x = parameter([1.0, 2.0], "x")
    shown = replay((x * x).sum())
    before = shown.html()
    x.data = np.array([7.0, 7.0])
    assert shown.html() == before


def test_works_inside_no_grad_and_in_float32():
    x = Tensor(np.array([0.1, -0.7], np.float32), requires_grad=True, name="x")
    loss = exp(x).sum()
    with no_grad():
        shown = replay(loss)
    assert all(step["c"]["v"] == "right" for step in backward_steps(shown))
    np.testing.assert_allclose(final_gradients(shown)["x"], [np.exp([0.1, -0.7])], rtol=1e-6)


# ---- finite differences ------------------------------------------------------------------------------------


def test_right_rules_are_found_right_and_the_difference_is_small():
    for example in (network, skipgram):
        for step in backward_steps(replay(example())):
            assert step["c"]["v"] == "right"
            assert float(step["c"]["l"]) < 1e-6


@pytest.mark.parametrize("factor", [-1.0, 2.0, 1.001])
def test_a_wrong_rule_is_found_wrong(factor):
    x = parameter([0.3, -1.2], "x")
    check = backward_steps(replay(wrong_op(factor)(x).sum()), "x")[0]["c"]
    assert check["v"] == "wrong"
    np.testing.assert_allclose(float(check["l"]), abs(factor - 1) * np.exp(0.3), rtol=0.1)
    assert check["m"] == check["of"] == 2


def test_a_rule_wrong_in_one_element_of_a_large_argument_is_found_where_its_gradient_is_large():
    class body:
        "Doubles; the rule is wrong at one place."

        def forward(x):
            return x * 2

        def vjp_x(g, out, x):
            return g * np.where(np.arange(x.size) == 777, 20.0, 2.0)

    x = parameter(np.ones(5000))
    check = backward_steps(replay(Op("once", body.forward, (body.vjp_x,), body)(x).sum()))[-1]["c"]
    assert check["v"] == "wrong" and check["m"] <= 64 and check["of"] == 5000


def test_a_kink_is_not_called_wrong():
    step = backward_steps(replay(relu(parameter([0.0])).sum()))[-1]
    assert step["c"]["v"] == "none" and "kink" in step["c"]["t"]
    step = backward_steps(replay(relu(parameter([0.0, 1.0])).sum()))[-1]
    assert step["c"]["v"] == "right" and step["c"]["m"] == 1 and "1 at a kink" in step["c"]["t"]


def test_the_bottom_of_a_parabola_is_no_kink():
    x = parameter([0.0], "x")
    assert [s["c"]["v"] for s in backward_steps(replay((x * x).sum()), "x")] == ["right", "right"]


def test_a_random_forward_is_not_compared():
    class body:
        "Noise."

        def forward(x):
            return x + np.random.default_rng().normal()

        def vjp_x(g, out, x):
            return g

    step = backward_steps(replay(Op("noise", body.forward, (body.vjp_x,), body)(parameter(1.0))))[-1]
    assert step["c"]["v"] == "none" and "random" in step["c"]["t"]


# ---- what is not there, or not finite -------------------------------------------------------------------------


def test_zero_is_a_gradient_and_not_its_absence():
    x = parameter([1.0, 2.0], "x")
    shown = replay((x * Tensor(np.zeros(2), name="mask")).sum())
    (step,) = backward_steps(shown, "x")
    assert shown.data["maps"][step["a"]]["z"] == 1
    by_label = {n["t"]: n for n in shown.data["nodes"]}
    assert by_label["x"]["g"] == 1 and by_label["mask"]["g"] == 0


def test_nan_and_infinity_are_words_in_the_data():
    x = parameter([0.0, 1.0], "x")
    shown = replay((sqrt(x) * Tensor([0.0, 1.0])).sum())
    last = shown.data["maps"][backward_steps(shown, "x")[0]["p"]]
    assert last["c"][0] == ["NaN", 0.5] and last["n"] == 1
    json.loads(re.search(r'id="data">(.*?)</script>', shown.html(), re.S)[1], parse_constant=pytest.fail)


def test_the_stable_softmax_sends_a_gradient_where_the_naive_one_sends_nan():
    shown = replay(softmaxes())
    first, *others = backward_steps(shown, "scores")
    p = np.exp([0.0, -1.0, -998.0])
    np.testing.assert_allclose(numbers(shown, first["p"]), [p / p.sum() - [1, 0, 0]], rtol=5e-6)
    assert all(np.isnan(numbers(shown, step["p"])).any() for step in others)
    values = {node["t"]: numbers(shown, node["v"]) for node in shown.data["nodes"] if node["v"] is not None}
    assert np.isnan(values["naive loss"]).all() and values["stable loss"] == pytest.approx(0.313262, rel=1e-5)


def test_a_large_jacobian_is_a_slice_that_says_of_what():
    x = parameter(np.linspace(0, 1, 60), "x")
    (step,) = backward_steps(replay(exp(x).sum()), "x")
    assert step["j"]["of"] == [60, 60] and step["j"]["r"] * step["j"]["k"] <= 2500
    w = parameter(np.ones((400, 3)), "w")
    step = backward_steps(replay((w @ parameter(np.ones(3))).sum()), "w")[0]
    assert step["j"]["of"] == [400, 1200] and step["j"]["r"] * step["j"]["k"] <= 2500
    (step,) = backward_steps(replay(parameter(np.ones((50, 50)), "m").sum()), "m")
    assert "of" not in step["j"] and step["j"]["k"] == 2500


def test_hooks_run_once_and_show():
    calls = []

    def halve(g):
        calls.append(g)
        return g / 2

    x = parameter([2.0], "x")
    y = x * x
    y.name = "y"
    y.register_hook(halve)
    shown = replay((y * 3.0).sum())
    assert len(calls) == 1
    (step,) = backward_steps(shown, "y")
    assert numbers(shown, step["a"]) == [[3.0]] and numbers(shown, step["x"]) == [[1.5]]
    np.testing.assert_allclose(final_gradients(shown)["x"], [[6.0]])
    assert shown.data["engine"]["d"] is None


def test_a_loss_that_is_a_leaf():
    shown = replay(parameter(3.0))
    assert [step["k"] for step in shown.data["steps"]] == ["inputs", "seed"]


def test_no_elements():
    x = parameter(np.zeros((0, 3)), "x")
    (step,) = backward_steps(replay(exp(x).sum()), "x")
    assert step["p"] is None and step["c"]["v"] == "none"


# ---- refusals ----------------------------------------------------------------------------------------------------


def test_refusals_say_what_to_do():
    x = parameter([1.0, 2.0], "x")
    with pytest.raises(TypeError, match=r"replay\(loss\)"):
        replay([1.0])
    with pytest.raises(GradientError, match="one number"):
        replay(x * x)
    with pytest.raises(GradientError, match="does not depend on any tensor that requires grad"):
        replay(Tensor(1.0) * Tensor(2.0))
    loss = (x * x).sum()
    loss.backward()
    with pytest.raises(GradientError, match="replay\\(loss\\) before loss.backward"):
        replay(loss)
    loss = (x * x).sum()
    x.data = np.array([5.0, 5.0])
    with pytest.raises(StaleValueError):
        replay(loss)
    chain = x
    for _ in range(301):
        chain = chain + 1.0
    with pytest.raises(OptionError, match="at most 300"):
        replay(chain.sum())
    with pytest.raises(OptionError, match=r"expected \.html, \.svg"):
        replay((x * x).sum()).save("x.png")


# ---- the page as text ---------------------------------------------------------------------------------------------


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.handlers, self.content, self.inside = [], [], {}, None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append(tag)
        attributes = dict(attributes)
        self.handlers += [a for a in attributes if a.startswith("on") or a == "style"]
        self.handlers += [v for a, v in attributes.items() if a in ("src", "action", "srcset", "xlink:href")]
        self.handlers += [v for a, v in attributes.items() if a == "href" and v != "data:,"]
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]
        if tag in ("script", "style"):
            self.inside = attributes.get("id", tag)
            self.content[self.inside] = ""

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.content[self.inside] += data


def hostile_loss():
    total = parameter([1.0, -2.0], HOSTILE[0])
    for name in HOSTILE[1:]:
        total = total * parameter([1.0, -2.0], name)
        total.name = name
    loss = total.sum()
    loss.name = HOSTILE[0]
    return loss


def test_hostile_names_stay_data():
    shown = replay(hostile_loss(), title=HOSTILE[0] + HOSTILE[4])
    text = shown.html()
    page = Elements(text)
    plain = Elements(replay(skipgram()).html())
    assert page.found.count("script") == 2 and page.found.count("style") == 1
    assert set(page.found) <= set(plain.found) and not page.handlers
    data = page.content["data"]
    assert not re.search("[<>&\u2028\u2029]", data)
    labels = {n["t"] for n in json.loads(data)["nodes"]}
    assert HOSTILE[0] in labels and HOSTILE[2] in labels and "@@SCRIPT@@ @@DATA@@ \\u003cb> \\" in labels
    assert not any(re.search("[\u202a-\u202e\u2066-\u2069\x00-\x1f\ud800-\udfff]", label) for label in labels)
    assert page.content["script"] == plain.content["script"]
    text.encode("utf-8")


def test_the_policy_allows_this_script_and_this_style_and_nothing_else():
    page = Elements(replay(skipgram()).html())
    rules = dict(rule.strip().split(" ", 1) for rule in page.policy.split(";"))
    assert rules["default-src"] == "'none'" and rules["img-src"] == "data:" and rules["base-uri"] == "'none'"
    for kind in ("script", "style"):
        digest = b64encode(hashlib.sha256(page.content[kind].encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
    assert rules["require-trusted-types-for"] == "'script'"
    assert "eval" not in page.policy and "unsafe" not in page.policy
    script = page.content["script"]
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|fetch\(|XMLHttp", script
    )


def test_size_and_nothing_from_outside():
    rng = np.random.default_rng(0)
    model = SkipGram(6, 4, rng)
    negatives = np.array([[3, 4], [4, 5], [5, 3]])
    for loss in (network(), skipgram(), softmaxes(), model(np.array([0, 0, 1]), np.array([1, 2, 2]), negatives)):
        text = replay(loss).html()
        assert len(text.encode()) < 100_000
        addresses = set(re.findall(r"https?://[^\"'\s<)]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"}


def test_the_same_run_gives_the_same_page():
    assert replay(network()).html() == replay(network()).html()


def test_no_folder_of_the_machine_in_the_page():
    assert "/" not in "".join(n["w"] for n in replay(network()).data["nodes"])
    assert any(n["w"].startswith("replay.py:") for n in replay(network()).data["nodes"])


def test_the_notebook_gets_a_sandboxed_frame_and_a_picture():
    shown = replay(hostile_loss(), title=HOSTILE[0])
    bundle = shown._repr_mimebundle_()

    class Frame(HTMLParser):
        frames = []

        def handle_starttag(self, tag, attributes):
            self.frames.append((tag, dict(attributes)))

    Frame().feed(bundle["text/html"])
    (tag, attributes), *rest = Frame.frames
    assert [name for name, _ in rest] == ["details", "summary", "img"]
    assert tag == "iframe" and attributes["sandbox"] == "allow-scripts"
    assert attributes["srcdoc"] == shown.html(still=False)
    assert "<svg" in shown.html() and "<svg" not in attributes["srcdoc"]
    assert bundle["text/html"].startswith(shown.frame(height=760))
    assert ElementTree.fromstring(bundle["image/svg+xml"]).tag.endswith("svg")
    assert bundle["text/plain"] == repr(shown)
    assert set(shown._repr_mimebundle_(include=["text/plain"])) == {"text/plain"}


def test_parameters_of_like_name_are_told_apart_by_their_layer():
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    labels = [n["t"] for n in replay(model(Tensor([[1.0, 2.0]])).sum()).data["nodes"]]
    assert {"0.weight", "0.bias", "2.weight", "2.bias"} <= set(labels)


def test_labels_tell_what_an_unnamed_op_computes():
    p = parameter([0.2, 0.8], "p")
    labels = [n["t"] for n in replay(-log(p[1]) + (p * p).sum()).data["nodes"]]
    assert {"p[1]", "log(p[1])", "−log(p[1])", "p · p", "sum(p · p)"} <= set(labels)
    assert len(set(labels)) == len(labels)
    labels = {n["t"] for n in replay(((p[[0, 1]] @ p) - log(p + 1.0).sum()) * -(p @ p)).data["nodes"]}
    assert {"p[[0, 1]] @ p", "p @ p", "−(p @ p)"} <= labels


# ---- formulas ------------------------------------------------------------------------------------------------------


def test_the_page_makes_the_elements_that_formulas_are_made_of():
    script = (files("tinygrad_nlp.visualize") / "replay" / "script" / "make.js").read_text(encoding="utf-8")
    assert sorted(re.search(r'MATH = new Set\("(.*?)"', script)[1].split()) == sorted(ELEMENTS)


def test_a_formula_of_the_users_that_cannot_be_read_is_shown_as_written():
    assert formula_of(r"\href{x}{y}") == ["math", ["mtext", r"\href{x}{y}"]]
    assert formula_of(r"\frac{x}{y}") == ["math", ["mfrac", ["mi", "x"], ["mi", "y"]]]
