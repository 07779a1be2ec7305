"""Backpropagation one edge at a time: the engine's own rules, with everything they receive and answer kept.

`backward` runs the same rules in the same order but hands over whole nodes and forgets. Here every edge gets its
record, and at the end the totals are compared with those of the engine's sweep.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from tinygrad_nlp import Tensor
from tinygrad_nlp.backward import starting_gradient, sweep
from tinygrad_nlp.modes import _modes, current

from ..contributions import apply_rule
from ..graph import walk
from .differences import Check, compare

MOST_CELLS = 2500
"""A local Jacobian of more cells is shown in part."""


@dataclass
class Jacobian:
    """d(result)/d(argument), results down and elements of the argument to the right; ``shape`` is that of all of it."""

    cells: np.ndarray
    shape: tuple[int, int]

    @property
    def whole(self):
        return self.cells.shape == self.shape


@dataclass
class Sent:
    """What one rule sent back along one edge.

    head, position  the op's result, and which argument of the op the gradient goes to
    incoming        dJ/d(head), all of it
    part            what is sent: incoming times the local Jacobian
    before, after   what had arrived at the argument, None at first; and with ``part``
    hooked          where this was the last part and a hook of the user's changed the sum: what the hook made of it
    """

    head: Tensor
    position: int
    incoming: np.ndarray
    part: np.ndarray
    before: np.ndarray | None
    after: np.ndarray
    jacobian: Jacobian
    check: Check
    hooked: np.ndarray | None = None

    @property
    def tail(self) -> Tensor:
        return self.head._args[self.position]


@dataclass
class Run:
    """All of a backward pass. ``difference`` is the largest one to the engine's sweep, None where a hook forbids it."""

    tensors: list[Tensor]  # inputs before results
    seed: np.ndarray
    sent: list[Sent]
    difference: float | None
    equal: bool


def run_backward(root: Tensor) -> Run:
    """Send the gradient of ``root`` back to every leaf, edge by edge. Leaves ``.grad`` and the graph as they are."""
    tensors = walk([root], asked="replay")
    seed = starting_gradient(root)
    leaves = [t for t in tensors if t._op is None and t.requires_grad]
    hooks = any(_hooks(t) for t in tensors)
    with _left_alone(tensors), np.errstate(all="ignore"):
        # The sweep first: it refuses values that were changed since. A hook may count its calls, so it runs once.
        engine = None if hooks else {t._id: g for t, g in sweep([(root, seed)], retain_graph=True, wanted=leaves)}
        totals, sent = _edge_by_edge(root, seed, tensors)
    difference, equal = None, True
    if engine is not None:
        difference, equal = _compare_totals(
            [(np.asarray(engine[t._id]), totals[t._id]) for t in leaves if t._id in engine]
        )
    return Run(tensors, seed, sent, difference, equal)


@contextmanager
def _left_alone(tensors):
    """Neither a journal nor ``retain_grad`` notices what runs inside."""
    grads = [(t, t._grad) for t in tensors]
    token = _modes.set(current().but(journal=None, anomaly=False))
    try:
        yield
    finally:
        _modes.reset(token)
        for t, grad in grads:
            t._grad = grad


def _edge_by_edge(root, seed, tensors):
    totals, last, sent = {root._id: seed}, {}, []
    for node in reversed(tensors):  # decreasing ids: when a node's turn comes, all of its gradient has arrived
        if node._id not in totals:
            continue
        for hook in _hooks(node):
            changed = hook(totals[node._id])
            if changed is not None:
                totals[node._id] = np.asarray(changed._data if isinstance(changed, Tensor) else changed)
                if node._id in last:
                    last[node._id].hooked = totals[node._id]
        if node._op is None:
            continue
        g = totals[node._id]
        for position, a in enumerate(node._args):
            if not isinstance(a, Tensor) or not a.requires_grad:
                continue
            part = apply_rule(node, position, g)
            before = totals.get(a._id)
            totals[a._id] = after = part if before is None else before + part
            last[a._id] = step = Sent(
                node, position, g, part, before, after, local_jacobian(node, position), compare(node, position, g)
            )
            sent.append(step)
    return totals, sent


def _hooks(t):
    """The functions that the user registered; the list may also hold a mark of the engine's own."""
    return [hook for hook in t._hooks or () if callable(hook)]


def local_jacobian(node, position) -> Jacobian:
    """By the rule on unit vectors: the gradient of one element of the result is one row."""
    rows, columns = node._data.size, node._args[position]._data.size
    if rows * columns <= MOST_CELLS:
        shown = rows, columns
    else:
        side = int(MOST_CELLS**0.5)
        shown = (
            (rows, MOST_CELLS // rows)
            if rows < side
            else (min(rows, MOST_CELLS // min(columns, side)), min(columns, side))
        )
    cells = np.zeros(shown)
    for i in range(shown[0]):
        unit = np.zeros(node._data.size, node._data.dtype)
        unit[i] = 1
        cells[i] = apply_rule(node, position, unit.reshape(node.shape)).reshape(-1)[: shown[1]]
    return Jacobian(cells, (rows, columns))


def _compare_totals(pairs):
    """(largest difference, are all within rounding of each other?)"""
    largest, equal = 0.0, True
    for ours, theirs in pairs:
        apart = np.where(ours == theirs, 0.0, np.abs(ours - theirs))
        apart = apart[~(np.isnan(ours) & np.isnan(theirs))]
        most = float(apart.max()) if apart.size else 0.0
        finite = np.abs(ours[np.isfinite(ours)])
        scale = float(finite.max()) if finite.size else 0.0
        largest = max(largest, most)
        equal = equal and most <= 1000 * float(np.finfo(ours.dtype).eps) * max(scale, 1e-6)
    return largest, equal
