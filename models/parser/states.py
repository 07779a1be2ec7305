"""Arc-standard configurations of many sentences at once, as NumPy arrays.

All words of a batch lie in one flat row of ``width`` places per sentence: place 0 is ROOT, 1 … n the words, the rest
"no word". A word is the index of its place, so that a property of any number of words is one ``take``. Every sentence
takes exactly 2n moves; with the longest sentences first, those still at work are always the first k, and all
arrays are used by their first k rows. Nothing depends on which sentences share a batch.
"""

from __future__ import annotations

import numpy as np

from .transitions import LEFT_ARC, RIGHT_ARC, SHIFT

SPARE = 4
"""Places of "no word" on either side: four under ROOT on the stack, four after the last word of the buffer, so that
"the third on the stack" or "the fourth in the buffer" never needs a condition."""

STACK = ("s1", "s2", "s3")
_OF_STACK = ("lc1({0})", "rc1({0})", "lc2({0})", "rc2({0})", "lc1(lc1({0}))", "rc1(rc1({0}))")


class States:
    """The configurations of N sentences.

    lengths      (N,) words of each, none longer than the one before
    single_root  as in `transitions.Configuration`

    ``head`` and ``label`` (N · width,) hold the arcs so far, a head as a place and −1 for none; ``left1``, ``left2``,
    ``right1``, ``right2`` the outermost and second outermost dependents on each side, ``none`` where there is none.
    ``NAMES`` are the places that `places` gives, dependents from number ``DEPENDENTS`` on.
    """

    BUFFER = ("b1", "b2", "b3")
    OF_STACK = tuple(name.format(word) for word in STACK[:2] for name in _OF_STACK)
    NAMES = (*STACK, *BUFFER, *OF_STACK)
    DEPENDENTS = 6

    def __init__(self, lengths, *, single_root: bool = True):
        self.lengths = np.asarray(lengths, np.intp)
        if (np.diff(self.lengths) > 0).any():
            raise ValueError("States: sentences in order of falling length")
        count, longest = len(self.lengths), int(self.lengths[0]) if len(self.lengths) else 0
        self.width = longest + 1 + SPARE
        self.single_root = single_root
        self.root = np.arange(count) * self.width
        self.none = self.root + self.width - 1
        self.front = self.root + 1
        self.end = self.root + 1 + self.lengths
        self.stack = np.repeat(self.none, longest + 1 + SPARE)
        self.bottom = np.arange(count) * (longest + 1 + SPARE) + SPARE
        self.stack[self.bottom] = self.root
        self.top = self.bottom.copy()
        self.left1 = np.repeat(self.none, self.width)
        self.left2, self.right1, self.right2 = self.left1.copy(), self.left1.copy(), self.left1.copy()
        self.head = np.full(count * self.width, -1, np.intp)
        self.label = np.zeros(count * self.width, np.intp)

    def active(self, step: int) -> int:
        """How many sentences, from the first, still have a move to make after ``step`` moves."""
        return int(np.searchsorted(-self.lengths, -step / 2, side="left"))

    def legal(self, k: int) -> np.ndarray:
        """(k, 3) which of SHIFT, LEFT-ARC, RIGHT-ARC the first k sentences may make."""
        depth = self.top[:k] - self.bottom[:k]
        allowed = np.empty((k, 3), bool)
        allowed[:, SHIFT] = self.front[:k] < self.end[:k]
        allowed[:, LEFT_ARC] = depth >= 2
        allowed[:, RIGHT_ARC] = depth >= 1
        if self.single_root:
            allowed[:, RIGHT_ARC] &= (depth >= 2) | ~allowed[:, SHIFT]
        return allowed

    def apply(self, moves, labels=None) -> None:
        """Make ``moves`` (k,), each legal, in the first k sentences; ``labels`` (k,) go to the arcs."""
        at = np.flatnonzero(moves == SHIFT)
        self.top[at] += 1
        self.stack[self.top[at]] = self.front[at]
        self.front[at] += 1

        # Arcs of a word on one side are made from the inside out, so the newest dependent is the outermost.
        at = np.flatnonzero(moves == LEFT_ARC)
        head, dependent = self._left_arc(at)
        self.left2[head] = self.left1[head]
        self.left1[head] = dependent
        self._attach(head, dependent, labels, at)

        at = np.flatnonzero(moves == RIGHT_ARC)
        dependent = self.stack[self.top[at]]
        self.top[at] -= 1
        head = self.stack[self.top[at]]
        self.right2[head] = self.right1[head]
        self.right1[head] = dependent
        self._attach(head, dependent, labels, at)

    def removed(self, moves) -> np.ndarray:
        """(k,) the word that each move would take off the stack; the top for SHIFT, which takes none."""
        return self.stack.take(self.top[: len(moves)] - (moves == LEFT_ARC))

    def _left_arc(self, at):
        """Take the dependents of LEFT-ARCs off the stacks of the sentences ``at``: (heads, dependents)."""
        top = self.top[at]
        head, dependent = self.stack[top], self.stack[top - 1]
        self.stack[top - 1] = head
        self.top[at] = top - 1
        return head, dependent

    def _attach(self, head, dependent, labels, at):
        self.head[dependent] = head
        if labels is not None:
            self.label[dependent] = labels[at]

    def places(self, k: int) -> np.ndarray:
        """(P, k) the places, in the order of ``NAMES``, of the first k sentences."""
        top, front = self.top[:k], self.front[:k]
        found = np.empty((len(self.NAMES), k), np.intp)
        for depth in range(len(STACK)):
            found[depth] = self.stack.take(top - depth)
        for ahead in range(len(self.BUFFER)):
            found[len(STACK) + ahead] = front + ahead
        for base, word in ((self.DEPENDENTS, found[0]), (self.DEPENDENTS + len(_OF_STACK), found[1])):
            found[base] = self.left1.take(word)
            found[base + 1] = self.right1.take(word)
            found[base + 2] = self.left2.take(word)
            found[base + 3] = self.right2.take(word)
            found[base + 4] = self.left1.take(found[base])
            found[base + 5] = self.right1.take(found[base + 1])
        return found

    def trees(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """(heads, labels) of each sentence, heads as word numbers with 0 for ROOT."""
        heads = self.head.reshape(-1, self.width) - self.root[:, None]
        labels = self.label.reshape(-1, self.width)
        return [(heads[i, 1 : n + 1], labels[i, 1 : n + 1]) for i, n in enumerate(self.lengths)]


class Oracle:
    """The static oracle for a batch: the moves that lead to given trees.

    states  where it is asked; it must see every move that is made, by `next_moves`
    heads   (N · width,) each word's head as a place; anything where there is no word

    ``lost`` (N,) becomes True for a sentence whose tree is not projective: from there on its moves are only legal.
    """

    def __init__(self, states: States, heads):
        self.states, self.heads = states, heads
        words = np.concatenate([np.arange(f, e) for f, e in zip(states.front, states.end)] or [np.empty(0, np.intp)])
        self.missing = np.bincount(heads[words], minlength=len(heads))  # dependents a word has yet to get
        self.lost = np.zeros(len(states.lengths), bool)

    def next_moves(self, k: int) -> np.ndarray:
        """(k,) the moves of the first k sentences, which the caller makes."""
        states = self.states
        first = states.stack.take(states.top[:k])
        second = states.stack.take(states.top[:k] - 1)
        depth = states.top[:k] - states.bottom[:k]
        # Before the first SHIFT the second on the stack is "no word" and the top is ROOT; depth excludes both.
        left = (depth >= 2) & (self.heads.take(second) == first)
        right = ~left & (depth >= 1) & (self.heads.take(first) == second) & (self.missing.take(first) == 0)
        arc = left | right
        stuck = ~arc & (states.front[:k] >= states.end[:k])
        self.lost[:k] |= stuck
        moves = np.where(left, LEFT_ARC, np.where(right | stuck, RIGHT_ARC, SHIFT))
        head = np.where(left, first, second)[arc]
        self.missing[head] -= 1  # no two sentences share a place
        return moves
