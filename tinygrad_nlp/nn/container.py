"""Modules made of other modules."""

from __future__ import annotations

from ..errors import DTypeError, explain
from .module import Module


class _Numbered(Module):
    """Modules kept as attributes "0", "1", …, so that paths read ``layers.0.weight``, as in PyTorch."""

    def append(self, module):
        """Add ``module`` at the end; returns the container."""
        if not isinstance(module, Module):
            raise DTypeError(
                explain(
                    f"{type(self).__name__}.append",
                    got=repr(module),
                    expected="a Module",
                    write=_module_instead_of(module),
                )
            )
        setattr(self, str(len(self)), module)
        return self

    def _all(self):
        return [member for name, member in vars(self).items() if isinstance(member, Module)]

    def __len__(self):
        return len(self._all())

    def __iter__(self):
        return iter(self._all())

    def __getitem__(self, index):
        found = self._all()[index]
        return type(self)._of(found) if isinstance(index, slice) else found


def _module_instead_of(thing):
    if isinstance(thing, type) and issubclass(thing, Module):
        return f"{thing.__name__}(…), not the class {thing.__name__}"
    if callable(thing):
        return "a Module such as nn.ReLU() or nn.Tanh(), or your own class whose forward calls the function"
    return "nn.Linear(…), nn.ReLU() or another Module"


class Sequential(_Numbered):
    """The modules one after the other: each is given what the one before returned.

    modules  Modules, or one dict of name -> Module, whose names then stand in paths and pictures

    >>> from tinygrad_nlp import nn
    >>> nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).num_parameters()
    67
    """

    def __init__(self, *modules):
        if len(modules) == 1 and isinstance(modules[0], (list, tuple, ModuleList)):
            raise DTypeError(
                explain(
                    "Sequential",
                    got=f"one {type(modules[0]).__name__} of {len(modules[0])}",
                    expected="the modules one by one, or a dict of them",
                    write="Sequential(*layers)",
                )
            )
        if len(modules) == 1 and isinstance(modules[0], dict):
            for name, module in modules[0].items():
                setattr(self, name, module)
        else:
            for module in modules:
                self.append(module)

    @classmethod
    def _of(cls, modules):
        return cls(*modules)

    def forward(self, x):
        for module in self._all():
            x = module(x)
        return x


class ModuleList(_Numbered):
    """A list of modules. A plain list of modules in an attribute is found as well; this one prints and appends.

    It is not called itself, so in pictures its items carry its name: ``layers.0``.
    """

    def __init__(self, modules=()):
        for module in modules:
            self.append(module)

    @classmethod
    def _of(cls, modules):
        return cls(modules)

    def append(self, module):
        super().append(module)
        if "_name" in vars(self):
            vars(module)["_name"] = f"{self._name}.{len(self) - 1}"
        return self

    def extend(self, modules):
        """Add every one of ``modules`` at the end; returns the list."""
        for module in modules:
            self.append(module)
        return self

    def _be_called(self, name):
        super()._be_called(name)
        for position, module in enumerate(self._all()):
            vars(module)["_name"] = f"{self._name}.{position}"


class Identity(Module):
    """Its input, unchanged: a place holder where a layer may stand. Arguments it is made with are ignored."""

    def __init__(self, *arguments, **options):
        pass

    def forward(self, x):
        return x


class Flatten(Module):
    """The axes from ``start`` to ``end`` made one.

    x: (B, T, D) -> (B, T·D) with the defaults.
    """

    def __init__(self, start_dim=1, end_dim=-1):
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x):
        start, end = self.start_dim % max(x.ndim, 1), self.end_dim % max(x.ndim, 1)
        length = 1
        for size in x.shape[start : end + 1]:
            length *= size
        return x.reshape((*x.shape[:start], length, *x.shape[end + 1 :]))

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
