"""What is drawn of a computation graph: nodes, edges and groups, whatever the output format.

The picture is made from the records the engine itself uses (``_op``, ``_args``, ``_grad``), so it cannot disagree
with what is computed. A tensor used several times is one node with several edges out of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from tinygrad_nlp import GradientError, Tensor
from tinygrad_nlp.errors import explain
from tinygrad_nlp.modes import current

from .contributions import add_contributions, gradient_of
from .heatmap import HeatMap, heat_map
from .text import clean

NOT_NEEDED, NOT_YET, NOT_KEPT, KNOWN = "not needed", "not yet", "not kept", "known"
"""States of a gradient. *Not yet* is before backward; *not kept* is after it, for an inner tensor whose gradient the
sweep has dropped; neither is the same as a gradient that is known and 0."""

MODULE = "module"


@dataclass
class Node:
    """One tensor, or one array that an op was given as an argument.

    key        ``n0``, ``n1`` … in an order where inputs come first; the only name that output formats use
    kind       "op", "parameter" (a leaf that requires grad), "data", or "module" (one that is closed: `modules.py`)
    root       it was asked to be drawn: the loss
    name       the user's name for it, or "": one given, else the variable's if `record_gradients` was on
    variable   the name is only the variable's
    op         what made it, or ""
    detail     options and plain-number arguments, ``axis=1``
    role       of an unnamed array: the argument it is, ``index``
    gradient_state  NOT_NEEDED, NOT_YET, NOT_KEPT or KNOWN
    group      path of the module calls it was made in, ("parser", "hidden")
    uses       how many arguments it is
    sent       it is a gradient, in a graph of the backward pass
    calls      which module call each part of ``group`` stands for, numbered from 1; () for leaves
    structure  of a closed module: equal for modules that hold the same ops, shapes and wiring
    """

    key: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    root: bool = False
    name: str = ""
    op: str = ""
    detail: str = ""
    role: str = ""
    value: HeatMap | None = None
    gradient: HeatMap | None = None
    gradient_state: str = NOT_NEEDED
    group: tuple[str, ...] = ()
    uses: int = 0
    made_at: str = ""
    sent: bool = False
    calls: tuple[int, ...] = ()
    structure: int = 0
    variable: bool = False

    @property
    def title(self) -> str:
        """What the card is headed with: the user's name, else the op, else what it is."""
        return self.name or self.op or self.role or self.kind


@dataclass(frozen=True)
class Edge:
    """``tail`` is argument ``argument`` of the op that made ``head``; a gradient may flow from head to tail."""

    tail: str
    head: str
    argument: str
    position: int
    backward: str = NOT_NEEDED  # state of the gradient that came this way
    part: HeatMap | None = None  # what the rule sent this way, where `contributions` was asked for it

    @property
    def flowed(self) -> bool:
        """True if backward has been here."""
        return self.backward in (KNOWN, NOT_KEPT)


@dataclass
class Group:
    """A module call: everything made inside it, and the parameters that only it uses."""

    path: tuple[str, ...]
    members: list[str] = field(default_factory=list)


@dataclass
class Graph:
    """A computation graph ready to be drawn; ``nodes`` has inputs before results."""

    nodes: dict[str, Node]
    edges: list[Edge]
    groups: dict[tuple[str, ...], Group]
    backward: bool = False  # it is the graph of a backward pass; its roots are the gradients of the leaves
    notes: list[str] = field(default_factory=list)  # what a reader of the picture must be told

    @property
    def roots(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.root]

    def contributions(self) -> Counter:
        """{key: how many gradients were added up to that of the node}."""
        return Counter(edge.tail for edge in self.edges if edge.flowed)


def collect(tensors, values=True, contributions=False) -> Graph:
    """The graph that leads to ``tensors`` (a Tensor or several), with heat maps if ``values``.

    contributions  True: edges show what was sent back along them; None: where there is room; see `contributions.py`

    Raises GradientError if `backward` has freed the graph, and TypeError for what is no Tensor.
    """
    roots = as_roots(tensors)
    order = walk(roots)
    graph, keys = assemble(order, {t._id for t in roots}, values)
    if contributions is not False and values:
        add_contributions(graph, order, keys, every=contributions)
    return graph


def assemble(order, root_ids, values, given=frozenset()):
    """(the Graph of the tensors in ``order``, {tensor's id: key}); those whose ids are ``given`` are leaves in it."""
    made = [t for t in order if t._id not in given]
    arrays = _array_arguments(made)
    things = sorted([(t._id, 0, 0, t) for t in order] + arrays, key=lambda item: item[:3])

    nodes, keys, calls = {}, {}, {}
    names = Counter({clean(t.name): 1 for t in order if t.name})
    for i, (identity, rank, position, thing) in enumerate(things):
        key = f"n{i}"
        if rank == 0:
            keys[identity] = key
            nodes[key] = node = _tensor_node(key, thing, identity in root_ids, values)
            if node.variable:  # those of two recordings, or of two functions, may be called alike
                names[node.name] += 1
                node.name += f" #{names[node.name]}" if names[node.name] > 1 else ""
            node.group, scopes = _path(thing)
            node.calls = tuple(calls.setdefault(scope, len(calls) + 1) for scope in scopes)
        else:
            user, role, array = thing
            keys[user, position] = key
            nodes[key] = Node(
                key, "data", array.shape, str(array.dtype), role=role, value=heat_map(array) if values else None
            )

    edges = [edge for t in made for edge in _edges(t, keys, nodes)]
    for edge in edges:
        nodes[edge.tail].uses += 1
    _settle_gradients(nodes, edges)
    edges = [replace(e, backward=nodes[e.tail].gradient_state if e.backward else NOT_NEEDED) for e in edges]
    _adopt_leaves(nodes, edges)
    return Graph(nodes, edges, groups_of(nodes)), keys


def as_roots(tensors):
    roots = [tensors] if isinstance(tensors, Tensor) else list(tensors) if isinstance(tensors, (list, tuple)) else None
    if not roots or not all(isinstance(t, Tensor) for t in roots):
        got = (
            type(tensors).__name__
            if roots is None
            else f"{len(roots)} items, " + ", ".join(sorted({type(t).__name__ for t in roots}))
        )
        raise TypeError(
            explain("draw()", got=got or "nothing", expected="a Tensor, or a list of Tensors", write="draw(loss)")
        )
    return list({t._id: t for t in roots}.values())


def walk(roots, given=frozenset(), asked="draw"):
    """Every tensor the roots depend on, oldest first, found without recursion: a graph may be 100,000 ops deep.

    What the tensors whose ids are ``given`` depend on is left out. Raises GradientError, in the name of the function
    ``asked``, if `backward` has freed a part of it.
    """
    if current().journal is not None:  # drawn inside of the recording, which names at its end otherwise
        current().journal.names()
    seen, waiting = {}, list(roots)
    while waiting:
        t = waiting.pop()
        if t._id in seen:
            continue
        seen[t._id] = t
        if t._id in given:
            continue
        if t._op is not None and t._args is None:
            raise _freed(t, asked)
        waiting.extend(a for a in t._args or () if isinstance(a, Tensor) and a._id not in seen)
    return [seen[i] for i in sorted(seen)]


def _freed(t, asked):
    return GradientError(
        explain(
            f"{asked}()",
            got=f"the graph of {t._op.name} {t.shape}, which backward() has freed",
            expected="a graph that is still there",
            write=f"{asked}(loss) before loss.backward(); or loss.backward(retain_graph=True); or, to see every "
            "gradient:\n"
            "    with record_gradients():\n"
            "        loss = …\n"
            "        loss.backward()\n"
            f"    {asked}(loss)",
        )
        + (f"\n  {t._op.name} was made at {t.made_at}" if t.made_at else "")
    )


def _array_arguments(order):
    """Arrays given to ops as they are (indices, labels), sorted before the tensor that uses them."""
    return [
        (t._id, -1, position, (t._id, _argument(t._op, position), np.asarray(a)))
        for t in order
        for position, a in enumerate(t._args or ())
        if not isinstance(a, Tensor) and not _is_plain(a)
    ]


def _is_plain(a):
    """A number (or None) that fits into a card's small print."""
    return a is None or isinstance(a, (bool, int, float, complex, str)) or (np.ndim(a) == 0 and not hasattr(a, "_op"))


def _argument(op, position):
    return f"{op.arguments[0]}[{position}]" if op.variadic else op.arguments[position]


def name_of(t) -> str:
    """The name the user gave it, else that of the variable in which `record_gradients` found it; "" without either."""
    return clean(t.name or getattr(t, "_variable", None) or "")


def _tensor_node(key, t, root, values):
    kind = "op" if t._op is not None else "parameter" if t.requires_grad else "data"
    state = NOT_NEEDED if not t.requires_grad else NOT_YET if t._grad is None else KNOWN
    return Node(
        key=key,
        kind=kind,
        shape=t.shape,
        dtype=str(t.dtype),
        root=root,
        name=name_of(t),
        variable=bool(name_of(t)) and not t.name,
        op=t._op.name if t._op is not None else "",
        detail=_detail(t) if t._op is not None else "",
        value=heat_map(t._data) if values else None,
        gradient=heat_map(gradient_of(t)) if values and state == KNOWN else None,
        gradient_state=state,
        made_at=clean(t.made_at),
    )


def _path(t):
    """(names, calls) of the modules it was made in, outermost first.

    A list of modules is a level of its own, which is entered with the module that holds it: ``blocks`` of ``blocks.0``.
    """
    chain, scope = [], t._scope
    while scope is not None:
        chain.append(scope)
        scope = scope.outer
    names, calls, outer = [], [], None
    for scope in reversed(chain):
        own = scope.path[len(outer.path) + 1 :] if outer else scope.path
        parts = [clean(part) or "?" for part in own.split(".")]
        names += parts
        calls += [outer] * (len(parts) - 1) + [scope]
        outer = scope
    return tuple(names), calls


def _detail(t):
    """Small print: plain-number arguments, then the options that were given or matter."""
    plain = [
        f"{_argument(t._op, i)}={_brief(a)}"
        for i, a in enumerate(t._args)
        if not isinstance(a, Tensor) and _is_plain(a) and a is not None
    ]
    defaults = t._op.defaults
    options = [
        f"{k}={_brief(v)}" for k, v in (t._options or {}).items() if not (k in defaults and _same(v, defaults[k]))
    ]
    return clean(", ".join(plain + options))


def _same(a, b):
    return a is b or (type(a) is type(b) and isinstance(a, (bool, int, float, str)) and a == b)


def _brief(value):
    """An option's value in a few characters; an index as one writes it: ``:, 2``."""
    if isinstance(value, slice):
        parts = ["" if p is None else str(p) for p in (value.start, value.stop, value.step)]
        return ":".join(parts[:2] if value.step is None else parts)
    if isinstance(value, tuple):
        return f"({', '.join(map(_brief, value))})"
    if value is Ellipsis:
        return "…"
    if isinstance(value, Tensor):
        value = value._data
    if isinstance(value, np.ndarray):
        return str(value.tolist()) if value.size <= 6 else f"array{value.shape}"
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.4g}"
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    return str(value)


def _edges(t, keys, nodes):
    for position, a in enumerate(t._args or ()):
        if isinstance(a, Tensor):
            rule = t._op.rules[0 if t._op.variadic else position]
            carries = "carries" if a.requires_grad and t.requires_grad and rule is not None else ""
            yield Edge(keys[a._id], keys[t._id], _argument(t._op, position), position, carries)
        elif (t._id, position) in keys:
            yield Edge(keys[t._id, position], keys[t._id], _argument(t._op, position), position, "")


def _settle_gradients(nodes, edges):
    """Tell *not kept* from *not yet*: if a parameter below has its gradient, the sweep came through here."""
    reached = {key for key, node in nodes.items() if node.gradient_state == KNOWN}
    for edge in edges:  # tails come before heads, so one pass is enough
        if edge.backward and edge.tail in reached:
            node = nodes[edge.head]
            reached.add(edge.head)
            if node.gradient_state == NOT_YET:
                node.gradient_state = NOT_KEPT


def _adopt_leaves(nodes, edges):
    """A parameter belongs to the innermost module that all its users are in; it is made outside of any call."""
    shared = {}
    for edge in edges:
        tail, path = nodes[edge.tail], nodes[edge.head].group
        if tail.kind == "parameter":
            known = shared.get(edge.tail, path)
            same = 0
            while same < min(len(known), len(path)) and known[same] == path[same]:
                same += 1
            shared[edge.tail] = path[:same]
    for key, path in shared.items():
        nodes[key].group = path


def groups_of(nodes):
    groups = {}
    for key, node in nodes.items():
        for depth in range(1, len(node.group) + 1):
            groups.setdefault(node.group[:depth], Group(node.group[:depth])).members.append(key)
    return groups
