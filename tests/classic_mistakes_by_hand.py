"""Functions whose graph is not what its author thinks, and gradients worked out by hand."""

import numpy as np

import tinygrad_nlp as tg
from tests.classic_mistakes_records import (
    ROWS,
    TARGETS,
    by_hand,
    in_function,
    normal,
    one_hot,
    sigmoid,
    softmax,
)
from tinygrad_nlp import Tensor
from tinygrad_nlp.op import Op

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
