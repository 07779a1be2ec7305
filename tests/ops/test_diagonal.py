"""Diagonals and triangles of matrices."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.ops.arrays import tensor

FORWARD = {
    "diagonal": np.diagonal,
    "tril": np.tril,
    "triu": np.triu,
}


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
