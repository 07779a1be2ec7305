"""Sums, products, quotients, powers."""

from __future__ import annotations

import math

import numpy as np

from ..derivation import Convention, Derivation, smooth
from ..errors import DTypeError, explain
from ..op import op
from ..samples import binary, normal, positive, sample, unary, uniform
from .exp_log import log

__all__ = ["abs", "add", "div", "mul", "neg", "pow", "reciprocal", "sign", "square", "sub"]

BROADCAST = "x, y: broadcastable -> their broadcast shape"


@op
class add:
    """x + y, elementwise with broadcasting."""

    forward = np.add
    broadcasts = True

    def vjp_x(g, out, x, y):
        return g

    def vjp_y(g, out, x, y):
        return g

    derivation = Derivation(
        statement=r"s = x + y",
        steps=(
            r"ds = dx + dy",
            r"dJ = \textstyle\sum \bar s \odot ds = \sum \bar s \odot dx + \sum \bar s \odot dy",
            r"\bar x = \bar s, \qquad \bar y = \bar s",
        ),
        source="sum rule of calculus",
        shapes=BROADCAST,
    )
    conventions = smooth
    samples = binary()


@op
class sub:
    """x - y, elementwise with broadcasting."""

    forward = np.subtract
    broadcasts = True

    def vjp_x(g, out, x, y):
        return g

    def vjp_y(g, out, x, y):
        return -g

    derivation = Derivation(
        statement=r"s = x - y",
        steps=(r"ds = dx - dy", r"\bar x = \bar s, \qquad \bar y = -\bar s"),
        source="sum rule of calculus",
        shapes=BROADCAST,
    )
    conventions = smooth
    samples = binary()


@op
class neg:
    """-x: each element with the other sign."""

    forward = np.negative

    def vjp_x(g, out, x):
        return -g

    derivation = Derivation(
        statement=r"s = -x",
        steps=(r"ds = -dx", r"\bar x = -\bar s"),
        source="definition",
        shapes="x: any -> same",
    )
    conventions = smooth
    samples = unary()


@op
class mul:
    """x · y, elementwise with broadcasting."""

    forward = np.multiply
    broadcasts = True

    def vjp_x(g, out, x, y):
        return g * y

    def vjp_y(g, out, x, y):
        return g * x

    derivation = Derivation(
        statement=r"s = x \odot y",
        steps=(
            r"ds = y \odot dx + x \odot dy",
            r"dJ = \textstyle\sum \bar s \odot y \odot dx + \sum \bar s \odot x \odot dy",
            r"\bar x = \bar s \odot y, \qquad \bar y = \bar s \odot x",
        ),
        source="product rule of calculus",
        shapes=BROADCAST,
    )
    conventions = smooth
    samples = binary()


@op
class sign:
    """-1, 0 or 1: the sign of each element."""

    forward = np.sign

    def vjp_x(g, out, x):
        return g * 0

    derivation = Derivation(
        statement=r"s = \operatorname{sign}(x)",
        steps=(r"\frac{ds}{dx} = 0 \quad (x \neq 0)", r"\bar x = 0"),
        source="definition",
        shapes="x: any -> same",
    )
    conventions = (
        Convention("x = 0", (0.0,), (0.0,), "flat on both sides; the jump itself carries no slope. PyTorch, JAX: 0"),
    )
    samples = unary()


@op
class abs:
    """The absolute value of each element."""

    forward = np.abs

    def vjp_x(g, out, x):
        return g * sign(x)

    derivation = Derivation(
        statement=r"s = |x|",
        steps=(r"\frac{ds}{dx} = 1 \;(x > 0), \quad -1 \;(x < 0)", r"\bar x = \bar s \odot \operatorname{sign}(x)"),
        source="definition",
        shapes="x: any -> same",
    )
    conventions = (Convention("x = 0", (0.0,), (0.0,), "the middle of the subgradients [-1, 1]. PyTorch: 0, JAX: 1"),)
    samples = unary()


@op
class div:
    """x / y, elementwise with broadcasting; integers give floats, as NumPy's ``/`` does."""

    forward = np.true_divide
    broadcasts = True

    def vjp_x(g, out, x, y):
        return g / y

    def vjp_y(g, out, x, y):
        return -g * out / y

    derivation = Derivation(
        statement=r"s = x \oslash y",
        steps=(
            r"s \odot y = x \;\Rightarrow\; ds \odot y + s \odot dy = dx",
            r"ds = (dx - s \odot dy) \oslash y",
            r"\bar x = \bar s \oslash y, \qquad \bar y = -\bar s \odot s \oslash y",
        ),
        source="quotient rule of calculus",
        shapes=BROADCAST,
        notes="-s/y instead of -x/y^2: the quotient is at hand, and y^2 could overflow",
    )
    conventions = (
        Convention(
            "x > 0, y = 0", (1.0, 0.0), (math.inf, -math.inf), "a pole: the limits from y > 0. PyTorch, JAX: same"
        ),
        Convention(
            "x = y = 0", (0.0, 0.0), (math.inf, math.nan), "0/0 has no value, so y gets none. PyTorch, JAX: same"
        ),
    )
    samples = binary(normal, positive) + (sample(normal(2, 3), normal(3)),)


@op
class reciprocal:
    """1 / x; integers give floats (NumPy's own ``reciprocal`` of the integer 2 is 0)."""

    def forward(x):
        return np.true_divide(1, x)

    def vjp_x(g, out, x):
        return -g * out * out

    derivation = Derivation(
        statement=r"s = 1 \oslash x",
        steps=(r"s \odot x = 1 \;\Rightarrow\; ds \odot x + s \odot dx = 0", r"\bar x = -\bar s \odot s \odot s"),
        source="quotient rule of calculus",
        shapes="x: any -> same",
    )
    conventions = (Convention("x = 0", (0.0,), (-math.inf,), "a pole: -1/x^2 falls without bound. PyTorch, JAX: same"),)
    samples = unary(positive) + (sample(uniform(-2.0, -0.5, 3)),)


@op
class square:
    """x · x for each element."""

    forward = np.square

    def vjp_x(g, out, x):
        return g * (2 * x)

    derivation = Derivation(
        statement=r"s = x^2",
        steps=(r"ds = 2 x \odot dx", r"\bar x = \bar s \odot 2x"),
        source="power rule of calculus",
        shapes="x: any -> same",
    )
    conventions = smooth
    samples = unary()


@op
class pow:
    """x ** y, elementwise with broadcasting.

    A whole Python number from 3 to 64 as exponent costs a few multiplications: NumPy's own x ** 3 was measured
    at 3 to 6 times that for positive elements and 300 to 700 times for negative ones. Otherwise NumPy's
    power. NaN where x < 0 and y is not whole.

    Raises DTypeError for an integer array with a negative integer exponent, which has no integer result.
    """

    def forward(x, y):
        if type(y) is int and 3 <= y <= 64 and isinstance(x, np.ndarray):
            return whole_power(x, y)
        # The operator of an array knows squares, roots and reciprocals; the ufunc does not.
        return x**y if isinstance(x, np.ndarray) else np.power(x, y)

    broadcasts = True

    def vjp_x(g, out, x, y):
        return g * y * power_below(x, y)

    def vjp_y(g, out, x, y):
        return g * out * log_of_base(x, y)

    def check(x, y):
        if x.dtype.kind in "iu" and y.dtype.kind in "iu":
            raise DTypeError(
                explain(
                    "pow: integers to a negative integer power",
                    got=f"{x} ** {y}",
                    expected="floats, or exponents of 0 and more",
                    write="x.astype(np.float64) ** y",
                )
            )

    derivation = Derivation(
        statement=r"s = x^y = e^{y \ln x}",
        steps=(
            r"ds = e^{y \ln x} \left(\tfrac{y}{x} \odot dx + \ln x \odot dy\right)",
            r"ds = y \odot x^{y-1} \odot dx + s \odot \ln x \odot dy",
            r"\bar x = \bar s \odot y \odot x^{y-1}, \qquad \bar y = \bar s \odot s \odot \ln x",
        ),
        source="power rule and exponential rule of calculus",
        shapes=BROADCAST,
        notes="0 · inf, which is NaN, is avoided where the limit is 0: at x = 0 for y = 0 (in x) and for y >= 0 (in y)",
    )
    conventions = (
        Convention(
            "x = 0, y = 0", (0.0, 0.0), (0.0, 0.0), "x^0 is 1 for every x, so flat in x. PyTorch: same; JAX in y: -inf"
        ),
        Convention(
            "x = 0, y > 1", (0.0, 2.0), (0.0, 0.0), "0^y is 0 for every y > 0, so flat in y. PyTorch, JAX: same"
        ),
        Convention(
            "x = 0, 0 < y < 1", (0.0, 0.5), (math.inf, 0.0), "a vertical tangent in x, as for sqrt. PyTorch: same"
        ),
        Convention("x = 0, y < 0", (0.0, -1.0), (-math.inf, -math.inf), "a pole. PyTorch: same"),
        Convention(
            "x < 0, y whole", (-2.0, 3.0), (12.0, math.nan), "no real power at the neighbouring y. PyTorch: same"
        ),
        Convention("exponent the number 0, x = 0", (0.0, 0), (0.0, None), "x^0 is 1 for every x. PyTorch, JAX: same"),
    )
    samples = binary(positive, normal) + (
        sample(normal(2, 3), 2),
        sample(normal(2, 3), 3),
        sample(normal(4), 7),
        sample(normal(3), 1),
        sample(normal(3), 0),
        sample(positive(3), -2),
        sample(positive(3), 0.5),
        sample(positive(3), -1.5),
        sample(positive(2, 3), np.array([0.0, 1.0, 3.0])),
        sample(2, normal(2, 3)),
        sample(0, positive(3)),
        sample(positive(3), normal(2, 1)),
    )


def whole_power(x, n):
    """x ** n for n >= 1 by squaring: x^13 = x^8 · x^4 · x, from the binary digits of 13."""
    result = None
    while True:
        if n & 1:
            result = x if result is None else result * x
        n >>= 1
        if not n:
            return result
        x = x * x


def power_below(x, y):
    """x^(y-1), for the rule of x: finite where y = 0, so that the factor y makes the product 0 there."""
    if isinstance(y, (int, float)):
        return x if y == 2 else pow(x, y - 1) if y else x * 0
    return pow(x + (x == 0) * (y == 0), y - 1)


def log_of_base(x, y):
    """log x, for the rule of y: finite where x = 0 and y >= 0, so that the factor x^y makes the product 0 there."""
    if isinstance(x, (int, float)):
        if x > 0:
            return math.log(x)  # a Python number: NumPy's would turn float32 into float64
        x = x + y * 0
    return log(x + (y >= 0) * (x == 0))
