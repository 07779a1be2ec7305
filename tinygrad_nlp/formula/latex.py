"""Terms as LaTeX, in the notation of lecture notes."""

from __future__ import annotations

import re
from fractions import Fraction

from .parse import GREEK
from .terms import below

SUM, ELEMENTWISE, PRODUCT, ATOM = range(4)
"""How tightly a term holds together; a looser one inside a tighter one gets parentheses."""

FUNCTIONS = {
    "sigmoid": r"\sigma",
    "slope": r"\sigma'",
    "logsigmoid": r"\log \sigma",
    "relu": r"\operatorname{ReLU}",
    "exp": r"\exp",
    "log": r"\log",
    "tanh": r"\tanh",
    "sin": r"\sin",
    "cos": r"\cos",
    "max": r"\max",
    "min": r"\min",
}

POWERS = (r"\sin", r"\cos", r"\tanh")
"""Functions whose square is written tanh² x."""


def name_as_latex(name: str) -> str:
    """A tensor's name as LaTeX: ``W1`` and ``W_1`` are W₁, ``y_hat`` is ŷ, ``theta`` is θ, ``weight`` stays a word."""
    if "\\" in name:
        return name
    name = name.replace("ŷ", "y_hat").replace("v̂", "v_hat")
    hat = re.fullmatch(r"(\w+?)_?hat", name)
    if hat:
        return rf"\hat {name_as_latex(hat[1])}"
    parts = re.fullmatch(r"([A-Za-z]|" + "|".join(GREEK) + r")_?(\d+|(?<=_)\w+)?", name)
    if parts:
        letter = "\\" + parts[1] if parts[1] in GREEK else parts[1]
        below = parts[2]
        return letter if not below else f"{letter}_{below}" if len(below) == 1 else f"{letter}_{{{below}}}"
    return name if len(name) == 1 else r"\mathrm{" + re.sub(r"([_#$%&{}])", r"\\\1", name) + "}"


def number(c: float) -> str:
    """A coefficient: whole numbers and fractions of small ones as such."""
    if c == int(c) and abs(c) < 1e15:
        return str(int(c))
    for digits in (1e-15, 1e-7) if abs(c) < 1e15 else ():  # a third in float64, or in float32
        f = Fraction(c).limit_denominator(1000)
        if abs(float(f) - c) <= digits * abs(c):
            sign = "-" if f < 0 else ""
            return rf"{sign}\frac{{{abs(f.numerator)}}}{{{f.denominator}}}"
    text = f"{c:.6g}"
    return re.sub(r"e([-+])0*(\d+)", lambda m: rf" \cdot 10^{{{m[1].strip('+')}{m[2]}}}", text).removeprefix(
        r"1 \cdot "
    )


class Printer:
    """Writes terms. It collects what a reader needs to be told.

    names        terms with an abbreviation; definitions: named terms that stand for others; used: those met so far
    arrays       the constants that had to be given a name; tables: names of rows k of a
                 table; selections: the labels k of matrices S_k
    """

    def __init__(self, definitions, taken=()):
        self.names, self.reserved = {}, {}
        self.definitions = definitions
        self.arrays, self.tables, self.selections, self.used = {}, {}, set(), []
        self.taken = set(taken)

    def __call__(self, term, at=SUM, whole=False) -> str:
        """``whole`` writes the term itself out where it has an abbreviation."""
        text, holds = self._write(term, whole)
        return f"({text})" if holds < at else text

    def _write(self, t, whole=False):
        if not whole and t in self.names:
            if t not in self.used:
                self.used.append(t)
            return self.names[t], ATOM
        return getattr(self, f"_{t.kind}")(t)

    def _name(self, t):
        if t.data.startswith(r"\mathbf{1}"):
            return (r"\mathbf{1}^\top" if t.shape[0] == 1 else r"\mathbf{1}" if t.shape[1] == 1 else t.data), ATOM
        if t in self.definitions and t not in self.used:
            self.used.append(t)
        return t.data, ATOM

    def _array(self, t):
        if t not in self.arrays:
            self.reserve(t)
            self.arrays[t] = self.reserved[t]
        return self.arrays[t], ATOM

    def reserve(self, t):
        """Choose the name of a constant, in case that it is printed."""
        if t not in self.reserved:
            rows = t.value.reshape(-1, t.value.shape[-1]) if t.shape[1] != 1 else t.value.reshape(1, -1)
            binary = bool(((t.value == 0) | (t.value == 1)).all())
            one_hot = binary and bool((rows.sum(-1) == 1).all())
            letter = ("y" if min(t.shape) == 1 else "Y") if one_hot else "d" if binary else "a"
            self.reserved[t] = self.fresh(letter)

    def fresh(self, letter):
        """``letter``, or with a number below if that is taken; z_1, z_2 … for a letter that has a number."""
        name, n = letter, 2
        letter = letter.removesuffix("_1")
        while name in self.taken:
            name, n = below(letter, str(n)), n + 1
        self.taken.add(name)
        return name

    def _sum(self, t):
        pairs = sorted(zip(t.data, t.parts), key=lambda pair: pair[0] < 0)
        text = ""
        for c, part in pairs:
            if part.data == "1" and part.kind == "name":
                written = number(abs(c))
            else:
                written = self(part, ELEMENTWISE)
                if abs(c) != 1:
                    written = joined([number(abs(c)), self(part, PRODUCT)])
            text += (" - " if c < 0 else " + ") + written if text else ("-" if c < 0 else "") + written
        return text, SUM

    def _prod(self, t):
        c, has_body = t.data
        scalars = list(t.parts[:-1] if has_body else t.parts)
        below = [s.parts[0] for s in scalars if s.kind == "fn" and s.data[0] == "reciprocal"]
        above = [s for s in scalars if not (s.kind == "fn" and s.data[0] == "reciprocal")]
        sign, c = ("-", -c) if c < 0 else ("", c)
        factors = [] if c == 1 and (above or has_body or below) else [number(c)]
        alone = not has_body and len(above) == 1
        factors += [self(s, ATOM if s.kind == "mat" and not alone else PRODUCT) for s in above]
        if below:
            top = joined(factors) if factors else "1"
            factors = [rf"\frac{{{top}}}{{{joined([self(b, PRODUCT if len(below) > 1 else SUM) for b in below])}}}"]
        if has_body:
            body = t.parts[-1]
            factors.append(self(body, ELEMENTWISE if self._binds(body) == ELEMENTWISE else PRODUCT))
        holds = SUM if sign else ELEMENTWISE if has_body and self._binds(t.parts[-1]) == ELEMENTWISE else PRODUCT
        return sign + joined(factors), holds

    def _binds(self, t):
        return ATOM if t in self.names else {"sum": SUM, "had": ELEMENTWISE, "over": ELEMENTWISE}.get(t.kind, PRODUCT)

    def _had(self, t):
        if len(t.parts) == 2 and t.parts[0] is t.parts[1] and t.parts[0].kind == "fn" and t.parts[0] not in self.names:
            function, _, argument = self(t.parts[0]).partition("(")
            if function in POWERS:
                return rf"{function}^2({argument}", ATOM
        return r" \odot ".join(self(p, PRODUCT) for p in t.parts), ELEMENTWISE

    def _mat(self, t):
        return joined([self(p, PRODUCT if p.kind != "over" else ATOM) for p in t.parts]), PRODUCT

    def _T(self, t):
        inner = self(t.parts[0], ATOM)
        return inner + r"^\top", ATOM

    def _rows(self, t):
        table, label = t.data
        upper = table.upper() if len(table) == 1 else table
        self.tables[below(upper, label)] = (upper, label)
        return below(upper, label), ATOM

    def _put(self, t):
        self.selections.add(t.data)
        return joined([below("S", t.data) + r"^\top", self(t.parts[0], PRODUCT)]), PRODUCT

    def _over(self, t):
        return rf"\sum_{t.data} " + self(t.parts[0], PRODUCT), ELEMENTWISE

    def _fn(self, t):
        op, *rest = t.data
        args = [self(p) for p in t.parts]
        if op == "positive":
            return rf"\mathbb{{1}}\{{{args[0]} > 0\}}", ATOM
        if op == "reciprocal":
            return rf"\frac{{1}}{{{args[0]}}}", PRODUCT
        if op == "square":
            base = self(t.parts[0], ATOM)
            return (f"{base}^2", ATOM) if t.is_scalar else (rf"{base} \odot {base}", ELEMENTWISE)
        if op == "sqrt":
            return rf"\sqrt{{{args[0]}}}", ATOM
        if op == "abs":
            return rf"|{args[0]}|", ATOM
        if op == "norm" and len(t.parts) == 1:
            return rf"\lVert {args[0]} \rVert", ATOM
        if op == "l2_normalize":
            return rf"\frac{{{args[0]}}}{{\lVert {args[0]} \rVert}}", PRODUCT
        if op == "getitem" and (index := _as_slices(dict(rest[2])["index"])):
            return rf"{self(t.parts[0], ATOM)}[{index}]", ATOM
        name = FUNCTIONS.get(op) or r"\operatorname{" + op.rstrip("_").replace("_", r"\_") + "}"
        if name == r"\log" and t.parts[0] in self.names:
            return rf"\log {args[0]}", PRODUCT
        if rest:
            args += [
                rf"\text{{{option}}}={_option(value)}" for option, value in rest[2] if _worth_saying(op, option, value)
            ]
        return f"{name}({', '.join(args)})", ATOM


def _worth_saying(op, option, value):
    from ..op import registry

    return f"({type(registry[op].defaults.get(option)).__name__!r}, {registry[op].defaults.get(option)!r})" != (
        f"({value[0]!r}, {value[1]})" if isinstance(value, tuple) and len(value) == 2 else ""
    )


def _option(value):
    """A value of `symbols.key`, to be read."""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], str):
        return rf"\text{{{value[1]}}}" if not re.fullmatch(r"-?[\d.]+", value[1]) else value[1]
    if isinstance(value, tuple) and value and value[0] == "array":
        return r"\text{array}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_option, value)) + ")"
    return str(value)


def _as_slices(index):
    """A key of integers and slices as Python writes them between brackets; '' for any other."""
    parts = index if index and isinstance(index[0], tuple) else (index,)
    if any(len(part) != 2 for part in parts):  # arrays
        return ""
    written = []
    for kind, text in parts:
        if kind == "slice":
            ends = re.fullmatch(r"slice\((.+), (.+), (.+)\)", text).groups()
            start, stop, step = ("" if e == "None" else e for e in ends)
            written.append(f"{start}:{stop}" + (f":{step}" if step else ""))
        elif kind == "int":
            written.append(text)
        elif kind == "ellipsis":
            written.append(r"\dots")
        else:
            return ""
    return ", ".join(written)


def joined(factors):
    """Factors side by side: a space between letters, none before a parenthesis."""
    text = factors[0]
    for f in factors[1:]:
        if text[-1:].isdigit() and f[:1].isdigit():
            text += r" \cdot " + f
        else:
            text += f if f.startswith("(") else " " + f
    return text
