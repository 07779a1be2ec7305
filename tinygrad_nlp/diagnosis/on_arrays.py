"""Mistakes that show in the gradient's numbers alone: shapes, signs, factors, places."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, permutations

import numpy as np

from .case import Case, diagnose, mistake


@mistake(
    "forgotten broadcast sum",
    fix="sum over the axes along which the argument was copied: g.sum(0), or g.sum(1, keepdims=True)",
)
def forgotten_broadcast_sum(case: Case):
    """A broadcast argument was used in several places, so its gradient is the sum over them; the sum is missing,
    and the gradient has the shape of the result."""
    given, true = case.given, case.true
    if given.size == true.size or given.ndim < true.ndim:
        return None
    axes = _copied(given.shape, true.shape)
    if axes is None:
        return None
    summed = given.sum(axes).reshape(true.shape)
    if case.right(summed):
        which = ", ".join(map(str, axes))
        return f"the gradient of {case.name} {true.shape} has shape {given.shape}: the sum over axis {which} is missing"
    return None


@mistake("transposed", fix="a .T less, or one more")
def transposed_shape(case: Case):
    """The gradient's axes are in another order than the argument's."""
    if case.given.ndim < 2 or case.given.ndim != case.true.ndim or case.given.ndim > 4:
        return None
    for order in permutations(range(case.given.ndim)):
        if order != tuple(range(case.given.ndim)) and case.right(case.given.transpose(order)):
            given, true = case.given.shape, case.true.shape
            return f"the gradient of {case.name} {true} is right but transposed" + (
                "" if given == true else f": it has shape {given}"
            )
    return None


@mistake("wrong shape", fix="gradient.reshape(x.shape), or keepdims=True in the sum")
def right_numbers_in_another_shape(case: Case):
    """The numbers are right and stand in another shape: a length-1 axis too many or too few, a flattened array."""
    if case.shapes_agree or case.given.size != case.true.size:
        return None
    if case.right(case.given.reshape(case.true.shape)):
        return f"the numbers are right, in shape {case.given.shape} where {case.name} has {case.true.shape}"
    return None


@mistake("summed too much", fix="leave the axes that the argument has; keepdims=True keeps those of length 1")
def summed_too_much(case: Case):
    """An axis that the argument has was summed or averaged away."""
    if case.shapes_agree or case.given.ndim > case.true.ndim:
        return None
    for n in range(1, case.true.ndim + 1):
        for axes in combinations(range(case.true.ndim), n):
            for words, total in (("summed", case.true.sum(axes)), ("averaged", case.true.mean(axes))):
                if total.size == case.given.size and case.same(total.reshape(case.given.shape), case.given):
                    which = ", ".join(map(str, axes))
                    return f"{case.name} {case.true.shape} has an axis {which} of its own; it was {words} away"
    return None


@mistake("forgotten broadcast sum", fix="the sum over the copies, and what is said besides")
def wrong_sum_over_copies(case: Case):
    """The gradient has the result's shape, and is right neither before nor after the sum over the copies: besides the
    sum something else is wrong, a sign or a factor."""
    if case.shapes_agree or case.given.ndim < case.true.ndim:
        return None
    axes = _copied(case.given.shape, case.true.shape)
    if axes is None:
        return None
    which = ", ".join(map(str, axes))
    shapes = f"the gradient of {case.name} {case.true.shape} has shape {case.given.shape}"
    besides = diagnose(replace(case, given=case.given.sum(axes).reshape(case.true.shape), jacobian=None, rule=None), 1)
    return (
        "forgotten broadcast sum",
        f"{shapes}: the sum over axis {which} is missing; besides, {besides[0]}",
        f".sum({axes}), and besides {besides[0].fix}",
    )


@mistake("wrong shape", fix="a rule that answers in the argument's own shape: one number for each of its elements")
def another_shape(case: Case):
    """The gradient's shape is not the argument's."""
    if case.shapes_agree:
        return None
    text = f"the gradient of {case.name} {case.true.shape} has shape {case.given.shape}"
    if sorted(case.given.shape) == sorted(case.true.shape):
        text += ": a transpose is missing, and the numbers differ besides"
    return text


@mistake("not finite", fix="detect_anomaly() names the line; log1p, a maximum subtracted, an epsilon inside the root")
def not_finite(case: Case):
    """NaN or Inf: a division by zero, 0 · inf, an overflow in exp."""
    bad = int((~np.isfinite(case.given)).sum())
    return f"{bad} of {case.given.size} numbers are NaN or Inf" if bad else None


@mistake("zero", fix="follow the path from the loss: no .data, .detach(), no_grad() or overwriting on it")
def zero(case: Case):
    """Nothing arrives at all: every path is detached."""
    if not case.given.any() and case.true.any():
        return f"every number of {case.name}'s gradient is 0: it is cut off from the loss"
    return None


@mistake("sign", fix="a minus")
def sign(case: Case):
    """The right numbers with the other sign: d(a − b)/db = −1, prediction and target exchanged, ascent for descent."""
    if not case.fits(-case.true):
        return None
    loss = _loss_of(case)
    if loss:
        return (
            "ŷ and y swapped",
            f"the sign is flipped: y − ŷ where ŷ − y belongs, in {loss}? (or one minus too many on the way)",
        )
    return "sign", "the sign is flipped"


@mistake("swapped arguments", fix="the other argument's gradient")
def swapped_arguments(case: Case):
    """The gradient of another argument of the same shape."""
    for name, other in case.others.items():
        if case.fits(other) and not case.same(other, case.true):
            return f"this is the gradient of {name}, not of {case.name}"
        if case.fits(-other) and not case.same(-other, case.true):
            return f"this is minus the gradient of {name}, not the gradient of {case.name}"
        if other.ndim == 2 and other.shape != other.shape[::-1] and case.fits(other.T):
            return f"this is the gradient of {name}, transposed, not of {case.name}"
    return None


@mistake("factor", fix="the factor that the definition has, once")
def named_factor(case: Case):
    """A constant factor with a cause: the 1/N of a mean missing or applied twice, γ of dropout applied twice or not,
    the 2 of a square."""
    factor = constant_factor(case.given, case)
    if not factor:
        return None
    minus, size = (" and the sign is flipped", -factor) if factor < 0 else ("", factor)

    def close(a):
        return abs(size / a - 1) < 1e-4

    for gamma, where in case.scales.items():
        if close(gamma):
            return "γ twice", f"the scale γ = {gamma:.6g} of {where} is applied twice{minus}", "γ once"
        if close(1 / gamma):
            return "γ missing", f"the scale γ = {gamma:.6g} of {where} is missing{minus}", f"gradient * {gamma:.6g}"
    for ratio, where in case.ratios.items():
        if close(ratio):
            return "mean over the wrong count", f"{where}{minus}", "the number of rows that are kept"
    for n, where in sorted(case.counts.items()):
        if n > 1 and close(n):
            return (
                "missing factor 1/N",
                f"the factor 1/{n} of {where} is missing (here N = {n}){minus}",
                f"gradient / {n}",
            )
        if n > 1 and close(1 / n):
            return "1/N twice", f"the factor 1/{n} of {where} is applied twice (here N = {n}){minus}", "1/N once"
    if close(0.5):
        text = f"the gradient is half the true one: a factor 2 (of a square?) is missing{minus}"
        return "missing factor 2", text, "2 * gradient"
    if close(2.0):
        return "factor 2 too many", f"the gradient is twice the true one: a factor 2 too many{minus}", "gradient / 2"
    for n in sorted({int(s) for s in case.true.shape if s > 1} | ({case.true.size} - {0, 1})):
        if close(n):
            text = f"the gradient is {n} times the true one: a factor 1/{n} is missing (here N = {n}){minus}"
            return "missing factor 1/N", text, f"gradient / {n}"
        if close(1 / n):
            text = f"the gradient is 1/{n} of the true one: 1/N twice, or a mean where a sum over {n} belongs{minus}"
            return "1/N twice", text, f"{n} * gradient"
    return None


@mistake("off by one", fix="the index, one less or one more")
def off_by_one(case: Case):
    """The right numbers one place further: an index, a window or a row off by one."""
    if not case.shapes_agree:
        return None
    for axis, step, moved, cut in moved_by_one(case.true):
        if not case.same(moved, case.true) and (case.fits(moved) or case.fits(cut)):
            return f"every number stands one place too {'late' if step == 1 else 'early'} along axis {axis}"
    return None


def moved_by_one(array):
    """(axis, step, ``array`` moved round by the step, the same with 0 where numbers entered from the other end)."""
    for axis in range(array.ndim):
        if array.shape[axis] < 3:
            continue
        for step in (1, -1):
            moved = np.roll(array, step, axis)
            cut = moved.copy()
            cut[(*[slice(None)] * axis, 0 if step == 1 else -1)] = 0
            yield axis, step, moved, cut


def _copied(given, true):
    """The axes of ``given`` along which an argument of shape ``true`` was copied, or None."""
    lead = len(given) - len(true)
    if lead < 0 or any(t not in (1, n) for t, n in zip(true, given[lead:])):
        return None
    return tuple(range(lead)) + tuple(lead + i for i, t in enumerate(true) if t == 1 and given[lead + i] != 1)


def constant_factor(given, case):
    """The constant c with given = c · true, 0 if there is none."""
    if given.shape != case.true.shape or not case.true.any():
        return 0.0
    true = case.true.astype(np.float64)
    c = float((given * true).sum() / (true * true).sum())
    return c if c and case.same(given, c * true) and not case.same(given, true) else 0.0


LOSSES = {"cross_entropy", "nll", "mse", "l1", "huber", "bce_with_logits"}


def _loss_of(case):
    """The loss op on the way, if one compares a prediction with a target."""
    if case.tape is not None:
        return next((str(node) for node in case.tape.nodes.values() if node.op.name in LOSSES), None)
    known = getattr(case.rule, "known", None)
    return known.name if known is not None and known.name in LOSSES else None
