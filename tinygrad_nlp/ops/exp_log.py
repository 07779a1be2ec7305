"""Exponentials, logarithms, roots and the error function."""

from __future__ import annotations

import math

import numpy as np

from ..derivation import Convention, Derivation, smooth
from ..errors import DTypeError, describe, explain
from ..op import op
from ..samples import binary, normal, positive, sample, unary, uniform
from .select import maximum

__all__ = ["erf", "exp", "expm1", "log", "log1p", "logaddexp", "rsqrt", "sqrt"]

ELEMENTWISE = "x: any -> same"


@op
class exp:
    """e to the power of each element."""

    forward = np.exp

    def vjp_x(g, out, x):
        return g * out

    derivation = Derivation(
        statement=r"s = e^x",
        steps=(r"ds = e^x \odot dx = s \odot dx", r"\bar x = \bar s \odot s"),
        source="the function that is its own derivative",
        shapes=ELEMENTWISE,
    )
    conventions = smooth
    samples = unary()


@op
class expm1:
    """e^x - 1, accurate where x is near 0 and the subtraction would cancel."""

    forward = np.expm1

    def vjp_x(g, out, x):
        return g * (out + 1)

    derivation = Derivation(
        statement=r"s = e^x - 1",
        steps=(r"ds = e^x \odot dx = (s + 1) \odot dx", r"\bar x = \bar s \odot (s + 1)"),
        source="derivative of exp",
        shapes=ELEMENTWISE,
    )
    conventions = smooth
    samples = unary()


@op
class log:
    """The natural logarithm of each element (nats). -inf at 0, NaN below."""

    forward = np.log

    def vjp_x(g, out, x):
        return g / x

    derivation = Derivation(
        statement=r"s = \ln x",
        steps=(r"e^s = x \;\Rightarrow\; e^s \odot ds = dx", r"\bar x = \bar s \oslash x"),
        source="derivative of the inverse of exp",
        shapes=ELEMENTWISE,
    )
    conventions = (Convention("x = 0", (0.0,), (math.inf,), "1/x grows without bound. PyTorch, JAX: same"),)
    samples = unary(positive)


@op
class log1p:
    """log(1 + x), accurate where x is near 0 and 1 + x would round it away."""

    forward = np.log1p

    def vjp_x(g, out, x):
        return g / (1 + x)

    derivation = Derivation(
        statement=r"s = \ln(1 + x)",
        steps=(r"e^s = 1 + x \;\Rightarrow\; e^s \odot ds = dx", r"\bar x = \bar s \oslash (1 + x)"),
        source="derivative of log",
        shapes=ELEMENTWISE,
    )
    conventions = (Convention("x = -1", (-1.0,), (math.inf,), "the pole of log, moved to -1. PyTorch, JAX: same"),)
    samples = unary(positive) + (sample(uniform(-0.7, -0.1, 3)),)


@op
class sqrt:
    """The square root of each element. NaN below 0."""

    forward = np.sqrt

    def vjp_x(g, out, x):
        return g / (2 * out)

    derivation = Derivation(
        statement=r"s = \sqrt{x}",
        steps=(r"s^2 = x \;\Rightarrow\; 2 s \odot ds = dx", r"\bar x = \bar s \oslash 2s"),
        source="power rule of calculus",
        shapes=ELEMENTWISE,
    )
    conventions = (
        Convention(
            "x = 0", (0.0,), (math.inf,), "a vertical tangent. PyTorch, JAX: same. To avoid it: sqrt(x + eps), or norm"
        ),
    )
    samples = unary(positive)


@op
class rsqrt:
    """1 / sqrt(x). inf at 0, NaN below."""

    def forward(x):
        return 1 / np.sqrt(x)

    def vjp_x(g, out, x):
        return -g * out / (2 * x)

    derivation = Derivation(
        statement=r"s = x^{-1/2}",
        steps=(r"ds = -\tfrac12 x^{-3/2} \odot dx = -\frac{s}{2x} \odot dx", r"\bar x = -\bar s \odot s \oslash 2x"),
        source="power rule of calculus",
        shapes=ELEMENTWISE,
    )
    conventions = (Convention("x = 0", (0.0,), (-math.inf,), "a pole. PyTorch, JAX: same"),)
    samples = unary(positive)


@op
class logaddexp:
    """log(e^x + e^y) without overflow; broadcasts. The sum of two probabilities given as logarithms."""

    forward = np.logaddexp
    broadcasts = True

    def vjp_x(g, out, x, y):
        return g * exp(x - at_least_finite(out))

    def vjp_y(g, out, x, y):
        return g * exp(y - at_least_finite(out))

    derivation = Derivation(
        statement=r"s = \ln(e^x + e^y)",
        steps=(
            r"e^s = e^x + e^y \;\Rightarrow\; e^s \odot ds = e^x \odot dx + e^y \odot dy",
            r"\bar x = \bar s \odot e^{x - s}, \qquad \bar y = \bar s \odot e^{y - s}",
        ),
        source="chain rule; the shares e^{x-s} and e^{y-s} are the softmax of the pair (x, y)",
        shapes="x, y: broadcastable -> their broadcast shape",
        notes="where s = -inf the shares are 0, not the NaN of -inf - (-inf)",
    )
    conventions = (
        Convention(
            "x = y = -inf",
            (-math.inf, -math.inf),
            (0.0, 0.0),
            "two impossible events: no gradient, as PyTorch's logsumexp has it; PyTorch's logaddexp: NaN",
        ),
        Convention("x = -inf", (-math.inf, 0.0), (0.0, 1.0), "the impossible event has no share. PyTorch, JAX: same"),
    )
    samples = binary()


LOWEST = -3e38
"""Nearly the lowest float32."""


def at_least_finite(out):
    """``out`` with -inf raised to a finite number, so that -inf minus it is -inf and exp of that is 0."""
    return maximum(out, LOWEST)


@op
class erf:
    r"""The error function 2/√π ∫₀ˣ e^(-t²) dt of real numbers, to 4 units in the last place of their dtype.

    NumPy has none. Rational approximations of W. J. Cody, "Rational Chebyshev approximations for the error
    function", Mathematics of Computation 23 (1969) 631-637: erf(x) = x R(x²) for |x| <= 0.46875, and
    1 - e^(-x²) R(|x|) beyond. (Cody has a third one for |x| > 4, which only 1 - erf needs: from there on
    erf differs from 1 by less than 1.6e-8, so that a relative error of 1e-9 in the difference is lost.)
    """

    def forward(x):
        values = np.asarray(x)
        if values.dtype.kind == "c":
            raise DTypeError(
                explain("erf", got=describe(values, "x"), expected="real numbers", write="scipy.special.erf(x)")
            )
        # Integers become float64; float16 has too little range for the coefficients.
        half = values.dtype == np.float16
        flat = values.ravel().astype(np.float32 if half else np.result_type(values, np.float32), copy=False)
        out = np.empty_like(flat)
        step = BLOCK // flat.itemsize
        for start in range(0, flat.size, step):
            part = flat[start : start + step]
            out[start : start + step] = erf_outside(part)
            inside = np.flatnonzero(np.abs(part) <= SEAM)
            out[start + inside] = erf_inside(part[inside])
        return (out.astype(np.float16) if half else out).reshape(values.shape)

    def vjp_x(g, out, x):
        return g * (2 / math.sqrt(math.pi) * exp(-x * x))

    derivation = Derivation(
        statement=r"s = \operatorname{erf}(x) = \frac{2}{\sqrt\pi} \int_0^x e^{-t^2}\, dt",
        steps=(
            r"\frac{ds}{dx} = \frac{2}{\sqrt\pi} e^{-x^2}",
            r"\bar x = \bar s \odot \tfrac{2}{\sqrt\pi} e^{-x^2}",
        ),
        source="fundamental theorem of calculus; values: Cody (1969)",
        shapes=ELEMENTWISE,
    )
    conventions = smooth
    samples = unary() + (sample(uniform(0.5, 3.0, 4)), sample(normal(2, 3)))


BLOCK = 1 << 17
"""Bytes worked on at once, so that the twenty passes of a polynomial stay in the cache. Measured: half the time at
2,000,000 float64 elements, no gain at 100,000."""

SEAM = 0.46875
# Coefficients of Cody (1969), highest power first; each quotient is numerator over denominator.
INSIDE = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
OUTSIDE = (
    (
        *(2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1),
        *(2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3),
        1.23033935479799725e3,
    ),
    (
        *(1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3),
        *(3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
    ),
)


def erf_inside(x):
    """erf where |x| <= SEAM, to full relative accuracy at 0."""
    t = x * x
    return x * polynomial(INSIDE[0], t) / polynomial(INSIDE[1], t)


def erf_outside(x):
    """erf where |x| >= SEAM."""
    t = np.minimum(np.abs(x), 6.0)  # erf(6) rounds to 1
    share = polynomial(OUTSIDE[0], t)
    share /= polynomial(OUTSIDE[1], t)
    t *= t
    np.negative(t, out=t)
    share *= np.exp(t, out=t)
    np.subtract(1, share, out=share)
    return np.copysign(share, x, out=share)


def polynomial(coefficients, t):
    """The polynomial at ``t`` by Horner's rule."""
    result = coefficients[0] * t
    for c in coefficients[1:-1]:
        result += c
        result *= t
    result += coefficients[-1]
    return result
