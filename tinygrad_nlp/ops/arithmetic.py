"""Sums, products, quotients, powers."""

from __future__ import annotations

import numpy as np

from ..derivation import Convention, Derivation, smooth
from ..op import op
from ..samples import binary, unary

__all__ = ["abs", "add", "mul", "neg", "sign", "sub"]

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
