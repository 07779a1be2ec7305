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
import sys

import numpy as np

from .errors import DTypeError, GradientError, OptionError, TinygradError, describe, explain
from .modes import current
from .tensor import Tensor
from .versions import tick

_frame = sys._getframe
_new = Tensor.__new__
_ndarray = np.ndarray

registry: dict[str, Op] = {}
"""Every op by name. Tests, `explain`, `check` and the docs iterate over it, so no op can be forgotten."""

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

        self.arguments, self.variadic, self.argument_defaults, self.defaults = _parameters(forward, rules, body)
        self.arity = -1 if self.variadic else len(self.arguments)
        self.differentiable = any(rule is not None for rule in rules)
        self.without_rule = tuple(i for i, rule in enumerate(rules) if rule is None)
        self.__signature__ = _signature(self)

    def __call__(self, *args, **options):
        if options or len(args) != self.arity:
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
        if self.variadic and len(args) >= 1 and isinstance(args[0], (tuple, list)):
            extra, args = args[1:], tuple(args[0])
            options = self._with_positional_options(extra, options)
        elif not self.variadic and len(args) > self.arity:
            options = self._with_positional_options(args[self.arity :], options)
            args = args[: self.arity]
        arrays = list(args)
        options = {ALIASES.get(name, name) if name not in self.defaults else name: v for name, v in options.items()}
        for name in self.arguments[len(arrays) :] if not self.variadic else ():
            if name in options:
                arrays.append(options.pop(name))
            elif name in self.argument_defaults:
                arrays.append(self.argument_defaults[name])
            else:
                raise OptionError(
                    explain(
                        self.name, got=f"no argument {name!r}", expected=f"{self.name}{self.__signature__}"
                    )
                )
        for name in options:
            if name not in self.defaults:
                raise OptionError(
                    explain(self.name, got=f"an argument {name!r}", expected=f"{self.name}{self.__signature__}")
                )
        options = {**self.defaults, **options}
        for name, value in options.items():
            if value is inspect.Parameter.empty:
                raise OptionError(
                    explain(self.name, got=f"no option {name!r}", expected=f"{self.name}{self.__signature__}")
                )
        return tuple(arrays), options

    def _with_positional_options(self, values, options):
        names = list(self.defaults)
        if len(values) > len(names):
            raise OptionError(
                explain(
                    self.name,
                    got=f"{len(values) + max(self.arity, 1)} arguments",
                    expected=f"{self.name}{self.__signature__}",
                )
            )
        return {**dict(zip(names, values)), **options}

    def as_method(self):
        """The op as a method of Tensor: a plain function, so that it binds."""

        nothing = self.defaults

        if self.arity == 1 and not nothing:

            def method(x):
                return apply(self, (x,), nothing)

        elif self.arity == 2 and not nothing:

            def method(x, y):
                return apply(self, (x, y), nothing)

        else:

            def method(*args, **options):
                if options or len(args) != self.arity:
                    args, options = self.bind(args, options)
                else:
                    options = nothing
                return apply(self, args, options)

        method.__name__ = method.__qualname__ = self.name
        method.__doc__ = self.__doc__
        method.__signature__ = self.__signature__
        return method

    def __get__(self, instance, owner=None):
        # An op stored on a class stays an op; Tensor's methods are made by as_method.
        return self

    def __repr__(self):
        return f"<op {self.name}{self.__signature__}>"

    def __reduce__(self):
        return _find, (self.name,)


def _find(name):
    return registry[name]


def op(body) -> Op:
    """Turn a class with ``forward``, ``vjp_…``, ``derivation`` and ``samples`` into a registered `Op`."""
    name = body.__name__.rstrip("_")
    if name in registry:
        raise OptionError(f"op {name!r} is registered already; give yours another class name")
    namespace = vars(body)
    forward = namespace["forward"]
    arguments, variadic = _array_names(forward, namespace)
    unknown = {n for n in namespace if n.startswith("vjp_")} - {f"vjp_{a}" for a in arguments}
    if unknown:
        raise OptionError(f"op {name!r}: {', '.join(sorted(unknown))} names no argument of forward{tuple(arguments)}")
    rules = tuple(namespace.get(f"vjp_{a}") for a in arguments)
    registry[name] = made = Op(name, forward, rules, body)
    return made


def _array_names(forward, namespace):
    """The array arguments of an op, from forward's signature, or from a rule's where forward is a NumPy ufunc."""
    if "arguments" in namespace:
        return namespace["arguments"], False
    if isinstance(forward, np.ufunc):
        rule = next(value for key, value in namespace.items() if key.startswith("vjp_"))
        return tuple(inspect.signature(rule).parameters)[2:], False
    parameters = inspect.signature(forward).parameters.values()
    variadic = [p.name for p in parameters if p.kind is p.VAR_POSITIONAL]
    return tuple(variadic or [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]), bool(variadic)


def _parameters(forward, rules, body):
    arguments, variadic = _array_names(forward, vars(body))
    if isinstance(forward, np.ufunc):
        return arguments, variadic, {}, {}
    parameters = inspect.signature(forward).parameters
    argument_defaults = {
        p.name: p.default for p in parameters.values() if p.name in arguments and p.default is not p.empty
    }
    defaults = {p.name: p.default for p in parameters.values() if p.kind is p.KEYWORD_ONLY}
    return arguments, variadic, argument_defaults, defaults


def _signature(op):
    kind = inspect.Parameter.VAR_POSITIONAL if op.variadic else inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature(
        [
            inspect.Parameter(name, kind, default=op.argument_defaults.get(name, inspect.Parameter.empty))
            for name in op.arguments
        ]
        + [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=d) for n, d in op.defaults.items()]
    )


def apply(op: Op, args: tuple, options: dict):
    """The one door: every op on every kind of value goes through here, so the graph cannot miss one.

    Arrays and numbers only: returns what ``op.forward`` returns. With a Tensor among ``args``: returns a Tensor
    that remembers ``op``, ``args`` and ``options`` if gradients are being recorded and one of its inputs
    requires grad. With a symbol: returns what the symbol's ``__apply_op__`` builds.
    """
    values = []
    tracked = has_tensor = has_array = has_list = False
    for a in args:
        if isinstance(a, Tensor):
            has_tensor = True
            values.append(a._data)
            if a.requires_grad:
                tracked = True
        else:
            values.append(a)
            if type(a) is _ndarray:
                has_array = True
            elif type(a) is list or type(a) is tuple:
                has_list = True
    if not has_tensor:
        return _without_tensors(op, args, options)
    if has_list:  # rules ask their arguments for shapes and array methods
        args = tuple([np.array(a) if isinstance(a, (list, tuple)) else a for a in args])
        values = [a._data if isinstance(a, Tensor) else a for a in args]

    modes = current()
    if tracked:
        tracked = modes.recording and op.differentiable
    saved = None
    try:
        if tracked and op.kernel is not None:
            needs = [isinstance(a, Tensor) and a.requires_grad for a in args]
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
    out._data = data if type(data) is _ndarray else np.asarray(data)
    out._id = tick()
    out._grad = out.name = out._hooks = None
    out._retains = False
    if tracked:
        if op.without_rule:
            _refuse_gradient_without_rule(op, args)
        if has_array:  # a later change of the caller's array must not reach the gradient
            args = tuple([a.copy() if type(a) is _ndarray else a for a in args])
        frame = _frame(2)
        out.requires_grad = True
        out._op = op
        out._args = args
        out._options = options
        out._saved = saved
        out._code = frame.f_code
        out._place = frame.f_lasti  # the instruction; made_at turns it into a line when asked
        out._scope = modes.scope
    else:
        out.requires_grad = False
        out._op = out._args = out._options = out._saved = out._code = out._place = out._scope = None
    if modes.journal is not None or modes.anomaly:
        _watch(out, op, modes)
    return out


def _without_tensors(op, args, options):
    for a in args:
        if hasattr(type(a), "__apply_op__"):
            return type(a).__apply_op__(op, args, options)
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
    kind = DTypeError if isinstance(error, TypeError) else _shape_error(error)
    text = str(error).split("\n")[0]
    return kind(explain(op.name, got=got + (f"; {given}" if given else ""), expected=_expected(op), where="") + f"\n  NumPy: {text}")


def _shape_error(error):
    from .errors import IndexRangeError, ShapeError

    return IndexRangeError if isinstance(error, IndexError) else ShapeError


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
    from .errors import AnomalyError, user_line

    out._code, out._place = None, user_line()
    if modes.journal is not None and out.requires_grad:
        modes.journal.tensors.append(out)
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
