"""Circular and hyperbolic functions and their inverses. Angles are in radians."""

from __future__ import annotations

import math

import numpy as np

from ..derivation import Convention, Derivation, smooth
from ..op import op
from ..samples import unary, uniform
from .exp_log import sqrt

__all__ = [
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "cos",
    "cosh",
    "sin",
    "sinh",
    "tan",
    "tanh",
]

ELEMENTWISE = "x: any -> same"


def between(low, high):
    """Samples of every shape, drawn between ``low`` and ``high``."""
    return unary(lambda *shape: uniform(low, high, *shape))


@op
class sin:
    """The sine of each element."""

    forward = np.sin

    def vjp_x(g, out, x):
        return g * cos(x)

    derivation = Derivation(
        statement=r"s = \sin x",
        steps=(r"ds = \cos x \odot dx", r"\bar x = \bar s \odot \cos x"),
        source="calculus",
        shapes=ELEMENTWISE,
    )
    conventions = smooth
    samples = unary()


@op
class cos:
    """The cosine of each element."""

    forward = np.cos

    def vjp_x(g, out, x):
        return -g * sin(x)

    derivation = Derivation(
        statement=r"s = \cos x",
        steps=(r"ds = -\sin x \odot dx", r"\bar x = -\bar s \odot \sin x"),
        source="calculus",
        shapes=ELEMENTWISE,
    )
    conventions = smooth
    samples = unary()


@op
class tan:
    """The tangent of each element."""

    forward = np.tan

    def vjp_x(g, out, x):
        return g * (1 + out * out)

    derivation = Derivation(
        statement=r"s = \tan x = \frac{\sin x}{\cos x}",
        steps=(
            r"\frac{ds}{dx} = \frac{\cos^2 x + \sin^2 x}{\cos^2 x} = 1 + \tan^2 x = 1 + s^2",
            r"\bar x = \bar s \odot (1 + s^2)",
        ),
        source="quotient rule of calculus",
        shapes=ELEMENTWISE,
    )
    conventions = smooth
    samples = between(-1.2, 1.2)


@op
class sinh:
    """The hyperbolic sine (e^x - e^-x) / 2 of each element."""

    forward = np.sinh

    def vjp_x(g, out, x):
        return g * cosh(x)

    derivation = Derivation(
        statement=r"s = \sinh x = \tfrac12 (e^x - e^{-x})",
        steps=(r"ds = \tfrac12 (e^x + e^{-x}) \odot dx", r"\bar x = \bar s \odot \cosh x"),
        source="derivative of exp",
        shapes=ELEMENTWISE,
    )
    conventions = smooth
    samples = unary()


@op
class cosh:
    """The hyperbolic cosine (e^x + e^-x) / 2 of each element."""

    forward = np.cosh

    def vjp_x(g, out, x):
        return g * sinh(x)

    derivation = Derivation(
        statement=r"s = \cosh x = \tfrac12 (e^x + e^{-x})",
        steps=(r"ds = \tfrac12 (e^x - e^{-x}) \odot dx", r"\bar x = \bar s \odot \sinh x"),
        source="derivative of exp",
        shapes=ELEMENTWISE,
    )
    conventions = smooth
    samples = unary()


@op
class tanh:
    """The hyperbolic tangent of each element, between -1 and 1."""

    forward = np.tanh

    def vjp_x(g, out, x):
        return g * (1 - out * out)

    derivation = Derivation(
        statement=r"s = \tanh x = \frac{\sinh x}{\cosh x}",
        steps=(
            r"\frac{ds}{dx} = \frac{\cosh^2 x - \sinh^2 x}{\cosh^2 x} = 1 - \tanh^2 x = 1 - s^2",
            r"\bar x = \bar s \odot (1 - s^2)",
        ),
        source="quotient rule of calculus; 2 sigma(2x) - 1 with 003 Q2a",
        shapes=ELEMENTWISE,
    )
    conventions = smooth
    samples = unary()


@op
class arcsin:
    """The angle between -π/2 and π/2 whose sine is x. NaN outside [-1, 1]."""

    forward = np.arcsin

    def vjp_x(g, out, x):
        return g / sqrt((1 - x) * (1 + x))

    derivation = Derivation(
        statement=r"s = \arcsin x",
        steps=(
            r"\sin s = x \;\Rightarrow\; \cos s \odot ds = dx",
            r"\cos s = \sqrt{1 - \sin^2 s} = \sqrt{(1 - x)(1 + x)}",
            r"\bar x = \bar s \oslash \sqrt{(1 - x)(1 + x)}",
        ),
        source="derivative of an inverse function",
        shapes=ELEMENTWISE,
        notes="(1 - x)(1 + x) instead of 1 - x^2, which cancels near x = 1",
    )
    conventions = (
        Convention("x = 1", (1.0,), (math.inf,), "a vertical tangent. PyTorch, JAX: same"),
        Convention("x = -1", (-1.0,), (math.inf,), "a vertical tangent. PyTorch, JAX: same"),
    )
    samples = between(-0.9, 0.9)


@op
class arccos:
    """The angle between 0 and π whose cosine is x. NaN outside [-1, 1]."""

    forward = np.arccos

    def vjp_x(g, out, x):
        return -g / sqrt((1 - x) * (1 + x))

    derivation = Derivation(
        statement=r"s = \arccos x = \tfrac{\pi}{2} - \arcsin x",
        steps=(r"ds = -d\arcsin x", r"\bar x = -\bar s \oslash \sqrt{(1 - x)(1 + x)}"),
        source="derivative of an inverse function",
        shapes=ELEMENTWISE,
    )
    conventions = (
        Convention("x = 1", (1.0,), (-math.inf,), "a vertical tangent. PyTorch, JAX: same"),
        Convention("x = -1", (-1.0,), (-math.inf,), "a vertical tangent. PyTorch, JAX: same"),
    )
    samples = between(-0.9, 0.9)


@op
class arctan:
    """The angle between -π/2 and π/2 whose tangent is x."""

    forward = np.arctan

    def vjp_x(g, out, x):
        return g / (1 + x * x)

    derivation = Derivation(
        statement=r"s = \arctan x",
        steps=(r"\tan s = x \;\Rightarrow\; (1 + \tan^2 s) \odot ds = dx", r"\bar x = \bar s \oslash (1 + x^2)"),
        source="derivative of an inverse function",
        shapes=ELEMENTWISE,
    )
    conventions = smooth
    samples = unary()


@op
class arcsinh:
    """The number whose hyperbolic sine is x."""

    forward = np.arcsinh

    def vjp_x(g, out, x):
        return g / sqrt(1 + x * x)

    derivation = Derivation(
        statement=r"s = \operatorname{arsinh} x",
        steps=(
            r"\sinh s = x \;\Rightarrow\; \cosh s \odot ds = dx",
            r"\cosh s = \sqrt{1 + \sinh^2 s}",
            r"\bar x = \bar s \oslash \sqrt{1 + x^2}",
        ),
        source="derivative of an inverse function",
        shapes=ELEMENTWISE,
    )
    conventions = smooth
    samples = unary()


@op
class arccosh:
    """The non-negative number whose hyperbolic cosine is x. NaN below 1."""

    forward = np.arccosh

    def vjp_x(g, out, x):
        return g / sqrt((x - 1) * (x + 1))

    derivation = Derivation(
        statement=r"s = \operatorname{arcosh} x",
        steps=(
            r"\cosh s = x \;\Rightarrow\; \sinh s \odot ds = dx",
            r"\sinh s = \sqrt{\cosh^2 s - 1} = \sqrt{(x - 1)(x + 1)}",
            r"\bar x = \bar s \oslash \sqrt{(x - 1)(x + 1)}",
        ),
        source="derivative of an inverse function",
        shapes=ELEMENTWISE,
    )
    conventions = (Convention("x = 1", (1.0,), (math.inf,), "a vertical tangent. PyTorch, JAX: same"),)
    samples = between(1.2, 4.0)


@op
class arctanh:
    """The number whose hyperbolic tangent is x. inf at ±1, NaN beyond."""

    forward = np.arctanh

    def vjp_x(g, out, x):
        return g / ((1 - x) * (1 + x))

    derivation = Derivation(
        statement=r"s = \operatorname{artanh} x",
        steps=(
            r"\tanh s = x \;\Rightarrow\; (1 - \tanh^2 s) \odot ds = dx",
            r"\bar x = \bar s \oslash \big((1 - x)(1 + x)\big)",
        ),
        source="derivative of an inverse function",
        shapes=ELEMENTWISE,
    )
    conventions = (
        Convention("x = 1", (1.0,), (math.inf,), "a pole. PyTorch, JAX: same"),
        Convention("x = -1", (-1.0,), (math.inf,), "a pole. PyTorch, JAX: same"),
    )
    samples = between(-0.9, 0.9)
