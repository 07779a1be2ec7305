"""Tensors made of a shape, under NumPy's and PyTorch's names."""

import subprocess
import sys

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp import OptionError, Tensor, creation, manual_seed

SAME = {
    "zeros(2, 3)": "zeros((2, 3))",
    "zeros((2, 3))": "zeros((2, 3))",
    "zeros()": "zeros(())",
    "ones([2])": "ones(2)",
    "ones(2, dtype=np.float64)": "ones(2)",
    "full((2, 2), 0.5)": "full((2, 2), 0.5)",
    "full(3, 7)": "full(3, 7)",
    "eye(3)": "eye(3)",
    "eye(2, 3)": "eye(2, 3)",
    "arange(4)": "arange(4)",
    "arange(1, 7, 2)": "arange(1, 7, 2)",
    "arange(0, 1, 0.25)": "arange(0, 1, 0.25)",
    "linspace(0, 1, 5)": "linspace(0, 1, 5)",
    "zeros_like(x)": "zeros_like(x)",
    "ones_like(x, dtype=np.int32)": "ones_like(x, dtype=np.int32)",
    "full_like(x, 0.5)": "full_like(x, 0.5)",
}


@pytest.mark.parametrize("ours", SAME)
def test_the_values_are_numpys(ours):
    x = np.ones((2, 3), np.float32)
    for given in (Tensor(x), x):
        made = eval(ours, {**{n: getattr(tg, n) for n in creation.__all__}, "np": np, "x": given})
        expected = eval(SAME[ours], {**vars(np), "np": np, "x": x})
        assert type(made) is Tensor and made.is_leaf
        np.testing.assert_array_equal(made.data, expected)


@pytest.mark.parametrize(
    "line",
    [
        *("zeros(2)", "ones(2)", "full((2,), 0.5)", "full((2,), 1)", "full((2,), True)", "eye(2)", "arange(3)"),
        *("arange(3.0)", "linspace(0, 1, 3)", "rand(2)", "randn(2)", "randint(0, 5, (2,))", "randint(5, (2,))"),
        *("randint(0, 5, size=(2,))", "full((2,), fill_value=2.0)"),
    ],
)
def test_dtype_and_shape_are_pytorchs(line):
    torch = pytest.importorskip("torch")
    ours, theirs = eval("tg." + line), eval("torch." + line, {"torch": torch})
    assert (ours.shape, f"torch.{ours.dtype}") == (tuple(theirs.shape), str(theirs.dtype))


def test_what_is_made_can_be_learned():
    w = tg.randn(3, 2, requires_grad=True, name="w")
    (w * w).sum().backward()
    np.testing.assert_array_equal(w.grad, 2 * w.data)
    assert w.name == "w" and tg.zeros(2, requires_grad=True).requires_grad


def test_random_numbers_come_from_the_one_generator_or_the_one_given():
    manual_seed(3)
    first = [tg.rand(4).tolist(), tg.randn(4).tolist(), tg.randint(100, (4,)).tolist()]
    manual_seed(3)
    assert first == [tg.rand(4).tolist(), tg.randn(4).tolist(), tg.randint(0, 100, (4,)).tolist()]
    a, b = (tg.randn(5, dtype=np.float64, rng=np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(a.data, np.random.default_rng(1).standard_normal(5))
    assert a.tolist() == b.tolist() and tg.rand(2, dtype=np.float16).dtype == np.float16


def test_sizes_that_are_none_are_refused():
    with pytest.raises(OptionError, match=r"zeros: 3, <class 'numpy.float64'>; expected sizes, whole numbers"):
        tg.zeros(3, np.float64)
    with pytest.raises(OptionError, match=r"write instead: full\(\(2, 3\), 0.5\)"):
        tg.full(2.5, 1)
    with pytest.raises(OptionError, match="randn: -1; expected sizes"):
        tg.randn(-1)


def test_a_fill_that_requires_grad_is_refused_as_it_would_be_a_constant():
    with pytest.raises(tg.GradientError, match="as an array it would be a constant to backward"):
        tg.full((2,), tg.tensor(1.0, requires_grad=True))
    assert tg.full((2,), np.float64(1)).dtype == np.float64 and tg.full((2,), 1.0, dtype="float64").dtype == np.float64


def test_they_cost_nothing_before_they_are_used_and_are_listed():
    code = "import sys, tinygrad_nlp; print('tinygrad_nlp.creation' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "False"
    assert {*creation.__all__} <= {*dir(tg)}
    everything = {}
    exec("from tinygrad_nlp import *", everything)
    assert {*creation.__all__, "tensor"} <= {*everything}
    assert all(getattr(tg, name) is getattr(creation, name) for name in creation.__all__)


def test_tensor_is_a_function_as_in_pytorch_and_its_module_still_imports():
    t = tg.tensor([1.0], requires_grad=True, dtype=np.float64)
    assert type(t) is Tensor and t.requires_grad and t.dtype == np.float64
    array = np.ones(2)
    copied = tg.tensor(array)
    array[0] = 5.0
    assert copied.tolist() == [1.0, 1.0]
    from tinygrad_nlp.tensor import Tensor as same

    assert same is Tensor
