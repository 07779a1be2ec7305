"""Ops that move numbers without changing them. Each is a linear map of zeros and ones, so its rule is the transpose:
what went from place i to place k sends its gradient from k back to i, and what went to several places gets their sum.
"""

from __future__ import annotations

import math

import numpy as np

from ..apply import apply
from ..broadcasting import sum_to_shape
from ..derivation import Derivation, smooth
from ..errors import ShapeError, explain
from ..op import op
from ..samples import normal, sample
from ..tensor import Tensor
from .index import along, along_axis_or_flat, getitem, put_back

__all__ = [
    "astype",
    "broadcast_to",
    "cast",
    "cat",
    "concat",
    "concatenate",
    "expand",
    "flatten",
    "flip",
    "moveaxis",
    "pad",
    "permute",
    "repeat",
    "reshape",
    "roll",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "tile",
    "transpose",
    "unsqueeze",
]


# ---- another shape, the same order --------------------------------------------------------------------------


@op
class reshape:
    """The same numbers in the same order under another shape; one size may be -1."""

    def forward(x, *, shape):
        return np.reshape(x, shape)

    def vjp_x(g, out, x, *, shape):
        return g.reshape(x.shape)

    def check(x, *, shape):
        raise ShapeError(
            explain(
                "reshape",
                got=f"{x} ({int(np.prod(x.shape))} elements) to shape {shape}",
                expected="a shape with as many elements, or with one -1 for the size that follows",
            )
        )

    derivation = Derivation(
        statement=r"s_k = x_k \text{ (k-th element in row order)}",
        steps=(r"ds_k = dx_k", r"\bar x = \bar s \text{ in the shape of } x"),
        source="definition",
        shapes="x: any -> shape",
    )
    conventions = smooth
    samples = (
        sample(normal(2, 6), shape=(3, 4)),
        sample(normal(12), shape=(3, -1)),
        sample(normal(), shape=(1, 1)),
        sample(normal(0, 3), shape=(3, 0)),
    )


@op
class squeeze:
    """Without the axes of length 1: all of them, or those of ``axis``. Raises ShapeError for a longer axis."""

    def forward(x, *, axis=None):
        return np.squeeze(x, axis)

    def vjp_x(g, out, x, *, axis):
        return g.reshape(x.shape)

    derivation = Derivation(
        statement=r"s_{ij} = x_{i1j}",
        steps=(r"ds_{ij} = dx_{i1j}", r"\bar x = \bar s \text{ in the shape of } x"),
        source="definition",
        shapes="x: (…, 1, …) -> (…, …)",
    )
    conventions = smooth
    samples = (
        sample(normal(1, 3, 1)),
        sample(normal(1, 3, 1), axis=0),
        sample(normal(2, 1, 1), axis=(1, -1)),
        sample(normal(1, 0), axis=0),
    )


@op
class unsqueeze:
    """With a new axis of length 1 at ``axis`` of the result (or at each of several): NumPy's ``expand_dims``."""

    def forward(x, *, axis):
        return np.expand_dims(x, axis)

    def vjp_x(g, out, x, *, axis):
        return g.reshape(x.shape)

    derivation = Derivation(
        statement=r"s_{i1j} = x_{ij}",
        steps=(r"ds_{i1j} = dx_{ij}", r"\bar x = \bar s \text{ in the shape of } x"),
        source="definition",
        shapes="x: (…, …) -> (…, 1, …)",
    )
    conventions = smooth
    samples = (
        sample(normal(2, 3), axis=0),
        sample(normal(2, 3), axis=-1),
        sample(normal(2, 3), axis=(0, 2)),
        sample(normal(), axis=0),
        sample(normal(0, 3), axis=1),
    )


def flatten(x, start_dim=0, end_dim=-1):
    """The axes from ``start_dim`` to ``end_dim`` (both included) as one; all of them by default.

    x: (a, b, c), start_dim=1 -> (a, b·c). Raises ShapeError for axes out of range or in the wrong order.
    """
    shape = tuple(np.shape(x))
    ndim = max(len(shape), 1)  # a number flattens to one element
    if not (-ndim <= start_dim < ndim and -ndim <= end_dim < ndim and start_dim % ndim <= end_dim % ndim):
        raise ShapeError(
            explain(
                "flatten",
                got=f"start_dim={start_dim}, end_dim={end_dim} for shape {shape}",
                expected=f"axes from {-ndim} to {ndim - 1}, the first not after the last",
            )
        )
    first, last = start_dim % ndim, end_dim % ndim
    return apply(reshape, (x,), {"shape": (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])})


# ---- another order of the axes ------------------------------------------------------------------------------


@op
class transpose:
    """The axes in another order; reversed if none is given."""

    def forward(x, *, axes=None):
        return np.transpose(x, axes)

    def vjp_x(g, out, x, *, axes):
        return g.transpose(inverse_order(axes))

    def check(x, *, axes):
        raise ShapeError(explain("transpose", got=f"axes {axes} for {x}", expected=f"each of the {x.ndim} axes once"))

    derivation = Derivation(
        statement=r"s_{i_{\pi(1)} i_{\pi(2)} \dots} = x_{i_1 i_2 \dots}",
        steps=(r"ds = dx \text{ with its axes permuted by } \pi", r"\bar x = \bar s \text{ permuted by } \pi^{-1}"),
        source="definition; for matrices (X^T)^T = X",
        shapes="x: (n_1, …, n_k) -> the sizes in the order of axes",
    )
    conventions = smooth
    samples = (
        sample(normal(2, 3)),
        sample(normal(2, 3, 4), axes=(2, 0, 1)),
        sample(normal(2, 3, 4), axes=(-1, 0, 1)),
        sample(normal()),
        sample(normal(0, 2)),
    )


def inverse_order(axes):
    """The permutation that undoes ``axes``; None undoes None."""
    return None if axes is None else tuple(int(i) for i in np.argsort(np.mod(axes, max(len(axes), 1))))


permute = transpose


@op
class swapaxes:
    """Two axes exchanged."""

    def forward(x, *, axis1, axis2):
        return np.swapaxes(x, axis1, axis2)

    def vjp_x(g, out, x, *, axis1, axis2):
        return g.swapaxes(axis1, axis2)

    derivation = Derivation(
        statement=r"s_{\dots j \dots i \dots} = x_{\dots i \dots j \dots}",
        steps=(r"\text{exchanging twice is the identity}", r"\bar x = \bar s \text{ with the same two axes exchanged}"),
        source="definition",
        shapes="x: any -> x with axis1 and axis2 exchanged",
    )
    conventions = smooth
    samples = (
        sample(normal(2, 3), axis1=0, axis2=1),
        sample(normal(2, 3, 4), axis1=-1, axis2=0),
        sample(normal(0, 3), axis1=0, axis2=1),
    )


@op
class moveaxis:
    """One axis (or several) moved to another place, the others in their order: NumPy's ``moveaxis``."""

    def forward(x, *, source, destination):
        return np.moveaxis(x, source, destination)

    def vjp_x(g, out, x, *, source, destination):
        return moveaxis(g, source=destination, destination=source)

    derivation = Derivation(
        statement=r"s_{\dots i} = x_{i \dots}",
        steps=(r"\text{moving the axis back is the inverse}", r"\bar x = \bar s \text{ with the axis moved back}"),
        source="definition; a case of transpose",
        shapes="x: any -> x with the sizes in another order",
    )
    conventions = smooth
    samples = (
        sample(normal(2, 3, 4), source=0, destination=-1),
        sample(normal(2, 3, 4), source=(0, 1), destination=(-1, 0)),
        sample(normal(0, 3), source=1, destination=0),
    )


# ---- copies -------------------------------------------------------------------------------------------------


@op
class expand:
    """Copies along axes of length 1 and along new leading axes, until the shape is ``shape`` (-1 keeps a size)."""

    def forward(x, *, shape):
        shape = tuple(shape)
        kept = tuple(np.shape(x))
        lead = len(shape) - len(kept)
        return np.broadcast_to(x, tuple(kept[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(shape)))

    def vjp_x(g, out, x, *, shape):
        return sum_to_shape(g, x.shape)

    def check(x, *, shape):
        raise ShapeError(
            explain(
                "expand",
                got=f"{x} to shape {tuple(shape)}",
                expected="a shape that agrees from the last axis on wherever x is not 1",
            )
        )

    derivation = Derivation(
        statement=r"s_k = x \text{ for every copy } k",
        steps=(
            r"dJ = \textstyle\sum_k \bar s_k\, ds_k = \left(\sum_k \bar s_k\right) dx",
            r"\bar x = \textstyle\sum_k \bar s_k",
        ),
        source="multivariate chain rule; broadcasting.py",
        shapes="x: broadcastable to shape -> shape",
        notes="the result is a read-only view: no copy is made until something writes",
    )
    conventions = smooth
    samples = (
        sample(normal(1, 3), shape=(2, 3)),
        sample(normal(3), shape=(2, 3)),
        sample(normal(2, 1), shape=(4, -1, 3)),
        sample(normal(), shape=(2, 2)),
        sample(normal(1, 0), shape=(2, 0)),
    )


broadcast_to = expand


@op
class repeat:
    """Each element ``repeats`` times in a row along an axis (of x flattened for None): NumPy's ``repeat``.

    ``repeats`` is an int, or one int per place of the axis. For copies of the whole array see ``tile``.
    """

    def forward(x, *, repeats, axis=None):
        return np.repeat(x, repeats, axis)

    def vjp_x(g, out, x, *, repeats, axis):
        places = repeated_places(x.shape, repeats, axis)
        return put_back(g, index=places, shape=along_axis_or_flat(x.shape, axis)).reshape(x.shape)

    derivation = Derivation(
        statement=r"s_{k} = x_{i} \text{ for every copy } k \text{ of } i",
        steps=(
            r"dJ = \textstyle\sum_i \left(\sum_{k \text{ copy of } i} \bar s_k\right) dx_i",
            r"\bar x_i = \textstyle\sum_{k \text{ copy of } i} \bar s_k",
        ),
        source="multivariate chain rule",
        shapes="x: (…, n, …) -> (…, sum of repeats, …)",
    )
    conventions = smooth
    samples = (
        sample(normal(3), repeats=2),
        sample(normal(2, 3), repeats=2),
        sample(normal(2, 3), repeats=3, axis=0),
        sample(normal(2, 3), repeats=(2, 0, 1), axis=-1),
        sample(normal(), repeats=3),
        sample(normal(0, 3), repeats=2, axis=1),
    )


def repeated_places(shape, repeats, axis):
    """The index, in the sense of x[…], or of x flattened, that reads each element ``repeats`` times."""
    if axis is None:
        return np.repeat(np.arange(math.prod(shape)), repeats)
    return (*[slice(None)] * (axis % len(shape)), np.repeat(np.arange(shape[axis]), repeats))


@op
class tile:
    """The whole array copied ``reps`` times along each axis (missing counts on the left are 1): NumPy's ``tile``."""

    def forward(x, *, reps):
        return np.tile(x, reps)

    def vjp_x(g, out, x, *, reps):
        copies_and_sizes, copies = tile_axes(x.shape, reps)
        return g.reshape(copies_and_sizes).sum(copies).reshape(x.shape)

    derivation = Derivation(
        statement=r"s_{rn + i} = x_i, \quad r = 0 \dots \mathrm{reps} - 1, \; n = \operatorname{size}(x)",
        steps=(
            r"dJ = \textstyle\sum_i \left(\sum_r \bar s_{rn+i}\right) dx_i",
            r"\bar x_i = \textstyle\sum_r \bar s_{rn+i}",
        ),
        source="multivariate chain rule",
        shapes="x: (n_1, …) -> (reps_1·n_1, …)",
    )
    conventions = smooth
    samples = (
        sample(normal(3), reps=2),
        sample(normal(2, 3), reps=(2, 2)),
        sample(normal(2, 3), reps=3),
        sample(normal(3), reps=(2, 1, 2)),
        sample(normal(), reps=(2, 2)),
        sample(normal(0, 3), reps=(1, 2)),
    )


def tile_axes(shape, reps):
    """((copies, size, copies, size, …), the axes of that shape that count copies)."""
    reps = (reps,) if isinstance(reps, (int, np.integer)) else tuple(reps)
    ndim = max(len(reps), len(shape))
    reps, sizes = (1,) * (ndim - len(reps)) + reps, (1,) * (ndim - len(shape)) + tuple(shape)
    return tuple(n for pair in zip(reps, sizes) for n in pair), tuple(range(0, 2 * ndim, 2))


# ---- joining and cutting ------------------------------------------------------------------------------------


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
        return (
            put_back(g, index=padded_from(x.shape, widths, mode), shape=x.shape)
            if mode != "constant"
            else (g[inside_of(x.shape, widths)])
        )

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


# ---- another order of the elements --------------------------------------------------------------------------


@op
class flip:
    """The elements in reverse order along one axis, several, or all. A view: no copy is made."""

    def forward(x, *, axis=None):
        return np.flip(x, axis)

    def vjp_x(g, out, x, *, axis):
        return flip(g, axis=axis)

    derivation = Derivation(
        statement=r"s_i = x_{n-1-i}",
        steps=(r"\text{reversing twice is the identity}", r"\bar x_i = \bar s_{n-1-i}"),
        source="definition",
        shapes="x: any -> same",
    )
    conventions = smooth
    samples = (
        sample(normal(4)),
        sample(normal(2, 3)),
        sample(normal(2, 3), axis=-1),
        sample(normal(2, 3, 2), axis=(0, 2)),
        sample(normal(0, 2), axis=1),
    )


@op
class roll:
    """The elements moved ``shift`` places along an axis (or of x flattened); what leaves one end enters the other."""

    def forward(x, *, shift, axis=None):
        return np.roll(x, shift, axis)

    def vjp_x(g, out, x, *, shift, axis):
        return roll(g, shift=backwards(shift), axis=axis)

    derivation = Derivation(
        statement=r"s_{(i + \mathrm{shift}) \bmod n} = x_i",
        steps=(r"\text{moving back is the inverse}", r"\bar x_i = \bar s_{(i + \mathrm{shift}) \bmod n}"),
        source="definition",
        shapes="x: any -> same",
    )
    conventions = smooth
    samples = (
        sample(normal(4), shift=1),
        sample(normal(2, 3), shift=-2),
        sample(normal(2, 3), shift=4, axis=1),
        sample(normal(2, 3), shift=(1, -1), axis=(0, 1)),
        sample(normal(0, 2), shift=1, axis=0),
    )


def backwards(shift):
    """The shift, or shifts, that undo ``shift``."""
    return tuple(-s for s in shift) if isinstance(shift, (tuple, list)) else -shift


# ---- another dtype ------------------------------------------------------------------------------------------


@op
class cast:
    """The same values in another float dtype (None: in their own), rounded to it; ``astype`` is the public name."""

    def forward(x, *, dtype=None):
        return np.array(x, dtype)

    def vjp_x(g, out, x, *, dtype):
        return g.astype(x.dtype)

    derivation = Derivation(
        statement=r"s = x \text{ (rounded to the dtype)}",
        steps=(r"ds = dx", r"\bar x = \bar s \text{ in the dtype of } x"),
        source="definition; rounding is taken as the identity, as everywhere in floating-point gradients",
        shapes="x: any -> same",
    )
    conventions = smooth
    samples = (sample(normal(2, 3)), sample(normal()), sample(normal(0, 3)))


def astype(x, dtype):
    """The same values in another dtype. The gradient comes back in x's own dtype.

    To ints and bools no gradient flows: they change in jumps, so the result is a constant of the graph.
    """
    if np.dtype(dtype).kind not in "fc" and isinstance(x, Tensor):
        x = x.detach()
    return apply(cast, (x,), {"dtype": dtype})
