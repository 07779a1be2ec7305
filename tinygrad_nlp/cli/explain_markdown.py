"""Explanations as Markdown that GitHub shows: maths between $` and `$, which no Markdown rule reads."""

from __future__ import annotations

import re
from pathlib import Path

from .explain import example

PICTURED = (
    *("add", "mul", "matmul", "linear", "sum", "mean", "max", "cumsum", "softmax", "cross_entropy", "l2_normalize"),
    *("relu", "where", "dropout", "embedding", "gather", "concat", "expand", "negative_sampling"),
)
"""Ops whose picture shows what words say less well: a gradient that is copied, split, summed, picked or stopped."""

MADE = "<!-- Made by: tinygrad-nlp explain --all --out docs/ops. Not by hand: a test holds it equal to the code. -->\n"

FAMILIES = {
    "arithmetic": "Arithmetic",
    "exp_log": "Exponentials and logarithms",
    "trigonometry": "Trigonometric and hyperbolic functions",
    "activation": "Activations",
    "select": "Choosing",
    "compare": "Comparing",
    "reduce": "Sums, means, maxima",
    "shape": "Shapes and order",
    "copies": "Copies",
    "join": "Joining, cutting and padding",
    "index": "Indexing",
    "windows": "Windows",
    "embedding": "Embedding",
    "linalg": "Products",
    "einsum": "Einstein's summation",
    "diagonal": "Diagonals and triangles",
    "normalize": "Softmax and normalization",
    "loss": "Losses",
    "negative_sampling": "Negative sampling",
    "order": "Sorting",
    "random": "Dropout",
    "lstm": "Long short-term memory",
    "gru": "The gated recurrent unit",
}


def reference(explained, folder: Path) -> dict[Path, str]:
    """{file: text}: a page per family, an index README.md, and the pictures."""
    families = {}
    for e in explained:
        families.setdefault(e.family, []).append(e)
    order = [*(f for f in FAMILIES if f in families), *sorted(set(families) - set(FAMILIES))]
    files, index = {}, [MADE, "# The ops\n"]
    index.append(
        f"{len(explained)} ops, each with its statement, the derivation of its rule, the rule's code, the formula that "
        "the code gives when it is run on symbols, its value at kinks, and an example whose gradient was measured by "
        f"differences. {NOTATION}\n"
    )
    for family in order:
        title = FAMILIES.get(family, family.replace("_", " ").capitalize())
        index.append(f"## [{title}]({family}.md)\n\n| op | |\n| --- | --- |")
        index += [f"| [`{e.name}`]({family}.md#{e.name}) | {prose(e.about)} |" for e in families[family]]
        index.append("")
        head = f"{MADE}\n# {title}\n\n{NOTATION} All ops: [index](README.md).\n"
        files[folder / f"{family}.md"] = head + "\n".join(map(op_text, families[family]))
        for e in families[family]:
            if e.name in PICTURED and e.picture():
                files[folder / "images" / f"{e.name}.svg"] = e.picture()
    files[folder / "README.md"] = "\n".join(index)
    return files


NOTATION = (
    r"Notation: $`s`$ is the result, $`\bar s = \partial J / \partial s`$ the gradient that arrives, "
    r"$`\bar x`$ the one sent back."
)


def document(explained) -> str:
    """One file, without pictures."""
    return MADE + "\n" + NOTATION + "\n" + "\n".join(op_text(e, pictures=False) for e in explained)


def op_text(e, pictures=True) -> str:
    """One op."""
    d = e.derivation
    parts = [f"\n## {e.name}\n", prose(e.about) + "\n", fenced(e.call, "python")]
    if d is not None:
        parts += [fenced(plain(d.statement), "math"), f"**Shapes.** {prose(d.shapes)}\n"]
        if d.steps:
            parts += ["**Derivation**\n", *(f"{n}. {maths(step)}" for n, step in enumerate(d.steps, 1)), ""]
        else:
            parts.append("**Derivation.** None: it has no gradient.\n")
    if e.code:
        where = f"[{e.op.__module__.replace('.', '/')}.py](../../{e.op.__module__.replace('.', '/')}.py)"
        parts += [f"**The rule**, in {where}:\n", fenced(e.code, "python")]
    lines, where = e.formula
    if lines:
        body = r" \\ ".join(f"{left} &= {right}" for left, right in lines)
        parts += ["**Read off the rule**, run on symbols:\n"]
        parts += [fenced(plain(rf"\begin{{aligned}} {body} \end{{aligned}}"), "math")]
        if where:
            parts += ["where " + ", ".join(map(maths, where)) + "\n"]
    for at, gradients, why in e.conventions:
        parts.append(f"**Convention.** At {prose(at)} the gradient is {gradients.rstrip('.')}: {prose(why)}\n")
    if d is not None:
        parts += [f"**Note.** {prose(d.notes)}\n"] if d.notes else []
        parts.append(f"**Source.** {prose(d.source)}\n")
    parts += ["**Example**\n", fenced("\n".join(example(e)), "text")]
    if pictures and e.name in PICTURED:
        parts.append(f"![{e.name}: values forward, gradients back](images/{e.name}.svg)\n")
    return "\n".join(parts)


def fenced(text, language):
    return f"```{language}\n{text}\n```\n"


def plain(latex):
    r"""LaTeX that GitHub's MathJax takes: it refuses \operatorname."""
    return re.sub(r"\\operatorname(?=\{)", r"\\mathrm", latex)


def maths(latex):
    return f"$`{plain(latex)}`$"


def prose(text):
    """Words of an op's documentation with ``code`` and `names` in them; all else loses its meaning to Markdown."""
    pieces = re.split(r"(``[^`]+``|`[^`]+`)", " ".join(text.split()))
    return "".join(
        f"`{p.strip('`')}`" if i % 2 else re.sub(r"([\\*_<>\[\]|$])", r"\\\1", p) for i, p in enumerate(pieces)
    )
