"""Signs, transposes, masks, constant factors, broadcasting: mistakes in rules of linear algebra."""

import numpy as np

from tests.classic_mistakes_records import (
    KEEP,
    E,
    in_op,
    normal,
    positive,
)

# ---- signs -------------------------------------------------------------------------------------------------------

in_op(
    "sign flipped",
    "x − y",
    "y",
    "sign",
    lambda x, y: x - y,
    normal(4, 4),
    x=lambda g, o, x, y: g,
    y=lambda g, o, x, y: g,
)
in_op("sign flipped", "cos", "x", "sign", lambda x: np.cos(x), normal((2, 3)), x=lambda g, o, x: g * np.sin(x))
in_op("sign flipped", "1 / x", "x", "sign", lambda x: 1 / x, positive(5), x=lambda g, o, x: g / (x * x))
in_op(
    "sign flipped",
    "quotient rule",
    "y",
    "sign",
    lambda x, y: x / y,
    positive(4, 4),
    x=lambda g, o, x, y: g / y,
    y=lambda g, o, x, y: g * x / (y * y),
)

# ---- transposes --------------------------------------------------------------------------------------------------

in_op(
    "answer transposed",
    "x @ y, square",
    "x",
    "transposed",
    lambda x, y: x @ y,
    normal((3, 3), (3, 3)),
    x=lambda g, o, x, y: y @ g.T,
    y=lambda g, o, x, y: x.T @ g,
)
in_op(
    "answer transposed",
    "x @ y",
    "y",
    "transposed",
    lambda x, y: x @ y,
    normal((2, 3), (3, 4)),
    x=lambda g, o, x, y: g @ y.T,
    y=lambda g, o, x, y: g.T @ x,
)
in_op("answer transposed", "x.T", "x", "transposed", lambda x: x.T * 2.0, normal((2, 3)), x=lambda g, o, x: g * 2.0)
in_op(
    "transpose missing",
    "x @ y, square",
    "x",
    "transposed",
    lambda x, y: x @ y,
    normal((3, 3), (3, 3)),
    x=lambda g, o, x, y: g @ y,
    y=lambda g, o, x, y: x.T @ g,
)
in_op(
    "transpose missing",
    "x @ y, square",
    "y",
    "transposed",
    lambda x, y: x @ y,
    normal((4, 4), (4, 4)),
    x=lambda g, o, x, y: g @ y.T,
    y=lambda g, o, x, y: x @ g,
)
in_op(
    "factors exchanged",
    "x @ y, square",
    "x",
    ("transposed", "factors exchanged"),
    lambda x, y: x @ y,
    normal((3, 3), (3, 3)),
    x=lambda g, o, x, y: y.T @ g,
    y=lambda g, o, x, y: x.T @ g,
)
in_op(
    "answer transposed",
    "outer product",
    "x",
    ("transposed", "wrong axis"),
    lambda x, y: np.outer(x, y),
    normal(4, 4),
    x=lambda g, o, x, y: y @ g,
    y=lambda g, o, x, y: x @ g,
)

# ---- masks -------------------------------------------------------------------------------------------------------

in_op("mask missing", "relu", "x", "missing mask", lambda x: np.maximum(x, 0), normal((3, 4)), x=lambda g, o, x: g)
in_op(
    "mask missing",
    "affine layer with relu",
    "W",
    "missing mask",
    lambda x, W: np.maximum(x @ W, 0),
    normal((4, 3), (3, 5)),
    x=lambda g, o, x, W: (g * (o > 0)) @ W.T,
    W=lambda g, o, x, W: x.T @ g,
)
in_op("mask missing", "clip", "x", "missing mask", lambda x: np.clip(x, -0.5, 0.5), normal((3, 4)), x=lambda g, o, x: g)
in_op(
    "mask missing",
    "dropout",
    "x",
    "missing mask",
    lambda x: x * (KEEP * 1.25),
    normal((3, 4)),
    x=lambda g, o, x: g * 1.25,
)
in_op(
    "mask missing",
    "where",
    "x",
    "missing mask",
    lambda x, y: np.where(KEEP, x, y),
    normal((3, 4), (3, 4)),
    x=lambda g, o, x, y: g,
    y=lambda g, o, x, y: g * ~KEEP,
)
in_op(
    "mask turned round",
    "where",
    "y",
    ("wrong mask", "swapped arguments"),
    lambda x, y: np.where(KEEP, x, y),
    normal((3, 4), (3, 4)),
    x=lambda g, o, x, y: g * KEEP,
    y=lambda g, o, x, y: g * KEEP,
)
in_op(
    "sign function missing",
    "abs",
    "x",
    ("missing factor", "missing derivative", "missing mask"),
    lambda x: np.abs(x),
    normal((3, 4)),
    x=lambda g, o, x: g,
)
in_op(
    "negative side cut off",
    "leaky relu",
    "x",
    ("missing mask", "missing path", "partly zero"),
    lambda x: np.where(x > 0, x, 0.1 * x),
    normal((3, 4)),
    x=lambda g, o, x: g * (x > 0),
)

# ---- constant factors --------------------------------------------------------------------------------------------

in_op(
    "γ twice",
    "dropout",
    "x",
    "γ twice",
    lambda x: x * (KEEP * 1.25),
    normal((3, 4)),
    x=lambda g, o, x: g * (KEEP * 1.25) * 1.25,
)
in_op("γ missing", "dropout", "x", "γ missing", lambda x: x * (KEEP * 1.25), normal((3, 4)), x=lambda g, o, x: g * KEEP)
in_op("1/N missing", "mean", "x", "missing factor 1/N", lambda x: x.mean(), normal((3, 4)), x=lambda g, o, x: g + 0 * x)
in_op(
    "1/N missing",
    "mean of squares",
    "x",
    "missing factor 1/N",
    lambda x, y: ((x - y) ** 2).mean(),
    normal((5, 2), (5, 2)),
    x=lambda g, o, x, y: 2 * g * (x - y),
    y=lambda g, o, x, y: 2 * g * (y - x) / 10,
)
in_op(
    "1/N missing",
    "mean along an axis",
    "x",
    "missing factor 1/N",
    lambda x: x.mean(0),
    normal((5, 3)),
    x=lambda g, o, x: g + 0 * x,
)
in_op(
    "1/N twice", "mean", "x", "1/N twice", lambda x: x.mean(), normal((3, 5)), x=lambda g, o, x: (g + 0 * x) / 15 / 15
)
in_op(
    "1/N twice",
    "mean along an axis",
    "x",
    "1/N twice",
    lambda x: x.mean(1),
    normal((3, 5)),
    x=lambda g, o, x: (E(g, 1) + 0 * x) / 25,
)
in_op("factor 2 missing", "x²", "x", "missing factor 2", lambda x: x * x, normal((2, 3)), x=lambda g, o, x: g * x)
in_op(
    "factor 2 missing",
    "squared error",
    "x",
    "missing factor 2",
    lambda x, y: ((x - y) ** 2).sum(),
    normal(6, 6),
    x=lambda g, o, x, y: g * (x - y),
    y=lambda g, o, x, y: 2 * g * (y - x),
)
in_op(
    "factor 2 missing",
    "variance",
    "x",
    "missing factor 2",
    lambda x: x.var(),
    normal(7),
    x=lambda g, o, x: g * (x - x.mean()) / 7,
)
in_op(
    "factor 2 too many",
    "½x²",
    "x",
    ("factor 2 too many", "missing factor 1/N"),
    lambda x: x * x / 2,
    normal(5),
    x=lambda g, o, x: 2 * g * x,
)
in_op(
    "N − 1 for N",
    "variance",
    "x",
    ("factor", "1/N twice", "missing factor 1/N"),
    lambda x: x.var(),
    normal(7),
    x=lambda g, o, x: 2 * g * (x - x.mean()) / 6,
)

# ---- broadcasting ------------------------------------------------------------------------------------------------

in_op(
    "broadcast sum forgotten",
    "x + b",
    "b",
    "forgotten broadcast sum",
    lambda x, b: x + b,
    normal((4, 3), 3),
    x=lambda g, o, x, b: g,
    b=lambda g, o, x, b: g,
)
in_op(
    "broadcast sum forgotten",
    "x · column",
    "y",
    "forgotten broadcast sum",
    lambda x, y: x * y,
    normal((4, 3), (4, 1)),
    x=lambda g, o, x, y: g * y,
    y=lambda g, o, x, y: g * x,
)
in_op(
    "broadcast sum forgotten",
    "scalar · x",
    "c",
    "forgotten broadcast sum",
    lambda c, x: c * x,
    normal((), (4, 3)),
    c=lambda g, o, c, x: g * x,
    x=lambda g, o, c, x: g * c,
)
in_op(
    "mean over copies instead of sum",
    "x + b",
    "b",
    ("forgotten broadcast sum", "1/N twice"),
    lambda x, b: x + b,
    normal((4, 3), 3),
    x=lambda g, o, x, b: g,
    b=lambda g, o, x, b: g.mean(0),
)
in_op(
    "one copy instead of sum",
    "x · row",
    "y",
    ("forgotten broadcast sum", "missing path"),
    lambda x, y: x * y,
    normal((4, 3), 3),
    x=lambda g, o, x, y: g * y,
    y=lambda g, o, x, y: (g * x)[0],
)
in_op(
    "summed over the wrong axis",
    "x + b, square",
    "b",
    "wrong axis",
    lambda x, b: x + b,
    normal((4, 4), 4),
    x=lambda g, o, x, b: g,
    b=lambda g, o, x, b: g.sum(1),
)
in_op(
    "axis lost",
    "x + column",
    "b",
    "wrong shape",
    lambda x, b: x + b,
    normal((4, 3), (4, 1)),
    x=lambda g, o, x, b: g,
    b=lambda g, o, x, b: g.sum(1),
)
in_op(
    "summed too much",
    "x + b",
    "b",
    "summed too much",
    lambda x, b: x + b,
    normal((4, 3), 3),
    x=lambda g, o, x, b: g,
    b=lambda g, o, x, b: g.sum(),
)
