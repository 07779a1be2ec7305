"""The arc-standard system against all small trees, found by trying all heads."""

import math

import numpy as np
import pytest
from tinygrad_nlp.models.parser import (
    LEFT_ARC,
    RIGHT_ARC,
    SHIFT,
    Configuration,
    IllegalMove,
    NonProjective,
    Oracle,
    States,
    crossing_arcs,
    is_projective,
    oracle_moves,
)

from tinygrad_nlp import OptionError

from .trees import all_trees, nested


@pytest.mark.parametrize("n", range(1, 7))
def test_the_oracle_recovers_every_projective_tree_and_reports_every_other(n):
    projective = 0
    for heads in all_trees(n):
        assert is_projective(heads) == nested(heads)
        if nested(heads):
            projective += 1
            configuration = Configuration(n)
            moves = oracle_moves(heads)
            for move in moves:
                configuration.step(move)
            assert len(moves) == 2 * n and moves.count(SHIFT) == n and configuration.finished
            assert tuple(configuration.heads()) == heads
        else:
            with pytest.raises(NonProjective, match="the arcs .* cross"):
                oracle_moves(heads)
    assert projective == math.comb(3 * n, n) // (2 * n + 1), "OEIS A001764: non-crossing trees of n + 1 points"


def everything_reachable(n, single_root):
    found, pending = set(), [()]
    while pending:
        moves = pending.pop()
        c = Configuration(n, single_root=single_root)
        for move in moves:
            c.step(move)
        if c.finished:
            assert len(moves) == 2 * n
            found.add(tuple(c.heads()))
            continue
        legal = [move for move in (SHIFT, LEFT_ARC, RIGHT_ARC) if c.legal(move)]
        assert legal, "no dead ends"
        pending += [(*moves, move) for move in legal]
    return found


@pytest.mark.parametrize("n", range(1, 5))
@pytest.mark.parametrize("single_root", [False, True])
def test_legal_moves_reach_the_projective_trees_and_nothing_else(n, single_root):
    expected = {heads for heads in all_trees(n) if nested(heads) and (not single_root or heads.count(0) == 1)}
    assert everything_reachable(n, single_root) == expected


def test_the_course_example_step_by_step():
    c = Configuration(3)
    assert (c.stack, c.buffer, c.arcs) == ([0], [1, 2, 3], [])
    c.step(SHIFT)
    c.step(SHIFT)
    c.step(LEFT_ARC, "nsubj")
    assert (c.stack, c.buffer, c.arcs) == ([0, 2], [3], [(2, 1, "nsubj")])
    c.step(SHIFT)
    c.step(RIGHT_ARC, "obj")
    c.step(RIGHT_ARC, "root")
    assert c.finished and c.arcs[1:] == [(2, 3, "obj"), (0, 2, "root")]


@pytest.mark.parametrize(
    "before, move, message",
    [
        ([SHIFT, SHIFT], SHIFT, r"SHIFT: a stack \[0, 1, 2\] and 0 words in the buffer; expected a word in the buffer"),
        ([SHIFT], LEFT_ARC, r"LEFT-ARC: a stack \[0, 1\] .* expected three on the stack: ROOT takes no head"),
        ([], RIGHT_ARC, r"RIGHT-ARC: a stack \[0\] .* expected two on the stack"),
    ],
)
def test_illegal_moves_are_refused(before, move, message):
    c = Configuration(2)
    for earlier in before:
        c.step(earlier)
    with pytest.raises(IllegalMove, match=message):
        c.step(move)


def test_a_second_root_is_refused_only_where_asked():
    c, strict = Configuration(2), Configuration(2, single_root=True)
    c.step(SHIFT)
    strict.step(SHIFT)
    c.step(RIGHT_ARC)
    with pytest.raises(IllegalMove, match="an empty buffer under ROOT"):
        strict.step(RIGHT_ARC)
    with pytest.raises(OptionError, match="expected SHIFT, LEFT_ARC or RIGHT_ARC"):
        c.step(3)


def test_crossing_arcs_of_one_small_tree():
    assert crossing_arcs([3, 4, 0, 3]) == [((3, 1), (4, 2)), ((4, 2), (0, 3))]
    assert crossing_arcs([2, 0, 2]) == []


# ---- many at once ------------------------------------------------------------------------------------------------


def test_all_trees_at_once_take_the_moves_of_one_at_a_time():
    """Every tree of up to 6 words, in one batch."""
    trees = [heads for n in range(6, 0, -1) for heads in all_trees(n)]
    states = States([len(t) for t in trees], single_root=False)
    gold = np.full(len(trees) * states.width, -1)
    for i, heads in enumerate(trees):
        gold[states.root[i] + 1 : states.root[i] + 1 + len(heads)] = states.root[i] + np.array(heads)
    oracle, made = Oracle(states, gold), [[] for _ in trees]
    for step in range(12):
        k = states.active(step)
        assert k == sum(2 * len(t) > step for t in trees)
        moves = oracle.next_moves(k)
        assert states.legal(k)[np.arange(k), moves].all()
        for i, move in enumerate(moves.tolist()):
            made[i].append(move)
        states.apply(moves)
    assert states.active(12) == 0
    for heads, moves, lost, (found, _) in zip(trees, made, oracle.lost, states.trees()):
        assert lost != nested(heads)
        if not lost:
            assert tuple(found) == heads and moves == oracle_moves(heads)


def children(arcs, word, side):
    found = [d for h, d, _ in arcs if h == word and (d < word) == (side == "left")]
    return sorted(found, reverse=side == "right")


@pytest.mark.parametrize("single_root", [False, True])
def test_states_follow_single_configurations_through_random_moves(single_root):
    rng = np.random.default_rng(5)
    lengths = sorted(rng.integers(1, 12, 40).tolist(), reverse=True)
    states = States(lengths, single_root=single_root)
    single = [Configuration(n, single_root=single_root) for n in lengths]
    for step in range(2 * lengths[0]):
        k = states.active(step)
        legal = states.legal(k)
        assert legal.tolist() == [[c.legal(m) for m in range(3)] for c in single[:k]]
        moves = np.array([rng.choice(np.flatnonzero(row)) for row in legal])
        labels = rng.integers(1, 9, k)
        states.apply(moves, labels)
        for i, (c, move, label) in enumerate(zip(single, moves.tolist(), labels.tolist())):
            c.step(move, label)
            root, none = states.root[i], states.none[i]
            stack = states.stack[states.bottom[i] : states.top[i] + 1] - root
            assert stack.tolist() == c.stack and list(range(states.front[i] - root, c.length + 1)) == c.buffer
            for word in range(c.length + 1):
                place = root + word
                for side, outer, second in (
                    ("left", states.left1, states.left2),
                    ("right", states.right1, states.right2),
                ):
                    expected = [root + d for d in children(c.arcs, word, side)[:2]] + [none, none]
                    assert [outer[place], second[place]] == expected[:2]
    for c, (heads, labels) in zip(single, states.trees()):
        assert c.finished and c.heads() == heads.tolist()
        assert {d: x for _, d, x in c.arcs} == dict(enumerate(labels.tolist(), 1))


def test_states_want_the_longest_sentence_first():
    with pytest.raises(ValueError, match="falling length"):
        States([1, 2])
    assert States([]).trees() == []
