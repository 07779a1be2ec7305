"""Softmax, its logarithm and its normalizer; layer and L2 normalization."""

from __future__ import annotations

import numpy as np

from ..broadcasting import restore_axes, sum_to_shape
from ..derivation import Convention, Derivation, smooth
from ..errors import ShapeError, describe, explain
from ..op import op
from ..samples import normal, sample
from .exp_log import exp, sqrt
from .reduce import euclidean, norm, reductions, refuse

__all__ = ["l2_normalize", "layer_norm", "log_softmax", "logsumexp", "softmax"]

ALONG = "x: any -> same; axis an int, a tuple, or None for all"


def below_maximum(x, axis):
    """x - max(x) along ``axis``, in a buffer of its own, of a float dtype.

    Subtracting the maximum changes no softmax (shift invariance) and keeps every exponent at or below 0, so no exp
    overflows; the largest term is exp(0) = 1, so no sum of them is 0 either.
    """
    x = np.asarray(x)
    peak = np.maximum.reduce(x, axis=axis, keepdims=True) if x.size else np.add.reduce(x, axis=axis, keepdims=True)
    out = np.empty(x.shape, x.dtype if x.dtype.kind in "fc" else np.float64)
    np.subtract(x, peak, out=out)
    return out


LINES = (
    {},
    {"axis": 0},
    {"axis": 1},
    {"axis": (0, 2)},
    {"axis": None},
)


def lines():
    """Samples of an op that works along an axis and keeps the shape."""
    return (
        *(sample(normal(2, 3, 4), **axes) for axes in LINES),
        sample(normal()),
        sample(normal(1)),
        sample(normal(0, 3)),
        sample(normal(2, 0)),
        sample(np.array([[1.0, -np.inf, 0.5], [0.0, 2.0, -np.inf]])[:, ::2]),
    )


@op
class softmax:
    """exp(x) divided by its sum along an axis: positive numbers that sum to 1, a distribution.

    A logit of -inf gets probability 0 and gradient 0: that is how an element is masked. Where all are -inf (or one
    is +inf or NaN) there is no distribution: 0/0, NaN, as in PyTorch and JAX; keep one element unmasked in every row.

    Cost: three passes over one new array.
    """

    def forward(x, *, axis=-1):
        out = below_maximum(x, axis)
        np.exp(out, out=out)
        out /= np.add.reduce(out, axis=axis, keepdims=True)
        return out

    def vjp_x(g, out, x, *, axis):
        return out * (g - (g * out).sum(axis, keepdims=True))

    def check(x, *, axis):
        refuse("softmax", x, axis)

    derivation = Derivation(
        statement=r"s_i = \frac{e^{x_i}}{Z}, \quad Z = \textstyle\sum_k e^{x_k}",
        steps=(
            r"\frac{e^{x_i + c}}{\sum_k e^{x_k + c}} = \frac{e^c e^{x_i}}{e^c \sum_k e^{x_k}} = s_i"
            r" \text{ for every } c; \; c = -\max_k x_k \text{ prevents overflow}",
            r"\frac{\partial Z}{\partial x_j} = e^{x_j}: \text{ only the term } k = j \text{ varies}",
            r"i = j: \quad \frac{\partial s_i}{\partial x_j} = \frac{e^{x_i} Z - e^{x_j} e^{x_i}}{Z^2}"
            r" = s_i \frac{Z - e^{x_j}}{Z} = s_i (1 - s_j)",
            r"i \neq j: \quad \frac{\partial s_i}{\partial x_j} = -e^{x_i} Z^{-2} e^{x_j} = -s_i s_j",
            r"\text{both cases: } \frac{\partial s_i}{\partial x_j} = s_i (\delta_{ij} - s_j)",
            r"\bar x_j = \textstyle\sum_i \bar s_i\, s_i (\delta_{ij} - s_j)"
            r" = \bar s_j s_j - s_j \textstyle\sum_i \bar s_i s_i",
            r"\bar x = s \odot \left( \bar s - \textstyle\sum_i \bar s_i s_i \right)",
        ),
        source="003 Q1 Eq 1-2 and 004 (a) for the shift (004's first numerator corrected: e^c e^{x_i}); "
        "003 Q2b Eq 10-16 for the Jacobian (Eq 11's text corrected: the product is e^{θ_j} e^{θ_i}; "
        "Eq 16: g_i (t_ij - g_j))",
        shapes=ALONG,
        notes="the maximum is subtracted first. With cross-entropy above it, s̄_i = -y_i / s_i, the rule gives "
        "x̄_j = -y_j + s_j Σ_i y_i = s_j - y_j for one-hot y (003 Eq 17-18; Eq 18's sign corrected); but s_i may "
        "have become 0, so the loss itself starts from the logits.",
    )
    conventions = smooth
    samples = lines()


@op
class log_softmax:
    """The logarithm of softmax: x - log(sum(exp(x))) along an axis, finite where log(softmax(x)) would be log(0).

    A logit of -inf gives -inf, which takes no part in the others' gradients; all -inf gives NaN, as `softmax`.
    """

    def forward(x, *, axis=-1):
        out = below_maximum(x, axis)
        if out.size:
            out -= np.log(np.add.reduce(np.exp(out), axis=axis, keepdims=True))
        return out

    def vjp_x(g, out, x, *, axis):
        return g - exp(out) * g.sum(axis, keepdims=True)

    def check(x, *, axis):
        refuse("log_softmax", x, axis)

    derivation = Derivation(
        statement=r"s_i = x_i - \log \textstyle\sum_k e^{x_k}",
        steps=(
            r"\frac{\partial}{\partial x_j} \log \textstyle\sum_k e^{x_k} = \frac{e^{x_j}}{\sum_k e^{x_k}} = e^{s_j}",
            r"\frac{\partial s_i}{\partial x_j} = \delta_{ij} - e^{s_j}",
            r"\bar x_j = \textstyle\sum_i \bar s_i (\delta_{ij} - e^{s_j}) = \bar s_j - e^{s_j} \sum_i \bar s_i",
        ),
        source="003 Eq 24-27 (Eq 26 corrected: minus ∂/∂r̂ w_i·r̂); 004 (2) (corrected: -log exp + log Σ)",
        shapes=ALONG,
        notes="the maximum is subtracted first; log is taken of a sum that is at least 1, never of a probability.",
    )
    conventions = smooth
    samples = lines()[:-1]


@op
class logsumexp:
    """log(sum(exp(x))) along an axis, several, or all: a smooth maximum, and the logarithm of softmax's normalizer.

    Finite for any finite x, however large. All -inf: log 0 = -inf, and the gradient is softmax's, NaN, as in PyTorch.
    """

    def forward(x, *, axis=None, keepdims=False):
        x = np.asarray(x)
        if not x.size:
            peak = np.add.reduce(x, axis=axis, keepdims=True)
        else:
            peak = np.maximum.reduce(x, axis=axis, keepdims=True)
            peak = np.where(np.isfinite(peak), peak, np.zeros_like(peak))  # inf - inf would be NaN
        with np.errstate(divide="ignore", over="ignore"):
            out = np.log(np.add.reduce(np.exp(x - peak), axis=axis, keepdims=True)) + peak
        return out if keepdims else np.squeeze(out, axis)

    def vjp_x(g, out, x, *, axis, keepdims):
        return restore_axes(g, axis, x.shape) * softmax(x, axis=axis)

    def check(x, *, axis, keepdims):
        refuse("logsumexp", x, axis)

    derivation = Derivation(
        statement=r"s = \log \textstyle\sum_k e^{x_k}",
        steps=(
            r"ds = \frac{\sum_k e^{x_k} dx_k}{\sum_k e^{x_k}} = \textstyle\sum_k \operatorname{softmax}(x)_k\, dx_k",
            r"\bar x = \bar s \operatorname{softmax}(x)",
        ),
        source="the second term of 003 Q3a Eq 25-27 (Eq 27 corrected: w_k stands inside the sum)",
        shapes="x: any -> x without the reduced axes, which stay with length 1 if keepdims",
        notes="log Σ e^{x_k} = m + log Σ e^{x_k - m} with m the maximum: no exp overflows.",
    )
    conventions = smooth
    samples = (*reductions(), sample(normal(0, 3), axis=1))


def standardize(x, eps):
    """x less its mean, and 1 / its standard deviation, over the last axis; eps under the root keeps that finite."""
    centered = x - x.mean(-1, keepdims=True)
    return centered, 1 / sqrt((centered * centered).mean(-1, keepdims=True) + eps)


@op
class layer_norm:
    """Each row of x brought to mean 0 and variance 1, then scaled by weight and moved by bias.

    Shapes: x: (…, D), weight: (D,), bias: (D,) -> (…, D). The variance is the biased one (divided by D), and eps is
    added to it under the root, as in PyTorch: a row of equal elements gives bias, not 0/0.
    Raises ShapeError if weight or bias is not (D,): broadcasting a (1,) would go unnoticed.
    """

    def forward(x, weight, bias, *, eps=1e-5):
        n = x.shape[-1]
        if not n or np.shape(weight) != (n,) or np.shape(bias) != (n,):
            raise ValueError("weight and bias hold one number for each place of the last axis")
        centered, inverse = standardize(x, eps)
        return centered * inverse * weight + bias

    def vjp_x(g, out, x, weight, bias, *, eps):
        centered, inverse = standardize(x, eps)
        z, g = centered * inverse, g * weight
        return inverse * (g - g.mean(-1, keepdims=True) - z * (g * z).mean(-1, keepdims=True))

    def vjp_weight(g, out, x, weight, bias, *, eps):
        centered, inverse = standardize(x, eps)
        return sum_to_shape(g * (centered * inverse), weight.shape)

    def vjp_bias(g, out, x, weight, bias, *, eps):
        return sum_to_shape(g, bias.shape)

    def check(x, weight, bias, *, eps):
        n = x.shape[-1] if x.ndim else 0
        if not n:
            raise ShapeError(explain("layer_norm", got=describe(x, "x"), expected="x: (…, D) with D > 0"))
        for name, value in (("weight", weight), ("bias", bias)):
            if value.shape != (n,):
                raise ShapeError(
                    explain(
                        "layer_norm",
                        got=f"{describe(value, name)} for x {x.shape}",
                        expected=f"{name} of shape ({n},), the last axis of x",
                    )
                )

    derivation = Derivation(
        statement=r"s = z \odot w + b, \quad z_i = \frac{x_i - \mu}{\sigma},"
        r" \quad \mu = \tfrac{1}{D} \textstyle\sum_i x_i,"
        r" \quad \sigma = \sqrt{\tfrac{1}{D} \sum_i (x_i - \mu)^2 + \varepsilon}",
        steps=(
            r"\bar b = \textstyle\sum_{\text{rows}} \bar s, \qquad \bar w = \sum_{\text{rows}} \bar s \odot z, \qquad"
            r" \bar z = \bar s \odot w",
            r"d\mu = \tfrac{1}{D} \textstyle\sum_i dx_i, \qquad 2 \sigma\, d\sigma ="
            r" \tfrac{2}{D} \sum_i (x_i - \mu)\, dx_i \;\Rightarrow\; d\sigma = \tfrac{1}{D} \sum_i z_i\, dx_i",
            r"dz_i = \frac{dx_i - d\mu}{\sigma} - \frac{z_i}{\sigma}\, d\sigma",
            r"\textstyle\sum_i \bar z_i\, dz_i = \frac{1}{\sigma} \sum_j dx_j \left( \bar z_j -"
            r" \tfrac{1}{D} \sum_i \bar z_i - z_j \tfrac{1}{D} \sum_i \bar z_i z_i \right)",
            r"\bar x = \frac{1}{\sigma} \left( \bar z - \operatorname{mean}(\bar z) -"
            r" z\, \operatorname{mean}(\bar z \odot z) \right)",
        ),
        source="Ba, Kiros, Hinton 2016, Layer Normalization, Eq 4; derivation: chain rule as for var and softmax",
        shapes="x: (…, D), weight: (D,), bias: (D,) -> (…, D)",
        notes="mean and deviation are computed again in the rule rather than kept from the forward pass.",
    )
    conventions = (
        Convention(
            "a row of equal elements",
            ((3.0, 3.0), (1.0, 2.0), (0.0, 0.0)),
            ((-0.5, 0.5), (0.0, 0.0), (1.0, 1.0)),
            "no kink: eps keeps the root away from 0, here 1, in training 1e-5. PyTorch",
            {"eps": 1.0},
        ),
    )
    samples = (
        sample(normal(2, 3), normal(3), normal(3)),
        sample(normal(2, 3, 4), normal(4), normal(4), eps=0.1),
        sample(normal(3), normal(3), normal(3)),
        sample(normal(2, 1), normal(1), normal(1)),
        sample(normal(0, 3), normal(3), normal(3)),
        sample(normal(2, 3), np.array([1.0, 0.0, -2.0]), normal(3)),
    )


@op
class l2_normalize:
    """x divided by its length along an axis: the unit vector u in the direction of x, or 0 if x is 0.

    u keeps the direction and forgets the length: x and αx have the same u for α > 0, opposite ones for α < 0, and
    α = 0 has none. PyTorch's ``normalize`` divides by max(length, 1e-12) instead.
    """

    def forward(x, *, axis=-1):
        length = euclidean(x, axis)
        return x / (length + (length == 0))

    def vjp_x(g, out, x, *, axis):
        length = norm(x, axis=axis, keepdims=True)
        return (g - out * (g * out).sum(axis, keepdims=True)) * (length != 0) / (length + (length == 0))

    def check(x, *, axis):
        refuse("l2_normalize", x, axis)

    derivation = Derivation(
        statement=r"s = u = \frac{x}{\lVert x \rVert}",
        steps=(
            r"d\lVert x \rVert = u^\top dx \text{ (the rule of norm)}",
            r"du = \frac{dx}{\lVert x \rVert} - \frac{x}{\lVert x \rVert^2}\, d\lVert x \rVert"
            r" = \frac{1}{\lVert x \rVert} (I - u u^\top)\, dx",
            r"I - u u^\top \text{ is symmetric and removes the part along } u:"
            r" \text{ a step along } x \text{ does not turn it}",
            r"\bar x = \frac{1}{\lVert x \rVert} (I - u u^\top)\, \bar s"
            r" = \frac{\bar s - u\, (u^\top \bar s)}{\lVert x \rVert}",
        ),
        source="000, 001 (c), 002 §1.5 (corrected: the norm is the root of the sum of squares, not u over it)",
        shapes=ALONG,
        notes="length + (length == 0): the 1 added where the length is 0 turns 0/0 into 0.",
    )
    conventions = (
        Convention(
            "x = 0",
            ((0.0, 0.0, 0.0),),
            ((0.0, 0.0, 0.0),),
            "0 has no direction, and near it every direction is found: no slope is right, 0 moves nothing. "
            "PyTorch: 1e12 · g, from its clamp; JAX, HIPS autograd: NaN",
        ),
    )
    samples = (
        *(sample(normal(2, 3, 4), **axes) for axes in LINES),
        sample(normal(3)),
        sample(normal(0, 3)),
        sample(normal(2, 0)),
    )
