"""Products of vectors and matrices."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.ops.arrays import numbers, tensor

FORWARD = {
    "matmul": np.matmul,
    "linear": lambda x, weight, bias: np.einsum("...n,mn->...m", x, weight) + bias,
    "outer": np.outer,
    "vecdot": np.vecdot,
}


# ---- matmul


def product_gradients(x, y, g):
    """Gradients of x @ y by loops over single products: each s_ij = Σ_k x_ik y_kj sends ḡ_ij y_kj and ḡ_ij x_ik."""
    x2, y2 = (x[None] if x.ndim == 1 else x), (y[:, None] if y.ndim == 1 else y)
    stack = np.broadcast_shapes(x2.shape[:-2], y2.shape[:-2])
    g2 = g.reshape(*stack, x2.shape[-2], y2.shape[-1])
    gx, gy = np.zeros_like(x2), np.zeros_like(y2)
    for place in np.ndindex(stack):
        # A stack axis of length 1 is read at 0 by every place.
        own = [
            tuple(0 if n == 1 else i for n, i in zip(a.shape[:-2], place[len(place) - (a.ndim - 2) :]))
            for a in (x2, y2)
        ]
        for i, j, k in np.ndindex(x2.shape[-2], y2.shape[-1], y2.shape[-2]):
            gx[(*own[0], i, k)] += g2[(*place, i, j)] * y2[(*own[1], k, j)]
            gy[(*own[1], k, j)] += g2[(*place, i, j)] * x2[(*own[0], i, k)]
    return gx.reshape(x.shape), gy.reshape(y.shape)


LEFT = [(3,), (2, 3), (4, 2, 3), (1, 2, 3), (5, 1, 2, 3), (0, 3)]
RIGHT = [(3,), (3, 2), (4, 3, 2), (1, 3, 1), (5, 4, 3, 2), (2, 1, 1, 3, 2)]


@pytest.mark.parametrize("left", LEFT, ids=str)
@pytest.mark.parametrize("right", RIGHT, ids=str)
def test_matmul_of_every_pair_of_ranks_equals_loops(left, right):
    x, y = tensor(*left), tensor(*right, seed=1)
    try:
        expected = np.matmul(x.data, y.data)
    except ValueError:
        with pytest.raises(tg.ShapeError, match="leading axes"):
            tg.matmul(x, y)
        return
    out = x @ y
    np.testing.assert_array_equal(out.data, expected)
    g = numbers(*out.shape, seed=2)
    out.backward(g)
    gx, gy = product_gradients(x.data, y.data, g)
    np.testing.assert_allclose(x.grad, gx, atol=1e-12)
    np.testing.assert_allclose(y.grad, gy, atol=1e-12)


def test_matmul_names_both_shapes_and_the_inner_dimensions():
    words = r"^matmul: \(3, 4\) @ \(5, 2\): inner dimensions 4 and 5 differ"
    with pytest.raises(tg.ShapeError, match=words + r" \(hidden @ W\); expected a second argument") as caught:
        tensor(3, 4, name="hidden") @ tensor(5, 2, name="W")
    assert str(caught.value).count("(3, 4)") == 1
    with pytest.raises(tg.ShapeError, match=words + "; expected a second argument whose first matrix axis is 4"):
        tensor(3, 4) @ tensor(5, 2)
    with pytest.raises(tg.ShapeError, match=r"write instead: x @ y\.mT"):
        tensor(3, 4) @ tensor(5, 4)
    with pytest.raises(tg.ShapeError, match=r"expected at least one axis each\n  write instead: x \* y for a number"):
        tg.matmul(tensor(3), 2.0)
    with pytest.raises(tg.ShapeError, match=r"leading axes \(2,\) and \(3,\) do not broadcast"):
        tensor(2, 3, 4) @ tensor(3, 4, 5)


def test_an_argument_that_no_rule_reads_may_change_after_the_forward_pass():
    x, w = tg.Tensor(numbers(2, 3)), tensor(3, 4)
    out = x @ w
    with tg.no_grad():
        w.fill_(0.0)  # only the gradient of x would need w
    out.backward(np.ones((2, 4)))
    np.testing.assert_allclose(w.grad, x.data.T @ np.ones((2, 4)))


# ---- dot, inner, outer, vecdot


@pytest.mark.parametrize("left, right", [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 2))])
def test_dot_is_numpys_for_vectors_and_matrices(left, right):
    x, y = numbers(*left), numbers(*right, seed=1)
    np.testing.assert_array_equal(tg.dot(tg.Tensor(x), y).data, np.dot(x, y))


def test_linear_is_the_three_ops_it_stands_for_to_the_bit():
    rng = np.random.default_rng(3)
    leaves = [tg.Tensor(rng.normal(size=n).astype(np.float32), requires_grad=True) for n in ((5, 4), (3, 4), (3,))]
    x, weight, bias = leaves
    weights = rng.normal(size=(5, 3)).astype(np.float32)
    one, three = tg.linear(x, weight, bias), x @ weight.T + bias
    assert np.array_equal(one.data, three.data)
    assert tg.linear(x.data, weight.data, bias.data).dtype == np.float32
    for a, b in zip(tg.grad((one * weights).sum(), leaves), tg.grad((three * weights).sum(), leaves)):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.parametrize(
    "shapes, words",
    [
        (((2, 4), (3, 5), (3,)), r"x: \(2, 4\) float32.*expected x: \(…, n\), weight: \(m, n\), bias: \(m,\)"),
        (((2, 3), (3, 5), (5,)), r"write instead: weight\.T"),
        (((2, 5), (3, 5), (1,)), r"bias: \(1,\)"),  # NumPy would broadcast it
        (((2, 5), (3, 5), (2, 3)), r"bias: \(2, 3\)"),
        (((), (3, 5), (3,)), r"linear: x: \(\)"),
    ],
)
def test_linear_refuses_what_does_not_fit(shapes, words):
    tensors = [tg.Tensor(np.ones(n, np.float32), requires_grad=True) for n in shapes]
    for arguments in (tensors, [t.data for t in tensors]):
        with pytest.raises(tg.ShapeError, match="(?s)" + words):
            tg.linear(*arguments)


def test_dot_refuses_other_ranks_and_points_to_matmul():
    with pytest.raises(tg.ShapeError, match=r"dot of 3-d and 2-d: x of shape \(2, 3, 4\).*\n  write instead: matmul"):
        tg.dot(tensor(2, 3, 4), tensor(4, 2))
    with pytest.raises(tg.ShapeError, match=r"write instead: x \* y for a number"):
        tg.dot(tensor(2), 3.0)


@pytest.mark.parametrize("left, right", [((3,), (3,)), ((2, 3), (4, 3)), ((2, 5, 3), (3,)), ((3,), (2, 3))])
def test_inner_is_numpys_and_its_gradient_einsums(left, right):
    x, y = tensor(*left), tensor(*right, seed=1)
    out = tg.inner(x, y)
    np.testing.assert_allclose(out.data, np.inner(x.data, y.data), atol=1e-14)
    g = numbers(*out.shape, seed=2)
    out.backward(g)
    np.testing.assert_allclose(x.grad, np.tensordot(g, y.data, y.ndim - 1), atol=1e-13)


def test_products_of_vectors_refuse_what_numpy_would_flatten_or_broadcast():
    with pytest.raises(tg.ShapeError, match=r"outer: shapes \(2, 3\) and \(3,\); expected two vectors"):
        tg.outer(tensor(2, 3), tensor(3))
    with pytest.raises(tg.ShapeError, match=r"vecdot: shapes \(2, 3\) and \(2, 1\); expected last axes of one length"):
        tg.vecdot(tensor(2, 3), tensor(2, 1))
    with pytest.raises(tg.ShapeError, match=r"inner: shapes \(2, 3\) and \(4,\)"):
        tg.inner(tensor(2, 3), tensor(4))
