"""Choosing between numbers: where, masked, maximum, minimum, clip."""

from __future__ import annotations

import numpy as np

from ..derivation import Convention, Derivation, smooth
from ..errors import GradientError, OptionError, describe, explain
from ..op import op
from ..samples import binary, booleans, distinct, integers, normal, sample, unary
from ..tensor import Tensor

__all__ = ["clip", "masked", "maximum", "minimum", "where"]

PAIR = "x, y: broadcastable -> their broadcast shape"


@op
class where:
    """x where the condition holds, y elsewhere; all three broadcast. Numbers as condition hold where not 0.

    The side not chosen receives exactly 0, whatever the gradient that arrives, even inf or NaN. A side whose own
    *rule* is infinite where it was not chosen still gives NaN, since 0 · inf is: in where(x > 0, sqrt(x), 0)
    at x = 0. Choose before the root: sqrt(where(x > 0, x, 1)), then where again.
    """

    def forward(condition, x, y):
        return np.where(condition, x, y)

    broadcasts = True

    def vjp_x(g, out, condition, x, y):
        return where(condition, g, 0)

    def vjp_y(g, out, condition, x, y):
        return where(condition, 0, g)

    derivation = Derivation(
        statement=r"s = m \odot x + (1 - m) \odot y, \quad m \in \{0, 1\} \text{ the condition}",
        steps=(
            r"ds = m \odot dx + (1 - m) \odot dy",
            r"\bar x = m \odot \bar s, \qquad \bar y = (1 - m) \odot \bar s",
        ),
        source="linear in x and y; the condition is constant",
        shapes="condition, x, y: broadcastable -> their broadcast shape",
        notes="selected, not multiplied by m: 0 times an infinite gradient would be NaN",
    )
    conventions = (
        Convention(
            "condition true", (True, 1.0, 2.0), (None, 1.0, 0.0), "what is not chosen receives 0. PyTorch, JAX: same"
        ),
    )
    samples = (
        sample(booleans(2, 3), normal(2, 3), normal(2, 3)),
        sample(booleans(3), normal(2, 3), normal()),
        sample(booleans(2, 3), normal(3), normal(2, 1)),
        sample(booleans(2, 1), 0.0, normal(3)),
        sample(booleans(2, 3), normal(3), 0),
        sample(integers(0, 2, 3), normal(3), normal(3)),
        sample(booleans(), normal(), normal()),
        sample(booleans(0, 3), normal(1, 3), normal(3)),
    )


@op
class masked:
    """x where the mask holds, exactly 0 elsewhere, whatever x is there: also where it is inf or NaN.

    The product with a 0/1 mask, x ⊙ m, but for 0 · inf, which would be NaN: the slope of a ReLU that is off is 0
    however large the gradient that arrives.
    """

    def forward(x, mask):
        if x.size >= 1024 and x.dtype in BITS and x.flags.c_contiguous and mask.shape == x.shape:
            # x's bits, read as an integer, times 1 or 0: as fast as x * mask, and a tenth of the time of np.where.
            bits = np.ascontiguousarray(mask).view(np.int8).astype(BITS[x.dtype])
            return np.multiply(bits, x.view(bits.dtype), out=bits).view(x.dtype)
        return np.where(mask, x, 0)

    broadcasts = True

    def vjp_x(g, out, x, mask):
        return masked(g, mask)

    derivation = Derivation(
        statement=r"s = m \odot x, \quad m \in \{0, 1\}",
        steps=(r"ds = m \odot dx", r"\bar x = m \odot \bar s"),
        source="linear in x; the mask is constant",
        shapes="x, mask: broadcastable -> their broadcast shape",
        notes="selected, not multiplied: 0 times an infinite gradient would be NaN",
    )
    conventions = smooth
    samples = (
        sample(normal(2, 3), booleans(2, 3)),
        sample(normal(3), booleans(2, 3)),
        sample(normal(2, 3), booleans(2, 1)),
        sample(normal(32, 40), booleans(32, 40)),
        sample(normal(), booleans()),
        sample(normal(0, 3), booleans(3)),
    )


BITS = {np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}


@op
class maximum:
    """The larger of x and y, elementwise with broadcasting; NaN where either is."""

    forward = np.maximum
    broadcasts = True

    def vjp_x(g, out, x, y):
        return (masked(g, x > y) + masked(g, x >= y)) / 2

    def vjp_y(g, out, x, y):
        return (masked(g, y > x) + masked(g, y >= x)) / 2

    derivation = Derivation(
        statement=r"s = \max(x, y)",
        steps=(
            r"ds = dx \;(x > y), \quad dy \;(x < y)",
            r"\bar x = \bar s \odot \tfrac12 \left([x > y] + [x \ge y]\right)",
            r"\bar y = \bar s \odot \tfrac12 \left([y > x] + [y \ge x]\right)",
        ),
        source="definition; [A] is 1 where A holds, else 0, so a tie gives 1/2",
        shapes=PAIR,
    )
    conventions = (
        Convention("x = y", (1.0, 1.0), (0.5, 0.5), "symmetric, and the two add up to 1. PyTorch, JAX: same"),
        Convention("NaN", (np.nan, 1.0), (0.0, 0.0), "neither comparison holds. PyTorch: 1 and 1"),
    )
    samples = binary(distinct, normal)


@op
class minimum:
    """The smaller of x and y, elementwise with broadcasting; NaN where either is."""

    forward = np.minimum
    broadcasts = True

    def vjp_x(g, out, x, y):
        return (masked(g, x < y) + masked(g, x <= y)) / 2

    def vjp_y(g, out, x, y):
        return (masked(g, y < x) + masked(g, y <= x)) / 2

    derivation = Derivation(
        statement=r"s = \min(x, y)",
        steps=(
            r"ds = dx \;(x < y), \quad dy \;(x > y)",
            r"\bar x = \bar s \odot \tfrac12 \left([x < y] + [x \le y]\right)",
            r"\bar y = \bar s \odot \tfrac12 \left([y < x] + [y \le x]\right)",
        ),
        source="definition; [A] is 1 where A holds, else 0, so a tie gives 1/2",
        shapes=PAIR,
    )
    conventions = (
        Convention("x = y", (1.0, 1.0), (0.5, 0.5), "symmetric, and the two add up to 1. PyTorch, JAX: same"),
        Convention("NaN", (np.nan, 1.0), (0.0, 0.0), "neither comparison holds. PyTorch: 1 and 1"),
    )
    samples = binary(distinct, normal)


@op
class clip:
    """x with everything below ``min`` raised to it and everything above ``max`` lowered to it.

    The bounds are constants, numbers or arrays that broadcast; None leaves that side open. If min > max the
    result is max everywhere, as in NumPy and PyTorch.

    Raises OptionError without any bound, GradientError for a bound that requires grad.
    """

    def forward(x, *, min=None, max=None):
        if min is None and max is None:
            raise OptionError(explain("clip", got="no bound", expected="min, max or both", write="clip(x, min=0)"))
        return np.clip(x, constant(min, "min"), constant(max, "max"))

    broadcasts = True

    def vjp_x(g, out, x, *, min, max):
        if max is None:
            return masked(g, x >= min)
        if min is None:
            return masked(g, x <= max)
        return masked(g, (x >= min) * (x <= max))

    derivation = Derivation(
        statement=r"s = \min(\max(x, a), b)",
        steps=(
            r"\frac{ds}{dx} = 1 \;(a < x < b), \quad 0 \;(x < a \text{ or } x > b)",
            r"\bar x = \bar s \odot [a \le x] \odot [x \le b]",
        ),
        source="definition; [A] is 1 where A holds, else 0",
        shapes="x, and bounds a = min, b = max: broadcastable -> their broadcast shape",
    )
    conventions = (
        Convention(
            "x = min",
            (-1.0,),
            (1.0,),
            "a value on the bound can still move inward. PyTorch's clamp: 1, JAX: 0.5; hardtanh: 0",
            {"min": -1.0, "max": 1.0},
        ),
        Convention("x = max", (1.0,), (1.0,), "as at min. PyTorch's clamp: 1, JAX: 0.5", {"min": -1.0, "max": 1.0}),
        Convention(
            "min = max = x", (1.0,), (1.0,), "on both bounds at once. PyTorch's clamp: 1", {"min": 1.0, "max": 1.0}
        ),
        Convention("NaN", (np.nan,), (0.0,), "neither comparison holds. PyTorch's clamp: 0", {"min": -1.0, "max": 1.0}),
    )
    samples = unary(min=-0.043, max=0.043) + (
        sample(normal(2, 3), min=0.0),
        sample(normal(2, 3), max=0),
    )


def constant(bound, name):
    """The bound's array; a bound that requires grad would get none without a word, so it is refused."""
    if not isinstance(bound, Tensor):
        return bound
    if bound.requires_grad:
        raise GradientError(
            explain(
                f"clip: gradient with respect to {name!r}",
                got=describe(bound, name) + ", requires_grad=True",
                expected="a constant bound",
                write="minimum(maximum(x, low), high), which differentiates the bounds too",
            )
        )
    return bound.data
