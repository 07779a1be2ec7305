"""The stated choices: complete, true of the engine, and compared with PyTorch.

That each op does what its conventions say is checked in test_registry.py.
"""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp import Tensor
from tinygrad_nlp.conventions import ENGINE, smooth_ops, table

ROWS = table()

# PyTorch's function where it is neither torch.<name> nor torch.nn.functional.<name> with our arguments.
IN_TORCH = {
    "clip": lambda torch, x, **o: torch.clamp(x, **o),
    "embedding": lambda torch, table, index, **o: torch.nn.functional.embedding(torch.as_tensor(index), table, **o),
    "l1": lambda torch, x, t: torch.nn.functional.l1_loss(x, t),
    "l2_normalize": lambda torch, x: torch.nn.functional.normalize(x, dim=-1),
    "layer_norm": lambda torch, x, w, b, eps: torch.nn.functional.layer_norm(x, x.shape[-1:], w, b, eps=eps),
    "max": lambda torch, x: torch.amax(x),
    "min": lambda torch, x: torch.amin(x),
    "norm": lambda torch, x, ord=2: torch.linalg.vector_norm(x, ord=ord),
    "sort": lambda torch, x: torch.sort(x, stable=True).values,
    "std": lambda torch, x: torch.std(x, correction=0),
    "where": lambda torch, condition, x, y: torch.where(torch.tensor(condition), x, y),
    **{name: lambda torch, x, name=name: getattr(torch, f"a{name[3:]}")(x) for name in ("arcsin", "arccos")},
}

# Ours on purpose, with PyTorch's answer; the reason is the convention's.
DIFFERENT = {
    ("l2_normalize", "x = 0"): ((1e12, 1e12, 1e12),),
    ("logaddexp", "x = y = -inf"): (np.nan, np.nan),
    ("maximum", "NaN"): (1.0, 1.0),
    ("minimum", "NaN"): (1.0, 1.0),
}


def torch_gradients(torch, row):
    def convert(a):
        real = isinstance(a, (float, tuple, list))
        return torch.tensor(a, dtype=torch.float64, requires_grad=True) if real else a

    function = IN_TORCH.get(row.op)
    if function is None:
        plain = getattr(torch.nn.functional, row.op, None) or getattr(torch, row.op, None)
        assert plain, f"name PyTorch's form of {row.op} in IN_TORCH"

        def function(torch, *args, **options):
            return plain(*args, **options)

    args = [convert(a) for a in row.arguments]
    out = function(torch, *args, **dict(row.options))
    out.backward(torch.ones_like(out))
    return [a.grad.numpy() if torch.is_tensor(a) and a.grad is not None else None for a in args]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.op}: {row.where}")
def test_convention_is_torchs_or_listed_as_different(row):
    torch = pytest.importorskip("torch")
    theirs = torch_gradients(torch, row)
    expected = DIFFERENT.get((row.op, row.where), row.gradients)
    for ours, got in zip(expected, theirs):
        if ours is not None:
            got = np.zeros(np.shape(ours)) if got is None else got
            np.testing.assert_allclose(got, np.asarray(ours, np.float64), rtol=1e-6, atol=1e-12)


def test_every_difference_is_a_row_and_names_torchs_answer():
    rows = {(row.op, row.where): row for row in ROWS}
    for key in DIFFERENT:
        assert key in rows and "PyTorch" in rows[key].why
        assert not np.array_equal(np.asarray(rows[key].gradients), np.asarray(DIFFERENT[key]), equal_nan=True)


def test_the_table_is_complete():
    assert len(ROWS) == sum(len(op.conventions or ()) for op in tg.registry.values())
    named = {row.op for row in ROWS}
    assert {"relu", "abs", "maximum", "clip", "sqrt", "pow", "where"} <= named
    differentiable = {name for name, op in tg.registry.items() if op.differentiable}
    assert named & set(smooth_ops()) == set() and differentiable <= named | set(smooth_ops())
    assert [row.op for row in ROWS] == sorted(row.op for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.op}: {row.where}")
def test_a_row_is_readable(row):
    assert row.where and len(row.why) > 10
    assert len(row.gradients) == len(row.arguments)
    with pytest.raises(TypeError):
        row.options["x"] = 1


def leaf(data, dtype=np.float64):
    return Tensor(np.array(data, dtype), requires_grad=True)


def empty():
    x = leaf(np.zeros((0, 3)), np.float32)
    out = (x * 2).sum()
    out.backward()
    assert out.item() == 0 and x.grad.shape == (0, 3) and x.grad.dtype == np.float32


def unused():
    x, y = leaf(1.0), leaf(1.0)
    (y * 2).backward()
    assert x.grad is None


def flat():
    x = leaf([-1.0, -2.0])
    tg.relu(x).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]


def whole_numbers():
    x = leaf([1.0, 2.0])
    (x * np.array([3, 0]) * Tensor([True, False])).sum().backward()
    assert x.grad.tolist() == [3.0, 0.0]
    with pytest.raises(tg.DTypeError):
        Tensor([1, 2], requires_grad=True)


def compared():
    out = leaf([1.0, 2.0]) > 1
    assert out.dtype == bool and not out.requires_grad


def broadcast():
    x, y = leaf([1.0, 2.0]), leaf(np.ones((3, 1)))
    (x * y).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0] and y.grad.tolist() == [[3.0]] * 3


def kept_dtype():
    x = leaf([1.0, 2.0], np.float32)
    out = 1 / (2.5 * x + 1) ** 2
    out.sum().backward()
    assert out.dtype == x.grad.dtype == np.float32
    y = leaf([1.0, 2.0], np.float32)
    (y * np.array([1.0, 2.0])).sum().backward()  # float64 by NumPy's promotion, yet:
    assert y.grad.dtype == np.float32


def added():
    x = leaf(3.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad == 12.0


def not_a_number():
    for op, options in ((tg.relu, {}), (tg.clip, {"min": 0.0})):
        x = leaf(np.nan)
        out = op(x, **options)
        out.backward()
        assert np.isnan(out.data) and x.grad == 0.0


CHECKS = {
    "an array without elements": empty,
    "a tensor the loss does not depend on": unused,
    "a tensor whose only way to the loss has slope 0 (sign, relu below 0)": flat,
    "integers and booleans": whole_numbers,
    "a comparison": compared,
    "broadcasting": broadcast,
    "dtype": kept_dtype,
    "a tensor used twice, or backward called twice": added,
    "NaN as input": not_a_number,
}


@pytest.mark.parametrize("case", ENGINE, ids=lambda case: case.case)
def test_what_is_said_of_the_engine_is_true(case):
    assert case.answer and case.why
    CHECKS[case.case]()
