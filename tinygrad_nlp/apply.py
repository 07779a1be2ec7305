"""The one door: every op, on every kind of value, goes through `apply`, so the graph cannot miss one."""

from __future__ import annotations

import sys

import numpy as np

from .errors import (
    AnomalyError,
    GradientError,
    OptionError,
    TinygradError,
    describe,
    explain,
    kind_of,
    user_line,
)
from .modes import current
from .tensor import Tensor
from .versions import tick

_frame = sys._getframe
_new = Tensor.__new__
_ndarray = np.ndarray


def apply(op, args: tuple, options: dict):
    """Run ``op``; record it where a gradient may be asked for.

    Arrays and numbers only: returns what ``op.forward`` returns. With a Tensor among ``args``: returns a Tensor
    that remembers ``op``, ``args`` and ``options`` if gradients are being recorded and one of its inputs
    requires grad. With a symbol: returns what the symbol's ``__apply_op__`` builds.
    """
    has_array = has_list = False
    if len(args) == 2 and isinstance(x := args[0], Tensor) and isinstance(y := args[1], Tensor):
        # The commonest call, without the loop. A tuple of arrays also leaves the garbage collector's lists.
        values = (x._data, y._data)
        tracked = x._requires_grad or y._requires_grad
    else:
        has_tensor = False
        values = []
        tracked = False
        for a in args:
            if isinstance(a, Tensor):
                has_tensor = True
                values.append(a._data)
                if a._requires_grad:
                    tracked = True
            else:
                values.append(a)
                if isinstance(a, _ndarray):
                    has_array = True
                elif isinstance(a, (list, tuple)):
                    has_list = True
        if not has_tensor:
            return _without_tensors(op, args, options)
    if has_list:  # rules ask their arguments for shapes and array methods
        args = _lists_as_arrays(op, args)
        values = [a._data if isinstance(a, Tensor) else a for a in args]

    modes = current()
    if tracked:
        tracked = modes.recording and op.differentiable
    saved = None
    try:
        if tracked and op.kernel is not None:
            needs = [isinstance(a, Tensor) and a._requires_grad for a in args]
            data, saved = op.kernel(needs, *values, **options)
        elif options:
            data = op.forward(*values, **options)
        else:
            data = op.forward(*values)
    except TinygradError:
        raise
    except Exception as error:
        raise _explained(op, args, values, options, error) from None

    out = _new(Tensor)
    out._data = data if type(data) is _ndarray else _as_array(op, data)
    out._id = tick()
    out._grad = out.name = out._hooks = None
    if tracked:
        if op.without_rule:
            _refuse_gradient_without_rule(op, args)
        if has_array:  # a later change of the caller's array must not reach the gradient
            args = tuple([np.array(a) if isinstance(a, _ndarray) else a for a in args])
            values = [a._data if isinstance(a, Tensor) else a for a in args]
        frame = _frame(2)
        out._requires_grad = True
        out._op = op
        out._args = args
        out._options = options
        out._values = values
        out._saved = saved
        out._code = frame.f_code
        out._place = frame.f_lasti  # the instruction; made_at turns it into a line when asked
        out._scope = modes.scope
    else:
        out._requires_grad = False
        out._op = out._args = out._options = out._values = out._saved = out._code = out._place = out._scope = None
    if modes.watching:
        _watch(out, op, modes)
    return out


def _lists_as_arrays(op, args):
    """``args`` with an array for every list. Python's floats in it take the dtype of the tensors, as a number would."""
    dtype = np.result_type(*[a._data.dtype for a in args if isinstance(a, Tensor)])
    arrays = []
    for a in args:
        if isinstance(a, (list, tuple)):
            a = np.array(a)
            # Integers too, where an op broadcasts; elsewhere they may be an index or a target.
            if dtype.kind == "f" and (a.dtype == np.float64 or (op.broadcasts and a.dtype == np.int64)):
                a = a.astype(dtype)
        arrays.append(a)
    return tuple(arrays)


def _as_array(op, data):
    if data is None:
        raise OptionError(
            explain(op.name, got="None from its forward", expected="an array", write="return … in forward")
        )
    return np.asarray(data)


def _without_tensors(op, args, options):
    for a in args:
        kind = type(a)
        if kind is not _ndarray and hasattr(kind, "__apply_op__"):
            return kind.__apply_op__(op, args, options)
    values = [np.asarray(a) if isinstance(a, (list, tuple)) else a for a in args]
    try:
        return op.forward(*values, **options)
    except TinygradError:
        raise
    except Exception as error:
        raise _explained(op, values, values, options, error) from None


def _explained(op, args, values, options, error):
    """The error to raise where ``op.forward`` failed: the op's own check if it has one that finds the cause."""
    if op.check is not None:
        try:
            op.check(*[_Named(v, a) for v, a in zip(values, args)], **options)
        except TinygradError as explained:
            return explained
    names = op.arguments if not op.variadic else [f"{op.arguments[0]}[{i}]" for i in range(len(args))]
    got = ", ".join(describe(v, getattr(a, "name", None) or n) for n, v, a in zip(names, values, args))
    given = ", ".join(f"{k}={v!r}" for k, v in options.items())
    message = explain(op.name, got=got + (f"; {given}" if given else ""), expected=_expected(op))
    return kind_of(error)(message + "\n  NumPy: " + str(error).split("\n")[0])


def _expected(op):
    if op.broadcasts:
        return "numeric arrays whose shapes broadcast (aligned at the last axis, equal or 1)"
    return op.derivation.shapes if op.derivation else f"{op.name}{op.__signature__}"


class _Named:
    """An argument as ``check`` sees it: shape, ndim, dtype and a label with the tensor's name."""

    def __init__(self, value, tensor):
        self.value = value
        array = np.asarray(value) if not hasattr(value, "shape") else value
        self.shape, self.ndim, self.dtype = tuple(array.shape), array.ndim, array.dtype
        self.name = getattr(tensor, "name", None) or ""

    def __str__(self):
        return describe(self.value, self.name)


def _refuse_gradient_without_rule(op, args):
    for i in op.without_rule:
        if isinstance(args[i], Tensor) and args[i].requires_grad:
            raise GradientError(
                explain(
                    f"{op.name}: gradient with respect to {op.arguments[i]!r}",
                    got=describe(args[i], op.arguments[i]) + ", requires_grad=True",
                    expected="an argument that needs no gradient",
                    write=f"{op.name}(…, {op.arguments[i]}={op.arguments[i]}.detach())",
                )
            )


def _watch(out, op, modes):
    """The slow extras of `record_gradients` and `detect_anomaly`."""
    out._code, out._place = None, user_line()
    if modes.journal is not None and out.requires_grad:
        modes.journal.note(out)
    if modes.anomaly and out._data.dtype.kind == "f" and not np.isfinite(out._data).all():
        bad = "NaN" if np.isnan(out._data).any() else "Inf"
        raise AnomalyError(
            explain(
                f"detect_anomaly: {op.name} made the first {bad} of the forward pass",
                got=f"{describe(out._data)} with {int((~np.isfinite(out._data)).sum())} of {out._data.size} not finite",
                expected="finite values",
                where=out._place,
            )
        )
