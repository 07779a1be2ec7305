"""Prints the terms of formulas, and says what the abbreviations in them mean."""

from __future__ import annotations

import numpy as np

from .latex import Printer, name_as_latex
from .symbols import Symbol
from .terms import below

LONG = 120
"""A formula of more terms than this has the parts it repeats named."""

WORTH_A_NAME = 5
"""Terms in a part that is worth a name."""


class Naming:
    """Names of leaves: the tensor's own, else x_1, x_2 … for data and θ_1, θ_2 … for parameters."""

    def __init__(self):
        self.counts = {"x": 0, r"\theta": 0}
        self.used = {}

    def leaf(self, tensor):
        if tensor.name:
            name = name_as_latex(tensor.name)
            while self.used.setdefault(name, tensor) is not tensor:
                name += "'"
            return name
        letter = r"\theta" if tensor.requires_grad else "x"
        self.counts[letter] += 1
        return f"{letter}_{self.counts[letter]}"


class Writer:
    """Prints the terms of one formula and remembers which abbreviations it used."""

    def __init__(self, book, nodes, symbols):
        self.book, self.algebra, self.symbols = book, book.algebra, symbols
        self.seen = set()
        self.print = Printer(book.definitions, taken={*book.leaves, *book.named.values()})
        for n in reversed(nodes):  # in the order of the run, so that all formulas of it use the same letters
            self.name_functions(book.term(symbols[n._id]))

    def simple(self, term):
        """Sums over the rows of a table as Σ_k; softmax and unit vectors under the names the documents give them."""
        labels = {k: len(v) for k, v in self.book.places.items() if len(v) > 1}
        term = self.book.sums.unfolded(term, labels)
        self.name_functions(term)
        return term

    def name_functions(self, term):
        if term in self.seen:
            return
        self.seen.add(term)
        for p in term.parts:
            self.name_functions(p)
        if term.kind == "array":
            self.print.reserve(term)
        letter = {"softmax": r"\hat y", "l2_normalize": "u"}.get(term.data[0]) if term.kind == "fn" else None
        if letter == r"\hat y" and min(term.shape) > 1:
            letter = r"\hat Y"
        if letter and term not in self.print.names:
            self.print.names[term] = self.print.fresh(letter)

    def shorten(self, terms):
        """Of long formulas, name what they say more than once: without that a text can double with every layer.

        True if it was needed.
        """
        roots = [*terms, *self.book.definitions.values()]
        if max(t.length for t in roots) <= LONG:
            return False
        uses, waiting = {}, list(roots)
        while waiting:
            for p in waiting.pop().parts:
                uses[p] = uses.get(p, 0) + 1
                if uses[p] == 1:
                    waiting.append(p)
        for t in sorted(uses, key=lambda t: t.number):
            if uses[t] > 1 and t.length >= WORTH_A_NAME and t.kind != "T" and t not in self.print.names:
                self.print.names[t] = self.print.fresh("z_1" if t.shape != (1, 1) else "c_1")
        return True

    def gradient(self, symbol, of):
        """The term of dJ/d(of), in the layout in which ``of`` is printed."""
        g = self.book.term(symbol) if isinstance(symbol, Symbol) else self.book.constant(symbol, self.book.side(of))
        primal = self.book.term(of)
        if g.shape != primal.shape and g.is_scalar and not primal.is_scalar:
            g = self.algebra.times([g, self.algebra.ones(primal.shape)])
        g = self.book.turned(g, primal.shape)
        return self.simple(self.algebra.T(g) if primal.kind == "T" else g)

    def equations(self, name, term):
        """([(left, right), …], their value): a line per group of rows of a table, where it has no other part."""
        found = self.row_lines(name, term)
        if found is not None:
            return found
        term = self.book.dense(term)
        return [(partial(name), self.print(term))], term.value

    def row_lines(self, name, term):
        """The same for a table of which only rows receive a gradient; else None."""
        for whole in (term, self.algebra.T(term)):
            groups = list(zip(whole.data, whole.parts)) if whole.kind == "sum" else [(1.0, whole)]
            found = self.row_equations(name, groups)
            if found is not None:
                lines, value = found
                return lines, value if whole is term else value.T
        return None

    def row_equations(self, name, groups):
        """One equation for each label of rows, and the table they add up to; None if it takes more than rows."""
        rows, total = {}, 0.0
        for c, t in groups:
            k, scalars, put = self.algebra.split(t)
            if put is None or put.kind != "put":
                return None
            label, body = put.data, put.parts[0]
            one = body if body.shape[0] == 1 else self.book.sums.row(body, label)
            if one is None:
                return None
            one = self.algebra.times([self.algebra.product(c * k, scalars, None), self.algebra.T(one)])
            rows[label] = self.algebra.add([(1.0, rows[label]), (1.0, one)]) if label in rows else one
        letter = name.lower() if len(name) == 1 else name
        lines = []
        for label, index in self.book.places.items():
            if label in rows:
                one = self.simple(rows[label])
                lines.append((partial(below(letter, label)), self.print(one)))
                total = total + np.zeros(put.shape, one.value.dtype)
                np.add.at(total, index, one.value[..., 0])
        return lines, total

    def where(self):
        """Definitions of what was printed short. Called last."""
        lines = []
        for t in self.print.used:  # grows while definitions use further abbreviations
            meaning = self.book.definitions.get(t)
            if meaning is None:
                lines.append(f"{self.print.names[t]} = {self.print(t, whole=True)}")
            else:
                lines.append(f"{t.data} = {self.print(self.simple(meaning))}")
        for t, name in self.print.arrays.items():
            lines.append(f"{name} {self.describe(t)}")
        for g in self.algebra.factors.values():
            lines.append(rf"{g.data} = \frac{{1}}{{1 - p}}, \; p = {g.extra:g}")
        for label, index in self.book.places.items():
            if index.size > 1:
                repeated = len(np.unique(index)) < index.size
                lines.append(
                    rf"{label} \in ({', '.join(map(str, index))})"
                    + (r" \;\text{(a row named several times receives its gradient each time)}" if repeated else "")
                )
        sizes = [len(np.unique(index)) for index in self.book.places.values()]
        if len(sizes) > 1 and len(np.unique(np.concatenate(list(self.book.places.values())))) < sum(sizes):
            lines.append(r"\text{a row with several names receives the sum of their gradients}")
        for name, (table, label) in self.print.tables.items():
            lines.append(rf"{name} \text{{: the rows }} {label} \text{{ of }} {table}")
        for label in sorted(self.print.selections):
            lines.append(rf"{below('S', label)} \text{{: a one-hot row for each }} {label}")
        lines += [rf"{self.print(t)} \neq 0" for t in self.algebra.conditions]
        return lines

    def describe(self, t):
        rows = t.value.reshape(1, -1) if 1 in t.shape else t.value
        if ((rows == 0) | (rows == 1)).all() and (rows.sum(1) == 1).all():
            places = ", ".join(str(int(i)) for i in rows.argmax(1)[:8]) + (", …" if len(rows) > 8 else "")
            return rf"= \text{{one-hot of {places}}}" if len(rows) == 1 else rf"= \text{{one-hot rows of {places}}}"
        if ((rows == 0) | (rows == 1)).all():
            return rf"\in \{{0, 1\}}^{{{t.shape[0]} \times {t.shape[1]}}} \text{{: a mask}}"
        return rf"\in \mathbb{{R}}^{{{t.shape[0]} \times {t.shape[1]}}} \text{{: constants}}"


def partial(name):
    """∂J/∂name."""
    return rf"\frac{{\partial J}}{{\partial {name}}}"


def close(value, gradient) -> bool:
    """True if the largest difference is no more than rounding."""
    size = np.abs(gradient[np.isfinite(gradient)]).max(initial=1.0)
    return difference(value, gradient) <= 1000 * np.finfo(gradient.dtype).eps * size


def difference(value, gradient) -> float:
    """The largest difference between two arrays; equal infinities and NaNs differ by nothing."""
    same = (value == gradient) | (np.isnan(value) & np.isnan(gradient))
    with np.errstate(invalid="ignore"):
        return float(np.where(same, 0, np.abs(value - gradient)).max(initial=0.0))
