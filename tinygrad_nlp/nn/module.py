"""Module: parameters and the function that uses them, found by looking at plain attributes.

A subclass assigns Parameters and other Modules to ``self`` and writes ``forward``. Nothing is registered: whatever
lies in ``vars(self)``, also inside lists, tuples and dicts, is found by walking it in the order of assignment.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from ..errors import CheckpointError, DTypeError, describe, explain
from ..modes import module_scope
from ..tensor import Tensor
from ..versions import note_change

LoadResult = namedtuple("LoadResult", "missing_keys unexpected_keys")


class Parameter(Tensor):
    """A tensor that is to be learned: ``requires_grad`` is True and a Module it is assigned to finds it.

    data  array, nested list or number; copied. Python floats become float32, a float array keeps its dtype.
    name  shown in pictures and messages; without one it gets the name of the attribute it is assigned to.
    """

    __slots__ = ()

    def __init__(self, data, requires_grad=True, dtype=None, name=None):
        super().__init__(data, requires_grad=requires_grad, dtype=dtype, name=name)

    def __repr__(self):
        return f"Parameter containing:\n{super().__repr__()}"


class Module:
    """A function with parameters.

    >>> from tinygrad_nlp import Tensor, nn
    >>> class Classifier(nn.Module):
    ...     def __init__(self):
    ...         self.hidden = nn.Linear(4, 8)
    ...         self.out = nn.Linear(8, 3)
    ...     def forward(self, x):
    ...         return self.out(self.hidden(x))
    >>> model = Classifier()
    >>> model(Tensor([[0.0, 1.0, 2.0, 3.0]])).shape
    (1, 3)
    >>> [name for name, _ in model.named_parameters()], model.num_parameters()
    (['hidden.weight', 'hidden.bias', 'out.weight', 'out.bias'], 67)

    ``super().__init__()`` is not needed, though it does no harm. A shared Parameter or Module is one: it is
    listed once, under its first name.
    """

    training = True

    def forward(self, *args, **kwargs):
        """What the module computes; written by the subclass."""
        raise NotImplementedError(
            explain(
                f"{type(self).__name__}.forward",
                got="no such method",
                expected="a Module that says what it computes",
                write="def forward(self, x): …",
            )
        )

    def __call__(self, *args, **kwargs):
        with module_scope(self, vars(self).get("_name") or type(self).__name__):
            return self.forward(*args, **kwargs)

    def __setattr__(self, name, value):
        if isinstance(vars(self).get(name), Parameter) and not isinstance(value, Parameter):
            _refuse_replacing(self, name, value)
        _name_members(name, value)
        object.__setattr__(self, name, value)

    def _be_called(self, name):
        vars(self).setdefault("_name", name)

    # ---- what is inside ----------------------------------------------------------------------------------------

    def _members(self):
        """(name, Parameter or Module) of each one directly inside, containers looked through."""
        for name, value in vars(self).items():
            yield from _members_of(name, value)

    def _places(self, prefix="", above=()):
        """(path, Parameter) for every place that holds one: a shared Parameter comes several times."""
        above = (*above, id(self))
        for name, member in self._members():
            if isinstance(member, Parameter):
                yield prefix + name, member
            elif id(member) not in above:  # a module may know its parent; the walk must still end
                yield from member._places(f"{prefix}{name}.", above)

    def named_parameters(self, prefix=""):
        """(path, Parameter) in order of assignment, a shared one once, under its first path."""
        return _once(self._places(prefix))

    def parameters(self):
        """The Parameters, in order of assignment, each once: what an optimizer takes."""
        return (parameter for _, parameter in self.named_parameters())

    def named_children(self):
        """(name, Module) of the modules directly inside."""
        return _once((name, member) for name, member in self._members() if isinstance(member, Module))

    def children(self):
        """The modules directly inside."""
        return (child for _, child in self.named_children())

    def named_modules(self, prefix="", _seen=None):
        """(path, Module) of this one (path '') and of all below, parents first."""
        seen = set() if _seen is None else _seen
        if id(self) in seen:
            return
        seen.add(id(self))
        yield prefix, self
        for name, child in self.named_children():
            yield from child.named_modules(f"{prefix}.{name}" if prefix else name, seen)

    def modules(self):
        """This module and all below, each once."""
        return (module for _, module in self.named_modules())

    def num_parameters(self, trainable_only=False) -> int:
        """How many numbers are learned, shared ones counted once; 003 Q2d counts a network's by hand."""
        return sum(p.size for p in self.parameters() if p.requires_grad or not trainable_only)

    # ---- changing all of it ------------------------------------------------------------------------------------

    def train(self, mode=True) -> Module:
        """Training mode on, here and below: dropout drops."""
        for module in self.modules():
            module.training = bool(mode)
        return self

    def eval(self) -> Module:
        """Evaluation mode, here and below: dropout passes its input on unchanged."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget all gradients, so that the next backward starts from nothing."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def requires_grad_(self, requires_grad=True) -> Module:
        """Freeze (False) or unfreeze every parameter."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def apply(self, function) -> Module:
        """Call ``function(module)`` on every module below and then on this one."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def astype(self, dtype) -> Module:
        """Convert every parameter to a float ``dtype``, in float64 for gradient checks; gradients are forgotten."""
        if np.dtype(dtype).kind != "f":
            raise DTypeError(explain(f"{type(self).__name__}.astype", got=repr(dtype), expected="a float dtype"))
        for parameter in self.parameters():
            note_change(parameter._data)
            parameter._data = parameter._data.astype(dtype)
            parameter.zero_grad()
        return self

    # ---- saving and loading --------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, np.ndarray]:
        """Path -> array for every parameter; a shared one stands under each of its paths, as in PyTorch.

        The arrays are copies. PyTorch hands out the parameters' own memory, so that a "best so far" kept
        without a copy follows the training; that cannot happen here.
        """
        return {path: parameter._data.copy() for path, parameter in self._places()}

    def load_state_dict(self, state, strict=True) -> LoadResult:
        """Overwrite the parameters with arrays by path, each converted to its parameter's dtype.

        state   what `state_dict` returned; arrays, Tensors or anything ``np.asarray`` takes
        strict  False ignores paths that are missing or unexpected, and returns them

        Raises CheckpointError naming every missing, unexpected and wrong-shaped entry; then nothing was changed.
        """
        arrays, result = self._fit(state, strict)
        for parameter, array in arrays:
            parameter._data[...] = array
            note_change(parameter._data)
        return result

    def _fit(self, state, strict=True):
        """([(parameter, array), …], LoadResult) for a state that fits; the error that says how it does not."""
        places = dict(self._places())
        missing = [path for path in places if path not in state]
        unexpected = [path for path in state if path not in places]
        arrays, wrong = [], []
        for path, parameter in places.items():
            if path in state:
                value = state[path]
                array = value._data if isinstance(value, Tensor) else np.asarray(value)
                if array.shape != parameter.shape or not np.can_cast(array.dtype, parameter.dtype, "same_kind"):
                    wrong.append(f"{describe(array, path)} where the model has {parameter.shape} {parameter.dtype}")
                arrays.append((parameter, array))
        faults = []
        if missing and strict:
            faults.append("missing: " + ", ".join(missing))
        if unexpected and strict:
            faults.append("unexpected: " + ", ".join(unexpected))
        if wrong:
            faults.append("does not fit: " + "; ".join(wrong))
        if faults:
            raise CheckpointError(
                explain(
                    f"load_state_dict of {type(self).__name__}",
                    got=". ".join(faults),
                    expected="one array of the right shape for each parameter",
                    write="a model made with the sizes it was saved with"
                    + ("" if wrong else ", or load_state_dict(state, strict=False) to load what fits"),
                )
            )
        return arrays, LoadResult(missing, unexpected)

    # ---- printing --------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands between the parentheses: the module's own parameters, unless a subclass says better."""
        return ", ".join(f"{name}={m.shape}" for name, m in self._members() if isinstance(m, Parameter))

    def __repr__(self):
        inside = [f"({name}): {child!r}" for name, child in self.named_children()]
        own = self.extra_repr()
        if not inside:
            return f"{type(self).__name__}({own})"
        lines = "\n".join(([own] if own else []) + inside)
        return f"{type(self).__name__}(\n  " + lines.replace("\n", "\n  ") + "\n)"


def _members_of(name, value):
    if isinstance(value, (Parameter, Module)):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            yield from _members_of(f"{name}.{position}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _members_of(f"{name}.{key}", item)


def _refuse_replacing(module, name, value):
    """Raise DTypeError for an array or plain Tensor where a Parameter was: no optimizer would train it any more."""
    if isinstance(value, (np.ndarray, Tensor)):
        where = f"{type(module).__name__}.{name}"
        raise DTypeError(
            explain(
                f"{where} = …",
                got=f"{type(value).__name__} {describe(value)}, in place of a Parameter",
                expected="a Parameter: parameters() would list this no more; or None",
                write=f"module.{name}.data = value, or module.{name} = nn.Parameter(value)",
            )
        )


def _name_members(name, value):
    """Tell what is being assigned how it is called, for pictures and messages; a name once given stays."""
    for path, member in _members_of(name, value):
        if isinstance(member, Parameter):
            member.name = member.name or path
        else:
            member._be_called(path)


def _once(named):
    seen = set()
    for name, thing in named:
        if id(thing) not in seen:
            seen.add(id(thing))
            yield name, thing
