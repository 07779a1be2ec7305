"""What an op computes and how its backward rule follows: statement, derivation, convention, source, an example.

    tinygrad-nlp explain softmax
    tinygrad-nlp explain FILE.py:my_op                 # an op of yours
    tinygrad-nlp explain softmax --out softmax.html    # a page, with a picture; works offline
    tinygrad-nlp explain --all --out docs/ops          # Markdown, a file per family of ops: the reference in docs/

The reference is made by the last of these alone; a test holds it equal to the code.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from .. import written
from . import Parser, user_file
from .explain_data import AGREE, Explanation, listed

WIDTH = 100


def add_arguments(parser: Parser):
    parser.add_argument("op", metavar="OP", nargs="*", help="names of ops, or FILE.py:NAME for one of yours")
    parser.add_argument("--all", action="store_true", help="every op there is")
    parser.add_argument("--latex", action="store_true", help="formulas as LaTeX instead of text")
    parser.add_argument(
        "--out", metavar="FILE", help="write a page (.html), Markdown (.md), or a folder of Markdown, an op family each"
    )


def run(arguments):
    from tinygrad_nlp import OptionError, registry

    if arguments.all and arguments.op:
        raise OptionError(f"--all explains every op: leave out {' '.join(arguments.op)}, or --all")
    names = sorted(registry) if arguments.all else arguments.op
    if not names:
        raise OptionError(f"name an op, or --all; there are {len(registry)}: {', '.join(sorted(registry))}")
    ops = [user_file.op_named(name, "see: explain --all") for name in names]
    explained = [Explanation(op) for op in ops]
    if not arguments.out:
        print("\n\n".join(explanation(e, arguments.latex) for e in explained))
        return
    path = Path(arguments.out)
    if path.suffix.lower() in (".html", ".htm"):
        from .explain_page import page

        written.write(path, page(explained))
        print(f"{path}   <- open this in a browser")
    elif path.suffix.lower() == ".md" or not path.suffix:
        from .explain_markdown import document, reference

        files = {path: document(explained)} if path.suffix else reference(explained, path)
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            written.write(file, text)
        print(f"{len(names)} op{'s' * (len(names) != 1)} explained in {path}")
    else:
        raise OptionError(f"--out {path}: expected a name ending in .html or .md, or a folder")


def explanation(about: Explanation, latex: bool = False) -> str:
    """All that is known of an op, as text."""
    from tinygrad_nlp.formula import unicode

    write = str if latex else unicode
    parts = [about.call, *wrapped(about.about), ""]
    d = about.derivation
    if d is not None:
        parts += section("Statement", [write(d.statement)])
        parts += section("Shapes", [d.shapes])
        if d.steps:
            parts += section("Derivation", [f"{n}. {write(step)}" for n, step in enumerate(d.steps, 1)])
        else:
            parts += section("Derivation", ["none: it has no gradient"])
    if about.code:
        parts += section("Rule", about.code.splitlines())
    lines, where = about.formula
    if lines:
        read = [write(f"{left} = {right}") for left, right in lines] + [f"where {write(line)}" for line in where]
        parts += section("Read off the rule, s̄ = ∂J/∂s" if not latex else r"Read off the rule, \bar s = ∂J/∂s", read)
    for where, gradients, why in about.conventions:
        parts += section("Convention", [f"at {where} the gradient is {gradients}", *wrapped(why)])
    if d is not None and d.notes:
        parts += section("Notes", wrapped(d.notes))
    if d is not None:
        parts += section("Source", wrapped(d.source))
    return "\n".join([*parts, *section("Example", example(about))]).rstrip()


def section(title, lines):
    return [title, *("  " + line for line in lines), ""]


def wrapped(text):
    return textwrap.wrap(text, WIDTH - 2)


def example(about) -> list[str]:
    """Arguments, result, the gradient 1, 2, 3 … that arrives, what is sent back, and what differences say of it."""
    made = about.example
    if made is None:
        return ["none"]
    lines = [line for name, a in made.inputs for line in assigned(name, a)]
    lines += [f"{k} = {v!r}" for k, v in made.options.items()]
    lines += assigned("result", made.result)
    if made.arriving is None:
        return lines
    lines += assigned("gradient arriving", made.arriving)
    for name, back in made.sent:
        lines += assigned(f"sent back to {name}", back)
    return [*lines, verdict(made)] if verdict(made) else lines


def verdict(made) -> str:
    """What central differences say of an example's gradients, in words that no machine's rounding changes."""
    if made.error is None or not made.sent:
        return ""
    if made.error <= AGREE:
        return f"measured by central differences: equal, to within {AGREE:.0e}".replace("e-0", "e-")
    return f"measured by central differences: DIFFERENT, by {made.error:.1g} of the largest element"


def assigned(name, value):
    """``name = value`` with the further lines of an array aligned."""
    head = f"{name} = "
    return [head + line if not i else " " * len(head) + line for i, line in enumerate(listed(value).splitlines())]
