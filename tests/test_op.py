"""Op: from a class to a function, the sorting of its arguments, and the one door that every call goes through."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp import Op, Tensor, op, registry
from tinygrad_nlp.errors import DTypeError, IndexRangeError, OptionError, ShapeError


@pytest.fixture
def register():
    """Register ops of a test and forget them afterwards."""
    before = set(registry)
    yield op
    for name in set(registry) - before:
        del registry[name]


def test_a_class_becomes_a_function(register):
    @register
    class scaled:
        """x times a factor."""

        def forward(x, *, factor=2.0):
            return x * factor

        def vjp_x(g, out, x, *, factor):
            return g * factor

    assert isinstance(scaled, Op) and registry["scaled"] is scaled
    assert scaled.__doc__ == "x times a factor." and scaled.__name__ == "scaled"
    assert str(inspect.signature(scaled)) == "(x, *, factor=2.0)" and repr(scaled) == "<op scaled(x, *, factor=2.0)>"
    x = Tensor(np.ones(2), requires_grad=True)
    scaled(x, factor=5.0).sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]
    assert scaled(np.ones(2)).tolist() == [2.0, 2.0]


def test_a_users_op_is_differentiated_twice_without_more_code(register):
    @register
    class cube:
        def forward(x):
            return x**3

        def vjp_x(g, out, x):
            return g * 3 * x * x

    assert tg.grad(tg.grad(cube))(2.0) == 12.0
    assert tg.gradcheck(cube, [np.array([1.0, 2.0])]) and tg.gradgradcheck(cube, [np.array([1.0, 2.0])])


def test_a_trailing_underscore_frees_a_python_word(register):
    @register
    class lambda_:
        def forward(x):
            return x

        def vjp_x(g, out, x):
            return g

    assert registry["lambda"] is lambda_


def test_two_ops_of_one_name_are_refused():
    with pytest.raises(
        OptionError, match="op 'add' is registered already, by tinygrad_nlp.ops.arithmetic; give yours another"
    ):

        @op
        class add:
            forward = np.add
            arguments = ("x", "y")


def test_a_rule_for_an_unknown_argument_is_refused(register):
    with pytest.raises(OptionError, match=r"op 'typo': vjp_z names no argument of forward\('x',\)"):

        @register
        class typo:
            def forward(x):
                return x

            def vjp_z(g, out, x):
                return g

    assert "typo" not in registry


def test_an_argument_without_rule_has_no_gradient_and_says_so(register):
    @register
    class chosen:
        def forward(x, mask):
            return x * mask

        def vjp_x(g, out, x, mask):
            return g * mask

    x = Tensor(np.ones(2), requires_grad=True)
    chosen(x, Tensor([1.0, 0.0])).sum().backward()
    assert x.grad.tolist() == [1.0, 0.0]
    with pytest.raises(tg.GradientError) as caught:
        chosen(x, Tensor([1.0, 0.0], requires_grad=True))
    assert "chosen: gradient with respect to 'mask': mask (2,) float32, requires_grad=True" in str(caught.value)
    assert "chosen(…, mask=mask.detach())" in str(caught.value)


def test_pickle_and_copy_give_the_same_op():
    assert pickle.loads(pickle.dumps(tg.mul)) is tg.mul
    assert copy.deepcopy(tg.mul) is tg.mul


# ---- the sorting of arguments


@pytest.mark.parametrize(
    "call",
    [
        lambda x: tg.sum(x, 1),
        lambda x: tg.sum(x, axis=1),
        lambda x: tg.sum(x, dim=1),
        lambda x: tg.sum(x=x, axis=1),
        lambda x: x.sum(1),
        lambda x: x.sum(dim=1, keepdim=False),
        lambda x: x.sum(1, False),
    ],
)
def test_options_by_position_name_and_pytorchs_name(call):
    assert call(Tensor([[1.0, 2.0], [3.0, 4.0]])).tolist() == [3.0, 7.0]


def test_several_arguments_as_a_list_or_one_by_one():
    x, y = np.ones(2), np.zeros(2)
    for out in (tg.concat([x, y]), tg.concat((x, y), 0), tg.concat(x, y), tg.concat(x, y, axis=0)):
        assert out.tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: tg.mul(1.0), r"mul: no argument 'y'; expected mul\(x, y\)"),
        (lambda: tg.mul(1.0, 2.0, 3.0), r"mul: 3 arguments; expected mul\(x, y\)"),
        (
            lambda: tg.sum(np.ones(2), axes=1),
            r"sum: an argument 'axes'; expected sum\(x, \*, axis=None, keepdims=False\)",
        ),
        (lambda: tg.reshape(np.ones(2)), "reshape: no option 'shape'"),
        (lambda: Tensor([1.0]).sum(1, True, 3), "sum: 4 arguments"),
        (lambda: tg.mul(1.0, 2.0, z=3.0), "mul: an argument 'z'"),
    ],
)
def test_wrong_calls_show_the_right_signature(call, words):
    with pytest.raises(OptionError, match=words):
        call()


# ---- the door


def test_arrays_give_arrays_and_tensors_give_tensors():
    assert type(tg.exp(np.zeros(2))) is np.ndarray
    assert isinstance(tg.exp(Tensor([0.0])), Tensor)
    assert tg.add(1.0, 2.0) == 3.0
    assert tg.matmul([[1.0, 0.0]], [[2.0], [3.0]]).tolist() == [[2.0]]


def test_a_result_requires_grad_if_an_input_does():
    x, c = Tensor([1.0], requires_grad=True), Tensor([1.0])
    assert (x * c).requires_grad and (c * x).requires_grad and not (c * c).requires_grad
    assert not (x > 0).requires_grad


def test_float32_is_not_promoted_by_python_numbers():
    x = Tensor([1.0, 2.0])
    for out in (x + 1, x * 2.5, 1 / x, 2.0 - x, x**2, -x):
        assert out.dtype == np.float32


def test_a_symbol_is_asked_before_anything_is_computed():
    class Symbol:
        @staticmethod
        def __apply_op__(op, args, options):
            return op.name, len(args), options

    assert tg.sum(Symbol(), axis=1) == ("sum", 1, {"axis": 1, "keepdims": False})
    assert tg.mul(np.ones(3), Symbol()) == ("mul", 2, {})


def test_errors_name_the_op_the_tensors_and_the_users_line():
    hidden, w = Tensor(np.ones((32, 200)), name="hidden"), Tensor(np.ones((100, 3)), name="W")
    with pytest.raises(ShapeError) as caught:
        hidden @ w
    text = str(caught.value)
    assert "(32, 200) @ (100, 3): inner dimensions 200 and 100 differ (hidden @ W)" in text
    assert "test_op.py" in text and "test_errors_name_the_op_the_tensors_and_the_users_line" in text
    with pytest.raises(ShapeError) as caught:
        Tensor(np.ones(3), name="a") + Tensor(np.ones(2), name="b")
    assert "add: a (3,) float64, b (2,) float64; expected numeric arrays whose shapes broadcast" in str(caught.value)


def test_the_kind_of_error_is_the_kind_numpy_raises():
    with pytest.raises(IndexRangeError):
        Tensor([1.0])[3]
    with pytest.raises(IndexError):
        Tensor([1.0])[3]
    with pytest.raises(DTypeError):
        tg.exp(np.array(["a"]))
    with pytest.raises(ValueError):
        Tensor([1.0]).reshape(2)


def test_every_op_name_is_public():
    for name, made in registry.items():
        assert made.name == name
        if made.__module__.startswith("tinygrad_nlp."):  # other tests define ops of their own
            assert getattr(tg, name) is made or callable(getattr(tg, name))


def test_an_option_that_is_an_array_is_read_by_the_rule_as_it_was():
    x, low, index = Tensor([1.0, 2.0, 3.0], requires_grad=True), np.zeros(3), np.array([0, 1])
    y = tg.clip(x, min=low).sum() + tg.getitem(x, index=index).sum()
    low[:], index[:] = 9.0, 2
    y.backward()
    np.testing.assert_array_equal(x.grad, [2.0, 2.0, 1.0])


def test_an_option_that_is_a_tensor_is_a_constant_array_to_the_rule():
    x, w = Tensor(np.ones((2, 3)), requires_grad=True), Tensor(np.ones((3, 3)), requires_grad=True)
    low = Tensor(np.zeros(3))
    y = tg.clip(x @ w, min=low).sum()
    low[...] = 9.0
    y.backward()
    np.testing.assert_array_equal(x.grad, np.full((2, 3), 3.0))


def test_an_op_of_ones_own_may_be_defined_anew(register):
    """A notebook cell is run more than once."""
    for factor in (2, 3):

        @register
        class scaled:
            def forward(x, factor=factor):
                return x * factor

            def vjp_x(g, out, x, factor):
                return g * factor

    assert scaled(2.0) == 6.0 and tg.registry["scaled"] is scaled


@pytest.mark.parametrize(
    "body, words",
    [
        ({"forward": lambda self, x: x}, r"an op has no self; write def forward\(x\)"),
        ({"forward": lambda x: x, "vjp_x": lambda g, x: g}, r"vjp_x\(g, x\); expected \(g, out, x\)"),
        ({"forward": lambda x, *, p=1: x, "vjp_x": lambda g, out, x: g}, r"expected \(g, out, x, \*, p\)"),
        ({"forward": lambda *xs: xs[0], "vjp_xs": lambda g, out, x: g}, r"expected \(position, g, out, \*xs\)"),
        ({"vjp_x": lambda g, out, x: g}, "has no forward; write def forward"),
    ],
)
def test_an_op_written_wrongly_is_refused_where_it_is_defined(register, body, words):
    with pytest.raises(OptionError, match=words):
        register(type("miswritten", (), body))


def test_a_forgotten_return_is_named(register):
    @register
    class silent_forward:
        def forward(x):
            x * 2

    @register
    class silent_rule:
        def forward(x):
            return x * 2

        def vjp_x(g, out, x):
            g * 2

    with pytest.raises(OptionError, match="silent_forward: None from its forward"):
        silent_forward(tg.Tensor([1.0]))
    x = tg.Tensor([1.0], requires_grad=True)
    with pytest.raises(tg.GradientError, match="None from vjp_x; expected the gradient of x"):
        silent_rule(x).backward()


def test_a_rule_that_answers_in_the_wrong_shape_is_refused(register):
    @register
    class turned:
        def forward(x, w):
            return x @ w

        def vjp_w(g, out, x, w):
            return g.T @ x

    @register
    class unsummed:
        def forward(x):
            return x.sum()

        def vjp_x(g, out, x):
            return g

    w = tg.Tensor(np.ones((2, 3)), requires_grad=True)
    with pytest.raises(
        tg.GradientError, match=r"(?s)\(3, 2\) from vjp_w; expected the shape of w \(2, 3\).*a transpose\?"
    ):
        turned(np.ones((4, 2)), w).sum().backward()
    with pytest.raises(
        tg.GradientError, match=r"a gradient of shape \(\) from vjp_x; expected the shape of x \(2, 3\)"
    ):
        unsummed(w).backward()
