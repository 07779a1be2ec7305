"""A recorded graph, read off a loss and run again: with other numbers, or with one rule of it made wrong on purpose.

To say *which* mistake gave a wrong gradient, every classic mistake is made, one at a time, and the result compared.
The engine's own sweep must not be able to go wrong like that; so this one stands beside it: the same rules, called
in the same order, in float64, with a place to put a mistake.

Because gradients depend linearly on what arrives, a mistake in one rule changes the answer by the pull-back of what
it changes there: a sweep from that argument downwards, not of the whole graph.
"""

from __future__ import annotations

import os
from copy import copy
from heapq import heapify, heappop, heappush

import numpy as np

from ..broadcasting import sum_to_shape
from ..errors import GradientError, describe, explain, is_library_code
from ..rowsparse import RowSparse
from ..tensor import Tensor


class Node:
    """One op of the graph: its arguments by number (None for what has no gradient), its values, in float64."""

    __slots__ = ("tensor", "op", "sources", "values", "options", "out")

    def __init__(self, tensor, sources, values, out):
        self.tensor, self.op, self.options = tensor, tensor._op, tensor._options
        self.sources, self.values, self.out = sources, values, out

    @property
    def id(self):
        return self.tensor._id

    def argument(self, position):
        """What the op calls the argument, and the tensor's name if it has one."""
        label = self.op.arguments[0 if self.op.variadic else position]
        label = f"{label}[{position}]" if self.op.variadic else label
        name = self.tensor._args[position].name
        return f"{label} = {name}" if name and name != label else label

    def __str__(self):
        place = self.tensor.made_at
        if is_library_code(place.rpartition(" in ")[0].rpartition(":")[0]):
            place = ""  # a graph made for the comparison
        name = f" ({self.tensor.name})" if self.tensor.name else ""
        return f"{self.op.name}{name}" + (f" at {short(place)}" if place else "")

    def rule(self, position, g, out=None, values=None, options=None):
        """What the op's rule answers, as an array of any shape; other values than the node's own may be put in."""
        out, values = self.out if out is None else out, self.values if values is None else values
        options = self.options if options is None else options
        if self.op.variadic:
            return plain(self.op.rules[0](position, g, out, *values, **options))
        return plain(self.op.rules[position](g, out, *values, **options))

    def part(self, position, g):
        """The right gradient of the argument, in its shape."""
        return self.fitted(position, self.rule(position, g))

    def fitted(self, position, answer):
        shape = np.shape(self.values[position])
        return sum_to_shape(answer, shape) if self.op.broadcasts and answer.shape != shape else answer


class Tape:
    """Every op between ``root`` and what it depends on, oldest first; ``values`` of each tensor by number."""

    def __init__(self, root: Tensor, seed=None):
        self.root, self._right, self._sources, self.names = root, None, {}, {}
        self.seed = np.ones(root.shape) if seed is None else seed
        self.tensors = _ancestors(root)
        self.values = {}
        self.nodes = {}
        self.users = {}
        for t in self.tensors:
            if t._op is None:
                self.values[t._id] = double(t._data)
                continue
            sources = [a._id if isinstance(a, Tensor) and a.requires_grad else None for a in t._args]
            values = [self.values[s] if s else double(v) for s, v in zip(sources, t._values)]
            out = np.asarray(t._op.forward(*values, **t._options))
            self.nodes[t._id] = node = Node(t, sources, values, out)
            self.values[t._id] = out
            for position, s in enumerate(sources):
                if s:
                    self.users.setdefault(s, []).append((node, position))

    def gradients(self, seeds=None, changed=None, instead=None) -> dict:
        """dJ/d(tensor) for every tensor by number. ``changed(node, position, g)`` may answer for a rule, or None;
        ``instead`` holds gradients that replace the right ones where they are passed on."""
        pending = {self.root._id: self.seed} if seeds is None else dict(seeds)
        heap, queued, done = [-i for i in pending], set(pending), {}
        heapify(heap)
        while heap:
            i = -heappop(heap)
            g = done[i] = pending.pop(i)
            node = self.nodes.get(i)
            if node is None:
                continue
            if instead and i in instead:
                g = instead[i]
            for position, s in enumerate(node.sources):
                if s is None:
                    continue
                part = changed(node, position, g) if changed is not None else None
                part = node.part(position, g) if part is None else part
                pending[s] = pending[s] + part if s in pending else part
                if s not in queued:
                    queued.add(s)
                    heappush(heap, -s)
        return done

    def right(self) -> dict:
        """`gradients` without any mistake, computed once."""
        if self._right is None:
            self._right = self.gradients()
        return self._right

    def taking(self, gradients) -> Tape:
        """The same graph with ``gradients`` (by number) in place of the right ones where they are passed on."""
        other = copy(self)
        other._right = self.gradients(instead=gradients)
        other._right.update(gradients)
        return other

    def named(self, number) -> str:
        """How to speak of a tensor: its name, or the op that made it."""
        t = next(t for t in self.tensors if t._id == number)
        return (
            self.names.get(number)
            or t.name
            or (str(self.nodes[number]) if number in self.nodes else f"a leaf {t.shape}")
        )

    def sources_of(self, number) -> set:
        """Every tensor that the one numbered so was computed from."""
        if not self._sources:
            for i, node in self.nodes.items():  # oldest first
                direct = {s for s in node.sources if s}
                self._sources[i] = direct.union(*(self._sources.get(s, ()) for s in direct))
        return self._sources.get(number, set())

    def leads_to(self, wanted) -> set:
        """The tensors through which ``wanted`` (numbers) influence the root."""
        found = set(wanted)
        for i, node in self.nodes.items():  # oldest first
            if any(s in found for s in node.sources if s):
                found.add(i)
        return found


def _ancestors(root):
    """Every tensor that requires grad and that ``root`` was computed from, oldest first."""
    found, waiting = {}, [root]
    while waiting:
        t = waiting.pop()
        if t._id in found:
            continue
        found[t._id] = t
        if t._op is not None:
            if t._args is None:
                raise GradientError(
                    explain(
                        "diagnosis",
                        got=f"the graph of {describe(root)}, which backward() has freed",
                        expected="a graph that is still there",
                        write="it before loss.backward(), or loss.backward(retain_graph=True)",
                    )
                )
            waiting += [a for a in t._args if isinstance(a, Tensor) and a.requires_grad]
    return [found[i] for i in sorted(found)]


def double(value):
    """Floats as float64, everything else as it is."""
    array = getattr(value, "_data", value)
    if isinstance(array, (np.ndarray, np.generic)) and array.dtype.kind == "f":
        return np.array(array, dtype=np.float64)
    return array


def plain(answer):
    """A rule's answer as an array."""
    return answer.dense() if isinstance(answer, RowSparse) else np.asarray(answer)


def summed(answer, shape):
    """``answer`` summed to ``shape`` if it can be."""
    try:
        return sum_to_shape(answer, shape) if answer.shape != shape else answer
    except (ValueError, IndexError):
        return answer


def short(place: str) -> str:
    """``file.py:12 in f`` without the folder; ``line 12`` for what was typed and has no file."""
    if place.startswith("<"):
        return f"line {place.rpartition(' in ')[0].rpartition(':')[2]}"
    return os.path.basename(place).replace(" in <module>", "")
