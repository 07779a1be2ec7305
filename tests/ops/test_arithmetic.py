"""Sums, products, quotients, powers."""

import numpy as np

FORWARD = {
    "abs": np.abs,
    "add": np.add,
    "mul": np.multiply,
    "neg": np.negative,
    "sign": np.sign,
    "sub": np.subtract,
}
