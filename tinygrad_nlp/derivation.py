"""The hand derivation of a backward rule, and its value where there is no derivative, as data.

Terminal, picture, page and docs all show these records; the tests evaluate the conventions.
"""

from __future__ import annotations

from typing import NamedTuple


class Derivation(NamedTuple):
    r"""How the rule of an op follows from its definition, in lines a student can redo.

    Notation, kept everywhere: ``x``, ``y`` … the arguments, ``s`` (or the name ``statement`` gives) the result,
    :math:`\bar s = \partial J / \partial s` the gradient that arrives, :math:`\bar x` the one sent back.

    statement  the op's definition: LaTeX without dollar signs
    steps      the derivation, one LaTeX line each; the last line is the rule as the code states it
    source     where the mathematics stands: document and section, paper, or textbook
    shapes     each array argument and the result, e.g. ``"x: (…, n), y: (n, m) -> (…, m)"``
    notes      what the code does differently from the bare formula and why (numerical care, cost), or ''
    """

    statement: str
    steps: tuple[str, ...]
    source: str
    shapes: str
    notes: str = ""


class Convention(NamedTuple):
    """The gradient an op answers with at a kink, tie or pole, where calculus gives none or an infinite one.

    where      in words: "x = 0", "two equal largest elements"
    arguments  the op's arguments at such a place
    gradients  what the rules answer for dJ/d(out) = 1, one per argument; None for one that has no rule
    why        the reason, and who else does the same
    """

    where: str
    arguments: tuple
    gradients: tuple
    why: str
    options: dict = {}


smooth: tuple[Convention, ...] = ()
"""``conventions = smooth``: the derivative exists at every point of the op's domain."""
