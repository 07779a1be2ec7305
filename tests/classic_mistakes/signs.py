"""A minus too many or too few."""

import numpy as np

from tests.classic_mistakes.records import (
    DIFFERENCE,
    QUOTIENT,
    in_op,
    length,
    normal,
    positive,
    sigmoid,
    softmax,
    uniform,
)

in_op("sign flipped", "x − y", "sign", DIFFERENCE, normal(4, 4), y=lambda g, o, x, y: g)
in_op("sign flipped", "cos", "sign", lambda x: np.cos(x), normal((2, 3)), x=lambda g, o, x: g * np.sin(x))
in_op("sign flipped", "1 / x", "sign", lambda x: 1 / x, positive(5), x=lambda g, o, x: g / (x * x))
in_op("sign flipped", "quotient rule", "sign", QUOTIENT, positive(4, 4), y=lambda g, o, x, y: g * x / (y * y))
in_op(
    "sign flipped",
    "arccos",
    "sign",
    lambda x: np.arccos(x),
    uniform(-0.8, 0.8, 5),
    x=lambda g, o, x: g / np.sqrt(1 - x * x),
    later=1,
)
in_op(
    "sign flipped",
    "arctan of −x",
    "sign",
    lambda x: np.arctan(-x),
    normal(5),
    x=lambda g, o, x: g / (1 + x * x),
    later=3,
)
in_op(
    "sign",
    "logistic loss",
    "sign",
    lambda s: np.log1p(np.exp(-s)),
    normal(5),
    s=lambda g, o, s: g * sigmoid(-s),
    later=2,
)
in_op(
    "sign after the sum",
    "column − row",
    "sign",
    DIFFERENCE,
    normal((4, 1), (3,)),
    y=lambda g, o, x, y: g.sum(0),
    later=3,
)
in_op(
    "inner sign forgotten",
    "softmin",
    "sign",
    lambda x: softmax(-x),
    normal((2, 4)),
    x=lambda g, o, x: o * (g - (g * o).sum(-1, keepdims=True)),
    later=3,
)
in_op(
    "sign of a term",
    "tanh: 1 + out²",
    "sign of a term",
    lambda x: np.tanh(x),
    normal((2, 3)),
    x=lambda g, o, x: g * (1 + o * o),
)
in_op(
    "sign of a term",
    "l2 normalization",
    "sign of a term",
    lambda x: x / length(x),
    normal((2, 4)),
    x=lambda g, o, x: (g + o * (g * o).sum(-1, keepdims=True)) / length(x),
    later=1,
)
in_op(
    "sigmoid of the wrong sign",
    "softplus",
    ("sign of a term", "sign", "missing derivative"),
    lambda x: np.log1p(np.exp(x)),
    normal(4),
    x=lambda g, o, x: g * sigmoid(-x),
    later=1,
)
