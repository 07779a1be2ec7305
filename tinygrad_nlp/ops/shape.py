"""The same numbers under another shape, in another order, in another dtype. Each op moves every number to one place,
so its rule moves the gradient back.
"""

from __future__ import annotations

import math

import numpy as np

from ..apply import apply
from ..derivation import Derivation, smooth
from ..errors import ShapeError, explain
from ..op import op
from ..samples import normal, sample
from ..tensor import Tensor

__all__ = [
    "astype",
    "cast",
    "flatten",
    "flip",
    "moveaxis",
    "permute",
    "reshape",
    "roll",
    "squeeze",
    "swapaxes",
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
