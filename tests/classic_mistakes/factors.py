"""Constant factors: the 1/N of a mean, dropout's γ, the 2 of a square, missing or too many."""

import numpy as np

from tests.classic_mistakes.records import KEEP, MEAN_SQUARED, in_op, normal, right

in_op(
    "γ twice",
    "dropout",
    "γ twice",
    lambda x: x * (KEEP * 1.25),
    normal((3, 4)),
    x=lambda g, o, x: g * (KEEP * 1.25) * 1.25,
)
in_op("γ missing", "dropout", "γ missing", lambda x: x * (KEEP * 1.25), normal((3, 4)), x=lambda g, o, x: g * KEEP)

in_op("1/N missing", "mean", "missing factor 1/N", lambda x: x.mean(), normal((3, 4)), x=lambda g, o, x: g + 0 * x)
in_op(
    "1/N missing",
    "mean of squares",
    "missing factor 1/N",
    MEAN_SQUARED,
    normal((5, 2), (5, 2)),
    p=lambda g, o, p, y: 2 * g * (p - y),
)
in_op(
    "1/N missing",
    "mean along an axis",
    "missing factor 1/N",
    lambda x: x.mean(0),
    normal((5, 3)),
    x=lambda g, o, x: g + 0 * x,
)
in_op(
    "1/N missing",
    "weighted mean",
    "missing factor 1/N",
    lambda x: (x * np.arange(1.0, 7.0)).mean(),
    normal(6),
    x=lambda g, o, x: g * np.arange(1.0, 7.0),
    later=1,
)
in_op(
    "1/N missing",
    "mean absolute error",
    "missing factor 1/N",
    right(lambda p, y: np.abs(p - y).mean(), y=lambda g, o, p, y: -g * np.sign(p - y) / 6),
    normal(6, 6),
    p=lambda g, o, p, y: g * np.sign(p - y),
    later=3,
)
in_op("1/N twice", "mean", "1/N twice", lambda x: x.mean(), normal((3, 5)), x=lambda g, o, x: (g + 0 * x) / 15 / 15)
in_op(
    "1/N twice",
    "mean along an axis",
    "1/N twice",
    lambda x: x.mean(1),
    normal((3, 5)),
    x=lambda g, o, x: (g[:, None] + 0 * x) / 25,
)
in_op(
    "N − 1 for N",
    "variance",
    ("factor", "1/N twice", "missing factor 1/N"),
    lambda x: x.var(),
    normal(7),
    x=lambda g, o, x: 2 * g * (x - x.mean()) / 6,
)
in_op(
    "mean of rows: N is the columns'",
    "x.mean(0)",
    ("factor", "derivative at the wrong point"),
    lambda x: x.mean(0),
    normal((5, 3)),
    x=lambda g, o, x: (g + 0 * x) / 3,
    later=2,
)

in_op("factor 2 missing", "x²", "missing factor 2", lambda x: x * x, normal((2, 3)), x=lambda g, o, x: g * x)
in_op(
    "factor 2 missing",
    "squared error",
    "missing factor 2",
    right(lambda x, y: ((x - y) ** 2).sum(), y=lambda g, o, x, y: 2 * g * (y - x)),
    normal(6, 6),
    x=lambda g, o, x, y: g * (x - y),
)
in_op(
    "factor 2 missing",
    "variance",
    "missing factor 2",
    lambda x: x.var(),
    normal(7),
    x=lambda g, o, x: g * (x - x.mean()) / 7,
)
in_op(
    "factor 2 missing",
    "mean of squares",
    "missing factor 2",
    MEAN_SQUARED,
    normal((3, 2), (3, 2)),
    p=lambda g, o, p, y: g * (p - y) / 6,
    later=3,
)
in_op(
    "factor 2 too many",
    "½x²",
    ("factor 2 too many", "missing factor 1/N"),
    lambda x: x * x / 2,
    normal(5),
    x=lambda g, o, x: 2 * g * x,
)
in_op("constant kept", "3x + 2", "factor", lambda x: 3 * x + 2, normal(4), x=lambda g, o, x: g * 5, later=2)
in_op(
    "factor e",
    "exp2",
    ("missing factor", "factor"),
    lambda x: np.exp(x * 0.6931471805599453),
    normal(4),
    x=lambda g, o, x: g * o,
    later=2,
)
