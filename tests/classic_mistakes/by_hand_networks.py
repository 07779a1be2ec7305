"""Gradients of feed-forward networks, attention, layer normalization and a convolution, worked out by hand."""

import numpy as np

import tinygrad_nlp as tg
from tests.classic_mistakes.records import TARGETS, by_hand, normal, one_hot, softmax

# ---- a network of one hidden layer -------------------------------------------------------------------------------


def network_loss(x, W, b, V, c):
    return tg.cross_entropy(tg.tanh(x @ W + b) @ V + c, TARGETS)


def relu_network_loss(x, W, b, V, c):
    return tg.cross_entropy(tg.relu(x @ W + b) @ V + c, TARGETS)


def network_gradients(slip):
    def gradients(x, W, b, V, c):
        h = np.tanh(x @ W + b)
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
        dV, dc = h.T @ dl, dl.sum(0)
        if slip == "stale value":
            V = V - 0.5 * dV
        dh = dl @ V.T
        slope = 1 - h * h
        if slip == "x for out":
            slope = 1 - (x @ W + b) ** 2
        elif slip == "out for x":
            slope = 1 - np.tanh(h) ** 2
        elif slip == "derivative missing":
            slope = 1
        elif slip == "factor missing":
            slope = 1 - h
        elif slip == "sign of a term":
            slope = 1 + h * h
        dz = dh * slope
        if slip == "g missing":
            dz = slope
        elif slip == "g squared":
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


def relu_network_gradients(_):
    def without_mask(x, W, b, V, c):
        h = np.maximum(x @ W + b, 0)
        dl = (softmax(h @ V + c) - one_hot(TARGETS, 3)) / len(x)
        dz = dl @ V.T
        return {"W": x.T @ dz, "b": dz.sum(0), "V": h.T @ dl, "c": dl.sum(0)}

    return without_mask


NETWORK = normal((6, 4), (4, 5), 5, (5, 3), 3)
by_hand(
    "two-layer network",
    network_loss,
    network_gradients,
    NETWORK,
    ("1/N missing", "W", "missing factor 1/N"),
    ("1/N twice", "W", "1/N twice"),
    ("ŷ and y swapped", "W", "ŷ and y swapped"),
    ("target not subtracted", "W", "missing term"),
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
)
by_hand(
    "two-layer network with relu",
    relu_network_loss,
    relu_network_gradients,
    NETWORK,
    ("mask missing", "W", "missing mask"),
)

# ---- dropout -----------------------------------------------------------------------------------------------------

KEPT = np.random.default_rng(8).random((6, 5)) < 0.6


def dropout_loss(x, W, V):
    h = tg.registry["dropout"](tg.tanh(x @ W), KEPT, p=0.4)
    return tg.mse(h @ V, np.ones((6, 2)))


def dropout_gradients(slip):
    right = KEPT / 0.6
    mask = {
        "mask missing": 1 / 0.6,
        "mask and γ missing": 1.0,
        "γ missing": KEPT * 1.0,
        "γ twice": KEPT / 0.36,
    }[slip]

    def gradients(x, W, V):
        h = np.tanh(x @ W)
        dy = 2 * ((h * right) @ V - 1) / 12
        dz = (dy @ V.T) * mask * (1 - h * h)
        return {"W": x.T @ dz, "V": (h * right).T @ dy}

    return gradients


by_hand(
    "dropout",
    dropout_loss,
    dropout_gradients,
    normal((6, 4), (4, 5), (5, 2)),
    ("mask missing", "W", "missing mask"),
    ("mask and γ missing", "W", "missing mask"),
    ("γ missing", "W", "γ missing"),
    ("γ twice", "W", "γ twice"),
)

# ---- attention ---------------------------------------------------------------------------------------------------


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
            dq = dk
        return {"q": dq, "k": dk, "v": a.T @ dy}

    return gradients


ATTENTION = normal((3, 4), (3, 4), (3, 2))
by_hand(
    "attention",
    attention_loss,
    attention_gradients,
    ATTENTION,
    ("diagonal of the Jacobian only", "q", "diagonal only"),
    ("wrong axis", "q", "wrong axis"),
    ("projection forgotten", "q", ("missing term", "missing path")),
    ("scale missing", "q", ("missing factor 1/N", "factor 2 too many", "missing derivative")),
    ("transpose missing", "k", "transposed"),
    ("arguments swapped", "q", "swapped arguments"),
)

# ---- layer normalization -----------------------------------------------------------------------------------------

WEIGHTS = np.arange(1.0, 6.0)


def layer_norm_loss(x, γ, β):
    return (tg.layer_norm(x, γ, β) * WEIGHTS).sum()


def layer_norm_gradients(slip):
    def gradients(x, γ, β):
        s = np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        z = (x - x.mean(-1, keepdims=True)) / s
        g = WEIGHTS + 0 * x
        dz = g if slip == "scale forgotten" else g * γ
        dx = dz - dz.mean(-1, keepdims=True)
        if slip != "term missing":
            dx = dx - z * (dz * z).mean(-1, keepdims=True)
        if slip != "division missing":
            dx = dx / s
        dγ = (g * z).sum(0)
        if slip == "x for z":
            dγ = (g * x).sum(0)
        elif slip == "summed over the wrong axis":
            dγ = (g * z).sum(1)
        return {"x": dx, "γ": dγ}

    return gradients


by_hand(
    "layer normalization",
    layer_norm_loss,
    layer_norm_gradients,
    normal((3, 5), 5, 5),
    ("scale forgotten", "x", ("missing factor", "upstream gradient missing")),
    ("term missing", "x", "missing term"),
    ("division missing", "x", ("missing factor", "missing division")),
    ("x for z", "γ", "wrong value"),
    ("summed over the wrong axis", "γ", ("wrong axis", "wrong shape")),
    later=1,
)

# ---- convolution -------------------------------------------------------------------------------------------------


def convolution_loss(x, k):
    return ((x[:-2] * k[0] + x[1:-1] * k[1] + x[2:] * k[2]) ** 2).sum()


def convolution_gradients(slip):
    def gradients(x, k):
        d = 2 * (x[:-2] * k[0] + x[1:-1] * k[1] + x[2:] * k[2])
        dx = 0 * x
        for place, weight in enumerate(k[::-1] if slip == "kernel flipped" else k):
            if slip == "overwritten":
                dx[place : place + len(d)] = d * weight
            else:
                dx[place : place + len(d)] += d * weight
        if slip == "2 missing":
            dx = dx / 2
        return {"x": dx, "k": np.array([x[:-2] @ d, x[1:-1] @ d, x[2:] @ d])}

    return gradients


by_hand(
    "convolution",
    convolution_loss,
    convolution_gradients,
    normal(7, 3),
    ("kernel flipped", "x", "wrong order"),
    ("overwritten", "x", ("missing path", "partly zero")),
    ("2 missing", "x", "missing factor 2"),
    later=2,
)
