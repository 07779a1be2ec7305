r"""The formula reading: the rules of a run, carried out on symbols and printed as the lecture notes write them.

    loss = naive_softmax_loss(v_c, outside, U)
    formula(loss, wrt=v_c).latex()              # U^\top(\hat y - y)

No gradient is written here. `symbols` runs each op's own rule on symbols; `lower` reads the result as rows, columns
and matrices; `terms` simplifies; `latex` and `typeset` print. Whatever came of it is evaluated and compared with the
engine's gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..backward import sweep
from ..errors import GradientError, OptionError, describe, explain
from ..tensor import Tensor
from .latex import ATOM, Printer, name_as_latex
from .lower import Textbook
from .symbols import Symbol, gradients, read_graph
from .terms import below
from .typeset import mathml, unicode

LONG = 120
"""A formula of more terms than this has the parts it repeats named."""

WORTH_A_NAME = 5
"""Terms in a part that is worth a name."""

__all__ = ["Formula", "Step", "formula", "mathml", "unicode"]


@dataclass(frozen=True)
class Step:
    """One line of a derivation: ``latex`` by the rule of the op named ``rule``."""

    latex: str
    rule: str

    def __str__(self):
        return f"{unicode(self.latex)}    ({self.rule})"


@dataclass(frozen=True)
class Formula:
    """dJ/d(wrt) as a formula.

    lines       [(left side, right side), …] in LaTeX; more than one where single rows of a table are named
    where       what abbreviations and constants mean, one LaTeX line each
    loss        the loss itself, in LaTeX; loss_where defines what it needs beyond ``where``
    steps       the derivation, if it was asked for
    value       the formula evaluated; gradient: what the engine computed
    simplified  False if only the rules' own words, op by op, gave the right numbers
    """

    name: str
    lines: tuple
    where: tuple
    loss: str
    loss_where: tuple
    steps: tuple
    value: np.ndarray
    gradient: np.ndarray
    simplified: bool

    def latex(self) -> str:
        """The right side; where there are several lines, all of them as equations."""
        return self.lines[0][1] if len(self.lines) == 1 else r" \\ ".join(f"{a} = {b}" for a, b in self.lines)

    def unicode(self) -> str:
        """The same as text."""
        if len(self.lines) == 1:
            return unicode(self.lines[0][1])
        return "\n".join(unicode(f"{a} = {b}") for a, b in self.lines)

    def mathml(self) -> str:
        """The same as MathML, which browsers show."""
        return mathml(self.latex())

    def evaluate(self) -> np.ndarray:
        """The formula's value on the arrays of the run."""
        return self.value.copy()

    @property
    def difference(self) -> float:
        """The largest difference between the formula's value and the engine's gradient."""
        same = (self.value == self.gradient) | (np.isnan(self.value) & np.isnan(self.gradient))
        with np.errstate(invalid="ignore"):
            return float(np.where(same, 0, np.abs(self.value - self.gradient)).max(initial=0.0))

    @property
    def is_right(self) -> bool:
        """True if the difference is no more than rounding."""
        size = np.abs(self.gradient[np.isfinite(self.gradient)]).max(initial=1.0)
        return self.difference <= 1000 * np.finfo(self.gradient.dtype).eps * size

    @property
    def checked(self) -> str:
        """In words, how the formula's value compares with the computed gradient."""
        return f"checked: differs from the computed gradient by at most {self.difference:.1g}"

    def __str__(self):
        text = "\n".join(unicode(f"{a} = {b}") for a, b in self.lines)
        return text + "".join(f"\n  where {unicode(w)}" for w in self.where)

    def _repr_latex_(self):
        body = r" \\ ".join(f"{a} &= {b}" for a, b in self.lines)
        return rf"$\begin{{aligned}} {body} \end{{aligned}}$"


def formula(loss, wrt, *, layout="rows", names=None, steps=False) -> Formula:
    """The gradient of ``loss`` with respect to ``wrt`` as a formula, printed from the rules and checked on the arrays.

    loss    a Tensor of one number whose graph is still there: before backward(), or after backward(retain_graph=True)
    wrt     a Tensor it was computed from, with requires_grad; give it and its companions a ``name``
    layout  "rows": matrices as they are, words are the rows of U. "columns": every matrix is printed as its
            transpose, every vector as a column (002 §1)
    names   {label: index}: what to call rows that were read, {"o": 3, "k": [7, 1, 7]} makes u_o and u_k
    steps   also unfold the derivation, one line per rule

    Raises GradientError if the graph was freed or ``wrt`` is not in it, OptionError for another layout.

    >>> from tinygrad_nlp import Tensor, cross_entropy
    >>> theta = Tensor([0.5, -1.0, 2.0], requires_grad=True, name="theta")
    >>> print(formula(cross_entropy(theta, 1), wrt=theta).unicode())
    ŷ − y
    """
    if layout not in ("rows", "columns"):
        raise OptionError(explain("formula", got=f"layout={layout!r}", expected="'rows' or 'columns'"))
    for argument, tensor in (("loss", loss), ("wrt", wrt)):
        if not isinstance(tensor, Tensor) or not tensor.requires_grad:
            raise GradientError(
                explain(
                    f"formula({argument}=…)",
                    got=describe(tensor),
                    expected="a Tensor that requires grad" + (", the loss of a run" if argument == "loss" else ""),
                )
            )
    naming = _Naming()
    nodes, symbols = read_graph(loss, naming.leaf)
    if wrt._id not in symbols:
        raise GradientError(
            explain("formula", got=f"wrt = {describe(wrt)}", expected="a tensor from which the loss was computed")
        )
    expected = [g for t, g in sweep([(loss, np.ones_like(loss._data))], retain_graph=True, wanted=(wrt,)) if t is wrt]
    if not expected:
        raise GradientError(explain("formula", got=f"wrt = {describe(wrt)}", expected="a path from it to the loss"))
    for plain in (False, True):
        try:
            parts = _made(nodes, symbols, gradients(loss, nodes, symbols), wrt, Textbook(names, layout, plain), steps)
        except ValueError:  # shapes that no matrix algebra fits
            if plain:
                raise
            continue
        except RecursionError:
            raise GradientError(
                explain(
                    "formula",
                    got=f"a graph of {len(nodes)} tensors, nested deeper than a formula can be read",
                    expected="a graph of at most a hundred or so ops in a row",
                    write="formula of the loss on a shorter sequence, or of one layer",
                )
            ) from None
        made = Formula(*parts, np.asarray(expected[0]), not plain)
        if made.is_right:  # should simplification ever be wrong, what is printed is the rules' own words
            return made
    raise GradientError(explain(f"formula of {made.name}", got=made.checked, expected="the same numbers"))


def _made(nodes, symbols, sweep_result, wrt, book, steps):
    """All of a Formula but the engine's gradient."""
    arrived, taken = sweep_result
    book.settle([symbols[n._id] for n in reversed(nodes)])
    for n in nodes:
        if n._op is not None and n.name and n is not nodes[0]:
            book.named[id(symbols[n._id])] = name_as_latex(n.name)
    for n in reversed(nodes):  # forward first: terms are written in the order in which the run met them
        if n._op is not None:
            book.term(symbols[n._id])
    writer = _Writer(book, nodes, symbols)
    primal = book.term(symbols[wrt._id])
    result = writer.gradient(arrived[wrt._id], symbols[wrt._id])
    name = writer.print(primal).removesuffix(r"^\top")
    writer.shorten(result)
    lines, value = writer.equations(name, result)
    value = (value.T if primal.kind == "T" else value).reshape(wrt.shape)
    unfolded = tuple(writer.steps(taken, wrt)) if steps else ()
    where = tuple(writer.where())
    loss = writer.print(writer.simple(book.term(symbols[nodes[0]._id])), whole=True)
    return name, tuple(lines), where, loss, tuple(w for w in writer.where() if w not in where), unfolded, value


class _Naming:
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


class _Writer:
    """Prints the terms of one formula and remembers which abbreviations it used."""

    def __init__(self, book, nodes, symbols):
        self.book, self.algebra, self.symbols = book, book.algebra, symbols
        self.seen = set()
        self.print = Printer(book.definitions, taken={*book.leaves, *book.named.values()})

    def simple(self, term):
        """Sums over the rows of a table as Σ_k; softmax and unit vectors under the names the documents give them."""
        labels = {k: len(v) for k, v in self.book.places.items() if len(v) > 1}
        term = self.algebra.unfolded(term, labels)
        self.name_functions(term)
        return term

    def name_functions(self, term):
        if term in self.seen:
            return
        self.seen.add(term)
        for p in term.parts:
            self.name_functions(p)
        letter = {"softmax": r"\hat y", "l2_normalize": "u"}.get(term.data[0]) if term.kind == "fn" else None
        if letter == r"\hat y" and min(term.shape) > 1:
            letter = r"\hat Y"
        if letter and term not in self.print.names:
            self.print.names[term] = self.print.fresh(letter)

    def shorten(self, term):
        """Of a long formula, name what it says more than once: without that a text can double with every layer."""
        roots = [term, *self.book.definitions.values()]
        if max(t.length for t in roots) <= LONG:
            return
        uses, waiting = {}, list(roots)
        while waiting:
            for p in waiting.pop().parts:
                uses[p] = uses.get(p, 0) + 1
                if uses[p] == 1:
                    waiting.append(p)
        for t in sorted(uses, key=lambda t: t.number):
            if uses[t] > 1 and t.length >= WORTH_A_NAME and t.kind != "T" and t not in self.print.names:
                self.print.names[t] = self.print.fresh("z_1" if t.shape != (1, 1) else "c_1")

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
        for whole in (term, self.algebra.T(term)):
            groups = list(zip(whole.data, whole.parts)) if whole.kind == "sum" else [(1.0, whole)]
            found = self.row_equations(name, groups)
            if found is not None:
                lines, value = found
                return lines, value if whole is term else value.T
        term = self.book.dense(term)
        return [(partial(name), self.print(term))], term.value

    def row_equations(self, name, groups):
        """One equation for each label of rows, and the table they add up to; None if it takes more than rows."""
        rows, total = {}, 0.0
        for c, t in groups:
            k, scalars, put = self.algebra.split(t)
            if put is None or put.kind != "put":
                return None
            label, body = put.data, put.parts[0]
            one = body if body.shape[0] == 1 else self.algebra.row(body, label)
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

    def steps(self, taken, wrt):
        """The chain rule line by line, along the tensors that lead to ``wrt``."""
        leads = {wrt._id}
        for node, argument, _ in reversed(taken):
            if argument._id in leads:
                leads.add(node._id)
        total = {}
        for node, argument, part in taken:
            if argument._id not in leads or node._id not in leads:
                continue
            known = total.get(argument._id)
            total[argument._id] = part if known is None else known + part
            primal = self.symbols[argument._id]
            yield self.step(node, total[argument._id], primal)

    def step(self, node, gradient, primal):
        term = self.gradient(gradient, primal)
        left = self.print(self.simple(self.book.term(primal)), ATOM).removesuffix(r"^\top")
        return Step(f"{partial(left)} = {self.print(self.book.dense(term))}", node._op.name.rstrip("_"))


def partial(name):
    """∂J/∂name."""
    return rf"\frac{{\partial J}}{{\partial {name}}}"
