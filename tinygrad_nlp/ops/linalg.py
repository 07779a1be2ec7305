"""Matrix products and friends. All are bilinear: the rule of each argument is a product of ḡ with the others."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..apply import apply
from ..broadcasting import sum_to_shape
from ..derivation import Derivation, smooth
from ..errors import DTypeError, ShapeError, explain
from ..op import op
from ..samples import normal, sample
from .index import along, put_back
from .reduce import sum as sum_
from .shape import expand

__all__ = ["diagonal", "dot", "einsum", "inner", "linear", "matmul", "outer", "trace", "tril", "triu", "vecdot"]


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
        # x̄ comes last: x may still be in the cache from the forward pass, and x̄ then is when its reader comes.
        answers = [None, None, None]
        for i in (1, 2, 0):
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


# ---- einsum -------------------------------------------------------------------------------------------------

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def einsum(subscripts, *operands):
    """Einstein's summation: multiply the operands, sum over every index that the result does not name.

    ``einsum("bi,io->bo", x, w)`` is ``x @ w``; NumPy's notation: ``...`` stands for leading axes that broadcast, an
    index named twice in one operand reads its diagonal, without ``->`` the result has the indices named once, sorted.

    Raises ShapeError for subscripts that do not fit the operands, DTypeError if the first argument is no string.
    """
    if not isinstance(subscripts, str):
        raise DTypeError(
            explain(
                "einsum",
                got=f"a first argument of type {type(subscripts).__name__}",
                expected="the subscripts as a string, then the arrays",
                write='einsum("ij,jk->ik", x, y)',
            )
        )
    return apply(einsum_, operands, {"subscripts": subscripts})


@op
class einsum_:
    """Sums of products of the operands' elements, the indices named by ``subscripts``: Einstein's summation."""

    def forward(*xs, subscripts):
        # np.einsum multiplies all operands at once unless asked to pair them and to use matrix products. Asking
        # costs about 7 µs: as long as the product of two matrices of 32 rows and columns takes unasked.
        pairwise = len(xs) > 2 or (len(xs) == 2 and np.size(xs[0]) * np.size(xs[1]) > 1_000_000)
        return np.einsum(subscripts, *xs, optimize=pairwise)

    def vjp_xs(position, g, out, *xs, subscripts):
        back = transposed(subscripts, position, tuple(x.shape for x in xs))
        product = einsum(back.subscripts, g, *xs[:position], *xs[position + 1 :])
        return on_diagonals(copied(product, back), back, xs[position].shape)

    def check(*xs, subscripts):
        spec = parsed(subscripts, tuple(x.ndim for x in xs))
        sizes = {}
        for position, (labels, x) in enumerate(zip(spec.operands, xs)):
            for label, n in zip(labels, x.shape):
                first, known = sizes.setdefault(label, (position, n))
                if n != known and 1 not in (n, known):
                    raise ShapeError(
                        explain(
                            f"einsum {subscripts!r}: index {spec.names.get(label, label)!r} is {known} and {n}",
                            got=f"operand {first} {xs[first]}, operand {position} {x}",
                            expected="one length for an index wherever it is named",
                        )
                    )
                if known == 1:
                    sizes[label] = (position, n)

    derivation = Derivation(
        statement=r"s_o = \textstyle\sum_{\text{indices not in } o} x_a\, y_b \cdots",
        steps=(
            r"dJ = \textstyle\sum_{\text{all indices}} \bar s_o\, dx_a\, y_b \cdots + \dots",
            r"\bar x_a = \textstyle\sum_{\text{indices not in } a} \bar s_o\, y_b \cdots",
            r"\text{an einsum again: } \bar s \text{ takes the place of } x, \text{ and } a, o \text{ change roles}",
        ),
        source="product rule, applied to a sum of products",
        shapes="xs: as subscripts say -> as subscripts say",
        notes="an index of x_a alone is summed in s, so its gradient is copied along it; one named twice in x_a reads "
        "the diagonal, so the gradient goes there and is 0 elsewhere",
    )
    conventions = smooth
    samples = (
        sample(normal(2, 3), normal(3, 4), subscripts="ij,jk->ik"),
        sample(normal(2, 3), subscripts="ij->ji"),
        sample(normal(2, 3), subscripts="ij->"),
        sample(normal(2, 3), normal(3), subscripts="ij,j"),
        sample(normal(3, 3), subscripts="ii"),
        sample(normal(3, 3), normal(3), subscripts="ii,i->i"),
        sample(normal(2, 3, 2), subscripts="iji->j"),
        sample(normal(2, 2, 2), subscripts="iii"),
        sample(normal(4, 2, 3), normal(3, 2), subscripts="...ij,jk->...ik"),
        sample(normal(4, 1, 2), normal(3, 2), subscripts="...i,...i"),
        sample(normal(2, 3), normal(4), subscripts="ij,k->i"),
        sample(normal(2), normal(3), normal(2, 3), subscripts="i,j,ij->"),
        sample(normal(), normal(3), subscripts=",i->i"),
        sample(normal(1, 3), normal(2, 3), subscripts="ij,ij->j"),
        sample(normal(0, 3), normal(3), subscripts="ij,j->i"),
    )


class Subscripts(NamedTuple):
    """Subscripts with nothing left implicit."""

    operands: tuple[str, ...]  # one letter per axis, axes under ``...`` included
    output: str
    names: dict[str, str]  # letters that stand for axes under ``...``, and how to call them


@lru_cache(maxsize=1024)
def parsed(subscripts: str, ndims: tuple[int, ...]) -> Subscripts:
    """Give letters to the axes under ``...`` and write out the result. Raises ShapeError where that cannot be done."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    inputs = inputs.split(",")
    if len(inputs) != len(ndims):
        raise ShapeError(
            explain(
                f"einsum {subscripts!r}", got=f"{len(ndims)} operands", expected=f"{len(inputs)}: one per comma-part"
            )
        )
    spare = [letter for letter in LETTERS if letter not in subscripts]
    hidden = [ndim - len(part.replace("...", "")) for part, ndim in zip(inputs, ndims)]
    for position, (part, ndim, count) in enumerate(zip(inputs, ndims, hidden)):
        named = part.replace("...", "")
        if count < 0 or ("..." not in part and count > 0) or not all(letter in LETTERS for letter in named):
            raise ShapeError(
                explain(
                    f"einsum {subscripts!r}",
                    got=f"operand {position} of {ndim} axes for {part!r}",
                    expected="one letter per axis; ... for the axes not named",
                )
            )
    widest = "".join(spare[: max((n for n, part in zip(hidden, inputs) if "..." in part), default=0)])
    operands = tuple(part.replace("...", widest[len(widest) - n :]) for n, part in zip(hidden, inputs))
    if not arrow:
        everything = "".join(inputs).replace("...", "")
        output = "..." * bool(widest) + "".join(sorted(c for c in set(everything) if everything.count(c) == 1))
    unknown = [letter for letter in output.replace("...", "") if letter not in "".join(inputs)]
    if unknown:
        raise ShapeError(
            explain(
                f"einsum {subscripts!r}", got=f"a result with index {unknown[0]!r}", expected="indices of the operands"
            )
        )
    names = {letter: f"... axis {i - len(widest)}" for i, letter in enumerate(widest)}
    return Subscripts(operands, output.replace("...", widest), names)


def copied(product, back):
    """The gradient with the indices that the operand alone has: a copy along each of them."""
    return product if product.shape == back.shape else expand(product.reshape(back.with_ones), shape=back.shape)


def on_diagonals(d, back, shape):
    """Zeros of ``shape`` with ``d`` on the diagonal that an index named twice reads."""
    return d if back.diagonal is None else put_back(d, index=back.diagonal, shape=shape)


class Transposed(NamedTuple):
    """How the gradient of one operand is made: see ``einsum_.vjp_xs``."""

    subscripts: str  # of the product of ḡ and the other operands
    with_ones: tuple[int, ...]  # its shape with an axis of length 1 for each index the operand alone has
    shape: tuple[int, ...]  # copied along those
    diagonal: tuple | None  # where an index is named twice: the index, in the sense of x[…], that it reads


@lru_cache(maxsize=1024)
def transposed(subscripts: str, position: int, shapes: tuple[tuple[int, ...], ...]) -> Transposed:
    """The einsum that sends the gradient of the result to operand number ``position``."""
    spec = parsed(subscripts, tuple(len(shape) for shape in shapes))
    own = spec.operands[position]
    others = (*spec.operands[:position], *spec.operands[position + 1 :])
    total = lengths(spec.operands, shapes)
    arriving = lengths(
        (spec.output, *others),
        (tuple(total[c] for c in spec.output), *shapes[:position], *shapes[position + 1 :]),
    )
    own_lengths = dict(zip(own, shapes[position]))
    distinct = "".join(own_lengths)
    # A length of 1 that was broadcast is summed over, which is what leaving the index out of the result does.
    kept = "".join(c for c in distinct if c in arriving and own_lengths[c] == total[c])
    places = None
    if len(distinct) < len(own):
        places = tuple(along(np.arange(own_lengths[c]), distinct.index(c), len(distinct)) for c in own)
    return Transposed(
        subscripts=f"{','.join((spec.output, *others))}->{kept}",
        with_ones=tuple(arriving[c] if c in kept else 1 for c in distinct),
        shape=tuple(own_lengths.values()),
        diagonal=places,
    )


def lengths(labels, shapes) -> dict[str, int]:
    """The length of each index; 1 only where every axis that carries it has length 1."""
    found = {}
    for own, shape in zip(labels, shapes):
        for label, n in zip(own, shape):
            found[label] = n if found.get(label, 1) == 1 else found[label]
    return found


# ---- parts of matrices --------------------------------------------------------------------------------------


@op
class diagonal:
    """The elements x[i, i + offset] of the matrices that ``axis1`` and ``axis2`` span, in a new last axis: NumPy's.

    Shapes: x: (…, n, …, m, …) -> (…, …, k). A read-only view.
    """

    def forward(x, *, offset=0, axis1=0, axis2=1):
        return np.diagonal(x, offset, axis1, axis2)

    def vjp_x(g, out, x, *, offset, axis1, axis2):
        return put_back(g, index=diagonal_places(x.shape, offset, axis1, axis2), shape=x.shape)

    derivation = Derivation(
        statement=r"s_i = x_{i,\, i + \mathrm{offset}}",
        steps=(
            r"dJ = \textstyle\sum_i \bar s_i\, dx_{i,\, i + \mathrm{offset}}",
            r"\bar x_{i,\, i + \mathrm{offset}} = \bar s_i, \text{ elsewhere } 0",
        ),
        source="getitem along a diagonal",
        shapes="x: (…, n, …, m, …) -> (…, …, k)",
    )
    conventions = smooth
    samples = (
        sample(normal(3, 3)),
        sample(normal(2, 4), offset=1),
        sample(normal(4, 2), offset=-1),
        sample(normal(2, 3, 3), axis1=-2, axis2=-1),
        sample(normal(3, 2, 4), axis1=2, axis2=0, offset=1),
        sample(normal(2, 2), offset=5),
        sample(normal(0, 3)),
    )


def diagonal_places(shape, offset, axis1, axis2):
    """The index, in the sense of x[…], that reads a diagonal into the last axis."""
    ndim = len(shape)
    axis1, axis2 = axis1 % ndim, axis2 % ndim
    down, right = max(-offset, 0), max(offset, 0)
    steps = np.arange(max(min(shape[axis1] - down, shape[axis2] - right), 0))
    others = [axis for axis in range(ndim) if axis not in (axis1, axis2)]
    index = {axis: along(np.arange(shape[axis]), place, ndim - 1) for place, axis in enumerate(others)}
    index[axis1] = along(steps + down, ndim - 2, ndim - 1)
    index[axis2] = along(steps + right, ndim - 2, ndim - 1)
    return tuple(index[axis] for axis in range(ndim))


def trace(x, offset=0, axis1=0, axis2=1):
    """The sum of a diagonal. x: (…, n, …, m, …) -> (…, …); see ``diagonal`` for the arguments."""
    line = apply(diagonal, (x,), {"offset": offset, "axis1": axis1, "axis2": axis2})
    return apply(sum_, (line,), {**sum_.defaults, "axis": -1})


@op
class tril:
    """The matrix with zeros above diagonal number ``k``. x: (…, n, m) -> the same."""

    def forward(x, *, k=0):
        _refuse_no_matrix("tril", x)
        return np.tril(x, k)

    def vjp_x(g, out, x, *, k):
        return tril(g, k=k)

    derivation = Derivation(
        statement=r"s_{ij} = x_{ij} \text{ for } j \le i + k, \text{ else } 0",
        steps=(
            r"ds_{ij} = dx_{ij} \text{ or } 0",
            r"\bar x_{ij} = \bar s_{ij} \text{ for } j \le i + k, \text{ else } 0",
        ),
        source="definition; a product with a constant mask",
        shapes="x: (…, n, m) -> (…, n, m)",
    )
    conventions = smooth
    samples = (
        sample(normal(3, 3)),
        sample(normal(2, 4), k=1),
        sample(normal(2, 3, 2), k=-1),
        sample(normal(0, 3)),
    )


@op
class triu:
    """The matrix with zeros below diagonal number ``k``. x: (…, n, m) -> the same."""

    def forward(x, *, k=0):
        _refuse_no_matrix("triu", x)
        return np.triu(x, k)

    def vjp_x(g, out, x, *, k):
        return triu(g, k=k)

    derivation = Derivation(
        statement=r"s_{ij} = x_{ij} \text{ for } j \ge i + k, \text{ else } 0",
        steps=(
            r"ds_{ij} = dx_{ij} \text{ or } 0",
            r"\bar x_{ij} = \bar s_{ij} \text{ for } j \ge i + k, \text{ else } 0",
        ),
        source="definition; a product with a constant mask",
        shapes="x: (…, n, m) -> (…, n, m)",
    )
    conventions = smooth
    samples = (
        sample(normal(3, 3)),
        sample(normal(2, 4), k=1),
        sample(normal(2, 3, 2), k=-1),
        sample(normal(0, 3)),
    )


def _refuse_no_matrix(name, x):
    if np.ndim(x) < 2:  # NumPy would make a square matrix of a vector
        raise ShapeError(
            explain(
                name,
                got=f"shape {np.shape(x)}",
                expected="a matrix or a stack of them",
                write=f"{name}(expand(x, shape=(n, n)))",
            )
        )
