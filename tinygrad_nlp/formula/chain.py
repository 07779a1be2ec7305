r"""The chain rule of a run, unfolded as lecture notes do it: what several gradients share is derived once and named.

    \delta_2 = \partial J / \partial z_2 = \hat y - y,   \delta_1 = \partial J / \partial z_1 = \delta_2 W_2^\top …

The rules are run on symbols twice. The first sweep shows where the ways back part; there the second puts a name in
place of what has arrived, so that all further lines refer to it (003 Q2c calls the two of its network Δ₂ and Δ₁).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..backward import sweep
from ..errors import GradientError, explain
from ..tensor import Tensor
from .latex import ATOM, Printer, name_as_latex
from .lower import Textbook
from .symbols import Symbol, read_graph, sent_back
from .terms import below
from .typeset import unicode
from .writer import Naming, Writer, close, difference, partial

WORTH_A_LETTER = 5
"""Terms in a result that is called z where its gradient is called δ; U v_c has three and is written out."""

LONG_NAME = 20
"""Characters of a result that is called z, however few terms it has."""

PASSING = frozenset(("add", "sub", "reshape", "squeeze", "unsqueeze", "cast"))
"""Ops that can hand on to an argument exactly what arrived; such a step needs no line of its own."""

READING = frozenset(("transpose", "swapaxes", "getitem", "embedding", "take"))
"""Ops that read a parameter in another order, or rows of it: the parameter's own line says what they received."""


@dataclass(frozen=True)
class Step:
    """One line of a derivation: ``name = left = right`` by the rule of the op named ``rule``; all LaTeX.

    name  δ, where later lines refer to this one; else ''
    rule  "matmul"; "add, matmul" where add handed on what arrived; "matmul + matmul" where two ways meet
    difference  the largest one between the line's value and the engine's gradient
    """

    left: str
    right: str
    rule: str
    name: str = ""
    difference: float = 0.0

    @property
    def latex(self) -> str:
        """The line as one equation; where only rows of a table receive a gradient, ``right`` is all of their lines."""
        return " = ".join(part for part in (self.name, self.left, self.right) if part)

    def __str__(self):
        return f"{unicode(self.latex)}    ({self.rule})"


@dataclass(frozen=True)
class Chain:
    """What leads from the loss to several gradients.

    shared  lines for inner results, from the loss back
    last    one line per parameter asked for, in that order
    where   what the letters mean, one LaTeX line each
    loss    the loss, in the same letters
    """

    shared: tuple[Step, ...]
    last: tuple[Step, ...]
    where: tuple[str, ...]
    loss: str


def derivation(loss, wrt, *, layout="rows", names=None) -> Chain:
    """The chain rule from ``loss`` to each tensor of ``wrt``, a line per rule; arguments as those of `formula`.

    Each line has been evaluated and compared with the engine's gradient of the tensor on its left.

    Raises GradientError if the graph was freed.

    >>> from tinygrad_nlp import Tensor, cross_entropy
    >>> W = Tensor([[1.0, 2.0], [0.5, -1.0]], requires_grad=True, name="W")
    >>> b, x = Tensor([0.0, 0.0], requires_grad=True, name="b"), Tensor([3.0, 4.0], name="x")
    >>> made = derivation(cross_entropy(x @ W + b, 1), [W, b])
    >>> print(*made.shared, *made.last, sep="\\n")
    δ = ∂J/∂z = ŷ − y    (cross_entropy)
    ∂J/∂W = xᵀ δ    (add, matmul)
    ∂J/∂b = δ    (add)
    """
    for plain in (False, True):
        naming = Naming()
        nodes, symbols = read_graph(loss, naming.leaf)
        try:
            unfolding = _Unfolding(nodes, symbols, wrt, Textbook(names, layout, plain))
            made, values = unfolding.chain()
        except ValueError:  # shapes that no matrix algebra fits
            if plain:
                raise
            continue
        tensors = [t for t in nodes if unfolding.first(t)._id in values]
        found = {}
        for t, g in sweep([(loss, np.ones_like(loss._data))], retain_graph=True, wanted=tensors):
            same = unfolding.first(t)._id
            found[same] = found[same] + np.asarray(g) if same in found else np.asarray(g)
        if all(close(values[i], g) for i, g in found.items()):
            return Chain(
                tuple(replace(s, difference=difference(values[i], found[i])) for i, s in made.shared),
                tuple(replace(s, difference=difference(values[i], found[i])) for i, s in made.last),
                made.where,
                made.loss,
            )
    raise GradientError(explain("derivation", got="a line that differs from the gradient", expected="the same numbers"))


class _Unfolding:
    """One derivation in the making.

    Tensors that were computed alike, U v_c once for each word of a window, are one symbol and get one line: rules are
    linear in what arrives, so it may be added up first.
    """

    def __init__(self, nodes, symbols, wrt, book):
        self.symbols, self.wrt, self.book = symbols, wrt, book
        self.wanted = {t._id for t in wrt}
        self.alone = {nodes[0]._id, *self.wanted}
        self.oldest = {id(symbols[n._id]): n for n in nodes if n._id not in self.alone}  # nodes: newest first
        self.nodes = nodes = [n for n in nodes if self.first(n) is n]
        self.leads = set(self.wanted)
        for n in reversed(nodes):
            if any(isinstance(a, Tensor) and self.first(a)._id in self.leads for a in n._args or ()):
                self.leads.add(n._id)
        self.values = {}

    def first(self, tensor):
        """The oldest of the tensors that were computed alike. When its turn comes, what they receive has arrived."""
        return tensor if tensor._id in self.alone else self.oldest[id(self.symbols[tensor._id])]

    def sent(self, node, g):
        """(argument, what it receives) of a tensor's op."""
        for a, part in sent_back(node, g, self.symbols):
            if self.first(a)._id in self.leads:
                yield self.first(a), part

    def chain(self):
        """(Chain of (tensor id, line), what the lines are worth by tensor id)."""
        self._find_ways()
        self._call_results()
        self.writer = Writer(self.book, self.nodes, self.symbols)
        shared, last = [], {}
        pending = {self.nodes[0]._id: np.ones(self.nodes[0].shape, self.nodes[0].dtype)}
        for node in self.nodes:
            if node._id not in pending or node._id not in self.leads:
                continue
            inner = node._op is not None and node._id in self.starts and node._id not in self.silent
            if node._id in self.wanted:
                last[node._id] = self._line(node, pending[node._id])
            elif inner:
                shared.append((node._id, self._line(node, pending[node._id])))
            if node._id in self.named:
                pending[node._id] = self._named(node, pending[node._id])
            if node._op is None:
                continue
            for a, part in self.sent(node, pending[node._id]):
                pending[a._id] = pending[a._id] + part if a._id in pending else part
        last = tuple((t._id, last[t._id]) for t in self.wrt if t._id in last)
        loss = self.writer.print(self.writer.simple(self.book.term(self.symbols[self.nodes[0]._id])), whole=True)
        return Chain(tuple(shared), last, tuple(self.writer.where()), loss), self.values

    # ---- where the ways part -------------------------------------------------------------------------------

    def _find_ways(self):
        """starts: tensors whose gradient is not just handed on; named: those of them that several ways go on from."""
        loss = self.nodes[0]
        self.arrived = arrived = {loss._id: np.ones(loss.shape, loss.dtype)}
        came, group, ways = {}, {loss._id: loss._id}, {}
        for node in self.nodes:
            if node._op is None or node._id not in arrived:
                continue
            for a, part in self.sent(node, arrived[node._id]):
                arrived[a._id] = arrived[a._id] + part if a._id in arrived else part
                came.setdefault(a._id, []).append((node, part))
        self.rules, self.silent = {loss._id: ""}, {loss._id}
        for node in self.nodes[1:]:
            if node._id not in came:
                continue
            sources = came[node._id]
            source, part = sources[0]
            handed = node._op is not None and node._id not in self.wanted
            handed = handed and len(sources) == 1 and self._hands_on(source, part)
            group[node._id] = group[source._id] if handed else node._id
            self.rules[node._id] = " + ".join(self._rule(s) for s, _ in sources)
            if handed or not isinstance(arrived[node._id], Symbol) or self._only_reads(node, came):
                self.silent.add(node._id)
            for s, _ in sources:
                if not handed:
                    ways.setdefault(group[s._id], []).append(node)
        self.starts = {i for i, g in group.items() if i == g}
        forks = [n for n in self.nodes[1:] if n._op is not None and len(ways.get(n._id, ())) > 1]
        forks = [n for n in forks if n._id in self.starts and n._id not in self.silent]
        taken = {s.name for s in self.symbols.values() if s.op is None}
        letters = _letters(r"\delta", len(forks), taken)
        self.named = {n._id: letter for n, letter in zip(forks, letters)}

    def _hands_on(self, source, part):
        before = self.arrived[source._id]
        if source._op.name not in PASSING or not isinstance(before, Symbol):
            return False
        before = before.value
        return isinstance(part, Symbol) and np.array_equal(np.ravel(part.value), np.ravel(before))

    def _only_reads(self, node, came):
        """True for a transpose, or some rows of a parameter asked for: the line of what is read says the same."""
        if node._op is None or node._op.name not in READING or node._id in self.wanted or node.name:
            return False
        turned = node._op.name in ("transpose", "swapaxes")
        return len(came[node._id]) == 1 and (turned or self.first(node._args[0])._id in self.wanted)

    def _rule(self, source):
        """The op whose rule sent a gradient, after those on the way to it that have no line of their own."""
        name, before = source._op.name.rstrip("_"), self.rules[source._id]
        if source._id not in self.silent or not before or "+" in before:
            return name
        return before if before.split(", ")[-1] == name else f"{before}, {name}"

    # ---- names ---------------------------------------------------------------------------------------------

    def _call_results(self):
        """Sides and names of inner results: the user's, else z beside δ where the result is long."""
        book, symbols = self.book, self.symbols
        book.settle([symbols[n._id] for n in reversed(self.nodes)])
        for n in self.nodes[1:]:
            if n._op is not None and n.name:
                book.named[id(symbols[n._id])] = name_as_latex(n.name)
        taken = {s.name for s in symbols.values() if s.op is None} | set(book.named.values())
        plainly = Printer(book.definitions)
        letters = dict(zip(self.named, _letters("z", len(self.named), taken)))
        for n in reversed(self.nodes):
            s = symbols[n._id]
            if s.op is None:
                continue
            term = book.term(s)
            long = term.length >= WORTH_A_LETTER or len(unicode(plainly(term))) > LONG_NAME
            if n._id in letters and id(s) not in book.named and long:
                book.named[id(s)] = letters[n._id]
                del book.terms[id(s)]
                book.term(s)

    def _named(self, node, gradient):
        """A symbol of its own for the gradient of ``node``, of the same value."""
        name, primal, book = self.named[node._id], self.symbols[node._id], self.book
        short = Symbol(primal.book, gradient.value, name)
        if book.side(primal):
            book.sides[id(short)] = book.side(primal)
        whole = self.writer.gradient(gradient, primal)
        for label, index in book.places.items():
            if index.size > 1 and whole.shape == (index.size, 1) and book.sums.reads_rows(whole, label):
                book.terms[id(short)] = book.algebra.make("rows", (), (name, label), whole.value)
        return short

    # ---- lines ---------------------------------------------------------------------------------------------

    def _line(self, node, gradient):
        primal, writer = self.symbols[node._id], self.writer
        left = writer.print(writer.simple(self.book.term(primal)), ATOM).removesuffix(r"^\top")
        term = writer.gradient(gradient, primal)
        flat = self.book.term(primal)
        name = self.named.get(node._id, "")
        rows = writer.row_lines(left, term) if node._id in self.wanted else None
        if rows is not None:
            lines, value = rows
            left, right = lines[0] if len(lines) == 1 else ("", r", \quad ".join(f"{a} = {b}" for a, b in lines))
        else:
            term = self.book.dense(term)
            left, right, value = partial(left), writer.print(term), term.value
        self.values[node._id] = (value.T if flat.kind == "T" else value).reshape(node.shape)
        return Step(left, right, self.rules[node._id], name)


def _letters(letter, count, taken):
    """``letter`` for one, letter_n … letter_1 for several: the last layer, where backward begins, has the largest."""
    while any(t == letter or t.startswith(letter + "_") for t in taken):
        letter = r"\epsilon" if letter == r"\delta" else "a" if letter == "z" else letter + "'"
    return [letter] if count == 1 else [below(letter, str(n)) for n in range(count, 0, -1)]
