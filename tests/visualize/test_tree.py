"""Trees as arcs: lines and labels keep clear of each other whatever the tree; words are text whatever they say."""

import re
from itertools import combinations, product
from xml.etree import ElementTree

import numpy as np
import pytest
from tinygrad_nlp.visualize import draw_tree
from tinygrad_nlp.visualize.text import clean

from tinygrad_nlp import OptionError

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "</text><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a\"b'c",
    "&amp;",
    "\x00nul\x1b[31m",
    "line\nbreak",
    "‮evil‬",
    "lone \ud800 surrogate",
    "]]>",
    "",
    "日本語" * 30,
]


def lines_of(drawn):
    """[(horizontals, verticals)] of each arc: (y, left, right) and (x, top, bottom), its corners as right angles."""
    found = []
    for path in ElementTree.fromstring(drawn).iter(f"{SVG}path"):
        if path.get("fill") != "none":
            continue  # an arrow head
        d = path.get("d")
        numbers = [float(n) for n in re.findall(r"-?\d+\.?\d*", d)]
        if "Q" in d:
            x1, base, _, _, top, *_, x2, _, _, _, end = numbers
            assert "H" in d and len(numbers) == 13
            found.append(([(top, min(x1, x2), max(x1, x2))], [(x, min(base, top), max(base, top)) for x in (x1, x2)]))
        elif "V" in d:
            x, top, bottom = numbers
            found.append(([], [(x, min(top, bottom), max(top, bottom))]))
    return found


def meetings(arcs):
    """Pairs of arcs whose lines touch."""
    count = 0
    for (flat_a, up_a), (flat_b, up_b) in combinations(arcs, 2):
        touch = any(
            left <= x <= right and top <= y <= bottom
            for flats, ups in ((flat_a, up_b), (flat_b, up_a))
            for (y, left, right), (x, top, bottom) in product(flats, ups)
        )
        touch |= any(y == v and left <= r and le <= right for y, left, right in flat_a for v, le, r in flat_b)
        touch |= any(x == u and top <= b and t <= bottom for x, top, bottom in up_a for u, t, b in up_b)
        count += touch
    return count


def patches(drawn):
    """The boxes of the labels."""
    root = ElementTree.fromstring(drawn)
    boxes = [
        [float(r.get(name)) for name in ("x", "y", "width", "height")] for r in root.iter(f"{SVG}rect") if r.get("x")
    ]
    return [(x, y, x + w, y + h) for x, y, w, h in boxes]


def a_projective_tree(rng, n):
    """Heads of a random projective tree: a root splits its words, each part hangs as trees on it."""
    heads = [0] * n

    def hang(low, high, head):
        while low < high:
            cut = int(rng.integers(low + 1, high + 1))
            root = int(rng.integers(low, cut))
            heads[root] = head
            hang(low, root, root + 1)
            hang(root + 1, cut, root + 1)
            low = cut

    root = int(rng.integers(n))
    hang(0, root, root + 1)
    hang(root + 1, n, root + 1)
    return heads


def projective(heads):
    """By definition: between a head and its dependent there are only words below that head."""
    for word, head in enumerate(heads, 1):
        for between in range(min(word, head) + 1, max(word, head)):
            above = between
            while above not in (0, head):
                above = heads[above - 1]
            if above != head:
                return False
    return True


def trees(n):
    """Heads of all trees of n words with one root."""
    for heads in product(range(n + 1), repeat=n):
        if heads.count(0) != 1 or any(h == i for i, h in enumerate(heads, 1)):
            continue
        reached, grown = {0}, True
        while grown:
            new = {i for i, h in enumerate(heads, 1) if h in reached} - reached
            reached |= new
            grown = bool(new)
        if len(reached) == n + 1:
            yield list(heads)


def test_in_every_projective_tree_of_four_words_no_two_lines_meet_and_in_others_some_do():
    counts = {True: 0, False: 0}
    for heads in trees(4):
        met = meetings(lines_of(draw_tree(list("abcd"), heads).svg()))
        good = projective(heads)
        counts[good] += 1
        assert (met == 0) == good, heads
    assert counts == {True: 30, False: 34}  # 64 labelled rooted trees on 4 words, 30 of them projective


@pytest.mark.parametrize("seed", range(12))
def test_lines_and_labels_of_long_projective_trees_keep_clear(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, 30))
    heads = a_projective_tree(rng, n)
    assert projective(heads)
    relations = ["nsubj:pass", "x", "obl", "averyveryverylongrelation"]
    deprels = [relations[int(i)] for i in rng.integers(0, 4, n)]
    drawn = draw_tree([relations[int(i)] for i in rng.integers(0, 4, n)], heads, deprels, deprels).svg()
    arcs, boxes = lines_of(drawn), patches(drawn)
    assert len(arcs) == n <= len(boxes) and meetings(arcs) == 0
    for a, b in combinations(boxes, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], "labels overlap"
    for left, top, right, bottom in boxes:
        for flats, ups in arcs:
            assert not any(left < x < right and t < bottom and b > top for x, t, b in ups)
            assert not any(top < y < bottom and le < right and r > left for y, le, r in flats)


def test_it_all_lies_on_the_sheet():
    drawn = draw_tree(["a", "b", "c"], [0, 1, 2], ["a-rather-long-relation"] * 3, against=[2, 3, 0]).svg()
    root = ElementTree.fromstring(drawn)
    w, h = float(root.get("width")), float(root.get("height"))
    dx, dy = map(float, re.search(r"translate\((\S+) (\S+)\)", drawn).groups())
    for left, top, right, bottom in patches(drawn):
        assert left + dx >= 0 and right + dx <= w and top + dy >= 0 and bottom + dy <= h


def test_words_stand_in_a_row_in_their_order_and_labels_are_there():
    drawn = draw_tree(["She", "saw", "her", "dog"], [2, 0, 4, 2], ["nsubj", "root", "nmod:poss", "obj"]).svg()
    texts = {t.text: (float(t.get("x")), t.get("y")) for t in ElementTree.fromstring(drawn).iter(f"{SVG}text")}
    row = [texts[word] for word in ["She", "saw", "her", "dog"]]
    assert sorted(row) == row and len({y for _, y in row}) == 1
    assert {"nsubj", "root", "nmod:poss", "obj"} <= set(texts)
    assert "saw → dog: obj" in drawn and "dog: obj of saw" in drawn  # under the pointer, and read aloud


def test_an_arc_wider_than_a_screen_has_its_label_at_both_ends():
    drawn = draw_tree(["word"] * 40, [0] + [1] * 39, ["root"] + ["conj"] * 38 + ["punct"]).svg()
    places = [float(t.get("x")) for t in ElementTree.fromstring(drawn).iter(f"{SVG}text") if t.text == "punct"]
    assert len(places) == 2 and places[1] - places[0] > 1000 and drawn.count(">root<") == 1


def test_hostile_words_are_text_and_nothing_else():
    n = len(HOSTILE)
    tree = draw_tree(HOSTILE, [0, *range(1, n)], HOSTILE, HOSTILE, against=([0] * n, HOSTILE[::-1]), title=HOSTILE[0])
    for text in (tree.svg(), tree._repr_mimebundle_()["image/svg+xml"]):
        root = ElementTree.fromstring(text)
        assert {e.tag for e in root.iter()} <= {SVG + t for t in ("svg", "title", "desc", "rect", "g", "path", "text")}
        assert not any(
            name.startswith("on") or name in ("href", "src", "style", "id") for e in root.iter() for name in e.attrib
        )
        shown = [t.text or "" for t in root.iter(f"{SVG}text")]
        assert clean(HOSTILE[1]) in [s.removeprefix("✗ ") for s in shown] or "…" in "".join(shown)
    page = tree.html()
    assert "<script" not in page and "default-src 'none'" in page
    bundle = tree._repr_mimebundle_()
    assert "<script" not in bundle["text/html"] and "overflow-x:auto" in bundle["text/html"]


def test_wrong_arcs_differ_by_dash_and_mark_and_the_right_ones_stand_below():
    forms = ["Anna", "saw", "a", "girl", "with", "a", "telescope"]
    true = [2, 0, 4, 2, 7, 7, 2]
    found = [2, 0, 4, 2, 7, 7, 4]
    named, truly = (
        ["nsubj", "root", "det", "obj", "case", "det", "nmod"],
        ["nsubj", "root", "det", "obj", "case", "det", "obl"],
    )
    tree = draw_tree(forms, found, named, against=(true, truly))
    assert tree.wrong == [6] and repr(tree) == "<tree of 7 words, 1 arcs wrong>"
    drawn = tree.svg()
    assert drawn.count("stroke-dasharray") == 2  # the arc, and its line in the legend
    assert "✗ nmod" in drawn and "(wrong; true: obl of saw)" in drawn and ">obl<" in drawn
    base = [top for _, ups in lines_of(drawn) for _, top, _ in ups]
    words = next(float(t.get("y")) for t in ElementTree.fromstring(drawn).iter(f"{SVG}text") if t.text == "girl")
    assert sum(top > words for top in base) == 2  # both legs of the one true arc
    assert draw_tree(forms, true, against=true).svg().count("stroke-dasharray") == 0


def test_relations_count_as_wrong_only_where_both_trees_have_them():
    forms, heads = ["Dogs", "bark"], [2, 0]
    assert draw_tree(forms, heads, ["nsubj", "root"], against=(heads, ["obj", "root"])).wrong == [0]
    assert draw_tree(forms, heads, ["nsubj", "root"], against=heads).wrong == []
    assert draw_tree(forms, np.array(heads), against=np.array([0, 1])).wrong == [0, 1]
    assert draw_tree(forms, heads, against=(2, 0)).wrong == []  # a tuple of two heads is not a pair of lists


@pytest.mark.parametrize("heads", [[], [0], [2, 1], [0, 0], [3, 1, 2]])
def test_what_is_no_tree_is_drawn_too(heads):
    drawn = draw_tree(["w"] * len(heads), heads, ["r"] * len(heads)).svg()
    ElementTree.fromstring(drawn)
    assert len(lines_of(drawn)) == len(heads) and meetings(lines_of(drawn)) == 0 and "nan" not in drawn


def test_a_long_sentence_is_wide_with_letters_as_large():
    forms = [f"word{i}" for i in range(160)]
    drawn = draw_tree(forms, [0, *range(1, 160)], ["conj"] * 160).svg()
    assert float(re.search(r'width="([\d.]+)"', drawn)[1]) > 160 * 60 and drawn.count('font-size="20"') == 160


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"heads": [2]}, "draw_tree(): heads: 1 of them; expected one for each of 2 words"),
        (
            {"heads": [2, 3]},
            "draw_tree(): heads of word 2, 'bark': is 3; expected another word's number, 1 to 2, or 0",
        ),
        ({"heads": [2, -1]}, "draw_tree(): heads of word 2, 'bark': is -1; expected"),
        ({"heads": [2, 2]}, "draw_tree(): heads of word 2, 'bark': is the word itself; expected"),
        ({"heads": [2, 0], "deprels": ["nsubj"]}, "draw_tree(): deprels: 1 of them"),
        ({"heads": [2, 0], "tags": ["NOUN"] * 3}, "draw_tree(): tags: 3 of them"),
        ({"heads": [2, 0], "against": [0]}, "draw_tree(): against: 1 of them"),
    ],
)
def test_errors_say_what_is_wrong(arguments, message):
    with pytest.raises(OptionError) as caught:
        draw_tree(["Dogs", "bark"], **arguments)
    assert message in str(caught.value)


def test_it_is_saved_by_its_ending_and_the_same_every_time(tmp_path):
    tree = draw_tree(["Dogs", "bark"], [2, 0], ["nsubj", "root"], ["NOUN", "VERB"], title="A tree")
    assert tree.save(tmp_path / "t.svg").read_text(encoding="utf-8") == tree.svg()
    assert "<h1><bdi>A tree</bdi></h1>" in tree.save(tmp_path / "t.html").read_text(encoding="utf-8")
    with pytest.raises(OptionError, match="a file name ending in '.png'; expected .svg, .html"):
        tree.save(tmp_path / "t.png")
