"""The layout's promises, on random graphs: nothing overlaps, edges point down, no wire runs through a box."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tinygrad_nlp.visualize.folding import columns_for, folded, opened
from tinygrad_nlp.visualize.layout import lay_out
from tinygrad_nlp.visualize.svg import label_places

SLACK = 0.01


@st.composite
def graphs(draw, grouped=False):
    n = draw(st.integers(1, 14))
    keys = [f"n{i}" for i in range(n)]
    sizes = {k: (draw(st.integers(20, 200)), draw(st.integers(16, 120))) for k in keys}
    edges = []
    for head in range(1, n):
        tails = draw(st.lists(st.integers(0, head - 1), max_size=3))
        edges += [(keys[tail], keys[head]) for tail in tails]
    paths = st.sampled_from([(), ("a",), ("a", "b"), ("a", "c"), ("d",)])
    return sizes, edges, {k: draw(paths) for k in keys} if grouped else {}


def overlap(a, b):
    return (
        a.x < b.x + b.width - SLACK
        and b.x < a.x + a.width - SLACK
        and a.y < b.y + b.height - SLACK
        and b.y < a.y + a.height - SLACK
    )


def inside(a, b):
    return (
        a.x >= b.x - SLACK
        and a.y >= b.y - SLACK
        and a.x + a.width <= b.x + b.width + SLACK
        and a.y + a.height <= b.y + b.height + SLACK
    )


def samples(points, steps=16):
    """Points on the curve that is drawn through stations: straight down, or an S with upright ends."""
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        middle = (y0 + y1) / 2
        for i in range(steps + 1):
            t = i / steps
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            yield (a + b) * x0 + (c + d) * x1, a * y0 + (b + c) * middle + d * y1


def check(layout, sizes, edges, groups):
    boxes = layout.boxes
    assert set(boxes) == set(sizes)
    for key, box in boxes.items():
        assert (box.width, box.height) == sizes[key]
        assert box.x >= -SLACK
        assert box.y >= -SLACK
        assert box.x + box.width <= layout.width + SLACK
        assert box.y + box.height <= layout.height + SLACK
    keys = list(boxes)
    for i, a in enumerate(keys):
        for b in keys[:i]:
            assert not overlap(boxes[a], boxes[b]), (a, b)
    for wire in layout.wires:
        for x, y in samples(wire.points):
            for key, box in boxes.items():
                through = box.x + 1 < x < box.x + box.width - 1 and box.y + 1 < y < box.y + box.height - 1
                assert not through, (key, edges[wire.edges[0]])
    for path, frame in layout.frames.items():
        for key, box in boxes.items():
            if groups.get(key, ())[: len(path)] == path:
                assert inside(box, frame)
            else:
                assert not overlap(box, frame)
        for other, second in layout.frames.items():
            if len(other) >= len(path) and other != path:
                assert inside(second, frame) if other[: len(path)] == path else not overlap(second, frame)


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_boxes_do_not_overlap_and_no_wire_runs_through_one(graph):
    sizes, edges, _ = graph
    layout = lay_out(sizes, edges)
    check(layout, sizes, edges, {})
    for tail, head in edges:
        assert layout.boxes[tail].y + layout.boxes[tail].height < layout.boxes[head].y


@settings(max_examples=60, deadline=None)
@given(graphs(grouped=True))
def test_frames_enclose_their_members_and_nothing_else(graph):
    sizes, edges, groups = graph
    layout = lay_out(sizes, edges, groups)
    check(layout, sizes, edges, groups)
    for path in {p[:d] for p in groups.values() for d in range(1, len(p) + 1)}:
        assert (path in layout.frames) != (path in layout.loose)


@settings(max_examples=60, deadline=None)
@given(graphs(grouped=True))
def test_no_wire_runs_through_the_name_of_a_group_that_is_said_to_stand_free(graph):
    sizes, edges, groups = graph
    groups = {key: tuple(f"{name}, a rather long name" for name in path) for key, path in groups.items()}
    layout = lay_out(sizes, edges, groups)
    for path, _, left, y, w, crossed in label_places(layout):
        box = layout.frames[path]
        assert left >= box.x and left + w <= box.x + box.width + 30
        if crossed:
            continue
        for wire in layout.wires:
            for x, height in samples(wire.points):
                assert not (left < x < left + w and y - 11 < height < y + 2), path


def test_a_narrow_frame_grows_until_its_name_stands_beside_what_comes_in():
    sizes = {"x": (60, 30), "y": (60, 30), "z": (60, 30)}
    layout = lay_out(sizes, [("x", "y"), ("y", "z")], {"y": ("a rule with a name",)})
    ((_, _, left, _, w, crossed),) = label_places(layout)
    (frame,) = layout.frames.values()
    assert not crossed
    assert frame.x <= left and left + w <= frame.x + frame.width


def test_room_is_kept_above_the_head_of_an_edge_and_nowhere_else():
    sizes, edges = dict.fromkeys("abcd", (60, 30)), [("a", "b"), ("b", "c"), ("c", "d")]
    plain = lay_out(sizes, edges).boxes
    roomy = lay_out(sizes, edges, room={1: 50}).boxes
    gaps = [[boxes[b].y - boxes[a].y for a, b in edges] for boxes in (plain, roomy)]
    assert [after - before for before, after in zip(*gaps)] == pytest.approx([0, 50, 0])
    inner = lay_out(sizes, edges, {"b": ("m",), "c": ("m",)}, room={1: 50}).boxes
    assert inner["c"].y - inner["b"].y == pytest.approx(roomy["c"].y - roomy["b"].y)


@settings(max_examples=40, deadline=None)
@given(graphs(grouped=True))
def test_every_edge_leaves_its_tail_and_reaches_its_head(graph):
    sizes, edges, groups = graph
    layout = lay_out(sizes, edges, groups)
    for i, (tail, head) in enumerate(edges):
        pieces = [wire for wire in layout.wires if i in wire.edges]
        starts = [w.points[0] for w in pieces if w.starts]
        ends = [w.points[-1] for w in pieces if w.ends]
        a, b = layout.boxes[tail], layout.boxes[head]
        assert any(abs(y - a.y - a.height) < SLACK and a.x < x < a.x + a.width for x, y in starts)
        assert any(abs(y - b.y) < SLACK and b.x < x < b.x + b.width for x, y in ends)


def test_layout_is_the_same_every_time():
    sizes = {f"n{i}": (40 + i, 30) for i in range(9)}
    edges = [(f"n{i}", f"n{j}") for j in range(9) for i in range(j) if (i * j) % 3 != 1]
    assert lay_out(sizes, edges) == lay_out(sizes, edges)


def test_a_module_whose_result_comes_back_to_it_gets_no_frame():
    sizes = dict.fromkeys("abc", (40.0, 20.0))
    layout = lay_out(sizes, [("a", "b"), ("b", "c")], {"a": ("m",), "b": (), "c": ("m",)})
    assert layout.frames == {}
    assert layout.loose == {("m",)}


def test_a_frame_has_room_for_its_label_above_its_members():
    sizes = dict.fromkeys("ab", (40.0, 20.0))
    for groups in ({"a": ("m",), "b": ("m",)}, {"b": ("m",)}):
        layout = lay_out(sizes, [("a", "b")], groups)
        first = min(layout.boxes[key].y for key in groups)
        assert first - layout.frames["m",].y >= 24


def test_one_trunk_serves_all_readers_of_a_shared_weight():
    """Without trunks 60 readers would need 60 parallel lines, and the width would grow with their number."""
    sizes = {"w": (60.0, 20.0), **{f"n{i}": (60.0, 20.0) for i in range(60)}}
    edges = [("w", f"n{i}") for i in range(60)] + [(f"n{i}", f"n{i + 1}") for i in range(59)]
    assert lay_out(sizes, edges).width < 300


def test_an_input_stands_just_above_its_only_reader():
    sizes = dict.fromkeys(["x", "late", *(f"n{i}" for i in range(6))], (40.0, 20.0))
    chain = ["x", *(f"n{i}" for i in range(6))]
    layout = lay_out(sizes, [*zip(chain, chain[1:]), ("late", "n5")])
    assert layout.boxes["late"].y == layout.boxes["n4"].y


def test_a_chain_is_a_straight_line():
    keys = [f"n{i}" for i in range(40)]
    layout = lay_out({k: (40.0 + 10 * (i % 3), 20.0) for i, k in enumerate(keys)}, list(zip(keys, keys[1:])))
    middles = {round(box.x + box.width / 2, 6) for box in layout.boxes.values()}
    assert len(middles) == 1


def test_a_tall_picture_is_folded_into_columns_whose_wires_go_on():
    keys = [f"n{i}" for i in range(200)]
    sizes = dict.fromkeys(keys, (60.0, 28.0))
    edges = list(zip(keys, keys[1:]))
    layout = folded(lay_out(sizes, edges), edges)
    assert layout.width < 2.5 * layout.height < 8 * layout.width
    check(layout, sizes, edges, {})
    numbers = [number for _, _, number in layout.connectors]
    assert numbers == sorted(numbers, key=int)
    assert all(numbers.count(n) == 2 for n in numbers)
    for x, y, _ in layout.connectors:
        assert 8 <= y <= layout.height
        assert not any(
            b.x - 9 < x < b.x + b.width + 9 and b.y - 9 < y < b.y + b.height + 9 for b in layout.boxes.values()
        )


def test_very_many_long_edges_are_cut_and_counted():
    keys = [f"n{i}" for i in range(700)]
    edges = [(keys[i], keys[i + 1]) for i in range(699)] + [(keys[i], keys[699 - i]) for i in range(340)]
    layout = lay_out(dict.fromkeys(keys, (40.0, 20.0)), edges)
    drawn = {e for wire in layout.wires for e in wire.edges}
    assert layout.cut
    assert drawn | set(layout.cut) == set(range(len(edges)))
    assert not drawn & set(layout.cut)


@pytest.mark.parametrize("sizes", [{}, {"n0": (40.0, 20.0)}])
def test_nothing_and_a_single_node(sizes):
    layout = lay_out(sizes, [])
    assert len(layout.boxes) == len(sizes)
    assert layout.wires == []


def test_a_weight_shared_over_time_does_not_hold_what_reads_it_at_the_top():
    """x_t · U of a recurrent network stands just above the step that adds it, not in a row of all of them."""
    sizes, edges = {"U": (60, 30), "h0": (60, 30)}, []
    for t in range(8):
        sizes |= {f"x{t}": (60, 30), f"xU{t}": (60, 30), f"h{t + 1}": (60, 30)}
        edges += [(f"x{t}", f"xU{t}"), ("U", f"xU{t}"), (f"h{t}", f"h{t + 1}"), (f"xU{t}", f"h{t + 1}")]
    layout = lay_out(sizes, edges)
    check(layout, sizes, edges, {})
    for t in range(8):
        above = {
            key for key, box in layout.boxes.items() if layout.boxes[f"xU{t}"].y < box.y < layout.boxes[f"h{t + 1}"].y
        }
        assert not above


def test_a_frame_around_a_tall_picture_is_opened_so_that_it_can_be_cut():
    keys = [f"n{i}" for i in range(60)]
    sizes, edges = dict.fromkeys(keys, (90, 40)), list(zip(keys, keys[1:]))
    groups = {k: ("net", "blocks", str(i // 6)) for i, k in enumerate(keys)}
    layout = lay_out(sizes, edges, groups)
    assert columns_for(layout) > 1
    assert not folded(layout, edges).connectors  # one frame holds all: there is nothing to cut
    layout = lay_out(sizes, edges, groups)
    while (inner := opened(groups, layout)) is not None:
        groups = inner
        layout = lay_out(sizes, edges, groups)
    assert set(groups.values()) == {(f"net.blocks.{i}",) for i in range(10)}
    assert folded(layout, edges).connectors
    assert opened({"n0": ("a",), "n1": ("a", "b")}, layout) is None
