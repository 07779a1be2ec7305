"""Gradients of recurrent networks and gates, worked out by hand."""

import numpy as np

import tinygrad_nlp as tg
from tests.classic_mistakes.records import by_hand, normal, sigmoid

# ---- two steps of a recurrent network ----------------------------------------------------------------------------


def rnn_loss(x0, x1, W, U):
    h1 = tg.tanh(x0 @ W)
    h2 = tg.tanh(x1 @ W + h1 @ U)
    return (h2 * h2).sum()


def rnn_gradients(slip):
    def gradients(x0, x1, W, U):
        h1 = np.tanh(x0 @ W)
        h2 = np.tanh(x1 @ W + h1 @ U)
        d2 = 2 * h2 * (1 - h2 * h2)
        d1 = d2 @ (U if slip == "transpose missing" else U.T)
        if slip != "derivative missing":
            d1 = d1 * (1 - h1 * h1)
        dW, dU = x1.T @ d2 + x0.T @ d1, h1.T @ d2
        if slip == "truncated":
            dW = x1.T @ d2
        elif slip == "overwritten":
            dW = x0.T @ d1
        elif slip == "step off by one":
            dU = h2.T @ d2
        elif slip == "factor 2 missing":
            dW, dU = dW / 2, dU / 2
        return {"W": dW, "U": dU}

    return gradients


by_hand(
    "two-step RNN",
    rnn_loss,
    rnn_gradients,
    normal((2, 3), (2, 3), (3, 4), (4, 4)),
    ("truncated", "W", "missing path"),
    ("overwritten", "W", "missing path"),
    ("transpose missing", "W", "transposed"),
    ("derivative missing", "W", "missing derivative"),
    ("step off by one", "U", ("off by one", "wrong value")),
    ("factor 2 missing", "W", "missing factor 2"),
    later=1,
)

# ---- a gate ------------------------------------------------------------------------------------------------------


def gate_loss(x, W, U):
    i = tg.sigmoid(x @ W)
    c = tg.tanh(x @ U)
    return ((i * c) ** 2).mean()


def gate_gradients(slip):
    def gradients(x, W, U):
        i, c = sigmoid(x @ W), np.tanh(x @ U)
        d = 2 * i * c / i.size
        di, dc = d * c, d * i
        if slip == "arguments swapped":
            di, dc = dc, di
        elif slip == "other factor forgotten":
            di = d
        zi = di * (1 - i * i) if slip == "tanh's slope for sigmoid's" else di * i * (1 - i)
        return {"W": x.T @ zi, "U": x.T @ (dc * (1 - c * c))}

    return gradients


by_hand(
    "gate",
    gate_loss,
    gate_gradients,
    normal((4, 3), (3, 5), (3, 5)),
    ("arguments swapped", "W", "swapped arguments"),
    ("tanh's slope for sigmoid's", "W", "wrong function"),
    ("other factor forgotten", "W", "missing factor"),
    later=2,
)

# ---- a cell of an LSTM -------------------------------------------------------------------------------------------

WEIGHTS = np.arange(1.0, 5.0)


def lstm_loss(x, Wi, Wf, c):
    i = tg.sigmoid(x @ Wi)
    f = tg.sigmoid(x @ Wf)
    return (tg.tanh(f * c + i) * WEIGHTS).sum()


def lstm_gradients(slip):
    def gradients(x, Wi, Wf, c):
        i, f = sigmoid(x @ Wi), sigmoid(x @ Wf)
        t = np.tanh(f * c + i)
        d = WEIGHTS + 0 * t if slip == "derivative missing" else WEIGHTS * (1 - t * t)
        df, dc = d * c, d * f
        if slip == "factor missing, c":
            df = d
        elif slip == "other gate's value":
            df = d * i
        elif slip == "arguments swapped":
            dc = d * c
        zf = df * f if slip == "factor missing, 1 − f" else df * f * (1 - f)
        return {"Wi": x.T @ (d * i * (1 - i)), "Wf": x.T @ zf, "c": dc}

    return gradients


by_hand(
    "LSTM cell",
    lstm_loss,
    lstm_gradients,
    normal((3, 4), (4, 4), (4, 4), (3, 4)),
    ("derivative missing", "Wi", "missing derivative"),
    ("factor missing", "Wf", "missing factor", "c"),
    ("other gate's value", "Wf", "wrong value"),
    ("factor missing", "Wf", "missing factor", "1 − f"),
    ("arguments swapped", "c", "swapped arguments"),
    later=3,
)
