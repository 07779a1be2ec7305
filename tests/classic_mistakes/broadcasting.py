"""Sums over copies, forgotten or too many, and sums along another axis."""

import numpy as np

from tests.classic_mistakes.records import DIFFERENCE, MATMUL, PRODUCT, SUM, in_op, length, normal, softmax

# ---- copies ------------------------------------------------------------------------------------------------------

FORGOTTEN = "forgotten broadcast sum"
in_op("broadcast sum forgotten", "x + b", FORGOTTEN, SUM, normal((4, 3), 3), b=lambda g, o, x, b: g)
in_op("broadcast sum forgotten", "x · column", FORGOTTEN, PRODUCT, normal((4, 3), (4, 1)), y=lambda g, o, x, y: g * x)
in_op("broadcast sum forgotten", "scalar · x", FORGOTTEN, PRODUCT, normal((), (4, 3)), x=lambda g, o, x, y: g * y)
in_op(
    "broadcast sum forgotten",
    "outer sum a + b",
    FORGOTTEN,
    SUM,
    normal((4, 1), (1, 3)),
    x=lambda g, o, x, b: g,
    later=1,
)
in_op(
    "broadcast sum forgotten",
    "column − row",
    FORGOTTEN,
    DIFFERENCE,
    normal((4, 1), (3,)),
    y=lambda g, o, x, y: -g,
    later=3,
)
in_op(
    "bias over batch and time, one axis only",
    "x + b",
    FORGOTTEN,
    SUM,
    normal((2, 4, 3), 3),
    b=lambda g, o, x, b: g.sum(0),
    later=2,
)
in_op(
    "batched matmul, weights not summed",
    "x @ W",
    (FORGOTTEN, "wrong shape"),
    MATMUL,
    normal((2, 4, 3), (3, 5)),
    y=lambda g, o, x, y: x.mT @ g,
    later=2,
)
in_op(
    "mean over copies instead of sum",
    "x + b",
    (FORGOTTEN, "1/N twice"),
    SUM,
    normal((4, 3), 3),
    b=lambda g, o, x, b: g.mean(0),
)
in_op(
    "one copy instead of sum",
    "x · row",
    (FORGOTTEN, "missing path"),
    PRODUCT,
    normal((4, 3), 3),
    y=lambda g, o, x, y: (g * x)[0],
)
in_op(
    "summed over the wrong axis", "x + b, square", "wrong axis", SUM, normal((4, 4), 4), b=lambda g, o, x, b: g.sum(1)
)
in_op("axis lost", "x + column", "wrong shape", SUM, normal((4, 3), (4, 1)), b=lambda g, o, x, b: g.sum(1))
in_op("summed too much", "x + b", "summed too much", SUM, normal((4, 3), 3), b=lambda g, o, x, b: g.sum())

# ---- axes --------------------------------------------------------------------------------------------------------

in_op(
    "wrong axis",
    "sum, square",
    ("wrong axis", "transposed"),
    lambda x: x.sum(0),
    normal((4, 4)),
    x=lambda g, o, x: g[:, None] + 0 * x,
)
in_op(
    "wrong axis",
    "mean, square",
    ("wrong axis", "transposed"),
    lambda x: x.mean(1),
    normal((4, 4)),
    x=lambda g, o, x: (g + 0 * x) / 4,
)
in_op(
    "wrong axis",
    "softmax",
    "wrong axis",
    lambda x: softmax(x),
    normal((3, 4)),
    x=lambda g, o, x: o * (g - (g * o).sum(0, keepdims=True)),
)
in_op(
    "wrong axis",
    "x − mean(x, 0)",
    "wrong axis",
    lambda x: x - x.mean(0, keepdims=True),
    normal((4, 3)),
    x=lambda g, o, x: g - g.mean(1, keepdims=True),
)
in_op(
    "wrong axis",
    "cumsum",
    "wrong axis",
    lambda x: np.cumsum(x, 0),
    normal((3, 4)),
    x=lambda g, o, x: np.flip(np.cumsum(np.flip(g, 1), 1), 1),
)
in_op(
    "wrong axis",
    "max over rows, square",
    ("wrong axis", "transposed", "max routed to all"),
    lambda x: x.max(0),
    normal((4, 4)),
    x=lambda g, o, x: g[:, None] * (x == x.max(1, keepdims=True)),
    later=1,
)
in_op(
    "wrong axis",
    "normalize rows",
    "wrong axis",
    lambda x: x / length(x, 1),
    normal((3, 3)),
    x=lambda g, o, x: (g - o * (g * o).sum(0, keepdims=True)) / length(x, 1),
    later=3,
)
in_op(
    "keepdims lost",
    "softmax",
    "wrong axis",
    lambda x: softmax(x),
    normal((4, 4)),
    x=lambda g, o, x: o * (g - (g * o).sum(-1)),
    later=2,
)
