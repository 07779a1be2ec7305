"""Tensor: what it holds, what it converts, what it refuses."""

import copy
import threading

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp import Tensor, no_grad
from tinygrad_nlp.errors import DTypeError, GradientError, ShapeError


@pytest.mark.parametrize(
    "data, dtype",
    [
        (1.0, np.float32),
        ([1.0, 2.0], np.float32),
        ([[1, 2], [3, 4]], np.int64),
        (True, np.bool_),
        (np.ones(2), np.float64),
        (np.ones(2, np.float16), np.float16),
        (np.float64(1.0), np.float64),
        (np.arange(3, dtype=np.int32), np.int32),
    ],
)
def test_python_floats_become_float32_and_arrays_keep_their_dtype(data, dtype):
    assert Tensor(data).dtype == dtype


def test_dtype_converts():
    assert Tensor([1, 2], dtype=np.float64).dtype == np.float64
    assert Tensor(np.ones(2), dtype=np.float32).dtype == np.float32


def test_the_data_is_copied_unless_asked_not_to():
    array = np.ones(3)
    copied, shared = Tensor(array), Tensor(array, copy=False)
    array[0] = 7.0
    assert copied.data[0] == 1.0 and shared.data[0] == 7.0


def test_attributes_are_the_arrays():
    t = Tensor(np.zeros((2, 3)), name="hidden")
    assert (t.shape, t.ndim, t.size, t.dtype, len(t), t.name) == ((2, 3), 2, 6, np.float64, 2, "hidden")
    assert t.is_leaf and not t.requires_grad and t.grad is None


@pytest.mark.parametrize("dtype", [np.int64, np.bool_, np.complex128])
def test_only_floats_can_require_grad(dtype):
    with pytest.raises(DTypeError) as caught:
        Tensor(np.zeros(3, dtype), requires_grad=True, name="ids")
    assert f"ids (3,) {np.dtype(dtype)}; expected a float dtype, for only real numbers have derivatives" in str(
        caught.value
    )
    assert "write instead: Tensor(data, requires_grad=True, dtype=np.float32)" in str(caught.value)
    with pytest.raises(DTypeError, match="expected a float dtype"):
        Tensor(np.zeros(3, dtype)).requires_grad_()


def test_what_is_no_rectangular_array_of_numbers_is_refused():
    with pytest.raises(ShapeError, match="nested lists of unequal lengths"):
        Tensor([[1.0], [1.0, 2.0]])
    for data in ("word", ["a", "b"], None, {"a": 1}, [np.datetime64("2026-01-01")]):
        with pytest.raises(DTypeError, match="expected numbers"):
            Tensor(data)
    with pytest.raises(DTypeError, match="expected an array of numbers"):
        Tensor(np.array(["a"]))


def test_repr_says_what_it_is():
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    assert repr(x) == "Tensor([1., 2.], dtype=float32, name='x', requires_grad=True)"
    assert repr(x * 2) == "Tensor([2., 4.], dtype=float32, op=mul)"
    assert f"{Tensor(1.25):.1f}" == "1.2" and f"{Tensor(1.0)}" == "Tensor(1., dtype=float32)"


def test_repr_of_no_elements_says_the_shape():
    assert repr(Tensor(np.zeros((0, 3)))) == "Tensor([], shape=(0, 3), dtype=float64)"
    assert repr(Tensor(np.zeros(0))) == "Tensor([], dtype=float64)"


def test_python_rounds_and_signs():
    t = Tensor(2.625)
    assert (round(t), round(t, 1)) == (3, 2.6) and +t is t
    with pytest.raises(ShapeError, match="expected one element"):
        round(Tensor([1.0, 2.0]))


@pytest.mark.parametrize("use", [lambda t: t // 2, lambda t: 7 % t, lambda t: divmod(t, 2)])
def test_operators_without_a_gradient_say_what_to_write(use):
    with pytest.raises(DTypeError, match="of a Tensor: .*expected an operation that has a gradient\n  write instead"):
        use(Tensor([5, 6]))


def test_a_shape_given_as_pytorchs_legacy_constructor_takes_it_is_answered():
    with pytest.raises(tg.OptionError, match=r"2 as data and 3 as requires_grad; expected True or False") as caught:
        Tensor(2, 3)
    assert "write instead: zeros(2, 3) for a shape, Tensor([2, 3]) for values" in str(caught.value)


def test_expand_takes_sizes_as_reshape_does():
    x = Tensor([[1.0], [2.0]])
    for shape in (x.expand(2, 3), x.expand((2, 3)), x.expand(shape=(2, 3)), x.expand(-1, 3)):
        assert shape.tolist() == [[1.0] * 3, [2.0] * 3]


def test_a_list_of_python_numbers_widens_no_tensor():
    x = Tensor([1.0, 2.0], requires_grad=True)
    for out in (x + [1, 2], x * [0.1, 0.2], x @ [0.5, 0.5], tg.where([True, False], x, [1.0, 2.0])):
        assert out.dtype == np.float32
    assert (Tensor(np.ones(2)) + [0.1, 0.2]).tolist() == [1.1, 1.2], "in float64 no digit is lost"
    assert (Tensor([1, 2]) + [0.5, 1]).dtype == np.float64 and (Tensor([1, 2]) + [1, 1]).dtype == np.int64


def test_python_numbers_out():
    t = Tensor([2.5])
    assert (t.item(), float(t), int(t), t.tolist()) == (2.5, 2.5, 2, [2.5])
    assert [10, 20, 30][Tensor(1)] == 20
    with pytest.raises(ShapeError, match="one element"):
        Tensor([1.0, 2.0]).item()
    with pytest.raises(ShapeError, match=r"\(t > 0\).all\(\) or .any\(\)"):
        bool(Tensor([1.0, 2.0]))
    with pytest.raises(DTypeError, match="at least one axis"):
        len(Tensor(1.0))
    with pytest.raises(DTypeError, match="one integer"):
        [1, 2][Tensor(1.0)]


def test_iteration_gives_rows_that_are_recorded():
    x = Tensor(np.arange(6.0).reshape(3, 2), requires_grad=True)
    a, b, c = x
    (a * c).sum().backward()
    np.testing.assert_array_equal(x.grad, [[4, 5], [0, 0], [0, 1]])
    assert b.requires_grad


def test_hash_is_identity_and_equality_elementwise():
    a, b = Tensor([1.0]), Tensor([1.0])
    assert len({a, b, a}) == 2
    assert (a == b).tolist() == [True]


def test_numpy_is_a_read_only_view_and_refused_in_a_graph():
    t = Tensor(np.ones(3))
    assert np.shares_memory(t.numpy(), t.data) and not t.numpy().flags.writeable
    with pytest.raises(GradientError, match=r"write instead: t.detach\(\).numpy\(\)"):
        Tensor([1.0], requires_grad=True).numpy()


def test_detach_shares_memory_and_leaves_the_graph():
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    d = (x * 1).detach()
    assert not d.requires_grad and d.is_leaf
    assert np.shares_memory(x.detach().data, x.data) and x.detach().name == "x"


def test_data_can_be_replaced_by_data_of_the_same_kind():
    x = Tensor([1.0, 2.0], requires_grad=True)
    x.data = np.array([3.0, 4.0])
    assert x.tolist() == [3.0, 4.0] and x.dtype == np.float32
    with pytest.raises(DTypeError, match="expected floats: it requires grad"):
        x.data = np.array([1, 2])
    y = x * 2
    with pytest.raises(ShapeError, match="which its graph relies on"):
        y.data = np.zeros(3)


def test_a_gradient_of_another_shape_is_refused():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ShapeError, match=r"expected shape \(2,\), or None"):
        x.grad = np.zeros(3)
    x.grad = np.ones(2, np.float32)
    x.zero_grad()
    assert x.grad is None


@pytest.mark.parametrize("value", [[1, 2], (1.0, 2.0), np.float64([1, 2]).tolist()])
def test_a_gradient_can_be_given_as_numbers(value):
    x = Tensor([1.0, 2.0], requires_grad=True)
    x.grad = value
    assert type(x.grad) is np.ndarray and x.grad.dtype == np.float32 and x.grad.tolist() == [1.0, 2.0]
    number = Tensor(1.0, requires_grad=True)
    number.grad = 3
    assert type(number.grad) is np.ndarray and number.grad.shape == ()
    with pytest.raises(ShapeError, match=r"Tensor.grad = …: \(1,\) float32; expected shape \(2,\), or None"):
        x.grad = [1.0]
    for no_numbers in ("ab", [[1.0], [1.0, 2.0]], {"a": 1}):
        with pytest.raises(DTypeError, match=r"expected numbers of shape \(2,\), or None"):
            x.grad = no_numbers


def test_requires_grad_can_be_switched_on_leaves_only():
    x = Tensor([1.0]).requires_grad_()
    assert x.requires_grad
    y = x * 2
    for switch in (lambda: y.requires_grad_(False), lambda: setattr(y, "requires_grad", False)):
        with pytest.raises(GradientError, match=r"the result of mul; expected a leaf") as caught:
            switch()
        assert "write instead: t.detach()" in str(caught.value)
    y.requires_grad = True
    y.backward()
    assert x.grad == [2.0]
    assert not x.requires_grad_(False).requires_grad
    x.requires_grad = True
    assert (x * 2).requires_grad


def test_requires_grad_of_integers_is_refused_however_it_is_asked():
    for ask in (lambda t: t.requires_grad_(), lambda t: setattr(t, "requires_grad", True)):
        t = Tensor([1, 2, 3], name="ids")
        with pytest.raises(DTypeError, match=r"ids \(3,\) int64; expected a float dtype"):
            ask(t)
        assert not t.requires_grad


@pytest.mark.parametrize("change", ["setitem", "copy_", "fill_", "zero_", "iadd"])
@pytest.mark.parametrize("kind", ["leaf", "inner"])
def test_in_place_changes_inside_a_graph_are_refused(change, kind):
    x = Tensor([1.0, 2.0], requires_grad=True)
    t = x if kind == "leaf" else x * 2
    words = "a leaf that requires grad" if kind == "leaf" else "the result of mul, part of a graph"
    if change == "iadd" and kind == "inner":
        before = t
        t += 1.0  # recorded as t = t + 1, which loses nothing
        assert t is not before and t.requires_grad
        return
    with pytest.raises(GradientError) as caught:
        if change == "setitem":
            t[0] = 5.0
        elif change == "iadd":
            t += 1.0
        else:
            getattr(t, change)(*([3.0] if change != "zero_" else []))
    assert words in str(caught.value) and "with no_grad():" in str(caught.value)


@pytest.mark.parametrize("change", [lambda t, v: t.__setitem__(0, v), lambda t, v: t.copy_(v), lambda t, v: t.fill_(v)])
def test_a_value_that_requires_grad_is_not_written_where_its_gradient_would_end(change):
    t, v = Tensor([0.0, 0.0]), Tensor(3.0, requires_grad=True, name="v")
    for value in (v, v * 2):
        with pytest.raises(GradientError, match=r"float32 that requires grad, into \(2,\) float32") as caught:
            change(t, value)
        assert "write instead: a new tensor: stack(rows)" in str(caught.value) and "v.detach()" in str(caught.value)
    assert t.tolist() == [0.0, 0.0]
    with no_grad():
        change(t, v)
    change(t, (v * 2).detach())
    assert t.tolist()[0] == 6.0


def test_an_assignment_that_does_not_fit_says_both_shapes():
    t = Tensor(np.zeros((2, 3)), name="t")
    with pytest.raises(
        ShapeError, match=r"assignment t\[…\] = v: \(2,\) int64 into t \(2, 3\) float64: could not broad"
    ):
        t[0] = np.array([1, 2])
    with pytest.raises(tg.IndexRangeError, match="index 5 is out of bounds for axis 0"):
        t[5] = 1.0
    with pytest.raises(ShapeError, match="copy_"):
        t.copy_([1.0, 2.0])


def test_in_place_changes_outside_a_graph_work():
    x = Tensor([1.0, 2.0], requires_grad=True)
    same = x
    with no_grad():
        x += 1.0
        x *= 2
        x[0] = 0.0
    assert x is same and x.tolist() == [0.0, 6.0] and x.dtype == np.float32
    t = Tensor([1.0])
    t -= 0.5
    t /= 2
    assert t.tolist() == [0.25]
    assert t.fill_(3).copy_([7.0]).zero_().tolist() == [0.0]


def test_in_place_changes_keep_the_dtype_or_say_why_not():
    t = Tensor([1.0], dtype=np.float32)
    t += np.array([1.0])
    assert t.dtype == np.float32
    whole = Tensor([1, 2])
    with pytest.raises(DTypeError, match="expected values that fit int64"):
        whole += 0.5


def test_indexing_with_tensors_lists_and_arrays_is_safe_from_later_changes():
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    array, listed, tensor = np.array([0]), [0], Tensor([0])
    out = x[array] + x[listed] + x[tensor]
    array[0] = listed[0] = 2
    tensor[0] = 2
    out.sum().backward()
    assert x.grad.tolist() == [3.0, 0.0, 0.0]
    assert x[[]].shape == (0,)


def test_lists_are_operands_and_safe_from_later_changes():
    x = Tensor(np.ones((2, 2)), requires_grad=True)
    rows = [[1.0, 2.0], [3.0, 4.0]]
    out = x @ rows
    rows[0][0] = 100.0
    out.sum().backward()
    np.testing.assert_array_equal(x.grad, [[3.0, 7.0], [3.0, 7.0]])


@pytest.mark.parametrize(
    "use", [lambda x, a: x * a, lambda x, a: a * x, lambda x, a: x @ a, lambda x, a: tg.concat([x, a]) * 1.0]
)
def test_a_numpy_operand_changed_after_the_forward_pass_does_not_change_the_gradient(use):
    expected = Tensor(np.full((2, 2), 3.0), requires_grad=True)
    use(expected, np.full((2, 2), 5.0)).sum().backward()
    x, array = Tensor(np.full((2, 2), 3.0), requires_grad=True), np.full((2, 2), 5.0)
    out = use(x, array)
    array[...] = 1e9
    out.sum().backward()
    np.testing.assert_array_equal(x.grad, expected.grad)


def test_a_memory_map_changed_after_the_forward_pass_does_not_change_the_gradient(tmp_path):
    x, stored = Tensor(np.ones(2), requires_grad=True), np.memmap(tmp_path / "a", np.float64, "w+", shape=(2,))
    stored[:] = 5.0
    out = x * stored
    stored[:] = 99.0
    out.sum().backward()
    assert x.grad.tolist() == [5.0, 5.0] and type(out.data) is np.ndarray


def test_made_at_names_the_users_line():
    x = Tensor([1.0], requires_grad=True)
    y = x * 2
    assert "test_tensor.py" in y.made_at and "test_made_at_names_the_users_line" in y.made_at
    assert x.made_at == ""


def test_tensors_made_in_threads_have_different_ids():
    ids = []

    def make():
        ids.extend(Tensor(0.0)._id for _ in range(200))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(ids)) == 800


def test_deepcopy_of_a_leaf_is_an_independent_leaf():
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    y = copy.deepcopy(x)
    with no_grad():
        y[0] = 9.0
    assert x.tolist() == [1.0, 2.0] and y.requires_grad and y.name == "x"
