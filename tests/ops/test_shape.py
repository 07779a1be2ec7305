"""Ops that move numbers without changing them."""

import numpy as np

FORWARD = {
    "expand": lambda x, shape: x + np.zeros([s for s in np.broadcast_shapes(x.shape, [max(n, 1) if n else 0 for n in shape])]),
    "reshape": lambda x, shape: np.reshape(x, shape),
    "swapaxes": np.swapaxes,
    "transpose": lambda x, axes=None: np.transpose(x, axes),
}
