"""What an op computes and how its backward rule follows: statement, derivation, convention, source, an example.

tinygrad-nlp explain softmax
tinygrad-nlp explain --all
"""

from __future__ import annotations

import textwrap

from . import Parser, user_file

WIDTH = 100
FEW = 15
"""An example shows at most so many numbers an array, if the op has such a sample."""


def add_arguments(parser: Parser):
    parser.add_argument("op", metavar="OP", nargs="*", help="names of ops, or FILE.py:NAME for one of yours")
    parser.add_argument("--all", action="store_true", help="every op there is")
    parser.add_argument("--latex", action="store_true", help="formulas as LaTeX instead of text")


def run(arguments):
    from tinygrad_nlp import OptionError, registry

    names = sorted(registry) if arguments.all else arguments.op
    if not names:
        raise OptionError(f"name an op, or --all; there are {len(registry)}: {', '.join(sorted(registry))}")
    ops = [user_file.op_named(name, "see: explain --all") for name in names]
    print("\n\n".join(explanation(op, arguments.latex) for op in ops))


def explanation(op, latex: bool = False) -> str:
    """All that is known of an op, as text."""
    from tinygrad_nlp.formula import unicode

    write = str if latex else unicode
    about = " ".join((op.__doc__ or "").split("\n\n")[0].split())
    parts = [f"{op.name}{op.__signature__}", *wrapped(about), ""]
    d = op.derivation
    if d is not None:
        parts += section("Statement", [write(d.statement)])
        parts += section("Shapes", [d.shapes])
        if d.steps:
            parts += section("Derivation", [f"{n}. {write(step)}" for n, step in enumerate(d.steps, 1)])
        else:
            parts += section("Derivation", ["none: it has no gradient"])
    for c in op.conventions or ():
        gradients = ", ".join("none" if g is None else " ".join(listed(g).split()) for g in c.gradients)
        parts += section("Convention", [f"at {c.where} the gradient is {gradients}", *wrapped(c.why)])
    if d is not None and d.notes:
        parts += section("Notes", wrapped(d.notes))
    if d is not None:
        parts += section("Source", wrapped(d.source))
    return "\n".join([*parts, *section("Example", example(op))]).rstrip()


def section(title, lines):
    return [title, *("  " + line for line in lines), ""]


def wrapped(text):
    return textwrap.wrap(text, WIDTH - 2)


def listed(value):
    import numpy as np

    return np.array2string(np.asarray(value), precision=4, separator=", ", max_line_width=WIDTH - 16, threshold=40)


def example(op) -> list[str]:
    """The op's first sample with a few numbers in it: arguments, result, the gradient 1, 2, 3 … sent back."""
    import numpy as np

    rng = np.random.default_rng(0)
    drawn = [sample.draw(rng) for sample in op.samples]
    if not drawn:
        return ["none"]
    finite = [s for s in drawn if all(a is None or np.isfinite(a).all() for a in s[0])] or drawn
    sizes = [max((np.size(a) for a in s[0]), default=0) for s in finite]
    few = [s for s, size in zip(finite, sizes) if 1 < size <= FEW]
    values, options = few[0] if few else finite[int(np.argmax(sizes))]
    args, options = op.bind(tuple(values), options)
    names = [f"{op.arguments[0]}[{i}]" for i in range(len(args))] if op.variadic else op.arguments
    with np.errstate(all="ignore"):
        out = np.asarray(op.forward(*args, **options))
    shown = {k: v for k, v in options.items() if not differs_not(v, op.defaults.get(k))}
    lines = [line for name, a in zip(names, args) if a is not None for line in assigned(name, a)]
    lines += [f"{k} = {v!r}" for k, v in shown.items()]
    lines += assigned("result", out)
    if not op.differentiable:
        return lines
    g = np.arange(1.0, out.size + 1).reshape(out.shape) if out.dtype.kind == "f" else None
    if g is None:
        return lines
    lines += assigned("gradient arriving", g)
    for i, (name, a) in enumerate(zip(names, args)):
        if (op.rules[0] if op.variadic else op.rules[i]) is None or np.asarray(a).dtype.kind != "f":
            continue
        with np.errstate(all="ignore"):
            back = np.asarray(op.rule(i)(g, out, *args, **options))
        if op.broadcasts and back.shape != np.shape(a):
            from tinygrad_nlp.broadcasting import sum_to_shape

            back = sum_to_shape(back, np.shape(a))
        lines += assigned(f"sent back to {name}", back)
    return lines


def differs_not(value, default):
    """True for an option left as it is."""
    return type(value) is type(default) and not hasattr(value, "shape") and value == default


def assigned(name, value):
    """``name = value`` with the further lines of an array aligned."""
    head = f"{name} = "
    return [head + line if not i else " " * len(head) + line for i, line in enumerate(listed(value).splitlines())]
