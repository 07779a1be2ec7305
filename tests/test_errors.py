"""The errors: their built-in families, the five parts of a message, and the user's own line."""

import traceback

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp import Tensor, errors
from tinygrad_nlp.errors import TinygradError, describe, explain, is_library_code, user_line

FAMILIES = {
    "ShapeError": ValueError,
    "DTypeError": TypeError,
    "IndexRangeError": IndexError,
    "GradientError": RuntimeError,
    "StaleValueError": RuntimeError,
    "AnomalyError": ArithmeticError,
    "OptionError": TypeError,
    "CheckpointError": ValueError,
}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_error_is_caught_by_the_builtin_a_user_would_name(name):
    error = getattr(errors, name)
    assert issubclass(error, TinygradError) and issubclass(error, FAMILIES[name])
    assert error.__doc__ and getattr(tg, name) is error


def test_no_error_class_is_forgotten_above():
    found = {n for n, v in vars(errors).items() if isinstance(v, type) and issubclass(v, TinygradError)}
    assert found - {"TinygradError"} == set(FAMILIES)


def test_the_five_parts_stand_in_order():
    text = explain("matmul", got="(3,)", expected="(2,)", write="x.T", where="model.py:3 in forward")
    assert text == "matmul: (3,); expected (2,)\n  write instead: x.T\n  at model.py:3 in forward"


def test_parts_that_are_not_there_leave_no_gap():
    assert explain("f", got="a", expected="b", where="x.py:1 in g") == "f: a; expected b\n  at x.py:1 in g"


def test_the_line_named_is_the_users():
    here = user_line()
    assert "test_errors.py" in here and here.endswith("in test_the_line_named_is_the_users")
    assert "test_errors.py" in explain("f", got="a", expected="b")


def test_library_code_is_the_package_and_not_its_tests():
    assert is_library_code(errors.__file__) and is_library_code(tg.ops.__file__)
    assert not is_library_code(__file__)


def test_describe_shows_shape_dtype_and_name():
    assert describe(np.zeros((2, 3), np.float32)) == "(2, 3) float32"
    assert describe(Tensor([1.0], name="w")) == "w (1,) float32"
    assert describe(np.zeros(2), "logits") == "logits (2,) float64"
    assert describe(3) == "3" and describe(3, "axis") == "axis = 3"
    assert len(describe("x" * 1000)) < 70


def test_a_failing_op_shows_no_inner_exception():
    """NumPy's own traceback would bury the explanation."""
    with pytest.raises(TinygradError) as caught:
        Tensor(np.ones(3)) + Tensor(np.ones(2))
    assert caught.value.__suppress_context__
    shown = "".join(traceback.format_exception(caught.type, caught.value, caught.tb))
    assert "During handling of the above exception" not in shown


def test_one_except_clause_catches_everything():
    for wrong in (
        lambda: Tensor([1.0]).reshape(5),
        lambda: Tensor([1, 2], requires_grad=True),
        lambda: Tensor([1.0])[7],
        lambda: Tensor([1.0]).backward(),
        lambda: tg.mul(1.0),
        lambda: tg.grad(lambda x: x)(np.ones(3)),
    ):
        with pytest.raises(TinygradError):
            wrong()


def test_numpys_own_lines_and_the_interpreters_are_passed_over():
    assert is_library_code(np.mean.__wrapped__.__code__.co_filename)
    assert is_library_code("<frozen runpy>") and not is_library_code("<stdin>")
    assert not is_library_code("/home/numpy/model.py")
