"""Charts: round ticks, well-formed SVG, hostile words, degenerate data."""

from xml.etree import ElementTree

import pytest

from tinygrad_nlp.cli.charts import loss_curve, text_curve, text_of, ticks, word_map

HOSTILE = ["</text><script>alert(1)</script>", "a&b", '"onload="x', "\x00\x07bell", "]]>", "ünïcode 漢字"]


@pytest.mark.parametrize("low, high", [(0, 1), (-3.7, 9.2), (1e-9, 2e-9), (2.01, 2.02), (-5e8, 1e9)])
def test_ticks_are_few_even_and_inside(low, high):
    found = ticks(low, high)
    slack = (high - low) * 1e-6
    assert 3 <= len(found) <= 11 and low - slack <= found[0] and found[-1] <= high + slack


def test_ticks_of_no_range_are_one():
    assert ticks(2, 2) == [2] and ticks(0, float("inf")) == [0]


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(0.0, 3.0), (0.5, float("nan")), (1.0, 1.0)]])
def test_a_loss_curve_is_well_formed_whatever_the_points(points):
    drawn = loss_curve(points, "<loss>")
    ElementTree.fromstring(drawn)
    assert "nan" not in drawn.lower().replace("nats", "")


def test_hostile_words_are_text_in_a_map():
    places = [(i % 3, i // 3) for i in range(len(HOSTILE))]
    drawn = word_map(places, HOSTILE, set(HOSTILE), "map")
    root = ElementTree.fromstring(drawn)
    assert {e.tag for e in root.iter()} <= {"svg", "title", "desc", "circle", "text"}
    assert {e.text for e in root.iter("text")} <= {w.replace("\x00\x07", "") for w in HOSTILE}
    assert text_of(HOSTILE[2]) == "&quot;onload=&quot;x"


def test_labels_of_a_map_do_not_cover_each_other():
    words = [f"word{i}" for i in range(200)]
    drawn = word_map([(i % 5, 0.001 * i) for i in range(200)], words, set(), "map")
    root = ElementTree.fromstring(drawn)
    assert len(list(root.iter("circle"))) == 200 and 0 < len(list(root.iter("text"))) < 150


@pytest.mark.parametrize("places", [[], [(0.0, 0.0)], [(1.0, 1.0), (1.0, 1.0)]])
def test_maps_of_hardly_any_words_are_well_formed(places):
    ElementTree.fromstring(word_map(places, ["a", "b"][: len(places)], set(), "map"))


def test_a_text_curve_falls_from_left_to_right():
    lines = text_curve([(i / 100, 100 - i) for i in range(100)], width=10, height=5).splitlines()
    assert len(lines) == 6 and lines[0].index("*") < lines[4].index("*")
    assert [len(line) for line in lines[:1]] and lines[-1].endswith("+" + "-" * 10)
    assert all(ord(c) < 128 for line in lines for c in line)


def test_a_text_curve_of_nothing_or_a_constant_is_short():
    assert text_curve([]) == "(no loss recorded)"
    assert text_curve([(0.5, 2.0), (1.0, 2.0)]).splitlines()[0] == "  2.000 |**"


def test_bold_words_are_labelled_even_where_dots_are_dense():
    words = [f"w{i}" for i in range(400)]
    drawn = word_map([(i % 20, i // 20) for i in range(400)], words, {"w210"}, "map")
    assert "w210" in {e.text for e in ElementTree.fromstring(drawn).iter("text")}
