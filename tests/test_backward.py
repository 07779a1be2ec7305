"""The sweep: order, accumulation, freeing, hooks, wanted tensors, and every refusal by its words."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.numerical import assert_close, gradient
from tinygrad_nlp import Tensor, detect_anomaly, no_grad, record_gradients
from tinygrad_nlp.backward import sweep
from tinygrad_nlp.errors import AnomalyError, GradientError, ShapeError

A = np.random.default_rng(0).normal(size=(3, 3))
X = np.random.default_rng(1).normal(size=3)


# ---- the gradient is right


def test_the_smallest_graph_that_needs_an_order():
    a = Tensor(1.0, requires_grad=True)
    b = a + a
    (b + b).backward()
    assert a.grad == 4.0


@pytest.mark.parametrize("depth", [1, 5, 60])
def test_diamonds_in_a_row_cost_no_powers_of_two(depth):
    x = Tensor(1.0, requires_grad=True, dtype=np.float64)
    y = x
    for _ in range(depth):
        y = y + y
    y.backward()
    assert x.grad == 2.0**depth


def test_a_late_short_path_waits_for_an_early_long_one():
    x = Tensor(3.0, requires_grad=True, dtype=np.float64)
    h = x * x
    long = h
    for _ in range(10):
        long = long * 1.0
    (long * h).backward()  # x⁴
    assert x.grad == 4 * 27.0


def test_a_composition_equals_finite_differences():
    def f(x, w):
        h = (w @ x) * x
        return (h * h - x).sum() + (h[::2] * x[1]).sum()

    x, w = Tensor(X, requires_grad=True), Tensor(A, requires_grad=True)
    f(x, w).backward()
    assert_close(x.grad, gradient(lambda v: f(v, A), X), 1e-7)
    assert_close(w.grad, gradient(lambda v: f(X, v), A), 1e-7)


def test_against_torch_on_the_same_expression():
    torch = pytest.importorskip("torch")

    def f(x, w):
        h = (w @ x).tanh() * x
        return (h.exp() + h * h).sum()

    x, w = Tensor(X, requires_grad=True), Tensor(A, requires_grad=True)
    f(x, w).backward()
    tx, tw = torch.tensor(X, requires_grad=True), torch.tensor(A, requires_grad=True)
    f(tx, tw).backward()
    assert_close(x.grad, tx.grad.numpy(), 1e-12)
    assert_close(w.grad, tw.grad.numpy(), 1e-12)


def test_gradients_of_sums_are_sums_of_gradients():
    def grad_of(f):
        x = Tensor(X, requires_grad=True)
        f(x).backward()
        return x.grad

    def f(x):
        return (x * x).sum()

    def g(x):
        return (A @ x).sum()

    assert_close(grad_of(lambda x: f(x) + g(x)), grad_of(f) + grad_of(g), 1e-12)


def test_gradients_have_the_leafs_dtype_and_shape():
    x = Tensor(np.ones(3, np.float32), requires_grad=True)
    (x * np.ones((2, 3))).sum().backward()
    assert x.grad.dtype == np.float32 and x.grad.shape == (3,)


# ---- accumulation and memory of gradients


def test_leaf_gradients_add_up_until_they_are_dropped():
    x = Tensor(2.0, requires_grad=True)
    for k in (1, 2, 3):
        (x * x).backward()
        assert x.grad == 4.0 * k
    x.zero_grad()
    (x * x).backward()
    assert x.grad == 4.0


@pytest.mark.filterwarnings("ignore:the gradient of")
def test_inner_gradients_do_not_survive():
    x = Tensor(2.0, requires_grad=True)
    h = x * x
    loss = h * 3
    loss.backward(retain_graph=True)
    assert h.grad is None
    loss.backward()
    assert x.grad == 24.0


def test_gradients_share_no_memory_with_each_other_or_with_the_seed():
    x, y = Tensor(np.ones(3), requires_grad=True), Tensor(np.ones(3), requires_grad=True)
    seed = np.ones(3)
    (x + y).backward(seed)
    x.grad *= 10
    assert y.grad.tolist() == [1, 1, 1] and seed.tolist() == [1, 1, 1]
    s = Tensor(np.ones(3))
    z = Tensor(np.ones(3), requires_grad=True)
    (z + 0.0).backward(s)
    z.grad *= 10
    assert s.tolist() == [1, 1, 1]


def test_accumulating_does_not_change_an_array_the_user_kept():
    x = Tensor(np.ones(3), requires_grad=True)
    (x * 2).sum().backward()
    kept = x.grad
    copied = kept.copy()
    (x * 3).sum().backward()
    np.testing.assert_array_equal(kept, copied)
    np.testing.assert_array_equal(x.grad, [5, 5, 5])


def test_backward_of_a_leaf_is_its_own_gradient():
    x = Tensor(np.ones(3), requires_grad=True)
    x.backward(np.array([1.0, 2.0, 3.0]))
    assert x.grad.tolist() == [1, 2, 3]


def test_constants_get_no_gradient():
    x, c = Tensor(1.0, requires_grad=True), Tensor(2.0)
    (x * c).backward()
    assert c.grad is None and x.grad == 2.0


def test_create_graph_gives_gradients_that_can_be_differentiated():
    x = Tensor(2.0, requires_grad=True, dtype=np.float64)
    (x * x * x).backward(create_graph=True)
    first = x.grad
    assert isinstance(first, Tensor) and first.item() == 12.0
    x.zero_grad()
    first.backward()
    assert x.grad == 12.0 and isinstance(x.grad, np.ndarray)


def test_a_recorded_gradient_and_a_plain_one_add_up_to_a_plain_one():
    x = Tensor(2.0, requires_grad=True, dtype=np.float64)
    (x * x).backward(create_graph=True)
    (x * 3.0).backward()
    assert isinstance(x.grad, np.ndarray) and x.grad == 7.0


def test_create_graph_inside_no_grad_records_the_backward_pass():
    x = Tensor(2.0, requires_grad=True, dtype=np.float64)
    y = x * x * x
    with no_grad():
        y.backward(create_graph=True)
    assert x.grad.requires_grad


# ---- wanted tensors


def test_sweep_returns_only_what_is_wanted_and_does_not_go_past_it():
    x = Tensor(X, requires_grad=True)
    h = x * 2
    loss = (h * h).sum()
    passed = []
    x.register_hook(passed.append)
    [(tensor, g)] = sweep([(loss, np.ones(()))], wanted=[h])
    assert tensor is h and not passed
    assert_close(g, 4 * X, 1e-12)


def test_sweep_adds_the_seeds_of_one_tensor():
    x = Tensor(X, requires_grad=True)
    y = x * 2
    [(_, g)] = sweep([(y, np.ones(3)), (y, np.ones(3)), (x, np.ones(3))])
    np.testing.assert_array_equal(g, [5.0, 5.0, 5.0])


# ---- hooks


def test_hooks_see_the_complete_gradient_once():
    x = Tensor(1.0, requires_grad=True)
    h = x * 2
    seen = []
    h.register_hook(lambda g: seen.append(float(g)))
    (h + h + h).backward()
    assert seen == [3.0]


def test_hooks_replace_the_gradient_in_the_order_they_were_registered():
    x = Tensor(1.0, requires_grad=True)
    h = x * 2
    h.register_hook(lambda g: g + 1)
    h.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: -g)
    (h * 1).backward()
    assert x.grad == -40.0


def test_a_hook_can_be_removed():
    x = Tensor(1.0, requires_grad=True)
    remove = x.register_hook(lambda g: g * 100)
    (x * 1).backward()
    remove()
    remove()
    (x * 1).backward()
    assert x.grad == 101.0


def test_a_hook_that_answers_in_another_shape_is_refused():
    x = Tensor(np.ones(3), requires_grad=True, name="x")
    x.register_hook(lambda g: g[:1])
    with pytest.raises(
        ShapeError, match=r"hook of x \(3,\) float64: a gradient of shape \(1,\); expected shape \(3,\)"
    ):
        (x * 1).sum().backward()


def test_a_hook_needs_a_tensor_that_requires_grad():
    with pytest.raises(GradientError, match="register_hook: .*that does not require grad"):
        Tensor([1.0]).register_hook(print)


def test_retain_grad_keeps_an_inner_gradient():
    x = Tensor(2.0, requires_grad=True)
    h = x * x
    h.retain_grad()
    (h * 3).backward()
    assert h.grad == 3.0 and x.grad == 12.0


def test_record_gradients_keeps_all_of_them_by_name():
    x = Tensor(3.0, requires_grad=True)
    with record_gradients() as journal:
        square = x * x
        square.name = "square"
        loss = square * 2
        loss.backward()
        loss.backward()
    assert [t._op.name for t in journal] == ["mul", "mul"]
    assert journal["square"].grad == 2.0 and journal[1].grad == 1.0
    assert x.grad == 24.0
    with pytest.raises(KeyError, match="there are: square, loss"):
        journal["cube"]


# ---- refusals


def test_a_result_of_several_numbers_needs_a_gradient():
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    with pytest.raises(GradientError) as caught:
        (x * 2).backward()
    text = str(caught.value)
    assert "backward(): (2, 3) float64; expected one number (a loss)" in text
    assert "t.sum().backward()" in text
    assert "test_backward.py" in text and "test_a_result_of_several_numbers_needs_a_gradient" in text


def test_one_element_of_any_rank_is_one_number():
    x = Tensor(np.ones((1, 1)), requires_grad=True)
    (x * 2).backward()
    assert x.grad.tolist() == [[2.0]]


def test_a_seed_of_another_shape_is_refused():
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    with pytest.raises(ShapeError, match=r"gradient \(3,\) float64; expected the tensor's own shape \(2, 3\)"):
        (x * 2).backward(np.ones(3))


def test_a_constant_has_no_gradient():
    for constant in (Tensor(1.0), Tensor(1.0, requires_grad=True).detach() * 2):
        with pytest.raises(GradientError, match="does not depend on any tensor that requires grad"):
            constant.backward()
    with no_grad():
        unrecorded = Tensor(1.0, requires_grad=True) * 2
    with pytest.raises(GradientError, match=r"computed outside no_grad\(\)"):
        unrecorded.backward()


def test_a_freed_graph_says_so_and_where_it_was_made():
    x = Tensor(2.0, requires_grad=True)
    loss = x * x
    loss.backward()
    with pytest.raises(GradientError) as caught:
        loss.backward()
    text = str(caught.value)
    assert "the graph of mul (), which an earlier backward() has freed" in text
    assert "backward(retain_graph=True) the first time" in text
    assert "mul was made at" in text and "test_backward.py" in text
    assert x.grad == 4.0, "a refused backward leaves no half of a gradient"


def test_a_shared_part_freed_by_another_loss_says_so():
    x = Tensor(2.0, requires_grad=True)
    h = x * x
    first, second = h * 2, h * 3
    first.backward()
    with pytest.raises(GradientError, match="the graph of mul"):
        second.backward()


@pytest.mark.parametrize("where", ["inner", "leaf"])
def test_a_graph_freed_by_a_backward_that_was_stopped_says_what_stopped_it(where):
    x = Tensor(2.0, requires_grad=True)
    h = x * x
    loss = h * 3

    def fail(g):
        raise ValueError("my hook failed\nfor a reason")

    remove = (h if where == "inner" else x).register_hook(fail)
    with pytest.raises(ValueError, match="my hook failed"):
        loss.backward()
    remove()
    for root in (loss, h * 2) if where == "leaf" else (loss,):
        with pytest.raises(GradientError) as caught:
            root.backward()
        assert "had freed when it was stopped by ValueError: my hook failed; expected" in str(caught.value)
        assert "write instead: the forward pass again" in str(caught.value)
    assert x.grad is None


def test_a_backward_stopped_before_it_freed_anything_can_be_repeated():
    x = Tensor(2.0, requires_grad=True)
    loss = x * x
    remove = loss.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        loss.backward()
    remove()
    loss.backward()
    assert x.grad == 4.0


def test_hooks_and_records_see_gradients_of_their_tensors_dtype():
    x = Tensor([1.0, 2.0], requires_grad=True)  # float32
    table = Tensor(np.ones((3, 2), np.float32), requires_grad=True)
    seen = []
    with tg.record_gradients() as journal:
        y = x * 2
        rows = tg.embedding(table, np.array([0, 2]))
        loss = ((y + rows) * np.ones(2)).sum()  # widened to float64 by the array
        for t in (x, y, table, rows):
            t.register_hook(lambda g: seen.append((type(g).__name__, g.dtype.name)))
        loss.backward()
    assert sorted(seen) == [("RowSparse", "float32")] + [("ndarray", "float32")] * 3
    assert [t.grad.dtype == t.dtype for t in journal] == [True] * len(journal)
    seen.clear()
    x.register_hook(lambda g: seen.append((type(g).__name__, g.dtype.name)))
    (x * np.ones(2)).sum().backward(create_graph=True)
    assert set(seen) == {("Tensor", "float32")}


def test_a_gradient_through_an_argument_without_rule_is_refused():
    index = Tensor([0.0], requires_grad=True)
    with pytest.raises(GradientError, match=r"where: gradient with respect to 'condition'"):
        tg.where(index, Tensor([1.0], requires_grad=True), Tensor([2.0]))


# ---- anomaly


def test_anomaly_mode_names_the_forward_op_that_made_the_first_nan():
    x = Tensor(np.array([1.0, -1.0]), requires_grad=True)
    with np.errstate(invalid="ignore"), detect_anomaly(), pytest.raises(AnomalyError) as caught:
        (x * 2).log().sum()
    text = str(caught.value)
    assert "detect_anomaly: log made the first NaN of the forward pass: (2,) float64 with 1 of 2 not finite" in text
    assert "test_backward.py" in text


def test_anomaly_mode_names_the_rule_and_the_trail_of_the_first_inf():
    x = Tensor(np.array([1.0, 0.0]), requires_grad=True)
    with np.errstate(divide="ignore"), detect_anomaly():
        root = x.sqrt()
        loss = (root * 3).sum()
        with pytest.raises(AnomalyError) as caught:
            loss.backward()
    text = str(caught.value)
    assert "the rule of sqrt made the first Inf of the backward pass" in text
    assert "a gradient for argument 0 of shape (2,) that is not finite" in text
    assert "the gradient came this way, from the loss: sum ()" in text
    assert "<- mul (2,)" in text and "<- sqrt (2,)" in text


def test_without_anomaly_mode_nan_passes_through():
    x = Tensor(np.array([-1.0]), requires_grad=True)
    with np.errstate(invalid="ignore"):
        loss = x.log().sum()
        loss.backward()
    assert np.isnan(loss.data)


# ---- nobody else's memory


def test_a_kept_inner_gradient_is_not_the_array_of_a_leafs():
    x = Tensor(X, requires_grad=True)
    y = x + 1
    y.retain_grad()
    (y * 2.0).sum().backward()
    x.grad *= 10
    np.testing.assert_array_equal(y.grad, [2.0, 2.0, 2.0])


def test_gradients_that_are_tensors_share_no_memory_and_have_their_tensors_dtype():
    x, y = Tensor(X, requires_grad=True), Tensor(X, requires_grad=True, dtype=np.float32)
    seed = Tensor(np.ones(3))
    (x + y).backward(seed, create_graph=True)
    assert y.grad.dtype == np.float32
    for a, b in ((x.grad, y.grad), (x.grad, seed), (y.grad, seed)):
        assert not np.shares_memory(a.data, b.data)


def test_a_copied_gradient_tensor_is_still_part_of_the_graph():
    x, y = Tensor(X, requires_grad=True), Tensor(X, requires_grad=True)
    z = x + y
    (z * z * z).sum().backward(create_graph=True)
    first = [x.grad, y.grad]
    x.zero_grad(), y.zero_grad()
    (first[0] + first[1]).sum().backward()
    np.testing.assert_allclose(x.grad, 2 * 6 * 2 * X)


def test_a_function_hooked_twice_and_removed_once_runs_once():
    x = Tensor(X, requires_grad=True)

    def double(g):
        return g * 2

    remove = x.register_hook(double)
    x.register_hook(double)
    remove(), remove()
    (x * 1.0).sum().backward()
    np.testing.assert_array_equal(x.grad, [2.0, 2.0, 2.0])


def test_a_hook_that_answers_with_a_number_is_told_the_shape():
    x = Tensor(X, requires_grad=True)
    x.register_hook(lambda g: 3.0)
    with pytest.raises(ShapeError, match=r"a gradient of shape \(\); expected shape \(3,\)"):
        (x * 1.0).sum().backward()


def test_asking_for_a_gradient_that_was_not_kept_says_what_to_write():
    """w = w - lr * w.grad makes a new w: the second step would multiply None."""
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    (w * w).sum().backward()
    w = w - 0.1 * w.grad
    (w * w).sum().backward()
    with pytest.warns(UserWarning, match=r"a result of sub is not kept: it is no leaf.*with no_grad\(\): w -= …"):
        assert w.grad is None
