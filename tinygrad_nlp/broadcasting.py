"""Broadcasting and its adjoint: a sum undoes a copy.

Broadcasting copies one number to many places. If y_k = x for k = 1 … n then, by the chain rule,
dJ/dx = sum over k of dJ/dy_k · dy_k/dx = sum over k of dJ/dy_k. So the gradient of a broadcast argument is
the gradient of the broadcast result, summed over every axis along which it was copied.

Example: for x: (3,) + y: (2, 3), x was copied along a new first axis, so x̄ = ḡ.sum(0).
"""

from __future__ import annotations

import numpy as np

from .errors import ShapeError, explain


def sum_to_shape(g, shape):
    """Sum ``g`` over the axes along which an array of ``shape`` was broadcast; the adjoint of ``expand``.

    g: any shape that ``shape`` broadcasts to -> ``shape``. Arrays, Tensors and symbols alike.
    """
    if g.shape == shape:
        return g
    if g.dtype == np.float16:  # NumPy adds rows in float16, where 2048 + 1 is 2048: a bias loses what comes after
        return sum_to_shape(g.astype(np.float32), shape).astype(np.float16)
    added = g.ndim - len(shape)
    if added:
        g = g.sum(tuple(range(added)))
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1 and g.shape[axis] != 1)
    return g.sum(stretched, keepdims=True) if stretched else g


def normalize_axes(axis, ndim: int) -> tuple[int, ...]:
    """``axis`` (None, an int or several) as a sorted tuple of non-negative ints.

    Raises ShapeError for an axis out of range or named twice.
    """
    if axis is None:
        return tuple(range(ndim))
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    for a in axes:
        if not isinstance(a, int) and not hasattr(a, "__index__"):
            raise ShapeError(explain("axis", got=repr(axis), expected="an int, a tuple of ints or None"))
        if not -max(ndim, 1) <= a < max(ndim, 1):
            raise ShapeError(
                explain(
                    "axis",
                    got=f"{a} for an array of {ndim} axes",
                    expected=f"a number from {-ndim} to {ndim - 1}" if ndim else "None (the array has no axes)",
                )
            )
    if ndim == 0:
        return ()
    normal = tuple(sorted(int(a) % ndim for a in axes))
    if len(set(normal)) != len(normal):
        raise ShapeError(explain("axis", got=f"{axes}: an axis named twice", expected="each axis once"))
    return normal


def restore_axes(g, axis, shape):
    """Put back, as axes of length 1, the ones a reduction over ``axis`` removed from ``shape``.

    g: the reduced shape, with or without ``keepdims`` -> a shape that broadcasts to ``shape``.
    """
    axes = normalize_axes(axis, len(shape))
    return g.reshape(tuple(1 if i in axes else size for i, size in enumerate(shape)))
