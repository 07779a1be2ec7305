"""Random programs on two engines: after every step values, gradients and errors have to be the same.

Autodiff goes wrong where nodes are re-used, graphs freed, values overwritten, modes switched: in sequences nobody
would write by hand. `tests/reference.py` is the other engine.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.reference import Freed, NaiveEngine, Stale
from tinygrad_nlp import Tensor, no_grad
from tinygrad_nlp.errors import GradientError, ShapeError, StaleValueError

SHAPES = [(), (1,), (3,), (2, 1), (2, 3), (0,)]
ONE = ["neg", "sin", "tanh", "sum", "sum0", "transpose", "reverse"]
OPERATIONS = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "neg": lambda x: -x,
    "sin": lambda x: x.sin(),
    "tanh": lambda x: x.tanh(),
    "sum": lambda x: x.sum(),
    "sum0": lambda x: x.sum(0),
    "transpose": lambda x: x.T,
    "reverse": lambda x: x[::-1],
}
numbers = st.integers(-2, 2)
which = st.integers(0, 10**6)


class TwoEngines(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.naive = NaiveEngine()
        self.pairs = []  # (Tensor, Node)

    def pick(self, i):
        # Small numbers reach back; most choices are recent, so that graphs get deep.
        return self.pairs[-1 - (i % min(len(self.pairs), 6 if i % 3 else len(self.pairs)))]

    def add(self, tensor, node):
        if node.value.size == 0 or np.abs(node.value).max() < 1e4:  # keep clear of overflow
            self.pairs.append((tensor, node))

    @initialize(a=numbers, b=numbers)
    def two_leaves(self, a, b):
        self.new_leaf((2, 3), True, a)
        self.new_leaf((3,), True, b)

    @rule(shape=st.sampled_from(SHAPES), requires_grad=st.booleans(), start=numbers)
    def new_leaf(self, shape, requires_grad, start):
        array = start + 0.5 * np.arange(np.prod(shape, dtype=int)).reshape(shape)
        self.add(Tensor(array, requires_grad=requires_grad), self.naive.leaf(array, requires_grad))

    @rule(name=st.sampled_from(ONE), i=which, recording=st.sampled_from([True, True, True, False]))
    def one_argument(self, name, i, recording):
        tensor, node = self.pick(i)
        if name in ("sum0", "reverse") and not node.shape:
            return
        self.compute(name, [tensor], [node], recording)

    @rule(name=st.sampled_from(["add", "sub", "mul"]), i=which, j=which, recording=st.sampled_from([True, True, False]))
    def two_arguments(self, name, i, j, recording):
        (x, a), (y, b) = self.pick(i), self.pick(j)
        try:
            np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            try:
                OPERATIONS[name](x, y)
            except ShapeError as error:
                assert name in str(error) and str(a.shape) in str(error) and str(b.shape) in str(error)
                return
            raise AssertionError("shapes that do not broadcast were accepted") from None
        self.compute(name, [x, y], [a, b], recording)

    @rule(steps=st.lists(st.tuples(st.sampled_from([*ONE[:3], "add", "sub", "mul", "mul"]), which, which), max_size=6))
    def a_longer_stretch(self, steps):
        for name, i, j in steps:
            if name in ONE:
                self.one_argument(name, i, True)
            else:
                self.two_arguments(name, i, j, True)

    @rule(name=st.sampled_from(["add", "sub", "mul"]), i=which, number=numbers, left=st.booleans())
    def with_an_array_that_changes_afterwards(self, name, i, number, left):
        tensor, node = self.pick(i)
        array = np.full(node.shape, float(number))
        constant = self.naive.leaf(array, False)
        order = slice(None, None, -1 if left else 1)
        self.compute(name, [tensor, array][order], [node, constant][order], True)
        array[...] = 99.0

    def compute(self, name, tensors, nodes, recording):
        if recording:
            out = OPERATIONS[name](*tensors)
        else:
            with no_grad():
                out = OPERATIONS[name](*tensors)
        self.add(out, self.naive.apply(name, *nodes, recording=recording))

    @rule(i=which)
    def detach(self, i):
        tensor, node = self.pick(i)
        self.add(tensor.detach(), self.naive.detach(node))

    @rule(i=which, number=numbers, inside_no_grad=st.booleans())
    def write_in_place(self, i, number, inside_no_grad):
        tensor, node = self.pick(i)
        if inside_no_grad:
            with no_grad():
                tensor[...] = number
        elif node.requires_grad:
            try:
                tensor.fill_(number)
            except GradientError as error:
                assert "in-place" in str(error)
                return
            raise AssertionError("an in-place change of a tensor in a graph was accepted")
        else:
            tensor.fill_(number)
        self.naive.write(node, number)

    @rule(i=which, j=which, number=numbers, alias=st.sampled_from(["", "detach", "transpose"]))
    def overwrite_what_a_graph_may_need(self, i, j, number, alias):
        roots = [pair for pair in self.pairs if pair[1].operation and not pair[1].freed]
        if not roots:
            return
        root = roots[-1 - i % min(3, len(roots))]
        inside = {id(n) for a in self.naive.ancestors(root[1]) for n in (a, *a.arguments)}
        inputs = [pair for pair in self.pairs if id(pair[1]) in inside]
        tensor, node = inputs[-1 - j % len(inputs)]
        if alias == "detach":
            tensor, node = tensor.detach(), self.naive.detach(node)
        elif alias == "transpose":
            with no_grad():
                tensor, node = tensor.T, self.naive.apply("transpose", node, recording=False)
        with no_grad():
            tensor[...] = number
        self.naive.write(node, number)
        self.both_backward(*root, True, 1)

    @rule(i=which)
    def hook(self, i):
        tensor, node = self.pick(i)
        if node.requires_grad:
            tensor.register_hook(lambda g: g * 2)
            node.scale *= 2

    @rule(i=which)
    def zero_grad(self, i):
        tensor, node = self.pick(i)
        tensor.zero_grad()
        node.grad = None

    @precondition(lambda self: self.pairs)
    @rule(i=which, retain=st.sampled_from([True, True, False]), times=st.sampled_from([1, 1, 2]), start=numbers)
    def backward(self, i, retain, times, start):
        self.both_backward(*self.pick(i), retain, times, start)

    def both_backward(self, tensor, node, retain, times, start=1):
        for _ in range(times):
            if not node.requires_grad:
                try:
                    tensor.backward(np.ones(node.shape))
                except GradientError as error:
                    assert "does not depend on any tensor that requires grad" in str(error)
                    continue
                raise AssertionError("backward of a constant was accepted")
            seed = None if node.positions.size == 1 else start + np.arange(node.positions.size).reshape(node.shape)
            expected = None
            try:
                self.naive.backward(node, np.ones(node.shape) if seed is None else seed, retain)
            except (Freed, Stale) as error:
                expected = type(error)
            try:
                tensor.backward(seed, retain_graph=retain)
                assert expected is None, f"backward succeeded, {expected.__name__} was due"
            except StaleValueError as error:
                assert expected is Stale, error
                assert "changed in place at" in str(error)
            except GradientError as error:
                assert expected is Freed, error
                assert "has freed" in str(error)

    @invariant()
    def engines_agree(self):
        for tensor, node in self.pairs:
            assert tensor.requires_grad == node.requires_grad
            assert tensor.shape == node.shape
            np.testing.assert_allclose(tensor.data, node.value, rtol=1e-12, atol=1e-12)
            if node.operation or node.grad is None:
                assert tensor.grad is None
            else:
                scale = max(1.0, np.abs(node.grad).max(initial=0.0))
                np.testing.assert_allclose(tensor.grad, node.grad, rtol=0, atol=1e-10 * scale)


TwoEngines.TestCase.settings = settings(
    max_examples=120,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
# The machine looks at inner gradients too, which are rightly not kept.
TestTwoEngines = pytest.mark.filterwarnings("ignore:the gradient of")(TwoEngines.TestCase)


def test_the_smallest_graph_that_needs_an_order():
    """a = 1, b = a + a, c = b + b: a sweep without an order passes b's gradient on twice."""
    a = Tensor(1.0, requires_grad=True)
    b = a + a
    (b + b).backward()
    assert a.grad == 4.0
