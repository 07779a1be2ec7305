"""Classic mistakes of backpropagation, each at several sites, as data: for the tests and for the table in the docs.

A site is an op with a wrong rule, a function whose graph is wrong, or gradients worked out by hand. ``mistake`` is
what a teacher calls it, ``argument`` what is to be blamed, ``kinds`` what the diagnosis may call it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import tinygrad_nlp as tg
from tinygrad_nlp import Tensor
from tinygrad_nlp.op import Op


class Site(NamedTuple):
    mistake: str
    site: str
    how: str  # "op", "function" or "hand"
    argument: str
    kinds: tuple
    parts: tuple  # op: (forward, {argument: rule}, draw); function: (f, draw); hand: (loss, gradients, draw)


SITES: list[Site] = []
RNG = np.random.default_rng(20)


def kinds_of(kinds):
    return (kinds,) if isinstance(kinds, str) else tuple(kinds)


def in_op(mistake, site, argument, kinds, forward, draw, **rules):
    """An op whose rule for ``argument`` is wrong; ``rules`` holds one rule for each argument that has one."""
    SITES.append(Site(mistake, site, "op", argument, kinds_of(kinds), (forward, rules, draw)))


def in_function(mistake, site, argument, kinds, function, draw):
    """A function of Tensors in whose graph something is wrong; ``argument`` is the op or tensor to be named."""
    SITES.append(Site(mistake, site, "function", argument, kinds_of(kinds), (function, draw)))


def by_hand(mistake, site, argument, kinds, loss, gradients, draw):
    """Gradients of ``loss`` by name, that of ``argument`` (the first of several) wrong."""
    SITES.append(Site(mistake, site, "hand", argument, kinds_of(kinds), (loss, gradients, draw)))


def planted(site: Site) -> Op:
    """The op of an "op" site, which no registry knows."""
    forward_, rules, _ = site.parts
    names = forward_.__code__.co_varnames[: forward_.__code__.co_argcount]

    class body:
        """A planted mistake."""

        forward = forward_

    return Op("planted", forward_, tuple(rules.get(n) for n in names), body)


def normal(*shapes) -> Callable:
    """Normal numbers, clear of zero, of these shapes."""

    def draw(rng):
        arrays = [np.asarray(rng.normal(size=s)) for s in shapes]
        return [np.asarray(a + 0.1 * np.sign(a)) for a in arrays]

    return draw


def positive(*shapes) -> Callable:
    return lambda rng: [rng.uniform(0.4, 2.5, s) for s in shapes]


def with_constants(draw, *constants) -> Callable:
    return lambda rng: [*draw(rng), *constants]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def one_hot(y, n):
    return np.eye(n)[y]


E = np.expand_dims
ROWS = np.array([2, 0, 2, 1, 2])
TARGETS = np.array([0, 2, 1, 1, 0, 2])
KEEP = np.array([[True, False, True, True], [False, True, True, False], [True, True, False, True]])

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
    ("wrong mask", "swapped arguments", "different"),
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
    ("wrong axis", "different"),
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
    ("missing function", "inverted", "different", "missing factor", "missing division"),
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
    ("different", "missing path", "missing derivative"),
    lambda x: np.sort(x),
    lambda rng: [rng.permutation(6) + rng.uniform(0.1, 0.4, 6)],
    x=lambda g, o, x: g[np.argsort(x)],
)
in_op(
    "order not reversed",
    "cumsum",
    "x",
    ("different", "transposed", "missing function", "wrong axis"),
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

# ---- functions: the graph is not what its author thinks ----------------------------------------------------------


def detached_factor(x):
    return (x * x.detach()).sum()


def detached_layer(x, W):
    h = tg.tanh(x @ W)
    return (Tensor(h.data) * x.sum()).sum() + h.sum()


def through_numpy(x):
    scale = np.exp(x.data)
    return (x * scale).sum()


def under_no_grad(x, W):
    with tg.no_grad():
        norm = (W * W).sum()
    return (x @ W).sum() * norm


def hooked_layer(x, W):
    h = x @ W
    if h.requires_grad:
        h.register_hook(lambda g: g * 0.5)
    return tg.tanh(h).sum()


def hooked_twice(x):
    y = x * 3.0
    if y.requires_grad:
        y.register_hook(lambda g: -g)
    return (y * y).sum()


class planted_relu:
    """relu without its mask."""

    def forward(x):
        return np.maximum(x, 0)


class planted_product:
    """A product whose second rule is the first."""

    def forward(x, y):
        return x @ y


RELU = Op("relu_of_mine", planted_relu.forward, (lambda g, out, x: g,), planted_relu)
PRODUCT = Op(
    "product_of_mine",
    planted_product.forward,
    (lambda g, out, x, y: g @ y.T, lambda g, out, x, y: x.T @ -g),
    planted_product,
)


def network_with_wrong_relu(x, W, V):
    return tg.cross_entropy(RELU(x @ W) @ V, TARGETS)


def network_with_wrong_product(x, W, V):
    return tg.mse(PRODUCT(tg.tanh(x @ W), V), np.ones((6, 3)))


in_function("detached branch", "x · x.detach()", "mul", "detached branch", detached_factor, normal(4))
in_function("detached branch", "Tensor(h.data)", "mul", "detached branch", detached_layer, normal((3, 2), (2, 4)))
in_function("detached branch", "NumPy on x.data", "mul", "detached branch", through_numpy, normal(4))
in_function("detached branch", "no_grad around a term", "mul", "detached branch", under_no_grad, normal((3, 2), (2, 4)))
in_function("hook changes the gradient", "g / 2", "matmul", "hook", hooked_layer, normal((3, 2), (2, 4)))
in_function("hook changes the gradient", "−g", "mul", "hook", hooked_twice, normal(4))
in_function(
    "wrong rule inside a network",
    "relu without mask",
    "relu_of_mine",
    "missing mask",
    network_with_wrong_relu,
    normal((6, 4), (4, 5), (5, 3)),
)
in_function(
    "wrong rule inside a network",
    "product with a sign",
    "product_of_mine",
    "sign",
    network_with_wrong_product,
    normal((6, 4), (4, 5), (5, 3)),
)

# ---- gradients worked out by hand --------------------------------------------------------------------------------


def network_loss(x, W, b, V, c):
    return tg.cross_entropy(tg.tanh(x @ W + b) @ V + c, TARGETS)


def network_gradients(slip="", activation="tanh"):
    """The right gradients of a network of one hidden layer, but for one slip."""

    def gradients(x, W, b, V, c):
        z = x @ W + b
        h = np.tanh(z) if activation == "tanh" else np.maximum(z, 0)
        y_hat = softmax(h @ V + c)
        dl = (y_hat - one_hot(TARGETS, 3)) / len(x)
        if slip == "1/N missing":
            dl = dl * len(x)
        elif slip == "1/N twice":
            dl = dl / len(x)
        elif slip == "ŷ and y swapped":
            dl = -dl
        elif slip == "target not subtracted":
            dl = y_hat / len(x)
        elif slip == "target off by one":
            dl = (y_hat - one_hot((TARGETS + 1) % 3, 3)) / len(x)
        elif slip == "diagonal of the Jacobian only":
            dl = -one_hot(TARGETS, 3) * (1 - y_hat) / len(x)
        dV, dc = h.T @ dl, dl.sum(0)
        if slip == "stale value":
            V = V - 0.5 * dV
        dh = dl @ V.T
        slope = (1 - h * h) if activation == "tanh" else (z > 0)
        if slip == "x for out":
            slope = 1 - z * z
        elif slip == "out for x":
            slope = 1 - np.tanh(h) ** 2
        elif slip in ("derivative missing", "mask missing"):
            slope = 1
        elif slip == "factor missing":
            slope = 1 - h
        elif slip == "sign of a term":
            slope = 1 + h * h
        dz = slope if slip == "g missing" else dh * slope
        if slip == "g squared":
            dz = dh * dh * slope
        dW, db = x.T @ dz, dz.sum(0)
        if slip == "answer transposed":
            dW = dz.T @ x
        elif slip == "broadcast sum forgotten":
            db = dz
        elif slip == "mean over copies instead of sum":
            db = dz.mean(0)
        elif slip == "one copy instead of sum":
            db = dz[-1]
        elif slip == "summed too much":
            db = dz.sum()
        elif slip == "axis lost":
            db = dz.sum(0, keepdims=True)
        elif slip == "sign flipped":
            dV = -dV
        elif slip == "detached":
            dW = 0 * dW
        return {"W": dW, "b": db, "V": dV, "c": dc}

    return gradients


NETWORK = normal((6, 4), (4, 5), 5, (5, 3), 3)
for slip_, argument_, kinds_ in (
    ("1/N missing", "W", "missing factor 1/N"),
    ("1/N twice", "W", "1/N twice"),
    ("ŷ and y swapped", "W", "ŷ and y swapped"),
    ("target not subtracted", "W", ("missing term",)),
    ("target off by one", "W", "off by one"),
    ("stale value", "W", "stale value"),
    ("x for out", "W", "derivative at the wrong point"),
    ("out for x", "W", "derivative at the wrong point"),
    ("derivative missing", "W", "missing derivative"),
    ("factor missing", "W", "missing factor"),
    ("sign of a term", "W", "sign of a term"),
    ("g missing", "W", "upstream gradient missing"),
    ("g squared", "W", "g used twice"),
    ("answer transposed", "W", "transposed"),
    ("broadcast sum forgotten", "b", "forgotten broadcast sum"),
    ("mean over copies instead of sum", "b", ("forgotten broadcast sum", "1/N twice")),
    ("one copy instead of sum", "b", "forgotten broadcast sum"),
    ("summed too much", "b", "summed too much"),
    ("axis lost", "b", "wrong shape"),
    ("sign flipped", "V", ("sign", "ŷ and y swapped")),
    ("detached", "W", "zero"),
):
    by_hand(slip_, "two-layer network", argument_, kinds_, network_loss, network_gradients(slip_), NETWORK)


def relu_network_loss(x, W, b, V, c):
    return tg.cross_entropy(tg.relu(x @ W + b) @ V + c, TARGETS)


by_hand(
    "mask missing",
    "two-layer network with relu",
    "W",
    "missing mask",
    relu_network_loss,
    network_gradients("mask missing", "relu"),
    NETWORK,
)


def dropout_loss(x, W, V):
    h = tg.registry["dropout"](tg.tanh(x @ W), DROPPED, p=0.4)
    return tg.mse(h @ V, np.ones((6, 2)))


DROPPED = np.random.default_rng(8).random((6, 5)) < 0.6


def dropout_gradients(mask):
    def gradients(x, W, V):
        h = np.tanh(x @ W)
        right = DROPPED / 0.6
        dy = 2 * ((h * right) @ V - 1) / 12
        dz = (dy @ V.T) * mask * (1 - h * h)
        return {"W": x.T @ dz, "V": (h * right).T @ dy}

    return gradients


DROPOUT = normal((6, 4), (4, 5), (5, 2))
by_hand("mask missing", "dropout", "W", "missing mask", dropout_loss, dropout_gradients(1 / 0.6), DROPOUT)
by_hand("mask and γ missing", "dropout", "W", "missing mask", dropout_loss, dropout_gradients(1.0), DROPOUT)
by_hand("γ missing", "dropout", "W", "γ missing", dropout_loss, dropout_gradients(DROPPED * 1.0), DROPOUT)
by_hand("γ twice", "dropout", "W", "γ twice", dropout_loss, dropout_gradients(DROPPED / 0.36), DROPOUT)


def naive_softmax_loss(v, U):
    return tg.cross_entropy(U @ v, 2)


def skipgram_gradients(slip):
    def gradients(v, U):
        y_hat = softmax(U @ v)
        y = one_hot(2, len(U))
        dv, dU = U.T @ (y_hat - y), np.outer(y_hat - y, v)
        if slip == "target not subtracted":
            dv = U.T @ y_hat
        elif slip == "answer transposed":
            dU = np.outer(v, y_hat - y)
        elif slip == "ŷ and y swapped":
            dv = U.T @ (y - y_hat)
        elif slip == "row index off by one":
            dv = U.T @ (y_hat - one_hot(3, len(U)))
        elif slip == "logits not normalized":
            dv = U.T @ (U @ v - y)
        elif slip == "arguments swapped":
            dv, dU = dU[0] + 0 * v, dU
        return {"v": dv, "U": dU}

    return gradients


SKIPGRAM = normal(4, (6, 4))
by_hand(
    "target not subtracted",
    "skip-gram",
    "v",
    "missing term",
    naive_softmax_loss,
    skipgram_gradients("target not subtracted"),
    SKIPGRAM,
)
by_hand(
    "answer transposed",
    "skip-gram",
    "U",
    "transposed",
    naive_softmax_loss,
    skipgram_gradients("answer transposed"),
    SKIPGRAM,
)
by_hand(
    "ŷ and y swapped",
    "skip-gram",
    "v",
    ("ŷ and y swapped",),
    naive_softmax_loss,
    skipgram_gradients("ŷ and y swapped"),
    SKIPGRAM,
)
by_hand(
    "row index off by one",
    "skip-gram",
    "v",
    "off by one",
    naive_softmax_loss,
    skipgram_gradients("row index off by one"),
    SKIPGRAM,
)
by_hand(
    "logits not normalized",
    "skip-gram",
    "v",
    "missing function",
    naive_softmax_loss,
    skipgram_gradients("logits not normalized"),
    SKIPGRAM,
)

NEGATIVES = np.array([[1, 4, 1], [0, 0, 5]])
OUTSIDE = np.array([2, 3])


def negative_loss(v, U):
    return tg.negative_sampling(v, U, OUTSIDE, NEGATIVES, reduction="sum")


def negative_gradients(slip):
    def gradients(v, U):
        dv, dU = 0 * v, 0 * U
        for b in range(2):
            o = OUTSIDE[b]
            pull = sigmoid(U[o] @ v[b]) - 1
            if slip == "sign of a term":
                pull = -pull
            dv[b] += pull * U[o]
            dU[o] += pull * v[b]
            drawn = set(NEGATIVES[b]) if slip == "repeated negatives counted once" else NEGATIVES[b]
            for k in drawn:
                push = sigmoid(U[k] @ v[b])
                if slip == "σ(−x) for σ(x)":
                    push = 1 - push
                dv[b] += push * U[k]
                if slip == "repeated rows overwritten":
                    dU[k] = push * v[b]
                else:
                    dU[k] += push * v[b]
        return {"v": dv, "U": dU}

    return gradients


NEGATIVE = normal((2, 4), (6, 4))
by_hand(
    "repeated negatives counted once",
    "negative sampling",
    "U",
    "repeated rows overwritten",
    negative_loss,
    negative_gradients("repeated negatives counted once"),
    NEGATIVE,
)
by_hand(
    "repeated rows overwritten",
    "negative sampling",
    "U",
    "repeated rows overwritten",
    negative_loss,
    negative_gradients("repeated rows overwritten"),
    NEGATIVE,
)
by_hand(
    "sign of a term",
    "negative sampling",
    "v",
    ("sign of a term", "missing term"),
    negative_loss,
    negative_gradients("sign of a term"),
    NEGATIVE,
)


def bag_loss(E_, w):
    return (tg.tanh(tg.embedding(E_, ROWS).mean(0)) * w).sum()


def bag_gradients(slip):
    def gradients(E_, w):
        mean = E_[ROWS].mean(0)
        dm = w * (1 - np.tanh(mean) ** 2)
        back = 0 * E_
        if slip == "repeated rows overwritten":
            back[ROWS] = dm / len(ROWS)
        else:
            np.add.at(back, ROWS + (slip == "row index off by one"), dm / (1 if slip == "1/N missing" else len(ROWS)))
        return {"E_": back, "w": np.tanh(mean)}

    return gradients


BAG = normal((5, 3), 3)
for slip_, kinds_ in (
    ("repeated rows overwritten", "repeated rows overwritten"),
    ("row index off by one", "off by one"),
    ("1/N missing", "missing factor 1/N"),
):
    by_hand(slip_, "bag of words", "E_", kinds_, bag_loss, bag_gradients(slip_), BAG)


def ridge_loss(x, w, y):
    error = x @ w - y
    return (error * error).mean() + 0.1 * (w * w).sum()


def ridge_gradients(slip):
    def gradients(x, w, y):
        error = x @ w - y
        fit, decay = 2 * x.T @ error / len(x), 0.2 * w
        if slip == "factor 2 missing":
            decay = 0.1 * w
        elif slip == "penalty forgotten":
            decay = 0
        elif slip == "1/N missing":
            fit = fit * len(x)
        elif slip == "sign flipped":
            fit = -fit
        elif slip == "all factors 2 missing":
            return {"w": (fit + decay) / 2}
        return {"w": fit + decay}

    return gradients


RIDGE = normal((7, 3), 3, 7)
by_hand(
    "factor 2 missing",
    "ridge, the penalty's",
    "w",
    ("missing factor 2", "missing path"),
    ridge_loss,
    ridge_gradients("factor 2 missing"),
    RIDGE,
)
by_hand(
    "factor 2 missing",
    "ridge, both",
    "w",
    "missing factor 2",
    ridge_loss,
    ridge_gradients("all factors 2 missing"),
    RIDGE,
)
by_hand(
    "overwritten instead of accumulated",
    "ridge, no penalty",
    "w",
    "missing path",
    ridge_loss,
    ridge_gradients("penalty forgotten"),
    RIDGE,
)
by_hand(
    "1/N missing",
    "ridge, the fit's",
    "w",
    ("missing factor 1/N", "1/N twice"),
    ridge_loss,
    ridge_gradients("1/N missing"),
    RIDGE,
)
by_hand(
    "sign flipped",
    "ridge, the fit's",
    "w",
    ("sign", "sign of a term"),
    ridge_loss,
    ridge_gradients("sign flipped"),
    RIDGE,
)


def attention_loss(q, k, v):
    weights = tg.softmax(q @ k.T / 2.0)
    return tg.mse(weights @ v, np.ones((3, 2)))


def attention_gradients(slip):
    def gradients(q, k, v):
        a = softmax(q @ k.T / 2.0)
        dy = 2 * (a @ v - 1) / 6
        da = dy @ v.T
        ds = a * (da - (da * a).sum(-1, keepdims=True))
        if slip == "diagonal of the Jacobian only":
            ds = a * (1 - a) * da
        elif slip == "wrong axis":
            ds = a * (da - (da * a).sum(0, keepdims=True))
        elif slip == "projection forgotten":
            ds = a * da
        if slip != "scale missing":
            ds = ds / 2.0
        dq, dk = ds @ k, ds.T @ q
        if slip == "transpose missing":
            dk = ds @ q
        elif slip == "arguments swapped":
            dq, dk = dk, dk
        return {"q": dq, "k": dk, "v": a.T @ dy}

    return gradients


ATTENTION = normal((3, 4), (3, 4), (3, 2))
for slip_, argument_, kinds_ in (
    ("diagonal of the Jacobian only", "q", "diagonal only"),
    ("wrong axis", "q", "wrong axis"),
    ("projection forgotten", "q", ("missing term", "missing path")),
    ("scale missing", "q", ("missing factor 1/N", "factor 2 too many", "missing derivative")),
    ("transpose missing", "k", ("transposed",)),
    ("arguments swapped", "q", "swapped arguments"),
):
    by_hand(slip_, "attention", argument_, kinds_, attention_loss, attention_gradients(slip_), ATTENTION)


def tied_loss(E_, W):
    h = tg.tanh(E_[np.array([1])] @ W)
    return tg.cross_entropy(h @ E_.T, np.array([3]))


def tied_gradients(slip):
    def gradients(E_, W):
        e = E_[[1]]
        h = np.tanh(e @ W)
        dl = softmax(h @ E_.T) - one_hot(np.array([3]), len(E_))
        back = dl.T @ h
        dz = (dl @ E_) * (1 - h * h)
        read = dz @ W.T
        if slip == "overwritten":
            back[1] = read[0]
        elif slip == "input only":
            back = 0 * back
            back[1] = read[0]
        elif slip != "output only":
            back[1] += read[0]
        return {"E_": back, "W": e.T @ dz}

    return gradients


TIED = normal((5, 3), (3, 3))
by_hand(
    "overwritten instead of accumulated",
    "tied embedding, output only",
    "E_",
    "missing path",
    tied_loss,
    tied_gradients("output only"),
    TIED,
)
by_hand(
    "overwritten instead of accumulated",
    "tied embedding, input only",
    "E_",
    "missing path",
    tied_loss,
    tied_gradients("input only"),
    TIED,
)


def low_precision(loss):
    """Differences taken in float32: no mistake, only noise."""

    def gradients(*arrays):
        at = [np.asarray(a, np.float32) for a in arrays]
        step = np.float32(1e-3)

        def value(x):
            return np.float32(loss(Tensor(x), *[Tensor(a) for a in at[1:]]).data)

        back = np.zeros(at[0].shape, np.float32)
        for place in np.ndindex(back.shape):
            up, down = at[0].copy(), at[0].copy()
            up[place] += step
            down[place] -= step
            back[place] = (value(up) - value(down)) / (2 * step)
        return {loss.__code__.co_varnames[0]: back}

    return gradients


by_hand(
    "differences in float32",
    "skip-gram",
    "v",
    "precision",
    naive_softmax_loss,
    low_precision(naive_softmax_loss),
    SKIPGRAM,
)
by_hand(
    "differences in float32", "attention", "q", "precision", attention_loss, low_precision(attention_loss), ATTENTION
)

MISTAKES = sorted({site.mistake for site in SITES})
