"""The arc-standard transition system: how a tree is built by moves, one word at a time.

The stack holds [ROOT], the buffer the sentence, and there are no arcs. Then, 2n times for n words, one of:

    SHIFT      the buffer's first word goes onto the stack
    LEFT-ARC   the stack's second word becomes a dependent of its top, and leaves the stack
    RIGHT-ARC  the stack's top becomes a dependent of the second, and leaves the stack

Legal: SHIFT with a word in the buffer; LEFT-ARC with three on the stack, for ROOT takes no head; RIGHT-ARC with two.
Each word is shifted once and removed once, hence 2n, and at the end the buffer is empty and the stack is [ROOT].
What arises is a projective tree: a word leaves the stack only from between its neighbours there.

This file is the readable form, one sentence at a time; `states` does the same for thousands at once, and the tests hold
the two together. Source: Nivre 2004, "Incrementality in deterministic dependency parsing"; Chen & Manning 2014,
section 2.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_nlp import OptionError, TinygradError
from tinygrad_nlp.errors import explain

SHIFT, LEFT_ARC, RIGHT_ARC = 0, 1, 2
MOVES = ("SHIFT", "LEFT-ARC", "RIGHT-ARC")


class IllegalMove(TinygradError, ValueError):
    """A transition whose condition does not hold."""


class NonProjective(TinygradError, ValueError):
    """A tree with crossing arcs, which no sequence of arc-standard transitions builds."""


class Configuration:
    """A stack, a buffer and the arcs so far; words are numbers from 1, ROOT is 0.

    single_root  RIGHT-ARC from ROOT only with an empty buffer, so that ROOT gets one dependent, as Universal
                 Dependencies demand. The three transitions alone allow more.

    >>> c = Configuration(3)  # "I saw her"
    >>> for move in (SHIFT, SHIFT, LEFT_ARC, SHIFT, RIGHT_ARC, RIGHT_ARC):
    ...     c.step(move)
    >>> c.finished, c.heads()
    (True, [2, 0, 2])
    """

    conditions = ("a word in the buffer", "three on the stack: ROOT takes no head", "two on the stack")

    def __init__(self, length: int, *, single_root: bool = False):
        self.stack, self.buffer = [0], list(range(1, length + 1))
        self.arcs: list[tuple] = []  # (head, dependent, label), in the order they were made
        self.length, self.single_root = length, single_root

    @property
    def finished(self) -> bool:
        return not self.buffer and len(self.stack) == 1

    def legal(self, move: int) -> bool:
        """Whether the condition of ``move`` holds."""
        if move == SHIFT:
            return bool(self.buffer)
        if move == LEFT_ARC:
            return len(self.stack) >= 3
        if move == RIGHT_ARC:
            to_root = len(self.stack) == 2
            return len(self.stack) >= 2 and not (self.single_root and to_root and self.buffer)
        raise OptionError(explain("a transition", got=repr(move), expected="SHIFT, LEFT_ARC or RIGHT_ARC"))

    def step(self, move: int, label=None) -> None:
        """Make a move; ``label`` goes to the arc. Raises IllegalMove where its condition does not hold."""
        if not self.legal(move):
            under_root = ", and an empty buffer under ROOT" if self.single_root and move == RIGHT_ARC else ""
            got = f"a stack {self.stack} and {len(self.buffer)} words in the buffer"
            raise IllegalMove(explain(MOVES[move], got=got, expected=self.conditions[move] + under_root))
        if move == SHIFT:
            self.stack.append(self.buffer.pop(0))
        elif move == LEFT_ARC:
            self.arcs.append((*self._left_arc(), label))
        else:
            self.arcs.append((self.stack[-2], self.stack.pop(), label))

    def _left_arc(self):
        """(head, dependent) of a LEFT-ARC, which takes the dependent off the stack."""
        return self.stack[-1], self.stack.pop(-2)

    def heads(self) -> list[int]:
        """The head of each word, −1 where it has none yet."""
        found = [-1] * self.length
        for head, dependent, _ in self.arcs:
            found[dependent - 1] = head
        return found


def static_oracle(configuration: Configuration, heads: Sequence[int]) -> int:
    """The move that leads to the tree ``heads``, for a configuration that only such moves have reached.

    LEFT-ARC if the second on the stack is a dependent of the top; RIGHT-ARC if the top is one of the second *and
    has all its own dependents*, for it can get no more once it is gone; else SHIFT.

    Raises NonProjective when none of these is possible: the tree has crossing arcs.
    """
    stack, buffer = configuration.stack, configuration.buffer
    if len(stack) >= 3 and heads[stack[-2] - 1] == stack[-1]:
        return LEFT_ARC
    if len(stack) >= 2 and heads[stack[-1] - 1] == stack[-2] and not any(heads[w - 1] == stack[-1] for w in buffer):
        return RIGHT_ARC
    if buffer:
        return SHIFT
    raise NonProjective(
        f"no transition leads to the tree with heads {list(heads)}: "
        + "; ".join(f"the arcs {_arc(a)} and {_arc(b)} cross" for a, b in crossing_arcs(heads)[:1])
    )


def oracle_moves(heads: Sequence[int]) -> list[int]:
    """The 2n moves that build a tree. Raises NonProjective if its arcs cross.

    >>> [MOVES[m] for m in oracle_moves([2, 0])]
    ['SHIFT', 'SHIFT', 'LEFT-ARC', 'RIGHT-ARC']
    """
    configuration, moves = Configuration(len(heads)), []
    while not configuration.finished:
        moves.append(static_oracle(configuration, heads))
        configuration.step(moves[-1])
    return moves


def crossing_arcs(heads: Sequence[int]) -> list[tuple]:
    """Pairs of arcs (head, dependent) that cross when drawn above the sentence, ROOT at its left; none if projective.

    >>> crossing_arcs([3, 4, 0, 3])
    [((3, 1), (4, 2)), ((4, 2), (0, 3))]
    """
    arcs = [(head, dependent) for dependent, head in enumerate(heads, 1)]
    return [
        (a, b)
        for i, a in enumerate(arcs)
        for b in arcs[i + 1 :]
        if min(a) < min(b) < max(a) < max(b) or min(b) < min(a) < max(b) < max(a)
    ]


def is_projective(heads: Sequence[int]) -> bool:
    """Whether no two arcs cross, the root's arc included."""
    return not crossing_arcs(heads)


def _arc(arc):
    return f"{arc[0]} -> {arc[1]}"
