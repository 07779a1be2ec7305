"""Reads LaTeX: the part of it that derivations and printed formulas use.

`parse` makes a tree of tuples (kind, …), which `typeset` writes as text and as MathML. It reads whatever comes: a
command that is not known stays in the tree by its name, and `faults` lists such and what a formula lacks, so that
who must know can refuse it.
"""

from __future__ import annotations

import re

LOWER_GREEK = (
    "α:alpha β:beta γ:gamma δ:delta ϵ:epsilon ζ:zeta η:eta θ:theta κ:kappa λ:lambda μ:mu ν:nu ξ:xi π:pi ρ:rho σ:sigma "
    "τ:tau ϕ:phi χ:chi ψ:psi ω:omega"
)
UPPER_GREEK = "Γ:Gamma Δ:Delta Θ:Theta Λ:Lambda Ξ:Xi Π:Pi Σ:Sigma Φ:Phi Ψ:Psi Ω:Omega"
SIGNS = "ε:varepsilon φ:varphi ℓ:ell ∂:partial ∞:infty ∇:nabla ⊤:top ∅:emptyset"
BINARY = "⊙:odot ⊘:oslash ⋅:cdot ×:times ⊗:otimes ⊕:oplus ±:pm ∓:mp ∧:wedge ∨:vee ∧:land ∨:lor ¬:neg mod:bmod"
RELATIONAL = "≤:le ≤:leq ≥:ge ≥:geq ≠:neq ≠:ne ≈:approx ∈:in ≡:equiv ∼:sim ∝:propto ∣:mid"
ARROWS = "⇒:Rightarrow ⇔:Leftrightarrow →:to ↦:mapsto ←:leftarrow →:rightarrow"


def _table(*pairs):
    return {name: sign for text in pairs for sign, _, name in (pair.partition(":") for pair in text.split())}


GREEK = _table(LOWER_GREEK, UPPER_GREEK)
LETTERS = GREEK | _table(SIGNS)
OPERATORS = _table(BINARY, RELATIONAL, ARROWS)
LARGE = {"sum": "∑", "prod": "∏", "int": "∫"}
FENCES = {"langle": "⟨", "rangle": "⟩", "lVert": "‖", "rVert": "‖", "lvert": "|", "rvert": "|", "|": "‖"}
FENCES |= {"lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "{": "{", "}": "}"}
DOTS = {"dots": "…", "ldots": "…", "cdots": "⋯"}
MARKS = FENCES | DOTS | {sign: sign for sign in "_#$%&"}
TRIGONOMETRIC = ("sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan")
FUNCTIONS = {"log", "ln", "exp", "max", "min", *TRIGONOMETRIC, "lim", "arg", "det", "dim", "Pr", "sup", "inf", "gcd"}
ACCENTS = {
    "bar": ("\u0304", "¯"),
    "hat": ("\u0302", "^"),
    "tilde": ("\u0303", "~"),
    "dot": ("\u0307", "˙"),
    "vec": ("\u20d7", "→"),
}
"""Command -> (character that combines with the one before, sign to set above)."""

SPACES = {
    ",": (" ", "0.17em"),
    ":": (" ", "0.22em"),
    ";": (" ", "0.28em"),
    " ": (" ", "0.25em"),
    "quad": ("  ", "1em"),
    "qquad": ("    ", "2em"),
    "!": ("", "-0.17em"),
}
"""Command -> (in a line of text, its width)."""

SILENT = frozenset(("textstyle", "displaystyle", "big", "Big", "bigl", "bigr", "limits"))
DOUBLE = {"1": "𝟙", "E": "𝔼", "R": "ℝ", "N": "ℕ", "Z": "ℤ", "P": "ℙ"}

RAW = {
    "text": "text",
    "mathrm": "word",
    "textbf": "word",
    "operatorname": "function",
    "mathbb": "letter",
    "mathbf": "bold",
}
"""Commands whose argument is text -> the kind of part that it becomes."""

TOKEN = re.compile(r"\\([A-Za-z]+|.)|(\s+)|(\d+(?:\.\d+)?(?:e-?\d+)?)|(.)", re.DOTALL)


def parse(latex: str) -> tuple:
    """The tree of a formula: ("row", parts). Parts are (kind, text) or (kind, row, …)."""
    tokens = [m.groups() for m in TOKEN.finditer(latex)]
    parts, i = [], 0
    while i < len(tokens):  # a brace or a \right too many ends a row, not the formula
        row, i, end = _row(tokens, i)
        parts += row[1]
        if end:
            parts += [("fault", f"an unexpected {end}"), *([("mark", end)] if end == "}" else ())]
    return ("row", parts)


def _row(tokens, i):
    """(row, place after what ended it, what that was: "}", "\\right" or "" at the end of the formula)."""
    parts = []
    while i < len(tokens):
        command, space, number, other = tokens[i]
        if other == "}" or command == "right":
            return ("row", parts), i + 1, other or r"\right"
        if other in ("^", "_", "'"):
            if other == "'":
                first = i
                while i < len(tokens) and tokens[i][3] == "'":
                    i += 1
                script = ("row", [("mark", "′" * (i - first))])
            else:
                script, i = _argument(tokens, i + 1)
            while parts and parts[-1][0] == "space":
                parts.pop()
            base = parts.pop() if parts else ("row", [])
            parts.append(("sub" if other == "_" else "sup", base, script))
            continue
        part, i = _atom(tokens, i)
        if part is not None:
            parts.append(part)
    return ("row", parts), i, ""


def _group(tokens, i):
    """The row up to the closing brace."""
    row, i, end = _row(tokens, i)
    if end != "}":
        row[1].append(("fault", "no }"))
        i -= bool(end)  # a \right belongs to the \left outside
    return row, i


def _fenced(tokens, i):
    r"""("fenced", mark, row, mark) of what stands between \left and \right; a mark that is a full stop is ''."""
    opening, i = _fence(tokens, i)
    row, i, end = _row(tokens, i)
    if end != r"\right":
        row[1].append(("fault", r"no \right"))
        return ("fenced", opening, row, ("mark", "")), i - bool(end)
    closing, i = _fence(tokens, i)
    return ("fenced", opening, row, closing), i


def _fence(tokens, i):
    i = _after_spaces(tokens, i)
    if i < len(tokens) and tokens[i][3] == ".":
        return ("mark", ""), i + 1
    part, i = _atom(tokens, i) if i < len(tokens) else (None, i)
    return part or ("fault", "no parenthesis at \\left or \\right"), i


def _after_spaces(tokens, i):
    while i < len(tokens) and tokens[i][1]:
        i += 1
    return i


def _argument(tokens, i):
    """The row that a command applies to: a group, or a single token."""
    i = _after_spaces(tokens, i)
    if i >= len(tokens) or tokens[i][3] == "}" or tokens[i][0] == "right":
        return ("row", [("fault", "an unexpected end")]), i
    number = tokens[i][2]
    if number and len(number) > 1:  # x^12 is x¹2
        tokens[i] = (None, None, number[1:], None)
        return ("row", [("number", number[0])]), i
    part, i = _atom(tokens, i)
    return part if part and part[0] == "row" else ("row", [part] if part else []), i


def _raw(tokens, i):
    """(text of an argument, spaces kept; the place after it; False if a brace is missing)."""
    i = _after_spaces(tokens, i)
    if i >= len(tokens) or tokens[i][3] == "}":
        return "", i, False
    if tokens[i][3] != "{":
        return _as_text(tokens[i]), i + 1, True
    depth, text = 1, ""
    for j in range(i + 1, len(tokens)):
        depth += {"{": 1, "}": -1}.get(tokens[j][3], 0)
        if not depth:
            return text, j + 1, True
        text += _as_text(tokens[j])
    return text, len(tokens), False


def _as_text(token):
    command, space, number, other = token
    return LETTERS.get(command, OPERATORS.get(command, command)) if command else space or number or other


def _atom(tokens, i):
    command, space, number, other = tokens[i]
    i += 1
    if space:
        return ("space", " ", ""), i
    if number:
        return ("number", number), i
    if other == "{":
        return _group(tokens, i)
    if other == "~":
        return ("space", *SPACES[" "]), i
    if other == "&":  # where lines are aligned
        return None, i
    if other is not None:
        if other.isalpha():
            return ("letter", other), i
        return ("operator" if other in "=<>+-*/" else "mark", {"-": "−", "*": "∗"}.get(other, other)), i
    if command in ("frac", "tfrac", "dfrac"):
        above, i = _argument(tokens, i)
        below, i = _argument(tokens, i)
        return ("frac", above, below), i
    if command == "sqrt":
        inside, i = _argument(tokens, i)
        return ("sqrt", inside), i
    if command in ACCENTS:
        inside, i = _argument(tokens, i)
        return ("accent", command, inside), i
    if command in RAW:
        text, i, closed = _raw(tokens, i)
        if command == "mathbb":
            text = "".join(DOUBLE.get(c, c) for c in text)
        part = (RAW[command], text)
        return part if closed else ("row", [part, ("fault", "no }")]), i
    if command in ("begin", "end"):
        return None, _raw(tokens, i)[1]
    if command == "left":
        return _fenced(tokens, i)
    if command == "\\":
        return ("line", "\n"), i
    if command in LETTERS:
        return ("letter", LETTERS[command]), _after_spaces(tokens, i) if command == "partial" else i
    if command in SPACES:
        return ("space", *SPACES[command]), i
    if command in ("lVert", "lvert", "langle"):
        i = _after_spaces(tokens, i)
    for table, kind in ((OPERATORS, "operator"), (LARGE, "large"), (MARKS, "mark")):
        if command in table:
            return (kind, table[command]), i
    if command in FUNCTIONS:
        return ("function", command), i
    if command in SILENT:
        return None, _after_spaces(tokens, i)
    return ("unknown", command), i


def unknown(latex: str) -> list[str]:
    """Commands in a formula that this module does not know."""
    return [text for kind, text in _wrong(parse(latex)) if kind == "unknown"]


def faults(tree: tuple) -> list[str]:
    """What keeps a parsed formula from being set as it was meant: commands not known, braces not closed …"""
    return [f"\\{text}" if kind == "unknown" else text for kind, text in _wrong(tree)]


def _wrong(node):
    if isinstance(node, tuple) and node[0] in ("unknown", "fault"):
        yield node
    elif isinstance(node, (tuple, list)):
        for part in node:
            yield from _wrong(part)
