"""Functions of functions: grad, value_and_grad, vjp, jvp, hvp, jacobian, hessian.

None needs a rule of its own. Each runs the function once on fresh variables and then sweeps the graph (backward.py);
because a rule runs on Tensors as it does on arrays, a swept gradient is a graph too and can be swept again.

**What goes in comes out.** Called with arrays or numbers, a transform answers with arrays (a 0-d one as a NumPy
scalar, as NumPy's functions do). Called with Tensors, or inside a function that another transform is differentiating,
it answers with Tensors, which carry a graph if they depend on something else that requires grad: so ``grad(grad(f))``
works.

**Numbers.** An array or Tensor of floats keeps its dtype. Whole numbers become float64, however they come: as a number,
a list, an array or a Tensor; so do Python floats, for in these functions accuracy is worth more than memory. Booleans
and complex numbers are refused.

**Why each variable is fresh.** In grad(lambda x: x * grad(lambda y: x * y)(x))(3.0) the inner derivative is with
respect to y alone, though y has the value of x: it is x, and the whole is x², with derivative 6. Were y the same node
as x, the inner gradient would count the uses of x too and give 2x, hence 12 in the end. So a variable that comes from
outside is replaced by an alias: a node of its own through which the outer gradient still flows.
"""

from __future__ import annotations

from contextvars import ContextVar

import numpy as np

from .backward import own_array, starting_gradient, sweep
from .errors import DTypeError, GradientError, OptionError, ShapeError, describe, explain
from .modes import current, enable_grad
from .op import registry
from .rowsparse import RowSparse
from .tensor import Tensor
from .versions import owner

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

_depth = ContextVar("tinygrad_nlp.transforms", default=0)  # how many transforms are running around this line


def grad(
    function, argnums=0, grad_outputs=None, retain_graph=None, create_graph=False, allow_unused=False, *, inputs=None
):
    """The gradient of a function, or of a tensor that has been computed.

    ``grad(f, argnums=0)`` returns a function of the same arguments that gives df/d(argument ``argnums``), a tuple of
    them if ``argnums`` is one. f must return one number. Where f does not depend on the argument the answer is zeros.

    ``grad(output, inputs, grad_outputs=None, …)`` returns a tuple with dJ/d(input) for each of ``inputs``, like
    ``torch.autograd.grad``: no ``.grad`` changes. ``output`` is a Tensor or several, ``grad_outputs`` what J's gradient
    with respect to them is (1 for a scalar). Arrays, or Tensors with ``create_graph=True``, as in ``.grad``. The graph
    is freed unless ``retain_graph`` (by default: unless ``create_graph``). An input that no output depends on raises,
    or gives None with ``allow_unused=True``.

    Raises GradientError for an output of several numbers (use `jacobian` or `vjp`), DTypeError for an argument
    that is not of real numbers or an output that is not of floats.

    >>> from tinygrad_nlp import Tensor
    >>> from tinygrad_nlp.transforms import grad
    >>> cube = lambda x: x * x * x
    >>> float(grad(cube)(2.0)), float(grad(grad(cube))(2.0))
    (12.0, 12.0)
    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> grad((x * x).sum(), [x])
    (array([2., 4.], dtype=float32),)
    """
    if isinstance(function, Tensor) or (
        isinstance(function, (list, tuple)) and all(isinstance(t, Tensor) for t in function)
    ):
        wanted = argnums if inputs is None else inputs
        return _grad_of_tensors(function, wanted, grad_outputs, retain_graph, create_graph, allow_unused)
    both = value_and_grad(function, argnums)

    def gradient(*args, **kwargs):
        return both(*args, **kwargs)[1]

    return _named(gradient, "gradient of", function)


def value_and_grad(function, argnums=0):
    """A function of ``function``'s arguments that returns (its value, its gradient); `grad` says the rest.

    >>> from tinygrad_nlp.transforms import value_and_grad
    >>> value, gradient = value_and_grad(lambda x, y: x * y, argnums=(0, 1))(3.0, 5.0)
    >>> float(value), [float(g) for g in gradient]
    (15.0, [5.0, 3.0])
    """

    def both(*args, **kwargs):
        run = _Run("grad", function, args, kwargs, argnums)
        out = run.one_number()
        gradients = run.pull([None], create_graph=run.connected)
        return run.answer(out), run.in_order([run.answer(g) for g in gradients])

    return _named(both, "value and gradient of", function)


def vjp(function, *primals):
    """(function(*primals), pullback): pullback(g) = gᵀJ, the gradient of sum(g · out), one per primal, in a tuple.

    One evaluation serves any number of calls of the pullback. If ``function`` returns a tuple, g is one too.

    >>> import numpy as np
    >>> from tinygrad_nlp.transforms import vjp
    >>> out, pullback = vjp(lambda x, y: x * y, np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 3., 40.]), array([ 1., 20.]))
    """
    run = _Run("vjp", function, primals, {}, tuple(range(len(primals))))

    def pullback(cotangents):
        given = _matched("pullback", cotangents, run.outputs, run.several, "cotangent")
        tracked = any(isinstance(g, Tensor) and g.requires_grad for g in given)
        gradients = run.pull(given, create_graph=run.connected or (tracked and current().recording), retain_graph=True)
        tensors = run.tensors or any(isinstance(g, Tensor) for g in given)
        return tuple(run.answer(g, tensors) for g in gradients)

    return run.value(), pullback


def jvp(function, primals, tangents):
    """(function(*primals), J·tangents): the derivative of the outputs along a direction of the inputs.

    ``primals`` and ``tangents``: tuples of equal shapes, or one array each. No forward rules exist here: gᵀJ is linear
    in g, so its own gradient with respect to g, along v, is J v ("double vjp": Townsend, "A new trick for calculating
    Jacobian vector products", 2017). Cost: a forward pass and two sweeps, the first one recorded.

    >>> import numpy as np
    >>> from tinygrad_nlp.transforms import jvp
    >>> value, change = jvp(lambda x: x * x, np.array([1.0, 2.0]), np.array([1.0, 0.5]))
    >>> change
    array([2., 2.])
    """
    primals, _ = _tuple(primals)
    run = _Run("jvp", function, primals, {}, tuple(range(len(primals))))
    given = _matched("jvp", tangents, run.variables, isinstance(tangents, (tuple, list)), "tangent")
    tensors = run.tensors or any(isinstance(t, Tensor) for t in given)
    tracked = run.connected or (current().recording and any(isinstance(t, Tensor) and t.requires_grad for t in given))
    g = [Tensor(np.zeros_like(out._data), requires_grad=out.requires_grad) for out in run.outputs]
    pulled = run.pull(g, create_graph=True)
    changes = _sweep_to(g, zip(pulled, given), create_graph=tracked)
    return run.value(), _same(run.several, [run.answer(c, tensors) for c in changes])


def hvp(function, primals, vectors):
    """The Hessian of a function of one number times ``vectors``, without the Hessian: d/dx ⟨df/dx, v⟩ = H v.

    ``primals`` and ``vectors``: tuples of equal shapes, or one array each; the answer has their form.

    >>> import numpy as np
    >>> from tinygrad_nlp.transforms import hvp
    >>> hvp(lambda x: (x * x * x).sum(), np.array([1.0, 2.0]), np.array([1.0, 10.0]))
    array([  6., 120.])
    """
    primals, several = _tuple(primals)
    run = _Run("hvp", function, primals, {}, tuple(range(len(primals))))
    given = _matched("hvp", vectors, run.variables, several, "vector")
    run.one_number()
    tensors = run.tensors or any(isinstance(v, Tensor) for v in given)
    tracked = run.connected or (current().recording and any(isinstance(v, Tensor) and v.requires_grad for v in given))
    gradients = run.pull([None], create_graph=True)
    products = _sweep_to(run.variables, zip(gradients, given), create_graph=tracked)
    return _same(several, [run.answer(p, tensors) for p in products])


def jacobian(function, argnums=0):
    """A function that gives d out[i] / d x[j] as an array of shape (*out.shape, *x.shape).

    A tuple of them for a tuple of ``argnums``; a tuple for each output if ``function`` returns several.
    Cost: one forward pass and one sweep per element of the output.

    >>> import numpy as np
    >>> from tinygrad_nlp.transforms import jacobian
    >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """

    def matrix(*args, **kwargs):
        run = _Run("jacobian", function, args, kwargs, argnums)
        per_output = []
        for k in range(len(run.outputs)):
            rows = [run.pull(g, create_graph=run.connected, retain_graph=True) for g in _units(run.outputs, k)]
            per_output.append(run.in_order([run.answer(_stacked(run, k, i, rows)) for i in range(len(run.variables))]))
        return _same(run.several, per_output)

    return _named(matrix, "jacobian of", function)


def hessian(function, argnums=0):
    """A function that gives d²f / dx[i] dx[j] as an array of shape (*x.shape, *x.shape): the Jacobian of the gradient.

    >>> import numpy as np
    >>> from tinygrad_nlp.transforms import hessian
    >>> hessian(lambda x: x[0] * x[0] * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    return _named(jacobian(grad(function, argnums), argnums), "hessian of", function)


class _Run:
    """One evaluation of ``function`` on fresh variables.

    variables  the Tensors that stand for the chosen arguments
    outputs    what came out, always a list
    tensors    answer with Tensors?
    connected  does an output depend on anything older than the variables, so that an answer must carry its graph?
    """

    def __init__(self, name, function, args, kwargs, argnums):
        self.name, self.function = name, getattr(function, "__name__", None) or repr(function)
        if not callable(function):
            raise OptionError(
                explain(name, got=describe(function), expected="a function of arrays", write=f"{name}(f)(x)")
            )
        self.one = not isinstance(argnums, (tuple, list))
        recording, depth = current().recording, _depth.get()
        self.tensors = depth > 0 or any(isinstance(a, Tensor) for a in (*args, *kwargs.values()))
        args = list(args)
        with enable_grad():  # called inside no_grad, a transform still needs the graph of its own function
            self.variables = []
            for i in [argnums] if self.one else argnums:
                if not isinstance(i, (int, np.integer)) or not -len(args) <= i < len(args):
                    raise OptionError(
                        explain(
                            f"{name} of {self.function}",
                            got=f"argnums={argnums!r} and {len(args)} positional arguments",
                            expected="the position of an argument, or a tuple of positions",
                        )
                    )
                args[i] = self._variable(args[i], i, recording)
                self.variables.append(args[i])
            token = _depth.set(depth + 1)
            try:
                out = function(*args, **kwargs)
            finally:
                _depth.reset(token)
        self.several = isinstance(out, (tuple, list))
        self.outputs = list(out) if self.several else [out]
        for t in self.outputs:
            self._check_output(t)
        self.connected = recording and self.tensors and _leads_before(self.outputs, self.variables)

    def _variable(self, x, i, recording):
        if isinstance(x, Tensor):
            array = x._data
            if x.requires_grad and recording:
                alias = registry["reshape"](x, shape=x.shape)
                alias.name = x.name
                return alias
        else:
            # A list of Python floats is an array of float64 to NumPy, which is what is wanted.
            array = np.array(x)
        if array.dtype.kind in "iu":
            array = array.astype(np.float64)
        if array.dtype.kind != "f":
            raise DTypeError(
                explain(
                    f"{self.name} of {self.function} with respect to argument {i}",
                    got=describe(array if array.dtype != object else type(x)),
                    expected="real numbers, for only they have derivatives",
                    write="x.astype(np.float64), or argnums= another argument",
                )
            )
        return Tensor(array, requires_grad=True, copy=False, name=getattr(x, "name", None))

    def _check_output(self, out):
        if not isinstance(out, Tensor):
            raise GradientError(
                explain(
                    f"{self.name} of {self.function}",
                    got=f"a result of type {type(out).__name__}, which no gradient can flow through",
                    expected="a Tensor, computed from the arguments by operators, methods and ops of tinygrad_nlp",
                    write="the ops of tinygrad_nlp on x itself, not on x.data or float(x)",
                )
            )
        if out.dtype.kind != "f":
            raise DTypeError(
                explain(
                    f"{self.name} of {self.function}", got=f"a result {describe(out)}", expected="a result of floats"
                )
            )

    def one_number(self):
        """The output, which must be a single number."""
        if self.several or self.outputs[0].size != 1:
            got = f"{len(self.outputs)} results" if self.several else f"a result {describe(self.outputs[0])}"
            raise GradientError(
                explain(
                    f"{self.name} of {self.function}",
                    got=got,
                    expected="one number",
                    write="f(x).sum(); jacobian(f)(x) for every derivative; vjp(f, x) for a weighted sum of them",
                )
            )
        return self.outputs[0]

    def pull(self, cotangents, *, create_graph, retain_graph=False):
        """gᵀJ for every variable: a Tensor with ``create_graph``, else an array."""
        seeds = [
            (out, starting_gradient(out, g, create_graph))
            for out, g in zip(self.outputs, cotangents)
            if out.requires_grad
        ]
        return _sweep_to(self.variables, seeds, create_graph=create_graph, retain_graph=retain_graph)

    def answer(self, value, tensors=None):
        """``value`` (array or Tensor) as the caller is to get it."""
        tensors = self.tensors if tensors is None else tensors
        if not tensors:
            return (value._data if isinstance(value, Tensor) else value)[()]
        if not isinstance(value, Tensor):
            return Tensor(value, copy=False)
        return value if self.connected or not self._only_ours(value) else value.detach()

    def _only_ours(self, value):
        """True if ``value`` requires grad on account of nothing but our own variables."""
        return not _leads_before([value], self.variables)

    def value(self):
        return _same(self.several, [self.answer(out) for out in self.outputs])

    def in_order(self, values):
        return values[0] if self.one else tuple(values)


def _sweep_to(variables, seeds, *, create_graph, retain_graph=False):
    """The gradient of every variable: what `sweep` found, zeros where nothing arrived."""
    seeds = [(t, g if create_graph or not isinstance(g, Tensor) else g._data) for t, g in seeds if _tracked(t)]
    if create_graph:
        seeds = [(t, g if isinstance(g, Tensor) else Tensor(g)) for t, g in seeds]
    taken = {id(owner(g)) for _, g in seeds if isinstance(g, np.ndarray)}  # arrays the answers must not share
    found = sweep(seeds, create_graph=create_graph, retain_graph=retain_graph, wanted=variables) if seeds else []
    by_id = {t._id: g for t, g in found}
    answers = []
    for v in variables:
        g = by_id.get(v._id)
        if g is None:
            g = np.zeros_like(v._data)
            g = Tensor(g, copy=False) if create_graph else g
        elif isinstance(g, Tensor):
            g = g if g.dtype == v.dtype else g.astype(v.dtype)
        else:
            g = own_array(g.dense() if isinstance(g, RowSparse) else g, v, taken)
        answers.append(g)
    return answers


def _tracked(t):
    return isinstance(t, Tensor) and t.requires_grad


def _leads_before(outputs, variables):
    """True if an output depends on a tensor that requires grad and is older than every one of ``variables``."""
    oldest = min((v._id for v in variables), default=0)
    waiting, seen = [t for t in outputs if t.requires_grad], set()
    while waiting:
        t = waiting.pop()
        if t._id < oldest:
            return True
        if t._id not in seen:
            seen.add(t._id)
            waiting.extend(a for a in t._args or () if _tracked(a))
    return False


def _grad_of_tensors(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused):
    outputs, _ = _tuple(outputs)
    inputs, _ = _tuple(inputs)
    given, _ = _tuple(grad_outputs) if grad_outputs is not None else ((None,) * len(outputs), True)
    for t in inputs:
        if not _tracked(t):
            raise GradientError(
                explain(
                    "grad(output, inputs)",
                    got=f"an input {describe(t)} that does not require grad",
                    expected="tensors with requires_grad=True, or a function as the first argument",
                    write="grad(output, [x]), or grad(f, argnums=0)(x)",
                )
            )
    if len(given) != len(outputs):
        raise ShapeError(
            explain(
                "grad(output, inputs)", got=f"{len(given)} grad_outputs", expected=f"{len(outputs)}, one per output"
            )
        )
    seeds = [(t, starting_gradient(t, g, create_graph)) for t, g in zip(outputs, given)]
    retain = create_graph if retain_graph is None else retain_graph
    found = {t._id: g for t, g in sweep(seeds, retain_graph=retain, create_graph=create_graph, wanted=inputs)}
    for t in inputs:
        if t._id not in found and not allow_unused:
            raise GradientError(
                explain(
                    "grad(output, inputs)",
                    got=f"an input {describe(t)} that the output does not depend on",
                    expected="inputs that the output was computed from",
                    write="allow_unused=True, to get None for it",
                )
            )
    taken = {id(owner(g)) for _, g in seeds if isinstance(g, np.ndarray)}
    return tuple(
        g if g is None or create_graph else own_array(g, t, taken) for t, g in ((t, found.get(t._id)) for t in inputs)
    )


def _matched(name, given, like, several, word):
    """``given`` as a list with a value for each of ``like``, of its shape and dtype."""
    values, is_tuple = _tuple(given)
    if several != is_tuple and not (len(like) == 1 and len(values) == 1):
        values = (given,)
    if len(values) != len(like):
        raise ShapeError(
            explain(name, got=f"{len(values)} {word}s", expected=f"{len(like)}: one for each of {_shapes(like)}")
        )
    result = []
    for i, (value, t) in enumerate(zip(values, like)):
        if not isinstance(value, Tensor):
            value = np.asarray(value, t.dtype)
        elif value.dtype != t.dtype:
            value = value.astype(t.dtype)
        if tuple(value.shape) != t.shape:
            raise ShapeError(explain(name, got=describe(value, f"{word} {i}"), expected=f"shape {t.shape}"))
        result.append(value)
    return result


def _shapes(tensors):
    return ", ".join(str(t.shape) for t in tensors)


def _units(outputs, k):
    """The cotangents that pick one element of output ``k`` each, in row order."""
    for index in np.ndindex(outputs[k].shape):
        g = [np.zeros_like(out._data) for out in outputs]
        g[k][index] = 1
        yield g


def _stacked(run, k, i, rows):
    """Rows of the Jacobian of output ``k`` with respect to variable ``i`` as one array or Tensor."""
    shape = run.outputs[k].shape + run.variables[i].shape
    parts = [row[i] for row in rows]
    if not parts:
        return np.zeros(shape, run.variables[i].dtype)
    if isinstance(parts[0], Tensor):
        return registry["stack"](parts, axis=0).reshape(shape)
    return np.stack(parts).reshape(shape)


def _tuple(x):
    """(``x`` as a tuple, whether it was a tuple or list)."""
    return (tuple(x), True) if isinstance(x, (tuple, list)) else ((x,), False)


def _same(several, values):
    return tuple(values) if several else values[0]


def _named(made, what, function):
    name = getattr(function, "__name__", repr(function))
    made.__name__ = made.__qualname__ = f"{what.split()[0]}_{name}"
    made.__doc__ = f"The {what} {name}."
    return made
