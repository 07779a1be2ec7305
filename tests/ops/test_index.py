"""Reading and writing by index."""

import numpy as np
import pytest

import tinygrad_nlp as tg


def put_back(x, index, shape):
    out = np.zeros(shape)
    for position, i in np.ndenumerate(np.arange(out.size).reshape(shape)[index]):
        out.flat[i] += x[position]
    return out


def scatter_add(x, index, source, axis):
    out = x.copy()
    for position, i in np.ndenumerate(index):
        target = list(position)
        target[axis] = i
        out[tuple(target)] += source[position]
    return out


def rows_of(x, index, shape, padding_idx=None):
    out = np.zeros(shape)
    for position, i in np.ndenumerate(index):
        if i != padding_idx:
            out[i] += x[position]
    return out


def window_starts(length, size, step):
    return range(0, length - size + 1, step)


def unfold(x, size, step=1, axis=0):
    line = np.moveaxis(x, axis, -1)
    windows = np.stack([line[..., t : t + size] for t in window_starts(line.shape[-1], size, step)], -2)
    return np.moveaxis(windows, -2, axis % x.ndim)


def add_windows(x, length, step=1, axis=0):
    windows = np.moveaxis(x, axis % (x.ndim - 1), 0)
    out = np.zeros((length, *windows.shape[1:-1]))
    for t, window in enumerate(windows):
        for j in range(x.shape[-1]):
            out[t * step + j] += window[..., j]
    return np.moveaxis(out, 0, axis % (x.ndim - 1))


FORWARD = {
    "getitem": lambda x, index: x[index],
    "put_back": put_back,
    "take": np.take,
    "gather": lambda x, index, axis: np.take_along_axis(x, index, axis),
    "scatter_add": scatter_add,
    "embedding": lambda table, index, padding_idx=None: table[index],
    "rows_of": rows_of,
    "one_hot": lambda index, num_classes, dtype: np.eye(num_classes or index.max() + 1)[index],
    "unfold": unfold,
    "add_windows": add_windows,
}
