"""LaTeX to text and to MathML: every derivation of every op is understood, and nothing in it can break a page."""

import xml.etree.ElementTree as ElementTree

import pytest

import tinygrad_nlp as tg
from tinygrad_nlp import OptionError
from tinygrad_nlp.formula.parse import unknown
from tinygrad_nlp.formula.typeset import ELEMENTS, markup, mathml, tree, unicode

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


# ---- trees, which a page makes elements of ----------------------------------------------------------------------


def walk(node):
    yield node
    for child in node[1:]:
        if not isinstance(child, str):
            yield from walk(child)


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_every_derivation_can_be_set(op):
    for latex in (op.derivation.statement, *op.derivation.steps):
        for element in walk(tree(latex)):
            assert element[0] in ELEMENTS
            assert not any("\\" in child for child in element[1:] if isinstance(child, str))


def test_formulas():
    x, y = ["mi", "x"], ["mi", "y"]
    assert tree("x_i^2") == ["math", ["msubsup", x, ["mi", "i"], ["mn", "2"]]]
    assert tree("x^2_i") == tree("x_i^2")
    assert tree(r"\tfrac12") == ["math", ["mfrac", ["mn", "1"], ["mn", "2"]]]
    assert tree(r"\frac{x}{y}") == ["math", ["mfrac", x, y]]
    assert tree(r"\bar x") == ["math", ["mover", x, ["mo", "¯"]]]
    assert tree(r"\left(x\right.") == ["math", ["mrow", ["mo", "("], x]]
    assert tree("f'(x)")[1] == ["msup", ["mi", "f"], ["mo", "′"]]
    assert tree("f''^2") == ["math", ["msup", ["mi", "f"], ["mrow", ["mo", "′′"], ["mn", "2"]]]]
    assert tree(r"x \\ y") == ["math", ["mtable", ["mtr", ["mtd", x]], ["mtr", ["mtd", y]]]]
    assert tree(r"\mathbf{Wα}1 \epsilon") == ["math", ["mi", "𝐖𝛂"], ["mn", "1"], ["mi", "ϵ"]]
    assert tree(r"\mathrm{d} \mathrm{a\_b}") == ["math", ["mtext", "d"], ["mi", "a_b"]]  # one letter would be italic


def test_a_function_is_set_apart_from_what_is_beside_it():
    x, log, thin = ["mi", "x"], ["mi", "log"], ["mspace", "0.17em"]
    assert tree(r"x \log x") == ["math", x, thin, log, thin, x]
    assert tree(r"\log(x)") == ["math", log, ["mo", "("], x, ["mo", ")"]]
    assert tree(r"-\log \operatorname{f} x")[2:] == [log, thin, ["mtext", "f"], thin, x]
    assert tree(r"\max_x x")[1:] == [["msub", ["mi", "max"], x], thin, x]
    assert tree(r"x\,\log x") == tree(r"x \log x")


def test_markup_in_a_formula_is_text():
    assert tree(r"\text{</script><b>}") == ["math", ["mtext", "</script><b>"]]
    assert markup(tree(r"\text{<b>&}"), title='"') == '<math title="&quot;"><mtext>&lt;b&gt;&amp;</mtext></math>'


def test_a_bar_is_no_wider_than_a_bar():
    assert markup(tree(r"\bar x")) == '<math><mover><mi>x</mi><mo stretchy="false">¯</mo></mover></math>'


def test_spaces_of_a_text_stay_at_its_ends_too():
    row, of = ["mtext", "row\u00a0"], ["mtext", "\u00a0of\u00a0"]
    assert tree(r"\text{row }i\text{ of }") == ["math", row, ["mi", "i"], of]


@pytest.mark.parametrize(
    "latex, fault",
    [
        (r"\href{x}{y}", r"\href"),
        (r"\frac{x}", "an unexpected end"),
        ("{x", "no }"),
        (r"\text{x", "no }"),
        (r"\left(x", r"no \right"),
        (r"{\left(x}", r"no \right"),
        (r"\left({x\right)", "no }"),
        ("x}", "an unexpected }"),
        (r"x\right)", r"an unexpected \right"),
        (r"\sqrt", "an unexpected end"),
        (r"\left", "no parenthesis"),
        (r"\left\displaystyle x\right)", "no parenthesis"),
        (r"{x^}", "an unexpected end"),
    ],
)
def test_a_formula_that_cannot_be_read_is_refused(latex, fault):
    with pytest.raises(OptionError) as refused:
        tree(latex)
    assert fault in str(refused.value) and repr(latex) in str(refused.value)
    ElementTree.fromstring(mathml(latex))  # which writes what there is
    unicode(latex)
