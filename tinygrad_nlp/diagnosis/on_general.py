"""What is left when no specific mistake fits: a word on how the numbers differ. These stand last in the catalogue."""

from __future__ import annotations

import numpy as np

from .case import mistake
from .on_arrays import constant_factor
from .on_jacobian import near_zero


@mistake("wrong axis", fix="the axis of the forward pass", needs="jacobian")
def coupled_along_another_axis(case):
    """Forward mixes the elements along one axis, the rule along another."""
    given, true, outer = case.jacobian
    if given.shape != true.shape or true.shape[:outer] != true.shape[outer:] or outer < 2:
        return None
    along = [_coupled(case, jacobian, outer) for jacobian in (given, true)]
    if along[1] and along[0] != along[1]:
        said, right = (", ".join(map(str, sorted(a))) or "none" for a in along)
        return f"forward mixes elements along axis {right}, the rule along axis {said}"
    return None


def _coupled(case, jacobian, outer):
    """The axes along which an output depends on inputs at other places."""
    small = near_zero(case, jacobian)
    axes = set()
    for place in zip(*np.nonzero(~small)):
        axes |= {a for a in range(outer) if place[a] != place[outer + a]}
    return axes


@mistake("wrong axis", fix="the axis of the forward pass", needs="jacobian")
def aligned_with_another_axis(case):
    """Each output belongs to a row in forward and to a column in the rule: max, min, norm along the wrong axis."""
    given, true, outer = case.jacobian
    if given.shape != true.shape or outer == 0 or true.ndim == 2 * outer:
        return None
    said, right = (_alignment(case, jacobian, outer) for jacobian in (given, true))
    if said and right and said != right:
        return f"output axis {min(right)[0]} runs along axis {min(right)[1]} of the argument, in the rule along another"
    return None


def _alignment(case, jacobian, outer):
    """{(axis of the result, axis of the argument)} that always have the same index."""
    places = np.array(np.nonzero(~near_zero(case, jacobian)))
    pairs = (
        (a, b) for a in range(outer) for b in range(outer, jacobian.ndim) if jacobian.shape[a] == jacobian.shape[b]
    )
    return {(a, b - outer) for a, b in pairs if places.size and (places[a] == places[b]).all()}


@mistake("factor", fix="the constant factors of the definition, each once")
def some_factor(case):
    """A constant factor without a cause that the catalogue knows."""
    factor = constant_factor(case.given, case)
    return f"the gradient is {factor:.6g} times the true one" if factor else None


@mistake("precision", fix="float64: x.astype(np.float64), and a step of about 1e-6 for differences")
def too_little_precision(case):
    """Not a mistake in the mathematics: float32 or float16 numbers differ from the right ones like noise."""
    if case.given.dtype not in (np.float32, np.float16) or not case.shapes_agree:
        return None
    off = np.abs(case.given - case.true)
    size = float(np.abs(case.true).max())
    if size and off.max() <= 0.05 * size:
        return (
            f"no mistake that the catalogue knows: the numbers are {case.given.dtype} and within "
            f"{float(off.max()) / size:.1g} of the right ones; the precision is too low to tell right from nearly right"
        )
    return None


@mistake("partly zero", fix="every term the result depends on, added up")
def partly_zero(case):
    """Some elements get nothing, the others are right: a path is detached, a row or a slice is left out."""
    if not case.shapes_agree:
        return None
    gone = (case.given == 0) & (case.true != 0)
    if gone.any() and case.same(case.given, np.where(gone, 0, case.true)):
        return f"{int(gone.sum())} of {gone.size} elements are 0 and should not be; the others are right"
    return None


@mistake("missing mask", fix="g * mask: where forward let nothing through, nothing comes back")
def should_be_zero(case):
    """Some elements should be 0 and are not, the others are right: a mask is missing."""
    if not case.shapes_agree:
        return None
    extra = np.abs(case.true) <= 1e-9 * max(float(np.abs(case.true).max()), 1e-30)
    if (
        extra.any()
        and case.given[extra].any()
        and case.same(np.where(extra, 0, case.given), np.where(extra, 0, case.true))
    ):
        return f"{int(extra.sum())} of {extra.size} elements should be 0; the others are right"
    return None


@mistake("different", fix="derive it once more: dJ = sum(g * d out), substitute d out, read off the gradient")
def different(case):
    """Nothing the catalogue knows."""
    if not case.shapes_agree:
        return None
    scale = max(float(np.abs(case.true).max()), 1e-30)
    bad = np.abs(case.given - case.true) > 1e-5 * scale
    also = "" if bad.all() else f", the other {int((~bad).sum())} are right"
    large = " (the graph is large: not every place in it was tried)" if case.late() else ""
    return f"{int(bad.sum())} of {bad.size} elements differ{also}: a term is missing, or a factor that varies{large}"
