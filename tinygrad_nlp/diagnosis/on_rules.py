"""Mistakes of a rule that can be called: with other arguments in other places it becomes right, and shows itself."""

from __future__ import annotations

import numpy as np

from .case import mistake
from .tape import plain, summed


class RuleCase:
    """A wrong rule with what it was called with; ``known`` is an op of the registry that computes the same."""

    def __init__(self, op, position, g, out, values, options, known=None):
        self.op, self.position, self.g, self.out = op, position, g, out
        self.values, self.options, self.known = list(values), options, known

    def __call__(self, g=None, out=None, values=None, options=None):
        g, out = self.g if g is None else g, self.out if out is None else out
        values, options = self.values if values is None else values, self.options if options is None else options
        rule = self.op.rule(self.position)
        try:
            answer = plain(rule(np.array(g), np.array(out), *[_copy(v) for v in values], **options))
        except Exception:  # noqa: BLE001 - called with what it was not written for, a rule may fail in any way
            return np.full(1, np.nan)
        return answer

    def repaired(self, case, **changes) -> bool:
        """Is the rule right when called with ``changes``?"""
        answer = self(**changes)
        if answer.shape != case.true.shape and self.op.broadcasts:
            answer = summed(answer, case.true.shape)
        return case.right(answer)


def _copy(value):
    return value.copy() if isinstance(value, np.ndarray) else value


@mistake("changed in place", fix="new arrays: g * y, never g *= y; x + y, never x += y", needs="rule")
def changes_its_arguments(case):
    """Forward or the rule changes an array it was given, which other ops still need."""
    rule = case.rule
    values = [_copy(v) for v in rule.values]
    rule.op.forward(*values, **rule.options)
    for name, before, after in zip(rule.op.arguments, rule.values, values):
        if isinstance(before, np.ndarray) and not np.array_equal(before, after, equal_nan=before.dtype.kind == "f"):
            return "stale value", f"forward changes its argument {name} in place: the rule then reads the new value"
    g, out = np.array(rule.g), np.array(rule.out)
    values = [_copy(v) for v in rule.values]
    try:
        rule.op.rule(rule.position)(g, out, *values, **rule.options)
    except Exception:  # noqa: BLE001
        return None
    for name, before, after in zip(
        ("g", "out", *rule.op.arguments), (rule.g, rule.out, *rule.values), (g, out, *values)
    ):
        if isinstance(before, np.ndarray) and not np.array_equal(before, after, equal_nan=before.dtype.kind == "f"):
            return f"the rule changes {name} in place, which other rules still need"
    return None


@mistake("upstream gradient missing", fix="g * …: the local derivative times what arrives from the loss", needs="rule")
def g_is_not_used(case):
    """The rule gives the local derivative alone and does not multiply by g."""
    once, twice = case.rule(), case.rule(g=2 * case.rule.g)
    if once.any() and np.isfinite(once).all() and case.same(once, twice):
        return "the rule does not use g, the gradient that arrives: its answer is the local derivative alone"
    return None


@mistake("g used twice", fix="g once: the rule is linear in what arrives", needs="rule")
def g_is_squared(case):
    """The rule uses g twice: g comes in by another op's rule, or is part of a product already multiplied by it."""
    once, twice = case.rule(), case.rule(g=2 * case.rule.g)
    if case.same(twice, 4 * once):
        return "the answer grows with the square of g: g is used twice"
    if once.shape == twice.shape and np.isfinite(twice).all() and not case.same(twice, 2 * once):
        return "not linear in g", "twice the g does not give twice the answer: a rule is linear in g"
    return None


@mistake(
    "g summed", fix="g element by element: a sum only over the axes along which the argument was copied", needs="rule"
)
def g_is_summed(case):
    """The rule uses the sum or the mean of g where every element of g has its own way back."""
    g = case.rule.g
    if g.size > 1 and not np.allclose(g, g.ravel()[0]):
        once, rolled = case.rule(), case.rule(g=np.roll(g.ravel(), 1).reshape(g.shape))
        if once.any() and np.isfinite(once).all() and case.same(once, rolled):
            return "the answer depends on the sum of g only: exchange two elements of g, and it stays"
    return None


@mistake("derivative at the wrong point", fix="out and x exchanged in the rule", needs="rule")
def out_for_x(case):
    """A derivative known as a function of the output is written with the input, or the other way round:
    tanh' = 1 − out², not 1 − x²."""
    rule = case.rule
    if case.right(rule()):
        return None
    for i, value in enumerate(rule.values):
        if np.shape(value) == np.shape(rule.out) and isinstance(value, np.ndarray):
            name = rule.op.arguments[0 if rule.op.variadic else i]
            values = [rule.out if j == i else v for j, v in enumerate(rule.values)]
            if rule.repaired(case, values=values):
                return f"{name} stands where out belongs: with out in its place the rule is right"
            if rule.repaired(case, out=value):
                return f"out stands where {name} belongs: with {name} in its place the rule is right"
            if rule.repaired(case, out=value, values=values):
                return f"out and {name} are exchanged"
    return None


@mistake("swapped arguments", fix="the arguments the other way round, in this rule", needs="rule")
def arguments_exchanged(case):
    """The rule reads its two arguments in the wrong roles, or the two rules have changed places."""
    rule = case.rule
    if len(rule.values) < 2 or rule.op.variadic:
        return None
    for i in range(len(rule.values)):
        for j in range(i):
            values = list(rule.values)
            values[i], values[j] = values[j], values[i]
            if rule.repaired(case, values=values):
                return f"{rule.op.arguments[j]} and {rule.op.arguments[i]} are exchanged in the rule"
            for a, b in ((i, j), (j, i)):
                values = list(rule.values)
                values[a] = values[b]
                if rule.repaired(case, values=values):
                    names = rule.op.arguments
                    return f"{names[a]} stands where {names[b]} belongs: with {names[b]} in its place the rule is right"
    return None


@mistake("transposed", fix="a .mT less, or one more, inside the rule", needs="rule")
def transposed_inside(case):
    """A transpose inside the rule is missing or one too many, on a square matrix where no shape complains."""
    rule = case.rule
    if np.ndim(rule.g) >= 2 and rule.g.shape[-1] == rule.g.shape[-2] and rule.repaired(case, g=rule.g.swapaxes(-1, -2)):
        if case.true.ndim < rule.g.ndim:
            return (
                "wrong axis",
                "the rule sums over the other axis of g",
                "g.sum(0) for an argument copied along axis 0",
            )
        return "g is transposed in the rule, or ought to be: with g.mT it is right"
    for i, value in enumerate(rule.values):
        if isinstance(value, np.ndarray) and value.ndim >= 2 and value.shape[-1] == value.shape[-2]:
            values = [v.swapaxes(-1, -2) if j == i else v for j, v in enumerate(rule.values)]
            if rule.repaired(case, values=values):
                name = rule.op.arguments[0 if rule.op.variadic else i]
                return f"{name} is transposed in the rule, or ought to be: with {name}.mT it is right"
    return None


@mistake("wrong axis", fix="the axis of the forward pass: the option `axis`, not a constant", needs="rule")
def another_axis(case):
    """The rule works along another axis than forward."""
    rule = case.rule
    if "axis" in rule.options:
        now = rule.options["axis"]
        for axis in [*range(-2, max(map(np.ndim, rule.values))), None]:
            if axis != now and rule.repaired(case, options={**rule.options, "axis": axis}):
                return f"the rule is right along axis {axis}, forward went along {now}"
    return None
