"""Nonlinearities of neural networks. Names, options and values at kinks are PyTorch's."""

from __future__ import annotations

import math

import numpy as np

from ..derivation import Convention, Derivation, smooth
from ..errors import OptionError, explain
from ..op import op
from ..samples import sample, unary, uniform
from .exp_log import erf, exp
from .select import masked, where
from .trigonometry import tanh

__all__ = ["elu", "gelu", "hardtanh", "leaky_relu", "logsigmoid", "relu", "sigmoid", "silu", "softplus"]

ELEMENTWISE = "x: any -> same"
FAR = (sample(uniform(-9.0, -4.0, 3)), sample(uniform(4.0, 9.0, 3)))


@op
class sigmoid:
    """1 / (1 + e^-x): a number between 0 and 1 for each element; a probability, if x is its log-odds."""

    def forward(x):
        e = np.asarray(x * -1.0)  # our own copy, so the rest needs no further array
        # Where e^-x overflows to inf, 1 / (1 + inf) = 0 is the right answer. This form keeps small results to full
        # relative accuracy, which (1 + tanh(x / 2)) / 2 loses below x = -5 (measured: all digits at -37).
        with np.errstate(over="ignore"):
            np.exp(e, out=e)
        e += 1
        return np.divide(1, e, out=e)

    def vjp_x(g, out, x):
        return g * out * (1 - out)

    derivation = Derivation(
        statement=r"s = \sigma(x) = \frac{1}{1 + e^{-x}}",
        steps=(
            r"\frac{ds}{dx} = \frac{e^{-x}}{(1 + e^{-x})^2} = \frac{1}{1 + e^{-x}} \cdot \frac{e^{-x}}{1 + e^{-x}}",
            r"\frac{e^{-x}}{1 + e^{-x}} = 1 - \sigma(x), \quad\text{so}\quad \frac{ds}{dx} = \sigma(x)(1 - \sigma(x))",
            r"\bar x = \bar s \odot s \odot (1 - s)",
        ),
        source="003 Q2a; 004 (c)",
        shapes=ELEMENTWISE,
    )
    conventions = smooth
    samples = unary() + FAR


@op
class logsigmoid:
    """log σ(x), finite wherever x is; log(sigmoid(x)) is -inf below x = -709 (-88 in float32), where e^-x overflows."""

    def forward(x):
        return np.minimum(x, 0) - log1p_exp_minus_abs(x)

    def vjp_x(g, out, x):
        return g * sigmoid(-x)

    derivation = Derivation(
        statement=r"s = \ln \sigma(x) = -\ln(1 + e^{-x})",
        steps=(
            r"\frac{ds}{dx} = \frac{\sigma'(x)}{\sigma(x)} = 1 - \sigma(x) = \sigma(-x)",
            r"\bar x = \bar s \odot \sigma(-x)",
        ),
        source="003 Q2a and Eq 39-40; the terms of the negative-sampling loss",
        shapes=ELEMENTWISE,
        notes="computed as min(x, 0) - log1p(e^-|x|): the exponent is never positive",
    )
    conventions = smooth
    samples = unary() + FAR


@op
class softplus:
    """log(1 + e^(βx)) / β: a smooth relu, nearer to it the larger β. Exact at every x.

    (PyTorch answers x itself where βx > 20, which is off by up to 2e-9.)
    Raises OptionError unless beta > 0.
    """

    def forward(x, *, beta=1.0):
        if not beta > 0:
            raise OptionError(explain("softplus", got=f"beta={beta!r}", expected="a positive number"))
        x = x if beta == 1 else x * beta
        out = np.maximum(x, 0) + log1p_exp_minus_abs(x)
        return out if beta == 1 else out / beta

    def vjp_x(g, out, x, *, beta):
        return g * sigmoid(x * beta)

    derivation = Derivation(
        statement=r"s = \tfrac1\beta \ln(1 + e^{\beta x})",
        steps=(
            r"\frac{ds}{dx} = \frac{e^{\beta x}}{1 + e^{\beta x}} = \frac{1}{1 + e^{-\beta x}} = \sigma(\beta x)",
            r"\bar x = \bar s \odot \sigma(\beta x)",
        ),
        source="chain rule; softplus(x) = -ln sigma(-x)",
        shapes=ELEMENTWISE,
        notes="computed as max(x, 0) + log1p(e^-|x|): the exponent is never positive",
    )
    conventions = smooth
    samples = unary() + unary(beta=2.5)[:2] + FAR


def log1p_exp_minus_abs(x):
    """log(1 + e^-|x|), between 0 and log 2."""
    e = np.asarray(x * 1.0)
    np.abs(e, out=e)
    np.negative(e, out=e)
    np.exp(e, out=e)
    return np.log1p(e, out=e)


@op
class relu:
    """max(x, 0) for each element."""

    def forward(x):
        # Against a row of zeros NumPy's loop is vectorised, against a single zero it is not: less than half the time.
        return np.maximum(x, np.zeros(x.shape[-1:], x.dtype) if np.shape(x)[-1:] > (63,) else 0)

    def vjp_x(g, out, x):
        return masked(g, out > 0)

    derivation = Derivation(
        statement=r"s = \operatorname{ReLU}(x) = \max(x, 0)",
        steps=(r"\frac{ds}{dx} = 1 \;(x > 0), \quad 0 \;(x < 0)", r"\bar x = \bar s \odot \mathbb{1}\{x > 0\}"),
        source="001 3(e)(i)",
        shapes=ELEMENTWISE,
        notes="read off the result, which is positive exactly where x is: x need not be kept",
    )
    conventions = (
        Convention(
            "x = 0", (0.0,), (0.0,), "the subgradient that leaves a dead unit alone; 001 3(e)(i). PyTorch, JAX: 0"
        ),
    )
    samples = unary()


@op
class leaky_relu:
    """x where x > 0, negative_slope · x elsewhere. Source: Maas, Hannun & Ng (2013)."""

    def forward(x, *, negative_slope=0.01):
        # Of the two lines the upper one is wanted if the left one is flatter, else the lower one.
        return (np.maximum if negative_slope <= 1 else np.minimum)(x, x * negative_slope)

    def vjp_x(g, out, x, *, negative_slope):
        return where(x > 0, g, g * negative_slope)

    derivation = Derivation(
        statement=r"s = x \;(x > 0), \quad a x \;(x \le 0)",
        steps=(
            r"\frac{ds}{dx} = 1 \;(x > 0), \quad a \;(x < 0)",
            r"\bar x = \bar s \;(x > 0), \quad a \bar s \;(x \le 0)",
        ),
        source="definition, with a = negative_slope; Maas, Hannun & Ng, ICML 2013",
        shapes=ELEMENTWISE,
    )
    conventions = (Convention("x = 0", (0.0,), (0.01,), "the left slope. PyTorch: same; JAX: 1"),)
    samples = unary() + unary(negative_slope=0.3)[:2] + unary(negative_slope=2.0)[1:2]


@op
class elu:
    """x where x > 0, alpha · (e^x - 1) elsewhere. Source: Clevert, Unterthiner & Hochreiter (2016)."""

    def forward(x, *, alpha=1.0):
        return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0))  # one of the two is 0

    def vjp_x(g, out, x, *, alpha):
        return where(x > 0, g, g * (out + alpha))

    derivation = Derivation(
        statement=r"s = x \;(x > 0), \quad \alpha (e^x - 1) \;(x \le 0)",
        steps=(
            r"\frac{ds}{dx} = 1 \;(x > 0), \quad \alpha e^x = s + \alpha \;(x < 0)",
            r"\bar x = \bar s \;(x > 0), \quad \bar s \odot (s + \alpha) \;(x \le 0)",
        ),
        source="definition; Clevert, Unterthiner & Hochreiter, ICLR 2016",
        shapes=ELEMENTWISE,
    )
    conventions = (
        Convention("x = 0, alpha = 1", (0.0,), (1.0,), "no kink: both slopes are 1"),
        Convention("x = 0, alpha = 2", (0.0,), (2.0,), "the left slope, alpha. PyTorch: same", {"alpha": 2.0}),
    )
    samples = unary() + unary(alpha=0.5)[:2]


@op
class hardtanh:
    """x between min_val and max_val, and the bound beyond it."""

    def forward(x, *, min_val=-1.0, max_val=1.0):
        if not min_val < max_val:
            raise OptionError(
                explain("hardtanh", got=f"min_val={min_val!r}, max_val={max_val!r}", expected="min_val < max_val")
            )
        return np.clip(x, min_val, max_val)

    def vjp_x(g, out, x, *, min_val, max_val):
        return masked(g, (x > min_val) * (x < max_val))

    derivation = Derivation(
        statement=r"s = \min(\max(x, a), b)",
        steps=(
            r"\frac{ds}{dx} = 1 \;(a < x < b), \quad 0 \;(x < a \text{ or } x > b)",
            r"\bar x = \bar s \odot \mathbb{1}\{a < x\} \odot \mathbb{1}\{x < b\}",
        ),
        source="definition, with a = min_val and b = max_val",
        shapes=ELEMENTWISE,
    )
    conventions = (
        Convention("x = min_val", (-1.0,), (0.0,), "saturated, as relu at 0. PyTorch: same; its clamp and our clip: 1"),
        Convention("x = max_val", (1.0,), (0.0,), "saturated, as relu at 0. PyTorch: same; its clamp and our clip: 1"),
    )
    samples = unary(min_val=-0.04, max_val=0.04) + unary(lambda *shape: uniform(-0.9, 0.9, *shape))[:4]


@op
class silu:
    """x · σ(x), also called swish. Source: Elfwing, Uchibe & Doya (2018)."""

    def forward(x):
        out = sigmoid.forward(x)
        out *= x
        return out

    def vjp_x(g, out, x):
        s = sigmoid(x)
        return g * (s + out * (1 - s))

    derivation = Derivation(
        statement=r"s = x \odot \sigma(x)",
        steps=(
            r"ds = \left(\sigma(x) + x \odot \sigma(x) \odot (1 - \sigma(x))\right) \odot dx",
            r"\bar x = \bar s \odot \left(\sigma(x) + s \odot (1 - \sigma(x))\right)",
        ),
        source="product rule with 003 Q2a; Elfwing, Uchibe & Doya, Neural Networks 107 (2018)",
        shapes=ELEMENTWISE,
    )
    conventions = smooth
    samples = unary() + FAR


@op
class gelu:
    """x · Φ(x), Φ being the normal distribution function. Source: Hendrycks & Gimpel (2016).

    approximate  "none": Φ(x) = (1 + erf(x/√2)) / 2.  "tanh": Φ(x) ≈ (1 + tanh(√(2/π)(x + 0.044715 x³))) / 2,
                 as BERT and GPT-2 were trained.
    Raises OptionError for anything else.
    """

    def forward(x, *, approximate="none"):
        if approximate == "none":
            return 0.5 * x * (1 + erf.forward(x * SQRT_HALF))
        if approximate == "tanh":
            return 0.5 * x * (1 + np.tanh(SQRT_2_OVER_PI * (x + CUBIC * (x * x * x))))
        raise OptionError(explain("gelu", got=f"approximate={approximate!r}", expected='"none" or "tanh"'))

    def vjp_x(g, out, x, *, approximate):
        if approximate == "none":
            cdf = 0.5 * (1 + erf(x * SQRT_HALF))
            density = SQRT_HALF_OVER_PI * exp(-0.5 * x * x)
            return g * (cdf + x * density)
        t = tanh(SQRT_2_OVER_PI * (x + CUBIC * (x * x * x)))
        slope = SQRT_2_OVER_PI * (1 + 3 * CUBIC * (x * x))
        return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope)

    derivation = Derivation(
        statement=r"s = x \odot \Phi(x), \; \Phi(x) = \tfrac12 \left(1 + \operatorname{erf} \tfrac{x}{\sqrt2}\right)",
        steps=(
            r"\Phi'(x) = \varphi(x) = \tfrac{1}{\sqrt{2\pi}} e^{-x^2/2}",
            r"ds = (\Phi(x) + x \odot \varphi(x)) \odot dx",
            r"\bar x = \bar s \odot (\Phi(x) + x \odot \varphi(x))",
            r"\text{with tanh: } t = \tanh u,\; u = \sqrt{\tfrac2\pi}\,(x + 0.044715\, x^3)",
            r"\bar x = \bar s \odot \tfrac12 \left(1 + t + x \odot (1 - t^2) \odot"
            r" \sqrt{\tfrac2\pi}\,(1 + 3 \cdot 0.044715\, x^2)\right)",
        ),
        source="product rule; Hendrycks & Gimpel, arXiv:1606.08415",
        shapes=ELEMENTWISE,
    )
    conventions = smooth
    samples = unary() + unary(approximate="tanh") + FAR


# Python floats: NumPy's would turn float32 arrays into float64.
SQRT_HALF = math.sqrt(0.5)
SQRT_HALF_OVER_PI = math.sqrt(0.5 / math.pi)
SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
CUBIC = 0.044715
