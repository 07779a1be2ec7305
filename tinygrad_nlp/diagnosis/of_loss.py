"""Check every gradient of a loss that a function without arguments computes: its parameters, or a module's.

The function is run again and again, each time with one number of one leaf moved a little. Leaves that live outside
(a module's parameters) are moved where they are; leaves that it makes itself are moved as they are made, and counted
by the order in which that happens. All floats are float64 meanwhile.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..backward import sweep
from ..errors import GradientError, describe, explain
from ..modes import enable_grad
from ..random import manual_seed
from ..rowsparse import RowSparse
from ..tensor import Tensor
from .case import Case, diagnose
from .of_function import hooked, left_the_graph, overwritten, wrong_rules
from .search import causes
from .tape import Tape

STEP = 1e-6
RELATIVE = 1e-5
WHOLE = 64
"""Numbers of a leaf up to which each is moved; a larger one is moved along random directions first."""


class Fault(NamedTuple):
    """A wrong gradient: of which leaf, where it differs most, and what was the mistake."""

    name: str
    shape: tuple
    place: tuple
    got: float
    expected: float
    diagnoses: list


class Checked(NamedTuple):
    """What `check_loss` did: the names of the leaves checked, and the `Fault` of each that is wrong."""

    names: list
    faults: list


def check_loss(function, names=None, seed=0) -> Checked:
    """Compare dJ/d(leaf) with differences for every leaf of the graph of ``function()``.

    function  returns a Tensor (several numbers are weighted at random and added); what is random in it is seeded
    names     {number of a leaf: name} or a function Tensor -> name; tensors' own names else

    Raises GradientError if nothing requires grad or the function does not repeat itself.
    """
    with _Runs(function, seed) as runs:
        loss = runs()
        if not isinstance(loss, Tensor) or not loss.requires_grad:
            raise GradientError(
                explain(
                    "check",
                    got=describe(loss) if isinstance(loss, Tensor) else f"a result of type {type(loss).__name__}",
                    expected="a Tensor that depends on tensors with requires_grad=True",
                    write="Tensor(data, requires_grad=True), and a loss computed from it",
                )
            )
        loss = runs.in_float64(loss)
        if not np.allclose(runs()._data, loss._data, rtol=1e-9, equal_nan=True):
            raise GradientError(
                explain("check", got="two different results in two calls", expected="a function that repeats itself")
            )
        weights = np.random.default_rng(seed).normal(size=loss.shape) if loss.size != 1 else np.ones(loss.shape)
        tape = Tape(loss, weights)
        leaves = [t for t in tape.tensors if t._op is None]
        tape.names = {t._id: name for t, name in zip(leaves, _names(leaves, names))}
        # The engine's own sweep, hooks, kernels and all; it is what is being checked.
        swept = sweep([(loss, weights)], retain_graph=True, wanted=leaves, any_shape=True)
        found = {t._id: g.dense() if isinstance(g, RowSparse) else np.asarray(g) for t, g in swept}
        faults = []
        for leaf in leaves:
            analytic = found.get(leaf._id, np.zeros(leaf.shape))
            numeric = _measured(runs, leaf, analytic, loss, weights, seed)
            if numeric is not None:
                faults.append(_fault(tape, runs, leaf, analytic, numeric, seed))
        return Checked([tape.names[t._id] for t in leaves], faults)


def check_module(module, *inputs, seed=0) -> Checked:
    """`check_loss` of a module's parameters, its output weighted at random; float inputs are checked too."""
    tensors = [Tensor(a, requires_grad=True) if np.asarray(a).dtype.kind == "f" else a for a in inputs]
    for i, t in enumerate(tensors):
        if isinstance(t, Tensor):
            t.name = f"input {i}" if len(tensors) > 1 else "input"
    paths = {p._id: path for path, p in module.named_parameters()}
    return check_loss(lambda: module(*tensors), lambda t: paths.get(t._id, t.name), seed)


def _names(leaves, names):
    for number, leaf in enumerate(leaves):
        name = names(leaf) if callable(names) else (names or {}).get(number)
        yield name or leaf.name or f"leaf {number}"


def _measured(runs, leaf, analytic, loss, weights, seed):
    """The gradient by differences where it is not ``analytic``, else None."""
    noise = 1e-8 * (1 + float(np.abs(loss._data * weights).sum()))

    def slope(direction):
        ends = [runs(leaf, step * direction)._data for step in (STEP, -STEP)]
        return float(((ends[0] - ends[1]) * weights).sum() / (2 * STEP))

    rng = np.random.default_rng(seed)
    if analytic.shape == leaf.shape and leaf.size > WHOLE:
        for _ in range(2):
            v = rng.normal(size=leaf.shape)
            if abs(slope(v) - float((analytic * v).sum())) > RELATIVE * float(np.abs(analytic * v).sum()) + noise:
                break
        else:
            return None
    places = list(np.ndindex(leaf.shape))
    numeric = np.zeros(leaf.shape)
    if len(places) > 20 * WHOLE and analytic.shape == leaf.shape:  # enough to show where it is wrong
        places = [places[i] for i in rng.choice(len(places), 20 * WHOLE, replace=False)]
        numeric = analytic.copy()
    for place in places:
        unit = np.zeros(leaf.shape)
        unit[place] = 1.0
        numeric[place] = slope(unit)
    if analytic.shape != leaf.shape:
        return numeric
    allowed = RELATIVE * (np.abs(numeric) + 0.01 * np.abs(numeric).max(initial=0)) + noise
    return None if (np.abs(analytic - numeric) <= allowed).all() else numeric


def _fault(tape, runs, leaf, analytic, numeric, seed) -> Fault:
    name = tape.names[leaf._id]
    at, got = (), float("nan")
    if analytic.shape == numeric.shape and analytic.size:
        off = np.nan_to_num(np.abs(analytic - numeric), nan=np.inf)
        at = tuple(int(i) for i in np.unravel_index(int(off.argmax()), off.shape))
        got = float(analytic[at])
    again = runs(leaf, STEP * np.random.default_rng(seed).normal(size=leaf.shape))
    counts, scales, ratios = causes(tape)
    diagnoses = (
        overwritten(tape.root)
        or left_the_graph(tape.root, again, [t for t in tape.tensors if t._op is None])
        or hooked(tape)
        or wrong_rules(tape, seed)
        or diagnose(Case(analytic, numeric, name, counts=counts, scales=scales, ratios=ratios))
    )
    return Fault(name, leaf.shape, at, got, float(numeric[at]) if at or numeric.ndim == 0 else float("nan"), diagnoses)


class _Runs:
    """Calls the function again and again, always with the same seed; if asked, with one leaf moved.

    While it is entered, every Tensor made of floats is made of float64, and those that require grad are counted.
    """

    def __init__(self, function, seed):
        self.function, self.seed = function, seed
        self.made, self.first, self.moved = [], None, None
        self.were = []  # (leaf from outside, its array before)

    def __enter__(self):
        self.init = init = Tensor.__init__

        def counted(tensor, *args, **kwargs):
            init(tensor, *args, **kwargs)
            if tensor._data.dtype.kind == "f" and tensor._data.dtype != np.float64:
                tensor._data = tensor._data.astype(np.float64)
            if tensor.requires_grad:
                if self.moved is not None and self.moved[0] == len(self.made):
                    tensor._data = tensor._data + self.moved[1]
                self.made.append(tensor)

        Tensor.__init__ = counted
        return self

    def __exit__(self, *exc_info):
        Tensor.__init__ = self.init
        for leaf, array in self.were:
            leaf._data = array

    def in_float64(self, loss):
        """The loss once more, leaves from outside converted for as long as this lasts."""
        inside = {t._id for t in self.made}
        for t in Tape(loss).tensors:
            if t._op is None and t._id not in inside:
                self.were.append((t, t._data))
                t._data = t._data.astype(np.float64)
        loss = self()
        self.first = list(self.made)
        return loss

    def __call__(self, leaf=None, by=None):
        number = next((i for i, t in enumerate(self.first or ()) if t is leaf), None)
        outside = leaf is not None and number is None
        self.made, self.moved = [], None if number is None else (number, by)
        manual_seed(self.seed)
        before = leaf._data if outside else None
        if outside:
            leaf._data = before + by
        try:
            with enable_grad():
                return self.function()
        finally:
            if outside:
                leaf._data = before
            self.moved = None
