"""Gradient checking: is what `backward` computes the derivative of what the function computes?

The derivative is measured by central differences, [f(x + h) − f(x − h)] / 2h, whose error is at most

    h²/6 · max|f‴|  +  u·|f| / h        (Taylor's theorem; u = 2⁻⁵² is float64's spacing at 1),

with h = ``eps`` = 1e-6 about 2e-13·|f‴| + 2e-10·|f|. In float32, u = 1.2e-7: the best h leaves some 3e-5·|f|, more
after many ops and wherever f is large against its derivative, and a wrong factor of 1.001 can hide in that. So float64
is required. Near a kink (relu at 0) the difference measures the mean of two slopes and nothing follows from it: draw
inputs at least ``eps`` away.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .backward import sweep
from .errors import DTypeError, GradientError, OptionError, describe, explain
from .finding import Finding, compare
from .modes import enable_grad, no_grad
from .op import Op
from .rowsparse import RowSparse
from .tensor import Tensor
from .transforms import vjp

__all__ = ["Finding", "compare", "find_wrong_gradients", "gradcheck", "gradgradcheck"]

ROUNDING = 2.0**-52


def gradcheck(
    function,
    inputs,
    *more,
    eps=1e-6,
    atol=1e-7,
    rtol=1e-5,
    raise_exception=True,
    fast=False,
    seed=0,
    complex_step=False,
):
    """True if the gradients of ``function(*inputs)`` are those that differences measure.

    function         returns a Tensor or several, the same for the same inputs (no dropout)
    inputs           one tuple or list. Tensors that require grad, or arrays, of float64 are checked; everything else
                     is held fixed
    eps              the step; the module's docstring bounds the error it leaves
    atol, rtol       accept |analytic − numeric| <= atol + rtol·|numeric| + the rounding that a difference of values as
                     large as the outputs has. A factor of 1.0001 fails
    raise_exception  False returns False instead of raising
    fast             compare uᵀJv for random u and v instead of every element: 2 evaluations an argument instead of
                     2 an element. A fault is missed with probability 0 in theory; one below tolerance·size can hide.
                     What fails is checked again element by element to name the place
    complex_step     measure Im f(x + ih) / h with h = 1e-30, free of cancellation, where ``function`` is analytic and
                     its ops take complex numbers (no abs, max, relu); then rtol may be 1e-12

    Raises GradientError naming the argument, the place, both values and a first diagnosis; DTypeError for float32;
    OptionError for inputs that are not in one tuple.

    >>> import numpy as np
    >>> from tinygrad_nlp.gradient_check import gradcheck
    >>> gradcheck(lambda x, y: (x * y).sum(), [np.ones((2, 3)), np.ones(3)])
    True
    """
    _refuse_more("gradcheck", function, inputs, more)
    wrong = find_wrong_gradients(
        function, inputs, eps=eps, atol=atol, rtol=rtol, fast=fast, seed=seed, complex_step=complex_step
    )
    if wrong and raise_exception:
        raise GradientError(
            "\n".join(_message(function, *item, explain_wrong(function, inputs, item, seed)) for item in wrong)
        )
    return not wrong


def explain_wrong(function, inputs, item, seed=0):
    """The mistakes, the likeliest first, behind one ``item`` of what `find_wrong_gradients` returns: Diagnosis records.

    An op's rule is called with other arguments and compared with the slips of a right one; a function's graph is
    searched for what left it, was overwritten or has a wrong rule. Last, the numbers alone are looked at.
    """
    from .diagnosis.of_function import explain_arrays, explain_function
    from .diagnosis.of_rule import explain_rule

    position, output, _, _, finding = item
    prepared, chosen = _prepared(inputs)
    found = []
    if isinstance(function, Op):
        arrays, options = function.bind(tuple(prepared), {})
        found = explain_rule(function, [_plain(a) for a in arrays], options, position, seed)
    if not found and finding.analytic_jacobian is not None:
        found = explain_function(function, prepared, chosen, output, position, seed)
        ndim = prepared[position].ndim
        name = _argument(function, position)
        found = found or explain_arrays(finding.analytic_jacobian, finding.numeric_jacobian, ndim, name, seed)
    return found


def _plain(argument):
    return argument._data if isinstance(argument, Tensor) else argument


def gradgradcheck(function, inputs, *more, eps=1e-6, atol=1e-6, rtol=1e-5, raise_exception=True, fast=False, seed=0):
    """`gradcheck` of the gradient itself: of (inputs, g) -> gᵀJ for a random g, so that second derivatives are right.

    Arguments are those of `gradcheck`. In messages the arguments after ``inputs`` are the cotangents g.
    """
    _refuse_more("gradgradcheck", function, inputs, more)
    inputs, chosen = _prepared(inputs)
    rng = np.random.default_rng(seed)
    with no_grad():
        outputs = _outputs(function, [Tensor(a) if i in chosen else a for i, a in enumerate(inputs)])
    cotangents = [rng.normal(size=out.shape) for out in outputs if out.dtype.kind == "f"]

    def gradient(*arguments):
        xs, g = list(arguments[: len(inputs)]), list(arguments[len(inputs) :])

        def of_chosen(*variables):
            for i, v in zip(chosen, variables):
                xs[i] = v
            return tuple(out for out in _outputs(function, xs) if out.dtype.kind == "f")

        return vjp(of_chosen, *[xs[i] for i in chosen])[1](tuple(g))

    gradient.__name__ = f"gradient of {_name(function)}"
    return gradcheck(
        gradient,
        [*inputs, *cotangents],
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        fast=fast,
        seed=seed,
    )


def find_wrong_gradients(function, inputs, *, eps=1e-6, atol=1e-7, rtol=1e-5, fast=False, seed=0, complex_step=False):
    """What `gradcheck` would refuse: [(argument position, output position, shape of output, of argument, Finding)]."""
    inputs, chosen = _prepared(inputs)
    if not chosen:
        raise OptionError(
            explain(
                f"gradcheck of {_name(function)}",
                got="no input to check: " + ", ".join(describe(a) for a in inputs),
                expected="at least one float64 array, or Tensor with requires_grad=True",
                write="Tensor(data, requires_grad=True, dtype=np.float64)",
            )
        )
    variables = [Tensor(a, requires_grad=True) if i in chosen else a for i, a in enumerate(inputs)]
    with enable_grad():
        outputs = _outputs(function, variables)
    _refuse_random(function, inputs, chosen, outputs)
    step = 1e-30 if complex_step else eps
    measure = _complex_step if complex_step else _central_difference
    noise = 0.0 if complex_step else 4 * ROUNDING / eps
    wrong, rng = [], np.random.default_rng(seed)
    for k, out in enumerate(outputs):
        if out.dtype.kind != "f":
            continue
        size = float(np.abs(out._data).max()) if out.size else 0.0
        for i in chosen:

            def value(x, i=i, k=k):
                arguments = [a if j not in chosen else Tensor(x if j == i else inputs[j]) for j, a in enumerate(inputs)]
                with no_grad():
                    return _outputs(function, arguments)[k]._data

            x, variable = inputs[i], variables[i]
            if fast and _directions_agree(out, variable, x, value, measure, step, size, noise, atol, rtol, seed):
                continue
            numeric = np.empty(out.shape + x.shape)
            for place in np.ndindex(x.shape):
                direction = np.zeros_like(x)
                direction[place] = 1.0
                numeric[(..., *place)] = measure(value, x, direction, step)
            analytic = _analytic(out, variable)
            if not _is_linear(out, variable, analytic, rng):
                text = "the answer is not linear in the gradient that arrives: it enters squared, or not at all"
                finding = Finding("not linear", text, None, analytic_jacobian=analytic, numeric_jacobian=numeric)
                wrong.append((i, k, out.shape, x.shape, finding))
                continue
            finding = compare(analytic, numeric, x.ndim, atol=atol + noise * size, rtol=rtol)
            if not finding:
                finding = replace(finding, analytic_jacobian=analytic, numeric_jacobian=numeric)
                wrong.append((i, k, out.shape, x.shape, finding))
    return wrong


def _refuse_more(name, function, inputs, more):
    """``gradcheck(f, x, y)``: y would be the step to a PyTorch user and an input to others."""
    if more:
        step = ", eps=… for the step" if isinstance(more[-1], float) else ""
        several = isinstance(inputs, (tuple, list))
        names = ", ".join("xyzuvw"[: len(inputs) if several else 1 + len(more)]) + "," * (several and len(inputs) == 1)
        raise OptionError(
            explain(
                f"{name} of {_name(function)}",
                got=f"{1 + len(more)} arguments after the function: " + ", ".join(describe(a) for a in (inputs, *more)),
                expected="the inputs in one tuple, and options by name",
                write=f"{name}({_name(function)}, ({names}){step})",
            )
        )


def _prepared(inputs):
    """(inputs with arrays for those to be checked, the positions of those). Refuses other floats than float64."""
    inputs = list(inputs) if isinstance(inputs, (tuple, list)) else [inputs]
    chosen = []
    for i, a in enumerate(inputs):
        if not (a.requires_grad if isinstance(a, Tensor) else isinstance(a, np.ndarray) and a.dtype.kind == "f"):
            continue
        if a.dtype != np.float64:
            raise DTypeError(
                explain(
                    "gradcheck",
                    got=describe(a, f"input {i}"),
                    expected="float64: differences in less cannot tell a right gradient from a nearly right one",
                    write="Tensor(data, requires_grad=True, dtype=np.float64), or x.astype(np.float64)",
                )
            )
        inputs[i] = np.array(a._data if isinstance(a, Tensor) else a)
        chosen.append(i)
    return inputs, chosen


def _outputs(function, arguments):
    out = function(*arguments)
    outputs = list(out) if isinstance(out, (tuple, list)) else [out]
    for t in outputs:
        if not isinstance(t, Tensor):
            raise GradientError(
                explain(
                    f"gradcheck of {_name(function)}",
                    got=f"a result of type {type(t).__name__}",
                    expected="a Tensor, or a tuple of them",
                    write="the ops of tinygrad_nlp on the arguments, not on their .data",
                )
            )
    return outputs


def _refuse_random(function, inputs, chosen, outputs):
    with no_grad():
        again = _outputs(function, [Tensor(a) if i in chosen else a for i, a in enumerate(inputs)])
    for a, b in zip(outputs, again):
        # Not to the last bit: recorded and unrecorded runs may add in another order.
        if a.shape != b.shape or not np.allclose(a._data, b._data, rtol=1e-9, atol=1e-12, equal_nan=True):
            raise GradientError(
                explain(
                    f"gradcheck of {_name(function)}",
                    got="two different results for the same inputs",
                    expected="a function without randomness or memory",
                    write="model.eval(), dropout(p=0), or the same seed inside the function",
                )
            )


def _central_difference(value, x, direction, step):
    return (value(x + step * direction) - value(x - step * direction)) / (2 * step)


def _complex_step(value, x, direction, step):
    return np.imag(value(x + 1j * step * direction)) / step


def _pull(out, variable, cotangent):
    """cotangentᵀ J as the engine computes it, whatever its shape; zeros if nothing arrives."""
    if not out.requires_grad:
        return np.zeros(variable.shape)
    found = sweep([(out, cotangent)], retain_graph=True, wanted=[variable], any_shape=True)
    g = found[0][1] if found else np.zeros(variable.shape)
    return g.dense() if isinstance(g, RowSparse) else np.asarray(g)


def _analytic(out, variable):
    """The Jacobian of ``out``, a row for each of its elements: (*output shape, *shape of the rule's answer)."""
    rows = []
    for place in np.ndindex(out.shape):
        unit = np.zeros(out.shape)
        unit[place] = 1.0
        rows.append(_pull(out, variable, unit))
    return np.stack(rows).reshape(out.shape + rows[0].shape) if rows else np.zeros(out.shape + variable.shape)


def _is_linear(out, variable, analytic, rng):
    """Is the answer to a random gradient what the answers to unit gradients add up to?"""
    u = rng.normal(size=out.shape)
    g = _pull(out, variable, u)
    if analytic.shape != out.shape + g.shape or not np.isfinite(analytic).all():
        return True  # wrong in another way, and said there
    sums = np.tensordot(u, analytic, out.ndim) if out.ndim else u * analytic
    size = np.tensordot(np.abs(u), np.abs(analytic), out.ndim) if out.ndim else np.abs(sums)
    return bool((np.abs(g - sums) <= 1e-9 * size + 1e-12).all())


def _directions_agree(out, variable, x, value, measure, step, size, noise, atol, rtol, seed):
    rng = np.random.default_rng(seed)
    u, v = rng.normal(size=out.shape), rng.normal(size=x.shape)
    g = _pull(out, variable, u)
    if g.shape != x.shape:
        return False
    change = u * measure(value, x, v, step)
    analytic, numeric = float((g * v).sum()), float(change.sum())
    # Terms may cancel in the sums: what is small against its terms cannot be judged by its own size.
    tolerance = rtol * max(abs(numeric), 1e-3 * float(np.abs(g * v).sum())) + (atol + noise * size) * np.abs(u).sum()
    return abs(analytic - numeric) <= tolerance


def _name(function):
    return function.name if isinstance(function, Op) else getattr(function, "__name__", None) or repr(function)


def _argument(function, i):
    names = getattr(function, "arguments", ()) or getattr(getattr(function, "__code__", None), "co_varnames", ())
    known = isinstance(function, Op) and not function.variadic and i < len(names)
    if not known and hasattr(function, "__code__"):
        known = i < function.__code__.co_argcount
    return f"argument {i} ({names[i]})" if known else f"argument {i}"


def _message(function, i, k, out_shape, x_shape, finding, mistakes):
    text = (
        f"gradcheck of {_name(function)}: the gradient of output {k} {out_shape} "
        f"with respect to {_argument(function, i)} {x_shape} is wrong"
    )
    if finding.position is not None:
        outer, at = len(out_shape), finding.position
        text += (
            f"\n  largest difference at argument index {at[outer:]}, output index {at[:outer]}: "
            f"analytic {finding.analytic:.9g}, numeric {finding.numeric:.9g}, "
            f"difference {finding.difference:.3g}, tolerance {finding.tolerance:.3g}"
        )
    if not mistakes or mistakes[0].kind == "different":
        return f"{text}\n  {finding.kind}: {finding.diagnosis}"
    return f"{text}\n  {mistakes[0]}\n  write instead: {mistakes[0].fix}"
