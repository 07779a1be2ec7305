"""Explanations as one HTML page: maths as MathML, graphs as SVG, no script, no request.

A formula that cannot be read, in an op of the user's for instance, is shown as the LaTeX it was written in. All text is
escaped, and the page's policy permits its own style sheet alone.
"""

from __future__ import annotations

from html import escape
from itertools import groupby
from pathlib import Path

from .explain import verdict
from .explain_markdown import FAMILIES

STYLE = Path(__file__).with_name("explain.css")

FIGURES = 4


def page(explained) -> str:
    """One HTML document about the ops given."""
    from tinygrad_nlp.visualize.document import document

    alone = len(explained) == 1
    title = explained[0].name if alone else "The ops of tinygrad_nlp"
    parts = []
    if not alone:
        parts += [f"<header><h1>{title}</h1>", contents(explained), "</header>"]
    parts += ["<main>", *(article(e, "h1" if alone else "h2") for e in explained), "</main>"]
    return document(title, STYLE.read_text(encoding="utf-8"), "\n".join(parts) + "\n")


def contents(explained):
    """Links to the ops, a line per family."""
    order = [*FAMILIES, *sorted({e.family for e in explained} - set(FAMILIES))]
    ordered = sorted(explained, key=lambda e: order.index(e.family))
    rows = []
    for family, ops in groupby(ordered, key=lambda e: e.family):
        links = " ".join(f'<a href="#{escape(e.name)}">{escape(e.name)}</a>' for e in ops)
        rows.append(f"<dt>{escape(FAMILIES.get(family, family))}</dt><dd>{links}</dd>")
    return f'<nav aria-label="Ops"><dl>{"".join(rows)}</dl></nav>'


def article(e, heading) -> str:
    """One op."""
    d = e.derivation
    parts = [f'<article id="{escape(e.name)}"><{heading}>{escape(e.name)}</{heading}>']
    parts.append(f'<p class="about">{prose(e.about)}</p><p class="call"><code>{escape(e.call)}</code></p>')
    if d is not None:
        parts.append(f'<div class="statement">{maths(d.statement)}</div>')
        parts.append(f'<p class="quiet">{prose(d.shapes)}</p>')
        if d.steps:
            rows = "".join(f"<li>{maths(step)}</li>" for step in d.steps)
            parts.append(f'<section><h3>Derivation</h3><ol class="steps">{rows}</ol></section>')
        else:
            parts.append("<p>It has no gradient.</p>")
    if e.code:
        source = escape(e.op.__module__.replace(".", "/")) + ".py"
        parts.append(f"<section><h3>The rule, as it runs</h3><pre><code>{escape(e.code)}</code></pre>")
        parts.append(f'<p class="quiet">{source}</p></section>')
    lines, where = e.formula
    if lines:
        shown = "".join(f"<li>{maths(f'{left} = {right}')}</li>" for left, right in lines)
        meant = "".join(f"<li>{maths(line)}</li>" for line in where)
        parts.append(f'<section><h3>The same, read off the code</h3><ul class="steps">{shown}</ul>')
        parts.append(
            f'<p class="quiet">where</p><ul class="steps quiet">{meant}</ul></section>' if meant else "</section>"
        )
    for at, gradients, why in e.conventions:
        at, gradients = prose(at), escape(gradients.rstrip("."))
        parts.append(f"<section><h3>At {at}</h3><p>The gradient is {gradients}: {prose(why)}</p></section>")
    parts.append(f"<section><h3>With numbers</h3>{example(e)}</section>")
    picture = e.picture()
    if picture:
        parts.append(
            f'<figure>{picture}<figcaption class="quiet">Values go down, gradients come back.</figcaption></figure>'
        )
    if d is not None:
        if d.notes:
            parts.append(f"<section><h3>Note</h3><p>{prose(d.notes)}</p></section>")
        parts.append(f'<p class="quiet">Source: {prose(d.source)}</p>')
    return "\n".join([*parts, "</article>"])


def example(e) -> str:
    """Arrays as tables: arguments, result, what arrives, what is sent back."""
    made = e.example
    if made is None:
        return "<p>none</p>"
    given = [array(name, a) for name, a in made.inputs]
    given += [f"<p><code>{escape(k)} = {escape(repr(v))}</code></p>" for k, v in made.options.items()]
    rows = [f'<div class="row">{"".join(given)}{array("result", made.result)}</div>']
    if made.arriving is not None:
        back = "".join(array(f"sent back to {name}", b, "back") for name, b in made.sent)
        rows.append(f'<div class="row">{array("gradient arriving", made.arriving, "back")}{back}</div>')
        said = verdict(made)
        rows.append(f'<p class="badge{" wrong" if "DIFFERENT" in said else ""}">{escape(said)}</p>' if said else "")
    return "".join(rows)


def array(name, value, kind="") -> str:
    """An array as a table with a caption; more than two axes run down."""
    import numpy as np

    value = np.asarray(value)
    table = value.reshape(-1, value.shape[-1]) if value.ndim > 1 else value.reshape(1, -1)
    shape = f" ({', '.join(map(str, value.shape))})" if value.ndim else ""
    rows = "".join("<tr>" + "".join(f"<td>{figure(v)}</td>" for v in row) + "</tr>" for row in table)
    return f'<table class="array {kind}"><caption>{escape(name)}{shape}</caption><tbody>{rows}</tbody></table>'


def figure(value) -> str:
    if isinstance(value, (float,)) or getattr(value, "dtype", None) is not None and value.dtype.kind == "f":
        text = f"{float(value):.{FIGURES}g}"
        return escape(text.replace("-", "−").replace("inf", "∞"))
    return escape(str(value))


def maths(latex) -> str:
    """MathML of a formula; LaTeX that cannot be read, as it was written."""
    from tinygrad_nlp.errors import OptionError
    from tinygrad_nlp.formula.typeset import markup, tree

    try:
        return markup(tree(latex), displaystyle="true")
    except OptionError:
        return f"<code>{escape(latex)}</code>"


def prose(text) -> str:
    """Words of an op's documentation; ``code`` as code."""
    pieces = " ".join(text.split()).replace("``", "`").split("`")
    return "".join(f"<code>{escape(p)}</code>" if i % 2 else escape(p) for i, p in enumerate(pieces))
