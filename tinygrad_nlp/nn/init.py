r"""Initial values of weights: in place, from a distribution chosen so that signals neither vanish nor explode.

Take out_j = sum over i of w_ji x_i with independent terms of mean 0. Then Var(out) = fan_in · Var(w) · E[x²], so
forward signals keep their size if Var(w) = 1/fan_in; the same argument for gradients, which are sums of fan_out
terms, wants Var(w) = 1/fan_out. The named schemes are answers to that pair of wishes.

A weight has shape (fan_out, fan_in), as `Linear` keeps it. Every function returns the tensor it filled and draws
from ``generator``, or from the default one (`tinygrad_nlp.random.manual_seed`). Numbers are drawn in float64 and
rounded, so a float32 and a float64 model of the same seed start at the same place.
"""

from __future__ import annotations

import math

import numpy as np

from ..errors import OptionError, ShapeError, describe, explain
from ..random import generator as the_generator
from ..versions import note_change

__all__ = [
    "calculate_gain",
    "constant_",
    "fans",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]


def uniform_(tensor, a=0.0, b=1.0, *, generator=None):
    """Fill with draws from the uniform distribution on [a, b): mean (a + b)/2, variance (b − a)²/12."""
    return _fill(tensor, the_generator(generator).uniform(a, b, tensor.shape))


def normal_(tensor, mean=0.0, std=1.0, *, generator=None):
    """Fill with draws from the normal distribution of that mean and standard deviation."""
    return _fill(tensor, the_generator(generator).normal(mean, std, tensor.shape))


def constant_(tensor, value):
    """Fill with one value."""
    return _fill(tensor, value)


def zeros_(tensor):
    """Fill with 0. Right for biases; equal weights would get equal gradients and stay equal for ever."""
    return _fill(tensor, 0.0)


def ones_(tensor):
    """Fill with 1."""
    return _fill(tensor, 1.0)


def xavier_uniform_(tensor, gain=1.0, *, generator=None):
    r"""U(−r, r) with r = gain · √(6 / (fan_in + fan_out)): variance gain² · 2 / (fan_in + fan_out).

    The harmonic compromise between the forward and the backward wish, for units that are linear around 0.
    Source: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", Eq 16.
    """
    fan_in, fan_out = fans(tensor)
    bound = gain * math.sqrt(6.0 / (fan_in + fan_out))
    return uniform_(tensor, -bound, bound, generator=generator)


def xavier_normal_(tensor, gain=1.0, *, generator=None):
    """N(0, std²) with std = gain · √(2 / (fan_in + fan_out)). Source: Glorot & Bengio 2010, Eq 12."""
    fan_in, fan_out = fans(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / (fan_in + fan_out)), generator=generator)


def kaiming_uniform_(tensor, a=0.0, mode="fan_in", nonlinearity="leaky_relu", *, generator=None):
    """U(−r, r) with r = gain · √(3 / fan): the variance of `kaiming_normal_`, the other shape."""
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator=generator)


def kaiming_normal_(tensor, a=0.0, mode="fan_in", nonlinearity="leaky_relu", *, generator=None):
    """N(0, std²) with std = gain / √fan.

    A ReLU passes half of a symmetric signal's energy, E[relu(x)²] = Var(x)/2, so Var(w) must be 2/fan: gain² = 2.
    a     slope of a leaky ReLU for negative x: gain² = 2 / (1 + a²)
    mode  "fan_in" keeps forward signals level, "fan_out" gradients

    Source: He, Zhang, Ren & Sun 2015, "Delving deep into rectifiers", Eq 10 (forward), 14 (backward), 15 (slope).
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator=generator)


def orthogonal_(tensor, gain=1.0, *, generator=None):
    """A random matrix whose rows (or columns, whichever are fewer) are orthonormal, times ``gain``.

    It keeps the length of every vector, so depth cannot make signals vanish. Axes after the first count as one.
    The QR factors of a normal matrix are made unique by a positive diagonal of R: only then is Q uniform over the
    orthogonal matrices (Mezzadri 2007). Source: Saxe, McClelland & Ganguli 2014, section 3.
    """
    if tensor.ndim < 2:
        raise ShapeError(explain("orthogonal_", got=describe(tensor), expected="at least two axes"))
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    draws = the_generator(generator).normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(draws)
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)
    return _fill(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def fans(tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight of shape (fan_out, fan_in, …): terms summed per output, uses of each input.

    Further axes are the places of a convolution's window and multiply both.
    """
    if tensor.ndim < 2:
        raise ShapeError(
            explain("fan_in and fan_out", got=describe(tensor), expected="at least two axes", write="zeros_ for a bias")
        )
    window = math.prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


def calculate_gain(nonlinearity: str, param=None) -> float:
    """The factor on the standard deviation that makes up for what a nonlinearity takes away, as PyTorch has it."""
    gains = {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5.0 / 3,
        "relu": math.sqrt(2.0),
        "leaky_relu": math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2)),
        "selu": 0.75,
    }
    if nonlinearity not in gains:
        raise OptionError(explain("calculate_gain", got=repr(nonlinearity), expected="one of " + ", ".join(gains)))
    return gains[nonlinearity]


def _kaiming_std(tensor, a, mode, nonlinearity):
    if mode not in ("fan_in", "fan_out"):
        raise OptionError(explain("kaiming initialization: mode", got=repr(mode), expected="'fan_in' or 'fan_out'"))
    return calculate_gain(nonlinearity, a) / math.sqrt(fans(tensor)[mode == "fan_out"])


def _fill(tensor, values):
    tensor._data[...] = values
    note_change(tensor._data)
    return tensor
