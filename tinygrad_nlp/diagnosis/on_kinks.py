"""What is wrong at one point only: ties and kinks. Asked first, for there every other sign misleads."""

from __future__ import annotations

import numpy as np

from .case import mistake
from .tape import summed


@mistake("ties not shared", fix="g * (x == out) divided by the number of ties", needs="rule")
def ties(case):
    """Several elements are equally large and each gets the whole gradient. Or: the point is a kink, the rule is right
    beside it, and a difference quotient there measures the mean of two slopes."""
    if not case.only_here or not case.shapes_agree:
        return None
    bad = np.abs(case.given - case.true) > case.precision * max(float(np.abs(case.true).max()), 1e-30)
    x = case.rule.values[case.rule.position]
    others = [v for i, v in enumerate(case.rule.values) if i != case.rule.position and isinstance(v, np.ndarray)]
    own = np.array([(x == value).sum() > 1 for value in x.ravel()]).reshape(x.shape)
    shared = own
    for other in others:
        if other.dtype.kind == "f" and summed(other, x.shape).shape == x.shape == other.shape:
            shared = shared | (x == other)
    if shared[bad].all() and case.same(case.given[bad], 2 * case.true[bad]):
        return "at a tie every element gets the whole gradient: their shares do not add up to g"
    return (
        "kink",
        "the rule is right beside this point: at a kink the differences measure the mean of two slopes, "
        "and nothing follows from that",
        "inputs away from the kink; the value at the kink itself is a convention, to be stated",
    )
