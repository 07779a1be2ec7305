"""``tinygrad-nlp formula`` and ``tinygrad-nlp explain`` by their words."""

import json

import pytest

import tinygrad_nlp as tg
from tinygrad_nlp.cli.formula import MODELS


@pytest.mark.parametrize(
    "model, lines",
    [
        ("skipgram", ["∂J/∂v_c = Uᵀ(ŷ − y)", "∂J/∂U = (ŷ − y) v_cᵀ", "where ŷ = softmax(U v_c)"]),
        (
            "negative-sampling",
            [
                "J = −log σ(uₒᵀ v_c) − ∑ₖ log σ(−uₖᵀ v_c)",
                "∂J/∂v_c = (σ(uₒᵀ v_c) − 1) uₒ + ∑ₖ σ(uₖᵀ v_c) uₖ",
                "∂J/∂uₒ = (σ(uₒᵀ v_c) − 1) v_c",
                "∂J/∂uₖ = σ(uₖᵀ v_c) v_c",
            ],
        ),
        ("cbow", ["∂J/∂vⱼ = 1/4 Uᵀ(ŷ − y)", "∂J/∂U = (ŷ − y) v̂ᵀ", "where v̂ = 1/4 ∑ⱼ vⱼ"]),
        ("network", ["∂J/∂x = ((ŷ − y) W₂ᵀ ⊙ σ′(x W₁ + b₁)) W₁ᵀ", "∂J/∂b₂ = ŷ − y"]),
        ("parser", ["∂J/∂x = ((ŷ − y) Uᵀ ⊙ 𝟙{x W + b₁ > 0}) Wᵀ"]),
        ("dropout", ["∂J/∂h = γ d ⊙ w", "where γ = 1/(1 − p), p = 0.5"]),
        ("l2", ["∂J/∂x = 1/‖x‖ (I − u uᵀ) w", "where u = x/‖x‖"]),
    ],
)
def test_the_formulas_of_the_documents(run, model, lines):
    code, out, err = run("formula", model)
    assert code == 0 and err == ""
    said = [line.strip() for line in out.splitlines()]
    assert [line for line in lines if line not in said] == []
    assert any(line.startswith("checked: differs from the computed gradient by at most ") for line in said)


def test_every_gradient_of_every_model_is_checked(run):
    for model in MODELS:
        code, out, _ = run("formula", model, "--json")
        gradients = json.loads(out)["gradients"]
        assert code == 0 and gradients and all(g["difference"] < 1e-14 for g in gradients)


def test_the_other_layout_and_the_steps(run):
    assert "  ∂J/∂v_c = U(ŷ − y)\n" in run("formula", "skipgram", "--layout", "columns")[1]
    assert "  ∂J/∂(U v_c) = ŷ − y    by the rule of cross_entropy\n" in run("formula", "skipgram", "--steps")[1]


def test_formula_as_latex_and_mathml(run):
    assert (
        r"  \frac{\partial J}{\partial v_c} = U^\top(\hat y - y)" in run("formula", "skipgram", "--format", "latex")[1]
    )
    assert "<mfrac>" in run("formula", "skipgram", "--format", "mathml")[1]


def test_the_users_own_function(run, tmp_path):
    path = tmp_path / "notes.py"
    path.write_text(
        "import numpy as np\n"
        "from tinygrad_nlp import Tensor, cross_entropy\n"
        "def my_loss():\n"
        "    x = Tensor(np.ones((2, 3)))\n"
        "    W = Tensor(np.eye(3), requires_grad=True)\n"
        "    return cross_entropy(x @ W, [1, 2])\n"
        "number = 3\n",
        encoding="utf-8",
    )
    code, out, _ = run("formula", f"{path}:my_loss")
    assert code == 0 and "  ∂J/∂W = 1/2 xᵀ(Ŷ − Y)\n" in out
    code, _, err = run("formula", f"{path}:no_loss")
    assert code == 2 and f"no function 'no_loss' in {path}; expected a function" in err
    code, _, err = run("formula", path)
    assert code == 2 and f"name the function too, as in {path}:my_loss" in err
    code, _, err = run("formula", f"{tmp_path}/other.py:f")
    assert code == 2 and err == f"tinygrad-nlp: {tmp_path}/other.py: No such file or directory\n"


def test_an_unknown_model_is_refused(run):
    code, _, err = run("formula", "skipgrams")
    assert code == 2
    assert err.startswith("tinygrad-nlp: no model 'skipgrams'; there are skipgram, negative-sampling, cbow")


def test_explain_softmax(run):
    code, out, _ = run("explain", "softmax")
    assert code == 0
    for words in (
        "softmax(x, *, axis=-1)",
        "Statement\n  sᵢ = e^(xᵢ)/Z,  Z = ∑ₖ e^(xₖ)",
        "5. both cases: ∂sᵢ/∂xⱼ = sᵢ (δᵢⱼ − sⱼ)",
        "7. x̄ = s ⊙ (s̄ − ∑ᵢ s̄ᵢ sᵢ)",
        "Shapes\n  x: any -> same",
        "003 Q2b Eq",
        "sent back to x = ",
    ):
        assert words in out


def test_explain_says_the_convention(run):
    assert "Convention\n  at x = 0 the gradient is 0." in run("explain", "relu")[1]


def test_explain_as_latex(run):
    assert r"s = \sigma(x) = \frac{1}{1 + e^{-x}}" in run("explain", "sigmoid", "--latex")[1]


def test_explain_all_names_every_op_with_an_example(run):
    code, out, _ = run("explain", "--all")
    assert code == 0 and "\\" not in out.replace("\\n", "")
    assert out.count("\nExample\n") == len(tg.registry)
    assert all(f"\n{name}(" in "\n" + out for name in tg.registry)


def test_the_example_of_sigmoid_is_the_rule_on_numbers(run):
    out = run("explain", "sigmoid")[1]
    assert "x = [" in out and "result = [" in out and "gradient arriving = [1., 2., 3.]" in out


@pytest.mark.parametrize(
    "argv, message",
    [(["sofmax"], "no op 'sofmax'; did you mean softmax"), ([], "name an op, or --all; there are ")],
)
def test_explain_of_nothing_known(run, argv, message):
    code, _, err = run("explain", *argv)
    assert code == 2 and message in err
