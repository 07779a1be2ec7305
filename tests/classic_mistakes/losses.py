"""Losses as ops: prediction and target exchanged or left out, means over the wrong count."""

import tinygrad_nlp as tg
from tests.classic_mistakes.records import MEAN_SQUARED, TARGETS, in_op, normal, one_hot, softmax


def cross_entropy(z):
    return tg.cross_entropy(z, TARGETS)


def cross_entropy_without_2(z):
    return tg.cross_entropy(z, TARGETS, ignore_index=2)


SOFTMAX, IGNORING = "softmax cross-entropy", "cross-entropy with ignore_index"
LOGITS, Y = normal((6, 3)), one_hot(TARGETS, 3)
in_op(
    "ŷ and y swapped",
    "squared error",
    ("ŷ and y swapped", "sign"),
    MEAN_SQUARED,
    normal((3, 2), (3, 2)),
    p=lambda g, o, p, y: 2 * g * (y - p) / 6,
)
in_op(
    "ŷ and y swapped",
    SOFTMAX,
    ("ŷ and y swapped", "sign"),
    cross_entropy,
    LOGITS,
    z=lambda g, o, z: g * (Y - softmax(z)) / 6,
)
in_op(
    "target not subtracted",
    SOFTMAX,
    ("missing term", "missing path"),
    cross_entropy,
    LOGITS,
    z=lambda g, o, z: g * softmax(z) / 6,
)
in_op("1/N missing", SOFTMAX, "missing factor 1/N", cross_entropy, LOGITS, z=lambda g, o, z: g * (softmax(z) - Y))
in_op(
    "target off by one",
    SOFTMAX,
    "off by one",
    cross_entropy,
    LOGITS,
    z=lambda g, o, z: g * (softmax(z) - one_hot((TARGETS + 1) % 3, 3)) / 6,
)
in_op("logits not normalized", SOFTMAX, "missing function", cross_entropy, LOGITS, z=lambda g, o, z: g * (z - Y) / 6)
in_op(
    "mean over the wrong count",
    IGNORING,
    "mean over the wrong count",
    cross_entropy_without_2,
    LOGITS,
    z=lambda g, o, z: g * (softmax(z) - Y) * (TARGETS != 2)[:, None] / 6,
)
in_op(
    "ignored rows not masked",
    IGNORING,
    "missing mask",
    cross_entropy_without_2,
    LOGITS,
    z=lambda g, o, z: g * (softmax(z) - Y) / 4,
)
