"""Compare the gradient of an op, or of all of them, with finite differences in float64.

    tinygrad-nlp check softmax
    tinygrad-nlp check all

Every sample that the op declares is drawn and checked element by element. Exit code 1 if one is wrong.
"""

from __future__ import annotations

import difflib
import json

from . import Parser, seed_number


def add_arguments(parser: Parser):
    parser.add_argument("op", metavar="OP", nargs="+", help="names of ops, or all")
    parser.add_argument("--seed", type=seed_number, default=0, help="of the samples (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def run(arguments):
    from tinygrad_nlp import OptionError, registry

    names = sorted(registry) if arguments.op == ["all"] else arguments.op
    for name in names:
        if name not in registry:
            close = difflib.get_close_matches(name, registry, n=3)
            raise OptionError(
                f"no op {name!r}" + (f"; did you mean {', '.join(close)}?" if close else "; see: check all")
            )
    width = max(map(len, names))
    results = {}
    for name in names:
        results[name] = verdict = check(registry[name], arguments.seed)
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
        return "has no gradient, by its nature"
    checked = 0
    for number, sample in enumerate(op.samples):
        values, options = sample.draw(np.random.default_rng([seed, number]))
        try:
            gradcheck(*_as_checked(op, values, options))
        except TinygradError as error:
            return f"WRONG at sample {number}: {error}"
        checked += 1
    return f"right on {checked} samples"


def _as_checked(op, values, options):
    """(function, inputs): the inputs that have a rule; a target or a mask, even one of floats, is held fixed."""
    ruled = [i for i in range(len(values)) if i not in op.without_rule]

    def function(*inputs):
        arguments = list(values)
        for i, value in zip(ruled, inputs):
            arguments[i] = value
        return op(*arguments, **options)

    return function, [values[i] for i in ruled]
