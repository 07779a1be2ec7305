"""Sites written after the catalogue, to measure it on mistakes it was not made for."""

import numpy as np

import tinygrad_nlp as tg
from tests.classic_mistakes_records import (
    E,
    by_hand,
    in_function,
    in_op,
    normal,
    positive,
    sigmoid,
)

# ops
in_op(
    "sign flipped",
    "arccos",
    "x",
    "sign",
    lambda x: np.arccos(x),
    lambda r: [r.uniform(-0.8, 0.8, 5)],
    x=lambda g, o, x: g / np.sqrt(1 - x * x),
)
in_op(
    "square root missing",
    "arcsin",
    "x",
    ("missing function", "missing division", "factor twice"),
    lambda x: np.arcsin(x),
    lambda r: [r.uniform(-0.8, 0.8, 5)],
    x=lambda g, o, x: g / (1 - x * x),
)
in_op(
    "chain factor missing",
    "exp(-x²)",
    "x",
    ("missing derivative", "missing factor"),
    lambda x: np.exp(-x * x),
    normal(5),
    x=lambda g, o, x: -g * o,
)
in_op(
    "chain factor missing",
    "sin(3x)",
    "x",
    ("missing factor", "missing derivative"),
    lambda x: np.sin(3.0 * x),
    normal(5),
    x=lambda g, o, x: g * np.cos(3 * x),
)
in_op(
    "product rule, one term only",
    "x² exp(x)",
    "x",
    ("missing path", "missing term"),
    lambda x: x * x * np.exp(x),
    normal(5),
    x=lambda g, o, x: 2 * g * x * np.exp(x),
)
in_op("mask missing", "hinge", "s", "missing mask", lambda s: np.maximum(1 - s, 0), normal(8), s=lambda g, o, s: -g)
in_op(
    "mask turned round",
    "relu",
    "x",
    ("wrong mask",),
    lambda x: np.maximum(x, 0),
    normal((3, 3)),
    x=lambda g, o, x: g * (x < 0),
)
in_op(
    "broadcast sum forgotten",
    "outer sum a + b",
    "a",
    "forgotten broadcast sum",
    lambda a, b: a + b,
    normal((4, 1), (1, 3)),
    a=lambda g, o, a, b: g,
    b=lambda g, o, a, b: g.sum(0, keepdims=True),
)
in_op(
    "wrong axis",
    "max over rows, square",
    "x",
    ("wrong axis", "transposed", "max routed to all"),
    lambda x: x.max(0),
    normal((4, 4)),
    x=lambda g, o, x: E(g, 1) * (x == x.max(1, keepdims=True)),
)
in_op("off by one", "roll", "x", "off by one", lambda x: np.roll(x, 1), normal(6), x=lambda g, o, x: np.roll(g, -2))
in_op(
    "not undone",
    "roll",
    "x",
    "forward applied to g",
    lambda x: np.roll(x, 1),
    normal(6),
    x=lambda g, o, x: np.roll(g, 1),
)
in_op(
    "not undone",
    "reverse",
    "x",
    "missing derivative",
    lambda x: x[::-1] * 1.0,
    normal(6),
    x=lambda g, o, x: g,
)
in_op(
    "transpose missing",
    "xᵀ A x",
    "x",
    ("missing path", "transposed", "factor 2 too many", "missing term"),
    lambda x, A: x @ A @ x,
    normal(4, (4, 4)),
    x=lambda g, o, x, A: 2 * g * (A @ x),
    A=lambda g, o, x, A: g * np.outer(x, x),
)
in_op(
    "one term of two",
    "xᵀ A x",
    "x",
    ("missing path", "missing term"),
    lambda x, A: x @ A @ x,
    normal(4, (4, 4)),
    x=lambda g, o, x, A: g * (A @ x),
    A=lambda g, o, x, A: g * np.outer(x, x),
)
in_op(
    "1/N missing",
    "weighted mean",
    "x",
    ("missing factor 1/N",),
    lambda x: (x * np.arange(1.0, 7.0)).mean(),
    normal(6),
    x=lambda g, o, x: g * np.arange(1.0, 7.0),
)
in_op("inverse derivative", "exp: g / out", "x", "inverted", lambda x: np.exp(x), normal(4), x=lambda g, o, x: g / o)
in_op(
    "factor twice",
    "softplus",
    "x",
    ("factor twice",),
    lambda x: np.log1p(np.exp(x)),
    normal(4),
    x=lambda g, o, x: g * sigmoid(x) ** 2,
)
in_op(
    "sigmoid of the wrong sign",
    "softplus",
    "x",
    ("sign of a term", "sign", "missing derivative"),
    lambda x: np.log1p(np.exp(x)),
    normal(4),
    x=lambda g, o, x: g * sigmoid(-x),
)
in_op(
    "arguments swapped",
    "a^b",
    "a",
    ("swapped arguments",),
    lambda a, b: a**b,
    positive(4, 4),
    a=lambda g, o, a, b: g * o * np.log(a),
    b=lambda g, o, a, b: g * o * np.log(a),
)
in_op(
    "repeated rows overwritten",
    "x[:, i]",
    "x",
    "repeated rows overwritten",
    lambda x: x[:, np.array([1, 1, 0])] * 1.0,
    normal((2, 3)),
    x=lambda g, o, x: np.stack([g[:, 2], g[:, 1], 0 * g[:, 0]], 1),
)
in_op(
    "diagonal of the Jacobian only",
    "x / sum(x)",
    "x",
    ("diagonal only", "missing path", "missing term"),
    lambda x: x / x.sum(),
    positive(5),
    x=lambda g, o, x: g / x.sum(),
)
in_op(
    "mean's own dependence forgotten",
    "variance by hand",
    "x",
    ("factor", "missing path", "missing factor"),
    lambda x: ((x - x.mean(-1, keepdims=True)) ** 2).sum(-1),
    normal((2, 4)),
    x=lambda g, o, x: 2 * E(g, -1) * x,
)
in_op("triangle forgotten", "tril", "x", "missing mask", lambda x: np.tril(x), normal((4, 4)), x=lambda g, o, x: g)
in_op(
    "wrong triangle",
    "tril",
    "x",
    ("wrong mask", "transposed", "missing mask"),
    lambda x: np.tril(x),
    normal((4, 4)),
    x=lambda g, o, x: np.triu(g),
)
in_op(
    "padding not cut off",
    "pad",
    "x",
    ("wrong shape", "summed too much"),
    lambda x: np.concatenate([np.zeros(1), x * 1.0, np.zeros(1)]),
    normal(4),
    x=lambda g, o, x: g,
)
in_op(
    "padding cut off wrongly",
    "pad",
    "x",
    "off by one",
    lambda x: np.concatenate([np.zeros(1), x * 1.0, np.zeros(1)]),
    normal(4),
    x=lambda g, o, x: g[:-2],
)
in_op(
    "g missing",
    "relu",
    "x",
    "upstream gradient missing",
    lambda x: np.maximum(x, 0),
    normal((3, 3)),
    x=lambda g, o, x: (x > 0) * 1.0,
)
in_op(
    "wrong function",
    "cos: cos",
    "x",
    ("wrong function", "derivative at the wrong point"),
    lambda x: np.cos(x),
    normal(4),
    x=lambda g, o, x: -g * np.cos(x),
)
in_op(
    "derivative at the wrong point",
    "softplus: σ(out)",
    "x",
    "derivative at the wrong point",
    lambda x: np.log1p(np.exp(x)),
    normal(4),
    x=lambda g, o, x: g * sigmoid(o),
)
in_op(
    "sign of a term",
    "l2 normalization",
    "x",
    "sign of a term",
    lambda x: x / np.sqrt((x * x).sum(-1, keepdims=True)),
    normal((2, 4)),
    x=lambda g, o, x: (g + o * (g * o).sum(-1, keepdims=True)) / np.sqrt((x * x).sum(-1, keepdims=True)),
)
in_op(
    "division missing",
    "l2 normalization",
    "x",
    ("missing division", "missing factor"),
    lambda x: x / np.sqrt((x * x).sum(-1, keepdims=True)),
    normal((2, 4)),
    x=lambda g, o, x: g - o * (g * o).sum(-1, keepdims=True),
)


# functions
def scaled_by_its_sum(x):
    return (x * float(x.data.sum())).sum()


in_function("detached branch", "float(x.data.sum())", "mul", "detached branch", scaled_by_its_sum, normal(4))


# by hand
def bce(x, w, b):
    return tg.bce_with_logits(x @ w + b, np.array([1.0, 0.0, 1.0, 0.0, 1.0]))


def bce_g(slip):
    def f(x, w, b):
        p = sigmoid(x @ w + b)
        y = np.array([1.0, 0.0, 1.0, 0.0, 1.0])
        d = (p - y) / 5
        if slip == "p":
            d = p / 5
        if slip == "σ′":
            d = d * p * (1 - p)
        if slip == "sum":
            d = d * 5
        if slip == "swap":
            d = (y - p) / 5
        dw, db = x.T @ d, d.sum()
        if slip == "db":
            db = d
        if slip == "dbmean":
            db = d.mean()
        return {"w": dw, "b": np.asarray(db)}

    return f


B = normal((5, 3), 3, ())
by_hand("target not subtracted", "logistic regression", "w", ("missing term",), bce, bce_g("p"), B)
by_hand("1/N missing", "logistic regression", "w", "missing factor 1/N", bce, bce_g("sum"), B)
by_hand("ŷ and y swapped", "logistic regression", "w", "ŷ and y swapped", bce, bce_g("swap"), B)
by_hand("broadcast sum forgotten", "logistic regression", "b", "forgotten broadcast sum", bce, bce_g("db"), B)
by_hand(
    "mean over copies", "logistic regression", "b", ("forgotten broadcast sum", "1/N twice"), bce, bce_g("dbmean"), B
)
by_hand(
    "slope of σ too many",
    "logistic regression",
    "w",
    ("factor twice", "missing derivative"),
    bce,
    bce_g("σ′"),
    B,
)


def rnn(x0, x1, W, U):
    h1 = tg.tanh(x0 @ W)
    h2 = tg.tanh(x1 @ W + h1 @ U)
    return (h2 * h2).sum()


def rnn_g(slip):
    def f(x0, x1, W, U):
        h1 = np.tanh(x0 @ W)
        h2 = np.tanh(x1 @ W + h1 @ U)
        d2 = 2 * h2 * (1 - h2 * h2)
        dh1 = d2 @ U.T
        if slip == "UT":
            dh1 = d2 @ U
        d1 = dh1 * (1 - h1 * h1)
        if slip == "slope1":
            d1 = dh1
        dW = x1.T @ d2 + x0.T @ d1
        dU = h1.T @ d2
        if slip == "truncated":
            dW = x1.T @ d2
        if slip == "overwritten":
            dW = x0.T @ d1
        if slip == "dUshift":
            dU = h2.T @ d2
        if slip == "2":
            dW, dU = dW / 2, dU / 2
        return {"W": dW, "U": dU}

    return f


R = normal((2, 3), (2, 3), (3, 4), (4, 4))
by_hand("truncated", "two-step RNN", "W", "missing path", rnn, rnn_g("truncated"), R)
by_hand("overwritten", "two-step RNN", "W", "missing path", rnn, rnn_g("overwritten"), R)
by_hand("transpose missing", "two-step RNN", "W", "transposed", rnn, rnn_g("UT"), R)
by_hand("derivative missing", "two-step RNN", "W", "missing derivative", rnn, rnn_g("slope1"), R)
by_hand("step off by one", "two-step RNN", "U", ("off by one", "wrong value"), rnn, rnn_g("dUshift"), R)
by_hand("factor 2 missing", "two-step RNN", "W", "missing factor 2", rnn, rnn_g("2"), R)


def ln_loss(x, γ, β):
    return (tg.layer_norm(x, γ, β) * np.arange(1.0, 6.0)).sum()


def ln_g(slip):
    def f(x, γ, β):
        m = x.mean(-1, keepdims=True)
        s = np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        z = (x - m) / s
        G = np.arange(1.0, 6.0) + 0 * x
        dz = G * γ
        dx = (dz - dz.mean(-1, keepdims=True) - z * (dz * z).mean(-1, keepdims=True)) / s
        if slip == "γ":
            dz = G
            dx = (dz - dz.mean(-1, keepdims=True) - z * (dz * z).mean(-1, keepdims=True)) / s
        if slip == "z":
            dx = (dz - dz.mean(-1, keepdims=True)) / s
        if slip == "s":
            dx = dx * s
        dγ = (G * z).sum(0)
        if slip == "dγ":
            dγ = (G * x).sum(0)
        if slip == "rows":
            dγ = (G * z).sum(1)
        return {"x": dx, "γ": dγ}

    return f


L = normal((3, 5), 5, 5)
by_hand(
    "scale forgotten",
    "layer normalization",
    "x",
    ("missing factor", "upstream gradient missing"),
    ln_loss,
    ln_g("γ"),
    L,
)
by_hand("term missing", "layer normalization", "x", "missing term", ln_loss, ln_g("z"), L)
by_hand("division missing", "layer normalization", "x", ("missing factor", "missing division"), ln_loss, ln_g("s"), L)
by_hand(
    "x for z",
    "layer normalization",
    "γ",
    ("wrong value",),
    ln_loss,
    ln_g("dγ"),
    L,
)
by_hand(
    "summed over the wrong axis", "layer normalization", "γ", ("wrong axis", "wrong shape"), ln_loss, ln_g("rows"), L
)
