"""What the engine answers where mathematics leaves a choice: kinks, ties, poles, and the engine's own edges.

Libraries differ here and rarely say so: the gradient of |x| at 0 is 0 in PyTorch and 1 in JAX. Ours is stated by
the op itself (``conventions`` in its class), evaluated by the tests and collected here. The principle: PyTorch's
value where it is finite; where PyTorch answers NaN although a value lets training go on, that value.

>>> from tinygrad_nlp.conventions import table
>>> next(row.gradients for row in table() if row.op == "abs")
(0.0,)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .op import registry


@dataclass(frozen=True)
class OpConvention:
    """One row of `table`: the gradients of ``op(*arguments, **options)`` for dJ/d(out) = 1."""

    op: str
    where: str
    arguments: tuple
    options: Mapping
    gradients: tuple
    why: str


@dataclass(frozen=True)
class EngineConvention:
    """A choice that holds for every op: the case, what happens, and why."""

    case: str
    answer: str
    why: str


ENGINE = (
    EngineConvention(
        "an array without elements",
        "sums to 0, and its gradient is an array without elements, of its shape and dtype",
        "an empty batch is a batch; the empty sum is 0",
    ),
    EngineConvention(
        "a tensor the loss does not depend on",
        "its grad stays None: it is not set to zeros",
        "None tells a forgotten connection from a gradient that is 0. PyTorch: same",
    ),
    EngineConvention(
        "a tensor whose only way to the loss has slope 0 (sign, relu below 0)",
        "its grad is an array of zeros",
        "it is connected, and the slope is known",
    ),
    EngineConvention(
        "integers and booleans",
        "take part in every op as constants; requires_grad=True is refused with DTypeError",
        "a derivative needs real neighbours. PyTorch: same",
    ),
    EngineConvention(
        "a comparison",
        "gives a tensor of bool that does not require grad",
        "it is flat wherever it is continuous",
    ),
    EngineConvention(
        "broadcasting",
        "the gradient has the argument's own shape: it is summed over every axis along which the argument was copied",
        "a sum undoes a copy (multivariate chain rule; broadcasting.py)",
    ),
    EngineConvention(
        "dtype",
        "a gradient has the dtype of its tensor; Python numbers never change a dtype (NumPy's promotion)",
        "a float32 model trains in float32. PyTorch: same",
    ),
    EngineConvention(
        "a tensor used twice, or backward called twice",
        "gradients add up",
        "J depends on it along several paths, and the chain rule sums over paths. PyTorch: same",
    ),
    EngineConvention(
        "NaN as input",
        "the result is NaN; a rule made of comparisons (relu, maximum, clip) answers 0 there",
        "NaN is neither above nor below a kink; detect_anomaly() finds where it came from",
    ),
)


def table() -> tuple[OpConvention, ...]:
    """Every op's conventions, by name of the op."""
    return tuple(
        OpConvention(name, c.where, c.arguments, MappingProxyType(c.options), c.gradients, c.why)
        for name, op in sorted(registry.items())
        for c in op.conventions or ()
    )


def smooth_ops() -> tuple[str, ...]:
    """The differentiable ops that need no convention: their derivative exists wherever they are defined."""
    return tuple(name for name, op in sorted(registry.items()) if op.differentiable and not op.conventions)
