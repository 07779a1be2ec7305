"""Joining arrays, cutting them apart and padding them: concat, stack, split, pad."""

from __future__ import annotations

import numpy as np

from ..apply import apply
from ..derivation import Derivation, smooth
from ..errors import ShapeError, explain
from ..op import op
from ..samples import normal, sample
from .index import along, getitem, put_back

__all__ = ["cat", "concat", "concatenate", "pad", "split", "stack"]


@op
class concat:
    """Arrays joined along an axis they all have: NumPy's ``concat``, also called ``concatenate`` and ``cat``.

    Called ``concat([x, y], axis=0)`` or ``concat(x, y, axis=0)``. Shapes: (…, n_1, …), (…, n_2, …), … ->
    (…, n_1 + n_2 + …, …), all other axes equal; dtypes are promoted.
    """

    def forward(*xs, axis=0):
        return np.concatenate(xs, axis=int(axis))

    def vjp_xs(position, g, out, *xs, axis):
        return g[share_of(position, [x.shape for x in xs], axis)]

    def check(*xs, axis):
        if not xs:
            raise ShapeError(
                explain("concat", got="no arrays", expected="at least one", write="concat([x, y], axis=0)")
            )
        if axis is None:
            raise ShapeError(explain("concat", got="axis=None", expected="an axis", write="concat([flatten(x), …])"))
        first = xs[0]
        if first.ndim == 0:
            raise ShapeError(explain("concat", got=f"{first}, a number", expected="arrays", write="stack(…)"))
        for i, x in enumerate(xs):
            others = [k for k in range(first.ndim) if k != axis % first.ndim]
            if x.ndim != first.ndim or any(x.shape[k] != first.shape[k] for k in others):
                raise ShapeError(
                    explain(
                        f"concat along axis {axis}",
                        got=f"argument 0 {first}, argument {i} {x}",
                        expected="shapes that differ along that axis alone",
                        write="stack(…) to join along a new axis" if x.shape == first.shape else "",
                    )
                )

    derivation = Derivation(
        statement=r"s = (x_1, x_2, \dots)",
        steps=(
            r"dJ = \textstyle\sum_k \langle \bar s_{\text{part } k}, dx_k \rangle",
            r"\bar x_k = \bar s_{\text{part } k}",
        ),
        source="definition; the transpose of a concatenation is a split",
        shapes="xs: (…, n_k, …) each -> (…, sum of n_k, …)",
    )
    conventions = smooth
    samples = (
        sample(normal(3), normal(2)),
        sample(normal(2, 3), normal(1, 3), normal(0, 3)),
        sample(normal(2, 3), normal(2, 1), axis=-1),
        sample(normal(2, 1, 2), normal(2, 3, 2), axis=1),
        sample(normal(2)),
    )


concatenate = cat = concat


def share_of(position, shapes, axis):
    """The index, in the sense of s[…], of the part that array number ``position`` is of a concatenation."""
    axis = axis % len(shapes[position])
    start = sum(shape[axis] for shape in shapes[:position])
    return (*[slice(None)] * axis, slice(start, start + shapes[position][axis]))


@op
class stack:
    """Arrays of one shape joined along a new axis: k arrays of shape (…) -> (…, k, …)."""

    def forward(*xs, axis=0):
        return np.stack(xs, axis)

    def vjp_xs(position, g, out, *xs, axis):
        return g[(*[slice(None)] * (axis % g.ndim), position)]

    def check(*xs, axis):
        for i, x in enumerate(xs):
            if x.shape != xs[0].shape:
                raise ShapeError(
                    explain(
                        "stack",
                        got=f"argument 0 {xs[0]}, argument {i} {x}",
                        expected="one shape for all",
                        write="concat(…) to join along an axis they have",
                    )
                )

    derivation = Derivation(
        statement=r"s_{\dots k \dots} = x_k",
        steps=(
            r"dJ = \textstyle\sum_k \langle \bar s_{\dots k \dots}, dx_k \rangle",
            r"\bar x_k = \bar s_{\dots k \dots}",
        ),
        source="definition",
        shapes="xs: (…) each, k of them -> (…, k, …)",
    )
    conventions = smooth
    samples = (
        sample(normal(3), normal(3)),
        sample(normal(2, 3), normal(2, 3), normal(2, 3), axis=1),
        sample(normal(2, 3), normal(2, 3), axis=-1),
        sample(normal(), normal()),
        sample(normal(0, 2), normal(0, 2), axis=2),
    )


def split(x, indices_or_sections, axis=0):
    """Cut along an axis; NumPy's ``split``, as a list of parts.

    indices_or_sections  an int: so many equal parts; a list of ints: the places to cut at

    Raises ShapeError where the axis cannot be cut into so many equal parts.
    """
    shape = tuple(np.shape(x))
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(explain("split", got=f"axis {axis} of shape {shape}", expected="an axis the array has"))
    axis, n = axis % len(shape), shape[axis]
    if np.ndim(indices_or_sections) == 0:
        sections = int(indices_or_sections)
        if sections < 1 or n % sections:
            raise ShapeError(
                explain(
                    "split",
                    got=f"{sections} sections of axis {axis}, whose length is {n}",
                    expected="a number of sections that divides the length",
                    write="split(x, [places to cut at], axis) for unequal parts",
                )
            )
        cuts = [n // sections * k for k in range(1, sections)]
    else:
        cuts = [int(cut) for cut in indices_or_sections]
    parts = []
    for start, stop in zip([0, *cuts], [*cuts, n]):
        parts.append(apply(getitem, (x,), {"index": (*[slice(None)] * axis, slice(start, stop))}))
    return parts


@op
class pad:
    """More places before and after, filled with ``value`` or, for the other modes of NumPy's ``pad``, from x itself.

    widths  an int for all sides, (before, after) for all axes, or one such pair per axis
    mode    "constant", "edge", "reflect", "symmetric" or "wrap"
    value   what a constant padding holds; it receives no gradient

    Shapes: x: (n_1, …) -> (before_1 + n_1 + after_1, …).
    """

    def forward(x, *, widths, mode="constant", value=0):
        if mode not in PAD_MODES:
            raise ShapeError(explain("pad", got=f"mode={mode!r}", expected=f"one of {', '.join(PAD_MODES)}"))
        return np.pad(x, widths, mode, **({"constant_values": value} if mode == "constant" else {}))

    def vjp_x(g, out, x, *, widths, mode, value):
        if mode == "constant":
            return g[inside_of(x.shape, widths)]
        return put_back(g, index=padded_from(x.shape, widths, mode), shape=x.shape)

    derivation = Derivation(
        statement=r"s_{b + i} = x_i, \text{ elsewhere a constant, or } s_k = x_{i_k}",
        steps=(
            r"\bar x_i = \bar s_{b + i}: \text{ what arrives at a constant is dropped}",
            r"\text{else } \bar x_i = \textstyle\sum_{k:\, i_k = i} \bar s_k: \text{ copies add}",
        ),
        source="definition; getitem for the modes that copy",
        shapes="x: (n_1, …) -> (before_1 + n_1 + after_1, …)",
    )
    conventions = smooth
    samples = (
        sample(normal(3), widths=2),
        sample(normal(2, 3), widths=(1, 0), value=7.5),
        sample(normal(2, 3), widths=((0, 0), (1, 2))),
        sample(normal(2, 0), widths=1),
        sample(normal(3), widths=(2, 1), mode="reflect"),
        sample(normal(2, 3), widths=((1, 1), (0, 2)), mode="edge"),
        sample(normal(2, 3), widths=2, mode="wrap"),
        sample(normal(3), widths=1, mode="symmetric"),
    )


PAD_MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


def _pairs(widths, ndim):
    return [(int(before), int(after)) for before, after in np.broadcast_to(widths, (ndim, 2))]


def inside_of(shape, widths):
    """The index, in the sense of s[…], of the unpadded array inside the padded one."""
    return tuple(slice(before, before + n) for n, (before, _) in zip(shape, _pairs(widths, len(shape))))


def padded_from(shape, widths, mode):
    """The index, in the sense of x[…], that reads the padded array from the unpadded one."""
    ndim = len(shape)
    places = [np.pad(np.arange(n), pair, mode) for n, pair in zip(shape, _pairs(widths, ndim))]
    return tuple(along(place, axis, ndim) for axis, place in enumerate(places))
