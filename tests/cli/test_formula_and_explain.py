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
        ("softmax", ["J = −log(yᵀ ŷ)", "∂J/∂θ = ŷ − y"]),
        ("window", ["∂J/∂v_c = Uᵀ(3 ŷ − 2 y − y₂)", "∂J/∂U = (3 ŷ − 2 y − y₂) v_cᵀ"]),
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
    assert "    δ = ∂J/∂(U v_c) = ŷ − y    by the rule of cross_entropy\n" in run("formula", "skipgram", "--steps")[1]


def test_the_steps_derive_once_what_the_gradients_share(run):
    out = run("formula", "network", "--steps")[1]
    for line in (
        "    δ₂ = ∂J/∂z₂ = ŷ − y              by the rule of cross_entropy\n",
        "    δ₁ = ∂J/∂z₁ = δ₂ W₂ᵀ ⊙ σ′(z₁)    by the rule of sigmoid\n",
        "  ∂J/∂x = δ₁ W₁ᵀ    by the rules of add, matmul\n        = ((ŷ − y) W₂ᵀ ⊙ σ′(x W₁ + b₁)) W₁ᵀ\n",
        "  ∂J/∂b₂ = δ₂    by the rule of add\n         = ŷ − y\n",
        "  where z₁ = x W₁ + b₁\n",
    ):
        assert out.count(line.strip("\n")) == 1 and line in out, line
    made = json.loads(run("formula", "network", "--steps", "--json")[1])
    assert [s["name"] for s in made["chain"]] == [r"\delta_2", "", r"\delta_1"]
    assert made["gradients"][0]["step"]["right"] == r"\delta_1 W_1^\top"


def test_a_long_network_of_the_user_is_printed_by_its_error_messages(run, tmp_path):
    path = tmp_path / "net.py"
    path.write_text(
        "import numpy as np\n"
        "from tinygrad_nlp import Tensor, cross_entropy, nn, tanh\n"
        "rng = np.random.default_rng(0)\n"
        "x = rng.normal(size=(2, 3))\n"
        "sizes = [3, 4, 5, 2]\n"
        "def loop():\n"
        "    Ws = [Tensor(rng.normal(size=s), requires_grad=True) for s in zip(sizes, sizes[1:])]\n"
        "    bs = [Tensor(np.zeros(n), requires_grad=True) for n in sizes[1:]]\n"
        "    h = Tensor(x)\n"
        "    for W, b in zip(Ws, bs):\n"
        "        h = tanh(h @ W + b)\n"
        "    return cross_entropy(h, [1, 0])\n"
        "def module():\n"
        "    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))\n"
        "    return cross_entropy(model(Tensor(x.astype(np.float32))), [1, 0])\n"
        "def table():\n"
        "    p = {'W': Tensor(rng.normal(size=(3, 2)), requires_grad=True)}\n"
        "    return cross_entropy(Tensor(x) @ p['W'], [1, 0])\n",
        encoding="utf-8",
    )
    out = run("formula", f"{path}:loop", "--steps")[1]
    assert "  ∂J/∂W₁ = xᵀ δ₁    by the rules of add, matmul\n    checked" in out
    assert "  ∂J/∂b₃ = 𝟏ᵀ δ₃    by the rule of add\n" in out and "  where W₃ is Ws[2]\n" in out
    assert max(map(len, out.splitlines())) <= 110
    out = run("formula", f"{path}:module")[1]
    assert "  ∂J/∂W₂ = 1/2 (Ŷ − Y)ᵀ tanh(x W₁ᵀ + b₁)\n" in out and "  where W₂ is model.2.weight\n" in out
    out = run("formula", f"{path}:table")[1]
    assert "  ∂J/∂W = 1/2 xᵀ(Ŷ − Y)\n" in out and "  where W is p['W']\n" in out


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
    assert code == 2 and f"{path} has no function 'no_loss'; it has my_loss" in err
    code, _, err = run("formula", path)
    assert code == 2 and f"name the function too, as in {path}:my_loss" in err
    code, _, err = run("formula", f"{tmp_path}/other.py:f")
    assert code == 2 and err == f"tinygrad-nlp: {tmp_path}/other.py: no such file\n"


def test_an_unknown_model_is_refused(run):
    code, _, err = run("formula", "skipgrams")
    assert code == 2
    assert err.startswith("tinygrad-nlp: no model 'skipgrams'; there are softmax, skipgram, window, negative-")


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
    [
        (["sofmax"], "no op 'sofmax'; did you mean softmax"),
        ([], "name an op, or --all; there are "),
        (["relu", "--all"], "--all explains every op: leave out relu, or --all"),
    ],
)
def test_explain_of_nothing_known(run, argv, message):
    code, _, err = run("explain", *argv)
    assert code == 2 and message in err


def test_a_formula_longer_than_a_screen_is_cut_and_says_so():
    from tinygrad_nlp.cli.formula import LONGEST, brief

    assert brief("x" * LONGEST) == "x" * LONGEST
    assert brief("x" * 700) == "x" * 300 + " … (700 characters; --json has them all)"
    assert len(brief("<math>" + "x" * 700)) == 706  # half an element is none
