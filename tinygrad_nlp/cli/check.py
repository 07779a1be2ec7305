"""Compare gradients with finite differences in float64, and say what the mistake is where they differ.

    tinygrad-nlp check softmax                an op, on every sample that it declares
    tinygrad-nlp check all                    every op
    tinygrad-nlp check FILE.py:my_op          an op of yours; without samples on normal numbers of shape (2, 3)
    tinygrad-nlp check FILE.py:my_loss        a function without arguments that returns the loss: all its leaves
    tinygrad-nlp check FILE.py:MyModule       a Module, or a class of them: its parameters and its input
    tinygrad-nlp check FILE.py:my_gradients   a function that returns compare_by_hand(…): gradients worked out by hand

Exit code 1 if a gradient is wrong, 2 if what is asked cannot be checked.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import NamedTuple

from . import Parser, seed_number, user_file


class Verdict(NamedTuple):
    """``said``: in a line how the gradients compare. ``faults``: for each wrong one, (label, text) rows."""

    said: str
    faults: list = []
    op: bool = True

    def __str__(self):
        rows = "; ".join(f"{label}: {text}" for fault in self.faults for label, text in fault)
        return f"{self.said}: {rows}" if rows else self.said


def add_arguments(parser: Parser):
    parser.add_argument(
        "op", metavar="WHAT", nargs="+", help="names of ops, all, or FILE.py:NAME for an op, loss or Module of yours"
    )
    parser.add_argument("--seed", type=seed_number, default=0, help="of the samples (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def run(arguments):
    from tinygrad_nlp import registry

    names = sorted(registry) if arguments.op == ["all"] else arguments.op
    with ExitStack() as files:
        return _run({name: find(name, files) for name in names}, arguments)


def _run(checks, arguments):
    names = list(checks)
    width = max(map(len, names))
    results = {}
    for name, checked in checks.items():
        results[name] = verdict = checked(arguments.seed)
        if not arguments.json:
            print(f"{name:<{width}}  {verdict.said}", flush=True)
            for fault in verdict.faults:
                print("".join(f"  {label:<11} {text}\n" for label, text in fault), flush=True)
    wrong = [name for name, verdict in results.items() if verdict.faults]
    if arguments.json:
        print(json.dumps({name: str(verdict) for name, verdict in results.items()}, ensure_ascii=False))
    elif len(names) > 1:
        kind = "ops" if all(verdict.op for verdict in results.values()) else "checked"
        print(f"{len(names)} {kind}, {len(wrong)} wrong" + (f": {', '.join(wrong)}" if wrong else ""))
    return 1 if wrong else 0


def find(name: str, files: ExitStack):
    """What is to be done for ``name``: a function of the seed that returns the `Verdict`.

    ``files`` keeps a user's file importable from until all is checked.
    """
    from functools import partial

    from tinygrad_nlp import Op, nn

    if not user_file.is_place(name):
        return partial(check_op, user_file.op_named(name, "see: check all"))
    found, variables = files.enter_context(user_file.named(name, "op"))
    if isinstance(found, Op):
        return partial(check_op, found)
    if isinstance(found, nn.Module) or (isinstance(found, type) and issubclass(found, nn.Module)):
        return partial(check_module, made(found, name), name)
    if isinstance(found, type):
        raise _refused(name, f"is the class {found.__name__}")
    user_file.refuse_arguments(found, name)
    return partial(check_function, found, name, variables)


def check_op(op, seed: int) -> Verdict:
    """How ``op``'s rules compare with differences on its own samples."""
    import numpy as np

    from tinygrad_nlp.gradient_check import find_wrong_gradients

    if not op.differentiable:
        return Verdict("has no gradient, by its nature" if op.derivation else "has no rule vjp_…, so no gradient")
    samples = op.samples or (_undeclared(op),)
    for number, sample in enumerate(samples):
        values, options = sample.draw(np.random.default_rng([seed, number]))
        function, inputs, positions = _as_checked(op, values, options)
        wrong = find_wrong_gradients(function, inputs)
        if wrong:
            return Verdict(
                f"WRONG at sample {number}",
                [_op_fault(op, values, options, positions, item, seed) for item in wrong],
            )
    return Verdict(f"right on {len(samples)} samples" if op.samples else "right on normal numbers of shape (2, 3)")


def _as_checked(op, values, options):
    """(function, inputs, their positions): what has a rule; a target or a mask, even of floats, is held fixed."""
    ruled = [i for i in range(len(values)) if i not in op.without_rule]

    def function(*inputs):
        arguments = list(values)
        for i, value in zip(ruled, inputs):
            arguments[i] = value
        return op(*arguments, **options)

    return function, [values[i] for i in ruled], ruled


def _op_fault(op, values, options, positions, item, seed):
    from tinygrad_nlp.diagnosis.of_rule import explain_rule

    i, _, out_shape, x_shape, finding = item
    position = positions[i]
    arrays, complete = op.bind(tuple(values), dict(options))
    found = explain_rule(op, list(arrays), complete, position, seed)
    label = f"{op.arguments[0]}[{position}]" if op.variadic else op.arguments[position]
    rule = f"vjp_{op.arguments[0 if op.variadic else position]}"
    given = f" with {', '.join(f'{k}={v!r}' for k, v in options.items())}" if options else ""
    rows = [
        ("asked", f"the gradient of {op.name} {out_shape} with respect to {label} {x_shape}{given}"),
        ("where", f"{rule} of the op {op.name}"),
    ]
    if finding.position is not None:
        at = finding.position[len(out_shape) :]
        rows.append(("got", f"{finding.analytic:.9g} at {list(at)} of {label}, for the output at "
                            f"{list(finding.position[: len(out_shape)])}"))  # fmt: skip
        rows.append(("expected", f"{finding.numeric:.9g}, by central differences"))
    else:
        rows.append(("got", finding.diagnosis))
        rows.append(("expected", f"an answer of shape {x_shape}, linear in g"))
    return rows + _said(found, finding)


def _said(found, finding=None):
    if found and (found[0].kind != "different" or finding is None):
        return [("mistake", str(found[0])), ("write", found[0].fix)]
    return [("mistake", f"{finding.kind}: {finding.diagnosis}" if finding else "nothing the catalogue knows")]


def check_function(function, place: str, variables: dict, seed: int) -> Verdict:
    """How the gradients of a loss's leaves compare with differences; or the report that the function returns.

    variables  of the file: the parameters of a Module among them get its name before theirs
    """
    from tinygrad_nlp import Tensor, nn
    from tinygrad_nlp.diagnosis import Report, check_loss

    result = function()
    if isinstance(result, Report):
        wrong = [row for row in result if not row.ok]
        if not wrong:
            return Verdict(f"right: {', '.join(row.name for row in result)}", op=False)
        return Verdict(f"WRONG: {', '.join(row.name for row in wrong)}", [_by_hand(row) for row in wrong], False)
    if not isinstance(result, Tensor):
        raise _refused(place, f"returned {type(result).__name__}")
    modules = {name: value for name, value in variables.items() if isinstance(value, nn.Module)}
    paths = {id(t): f"{name}.{path}" for name, value in modules.items() for path, t in value.named_parameters()}
    return _of_leaves(check_loss(function, lambda leaf: paths.get(id(leaf)), seed), place, "the loss")


def _by_hand(row):
    import numpy as np

    lines = [("asked", f"the gradient of {row.name} {row.true.shape}, worked out by hand")]
    if row.given.shape == row.true.shape and row.true.size:
        off = np.abs(np.nan_to_num(row.given - row.true, nan=np.inf))
        at = tuple(int(i) for i in np.unravel_index(int(off.argmax()), off.shape))
        lines += [("got", f"{row.given[at]:.9g} at {list(at)}"), ("expected", f"{row.true[at]:.9g}")]
    else:
        lines += [("got", f"shape {row.given.shape}"), ("expected", f"shape {row.true.shape}")]
    if row.follows:
        return [*lines, ("mistake", f"none of its own: it follows from {row.follows}"), ("write", "mend that first")]
    return lines + _said(row.diagnoses)


def check_module(module, place: str, seed: int) -> Verdict:
    """How the gradients of a module's parameters and input compare with differences."""
    from tinygrad_nlp import diagnosis

    inputs = inputs_for(module, place, seed)
    return _of_leaves(diagnosis.check_module(module, *inputs, seed=seed), place, "the output")


def _of_leaves(checked, place, what) -> Verdict:
    names = ", ".join(checked.names)
    if not checked.faults:
        return Verdict(f"right: {names}", op=False)
    faults = []
    for fault in checked.faults:
        rows = [("asked", f"the gradient of {what} of {place} with respect to {fault.name} {fault.shape}")]
        if fault.got == fault.got:
            rows += [
                ("got", f"{fault.got:.9g} at {list(fault.place)}"),
                ("expected", f"{fault.expected:.9g}, by central differences"),
            ]
        said = _said(fault.diagnoses)
        faults.append(rows + (said if not faults or faults[-1][-len(said) :] != said else [("mistake", "the same")]))
    wrong = ", ".join(fault.name for fault in checked.faults)
    return Verdict(f"WRONG: {wrong} (checked: {names})", faults, False)


def made(found, place: str):
    """The Module itself, or one made of a class that needs no arguments."""
    if not isinstance(found, type):
        return found
    user_file.refuse_arguments(found, place, "a Module made without arguments")
    return found()


def inputs_for(module, place: str, seed: int):
    """Numbers that the module takes: floats or row numbers, of a width that some parameter has."""
    import inspect

    import numpy as np

    rng = np.random.default_rng(seed)
    widths = sorted({n for p in module.parameters() for n in p.shape})
    count = sum(
        p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        for p in inspect.signature(module.forward).parameters.values()
    )
    tries = [lambda n=n: rng.normal(size=(3, n)) for n in widths]
    tries += [lambda: rng.integers(0, min(widths or [2]), (3, 2)), lambda: rng.integers(0, min(widths or [2]), 3)]
    tries += [lambda n=n: rng.normal(size=(2, 3, n)) for n in widths] + [lambda: rng.normal(size=(2, 3))]
    for make in tries:
        inputs = [make() for _ in range(count)]
        try:
            with np.errstate(all="ignore"):
                module(*inputs)
        except Exception:  # noqa: BLE001 - not an input it takes
            continue
        return inputs
    raise _refused(place, "takes inputs of a shape that cannot be guessed")


def _refused(place, why):
    from tinygrad_nlp import OptionError

    return OptionError(
        f"{place} {why}; expected an op (a class with @op above it), a Module, or a function without arguments that "
        "returns the loss or compare_by_hand(…); write one beside it: def my_loss(): return …"
    )


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
