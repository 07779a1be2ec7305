"""A naive engine, the oracle for random graphs: nodes in a dictionary, full Jacobian matrices, no sweep.

It shares no idea with the engine it judges. Derivatives go forward: the Jacobian of a node with respect to a leaf is
the sum over its arguments of (local Jacobian) @ (Jacobian of the argument), written element by element from the
definition of each operation. Memory is explicit: a node looks at positions of a buffer, so views, and what a write
reaches, are plain to see. Time is a counter. All slow, all obvious.
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass
class Buffer:
    numbers: list
    changed: int = 0  # when it was last written to


@dataclass
class Node:
    buffer: Buffer
    positions: np.ndarray  # where in the buffer its elements are; its shape is the node's
    made: int
    requires_grad: bool
    operation: str = ""  # "" for a leaf
    arguments: tuple = ()
    freed: bool = False
    scale: float = 1.0  # hooks of the machine multiply the gradient
    grad: np.ndarray | None = None

    @property
    def value(self):
        flat = [self.buffer.numbers[i] for i in self.positions.ravel()]
        return np.array(flat, dtype=np.float64).reshape(self.positions.shape)

    @property
    def shape(self):
        return self.positions.shape


class Freed(Exception):
    """The graph is gone."""


class Stale(Exception):
    """A value that a derivative needs was overwritten."""


class NaiveEngine:
    def __init__(self):
        self.time = 0
        self.nodes = {}

    def _now(self):
        self.time += 1
        return self.time

    def _add(self, node):
        self.nodes[len(self.nodes)] = node
        return node

    def _fresh(self, array, requires_grad, operation="", arguments=()):
        array = np.asarray(array, dtype=np.float64)
        buffer = Buffer([float(v) for v in array.ravel()])
        positions = np.arange(array.size).reshape(array.shape)
        return self._add(Node(buffer, positions, self._now(), requires_grad, operation, tuple(arguments)))

    def leaf(self, array, requires_grad):
        return self._fresh(array, requires_grad)

    def detach(self, node):
        return self._add(Node(node.buffer, node.positions, self._now(), False))

    def apply(self, operation, *arguments, recording=True):
        requires_grad = recording and any(a.requires_grad for a in arguments)
        if operation in VIEWS:
            (x,) = arguments
            kept = (operation, (x,)) if requires_grad else ("", ())
            return self._add(Node(x.buffer, VIEWS[operation](x.positions), self._now(), requires_grad, *kept))
        value = FORWARD[operation](*[a.value for a in arguments])
        return self._fresh(value, requires_grad, *((operation, arguments) if requires_grad else ("", ())))

    def write(self, node, array):
        for position, number in zip(node.positions.ravel(), np.broadcast_to(array, node.shape).ravel()):
            node.buffer.numbers[position] = float(number)
        node.buffer.changed = self._now()

    def ancestors(self, root):
        """Every node that requires grad and that ``root`` was computed from, newest first."""
        found = {}

        def visit(node):
            if node.requires_grad and id(node) not in found:
                found[id(node)] = node
                for a in node.arguments:
                    visit(a)

        visit(root)
        return sorted(found.values(), key=lambda n: -n.made)

    def backward(self, root, seed, retain):
        reached = self.ancestors(root)
        jacobians = {id(leaf): self.jacobian(root, leaf, {}) for leaf in reached if not leaf.operation}
        for node in reached:
            if not node.operation:
                continue
            if node.freed:
                raise Freed
            if any(read.buffer.changed > node.made for read in reads(node)):
                raise Stale
            node.freed = not retain
        for leaf in reached:
            if not leaf.operation:
                g = (np.asarray(seed, dtype=np.float64).ravel() @ jacobians[id(leaf)]).reshape(leaf.shape)
                leaf.grad = g if leaf.grad is None else leaf.grad + g

    def jacobian(self, node, leaf, known):
        """d node / d leaf, (node size, leaf size), with every hook on the way."""
        if id(node) not in known:
            total = np.zeros((node.positions.size, leaf.positions.size))
            if node is leaf:
                total += np.eye(leaf.positions.size)
            for i, a in enumerate(node.arguments):
                if a.requires_grad:
                    total += local_jacobian(node, i) @ self.jacobian(a, leaf, known)
            known[id(node)] = node.scale * total
        return known[id(node)]


def reads(node):
    """The nodes whose values the derivatives of ``node`` need."""
    x, *rest = node.arguments
    if node.operation == "mul":
        y = rest[0]
        return ([y] if x.requires_grad else []) + ([x] if y.requires_grad else [])
    return {"sin": [x], "tanh": [node]}.get(node.operation, [])


VIEWS = {"transpose": lambda p: p.T, "reverse": lambda p: p[::-1]}
FORWARD = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "neg": lambda x: -x,
    "sin": lambda x: np.array([math.sin(v) for v in x.ravel()]).reshape(x.shape),
    "tanh": lambda x: np.array([math.tanh(v) for v in x.ravel()]).reshape(x.shape),
    "sum": lambda x: np.array(math.fsum(x.ravel())),
    "sum0": lambda x: np.array(
        [math.fsum(column) for column in x.reshape(len(x), math.prod(x.shape[1:])).T], dtype=np.float64
    ).reshape(x.shape[1:]),
}


def sources(shape, out_shape):
    """For every element of the result, the number of the element of an argument of ``shape`` it was broadcast from."""
    return np.broadcast_to(np.arange(math.prod(shape)).reshape(shape), out_shape).ravel()


def local_jacobian(node, i):
    """d node / d argument i, entry by entry from the definition of the operation."""
    x = node.arguments[i]
    size_out, size_in = node.positions.size, x.positions.size
    matrix = np.zeros((size_out, size_in))
    if node.operation in VIEWS:
        order = VIEWS[node.operation](np.arange(size_in).reshape(x.shape)).ravel()
        for k in range(size_out):
            matrix[k, order[k]] = 1.0
    elif node.operation == "sum":
        matrix[:] = 1.0
    elif node.operation == "sum0":
        for j in range(size_in):
            matrix[j % max(size_out, 1), j] = 1.0
    elif node.operation in ("sin", "tanh", "neg"):
        # tanh's slope is 1 - tanh², so it survives a change of x; sin's does not, and `reads` says so.
        for k, (v, out) in enumerate(zip(x.value.ravel(), node.value.ravel())):
            slope = {"sin": math.cos(v), "tanh": 1 - out * out, "neg": -1.0}[node.operation]
            matrix[k, k] = slope
    else:
        other = node.arguments[1 - i]
        factors = other.value.ravel()[sources(other.shape, node.shape)] if other.positions.size else []
        for k, j in enumerate(sources(x.shape, node.shape)):
            matrix[k, j] = {"add": 1.0, "sub": (1.0, -1.0)[i], "mul": factors[k]}[node.operation]
    return matrix
