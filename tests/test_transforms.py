"""grad, value_and_grad, vjp, jvp, hvp, jacobian, hessian: held to closed forms, differences and HIPS autograd."""

import threading

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.numerical import assert_close, directional_derivative, gradient
from tinygrad_nlp import Tensor, no_grad
from tinygrad_nlp.errors import DTypeError, GradientError, OptionError, ShapeError, StaleValueError
from tinygrad_nlp.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

RNG = np.random.default_rng(0)
A = RNG.normal(size=(3, 3))
X = RNG.normal(size=3)
V = RNG.normal(size=3)


def cubic(x):
    """Σ x_i (A x)_i x_i: a cubic with a full Hessian."""
    return (x * (A @ x) * x).sum()


def cubic_numpy(x):
    return (x * (A @ x) * x).sum()


def polynomial(x):
    return (A @ x) * x


def polynomial_jacobian(x):
    return np.diag(A @ x) + x[:, None] * A


# ---- grad of a function


def test_grad_equals_finite_differences():
    assert_close(grad(cubic)(X), gradient(cubic_numpy, X), 1e-8)


def test_grad_of_grad_of_grad():
    derivatives = [grad, lambda f: grad(grad(f)), lambda f: grad(grad(grad(f))), lambda f: grad(grad(grad(grad(f))))]
    assert [float(d(lambda x: x * x * x)(2.0)) for d in derivatives] == [12.0, 12.0, 6.0, 0.0]


def test_value_and_grad_gives_both_and_argnums_chooses():
    value, (gx, gz) = value_and_grad(lambda x, y, z: x * y * z, argnums=(0, 2))(2.0, 3.0, 5.0)
    assert (value, gx, gz) == (30.0, 15.0, 6.0)
    assert grad(lambda x, y: x * y, argnums=-1)(2.0, 3.0) == 2.0
    assert grad(lambda x, *, scale: x * scale)(2.0, scale=7.0) == 7.0


def test_arrays_keep_their_dtype_and_numbers_become_float64():
    assert grad(lambda x: (x * x).sum())(np.ones(2, np.float32)).dtype == np.float32
    assert grad(lambda x: x * x)(1.0).dtype == np.float64
    assert grad(lambda x: x * x)(3) == 6.0
    assert grad(lambda x: (x * x).sum())([1.0, 2.0]).dtype == np.float64


def test_arrays_in_arrays_out_even_where_the_function_closes_over_a_parameter():
    w = Tensor(X, requires_grad=True)
    g = grad(lambda x: (w * x * x).sum())(np.ones(3))
    assert type(g) is np.ndarray and w.grad is None
    assert_close(g, 2 * X, 1e-12)


def test_tensors_in_tensors_out_with_a_graph_only_where_there_is_something_to_differentiate():
    plain = grad(lambda x: (x * x).sum())(Tensor(X))
    assert isinstance(plain, Tensor) and not plain.requires_grad
    x = Tensor(X, requires_grad=True)
    g = grad(cubic)(x)
    assert g.requires_grad and x.grad is None
    (g * V).sum().backward()
    assert_close(x.grad, hessian(cubic)(X) @ V, 1e-10)


def test_no_answer_hangs_on_the_graph_of_a_variable_that_nobody_can_see():
    value, g = value_and_grad(cubic)(Tensor(X))
    out, _ = vjp(polynomial, Tensor(X))
    for t in (value, g, out, jvp(polynomial, Tensor(X), Tensor(V))[1], hvp(cubic, Tensor(X), Tensor(V))):
        assert isinstance(t, Tensor) and not t.requires_grad and t.is_leaf


def test_gradient_penalty_reaches_the_parameters_closed_over():
    w = Tensor(X, requires_grad=True)
    penalty = (grad(lambda x: (w * x * x).sum())(Tensor(V)) * 1.0).sum()  # Σ 2 w x
    penalty.backward()
    assert_close(w.grad, 2 * V, 1e-12)


def test_no_perturbation_confusion():
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0) == 6.0
    assert grad(lambda x: x * grad(lambda y: x * y)(x))(3.0) == 6.0  # x·x: 2x, not 4x
    assert grad(lambda x: grad(lambda y: y * y * x)(x * x))(2.0) == 6 * 4.0  # d/dx 2x²·x
    assert grad(lambda x: x * jvp(lambda y: x * y, x, Tensor(np.array(1.0)))[1])(3.0) == 6.0


def test_a_function_that_does_not_depend_on_its_argument_has_gradient_zero():
    assert grad(lambda x, y: y * y, argnums=0)(2.0, Tensor(3.0, dtype=np.float64)) == 0.0
    np.testing.assert_array_equal(grad(lambda x: x.detach().sum())(X), np.zeros(3))


def test_identity_and_repeated_use():
    assert grad(lambda x: x)(5.0) == 1.0
    assert grad(lambda x: x + x + x)(5.0) == 3.0
    np.testing.assert_array_equal(jacobian(lambda x: x)(X), np.eye(3))


def test_inputs_are_not_changed_and_answers_share_no_memory():
    x = X.copy()
    gx, gy = grad(lambda x, y: (x + y).sum(), argnums=(0, 1))(x, V)
    np.testing.assert_array_equal(x, X)
    gx[0] = 100.0
    assert gy[0] == 1.0
    seed = np.ones(3)
    out, pullback = vjp(lambda x: x, x)
    pullback(seed)[0][0] = 7.0
    assert seed[0] == 1.0


def test_grad_works_inside_no_grad_and_then_carries_no_graph():
    x = Tensor(X, requires_grad=True)
    with no_grad():
        g = grad(cubic)(x)
        second = grad(grad(lambda x: x * x * x))(2.0)
    assert not g.requires_grad and second == 12.0
    assert_close(g.data, gradient(cubic_numpy, X), 1e-8)


def test_no_grad_inside_the_function_means_what_it_says():
    def f(x):
        with no_grad():
            c = x * x
        return c * x

    assert grad(f)(3.0) == 9.0


def test_ops_are_functions_too():
    assert grad(tg.mul, argnums=1)(2.0, 5.0) == 2.0
    assert grad(tg.mul).__name__ == "gradient_mul"


def test_threads_do_not_see_each_others_nesting():
    answers = []

    def outer(x):
        thread = threading.Thread(target=lambda: answers.append(grad(lambda y: y * y)(np.array([2.0])[0])))
        thread.start()
        thread.join()
        return x * x

    assert grad(outer)(1.0) == 2.0
    assert not isinstance(answers[0], Tensor)


# ---- grad of a tensor, as torch.autograd.grad


def test_grad_of_a_tensor_leaves_grad_alone():
    x, y = Tensor(X, requires_grad=True), Tensor(V, requires_grad=True)
    gx, gy = grad((x * y).sum(), [x, y])
    assert_close(gx, V, 1e-12)
    assert_close(gy, X, 1e-12)
    assert x.grad is None and y.grad is None


def test_grad_of_a_tensor_with_respect_to_an_inner_tensor():
    x = Tensor(X, requires_grad=True)
    h = x * 2
    (gh,) = grad((h * h).sum(), h)
    assert_close(gh, 4 * X, 1e-12)


def test_grad_of_a_tensor_frees_the_graph_unless_told_otherwise():
    x = Tensor(X, requires_grad=True)
    y = (x * x).sum()
    grad(y, x, retain_graph=True)
    grad(y, x)
    with pytest.raises(GradientError, match="an earlier backward.* has freed"):
        grad(y, x)


def test_grad_of_a_tensor_with_create_graph():
    x = Tensor(X, requires_grad=True)
    (g,) = grad(cubic(x), x, create_graph=True)
    (second,) = grad(g, x, grad_outputs=V)
    assert_close(second, hessian(cubic)(X) @ V, 1e-10)


def test_grad_of_several_outputs_adds():
    x = Tensor(X, requires_grad=True)
    (g,) = grad([x.sum(), (x * x).sum()], x, grad_outputs=[np.array(2.0), np.array(3.0)])
    assert_close(g, 2 + 6 * X, 1e-12)


def test_unused_inputs_raise_or_give_none():
    x, y = Tensor(X, requires_grad=True), Tensor(V, requires_grad=True, name="y")
    with pytest.raises(GradientError, match=r"an input y \(3,\) float64 that the output does not depend on"):
        grad((x * x).sum(), [x, y])
    g, nothing = grad((x * x).sum(), [x, y], allow_unused=True)
    assert nothing is None and g is not None


def test_grad_of_a_tensor_asks_for_tensors_that_require_grad():
    x = Tensor(X, requires_grad=True)
    with pytest.raises(GradientError, match="an input .*float64 that does not require grad"):
        grad((x * x).sum(), [Tensor(V)])
    with pytest.raises(GradientError, match="one number"):
        grad(x * x, [x])


# ---- vjp, jvp, hvp


def test_vjp_is_the_adjoint_of_jvp():
    u, v = RNG.normal(size=3), RNG.normal(size=3)
    out, pullback = vjp(polynomial, X)
    _, ju = jvp(polynomial, X, u)
    (jtv,) = pullback(v)
    assert_close((v * ju).sum(), (jtv * u).sum(), 1e-12)
    assert_close(out, A @ X * X, 1e-12)
    assert_close(ju, polynomial_jacobian(X) @ u, 1e-12)


def test_a_pullback_serves_many_times():
    _, pullback = vjp(polynomial, X)
    rows = np.stack([pullback(row)[0] for row in np.eye(3)])
    assert_close(rows, polynomial_jacobian(X), 1e-12)


def test_vjp_and_jvp_of_several_inputs_and_outputs():
    def f(x, y):
        return x * y, (x + y).sum()

    (product, total), pullback = vjp(f, X, V)
    gx, gy = pullback((np.ones(3), 2.0))
    assert_close(gx, V + 2, 1e-12)
    assert_close(gy, X + 2, 1e-12)
    (product, total), (d_product, d_total) = jvp(f, (X, V), (np.ones(3), np.zeros(3)))
    assert_close(d_product, V, 1e-12)
    assert d_total == 3.0


def test_a_pullback_of_a_tensor_can_be_differentiated_with_respect_to_the_cotangent():
    g = Tensor(V, requires_grad=True)
    _, pullback = vjp(polynomial, X)
    (pulled,) = pullback(g)
    (pulled * X).sum().backward()
    assert_close(g.grad, polynomial_jacobian(X) @ X, 1e-12)


def test_jvp_of_a_linear_and_of_a_constant_function():
    _, change = jvp(lambda x: x + 1.0, X, V)
    assert_close(change, V, 1e-12)
    _, change = jvp(lambda x: x.detach() * 2, X, V)
    np.testing.assert_array_equal(change, np.zeros(3))


def test_hvp_equals_the_hessian_times_the_vector_and_finite_differences():
    product = hvp(cubic, X, V)
    assert_close(product, hessian(cubic)(X) @ V, 1e-10)
    assert_close(product, directional_derivative(lambda t: gradient(cubic_numpy, X + t * V)), 1e-6)


def test_hvp_of_two_arguments_has_the_cross_terms():
    hx, hy = hvp(lambda x, y: (x * x * y).sum(), (X, V), (np.ones(3), np.ones(3)))
    assert_close(hx, 2 * V + 2 * X, 1e-12)
    assert_close(hy, 2 * X, 1e-12)


def test_transforms_nest_in_each_other():
    assert_close(jacobian(grad(cubic))(X), hessian(cubic)(X), 1e-12)
    assert_close(grad(lambda x: jvp(cubic, x, Tensor(V))[1])(X), hvp(cubic, X, V), 1e-10)
    assert_close(grad(lambda x: (hvp(cubic, x, Tensor(V)) * V).sum())(X), third_derivative(V), 1e-8)
    assert_close(grad(lambda x: (vjp(polynomial, x)[1](Tensor(V))[0]).sum())(X), A.T @ V + V * A.sum(1), 1e-10)


def third_derivative(v):
    """∇ of vᵀ H v for the cubic, by finite differences of H's closed form."""

    def quadratic(x):
        h = 2 * np.diag(A @ x) + 2 * x[:, None] * A + (2 * x[:, None] * A).T
        return v @ h @ v

    return gradient(quadratic, X)


# ---- jacobian, hessian


def test_jacobian_has_the_shape_of_the_output_followed_by_the_argument():
    j = jacobian(lambda x: x.reshape(3, 1) * x)(X)
    assert j.shape == (3, 3, 3)
    expected = np.einsum("ik,j->ijk", np.eye(3), X) + np.einsum("jk,i->ijk", np.eye(3), X)
    assert_close(j, expected, 1e-12)


def test_jacobian_of_several_arguments_and_outputs():
    (xx, xy), (sx, sy) = jacobian(lambda x, y: (x * y, x.sum()), argnums=(0, 1))(X, V)
    assert_close(xx, np.diag(V), 1e-12)
    assert_close(xy, np.diag(X), 1e-12)
    assert_close(sx, np.ones(3), 1e-12)
    assert_close(sy, np.zeros(3), 1e-12)


def test_jacobian_of_a_jacobian_is_the_second_derivative_of_every_output():
    second = jacobian(jacobian(lambda x: x * x * x))(X)
    expected = np.zeros((3, 3, 3))
    for i in range(3):
        expected[i, i, i] = 6 * X[i]
    assert_close(second, expected, 1e-12)


def test_second_derivatives_through_a_row_sparse_lookup():
    index = np.array([1, 1, 0])

    def f(table):
        rows = tg.embedding(table, index)
        return (rows * rows * rows).sum()

    table, v = RNG.normal(size=(3, 2)), RNG.normal(size=(3, 2))
    counts = np.array([[1.0], [2.0], [0.0]])
    assert_close(grad(f)(table), 3 * counts * table**2, 1e-12)
    assert_close(hvp(f, table, v), 6 * counts * table * v, 1e-12)
    assert_close(jvp(f, table, v)[1], (3 * counts * table**2 * v).sum(), 1e-12)


def test_jacobian_of_empty_and_of_scalars():
    assert jacobian(lambda x: x * 2)(np.zeros((0,))).shape == (0, 0)
    assert jacobian(lambda x: x * x)(3.0) == 6.0


def test_hessian_is_symmetric_and_right():
    h = hessian(cubic)(X)
    assert_close(h, h.T, 1e-10)
    assert_close(h, directional_hessian(), 1e-6)
    blocks = hessian(lambda x, y: (x * y).sum(), argnums=(0, 1))(X, V)
    np.testing.assert_array_equal(blocks[0][1], np.eye(3))
    np.testing.assert_array_equal(blocks[0][0], np.zeros((3, 3)))


def directional_hessian():
    return np.stack([directional_derivative(lambda t, e=e: gradient(cubic_numpy, X + t * e)) for e in np.eye(3)])


def test_against_hips_autograd():
    autograd = pytest.importorskip("autograd")
    assert_close(grad(cubic)(X), autograd.grad(cubic_numpy)(X), 1e-12)
    assert_close(hessian(cubic)(X), autograd.hessian(cubic_numpy)(X), 1e-12)
    assert_close(jacobian(polynomial)(X), autograd.jacobian(lambda x: A @ x * x)(X), 1e-12)


# ---- errors, by their words


def test_an_output_of_several_numbers_names_jacobian_and_vjp():
    with pytest.raises(GradientError) as caught:
        grad(polynomial)(X)
    assert "grad of polynomial: a result (3,) float64; expected one number" in str(caught.value)
    assert "jacobian(f)(x)" in str(caught.value) and "vjp(f, x)" in str(caught.value)
    with pytest.raises(GradientError, match="2 results; expected one number"):
        grad(lambda x: (x, x))(1.0)
    with pytest.raises(GradientError, match="hvp of polynomial"):
        hvp(polynomial, X, V)


def test_a_result_that_is_no_tensor_is_refused_instead_of_giving_zeros():
    with pytest.raises(GradientError, match="a result of type .*float64.*expected a Tensor"):
        grad(lambda x: x.data.sum())(X)
    with pytest.raises(GradientError, match="a result of type float"):
        grad(lambda x: float(x))(1.0)


@pytest.mark.parametrize("x", [True, [True], np.array([True]), Tensor([True]), np.ones(2, complex), "text", {"w": X}])
def test_arguments_that_are_not_of_real_numbers_are_refused(x):
    with pytest.raises(DTypeError, match="expected real numbers, for only they have derivatives"):
        grad(lambda x: x)(x)


@pytest.mark.parametrize(
    "x", [[3, 2], [3.0, 2.0], np.array([3, 2]), np.array([3, 2], np.uint8), [np.int64(3), np.int32(2)]], ids=repr
)
def test_whole_numbers_become_float64_however_they_come(x):
    """d/dx Σx³ = 3x²; its derivative 6x."""
    cubes = lambda x: (x * x * x).sum()  # noqa: E731
    for made, expected in (
        (grad(cubes)(x), [27.0, 12.0]),
        (jacobian(cubes)(x), [27.0, 12.0]),
        (hessian(cubes)(x), [[18.0, 0.0], [0.0, 12.0]]),
        (vjp(cubes, x if isinstance(x, np.ndarray) else np.array(x))[1](1.0)[0], [27.0, 12.0]),
    ):
        assert isinstance(made, np.ndarray) and made.dtype == np.float64
        np.testing.assert_array_equal(made, expected)


@pytest.mark.parametrize("x", [3, np.int64(3), np.array(3)], ids=repr)
def test_a_whole_number_becomes_float64_as_well(x):
    made = grad(lambda x: x * x)(x)
    assert made == 6.0 and made.dtype == np.float64


def test_a_tensor_of_whole_numbers_is_answered_by_a_tensor_of_float64():
    made = grad(lambda x: (x * x).sum())(Tensor([3, 2]))
    assert isinstance(made, Tensor) and made.dtype == np.float64 and made.tolist() == [6.0, 4.0]


def test_results_that_are_not_of_floats_are_refused():
    with pytest.raises(DTypeError, match="expected a result of floats"):
        grad(lambda x: Tensor(1))(2.0)


def test_wrong_argnums_and_shapes():
    with pytest.raises(OptionError, match="argnums=2 and 1 positional arguments"):
        grad(lambda x: x, argnums=2)(1.0)
    with pytest.raises(OptionError, match="expected a function"):
        grad(3.0)(1.0)
    with pytest.raises(ShapeError, match=r"tangent 0 \(2,\) float64; expected shape \(3,\)"):
        jvp(polynomial, X, np.ones(2))
    with pytest.raises(ShapeError, match=r"1 tangents; expected 2"):
        jvp(lambda x, y: x * y, (X, V), (V,))
    with pytest.raises(ShapeError, match="cotangent 0"):
        vjp(polynomial, X)[1](np.ones(2))


def test_an_in_place_change_between_vjp_and_pullback_is_noticed():
    x = Tensor(X)
    out, pullback = vjp(polynomial, x)
    x[0] = 5.0
    with pytest.raises(StaleValueError):
        pullback(V)
