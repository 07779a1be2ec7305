"""Masks missing or turned round, and maxima, whose mask is that of the largest."""

import numpy as np

from tests.classic_mistakes.records import KEEP, MAXIMUM, WHERE, in_op, normal, right

# ---- masks -------------------------------------------------------------------------------------------------------

MISSING = "missing mask"
in_op("mask missing", "relu", MISSING, lambda x: np.maximum(x, 0), normal((3, 4)), x=lambda g, o, x: g)
in_op(
    "mask missing",
    "affine layer with relu",
    MISSING,
    right(lambda x, W: np.maximum(x @ W, 0), x=lambda g, o, x, W: (g * (o > 0)) @ W.T),
    normal((4, 3), (3, 5)),
    W=lambda g, o, x, W: x.T @ g,
)
in_op("mask missing", "clip", MISSING, lambda x: np.clip(x, -0.5, 0.5), normal((3, 4)), x=lambda g, o, x: g)
in_op("mask missing", "dropout", MISSING, lambda x: x * (KEEP * 1.25), normal((3, 4)), x=lambda g, o, x: g * 1.25)
in_op("mask missing", "where", MISSING, WHERE, normal((3, 4), (3, 4)), x=lambda g, o, x, y: g)
in_op("mask missing", "hinge", MISSING, lambda s: np.maximum(1 - s, 0), normal(8), s=lambda g, o, s: -g, later=1)
in_op("mask missing", "max(x, y)", MISSING, MAXIMUM, normal((3, 3), (3, 3)), x=lambda g, o, x, y: g, later=3)
in_op(
    "mask turned round",
    "where",
    ("wrong mask", "swapped arguments"),
    WHERE,
    normal((3, 4), (3, 4)),
    y=lambda g, o, x, y: g * KEEP,
)
in_op(
    "mask turned round",
    "relu",
    "wrong mask",
    lambda x: np.maximum(x, 0),
    normal((3, 3)),
    x=lambda g, o, x: g * (x < 0),
    later=1,
)
in_op(
    "clip passes outside",
    "clip",
    "wrong mask",
    lambda x: np.clip(x, -0.7, 0.7),
    normal((4, 4)),
    x=lambda g, o, x: g * (np.abs(x) > 0.7),
    later=2,
)
in_op("triangle forgotten", "tril", MISSING, lambda x: np.tril(x), normal((4, 4)), x=lambda g, o, x: g, later=1)
in_op(
    "wrong triangle",
    "tril",
    ("wrong mask", "transposed", MISSING),
    lambda x: np.tril(x),
    normal((4, 4)),
    x=lambda g, o, x: np.triu(g),
    later=1,
)
in_op(
    "sign function missing",
    "abs",
    ("missing factor", "missing derivative", MISSING),
    lambda x: np.abs(x),
    normal((3, 4)),
    x=lambda g, o, x: g,
)
in_op(
    "negative side cut off",
    "leaky relu",
    (MISSING, "missing path", "partly zero"),
    lambda x: np.where(x > 0, x, 0.1 * x),
    normal((3, 4)),
    x=lambda g, o, x: g * (x > 0),
)
in_op(
    "half slope",
    "elu",
    ("missing term", "missing path", "missing factor"),
    lambda x: np.where(x > 0, x, np.exp(x) - 1),
    normal(8),
    x=lambda g, o, x: g * np.where(x > 0, 1, o),
    later=2,
)

# ---- maxima ------------------------------------------------------------------------------------------------------

TO_ALL = "max routed to all"
in_op(TO_ALL, "max", TO_ALL, lambda x: x.max(), normal((2, 3)), x=lambda g, o, x: g + 0 * x)
in_op(TO_ALL, "max along an axis", TO_ALL, lambda x: x.max(1), normal((3, 4)), x=lambda g, o, x: g[:, None] + 0 * x)
in_op(TO_ALL, "min along an axis", TO_ALL, lambda x: x.min(0), normal((3, 4)), x=lambda g, o, x: g + 0 * x)
in_op(
    "ties not shared",
    "max of two equal",
    "ties not shared",
    lambda x: x.max(),
    lambda rng: [np.array([1.5, 0.3, 1.5, -0.2])],
    x=lambda g, o, x: g * (x == o),
)
in_op(
    "ties not shared",
    "maximum of equal arrays",
    "ties not shared",
    MAXIMUM,
    lambda rng: [np.array([1.5, 0.3, -0.2]), np.array([1.5, -0.3, 0.2])],
    x=lambda g, o, x, y: g * (x >= y),
)
