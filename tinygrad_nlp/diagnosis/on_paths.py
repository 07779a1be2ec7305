"""Mistakes in how gradients travel through a graph, or in what a rule reads: paths, updates, values, slips."""

from __future__ import annotations

import numpy as np

from .case import mistake
from .mutants import slips
from .search import changed_by, in_one_rule, judge, place_of
from .tape import plain

FIX_PATH = "add the gradients of all uses: J depends on the tensor along every one (chain rule)"
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
    best = [f for f in found if f[3]]
    return (best or found)[:1]


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


@mistake("missing derivative", fix="a factor for every link of the chain", needs="graph")
def links_left_out(case):
    """Several links of the chain are left out at once: the gradient of a later tensor is passed on as that of an
    earlier one."""
    tape, found = case.tape, []
    right = tape.right()
    relevant = tape.leads_to([case.wanted])
    for early in relevant:
        if early not in right or early not in tape.values:
            continue
        for late, node in tape.nodes.items():
            if late <= early or late not in right or np.shape(right[late]) != np.shape(right[early]):
                continue
            if early not in tape.sources_of(late):
                continue
            text = f"between {tape.named(early)} and the result of {node} every derivative is missing"
            for sign, also in ((1, ""), (-1, ", but for a sign")):
                change = {early: sign * right[late] - right[early]}
                judge(case, tape.gradients(change), right, True, "missing derivative", text + also, FIX_LINKS, found)
    best = [f for f in found if f[3]]
    return (best or found)[-1:]


FIX_LINKS = "a factor for every link of the chain"


@mistake("wrong value", fix="the value that the op itself was given", needs="graph")
def value_of_another_tensor(case):
    """A rule reads the value of another tensor of the graph: x where the centered x belongs, h₂ for h₁."""
    tape, found = case.tape, []
    right = tape.right()
    relevant = tape.leads_to([case.wanted])
    for node in reversed(list(tape.nodes.values())):
        if node.id not in right or node.op.variadic:
            continue
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
    best = [f for f in found if f[3]]
    return (best or found)[:1]


FIX_VALUE = "the value that the op itself was given"
