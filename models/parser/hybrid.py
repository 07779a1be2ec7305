"""The arc-hybrid transition system, and an oracle that knows what every move costs, wherever a parser has strayed.

    SHIFT      the buffer's first word goes onto the stack
    LEFT-ARC   the stack's top becomes a dependent of the buffer's first word, and leaves the stack
    RIGHT-ARC  the stack's top becomes a dependent of the stack's second, and leaves the stack

It differs from arc-standard (`transitions`) in LEFT-ARC alone: there the head is the top and the dependent the second.
So a word takes its left dependents while it is still first in the buffer, and each arc can be judged by itself: an arc
(h, d) can still be made exactly if neither move nor order forbids *it*, and all arcs of a projective tree that can be
made one by one can be made together ("arc-decomposable"). Hence the cost of a move, the words that the best tree still
within reach gets wrong because of it, is a count of the true arcs it makes impossible:

    SHIFT      b0 can no longer have a head on the stack below the top, nor a dependent anywhere on the stack
    LEFT-ARC   s0 can no longer have as its head the second on the stack or a later word of the buffer, nor any
               dependent in the buffer
    RIGHT-ARC  s0 can no longer have a head or a dependent in the buffer

ROOT lies at the bottom of the stack, as in arc-standard: whatever else is said of ROOT (three features, one dependent
only, its relation) holds for both systems without a second form. With ROOT at the buffer's end instead the same trees
arise. A tree with crossing arcs has costs too, the arcs lost; then there may be no move that costs nothing.

`HybridConfiguration` is the readable form for one sentence, `HybridStates` and `DynamicOracle` the same for many. The
tests try all moves from all configurations of up to 5 words. Sources: Kuhlmann, Gómez-Rodríguez & Satta 2011, "Dynamic
programming algorithms for transition-based dependency parsers"; Goldberg & Nivre 2013, "Training deterministic parsers
with non-deterministic oracles", section 4.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .states import STACK, States
from .transitions import LEFT_ARC, RIGHT_ARC, SHIFT, Configuration


class HybridConfiguration(Configuration):
    """A stack, a buffer and the arcs so far, under arc-hybrid moves.

    >>> c = HybridConfiguration(3)  # "I saw her"
    >>> for move in (SHIFT, LEFT_ARC, SHIFT, SHIFT, RIGHT_ARC, RIGHT_ARC):
    ...     c.step(move)
    >>> c.finished, c.heads()
    (True, [2, 0, 2])
    """

    conditions = ("a word in the buffer", "a word on the stack and one in the buffer", "two on the stack")

    def legal(self, move: int) -> bool:
        """Whether the condition of ``move`` holds."""
        if move == LEFT_ARC:
            return len(self.stack) >= 2 and bool(self.buffer)
        return super().legal(move)

    def _left_arc(self):
        return self.buffer[0], self.stack.pop()

    def costs(self, heads: Sequence[int]) -> list[int]:
        """How many true arcs SHIFT, LEFT-ARC and RIGHT-ARC lose, legal or not; ``heads`` is the true tree.

        >>> c = HybridConfiguration(2)
        >>> c.step(SHIFT)
        >>> c.costs([2, 0])  # "I" waits for its head: only LEFT-ARC gives it
        [2, 0, 1]
        """
        stack, buffer = self.stack, self.buffer
        true = {(head, dependent) for dependent, head in enumerate(heads, 1)}

        def lost(some_heads, dependents):
            return sum((h, d) in true for h in some_heads for d in dependents)

        top, below = stack[-1:], stack[:-1]
        first, later = buffer[:1], buffer[1:]
        gone = lost(top, buffer)  # what leaves the stack gets no more dependents
        return [
            lost(below, first) + lost(first, stack),
            lost([*below[-1:], *later], top) + gone,
            lost(buffer, top) + gone,
        ]


class HybridStates(States):
    """`States` of the arc-hybrid system: the configurations of N sentences.

    All else is as there, ``active`` included: 2n moves for n words. Three more places are looked at: b1 takes part
    in LEFT-ARC, so its left dependents tell something, and b4 is as far beyond it as b3 is beyond arc-standard's s1.
    """

    BUFFER = ("b1", "b2", "b3", "b4")
    NAMES = (*STACK, *BUFFER, *States.OF_STACK, "lc1(b1)", "lc2(b1)")
    DEPENDENTS = 7

    def legal(self, k: int) -> np.ndarray:
        """(k, 3) which of SHIFT, LEFT-ARC, RIGHT-ARC the first k sentences may make."""
        allowed = super().legal(k)
        allowed[:, LEFT_ARC] = (self.top[:k] > self.bottom[:k]) & allowed[:, SHIFT]
        return allowed

    def removed(self, moves) -> np.ndarray:
        """(k,) the word that each move would take off the stack: the top."""
        return self.stack.take(self.top[: len(moves)])

    def places(self, k: int) -> np.ndarray:
        """(21, k) the places, in the order of ``NAMES``, of the first k sentences."""
        found = super().places(k)
        found[-2], found[-1] = self.left1.take(self.front[:k]), self.left2.take(self.front[:k])
        return found

    def _left_arc(self, at):
        dependent = self.stack[self.top[at]]
        self.top[at] -= 1
        return self.front[at], dependent


class DynamicOracle:
    """What every move costs, for a batch of sentences and their true trees.

    states  at their beginning; from there on moves are made by `apply`, which keeps the counts
    heads   (N · width,) each word's true head as a place; anything where there is no word

    Moves may be any legal ones. Trees may cross.
    """

    def __init__(self, states: HybridStates, heads):
        self.states, self.heads = states, heads
        words = np.concatenate([np.arange(f, e) for f, e in zip(states.front, states.end)] or [np.empty(0, np.intp)])
        # The true dependents of each word that are in the buffer, and those that are on the stack.
        self.ahead = np.bincount(heads[words], minlength=len(heads))
        self.behind = np.zeros_like(self.ahead)

    def costs(self, k: int) -> np.ndarray:
        """(k, 3) true arcs that SHIFT, LEFT-ARC and RIGHT-ARC lose in the first k sentences; only legal moves count."""
        states = self.states
        first = states.front[:k]
        top, second = states.stack.take(states.top[:k]), states.stack.take(states.top[:k] - 1)
        true_of_first, true_of_top = self.heads.take(first), self.heads.take(top)
        gone = self.ahead.take(top)
        found = np.empty((k, 3), np.intp)
        # A place before the buffer without a head yet lies on the stack.
        below_top = (true_of_first < first) & (true_of_first != top) & (states.head.take(true_of_first) < 0)
        found[:, SHIFT] = below_top + self.behind.take(first)
        found[:, LEFT_ARC] = (true_of_top == second) + (true_of_top > first) + gone
        found[:, RIGHT_ARC] = (true_of_top >= first) + gone
        return found

    def best(self, k: int) -> np.ndarray:
        """(k, 3) which moves are legal and cost least: nothing, if the true tree is projective."""
        costs = np.where(self.states.legal(k), self.costs(k), np.iinfo(np.intp).max)
        return costs == costs.min(axis=1, keepdims=True)

    def apply(self, moves, labels=None) -> None:
        """Make ``moves`` (k,), each legal, in the first k sentences, as `States.apply`."""
        states = self.states
        at = np.flatnonzero(moves == SHIFT)
        head = self.heads.take(states.front[at])
        # Only one word moves in each sentence, and no two sentences share a place.
        self.ahead[head] -= 1
        self.behind[head] += 1
        at = np.flatnonzero(moves != SHIFT)
        self.behind[self.heads.take(states.removed(moves)[at])] -= 1
        states.apply(moves, labels)
