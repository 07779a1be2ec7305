"""Tensors made of nothing but a shape: zeros, ones, full, eye, arange, linspace, rand, randn, randint and the _like's.

NumPy's and PyTorch's names, PyTorch's default dtype (float32; int64 for whole numbers). Sizes are given as
``zeros(2, 3)`` or ``zeros((2, 3))``. Random numbers come from the generator that `manual_seed` seeds, unless ``rng``,
a ``np.random.Generator``, is given. Raises OptionError for sizes that are no whole numbers.

>>> from tinygrad_nlp import arange, zeros
>>> zeros(2, 3, requires_grad=True)
Tensor([[0., 0., 0.],
        [0., 0., 0.]], dtype=float32, requires_grad=True)
>>> arange(3)
Tensor([0, 1, 2], dtype=int64)
"""

from __future__ import annotations

from operator import index

import numpy as np

from .errors import OptionError, explain
from .tensor import Tensor

__all__ = [
    *("arange", "eye", "full", "full_like", "linspace", "ones", "ones_like"),
    *("rand", "randint", "randn", "zeros", "zeros_like"),
]


def zeros(*shape, dtype=np.float32, requires_grad=False, name=None) -> Tensor:
    """A tensor of zeros."""
    return Tensor(np.zeros(_shape("zeros", shape), dtype), requires_grad, None, name, copy=False)


def ones(*shape, dtype=np.float32, requires_grad=False, name=None) -> Tensor:
    """A tensor of ones."""
    return Tensor(np.ones(_shape("ones", shape), dtype), requires_grad, None, name, copy=False)


def full(shape, fill_value, *, dtype=None, requires_grad=False, name=None) -> Tensor:
    """A tensor whose elements all are ``fill_value``; of its dtype, a Python float's being float32."""
    value = np.asarray(fill_value, np.float32 if dtype is None and type(fill_value) is float else dtype)
    return Tensor(np.full(_shape("full", (shape,)), value), requires_grad, None, name, copy=False)


def eye(n, m=None, *, dtype=np.float32, requires_grad=False, name=None) -> Tensor:
    """The identity: n rows, m columns (default n), ones on the diagonal."""
    return Tensor(np.eye(n, m, dtype=dtype), requires_grad, None, name, copy=False)


def arange(*limits, dtype=None, requires_grad=False, name=None) -> Tensor:
    """``arange(stop)``, ``arange(start, stop)`` or ``arange(start, stop, step)``, stop left out. int64 for ints."""
    values = np.arange(*limits, dtype=dtype)
    if dtype is None and values.dtype == np.float64:
        values = values.astype(np.float32)
    return Tensor(values, requires_grad, None, name, copy=False)


def linspace(start, stop, num, *, dtype=np.float32, requires_grad=False, name=None) -> Tensor:
    """``num`` numbers from ``start`` to ``stop``, both included, with equal distances."""
    return Tensor(np.linspace(start, stop, num, dtype=dtype), requires_grad, None, name, copy=False)


def zeros_like(x, *, dtype=None, requires_grad=False, name=None) -> Tensor:
    """Zeros of the shape and dtype of ``x``, an array or Tensor."""
    return full_like(x, 0, dtype=dtype, requires_grad=requires_grad, name=name)


def ones_like(x, *, dtype=None, requires_grad=False, name=None) -> Tensor:
    """Ones of the shape and dtype of ``x``, an array or Tensor."""
    return full_like(x, 1, dtype=dtype, requires_grad=requires_grad, name=name)


def full_like(x, fill_value, *, dtype=None, requires_grad=False, name=None) -> Tensor:
    """``fill_value`` in the shape and dtype of ``x``, an array or Tensor."""
    x = x if hasattr(x, "shape") else Tensor(x)
    return Tensor(np.full(x.shape, fill_value, dtype or x.dtype), requires_grad, None, name, copy=False)


def rand(*shape, dtype=np.float32, requires_grad=False, name=None, rng=None) -> Tensor:
    """Random numbers, uniform between 0 and 1 (which is not reached)."""
    drawn = _drawn("rand", shape, dtype, rng, "random")
    return Tensor(drawn, requires_grad, None, name, copy=False)


def randn(*shape, dtype=np.float32, requires_grad=False, name=None, rng=None) -> Tensor:
    """Random numbers, normal with mean 0 and standard deviation 1."""
    drawn = _drawn("randn", shape, dtype, rng, "standard_normal")
    return Tensor(drawn, requires_grad, None, name, copy=False)


def randint(low, high, size=None, *, dtype=np.int64, name=None, rng=None) -> Tensor:
    """Random whole numbers from ``low`` to ``high`` - 1, of shape ``size``; ``randint(high, size)`` starts at 0."""
    from .random import generator

    if size is None:
        low, high, size = 0, low, high
    return Tensor(generator(rng).integers(low, high, _shape("randint", (size,)), dtype), False, None, name, copy=False)


def _drawn(asked, shape, dtype, rng, method):
    from .random import generator

    shape, dtype = _shape(asked, shape), np.dtype(dtype)
    native = dtype if dtype in (np.float32, np.float64) else np.float32  # the two that NumPy draws
    return getattr(generator(rng), method)(shape, native).astype(dtype, copy=False)


def _shape(asked, sizes):
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    try:
        shape = tuple(index(n) for n in sizes)
    except TypeError:
        shape = (-1,)
    if min(shape, default=0) < 0:
        raise OptionError(
            explain(
                asked,
                got=", ".join(map(repr, sizes)),
                expected="sizes, whole numbers of at least 0",
                write=f"{asked}((2, 3), 0.5)" if asked == "full" else f"{asked}(2, 3, dtype=np.float64)",
            )
        )
    return shape
