"""Products of vectors and matrices. All are bilinear: the rule of each argument is a product of ḡ with the others."""

from __future__ import annotations

import math

import numpy as np

from ..apply import apply
from ..broadcasting import sum_to_shape
from ..derivation import Derivation, smooth
from ..errors import ShapeError, explain
from ..op import op
from ..samples import normal, sample
from .einsum import LETTERS, einsum_

__all__ = ["dot", "inner", "linear", "matmul", "outer", "vecdot"]


# ---- the matrix product -------------------------------------------------------------------------------------


@op
class matmul:
    """The matrix product, of every rank NumPy's ``@`` takes: vectors, matrices, stacks that broadcast."""

    forward = np.matmul

    def vjp_x(g, out, x, y):
        return fit(matrix(g, x.ndim, y.ndim) @ column(y).mT, x.shape)

    def vjp_y(g, out, x, y):
        return fit(rows(x, y.ndim).mT @ rows(matrix(g, x.ndim, y.ndim), y.ndim), y.shape)

    def kernel(needs, x, y):
        return np.matmul(x, y), None

    def kernel_vjp(g, out, saved, needs, x, y):
        if x.ndim == y.ndim >= 2 and x.shape[:-2] == y.shape[:-2] and g.dtype == x.dtype == y.dtype:
            # Each gradient in its argument's memory layout: that of a transposed weight, x @ W.T, is then W's own
            # when the transpose's rule has turned it round, and an optimizer need not copy it.
            # ȳ comes first: x may still be in the cache from the forward pass, and x̄ then is when its reader comes.
            y_bar = np.matmul(x.mT, g, out=np.empty_like(y)) if needs[1] else None
            x_bar = np.matmul(g, y.mT, out=np.empty_like(x)) if needs[0] else None
            return x_bar, y_bar
        rules = matmul.rules
        return tuple(rule(g, out, x, y) if need else None for rule, need in zip(rules, needs))

    def check(x, y):
        if x.ndim == 0 or y.ndim == 0:
            raise ShapeError(
                explain("matmul", got=f"{x} @ {y}", expected="at least one axis each", write="x * y for a number")
            )
        inner = y.shape[-2] if y.ndim > 1 else y.shape[0]
        if x.shape[-1] != inner:
            raise ShapeError(
                explain(
                    "matmul",
                    got=f"{x.shape} @ {y.shape}: inner dimensions {x.shape[-1]} and {inner} differ{names_of(x, y)}",
                    expected=f"a second argument whose first matrix axis is {x.shape[-1]}",
                    write="x @ y.mT" if y.ndim > 1 and y.shape[-1] == x.shape[-1] else "",
                )
            )
        if x.ndim > 2 and y.ndim > 2:
            raise ShapeError(
                explain(
                    "matmul",
                    got=f"{x.shape} @ {y.shape}: leading axes {x.shape[:-2]} and {y.shape[:-2]} do not broadcast"
                    + names_of(x, y),
                    expected="leading axes that are equal or 1, aligned at the last of them",
                )
            )

    derivation = Derivation(
        statement=r"S = X Y, \quad s_{ij} = \textstyle\sum_k x_{ik}\, y_{kj}",
        steps=(
            r"dS = dX\, Y + X\, dY",
            r"dJ = \langle \bar S, dX\, Y \rangle + \langle \bar S, X\, dY \rangle",
            r"\langle A, B C \rangle = \langle A C^\top, B \rangle = \langle B^\top A, C \rangle",
            r"\bar X = \bar S\, Y^\top, \qquad \bar Y = X^\top \bar S",
        ),
        source="003 Q2c Eq 19-22 (Eq 20-21 corrected: a matrix product, not a Hadamard product)",
        shapes="x: (…, n, k), y: (…, k, m) -> (…, n, m); a 1-d argument is a row (left) or column (right) vector",
        notes="a stack of matrices times one matrix is one longer matrix times it: Y's gradient is a single product",
    )
    conventions = smooth
    samples = (
        sample(normal(2, 3), normal(3, 4)),
        sample(normal(3), normal(3)),
        sample(normal(2, 3), normal(3)),
        sample(normal(3), normal(3, 2)),
        sample(normal(2, 2, 3), normal(2, 3, 4)),
        sample(normal(2, 1, 2, 3), normal(4, 3, 2)),
        sample(normal(3), normal(2, 3, 4)),
        sample(normal(2, 4, 3), normal(3)),
        sample(normal(2, 4, 3), normal(3, 2)),
        sample(normal(4, 3), normal(2, 3, 2)),
        sample(normal(0, 3), normal(3, 2)),
        sample(normal(2, 0), normal(0, 3)),
        sample(normal(2, 3, 0), normal(0, 2)),
    )


def names_of(x, y):
    """`` (hidden @ W)`` for a message, where the arguments have names."""
    return f" ({x.name or 'x'} @ {y.name or 'y'})" if x.name or y.name else ""


# With two matrices these four return their argument as it is: then the rules read X̄ = S̄ Yᵀ and Ȳ = Xᵀ S̄.


def matrix(g, x_ndim, y_ndim):
    """The gradient of a product with the axes back that ``@`` drops: x's row axis, y's column axis, of vectors."""
    shape = g.shape
    if y_ndim == 1:
        shape = (*shape, 1)
    if x_ndim == 1:
        shape = (*shape[:-1], 1, shape[-1])
    return g.reshape(shape) if len(shape) > g.ndim else g


def column(y):
    """A vector as the one-column matrix that ``x @ y`` takes it for."""
    return y.reshape((*y.shape, 1)) if y.ndim == 1 else y


def rows(x, y_ndim):
    """A vector as a one-row matrix; a stack of matrices that meets a single y, as one matrix of all their rows."""
    if x.ndim == 1 or (x.ndim > 2 and y_ndim <= 2):
        return x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))
    return x


def fit(product, shape):
    """The gradient of an argument of ``@``, in its shape: copies along the stack summed, a vector flat again."""
    if len(shape) == 1:
        return sum_to_shape(product, product.shape[-2:]).reshape(shape)
    return sum_to_shape(product, shape)


def dot(x, y):
    """NumPy's ``dot`` of vectors and matrices, where it equals ``x @ y``.

    Raises ShapeError for other ranks: there NumPy's ``dot`` pairs the last axis of x with the last but one of y for
    every combination of the others, which is rarely what was meant.
    """
    for array, name in ((x, "x"), (y, "y")):
        if np.ndim(array) not in (1, 2):
            raise ShapeError(
                explain(
                    f"dot of {np.ndim(x)}-d and {np.ndim(y)}-d",
                    got=f"{name} of shape {tuple(np.shape(array))}",
                    expected="vectors and matrices",
                    write="x * y for a number" if np.ndim(array) == 0 else "matmul(x, y), also written x @ y",
                )
            )
    return apply(matmul, (x, y), {})


@op
class linear:
    """The affine map of a layer, x Wᵀ + b. x: (…, n), weight: (m, n), bias: (m,) -> (…, m).

    One op for the three that ``x @ weight.T + bias`` takes: b is added where the product already lies.
    """

    def forward(x, weight, bias):
        if weight.ndim != 2 or bias.shape != weight.shape[:1]:  # NumPy would broadcast; `check` says what is wrong
            raise ValueError("weight and bias do not fit")
        return x @ weight.T + bias

    def vjp_x(g, out, x, weight, bias):
        return g @ weight

    def vjp_weight(g, out, x, weight, bias):
        return as_rows(g).T @ as_rows(x)

    def vjp_bias(g, out, x, weight, bias):
        return as_rows(g).sum(axis=0)

    def kernel(needs, x, weight, bias):
        if weight.ndim != 2 or bias.shape != weight.shape[:1] or not x.dtype == weight.dtype == bias.dtype:
            return linear.forward(x, weight, bias), None
        out = np.matmul(x, weight.T)
        return np.add(out, bias, out=out), None

    def kernel_vjp(g, out, saved, needs, x, weight, bias):
        answers = [None, None, None]
        if needs[2]:  # first, while ḡ is in the cache; as a product with ones, which takes BLAS a third of the time
            rows = as_rows(g)
            answers[2] = np.ones(len(rows), g.dtype) @ rows
        # x̄ comes last: x may still be in the cache from the forward pass, and x̄ then is when its reader comes.
        for i in (1, 0):
            if needs[i]:
                answers[i] = linear.rules[i](g, out, x, weight, bias)
        return answers

    def check(x, weight, bias):
        if weight.ndim != 2 or x.ndim == 0 or x.shape[-1] != weight.shape[1] or bias.shape != weight.shape[:1]:
            raise ShapeError(
                explain(
                    "linear",
                    got=f"x: {x}, weight: {weight}, bias: {bias}",
                    expected="x: (…, n), weight: (m, n), bias: (m,)",
                    write="weight.T"
                    if weight.ndim == 2 and x.ndim and x.shape[-1] == weight.shape[0] != weight.shape[1]
                    else "",
                )
            )

    derivation = Derivation(
        statement=r"S = X W^\top + \mathbf{1} b^\top",
        steps=(
            r"dS = dX\, W^\top + X\, dW^\top + \mathbf{1}\, db^\top",
            r"dJ = \langle \bar S, dX\, W^\top \rangle + \langle \bar S, X\, dW^\top \rangle"
            r" + \langle \bar S, \mathbf{1}\, db^\top \rangle",
            r"\langle A, B C^\top \rangle = \langle A C, B \rangle = \langle A^\top B, C \rangle",
            r"\bar X = \bar S\, W, \qquad \bar W = \bar S^\top X, \qquad \bar b = \bar S^\top \mathbf{1}",
        ),
        source="003 Q2c and 001 3(e), with their W as weight.T",
        shapes="x: (…, n), weight: (m, n), bias: (m,) -> (…, m)",
        notes="the layout of PyTorch's layers: a row of weight per output",
    )
    conventions = smooth
    samples = (
        sample(normal(4, 3), normal(2, 3), normal(2)),
        sample(normal(3), normal(2, 3), normal(2)),
        sample(normal(2, 4, 3), normal(2, 3), normal(2)),
        sample(normal(0, 3), normal(2, 3), normal(2)),
        sample(normal(4, 0), normal(2, 0), normal(2)),
        sample(normal(4, 3), normal(0, 3), normal(0)),
    )


def as_rows(x):
    """All axes but the last as one: a matrix with a row for each vector."""
    return x if x.ndim == 2 else x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))


# ---- other products -----------------------------------------------------------------------------------------


@op
class outer:
    """The matrix of all products of two vectors. x: (n,), y: (m,) -> (n, m).

    Raises ShapeError for other ranks, which NumPy's ``outer`` would flatten.
    """

    def forward(x, y):
        if np.ndim(x) != 1 or np.ndim(y) != 1:
            raise ShapeError(
                explain(
                    "outer",
                    got=f"shapes {np.shape(x)} and {np.shape(y)}",
                    expected="two vectors",
                    write="x[..., :, None] * y[..., None, :] for stacks of vectors",
                )
            )
        return np.multiply.outer(x, y)

    def vjp_x(g, out, x, y):
        return g @ y

    def vjp_y(g, out, x, y):
        return x @ g

    derivation = Derivation(
        statement=r"S = x\, y^\top, \quad s_{ij} = x_i\, y_j",
        steps=(
            r"dS = dx\, y^\top + x\, dy^\top",
            r"dJ = \langle \bar S, dx\, y^\top \rangle + \langle \bar S, x\, dy^\top \rangle",
            r"\bar x = \bar S\, y, \qquad \bar y = \bar S^\top x",
        ),
        source="matmul of a column and a row",
        shapes="x: (n,), y: (m,) -> (n, m)",
    )
    conventions = smooth
    samples = (
        sample(normal(3), normal(4)),
        sample(normal(1), normal(2)),
        sample(normal(0), normal(2)),
    )


@op
class vecdot:
    """The dot products of corresponding vectors, which lie along the last axis: NumPy's ``vecdot`` of real arrays.

    Shapes: x: (…, n), y: (…, n), leading axes broadcast -> (…). Raises ShapeError if the last axes differ, also
    where one is 1: a dot product does not broadcast.
    """

    def forward(x, y):
        if np.ndim(x) == 0 or np.ndim(y) == 0 or np.shape(x)[-1] != np.shape(y)[-1]:
            raise ShapeError(
                explain("vecdot", got=f"shapes {np.shape(x)} and {np.shape(y)}", expected="last axes of one length")
            )
        return np.einsum("...i,...i->...", x, y)  # np.vecdot would conjugate complex numbers

    def vjp_x(g, out, x, y):
        return sum_to_shape(g[..., None] * y, x.shape)

    def vjp_y(g, out, x, y):
        return sum_to_shape(g[..., None] * x, y.shape)

    derivation = Derivation(
        statement=r"s = x \cdot y = \textstyle\sum_i x_i\, y_i",
        steps=(
            r"ds = \textstyle\sum_i y_i\, dx_i + x_i\, dy_i",
            r"\bar x = \bar s\, y, \qquad \bar y = \bar s\, x",
        ),
        source="product rule; matmul of a row and a column",
        shapes="x: (…, n), y: (…, n) -> (…)",
    )
    conventions = smooth
    samples = (
        sample(normal(3), normal(3)),
        sample(normal(2, 3), normal(2, 3)),
        sample(normal(2, 3), normal(3)),
        sample(normal(3), normal(2, 3)),
        sample(normal(2, 1, 3), normal(4, 3)),
        sample(normal(0, 3), normal(0, 3)),
        sample(normal(2, 0), normal(2, 0)),
    )


def inner(x, y):
    """NumPy's ``inner``: the dot product of every last-axis vector of x with every one of y.

    x: (A…, n), y: (B…, n) -> (A…, B…). For corresponding vectors only, see ``vecdot``.
    """
    x_ndim, y_ndim = np.ndim(x), np.ndim(y)
    if not x_ndim or not y_ndim or np.shape(x)[-1] != np.shape(y)[-1]:
        raise ShapeError(
            explain(
                "inner",
                got=f"shapes {tuple(np.shape(x))} and {tuple(np.shape(y))}",
                expected="last axes of one length",
                write="" if x_ndim and y_ndim else "x * y for a number",
            )
        )
    a, b = LETTERS[1:x_ndim], LETTERS[x_ndim : x_ndim + y_ndim - 1]
    shared = LETTERS[0]
    return apply(einsum_, (x, y), {"subscripts": f"{a}{shared},{b}{shared}->{a}{b}"})
