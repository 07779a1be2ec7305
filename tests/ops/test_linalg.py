"""Matrix products and friends."""

import numpy as np
import pytest

import tinygrad_nlp as tg

FORWARD = {
    "matmul": np.matmul,
    "linear": lambda x, weight, bias: np.einsum("...n,mn->...m", x, weight) + bias,
    "outer": np.outer,
    "vecdot": np.vecdot,
    "einsum": lambda *xs, subscripts: np.einsum(subscripts, *xs),
    "diagonal": np.diagonal,
    "tril": np.tril,
    "triu": np.triu,
}


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def tensor(*shape, seed=0, **options):
    return tg.Tensor(numbers(*shape, seed=seed), requires_grad=True, **options)


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


# ---- einsum

SPECS = [
    ("i->", (4,)),
    ("i->i", (4,)),
    ("ij->ji", (2, 3)),
    ("ij", (2, 3)),
    ("ba", (2, 3)),
    ("ijk->j", (2, 3, 4)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("bii->b", (2, 3, 3)),
    ("ijij->ij", (2, 3, 2, 3)),
    ("...ii->...", (2, 4, 3, 3)),
    ("i,i", (4,), (4,)),
    ("i,j->ij", (2,), (3,)),
    ("ij,ij->ij", (2, 3), (2, 3)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ij,kj->ik", (2, 3), (4, 3)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
    ("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
    ("...ij,...jk->...ik", (5, 2, 3), (4, 5, 3, 2)),
    ("b...,b->...", (3, 2, 4), (3,)),
    ("ij,k->", (2, 3), (4,)),
    ("ii,ij->j", (3, 3), (3, 2)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("bi,ijk,bk->bj", (2, 3), (3, 4, 5), (2, 5)),
    (" i j , j -> i ", (2, 3), (3,)),
    (",ij->j", (), (2, 3)),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec[0])
def test_einsum_equals_numpy(spec):
    arrays = [numbers(*shape, seed=i) for i, shape in enumerate(spec[1:])]
    out = tg.einsum(spec[0], *[tg.Tensor(a) for a in arrays])
    np.testing.assert_allclose(out.data, np.einsum(spec[0], *arrays), atol=1e-12)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec[0])
def test_einsum_gradients_of_first_and_second_order_equal_torch(spec):
    torch = pytest.importorskip("torch")
    arrays = [numbers(*shape, seed=i) for i, shape in enumerate(spec[1:])]
    ours = [tg.Tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    out, there = tg.einsum(spec[0], *ours), torch.einsum(spec[0], *theirs)
    (out * out).sum().backward(create_graph=True)
    first = torch.autograd.grad((there * there).sum(), theirs, create_graph=True)
    for a, b in zip(ours, first):
        np.testing.assert_allclose(a.grad.data, b.detach().numpy(), atol=1e-11)
    total = None
    for a in ours:
        part = (a.grad * a.grad).sum()
        total = part if total is None else total + part
        a.grad = None
    total.backward()
    second = torch.autograd.grad(sum((b * b).sum() for b in first), theirs)
    for a, b in zip(ours, second):
        np.testing.assert_allclose(a.grad, b.numpy(), atol=1e-9)


def test_einsum_large_enough_to_be_paired_is_the_same():
    x, y = numbers(40, 30), numbers(30, 50, seed=1)
    np.testing.assert_allclose(tg.einsum("ij,jk->ik", x, y), x @ y, atol=1e-12)


def test_infinity_on_a_diagonal_stays_there():
    x = tensor(2, 2)
    tg.einsum("ii->i", x).backward(np.array([np.inf, 1.0]))
    np.testing.assert_array_equal(x.grad, [[np.inf, 0], [0, 1]])


def test_einsum_says_which_index_or_operand_does_not_fit():
    with pytest.raises(tg.DTypeError, match="first argument of type Tensor; expected the subscripts as a string"):
        tg.einsum(tensor(2, 3), "ij->ji")
    with pytest.raises(tg.ShapeError, match=r"einsum 'ij,jk->ik': index 'j' is 3 and 4: operand 0 a \(2, 3\) float64"):
        tg.einsum("ij,jk->ik", tensor(2, 3, name="a"), tensor(4, 2, name="b"))
    with pytest.raises(tg.ShapeError, match="einsum 'ij,jk': 1 operands; expected 2: one per comma-part"):
        tg.einsum("ij,jk", tensor(2, 3))
    with pytest.raises(tg.ShapeError, match="operand 0 of 2 axes for 'ijk'; expected one letter per axis"):
        tg.einsum("ijk->i", tensor(2, 3))
    with pytest.raises(tg.ShapeError, match="a result with index 'k'; expected indices of the operands"):
        tg.einsum("ij->ik", tensor(2, 3))
    with pytest.raises(tg.ShapeError, match=r"index '\.\.\. axis -1' is 2 and 3"):
        tg.einsum("...i,...i", tensor(2, 4), tensor(3, 4))


# ---- parts of matrices


@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (0, 2), (-1, 1)])
@pytest.mark.parametrize("offset", [0, 1, -2, 7])
def test_diagonal_and_trace_are_numpys(axes, offset):
    x = tensor(3, 4, 2)
    d, t = tg.diagonal(x, offset, *axes), tg.trace(x, offset, *axes)
    np.testing.assert_array_equal(d.data, np.diagonal(x.data, offset, *axes))
    np.testing.assert_allclose(t.data, np.trace(x.data, offset, *axes), atol=1e-14)
    t.sum().backward()
    read = np.zeros(x.size)
    read[np.diagonal(np.arange(x.size).reshape(x.shape), offset, *axes).ravel()] = 1
    np.testing.assert_array_equal(x.grad, read.reshape(x.shape))


def test_the_gradient_of_a_trace_is_the_identity():
    x = tensor(3, 3)
    tg.trace(x).backward()
    np.testing.assert_array_equal(x.grad, np.eye(3))


def test_triangles_keep_no_nan_of_the_other_half_and_refuse_vectors():
    x = tg.Tensor(np.array([[1.0, np.nan], [2.0, 3.0]]), requires_grad=True)
    out = tg.tril(x)
    np.testing.assert_array_equal(out.data, [[1, 0], [2, 3]])
    out.backward(np.full((2, 2), np.inf))
    np.testing.assert_array_equal(x.grad, [[np.inf, 0], [np.inf, np.inf]])
    for triangle, name in ((tg.tril, "tril"), (tg.triu, "triu")):
        with pytest.raises(tg.ShapeError, match=rf"{name}: shape \(3,\); expected a matrix"):
            triangle(tensor(3))
