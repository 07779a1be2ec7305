"""NumPy's own functions on Tensors: ``np.exp(t)``, ``array * t``, ``np.concatenate([t, array])``.

NumPy asks its arguments before it computes (NEP 13 for ufuncs, NEP 18 for other functions). A Tensor answers with the
op of ours that is that function, so the graph records it. Where there is none it raises: an array
returned instead would be a constant to `backward`, and the gradient wrong without a word.
"""

from __future__ import annotations

import numpy as np

from . import ops
from .errors import DTypeError, GradientError, OptionError, describe, explain
from .op import registry
from .tensor import Tensor

UFUNCS = {
    "absolute": "abs",
    "divide": "div",
    "multiply": "mul",
    "negative": "neg",
    "power": "pow",
    "subtract": "sub",
}
"""NumPy's names of ufuncs where our op has another; all other names agree."""

ON_MASKS = {"bitwise_and": "__and__", "bitwise_or": "__or__", "bitwise_xor": "__xor__", "invert": "__invert__"}
"""What ``array & tensor`` asks for, and the operator of Tensor, which takes masks alone."""

VALUES = {
    np.shape,
    np.ndim,
    np.size,
    np.allclose,
    np.isclose,
    np.array_equal,
    np.array_equiv,
    np.array_repr,
    np.array_str,
    np.array2string,
    np.iscomplexobj,
    np.isrealobj,
    np.may_share_memory,
    np.shares_memory,
    np.result_type,
    np.zeros_like,
    np.ones_like,
    np.empty_like,
    np.full_like,
}
"""Functions whose answer has no gradient to lose: they see the arrays."""


def attach() -> None:
    """Give Tensor NumPy's protocols. Called once, when the package is imported."""
    Tensor.__array_ufunc__ = _array_ufunc
    Tensor.__array_function__ = _array_function
    Tensor.__array__ = _array
    Tensor.__dlpack__ = _dlpack
    Tensor.__dlpack_device__ = _dlpack_device


def _array_ufunc(self, ufunc, method, *inputs, **options):
    name = _called(ufunc)
    if method != "__call__":
        raise DTypeError(
            explain(
                f"{name}.{method} of a Tensor",
                got=f"{describe(self)}, which such methods would turn into a constant",
                expected=f"{name} itself, or a reduction of tinygrad_nlp",
                write="t.sum(axis), t.prod(axis), t.max(axis); on the values: t.detach().numpy()",
            )
        )
    if "out" in options:
        raise DTypeError(
            explain(
                f"{name}(…, out=…) with a Tensor",
                got=f"{describe(self)}; an array to write into cannot hold its gradient",
                expected="no out= (array += tensor is np.add with out=array)",
                write="array = array + tensor",
            )
        )
    _refuse_options(name, {k: v for k, v in options.items() if not (k == "where" and v is True)})
    if ufunc is np.positive:
        return inputs[0]
    if ufunc.__name__ in ON_MASKS:
        return getattr(Tensor, ON_MASKS[ufunc.__name__])(*inputs)
    op = registry.get(UFUNCS.get(ufunc.__name__, ufunc.__name__))
    if op is None or op.arity != ufunc.nin or ufunc.nout != 1:
        raise _without_op(name, self)
    return op(*inputs)


def _array_function(self, function, types, args, options):
    name = _called(function)
    if function in VALUES:
        return function(*_arrays(args), **{k: _arrays(v) for k, v in options.items()})
    adapter = FUNCTIONS.get(function)
    if adapter is None:
        raise _without_op(name, self)
    options = {k: v for k, v in options.items() if v is not None or k == "axis"}
    _refuse_options(name, {k: options[k] for k in ("out", "where", "dtype", "initial", "casting") if k in options})
    try:
        return adapter(*args, **options)
    except TypeError as error:
        if isinstance(error, (DTypeError, OptionError)) or "argument" not in str(error):
            raise
        raise OptionError(
            explain(
                f"{name} of a Tensor",
                got=", ".join(f"{k}={v!r}" for k, v in options.items()) or f"{len(args)} arguments",
                expected="the arguments that the op of tinygrad_nlp has",
                write=f"on the values: {name}(t.detach().numpy(), …)",
            )
        ) from None


def _array(self, dtype=None, copy=None):
    """np.asarray(t): a read-only view, or a copy. Refused if it requires grad, as in PyTorch."""
    if self.requires_grad:
        raise GradientError(
            explain(
                "an array of a Tensor",
                got=f"{describe(self)} that requires grad; as an array it would be a constant to backward",
                expected="a tensor outside the graph, or a NumPy function that has an op here",
                write="t.detach().numpy(), or t.data to share its memory; for a list of tensors stack(tensors), an op",
            )
        )
    if copy or (dtype is not None and dtype != self._data.dtype):
        if copy is False:
            raise ValueError(
                f"a Tensor of {self._data.dtype} as {np.dtype(dtype)} needs a copy, and copy=False was asked"
            )
        return np.array(self._data, dtype)
    return self.numpy()


def _dlpack(self, **options):
    """torch.from_dlpack(t) and its like: the memory is shared. Refused if it requires grad."""
    if self.requires_grad:
        raise GradientError(
            explain(
                "DLPack export",
                got=f"{describe(self)} that requires grad; the other library's gradients would end here",
                expected="a tensor outside the graph",
                write="from_dlpack(t.detach())",
            )
        )
    return self._data.__dlpack__(**options)


def _dlpack_device(self):
    return self._data.__dlpack_device__()


def _arrays(value):
    """``value`` with every Tensor in it replaced by its array."""
    if isinstance(value, (tuple, list)):
        return type(value)(_arrays(v) for v in value)
    return value._data if isinstance(value, Tensor) else value


def _refuse_options(name, options):
    if options:
        raise OptionError(
            explain(
                f"{name} of a Tensor",
                got=", ".join(f"{k}={v!r}" for k, v in options.items()),
                expected="none of out, where, dtype, initial or casting: gradients do not follow them",
                write="where(mask, result, other) instead of where=, t.astype(dtype) instead of dtype=",
            )
        )


def _called(function):
    """The function as its caller writes it: ``np.median``, ``np.linalg.svd``, ``expit`` of SciPy."""
    if isinstance(function, np.ufunc):
        return f"np.{function.__name__}" if hasattr(np, function.__name__) else function.__name__
    return f"{function.__module__}.{function.__name__}".replace("numpy.", "np.", 1)


def _without_op(name, tensor):
    known = sorted({*registry, *getattr(ops, "__all__", ())} - {"put_back"})
    import difflib

    # At difflib's own 0.6 svd is near std, and median near embedding.
    near = difflib.get_close_matches(name.rpartition(".")[2].removeprefix("nan"), known, n=3, cutoff=0.85)
    return DTypeError(
        explain(
            f"{name} of a Tensor",
            got=f"{describe(tensor)}, and no op of tinygrad_nlp is {name}",
            expected="a function that has a gradient here" + (f", such as {', '.join(near)}" if near else ""),
            write=f"on the values, without gradient: {name}(t.detach().numpy())",
        )
    )


# ---- NumPy's functions with NumPy's signatures. An argument not named here is one we cannot follow: it is refused.


def _reduction(name):
    return lambda a, axis=None, *, keepdims=False: getattr(ops, name)(a, axis=axis, keepdims=keepdims)


def _spread(name):
    return lambda a, axis=None, *, ddof=0, keepdims=False: getattr(ops, name)(
        a, axis=axis, ddof=ddof, keepdims=keepdims
    )


def _flat(x):
    return ops.reshape(x, shape=(-1,))


def _along(name):
    def ordered(a, axis=-1, kind=None, *, stable=None):
        return getattr(ops, name)(a if axis is not None else _flat(a), axis=-1 if axis is None else axis)

    return ordered


def _concatenate(arrays, axis=0):
    return ops.concat(list(arrays), axis=axis) if axis is not None else ops.concat([_flat(a) for a in arrays])


def _at_least(ndim, x):
    shape = np.shape(x)
    return x if len(shape) >= ndim else ops.reshape(x, shape=(1,) * (ndim - len(shape)) + tuple(shape))


def _hstack(tup):
    arrays = [_at_least(1, x) for x in tup]
    return ops.concat(arrays, axis=0 if arrays[0].ndim == 1 else 1)


def _vstack(tup):
    return ops.concat([_at_least(2, x) for x in tup], axis=0)


def _where(condition, *choices):
    condition = condition._data if isinstance(condition, Tensor) else condition
    return ops.where(condition, *choices) if choices else np.nonzero(condition)


def _clip(a, a_min=None, a_max=None, *, min=None, max=None):
    return ops.clip(a, min=a_min if min is None else min, max=a_max if max is None else max)


def _take(a, indices, axis=None):
    return ops.take(_flat(a) if axis is None else a, indices, axis=0 if axis is None else axis)


def _norm(x, ord=None, axis=None, keepdims=False):
    matrix = np.ndim(x) == 2 if axis is None else isinstance(axis, tuple) and len(axis) == 2
    if ord not in (None, "fro") and (matrix or (axis is None and np.ndim(x) != 1)):
        raise OptionError(
            explain(
                "np.linalg.norm of a Tensor",
                got=f"ord={ord!r} for a matrix",
                expected="ord=None (the root of the sum of squares), or the norm of vectors along one axis",
                write="norm(t, ord=…, axis=-1)",
            )
        )
    return ops.norm(x, ord=2 if ord in (None, "fro") else ord, axis=axis, keepdims=keepdims)


def _pad(array, pad_width, mode="constant", *, constant_values=0):
    return ops.pad(array, widths=pad_width, mode=mode, value=constant_values)


FUNCTIONS = {
    **{getattr(np, name): _reduction(name) for name in ("sum", "prod", "mean", "max", "min", "all", "any")},
    np.amax: _reduction("max"),
    np.amin: _reduction("min"),
    np.count_nonzero: _reduction("count_nonzero"),
    np.var: _spread("var"),
    np.std: _spread("std"),
    np.cumsum: lambda a, axis=None: ops.cumsum(_flat(a) if axis is None else a, axis=0 if axis is None else axis),
    np.argmax: _reduction("argmax"),
    np.argmin: _reduction("argmin"),
    np.sort: _along("sort"),
    np.argsort: _along("argsort"),
    np.reshape: lambda a, shape: ops.reshape(a, shape=shape),
    np.ravel: _flat,
    np.transpose: lambda a, axes=None: ops.transpose(a, axes=axes),
    np.matrix_transpose: lambda x: ops.swapaxes(x, axis1=-1, axis2=-2),
    np.swapaxes: lambda a, axis1, axis2: ops.swapaxes(a, axis1=axis1, axis2=axis2),
    np.moveaxis: lambda a, source, destination: ops.moveaxis(a, source=source, destination=destination),
    np.squeeze: lambda a, axis=None: ops.squeeze(a, axis=axis),
    np.expand_dims: lambda a, axis: ops.unsqueeze(a, axis=axis),
    np.broadcast_to: lambda array, shape: ops.expand(array, shape=shape if isinstance(shape, tuple) else (shape,)),
    np.concatenate: _concatenate,
    np.stack: lambda arrays, axis=0: ops.stack(list(arrays), axis=axis),
    np.hstack: _hstack,
    np.vstack: _vstack,
    np.split: lambda ary, indices_or_sections, axis=0: ops.split(ary, indices_or_sections, axis),
    np.repeat: lambda a, repeats, axis=None: ops.repeat(a, repeats=repeats, axis=axis),
    np.tile: lambda A, reps: ops.tile(A, reps=reps),
    np.flip: lambda m, axis=None: ops.flip(m, axis=axis),
    np.roll: lambda a, shift, axis=None: ops.roll(a, shift=shift, axis=axis),
    np.pad: _pad,
    np.where: _where,
    np.clip: _clip,
    np.take: _take,
    np.take_along_axis: lambda arr, indices, axis=-1: ops.gather(arr, indices, axis=axis),
    np.einsum: lambda *operands, optimize=False: ops.einsum(*operands),
    np.dot: lambda a, b: ops.dot(a, b) if np.ndim(a) and np.ndim(b) else ops.mul(a, b),
    np.inner: lambda a, b: ops.inner(a, b),
    np.outer: lambda a, b: ops.outer(_flat(a), _flat(b)),
    np.trace: lambda a, offset=0, axis1=0, axis2=1: ops.trace(a, offset, axis1, axis2),
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: ops.diagonal(a, offset=offset, axis1=axis1, axis2=axis2),
    np.tril: lambda m, k=0: ops.tril(m, k=k),
    np.triu: lambda m, k=0: ops.triu(m, k=k),
    np.linalg.norm: _norm,
}
