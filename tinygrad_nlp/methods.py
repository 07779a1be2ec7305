"""What can be written on a Tensor: operators and methods, each of them an op.

NumPy's names and meaning for array methods, PyTorch's for the rest.
"""

from __future__ import annotations

import numpy as np

from . import hints
from .apply import apply
from .errors import DTypeError, describe, explain
from .op import registry
from .tensor import Tensor, _plain_index

OPERATORS = {
    "__add__": "add",
    "__sub__": "sub",
    "__mul__": "mul",
    "__truediv__": "div",
    "__pow__": "pow",
    "__matmul__": "matmul",
    "__neg__": "neg",
    "__abs__": "abs",
    "__eq__": "equal",
    "__ne__": "not_equal",
    "__lt__": "less",
    "__le__": "less_equal",
    "__gt__": "greater",
    "__ge__": "greater_equal",
}

REFLECTED = {
    "__radd__": "add",
    "__rsub__": "sub",
    "__rmul__": "mul",
    "__rtruediv__": "div",
    "__rpow__": "pow",
    "__rmatmul__": "matmul",
}

UPDATES = {"__iadd__": "add", "__isub__": "sub", "__imul__": "mul", "__itruediv__": "div"}

ON_MASKS = {"__and__": "logical_and", "__or__": "logical_or", "__xor__": "logical_xor", "__invert__": "logical_not"}
"""Python's operators between bits. On masks they are logic; on numbers they would be something else: refused."""

WITHOUT_OP = {"__floordiv__": "//", "__mod__": "%", "__divmod__": "divmod"}
"""Operators that have no op, with what a message calls them."""

METHODS = (
    # elementwise
    *("abs", "sign", "square", "sqrt", "rsqrt", "reciprocal", "exp", "expm1", "log", "log1p", "erf", "clip"),
    *("sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh"),
    *("relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "logsigmoid", "hardtanh"),
    *("maximum", "minimum", "softmax", "log_softmax"),
    # reductions and order
    *("sum", "mean", "var", "std", "prod", "max", "min", "cumsum", "logsumexp", "norm", "all", "any"),
    *("argmax", "argmin", "sort", "argsort", "topk"),
    # products
    *("matmul", "dot", "outer", "trace", "diagonal", "tril", "triu"),
    # shape and index
    *("squeeze", "unsqueeze", "flatten", "moveaxis", "swapaxes", "repeat", "tile", "flip", "roll", "pad"),
    *("split", "unfold", "take", "gather", "scatter_add", "astype"),
)
"""Names that a Tensor has as methods with the op's own arguments after the tensor."""


def attach() -> None:
    """Give Tensor its operators and methods. Called once, when the package is imported and every op registered."""
    from . import ops

    for special, name in OPERATORS.items():
        setattr(Tensor, special, registry[name].as_method())
    for special, name in REFLECTED.items():
        setattr(Tensor, special, _reflected(registry[name]))
    for special, name in UPDATES.items():
        setattr(Tensor, special, _update(registry[name]))
    for special, name in ON_MASKS.items():
        setattr(Tensor, special, _on_masks(registry[name]))
        if special != "__invert__":  # these commute
            setattr(Tensor, special.replace("__", "__r", 1), _on_masks(registry[name]))
    for special, sign in WITHOUT_OP.items():
        setattr(Tensor, special, _without_op(sign))
        setattr(Tensor, special.replace("__", "__r", 1), _without_op(sign))
    for name in METHODS:
        # Composites (topk returns two tensors) are plain functions; they bind as they are.
        setattr(Tensor, name, registry[name].as_method() if name in registry else getattr(ops, name))
    Tensor.reshape = _sizes_method(registry["reshape"], "shape")
    Tensor.expand = _sizes_method(registry["expand"], "shape")
    Tensor.transpose = Tensor.permute = _sizes_method(registry["transpose"], "axes")
    Tensor.T = property(lambda self: apply(registry["transpose"], (self,), {"axes": None}), doc="The axes reversed.")
    Tensor.mT = property(
        lambda self: apply(registry["swapaxes"], (self,), {"axis1": -1, "axis2": -2}),
        doc="The last two axes exchanged.",
    )
    for name in hints.TENSOR:
        if not hasattr(Tensor, name):
            setattr(Tensor, name, hints.Missing(name))
    Tensor.__dir__ = lambda self: [
        n for n in object.__dir__(self) if not isinstance(vars(Tensor).get(n), hints.Missing)
    ]
    Tensor.__getitem__ = lambda self, index: apply(registry["getitem"], (self,), {"index": _plain_index(index)})


# Each wrapper calls `apply` itself: the frame above it is then the user's, whose line the graph remembers.


def _reflected(op):
    def reflected(x, y):
        return apply(op, (y, x), op.defaults)

    return reflected


def _update(op):
    method, ufunc = op.as_method(), op.forward

    def update(self, other):
        return self._update(ufunc, other, method)

    return update


def _on_masks(op):
    def method(x, *y):
        for value in (x, *y):
            dtype = value.dtype if hasattr(value, "dtype") else np.asarray(value).dtype
            if dtype.kind != "b":
                raise DTypeError(
                    explain(
                        f"{op.name} by &, |, ^ or ~",
                        got=describe(value),
                        expected="masks, tensors of bool",
                        write="(x > 0) & (y > 0), with the parentheses; of integers: Tensor(x.data & y.data)",
                    )
                )
        return apply(op, (x, *y), op.defaults)

    method.__doc__ = op.__doc__
    return method


def _without_op(sign):
    def method(x, y):
        raise DTypeError(
            explain(
                f"{sign} of a Tensor",
                got=f"{describe(x)} and {describe(y)}",
                expected="an operation that has a gradient",
                write=f"on the values: Tensor({'divmod(t.data, n)[0]' if sign == 'divmod' else f't.data {sign} n'})",
            )
        )

    return method


def _sizes_method(op, option):
    """``x.reshape(2, 3)`` and ``x.reshape((2, 3))`` alike."""

    def method(self, *sizes, **options):
        if len(sizes) == 1 and not isinstance(sizes[0], int):
            sizes = sizes[0]
        return apply(op, (self,), {**op.defaults, **({option: sizes} if sizes or not options else options)})

    method.__doc__ = op.__doc__
    return method
