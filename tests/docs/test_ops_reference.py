"""docs/ops is what the command makes of the code, and as a page it shows the same without being able to act."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import tinygrad_nlp as tg
from tinygrad_nlp.cli import main
from tinygrad_nlp.cli.explain_page import maths

from .test_tutorials import alike

ROOT = Path(__file__).parent.parent.parent
REFERENCE = ROOT / "docs" / "ops"
MAKE = "tinygrad-nlp explain --all --out docs/ops"


def ours():
    return {name: op for name, op in tg.registry.items() if op.__module__.startswith("tinygrad_nlp.")}


@pytest.fixture
def library_alone(monkeypatch):
    """Ops that other tests have defined are no part of the reference."""
    kept = ours()
    for name in set(tg.registry) - set(kept):
        monkeypatch.delitem(tg.registry, name)


def test_the_reference_is_what_the_code_says(library_alone, tmp_path, capsys):
    assert main(["explain", "--all", "--out", str(tmp_path / "ops")]) == 0
    made = {p.relative_to(tmp_path / "ops"): p.read_text("utf-8") for p in (tmp_path / "ops").rglob("*") if p.is_file()}
    kept = {p.relative_to(REFERENCE): p.read_text("utf-8") for p in REFERENCE.rglob("*") if p.is_file()}
    assert sorted(map(str, made)) == sorted(map(str, kept)), f"make it again: {MAKE}"
    stale = [str(p) for p in made if not (alike if p.suffix == ".svg" else str.__eq__)(made[p], kept[p])]
    assert not stale, f"{', '.join(stale)} differ from the code; make them again: {MAKE}"


def test_the_reference_is_small_and_its_links_lead_somewhere():
    files = [p for p in REFERENCE.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 1_000_000
    for p in files:
        if p.suffix == ".md":
            for target in re.findall(r"\]\(([^)#]+)", p.read_text("utf-8")):
                assert (p.parent / target).exists(), f"{p.name}: {target}"
        else:
            ElementTree.parse(p)


def test_markdown_says_all_there_is_to_say(tmp_path):
    main(["explain", "softmax", "--out", str(tmp_path / "softmax.md")])
    text = (tmp_path / "softmax.md").read_text("utf-8")
    for words in (
        "```math\ns_i = \\frac{e^{x_i}}{Z}",
        "7. $`\\bar x = s \\odot",
        "**Shapes.** x: any",
        "    return out * (g - (g * out).sum(axis, keepdims=True))",
        r"\frac{\partial J}{\partial x} &= \hat Y \odot (\bar s - (\bar s \odot \hat Y) \mathbf{1})",
        "**Source.** 003 Q1",
        "sent back to x = [[",
        "measured by central differences: equal, to within 1e-6",
    ):
        assert words in text
    assert r"\operatorname" not in text  # which GitHub refuses


def test_every_gradient_of_the_reference_was_measured():
    from tinygrad_nlp.cli.explain_data import AGREE, Explanation

    unmeasured = []
    for name, op in ours().items():
        made = Explanation(op).example
        if made is not None and made.sent:
            if made.error is None:
                unmeasured.append(name)
            else:
                assert made.error <= AGREE, name
    assert unmeasured == []


def test_a_wrong_rule_is_called_different():
    from tinygrad_nlp.cli.explain import explanation
    from tinygrad_nlp.cli.explain_data import Explanation
    from tinygrad_nlp.samples import normal, sample

    @tg.op
    class twice_wrong:
        "x + x <b>& more</b>."

        def forward(x):
            return x + x

        def vjp_x(g, out, x):
            return g * 3

        samples = (sample(normal(3)),)

    try:
        about = Explanation(twice_wrong)
        assert "measured by central differences: DIFFERENT, by 1" not in explanation(about)  # 3 against 2: a third
        assert "measured by central differences: DIFFERENT, by 0.3" in explanation(about)
        from tinygrad_nlp.cli.explain_page import page

        text = page([about])
        assert 'class="badge wrong"' in text and "x + x &lt;b&gt;&amp; more&lt;/b&gt;." in text
    finally:
        tg.registry.pop("twice_wrong")


def test_the_page_works_offline_and_can_do_nothing(tmp_path, library_alone):
    path = tmp_path / "ops.html"
    assert main(["explain", "--all", "--out", str(path)]) == 0
    text = path.read_text("utf-8")
    assert "default-src 'none'; style-src 'sha256-" in text and "<script" not in text.lower()
    assert not re.search(r'(?:src|href)="(?!#|data:)', text) and " style=" not in text
    assert text.count("<article ") == len(ours()) and text.count("<math") > 400
    named = re.findall(r'<a href="#(\w+)"', text)
    assert sorted(named) == sorted(ours()) and all(f'<article id="{n}">' in text for n in named)


@pytest.mark.parametrize("name", ["softmax", "relu", "cross_entropy", "negative_sampling", "getitem", "argmax"])
def test_the_page_is_well_formed(name, tmp_path):
    path = tmp_path / "op.html"
    main(["explain", name, "--out", str(path)])
    body = path.read_text("utf-8").partition("<body>")[2].partition("</body>")[0]
    tree = ElementTree.fromstring(f"<body>{body}</body>")
    assert tree.find(".//h1").text == name
    assert len(tree.findall(".//figure")) == bool(tg.registry[name].differentiable)


def test_formulas_are_mathml_and_their_text_is_text():
    assert maths(r"\frac{x}{2}") == '<math displaystyle="true"><mfrac><mi>x</mi><mn>2</mn></mfrac></math>'
    assert maths(r"\text{a < b }") == '<math displaystyle="true"><mtext>a\u00a0&lt;\u00a0b\u00a0</mtext></math>'
    assert maths(r"\mathbf{1}").startswith("<math")
    assert maths(r"\nonsense{<b>}") == r"<code>\nonsense{&lt;b&gt;}</code>"


def test_another_ending_is_refused(capsys):
    assert main(["explain", "softmax", "--out", "softmax.pdf"]) == 2
    assert "--out softmax.pdf: expected a name ending in .html or .md, or a folder" in capsys.readouterr().err


def test_an_op_of_the_user_without_samples_is_tried_on_normal_numbers(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from tinygrad_nlp import op\n@op\nclass cube:\n    'x · x · x.'\n"
        "    def forward(x):\n        return x * x * x\n"
        "    def vjp_x(g, out, x):\n        return g * 3 * x * x\n",
        encoding="utf-8",
    )
    try:
        assert main(["explain", f"{path}:cube", "--out", str(tmp_path / "cube.html")]) == 0
    finally:
        tg.registry.pop("cube", None)
    text = (tmp_path / "cube.html").read_text("utf-8")
    assert "measured by central differences: equal" in text and "return g * 3 * x * x" in text and "<figure>" in text
