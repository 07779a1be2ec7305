"""The checker is checked by rules with planted faults: it has to catch each, and to pass every op of the registry."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp import Tensor
from tinygrad_nlp.errors import DTypeError, GradientError, OptionError
from tinygrad_nlp.gradient_check import compare, find_wrong_gradients, gradcheck, gradgradcheck
from tinygrad_nlp.op import Op

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


def planted(forward_, *rules, names=("x", "y")):
    """An op that no registry knows, so that its wrong rule harms nobody."""

    class body:
        """A planted fault."""

        forward = forward_
        arguments = names[: len(rules)]

    return Op("planted", forward_, rules, body)


def right_x(g, out, x, y):
    return g * y


def right_y(g, out, x, y):
    return g * x


FAULTS = {
    "sign": (planted(np.multiply, lambda g, out, x, y: -(g * y), right_y), [(3,), (3,)], "the sign is flipped"),
    "factor": (planted(np.multiply, lambda g, out, x, y: g * y * 1.001, right_y), [(3,), (3,)], "1.001 times"),
    "factor 1/N": (
        planted(np.multiply, lambda g, out, x, y: g * y / 6, right_y),
        [(6,), (6,)],
        "1/6 of the true one: 1/N twice, or a mean where a sum over 6 belongs",
    ),
    "forgotten broadcast sum": (
        planted(np.multiply, lambda g, out, x, y: g * y, lambda g, out, x, y: g * x),
        [(2, 3), (3,)],
        "forgotten broadcast sum: the gradient of y (3,) has shape (2, 3): the sum over axis 0 is missing",
    ),
    "transposed": (
        planted(np.matmul, lambda g, out, x, y: y @ g.mT, lambda g, out, x, y: x.mT @ g),
        [(3, 3), (3, 3)],
        "transposed: the gradient of x (3, 3) is right but transposed",
    ),
    "transposed shape": (
        planted(np.matmul, lambda g, out, x, y: y @ g.mT, lambda g, out, x, y: x.mT @ g),
        [(2, 3), (3, 4)],
        "transposed: the gradient of x (2, 3) is right but transposed: it has shape (3, 2)",
    ),
    "missing term": (
        planted(lambda x, y: x * x * y + x, lambda g, out, x, y: g * x * y * 2, lambda g, out, x, y: g * x * x),
        [(3,), (3,)],
        "missing path: x is used 3 times, and the path through its use in add",
    ),
    "another argument's gradient": (
        planted(np.multiply, right_y, right_y),
        [(3,), (3,)],
        "swapped arguments: this is the gradient of y, not of x",
    ),
    "zero": (
        planted(np.multiply, lambda g, out, x, y: g * 0, right_y),
        [(3,), (3,)],
        "zero: every number of x's gradient is 0: it is cut off from the loss",
    ),
    "partly zero": (
        planted(np.multiply, lambda g, out, x, y: g * y * np.array([1.0, 0.0, 1.0]), right_y),
        [(3,), (3,)],
        "1 of 9 derivatives are 0 and should not be: a path is detached or overwritten",
    ),
    "missing mask": (
        planted(lambda x, y: x * y * np.array([1.0, 0.0, 1.0]), right_x, lambda g, out, x, y: g * x * [1.0, 0.0, 1.0]),
        [(3,), (3,)],
        "missing mask: 1 of 3 elements get a gradient although they have no influence",
    ),
    "not finite": (planted(np.multiply, lambda g, out, x, y: g * y * np.nan, right_y), [(3,), (3,)], "are NaN or Inf"),
}


@pytest.mark.parametrize("fast", [False, True], ids=["every element", "random directions"])
@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_caught_and_diagnosed(fault, fast):
    op, shapes, words = FAULTS[fault]
    inputs = [normal(*shape) for shape in shapes]
    with pytest.raises(GradientError) as caught:
        gradcheck(op, inputs, fast=fast)
    text = str(caught.value)
    assert words in text and "gradcheck of planted" in text
    assert "argument 0 (x)" in text or "argument 1 (y)" in text
    assert gradcheck(op, inputs, fast=fast, raise_exception=False) is False


def test_right_rules_pass_and_only_the_wrong_argument_is_named():
    op, shapes, _ = FAULTS["sign"]
    assert gradcheck(tg.mul, [normal(2, 3), normal(3)])
    [(argument, output, *_)] = find_wrong_gradients(op, [normal(3), normal(3)])
    assert (argument, output) == (0, 0)


def test_message_names_the_place_and_both_values():
    def twice_wrong(g, out, x, y):
        return g * y * np.array([1.0, 1.0, 3.0])

    op = planted(np.multiply, twice_wrong, right_y)
    with pytest.raises(GradientError) as caught:
        gradcheck(op, [np.array([1.0, 2.0, 3.0]), np.array([5.0, 6.0, 7.0])])
    text = str(caught.value)
    assert "with respect to argument 0 (x) (3,) is wrong" in text
    assert "largest difference at argument index (2,), output index (2,): analytic 21, numeric 7" in text
    assert "difference 14, tolerance" in text


@pytest.mark.parametrize("factor", [1.0001, 0.9999, -1.0, 2.0])
def test_a_factor_near_one_is_told_from_one(factor):
    op = planted(lambda x: x * x, lambda g, out, x: g * x * (2 * factor))
    assert not gradcheck(op, [normal(4) + 3], raise_exception=False)
    assert not gradcheck(op, [normal(4) + 3], raise_exception=False, fast=True)


def test_wrong_second_derivative_is_caught_where_the_first_is_right():
    # The rule computes with x.data, so its value is right and its own graph lacks the path through x.
    def detaching(g, out, x):
        return g * (x.detach() if isinstance(x, Tensor) else x) * 2

    op = planted(lambda x: x * x, detaching)
    x = normal(3)
    assert gradcheck(op, [x])
    assert gradgradcheck(lambda x: x * x, [x])
    with pytest.raises(GradientError, match="gradient of planted.*"):
        gradgradcheck(op, [x])


REGISTRY = [
    pytest.param(op, s, id=f"{op.name}-{i}")
    for op in tg.registry.values()
    if op.differentiable and op.__module__.startswith("tinygrad_nlp")
    for i, s in enumerate(op.samples)
]


@pytest.mark.parametrize("op, sample", REGISTRY)
def test_every_registered_op_passes(op, sample):
    arguments, options = sample.draw(np.random.default_rng(5))
    chosen = [i for i, a in enumerate(arguments) if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
    if not op.variadic:
        without = set(op.without_rule)
        arguments = [Tensor(a) if i in without and i in chosen else a for i, a in enumerate(arguments)]
        chosen = [i for i in chosen if i not in without]
    if not chosen:
        pytest.skip("this sample has no argument with a gradient")

    def call(*xs):
        return op(*xs, **options)

    assert gradcheck(call, arguments, fast=True)
    assert gradgradcheck(call, arguments, fast=True)


def test_float32_is_refused_with_the_reason_and_the_remedy():
    with pytest.raises(DTypeError) as caught:
        gradcheck(tg.mul, [normal(3).astype(np.float32), normal(3)])
    assert "input 0 (3,) float32; expected float64: differences in less cannot tell" in str(caught.value)
    assert "dtype=np.float64" in str(caught.value)


def test_nothing_to_check_is_an_error_and_not_a_pass():
    with pytest.raises(OptionError, match="no input to check"):
        gradcheck(tg.mul, [Tensor(normal(3)), np.arange(3)])


def test_random_functions_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(GradientError, match="two different results for the same inputs"):
        gradcheck(lambda x: x * rng.normal(), [normal(3)])


def test_results_that_are_no_tensors_are_refused():
    with pytest.raises(GradientError, match=r"a result of type ndarray.*expected a Tensor"):
        gradcheck(lambda x: x.data * 2, [normal(3)])


def test_several_outputs_and_constant_inputs():
    index = np.array([0, 2, 2])
    assert gradcheck(lambda x, i, y: (x[i] * y, x.sum()), [normal(3), index, normal(3)])
    assert gradgradcheck(lambda x, i, y: (x[i] * y, (x * x).sum()), [normal(3), index, normal(3)])


def test_a_tensor_that_does_not_require_grad_is_held_fixed():
    x, y = Tensor(normal(3), requires_grad=True), Tensor(normal(3))
    op = planted(np.multiply, right_x, lambda g, out, x, y: g * 0)
    assert gradcheck(op, [x, y])
    assert x.grad is None


def test_zero_size_and_zero_dimensions():
    assert gradcheck(lambda x: x * x, [np.zeros((0, 3))])
    assert gradcheck(lambda x: x * x, [np.array(2.0)])
    assert gradcheck(lambda x: (x * x).sum(), [np.zeros((0,))])


def test_complex_step_measures_to_rounding():
    assert gradcheck(lambda x, y: x * y * x, [normal(3), normal(3)], complex_step=True, atol=0.0, rtol=1e-13)
    op = planted(np.multiply, lambda g, out, x, y: g * y * (1 + 1e-9), right_y)
    assert gradcheck(op, [normal(3), normal(3)])
    assert not gradcheck(op, [normal(3), normal(3)], complex_step=True, rtol=1e-12, atol=0.0, raise_exception=False)


def test_large_outputs_do_not_fail_by_rounding():
    assert gradcheck(lambda x: x + 1e9, [normal(3)])


def test_compare_needs_no_engine():
    numeric = normal(2, 3)
    assert compare(numeric, numeric)
    assert compare(-numeric, numeric).kind == "sign"
    assert compare(numeric * 3, numeric).kind == "factor"
    assert compare(numeric.T, numeric).kind == "shape"
    finding = compare(numeric + [[0, 0, 0], [0, 1, 0]], numeric)
    assert finding.position == (1, 1) and finding.kind == "different" and not finding
    assert abs(finding.difference - 1) < 1e-12


def test_inputs_go_in_one_tuple():
    a, b = np.ones((2, 3)), np.ones((3, 2))
    words = (
        r"gradcheck of matmul: 2 arguments after the function: \(2, 3\) float64, \(3, 2\) float64; "
        r"expected the inputs in one tuple, and options by name\n  write instead: gradcheck\(matmul, \(x, y\)\)"
    )
    with pytest.raises(OptionError, match=words):
        gradcheck(tg.matmul, a, b)
    with pytest.raises(OptionError, match=r"gradgradcheck\(matmul, \(x, y\)\)"):
        gradgradcheck(tg.matmul, a, b)
    with pytest.raises(OptionError, match=r"gradcheck\(matmul, \(x, y\), eps=… for the step\)\n"):
        gradcheck(tg.matmul, (a, b), 1e-5)


@pytest.mark.parametrize(
    "function, point, kind",
    [
        (tg.relu, [0.0, 0.0], "kink"),
        (tg.relu, [0.0, 1.0, -2.0], "kink"),
        (lambda x: tg.clip(x, 0, 1) * 2, [0.0, 1.0, 0.5], "kink"),
        (lambda x: tg.leaky_relu(x - 1), [1.0, 3.0], "kink"),
        (planted(lambda x: 3 * x, lambda g, out, x: 3 * g * (x != 0)), [0.0, 1.0, -2.0], "missing path"),
        (planted(np.abs, lambda g, out, x: g * x / np.abs(x)), [0.0, 1.0, -2.0], "not finite"),
    ],
    ids=["relu at 0", "relu, one 0", "clip", "leaky_relu", "no kink, wrong at 0", "a kink, NaN there"],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_kink_at_zero_is_told_from_a_wrong_rule(function, point, kind):
    with pytest.raises(GradientError, match=f"\\n  {kind}: "):
        gradcheck(function, (np.array(point),))
