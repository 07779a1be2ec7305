"""Mistakes in how gradients travel through a graph, or in what a rule reads: paths, updates, values, slips."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from ..op import registry
from .case import mistake
from .search import changed_by, in_one_rule, judge, place_of, preferred
from .slips import slips
from .tape import plain

FIX_PATH = "add the gradients of all uses: J depends on the tensor along every one (chain rule)"
FIX_LINKS = "a factor for every link of the chain"
FIX_VALUE = "the value that the op itself was given"
FIX_ORDER = "the order of the forward pass: k[0] where k[0] was used"
FIX_STALE = "every gradient first, then the updates"


@mistake("missing path", fix=FIX_PATH, needs="graph")
def missing_path(case):
    """A tensor used several times gets the gradient of some of its uses only: overwritten (=) where it should be
    accumulated (+=), or one branch is detached."""
    tape, found = case.tape, []
    right = tape.right()
    relevant = tape.leads_to([case.wanted])
    for source, users in tape.users.items():
        if source not in relevant or len(users) < 2:
            continue
        if case.late():
            break
        parts = [node.part(p, right[node.id]) if node.id in right else None for node, p in users]
        if any(p is None for p in parts):
            continue
        name = tape.named(source)
        total = sum(parts)
        for (node, position), part in zip(users, parts):
            if len(users) > 2:
                text = (
                    f"{name} is used {len(users)} times, and only its use {place_of(node, position)} counts: "
                    "overwritten instead of accumulated, or the others are detached"
                )
                judge(case, tape.gradients({source: part - total}), right, True, "missing path", text, FIX_PATH, found)
            text = (
                f"{name} is used {len(users)} times, and the path through its use {place_of(node, position)} "
                "is missing: detached, or overwritten instead of accumulated"
            )
            judge(case, tape.gradients({source: -part}), right, True, "missing path", text, FIX_PATH, found)
            if len(users) == 2:
                text = f"{name} is used twice, and the gradient of its use {place_of(node, position)} stands for both"
                change = {source: 2 * part - total}
                judge(case, tape.gradients(change), right, True, "missing path", text, FIX_PATH, found)
        for order, words in ((1, "last"), (-1, "first")):
            kept = np.zeros(np.shape(total))
            for part in parts[::order]:
                kept = np.where(part != 0, part, kept)
            text = f"{name} is used {len(users)} times, and where two gradients meet only that of the {words} is kept"
            change = {source: kept - total}
            judge(case, tape.gradients(change), right, True, "missing path", text, FIX_PATH, found)
    return preferred(found)[:1]


@in_one_rule("sign", fix="a minus, in this op's rule")
def sign_in_op(node, position, g):
    """The sign is flipped at one op, on one of several paths."""
    yield "the sign is flipped", -node.part(position, g)


@mistake("stale value", fix=FIX_STALE, needs="graph")
def after_the_update(case):
    """A parameter was updated before the last gradient that needs its old value was computed."""
    tape, found = case.tape, []
    right = tape.right()
    relevant = tape.leads_to([case.wanted])
    for node in tape.nodes.values():
        if node.op.name not in ("mul", "matmul") or node.id not in right:
            continue
        if case.late():
            break
        for position, source in enumerate(node.sources):
            other = node.sources[1 - position]
            if source not in relevant or other is None or other in tape.nodes or other not in right:
                continue
            values = list(node.values)
            values[1 - position] = right[other]
            change = node.fitted(position, node.rule(position, right[node.id], values=values))
            pulled = tape.gradients({source: change}).get(case.wanted)
            if pulled is None or not pulled.any() or case.given.shape != case.true.shape:
                continue
            rate = -float(((case.given - case.true) * pulled).sum() / (pulled * pulled).sum())
            if rate > 0 and case.fits(case.true - rate * pulled):
                text = (
                    f"{tape.named(other)} was read after its update (a step of {rate:.3g}) {place_of(node, position)}: "
                    "its old value belongs here"
                )
                found.append(("stale value", text, FIX_STALE, True))
    return found[:1]


@in_one_rule("slip in a rule", fix="the rule as it stands there (`tinygrad-nlp explain OP` derives it)")
def slip_in_a_rule(node, position, g):
    """One part of an op's rule left out, exchanged or turned round: a factor, a term, a sign, a transpose,
    x for out. Tried on every rule of the graph."""
    rule = node.op.rules[0 if node.op.variadic else position]
    for slip in slips(rule):
        try:
            if node.op.variadic:
                answer = slip.rule(position, g, node.out, *node.values, **node.options)
            else:
                answer = slip.rule(g, node.out, *node.values, **node.options)
            answer = plain(answer)
        except Exception:  # noqa: BLE001 - a wrong rule may fail in any way
            answer = np.full(1, np.nan)
        yield slip.text, answer, slip.kind


@in_one_rule("wrong function", fix="the derivative of the op that ran")
def of_another_op(node, position, g):
    """The derivative of another function: tanh's slope for sigmoid's, softplus's for relu's."""
    x = node.values[position]
    if node.op.arity != 1 or np.shape(x) != node.out.shape or node.options:
        return
    for other in registry.values():
        if other.direct != 1 or other is node.op or not other.differentiable:
            continue
        for formula, out in (("", None), (" (its formula, on this output)", node.out)):
            answer = np.full(1, np.nan)
            with suppress(Exception):  # not defined here
                out = np.asarray(other.forward(x, **other.defaults)) if out is None else out
                answer = plain(other.rules[0](g, out, x, **other.defaults)) if out.shape == x.shape else answer
            yield f"the derivative of {other.name}{formula} stands where that of {node.op.name} belongs", answer


@mistake("missing derivative", fix=FIX_LINKS, needs="graph")
def links_left_out(case):
    """Several links of the chain are left out at once: the gradient of a later tensor is passed on as that of an
    earlier one."""
    tape, found = case.tape, []
    right = tape.right()
    relevant = tape.leads_to([case.wanted])
    for early in relevant:
        if early not in right or early not in tape.values:
            continue
        if case.late():
            break
        for late, node in tape.nodes.items():
            if late <= early or late not in right or np.shape(right[late]) != np.shape(right[early]):
                continue
            if early not in tape.sources_of(late):
                continue
            text = f"between {tape.named(early)} and the result of {node} every derivative is missing"
            for sign, also in ((1, ""), (-1, ", but for a sign")):
                change = {early: sign * right[late] - right[early]}
                judge(case, tape.gradients(change), right, True, "missing derivative", text + also, FIX_LINKS, found)
    return preferred(found)[-1:]


@mistake("wrong value", fix=FIX_VALUE, needs="graph")
def value_of_another_tensor(case):
    """A rule reads the value of another tensor of the graph: x where the centered x belongs, h₂ for h₁."""
    tape, found = case.tape, []
    right = tape.right()
    relevant = tape.leads_to([case.wanted])
    for node in reversed(list(tape.nodes.values())):
        if node.id not in right or node.op.variadic:
            continue
        if case.late():
            break
        for position, source in enumerate(node.sources):
            if source not in relevant:
                continue
            for place in {s for s in node.sources if s}:
                for other, value in tape.values.items():
                    if other == place or np.shape(value) != np.shape(tape.values[place]):
                        continue
                    values = [value if s == place else v for s, v in zip(node.sources, node.values)]
                    try:
                        change = changed_by(
                            node, position, node.rule(position, right[node.id], values=values), right[node.id]
                        )
                    except (ValueError, IndexError, TypeError):
                        continue
                    if change is None:
                        continue
                    text = (
                        f"the value of {tape.named(other)} stands where that of {tape.named(place)} belongs "
                        f"({place_of(node, position)})"
                    )
                    judge(case, tape.gradients({source: change}), right, True, "wrong value", text, FIX_VALUE, found)
    return preferred(found)[:1]


@mistake("wrong order", fix=FIX_ORDER, needs="graph")
def read_in_another_order(case):
    """A tensor is read back to front, or transposed, in the whole backward pass: a kernel flipped, W for W.T."""
    tape, found = case.tape, []
    for leaf in tape.tensors:
        value = tape.values[leaf._id]
        if leaf._op is not None or not np.ndim(value):
            continue
        orders = [(f"back to front along axis {i}", np.flip(value, i)) for i in range(value.ndim)]
        if value.ndim == 2 and value.shape[0] == value.shape[1]:
            orders.append(("transposed", value.T))
        for words, turned in orders:
            values = _views_of(tape, leaf._id, turned)

            def changed(node, position, g, values=values):
                if not any(s in values for s in node.sources if s) or node.id in values:
                    return None
                return node.fitted(
                    position,
                    node.rule(position, g, values=[values.get(s, v) for s, v in zip(node.sources, node.values)]),
                )

            try:
                gradients = tape.gradients(changed=changed)
            except (ValueError, IndexError, TypeError):
                continue
            text = f"{tape.named(leaf._id)} is read {words} in the backward pass"
            judge(case, gradients, tape.right(), False, "wrong order", text, FIX_ORDER, found)
    return preferred(found)[:1]


VIEWS = {"getitem", "reshape", "transpose", "swapaxes", "squeeze", "unsqueeze", "expand", "take", "embedding", "cast"}


def _views_of(tape, number, value) -> dict:
    """The values of a tensor and of what only looks at it, had it been ``value``."""
    values = {number: value}
    for i, node in tape.nodes.items():
        if node.op.name in VIEWS and node.sources[0] in values and not any(node.sources[1:]):
            values[i] = np.asarray(node.op.forward(values[node.sources[0]], *node.values[1:], **node.options))
    return values
