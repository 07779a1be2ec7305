"""Backpropagation: one sweep over the graph, from the loss to the leaves.

**Why an order is needed.** Take a = 1, b = a + a, c = b + b. If c hands its gradient to b once for each of its two
arguments and b passes each on at once, b runs twice, and in a chain of n such steps 2ⁿ times. A node may pass its
gradient on only when all of it has arrived, that is after every node that used it.

**Why decreasing ids are such an order.** Ids are readings of one clock, so a node's id is larger than its inputs'.
The node with the largest id of those still waiting can get nothing more: whatever could send to it would be newer.
So the sweep takes the largest waiting id, again and again. A heap finds it; no recursion, so any depth will do.

**Why gradients add.** If x is used twice, J depends on it along two paths, and the multivariate chain rule sums
over the paths: dJ/dx = Σ over uses (dJ/d use)(d use/dx).
"""

from __future__ import annotations

from contextlib import nullcontext
from heapq import heappop, heappush

import numpy as np
from numpy import ndarray

from .broadcasting import sum_to_shape
from .errors import AnomalyError, GradientError, ShapeError, StaleValueError, describe, explain
from .modes import current, enable_grad
from .rowsparse import OuterRows, RowSparse, all_below
from .tensor import KEEP, Tensor
from .versions import changed_since, changes, owner


def backward(root, gradient=None, *, retain_graph=False, create_graph=False):
    """Accumulate the gradient of ``root`` into ``.grad`` of its leaves; `Tensor.backward` says the rest."""
    seed = starting_gradient(root, gradient, create_graph)
    taken = {id(owner(seed._data if isinstance(seed, Tensor) else seed))}
    for leaf, g in sweep([(root, seed)], retain_graph=retain_graph, create_graph=create_graph):
        if leaf._grad is not None:  # a Tensor after create_graph: the sum of it and an array is an array again
            g = (leaf._grad._data if isinstance(leaf._grad, Tensor) and not create_graph else leaf._grad) + g
        leaf._grad = own_tensor(g, leaf, taken) if create_graph else own_array(g, leaf, taken)


def starting_gradient(root, gradient=None, create_graph=False):
    """dJ/d(root) to begin with: 1 for a scalar, else what the caller gives."""
    if not root.requires_grad:
        raise GradientError(
            explain(
                "backward()",
                got=f"{describe(root)}, which does not depend on any tensor that requires grad",
                expected="a result of tensors with requires_grad=True, computed outside no_grad()",
                write="Tensor(data, requires_grad=True) for what you want the gradient of",
            )
        )
    if gradient is None:
        if root._data.size != 1:
            raise GradientError(
                explain(
                    "backward()",
                    got=describe(root),
                    expected="one number (a loss), or the gradient of the loss with respect to this tensor",
                    write="t.sum().backward(), t.mean().backward(), or t.backward(gradient) of the same shape",
                )
            )
        gradient = np.ones(root._data.shape, root._data.dtype)
    elif not isinstance(gradient, Tensor):
        gradient = np.asarray(gradient, root._data.dtype)
    if tuple(gradient.shape) != root._data.shape:
        raise ShapeError(
            explain(
                "backward(gradient)",
                got=describe(gradient, "gradient"),
                expected=f"the tensor's own shape {root.shape}",
            )
        )
    if create_graph:
        return gradient if isinstance(gradient, Tensor) else Tensor(gradient)
    return gradient._data if isinstance(gradient, Tensor) else gradient


def own_array(g, leaf, taken: set):
    """``g`` as an array (or a `RowSparse`) of the leaf's dtype that no other leaf, and not the caller's seed, shares.

    In s = x + y the same array arrives at x and at y; were both to keep it, scaling one gradient in place would
    scale the other. ``taken`` holds the ids of the buffers given out so far.
    """
    if type(g) is not np.ndarray or g.dtype != leaf._data.dtype:
        if isinstance(g, RowSparse):
            return own_rows(g, leaf._data.dtype, taken)
        return np.array(g, leaf._data.dtype)
    if id(owner(g)) in taken or not g.flags.writeable:
        g = g.copy()
    taken.add(id(owner(g)))
    return g


def own_rows(g: RowSparse, dtype, taken: set) -> RowSparse:
    """``g`` in memory of its own: its rows are the caller's index, its vectors may be a parameter about to be moved."""
    if isinstance(g, OuterRows):
        vectors = g.vectors.astype(dtype)
        return OuterRows(own_ids(g.index, g.shape), g.coefficients.astype(dtype, copy=False), vectors, g.shape)
    shared = id(owner(g.values)) in taken or not g.values.flags.writeable
    values = g.values.astype(dtype, copy=shared)
    taken.add(id(owner(values)))
    return RowSparse(own_ids(g.rows, g.shape), values, g.shape)


def own_ids(ids, shape):
    """A copy of ``ids``, rows of a table of ``shape``; int32 where that will do, for SciPy's sums work with these.

    An id that is outside the table stays as it is, for the sum to refuse: as int32 it could come to lie inside.
    """
    return ids.astype(np.int32) if all_below(ids, min(shape[0], 2**31)) else ids.copy()


def own_tensor(g: Tensor, leaf, taken: set) -> Tensor:
    """`own_array` for a gradient that is itself part of a graph: the copy is recorded."""
    if g.dtype != leaf._data.dtype or id(owner(g._data)) in taken:
        with enable_grad():
            g = g.astype(leaf._data.dtype)
    taken.add(id(owner(g._data)))
    return g


def sweep(seeds, *, retain_graph=False, create_graph=False, wanted=(), any_shape=False):
    """Send gradients back from ``seeds`` = [(tensor, dJ/dtensor), …]; return [(tensor, gradient), …].

    Returned are the leaves reached or, if tensors are ``wanted``, those of them that were reached.
    With ``create_graph`` the rules run on Tensors and are themselves recorded; else on arrays. ``any_shape`` lets a
    rule's answer of a wrong shape through, for a checker to say what is wrong with it.
    """
    modes = current()
    journal = modes.journal is not None
    keep = retain_graph or create_graph or journal
    wanted = {t._id for t in wanted}
    oldest = min(wanted, default=0)  # what is older than every wanted tensor cannot lead to one
    trail = {} if modes.anomaly else None
    pending = {}  # id -> the part of the gradient that has arrived
    heap = []  # (-id, tensor): inner tensors waiting for the rest of theirs
    newcomer = arrived = None  # one more of them and its part, kept out of both: a chain of ops then touches neither
    leaves = []
    found = []
    run = _Run()
    for tensor, g in seeds:
        if tensor._id in pending:
            pending[tensor._id] = pending[tensor._id] + g
        else:
            pending[tensor._id] = g
            leaves.append(tensor) if tensor._op is None else heappush(heap, (-tensor._id, tensor))

    # Rules on arrays record nothing; rules on Tensors must be recorded even inside no_grad.
    with enable_grad() if create_graph else nullcontext(), run:
        while heap or newcomer is not None:
            if newcomer is not None and heap and heap[0][0] < -newcomer._id:  # it is not the newest: it waits too
                pending[newcomer._id] = arrived
                heappush(heap, (-newcomer._id, newcomer))
                newcomer = None
            if newcomer is None:
                node = heappop(heap)[1]
                time = node._id
                g = pending.pop(time)
            else:
                node, g, newcomer, arrived = newcomer, arrived, None, None
                time = node._id
            if type(g) is not ndarray and isinstance(g, RowSparse):  # only a leaf keeps its rows apart
                g = g.dense()
            if node._hooks is not None:
                g = _run_hooks(node, g)
            if journal:
                node._grad = _in_dtype_of(node, g)
            if wanted:
                if time in wanted:
                    found.append((node, g))
                if time <= oldest:
                    continue
            args = node._args
            if args is None:
                raise _freed(node)
            if changes.latest > time:
                _refuse_stale(node)

            op, options, parts = node._op, node._options, None
            rules = op.rules
            if create_graph:
                out, values = node, args
            else:
                out, values = node._data, node._values
            if op.kernel_vjp is not None and not create_graph:
                needs = [isinstance(a, Tensor) and a._requires_grad for a in args]
                parts = op.kernel_vjp(g, out, node._saved, needs, *values, **options)
                if keep:  # a kernel may hand out the very array it saved
                    parts = [p.copy() if p is not None and p is node._saved else p for p in parts]
            position = -1
            for a in args:
                position += 1
                if not isinstance(a, Tensor) or not a._requires_grad:
                    continue
                if parts is not None:
                    part = parts[position]
                elif op.variadic:
                    part = rules[0](position, g, out, *values, **options)
                elif options:
                    part = rules[position](g, out, *values, **options)
                elif len(values) == 2:  # as the next line, but Python calls it without a tuple in between
                    part = rules[position](g, out, values[0], values[1])
                else:
                    part = rules[position](g, out, *values)
                if part is None or part.shape != a._data.shape:
                    part = _fitted(part, node, position, any_shape)
                if trail is not None:
                    _refuse_not_finite(part, node, position, trail)
                if a is newcomer:
                    arrived = arrived + part
                    continue
                key = a._id
                known = pending.get(key)
                if known is not None:
                    pending[key] = known + part
                elif a._op is None:
                    pending[key] = part
                    leaves.append(a)
                elif newcomer is None:
                    newcomer, arrived = a, part
                else:
                    pending[key] = part
                    heappush(heap, (-key, a))
            if not keep:
                node._args = node._values = None
                node._saved = run

        for leaf in leaves:
            g = pending[leaf._id]
            if leaf._hooks is not None:
                g = _run_hooks(leaf, g)
            if not wanted or leaf._id in wanted:
                found.append((leaf, g))
    return found


def _fitted(part, node, position, any_shape):
    """What a rule answered, in its argument's shape: a broadcasting op's summed over the copies, any other refused."""
    op, argument = node._op, node._args[position]
    name = op.arguments[0 if op.variadic else position]
    if part is None:
        raise GradientError(
            explain(
                f"backward through {op.name}",
                got=f"None from vjp_{name}",
                expected=f"the gradient of {name}, an array of shape {argument.shape}",
                write="return … in the rule",
                where=node.made_at,
            )
        )
    shape, answer = argument.shape, tuple(part.shape)
    aligned = answer[len(answer) - len(shape) :]
    if op.broadcasts and len(answer) >= len(shape) and all(n in (1, m) for n, m in zip(shape, aligned)):
        return sum_to_shape(part, shape)
    if any_shape:
        return part
    raise GradientError(
        explain(
            f"backward through {op.name}",
            got=f"a gradient of shape {answer} from vjp_{name}",
            expected=f"the shape of {describe(argument, name)}: dJ/d{name} has one number for each of its elements",
            write=f"a rule that answers in the shape {shape}" + ("; a transpose?" if answer == shape[::-1] else ""),
            where=node.made_at,
        )
    )


def _run_hooks(node, g):
    as_array = not isinstance(g, Tensor)
    for hook in list(node._hooks):
        if hook is KEEP:
            continue
        g = _in_dtype_of(node, g)
        replacement = hook(g)
        if replacement is None:
            continue
        if not isinstance(replacement, (Tensor, RowSparse)):
            replacement = np.asarray(replacement)  # a number of the wrong shape gets the message below
        g = replacement._data if as_array and isinstance(replacement, Tensor) else replacement
        if tuple(g.shape) != node._data.shape:
            raise ShapeError(
                explain(
                    f"hook of {describe(node)}",
                    got=f"a gradient of shape {tuple(g.shape)}",
                    expected=f"shape {node.shape}",
                )
            )
    if KEEP in node._hooks:  # a copy: the same array may go on to become a leaf's gradient
        node._grad = np.array(g, node._data.dtype) if as_array else g
    return g


def _in_dtype_of(node, g):
    """``g`` as a user may see it: in the dtype of its tensor, which a float64 elsewhere in the graph has widened."""
    dtype = node._data.dtype
    if g.dtype == dtype:
        return g
    return RowSparse(g.rows, g.values.astype(dtype), g.shape) if isinstance(g, RowSparse) else g.astype(dtype)


class _Run:
    """One sweep, as the nodes that it freed remember it: what stopped it, if anything did."""

    __slots__ = ("stopped_by",)

    def __init__(self):
        self.stopped_by = ""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if error is not None:  # in words: the error itself would keep alive every frame it went through
            said = str(error).split("\n")[0]
            self.stopped_by = f"{kind.__name__}: {said}" if said else kind.__name__


def _freed(node):
    name, stopped_by = f"{node._op.name} {node.shape}", node._saved.stopped_by
    return GradientError(
        explain(
            "backward()",
            got=f"the graph of {name}, which an earlier backward() had freed when it was stopped by {stopped_by}"
            if stopped_by
            else f"the graph of {name}, which an earlier backward() has freed",
            expected="a graph that is still there",
            write="the forward pass again: no gradient was added by the backward() that was stopped"
            if stopped_by
            else "backward(retain_graph=True) the first time, or run the forward pass again",
        )
        + (f"\n  {node._op.name} was made at {node.made_at}" if node.made_at else "")
    )


def _refuse_stale(node):
    """Raise StaleValueError if a value that this node's rules read was changed after the node was made."""
    from .reads import values_read

    op = node._op
    for position, a in enumerate(node._args):
        if not isinstance(a, Tensor) or not a.requires_grad:
            continue
        _refuse_another_shape(node, position)
        read = values_read(op, position)
        named = [("out", node)] + [
            (op.arguments[0 if op.variadic else i], b) for i, b in enumerate(node._args) if isinstance(b, Tensor)
        ]
        for name, tensor in named:
            changed = name in read and changed_since(tensor._data, node._id)
            if changed:
                what = "its result" if name == "out" else f"its argument {describe(tensor, name)}"
                raise StaleValueError(
                    explain(
                        f"backward through {op.name}",
                        got=f"{what}, changed in place at {changed}",
                        expected=f"the value it had when {op.name} ran at {node.made_at}: the rule needs it",
                        write="the change after backward(), or on a copy: Tensor(t.data)",
                    )
                )


def _refuse_another_shape(node, position):
    """Raise StaleValueError if an argument got data of another shape: its gradient would have the old one."""
    op, a, then = node._op, node._args[position], node._values[position].shape
    if a._data.shape != then:
        name = a.name or op.arguments[0 if op.variadic else position]
        raise StaleValueError(
            explain(
                f"backward through {op.name}",
                got=f"{describe(a, name)}, whose data was replaced at {changed_since(a._data, node._id)}",
                expected=f"the shape {then} that {name} had when {op.name} ran at {node.made_at}",
                write=f"{name}.data = … after backward(), or run the forward pass again",
            )
        )


def _refuse_not_finite(part, node, position, trail):
    """Anomaly mode: raise at the first op whose rule makes NaN or Inf, with the way the gradient came."""
    trail[node._args[position]._id] = node
    array = part._data if isinstance(part, Tensor) else part.values if isinstance(part, RowSparse) else part
    if np.isfinite(array).all():
        return
    bad = "NaN" if np.isnan(array).any() else "Inf"
    way, step = [], node
    while step is not None:
        way.append(f"{step._op.name} {step.shape}" + (f" at {step.made_at}" if step.made_at else ""))
        step = trail.get(step._id)
    raise AnomalyError(
        explain(
            f"detect_anomaly: the rule of {node._op.name} made the first {bad} of the backward pass",
            got=f"a gradient for argument {position} of shape {node._args[position].shape} that is not finite",
            expected="finite values",
            where=node.made_at,
        )
        + "\n  the gradient came this way, from the loss: "
        + " <- ".join(reversed(way))
    )
