"""Every classic mistake is caught, named and blamed on its place; right gradients are never blamed."""

import doctest
import os
from pathlib import Path

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.classic_mistakes import MISTAKES, SITES, examine
from tests.numerical import gradient
from tinygrad_nlp import Tensor
from tinygrad_nlp.diagnosis import CATALOGUE, case, compare_by_hand
from tinygrad_nlp.errors import ShapeError
from tinygrad_nlp.gradient_check import find_wrong_gradients, gradcheck


@pytest.fixture(autouse=True)
def no_hypothesis_may_fail(monkeypatch):
    monkeypatch.setattr(case, "STRICT", True)


VERDICTS = {}


def verdict(site):
    if id(site) not in VERDICTS:
        VERDICTS[id(site)] = examine(site)
    return VERDICTS[id(site)]


@pytest.mark.parametrize("site", SITES, ids=lambda s: f"{s.mistake} - {s.site}")
def test_a_classic_mistake_is_caught(site):
    assert verdict(site).caught


def test_at_least_nine_of_ten_are_named_with_place_and_kind():
    missed = [(s.mistake, s.site, v.kinds) for s in SITES if not ((v := verdict(s)).named and v.kind_right)]
    assert len(missed) <= len(SITES) / 10, missed
    assert len(MISTAKES) >= 40 and len(SITES) >= 2 * 40


# ---- right gradients ---------------------------------------------------------------------------------------------


def test_detaching_what_has_no_influence_is_no_mistake():
    # Σ (x − m)² is flat in m at the mean: the gradient through it is 0.
    assert gradcheck(
        lambda x: ((x - Tensor(x.data.mean(0))) ** 2).sum(), [np.random.default_rng(0).normal(size=(4, 3))]
    )


SHAPES = [(), (3,), (2, 3), (2, 1), (1, 3), (3, 3)]
UNARY = {
    "neg": lambda x: -x,
    "sin": lambda x: x.sin(),
    "tanh": lambda x: x.tanh(),
    "exp": lambda x: (x * 0.3).exp(),
    "sigmoid": lambda x: x.sigmoid(),
    "softplus": lambda x: tg.softplus(x),
    "sqrt": lambda x: (x * x + 1.0).sqrt(),
    "log": lambda x: (x * x + 0.5).log(),
    "sum": lambda x: x.sum(),
    "sum0": lambda x: x.sum(0) if x.ndim else x,
    "mean": lambda x: x.mean(-1, keepdims=True) if x.ndim else x,
    "softmax": lambda x: tg.softmax(x) if x.ndim else x,
    "normalize": lambda x: tg.l2_normalize(x * x + 0.3) if x.ndim else x,
    "transpose": lambda x: x.T,
    "rows": lambda x: x[np.array([0, -1, 0])] if x.ndim else x,
    "cumsum": lambda x: tg.cumsum(x, axis=0) if x.ndim else x,
    "std": lambda x: ((x.var(0) + 1.0).sqrt() + x.sum(0)) if x.ndim else x,
}
BINARY = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / (y * y + 1.0),
    "matmul": lambda x, y: x @ y,
    "logaddexp": lambda x, y: tg.logaddexp(x, y),
}


def random_graph(seed):
    """(function of the leaves, leaves): 3 to 15 ops on 2 to 4 leaves, tensors used again and again."""
    rng = np.random.default_rng([7, seed])
    leaves = [rng.normal(size=SHAPES[i]) for i in rng.integers(0, len(SHAPES), rng.integers(2, 5))]
    steps = [
        (str(rng.choice([*UNARY, *BINARY, *BINARY])), int(rng.integers(1000)), int(rng.integers(1000)))
        for _ in range(rng.integers(3, 16))
    ]

    def function(*variables):
        made = list(variables)
        for name, i, j in steps:
            x, y = made[-1 - i % len(made)], made[-1 - j % len(made)]
            try:
                made.append(UNARY[name](x) if name in UNARY else BINARY[name](x, y))
            except (ShapeError, ValueError):
                continue
        return sum((t * t).mean() + t.mean() for t in made[-3:] + made[: len(variables)])

    return function, leaves


def judge_a_right_graph(seed):
    """The engine's gradients, by gradcheck; numeric ones, by compare_by_hand: nothing may be blamed."""
    function, leaves = random_graph(seed)
    found = find_wrong_gradients(function, leaves, fast=seed % 4 != 0)
    assert not found, (seed, found)
    if seed % 2:  # a student's float64 gradients of a float32 model
        leaves = [a.astype(np.float32).astype(np.float64) for a in leaves]
    dtype = np.float32 if seed % 2 else np.float64
    tensors = [Tensor(a, requires_grad=True, name=f"t{i}", dtype=dtype) for i, a in enumerate(leaves)]
    numeric = {
        f"t{i}": gradient(
            lambda x, i=i: function(*[Tensor(x if j == i else b) for j, b in enumerate(leaves)]).data, a, step=1e-3
        )
        for i, a in enumerate(leaves)
    }
    report = compare_by_hand(function(*tensors), numeric)
    assert report.ok, (seed, report)


@pytest.mark.parametrize("start", range(0, 150, 50))
def test_a_right_graph_is_never_blamed(start):
    for seed in range(start, start + 50):
        judge_a_right_graph(seed)


@pytest.mark.skipif("RIGHT_GRAPHS" not in os.environ, reason="a thousand graphs: RIGHT_GRAPHS=1000 pytest -k thousand")
def test_a_thousand_right_graphs_are_never_blamed():
    for seed in range(150, int(os.environ["RIGHT_GRAPHS"])):
        judge_a_right_graph(seed)


# ---- the page ----------------------------------------------------------------------------------------------------


def test_the_examples_of_the_page_run():
    head = Path(__file__).parent.parent / "benchmarks" / "diagnosis_head.md"
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, tried = doctest.testfile(str(head), module_relative=False, optionflags=options)
    assert tried > 20 and not failed


def test_the_page_holds_the_catalogue_as_it_is():
    page = (Path(__file__).parent.parent / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    for entry in CATALOGUE:
        assert entry.about.replace("|", "\\|") in page, f"{entry.kind}: python -m benchmarks.diagnosis --docs …"
    assert f"{len(MISTAKES)} mistakes at {len(SITES)} sites" in page


def test_every_entry_of_the_catalogue_says_what_it_is_and_what_to_write():
    assert len(CATALOGUE) > 40
    for entry in CATALOGUE:
        assert entry.kind and entry.about.endswith(".") and entry.fix and entry.needs in (
            "arrays", "rule", "jacobian", "graph"
        )  # fmt: skip
