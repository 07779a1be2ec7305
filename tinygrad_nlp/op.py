"""An op stands whole in one place: forward, rule, derivation, convention, samples. This module makes it callable.

    @op
    class exp:
        "e to the power of each element."
        def forward(x):                return np.exp(x)
        def vjp_x(g, out, x):          return g * out
        derivation = Derivation(...)
        samples = unary()

``vjp_x`` is the vector-Jacobian product for the argument called ``x``: given ``g`` = dJ/d(out) it returns dJ/dx.
An argument without such a rule (an index, a mask) has no gradient. Keyword-only parameters are options.

**One rule, three readings.** A rule is written in NumPy notation: operators, array methods and other ops, never
``np``. An op called on arrays computes an array, so a rule called on arrays computes a gradient. Called on
Tensors the same lines are recorded, so the gradient can be differentiated again and drawn. Called on symbols
(anything with ``__apply_op__``) they build a formula.
"""

from __future__ import annotations

import inspect

import numpy as np

from .apply import apply
from .errors import OptionError, explain
from .tensor import Tensor

registry: dict[str, Op] = {}
"""Every op by name. Tests, `explain`, `check` and the docs iterate over it, so no op can be forgotten."""

REQUIRED = object()
"""Stands for the default of an option that has none."""

ALIASES = {"dim": "axis", "keepdim": "keepdims"}
"""PyTorch's names for NumPy's, accepted everywhere."""


class Op:
    """A differentiable function of arrays; see the module's docstring for how one is written."""

    def __init__(self, name, forward, rules, body):
        self.name = name
        self.forward = forward
        self.rules = rules
        self.__doc__ = body.__doc__
        self.__name__ = self.__qualname__ = name
        self.__module__ = body.__module__
        self.derivation = getattr(body, "derivation", None)
        self.samples = getattr(body, "samples", ())
        self.conventions = getattr(body, "conventions", None)
        # True where arguments broadcast against each other and each rule answers in the result's shape;
        # the engine then sums the answer back to the argument's shape (broadcasting.py says why).
        self.broadcasts = getattr(body, "broadcasts", False)
        # check(*arguments, **options) raises the error that explains why forward failed. It runs only then.
        self.check = getattr(body, "check", None)
        # A second, faster form for arrays alone; a test holds it equal to the rule:
        #   kernel(needs, *arguments, **options) -> (out, saved)
        #   kernel_vjp(g, out, saved, needs, *arguments, **options) -> one gradient (or None) per argument
        self.kernel = getattr(body, "kernel", None)
        self.kernel_vjp = getattr(body, "kernel_vjp", None)

        self.arguments, self.variadic, self.argument_defaults, self.defaults = _parameters(forward, vars(body))
        self.differentiable = any(rule is not None for rule in rules)
        self.without_rule = tuple(i for i, rule in enumerate(rules) if rule is None)
        # A call of this many arguments and no options needs no sorting; -1 where there is no such call.
        self.required = tuple(name for name, default in self.defaults.items() if default is REQUIRED)
        complete = not self.variadic and not self.required
        self.arity = len(self.arguments)
        self.direct = self.arity if complete else -1

    def __call__(self, *args, **options):
        if options or len(args) != self.direct:
            args, options = self.bind(args, options)
        else:
            options = self.defaults
        return apply(self, args, options)

    def rule(self, position: int):
        """The rule of the argument at ``position``, as a function (g, out, *arguments, **options), or None."""
        if self.variadic:
            shared = self.rules[0]
            return lambda g, out, *xs, **options: shared(position, g, out, *xs, **options)
        return self.rules[position]

    def bind(self, args, options):
        """Sort a call's arguments into arrays, in order, and a complete dict of options."""
        extra = ()
        if not self.variadic:
            args, extra = args[: self.arity], args[self.arity :]
        elif args and isinstance(args[0], (tuple, list)):
            args, extra = tuple(args[0]), args[1:]
        if len(extra) > len(self.defaults):
            raise self._misused(f"{len(args) + len(extra)} arguments")
        if extra or not options.keys() <= self.defaults.keys():
            options = {ALIASES.get(name, name) if name not in self.defaults else name: v for name, v in options.items()}
            options = {**dict(zip(self.defaults, extra)), **options}
        arrays = list(args)
        for name in () if self.variadic else self.arguments[len(args) :]:
            value = options.pop(name, self.argument_defaults.get(name, REQUIRED))
            if value is REQUIRED:
                raise self._misused(f"no argument {name!r}")
            arrays.append(value)
        complete = {**self.defaults, **options}
        if len(complete) > len(self.defaults):
            raise self._misused(f"an argument {next(name for name in complete if name not in self.defaults)!r}")
        for name, value in options.items():
            if not isinstance(value, _UNCHANGEABLE) and any(isinstance(a, Tensor) for a in arrays):
                complete[name] = _own(value)
        for name in self.required:
            if complete[name] is REQUIRED:
                raise self._misused(f"no option {name!r}")
        return tuple(arrays), complete

    def _misused(self, got):
        return OptionError(explain(self.name, got=got, expected=f"{self.name}{self.__signature__}"))

    def as_method(self):
        """The op as a method of Tensor: a plain function, so that it binds."""
        nothing = self.defaults

        if self.direct == 1 and not nothing:

            def method(x):
                return apply(self, (x,), nothing)

        elif self.direct == 2 and not nothing:

            def method(x, y):
                return apply(self, (x, y), nothing)

        else:

            def method(*args, **options):
                if options or len(args) != self.direct:
                    args, options = self.bind(args, options)
                else:
                    options = nothing
                return apply(self, args, options)

        method.__name__ = method.__qualname__ = self.name
        method.__doc__ = self.__doc__
        method.__wrapped__ = self  # so that help() shows the op's own parameters
        return method

    @property
    def __signature__(self):
        parameter, kinds = inspect.Parameter, inspect.Parameter
        kind = kinds.VAR_POSITIONAL if self.variadic else kinds.POSITIONAL_OR_KEYWORD
        arrays = [parameter(n, kind, default=self.argument_defaults.get(n, parameter.empty)) for n in self.arguments]
        options = [
            parameter(n, kinds.KEYWORD_ONLY, default=parameter.empty if d is REQUIRED else d)
            for n, d in self.defaults.items()
        ]
        return inspect.Signature(arrays + options)

    def __repr__(self):
        return f"<op {self.name}{self.__signature__}>"

    def __reduce__(self):
        return _find, (self.name,)


_UNCHANGEABLE = (int, float, str, type(None), slice, np.generic)


def _own(option):
    """An option that no later change of the caller's array reaches: the rule will read it again in backward."""
    if isinstance(option, np.ndarray):
        return option.copy()
    if isinstance(option, Tensor) and not option.requires_grad:
        return option._data.copy()
    return tuple([_own(part) for part in option]) if type(option) is tuple else option


def _find(name):
    return registry[name]


def op(body) -> Op:
    """Make an op of a class: a function of arrays that is recorded on Tensors and has its gradient written beside it.

    The class has no ``self``; its functions are

    forward(x, y, …, *, option=default)  the result, computed with NumPy. Positional parameters are arrays (``*xs``
                                         for any number of them), keyword-only ones are options.
    vjp_x(g, out, x, y, …, *, option)    dJ/dx, of x's shape, given g = dJ/d(out); one such rule for each argument
                                         that has a gradient. In NumPy notation without ``np``: operators, array
                                         methods, other ops; then the rule can be differentiated and printed.

    and, if wanted: ``broadcasts = True`` (arguments broadcast, and each rule may answer in the result's shape),
    ``derivation``, ``conventions``, ``samples``, ``check``, ``kernel`` and ``kernel_vjp`` (see `Op`).

    Raises OptionError for a name that is taken (an op of your own may be defined anew), a rule that names no argument,
    a rule whose parameters are not those above.

    >>> import numpy as np
    >>> from tinygrad_nlp import Tensor, gradcheck, op
    >>> @op
    ... class cube:
    ...     "x · x · x, elementwise."
    ...     def forward(x):
    ...         return x * x * x
    ...     def vjp_x(g, out, x):
    ...         return g * 3 * x * x
    >>> gradcheck(cube, (np.array([1.0, -2.0]),))
    True
    >>> cube(Tensor([2.0]))
    Tensor([8.], dtype=float32)
    """
    name = body.__name__.rstrip("_")
    known = registry.get(name)
    if known is not None and (known.__module__ != body.__module__ or known.__module__.startswith("tinygrad_nlp.")):
        raise OptionError(f"op {name!r} is registered already, by {known.__module__}; give yours another class name")
    namespace = vars(body)
    if "forward" not in namespace:
        raise OptionError(f"op {name!r} has no forward; write def forward(x): return …")
    arguments, variadic, _, options = _parameters(namespace["forward"], namespace)
    if arguments[:1] == ("self",):
        raise OptionError(f"op {name!r}: an op has no self; write def forward({', '.join(arguments[1:])})")
    for member, function in namespace.items():
        if member.startswith("vjp_"):
            if member[4:] not in arguments:
                raise OptionError(f"op {name!r}: {member} names no argument of forward{tuple(arguments)}")
            _refuse_wrong_parameters(name, member, function, arguments, variadic, options)
    rules = tuple(namespace.get(f"vjp_{a}") for a in arguments)
    registry[name] = made = Op(name, namespace["forward"], rules, body)
    return made


def _refuse_wrong_parameters(name, member, function, arguments, variadic, options):
    code = function.__code__
    positional = code.co_argcount
    named = code.co_varnames[positional : positional + code.co_kwonlyargcount]
    right = (
        (positional == 3 and code.co_flags & inspect.CO_VARARGS)
        if variadic
        else (positional == 2 + len(arguments) or code.co_flags & inspect.CO_VARARGS)
    ) and (set(named) == set(options) or code.co_flags & inspect.CO_VARKEYWORDS)
    if not right:
        wanted = ["position", "g", "out", f"*{arguments[0]}"] if variadic else ["g", "out", *arguments]
        wanted += [*([] if variadic or not options else ["*"]), *options]
        raise OptionError(
            f"op {name!r}: {member}{inspect.signature(function)}; expected ({', '.join(wanted)}): "
            "the gradient that arrives, the result, then forward's own parameters"
        )


def _parameters(forward, namespace):
    """(names of the array arguments, is there one ``*xs``, defaults of arguments, options with their defaults).

    Read off the function's code object, for a hundred calls of ``inspect.signature`` would slow the import.
    """
    if isinstance(forward, np.ufunc):
        rule = next((value for key, value in namespace.items() if key.startswith("vjp_")), None)
        arguments = namespace["arguments"] if rule is None else rule.__code__.co_varnames[2 : rule.__code__.co_argcount]
        return tuple(arguments), False, {}, {}
    code = forward.__code__
    positional = code.co_varnames[: code.co_argcount]
    options = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    defaults = {name: (forward.__kwdefaults__ or {}).get(name, REQUIRED) for name in options}
    if code.co_flags & inspect.CO_VARARGS:
        return (code.co_varnames[code.co_argcount + code.co_kwonlyargcount],), True, {}, defaults
    given = forward.__defaults__ or ()
    return positional, False, dict(zip(positional[len(positional) - len(given) :], given)), defaults
