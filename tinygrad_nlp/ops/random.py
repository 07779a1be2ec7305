"""Dropout."""

from __future__ import annotations

import math

import numpy as np

from ..derivation import Derivation, smooth
from ..errors import OptionError, explain
from ..op import op
from ..samples import booleans, normal, sample
from .select import masked

__all__ = ["dropout", "keep_mask"]


@op
class dropout_:
    """γ d ⊙ x: the units that ``keep`` names, scaled so that the mean stays; the others 0."""

    def forward(x, keep, *, p):
        return masked(x, keep) * scale(p, x.dtype)

    def vjp_x(g, out, x, keep, *, p):
        return masked(g, keep) * scale(p, x.dtype)

    def kernel(needs, x, keep, *, p):
        return scaled(masked(x, keep), scale(p, x.dtype)), None

    def kernel_vjp(g, out, saved, needs, x, keep, *, p):
        return scaled(masked(g, keep), scale(p, x.dtype)), None

    derivation = Derivation(
        statement=r"s = \gamma\, d \odot x, \qquad \gamma = \tfrac{1}{1 - p}",
        steps=(
            r"\mathbb{E}[s_i] = \gamma\, \mathbb{E}[d_i]\, x_i = \gamma (1 - p)\, x_i = x_i"
            r" \;\Rightarrow\; \gamma = \tfrac{1}{1 - p}",
            r"ds = \gamma\, d \odot dx",
            r"\bar x = \gamma\, d \odot \bar s",
        ),
        source="000 and 001 2(b), 002 §2.4 (corrected: the mean stays; E|s|² = |x|²/(1 − p) grows)",
        shapes="x: any, keep: bool of the same shape -> same",
    )
    conventions = smooth
    samples = (
        sample(normal(3, 4), booleans(3, 4), p=0.5),
        sample(normal(5), booleans(5), p=0.2),
        sample(normal(), booleans(), p=0.0),
        sample(normal(0, 2), booleans(0, 2), p=0.9),
    )


def scale(p, dtype):
    """γ = 1 / (1 − p) in ``dtype``: a NumPy scalar of another type would promote the result. Integers become floats."""
    return dtype.type(1 / (1 - p)) if dtype.kind in "fc" else np.float64(1 / (1 - p))


def scaled(own, factor):
    """``own`` · ``factor``, in place where the product has its dtype: for an array that nobody else holds."""
    return np.multiply(own, factor, out=own) if own.dtype == factor.dtype else own * factor


def dropout(x, p=0.5, training=True, rng=None):
    """In training, set each element to 0 with probability ``p`` and scale the rest by 1/(1 − p); else return x.

    x: any shape -> same. ``rng`` is a NumPy Generator, by default the one `manual_seed` seeds. In evaluation nothing
    is dropped and nothing scaled: the scaling in training has already made the means equal (002 §2.4c).

    Raises OptionError unless 0 <= p < 1: at p = 1 nothing is left to scale, γ would be infinite.
    """
    if not 0 <= p < 1:
        raise OptionError(
            explain("dropout", got=f"p = {p!r}", expected="a probability of dropping with 0 <= p < 1 (p = 1 drops all)")
        )
    if not training or p == 0:
        return x
    return dropout_(x, keep_mask(np.shape(x), p, rng), p=p)


def keep_mask(shape, p, rng=None) -> np.ndarray:
    """Bool array, each element True with probability 1 − p, p rounded to a multiple of 2⁻¹⁶.

    Sixteen random bits an element instead of a float: a third of the time of ``rng.random(shape) >= p``.
    """
    if rng is None:
        from ..random import generator

        rng = generator()
    if p == 0.5:  # the commonest case needs one random bit a unit
        size = math.prod(shape)
        source = rng.bit_generator
        # A quarter of the time of rng.bytes, which first finds out what is asked of it.
        if type(source).__name__ in FULL_WORDS:
            bits = source.random_raw(-(-size // 64)).view(np.uint8)
        else:
            bits = np.frombuffer(rng.bytes(-(-size // 8)), np.uint8)
        return np.unpackbits(bits, count=size).view(bool).reshape(shape)
    return rng.integers(0, 65536, shape, dtype=np.uint16) >= round(p * 65536)


FULL_WORDS = ("SFC64", "PCG64", "PCG64DXSM", "Philox")
"""Bit generators whose words have 64 random bits; MT19937's have 32. By name: ``np.random`` is a third of
NumPy's import time and is loaded when the first random number is drawn."""
