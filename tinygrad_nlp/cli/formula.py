"""Print the gradients of a model as the lecture notes write them, made from the rules and checked on numbers.

    tinygrad-nlp formula skipgram
    tinygrad-nlp formula network --layout columns --steps
    tinygrad-nlp formula notes.py:my_loss

FILE.py:function names a function without arguments that returns the loss, one number. Its gradients with respect to
every tensor with requires_grad are printed; a tensor without a name is called as the variable, list or Module that
holds it. With --steps, what several gradients share is derived once and called δ.
"""

from __future__ import annotations

import json
import sys

from . import Parser, user_file
from .terminal import columns_of

LONG = 100
"""Under a derivation, a gradient is written out too if it has no more characters than this."""

LONGEST = 600
"""Characters of a line; of a longer one half as many are shown."""

WORDS = 6
"""The built-in models are as small as they can be without two sizes being equal by chance."""


def add_arguments(parser: Parser):
    parser.add_argument("model", metavar="MODEL", help=f"{', '.join(MODELS)}, or FILE.py:function")
    parser.add_argument(
        "--layout",
        choices=("rows", "columns"),
        default="rows",
        help="words and examples as rows (default), or as columns, as 002 prints them",
    )
    parser.add_argument("--format", choices=("unicode", "latex", "mathml"), default="unicode")
    parser.add_argument("--steps", action="store_true", help="unfold the derivation, a rule a line")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def run(arguments):
    from tinygrad_nlp.errors import OptionError
    from tinygrad_nlp.formula import derivation, formulas

    if user_file.is_place(arguments.model):
        title, loss, names, sources = from_file(arguments.model)
    elif arguments.model in MODELS:
        title, loss, names = MODELS[arguments.model]()
        sources = {}
    else:
        raise OptionError(f"no model {arguments.model!r}; there are {', '.join(MODELS)}, and FILE.py:function")
    options = {"layout": arguments.layout, "names": names}
    leaves = parameters(loss)
    found = formulas(loss, leaves, **options)
    chain = derivation(loss, leaves, **options) if arguments.steps else None
    if arguments.json:
        made = {"title": title, "gradients": [as_record(f) for f in found]}
        if chain:
            made |= {"chain": as_lines(chain.shared), "where": list(chain.where)}
            for record, step in zip(made["gradients"], chain.last):
                record["step"] = as_lines([step])[0]
        print(json.dumps(made | {"names": sources}, ensure_ascii=False))
    else:
        show(title, found, chain, sources, arguments.format)


def show(title, found, chain, sources, form):
    """The loss, what the gradients share, every gradient with its check, and once what the abbreviations mean."""
    from tinygrad_nlp.formula import mathml, unicode

    write = {"unicode": unicode, "latex": str, "mathml": mathml}[form]
    print(title)
    print("  " + brief(write(f"J = {chain.loss if chain else found[0].loss}")))
    if chain and chain.shared:
        print("\n  shared by the gradients below:")
        lines = [write(step.latex) for step in chain.shared]
        width = min(max(map(columns_of, lines)), 70)
        for line, step in zip(lines, chain.shared):
            print(f"    {brief(line)}{' ' * (width - columns_of(line))}    {by_rule(step)}")
    for f, step in zip(found, chain.last if chain else [None] * len(found)):
        print()
        if step:
            print(f"  {brief(write(step.latex))}    {by_rule(step)}")
        written_out = [(left, right) for left, right in f.lines if not step or f"{left} = {right}" not in step.latex]
        if not step or (not f.shortened and all(len(write(right)) <= LONG for _, right in written_out)):
            for left, right in written_out:
                again = step and len(f.lines) == 1  # only the right side is new
                print(
                    "  "
                    + (" " * columns_of(write(left)) + " = " + write(right) if again else write(f"{left} = {right}"))
                )
        print(f"    {f.checked}")
    print()
    lines = [*(chain.where if chain else ()), *(line for f in found for line in (*f.where, *f.loss_where))]
    if chain and found[0].shortened:  # their letters are for what was not written out
        lines = list(chain.where)
    known = set()
    for line in lines:
        what = line.partition(" = ")[0] if " = " in line else line
        if what not in known:
            print("  where " + brief(write(line)))
        known.add(what)
    for name, source in sources.items():
        print(f"  where {write(name)} is {source}")


def brief(line):
    """The line, or its beginning where it is longer than anyone reads: the rule of a whole recurrent layer is."""
    if line.startswith("<") or len(line) <= LONGEST:
        return line
    return f"{line[: LONGEST // 2]} … ({len(line):,} characters; --json has them all)"


def by_rule(step):
    return f"by the rule{'s' if ',' in step.rule or '+' in step.rule else ''} of {step.rule}"


def as_lines(steps):
    return [{"name": s.name, "left": s.left, "right": s.right, "latex": s.latex, "rule": s.rule} for s in steps]


def as_record(f):
    return {
        "name": f.name,
        "latex": [{"left": left, "right": right} for left, right in f.lines],
        "unicode": f.unicode(),
        "where": list(f.where),
        "loss": f.loss,
        "difference": f.difference,
    }


def parameters(loss):
    """The leaves that require grad, in the order in which they were made."""
    return [t for t in leaves(loss) if t.requires_grad]


def leaves(loss):
    """The tensors that no op made, in the order in which they were made."""
    found, waiting, seen = [], [loss], set()
    while waiting:
        t = waiting.pop()
        if id(t) in seen:
            continue
        seen.add(id(t))
        if t.is_leaf:
            found.append(t)
        waiting += [a for a in t._args or () if hasattr(a, "_args")]
    return sorted(found, key=lambda t: t._id)


# ---- the models of the documents --------------------------------------------------------------------------------


def drawn(**shapes):
    """Tensors of normal numbers by name."""
    import numpy as np

    from tinygrad_nlp import Tensor

    rng = np.random.default_rng(0)
    return [Tensor(rng.normal(size=shape), requires_grad=True, name=name) for name, shape in shapes.items()]


def skipgram():
    from tinygrad_nlp.models.word2vec.losses import naive_softmax_loss

    v, U = drawn(v_c=4, U=(WORDS, 4))
    return "Skip-gram with the naive softmax (002 §1, 000 and 001 (b), (d))", naive_softmax_loss(v, 2, U), None


def negative_sampling():
    import numpy as np

    from tinygrad_nlp.models.word2vec.losses import negative_sampling_loss

    v, U = drawn(v_c=4, U=(WORDS, 4))
    k = np.array([1, 4, 1])
    loss = negative_sampling_loss(v, 2, k, U)
    return "Skip-gram with negative sampling (003 Q3c, 004 (c))", loss, {"o": 2, "k": k}


def cbow():
    import numpy as np

    from tinygrad_nlp.models.word2vec.losses import cbow_context, naive_softmax_loss

    V, U = drawn(V=(WORDS, 4), U=(WORDS, 4))
    j = np.array([0, 3, 3, 5])
    context = cbow_context(V, j)
    context.name = "v_hat"
    return "CBOW, the context averaged (003 Q3d)", naive_softmax_loss(context, 1, U), {"j": j}


def network():
    from tinygrad_nlp import cross_entropy, sigmoid

    x, W_1, b_1, W_2, b_2 = drawn(x=3, W_1=(3, 4), b_1=4, W_2=(4, 5), b_2=5)
    loss = cross_entropy(sigmoid(x @ W_1 + b_1) @ W_2 + b_2, 3)
    return "One hidden layer of sigmoids, softmax, cross-entropy (003 Q2c)", loss, None


def parser():
    from tinygrad_nlp import cross_entropy, relu

    x, W, b_1, U, b_2 = drawn(x=5, W=(5, 4), b_1=4, U=(4, 3), b_2=3)
    loss = cross_entropy(relu(x @ W + b_1) @ U + b_2, 1)
    return "The parser's classifier: a ReLU layer, softmax over three transitions (001 3(e))", loss, None


def dropout():
    import numpy as np

    from tinygrad_nlp import dropout

    h, w = drawn(h=5, w=5)
    return "Dropout (002 §2.4)", (dropout(h, 0.5, rng=np.random.default_rng(5)) * w).sum(), None


def l2():
    from tinygrad_nlp import l2_normalize

    x, w = drawn(x=4, w=4)
    return "L2 normalization, read by a linear score (002 §1.5)", l2_normalize(x) @ w, None


def softmax():
    from tinygrad_nlp import log, softmax

    (theta,) = drawn(theta=5)
    y_hat = softmax(theta)
    return "Cross-entropy of a softmax, op by op (003 Q2b, 001 3(e)(ii))", -log(y_hat[2]), None


def window():
    from tinygrad_nlp.models.word2vec.losses import window_loss

    v, U = drawn(v_c=4, U=(WORDS, 4))
    return "Skip-gram over a window in which a word stands twice (004 (d))", window_loss(v, [2, 5, 2], U), None


MODELS = {
    "softmax": softmax,
    "skipgram": skipgram,
    "window": window,
    "negative-sampling": negative_sampling,
    "cbow": cbow,
    "network": network,
    "parser": parser,
    "dropout": dropout,
    "l2": l2,
}


# ---- the user's own ---------------------------------------------------------------------------------------------


def from_file(place):
    """Run FILE.py:function; returns (title, loss, None, names): unnamed tensors are called as what holds them."""
    from .naming import called

    with user_file.named(place) as (function, defined):
        variables = dict(defined)

        def watch(frame, event, _):
            if event == "return" and frame.f_code is function.__code__:
                variables.update(frame.f_locals)

        before = sys.getprofile()
        sys.setprofile(watch if hasattr(function, "__code__") else before)
        try:
            loss = user_file.loss_of(function, place)
        finally:
            sys.setprofile(before)
    return place, loss, None, called(leaves(loss), variables)
