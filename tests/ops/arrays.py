"""Arrays of normal numbers, and leaves of them."""

import numpy as np

import tinygrad_nlp as tg


def numbers(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def tensor(*shape, seed=0, dtype=np.float64, **options):
    return tg.Tensor(numbers(*shape, seed=seed, dtype=dtype), requires_grad=True, **options)


def leaf(*values):
    return tg.Tensor(np.array(values), requires_grad=True)


def each(function, dtype=float):
    """A function of numbers, run element by element on arrays that broadcast."""
    return lambda *x: (
        np.vectorize(function, otypes=[dtype])(*x) if np.broadcast(*x).size else np.zeros(np.broadcast(*x).shape, dtype)
    )
