"""Every op of the registry, at every sample it declares, held to everything we promise of an op.

A new op needs no new test here: it is found in the registry. Its forward is compared with a NumPy form that the
test of its family states in ``FORWARD``; an op without one fails.
"""

import ast
import importlib
import inspect
import textwrap
from pathlib import Path

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.numerical import assert_close, directional_derivative
from tinygrad_nlp.backward import sweep
from tinygrad_nlp.reads import values_read
from tinygrad_nlp.samples import Draw

FORWARD = {}
for path in sorted(Path(__file__).parent.glob("ops/test_*.py")):
    FORWARD.update(getattr(importlib.import_module(f"tests.ops.{path.stem}"), "FORWARD", {}))

OPS = [op for op in tg.registry.values() if op.__module__.startswith("tinygrad_nlp")]
DIFFERENTIABLE = [op for op in OPS if op.differentiable]
CASES = [pytest.param(op, s, id=f"{op.name}-{i}") for op in OPS for i, s in enumerate(op.samples)]
GRADIENT_CASES = [pytest.param(op, s, id=f"{op.name}-{i}") for op in DIFFERENTIABLE for i, s in enumerate(op.samples)]


def is_float(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def draw(op, sample, seed=0, dtype=np.float64):
    """The sample's arguments and its complete options, as the op itself would bind them."""
    arguments, options = sample.draw(np.random.default_rng(seed), dtype)
    arguments, options = op.bind(tuple(arguments), options)
    return list(arguments), options


def normal(shape, seed):
    """Standard normal numbers, an array even where the shape is ()."""
    return np.asarray(np.random.default_rng(seed).normal(size=shape))


def places(op, arguments):
    """Positions of the arguments that have a rule and are differentiable."""
    return [
        i for i, a in enumerate(arguments) if is_float(a) and (op.rules[0] if op.variadic else op.rules[i]) is not None
    ]


def tensors(op, arguments, requires=True):
    wanted = places(op, arguments)
    return [tg.Tensor(a, requires_grad=requires and i in wanted) if is_float(a) else a for i, a in enumerate(arguments)]


def gradients(op, arguments, options, u):
    """The engine's uᵀJ for every differentiable argument, run on arrays; zeros where nothing arrived."""
    inputs = tensors(op, arguments)
    out = op(*inputs, **options)
    out.backward(u)
    return [
        np.asarray(inputs[i].grad) if inputs[i].grad is not None else np.zeros_like(arguments[i])
        for i in places(op, arguments)
    ]


def test_there_are_ops():
    assert len(OPS) > 2


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_an_op_is_documented_whole(op):
    assert op.__doc__ and len(op.__doc__) > 10
    assert op.samples, "an op declares samples to be tested on"
    assert op.conventions is not None, "an op states its conventions, or conventions = smooth"
    assert op.derivation is not None
    d = op.derivation
    assert d.statement and d.source and d.shapes and "->" in d.shapes
    assert isinstance(d.steps, tuple) and (d.steps or not op.differentiable)
    for line in (d.statement, *d.steps):
        assert "$" not in line and line.count("{") == line.count("}"), line


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=lambda op: op.name)
def test_rules_are_written_in_the_polymorphic_notation(op):
    for rule in op.rules:
        if rule is None:
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(rule)))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert "np" not in names, f"{op.name}: a rule that calls np cannot be recorded or printed"
        assert not any(isinstance(n, (ast.AugAssign, ast.Delete)) for n in ast.walk(tree)), (
            "a rule changes nothing in place"
        )


@pytest.mark.parametrize("op, sample", CASES)
def test_forward_equals_numpy(op, sample):
    assert op.name in FORWARD, f"state NumPy's form of {op.name} in FORWARD of tests/ops/test_<family>.py"
    arguments, options = draw(op, sample)
    expected = FORWARD[op.name](*arguments, **options)
    kept = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    on_arrays = op(*arguments, **options)
    on_tensors = op(*tensors(op, arguments, requires=False), **options)
    assert_close(on_arrays, expected, 1e-12, op.name)
    if isinstance(on_tensors, tg.Tensor):
        np.testing.assert_array_equal(on_tensors.data, np.asarray(on_arrays))
        assert not on_tensors.requires_grad
    for before, after in zip(kept, arguments):
        if isinstance(before, np.ndarray):
            np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("op, sample", GRADIENT_CASES)
def test_gradient_equals_finite_differences(op, sample):
    arguments, options = draw(op, sample)
    out = np.asarray(op.forward(*arguments, **options))
    u = normal(out.shape, 1)
    kept = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    got = gradients(op, arguments, options, u)
    for before, after in zip(kept, arguments):
        if isinstance(before, np.ndarray):
            np.testing.assert_array_equal(before, after)
    for i, g in zip(places(op, arguments), got):
        assert g.shape == arguments[i].shape and g.dtype == arguments[i].dtype
        v = normal(arguments[i].shape, 10 + i)

        def along(t, i=i, v=v):
            moved = [np.asarray(a + t * v) if j == i else a for j, a in enumerate(arguments)]
            return (np.asarray(op.forward(*moved, **options)) * u).sum()

        assert_close((g * v).sum(), directional_derivative(along), 1e-7, f"{op.name}, argument {i}")


@pytest.mark.parametrize("op, sample", GRADIENT_CASES)
def test_rule_is_linear_and_adjoint_to_the_jacobian(op, sample):
    """⟨v, Ju⟩ = ⟨Jᵀv, u⟩ with Ju from the transpose of the recorded rule, and Jᵀ(2v) = 2Jᵀv."""
    arguments, options = draw(op, sample)
    inputs = tensors(op, arguments)
    out = op(*inputs, **options)
    v = normal(out.shape, 2)
    once, twice = gradients(op, arguments, options, v), gradients(op, arguments, options, 2 * v)
    for a, b in zip(once, twice):
        assert_close(b, 2 * a, 1e-12, op.name)
    dummy = tg.Tensor(v, requires_grad=True)
    for i, g in zip(places(op, arguments), once):
        found = sweep([(op(*inputs, **options), dummy)], create_graph=True, wanted=[inputs[i]])
        if not found:
            continue
        jtv = found[0][1]
        assert_close(jtv.data, g, 1e-10, f"{op.name}: graph reading of argument {i}")
        u = normal(arguments[i].shape, 20 + i)
        if not jtv.requires_grad:  # the rule is constant: zero
            assert not np.any(jtv.data)
            continue
        jtv.backward(u)  # d/dv <Jᵀv, u> = Ju
        ju = np.zeros_like(v) if dummy.grad is None else np.asarray(dummy.grad)
        assert_close((v * ju).sum(), (g * u).sum(), 1e-10, f"{op.name}, argument {i}")
        dummy.grad = None


@pytest.mark.parametrize("op, sample", GRADIENT_CASES)
def test_second_order_gradient_equals_finite_differences(op, sample):
    arguments, options = draw(op, sample)
    u = normal(np.shape(op.forward(*arguments, **options)), 3)
    wanted = places(op, arguments)
    directions = [normal(arguments[i].shape, 30 + i) for i in wanted]

    inputs = tensors(op, arguments)
    found = sweep([(op(*inputs, **options), tg.Tensor(u))], create_graph=True, wanted=[inputs[i] for i in wanted])
    by_id = {t._id: g for t, g in found}
    total = None
    for i, w in zip(wanted, directions):
        g = by_id.get(inputs[i]._id)
        if g is not None:
            part = (g * w).sum()
            total = part if total is None else total + part
    if total is not None and total.requires_grad:
        total.backward()

    for i in wanted:
        v = normal(arguments[i].shape, 40 + i)
        second = np.zeros_like(arguments[i]) if inputs[i].grad is None else np.asarray(inputs[i].grad)

        def first_order(t, i=i, v=v):
            moved = [np.asarray(a + t * v) if j == i else a for j, a in enumerate(arguments)]
            return sum(float((g * w).sum()) for g, w in zip(gradients(op, moved, options, u), directions))

        assert_close((second * v).sum(), directional_derivative(first_order), 1e-6, f"{op.name}, argument {i}")


@pytest.mark.parametrize("op, sample", GRADIENT_CASES)
def test_float32_stays_float32_and_near_float64(op, sample):
    arguments, options = draw(op, sample)
    single = [a.astype(np.float32) if is_float(a) else a for a in arguments]
    double = [a.astype(np.float64) if is_float(a) else a for a in single]
    out32, out64 = np.asarray(op(*single, **options)), np.asarray(op(*double, **options))
    assert out32.dtype == np.float32
    assert_close(out32, out64, 2e-5, op.name)
    u = normal(out64.shape, 4)
    for a, b in zip(gradients(op, single, options, u.astype(np.float32)), gradients(op, double, options, u)):
        assert a.dtype == np.float32
        assert_close(a, b, 2e-4, op.name)


@pytest.mark.parametrize("op, sample", GRADIENT_CASES)
def test_non_contiguous_input_gives_the_same(op, sample):
    arguments, options = draw(op, sample)
    spread = []
    for a in arguments:
        if isinstance(a, np.ndarray) and a.ndim:
            wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
            wide[..., ::2] = a
            a = np.asarray(wide, order="F")[..., ::2]
        spread.append(a)
    out, strided = np.asarray(op(*arguments, **options)), np.asarray(op(*spread, **options))
    assert_close(strided, out, 1e-12, op.name)
    u = normal(out.shape, 5)
    for a, b in zip(gradients(op, arguments, options, u), gradients(op, spread, options, np.asarray(u, order="F"))):
        assert_close(b, a, 1e-12, op.name)


@pytest.mark.parametrize("op, sample", [c for c in GRADIENT_CASES if c.values[0].kernel is not None])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_kernel_equals_rule(op, sample, dtype):
    arguments, options = draw(op, sample, dtype=dtype)
    tolerance = 1e-12 if dtype is np.float64 else 1e-5
    needs = [i in places(op, arguments) for i in range(len(arguments))]
    out = op.forward(*arguments, **options)
    fast, saved = op.kernel(needs, *arguments, **options)
    assert_close(fast, out, tolerance, op.name)
    for seed in (6, None):
        u = np.asarray(np.ones(np.shape(out)) if seed is None else normal(np.shape(out), seed), dtype)
        parts = op.kernel_vjp(u, fast, saved, needs, *arguments, **options)
        for i in places(op, arguments):
            expected = op.rule(i)(u, out, *arguments, **options)
            assert_close(np.asarray(parts[i]), np.asarray(expected), tolerance, f"{op.name}, argument {i}")


@pytest.mark.parametrize("op, sample", GRADIENT_CASES)
def test_a_rule_reads_only_what_values_read_says(op, sample):
    """Overwrite with NaN what the stale-value check would let pass: the gradient must not notice."""
    arguments, options = draw(op, sample)
    out = np.asarray(op.forward(*arguments, **options))
    u = normal(out.shape, 7)
    for i in places(op, arguments):
        read = values_read(op, i)
        poisoned = [
            np.full_like(a, np.nan) if is_float(a) and op.arguments[0 if op.variadic else j] not in read else a
            for j, a in enumerate(arguments)
        ]
        masked = out if "out" in read else np.full_like(out, np.nan)
        clean, dirty = op.rule(i)(u, out, *arguments, **options), op.rule(i)(u, masked, *poisoned, **options)
        np.testing.assert_array_equal(np.asarray(clean), np.asarray(dirty))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # at a pole NumPy says so
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_conventions_are_what_the_rule_does(op):
    for c in op.conventions:
        arguments = [np.asarray(a, np.float64) if isinstance(a, (float, tuple, list)) else a for a in c.arguments]
        inputs = tensors(op, arguments)
        out = op(*inputs, **c.options)
        out.backward(np.ones(out.shape))
        for t, expected in zip(inputs, c.gradients):
            if expected is not None:
                got = np.zeros(t.shape) if t.grad is None else np.asarray(t.grad)
                np.testing.assert_allclose(got, np.asarray(expected, np.float64), err_msg=f"{op.name} at {c.where}")


@pytest.mark.parametrize("op", [op for op in OPS if op.broadcasts], ids=lambda op: op.name)
def test_broadcasting_ops_are_sampled_at_zero_size_and_zero_dimensions(op):
    shapes = {a.shape for s in op.samples for a in s.arguments if isinstance(a, Draw)}
    assert () in shapes and any(0 in shape for shape in shapes)
