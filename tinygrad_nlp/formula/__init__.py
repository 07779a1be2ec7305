r"""The formula reading: the rules of a run, carried out on symbols and printed as the lecture notes write them.

    loss = naive_softmax_loss(v_c, outside, U)
    formula(loss, wrt=v_c).latex()              # U^\top(\hat y - y)

No gradient is written here. `symbols` runs each op's own rule on symbols; `lower` reads the result as rows, columns
and matrices; `terms` and `sums` simplify; `latex` prints; `parse` reads what was printed, and `typeset` makes text and
MathML of it. Whatever came of it is evaluated and compared with the engine's gradient.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..backward import sweep
from ..errors import GradientError, OptionError, describe, explain
from ..tensor import Tensor
from .chain import Chain, Step, derivation
from .latex import name_as_latex
from .lower import Textbook
from .symbols import gradients, read_graph
from .typeset import mathml, unicode
from .writer import Naming, Writer, close, difference

__all__ = ["Chain", "Formula", "Step", "derivation", "formula", "formulas", "mathml", "unicode"]


@dataclass(frozen=True)
class Formula:
    """dJ/d(wrt) as a formula.

    lines       [(left side, right side), …] in LaTeX; more than one where single rows of a table are named
    where       what abbreviations and constants mean, one LaTeX line each
    loss        the loss itself, in LaTeX; loss_where defines what it needs beyond ``where``
    steps       the derivation, if it was asked for
    value       the formula evaluated; gradient: what the engine computed
    simplified  False if only the rules' own words, op by op, gave the right numbers
    shortened   True if it was so long that parts of it were named z and c, see ``where``
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
    shortened: bool = False

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
        return difference(self.value, self.gradient)

    @property
    def is_right(self) -> bool:
        """True if the difference is no more than rounding."""
        return close(self.value, self.gradient)

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
    return formulas(loss, [wrt], layout=layout, names=names, steps=steps)[0]


def formulas(loss, wrt, *, layout="rows", names=None, steps=False) -> list[Formula]:
    """`formula` for each tensor of the list ``wrt``, with the same abbreviations in all of them.

    ``steps`` unfolds each by itself; `derivation` derives what they share once.
    """
    if layout not in ("rows", "columns"):
        raise OptionError(explain("formula", got=f"layout={layout!r}", expected="'rows' or 'columns'"))
    for argument, tensor in (("loss", loss), *(("wrt", t) for t in wrt)):
        if not isinstance(tensor, Tensor) or not tensor.requires_grad:
            raise GradientError(
                explain(
                    f"formula({argument}=…)",
                    got=describe(tensor),
                    expected="a Tensor that requires grad" + (", the loss of a run" if argument == "loss" else ""),
                )
            )
    nodes, symbols = read_graph(loss, Naming().leaf)
    for t in wrt:
        if t._id not in symbols:
            raise GradientError(
                explain("formula", got=f"wrt = {describe(t)}", expected="a tensor from which the loss was computed")
            )
    swept = sweep([(loss, np.ones_like(loss._data))], retain_graph=True, wanted=wrt)
    expected = {t._id: np.asarray(g) for t, g in swept}
    for t in wrt:
        if t._id not in expected:
            raise GradientError(explain("formula", got=f"wrt = {describe(t)}", expected="a path from it to the loss"))
    for plain in (False, True):
        try:
            made = _made(nodes, symbols, wrt, Textbook(names, layout, plain), expected)
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
        if all(f.is_right for f in made):  # should simplification be wrong, what is printed is the rules' own words
            break
    else:
        wrong = next(f for f in made if not f.is_right)
        raise GradientError(explain(f"formula of {wrong.name}", got=wrong.checked, expected="the same numbers"))
    return (
        [_unfolded(f, derivation(loss, [t], layout=layout, names=names)) for f, t in zip(made, wrt)] if steps else made
    )


def _unfolded(made, chain):
    known = {w.split(" =")[0] for w in made.where}
    where = (*made.where, *(w for w in chain.where if w.split(" =")[0] not in known))
    return replace(made, steps=(*chain.shared, *chain.last), where=where)


def _made(nodes, symbols, wrt, book, expected):
    """The Formulas of ``wrt``, all by one Writer."""
    arrived = gradients(nodes[0], nodes, symbols)
    book.settle([symbols[n._id] for n in reversed(nodes)])
    for n in nodes:
        if n._op is not None and n.name and n is not nodes[0]:
            book.named[id(symbols[n._id])] = name_as_latex(n.name)
    for n in reversed(nodes):  # forward first: terms are written in the order in which the run met them
        if n._op is not None:
            book.term(symbols[n._id])
    writer = Writer(book, nodes, symbols)
    primals = [book.term(symbols[t._id]) for t in wrt]
    results = [writer.gradient(arrived[t._id], symbols[t._id]) for t in wrt]
    shortened = writer.shorten(results)
    written = []
    for t, primal, result in zip(wrt, primals, results):
        name = writer.print(primal).removesuffix(r"^\top")
        lines, value = writer.equations(name, result)
        value = (value.T if primal.kind == "T" else value).reshape(t.shape)
        written.append((name, tuple(lines), value, expected[t._id]))
    where = tuple(writer.where())
    loss = writer.print(writer.simple(book.term(symbols[nodes[0]._id])), whole=True)
    more = tuple(w for w in writer.where() if w not in where)
    return [
        Formula(name, lines, where, loss, more, (), v, g, not book.plain, shortened) for name, lines, v, g in written
    ]
