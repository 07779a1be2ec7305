r"""LaTeX of the derivations as MathML: the part of LaTeX that they use, and nothing else.

The result is a tree of lists, ``["mfrac", ["mi", "x"], ["mn", "2"]]``: an element's name, then its children; a string
is text. It is never markup, so no ``\text{</script>}`` can act: the page makes elements of it one by one, and only of
`ELEMENTS`. An unknown command raises OptionError, and a test converts every derivation in the registry.
"""

from __future__ import annotations

import re

from tinygrad_nlp import OptionError
from tinygrad_nlp.errors import explain

ELEMENTS = ("math", "mfrac", "mi", "mn", "mo", "mover", "mrow", "mspace", "msqrt", "msub", "msubsup", "msup", "mtext")

_LETTERS = """
    alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε theta θ lambda λ mu μ pi π sigma σ phi ϕ varphi φ Phi Φ
    omega ω ell ℓ infty ∞ partial ∂
"""
_SIGNS = """
    odot ⊙ oslash ⊘ oplus ⊕ otimes ⊗ cdot ⋅ times × pm ± cdots ⋯ dots … le ≤ ge ≥ neq ≠ approx ≈ in ∈ to →
    Rightarrow ⇒ Leftrightarrow ⇔ wedge ∧ vee ∨ top ⊤ langle ⟨ rangle ⟩ lVert ‖ rVert ‖ sum ∑ prod ∏ int ∫
    { { } } | |
"""
_NAMES = "log ln exp max min sin cos tan sinh cosh tanh arcsin arccos arctan det"


def _pairs(table):
    words = table.split()
    return dict(zip(words[::2], words[1::2]))


_GREEK, _OPERATORS, _FUNCTIONS = _pairs(_LETTERS), _pairs(_SIGNS), frozenset(_NAMES.split())
_SPACES = {",": "0.17em", ":": "0.22em", ";": "0.28em", " ": "0.25em", "quad": "1em", "qquad": "2em", "!": "-0.17em"}
_ACCENTS = {"bar": "¯", "hat": "^", "tilde": "~"}
_TOKEN = re.compile(r"\\(?:[a-zA-Z]+|.)|[0-9]+(?:\.[0-9]+)?|\S|\s+", re.DOTALL)


def mathml(latex: str) -> list:
    """The MathML tree of one formula.

    >>> mathml(r"\\frac{x}{2}")
    ['math', ['mfrac', ['mi', 'x'], ['mn', '2']]]
    """
    return ["math", *_Reader(latex).row()]


class _Reader:
    """Reads tokens from left to right; each method answers with what it read as a node, or a list of nodes."""

    def __init__(self, latex):
        self.latex, self.tokens, self.at = latex, _TOKEN.findall(latex), 0

    def refuse(self, what):
        return OptionError(
            explain(
                "formula", got=f"{what} in {self.latex!r}", expected="a command that visualize/replay/mathml.py has"
            )
        )

    def peek(self):
        while self.at < len(self.tokens) and self.tokens[self.at].isspace():
            self.at += 1
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def next(self):
        token = self.peek()
        if token is None:
            raise self.refuse("an unexpected end")
        self.at += 1
        return token

    def row(self, *ends):
        """Nodes up to one of ``ends``, which is read too, or to the end of the formula."""
        nodes = []
        while True:
            token = self.peek()
            if token is None:
                if ends:
                    raise self.refuse(f"no {ends[0]}")
                return nodes
            if token in ends:
                self.at += 1
                return nodes
            node = self.scripted()
            if node is not None:
                nodes.append(node)

    def scripted(self):
        base = self.atom()
        below = above = None
        primes = ""
        while self.peek() in ("_", "^", "'"):
            mark = self.next()
            if mark == "'":
                primes += "′"
            elif mark == "_":
                below = self.argument()
            else:
                above = self.argument()
        if primes:
            above = ["mo", primes] if above is None else ["mrow", ["mo", primes], above]
        if below is None and above is None:
            return base
        base = base if base is not None else ["mrow"]
        if above is None:
            return ["msub", base, below]
        return ["msup", base, above] if below is None else ["msubsup", base, below, above]

    def argument(self):
        """One node: a group, or a single token."""
        if self.peek() == "{":
            self.at += 1
            nodes = self.row("}")
            return nodes[0] if len(nodes) == 1 else ["mrow", *nodes]
        token = self.peek()
        if token is not None and token.isdecimal() and len(token) > 1:  # \tfrac12 is one half
            self.tokens[self.at : self.at + 1] = list(token)
        return self.atom() or ["mrow"]

    def words(self):
        """The characters of the group that follows, as they are."""
        if self.next() != "{":
            raise self.refuse("text without braces")
        depth, start = 1, self.at
        while depth:
            if self.at == len(self.tokens):
                raise self.refuse("an open brace")
            depth += {"{": 1, "}": -1}.get(self.tokens[self.at], 0)
            self.at += 1
        return "".join(self.tokens[start : self.at - 1])

    def fence(self):
        token = self.next()
        return _OPERATORS.get(token[1:], token) if token.startswith("\\") else token

    def atom(self):
        token = self.next()
        if token == "{":
            self.at -= 1
            return self.argument()
        if not token.startswith("\\"):
            if token[0].isdigit():
                return ["mn", token]
            return ["mi", token] if token.isalpha() else ["mo", {"-": "−", "*": "∗"}.get(token, token)]
        name = token[1:]
        if name in _GREEK:
            return ["mi", _GREEK[name]]
        if name in _OPERATORS:
            return ["mo", _OPERATORS[name]]
        if name in _FUNCTIONS:
            return ["mrow", ["mi", name], ["mspace", "0.12em"]]
        if name in _SPACES:
            return ["mspace", _SPACES[name]]
        if name in _ACCENTS:
            return ["mover", self.argument(), ["mo", _ACCENTS[name]]]
        if name in ("frac", "tfrac"):
            return ["mfrac", self.argument(), self.argument()]
        if name == "sqrt":
            return ["msqrt", self.argument()]
        if name in ("text", "mathrm"):
            if name == "mathrm":
                return ["mi", self.words()]
            # A browser drops spaces at the ends of a text.
            return ["mtext", self.words().replace("\\", "").replace(" ", "\u00a0")]
        if name == "operatorname":
            return ["mrow", ["mi", self.words()]]
        if name == "mathbb":
            letter = self.words()
            return ["mi", {"E": "𝔼", "1": "𝟙", "R": "ℝ"}.get(letter, letter)]
        if name == "mathbf":
            return ["mi", {"1": "𝟏"}.get(letter := self.words(), letter)]
        if name == "bmod":
            return ["mrow", ["mspace", "0.28em"], ["mo", "mod"], ["mspace", "0.28em"]]
        if name == "left":
            opening = self.fence()
            inside = self.row("\\right")
            return ["mrow", *_fence(opening), *inside, *_fence(self.fence())]
        if name == "big":
            return ["mo", self.fence()]
        if name == "textstyle":
            return None
        raise self.refuse(token)


def _fence(sign):
    return [] if sign == "." else [["mo", sign]]
