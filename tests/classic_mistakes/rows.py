"""Rows that belong together: every output depends on all inputs of its row, and the rule forgets it."""

import numpy as np

from tests.classic_mistakes.records import in_op, length, normal, positive, softmax

in_op(
    "diagonal of the Jacobian only",
    "softmax",
    "diagonal only",
    lambda x: softmax(x),
    normal((2, 4)),
    x=lambda g, o, x: g * o * (1 - o),
)
in_op(
    "diagonal of the Jacobian only",
    "log-softmax",
    "diagonal only",
    lambda x: np.log(softmax(x)),
    normal((2, 4)),
    x=lambda g, o, x: g * (1 - np.exp(o)),
)
in_op(
    "diagonal of the Jacobian only",
    "x / ‖x‖",
    ("diagonal only", "missing term", "missing path"),
    lambda x: x / length(x),
    normal((2, 4)),
    x=lambda g, o, x: g * (1 - o * o) / length(x),
)
in_op(
    "diagonal of the Jacobian only",
    "x / sum(x)",
    ("diagonal only", "missing path", "missing term"),
    lambda x: x / x.sum(),
    positive(5),
    x=lambda g, o, x: g / x.sum(),
    later=1,
)
in_op(
    "diagonal only",
    "softmin",
    "diagonal only",
    lambda x: softmax(-x),
    normal((2, 4)),
    x=lambda g, o, x: -g * o * (1 - o),
    later=3,
)
in_op(
    "diagonal of the Jacobian missing",
    "softmax",
    ("diagonal only", "missing term"),
    lambda x: softmax(x),
    normal((2, 4)),
    x=lambda g, o, x: -o * ((g * o).sum(-1, keepdims=True) - g * o),
)
in_op(
    "projection forgotten",
    "x / ‖x‖",
    ("missing term", "missing path"),
    lambda x: x / length(x),
    normal((2, 4)),
    x=lambda g, o, x: g / length(x),
)
in_op(
    "normalizer missing",
    "log Σ exp",
    "wrong function",
    lambda x: np.log(np.exp(x).sum(-1)),
    normal((2, 4)),
    x=lambda g, o, x: g[:, None] * np.exp(x),
)
in_op(
    "log-softmax with the wrong total",
    "log-softmax",
    ("missing sum", "missing factor", "diagonal only", "upstream gradient missing"),
    lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
    normal((2, 4)),
    x=lambda g, o, x: g - np.exp(o) * g,
    later=2,
)
in_op(
    "mean's own dependence forgotten",
    "x − mean(x)",
    ("missing path", "missing term", "diagonal only"),
    lambda x: x - x.mean(-1, keepdims=True),
    normal((3, 4)),
    x=lambda g, o, x: g,
)
in_op(
    "mean's own dependence forgotten",
    "variance by hand",
    ("factor", "missing path", "missing factor"),
    lambda x: ((x - x.mean(-1, keepdims=True)) ** 2).sum(-1),
    normal((2, 4)),
    x=lambda g, o, x: 2 * g[:, None] * x,
    later=1,
)
in_op(
    "mean's and variance's dependence forgotten",
    "layer normalization",
    ("missing path", "missing term"),
    lambda x: (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True)),
    normal((3, 5)),
    x=lambda g, o, x: (g - g.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True)),
)
in_op(
    "row max not through",
    "x - max",
    ("missing path", "missing term", "diagonal only"),
    lambda x: x - x.max(-1, keepdims=True),
    normal((2, 4)),
    x=lambda g, o, x: g,
    later=2,
)
