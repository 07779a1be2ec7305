"""Normalization."""

from __future__ import annotations

import math

import numpy as np

from .. import ops
from ..errors import ShapeError, describe, explain
from . import init
from .module import Module, Parameter


class LayerNorm(Module):
    """(x − mean) / √(var + eps) · weight + bias over the last axes, each example by itself.

    x: (…, *normalized_shape) -> same; the variance divides by n, not n − 1
    weight, bias  of ``normalized_shape``, 1 and 0 at first; None with ``elementwise_affine=False`` or, for the
                  bias, ``bias=False``

    Raises ShapeError if the last axes of x are others. Source: Ba, Kiros & Hinton 2016, "Layer normalization", Eq 4.
    """

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True, *, dtype=np.float32):
        whole = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps = whole, eps
        self.weight = Parameter(np.empty(whole, dtype)) if elementwise_affine else None
        self.bias = Parameter(np.empty(whole, dtype)) if elementwise_affine and bias else None
        self.reset_parameters()

    def reset_parameters(self):
        """Back to weight 1 and bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, x):
        axes = len(self.normalized_shape)
        if x.shape[-axes:] != self.normalized_shape:
            raise ShapeError(
                explain(
                    f"{vars(self).get('_name', 'a layer')}: {self!r}",
                    got=describe(x, getattr(x, "name", None) or "x"),
                    expected=f"last axes of shape {self.normalized_shape}",
                    write=f"LayerNorm({x.shape[-1]})" if x.ndim else "",
                )
            )
        size = math.prod(self.normalized_shape)
        # A parameter that is left out is a constant 1 or 0: one op serves all cases.
        weight = np.ones(size, x.dtype) if self.weight is None else self.weight
        bias = np.zeros(size, x.dtype) if self.bias is None else self.bias
        if axes == 1:
            return ops.layer_norm(x, weight, bias, eps=self.eps)
        rows = x.reshape((*x.shape[:-axes], size))
        return ops.layer_norm(rows, weight.reshape((size,)), bias.reshape((size,)), eps=self.eps).reshape(x.shape)

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.weight is not None}"
