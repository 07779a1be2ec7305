"""Gradients of linear models, worked out by hand: ridge regression, logistic regression, smoothed cross-entropy."""

import numpy as np

import tinygrad_nlp as tg
from tests.classic_mistakes.records import by_hand, normal, one_hot, sigmoid, softmax

# ---- ridge regression --------------------------------------------------------------------------------------------


def ridge_loss(x, w, y):
    error = x @ w - y
    return (error * error).mean() + 0.1 * (w * w).sum()


def ridge_gradients(slip):
    def gradients(x, w, y):
        fit, decay = 2 * x.T @ (x @ w - y) / len(x), 0.2 * w
        if slip == "factor 2 missing, the penalty's":
            decay = 0.1 * w
        elif slip == "factor 2 missing, both":
            fit, decay = fit / 2, decay / 2
        elif slip == "overwritten instead of accumulated, no penalty":
            decay = 0
        elif slip == "1/N missing, the fit's":
            fit = fit * len(x)
        elif slip == "sign flipped, the fit's":
            fit = -fit
        return {"w": fit + decay}

    return gradients


by_hand(
    "ridge",
    ridge_loss,
    ridge_gradients,
    normal((7, 3), 3, 7),
    ("factor 2 missing", "w", ("missing factor 2", "missing path"), "the penalty's"),
    ("factor 2 missing", "w", "missing factor 2", "both"),
    ("overwritten instead of accumulated", "w", "missing path", "no penalty"),
    ("1/N missing", "w", ("missing factor 1/N", "1/N twice"), "the fit's"),
    ("sign flipped", "w", ("sign", "sign of a term"), "the fit's"),
)

# ---- logistic regression -----------------------------------------------------------------------------------------

LABELS = np.array([1.0, 0.0, 1.0, 0.0, 1.0])


def logistic_loss(x, w, b):
    return tg.bce_with_logits(x @ w + b, LABELS)


def logistic_gradients(slip):
    def gradients(x, w, b):
        p = sigmoid(x @ w + b)
        d = (p - LABELS) / 5
        if slip == "target not subtracted":
            d = p / 5
        elif slip == "slope of σ too many":
            d = d * p * (1 - p)
        elif slip == "1/N missing":
            d = d * 5
        elif slip == "ŷ and y swapped":
            d = -d
        db = np.asarray(d.sum())
        if slip == "broadcast sum forgotten":
            db = d
        elif slip == "mean over copies":
            db = np.asarray(d.mean())
        return {"w": x.T @ d, "b": db}

    return gradients


by_hand(
    "logistic regression",
    logistic_loss,
    logistic_gradients,
    normal((5, 3), 3, ()),
    ("target not subtracted", "w", "missing term"),
    ("1/N missing", "w", "missing factor 1/N"),
    ("ŷ and y swapped", "w", "ŷ and y swapped"),
    ("broadcast sum forgotten", "b", "forgotten broadcast sum"),
    ("mean over copies", "b", ("forgotten broadcast sum", "1/N twice")),
    ("slope of σ too many", "w", ("factor twice", "missing derivative")),
    later=1,
)

# ---- smoothed cross-entropy --------------------------------------------------------------------------------------

CLASSES = np.array([2, 0, 1, 1])


def smoothed_loss(x, W, b):
    return tg.cross_entropy(x @ W + b, CLASSES, label_smoothing=0.1)


def smoothed_gradients(slip):
    def gradients(x, W, b):
        p, y = softmax(x @ W + b), one_hot(CLASSES, 3)
        if slip != "smoothing forgotten":
            y = y * 0.9 + 0.1 / 3
        d = (p - y) / 4
        if slip == "softmax's Jacobian once more":
            d = p * (d - (d * p).sum(1, keepdims=True))
        dW = x.T @ d
        if slip == "answer transposed":
            dW = dW.T
        elif slip == "1/N missing":
            dW = dW * 4
        return {"W": dW, "b": d.sum(0)}

    return gradients


by_hand(
    "smoothed cross-entropy",
    smoothed_loss,
    smoothed_gradients,
    normal((4, 5), (5, 3), 3),
    ("smoothing forgotten", "W", "option left out"),
    ("softmax's Jacobian once more", "W", "factor twice"),
    ("answer transposed", "W", "transposed"),
    ("1/N missing", "W", "missing factor 1/N"),
    later=3,
)
