"""`compare_by_hand` as a student and a teacher meet it: names, points, what follows from what, errors."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp import Tensor, compare_by_hand, nn
from tinygrad_nlp.diagnosis import case
from tinygrad_nlp.errors import GradientError, OptionError

RNG = np.random.default_rng(4)
X, TARGETS = RNG.normal(size=(8, 4)), RNG.integers(0, 3, 8)


@pytest.fixture(autouse=True)
def no_hypothesis_may_fail(monkeypatch):
    monkeypatch.setattr(case, "STRICT", True)


class Forward:
    """A network's forward pass, and its right gradients in NumPy."""

    def __init__(self, dtype=np.float64):
        self.W = Tensor(RNG.normal(size=(4, 5)).astype(dtype), requires_grad=True)
        self.b = Tensor(RNG.normal(size=5).astype(dtype), requires_grad=True)
        self.V = Tensor(RNG.normal(size=(5, 3)).astype(dtype), requires_grad=True)
        self.z = X.astype(dtype) @ self.W + self.b
        self.h = tg.tanh(self.z)
        self.logits = self.h @ self.V
        self.loss = tg.cross_entropy(self.logits, TARGETS)
        p = np.exp(self.logits.data.astype(np.float64))
        p /= p.sum(1, keepdims=True)
        p[np.arange(8), TARGETS] -= 1
        self.d_logits = p / 8
        self.d_V = self.h.data.T @ self.d_logits
        self.d_h = self.d_logits @ self.V.data.T
        self.d_z = self.d_h * (1 - self.h.data**2)
        self.d_W, self.d_b = X.T @ self.d_z, self.d_z.sum(0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_right_gradients_are_all_right(dtype):
    f = Forward(dtype)
    W, b, V, h, logits = f.W, f.b, f.V, f.h, f.logits
    report = compare_by_hand(f.loss, W=f.d_W, b=f.d_b, V=f.d_V, h=f.d_h, logits=f.d_logits)
    assert report and report.ok and report["W"].kind == "right" and len(report) == 5
    assert str(report).splitlines() == [
        "W (4, 5): right", "b (5,): right", "V (5, 3): right", "h (8, 5): right", "logits (8, 3): right", "all right"
    ]  # fmt: skip
    assert report.to_dict() == dict.fromkeys(("W", "b", "V", "h", "logits"), "right")
    assert all(t.grad is None for t in (W, b, V)) and h.shape == logits.shape[:1] + (5,)
    f.loss.backward()  # the graph is still there
    np.testing.assert_allclose(W.grad, f.d_W, rtol=1e-3, atol=1e-6)


def test_names_come_from_the_caller_the_tensor_a_mapping_a_module_or_a_list():
    f = Forward()
    weights = f.W
    assert compare_by_hand(f.loss, weights=f.d_W).ok
    assert compare_by_hand(f.loss, {"anything": f.d_W}, wrt={"anything": f.W}).ok
    assert compare_by_hand(f.loss, {f.W: f.d_W}, wrt={f.W.name or f.W: f.W}).ok
    f.V.name = "V of the paper"
    assert compare_by_hand(f.loss, {"V of the paper": f.d_V}).ok
    assert compare_by_hand(f.loss, [f.d_W, f.d_b], wrt={"W": f.W, "b": f.b}).ok
    assert weights is f.W

    layer = nn.Linear(4, 3)
    loss = tg.cross_entropy(layer(Tensor(X)), TARGETS)
    p = np.exp(X @ layer.weight.data.T + layer.bias.data)
    p /= p.sum(1, keepdims=True)
    p[np.arange(8), TARGETS] -= 1
    report = compare_by_hand(loss, {"weight": p.T @ X / 8, "bias": p.sum(0)}, wrt=layer)
    assert report["weight"].ok and report["bias"].kind == "missing factor 1/N"


def test_what_follows_from_a_mistake_nearer_to_the_loss_is_told_from_a_second_mistake():
    f = Forward()
    W, b, V, h, logits = f.W, f.b, f.V, f.h, f.logits
    d_logits = 8 * f.d_logits
    d_h = d_logits @ V.data.T
    d_z = d_h * (1 - h.data)
    report = compare_by_hand(f.loss, W=X.T @ d_z, b=f.d_b, V=h.data.T @ d_logits, h=d_h, logits=d_logits)
    assert report.to_dict() == {
        "W": "missing factor",
        "b": "right",
        "V": "follows from logits",
        "h": "follows from logits",
        "logits": "missing factor 1/N",
    }
    text = str(report)
    assert "h (8, 5): wrong only because logits is; mend that first" in text and text.endswith("4 of 5 wrong")
    assert "the factor `out` is missing in `g * (1 - out * out)` (in tanh at test_diagnosis_by_hand.py:" in text
    assert "the factor 1/8 of cross_entropy at test_diagnosis_by_hand.py:" in text
    assert W is f.W and b is f.b and logits is f.logits


def test_a_slip_behind_a_forgotten_sum_is_found_too():
    f = Forward()
    b = f.b
    row = compare_by_hand(f.loss, b=f.d_h)["b"]
    assert row.kind == "forgotten broadcast sum" and b.shape == (5,)
    assert "the sum over axis 0 is missing; besides, missing derivative: the derivative of tanh is missing" in str(row)


def test_functions_are_tried_at_several_points():
    def loss(x, w):
        return (tg.sigmoid(x @ w) * np.array([1.0, 2.0])).sum()

    seen = []

    def gradients(x, w):
        seen.append(x)
        s = 1 / (1 + np.exp(-(x @ w)))
        return {"w": x.T @ (np.array([1.0, 2.0]) * s * (1 - s))}

    ones = np.ones((2, 3)), np.ones(3)
    assert compare_by_hand(loss, gradients, wrt=ones).ok and len(seen) == 3
    assert compare_by_hand(loss, gradients, wrt={"x": ones[0], "w": ones[1]}).ok
    assert compare_by_hand(loss, gradients(*ones), wrt=ones).ok
    wrong = compare_by_hand(loss, lambda x, w: {"w": -gradients(x, w)["w"]}, wrt=ones)
    assert wrong["w"].kind == "sign" and "yours[" in str(wrong)


def test_ones_do_not_mislead_a_function_given_at_ones():
    # At x = y = 1 the rules of x · y and of y · y, and a transpose, give the same numbers.
    def loss(x, y):
        return (x @ y @ x).sum()

    def gradients(x, y):
        g = np.ones((3, 3))
        return {"y": x @ g @ x}

    report = compare_by_hand(loss, gradients, wrt=(np.ones((3, 3)), np.ones((3, 3))))
    assert report["y"].kind == "transposed"


def test_a_sparse_gradient_a_tensor_and_a_list_are_arrays_too():
    table = Tensor(RNG.normal(size=(5, 2)), requires_grad=True)
    loss = tg.embedding(table, np.array([1, 1, 3])).sum()
    right = np.array([[0.0, 0], [2, 2], [0, 0], [1, 1], [0, 0]])
    for given in (
        right,
        Tensor(right),
        right.tolist(),
        tg.RowSparse(np.array([1, 3]), np.array([[2.0, 2], [1, 1]]), (5, 2)),
    ):
        assert compare_by_hand(loss, table=given).ok
    wrong = compare_by_hand(loss, table=np.minimum(right, 1))
    assert wrong["table"].kind == "repeated rows overwritten"


def test_nan_infinity_zeros_and_empty_arrays():
    x, e = Tensor([1.0, 2.0], requires_grad=True), Tensor(np.zeros((0, 3)), requires_grad=True)
    loss = (x * x).sum() + e.sum()
    assert compare_by_hand(loss, x=[np.nan, 4.0])["x"].kind == "not finite"
    assert compare_by_hand(loss, x=[np.inf, 4.0])["x"].kind == "not finite"
    assert compare_by_hand(loss, x=[0.0, 0.0])["x"].kind == "zero"
    assert compare_by_hand(loss, e=np.zeros((0, 3))).ok
    assert compare_by_hand(loss, x=[2.0, 0.0])["x"].kind in ("partly zero", "off by one")


def test_errors_say_what_to_write():
    f = Forward()
    W = f.W
    with pytest.raises(OptionError, match=r"a gradient for 'Wx', which names no tensor; expected the name of a tensor"):
        compare_by_hand(f.loss, Wx=f.d_W)
    free = Tensor([1.0], requires_grad=True)
    with pytest.raises(GradientError, match="compare_by_hand: free: a tensor that the loss does not depend on"):
        compare_by_hand(f.loss, free=[1.0])
    with pytest.raises(OptionError, match="no gradient to compare"):
        compare_by_hand(f.loss)
    with pytest.raises(OptionError, match="a Tensor of one number"):
        compare_by_hand(f.h, W=f.d_W)
    with pytest.raises(OptionError, match=r"no point to compare at.*\n  write instead: compare_by_hand\(loss, my_grad"):
        compare_by_hand(lambda x: x.sum(), lambda x: {"x": x})
    with pytest.raises(OptionError, match="2 gradients without names, for 0 tensors"):
        compare_by_hand(f.loss, [f.d_W, f.d_b])
    with pytest.raises(KeyError, match="no gradient 'V' was compared; there are W"):
        compare_by_hand(f.loss, W=f.d_W)["V"]
    f.loss.backward()
    with pytest.raises(GradientError, match="which backward\\(\\) has freed.*\n.*before loss.backward\\(\\)"):
        compare_by_hand(f.loss, W=f.d_W)
    assert W.grad is not None and free.grad is None


def test_no_hypothesis_changes_what_it_is_given():
    f = Forward()
    W = f.W
    given = -f.d_W
    before = given.copy(), W.data.copy()
    assert compare_by_hand(f.loss, W=given)["W"].kind == "ŷ and y swapped"
    np.testing.assert_array_equal(given, before[0])
    np.testing.assert_array_equal(W.data, before[1])


def test_a_large_graph_is_not_searched_for_ever(monkeypatch):
    monkeypatch.setattr(case, "BUDGET", 0.2)
    x = Tensor(RNG.normal(size=(3, 4)), requires_grad=True)
    y = x
    for _ in range(200):
        y = tg.tanh(y * 1.01 + 0.01 * x)
    report = compare_by_hand(y.sum(), x=RNG.normal(size=(3, 4)))
    assert report["x"].kind == "different" and "not every place in it was tried" in str(report)
