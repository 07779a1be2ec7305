"""Transposes missing or too many, and arguments that changed places."""

import numpy as np

from tests.classic_mistakes.records import (
    MATMUL,
    MATRIX_VECTOR,
    MAXIMUM,
    PRODUCT,
    QUADRATIC,
    QUOTIENT,
    in_op,
    normal,
    positive,
    right,
)

# ---- transposes --------------------------------------------------------------------------------------------------

SQUARE = normal((3, 3), (3, 3))
in_op("answer transposed", "x @ y, square", "transposed", MATMUL, SQUARE, x=lambda g, o, x, y: y @ g.T)
in_op("answer transposed", "x @ y", "transposed", MATMUL, normal((2, 3), (3, 4)), y=lambda g, o, x, y: g.T @ x)
in_op("answer transposed", "x.T", "transposed", lambda x: x.T * 2.0, normal((2, 3)), x=lambda g, o, x: g * 2.0)
in_op(
    "answer transposed",
    "outer product",
    ("transposed", "wrong axis"),
    right(lambda x, y: np.outer(x, y), y=lambda g, o, x, y: x @ g),
    normal(4, 4),
    x=lambda g, o, x, y: y @ g,
)
in_op(
    "answer transposed",
    "gram x xᵀ",
    ("transposed", "missing path", "wrong shape"),
    lambda x: x @ x.T,
    normal((3, 2)),
    x=lambda g, o, x: x.T @ (g + g.T),
    later=3,
)
in_op("transpose missing", "x @ y, square", "transposed", MATMUL, SQUARE, x=lambda g, o, x, y: g @ y)
in_op("transpose missing", "x @ y, square", "transposed", MATMUL, normal((4, 4), (4, 4)), y=lambda g, o, x, y: x @ g)
in_op(
    "transpose missing",
    "batched x @ y",
    "transposed",
    MATMUL,
    normal((2, 3, 3), (2, 3, 3)),
    y=lambda g, o, x, y: x @ g,
    later=3,
)
in_op("transpose missing", "A @ b", "transposed", MATRIX_VECTOR, normal((4, 4), 4), b=lambda g, o, A, b: A @ g, later=2)
in_op(
    "transpose missing",
    "xᵀ A x",
    ("missing path", "transposed", "factor 2 too many", "missing term"),
    QUADRATIC,
    normal(4, (4, 4)),
    x=lambda g, o, x, A: 2 * g * (A @ x),
    later=1,
)
in_op(
    "factors exchanged",
    "x @ y, square",
    ("transposed", "factors exchanged"),
    MATMUL,
    SQUARE,
    x=lambda g, o, x, y: y.T @ g,
)

# ---- arguments ---------------------------------------------------------------------------------------------------

in_op(
    "arguments swapped",
    "x · y",
    "swapped arguments",
    PRODUCT,
    normal((2, 3), (2, 3)),
    x=lambda g, o, x, y: g * x,
)
in_op(
    "arguments swapped",
    "x / y",
    "swapped arguments",
    QUOTIENT,
    positive(4, 4),
    x=lambda g, o, x, y: -g * x / (y * y),
)
in_op(
    "arguments swapped",
    "x · exp(y)",
    "swapped arguments",
    right(lambda x, y: x * np.exp(y), x=lambda g, o, x, y: g * np.exp(y)),
    normal(4, 4),
    y=lambda g, o, x, y: g * y * np.exp(x),
)
in_op(
    "arguments swapped",
    "a^b",
    "swapped arguments",
    right(lambda a, b: a**b, b=lambda g, o, a, b: g * o * np.log(a)),
    positive(4, 4),
    a=lambda g, o, a, b: g * o * np.log(a),
    later=1,
)
in_op(
    "arguments swapped",
    "max(x, y)",
    ("swapped arguments", "wrong mask"),
    MAXIMUM,
    normal((3, 3), (3, 3)),
    y=lambda g, o, x, y: g * (x > y),
    later=3,
)
in_op(
    "arguments of matmul exchanged",
    "A @ b",
    ("swapped arguments", "transposed", "wrong shape"),
    MATRIX_VECTOR,
    normal((4, 4), 4),
    A=lambda g, o, A, b: np.outer(b, g),
    later=2,
)
