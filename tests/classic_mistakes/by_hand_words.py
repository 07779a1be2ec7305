"""Gradients of word vectors, worked out by hand: skip-gram, negative sampling, bags of words, a tied table."""

import numpy as np

import tinygrad_nlp as tg
from tests.classic_mistakes.records import ROWS, by_hand, normal, one_hot, sigmoid, softmax

# ---- skip-gram ---------------------------------------------------------------------------------------------------


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
        return {"v": dv, "U": dU}

    return gradients


SKIPGRAM = normal(4, (6, 4))
by_hand(
    "skip-gram",
    naive_softmax_loss,
    skipgram_gradients,
    SKIPGRAM,
    ("target not subtracted", "v", "missing term"),
    ("answer transposed", "U", "transposed"),
    ("ŷ and y swapped", "v", "ŷ and y swapped"),
    ("row index off by one", "v", "off by one"),
    ("logits not normalized", "v", "missing function"),
)

# ---- negative sampling -------------------------------------------------------------------------------------------

NEGATIVES = np.array([[1, 4, 1], [0, 0, 5]])
OUTSIDE = np.array([2, 3])


def negative_loss(v, U):
    return tg.negative_sampling(v, U, OUTSIDE, NEGATIVES, reduction="sum")


def negative_gradients(slip):
    def gradients(v, U):
        dv, dU = 0 * v, 0 * U
        for b, o in enumerate(OUTSIDE):
            pull = sigmoid(U[o] @ v[b]) - 1
            if slip == "sign of a term":
                pull = -pull
            dv[b] += pull * U[o]
            dU[o] += pull * v[b]
            for k in set(NEGATIVES[b]) if slip == "repeated negatives counted once" else NEGATIVES[b]:
                push = sigmoid(U[k] @ v[b])
                dv[b] += push * U[k]
                if slip == "repeated rows overwritten":
                    dU[k] = push * v[b]
                else:
                    dU[k] += push * v[b]
        return {"v": dv, "U": dU}

    return gradients


by_hand(
    "negative sampling",
    negative_loss,
    negative_gradients,
    normal((2, 4), (6, 4)),
    ("repeated negatives counted once", "U", "repeated rows overwritten"),
    ("repeated rows overwritten", "U", "repeated rows overwritten"),
    ("sign of a term", "v", ("sign of a term", "missing term")),
)

# ---- bags of words -----------------------------------------------------------------------------------------------


def bag_loss(E, w):
    return (tg.tanh(tg.embedding(E, ROWS).mean(0)) * w).sum()


def bag_gradients(slip):
    def gradients(E, w):
        mean = E[ROWS].mean(0)
        dm = w * (1 - np.tanh(mean) ** 2)
        share = dm if slip == "1/N missing" else dm / len(ROWS)
        dE = 0 * E
        if slip == "repeated rows overwritten":
            dE[ROWS] = share
        else:
            np.add.at(dE, ROWS + (slip == "row index off by one"), share)
        return {"E": dE, "w": np.tanh(mean)}

    return gradients


by_hand(
    "bag of words",
    bag_loss,
    bag_gradients,
    normal((5, 3), 3),
    ("repeated rows overwritten", "E", "repeated rows overwritten"),
    ("row index off by one", "E", "off by one"),
    ("1/N missing", "E", "missing factor 1/N"),
)

CONTEXT = np.array([1, 2, 2, 4])


def cbow_loss(V, U):
    return tg.cross_entropy(U @ V[CONTEXT].mean(0), 3)


def cbow_gradients(slip):
    def gradients(V, U):
        h = V[CONTEXT].mean(0)
        d = softmax(U @ h)
        if slip != "target not subtracted":
            d = d - one_hot(3, len(U))
        dh = U.T @ d
        if slip != "1/N missing":
            dh = dh / 4
        dV = 0 * V
        if slip == "overwritten rows":
            dV[CONTEXT] += dh
        elif slip == "every row":
            dV += dh
        else:
            np.add.at(dV, CONTEXT, dh)
        return {"V": dV, "U": np.outer(d, V[CONTEXT].sum(0) if slip == "sum for mean" else h)}

    return gradients


by_hand(
    "CBOW",
    cbow_loss,
    cbow_gradients,
    normal((6, 3), (5, 3)),
    ("1/N missing", "V", "missing factor 1/N"),
    ("overwritten rows", "V", "repeated rows overwritten"),
    ("every row", "V", ("missing mask", "max routed to all")),
    ("sum for mean", "U", "missing factor 1/N"),
    ("target not subtracted", "V", "missing term"),
    later=2,
)

# ---- a table that is read at both ends ---------------------------------------------------------------------------


def tied_loss(E, W):
    h = tg.tanh(E[np.array([1])] @ W)
    return tg.cross_entropy(h @ E.T, np.array([3]))


def tied_gradients(slip):
    def gradients(E, W):
        e = E[[1]]
        h = np.tanh(e @ W)
        dl = softmax(h @ E.T) - one_hot(np.array([3]), len(E))
        dz = (dl @ E) * (1 - h * h)
        if slip.endswith("output only"):
            dE = dl.T @ h
        else:
            dE = 0 * E
            dE[1] = (dz @ W.T)[0]
        return {"E": dE, "W": e.T @ dz}

    return gradients


by_hand(
    "tied embedding",
    tied_loss,
    tied_gradients,
    normal((5, 3), (3, 3)),
    ("overwritten instead of accumulated", "E", "missing path", "output only"),
    ("overwritten instead of accumulated", "E", "missing path", "input only"),
)
