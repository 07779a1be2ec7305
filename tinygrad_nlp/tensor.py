"""Tensor: an array that remembers how it was made.

The graph is nothing but this memory: a tensor made by an op holds the op and its arguments. Leaves (parameters,
data) hold neither. `backward` walks from the loss through that memory; see backward.py.
"""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np

from .errors import (
    DTypeError,
    GradientError,
    OptionError,
    ShapeError,
    describe,
    explain,
    is_library_code,
    kind_of,
)
from .modes import current
from .rowsparse import RowSparse
from .versions import note_change, tick

NUMBERS = "fiubc"
"""Kinds of dtype that a tensor may have: floats, whole numbers, booleans, complex numbers."""

KEEP = object()
"""Among a tensor's hooks: keep its gradient in ``.grad`` once the others have seen it."""


class Tensor:
    """An n-dimensional array that can be differentiated.

    data           array, nested list or number. Python floats become float32, ints int64, an array keeps its dtype.
    requires_grad  True for what is to be learned; then `backward` leaves dJ/d(this) in ``.grad``.
    dtype          convert to this dtype.
    name           shown in pictures, formulas and error messages.
    copy           False shares the memory of ``data`` if it is an array: faster, but a change of that array
                   between forward and backward changes the gradient.

    Raises DTypeError if gradients are asked of anything but floats or data holds no numbers, ShapeError for nested
    lists of unequal lengths.

    >>> from tinygrad_nlp import Tensor
    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    array([2., 4., 6.], dtype=float32)
    """

    __slots__ = (
        "_data",
        "_grad",
        "_requires_grad",  # what `requires_grad` answers; ops read it here, without the cost of a property
        "name",
        "_id",  # reading of the clock when made: an op's inputs always have smaller ids
        "_op",  # the op that made it; None for a leaf
        "_args",  # the op's arguments; None for a leaf, and after backward has freed the graph
        "_options",
        "_values",  # the arguments as arrays, as the rules get them; freed with _args
        "_saved",  # what the op's kernel keeps for its backward; once freed, the sweep that did it
        "_hooks",  # functions of the gradient, or None
        "_code",  # where it was made: code object and instruction, or None and "file:line in function"
        "_place",
        "_scope",  # the Module call it was made in
        "_variable",  # what `record_gradients` found it called in the user's code; elsewhere not set
        "__weakref__",
    )

    def __init__(self, data, requires_grad=False, dtype=None, name=None, copy=True):
        self._data = _as_array(data, dtype, copy)
        self.name = name
        self._op = None
        self._requires_grad = bool(requires_grad)
        if requires_grad:
            if requires_grad is not True and not isinstance(requires_grad, np.bool_):
                raise OptionError(
                    explain(
                        "Tensor(data, requires_grad)",
                        got=f"{data!r} as data and {requires_grad!r} as requires_grad",
                        expected="True or False",
                        write="zeros(2, 3) for a shape, Tensor([2, 3]) for values",
                    )
                )
            self._refuse_grad_of_no_floats("Tensor(requires_grad=True)")
        self._id = tick()
        self._grad = self._args = self._options = self._values = self._saved = None
        self._hooks = self._code = self._place = self._scope = None

    # ---- the array -----------------------------------------------------------------------------------------

    @property
    def data(self) -> np.ndarray:
        """The array itself, shared. Assign to it (``p.data -= lr * p.grad``) or use ``t[...] = v``: those changes
        are noticed by `backward`; a write through the array (``t.data[0] = v``) is not."""
        return self._data

    @data.setter
    def data(self, value):
        value = value._data if isinstance(value, Tensor) else np.asarray(value)
        if value.shape != self._data.shape and self._op is not None:
            raise ShapeError(
                explain(
                    "Tensor.data = …", got=describe(value), expected=f"shape {self.shape}, which its graph relies on"
                )
            )
        if self.requires_grad and value.dtype.kind != "f":
            raise DTypeError(explain("Tensor.data = …", got=describe(value), expected="floats: it requires grad"))
        note_change(self._data)
        self._data = value if value.dtype == self._data.dtype else value.astype(self._data.dtype)
        note_change(self._data)

    def numpy(self) -> np.ndarray:
        """A read-only view of the values. Refused if it requires grad, as the graph would lose track of it."""
        if self.requires_grad:
            raise GradientError(
                explain(
                    "numpy()",
                    got=f"{describe(self)} that requires grad",
                    expected="a tensor outside the graph",
                    write="t.detach().numpy()",
                )
            )
        view = self._data.view()
        view.flags.writeable = False
        return view

    shape = property(lambda self: self._data.shape, doc="The length of each axis.")
    ndim = property(lambda self: self._data.ndim, doc="The number of axes.")
    size = property(lambda self: self._data.size, doc="The number of elements (NumPy's meaning, an int).")
    dtype = property(lambda self: self._data.dtype, doc="The element type.")

    def item(self):
        """The value of a tensor with one element, as a Python number."""
        if self._data.size != 1:
            raise ShapeError(
                explain("item()", got=describe(self), expected="one element", write="t.tolist(), or t[i].item()")
            )
        return self._data.item()

    def tolist(self):
        """The values as nested Python lists."""
        return self._data.tolist()

    def __len__(self):
        if not self._data.ndim:
            raise DTypeError(explain("len()", got=describe(self), expected="at least one axis"))
        return len(self._data)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __bool__(self):
        if self._data.size != 1:
            write = "(t > 0).all() or .any(), (s > 0) & (t > 0) for `and`; to find t in a list: any(t is u for u in …)"
            raise ShapeError(explain("bool()", got=describe(self), expected="one element", write=write))
        return bool(self._data.item())

    def __round__(self, digits=None):
        return round(self.item(), digits)

    def __pos__(self):
        return self

    def __index__(self):
        if self._data.dtype.kind not in "iu" or self._data.size != 1:
            raise DTypeError(explain("index", got=describe(self), expected="one integer"))
        return int(self._data.item())

    def __repr__(self):
        body = np.array2string(self._data, separator=", ", prefix="Tensor(", threshold=200)
        parts = [body, f"dtype={self._data.dtype}"]
        if not self._data.size and self._data.ndim > 1:
            parts.insert(1, f"shape={self.shape}")
        if self.name:
            parts.append(f"name={self.name!r}")
        if self._op is not None:
            parts.append(f"op={self._op.name}")
        elif self.requires_grad:
            parts.append("requires_grad=True")
        return f"Tensor({', '.join(parts)})"

    def __format__(self, spec):
        return format(self.item(), spec) if spec else repr(self)

    # Two tensors are equal elementwise (==), so a tensor's hash is its identity, as in NumPy and PyTorch.
    __hash__ = object.__hash__

    # ---- the gradient ----------------------------------------------------------------------------------------

    @property
    def is_leaf(self) -> bool:
        """True if no op made it."""
        return self._op is None

    @property
    def grad(self):
        """dJ/d(this) after `backward`, summed over all calls since it was last set to None.

        An array; a `RowSparse` where only some rows of a table were read; a Tensor after
        ``backward(create_graph=True)``. None before backward, and for inner tensors unless asked for
        with `retain_grad` or `record_gradients`: a graph's inner gradients are dropped as soon as they are used.
        Asking for one that was not kept warns, for what follows would be a puzzle: ``0.1 * None``.
        """
        if self._grad is None and self._op is not None and self.requires_grad:
            warnings.warn(
                f"the gradient of {self.name or 'a result'} of {self._op.name} is not kept: it is no leaf. Write "
                "t.retain_grad() or record_gradients() before backward(); to change a leaf, with no_grad(): w -= …",
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, value):
        if not isinstance(value, (np.ndarray, Tensor, RowSparse, type(None))):
            try:
                value = np.asarray(value, self._data.dtype)
            except (TypeError, ValueError):
                raise DTypeError(
                    explain("Tensor.grad = …", got=describe(value), expected=f"numbers of shape {self.shape}, or None")
                ) from None
        if value is not None and tuple(value.shape) != self._data.shape:
            raise ShapeError(explain("Tensor.grad = …", got=describe(value), expected=f"shape {self.shape}, or None"))
        self._grad = value

    def zero_grad(self):
        """Forget the gradient, so that the next `backward` starts from nothing."""
        self._grad = None

    def backward(self, gradient=None, retain_graph=False, create_graph=False):
        """Add dJ/d(leaf) to ``.grad`` of every leaf that requires grad and led here, J being this tensor.

        gradient      dJ/d(this), of this tensor's shape; needed unless this is one number, whose default is 1.
        retain_graph  keep the graph, to call backward again.
        create_graph  record the backward pass itself, so that gradients can be differentiated; ``.grad`` is a Tensor.

        Raises GradientError if this does not require grad, is no scalar and has no ``gradient``, or its graph
        was freed; StaleValueError if a value the rules need was changed in place since.
        """
        from .backward import backward

        backward(self, gradient, retain_graph=retain_graph, create_graph=create_graph)

    def retain_grad(self):
        """Keep this inner tensor's gradient in ``.grad`` at the next `backward`."""
        if self._op is not None and KEEP not in (self._hooks or ()):
            self._hooks = [*(self._hooks or ()), KEEP]

    def register_hook(self, function):
        """Call ``function(gradient)`` when this tensor's gradient is complete; it comes in this tensor's dtype.

        What it returns, unless None, replaces the gradient; it must not change the array it is given, which other
        tensors may share. A table's gradient comes as a `RowSparse`. Raises ShapeError in backward for another shape.

        Returns a function that removes the hook.
        """
        if not self.requires_grad:
            raise GradientError(
                explain(
                    "register_hook", got=f"{describe(self)} that does not require grad", expected="requires_grad=True"
                )
            )
        # A new object at each registration, for the same function may be registered twice and removed once.
        hook = partial(function)
        self._hooks = [*(self._hooks or ()), hook]

        def remove():
            self._hooks = [held for held in self._hooks or () if held is not hook] or None

        return remove

    def detach(self) -> Tensor:
        """The same values outside the graph; the memory is shared."""
        out = Tensor(self._data, copy=False)
        out.name = self.name
        return out

    @property
    def requires_grad(self) -> bool:
        """True where `backward` sends a gradient: leaves that were asked to, and what was computed from them.

        A leaf's can be assigned. Raises GradientError for False on a result, whose inputs would get no gradient
        without a word; DTypeError for True on anything but floats.
        """
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value):
        if self._op is not None and not value:
            raise GradientError(
                explain(
                    "requires_grad = False",
                    got=f"{describe(self)}, the result of {self._op.name}",
                    expected="a leaf: what led to a result would get no gradient",
                    write="t.detach(), the same values outside the graph",
                )
            )
        if value:
            self._refuse_grad_of_no_floats("requires_grad = True")
        self._requires_grad = bool(value)

    def requires_grad_(self, requires_grad=True) -> Tensor:
        """Switch ``requires_grad`` of a leaf; returns the tensor."""
        self.requires_grad = requires_grad
        return self

    def _refuse_grad_of_no_floats(self, asked):
        if self._data.dtype.kind != "f":
            raise DTypeError(
                explain(
                    asked,
                    got=describe(self),
                    expected="a float dtype, for only real numbers have derivatives",
                    write="Tensor(data, requires_grad=True, dtype=np.float32)",
                )
            )

    @property
    def made_at(self) -> str:
        """``file:line in function`` of the user's code that made this tensor, '' for a leaf or an unrecorded result."""
        if self._code is None:
            return self._place or ""
        if self._scope is not None and is_library_code(self._code.co_filename):
            return self._scope.where
        lines = (line for start, end, line in self._code.co_lines() if start <= self._place < end)
        return f"{self._code.co_filename}:{next(lines, self._code.co_firstlineno)} in {self._code.co_name}"

    # A copy is a leaf of its own: were it to share the id, backward would take the two for one node.

    def __deepcopy__(self, memo) -> Tensor:
        memo[id(self)] = out = type(self)(self._leaf_data("copy.deepcopy"), self.requires_grad, None, self.name)
        return out

    def __copy__(self) -> Tensor:
        return self.__deepcopy__({})

    def __reduce__(self):
        return type(self), (self._leaf_data("pickle"), self.requires_grad, None, self.name)

    def _leaf_data(self, operation: str) -> np.ndarray:
        if self._op is not None:
            raise GradientError(
                explain(
                    operation,
                    got=f"{describe(self)}, the result of {self._op.name}",
                    expected="a leaf",
                    write="t.detach()",
                )
            )
        return self._data

    # ---- in-place changes --------------------------------------------------------------------------------------

    def _write(self, operation: str):
        """Refuse an in-place change the graph could not survive; note every other one."""
        if current().recording and self.requires_grad:
            kind = (
                "a leaf that requires grad" if self._op is None else f"the result of {self._op.name}, part of a graph"
            )
            raise GradientError(
                explain(
                    f"in-place {operation}",
                    got=f"{describe(self)}, {kind}",
                    expected="a tensor that no gradient flows through",
                    write="with no_grad(): …  (an update), or a new tensor: where(mask, new, t), t + v",
                )
            )
        note_change(self._data)

    def _assign(self, operation: str, index, value):
        if isinstance(value, Tensor):
            if value._requires_grad and current().recording:
                raise GradientError(
                    explain(
                        f"in-place {operation}",
                        got=f"{describe(value)} that requires grad, into {describe(self)}",
                        expected="values that no gradient flows through: it would end here",
                        write="a new tensor: stack(rows), concat(parts), where(mask, v, t); for the values: v.detach()",
                    )
                )
            value = value._data
        self._write(operation)
        try:
            self._data[index] = value
        except (IndexError, TypeError, ValueError) as error:
            raise kind_of(error)(
                explain(
                    f"in-place {operation}",
                    got=f"{describe(value)} into {describe(self)}: {error}",
                    expected="an index within the tensor, and values whose shape broadcasts to what it selects",
                )
            ) from None

    def __setitem__(self, index, value):
        self._assign("assignment t[…] = v", _plain_index(index), value)

    def copy_(self, value) -> Tensor:
        """Overwrite the values in place. Raises GradientError for a tensor that requires grad: no_grad() allows it."""
        self._assign("copy_", ..., value)
        return self

    def fill_(self, value) -> Tensor:
        """Set every element to ``value`` in place."""
        return self.copy_(value)

    def zero_(self) -> Tensor:
        """Set every element to 0 in place."""
        return self.copy_(0)

    def _update(self, ufunc, other, rebind):
        """``t += v``: in place where no gradient flows (an update under no_grad), else the recorded ``t + v``."""
        requires = self.requires_grad or (isinstance(other, Tensor) and other.requires_grad)
        if current().recording and requires:
            if self.requires_grad and self._op is None:
                self._write(f"{ufunc.__name__} of a parameter")
            return rebind(self, other)
        value = other._data if isinstance(other, Tensor) else np.asarray(other)
        if np.result_type(self._data, other._data if isinstance(other, Tensor) else other) != self._data.dtype and (
            not np.can_cast(value.dtype, self._data.dtype, "same_kind")
        ):
            raise DTypeError(
                explain(
                    f"in-place {ufunc.__name__}", got=describe(value), expected=f"values that fit {self._data.dtype}"
                )
            )
        self._write(ufunc.__name__)
        ufunc(self._data, value, out=self._data, casting="same_kind")
        return self


def tensor(data, *, dtype=None, requires_grad=False, name=None) -> Tensor:
    """A `Tensor` of a number, nested list or array, which is copied; spelled as PyTorch users write it.

    >>> from tinygrad_nlp import tensor
    >>> tensor([1.0, 2.0], requires_grad=True)
    Tensor([1., 2.], dtype=float32, requires_grad=True)
    """
    return Tensor(data, requires_grad, dtype, name)


def _as_array(data, dtype, copy):
    if isinstance(data, Tensor):
        data = data._data
    if type(data) is not np.ndarray:
        keep = hasattr(data, "dtype") or hasattr(data, "__array__")
        try:
            array = np.array(data)
        except ValueError as error:
            raise ShapeError(
                explain(
                    "Tensor(data)", got=f"nested lists of unequal lengths ({error})", expected="a rectangular array"
                )
            ) from None
        if array.dtype.kind not in NUMBERS:
            raise DTypeError(explain("Tensor(data)", got=f"{type(data).__name__} of {array.dtype}", expected="numbers"))
        if dtype is None and not keep and array.dtype == np.float64:
            dtype = np.float32
        return array.astype(dtype, copy=False) if dtype is not None else array
    if data.dtype.kind not in NUMBERS:
        raise DTypeError(explain("Tensor(data)", got=describe(data), expected="an array of numbers"))
    if dtype is not None and data.dtype != dtype:
        return data.astype(dtype)
    return data.copy() if copy else data


def _plain_index(index):
    """An index with every Tensor and list in it replaced by an array of its own, which no later change can reach."""
    if isinstance(index, tuple):
        return tuple([_plain_index(i) for i in index])
    if isinstance(index, Tensor):
        return index._data.copy()
    if isinstance(index, list):
        return np.array(index) if index else np.empty(0, np.intp)
    return index.copy() if isinstance(index, np.ndarray) else index
