"""The page beside the other checkers: the same wrong backward reaches each of them."""

from pathlib import Path

import pytest

from benchmarks import diagnosis
from tests.classic_mistakes import SITES


def site(mistake, where):
    return next(s for s in SITES if (s.mistake, s.site) == (mistake, where))


CHOSEN = [
    site("sign flipped", "cos"),
    site("overwritten instead of accumulated", "tied embedding, output only"),
    site("detached branch", "x · x.detach()"),
]


@pytest.mark.parametrize("chosen", CHOSEN, ids=lambda s: f"{s.mistake} - {s.site}")
@pytest.mark.parametrize("checker", ["torch", "jax"])
def test_a_wrong_backward_is_refused_by_the_others_too(checker, chosen):
    pytest.importorskip(checker)
    said = (diagnosis.torch_says if checker == "torch" else diagnosis.jax_says)(chosen)
    assert said.caught and not said.kind and said.words


def test_what_pytorch_makes_good_and_what_it_cannot_see():
    pytest.importorskip("torch")
    assert not diagnosis.torch_says(site("broadcast sum forgotten", "x + b")).caught
    assert not diagnosis.torch_says(site("g squared", "x · y")).caught
    assert diagnosis.ours(site("g squared", "x · y")).kind


def test_the_tables_count_sites():
    number = SITES.index(CHOSEN[0])
    said = {"ours": {number: diagnosis.Said(True, True, True, "sign: the sign is flipped")}, "other": {}}
    assert diagnosis.summary(said) == [("ours", 1, 1, 1, 1), ("other", 0, 0, 0, 0)]
    row = next(row for row in diagnosis.per_mistake(said) if row[0] == "sign flipped")
    assert row[3:] == ("1, 1", "–")
    assert diagnosis.table(("a", "b"), [("1|2", 3)]) == "| a | b |\n| --- | --- |\n| 1\\|2 | 3 |"


def test_the_page_counts_the_sets_as_they_are():
    page = (Path(__file__).parents[2] / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    (line,) = [line for line in diagnosis.page({}).splitlines() if line.startswith("The catalogue and ")]
    assert line in page, "python -m benchmarks.diagnosis --docs docs/diagnosis.md"
