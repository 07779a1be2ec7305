"""LaTeX to text and to MathML: every derivation of every op is understood, and nothing in it can break a page."""

import xml.etree.ElementTree as ElementTree

import pytest

import tinygrad_nlp as tg
from tinygrad_nlp.formula.typeset import mathml, unicode, unknown

OPS = [op for op in tg.registry.values() if op.derivation is not None]


@pytest.mark.parametrize(
    "latex, text",
    [
        (r"U^\top(\hat y - y)", "Uᵀ(ŷ − y)"),
        (r"(\hat y - y) v_c^\top", "(ŷ − y) v_cᵀ"),
        (r"\frac{\partial J}{\partial W_1}", "∂J/∂W₁"),
        (r"\frac{1}{1 - p}", "1/(1 − p)"),
        (r"\frac{x}{\lVert x \rVert}", "x/‖x‖"),
        (r"\bar x = \bar s \odot s \odot (1 - s)", "x̄ = s̄ ⊙ s ⊙ (1 − s)"),
        (r"\textstyle\sum_k y_k \log \hat y_k", "∑ₖ yₖ log ŷₖ"),
        (r"s = \log \sigma(x)", "s = log σ(x)"),
        (r"-\log x", "−log x"),
        (r"e^{x_i - m}", "e^(xᵢ − m)"),
        (r"x^{-1}", "x⁻¹"),
        (r"a_{12}", "a₁₂"),
        (r"x_12", "x₁2"),
        (r"\sigma'(x W_1 + b_1)", "σ′(x W₁ + b₁)"),
        (r"\mathbb{1}\{z > 0\}", "𝟙{z > 0}"),
        (r"\sqrt{1 - x^2}", "√(1 − x²)"),
        (r"\operatorname{softmax}(U v)", "softmax(U v)"),
        (r"\left( a + b \right)", "(a + b)"),
        (r"a = b \\ c = d", "a = b\nc = d"),
        (r"2(\sum_k u_k)", "2(∑ₖ uₖ)"),
        (r"x \in \mathbb{R}^n", "x ∈ ℝⁿ"),
        ("", ""),
    ],
)
def test_formulas_as_text(latex, text):
    assert unicode(latex) == text


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_every_derivation_is_understood(op):
    for line in (op.derivation.statement, *op.derivation.steps):
        assert not unknown(line), f"{op.name}: {line}"
        text = unicode(line)
        assert "\\" not in text and "{}" not in text, text
        ElementTree.fromstring(mathml(line))


def test_an_unknown_command_stays_readable():
    assert unknown(r"\frobnicate x") == ["frobnicate"]
    assert unicode(r"\frobnicate x") == r"\frobnicate x"


@pytest.mark.parametrize(
    "latex", [r"\text{</script><b>&}", "a < b & c", r"\operatorname{<i>}", "}}{{", "x^", r"\frac", "_"]
)
def test_mathml_is_well_formed_whatever_comes(latex):
    tree = ElementTree.fromstring(mathml(latex))
    assert not {e.tag.rpartition("}")[2] for e in tree.iter()} & {"script", "b", "i"}
    unicode(latex)


def test_mathml_says_what_the_latex_says():
    namespace = "{http://www.w3.org/1998/Math/MathML}"
    tree = ElementTree.fromstring(mathml(r"\frac{\partial J}{\partial v_c} = U^\top(\hat y - y)"))
    tags = [e.tag.removeprefix(namespace) for e in tree.iter()]
    assert tags.count("mfrac") == 1 and tags.count("msub") == 1 and tags.count("msup") == 1 and tags.count("mover") == 1
    assert "".join(tree.itertext()) == "∂J∂vc=U⊤(y^−y)"
