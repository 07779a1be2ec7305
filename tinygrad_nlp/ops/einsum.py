"""Einstein's summation: any sum of products, named by its indices. Its gradient is an einsum again."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..apply import apply
from ..derivation import Derivation, smooth
from ..errors import DTypeError, ShapeError, explain
from ..op import op
from ..samples import normal, sample
from .copies import expand
from .index import along, put_back

__all__ = ["einsum"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""What NumPy takes as names of indices. (As in the module ``string``, which takes a millisecond to load.)"""


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
