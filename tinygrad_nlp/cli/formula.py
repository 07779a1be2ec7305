"""Print the gradients of a model as the lecture notes write them, made from the rules and checked on numbers.

    tinygrad-nlp formula skipgram
    tinygrad-nlp formula network --layout columns --steps
    tinygrad-nlp formula notes.py:my_loss

FILE.py:function names a function without arguments that returns the loss, one number. Its gradients with respect to
every tensor with requires_grad are printed; a tensor without a name is called as the variable that holds it.
"""

from __future__ import annotations

import json
import os
import sys

from . import Parser

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
    from tinygrad_nlp.formula import formula

    if ":" in arguments.model or arguments.model.endswith(".py"):
        title, loss, names = from_file(arguments.model)
    elif arguments.model in MODELS:
        title, loss, names = MODELS[arguments.model]()
    else:
        raise OptionError(f"no model {arguments.model!r}; there are {', '.join(MODELS)}, and FILE.py:function")
    options = {"layout": arguments.layout, "names": names, "steps": arguments.steps}
    found = [formula(loss, wrt, **options) for wrt in parameters(loss)]
    if arguments.json:
        print(json.dumps({"title": title, "gradients": [as_record(f) for f in found]}, ensure_ascii=False))
    else:
        show(title, found, arguments.format)


def show(title, found, form):
    """The loss, every gradient with its check, and once what the abbreviations mean."""
    from tinygrad_nlp.formula import mathml, unicode

    write = {"unicode": unicode, "latex": str, "mathml": mathml}[form]
    print(title)
    print("  " + write(f"J = {found[0].loss}"))
    for f in found:
        print()
        for step in f.steps:
            print(f"  {write(step.latex)}    by the rule of {step.rule}")
        if f.steps:
            print()
        for left, right in f.lines:
            print("  " + write(f"{left} = {right}"))
        print(f"    {f.checked}")
    print()
    for line in dict.fromkeys(line for f in found for line in (*f.where, *f.loss_where)):
        print("  where " + write(line))


def as_record(f):
    return {
        "name": f.name,
        "latex": [{"left": left, "right": right} for left, right in f.lines],
        "unicode": f.unicode(),
        "where": list(f.where),
        "loss": f.loss,
        "steps": [{"latex": s.latex, "rule": s.rule} for s in f.steps],
        "difference": f.difference,
    }


def parameters(loss):
    """The leaves that require grad, in the order in which they were made."""
    found, waiting, seen = [], [loss], set()
    while waiting:
        t = waiting.pop()
        if id(t) in seen:
            continue
        seen.add(id(t))
        if t.is_leaf and t.requires_grad:
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


MODELS = {
    "skipgram": skipgram,
    "negative-sampling": negative_sampling,
    "cbow": cbow,
    "network": network,
    "parser": parser,
    "dropout": dropout,
    "l2": l2,
}


# ---- the user's own ---------------------------------------------------------------------------------------------


def from_file(place):
    """Run FILE.py:function; returns (title, loss, None). Unnamed tensors get their variables' names."""
    from tinygrad_nlp import Tensor
    from tinygrad_nlp.errors import OptionError, describe, explain

    path, _, name = place.rpartition(":")
    if not path or not name:
        raise OptionError(f"{place}: name the function too, as in {place or 'FILE.py'}:my_loss")
    with open(path, encoding="utf-8") as file:
        source = file.read()
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))  # as Python does for a script
    scope = {"__name__": "__formula__", "__file__": path}
    exec(compile(source, path, "exec"), scope)  # noqa: S102 - the user's own file, on the user's own command
    function = scope.get(name)
    if not callable(function):
        raise OptionError(explain(f"formula {place}", got=f"no function {name!r} in {path}", expected="a function"))
    variables = dict(scope)

    def watch(frame, event, _):
        if event == "return" and frame.f_code is function.__code__:
            variables.update(frame.f_locals)

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        loss = function()
    finally:
        sys.setprofile(before)
    if not isinstance(loss, Tensor):
        raise OptionError(explain(f"formula {place}", got=describe(loss), expected="the loss: a Tensor of one number"))
    for variable, value in variables.items():
        if isinstance(value, Tensor) and value.is_leaf and value.name is None:
            value.name = variable
    return place, loss, None
