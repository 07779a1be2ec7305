"""Two more sets of sites, each written after what the one before had taught was in the catalogue.

Of the 31 of the second 23 were named at first as their author had, of the 33 of the third 29.
"""

import numpy as np

import tinygrad_nlp as tg
from tests.classic_mistakes_records import by_hand, in_function, in_op, normal, one_hot, positive, sigmoid, softmax

# ---- the second set ----

in_op(
    "half slope",
    "elu",
    "x",
    ("missing term", "missing path", "missing factor"),
    lambda x: np.where(x > 0, x, np.exp(x) - 1),
    normal(8),
    x=lambda g, o, x: g * np.where(x > 0, 1, o),
)
in_op(
    "sign", "logistic loss", "s", "sign", lambda s: np.log1p(np.exp(-s)), normal(5), s=lambda g, o, s: g * sigmoid(-s)
)
in_op(
    "inner derivative missing",
    "log(1+x²)",
    "x",
    ("missing derivative", "missing factor", "upstream gradient missing"),
    lambda x: np.log(1 + x * x),
    normal(5),
    x=lambda g, o, x: g / (1 + x * x),
)
in_op(
    "square root's derivative",
    "‖x‖",
    "x",
    ("missing division", "missing factor 2", "factor 2 too many", "missing factor"),
    lambda x: np.sqrt((x * x).sum()),
    normal(5),
    x=lambda g, o, x: g * x / (2 * o),
)
in_op(
    "row max not through",
    "x - max",
    "x",
    ("missing path", "missing term", "diagonal only"),
    lambda x: x - x.max(-1, keepdims=True),
    normal((2, 4)),
    x=lambda g, o, x: g,
)
in_op(
    "mean of rows: N is the columns'",
    "x.mean(0)",
    "x",
    ("factor", "derivative at the wrong point"),
    lambda x: x.mean(0),
    normal((5, 3)),
    x=lambda g, o, x: (g + 0 * x) / 3,
)
in_op(
    "bias over batch and time, one axis only",
    "x + b",
    "b",
    ("forgotten broadcast sum",),
    lambda x, b: x + b,
    normal((2, 4, 3), 3),
    x=lambda g, o, x, b: g,
    b=lambda g, o, x, b: g.sum(0),
)
in_op(
    "batched matmul, weights not summed",
    "x @ W",
    "W",
    ("forgotten broadcast sum", "wrong shape"),
    lambda x, W: x @ W,
    normal((2, 4, 3), (3, 5)),
    x=lambda g, o, x, W: g @ W.T,
    W=lambda g, o, x, W: x.swapaxes(-1, -2) @ g,
)
in_op(
    "window: last position only",
    "x[2:]*x[:-2]",
    "x",
    ("missing path", "missing term"),
    lambda x: x[2:] * x[:-2],
    normal(6),
    x=lambda g, o, x: np.concatenate([[0, 0], g * x[:-2]]),
)
in_op(
    "rows shifted",
    "take rows",
    "x",
    "off by one",
    lambda x: x[np.array([3, 1])] * 1.0,
    normal((5, 2)),
    x=lambda g, o, x: np.stack([g[1] * 0, g[1] * 0, g[1], g[1] * 0, g[0]]),
)
in_op(
    "softplus for relu's mask",
    "relu",
    "x",
    ("wrong function",),
    lambda x: np.maximum(x, 0),
    normal(6),
    x=lambda g, o, x: g * sigmoid(x),
)
in_op(
    "g summed before",
    "x·y",
    "x",
    ("g summed",),
    lambda x, y: x * y,
    normal((3, 4), (3, 4)),
    x=lambda g, o, x, y: g.sum() * y,
    y=lambda g, o, x, y: g * x,
)
in_op(
    "arguments of matmul exchanged",
    "A @ b",
    "A",
    ("swapped arguments", "transposed", "wrong shape"),
    lambda A, b: A @ b,
    normal((4, 4), 4),
    A=lambda g, o, A, b: np.outer(b, g),
    b=lambda g, o, A, b: A.T @ g,
)
in_op(
    "transpose missing",
    "A @ b",
    "b",
    ("transposed",),
    lambda A, b: A @ b,
    normal((4, 4), 4),
    A=lambda g, o, A, b: np.outer(g, b),
    b=lambda g, o, A, b: A @ g,
)
in_op("constant kept", "3x + 2", "x", ("factor",), lambda x: 3 * x + 2, normal(4), x=lambda g, o, x: g * 5)
in_op(
    "power rule",
    "x⁻²",
    "x",
    ("sign", "missing factor", "wrong power"),
    lambda x: 1 / (x * x),
    positive(4),
    x=lambda g, o, x: g * 2 / (x * x * x),
)
in_op(
    "log-softmax with the wrong total",
    "log-softmax",
    "x",
    ("missing sum", "missing factor", "diagonal only", "upstream gradient missing"),
    lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
    normal((2, 4)),
    x=lambda g, o, x: g - np.exp(o) * g,
)
in_op(
    "clip passes outside",
    "clip",
    "x",
    ("wrong mask",),
    lambda x: np.clip(x, -0.7, 0.7),
    normal((4, 4)),
    x=lambda g, o, x: g * (np.abs(x) > 0.7),
)
in_op(
    "keepdims lost",
    "softmax",
    "x",
    ("wrong axis"),
    lambda x: softmax(x),
    normal((4, 4)),
    x=lambda g, o, x: o * (g - (g * o).sum(-1)),
)
in_op(
    "factor e",
    "exp2",
    "x",
    ("missing factor", "factor"),
    lambda x: np.exp(x * 0.6931471805599453),
    normal(4),
    x=lambda g, o, x: g * o,
)


# by hand
def conv(x, k):
    return ((x[:-2] * k[0] + x[1:-1] * k[1] + x[2:] * k[2]) ** 2).sum()


def conv_g(slip):
    def f(x, k):
        y = x[:-2] * k[0] + x[1:-1] * k[1] + x[2:] * k[2]
        d = 2 * y
        kk = k[::-1] if slip == "flip" else k
        dx = 0 * x
        dx[:-2] += d * kk[0]
        dx[1:-1] += d * kk[1]
        dx[2:] += d * kk[2]
        if slip == "over":
            dx = 0 * x
            dx[:-2] = d * k[0]
            dx[1:-1] = d * k[1]
            dx[2:] = d * k[2]
        if slip == "2":
            dx = dx / 2
        dk = np.array([x[:-2] @ d, x[1:-1] @ d, x[2:] @ d])
        if slip == "dkflip":
            dk = dk[::-1]
        return {"x": dx, "k": dk}

    return f


C = normal(7, 3)
by_hand("kernel flipped", "convolution", "x", ("wrong order",), conv, conv_g("flip"), C)
by_hand("overwritten", "convolution", "x", ("missing path", "partly zero"), conv, conv_g("over"), C)
by_hand("2 missing", "convolution", "x", "missing factor 2", conv, conv_g("2"), C)


def cbow(V, U):
    return tg.cross_entropy((U @ V[np.array([1, 2, 2, 4])].mean(0)), 3)


def cbow_g(slip):
    def f(V, U):
        h = V[[1, 2, 2, 4]].mean(0)
        d = softmax(U @ h)
        if slip != "p":
            d = d - one_hot(3, len(U))
        dh = U.T @ d / 4
        dV = 0 * V
        if slip == "n":
            dh = dh * 4
        if slip == "ow":
            dV[[1, 2, 2, 4]] += dh
        elif slip == "all":
            dV += dh
        else:
            np.add.at(dV, [1, 2, 2, 4], dh)
        dU = np.outer(d, V[[1, 2, 2, 4]].sum(0) if slip == "sumU" else h)
        return {"V": dV, "U": dU}

    return f


CB = normal((6, 3), (5, 3))
by_hand("1/N missing", "CBOW", "V", "missing factor 1/N", cbow, cbow_g("n"), CB)
by_hand("overwritten rows", "CBOW", "V", "repeated rows overwritten", cbow, cbow_g("ow"), CB)
by_hand("every row", "CBOW", "V", ("missing mask", "max routed to all"), cbow, cbow_g("all"), CB)
by_hand("sum for mean", "CBOW", "U", "missing factor 1/N", cbow, cbow_g("sumU"), CB)
by_hand("target not subtracted", "CBOW", "V", "missing term", cbow, cbow_g("p"), CB)


def gate(x, W, U):
    i = tg.sigmoid(x @ W)
    c = tg.tanh(x @ U)
    return ((i * c) ** 2).mean()


def gate_g(slip):
    def f(x, W, U):
        i = sigmoid(x @ W)
        c = np.tanh(x @ U)
        d = 2 * i * c / i.size
        di, dc = d * c, d * i
        if slip == "swap":
            di, dc = d * i, d * c
        zi = di * i * (1 - i)
        zc = dc * (1 - c * c)
        if slip == "slopes":
            zi = di * (1 - i * i)
        if slip == "add":
            zi = d * i * (1 - i)
        return {"W": x.T @ zi, "U": x.T @ zc}

    return f


GT = normal((4, 3), (3, 5), (3, 5))
by_hand("arguments swapped", "gate", "W", "swapped arguments", gate, gate_g("swap"), GT)
by_hand("tanh's slope for sigmoid's", "gate", "W", ("wrong function",), gate, gate_g("slopes"), GT)
by_hand("other factor forgotten", "gate", "W", ("missing factor",), gate, gate_g("add"), GT)

# ---- the third set ----

Y4 = np.array([2, 0, 1, 1])
in_op(
    "sign flipped", "arctan of −x", "x", "sign", lambda x: np.arctan(-x), normal(5), x=lambda g, o, x: g / (1 + x * x)
)
in_op("g missing", "log", "x", "upstream gradient missing", lambda x: np.log(x), positive(5), x=lambda g, o, x: 1 / x)
in_op(
    "square missing",
    "1/x",
    "x",
    ("missing factor", "missing division", "wrong value", "derivative at the wrong point"),
    lambda x: 1 / x,
    positive(5),
    x=lambda g, o, x: -g / x,
)
in_op(
    "mask missing",
    "max(x, y)",
    "x",
    "missing mask",
    lambda x, y: np.maximum(x, y),
    normal((3, 3), (3, 3)),
    x=lambda g, o, x, y: g,
    y=lambda g, o, x, y: g * (y > x),
)
in_op(
    "arguments swapped",
    "max(x, y)",
    "y",
    ("swapped arguments", "wrong mask"),
    lambda x, y: np.maximum(x, y),
    normal((3, 3), (3, 3)),
    x=lambda g, o, x, y: g * (x > y),
    y=lambda g, o, x, y: g * (x > y),
)
in_op(
    "transpose missing",
    "batched x @ y",
    "y",
    ("transposed",),
    lambda x, y: x @ y,
    normal((2, 3, 3), (2, 3, 3)),
    x=lambda g, o, x, y: g @ y.swapaxes(-1, -2),
    y=lambda g, o, x, y: x @ g,
)
in_op(
    "answer transposed",
    "gram x xᵀ",
    "x",
    ("transposed", "missing path", "wrong shape"),
    lambda x: x @ x.T,
    normal((3, 2)),
    x=lambda g, o, x: x.T @ (g + g.T),
)
in_op(
    "one of two uses", "gram x xᵀ", "x", ("missing path",), lambda x: x @ x.T, normal((3, 2)), x=lambda g, o, x: g @ x
)
in_op(
    "symmetric g assumed",
    "gram x xᵀ",
    "x",
    ("missing path", "transposed"),
    lambda x: x @ x.T,
    normal((3, 2)),
    x=lambda g, o, x: 2 * g @ x,
)
in_op(
    "1/N missing",
    "mean absolute error",
    "p",
    "missing factor 1/N",
    lambda p, y: np.abs(p - y).mean(),
    normal(6, 6),
    p=lambda g, o, p, y: g * np.sign(p - y),
    y=lambda g, o, p, y: -g * np.sign(p - y) / 6,
)
in_op(
    "factor 2 missing",
    "mean of squares",
    "p",
    "missing factor 2",
    lambda p, y: ((p - y) ** 2).mean(),
    normal((3, 2), (3, 2)),
    p=lambda g, o, p, y: g * (p - y) / 6,
    y=lambda g, o, p, y: -2 * g * (p - y) / 6,
)
in_op(
    "wrong axis",
    "normalize rows",
    "x",
    "wrong axis",
    lambda x: x / np.sqrt((x * x).sum(1, keepdims=True)),
    normal((3, 3)),
    x=lambda g, o, x: (g - o * (g * o).sum(0, keepdims=True)) / np.sqrt((x * x).sum(1, keepdims=True)),
)
in_op(
    "diagonal only",
    "softmin",
    "x",
    "diagonal only",
    lambda x: softmax(-x),
    normal((2, 4)),
    x=lambda g, o, x: -g * o * (1 - o),
)
in_op(
    "inner sign forgotten",
    "softmin",
    "x",
    "sign",
    lambda x: softmax(-x),
    normal((2, 4)),
    x=lambda g, o, x: o * (g - (g * o).sum(-1, keepdims=True)),
)
in_op(
    "repeated rows overwritten",
    "one-hot rows twice",
    "x",
    "repeated rows overwritten",
    lambda x: x[np.array([0, 0, 1])] * 1.0,
    normal((3, 2)),
    x=lambda g, o, x: np.stack([g[1], g[2], 0 * g[0]]),
)
in_op(
    "off by one",
    "cumulative difference",
    "x",
    ("off by one", "missing path", "sign"),
    lambda x: x[1:] * x[:-1],
    normal(6),
    x=lambda g, o, x: np.concatenate([[0], g * x[1:]]) + np.concatenate([g * x[:-1], [0]]),
)
in_op(
    "broadcast sum forgotten",
    "column − row",
    "y",
    "forgotten broadcast sum",
    lambda x, y: x - y,
    normal((4, 1), (3,)),
    x=lambda g, o, x, y: g.sum(1, keepdims=True),
    y=lambda g, o, x, y: -g,
)
in_op(
    "sign after the sum",
    "column − row",
    "y",
    "sign",
    lambda x, y: x - y,
    normal((4, 1), (3,)),
    x=lambda g, o, x, y: g.sum(1, keepdims=True),
    y=lambda g, o, x, y: g.sum(0),
)
in_op(
    "derivative of the wrong function",
    "silu",
    "x",
    ("wrong function", "missing path", "missing term"),
    lambda x: x * sigmoid(x),
    normal(5),
    x=lambda g, o, x: g * sigmoid(x) * (1 - sigmoid(x)),
)
in_op(
    "exponent not lowered",
    "x⁵",
    "x",
    ("wrong power", "derivative at the wrong point", "missing factor"),
    lambda x: x**5,
    positive(4),
    x=lambda g, o, x: g * 5 * x**5,
)
in_op(
    "chain stops",
    "tanh(tanh x)",
    "x",
    ("missing derivative",),
    lambda x: np.tanh(np.tanh(x)),
    normal(4),
    x=lambda g, o, x: g * (1 - o * o),
)
in_op(
    "same slope twice",
    "tanh(sigmoid x)",
    "x",
    ("factor twice", "missing derivative", "wrong function", "wrong value"),
    lambda x: np.tanh(sigmoid(x)),
    normal(4),
    x=lambda g, o, x: g * (1 - o * o) ** 2,
)


def residual(x, W):
    return (tg.relu(x @ W) + x.detach()).sum() * 1.0


in_function("detached branch", "residual", "add", "detached branch", residual, normal((3, 3), (3, 3)))


def overwritten(x):
    y = tg.exp(x * 1.0)
    s = (y * x).sum()
    y.data[:] = 0
    return s


in_function("stale value", "exp cleared", "stale", "stale value", overwritten, normal(4))


def lstm_loss(x, Wi, Wf, c):
    i = tg.sigmoid(x @ Wi)
    f = tg.sigmoid(x @ Wf)
    return (tg.tanh(f * c + i) * np.arange(1.0, 5.0)).sum()


def lstm_g(slip):
    def fn(x, Wi, Wf, c):
        i = sigmoid(x @ Wi)
        f = sigmoid(x @ Wf)
        t = np.tanh(f * c + i)
        d = np.arange(1.0, 5.0) * (1 - t * t)
        if slip == "t":
            d = np.arange(1.0, 5.0) * np.ones_like(t)
        df = d * c
        if slip == "c":
            df = d
        if slip == "i":
            df = d * i
        zi = d * i * (1 - i)
        zf = df * f * (1 - f)
        if slip == "ff":
            zf = df * f
        dc = d * f
        if slip == "dc":
            dc = d * c
        return {"Wi": x.T @ zi, "Wf": x.T @ zf, "c": dc}

    return fn


LS = normal((3, 4), (4, 4), (4, 4), (3, 4))
by_hand("derivative missing", "LSTM cell", "Wi", "missing derivative", lstm_loss, lstm_g("t"), LS)
by_hand("factor missing", "LSTM cell, c", "Wf", "missing factor", lstm_loss, lstm_g("c"), LS)
by_hand("other gate's value", "LSTM cell", "Wf", "wrong value", lstm_loss, lstm_g("i"), LS)
by_hand("factor missing", "LSTM cell, 1 − f", "Wf", "missing factor", lstm_loss, lstm_g("ff"), LS)
by_hand("arguments swapped", "LSTM cell", "c", "swapped arguments", lstm_loss, lstm_g("dc"), LS)


def soft2(x, W, b):
    return tg.cross_entropy(x @ W + b, Y4, label_smoothing=0.1)


def soft2_g(slip):
    def fn(x, W, b):
        y = one_hot(Y4, 3) * 0.9 + 0.1 / 3
        d = (softmax(x @ W + b) - y) / 4
        if slip == "hard":
            d = (softmax(x @ W + b) - one_hot(Y4, 3)) / 4
        if slip == "jac":
            p = softmax(x @ W + b)
            d = p * (d - (d * p).sum(1, keepdims=True))
        if slip == "log":
            d = (np.log(softmax(x @ W + b)) - y) / 4
        dW, db = x.T @ d, d.sum(0)
        if slip == "T":
            dW = d.T @ x
        if slip == "b1":
            db = d.sum(1)[:3]
        if slip == "N":
            dW = dW * 4
        return {"W": dW, "b": db}

    return fn


SM = normal((4, 5), (5, 3), 3)
by_hand("smoothing forgotten", "smoothed cross-entropy", "W", ("option left out",), soft2, soft2_g("hard"), SM)
by_hand("softmax's Jacobian once more", "smoothed cross-entropy", "W", "factor twice", soft2, soft2_g("jac"), SM)
by_hand("answer transposed", "smoothed cross-entropy", "W", "transposed", soft2, soft2_g("T"), SM)
by_hand("1/N missing", "smoothed cross-entropy", "W", "missing factor 1/N", soft2, soft2_g("N"), SM)
