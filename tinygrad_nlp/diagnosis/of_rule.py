"""What is wrong with one rule of one op: the rule is called, not read, so an op of the user's own will do.

The op's forward is differentiated by central differences. Where the registry has an op that computes the same, or
forward can be run on Tensors, there is also a graph of right rules, in which every classic slip is tried.
"""

from __future__ import annotations

import numpy as np

from ..op import REQUIRED, registry
from ..tensor import Tensor
from .case import Case, Diagnosis, diagnose
from .on_rules import RuleCase
from .search import causes
from .tape import Tape, plain, summed

STEP = 1e-6
LARGEST = 4000
"""Entries of a Jacobian above which its pattern is not looked at."""


def explain_rule(op, values, options, position, seed=0) -> list[Diagnosis]:
    """The mistakes in ``op``'s rule for the argument at ``position`` that fit at ``values`` and at points near them."""
    rng = np.random.default_rng(seed)
    cases, right_beside = [], 0
    for number, draw in enumerate(_draws(values, rng)):
        try:
            case = _case(op, draw, options, position, rng)
        except Exception:  # noqa: BLE001 - a point outside the op's domain
            continue
        if case is not None:
            cases.append(case)
        elif number:
            right_beside += 1
    finite = bool(cases) and np.isfinite(cases[0].given).all()  # NaN at 0 is no convention
    if len(cases) > 1 and finite and _only_at_zero(op, values, options, position, rng):
        del cases[1:]
        cases[0].only_here = True
    elif len(cases) == 1 and right_beside == 2:
        cases[0].only_here = True
    return diagnose(cases) if cases else []


def _draws(values, rng):
    """The point given, and two more where nothing is equal, symmetric or 1 by chance. What is 0 stays 0: masks do."""
    yield list(values)
    for _ in range(2):
        yield [v * rng.uniform(0.8, 1.2, v.shape) if _is_float(v) and v.size else v for v in values]


def _only_at_zero(op, values, options, position, rng) -> bool:
    """Whether the argument is at a kink, and the rule is right once its zeros, which `_draws` keeps, have moved."""
    values = [np.array(v, np.float64) if _is_float(v) else v for v in values]
    x = values[position]
    if not (x == 0).any():
        return False
    try:
        shape = np.shape(op.forward(*_copies(values), **options))
        up, down = (_measured(op, values, options, position, shape, steps) for steps in ((STEP, 0), (0, -STEP)))
        if np.abs(up - down).max(initial=0) <= 1e-3 * np.abs(up).max(initial=1e-3):
            return False
        for _ in range(2):
            away = rng.uniform(0.1, 0.3, x.shape) * rng.choice([-1, 1], x.shape)
            moved = [*values[:position], np.where(x == 0, away, x * (1 + away)), *values[position + 1 :]]
            if _case(op, moved, options, position, rng) is not None:
                return False
    except Exception:  # noqa: BLE001 - a point outside the op's domain
        return False
    return True


def _case(op, values, options, position, rng):
    values = [np.array(v, np.float64) if _is_float(v) else v for v in values]
    out = np.asarray(op.forward(*_copies(values), **options))
    g = rng.normal(size=out.shape)
    jacobians = {
        i: _measured(op, values, options, i, out.shape)
        for i in range(len(values))
        if _is_float(values[i]) and op.rules[0 if op.variadic else i] is not None
    }
    if position not in jacobians:
        return None
    gradients = {i: np.tensordot(g, j, out.ndim) if out.ndim else g * j for i, j in jacobians.items()}
    true = gradients[position]
    known = same_op(op, values, options, out)
    rule = RuleCase(op, position, g, out, values, options, known[0] if known else None)
    given = plain(op.rule(position)(np.array(g), np.array(out), *_copies(values), **options))
    given = summed(given, true.shape) if op.broadcasts else given
    case = Case(
        given,
        true,
        op.arguments[0] + f"[{position}]" if op.variadic else op.arguments[position],
        {op.arguments[i]: v for i, v in gradients.items() if i != position and not op.variadic},
        rule=rule,
    )
    if case.right(given):
        return None
    if jacobians[position].size <= LARGEST and given.shape == true.shape:
        case.jacobian = (_answered(rule, out.shape, true.shape), jacobians[position], out.ndim)
    tape = _tape(op, known, values, options, position, g, out)
    if tape is not None:
        case.tape, case.wanted = tape
        case.counts, case.scales, case.ratios = causes(tape[0])
        if not case.same(case.tape.right().get(case.wanted, 0), true):
            case.tape = case.wanted = None
    return case


def _is_float(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _copies(values):
    return [v.copy() if isinstance(v, np.ndarray) else v for v in values]


def _measured(op, values, options, i, shape, steps=(STEP, -STEP)):
    """The Jacobian with respect to argument ``i`` by differences, central ones by default: (*result, *argument)."""
    x = values[i]
    jacobian = np.zeros(shape + x.shape)
    for place in np.ndindex(x.shape):
        ends = []
        for step in steps:
            moved = _copies(values)
            moved[i][place] += step
            ends.append(np.asarray(op.forward(*moved, **options)))
        jacobian[(..., *place)] = (ends[0] - ends[1]) / (steps[0] - steps[1])
    return jacobian


def _answered(rule, shape, argument):
    """The Jacobian that the rule answers with."""
    rows = []
    for place in np.ndindex(shape):
        unit = np.zeros(shape)
        unit[place] = 1.0
        answer = rule(g=unit)
        rows.append(summed(answer, argument) if rule.op.broadcasts else answer)
    if any(row.shape != argument for row in rows) or not rows:
        return np.zeros(0)
    return np.stack(rows).reshape(shape + argument)


def same_op(op, values, options, out):
    """(the registry's op that computes the same from the same arguments, its options), or None."""
    same_name = [registry[op.name]] if op.name in registry else []
    for other in [*same_name, *registry.values()]:
        if other is op or other.rules == op.rules or not other.differentiable or other.variadic != op.variadic:
            continue
        if not other.__module__.startswith("tinygrad_nlp."):
            continue
        needed = len(other.arguments) - len(other.argument_defaults)
        if not op.variadic and not needed <= len(values) <= len(other.arguments):
            continue
        for chosen in _options(other, options, values):
            arguments = list(values)
            if not op.variadic:
                arguments += [other.argument_defaults[a] for a in other.arguments[len(values) :]]
            try:
                with np.errstate(all="ignore"):
                    result = np.asarray(other.forward(*_copies(arguments), **chosen))
                if result.shape == out.shape and result.dtype.kind == "f" and np.allclose(result, out, 1e-9, 1e-12):
                    return other, chosen, arguments
            except Exception:  # noqa: BLE001 - not made for such arguments
                continue
    return None


def _options(other, options, values):
    """Calls worth trying: the user's own options, and the axes and reductions that he may have written into forward."""
    if any(default is REQUIRED and name not in options for name, default in other.defaults.items()):
        return
    own = {**other.defaults, **{k: v for k, v in options.items() if k in other.defaults}}
    yield own
    if "axis" in own and "axis" not in options:
        for axis in (0, -1, 1, None):
            for keepdims in (False, True) if "keepdims" in own else (None,):
                yield {**own, "axis": axis, **({} if keepdims is None else {"keepdims": keepdims})}
    if "reduction" in own and "reduction" not in options:
        for reduction in ("sum", "none"):
            yield {**own, "reduction": reduction}


def _tape(op, known, values, options, position, g, out):
    """(graph, number of the argument in it) of right rules that compute what ``op`` computes, or None."""
    if known is not None:
        other, chosen, arguments = known
    else:
        other, chosen, arguments = None, options, values
    tensors = (
        [
            Tensor(v, requires_grad=True, name=n) if _is_float(v) and (other is None or _has_rule(other, i)) else v
            for i, (v, n) in enumerate(zip(arguments, op.arguments if not op.variadic else [None] * len(arguments)))
        ]
        if not op.variadic
        else [Tensor(v, requires_grad=True) if _is_float(v) else v for v in arguments]
    )
    tensors += list(arguments[len(tensors) :])
    try:
        result = other(*tensors, **chosen) if other is not None else op.forward(*tensors, **options)
    except Exception:  # noqa: BLE001 - a forward that takes arrays only
        return None
    if not isinstance(result, Tensor) or result._op is None or result.shape != out.shape:
        return None
    if not isinstance(tensors[position], Tensor) or not np.allclose(result._data, out, 1e-9, 1e-12):
        return None
    return Tape(result, g), tensors[position]._id


def _has_rule(op, i):
    return op.variadic or i not in op.without_rule
