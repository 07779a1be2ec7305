"""Ops that move numbers without changing them."""

import numpy as np
import pytest

import tinygrad_nlp as tg


def expand(x, shape):
    return x + np.zeros(np.broadcast_shapes(x.shape, [max(n, 1) if n else 0 for n in shape]))


FORWARD = {
    "cast": lambda x, dtype: x,
    "concat": lambda *xs, axis: np.concatenate(xs, axis),
    "expand": expand,
    "flip": lambda x, axis: np.flip(x, axis),
    "moveaxis": np.moveaxis,
    "pad": lambda x, widths, mode, value: np.pad(
        x, widths, mode, **({"constant_values": value} if mode == "constant" else {})
    ),
    "repeat": lambda x, repeats, axis: np.repeat(x, repeats, axis),
    "reshape": lambda x, shape: np.reshape(x, shape),
    "roll": lambda x, shift, axis: np.roll(x, shift, axis),
    "squeeze": lambda x, axis: np.squeeze(x, axis),
    "stack": lambda *xs, axis: np.stack(xs, axis),
    "swapaxes": np.swapaxes,
    "tile": lambda x, reps: np.tile(x, reps),
    "transpose": lambda x, axes=None: np.transpose(x, axes),
    "unsqueeze": lambda x, axis: np.expand_dims(x, axis),
}
