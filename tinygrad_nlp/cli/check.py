"""Compare the gradient of an op, or of all of them, with finite differences in float64.

    tinygrad-nlp check softmax
    tinygrad-nlp check all
    tinygrad-nlp check FILE.py:my_op

Every sample that the op declares is drawn and checked element by element; an op of yours that declares none is checked
on normal numbers of shape (2, 3). Exit code 1 if one is wrong.
"""

from __future__ import annotations

import json

from . import Parser, seed_number, user_file


def add_arguments(parser: Parser):
    parser.add_argument("op", metavar="OP", nargs="+", help="names of ops, all, or FILE.py:NAME for one of yours")
    parser.add_argument("--seed", type=seed_number, default=0, help="of the samples (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def run(arguments):
    from tinygrad_nlp import registry

    names = sorted(registry) if arguments.op == ["all"] else arguments.op
    ops = {name: user_file.op_named(name, "see: check all") for name in names}
    width = max(map(len, names))
    results = {}
    for name, op in ops.items():
        results[name] = verdict = check(op, arguments.seed)
        if not arguments.json:
            print(f"{name:<{width}}  {verdict}", flush=True)
    wrong = [name for name, verdict in results.items() if verdict.startswith("WRONG")]
    if arguments.json:
        print(json.dumps(results, ensure_ascii=False))
    elif len(names) > 1:
        print(f"{len(names)} ops, {len(wrong)} wrong" + (f": {', '.join(wrong)}" if wrong else ""))
    return 1 if wrong else 0


def check(op, seed: int) -> str:
    """In words: how ``op``'s rules compare with differences on its own samples."""
    import numpy as np

    from tinygrad_nlp.errors import TinygradError
    from tinygrad_nlp.gradient_check import gradcheck

    if not op.differentiable:
        return "has no gradient, by its nature" if op.derivation else "has no rule vjp_…, so no gradient"
    checked = 0
    for number, sample in enumerate(op.samples or (_undeclared(op),)):
        values, options = sample.draw(np.random.default_rng([seed, number]))
        try:
            gradcheck(*_as_checked(op, values, options))
        except TinygradError as error:
            return f"WRONG at sample {number}: {error}"
        checked += 1
    return f"right on {checked} samples" if op.samples else "right on normal numbers of shape (2, 3)"


def _undeclared(op):
    """A sample for an op that declares none. Raises OptionError if the op cannot be computed on it."""
    import numpy as np

    from tinygrad_nlp import OptionError
    from tinygrad_nlp.samples import normal, sample

    guess = sample(*[normal(2, 3)] * op.arity)
    try:
        with np.errstate(all="ignore"):
            problem = (
                "" if np.isfinite(op(*guess.draw(np.random.default_rng(0))[0])).all() else "the result is not finite"
            )
    except Exception as error:
        problem = str(error).split("\n")[0]
    if problem:
        arguments = ", ".join(["normal(3, 4)"] * op.arity)
        raise OptionError(
            f"{op.name} declares no samples, and cannot be checked on normal numbers of shape (2, 3) ({problem}); "
            f"write in the op, with shapes that fit it: samples = (sample({arguments}),), "
            "from tinygrad_nlp.samples import normal, sample"
        )
    return guess


def _as_checked(op, values, options):
    """(function, inputs): the inputs that have a rule; a target or a mask, even one of floats, is held fixed."""
    ruled = [i for i in range(len(values)) if i not in op.without_rule]

    def function(*inputs):
        arguments = list(values)
        for i, value in zip(ruled, inputs):
            arguments[i] = value
        return op(*arguments, **options)

    return function, [values[i] for i in ruled]
