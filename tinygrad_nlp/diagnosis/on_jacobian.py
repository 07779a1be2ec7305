"""Mistakes that show in the pattern of the Jacobian: which output was said to depend on which input."""

from __future__ import annotations

import numpy as np

from .case import mistake
from .on_arrays import moved_by_one


def matrices(case):
    """(given, true) as (outputs, inputs) matrices, or None if their shapes differ."""
    given, true, outer = case.jacobian
    if given.shape != true.shape or not true.size:
        return None
    size = int(np.prod(true.shape[:outer]))
    return given.reshape(size, -1), true.reshape(size, -1)


def near_zero(case, matrix):
    """Where a measured entry counts as 0."""
    return np.abs(matrix) <= case.precision * max(float(np.abs(matrix).max()), 1e-30) + 1e-9


def elementwise(case, true):
    """Is every output the function of one input, its own?"""
    _, jacobian, outer = case.jacobian
    if jacobian.shape[:outer] != jacobian.shape[outer:]:
        return False
    return bool(near_zero(case, true - np.diag(np.diag(true))).all())


@mistake("diagonal only", fix="out * (g − (g * out).sum(axis, keepdims=True))", needs="jacobian")
def only_the_diagonal(case):
    """Softmax, normalization and the like mix a whole row; the rule treats them as elementwise, or leaves the
    diagonal out: ŷ_k(δ_ki − ŷ_i) has both parts."""
    pair = matrices(case)
    if pair is None or case.jacobian[1].shape[: case.jacobian[2]] != case.jacobian[1].shape[case.jacobian[2] :]:
        return None
    given, true = pair
    diagonal = np.diag(np.diag(true))
    if near_zero(case, true - diagonal).all() or near_zero(case, diagonal).all():
        return None
    if case.same(given, diagonal):
        return "only the diagonal of the Jacobian is there; every output of a row depends on all its inputs"
    if case.same(given, true - diagonal) and (~near_zero(case, true)).sum(1).max() > 1:
        return "the diagonal of the Jacobian is missing (the δ_ki in ŷ_k(δ_ki − ŷ_i))"
    return None


@mistake("missing mask", fix="g * mask: where forward let nothing through, nothing comes back", needs="jacobian")
def mask_left_out(case):
    """The gradient passes where the result does not depend on the argument: the mask of relu, clip, where or dropout
    is not applied."""
    pair = matrices(case)
    if pair is None:
        return None
    given, true = pair
    dead = near_zero(case, true)
    extra = dead & ~near_zero(case, given)
    if not extra.any() or not case.same(np.where(dead, 0, given), np.where(dead, 0, true)):
        return None
    if elementwise(case, true):
        rows = np.diag(dead) & np.diag(extra)
        if rows.any():
            return f"{int(rows.sum())} of {len(true)} elements get a gradient although they have no influence there"
    if not (extra & ~dead.all(1)[:, None]).any():
        return f"{int(extra.sum())} elements get a gradient although they have no influence there"
    if true.shape[0] < true.shape[1] and (~dead).sum(1).max() == 1:
        return (
            "max routed to all",
            "every element of a group gets the gradient; only the largest (the one chosen) has an influence",
            "g * (x == out), shared among ties",
        )
    return None


@mistake("wrong mask", fix="the mask of the forward pass itself", needs="jacobian")
def mask_turned_round(case):
    """The gradient passes where it should not and stops where it should pass: a mask turned round, a wrong triangle."""
    pair = matrices(case)
    if pair is None or not elementwise(case, pair[1]):
        return None
    given, true = (~near_zero(case, np.diag(m)) for m in pair)
    off_diagonal = pair[0] - np.diag(np.diag(pair[0]))
    if not near_zero(case, off_diagonal).all() or not given.any():
        return None
    if true.any() and not (given & true).any():
        return "the gradient passes where forward lets nothing through, and only there: the mask is turned round"
    both = given & true
    if (given & ~true).any() and (true & ~given).any() and case.same(np.diag(pair[0])[both], np.diag(pair[1])[both]):
        return (
            f"the gradient passes at {int((given & ~true).sum())} elements where it should not, "
            f"and stops at {int((true & ~given).sum())} where it should pass"
        )
    return None


@mistake(
    "forward applied to g",
    fix="the transpose of what forward does: g goes back the way the value came",
    needs="jacobian",
)
def forward_instead_of_transpose(case):
    """The rule does to g what forward does to x, where it has to be undone: a permutation, a shift, a cumulative sum
    in the forward direction."""
    given, true, outer = case.jacobian
    if given.shape != true.shape or true.shape[:outer] != true.shape[outer:] or not outer:
        return None
    given, true = matrices(case)
    if not case.same(true, true.T) and case.same(given, true.T):
        return "the rule does to g what forward does to the argument; it has to do the transpose (undo the order)"
    return None


@mistake("repeated rows overwritten", fix="np.add.at(grad, index, g), or put_back: repeats add up", needs="jacobian")
def repeats_overwritten(case):
    """A row that was read several times gets the gradient of one reading: grad[index] = g overwrites, and so does
    grad[index] += g."""
    pair = matrices(case)
    if pair is None:
        return None
    given, true = pair
    here = ~near_zero(case, true)
    if not (here.sum(0) > 1).any():
        return None
    for words, order in (("last", slice(None, None, -1)), ("first", slice(None))):
        kept = np.zeros_like(here)
        rows = here[order].argmax(0)
        rows = len(true) - 1 - rows if words == "last" else rows
        kept[rows, np.arange(true.shape[1])] = True
        if case.same(given, np.where(kept, true, 0)):
            argument, result = case.jacobian[1].shape[case.jacobian[2] :], case.jacobian[1].shape[: case.jacobian[2]]
            if _broadcasts(argument, result):
                return "forgotten broadcast sum", f"only the {words} copy counts", "the sum over every copy: g.sum(0)"
            return f"of an element read several times only the {words} reading counts"
    return None


@mistake("off by one", fix="the same index or window in forward and rule", needs="jacobian")
def shifted(case):
    """Every output is differentiated with respect to its neighbour: an index or a window off by one."""
    given, true, _ = case.jacobian
    if given.shape != true.shape:
        return None
    for _, _, moved, cut in moved_by_one(true):
        if not case.same(moved, true) and (case.same(given, moved) or case.same(given, cut)):
            return "every derivative stands one place too far"
    return None


@mistake("wrong axis", fix="np.expand_dims(g, axis) before it is spread", needs="jacobian")
def spread_along_another_axis(case):
    """A sum or mean along one axis is differentiated as if it had gone along another of the same length."""
    given, true, outer = case.jacobian
    if given.shape != true.shape or true.ndim - outer < 2:
        return None
    for i in range(outer, true.ndim):
        for j in range(outer, i):
            if true.shape[i] == true.shape[j] and case.same(given, true.swapaxes(i, j)):
                return f"axis {j - outer} and axis {i - outer} of the argument are exchanged"
    return None


@mistake("missing path", fix="every term the result depends on, added up", needs="jacobian")
def part_of_the_paths(case):
    """Where the argument enters several times, one use is left out, and for some elements nothing is left."""
    pair = matrices(case)
    if pair is None:
        return None
    given, true = pair
    gone = near_zero(case, given) & ~near_zero(case, true)
    if gone.any() and case.same(given, np.where(gone, 0, true)):
        return (
            f"{int(gone.sum())} of {true.size} derivatives are 0 and should not be: a path is detached or overwritten, "
            "or the rule leaves out a case of the definition"
        )
    return None


def _broadcasts(argument, result):
    """Was an argument of this shape copied to make the result?"""
    try:
        return np.broadcast_shapes(argument, result) == result and np.prod(argument) < np.prod(result)
    except ValueError:
        return False
