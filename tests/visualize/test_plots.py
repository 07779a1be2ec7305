"""Plots as text: well-formed and harmless whatever names say, numbers where the axes put them, colours for all eyes."""

import base64
import errno
import hashlib
import itertools
import math
import os
import re
import time
from xml.etree import ElementTree

import numpy as np
import pytest
from tinygrad_nlp.visualize import plots
from tinygrad_nlp.visualize.plots import chart, geometry, labels, raster, style
from tinygrad_nlp.visualize.plots.scales import Axis, log_ticks, tick_text, ticks
from tinygrad_nlp.visualize.text import clean

from tinygrad_nlp import OptionError

from .test_drawing import HOSTILE

SVG = "{http://www.w3.org/2000/svg}"


def parsed(plot, **options):
    return ElementTree.fromstring(plot.svg(**options))


def texts(root):
    return [element.text for element in root.iter(f"{SVG}text")]


def every_kind(names, title):
    """One plot of each kind, with ``names`` for everything that has a name."""
    span = np.linspace(0, 1, len(names))
    many = {name: span * (i + 1) for i, name in enumerate(names)}
    yield plots.curves(many, title, title, title, mean=3, levels={title: 0.5}, note=title)
    yield plots.norms({name: values + 0.1 for name, values in many.items()}, title, x_label=title, y_label=title)
    pairs = list(zip(names, names[1:]))
    yield plots.word_map(np.c_[span, span**2], names, pairs=pairs, strong=names[:3], title=title, note=title)
    yield plots.scatter({n: (span, v) for n, v in many.items()}, title, title, title, labels=[(0, 0, title)])
    yield plots.bars({name: {title: 1.0, "other": -2.0} for name in names}, title, title, note=title)
    ways = {name: np.c_[1 - span, values] for name, values in many.items()}
    yield plots.paths(lambda x, y: x * x + y * y, ways, title, x_label=title, y_label=title)


# ---- safe and well-formed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_names_are_text_in_every_kind_of_plot(title):
    for plot in every_kind(HOSTILE, title):
        for root in (parsed(plot), parsed(plot, embedded=True, heading=False)):
            allowed = {"svg", "desc", "style", "rect", "text", "polyline", "polygon", "path", "circle", "title"}
            assert {e.tag.removeprefix(SVG) for e in root.iter()} <= allowed
            for element in root.iter():
                assert not {a for a in element.attrib if a.startswith("on") or a in ("id", "href", "style")}
        page = plot.html()
        assert "<script" not in page and "onerror=" not in page and "\x07" not in page


def test_the_same_plot_is_the_same_bytes():
    assert [p.svg() for p in every_kind(HOSTILE, "t")] == [p.svg() for p in every_kind(HOSTILE, "t")]


@pytest.mark.parametrize(
    "values",
    [[], [1.0], [2.0, 2.0], [math.nan] * 3, [0.0, -1.0], [1e-300, 1e300], [math.inf, 1.0, -math.inf], [-5e8, 1e9]],
)
@pytest.mark.parametrize("log", [False, True])
def test_any_values_make_a_picture_with_finite_places(values, log):
    made = [
        plots.curves({"a": values, "b": values}, log_y=log, mean=2),
        plots.norms({str(i): values for i in range(12)}, log_y=log),
        plots.bars(dict(zip("abcdef", values))),
        plots.scatter({"": (values, values)}, log_y=log, square=True),
    ]
    for plot in made:
        drawn = "".join(f"{e.attrib}" for e in parsed(plot).iter() if e.tag not in (f"{SVG}svg", f"{SVG}desc"))
        assert not re.search(r"\bnan\b|\binf\b", drawn)
        plot.table(), plot.html()


@pytest.mark.parametrize("places", [[], [(0.0, 0.0)], [(1.0, 1.0), (1.0, 1.0)]])
def test_maps_of_hardly_any_words_are_well_formed(places):
    parsed(plots.word_map(places, ["a", "b"][: len(places)]))


def test_a_plot_keeps_what_it_was_made_from():
    values = np.ones(5)
    plot = plots.curves({"a": values})
    before = plot.svg()
    values[:] = 7
    assert plot.svg() == before


# ---- the numbers lie where the axes say -----------------------------------------------------------------------------


def heights_by_ticks(root, read):
    """The function from a height in the picture to a value, from two of the numbers beside the axis."""
    spots = [(float(e.get("y")), read(e.text)) for e in root.iter(f"{SVG}text") if e.get("text-anchor") == "end"]
    (v0, y0), (v1, y1) = spots[0], spots[-1]
    return lambda v: y0 + (v + style.TICK * 0.36 - v0) * (y1 - y0) / (v1 - v0)


@pytest.mark.parametrize("log", [False, True])
def test_a_curve_lies_at_its_values(log):
    values = np.array([3.0, 0.5, 40.0, 2.0, 9.0])
    root = parsed(plots.curves(values, log_y=log))
    (line,) = root.iter(f"{SVG}polyline")
    points = np.array([[float(c) for c in p.split(",")] for p in line.get("points").split()])

    def read(said):
        number = float(said.replace("−", "-"))
        return math.log10(number) if log else number

    found = np.array([heights_by_ticks(root, read)(v) for v in points[:, 1]])
    assert np.allclose(10**found if log else found, values, rtol=0.01, atol=0.05)
    assert np.allclose(np.diff(points[:, 0]), np.diff(points[:, 0])[0], atol=0.2)


def test_the_description_and_the_table_say_the_numbers():
    plot = plots.curves({"SGD": [2.0, 1.5, 1.75]}, y_label="loss (nats)", levels={"guessing": 2.3})
    said = parsed(plot).find(f"{SVG}desc").text
    assert said == "loss (nats) against updates; SGD: from 2 to 1.75, lowest 1.5, highest 2; guessing (2.3)"
    assert "<tr><td><bdi>SGD</bdi></td><td><bdi>2</bdi></td><td><bdi>1.5</bdi></td></tr>" in plot.table()
    assert parsed(plot).get("role") == "img" and parsed(plot).get("aria-label").startswith("Loss. loss (nats)")


@pytest.mark.parametrize("low, high", [(0, 1), (-3.7, 9.2), (1e-9, 2e-9), (2.01, 2.02), (-5e8, 1e9)])
def test_ticks_are_few_even_and_inside(low, high):
    found = ticks(low, high)
    slack = (high - low) * 1e-6
    assert 3 <= len(found) <= 11 and low - slack <= found[0] and found[-1] <= high + slack
    assert np.allclose(np.diff(found), found[1] - found[0])
    assert len({tick_text(t) for t in found}) == len(found) or high - low < 1e-6


@pytest.mark.parametrize("low, high", [(1e-12, 1e5), (0.3, 40), (2, 3), (99, 101), (1e-3, 1e-2)])
def test_log_ticks_are_at_least_two_and_inside(low, high):
    found = log_ticks(low, high)
    assert 2 <= len(found) <= 12 and low * 0.999 <= found[0] and found[-1] <= high * 1.001


def test_ticks_of_no_range_are_one():
    assert ticks(2, 2) == [2] and ticks(0, float("inf")) == [0]


def test_a_log_axis_leaves_out_what_is_not_positive():
    root = parsed(plots.curves({"": [1.0, 0.0, -3.0, 10.0, 100.0]}, log_y=True))
    (line,) = root.iter(f"{SVG}polyline")
    assert len(line.get("points").split()) == 2
    assert not Axis(log=True).usable(0.0) and Axis().usable(0.0)


# ---- geometry -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reach", [1, 2, 3, 4, 9, 50])
def test_the_running_mean_is_that_of_the_values_around(reach):
    values = np.random.default_rng(0).normal(size=20)
    values[7] = math.nan
    found = plots.running_mean(values, reach)
    for i, mean in enumerate(found):
        around = values[max(0, i - (reach - 1) // 2) : i + reach // 2 + 1]
        around = around[np.isfinite(around)]
        assert math.isnan(mean) if i == 7 else mean == pytest.approx(around.mean())


def test_contour_lines_of_a_circle_are_a_circle():
    axis = np.linspace(-2, 2, 201)
    (line,) = plots.contour(axis, axis, np.add.outer(axis**2, axis**2), 2.25)
    assert np.allclose(np.hypot(*line.T), 1.5, atol=1e-3) and np.array_equal(line[0], line[-1])
    turned = np.unwrap(np.arctan2(line[:, 1], line[:, 0]))
    assert abs(turned[-1] - turned[0]) == pytest.approx(2 * math.pi)  # once around, in order


def test_contour_lines_of_a_saddle_do_not_cross_and_end_at_the_rim():
    axis = np.linspace(-1, 1, 52)
    lines = plots.contour(axis, axis, np.multiply.outer(axis, axis), 0.1)
    assert len(lines) == 2
    for line in lines:
        assert np.allclose(np.prod(line, axis=1), 0.1, atol=2e-3) and np.abs(line[[0, -1]]).max(axis=1).min() == 1


@pytest.mark.parametrize("level, through", [(0.4, {(0.6, 0.0): (1.0, 0.4)}), (0.6, {(0.4, 0.0): (0.0, 0.4)})])
def test_the_middle_of_a_cell_decides_a_saddle(level, through):
    """Corners 1 0 / 0 1, so 0.5 in the middle: below it the high corners are one, above it the low ones are."""
    lines = plots.contour([0, 1], [0, 1], [[1, 0], [0, 1]], level)
    ends = {tuple(np.round(line[i], 9)): tuple(np.round(line[1 - i], 9)) for line in lines for i in (0, 1)}
    assert len(lines) == 2 and through.items() <= ends.items()


def test_points_beyond_ends_that_were_given_are_not_drawn():
    axis = Axis(low=0, high=1)
    plot = plots.Plot("", axis, axis, [plots.Series("", [0.5, 5], [0.5, 0.5], "points")])
    assert len(list(parsed(plot).iter(f"{SVG}circle"))) == 1


def test_contours_stop_at_what_is_not_finite():
    axis = np.linspace(-1, 1, 21)
    z = np.add.outer(axis, axis)
    z[10, 10] = math.nan
    places = np.concatenate(plots.contour(axis, axis, z, 0.05))
    assert len(places) and np.hypot(*places.T).min() > 0.05


def test_cutting_a_line_keeps_what_is_inside_and_nothing_else():
    rng = np.random.default_rng(1)
    points = [tuple(p) for p in rng.uniform(-2, 3, (200, 2))]
    box = (0.0, 0.0, 1.0, 1.0)
    pieces = geometry.clipped(points, box)
    cut = np.concatenate([np.array(p) for p in pieces])
    assert (cut >= -1e-12).all() and (cut <= 1 + 1e-12).all()

    def length(pieces):
        return sum(math.dist(a, b) for p in pieces for a, b in itertools.pairwise(p))

    fine = np.concatenate([np.linspace(a, b, 2000) for a, b in itertools.pairwise(points)])
    inside = ((fine >= 0) & (fine <= 1)).all(axis=1)
    steps = np.linalg.norm(np.diff(fine, axis=0), axis=1)
    assert length(pieces) == pytest.approx(steps[inside[1:] & inside[:-1]].sum(), rel=0.01)


def test_thinning_keeps_extremes_and_ends():
    xs = np.linspace(0, 700, 50_000)
    ys = np.random.default_rng(0).normal(size=50_000)
    points = list(zip(xs, ys))
    kept = geometry.thinned(points)
    assert len(kept) < 3000 and kept[0] == points[0] and kept[-1] == points[-1]
    assert {max(ys), min(ys)} <= {y for _, y in kept}


def test_a_way_that_has_arrived_has_no_more_points():
    turns = [(100 + 90 * (-0.9) ** t, 50.0) for t in range(1000)]
    kept = geometry.thinned(turns)
    assert kept[:20] == turns[:20] and kept[-1] == turns[-1] and len(kept) < 80
    assert geometry.thinned(turns[:1]) == turns[:1] and geometry.thinned([]) == []


def test_a_hundred_thousand_values_are_drawn_soon_and_small():
    values = np.random.default_rng(0).normal(size=100_000)
    started = time.perf_counter()
    drawn = plots.curves({"a": values}, mean=100).svg()
    assert time.perf_counter() - started < 4 and len(drawn) < 120_000


# ---- names --------------------------------------------------------------------------------------------------------


def test_names_cover_neither_each_other_nor_a_dot_nor_leave_the_frame():
    rng = np.random.default_rng(0)
    names = [
        (float(x), float(y), "word" * (i % 3 + 1), 16, False) for i, (x, y) in enumerate(rng.uniform(0, 900, (120, 2)))
    ]
    found = labels.place(names, (0, 0, 900, 900))
    boxes = [spot.box for spot in found.values()]
    assert len(boxes) > 80
    for a, b in itertools.combinations(boxes, 2):
        assert not labels._overlap(a, b)
    for box in boxes:
        assert box[0] >= 0 and box[1] >= 0 and box[2] <= 900 and box[3] <= 900
        assert not any(box[0] < x < box[2] and box[1] < y < box[3] for x, y, *_ in names)


def test_bold_words_are_named_even_where_dots_are_dense():
    words = [f"w{i}" for i in range(400)]
    drawn = plots.word_map([(i % 20, i // 20) for i in range(400)], words, strong={"w210"})
    root = parsed(drawn)
    assert "w210" in texts(root) and len(texts(root)) < 400
    assert len(list(root.iter(f"{SVG}circle"))) == 400  # the others are dots that say their word
    assert {e.text for e in root.iter(f"{SVG}title")} == set(words)


@pytest.mark.parametrize("seed", range(5))
def test_spreading_keeps_the_order_and_the_distance(seed):
    wanted = np.random.default_rng(seed).uniform(0, 100, 9).tolist()
    found = labels.spread(wanted, 8, 0, 100)
    order = np.argsort(wanted, kind="stable")
    assert (np.diff(np.array(found)[order]) >= 8 - 1e-9).all()
    assert min(found) >= -1e-9 and max(found) <= 100 + 1e-9


def test_curves_are_named_at_the_height_of_their_ends():
    root = parsed(plots.curves({"low": [1, 1, 0], "high": [1, 2, 10], "middle": [9, 5, 5]}))
    at = {e.text: float(e.get("y")) for e in root.iter(f"{SVG}text")}
    assert at["high"] < at["middle"] < at["low"]


def test_pairs_are_joined_from_dot_to_dot():
    drawn = plots.word_map(
        [(0, 0), (3, 1), (1, 2)], ["good", "bad", "film"], pairs=[("good", "bad"), ("good", "absent")]
    )
    assert len(list(parsed(drawn).iter(f"{SVG}polyline"))) == len(drawn.links) == 1
    arrows = plots.word_map([(0, 0), (3, 1)], ["a", "b"], pairs=[("a", "b")], arrows=True)
    assert len(list(parsed(arrows).iter(f"{SVG}polygon"))) == 1


# ---- paths, norms, bars -------------------------------------------------------------------------------------------


def test_a_way_that_leaves_for_good_is_cut_and_does_not_decide_the_frame():
    gone = [((-9.0) ** t, 0.9**t) for t in range(12)]
    stays = [(0.5**t, 0.995**t) for t in range(12)]
    plot = plots.paths(lambda x, y: 50 * x * x + y * y / 2, {"gone": gone, "stays": stays})
    assert -1.5 < plot.x.low < 0 and 1 < plot.x.high < 2
    assert len(plot.series[0].x) == 2 and len(plot.series[1].x) == 12


def test_levels_of_contours_are_round_and_rise():
    levels = [level for level, _ in plots.contours(lambda x, y: 50 * x * x + y * y / 2, (-1, 1), (-1, 1))]
    assert levels == [0.2, 0.5, 1, 2, 5, 10, 20] or levels == [0.1, 0.2, 0.5, 1, 2, 5, 10, 20]
    assert plots.contours(lambda x, y: 0 * x, (-1, 1), (-1, 1)) == []
    assert [level for level, _ in plots.contours(lambda x, y: x, (0, 1), (0, 1), levels=[0.25])] == [0.25]


def test_many_layers_become_a_heat_map():
    record = {f"layer {i}": 10.0 ** -np.arange(20) for i in range(12)}
    heat = plots.norms(record)
    assert "heat map" in repr(heat) and "series" in repr(plots.norms(dict(list(record.items())[:9])))
    cells = [e for e in parsed(heat).iter(f"{SVG}rect") if "f-h" in (e.get("class") or "")]
    assert len(cells) == 12 * 20 + style.STEPS
    assert "layer 3: from 1 to 1e-19" in heat.description().replace("−", "-")


def test_a_bar_is_as_long_as_its_value():
    root = parsed(plots.bars({"a": 1.0, "b": 4.0, "c": 2.0}))
    wide = [float(e.get("width")) for e in root.iter(f"{SVG}rect")][1:]
    assert wide[1] / wide[0] == pytest.approx(4, rel=0.01) and wide[1] / wide[2] == pytest.approx(2, rel=0.01)


def test_bars_that_do_not_begin_at_zero_say_so():
    root = parsed(plots.bars({"UAS": 0.97}, label="share of words", share=True, low=0.9, high=1))
    assert "share of words, from 90%" in texts(root) and "97.00%" in texts(root)


def test_names_that_have_room_are_written_out():
    names = [f"{a} words {'a' * b}way ({c:,})" for a in ("1", "3–6", "7+") for b in (1, 2, 3) for c in (7, 398, 1235)]
    for name in names:
        assert name in texts(parsed(plots.bars({name: 0.5, "b": 1.0})))
        assert name in texts(parsed(plots.norms({name: [1.0, 2.0]} | {str(i): [1.0, 2.0] for i in range(12)})))


# ---- colours --------------------------------------------------------------------------------------------------------


def linear(colour):
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """WCAG 2.2."""
    high, low = sorted((float(linear(c) @ (0.2126, 0.7152, 0.0722)) for c in (a, b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


# How those see who lack one kind of cone: Machado, Oliveira & Fernandes 2009, severity 1.0.
EYES = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(rgb):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    x, y, z = np.cbrt(xyz / (0.9505, 1, 1.089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("theme", style.THEMES)
def test_colours_stand_out_from_the_paper(theme):
    colours = style.THEMES[theme]
    for number in range(style.COLOURS):
        assert contrast(colours[str(number)], colours["paper"]) >= 3, number
    assert contrast(colours["muted"], colours["paper"]) >= 7 <= contrast(colours["ink"], colours["paper"])


@pytest.mark.parametrize("theme", style.THEMES)
@pytest.mark.parametrize("eyes", EYES)
def test_any_two_of_the_colours_differ_to_all_eyes(theme, eyes):
    seen = [lab(np.clip(EYES[eyes] @ linear(style.THEMES[theme][str(n)]), 0, 1)) for n in range(style.COLOURS)]
    for a, b in itertools.combinations(range(style.COLOURS), 2):
        assert np.linalg.norm(seen[a] - seen[b]) > 9, (a, b)


def test_series_differ_in_shape_as_well_as_in_colour():
    root = parsed(plots.scatter({str(i): ([i], [i]) for i in range(12)}))
    shapes = set()
    for element in list(root.iter(f"{SVG}circle")) + list(root.iter(f"{SVG}polygon")):
        points = element.get("points", "")
        corners = np.array([[float(c) for c in p.split(",")] for p in points.split()]) if points else np.zeros((0, 2))
        filled = "f-paper" not in element.get("class")
        turned = tuple(np.round((corners - corners.mean(axis=0)) / 2).astype(int).ravel()) if points else ()
        shapes.add((element.tag, len(corners), filled, turned[:4]))
    assert len(shapes) >= 12


def test_letters_are_large_enough_for_the_last_row():
    for plot in every_kind(["a", "b"], "title"):
        for element in parsed(plot).iter(f"{SVG}text"):
            assert float(element.get("font-size")) >= 16


def test_themes_are_light_dark_or_the_readers():
    plot = plots.curves([1.0, 2.0])
    assert "prefers-color-scheme:dark" in plot.svg() and "<style>" not in plot.svg("light")
    assert "prefers" not in plot.svg("dark") and style.DARK["paper"] in plot.svg("dark")
    with pytest.raises(OptionError, match="'auto' or 'light' or 'dark'"):
        plot.svg("blue")


# ---- what can be done with a plot -----------------------------------------------------------------------------------


def test_a_page_allows_its_own_style_and_nothing_else():
    page = plots.curves([1.0, 2.0], "Loss").html()
    sheet = re.search(r"<style>(.*?)</style>", page, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ") and "script-src" not in policy
    assert page.count("<style>") == 1 and " style=" not in page
    assert "//" not in page.replace("http://www.w3.org/2000/svg", "")


def test_what_a_frame_needs_is_allowed_by_the_page_around_it():
    from tinygrad_nlp.visualize.plots.page import page

    text = page("A page", "", allowed={"script-src": "'sha256-a'", "style-src": "'sha256-b'"})
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "; script-src 'sha256-a'; require-trusted-types-for 'script'" in policy and " 'sha256-b'; img-src" in policy
    assert "script-src" not in page("A page", "")


def test_saving_by_the_ending(tmp_path):
    plot = plots.curves([1.0, 2.0], "Loss")
    assert plot.save(tmp_path / "a.svg").read_text(encoding="utf-8") == plot.svg()
    assert plot.save(tmp_path / "a.html").read_text(encoding="utf-8") == plot.html()
    with pytest.raises(OptionError, match=r"ending in '.gif'.*.svg, .html, .png"):
        plot.save(tmp_path / "a.gif")


@pytest.mark.parametrize("name", ["a.svg", "a.html", "a.png"])
def test_a_full_disk_is_named_and_the_old_picture_stays(tmp_path, monkeypatch, name):
    def full_disk(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / name
    path.write_text("old")
    monkeypatch.setattr(chart, "png", lambda svg, name: b"pixels")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match=f"No space left on device: .*{name}"):
        plots.curves([1.0, 2.0], "Loss").save(path)
    assert path.read_text() == "old" and os.listdir(tmp_path) == [name]


def test_png_by_a_program_that_is_there_or_a_message(tmp_path, monkeypatch):
    plot = plots.curves([1.0, 2.0], "Loss")
    if list(raster._commands(tmp_path / "a", tmp_path / "b", 1, 1, tmp_path)):
        written = plot.save(tmp_path / "a.png").read_bytes()
        assert written[:8] == b"\x89PNG\r\n\x1a\n" and int.from_bytes(written[16:20], "big") == 1920
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OptionError, match=r'(?s)neither rsvg-convert nor Chromium.*save\("b.svg"\)'):
        plot.save(tmp_path / "b.png")


def test_a_notebook_gets_an_image():
    bundle = plots.curves([1.0, 2.0], HOSTILE[3])._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "image/svg+xml"}
    assert bundle["text/html"].startswith("<img ") and "<script" not in bundle["text/html"]
    assert clean(HOSTILE[3]) in bundle["text/plain"]


def test_wrong_arguments_are_explained():
    with pytest.raises(OptionError, match="2 values of x and 3 of y; expected as many"):
        plots.curves({"a": ([1, 2], [1, 2, 3])})
    with pytest.raises(OptionError, match="1 places for 2 words; expected one for each"):
        plots.word_map([(0, 0)], ["a", "b"])
    with pytest.raises(OptionError, match="'bar'; expected 'line' or 'points'"):
        plots.Series("a", [1], [1], "bar")


# ---- in a terminal --------------------------------------------------------------------------------------------------


def test_a_text_curve_falls_from_left_to_right():
    lines = plots.text_curve([(i / 100, 100 - i) for i in range(100)], width=10, height=5).splitlines()
    assert len(lines) == 6 and lines[0].index("*") < lines[4].index("*")
    assert lines[-1].endswith("+" + "-" * 10)
    assert all(ord(c) < 128 for line in lines for c in line)


def test_a_text_curve_of_nothing_or_a_constant_is_short():
    assert plots.text_curve([]) == "(no loss recorded)"
    assert plots.text_curve([(0.5, 2.0), (1.0, 2.0)]).splitlines()[0] == "  2.000 |**"
