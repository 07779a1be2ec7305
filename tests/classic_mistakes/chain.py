"""Links of the chain: the g that arrives, the point of a derivative, its powers, another function's derivative."""

import numpy as np

from tests.classic_mistakes.records import (
    PRODUCT,
    QUOTIENT,
    in_op,
    length,
    normal,
    positive,
    sigmoid,
    uniform,
)

# ---- what arrives ------------------------------------------------------------------------------------------------

in_op(
    "g missing",
    "tanh",
    "upstream gradient missing",
    lambda x: np.tanh(x),
    normal((2, 3)),
    x=lambda g, o, x: 1 - o * o,
)
in_op(
    "g missing",
    "x · y",
    "upstream gradient missing",
    PRODUCT,
    normal((2, 3), (2, 3)),
    y=lambda g, o, x, y: x + 0.0,
)
in_op(
    "g missing",
    "mean",
    "upstream gradient missing",
    lambda x: x.mean(1),
    normal((2, 3)),
    x=lambda g, o, x: np.full(x.shape, 1 / 3),
)
in_op(
    "g missing",
    "relu",
    "upstream gradient missing",
    lambda x: np.maximum(x, 0),
    normal((3, 3)),
    x=lambda g, o, x: (x > 0) * 1.0,
    later=1,
)
in_op(
    "g missing",
    "log",
    "upstream gradient missing",
    lambda x: np.log(x),
    positive(5),
    x=lambda g, o, x: 1 / x,
    later=3,
)
in_op("g squared", "x · y", "g used twice", PRODUCT, normal(4, 4), x=lambda g, o, x, y: g * g * y)
in_op("g squared", "exp", "g used twice", lambda x: np.exp(x), normal(4), x=lambda g, o, x: g * g * o)
in_op(
    "g summed before",
    "x·y",
    "g summed",
    PRODUCT,
    normal((3, 4), (3, 4)),
    x=lambda g, o, x, y: g.sum() * y,
    later=2,
)

# ---- the point ---------------------------------------------------------------------------------------------------

POINT = "derivative at the wrong point"
in_op("x for out", "sigmoid: x(1 − x)", POINT, lambda x: sigmoid(x), normal(5), x=lambda g, o, x: g * x * (1 - x))
in_op("x for out", "tanh: 1 − x²", POINT, lambda x: np.tanh(x), normal((2, 3)), x=lambda g, o, x: g * (1 - x * x))
in_op("x for out", "exp", POINT, lambda x: np.exp(x), normal((2, 3)), x=lambda g, o, x: g * x)
in_op(
    "out for x",
    "sigmoid: σ′(out)",
    POINT,
    lambda x: sigmoid(x),
    normal(5),
    x=lambda g, o, x: g * sigmoid(o) * (1 - sigmoid(o)),
)
in_op("out for x", "sin: cos(out)", POINT, lambda x: np.sin(x), normal(5), x=lambda g, o, x: g * np.cos(o))
in_op("out for x", "log: 1 / out", POINT, lambda x: np.log(x), positive(5), x=lambda g, o, x: g / o)
in_op(
    "derivative at the wrong point",
    "softplus: σ(out)",
    POINT,
    lambda x: np.log1p(np.exp(x)),
    normal(4),
    x=lambda g, o, x: g * sigmoid(o),
    later=1,
)

# ---- links left out, and links twice -----------------------------------------------------------------------------

in_op("derivative missing", "exp: g", "missing derivative", lambda x: np.exp(x), normal(4), x=lambda g, o, x: g)
in_op("derivative missing", "tanh: g", "missing derivative", lambda x: np.tanh(x), normal(4), x=lambda g, o, x: g)
in_op(
    "inner derivative missing",
    "log(1+x²)",
    ("missing derivative", "missing factor", "upstream gradient missing"),
    lambda x: np.log(1 + x * x),
    normal(5),
    x=lambda g, o, x: g / (1 + x * x),
    later=2,
)
in_op(
    "chain stops",
    "tanh(tanh x)",
    "missing derivative",
    lambda x: np.tanh(np.tanh(x)),
    normal(4),
    x=lambda g, o, x: g * (1 - o * o),
    later=3,
)
in_op(
    "chain factor missing",
    "exp(-x²)",
    ("missing derivative", "missing factor"),
    lambda x: np.exp(-x * x),
    normal(5),
    x=lambda g, o, x: -g * o,
    later=1,
)
in_op(
    "chain factor missing",
    "sin(3x)",
    ("missing factor", "missing derivative"),
    lambda x: np.sin(3.0 * x),
    normal(5),
    x=lambda g, o, x: g * np.cos(3 * x),
    later=1,
)
in_op(
    "factor missing",
    "sigmoid: g · out",
    "missing factor",
    lambda x: sigmoid(x),
    normal((2, 3)),
    x=lambda g, o, x: g * o,
)
in_op(
    "factor missing",
    "tanh: 1 − out",
    "missing factor",
    lambda x: np.tanh(x),
    normal((2, 3)),
    x=lambda g, o, x: g * (1 - o),
)
in_op(
    "factor twice",
    "softplus",
    "factor twice",
    lambda x: np.log1p(np.exp(x)),
    normal(4),
    x=lambda g, o, x: g * sigmoid(x) ** 2,
    later=1,
)
in_op(
    "same slope twice",
    "tanh(sigmoid x)",
    ("factor twice", "missing derivative", "wrong function", "wrong value"),
    lambda x: np.tanh(sigmoid(x)),
    normal(4),
    x=lambda g, o, x: g * (1 - o * o) ** 2,
    later=3,
)
in_op(
    "division missing",
    "‖x‖: x",
    "missing division",
    lambda x: np.sqrt((x * x).sum(-1)),
    normal((2, 3)),
    x=lambda g, o, x: g[:, None] * x,
)
in_op(
    "division missing",
    "l2 normalization",
    ("missing division", "missing factor"),
    lambda x: x / length(x),
    normal((2, 4)),
    x=lambda g, o, x: g - o * (g * o).sum(-1, keepdims=True),
    later=1,
)

# ---- powers and inverses -----------------------------------------------------------------------------------------

in_op("inverse derivative", "log: g · x", "inverted", lambda x: np.log(x), positive(4), x=lambda g, o, x: g * x)
in_op("inverse derivative", "√: g · 2√x", "inverted", lambda x: np.sqrt(x), positive(4), x=lambda g, o, x: g * 2 * o)
in_op("inverse derivative", "x / y", "inverted", QUOTIENT, positive(4, 4), x=lambda g, o, x, y: g * y)
in_op(
    "inverse derivative",
    "exp: g / out",
    "inverted",
    lambda x: np.exp(x),
    normal(4),
    x=lambda g, o, x: g / o,
    later=1,
)
in_op(
    "not squared",
    "quotient rule: −x / y",
    ("missing division", "missing factor", "derivative at the wrong point", "swapped arguments"),
    QUOTIENT,
    positive(4, 4),
    y=lambda g, o, x, y: -g * x / y,
)
in_op(
    "square missing",
    "1/x",
    ("missing factor", "missing division", "wrong value", "derivative at the wrong point"),
    lambda x: 1 / x,
    positive(5),
    x=lambda g, o, x: -g / x,
    later=3,
)
in_op(
    "square root missing",
    "arcsin",
    ("missing function", "missing division", "factor twice"),
    lambda x: np.arcsin(x),
    uniform(-0.8, 0.8, 5),
    x=lambda g, o, x: g / (1 - x * x),
    later=1,
)
in_op(
    "square root's derivative",
    "‖x‖",
    ("missing division", "missing factor 2", "factor 2 too many", "missing factor"),
    lambda x: np.sqrt((x * x).sum()),
    normal(5),
    x=lambda g, o, x: g * x / (2 * o),
    later=2,
)
in_op(
    "power too high",
    "x³: 3x³",
    ("wrong power", "derivative at the wrong point", "missing factor"),
    lambda x: x**3,
    positive(4),
    x=lambda g, o, x: g * 3 * x**3,
)
in_op(
    "exponent missing",
    "x³: x²",
    ("missing factor", "missing factor 1/N", "1/N twice", "factor"),
    lambda x: x**3,
    positive(4),
    x=lambda g, o, x: g * x**2,
)
in_op(
    "exponent not lowered",
    "x⁵",
    ("wrong power", "derivative at the wrong point", "missing factor"),
    lambda x: x**5,
    positive(4),
    x=lambda g, o, x: g * 5 * x**5,
    later=3,
)
in_op(
    "power rule",
    "x⁻²",
    ("sign", "missing factor", "wrong power"),
    lambda x: 1 / (x * x),
    positive(4),
    x=lambda g, o, x: g * 2 / (x * x * x),
    later=2,
)

# ---- another function --------------------------------------------------------------------------------------------

in_op(
    "wrong function",
    "sin: sin",
    ("wrong function", "derivative at the wrong point"),
    lambda x: np.sin(x),
    normal(4),
    x=lambda g, o, x: g * np.sin(x),
)
in_op(
    "wrong function",
    "cos: cos",
    ("wrong function", "derivative at the wrong point"),
    lambda x: np.cos(x),
    normal(4),
    x=lambda g, o, x: -g * np.cos(x),
    later=1,
)
in_op(
    "softplus for relu's mask",
    "relu",
    "wrong function",
    lambda x: np.maximum(x, 0),
    normal(6),
    x=lambda g, o, x: g * sigmoid(x),
    later=2,
)
in_op(
    "derivative of the wrong function",
    "silu",
    ("wrong function", "missing path", "missing term"),
    lambda x: x * sigmoid(x),
    normal(5),
    x=lambda g, o, x: g * sigmoid(x) * (1 - sigmoid(x)),
    later=3,
)
