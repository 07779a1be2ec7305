"""Reductions: sum, mean, var, std, prod, max, min, norm, cumsum, and without gradient all, any, count_nonzero.

A reduction removes the axes it runs over. Its gradient arrives without them; `restore_axes` puts them back with
length 1, and broadcasting then brings the one number to every element that had a part in it.
"""

from __future__ import annotations

import math

import numpy as np

from ..broadcasting import normalize_axes, restore_axes
from ..derivation import Convention, Derivation, smooth
from ..errors import OptionError, ShapeError, describe, explain
from ..op import op
from ..samples import booleans, distinct, integers, normal, positive, sample
from .arithmetic import abs, sign
from .copies import expand
from .join import concat
from .shape import inverse_order

__all__ = ["all", "any", "count_nonzero", "cumsum", "max", "mean", "min", "norm", "prod", "std", "sum", "var"]

SHAPES = "x: any -> x without the reduced axes, which stay with length 1 if keepdims"

AXES = (
    {},
    {"axis": 0},
    {"axis": (0, -1)},
    {"axis": 1, "keepdims": True},
)


def reductions(draw=normal, **options):
    """Samples at every kind of axis, and on an array without axes."""
    return (*(sample(draw(2, 3, 4), **axes, **options) for axes in AXES), sample(draw(), **options))


def count(shape, axis):
    """How many elements go into one result of a reduction over ``axis``. IndexError for an axis that is not there."""
    if axis is None:
        return math.prod(shape)
    axes = axis if isinstance(axis, tuple) else (axis,)
    return math.prod(shape[a] for a in axes) if shape else 1


def over(g, n):
    """g / n, also for float16 and a larger n than its largest number, 65504: n would be infinite, each share 0."""
    if g.dtype == np.float16 and n > 65504:
        return (g.astype(np.float32) / n).astype(np.float16)
    return g / n


def refuse(asked, x, axis, at_least=0, why=""):
    """Raise the error that explains why ``asked`` cannot reduce ``x`` over ``axis``, if it is one of these two."""
    if np.ndim(axis) and not isinstance(axis, (list, tuple)):  # torch.max(x, y) is elementwise
        write = f"{asked}imum(x, y), elementwise" if asked in ("max", "min") else f"{asked}(x, axis=0)"
        raise ShapeError(explain(asked, got=f"{describe(axis)} as axis", expected="an int or a tuple", write=write))
    if isinstance(axis, list):
        raise ShapeError(
            explain(f"{asked} of {describe(x)}", got=f"axis={axis}", expected="a tuple", write=f"axis={tuple(axis)}")
        )
    try:
        axes = normalize_axes(axis, len(x.shape))
    except ShapeError as error:
        raise ShapeError(f"{asked} of {describe(x)}: {error}") from None
    n = math.prod(x.shape[a] for a in axes)
    if n < at_least:
        raise ShapeError(
            explain(
                f"{asked} of {describe(x)}",
                got=f"{n} elements along axis={axis}",
                expected=f"at least {at_least}: {why}",
            )
        )


@op
class sum:
    """The sum of the elements, along one axis, several, or all. Of no elements it is 0."""

    def forward(x, *, axis=None, keepdims=False):
        return np.add.reduce(x, axis=axis, keepdims=keepdims)

    def vjp_x(g, out, x, *, axis, keepdims):
        return expand(restore_axes(g, axis, x.shape), shape=x.shape)

    def check(x, *, axis, keepdims):
        refuse("sum", x, axis)

    derivation = Derivation(
        statement=r"s = \textstyle\sum_i x_i",
        steps=(
            r"\frac{\partial s}{\partial x_i} = 1",
            r"\bar x_i = \bar s \cdot 1: \text{ the gradient is copied to every term}",
        ),
        source="sum rule; the adjoint of broadcasting (broadcasting.py)",
        shapes=SHAPES,
    )
    conventions = smooth
    samples = (*reductions(), sample(normal(0, 3), axis=0), sample(normal(2, 0)))


@op
class mean:
    """The average of the elements, along one axis, several, or all.

    Raises ShapeError where there is nothing to average: 0/0 would be NaN.
    """

    def forward(x, *, axis=None, keepdims=False):
        if not np.size(x) and not count(np.shape(x), axis) and np.add.reduce(x, axis=axis).size:
            raise ValueError("mean of no elements")
        return np.mean(x, axis=axis, keepdims=keepdims)

    def vjp_x(g, out, x, *, axis, keepdims):
        return expand(over(restore_axes(g, axis, x.shape), count(x.shape, axis)), shape=x.shape)

    def check(x, *, axis, keepdims):
        refuse("mean", x, axis, 1, "the mean of nothing is 0/0")

    derivation = Derivation(
        statement=r"s = \frac{1}{n} \textstyle\sum_i x_i",
        steps=(
            r"\frac{\partial s}{\partial x_i} = \frac{1}{n}",
            r"\bar x_i = \bar s / n: \text{ every term gets the same share}",
        ),
        source="sum rule; the 1/T of 003 Eq 23",
        shapes=SHAPES,
    )
    conventions = smooth
    samples = (*reductions(), sample(normal(0, 3), axis=1))


def refuse_too_few(x, axis, ddof):
    """The forward's own check of var and std: NumPy would warn and answer NaN or inf."""
    if count(np.shape(x), axis) <= ddof and np.add.reduce(x, axis=axis).size:
        raise ValueError("no degree of freedom left")


@op
class var:
    """The variance: the mean square distance from the mean, divided by n - ddof instead of n.

    ddof = 0 is NumPy's default; PyTorch's is 1 (it calls it correction).
    Raises ShapeError if no more than ddof elements go into one variance.
    """

    def forward(x, *, axis=None, ddof=0, keepdims=False):
        refuse_too_few(x, axis, ddof)
        return np.var(x, axis=axis, ddof=ddof, keepdims=keepdims)

    def vjp_x(g, out, x, *, axis, ddof, keepdims):
        share = over(restore_axes(g, axis, x.shape) * 2, count(x.shape, axis) - ddof)
        return share * (x - x.mean(axis, keepdims=True))

    def check(x, *, axis, ddof, keepdims):
        refuse("var", x, axis, ddof + 1, f"the sum of squares is divided by their number less ddof={ddof}")

    derivation = Derivation(
        statement=r"s = \frac{1}{n - d} \textstyle\sum_i (x_i - \mu)^2, \quad \mu = \frac{1}{n} \sum_i x_i",
        steps=(
            r"ds = \frac{2}{n - d} \textstyle\sum_i (x_i - \mu)(dx_i - d\mu)",
            r"\textstyle\sum_i (x_i - \mu)\, d\mu = 0: \text{ distances from the mean sum to zero}",
            r"\bar x_i = \bar s\, \frac{2}{n - d} (x_i - \mu)",
        ),
        source="definition",
        shapes=SHAPES,
    )
    conventions = smooth
    samples = (
        *reductions(),
        sample(normal(2, 3), axis=1, ddof=1),
        sample(normal(2, 3), axis=-1, ddof=1, keepdims=True),
    )


@op
class std:
    """The standard deviation: the root of `var`, in the unit of x. ddof as there."""

    def forward(x, *, axis=None, ddof=0, keepdims=False):
        refuse_too_few(x, axis, ddof)
        return np.std(x, axis=axis, ddof=ddof, keepdims=keepdims)

    def vjp_x(g, out, x, *, axis, ddof, keepdims):
        g, s = restore_axes(g, axis, x.shape), restore_axes(out, axis, x.shape)
        return over(g, count(x.shape, axis) - ddof) * ((x - x.mean(axis, keepdims=True)) / (s + (s == 0)))

    def check(x, *, axis, ddof, keepdims):
        refuse("std", x, axis, ddof + 1, f"the sum of squares is divided by their number less ddof={ddof}")

    derivation = Derivation(
        statement=r"s = \sqrt{v}, \quad v = \frac{1}{n - d} \textstyle\sum_i (x_i - \mu)^2",
        steps=(
            r"ds = \frac{dv}{2 s}",
            r"\frac{\partial v}{\partial x_i} = \frac{2}{n - d} (x_i - \mu) \text{ as for var}",
            r"\bar x_i = \frac{\bar s}{n - d} \cdot \frac{x_i - \mu}{s}",
        ),
        source="chain rule on var",
        shapes=SHAPES,
        notes="s + (s == 0): where s is 0 every x is the mean, and the 1 added turns 0/0 into 0.",
    )
    conventions = (
        Convention(
            "all elements equal",
            ((2.0, 2.0, 2.0),),
            ((0.0, 0.0, 0.0),),
            "the tip of a cone: 0 is the middle of the subgradients. PyTorch: 0; JAX, HIPS autograd: NaN",
        ),
    )
    samples = (*(sample(normal(2, 3, 4), **axes) for axes in AXES), sample(normal(2, 3), axis=1, ddof=1))


def product_of_others(x, axis):
    """For each element the product of all others along ``axis``, without a division: exact where elements are 0.

    Elements are multiplied in pairs, the pairs' products in pairs, and so on; an element's others are its partner
    and the others of its pair. O(n) time, about log2(n) levels of ordinary ops, so it differentiates to any order.
    """
    reduced = normalize_axes(axis, x.ndim)
    order = tuple(a for a in range(x.ndim) if a not in reduced) + reduced
    sizes = tuple(x.shape[a] for a in order)
    kept = sizes[: x.ndim - len(reduced)]
    n = math.prod(sizes[len(kept) :])
    flat = x.transpose(order).reshape((*kept, n))
    return _others_in_rows(flat, n).reshape(sizes).transpose(inverse_order(order))


def _others_in_rows(x, n):
    if n <= 1:
        return np.ones(x.shape, x.dtype)
    if n % 2:  # a partner of 1 for the last element changes no product
        return _others_in_rows(concat(x, np.ones((*x.shape[:-1], 1), x.dtype), axis=-1), n + 1)[..., :n]
    pairs = x.reshape((*x.shape[:-1], n // 2, 2))
    others = _others_in_rows(pairs[..., 0] * pairs[..., 1], n // 2)
    return (pairs[..., ::-1] * others[..., None]).reshape(x.shape)


@op
class prod:
    """The product of the elements, along one axis, several, or all. Of no elements it is 1."""

    def forward(x, *, axis=None, keepdims=False):
        return np.multiply.reduce(x, axis=axis, keepdims=keepdims)

    def vjp_x(g, out, x, *, axis, keepdims):
        return restore_axes(g, axis, x.shape) * product_of_others(x, axis)

    def check(x, *, axis, keepdims):
        refuse("prod", x, axis)

    derivation = Derivation(
        statement=r"s = \textstyle\prod_i x_i",
        steps=(
            r"\text{in } x_i \text{ alone the product is linear: } s = x_i \textstyle\prod_{j \neq i} x_j",
            r"\frac{\partial s}{\partial x_i} = \textstyle\prod_{j \neq i} x_j",
            r"\bar x_i = \bar s \textstyle\prod_{j \neq i} x_j",
        ),
        source="product rule",
        shapes=SHAPES,
        notes="s / x_i is the same number only where x_i is not 0; the product of the others is formed without it.",
    )
    conventions = smooth
    samples = (
        *reductions(),
        sample(normal(7)),
        sample(normal(1, 3), axis=0),
        sample(normal(2, 0), axis=1),
        sample(np.array([2.0, 0.0, -3.0, 0.5])),
        sample(np.array([[2.0, 0.0, -3.0], [0.0, 0.0, 5.0]]), axis=1),
    )


def shared_among(chosen, g, axis):
    """``g`` divided evenly between the elements along ``axis`` where ``chosen`` is 1, zero where it is 0."""
    return g / chosen.sum(axis, keepdims=True) * chosen


TIES = (
    "equal elements share: the mean of the one-sided choices. PyTorch's amax and amin, JAX, HIPS autograd do the same"
)


@op
class max:
    """The largest element, along one axis, several, or all; NaN if there is one. `topk` also says where.

    Raises ShapeError where there are no elements.
    """

    def forward(x, *, axis=None, keepdims=False):
        return np.maximum.reduce(x, axis=axis, keepdims=keepdims)

    def vjp_x(g, out, x, *, axis, keepdims):
        largest = (x == restore_axes(out, axis, x.shape)).astype(g.dtype)
        return shared_among(largest, restore_axes(g, axis, x.shape), axis)

    def check(x, *, axis, keepdims):
        refuse("max", x, axis, 1, "nothing has no largest element")

    derivation = Derivation(
        statement=r"s = \max_i x_i",
        steps=(
            r"\text{if } x_k \text{ alone is largest, it still is after a small change: } ds = dx_k",
            r"\bar x_i = \bar s \text{ for } i = k, \text{ else } 0",
            r"\text{of } m \text{ equal largest, each: } \bar x_i = \bar s / m",
        ),
        source="definition",
        shapes=SHAPES,
    )
    conventions = (
        Convention("two equal largest elements", ((3.0, 1.0, 3.0),), ((0.5, 0.0, 0.5),), TIES),
        Convention("all elements equal", ((0.0, 0.0, 0.0, 0.0),), ((0.25, 0.25, 0.25, 0.25),), TIES),
    )
    samples = reductions(distinct)


@op
class min:
    """The smallest element, along one axis, several, or all; NaN if there is one.

    Raises ShapeError where there are no elements.
    """

    def forward(x, *, axis=None, keepdims=False):
        return np.minimum.reduce(x, axis=axis, keepdims=keepdims)

    def vjp_x(g, out, x, *, axis, keepdims):
        smallest = (x == restore_axes(out, axis, x.shape)).astype(g.dtype)
        return shared_among(smallest, restore_axes(g, axis, x.shape), axis)

    def check(x, *, axis, keepdims):
        refuse("min", x, axis, 1, "nothing has no smallest element")

    derivation = Derivation(
        statement=r"s = \min_i x_i",
        steps=(
            r"\min_i x_i = -\max_i (-x_i)",
            r"\bar x_i = \bar s / m \text{ for each of the } m \text{ smallest, else } 0",
        ),
        source="definition; as for max",
        shapes=SHAPES,
    )
    conventions = (Convention("two equal smallest elements", ((1.0, 3.0, 1.0),), ((0.5, 0.0, 0.5),), TIES),)
    samples = reductions(distinct)


def euclidean(x, axis):
    """The root of the sum of squares along ``axis``, which is kept with length 1.

    The square of a number can overflow or vanish where the number does not: 1e20 in float32. So where the plain
    result is suspect, it is computed again with the largest element divided out.
    """
    x = np.asarray(x)
    if x.dtype.kind in "iub":
        x = x.astype(np.float64)
    with np.errstate(over="ignore", under="ignore"):
        plain = np.sqrt(np.add.reduce(x * x, axis=axis, keepdims=True))
    if not plain.size or x.dtype.kind != "f":
        return plain
    kind = np.finfo(plain.dtype)
    if plain.min() > math.sqrt(kind.tiny / kind.eps) and plain.max() < np.inf:
        return plain
    peak = np.maximum.reduce(np.abs(x), axis=axis, keepdims=True, initial=0)
    scale = np.where((peak == 0) | (peak == np.inf), np.ones_like(peak), peak)
    scaled = x / scale
    return np.sqrt(np.add.reduce(scaled * scaled, axis=axis, keepdims=True)) * scale


@op
class norm:
    """The length of x as a vector, along one axis, several together, or all.

    ord = 2 is the root of the sum of squares, 1 the sum of absolute values, math.inf the largest of them. Several
    axes are one long vector (the Frobenius norm of a matrix), never a matrix norm as in NumPy.
    Raises OptionError for another ord.
    """

    def forward(x, *, ord=2, axis=None, keepdims=False):
        if ord == 2:
            out = euclidean(x, axis)
            return out if keepdims else np.squeeze(out, axis)
        if ord == 1:
            return np.add.reduce(np.abs(x), axis=axis, keepdims=keepdims)
        if ord == np.inf:
            return np.maximum.reduce(np.abs(x), axis=axis, keepdims=keepdims)
        raise OptionError(explain("norm", got=f"ord={ord!r}", expected="1, 2 or math.inf"))

    def vjp_x(g, out, x, *, ord, axis, keepdims):
        g, s = restore_axes(g, axis, x.shape), restore_axes(out, axis, x.shape)
        if ord == 2:
            return g * (x / (s + (s == 0)))
        if ord == 1:
            return g * sign(x)
        return shared_among((abs(x) == s).astype(g.dtype), g, axis) * sign(x)

    def check(x, *, ord, axis, keepdims):
        refuse("norm", x, axis, 1 if ord == np.inf else 0, "nothing has no largest element")

    derivation = Derivation(
        statement=r"s = \lVert x \rVert = \sqrt{\textstyle\sum_i x_i^2}",
        steps=(
            r"s^2 = \textstyle\sum_i x_i^2 \;\Rightarrow\; 2 s\, ds = \sum_i 2 x_i\, dx_i",
            r"\bar x = \bar s\, \frac{x}{\lVert x \rVert}: \text{ the unit vector along } x",
            r"\lVert x \rVert_1 = \textstyle\sum_i |x_i|: \quad \bar x = \bar s \operatorname{sign}(x)",
            r"\lVert x \rVert_\infty = \max_i |x_i|: \quad \bar x_i = \bar s \operatorname{sign}(x_i) / m "
            r"\text{ for each of the } m \text{ largest, else } 0",
        ),
        source="002 §1.5 (corrected: the norm is the root of the sum of squares, not u over it)",
        shapes=SHAPES,
        notes="squares that overflow or vanish are avoided by dividing the largest element out. "
        "s + (s == 0): at x = 0 the 1 added turns 0/0 into 0.",
    )
    conventions = (
        Convention("x = 0", ((0.0, 0.0),), ((0.0, 0.0),), "the tip of a cone. PyTorch: 0; JAX, HIPS, MyGrad: NaN"),
        Convention("a zero element, ord=1", ((0.0, -2.0),), ((0.0, -1.0),), "sign(0) = 0. PyTorch: 0", {"ord": 1}),
        Convention("equal largest, ord=inf", ((2.0, -2.0),), ((0.5, -0.5),), "as for max. PyTorch", {"ord": np.inf}),
        Convention("x = 0, ord=inf", ((0.0, 0.0),), ((0.0, 0.0),), "sign(0) = 0. PyTorch: 0", {"ord": np.inf}),
    )
    samples = (
        *reductions(),
        *reductions(ord=1),
        *reductions(positive, ord=np.inf),
        sample(np.array([[1.0, -3.0], [2.5, 0.3]]), ord=np.inf, axis=1),
        sample(normal(2, 0), axis=1),
    )


@op
class cumsum:
    """Running sums along an axis: each element is the sum of all up to and with it. axis=None flattens first.

    reverse=True sums from the other end: all from it on.
    """

    def forward(x, *, axis=None, reverse=False):
        if not reverse:
            return np.cumsum(x, axis=axis)
        if axis is None:
            return np.cumsum(np.ravel(x)[::-1])[::-1]
        return np.flip(np.cumsum(np.flip(x, axis), axis=axis), axis)

    def vjp_x(g, out, x, *, axis, reverse):
        return cumsum(g, axis=axis, reverse=not reverse).reshape(x.shape)

    def check(x, *, axis, reverse):
        if isinstance(axis, tuple):
            raise ShapeError(explain(f"cumsum of {describe(x)}", got=f"axis={axis}", expected="one axis, or None"))
        refuse("cumsum", x, axis)

    derivation = Derivation(
        statement=r"s_k = \textstyle\sum_{i \le k} x_i",
        steps=(
            r"\frac{\partial s_k}{\partial x_i} = 1 \text{ for } k \ge i, \text{ else } 0",
            r"\bar x_i = \textstyle\sum_{k \ge i} \bar s_k: \text{ running sums from the end}",
        ),
        source="sum rule; the transpose of a triangle of ones",
        shapes="x: any -> same; flat if axis is None",
    )
    conventions = smooth
    samples = (
        sample(normal(4)),
        sample(normal(2, 3)),
        sample(normal(2, 3), reverse=True),
        sample(normal(2, 3, 2), axis=1),
        sample(normal(2, 3, 2), axis=-1, reverse=True),
        sample(normal(0, 3), axis=1),
        sample(normal(2, 0), axis=1),
    )


NO_GRADIENT = "no gradient: the result does not vary"


@op
class all:
    """True where every element along the axes is true (not zero); of none, True. It has no gradient."""

    def forward(x, *, axis=None, keepdims=False):
        return np.logical_and.reduce(x, axis=axis, keepdims=keepdims)

    def check(x, *, axis, keepdims):
        refuse("all", x, axis)

    derivation = Derivation(r"s = x_1 \wedge \dots \wedge x_n", (), "logic", SHAPES, NO_GRADIENT)
    conventions = smooth
    samples = reductions(booleans)


@op
class any:
    """True where some element along the axes is true (not zero); of none, False. It has no gradient."""

    def forward(x, *, axis=None, keepdims=False):
        return np.logical_or.reduce(x, axis=axis, keepdims=keepdims)

    def check(x, *, axis, keepdims):
        refuse("any", x, axis)

    derivation = Derivation(r"s = x_1 \vee \dots \vee x_n", (), "logic", SHAPES, NO_GRADIENT)
    conventions = smooth
    samples = reductions(booleans)


@op
class count_nonzero:
    """How many elements along the axes are not zero. It has no gradient."""

    def forward(x, *, axis=None, keepdims=False):
        return np.count_nonzero(x, axis=axis, keepdims=keepdims)

    def check(x, *, axis, keepdims):
        refuse("count_nonzero", x, axis)

    derivation = Derivation(r"s = |\{ i : x_i \neq 0 \}|", (), "definition", SHAPES, NO_GRADIENT)
    conventions = smooth
    samples = (
        sample(integers(0, 3, 4, 3)),
        sample(integers(0, 3, 4, 3), axis=0),
        sample(booleans(2, 3), axis=1, keepdims=True),
    )
