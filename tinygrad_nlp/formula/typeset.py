"""LaTeX formulas as Unicode text and as MathML: the part of LaTeX that derivations and printed formulas use.

`parse` makes a tree of tuples (kind, …); `unicode` and `mathml` walk it. A command that is not known stays readable
as its name, and `unknown` lists such, so that a test can keep the derivations inside what is understood.
"""

from __future__ import annotations

import re
import unicodedata
from html import escape

LOWER_GREEK = (
    "α:alpha β:beta γ:gamma δ:delta ε:epsilon ζ:zeta η:eta θ:theta κ:kappa λ:lambda μ:mu ν:nu ξ:xi π:pi ρ:rho σ:sigma "
    "τ:tau φ:phi χ:chi ψ:psi ω:omega"
)
UPPER_GREEK = "Γ:Gamma Δ:Delta Θ:Theta Λ:Lambda Ξ:Xi Π:Pi Σ:Sigma Φ:Phi Ψ:Psi Ω:Omega"
SIGNS = "ε:varepsilon φ:varphi ℓ:ell ∂:partial ∞:infty ∇:nabla ⊤:top ∅:emptyset"
BINARY = "⊙:odot ⊘:oslash ·:cdot ×:times ⊗:otimes ⊕:oplus ±:pm ∓:mp ∧:wedge ∨:vee ∧:land ∨:lor ¬:neg mod:bmod"
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
WORDS = "log ln exp max min sin cos tan sinh cosh tanh arcsin arccos arctan lim arg det dim Pr sup inf gcd"
ACCENTS = {
    "bar": ("\u0304", "¯"),
    "hat": ("\u0302", "^"),
    "tilde": ("\u0303", "~"),
    "dot": ("\u0307", "˙"),
    "vec": ("\u20d7", "→"),
}
SPACES = {",": " ", ";": " ", ":": " ", " ": " ", "quad": "  ", "qquad": "    ", "!": ""}
DOTS = {"dots": "…", "ldots": "…", "cdots": "⋯"}
SILENT = frozenset(("textstyle", "displaystyle", "left", "right", "big", "Big", "bigl", "bigr", "limits"))
DOUBLE = {"1": "𝟙", "E": "𝔼", "R": "ℝ", "N": "ℕ", "Z": "ℤ", "P": "ℙ"}

BOLD = {"0": "𝟎", "1": "𝟏"}

UPPER = dict(zip("0123456789+-−=()nixyTk⊤abcdefghjlmoprstuvwz", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱˣʸᵀᵏᵀᵃᵇᶜᵈᵉᶠᵍʰʲˡᵐᵒᵖʳˢᵗᵘᵛʷᶻ"))
LOWER = dict(zip("0123456789+-−=()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ"))

TOKEN = re.compile(r"\\([A-Za-z]+|.)|(\s+)|(\d+(?:\.\d+)?(?:e-?\d+)?)|(.)", re.DOTALL)
RELATIONS = set("=<>+-/") | set(OPERATORS.values()) - {"·", "¬"}


def parse(latex: str) -> tuple:
    """The tree of a formula: ("row", parts). Parts are (kind, text) or (kind, row, …)."""
    tokens = [m.groups() for m in TOKEN.finditer(latex)]
    row, rest = _row(tokens, 0, closing=False)
    return row


def _row(tokens, i, closing):
    parts = []
    while i < len(tokens):
        command, space, number, other = tokens[i]
        if other == "}" and closing:
            return ("row", parts), i + 1
        if other in ("^", "_"):
            script, i = _argument(tokens, i + 1)
            while parts and parts[-1][0] == "space":
                parts.pop()
            base = parts.pop() if parts else ("row", [])
            parts.append(("sup" if other == "^" else "sub", base, script))
            continue
        if other == "'":
            parts.append(("sup", parts.pop() if parts else ("row", []), ("row", [("mark", "′")])))
            i += 1
            continue
        part, i = _atom(tokens, i)
        if part is not None:
            parts.append(part)
    return ("row", parts), i


def _argument(tokens, i):
    while i < len(tokens) and tokens[i][1]:
        i += 1
    if i >= len(tokens):
        return ("row", []), i
    number = tokens[i][2]
    if number and len(number) > 1:  # x^12 is x¹2
        tokens[i] = (None, None, number[1:], None)
        return ("row", [("number", number[0])]), i
    part, i = _atom(tokens, i)
    return part if part and part[0] == "row" else ("row", [part] if part else []), i


def _raw(tokens, i):
    """The text of a braced argument, spaces kept."""
    while i < len(tokens) and tokens[i][1]:
        i += 1
    if i >= len(tokens) or tokens[i][3] != "{":
        return "", i
    depth, text, i = 1, "", i + 1
    while i < len(tokens):
        command, space, number, other = tokens[i]
        depth += (other == "{") - (other == "}")
        i += 1
        if not depth:
            break
        text += LETTERS.get(command, OPERATORS.get(command, command)) if command else space or number or other
    return text, i


def _atom(tokens, i):
    command, space, number, other = tokens[i]
    i += 1
    if space:
        return ("space", " "), i
    if number:
        return ("number", number), i
    if other == "{":
        return _row(tokens, i, closing=True)
    if other is not None:
        if other.isalpha():
            return ("letter", other), i
        return ("operator" if other in "=<>+-*/" else "mark", {"-": "−", "*": "∗", "~": " "}.get(other, other)), i
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
    if command in ("text", "mathrm", "operatorname", "textbf"):
        text, i = _raw(tokens, i)
        return ("text" if command == "text" else "word", text), i
    if command == "mathbb":
        text, i = _raw(tokens, i)
        return ("letter", "".join(DOUBLE.get(c, c) for c in text)), i
    if command == "mathbf":
        text, i = _raw(tokens, i)
        return ("bold", text), i
    if command in ("begin", "end"):
        return None, _raw(tokens, i)[1]
    if command == "\\":
        return ("line", "\n"), i
    if command in LETTERS:
        while command == "partial" and i < len(tokens) and tokens[i][1]:
            i += 1
        return ("letter", LETTERS[command]), i
    if command in ("lVert", "lvert", "langle"):
        while i < len(tokens) and tokens[i][1]:
            i += 1
    for table, kind in ((OPERATORS, "operator"), (LARGE, "large"), (FENCES, "mark"), (SPACES, "space"), (DOTS, "mark")):
        if command in table:
            return (kind, table[command]), i
    if command in WORDS.split():
        return ("word", command), i
    if command in SILENT:
        while i < len(tokens) and tokens[i][1]:
            i += 1
        if i < len(tokens) and tokens[i][3] == "." and command in ("left", "right"):
            i += 1
        return None, i
    return ("unknown", command), i


def unknown(latex: str) -> list[str]:
    """Commands in a formula that this module does not know."""

    def walk(node):
        if isinstance(node, tuple):
            if node[0] == "unknown":
                yield node[1]
            for part in node[1:]:
                yield from walk(part)
        elif isinstance(node, list):
            for part in node:
                yield from walk(part)

    return list(walk(parse(latex)))


# ---- text -----------------------------------------------------------------------------------------------------------


def unicode(latex: str) -> str:
    r"""A formula as one line of text (one per ``\\``).

    >>> unicode(r"U^\top(\hat y - y)")
    'Uᵀ(ŷ − y)'
    """
    text = _text(parse(latex))
    lines = (re.sub(r" {2,3}(?! )", " ", line).strip() for line in text.split("\n"))
    return "\n".join(unicodedata.normalize("NFC", re.sub(r"\( | (?=[),;])", lambda m: m[0].strip(), x)) for x in lines)


def _text(node):
    kind, *rest = node
    if kind == "row":
        return _text_row(rest[0])
    if kind == "frac":
        above, below = map(_text, rest)
        return f"{_grouped(above)}/{_grouped(below)}"
    if kind == "sqrt":
        return "√" + _grouped(_text(rest[0]))
    if kind == "accent":
        return "".join(c + ACCENTS[rest[0]][0] for c in _text(rest[1]))
    if kind in ("sup", "sub"):
        table, mark = (UPPER, "^") if kind == "sup" else (LOWER, "_")
        script = _text(rest[1]).strip()
        tight = re.sub(r" ?([+−=]) ?", r"\1", script)
        base = _text(rest[0])
        if script == "′" or (script and all(c in table for c in tight)):
            return base + "".join(table.get(c, c) for c in tight)
        return f"{base}{mark}{script if len(script) == 1 or re.fullmatch(r'[A-Za-z0-9]+', script) else f'({script})'}"
    if kind == "bold":
        return "".join(BOLD.get(c, c) for c in rest[0])
    if kind == "unknown":
        return "\\" + rest[0]
    return rest[0]


def _text_row(parts):
    text = ""
    for i, part in enumerate(parts):
        piece = _text(part)
        before = text.rstrip(" ")
        if part[0] == "operator":
            unary = piece in "−+" and (
                not before or before[-1] in "([{,;:" or before[-1] in RELATIONS | {"−", "⇒", "\n"}
            )
            tight = piece == "/"
            text = text + piece if unary or tight else before + f" {piece} "
            if unary and i + 1 < len(parts) and parts[i + 1][0] == "space":
                parts = [*parts[: i + 1], ("space", ""), *parts[i + 2 :]]
        else:
            starts_word = _is_word(part) and text and (text[-1].isalnum() or text[-1] in "⊤)ᵀ")
            if starts_word or (i and _is_word(parts[i - 1]) and piece[:1].isalnum()):
                text += " "
            if part == ("mark", "‖") or part == ("mark", "⟩"):
                text = text.rstrip(" ") if text.count("‖") % 2 or part[1] == "⟩" else text
            text += piece
            if (
                part[0] == "frac"
                and "∂" not in piece
                and i + 1 < len(parts)
                and parts[i + 1][0] not in ("operator", "space")
            ):
                text += " "
    return text


def _is_word(part):
    """True for log, max, Σ_k …: letters beside it must not run into it."""
    while part[0] in ("sup", "sub"):
        part = part[1]
    return part[0] in ("word", "large")


def _grouped(text):
    """In parentheses, unless it is one thing."""
    text = text.strip()
    if text.startswith("∂") and "=" not in re.sub(r"\(.*\)", "", text):
        return text
    single = not re.search(r"[ +−⊙⊘·=/]", text)
    enclosed = re.fullmatch(r"\([^()]*\)|‖[^‖]*‖|√\([^()]*\)|√\w", text)
    return text if single or enclosed else f"({text})"


# ---- MathML ---------------------------------------------------------------------------------------------------------


def mathml(latex: str, display: bool = True) -> str:
    """A formula as a ``<math>`` element. All text in it is escaped."""
    shown = ' display="block"' if display else ""
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML"{shown}>{_element(parse(latex))}</math>'


def _element(node):
    kind, *rest = node
    if kind == "row":
        lines, current = [], []
        for part in rest[0]:
            if part[0] == "line":
                lines.append(current)
                current = []
            else:
                current.append(part)
        written = ["<mrow>" + "".join(map(_element, line)) + "</mrow>" for line in [*lines, current]]
        if len(written) == 1:
            return written[0]
        return "<mtable>" + "".join(f"<mtr><mtd>{line}</mtd></mtr>" for line in written) + "</mtable>"
    if kind == "frac":
        return f"<mfrac>{_element(rest[0])}{_element(rest[1])}</mfrac>"
    if kind == "sqrt":
        return f"<msqrt>{_element(rest[0])}</msqrt>"
    if kind == "accent":
        return f'<mover accent="true">{_element(rest[1])}<mo>{ACCENTS[rest[0]][1]}</mo></mover>'
    if kind in ("sup", "sub"):
        base, script = rest
        if kind == "sup" and base[0] == "sub":
            return f"<msubsup>{_element(base[1])}{_element(base[2])}{_element(script)}</msubsup>"
        if kind == "sub" and base[0] == "sup":
            return f"<msubsup>{_element(base[1])}{_element(script)}{_element(base[2])}</msubsup>"
        return f"<m{kind}>{_element(base)}{_element(script)}</m{kind}>"
    text = escape(rest[0])
    if kind == "space":
        return '<mspace width="0.17em"/>' if rest[0] and rest[0] != " " else ""
    if kind == "number":
        return f"<mn>{text}</mn>"
    if kind == "text":
        return f"<mtext>{text.replace(' ', '&#160;')}</mtext>"
    if kind in ("letter", "word", "unknown"):
        return f"<mi>{text}</mi>"
    if kind == "bold":
        return f'<mi mathvariant="bold">{text}</mi>'
    return f"<mo>{text}</mo>"
