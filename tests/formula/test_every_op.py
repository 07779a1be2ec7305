"""Whatever op a loss is made of, the formula printed for its gradient has the gradient's value."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp.formula import Formula, derivation, formula
from tinygrad_nlp.formula.parse import unknown

CASES = [
    pytest.param(op, i, id=f"{op.name}-{i}")
    for op in tg.registry.values()
    if op.differentiable and op.__module__.startswith("tinygrad_nlp")
    for i in range(len(op.samples))
]


def weighted(op, number):
    """(loss, tensors with a rule): the sum of the op's result, each element with a weight of its own."""
    rng = np.random.default_rng(number)
    values, options = op.samples[number].draw(rng)
    args, options = op.bind(tuple(values), options)
    ruled = [(op.rules[0] if op.variadic else op.rules[i]) is not None for i in range(len(args))]
    args = [
        tg.Tensor(a, requires_grad=True) if r and isinstance(a, np.ndarray) and a.dtype.kind == "f" else a
        for a, r in zip(args, ruled)
    ]
    tensors = [a for a in args if isinstance(a, tg.Tensor)]
    if not tensors:
        pytest.skip("this sample has integers alone")
    with np.errstate(all="ignore"):
        out = op(*args, **options)
        return (out * tg.Tensor(rng.normal(size=out.shape), name="g")).sum(), tensors


@pytest.mark.parametrize("layout", ["rows", "columns"])
@pytest.mark.parametrize("op, number", CASES)
def test_the_formula_of_every_op_has_the_value_of_its_gradient(op, number, layout):
    loss, tensors = weighted(op, number)
    for t in tensors:
        with np.errstate(all="ignore"):
            found = formula(loss, t, layout=layout)
        assert isinstance(found, Formula)
        assert found.simplified, found.latex()  # the algebra is right, not merely replaced
        assert found.is_right
        assert not unknown(found.latex())


@pytest.mark.parametrize("op, number", [case for case in CASES if case.values[1] in (0, 3)])
def test_the_derivation_of_every_op_has_lines_that_are_right(op, number):
    loss, tensors = weighted(op, number)
    with np.errstate(all="ignore"):
        made = derivation(loss, tensors)  # compares each line with the engine's gradient
    assert len(made.last) == len(tensors)
    assert all(step.rule and not unknown(step.latex) for step in (*made.shared, *made.last))
