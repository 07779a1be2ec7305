"""LaTeX formulas, as `parse` reads them, as Unicode text and as MathML.

`unicode` and `mathml` write whatever comes. `tree` is MathML as data, for a page that makes its elements itself; it
refuses what is not understood, so that its caller can show the LaTeX instead. `markup` writes a tree.
"""

from __future__ import annotations

import re
import unicodedata
from html import escape

from ..errors import OptionError, explain
from .parse import ACCENTS, OPERATORS, SPACES, faults, parse

ELEMENTS = (
    *("math", "mfrac", "mi", "mn", "mo", "mover", "mrow", "mspace", "msqrt", "msub", "msubsup", "msup"),
    *("mtable", "mtd", "mtext", "mtr"),
)
"""What a tree is made of."""

BOLD = {"0": "𝟎", "1": "𝟏"}

PLAIN = str.maketrans("ϵϕ⋅", "εφ·")
r"""Letters of a line of text, where TeX draws \epsilon and \phi in forms that few fonts for terminals have."""

UPPER = dict(zip("0123456789+-−=()nixyTk⊤abcdefghjlmoprstuvwz", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱˣʸᵀᵏᵀᵃᵇᶜᵈᵉᶠᵍʰʲˡᵐᵒᵖʳˢᵗᵘᵛʷᶻ"))
LOWER = dict(zip("0123456789+-−=()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ"))

RELATIONS = set("=<>+-/") | set(OPERATORS.values()) - {"⋅", "¬"}

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
    if kind == "fenced":
        return _text_row([node])
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
        if set(script) == {"′"} or (script and all(c in table for c in tight)):
            return base + "".join(table.get(c, c) for c in tight)
        return f"{base}{mark}{script if len(script) == 1 or re.fullmatch(r'[A-Za-z0-9]+', script) else f'({script})'}"
    if kind == "bold":
        return "".join(BOLD.get(c, c) for c in rest[0])
    if kind == "unknown":
        return "\\" + rest[0]
    return "" if kind == "fault" else rest[0].translate(PLAIN)


def _text_row(parts):
    parts, text = list(_flat(parts)), ""
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
                parts = [*parts[: i + 1], ("space", "", ""), *parts[i + 2 :]]
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


def _flat(parts):
    """The parts, those between two fences among them: in a line nothing grows around what it holds."""
    for part in parts:
        if part[0] == "fenced":
            yield part[1]
            yield from _flat(part[2][1])
            yield part[3]
        else:
            yield part


def _base(part):
    """What the scripts of a part stand at."""
    while part[0] in ("sup", "sub"):
        part = part[1]
    return part


def _is_word(part):
    """True for log, max, Σ_k …: letters beside it must not run into it."""
    return _base(part)[0] in ("word", "function", "large")


def _grouped(text):
    """In parentheses, unless it is one thing."""
    text = text.strip()
    if text.startswith("∂") and "=" not in re.sub(r"\(.*\)", "", text):
        return text
    single = not re.search(r"[ +−⊙⊘·=/]", text)
    enclosed = re.fullmatch(r"\([^()]*\)|‖[^‖]*‖|√\([^()]*\)|√\w", text)
    return text if single or enclosed else f"({text})"


# ---- MathML ---------------------------------------------------------------------------------------------------------

ORDINARY = frozenset(("letter", "number", "bold", "word", "function", "frac", "sqrt", "accent", "row"))
"""Kinds of parts from which the name of a function is set apart by a thin space, as TeX does; signs keep their own."""


def mathml(latex: str, display: bool = True) -> str:
    """A formula as a ``<math>`` element. All text in it is escaped."""
    block = {"display": "block"} if display else {}
    return markup(_math(parse(latex)), xmlns="http://www.w3.org/1998/Math/MathML", **block)


def tree(latex: str) -> list:
    r"""A formula as MathML in lists: an element's name, then its children; a string is text, never markup.

    The names are among `ELEMENTS`; the one child of an mspace is its width. Raises OptionError for a command that is
    not known and for LaTeX that is not whole.

    >>> tree(r"\frac{x}{2}")
    ['math', ['mfrac', ['mi', 'x'], ['mn', '2']]]
    """
    parsed = parse(latex)
    for fault in faults(parsed):
        raise OptionError(
            explain("formula", got=f"{fault} in {latex!r}", expected="LaTeX that tinygrad_nlp/formula/parse.py reads")
        )
    return _math(parsed)


def markup(node: list | str, **attributes: str) -> str:
    """A tree as text, the attributes on its outermost element; text in it is escaped."""
    if isinstance(node, str):
        return escape(node)
    name, *children = node
    if name == "mspace":
        attributes["width"], children = children[0], ()
    inside = [markup(child) for child in children]
    if name == "mover":  # as an accent, or made as wide as the letter, browsers draw a bar through it
        inside[1] = markup(children[1], stretchy="false")
    shown = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{shown}>{''.join(inside)}</{name}>" if inside else f"<{name}{shown}/>"


def _math(row):
    return ["math", *_nodes(row[1])]


def _nodes(parts):
    """The elements of a row; one table if it has several lines."""
    lines = [[]]
    for part in parts:
        if part[0] == "line":
            lines.append([])
        elif part[0] != "fault" and part[-1] != "":  # nor spaces of the source, and fences that are not to be seen
            lines[-1].append(part)
    rows = [[node for i in range(len(line)) for node in _spaced(line, i)] for line in lines]
    return rows[0] if len(rows) == 1 else [["mtable", *(["mtr", ["mtd", *row]] for row in rows)]]


def _spaced(line, i):
    if i and _apart(line[i - 1], line[i]):
        yield ["mspace", SPACES[","][1]]
    yield _element(line[i])


def _apart(before, after):
    first, second = _base(before), _base(after)
    if first[0] == "function" and second[0] in ORDINARY:
        return True
    closes = first[0] == "fenced" or first[0] == "mark" and first[1] in ")]}"
    return second[0] == "function" and (first[0] in ORDINARY or closes)


def _one(nodes):
    return nodes[0] if len(nodes) == 1 else ["mrow", *nodes]


def _element(part):
    kind, *rest = part
    if kind == "row":
        return _one(_nodes(rest[0]))
    if kind == "fenced":
        opening, inside, closing = rest
        return ["mrow", *_nodes([opening]), *_nodes(inside[1]), *_nodes([closing])]
    if kind == "frac":
        return ["mfrac", *map(_element, rest)]
    if kind == "sqrt":
        return ["msqrt", _element(rest[0])]
    if kind == "accent":
        return ["mover", _element(rest[1]), ["mo", ACCENTS[rest[0]][1]]]
    if kind in ("sup", "sub"):
        return _scripted(part)
    text = rest[0]
    if kind == "space":
        return ["mspace", rest[1]]
    if kind == "number":
        return ["mn", text]
    if kind == "text":  # a browser drops spaces at the ends of a text
        return ["mtext", text.replace(" ", "\u00a0")]
    if kind == "bold":
        return ["mi", "".join(map(_bold, text))]
    if kind in ("word", "function") and len(text) == 1:  # which an mi would set in italics
        return ["mtext", text]
    return ["mi" if kind in ("letter", "word", "function", "unknown") else "mo", text]


def _scripted(part):
    scripts = {"sub": [], "sup": []}
    while part[0] in scripts:
        kind, part, script = part
        scripts[kind] = _nodes(script[1]) + scripts[kind]
    names = [kind for kind, nodes in scripts.items() if nodes] or ["sup"]
    return [f"m{''.join(names)}", _element(part), *(_one(scripts[kind]) for kind in names)]


def _bold(letter):
    """The letter of Unicode that is bold by itself: browsers do not know mathvariant="bold" any more."""
    name = re.sub(r"^(?:LATIN|GREEK) | LETTER\b", "", unicodedata.name(letter, ""))
    try:
        return unicodedata.lookup(f"MATHEMATICAL BOLD {name}")
    except KeyError:
        return letter
