r"""The formulas of the documents come out of the rules, letter by letter, and what is printed is what was computed.

Expected texts: 000 and 001 (b)(i) and (d), 002 §1.2, 003 Q2c and Q3, 004 (d), 001 3(e)(i). Every one is also read
back from its LaTeX by `reader` and compared with finite differences of a loss written in NumPy.
"""

import numpy as np
import pytest
from tinygrad_nlp.models.word2vec.losses import (
    cbow_context,
    naive_softmax_loss,
    negative_sampling_loss,
    window_loss,
)

import tinygrad_nlp as tg
from tinygrad_nlp.formula import formula

from ..numerical import assert_close, gradient
from .reader import Reader, softmax


def one_hot(place, n):
    y = np.zeros((n, 1))
    y[place] = 1
    return y


def column(t):
    return t.data.reshape(-1, 1)


def row(t):
    return t.data.reshape(1, -1)


def read(found, names, rows=None):
    return Reader(found.latex(), names, rows).value()


def sigma(x):
    return 1 / (1 + np.exp(-x))


# ---- naive softmax ----------------------------------------------------------------------------------------------


def test_naive_softmax(tensors):
    v, U = tensors(v_c=4, U=(6, 4))
    loss = naive_softmax_loss(v, 2, U)
    of_v, of_U = formula(loss, v), formula(loss, U)
    assert of_v.latex() == r"U^\top(\hat y - y)"
    assert of_U.latex() == r"(\hat y - y) v_c^\top"
    assert of_v.where == (r"\hat y = \operatorname{softmax}(U v_c)", r"y = \text{one-hot of 2}")
    assert of_v.unicode() == "Uᵀ(ŷ − y)"
    names = {"U": U.data, "v_c": column(v), r"\hat y": softmax(U.data @ column(v)), "y": one_hot(2, 6)}

    def plain(v, U):
        return -np.log(softmax(U @ v))[2]

    assert_close(read(of_v, names)[:, 0], gradient(lambda x: plain(x, U.data), v.data), 1e-9)
    assert_close(read(of_U, names), gradient(lambda x: plain(v.data, x), U.data), 1e-9)


def test_words_as_columns(tensors):
    v, U = tensors(v_c=4, U=(6, 4))
    loss = naive_softmax_loss(v, 2, U)
    of_v, of_U = formula(loss, v, layout="columns"), formula(loss, U, layout="columns")
    assert of_v.latex() == r"U(\hat y - y)"
    assert of_U.latex() == r"v_c(\hat y - y)^\top"
    assert of_v.where[0] == r"\hat y = \operatorname{softmax}(U^\top v_c)"
    names = {"U": U.data.T, "v_c": column(v), r"\hat y": softmax(U.data @ column(v)), "y": one_hot(2, 6)}
    by_rows = formula(loss, U)
    np.testing.assert_allclose(read(of_U, names).T, by_rows.evaluate(), rtol=1e-12)
    np.testing.assert_array_equal(of_U.evaluate(), by_rows.evaluate())  # the tensor's own layout


def test_a_window_counts_repeated_words(tensors):
    v, U = tensors(v_c=4, U=(6, 4))
    assert formula(window_loss(v, [1, 2, 1], U), v).latex() == r"U^\top(3 \hat y - 2 y - y_2)"


@pytest.mark.parametrize("write", [lambda z: -tg.log(z.softmax()[2]), lambda z: -tg.log_softmax(z)[2]])
def test_the_loss_written_out_gives_the_same_formula(tensors, write):
    v, U = tensors(v_c=4, U=(6, 4))
    assert formula(write(U @ v), U).latex() == r"(\hat y - y) v_c^\top"
    (theta,) = tensors(theta=5)
    assert formula(write(theta), theta).latex() == r"\hat y - y"


def test_log_sum_exp_minus_the_score(tensors):
    v, U = tensors(v_c=4, U=(6, 4))
    loss = tg.logsumexp(U @ v) - U[2] @ v
    assert formula(loss, v, names={"o": 2}).latex() == r"U^\top \hat y - u_o"
    assert formula(loss, U, names={"o": 2}).latex() == r"(\hat y - y) v_c^\top"


def test_softmax_with_cross_entropy(tensors):
    (theta,) = tensors(theta=5)
    found = formula(tg.cross_entropy(theta, 1), theta)
    assert found.latex() == r"\hat y - y"
    assert found.loss == r"-y^\top \log \hat y"


def test_a_batch_divides_by_its_size(tensors):
    X, W, b = tensors(X=(4, 3), W=(3, 5), b=5)
    loss = tg.cross_entropy(X @ W + b, np.array([0, 4, 1, 1]))
    assert formula(loss, W).latex() == r"\frac{1}{4} X^\top(\hat Y - Y)"
    assert formula(loss, b).latex() == r"\frac{1}{4} \mathbf{1}^\top(\hat Y - Y)"


# ---- negative sampling ------------------------------------------------------------------------------------------


def test_negative_sampling(tensors):
    v, U = tensors(v_c=4, U=(6, 4))
    k = np.array([1, 4, 1])
    loss = negative_sampling_loss(v, 2, k, U)
    names = {"o": 2, "k": k}
    of_v, of_U = formula(loss, v, names=names), formula(loss, U, names=names)
    assert of_v.latex() == r"(\sigma(u_o^\top v_c) - 1) u_o + \sum_k \sigma(u_k^\top v_c) u_k"
    assert of_U.lines == (
        (r"\frac{\partial J}{\partial u_o}", r"(\sigma(u_o^\top v_c) - 1) v_c"),
        (r"\frac{\partial J}{\partial u_k}", r"\sigma(u_k^\top v_c) v_c"),
    )
    assert of_v.loss == r"-\log \sigma(u_o^\top v_c) - \sum_k \log \sigma(-u_k^\top v_c)"
    assert of_U.where == (r"k \in (1, 4, 1) \;\text{(a row named several times receives its gradient each time)}",)

    def plain(v, U):
        return -np.log(sigma(U[2] @ v)) - np.log(sigma(-U[k] @ v)).sum()

    known = {"v_c": column(v), "u_o": U.data[2][:, None]}
    assert_close(read(of_v, known, {"k": {"u_k": U.data[k]}})[:, 0], gradient(lambda x: plain(x, U.data), v.data), 1e-9)
    table = np.zeros((6, 4))
    table[2] += Reader(of_U.lines[0][1], known).value()[:, 0]
    for i in k:
        table[i] += Reader(of_U.lines[1][1], {**known, "u_k": U.data[i][:, None]}).value()[:, 0]
    assert_close(table, gradient(lambda x: plain(v.data, x), U.data), 1e-9)


def test_rows_without_names_are_called_by_their_numbers(tensors):
    v, U = tensors(v_c=4, U=(6, 4))
    found = formula(negative_sampling_loss(v, 2, np.array([1, 4]), U), v)
    assert found.latex() == r"(\sigma(u_2^\top v_c) - 1) u_2 + \sum_k \sigma(u_k^\top v_c) u_k"
    assert found.where == (r"k \in (1, 4)",)


def test_a_word_that_is_both_true_and_drawn_is_pointed_out(tensors):
    v, U = tensors(v_c=4, U=(6, 4))
    found = formula(negative_sampling_loss(v, 2, np.array([2, 4]), U), U)
    assert r"\text{a row with several names receives the sum of their gradients}" in found.where


def test_the_fused_op_of_one_pair_prints_the_same_terms(tensors):
    v, U = tensors(v=(1, 4), U=(6, 4))
    found = formula(tg.negative_sampling(v, U, np.array([2]), np.array([[1, 4, 1]])), U)
    assert found.lines[0][1] == r"(\sigma(v u_2) - 1) v^\top"
    assert found.lines[1][1] == r"\sigma(v u_k) v^\top"


def test_a_batch_of_pairs_stays_functions_and_stays_right(tensors):
    v, U = tensors(v=(3, 4), U=(6, 4))
    found = formula(tg.negative_sampling(v, U, np.array([2, 1, 0]), np.array([[1, 4, 1]] * 3)), U)
    assert found.is_right and r"\operatorname{matmul}" in found.latex()


# ---- CBOW -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layout, U_bar", [("rows", r"(\hat y - y) \hat v^\top"), ("columns", r"\hat v(\hat y - y)^\top")]
)
def test_cbow(tensors, layout, U_bar):
    V, U = tensors(V=(6, 4), U=(6, 4))
    j = np.array([0, 3, 3, 5])
    context = cbow_context(V, j)
    context.name = "v_hat"
    loss = naive_softmax_loss(context, 1, U)
    transposed = r"^\top" if layout == "rows" else ""
    of_V = formula(loss, V, names={"j": j}, layout=layout)
    assert of_V.lines == ((r"\frac{\partial J}{\partial v_j}", rf"\frac{{1}}{{4}} U{transposed}(\hat y - y)"),)
    assert r"\hat v = \frac{1}{4} \sum_j v_j" in of_V.where
    assert formula(loss, U, names={"j": j}, layout=layout).latex() == U_bar


def test_cbow_summed_has_no_factor(tensors):
    V, U = tensors(V=(6, 4), U=(6, 4))
    loss = naive_softmax_loss(cbow_context(V, np.array([0, 3]), "sum"), 1, U)
    assert formula(loss, V).lines[0][1] == r"U^\top(\hat y - y)"


# ---- networks ---------------------------------------------------------------------------------------------------

NETWORK = {
    "x": r"((\hat y - y) W_2^\top \odot \sigma'(x W_1 + b_1)) W_1^\top",
    "W_1": r"x^\top((\hat y - y) W_2^\top \odot \sigma'(x W_1 + b_1))",
    "b_1": r"(\hat y - y) W_2^\top \odot \sigma'(x W_1 + b_1)",
    "W_2": r"\sigma(x W_1 + b_1)^\top(\hat y - y)",
    "b_2": r"\hat y - y",
}
NETWORK_OF_COLUMNS = {
    "x": r"W_1^\top(W_2^\top(\hat y - y) \odot \sigma'(W_1 x + b_1))",
    "W_1": r"(W_2^\top(\hat y - y) \odot \sigma'(W_1 x + b_1)) x^\top",
    "b_1": r"W_2^\top(\hat y - y) \odot \sigma'(W_1 x + b_1)",
    "W_2": r"(\hat y - y) \sigma(W_1 x + b_1)^\top",
    "b_2": r"\hat y - y",
}


def network(x, W_1, b_1, W_2, b_2):
    return tg.cross_entropy(tg.sigmoid(x @ W_1 + b_1) @ W_2 + b_2, 3)


@pytest.mark.parametrize("x_shape", [3, (1, 3)], ids=["vector", "one row"])
def test_the_sigmoid_network(tensors, x_shape):
    given = tensors(x=x_shape, W_1=(3, 4), b_1=4, W_2=(4, 5), b_2=5)
    if x_shape == 3:
        loss = network(*given)
    else:
        x, W_1, b_1, W_2, b_2 = given
        loss = tg.cross_entropy(tg.sigmoid(x @ W_1 + b_1) @ W_2 + b_2, np.array([3]))
    names = {t.name: t.data if t.ndim == 2 else row(t) for t in given}
    hidden = sigma(names["x"] @ names["W_1"] + names["b_1"])
    names |= {r"\hat y": softmax(hidden @ names["W_2"] + names["b_2"]), "y": one_hot(3, 5).T}

    def plain(**changed):
        n = {**names, **changed}
        return -np.log(softmax(sigma(n["x"] @ n["W_1"] + n["b_1"]) @ n["W_2"] + n["b_2"]))[0, 3]

    for t in given:
        found = formula(loss, t)
        assert found.latex() == NETWORK[t.name]
        assert_close(
            read(found, names), gradient(lambda value, t=t: plain(**{t.name: value}), names[t.name]), 1e-9, t.name
        )


def test_the_sigmoid_network_of_columns(tensors):
    given = tensors(x=3, W_1=(3, 4), b_1=4, W_2=(4, 5), b_2=5)
    loss = network(*given)
    names = {t.name: t.data.T if t.ndim == 2 else column(t) for t in given}
    hidden = sigma(names["W_1"] @ names["x"] + names["b_1"])
    names |= {r"\hat y": softmax(names["W_2"] @ hidden + names["b_2"]), "y": one_hot(3, 5)}
    for t in given:
        found = formula(loss, t, layout="columns")
        assert found.latex() == NETWORK_OF_COLUMNS[t.name]
        value = read(found, names)
        np.testing.assert_allclose(value.T if t.ndim == 2 else value[:, 0], found.gradient, rtol=1e-12, atol=1e-15)


def test_the_relu_layer(tensors):
    x, W, b, U, b_2 = tensors(x=5, W=(5, 4), b_1=4, U=(4, 3), b_2=3)
    loss = tg.cross_entropy(tg.relu(x @ W + b) @ U + b_2, 1)
    found = formula(loss, x)
    assert found.latex() == r"((\hat y - y) U^\top \odot \mathbb{1}\{x W + b_1 > 0\}) W^\top"
    assert formula(loss, U).latex() == r"\operatorname{ReLU}(x W + b_1)^\top(\hat y - y)"
    names = {"x": row(x), "W": W.data, "b_1": row(b), "U": U.data, "y": one_hot(1, 3).T}
    names[r"\hat y"] = softmax(np.maximum(row(x) @ W.data + b.data, 0) @ U.data + b_2.data)

    def plain(x):
        return -np.log(softmax(np.maximum(x @ W.data + b.data, 0) @ U.data + b_2.data))[1]

    assert_close(read(found, names)[0], gradient(plain, x.data), 1e-9)


def test_a_named_intermediate_is_printed_by_its_name(tensors):
    x, W, b, U = tensors(x=3, W=(3, 4), b_1=4, U=(4, 3))
    z = x @ W + b
    z.name = "z"
    found = formula(tg.cross_entropy(tg.relu(z) @ U, 1), W)
    assert found.latex() == r"x^\top((\hat y - y) U^\top \odot \mathbb{1}\{z > 0\})"
    assert "z = x W + b_1" in found.where


# ---- dropout, normalization -------------------------------------------------------------------------------------


def test_dropout(tensors):
    h, w = tensors(h=8, w=8)
    found = formula((tg.dropout(h, 0.2, rng=np.random.default_rng(3)) * w).sum(), h)
    assert found.latex() == r"\gamma d \odot w"
    assert found.where == (
        r"d \in \{0, 1\}^{8 \times 1} \text{: a mask}",
        r"\gamma = \frac{1}{1 - p}, \; p = 0.2",
    )


def test_the_projector_of_l2_normalization(tensors):
    x, w = tensors(x=4, w=4)
    found = formula(tg.l2_normalize(x) @ w, x)
    assert found.latex() == r"\frac{1}{\lVert x \rVert}(I - u u^\top) w"
    assert found.where == (r"u = \frac{x}{\lVert x \rVert}", r"\lVert x \rVert \neq 0")
    names = {"x": column(x), "w": column(w), "I": np.eye(4), "u": column(x) / np.linalg.norm(x.data)}
    assert_close(read(found, names)[:, 0], gradient(lambda x: x @ w.data / np.linalg.norm(x), x.data), 1e-9)


def test_the_slope_of_sigma_and_one_minus_sigma_of_minus_x(tensors):
    (x,) = tensors(x=4)
    assert formula(tg.sigmoid(x).sum(), x).latex() == r"\sigma'(x)"
    assert formula(tg.logsigmoid(x).sum(), x).latex() == r"1 - \sigma(x)"


# ---- the object -------------------------------------------------------------------------------------------------


def test_the_formula_is_checked_against_the_gradient(tensors):
    v, U = tensors(v_c=4, U=(6, 4))
    loss = negative_sampling_loss(v, 2, np.array([1, 4, 1]), U)
    found = formula(loss, U)
    loss.backward()
    np.testing.assert_allclose(found.evaluate(), np.asarray(U.grad.dense() if hasattr(U.grad, "dense") else U.grad))
    assert found.difference < 1e-15
    assert found.checked.startswith("checked: differs from the computed gradient by at most ")


def test_formula_leaves_graph_and_gradients_alone(tensors):
    v, U = tensors(v_c=4, U=(6, 4))
    loss = naive_softmax_loss(v, 2, U)
    formula(loss, v)
    assert v.grad is None and U.grad is None
    loss.backward()
    assert v.grad is not None


def test_wrong_algebra_is_found_out_and_not_printed(tensors, monkeypatch):
    from tinygrad_nlp.formula.terms import Algebra

    v, U = tensors(v_c=4, U=(6, 4))
    loss = naive_softmax_loss(v, 2, U)
    add = Algebra.add
    monkeypatch.setattr(Algebra, "add", lambda self, pairs: add(self, [(abs(c), t) for c, t in pairs]))
    found = formula(loss, v)
    assert not found.simplified and found.is_right
    assert r"\operatorname{sub}" in found.latex()


def test_steps_unfold_the_derivation(tensors):
    v, U = tensors(v_c=4, U=(6, 4))
    found = formula(naive_softmax_loss(v, 2, U), v, steps=True)
    assert [(s.latex, s.rule) for s in found.steps] == [
        (r"\frac{\partial J}{\partial (U v_c)} = \hat y - y", "cross_entropy"),
        (r"\frac{\partial J}{\partial v_c} = U^\top(\hat y - y)", "matmul"),
    ]
    assert str(found.steps[1]) == "∂J/∂v_c = Uᵀ(ŷ − y)    (matmul)"


def test_text_latex_and_mathml(tensors):
    v, U = tensors(v_c=4, U=(6, 4))
    found = formula(naive_softmax_loss(v, 2, U), v)
    assert str(found) == "∂J/∂v_c = Uᵀ(ŷ − y)\n  where ŷ = softmax(U v_c)\n  where y = one-hot of 2"
    assert found._repr_latex_() == (
        r"$\begin{aligned} \frac{\partial J}{\partial v_c} &= U^\top(\hat y - y) \end{aligned}$"
    )
    assert found.mathml().startswith("<math ") and found.mathml().endswith("</math>")


def test_tensors_without_names_get_letters():
    x, W = tg.Tensor(np.ones((2, 3))), tg.Tensor(np.ones((3, 2)), requires_grad=True)
    assert formula(tg.cross_entropy(x @ W, np.array([0, 1])), W).latex() == r"\frac{1}{2} x_1^\top(\hat Y - Y)"


def test_float32_is_checked_at_its_own_precision():
    v = tg.Tensor([0.5, -1.0, 2.0], requires_grad=True, name="v_c")
    U = tg.Tensor(np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32), requires_grad=True, name="U")
    assert formula(naive_softmax_loss(v, 1, U), U).is_right


# ---- refusals ---------------------------------------------------------------------------------------------------


def test_a_freed_graph_is_refused(tensors):
    v, U = tensors(v_c=4, U=(6, 4))
    loss = naive_softmax_loss(v, 2, U)
    loss.backward()
    with pytest.raises(tg.GradientError, match=r"which backward\(\) has freed; expected a graph that is still there"):
        formula(loss, v)


def test_a_tensor_that_the_loss_does_not_know_is_refused(tensors):
    v, U, other = tensors(v_c=4, U=(6, 4), other=3)
    with pytest.raises(tg.GradientError, match="wrt = other .* expected a tensor from which the loss was computed"):
        formula(naive_softmax_loss(v, 2, U), other)


def test_a_loss_of_many_numbers_is_refused(tensors):
    (x,) = tensors(x=4)
    with pytest.raises(tg.GradientError, match=r"formula: .*\(4,\).*; expected a loss: one number"):
        formula(x * x, x)


def test_an_unknown_layout_is_refused(tensors):
    (x,) = tensors(x=4)
    with pytest.raises(tg.OptionError, match="layout='diagonal'; expected 'rows' or 'columns'"):
        formula(x.sum(), x, layout="diagonal")


def test_what_requires_no_gradient_is_refused(tensors):
    (x,) = tensors(x=4)
    with pytest.raises(tg.GradientError, match="expected a Tensor that requires grad"):
        formula(x.sum(), tg.Tensor([1.0]))


# ---- long formulas ----------------------------------------------------------------------------------------------


def test_rows_that_are_reshaped_stay_a_matrix_whose_name_is_explained(tensors):
    E, W = tensors(E=(7, 2), W=(6, 4))
    loss = tg.cross_entropy(tg.relu(tg.embedding(E, np.array([0, 1, 2])).reshape(6) @ W), 1)
    found = formula(loss, E)
    assert found.latex().startswith(r"S_k^\top \operatorname{reshape}(((\hat y - y) \odot \mathbb{1}\{")
    assert r"E_k \text{: the rows } k \text{ of } E" in found.where
    assert r"S_k \text{: a one-hot row for each } k" in found.where


def test_attention(tensors):
    Q, K, V, G = tensors(Q=(4, 3), K=(5, 3), V=(5, 2), G=(4, 2))
    loss = (((Q @ K.T).softmax() @ V) * G).sum()
    assert formula(loss, V).latex() == r"\hat Y^\top G"
    assert formula(loss, Q).latex() == r"(\hat Y \odot (G V^\top - (G V^\top \odot \hat Y) \mathbf{1})) K"


def recurrent(h, W, steps):
    for _ in range(steps):
        h = h + tg.tanh(h @ W)
    return (h * h).sum()


def test_what_a_long_formula_repeats_gets_a_name(tensors):
    h, W = tensors(h_0=(1, 3), W=(3, 3))
    short, long = (formula(recurrent(h, W, n), W) for n in (4, 12))
    assert short.simplified and long.simplified and long.is_right
    assert len(long.latex()) < 6 * len(short.latex())  # written out it would double with every step
    assert any(line.startswith(r"z_1 = h_0 + \tanh(h_0 W)") for line in long.where)


def test_with_respect_to_an_inner_tensor(tensors):
    v, U = tensors(v_c=4, U=(6, 4))
    scores = U @ v
    assert formula(tg.cross_entropy(scores, 2), scores).latex() == r"\hat y - y"


def test_a_graph_too_deep_to_be_read_is_refused(tensors):
    h, W = tensors(h_0=(1, 3), W=(3, 3))
    with pytest.raises(tg.GradientError, match="a graph of 1804 tensors, nested deeper than a formula can be read"):
        formula(recurrent(h, W, 600), W)
