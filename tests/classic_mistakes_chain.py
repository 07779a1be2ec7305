"""Paths, axes, rows, indices, points and arguments: mistakes in the rules of other ops."""

import numpy as np

import tinygrad_nlp as tg
from tests.classic_mistakes_records import (
    ROWS,
    TARGETS,
    E,
    in_function,
    in_op,
    normal,
    one_hot,
    positive,
    sigmoid,
    softmax,
)

# ---- paths that add up -------------------------------------------------------------------------------------------

in_op(
    "overwritten instead of accumulated",
    "x · sin x",
    "x",
    ("missing path", "missing term"),
    lambda x: x * np.sin(x),
    normal(5),
    x=lambda g, o, x: g * x * np.cos(x),
)
in_op(
    "overwritten instead of accumulated",
    "x³ + x",
    "x",
    ("missing path", "missing term"),
    lambda x: x * x * x + x,
    normal(5),
    x=lambda g, o, x: g * 3 * x * x,
)
in_op(
    "overwritten instead of accumulated",
    "residual tanh(x W) + x",
    "x",
    ("missing path", "missing term"),
    lambda x, W: np.tanh(x @ W) + x,
    normal((4, 3), (3, 3)),
    x=lambda g, o, x, W: (g * (1 - (o - x) ** 2)) @ W.T,
    W=lambda g, o, x, W: x.T @ (g * (1 - (o - x) ** 2)),
)
in_op(
    "mean's own dependence forgotten",
    "x − mean(x)",
    "x",
    ("missing path", "missing term", "diagonal only"),
    lambda x: x - x.mean(-1, keepdims=True),
    normal((3, 4)),
    x=lambda g, o, x: g,
)
in_op(
    "product rule, one term only",
    "silu",
    "x",
    ("missing path", "missing term"),
    lambda x: x * sigmoid(x),
    normal(6),
    x=lambda g, o, x: g * sigmoid(x),
)

# ---- axes --------------------------------------------------------------------------------------------------------

in_op(
    "wrong axis",
    "sum, square",
    "x",
    ("wrong axis", "transposed"),
    lambda x: x.sum(0),
    normal((4, 4)),
    x=lambda g, o, x: E(g, 1) + 0 * x,
)
in_op(
    "wrong axis",
    "mean, square",
    "x",
    ("wrong axis", "transposed"),
    lambda x: x.mean(1),
    normal((4, 4)),
    x=lambda g, o, x: (E(g, 0) + 0 * x) / 4,
)
in_op(
    "wrong axis",
    "softmax",
    "x",
    "wrong axis",
    lambda x: softmax(x, -1),
    normal((3, 4)),
    x=lambda g, o, x: o * (g - (g * o).sum(0, keepdims=True)),
)
in_op(
    "wrong axis",
    "x − mean(x, 0)",
    "x",
    "wrong axis",
    lambda x: x - x.mean(0, keepdims=True),
    normal((4, 3)),
    x=lambda g, o, x: g - g.mean(1, keepdims=True),
)
in_op(
    "wrong axis",
    "cumsum",
    "x",
    "wrong axis",
    lambda x: np.cumsum(x, 0),
    normal((3, 4)),
    x=lambda g, o, x: np.flip(np.cumsum(np.flip(g, 1), 1), 1),
)

# ---- rows that belong together -----------------------------------------------------------------------------------

in_op(
    "diagonal of the Jacobian only",
    "softmax",
    "x",
    "diagonal only",
    lambda x: softmax(x),
    normal((2, 4)),
    x=lambda g, o, x: g * o * (1 - o),
)
in_op(
    "diagonal of the Jacobian only",
    "log-softmax",
    "x",
    "diagonal only",
    lambda x: np.log(softmax(x)),
    normal((2, 4)),
    x=lambda g, o, x: g * (1 - np.exp(o)),
)
in_op(
    "diagonal of the Jacobian only",
    "x / ‖x‖",
    "x",
    ("diagonal only", "missing term", "missing path"),
    lambda x: x / np.sqrt((x * x).sum(-1, keepdims=True)),
    normal((2, 4)),
    x=lambda g, o, x: g * (1 - o * o) / np.sqrt((x * x).sum(-1, keepdims=True)),
)
in_op(
    "diagonal of the Jacobian missing",
    "softmax",
    "x",
    ("diagonal only", "missing term"),
    lambda x: softmax(x),
    normal((2, 4)),
    x=lambda g, o, x: -o * ((g * o).sum(-1, keepdims=True) - g * o),
)
in_op(
    "projection forgotten",
    "x / ‖x‖",
    "x",
    ("missing term", "missing path"),
    lambda x: x / np.sqrt((x * x).sum(-1, keepdims=True)),
    normal((2, 4)),
    x=lambda g, o, x: g / np.sqrt((x * x).sum(-1, keepdims=True)),
)
in_op(
    "normalizer missing",
    "log Σ exp",
    "x",
    ("wrong function",),
    lambda x: np.log(np.exp(x).sum(-1)),
    normal((2, 4)),
    x=lambda g, o, x: E(g, -1) * np.exp(x),
)
in_op(
    "mean's and variance's dependence forgotten",
    "layer normalization",
    "x",
    ("missing path", "missing term"),
    lambda x: (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True)),
    normal((3, 5)),
    x=lambda g, o, x: (g - g.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True)),
)

# ---- indices -----------------------------------------------------------------------------------------------------


def moving_sum(x):
    return x[:-2] + x[1:-1] + x[2:]


def moving_sum_shifted(g, out, x):
    back = 0 * x
    for k in (1, 2, 3):
        back[k : k + len(g)] += g[: len(x) - k]
    return back


def window_short(g, out, x):
    back = 0 * x
    back[:-2] += g
    back[1:-1] += g
    return back


def rows_written(g, out, table, wrong=ROWS, add=False):
    back = 0 * table
    if add:
        back[wrong] += g
    else:
        back[wrong] = g
    return back


def rows_added(g, out, table, rows=ROWS):
    back = 0 * table
    np.add.at(back, rows, g)
    return back


in_op("window off by one", "moving sum", "x", "off by one", moving_sum, normal(9), x=moving_sum_shifted)
in_op("window too short", "moving sum", "x", ("missing path", "partly zero"), moving_sum, normal(9), x=window_short)
in_op(
    "slice off by one",
    "x[1:]",
    "x",
    "off by one",
    lambda x: x[1:] * 1.0,
    normal((6, 2)),
    x=lambda g, o, x: np.concatenate([g, np.zeros((1, 2))]),
)
in_op(
    "difference turned round",
    "x[1:] − x[:-1]",
    "x",
    "sign",
    lambda x: x[1:] - x[:-1],
    normal(7),
    x=lambda g, o, x: np.concatenate([g, [0]]) - np.concatenate([[0], g]),
)
in_op(
    "row index off by one",
    "embedding",
    "table",
    "off by one",
    lambda table: table[ROWS] * 1.0,
    normal((5, 3)),
    table=lambda g, o, table: rows_added(g, o, table, ROWS + 1),
)
in_op(
    "repeated rows overwritten",
    "embedding, grad[i] = g",
    "table",
    "repeated rows overwritten",
    lambda table: table[ROWS] * 1.0,
    normal((5, 3)),
    table=rows_written,
)
in_op(
    "repeated rows overwritten",
    "embedding, grad[i] += g",
    "table",
    "repeated rows overwritten",
    lambda table: table[ROWS] * 1.0,
    normal((5, 3)),
    table=lambda g, o, t: rows_written(g, o, t, add=True),
)
in_op(
    "repeated rows overwritten",
    "gather from a vector",
    "x",
    "repeated rows overwritten",
    lambda x: x[ROWS] * 1.0,
    normal(4),
    x=rows_written,
)
in_op(
    "permutation not undone",
    "sort",
    "x",
    ("forward applied to g",),
    lambda x: np.sort(x),
    lambda rng: [rng.permutation(6) + rng.uniform(0.1, 0.4, 6)],
    x=lambda g, o, x: g[np.argsort(x)],
)
in_op(
    "order not reversed",
    "cumsum",
    "x",
    ("forward applied to g",),
    lambda x: np.cumsum(x),
    normal(5),
    x=lambda g, o, x: np.cumsum(g),
)
in_op(
    "parts exchanged",
    "concat",
    "x",
    ("swapped arguments", "off by one"),
    lambda x, y: np.concatenate([x, y]),
    normal(4, 4),
    x=lambda g, o, x, y: g[4:],
    y=lambda g, o, x, y: g[4:],
)

# ---- values that are no longer the old ones ----------------------------------------------------------------------


def square_in_place(x):
    x *= 1.5
    return x * x


in_op(
    "changed in place",
    "forward scales its argument",
    "x",
    "stale value",
    square_in_place,
    normal(5),
    x=lambda g, o, x: g * 2 * x,
)


def changed_through_data(x):
    y = x * 1.0
    z = y * y
    y.data[...] = y.data * 2 + 1
    return z.sum()


def changed_before_sum(x, w):
    h = tg.tanh(x @ w)
    loss = (h * h).sum()
    h.data[0] = 0.0
    return loss


in_function("stale value", "h.data[...] = after use", "mul", "stale value", changed_through_data, normal(4))
in_function("stale value", "tanh layer cleared", "stale", "stale value", changed_before_sum, normal((3, 2), (2, 4)))

# ---- points and factors of the chain -----------------------------------------------------------------------------

in_op(
    "x for out",
    "sigmoid: x(1 − x)",
    "x",
    "derivative at the wrong point",
    lambda x: sigmoid(x),
    normal(5),
    x=lambda g, o, x: g * x * (1 - x),
)
in_op(
    "x for out",
    "tanh: 1 − x²",
    "x",
    "derivative at the wrong point",
    lambda x: np.tanh(x),
    normal((2, 3)),
    x=lambda g, o, x: g * (1 - x * x),
)
in_op(
    "x for out",
    "exp",
    "x",
    "derivative at the wrong point",
    lambda x: np.exp(x),
    normal((2, 3)),
    x=lambda g, o, x: g * x,
)
in_op(
    "out for x",
    "sigmoid: σ′(out)",
    "x",
    "derivative at the wrong point",
    lambda x: sigmoid(x),
    normal(5),
    x=lambda g, o, x: g * sigmoid(o) * (1 - sigmoid(o)),
)
in_op(
    "out for x",
    "sin: cos(out)",
    "x",
    "derivative at the wrong point",
    lambda x: np.sin(x),
    normal(5),
    x=lambda g, o, x: g * np.cos(o),
)
in_op(
    "out for x",
    "log: 1 / out",
    "x",
    "derivative at the wrong point",
    lambda x: np.log(x),
    positive(5),
    x=lambda g, o, x: g / o,
)
in_op(
    "g missing",
    "tanh",
    "x",
    "upstream gradient missing",
    lambda x: np.tanh(x),
    normal((2, 3)),
    x=lambda g, o, x: 1 - o * o,
)
in_op(
    "g missing",
    "x · y",
    "y",
    "upstream gradient missing",
    lambda x, y: x * y,
    normal((2, 3), (2, 3)),
    x=lambda g, o, x, y: g * y,
    y=lambda g, o, x, y: x + 0.0,
)
in_op(
    "g missing",
    "mean",
    "x",
    "upstream gradient missing",
    lambda x: x.mean(1),
    normal((2, 3)),
    x=lambda g, o, x: np.full(x.shape, 1 / 3),
)
in_op(
    "g squared",
    "x · y",
    "x",
    "g used twice",
    lambda x, y: x * y,
    normal(4, 4),
    x=lambda g, o, x, y: g * g * y,
    y=lambda g, o, x, y: g * x,
)
in_op("g squared", "exp", "x", "g used twice", lambda x: np.exp(x), normal(4), x=lambda g, o, x: g * g * o)
in_op("inverse derivative", "log: g · x", "x", "inverted", lambda x: np.log(x), positive(4), x=lambda g, o, x: g * x)
in_op(
    "inverse derivative", "√: g · 2√x", "x", "inverted", lambda x: np.sqrt(x), positive(4), x=lambda g, o, x: g * 2 * o
)
in_op(
    "inverse derivative",
    "x / y",
    "x",
    "inverted",
    lambda x, y: x / y,
    positive(4, 4),
    x=lambda g, o, x, y: g * y,
    y=lambda g, o, x, y: -g * x / (y * y),
)
in_op("derivative missing", "exp: g", "x", "missing derivative", lambda x: np.exp(x), normal(4), x=lambda g, o, x: g)
in_op("derivative missing", "tanh: g", "x", "missing derivative", lambda x: np.tanh(x), normal(4), x=lambda g, o, x: g)
in_op(
    "factor missing",
    "sigmoid: g · out",
    "x",
    "missing factor",
    lambda x: sigmoid(x),
    normal((2, 3)),
    x=lambda g, o, x: g * o,
)
in_op(
    "factor missing",
    "tanh: 1 − out",
    "x",
    ("missing factor",),
    lambda x: np.tanh(x),
    normal((2, 3)),
    x=lambda g, o, x: g * (1 - o),
)
in_op(
    "sign of a term",
    "tanh: 1 + out²",
    "x",
    "sign of a term",
    lambda x: np.tanh(x),
    normal((2, 3)),
    x=lambda g, o, x: g * (1 + o * o),
)
in_op(
    "not squared",
    "quotient rule: −x / y",
    "y",
    ("missing division", "missing factor", "derivative at the wrong point", "swapped arguments"),
    lambda x, y: x / y,
    positive(4, 4),
    x=lambda g, o, x, y: g / y,
    y=lambda g, o, x, y: -g * x / y,
)
in_op(
    "power too high",
    "x³: 3x³",
    "x",
    ("wrong power", "derivative at the wrong point", "missing factor"),
    lambda x: x**3,
    positive(4),
    x=lambda g, o, x: g * 3 * x**3,
)
in_op(
    "exponent missing",
    "x³: x²",
    "x",
    ("missing factor", "missing factor 1/N", "1/N twice", "factor"),
    lambda x: x**3,
    positive(4),
    x=lambda g, o, x: g * x**2,
)
in_op(
    "wrong function",
    "sin: sin",
    "x",
    ("wrong function", "derivative at the wrong point"),
    lambda x: np.sin(x),
    normal(4),
    x=lambda g, o, x: g * np.sin(x),
)
in_op(
    "division missing",
    "‖x‖: x",
    "x",
    ("missing division",),
    lambda x: np.sqrt((x * x).sum(-1)),
    normal((2, 3)),
    x=lambda g, o, x: E(g, -1) * x,
)

# ---- arguments ---------------------------------------------------------------------------------------------------

in_op(
    "arguments swapped",
    "x · y",
    "x",
    "swapped arguments",
    lambda x, y: x * y,
    normal((2, 3), (2, 3)),
    x=lambda g, o, x, y: g * x,
    y=lambda g, o, x, y: g * x,
)
in_op(
    "arguments swapped",
    "x / y",
    "x",
    "swapped arguments",
    lambda x, y: x / y,
    positive(4, 4),
    x=lambda g, o, x, y: -g * x / (y * y),
    y=lambda g, o, x, y: -g * x / (y * y),
)
in_op(
    "arguments swapped",
    "x · exp(y)",
    "y",
    "swapped arguments",
    lambda x, y: x * np.exp(y),
    normal(4, 4),
    x=lambda g, o, x, y: g * np.exp(y),
    y=lambda g, o, x, y: g * y * np.exp(x),
)
in_op(
    "ŷ and y swapped",
    "squared error",
    "p",
    ("ŷ and y swapped", "sign"),
    lambda p, y: ((p - y) ** 2).mean(),
    normal((3, 2), (3, 2)),
    p=lambda g, o, p, y: 2 * g * (y - p) / 6,
    y=lambda g, o, p, y: 2 * g * (y - p) / 6,
)
in_op(
    "ŷ and y swapped",
    "softmax cross-entropy",
    "z",
    ("ŷ and y swapped", "sign"),
    lambda z: tg.cross_entropy(z, TARGETS),
    normal((6, 3)),
    z=lambda g, o, z: g * (one_hot(TARGETS, 3) - softmax(z)) / 6,
)
in_op(
    "target not subtracted",
    "softmax cross-entropy",
    "z",
    ("missing term", "missing path"),
    lambda z: tg.cross_entropy(z, TARGETS),
    normal((6, 3)),
    z=lambda g, o, z: g * softmax(z) / 6,
)
in_op(
    "1/N missing",
    "softmax cross-entropy",
    "z",
    "missing factor 1/N",
    lambda z: tg.cross_entropy(z, TARGETS),
    normal((6, 3)),
    z=lambda g, o, z: g * (softmax(z) - one_hot(TARGETS, 3)),
)
in_op(
    "target off by one",
    "softmax cross-entropy",
    "z",
    "off by one",
    lambda z: tg.cross_entropy(z, TARGETS),
    normal((6, 3)),
    z=lambda g, o, z: g * (softmax(z) - one_hot((TARGETS + 1) % 3, 3)) / 6,
)
in_op(
    "logits not normalized",
    "softmax cross-entropy",
    "z",
    ("missing function",),
    lambda z: tg.cross_entropy(z, TARGETS),
    normal((6, 3)),
    z=lambda g, o, z: g * (z - one_hot(TARGETS, 3)) / 6,
)
in_op(
    "mean over the wrong count",
    "cross-entropy with ignore_index",
    "z",
    "mean over the wrong count",
    lambda z: tg.cross_entropy(z, TARGETS, ignore_index=2),
    normal((6, 3)),
    z=lambda g, o, z: g * (softmax(z) - one_hot(TARGETS, 3)) * E(TARGETS != 2, 1) / 6,
)
in_op(
    "ignored rows not masked",
    "cross-entropy with ignore_index",
    "z",
    ("missing mask",),
    lambda z: tg.cross_entropy(z, TARGETS, ignore_index=2),
    normal((6, 3)),
    z=lambda g, o, z: g * (softmax(z) - one_hot(TARGETS, 3)) / 4,
)

# ---- max ---------------------------------------------------------------------------------------------------------

in_op(
    "max routed to all", "max", "x", "max routed to all", lambda x: x.max(), normal((2, 3)), x=lambda g, o, x: g + 0 * x
)
in_op(
    "max routed to all",
    "max along an axis",
    "x",
    "max routed to all",
    lambda x: x.max(1),
    normal((3, 4)),
    x=lambda g, o, x: E(g, 1) + 0 * x,
)
in_op(
    "max routed to all",
    "min along an axis",
    "x",
    "max routed to all",
    lambda x: x.min(0),
    normal((3, 4)),
    x=lambda g, o, x: E(g, 0) + 0 * x,
)
in_op(
    "ties not shared",
    "max of two equal",
    "x",
    "ties not shared",
    lambda x: x.max(),
    lambda rng: [np.array([1.5, 0.3, 1.5, -0.2])],
    x=lambda g, o, x: g * (x == o),
)
in_op(
    "ties not shared",
    "maximum of equal arrays",
    "x",
    "ties not shared",
    lambda x, y: np.maximum(x, y),
    lambda rng: [np.array([1.5, 0.3, -0.2]), np.array([1.5, -0.3, 0.2])],
    x=lambda g, o, x, y: g * (x >= y),
    y=lambda g, o, x, y: g * ((y > x) + 0.5 * (x == y)),
)
