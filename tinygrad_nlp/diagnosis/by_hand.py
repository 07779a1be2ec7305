"""A student's own gradients beside the engine's: is each right and, if not, what was the mistake?"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import numpy as np

from ..backward import sweep
from ..errors import GradientError, OptionError, describe, explain
from ..modes import no_grad
from ..rowsparse import RowSparse
from ..tensor import Tensor
from .case import Case, diagnose
from .report import Report, Row
from .search import causes
from .tape import Tape

__all__ = ["compare_by_hand"]


def compare_by_hand(loss, gradients=None, wrt=None, **by_name) -> Report:
    """Compare gradients worked out by hand with the engine's, and say what the mistake was where they differ.

    loss       a Tensor of one number whose graph is still there (before ``backward()``), or a function of the tensors
               in ``wrt`` that returns it
    gradients  ``{name: array}``, or a function of arrays that returns that (or a tuple, in the order of ``wrt``);
               a function is also tried at two points nearby, so that nothing fits by chance
    wrt        ``{name: Tensor}``, a Module, or a list of tensors; without it a name is looked up among the names of the
               graph's tensors and the caller's variables. Inner tensors count: compare ``dz`` before ``dW``.
               With a function as ``loss``, the arrays to call it with: a tuple or ``{parameter: array}``
    by_name    gradients as keyword arguments: ``compare_by_hand(loss, W=my_dW, b=my_db)``

    Returns a `Report`: ``.ok``, ``report["W"].kind``, and printed it explains. A gradient that is wrong only because
    one nearer to the loss is wrong is told from a second mistake. ``.grad`` of no tensor changes.

    Raises OptionError for a name that no tensor has; GradientError if backward has freed the graph.

    >>> import numpy as np
    >>> from tinygrad_nlp import Tensor
    >>> from tinygrad_nlp.diagnosis import compare_by_hand
    >>> x = Tensor([1.0, 2.0, 4.0], requires_grad=True)
    >>> loss = (x * x).mean()
    >>> compare_by_hand(loss, x=2 * x.data)
    x (3,): WRONG
      yours[2] = 8, right is 2.66667 (3 of 3 numbers differ)
      missing factor 1/N: the factor 1/3 of mean at line 1 is missing (here N = 3)
      write: gradient / 3
    1 of 1 wrong
    """
    caller = sys._getframe(1)
    if callable(loss) and not isinstance(loss, Tensor):
        return _of_function(loss, gradients, wrt, by_name)
    if not isinstance(loss, Tensor) or loss.size != 1 or not loss.requires_grad:
        raise OptionError(
            explain(
                "compare_by_hand(loss, …)",
                got=describe(loss),
                expected="a Tensor of one number that depends on tensors with requires_grad=True, or a function",
                write="compare_by_hand(loss, W=my_dW)",
            )
        )
    if callable(gradients):
        gradients = gradients()
    given = {**_named(gradients, wrt), **by_name}
    if not given:
        raise OptionError(explain("compare_by_hand", got="no gradient to compare", expected="{name: array}, or W=…"))
    tape = Tape(loss)
    tensors = {name: _find(name, wrt, tape, caller) for name in given}
    return Report(_rows([(tape, tensors, given)]))


def _of_function(loss, gradients, wrt, by_name):
    """The report for a function of tensors, at the point given and, if the gradients are a function, at two more."""
    if wrt is None:
        raise OptionError(
            explain(
                "compare_by_hand(function, gradients)",
                got="no point to compare at",
                expected="the arrays to call the function with, in a tuple or by name",
                write="compare_by_hand(loss, my_gradients, wrt={'x': x, 'W': W})",
            )
        )
    if isinstance(wrt, Mapping):
        names, point = list(wrt), [np.asarray(getattr(v, "_data", v)) for v in wrt.values()]
    else:
        point = [np.asarray(getattr(v, "_data", v)) for v in (wrt if isinstance(wrt, (tuple, list)) else [wrt])]
        code = getattr(loss, "__code__", None)
        names = list(code.co_varnames[: code.co_argcount]) if code else []
        names += [f"argument {i}" for i in range(len(names), len(point))]
        names = names[: len(point)]
    rng = np.random.default_rng(0)
    draws = []
    for number in range(3 if callable(gradients) else 1):
        arrays = [np.array(a, np.float64) if a.dtype.kind == "f" else a for a in point]
        if number:
            arrays = [a + 0.5 * rng.normal(size=a.shape) if a.dtype.kind == "f" else a for a in arrays]
        tensors = {
            n: Tensor(a, requires_grad=True, name=n) if a.dtype.kind == "f" else a for n, a in zip(names, arrays)
        }
        result = loss(**tensors) if isinstance(wrt, Mapping) else loss(*tensors.values())
        if not isinstance(result, Tensor) or result.size != 1:
            raise OptionError(
                explain(
                    "compare_by_hand", got=describe(result), expected="a function that returns one number, a Tensor"
                )
            )
        answer = gradients
        if callable(gradients):
            copies = [a.copy() for a in arrays]
            answer = gradients(**dict(zip(names, copies))) if isinstance(wrt, Mapping) else gradients(*copies)
        floats = {n: t for n, t in tensors.items() if isinstance(t, Tensor)}
        given = {**_named(answer, floats), **by_name}
        unknown = [n for n in given if n not in floats]
        if unknown:
            raise OptionError(
                explain("compare_by_hand", got=f"a gradient for {unknown[0]!r}", expected=f"one of {', '.join(floats)}")
            )
        draws.append((Tape(result), {n: floats[n] for n in given}, given))
    return Report(_rows(draws))


def _named(gradients, wrt) -> dict:
    """Gradients by name, however they came."""
    if gradients is None:
        return {}
    if isinstance(gradients, Mapping):
        return {getattr(k, "name", None) or k: v for k, v in gradients.items()}
    parts = list(gradients) if isinstance(gradients, (tuple, list)) else [gradients]
    names = list(wrt) if isinstance(wrt, Mapping) else []
    if len(names) != len(parts):
        raise OptionError(
            explain(
                "compare_by_hand",
                got=f"{len(parts)} gradients without names, for {len(names)} tensors",
                expected="a name for each",
                write="compare_by_hand(loss, {'W': my_dW, 'b': my_db})",
            )
        )
    return dict(zip(names, parts))


def _find(name, wrt, tape, caller) -> Tensor:
    """The tensor that ``name`` stands for."""
    places = []
    if isinstance(wrt, Mapping):
        places.append(wrt)
    elif hasattr(wrt, "named_parameters"):
        places.append(dict(wrt.named_parameters()))
    elif wrt is not None:
        places.append({t.name: t for t in (wrt if isinstance(wrt, (tuple, list)) else [wrt])})
    places += [{t.name: t for t in tape.tensors}, caller.f_locals, caller.f_globals]
    known = {t._id for t in tape.tensors}
    for place in places:
        t = place.get(name)
        if isinstance(t, Tensor) and t._id in known:
            return t
    if any(isinstance(place.get(name), Tensor) for place in places):
        raise GradientError(
            explain(
                f"compare_by_hand: {name}",
                got="a tensor that the loss does not depend on, or that does not require grad",
                expected="one of " + (", ".join(t.name for t in tape.tensors if t.name) or "the loss's own tensors"),
                write=f"Tensor(…, requires_grad=True), and the loss computed from {name} itself, not from its .data",
            )
        )
    raise OptionError(
        explain(
            "compare_by_hand",
            got=f"a gradient for {name!r}, which names no tensor",
            expected="the name of a tensor of the graph, or of a variable that holds one",
            write=f"compare_by_hand(loss, {{{name!r}: …}}, wrt={{{name!r}: the_tensor}})",
        )
    )


def _rows(draws):
    """Judge every gradient, those nearest to the loss first: what comes after may follow from what came before."""
    draws = [_Draw(*draw) for draw in draws]
    first = draws[0]
    order = sorted(first.given, key=lambda name: -first.tensors[name]._id)
    wrong, rows = [], {}
    for name in order:
        if all(draw.right(name) for draw in draws):
            rows[name] = Row(name, first.given[name], first.true[name], True)
            continue
        nearer = [other for other in wrong if first.comes_through(name, other)]
        follows = bool(nearer) and all(draw.follows(name, nearer) for draw in draws)
        rows[name] = Row(name, first.given[name], first.true[name], False, follows=nearer[-1] if follows else "")
        wrong.append(name)
    for name, row in rows.items():
        if not row.ok and not row.follows:
            cases = [draw.case(name) for draw in draws if not draw.right(name)]
            row.diagnoses = tuple(diagnose(cases))
            if row.kind in ("different", "factor") and len(wrong) > 1:
                # On top of a gradient that is wrong already: the one nearer to the loss is taken for right.
                cases = [draw.case(name, wrong) for draw in draws]
                row.diagnoses = (*[d for d in diagnose(cases) if d.kind not in ("different", "factor")], *row.diagnoses)
    return [rows[name] for name in first.given]


class _Draw:
    """The gradients at one point: the student's, the engine's, and how close is close enough."""

    def __init__(self, tape: Tape, tensors: dict, given: dict):
        self.tape, self.tensors = tape, tensors
        tape.names = {t._id: name for name, t in tensors.items()}
        self.given = {name: _array(name, g) for name, g in given.items()}
        exact = tape.right()
        self.counts, self.scales, self.ratios = causes(tape)
        with no_grad():
            seed = np.ones(tape.root.shape, tape.root.dtype)
            swept = sweep([(tape.root, seed)], retain_graph=True, wanted=list(tensors.values()))
        engine = {t._id: g.dense() if isinstance(g, RowSparse) else np.asarray(g) for t, g in swept}
        self.true, self.engine, self.tolerance = {}, {}, {}
        for name, t in tensors.items():
            self.true[name] = true = exact.get(t._id, np.zeros(t.shape))
            self.engine[name] = engine.get(t._id, true)
            low = t.dtype != np.float64 or self.given[name].dtype != np.float64
            size = float(np.abs(true).max()) if true.size else 0.0
            noise = float(np.abs(self.engine[name] - true).max()) if true.size else 0.0
            self.tolerance[name] = (1e-4 if low else 1e-7) * size + 20 * noise + 1e-12
        self.exact = exact

    def right(self, name):
        given, true = self.given[name], self.true[name]
        if given.shape != true.shape:
            return False
        if not true.size:
            return True
        off = np.minimum(np.abs(given - true), np.abs(given - self.engine[name]))
        return bool((off <= self.tolerance[name]).all())

    def comes_through(self, name, other):
        """Does the gradient of ``name`` come back through ``other``?"""
        return self.tensors[name]._id in self.tape.sources_of(self.tensors[other]._id)

    def follows(self, name, wrong):
        """Is it what comes out when the wrong gradients nearer to the loss are taken for right?"""
        nodes = {self.tensors[n]._id: self.given[n] for n in wrong if self.given[n].shape == self.true[n].shape}
        found = self.tape.gradients(instead=nodes).get(self.tensors[name]._id)
        return found is not None and Case(self.given[name], found, precision=self.precision(name)).fits(found)

    def precision(self, name):
        size = float(np.abs(self.true[name]).max()) if self.true[name].size else 0.0
        return max(1e-6, 2 * self.tolerance[name] / size if size else 0.0)

    def case(self, name, taken_for_right=()) -> Case:
        t, tape, true = self.tensors[name], self.tape, self.true[name]
        nearer = [
            n for n in taken_for_right if self.tensors[n]._id > t._id and self.given[n].shape == self.true[n].shape
        ]
        if nearer:
            tape = tape.taking({self.tensors[n]._id: self.given[n] for n in nearer})
            true = tape.right().get(t._id, true)
        return Case(
            self.given[name],
            true,
            name,
            {n: g for n, g in self.true.items() if n != name},
            counts=self.counts,
            scales=self.scales,
            ratios=self.ratios,
            tape=tape,
            wanted=t._id,
            siblings=[
                (self.given[n], self.true[n], self.tensors[n]._id)
                for n in self.given
                if n != name
                and self.tensors[n]._op is None
                and not nearer
                and self.given[n].shape == self.true[n].shape
            ],
            precision=self.precision(name),
        )


def _array(name, gradient):
    """A student's gradient as an array; a Tensor and a list will do."""
    if isinstance(gradient, RowSparse):
        return gradient.dense()
    array = np.asarray(gradient._data if isinstance(gradient, Tensor) else gradient)
    if array.dtype.kind not in "fiub":
        raise OptionError(explain(f"compare_by_hand: {name}", got=repr(gradient)[:80], expected="an array of numbers"))
    return array if array.dtype.kind == "f" else array.astype(np.float64)
