"""Paths that add up: an argument used several times gets the gradient of some of its uses only."""

import numpy as np

from tests.classic_mistakes.records import QUADRATIC, in_op, normal, right, sigmoid

MISSING = ("missing path", "missing term")
in_op(
    "overwritten instead of accumulated",
    "x · sin x",
    MISSING,
    lambda x: x * np.sin(x),
    normal(5),
    x=lambda g, o, x: g * x * np.cos(x),
)
in_op(
    "overwritten instead of accumulated",
    "x³ + x",
    MISSING,
    lambda x: x * x * x + x,
    normal(5),
    x=lambda g, o, x: g * 3 * x * x,
)
in_op(
    "overwritten instead of accumulated",
    "residual tanh(x W) + x",
    MISSING,
    right(lambda x, W: np.tanh(x @ W) + x, W=lambda g, o, x, W: x.T @ (g * (1 - (o - x) ** 2))),
    normal((4, 3), (3, 3)),
    x=lambda g, o, x, W: (g * (1 - (o - x) ** 2)) @ W.T,
)
in_op(
    "product rule, one term only",
    "silu",
    MISSING,
    lambda x: x * sigmoid(x),
    normal(6),
    x=lambda g, o, x: g * sigmoid(x),
)
in_op(
    "product rule, one term only",
    "x² exp(x)",
    MISSING,
    lambda x: x * x * np.exp(x),
    normal(5),
    x=lambda g, o, x: 2 * g * x * np.exp(x),
    later=1,
)
in_op(
    "one term of two",
    "xᵀ A x",
    MISSING,
    QUADRATIC,
    normal(4, (4, 4)),
    x=lambda g, o, x, A: g * (A @ x),
    later=1,
)
in_op(
    "one of two uses",
    "gram x xᵀ",
    "missing path",
    lambda x: x @ x.T,
    normal((3, 2)),
    x=lambda g, o, x: g @ x,
    later=3,
)
in_op(
    "symmetric g assumed",
    "gram x xᵀ",
    ("missing path", "transposed"),
    lambda x: x @ x.T,
    normal((3, 2)),
    x=lambda g, o, x: 2 * g @ x,
    later=3,
)
