"""NumPy's functions on Tensors: recorded where there is an op, refused where there is none, never a constant."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.numerical import assert_close
from tinygrad_nlp import Tensor
from tinygrad_nlp.errors import DTypeError, GradientError, OptionError, TinygradError

RNG = np.random.default_rng(0)


def tensor(*shape, requires_grad=True):
    return Tensor(RNG.uniform(0.2, 0.9, size=shape), requires_grad=requires_grad)


UFUNCS = [
    np.exp,
    np.expm1,
    np.log,
    np.log1p,
    np.sqrt,
    np.square,
    np.reciprocal,
    np.negative,
    np.absolute,
    np.sign,
    np.sin,
    np.cos,
    np.tan,
    np.sinh,
    np.cosh,
    np.tanh,
    np.arcsin,
    np.arccos,
    np.arctan,
    np.arcsinh,
    np.arctanh,
    np.positive,
]


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_ufunc_is_recorded(ufunc):
    t = tensor(2, 3)
    out = ufunc(t)
    assert isinstance(out, Tensor) and out.requires_grad
    assert_close(out.data, ufunc(t.data), 1e-12)
    out.sum().backward()
    assert t.grad.shape == (2, 3)


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "logaddexp"])
def test_ufunc_of_an_array_and_a_tensor_in_either_order(name):
    ufunc, array = getattr(np, name), RNG.uniform(0.2, 0.9, size=(2, 3))
    for order in (1, -1):
        t = tensor(3)
        pair = (array, t)[::order]
        out = ufunc(*pair)
        assert_close(out.data, ufunc(*(p.data if isinstance(p, Tensor) else p for p in pair)), 1e-12)
        out.sum().backward()
        assert t.grad.shape == (3,)


def test_operators_with_an_array_on_the_left():
    t, array = tensor(3), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    for out in (array + t, array - t, array * t, array / t, array @ t, np.float64(2.0) * t):
        assert isinstance(out, Tensor) and out.requires_grad
    (array @ t).sum().backward()
    assert_close(t.grad, [5.0, 7.0, 9.0], 1e-12)
    assert isinstance(array < t, Tensor) and not (array < t).requires_grad


def test_a_numpy_scalar_does_not_turn_into_an_object_array():
    out = np.float32(2.0) * Tensor([1.0, 2.0])
    assert isinstance(out, Tensor) and out.dtype == np.float32


M = np.linspace(0.1, 0.8, 6).reshape(2, 3)
FUNCTIONS = {
    "sum": lambda x: np.sum(x),
    "sum axis": lambda x: np.sum(x, axis=1),
    "sum positional": lambda x: np.sum(x, 1, keepdims=True),
    "prod": lambda x: np.prod(x, axis=0),
    "mean": lambda x: np.mean(x, axis=(0, 1)),
    "max": lambda x: np.max(x, axis=0),
    "amin": lambda x: np.amin(x),
    "var": lambda x: np.var(x, axis=0, ddof=1),
    "std": lambda x: np.std(x),
    "cumsum": lambda x: np.cumsum(x, axis=1),
    "cumsum flat": lambda x: np.cumsum(x),
    "sort": lambda x: np.sort(x, axis=0),
    "sort flat": lambda x: np.sort(x, axis=None),
    "reshape": lambda x: np.reshape(x, (3, 2)),
    "ravel": lambda x: np.ravel(x),
    "transpose": lambda x: np.transpose(x),
    "transpose axes": lambda x: np.transpose(x, (1, 0)),
    "matrix_transpose": lambda x: np.matrix_transpose(x),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "moveaxis": lambda x: np.moveaxis(x, 0, 1),
    "squeeze": lambda x: np.squeeze(np.expand_dims(x, 0), 0),
    "broadcast_to": lambda x: np.broadcast_to(x, (4, 2, 3)),
    "concatenate": lambda x: np.concatenate([x, M, x], axis=1),
    "concatenate flat": lambda x: np.concatenate([M, x], axis=None),
    "stack": lambda x: np.stack([M, x], axis=1),
    "hstack": lambda x: np.hstack([x, M]),
    "vstack": lambda x: np.vstack([M, x, M[0]]),
    "split": lambda x: np.split(x, 3, axis=1)[1],
    "repeat": lambda x: np.repeat(x, 2, axis=0),
    "tile": lambda x: np.tile(x, (2, 1)),
    "flip": lambda x: np.flip(x, 0),
    "roll": lambda x: np.roll(x, 1, axis=1),
    "pad": lambda x: np.pad(x, ((1, 0), (0, 2))),
    "where": lambda x: np.where(M > 0.4, x, M),
    "clip": lambda x: np.clip(x, 0.3, 0.7),
    "take": lambda x: np.take(x, [1, 1, 0], axis=1),
    "take flat": lambda x: np.take(x, [5, 0]),
    "take_along_axis": lambda x: np.take_along_axis(x, np.array([[2], [0]]), 1),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, M),
    "matmul": lambda x: np.matmul(x, M.T),
    "dot": lambda x: np.dot(x, M.T),
    "dot of a number": lambda x: np.dot(2.0, x),
    "inner": lambda x: np.inner(x, M),
    "outer": lambda x: np.outer(x, M),
    "trace": lambda x: np.trace(x),
    "diagonal": lambda x: np.diagonal(x, 1),
    "tril": lambda x: np.tril(x, -1),
    "triu": lambda x: np.triu(x),
    "norm": lambda x: np.linalg.norm(x),
    "norm axis": lambda x: np.linalg.norm(x, axis=1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_equals_numpy_and_is_recorded(name):
    function, t = FUNCTIONS[name], tensor(2, 3)
    out = function(t)
    assert isinstance(out, Tensor) and out.requires_grad
    assert_close(out.data, function(t.data), 1e-12, name)
    out.sum().backward()
    assert t.grad.shape == (2, 3)


@pytest.mark.parametrize("name", ["argmax", "argmin", "argsort", "all", "any", "count_nonzero"])
def test_functions_without_gradient_give_tensors_without_graph(name):
    t = tensor(2, 3)
    out = getattr(np, name)(t, axis=1)
    assert isinstance(out, Tensor) and not out.requires_grad
    np.testing.assert_array_equal(out.data, getattr(np, name)(t.data, axis=1))


def test_functions_about_values_and_shapes_see_the_array():
    t = tensor(2, 3)
    assert np.shape(t) == (2, 3) and np.ndim(t) == 2 and np.size(t) == 6
    assert np.allclose(t, t.data) and np.array_equal(t, t.data)
    assert type(np.zeros_like(t)) is np.ndarray
    assert [a.tolist() for a in np.where(t > 10)] == [[], []]


# ---- refusals, by their words


def test_a_function_without_an_op_names_itself_the_nearest_op_and_the_way_out():
    with pytest.raises(DTypeError) as caught:
        np.nanmean(tensor(3))
    text = str(caught.value)
    assert "np.nanmean of a Tensor: (3,) float64, and no op of tinygrad_nlp is np.nanmean" in text
    assert "such as mean" in text and "np.nanmean(t.detach().numpy())" in text
    with pytest.raises(DTypeError, match=r"np.arctan2 of a Tensor.*such as arctan"):
        np.arctan2(tensor(3), 1.0)
    with pytest.raises(DTypeError, match="np.modf of a Tensor"):
        np.modf(tensor(3))


def test_no_function_of_numpy_turns_a_tensor_into_a_constant():
    """Every public function and ufunc: a Tensor, an error, or one of the answers about values."""
    from tinygrad_nlp.interop import VALUES

    t = tensor(3, 3)
    for name in sorted(set(dir(np)) - {"savez", "savez_compressed", "save", "savetxt"}):
        function = getattr(np, name)
        if not callable(function) or isinstance(function, type) or name.startswith("_") or function in VALUES:
            continue
        if not (isinstance(function, np.ufunc) or hasattr(function, "_implementation")):
            continue
        arguments = (t,) * (function.nin if isinstance(function, np.ufunc) else 1)
        try:
            out = function(*arguments)
        except (TinygradError, TypeError, ValueError):
            continue
        parts = out if isinstance(out, (list, tuple)) else [out]
        assert name == "where" or all(isinstance(p, Tensor) for p in parts), f"np.{name} gave {type(out)}"


def test_ufunc_methods_out_and_where_are_refused():
    t = tensor(3)
    with pytest.raises(DTypeError, match=r"np.add.reduce of a Tensor.*\n  write instead: t.sum\(axis\)"):
        np.add.reduce(t)
    with pytest.raises(DTypeError, match="an array to write into cannot hold its gradient"):
        np.add(t, 1.0, out=np.zeros(3))
    array = np.zeros(3)
    with pytest.raises(DTypeError, match=r"array = array \+ tensor"):
        array += t
    with pytest.raises(OptionError, match="np.exp of a Tensor: where="):
        np.exp(t, where=np.array([True, False, True]))
    with pytest.raises(OptionError, match="np.sum of a Tensor: dtype="):
        np.sum(t, dtype=np.float32)
    with pytest.raises(OptionError, match="np.reshape of a Tensor: order='F'"):
        np.reshape(t, (3, 1), order="F")
    with pytest.raises(OptionError, match="ord=2 for a matrix"):
        np.linalg.norm(tensor(2, 2), 2)


def test_asarray_is_refused_where_a_gradient_would_be_lost():
    t = tensor(3)
    for lose in (np.asarray, np.array, lambda t: np.array([t, t]), lambda t: np.zeros(3).__setitem__(slice(None), t)):
        with pytest.raises(GradientError, match="t.detach"):
            lose(t)


def test_asarray_of_a_constant_is_a_read_only_view_or_a_copy():
    t = tensor(3, requires_grad=False)
    view = np.asarray(t)
    assert np.shares_memory(view, t.data) and not view.flags.writeable
    copy = np.array(t)
    copy[0] = 5.0
    assert t.data[0] != 5.0
    assert np.asarray(t, np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="needs a copy"):
        np.asarray(t, np.float32, copy=False)


def test_dlpack_shares_memory_and_refuses_what_requires_grad():
    t = tensor(3, requires_grad=False)
    assert np.shares_memory(np.from_dlpack(t), t.data)
    with pytest.raises(GradientError, match=r"from_dlpack\(t.detach\(\)\)"):
        np.from_dlpack(tensor(3))


def test_torch_reads_a_tensor_without_a_copy():
    torch = pytest.importorskip("torch")
    t = tensor(3, requires_grad=False)
    assert torch.from_dlpack(t).numpy().tolist() == t.tolist()


def test_user_code_written_for_numpy_runs_on_tensors():
    def softmax_loss(x, w):
        z = np.exp(x @ w - np.max(x @ w, axis=1, keepdims=True))
        return -np.mean(np.log(z / np.sum(z, axis=1, keepdims=True))[:, 0])

    x, w = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2))
    t = Tensor(w, requires_grad=True)
    loss = softmax_loss(x, t)
    assert_close(loss.data, softmax_loss(x, w), 1e-12)
    assert tg.gradcheck(lambda w: softmax_loss(x, w), [w])


def test_a_refused_function_is_called_by_its_own_name():
    t = tensor(2, 2)
    for call, words in (
        (np.linalg.svd, r"np.linalg.svd of a Tensor: \(2, 2\) .*\n.*: np.linalg.svd\(t.detach\(\).numpy\(\)\)"),
        (np.median, r"np.median of a Tensor: \(2, 2\) .*\n.*: np.median\(t.detach\(\).numpy\(\)\)"),
        (np.fft.fft, r"np.fft.fft of a Tensor"),
        (np.floor, r"np.floor of a Tensor"),
    ):
        with pytest.raises(DTypeError, match=words) as caught:
            call(t)
        assert "such as" not in str(caught.value)
    with pytest.raises(DTypeError, match="such as abs"):
        np.fabs(t)


def test_a_ufunc_of_scipy_is_not_called_numpys():
    special = pytest.importorskip("scipy.special")
    with pytest.raises(DTypeError, match=r"^gammaln of a Tensor.*\n.*: gammaln\(t.detach"):
        special.gammaln(tensor(2))


def test_deep_inside_numpy_the_line_named_is_still_the_users():
    losses = [tensor(1), tensor(1)]
    with pytest.raises(GradientError, match=r"stack\(tensors\)[^\n]*\n  at .*test_interop.py:\d+ in test_deep_inside"):
        np.mean(losses)
