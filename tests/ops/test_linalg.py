"""Matrix products and friends."""

import numpy as np
import pytest

import tinygrad_nlp as tg

FORWARD = {
    "matmul": np.matmul,
    "outer": np.outer,
    "vecdot": np.vecdot,
    "einsum": lambda *xs, subscripts: np.einsum(subscripts, *xs),
    "diagonal": np.diagonal,
    "tril": np.tril,
    "triu": np.triu,
}
