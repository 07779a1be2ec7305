"""Activations as modules, for `Sequential`; each calls the op of the like name, where the derivation stands.

x: any shape -> same, for all of them.
"""

from __future__ import annotations

from .. import ops
from .module import Module


class ReLU(Module):
    """max(x, 0)."""

    def forward(self, x):
        return ops.relu(x)


class LeakyReLU(Module):
    """x for x > 0, else ``negative_slope`` · x."""

    def __init__(self, negative_slope=0.01):
        self.negative_slope = negative_slope

    def forward(self, x):
        return ops.leaky_relu(x, negative_slope=self.negative_slope)

    def extra_repr(self):
        return f"negative_slope={self.negative_slope}"


class ELU(Module):
    """x for x > 0, else ``alpha`` · (eˣ − 1)."""

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def forward(self, x):
        return ops.elu(x, alpha=self.alpha)

    def extra_repr(self):
        return f"alpha={self.alpha}"


class GELU(Module):
    """x Φ(x), Φ the normal distribution function; ``approximate="tanh"`` for its approximation."""

    def __init__(self, approximate="none"):
        self.approximate = approximate

    def forward(self, x):
        return ops.gelu(x, approximate=self.approximate)

    def extra_repr(self):
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """x σ(x)."""

    def forward(self, x):
        return ops.silu(x)


class Sigmoid(Module):
    """σ(x) = 1 / (1 + e⁻ˣ)."""

    def forward(self, x):
        return ops.sigmoid(x)


class Tanh(Module):
    """tanh x."""

    def forward(self, x):
        return ops.tanh(x)


class Softplus(Module):
    """log(1 + e^(βx)) / β with β = ``beta``: a smooth ReLU."""

    def __init__(self, beta=1.0):
        self.beta = beta

    def forward(self, x):
        return ops.softplus(x, beta=self.beta)

    def extra_repr(self):
        return f"beta={self.beta}"


class Hardtanh(Module):
    """x limited to [min_val, max_val]."""

    def __init__(self, min_val=-1.0, max_val=1.0):
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x):
        return ops.hardtanh(x, min_val=self.min_val, max_val=self.max_val)

    def extra_repr(self):
        return f"min_val={self.min_val}, max_val={self.max_val}"


class Softmax(Module):
    """exp(x) / Σ exp(x) along ``dim``, by default the last axis (PyTorch wants it named)."""

    def __init__(self, dim=-1):
        self.dim = dim

    def forward(self, x):
        return ops.softmax(x, axis=self.dim)

    def extra_repr(self):
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """log softmax(x) along ``dim``, finite where softmax rounds to 0."""

    def __init__(self, dim=-1):
        self.dim = dim

    def forward(self, x):
        return ops.log_softmax(x, axis=self.dim)

    def extra_repr(self):
        return f"dim={self.dim}"
