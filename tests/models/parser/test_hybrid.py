"""The arc-hybrid system and its costs against all small trees, all configurations and all that can follow."""

import math
from functools import cache

import numpy as np
import pytest
from tinygrad_nlp.models.parser import (
    LEFT_ARC,
    RIGHT_ARC,
    SHIFT,
    DynamicOracle,
    HybridConfiguration,
    HybridStates,
    IllegalMove,
)

from .test_transitions import children
from .trees import all_trees, nested

MOVES = (SHIFT, LEFT_ARC, RIGHT_ARC)


def follow(n, moves, single_root=False):
    c = HybridConfiguration(n, single_root=single_root)
    for move in moves:
        c.step(move)
    return c


@cache
def configurations(n, single_root):
    """{(stack, first of the buffer): moves that lead there}: what can follow depends on nothing else."""
    found, pending = {}, [()]
    while pending:
        moves = pending.pop()
        c = follow(n, moves, single_root)
        if (key := (tuple(c.stack), n + 1 - len(c.buffer))) not in found:
            found[key] = moves
            pending += [(*moves, move) for move in MOVES if c.legal(move)]
    return found


@cache
def completions(n, single_root, stack, first):
    """All ways to go on: rows of the heads that words still get, −1 for words that have left."""
    moves = configurations(n, single_root)[stack, first]
    c = follow(n, moves, single_root)
    if c.finished:
        return np.full((1, n), -1)
    rows = []
    for move in MOVES:
        if c.legal(move):
            after, made = step(n, moves, move, single_root)
            more = completions(n, single_root, *after).copy()
            if made:
                more[:, made[1] - 1] = made[0]
            rows.append(more)
    assert rows, "no dead ends"
    return np.unique(np.concatenate(rows), axis=0)


def step(n, moves, move, single_root):
    """((stack, first) after the move, the arc it made or None)."""
    c = follow(n, moves, single_root)
    c.step(move)
    return (tuple(c.stack), n + 1 - len(c.buffer)), None if move == SHIFT else c.arcs[-1][:2]


def every_case(n, single_root, golds):
    """(configuration, move, costs of the move by `costs` for each true tree, completions before, after, arc made)."""
    for key, moves in configurations(n, single_root).items():
        c = follow(n, moves, single_root)
        costs = np.array([c.costs(gold) for gold in golds.tolist()])
        for move in MOVES:
            if c.legal(move):
                after, made = step(n, moves, move, single_root)
                yield costs[:, move], completions(n, single_root, *key), completions(n, single_root, *after), made


@pytest.mark.parametrize("n", range(1, 6))
@pytest.mark.parametrize("single_root", [False, True])
def test_the_cost_of_a_move_is_what_the_best_tree_within_reach_loses(n, single_root):
    """For every projective tree, every configuration and every legal move, by trying all continuations."""
    golds = np.array([t for t in all_trees(n) if nested(t) and (not single_root or t.count(0) == 1)])

    def best(rows):
        return (rows[:, None] == golds).sum(axis=2).max(axis=0)

    for costs, before, after, made in every_case(n, single_root, golds):
        right = (golds[:, made[1] - 1] == made[0]) if made else 0
        np.testing.assert_array_equal(costs, best(before) - (best(after) + right))


@pytest.mark.parametrize("n", range(1, 6))
@pytest.mark.parametrize("single_root", [False, True])
def test_the_cost_is_the_number_of_arcs_lost_also_where_arcs_cross(n, single_root):
    """An arc is within reach if some continuation makes it; whether all of them can be made together is not asked."""
    golds = np.array([t for t in all_trees(n) if not single_root or t.count(0) == 1])

    def reachable(rows):
        return np.array([[head in rows[:, d] for head in range(n + 1)] for d in range(n)])

    def of_gold(table):
        return table[np.arange(n), golds]

    for costs, before, after, made in every_case(n, single_root, golds):
        still = reachable(after)
        if made:
            still[made[1] - 1, made[0]] = True
        np.testing.assert_array_equal(costs, (of_gold(reachable(before)) & ~of_gold(still)).sum(axis=1))


@pytest.mark.parametrize("n", range(1, 6))
@pytest.mark.parametrize("single_root", [False, True])
def test_legal_moves_reach_the_projective_trees_and_nothing_else(n, single_root):
    expected = {heads for heads in all_trees(n) if nested(heads) and (not single_root or heads.count(0) == 1)}
    assert {tuple(row) for row in completions(n, single_root, (0,), 1).tolist()} == expected
    assert single_root or len(expected) == math.comb(3 * n, n) // (2 * n + 1), "OEIS A001764"


# ---- many at once ------------------------------------------------------------------------------------------------


def batch(trees, single_root):
    """(states, oracle, one configuration for each) of trees, the longest first."""
    states = HybridStates([len(t) for t in trees], single_root=single_root)
    gold = np.full(len(trees) * states.width, -1)
    for i, heads in enumerate(trees):
        gold[states.root[i] + 1 : states.root[i] + 1 + len(heads)] = states.root[i] + np.array(heads)
    single = [HybridConfiguration(len(t), single_root=single_root) for t in trees]
    return states, DynamicOracle(states, gold), single


@pytest.mark.parametrize("single_root", [False, True])
def test_many_at_once_are_those_of_one_at_a_time(single_root):
    """Random legal moves for all trees of up to 4 words, a tenth of those of 5, and some longer ones."""
    rng = np.random.default_rng(3)
    long = [tuple(int(rng.integers(0, i)) for i in range(1, n + 1)) for n in rng.integers(6, 12, 40)]
    trees = long + [t for n in range(5, 0, -1) for t in all_trees(n)[:: 10 if n == 5 else 1]]
    trees = sorted((t for t in trees if not single_root or t.count(0) == 1), key=len, reverse=True)
    states, oracle, single = batch(trees, single_root)
    for turn in range(2 * len(trees[0])):
        k = states.active(turn)
        legal, costs = states.legal(k), oracle.costs(k)
        assert legal.tolist() == [[c.legal(m) for m in MOVES] for c in single[:k]]
        expected = np.array([c.costs(t) for c, t in zip(single[:k], trees)])
        np.testing.assert_array_equal(costs[legal], expected[legal])
        best = np.where(legal, expected, 99)
        np.testing.assert_array_equal(oracle.best(k), best == best.min(axis=1, keepdims=True))
        moves = np.array([rng.choice(np.flatnonzero(row)) for row in legal])
        removed = states.removed(moves) - states.root[:k]
        labels = rng.integers(1, 9, k)
        oracle.apply(moves, labels)
        for i, (c, move, label) in enumerate(zip(single, moves.tolist(), labels.tolist())):
            assert move == SHIFT or removed[i] == c.stack[-1]
            c.step(move, label)
            root, none = states.root[i], states.none[i]
            stack = states.stack[states.bottom[i] : states.top[i] + 1] - root
            assert stack.tolist() == c.stack and list(range(states.front[i] - root, c.length + 1)) == c.buffer
            for word in range(c.length + 1):
                left, right = (
                    [root + d for d in children(c.arcs, word, s)[:2]] + [none] * 2 for s in ("left", "right")
                )
                assert [states.left1[root + word], states.left2[root + word]] == left[:2]
                assert [states.right1[root + word], states.right2[root + word]] == right[:2]
    for c, (heads, labels) in zip(single, states.trees()):
        assert c.finished and c.heads() == heads.tolist()
        assert {d: x for _, d, x in c.arcs} == dict(enumerate(labels.tolist(), 1))


@pytest.mark.parametrize("single_root", [False, True])
def test_moves_without_cost_build_every_projective_tree_whichever_is_taken(single_root):
    trees = [t for n in range(6, 0, -1) for t in all_trees(n) if nested(t)]
    trees = [t for t in trees if not single_root or t.count(0) == 1]
    rng = np.random.default_rng(1)
    states, oracle, _ = batch(trees, single_root)
    for turn in range(12):
        k = states.active(turn)
        best = oracle.best(k)
        assert (oracle.costs(k)[best] == 0).all()
        oracle.apply((rng.random(best.shape) * best).argmax(axis=1))
    assert [tuple(heads) for heads, _ in states.trees()] == trees


def test_illegal_moves_are_refused():
    with pytest.raises(IllegalMove, match=r"LEFT-ARC: a stack \[0\] .* expected a word on the stack and one in"):
        HybridConfiguration(1).step(LEFT_ARC)
    with pytest.raises(IllegalMove, match="RIGHT-ARC: .* an empty buffer under ROOT"):
        follow(2, [SHIFT], single_root=True).step(RIGHT_ARC)
