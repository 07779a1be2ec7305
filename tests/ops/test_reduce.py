"""Reductions: values by loops, conventions at ties, gradients where a division would fail, errors by their words."""

import math
from fractions import Fraction

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.numerical import assert_close, directional_derivative, gradient
from tinygrad_nlp.errors import OptionError, ShapeError


def reduced(function):
    """A function of a list of numbers to one number, run over ``axis`` element by element: slow and plain."""

    def naive(x, axis=None, keepdims=False, **options):
        x = np.asarray(x)
        axes = range(x.ndim) if axis is None else [a % x.ndim for a in np.atleast_1d(axis)] if x.ndim else []
        kept = [1 if i in axes else n for i, n in enumerate(x.shape)]
        out = np.zeros(kept, np.asarray(function([1.0, 2.0], **options)).dtype)
        for place in np.ndindex(*kept):
            index = tuple(slice(None) if i in axes else place[i] for i in range(x.ndim))
            out[place] = function(np.ravel(x[index]).tolist(), **options)
        return out if keepdims else out.reshape([n for i, n in enumerate(x.shape) if i not in axes])

    return naive


def variance(values, ddof=0):
    mean = math.fsum(values) / len(values)
    return math.fsum((v - mean) ** 2 for v in values) / (len(values) - ddof)


def length(values, ord=2):
    sizes = [abs(v) for v in values]
    return max(sizes) if ord == np.inf else math.fsum(s**ord for s in sizes) ** (1 / ord)


def running_sum(x, axis=None, reverse=False):
    x = np.ravel(x) if axis is None else np.asarray(x)
    lines = np.moveaxis(x, axis if axis is not None else 0, -1)
    out = np.zeros(lines.shape)
    for k in range(lines.shape[-1]):
        out[..., k] = sum((lines[..., i] for i in (range(k, lines.shape[-1]) if reverse else range(k + 1))), 0.0)
    return np.moveaxis(out, -1, axis if axis is not None else 0)


FORWARD = {
    "all": reduced(lambda values: int(all(values))),
    "any": reduced(lambda values: int(any(values))),
    "count_nonzero": reduced(lambda values: len([v for v in values if v != 0])),
    "cumsum": running_sum,
    "max": reduced(lambda values: sorted(values)[-1]),
    "mean": reduced(lambda values: math.fsum(values) / len(values)),
    "min": reduced(lambda values: sorted(values)[0]),
    "norm": reduced(length),
    "prod": reduced(lambda values: float(math.prod(values))),
    "std": reduced(lambda values, ddof=0: math.sqrt(variance(values, ddof))),
    "sum": reduced(math.fsum),
    "var": reduced(variance),
}


def grad(function, x):
    t = tg.Tensor(np.asarray(x), requires_grad=True)
    out = function(t)
    out.backward(np.ones(out.shape, out.dtype))
    return t.grad


NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    "x",
    [
        [2.0, -3.0, 0.5],
        [2.0, 0.0, -3.0, 0.5],
        [0.0, 4.0, 0.0, 5.0, 2.0],
        [0.0, 0.0, 0.0],
        [0.0],
        [7.0],
        [1e-200, 1e200, 1e-200, 1e200],
    ],
)
def test_gradient_of_prod_is_the_product_of_the_others_zeros_or_not(x):
    others = [float(math.prod(map(Fraction, x[:i] + x[i + 1 :]))) for i in range(len(x))]
    np.testing.assert_allclose(grad(tg.prod, x), others, rtol=1e-14)


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
@pytest.mark.parametrize("n", [2, 3, 5, 6])
def test_second_derivative_of_prod_leaves_two_out(zeros, n):
    x = np.arange(2.0, 2.0 + n)
    x[:zeros] = 0.0
    for i in range(n):
        t = tg.Tensor(x, requires_grad=True)
        t.prod().backward(create_graph=True)
        first, t.grad = t.grad, None
        first[i].backward()
        expected = [0.0 if i == j else math.prod(np.delete(x, [i, j]).tolist()) for j in range(n)]
        np.testing.assert_allclose(t.grad, expected, rtol=1e-13)


def test_prod_over_two_axes_with_zeros():
    x = np.random.default_rng(0).normal(size=(3, 2, 5))
    x[0, 1, 2] = x[2, 0, 3] = x[2, 1, 3] = 0.0
    weights = np.array([1.0, -2.0])
    got = grad(lambda t: (t.prod(axis=(0, 2)) * weights).sum(), x)
    assert_close(got, gradient(lambda a: (a.prod(axis=(0, 2)) * weights).sum(), x), 1e-9)


@pytest.mark.parametrize("name, sign", [("max", 1.0), ("min", -1.0)])
def test_ties_share_evenly_along_the_axis(name, sign):
    x = sign * np.array([[1.0, 5.0, 5.0], [2.0, 2.0, 2.0], [3.0, 0.0, 1.0]])
    function = tg.registry[name]
    third = 1 / 3
    np.testing.assert_allclose(
        grad(lambda t: function(t, axis=1), x), [[0, 0.5, 0.5], [third, third, third], [1, 0, 0]]
    )
    np.testing.assert_allclose(grad(function, x), [[0, 0.5, 0.5], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(
        grad(lambda t: function(t, axis=(0, 1), keepdims=True), x), [[0, 0.5, 0.5], [0, 0, 0], [0, 0, 0]]
    )


@pytest.mark.parametrize("name", ["max", "min", "sum", "mean", "var", "std", "prod", "norm", "cumsum"])
@pytest.mark.filterwarnings("ignore:(invalid value|divide by zero)")
def test_nan_is_not_lost(name):
    x = np.array([[1.0, NAN, 2.0], [3.0, 4.0, 5.0]])
    out = tg.registry[name](x, axis=1)
    assert np.isnan(out[0]).any() and np.isfinite(out[1]).all()
    assert np.isfinite(grad(lambda t: tg.registry[name](t, axis=1), x)[1]).all(), "a NaN reached another row"


def test_max_of_nan_has_no_finite_gradient():
    with np.errstate(invalid="ignore", divide="ignore"):
        assert np.isnan(grad(tg.max, [1.0, NAN])).all()


def test_mean_of_float16_does_not_overflow():
    assert tg.mean(np.full(1000, 1000.0, np.float16)) == 1000.0


@pytest.mark.parametrize("scale", [1e-40, 1e-30, 1e-20, 1.0, 1e20, 1e30])
def test_norm_of_float32_neither_overflows_nor_vanishes(scale):
    x = np.array([3.0, -4.0], np.float32) * np.float32(scale)
    exact = np.asarray(x, np.float64)
    np.testing.assert_allclose(tg.norm(x), math.hypot(*exact), rtol=1e-6)
    got = grad(tg.norm, x)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, [0.6, -0.8], rtol=1e-4)


def test_norm_of_infinite_and_of_integers():
    assert tg.norm(np.array([INF, 1.0])) == INF
    assert tg.norm(np.array([3, 4])) == 5.0
    assert tg.norm(np.full(4, 100, np.int8)) == 200.0, "100 squared does not fit int8"


def test_norm_takes_a_matrix_as_one_vector():
    x = np.arange(6.0).reshape(2, 3)
    assert_close(tg.norm(x, axis=(0, 1)), np.linalg.norm(x), 1e-14)
    assert_close(tg.norm(x, axis=(0, 1)), np.linalg.norm(x.ravel()), 1e-14)


def test_std_of_equal_elements_has_gradient_zero_beside_rows_that_have_one():
    x = np.array([[2.0, 2.0, 2.0], [1.0, 2.0, 4.0]])
    got = grad(lambda t: t.std(axis=1), x)
    np.testing.assert_array_equal(got[0], 0.0)
    assert_close(got[1], gradient(np.std, x[1]), 1e-9)


def test_sum_is_the_adjoint_of_expand():
    rng = np.random.default_rng(1)
    u, v = rng.normal(size=(4, 3)), rng.normal(size=(1, 3))
    assert_close((tg.sum(u, axis=0, keepdims=True) * v).sum(), (u * tg.expand(v, shape=(4, 3))).sum(), 1e-13)


def test_cumsum_is_the_matrix_of_ones_below_the_diagonal():
    x = np.arange(5.0)
    u = np.array([1.0, -1.0, 2.0, 0.5, 3.0])
    triangle = np.tril(np.ones((5, 5)))
    np.testing.assert_allclose(tg.cumsum(x), triangle @ x)
    np.testing.assert_allclose(grad(lambda t: (tg.cumsum(t) * u).sum(), x), triangle.T @ u)
    np.testing.assert_allclose(tg.cumsum(x, reverse=True), triangle.T @ x)


def test_of_no_elements():
    empty = np.zeros((2, 0))
    np.testing.assert_array_equal(tg.sum(empty, axis=1), [0, 0])
    np.testing.assert_array_equal(tg.prod(empty, axis=1), [1, 1])
    np.testing.assert_array_equal(tg.norm(empty, axis=1), [0, 0])
    np.testing.assert_array_equal(tg.all(empty, axis=1), [True, True])
    np.testing.assert_array_equal(tg.any(empty, axis=1), [False, False])
    np.testing.assert_array_equal(tg.count_nonzero(empty, axis=1), [0, 0])
    assert tg.max(empty, axis=0).shape == tg.mean(empty, axis=0).shape == tg.std(empty, axis=0).shape == (0,)


@pytest.mark.parametrize(
    "name, words",
    [
        ("max", "max of h (2, 0) float32: 0 elements along axis=1; expected at least 1: nothing has no largest"),
        ("min", "min of h (2, 0) float32: 0 elements along axis=1; expected at least 1: nothing has no smallest"),
        (
            "mean",
            "mean of h (2, 0) float32: 0 elements along axis=1; expected at least 1: the mean of nothing is 0/0",
        ),
        ("var", "var of h (2, 0) float32: 0 elements along axis=1; expected at least 1"),
        ("std", "std of h (2, 0) float32: 0 elements along axis=1; expected at least 1"),
    ],
)
def test_what_nothing_has_is_refused(name, words):
    h = tg.Tensor(np.zeros((2, 0), np.float32), name="h")
    with pytest.raises(ShapeError) as raised:
        tg.registry[name](h, axis=1)
    assert words in str(raised.value) and "test_reduce.py" in str(raised.value)


@pytest.mark.parametrize("name", ["var", "std"])
def test_one_element_has_no_unbiased_variance(name):
    with pytest.raises(ShapeError, match="1 elements along axis=0; expected at least 2: .* less ddof=1"):
        tg.registry[name](np.ones((1, 3)), axis=0, ddof=1)


@pytest.mark.parametrize("name", sorted(FORWARD))
def test_an_axis_that_is_not_there_is_named(name):
    h = tg.Tensor(np.ones((2, 3)), name="h")
    with pytest.raises(ShapeError) as raised:
        tg.registry[name](h, axis=2)
    assert f"{name} of h (2, 3) float64: axis: 2 for an array of 2 axes; expected a number from -2 to 1" in str(
        raised.value
    )


@pytest.mark.parametrize("name", sorted(set(FORWARD) - {"cumsum"}))
def test_an_axis_named_twice_and_a_list_are_refused(name):
    with pytest.raises(ShapeError, match=rf"{name} of .*: an axis named twice"):
        tg.registry[name](np.ones((2, 3)), axis=(1, -1))
    with pytest.raises(ShapeError, match=r"expected a tuple\n  write instead: axis=\(0, 1\)"):
        tg.registry[name](np.ones((2, 3)), axis=[0, 1])


def test_cumsum_takes_one_axis():
    with pytest.raises(ShapeError, match=r"cumsum of \(2, 3\) float64: axis=\(0, 1\); expected one axis, or None"):
        tg.cumsum(np.ones((2, 3)), axis=(0, 1))


def test_an_unknown_norm_is_refused():
    with pytest.raises(OptionError, match=r"norm: ord=3; expected 1, 2 or math.inf"):
        tg.norm(np.ones(3), ord=3)


def test_pytorchs_names_for_axis_and_keepdims():
    x = tg.Tensor(np.ones((2, 3)))
    assert x.sum(dim=1, keepdim=True).shape == (2, 1)


AXES = [{}, {"axis": 1}, {"axis": (0, 2)}, {"axis": -1, "keepdims": True}]


@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "max", "min", "norm", "norm1", "norminf", "prod"])
def test_values_and_gradients_equal_pytorchs(name, axes):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(2).normal(size=(2, 3, 4)).round(1)  # rounded: ties occur
    dims = {"dim": axes.get("axis", (0, 1, 2)), "keepdim": axes.get("keepdims", False)}
    theirs = {
        "sum": lambda t: t.sum(**dims),
        "mean": lambda t: t.mean(**dims),
        "var": lambda t: t.var(correction=0, **dims),
        "std": lambda t: t.std(correction=0, **dims),
        "max": lambda t: t.amax(**dims),
        "min": lambda t: t.amin(**dims),
        "norm": lambda t: torch.linalg.vector_norm(t, **dims),
        "norm1": lambda t: torch.linalg.vector_norm(t, 1, **dims),
        "norminf": lambda t: torch.linalg.vector_norm(t, math.inf, **dims),
        "prod": None,
    }[name]
    options = {"norm1": {"ord": 1}, "norminf": {"ord": math.inf}}.get(name, {})
    if name == "prod":
        if isinstance(axes.get("axis"), tuple):
            pytest.skip("PyTorch's prod takes one axis")
        theirs = (lambda t: t.prod()) if not axes else (lambda t: t.prod(**dims))
        x[0, 1, 2] = x[1, 1, 1] = x[1, 1, 3] = 0.0
    t = torch.tensor(x, requires_grad=True)
    expected = theirs(t)
    u = np.random.default_rng(3).normal(size=tuple(expected.shape))
    expected.backward(torch.tensor(u))
    ours = tg.Tensor(x, requires_grad=True)
    out = tg.registry[name.removesuffix("1").removesuffix("inf")](ours, **axes, **options)
    out.backward(u)
    assert_close(out.data, expected.detach().numpy(), 1e-12, name)
    assert_close(ours.grad, t.grad.numpy(), 1e-12, name)


def test_gradient_of_var_sums_to_zero():
    """Moving all elements together changes no distance from the mean."""
    x = np.random.default_rng(4).normal(size=(3, 5))
    np.testing.assert_allclose(grad(lambda t: t.var(axis=1), x).sum(1), 0.0, atol=1e-15)
    along = directional_derivative(lambda t: np.var(x + t, axis=1))
    np.testing.assert_allclose(along, 0.0, atol=1e-10)


@pytest.mark.parametrize("name", ["mean", "var", "std"])
def test_float16_gradients_of_more_elements_than_float16_can_count(name):
    values = np.linspace(-1, 1, 70_000).astype(np.float16)
    half, wide = (tg.Tensor(values.astype(dtype), requires_grad=True) for dtype in (np.float16, np.float64))
    for x in (half, wide):
        tg.registry[name](x).backward()
    assert half.grad.dtype == np.float16
    np.testing.assert_allclose(half.grad, wide.grad, rtol=2e-3, atol=1e-7)  # 6e-8: the smallest float16
    half.grad = None
    tg.registry[name](half).backward(create_graph=True)
    np.testing.assert_allclose(half.grad.data, wide.grad, rtol=2e-3, atol=1e-7)


@pytest.mark.parametrize("name", ["max", "min"])
def test_two_arrays_as_pytorch_takes_them_are_answered(name):
    x = tg.Tensor([1.0, 2.0])
    with pytest.raises(tg.ShapeError, match=rf"{name}: \(2,\) float32 as axis; expected an int or a tuple") as caught:
        getattr(tg, name)(x, x)
    assert f"write instead: {name}imum(x, y), elementwise" in str(caught.value)
