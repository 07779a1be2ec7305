r"""The derivation that several gradients share: derived once, named as 003 Q2c names its error messages, and right."""

import numpy as np
import pytest
from tinygrad_nlp.models.word2vec.losses import cbow_context, naive_softmax_loss, negative_sampling_loss, window_loss

import tinygrad_nlp as tg
from tinygrad_nlp.formula import derivation, formula, formulas

from .reader import Reader, softmax
from .test_formula import one_hot, row, sigma


def lines(steps):
    return [(s.name, s.left, s.right, s.rule) for s in steps]


def d(name):
    return rf"\frac{{\partial J}}{{\partial {name}}}"


def network(x, W_1, b_1, W_2, b_2):
    return tg.cross_entropy(tg.sigmoid(x @ W_1 + b_1) @ W_2 + b_2, 3)


def test_the_sigmoid_network_has_two_error_messages(tensors):
    given = tensors(x=3, W_1=(3, 4), b_1=4, W_2=(4, 5), b_2=5)
    made = derivation(network(*given), given)
    assert lines(made.shared) == [
        (r"\delta_2", d("z_2"), r"\hat y - y", "cross_entropy"),
        ("", d(r"\sigma(z_1)"), r"\delta_2 W_2^\top", "add, matmul"),
        (r"\delta_1", d("z_1"), r"\delta_2 W_2^\top \odot \sigma'(z_1)", "sigmoid"),
    ]
    assert lines(made.last) == [
        ("", d("x"), r"\delta_1 W_1^\top", "add, matmul"),
        ("", d("W_1"), r"x^\top \delta_1", "add, matmul"),
        ("", d("b_1"), r"\delta_1", "add"),
        ("", d("W_2"), r"\sigma(z_1)^\top \delta_2", "add, matmul"),
        ("", d("b_2"), r"\delta_2", "add"),
    ]
    assert r"z_1 = x W_1 + b_1" in made.where and r"z_2 = \sigma(z_1) W_2 + b_2" in made.where
    assert all(s.difference < 1e-15 for s in made.shared + made.last)


def test_what_is_printed_computes_the_gradients(tensors):
    given = tensors(x=3, W_1=(3, 4), b_1=4, W_2=(4, 5), b_2=5)
    loss = network(*given)
    made = derivation(loss, given)
    names = {t.name: t.data if t.ndim == 2 else row(t) for t in given}
    names["z_1"] = names["x"] @ names["W_1"] + names["b_1"]
    names["z_2"] = sigma(names["z_1"]) @ names["W_2"] + names["b_2"]
    names |= {r"\hat y": softmax(names["z_2"]), "y": one_hot(3, 5).T}
    for step in made.shared:
        if step.name:
            names[step.name.replace("\\delta", "d")] = read(step.right, names)
    loss.backward()
    for step, t in zip(made.last, given):
        np.testing.assert_allclose(read(step.right, names).reshape(t.shape), t.grad, rtol=1e-12, atol=1e-15)


def read(latex, names):
    return Reader(latex.replace("\\delta", "d"), names).value()


def test_negative_sampling(tensors):
    v, U = tensors(v_c=4, U=(6, 4))
    k = np.array([1, 4, 1])
    made = derivation(negative_sampling_loss(v, 2, k, U), [v, U], names={"o": 2, "k": k})
    assert [(s.name, s.right) for s in made.shared if s.name] == [
        (r"\delta_2", r"\sigma(U_k v_c)"),
        (r"\delta_1", r"\sigma(u_o^\top v_c) - 1"),
    ]
    of_v, of_U = made.last
    assert of_v.right == r"\delta_1 u_o + \sum_k \delta_{2k} u_k" and of_v.rule == "matmul + matmul"
    assert of_U.latex == rf"{d('u_o')} = \delta_1 v_c, \quad {d('u_k')} = \delta_{{2k}} v_c"


def test_cbow(tensors):
    V, U = tensors(V=(6, 4), U=(6, 4))
    j = np.array([0, 3, 3, 5])
    context = cbow_context(V, j)
    context.name = "v_hat"
    made = derivation(naive_softmax_loss(context, 1, U), [V, U], names={"j": j})
    assert lines(made.shared) == [
        (r"\delta", d(r"(U \hat v)"), r"\hat y - y", "cross_entropy"),
        ("", d(r"\hat v"), r"U^\top \delta", "matmul"),
    ]
    assert [s.right for s in made.last] == [r"\frac{1}{4} U^\top \delta", r"\delta \hat v^\top"]


def test_columns_turn_every_line(tensors):
    given = tensors(x=3, W_1=(3, 4), b_1=4, W_2=(4, 5), b_2=5)
    made = derivation(network(*given), given, layout="columns")
    assert [s.right for s in made.last[:2]] == [r"W_1^\top \delta_1", r"\delta_1 x^\top"]


def test_one_parameter_alone_needs_no_name(tensors):
    given = tensors(x=3, W_1=(3, 4), b_1=4, W_2=(4, 5), b_2=5)
    made = derivation(network(*given), given[:1])
    assert [s.name for s in made.shared] == ["", "", ""]
    assert made.last[0].right == r"((\hat y - y) W_2^\top \odot \sigma'(x W_1 + b_1)) W_1^\top"


def test_ways_that_meet_add(tensors):
    """a = 1, b = a + a, c = b · b: what arrives on several ways is added before it goes on."""
    (a,) = tensors(a=())
    b = a + a
    b.name = "b"
    made = derivation(b * b, [a])
    assert [(s.left, s.right, s.rule) for s in made.shared] == [(d("b"), "2 b", "mul + mul")]
    assert made.last[0].rule == "add + add"


def test_a_loop_is_unrolled_and_every_turn_has_its_own_message(tensors):
    W, h = tensors(W=(3, 3), h_0=(1, 3))
    state = h
    for _ in range(3):
        state = tg.tanh(state @ W)
    made = derivation((state * state).sum(), [W])
    assert [s.name for s in made.shared if s.name] == [r"\delta_2", r"\delta_1"]
    assert made.last[0].rule == "matmul + matmul + matmul"


def test_letters_that_the_user_has_taken_are_left_alone(tensors):
    x, z, b = tensors(x=(2, 3), z=(3, 4), delta=4)
    made = derivation(tg.cross_entropy(x @ z + b, np.array([0, 1])), [z, b])
    assert made.shared[0].name == r"\epsilon" and made.shared[0].left == d("a")


@pytest.mark.parametrize("rows", [True, False])
def test_a_layer_of_the_library(rows):
    layer = tg.nn.Linear(3, 4)
    x = tg.Tensor(np.ones((2, 3) if rows else 3, np.float32), name="x")
    parameters = list(layer.parameters())
    made = derivation(tg.cross_entropy(layer(x), np.array([0, 1]) if rows else 1), parameters)
    assert made.shared[0].name == r"\delta"
    assert made.last[0].right == r"\delta^\top x"


def test_formulas_share_their_abbreviations(tensors):
    W, V, h = tensors(W=(3, 3), V=(3, 3), h_0=(1, 3))
    state = h
    for _ in range(8):
        state = tg.tanh(state @ W + state @ V)
    made = formulas((state * state).sum(), [W, V])
    assert all(f.shortened and f.is_right for f in made)
    assert made[0].where == made[1].where
    left = [w.split(" = ")[0] for w in made[0].where if " = " in w]
    assert len(left) == len(set(left))  # one meaning per letter


def test_wrong_algebra_is_found_out(tensors, monkeypatch):
    from tinygrad_nlp.formula.terms import Algebra

    v, U = tensors(v_c=4, U=(6, 4))
    loss = naive_softmax_loss(v, 2, U)
    add = Algebra.add
    monkeypatch.setattr(Algebra, "add", lambda self, pairs: add(self, [(abs(c), t) for c, t in pairs]))
    made = derivation(loss, [v, U])
    assert all(s.difference < 1e-15 for s in made.shared + made.last)
    assert r"\operatorname{sub}" in made.shared[0].right


def test_steps_of_one_formula_are_its_own_derivation(tensors):
    given = tensors(x=3, W_1=(3, 4), b_1=4, W_2=(4, 5), b_2=5)
    found = formula(network(*given), given[1], steps=True)
    assert [s.rule for s in found.steps] == ["cross_entropy", "add, matmul", "sigmoid", "add, matmul"]


def test_what_was_computed_alike_gets_one_line(tensors):
    v, U = tensors(v_c=4, U=(6, 4))
    made = derivation(window_loss(v, [1, 2, 1], U), [v, U])  # U v_c is computed for each of the three words
    assert [(s.name, s.right) for s in made.shared] == [(r"\delta", r"3 \hat y - 2 y - y_2")]
    assert [s.right for s in made.last] == [r"U^\top \delta", r"\delta v_c^\top"]


def test_with_respect_to_one_of_two_tensors_computed_alike(tensors):
    (x,) = tensors(x=3)
    first, second = tg.tanh(x), tg.tanh(x)
    loss = (first * second * first).sum()
    made = derivation(loss, [second])
    assert made.last[0].difference < 1e-15


def test_formulas_and_their_derivation_use_the_same_letters(tensors):
    u, v, x = tensors(u=3, v=3, x=3)
    loss = tg.l2_normalize(u) @ tg.l2_normalize(v) + tg.cross_entropy(x, 0) + tg.cross_entropy(v, 2)
    meant = {}
    for lines in (formula(loss, v).where, formula(loss, u).where, derivation(loss, [u, v, x]).where):
        for line in lines:
            left, _, right = line.partition(" = ")
            assert meant.setdefault(left, right) == right
    assert len(meant) > 5


def test_a_transpose_on_the_way_gets_no_line_of_its_own(tensors):
    X, Q, K = tensors(X=(4, 6), Q=(6, 3), K=(6, 3))
    made = derivation(tg.cross_entropy((X @ Q) @ (X @ K).T, np.arange(4)), [Q, K])
    assert [(s.left, s.rule) for s in made.shared] == [
        (d("z"), "cross_entropy"),
        (d("(X K)"), "matmul, transpose"),
        (d("(X Q)"), "matmul"),
    ]
