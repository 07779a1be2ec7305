"""Norms of gradients and activations per layer, step by step: what one looks at when a network does not learn."""

from __future__ import annotations

import math

import numpy as np

from ..errors import DTypeError, GradientError, OptionError, explain
from ..modes import is_grad_enabled
from ..rowsparse import RowSparse
from ..tensor import Tensor
from .module import Module


class watch:
    """Record, while a model is trained, how large its gradients and its activations are.

    >>> from tinygrad_nlp import Tensor, nn, optim
    >>> model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> with nn.watch(model) as norms:
    ...     for _ in range(5):
    ...         loss = (model(Tensor([[1.0, 2.0, 3.0]])) - 1).square().sum()
    ...         optimizer.zero_grad()
    ...         loss.backward()
    ...         norms.step()  # after backward, before the gradients are cleared
    ...         optimizer.step()
    >>> list(norms.gradients), list(norms.activations), len(norms.gradients["0.weight"])
    (['0.weight', '0.bias', '2.weight', '2.bias'], ['0', '1'], 5)

    model  any Module
    every  record each ``every``-th step only

    gradients    path of a parameter -> ‖∂J/∂W‖, the Euclidean norm; NaN where it had no gradient
    weights      path of a parameter -> ‖W‖, for the size of a gradient beside what it changes
    activations  path of a module -> the root of the mean square of its outputs since the last step, whatever
                 the size of the batch and of the layer; modules inside modules too; single numbers (losses) and what
                 is computed under no_grad (an evaluation) are not
    steps        the numbers of the recorded steps, from 1

    The three are lists of floats, as long as ``steps``. Outside the ``with`` block the model is as it was.
    ``tinygrad_nlp.visualize.plots.norms(norms.gradients, steps=norms.steps)`` draws them.

    Cost: one pass over each gradient and output that is recorded.
    """

    def __init__(self, model: Module, every: int = 1):
        if not isinstance(model, Module):
            raise DTypeError(explain("watch()", got=type(model).__name__, expected="a Module", write="watch(model)"))
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise OptionError(explain("watch()", got=f"every={every!r}", expected="a whole number of at least 1"))
        self.model, self.every = model, every
        self.gradients = {path: [] for path, _ in model.named_parameters()}
        self.weights = {path: [] for path in self.gradients}
        self.activations: dict[str, list[float]] = {}
        self.steps: list[int] = []
        self._count = 0
        self._seen: dict[str, list] = {}  # path -> [sum of squares, elements] since the last step
        self._undo: list = []

    def __enter__(self):
        if self._undo:
            raise OptionError(explain("watch()", got="a block inside its own block", expected="one at a time"))
        for path, module in self.model.named_modules():
            self._listen(path or type(module).__name__, module)
        return self

    def __exit__(self, *exc_info):
        for module, mine in self._undo:
            if mine is None:
                vars(module).pop("forward", None)
            else:
                object.__setattr__(module, "forward", mine)
        self._undo.clear()

    def _listen(self, path, module):
        # On the instance, beside its class's method: other instances of the class are not touched.
        forward = module.forward
        self._undo.append((module, vars(module).get("forward")))

        def heard(*args, **kwargs):
            out = forward(*args, **kwargs)
            wanted = (self._count + 1) % self.every == 0 and is_grad_enabled()
            if wanted and isinstance(out, Tensor) and out.size > 1:
                seen = self._seen.setdefault(path, [0.0, 0])
                seen[0] += _square(out._data)
                seen[1] += out.size
            return out

        object.__setattr__(module, "forward", heard)

    def step(self) -> None:
        """Record the step that was just computed. Raises GradientError if no parameter has a gradient."""
        self._count += 1
        if self._count % self.every:
            return
        held = dict(self.model.named_parameters())
        if held and all(p._grad is None for p in held.values()):
            raise GradientError(
                explain(
                    "watch().step()",
                    got="no parameter with a gradient",
                    expected="gradients: a call after backward() and before zero_grad()",
                    write="loss.backward(); norms.step(); optimizer.step()",
                )
            )
        for path, parameter in held.items():
            # A parameter that came later has no norm before.
            for record, value in ((self.gradients, _norm(parameter._grad)), (self.weights, _norm(parameter._data))):
                record.setdefault(path, [math.nan] * len(self.steps)).append(value)
        for path in {**self.activations, **self._seen}:
            total, count = self._seen.get(path, (math.nan, 1))
            self.activations.setdefault(path, [math.nan] * len(self.steps)).append(math.sqrt(total / count))
        self._seen.clear()
        self.steps.append(self._count)

    def __repr__(self):
        return f"<norms of {len(self.gradients)} parameters over {len(self.steps)} steps>"


def _norm(g) -> float:
    if g is None:
        return math.nan
    if isinstance(g, RowSparse):
        g = g.merged()[1]  # contributions to one row are one number
    return math.sqrt(_square(g._data if isinstance(g, Tensor) else g))


def _square(array) -> float:
    """Σ x², in float64: the squares of float32 numbers above 10¹⁹ overflow."""
    flat = np.asarray(array).reshape(-1)
    with np.errstate(over="ignore"):
        total = float(np.dot(flat, flat))
    return total if math.isfinite(total) else float(np.square(flat, dtype=np.float64).sum())
