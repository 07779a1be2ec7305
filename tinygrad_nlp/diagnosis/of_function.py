"""What is wrong with the gradient of a whole function or module, and where in its graph.

A wrong gradient has one of four causes, looked for in this order: a value was overwritten after an op had read it;
something on the way left the graph (``.data``, ``detach``, ``Tensor(t)``); a hook changes a gradient; the rule of an
op is wrong. What is none of these is described as it looks.
"""

from __future__ import annotations

import numpy as np

from ..modes import enable_grad
from ..tensor import Tensor
from .case import Case, Diagnosis, diagnose
from .of_rule import explain_rule
from .tape import Tape, double, short, summed

STEP = 1e-6


def explain_function(function, inputs, chosen, output, position, seed=0) -> list[Diagnosis]:
    """Why the gradient of ``function(*inputs)``'s result number ``output`` is wrong for the argument ``position``.

    ``inputs`` are arrays, those at ``chosen`` float64 and differentiated.
    """
    variables = _fresh(inputs, chosen)
    root = _run(function, variables, output)
    moved = [
        Tensor(a + STEP * np.random.default_rng(seed).normal(size=a.shape), requires_grad=True) if i == position else v
        for i, (a, v) in enumerate(zip(inputs, _fresh(inputs, chosen)))
    ]
    if root is None or root._op is None:
        return []
    found = overwritten(root) or left_the_graph(root, _run(function, moved, output), variables)
    if root.requires_grad:
        tape = Tape(root, np.random.default_rng(seed).normal(size=root.shape))
        found = found or hooked(tape) or wrong_rules(tape, seed)
    return found


def _fresh(inputs, chosen):
    return [Tensor(a, requires_grad=True) if i in chosen else a for i, a in enumerate(inputs)]


def _run(function, variables, output):
    with enable_grad():
        out = function(*variables)
    return (list(out) if isinstance(out, (tuple, list)) else [out])[output]


def _nodes(root):
    """The ops between ``root`` and its leaves, oldest first, those that need no gradient left out."""
    found, waiting = {}, [root]
    while waiting:
        t = waiting.pop()
        if t._id not in found and t._op is not None and t._args is not None:
            found[t._id] = t
            waiting += [a for a in t._args if isinstance(a, Tensor)]
    return [found[i] for i in sorted(found)]


def overwritten(root) -> list[Diagnosis]:
    """An op whose result is no longer what its arguments give: one of them, or the result, was changed since."""
    for t in _nodes(root):
        again = np.asarray(t._op.forward(*t._values, **t._options))
        if again.shape != t.shape or not np.allclose(again, t._data, rtol=1e-5, atol=1e-8, equal_nan=True):
            names = ", ".join(t._op.arguments)
            return [
                Diagnosis(
                    "stale value",
                    f"after {t._op.name} had run at {short(t.made_at)}, an argument of it ({names}) or its result was "
                    "changed in place, through .data or through an array it shares",
                    "the change on a copy: Tensor(t.data), or after backward()",
                )
            ]
    return []


def left_the_graph(root, again, variables) -> list[Diagnosis]:
    """A constant of the graph that changes with the input: what computed it was not recorded."""
    if not isinstance(again, Tensor):
        return []
    if not root.requires_grad or again._op is None:
        return [_detached("the result", "it does not require grad at all")]
    first, second = _nodes(root), _nodes(again)
    if [t._op for t in first] != [t._op for t in second]:
        return []
    own = {v._id for v in variables if isinstance(v, Tensor)}
    for a, b in zip(first, second):
        for i, (x, y) in enumerate(zip(a._args, b._args)):
            tracked = isinstance(x, Tensor) and (x._op is not None or x._id in own)
            before, after = np.asarray(getattr(x, "_data", x)), np.asarray(getattr(y, "_data", y))
            if tracked or before.dtype.kind != "f" or before.shape != after.shape:
                continue
            if not np.array_equal(before, after, equal_nan=True):
                name = a._op.arguments[0 if a._op.variadic else i]
                label = getattr(x, "name", None)
                named = f"{name} = {label}" if label and label != name else name
                return [
                    _detached(
                        f"the argument {named} of {a._op.name} at {short(a.made_at)}",
                        "its value depends on the input, but it is a constant of the graph",
                    )
                ]
    return []


def _detached(what, why):
    return Diagnosis(
        "detached branch",
        f"{what} is cut off: {why} (.data, .detach(), no_grad(), Tensor(t), NumPy on t.data)",
        "the ops of tinygrad_nlp on the tensor itself",
    )


def hooked(tape) -> list[Diagnosis]:
    """A hook that replaces the gradient by another one."""
    right = tape.right()
    for t in tape.tensors:
        for hook in t._hooks or ():
            g = right.get(t._id)
            replaced = hook(g.copy()) if callable(hook) and g is not None else None
            if replaced is not None and not np.allclose(double(replaced), g):
                name = t.name or (f"{t._op.name} at {short(t.made_at)}" if t._op else "a leaf")
                return [
                    Diagnosis("hook", f"a hook of {name} changes its gradient", "no hook while gradients are checked")
                ]
    return []


def wrong_rules(tape, seed) -> list[Diagnosis]:
    """Every op of the graph checked by itself, at the values it had: the first wrong rules, explained."""
    rng = np.random.default_rng(seed)
    checked = set()
    found = []
    for node in tape.nodes.values():
        for position, source in enumerate(node.sources):
            key = (node.op, position, tuple(np.shape(v) for v in node.values))
            if source is None or key in checked or not np.size(node.values[position]):
                continue
            if not rule_is_right(node, position, rng):
                checked.add(key)
                explained = explain_rule(node.op, node.values, node.options, position, seed)
                where = f"the rule of {node.op.name} for its argument {node.argument(position)}"
                place = f" (used at {short(node.tensor.made_at)})" if node.tensor.made_at else ""
                found += [
                    Diagnosis(d.kind, f"{where}{place}: {d.text}", d.fix)
                    for d in explained[:1] or [Diagnosis("different", "it is wrong", "derive it once more")]
                ]
    return found


def rule_is_right(node, position, rng) -> bool:
    """<rule(g), v> against g · [f(x + hv) − f(x − hv)] / 2h, for one random g and v."""
    x = node.values[position]
    v, g = rng.normal(size=np.shape(x)), rng.normal(size=node.out.shape)
    ends = []
    for step in (STEP, -STEP):
        values = [double(a).copy() if isinstance(a, np.ndarray) else a for a in node.values]
        values[position] = x + step * v
        ends.append(np.asarray(node.op.forward(*values, **node.options)))
    numeric = g * (ends[0] - ends[1]) / (2 * STEP)
    values = [a.copy() if isinstance(a, np.ndarray) else a for a in node.values]
    answer = node.rule(position, g.copy(), node.out.copy(), values)
    answer = summed(answer, np.shape(x)) if node.op.broadcasts else answer
    if answer.shape != np.shape(x):
        return False
    size = float(np.abs(answer * v).sum()) + float(np.abs(numeric).sum()) + float(np.abs(g * node.out).sum())
    return bool(abs(float((answer * v).sum()) - float(numeric.sum())) <= 1e-6 * size + 1e-9)


def explain_arrays(analytic, numeric, ndim, name, seed=0) -> list[Diagnosis]:
    """What a wrong Jacobian looks like when nothing but its numbers is known."""
    outer = numeric.ndim - ndim
    g = np.random.default_rng(seed).normal(size=numeric.shape[:outer])
    if analytic.shape[:outer] != numeric.shape[:outer]:
        return []
    contract = [np.tensordot(g, j, outer) if outer else g * j for j in (analytic, numeric)]
    case = Case(*contract, name)
    if analytic.shape == numeric.shape:
        case.jacobian = (analytic, numeric, outer)
    return diagnose(case)
