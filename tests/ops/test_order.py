"""Sorting and choosing by order: values by Python's own sort, ties and NaN at their documented places."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.numerical import assert_close
from tinygrad_nlp.errors import ShapeError
from tinygrad_nlp.ops.order import among_the_best

NAN = np.nan


def line_by_line(function):
    """``function`` of a list, run along ``axis``; the lines of the result have whatever length it answers."""

    def naive(x, axis=-1, **options):
        lines = np.moveaxis(np.asarray(x), axis, -1)
        rows = [
            function(row.tolist(), **options) for row in lines.reshape(int(np.prod(lines.shape[:-1])), lines.shape[-1])
        ]
        width = len(rows[0]) if rows else lines.shape[-1]
        return np.moveaxis(np.array(rows).reshape(*lines.shape[:-1], width), -1, axis)

    return naive


def order(row, descending=False):
    return sorted(range(len(row)), key=lambda i: (-row[i] if descending else row[i], i))


def extreme(better):
    def naive(x, axis=None, keepdims=False):
        flat = np.ravel(x)[None] if axis is None else np.moveaxis(np.asarray(x), axis, -1)
        out = np.zeros(flat.shape[:-1], int)
        for place in np.ndindex(*out.shape):
            for i, value in enumerate(flat[place]):
                if better(value, flat[place][out[place]]):
                    out[place] = i
        if axis is None:
            return out.reshape((1,) * np.ndim(x) if keepdims else ())
        return np.expand_dims(out, axis) if keepdims else out

    return naive


FORWARD = {
    "argmax": extreme(lambda a, b: a > b),
    "argmin": extreme(lambda a, b: a < b),
    "argsort": line_by_line(order),
    "sort": line_by_line(lambda row, descending=False: sorted(row, reverse=descending)),
    "top_indices": line_by_line(lambda row, k, largest=True: order(row, descending=largest)[:k]),
}


def sent_back(function, x, u):
    t = tg.Tensor(np.asarray(x), requires_grad=True)
    function(t).backward(np.asarray(u, t.dtype))
    return t.grad


@pytest.mark.parametrize("descending, expected", [(False, [30.0, 10.0, 40.0, 20.0]), (True, [10.0, 30.0, 20.0, 40.0])])
def test_gradients_of_ties_go_by_position(descending, expected):
    x = [2.0, 1.0, 2.0, 1.0]
    got = sent_back(lambda t: t.sort(descending=descending), x, [10.0, 20.0, 30.0, 40.0])
    np.testing.assert_array_equal(got, expected)


def test_sort_is_idempotent_and_takes_its_gradient_apart_again():
    x = np.random.default_rng(0).normal(size=(3, 7))
    u = np.random.default_rng(1).normal(size=(3, 7))
    s = tg.sort(x, axis=1)
    np.testing.assert_array_equal(tg.sort(s, axis=1), s)
    got = sent_back(lambda t: t.sort(axis=1), x, u)
    for row, g, sent in zip(x, got, u):
        assert {(a, b) for a, b in zip(row, g)} == set(zip(sorted(row), sent))


@pytest.mark.parametrize("descending", [False, True])
def test_nan_counts_as_largest(descending):
    x = np.array([1.0, NAN, -np.inf, 3.0])
    ascending = [-np.inf, 1.0, 3.0, NAN]
    np.testing.assert_array_equal(tg.sort(x, descending=descending), ascending[::-1] if descending else ascending)
    np.testing.assert_array_equal(tg.argsort(x, descending=descending), [1, 3, 0, 2] if descending else [2, 0, 3, 1])


def test_topk_with_nan_takes_it_first_among_the_largest_and_last_among_the_smallest():
    x = np.arange(40.0)
    x[7] = NAN
    assert tg.topk(x, 3).indices.tolist() == [7, 39, 38]
    assert tg.topk(x, 3, largest=False).indices.tolist() == [0, 1, 2]


@pytest.mark.parametrize("n", [8, 40])
def test_topk_takes_the_earlier_of_equal_elements(n):
    x = np.zeros(n)
    x[[3, 5]] = 1.0
    assert tg.topk(x, 4).indices.tolist() == [3, 5, 0, 1]
    assert tg.topk(-x, 4, largest=False).indices.tolist() == [3, 5, 0, 1]


def test_topk_sends_its_gradient_to_the_places_it_took():
    x = np.arange(12.0).reshape(3, 4) % 5
    t = tg.Tensor(x, requires_grad=True)
    top = t.topk(2, dim=1)
    assert not top.indices.requires_grad and top.values.requires_grad
    top.values.backward(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    np.testing.assert_array_equal(t.grad, [[0, 0, 2, 1], [3, 0, 0, 4], [6, 5, 0, 0]])


def test_selection_by_threshold_equals_the_sorted_order():
    rng = np.random.default_rng(2)
    rows = rng.integers(0, 6, (20, 50)).astype(np.float64)
    for k in (1, 3, 11):
        for largest in (True, False):
            expected = [sorted(order(row.tolist(), largest)[:k]) for row in rows]
            np.testing.assert_array_equal(among_the_best(rows, k, largest), expected)


def test_indices_have_no_gradient():
    t = tg.Tensor(np.arange(3.0), requires_grad=True)
    for result in (t.argsort(), t.argmax(), t.argmin(), tg.top_indices(t, k=1)):
        assert not result.requires_grad and result.dtype == np.int64


def test_argmax_of_nan_is_where_it_is():
    assert tg.argmax(np.array([1.0, NAN, 3.0])) == 1


@pytest.mark.parametrize("name", ["sort", "argsort", "argmax", "argmin"])
def test_an_axis_that_is_not_there_is_named(name):
    h = tg.Tensor(np.ones((2, 3)), name="h")
    with pytest.raises(ShapeError) as raised:
        tg.registry[name](h, axis=2)
    assert f"{name} of h (2, 3) float64: axis: 2 for an array of 2 axes" in str(raised.value)


@pytest.mark.parametrize("name", ["sort", "argsort"])
def test_a_sort_needs_one_axis(name):
    with pytest.raises(ShapeError, match=rf"{name} of \(2, 3\) float64: axis=None; expected one axis"):
        tg.registry[name](np.ones((2, 3)), axis=None)
    with pytest.raises(ShapeError, match=rf"write instead: {name}\(x.reshape\(-1\)\)"):
        tg.registry[name](np.ones((2, 3)), axis=(0, 1))
    with pytest.raises(ShapeError, match="one axis of an array that has some"):
        tg.registry[name](np.array(1.0))


@pytest.mark.parametrize("k", [-1, 4])
def test_topk_takes_no_more_than_there_are(k):
    with pytest.raises(ShapeError, match=rf"topk of h \(2, 3\) float32: k={k}; expected 0 to 3, the length of axis -1"):
        tg.topk(tg.Tensor(np.ones((2, 3), np.float32), name="h"), k)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_nothing_has_no_extreme(name):
    with pytest.raises(ShapeError, match=rf"{name} of \(2, 0\) float64: 0 elements along axis=1; expected at least 1"):
        tg.registry[name](np.ones((2, 0)), axis=1)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("axis", [0, -1])
def test_sort_and_topk_equal_pytorchs(axis, descending):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(3).normal(size=(5, 40)).round(1)  # rounded: ties occur
    u = np.random.default_rng(4).normal(size=x.shape)
    t = torch.tensor(x, requires_grad=True)
    theirs = t.sort(dim=axis, descending=descending, stable=True)
    theirs.values.backward(torch.tensor(u))
    np.testing.assert_array_equal(tg.sort(x, axis=axis, descending=descending), theirs.values.detach().numpy())
    np.testing.assert_array_equal(tg.argsort(x, axis=axis, descending=descending), theirs.indices.numpy())
    assert_close(sent_back(lambda a: a.sort(axis=axis, descending=descending), x, u), t.grad.numpy(), 1e-12)
    values = t.detach().topk(3, dim=axis, largest=descending).values
    np.testing.assert_array_equal(tg.topk(x, 3, axis=axis, largest=descending).values, values.numpy())
