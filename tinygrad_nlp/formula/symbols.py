"""Symbols: what rules compute with when a formula is wanted. Each remembers which op made it from what.

A symbol has the shape, dtype and value of the array it stands for, so a rule may ask for shapes. Equal expressions are
one object: the softmax that forward and rule both call is the same symbol.
"""

from __future__ import annotations

import numpy as np

from ..broadcasting import sum_to_shape
from ..errors import DTypeError, GradientError, describe, explain
from ..methods import METHODS, OPERATORS, REFLECTED
from ..rowsparse import RowSparse
from ..tensor import Tensor


class Symbol:
    """A leaf with a name, or ``op(*args, **options)``; ``args`` are symbols and constants."""

    __slots__ = ("args", "book", "name", "op", "options", "value")
    __array_ufunc__ = None  # array * Symbol asks Symbol
    __hash__ = None  # == builds a formula

    def __init__(self, book, value, name=None, op=None, args=(), options=None):
        self.book, self.value, self.name = book, value, name
        self.op, self.args, self.options = op, args, options or {}

    shape = property(lambda self: self.value.shape)
    dtype = property(lambda self: self.value.dtype)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)

    @staticmethod
    def __apply_op__(op, args, options):
        book = next(a.book for a in args if isinstance(a, Symbol))
        return book.apply(op, args, options)

    def __bool__(self):
        raise DTypeError(
            f"it asked for the values of a symbol {self.shape}, as a branch does; where() takes both sides"
        )

    def __array__(self, dtype=None, copy=None):
        raise DTypeError(f"it gave a symbol {self.shape} to a function of NumPy")

    __iter__ = __float__ = __int__ = __index__ = __len__ = __bool__


def _attach():
    for name in {*OPERATORS, *REFLECTED, *METHODS, "reshape", "transpose", "permute", "T", "mT", "__getitem__"}:
        setattr(Symbol, name, Tensor.__dict__[name])


_attach()


class SymbolBook:
    """The symbols of one formula, each expression once."""

    def __init__(self):
        self.known = {}

    def leaf(self, name, value):
        """A symbol for a tensor that no op made."""
        return Symbol(self, value, name)

    def apply(self, op, args, options):
        """The symbol of ``op(*args, **options)``."""
        identity = (op.name, tuple(map(key, args)), tuple((k, key(v)) for k, v in options.items()))
        found = self.known.get(identity)
        if found is None:
            values = [a.value if isinstance(a, Symbol) else a for a in args]
            with np.errstate(all="ignore"):
                value = np.asarray(op.forward(*values, **options))  # dense, where the op is row-sparse
            found = self.known[identity] = Symbol(self, value, None, op, tuple(args), options)
        return found


def key(value):
    """What tells two arguments or options apart: a symbol's identity, a constant's bytes."""
    if isinstance(value, Symbol):
        return ("symbol", id(value))
    if isinstance(value, np.ndarray):
        return ("array", value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, (tuple, list)):
        return tuple(map(key, value))
    return (type(value).__name__, repr(value))


def read_graph(loss, leaf_name):
    """(every tensor under ``loss``, newest first; its symbol by tensor id).

    loss       a Tensor whose graph is still there
    leaf_name  a function of a leaf tensor: what to call it
    """
    nodes, waiting, seen = [], [loss], set()
    while waiting:
        node = waiting.pop()
        if node._id in seen:
            continue
        seen.add(node._id)
        nodes.append(node)
        if node._op is not None and node._args is None:
            raise GradientError(
                explain(
                    "formula",
                    got=f"the graph of {node._op.name} {node.shape}, which backward() has freed",
                    expected="a graph that is still there",
                    write="formula(loss, …) before loss.backward(), or loss.backward(retain_graph=True)",
                )
            )
        waiting += [a for a in node._args or () if isinstance(a, Tensor)]
    nodes.sort(key=lambda t: t._id)
    book, symbols = SymbolBook(), {}
    for node in nodes:
        if node._op is None:
            symbols[node._id] = book.leaf(leaf_name(node), node._data)
        else:
            symbols[node._id] = book.apply(node._op, as_symbols(node, symbols), node._options)
    return nodes[::-1], symbols


def as_symbols(node, symbols):
    """The arguments of a tensor's op: symbols where a gradient could flow, else the arrays themselves."""
    ruled = [True] * len(node._args) if node._op.variadic else [r is not None for r in node._op.rules]
    return tuple(
        symbols[a._id]
        if isinstance(a, Tensor) and a.dtype.kind == "f" and has_rule
        else a._data
        if isinstance(a, Tensor)
        else a
        for a, has_rule in zip(node._args, ruled)
    )


def gradients(loss, nodes, symbols):
    """dJ/d(tensor) by tensor id.

    The sweep of backward.py once more, in the same order, with the same rules, on symbols.
    """
    if loss.shape != () and loss.size != 1:
        raise GradientError(explain("formula", got=describe(loss), expected="a loss: one number", write="loss.sum()"))
    pending = {loss._id: np.ones(loss.shape, loss.dtype)}
    for node in nodes:
        if node._op is None or node._id not in pending:
            continue
        for a, part in sent_back(node, pending[node._id], symbols):
            pending[a._id] = pending[a._id] + part if a._id in pending else part
    return pending


def sent_back(node, g, symbols):
    """What the rules of one tensor's op make of the gradient ``g``: (argument, what it receives) each."""
    args = as_symbols(node, symbols)
    for position, a in enumerate(node._args):
        if not isinstance(a, Tensor) or not a.requires_grad:
            continue
        try:
            part = node._op.rule(position)(g, symbols[node._id], *args, **node._options)
        except TypeError as error:  # NumPy's own complaint, or that of a symbol
            raise DTypeError(
                explain(
                    f"formula: the rule of {node._op.name}",
                    got=str(error).split("\n")[0],
                    expected="a rule made of operators, array methods and other ops, which also runs on symbols",
                    write="exp(x) from tinygrad_nlp instead of np.exp(x)",
                )
            ) from None
        if isinstance(part, RowSparse):  # of constants alone: nothing is symbolic about it
            part = part.dense()
        if node._op.broadcasts and part.shape != a.shape:
            part = sum_to_shape(part, a.shape)
        yield a, part
