"""What there is to say of an op, gathered as data: `explain` writes it as text, as Markdown and as a page.

Nothing here is written for one op by hand. The derivation is the op's own; the code is the source of its rules; the
formula is that code run on symbols; the example is one of its samples, its gradient measured by differences.
"""

from __future__ import annotations

import inspect
import textwrap
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..broadcasting import sum_to_shape
from ..op import Op

FEW = 15
"""An example shows at most so many numbers an array, if the op has such a sample."""

LONG = 240
"""A generated formula of more LaTeX than this teaches less than the rule's code beside it."""

STEP = 1e-6
AGREE = 1e-6
"""Differences of step 1e-6 leave an error of about 1e-10 of the function's size in float64; 1e-6 is far outside it."""


@dataclass(frozen=True)
class Example:
    """One call of an op on few numbers.

    inputs    [(name, value), …]; options: those that are not as by default
    result    what it returns
    arriving  the gradient 1, 2, 3 … at the result; None where no gradient is defined
    sent      [(name, what the rule sends back), …]
    error     the largest difference of ``sent`` from central differences, relative to the largest element; None if
              it cannot be measured (float32)
    """

    inputs: list
    options: dict
    result: np.ndarray
    arriving: np.ndarray | None
    sent: list
    error: float | None


class Explanation:
    """All that is known of one op."""

    def __init__(self, op: Op):
        self.op, self.name, self.derivation = op, op.name, op.derivation

    @property
    def call(self) -> str:
        """How it is called: name and parameters."""
        return f"{self.name}{self.op.__signature__}"

    @property
    def about(self) -> str:
        """The first paragraph of its documentation, on one line."""
        return " ".join((self.op.__doc__ or "").split("\n\n")[0].split())

    @property
    def family(self) -> str:
        """The module it stands in, without the package: ``normalize``."""
        return self.op.__module__.rpartition(".")[2]

    @property
    def conventions(self) -> list:
        """[(where, the gradient there in words, why), …]"""
        return [
            (c.where, ", ".join("none" if g is None else " ".join(listed(g).split()) for g in c.gradients), c.why)
            for c in self.op.conventions or ()
        ]

    @cached_property
    def code(self) -> str:
        """The source of its rules."""
        rules = list(dict.fromkeys(rule for rule in self.op.rules if rule is not None))
        try:
            return "\n\n".join(textwrap.dedent(inspect.getsource(rule)).rstrip() for rule in rules)
        except OSError:  # an op typed into a console
            return ""

    @cached_property
    def call_of_example(self):
        """(arguments, options) of a finite sample with a few numbers in it; None where there is none."""
        drawn = [sample.draw(np.random.default_rng(0)) for sample in self.op.samples]
        if not drawn and self.op.differentiable:  # an op of the user's: as `check` tries it
            rng = np.random.default_rng(0)
            drawn = [([rng.normal(size=(2, 3)) for _ in self.op.arguments], {})]
        stacks = [(values, options) for values, options in drawn if np.ndim(values[0]) == 3 and len(values[0])]
        # one matrix of a stack shows as much as the stack
        drawn += [([a[0] if np.ndim(a) == 3 else a for a in values], options) for values, options in stacks]
        found = None
        for values, options in drawn:
            size = max((np.size(a) for a in values), default=0)
            if not all(a is None or np.isfinite(np.asarray(a, np.float64)).all() for a in values):
                continue
            try:
                args, complete = self.op.bind(tuple(values), options)
                with np.errstate(all="ignore"):
                    self.op.forward(*args, **complete)
            except Exception:  # noqa: BLE001, S112 - the slice of a sample may be no call that the op accepts
                continue
            if 1 < size <= FEW:
                return args, complete
            if found is None or size > found[0]:
                found = size, (args, complete)
        return found and found[1]

    def named(self, args):
        """Names of the arguments: x_1, x_2 … where any number is taken."""
        if not self.op.variadic:
            return self.op.arguments
        return [f"{self.op.arguments[0].removesuffix('s')}_{i + 1}" for i in range(len(args))]

    def learns(self, i, value) -> bool:
        """True if a gradient is sent to the argument at ``i``."""
        return self.op.rule(i) is not None and np.asarray(value).dtype.kind == "f"

    @cached_property
    def example(self) -> Example | None:
        """A worked example, or None without samples."""
        if self.call_of_example is None:
            return None
        op, (args, options) = self.op, self.call_of_example
        with np.errstate(all="ignore"):
            out = np.asarray(op.forward(*args, **options))
        names = self.named(args)
        inputs = [(name, a) for name, a in zip(names, args) if a is not None]
        shown = {k: v for k, v in options.items() if not same(v, op.defaults.get(k))}
        if not op.differentiable or out.dtype.kind != "f":
            return Example(inputs, shown, out, None, [], None)
        g = np.arange(1.0, out.size + 1, dtype=out.dtype).reshape(out.shape)
        sent, errors = [], []
        for i, (name, a) in enumerate(zip(names, args)):
            if not self.learns(i, a):
                continue
            with np.errstate(all="ignore"):
                back = np.asarray(op.rule(i)(g, out, *args, **options))
            if op.broadcasts and back.shape != np.shape(a):
                back = sum_to_shape(back, np.shape(a))
            sent.append((name, back))
            errors.append(np.abs(back - measured(op, args, options, i, g)).max(initial=0.0))
            errors[-1] /= np.abs(back).max(initial=1.0)
        exact = all(np.asarray(v).dtype == np.float64 for v in (out, *(b for _, b in sent)))
        return Example(inputs, shown, out, g, sent, max(errors, default=0.0) if exact else None)

    @cached_property
    def formula(self) -> tuple[list, list]:
        """([(left, right), …], [what the letters mean, …]) in LaTeX: the rules run on the symbols of the example.

        Empty where it would be longer than it is worth.
        """
        from ..formula import formulas
        from ..tensor import Tensor

        if self.example is None or self.example.arriving is None:
            return [], []
        args, options = self.call_of_example
        tensors = [
            Tensor(a, requires_grad=True, name=name) if self.learns(i, a) else a
            for i, (name, a) in enumerate(zip(self.named(args), args))
        ]
        wanted = [t for t in tensors if isinstance(t, Tensor)]
        out = self.op(*tensors, **options)
        loss = (out * Tensor(self.example.arriving, name=r"\bar s")).sum()
        lines, where = [], []
        for t in wanted:
            [made] = formulas(loss, [t])
            if not made.shortened and len(made.latex()) <= LONG:
                lines += made.lines
                where += [w for w in made.where if w not in where]
        return lines, where

    def picture(self) -> str:
        """The example as a graph with values and gradients: SVG; '' where no gradient flows."""
        from tinygrad_nlp import record_gradients
        from tinygrad_nlp.visualize import draw

        from ..tensor import Tensor

        if self.example is None or self.example.arriving is None:
            return ""
        args, options = self.call_of_example
        with record_gradients():
            tensors = [
                Tensor(a, requires_grad=True, name=name) if self.learns(i, a) else a
                for i, (name, a) in enumerate(zip(self.named(args), args))
            ]
            out = self.op(*tensors, **options)
            out.name = "s"
            out.backward(self.example.arriving)
        drawing = draw(out, view="both")
        for node in drawing.graph.nodes.values():
            node.made_at = None  # a line of this file says nothing
        return drawing.svg(engine="builtin")


def measured(op, args, options, i, g):
    """dJ/d(argument i) by central differences, for dJ/d(out) = g."""
    x = np.array(args[i], np.float64)
    found = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        sides = []
        for step in (STEP, -STEP):
            moved = x.copy()
            moved[place] += step
            with np.errstate(all="ignore"):
                sides.append(np.asarray(op.forward(*args[:i], moved, *args[i + 1 :], **options)))
        found[place] = (g * (sides[0] - sides[1])).sum() / (2 * STEP)
    return found


def same(value, default):
    """True for an option left as it is."""
    return type(value) is type(default) and not hasattr(value, "shape") and value == default


def listed(value, width=84) -> str:
    """An array, or a number, with four digits after the point."""
    return np.array2string(np.asarray(value), precision=4, separator=", ", max_line_width=width, threshold=40)
