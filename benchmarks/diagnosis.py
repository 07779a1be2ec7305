"""``python -m benchmarks.diagnosis``: classic mistakes, and what gradcheck, PyTorch's and JAX's checkers say of each.

The mistakes are those of ``tests/classic_mistakes/``. For the other two each is the wrong backward of a custom
function: ``torch.autograd.Function`` under ``torch.autograd.gradcheck``, ``jax.custom_vjp`` under
``jax.test_util.check_grads(modes=["rev"])``, in float64, at the same numbers, with their own defaults. A gradient
worked out by hand becomes the backward of its loss. Where a library is not installed its column is left out.

``--docs FILE`` writes the page docs/diagnosis.md.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.classic_mistakes import NAMED_AT_FIRST, SITES, examine, planted
from tinygrad_nlp import Tensor, no_grad
from tinygrad_nlp.backward import sweep
from tinygrad_nlp.diagnosis import CATALOGUE
from tinygrad_nlp.diagnosis.tape import plain

NOT_FOR_OTHERS = {"precision"}
SHAPES = {"forgotten broadcast sum", "summed too much", "wrong shape", "transposed"}


class Said(NamedTuple):
    """What a checker said of a site: did it refuse it, did it name the argument and the mistake; and its words."""

    caught: bool
    argument: bool
    kind: bool
    words: str


class Wrong(NamedTuple):
    """A site as others can take it: ``value(*arrays)``, ``gradients(g, *arrays)``, the arrays, and who is to blame."""

    value: object
    gradients: object
    arrays: list
    blamed: int


def as_function(site) -> Wrong:
    """The site as a function of arrays with a backward."""
    arrays = [np.asarray(a) for a in site.parts[-1](np.random.default_rng(3))]
    if site.how == "op":
        op = planted(site)

        def gradients(g, *xs):
            out = op.forward(*[x.copy() for x in xs])
            return [plain(rule(np.array(g), np.array(out), *[x.copy() for x in xs])) for rule in op.rules]

        return Wrong(
            lambda *xs: op.forward(*[x.copy() for x in xs]), gradients, arrays, op.arguments.index(site.argument)
        )
    loss = site.parts[0]

    def value(*xs):
        with no_grad():
            return loss(*[Tensor(x) for x in xs]).data

    def recorded(g, *xs):
        tensors = [Tensor(x, requires_grad=True) for x in xs]
        out = loss(*tensors)
        found = {t._id: a for t, a in sweep([(out, np.asarray(g, out.dtype))], wanted=tensors, any_shape=True)}
        return [np.asarray(found.get(t._id, np.zeros(t.shape))) for t in tensors]

    if site.how == "function":
        return Wrong(value, recorded, arrays, 0)
    names = list(loss.__code__.co_varnames[: loss.__code__.co_argcount])

    def by_hand(g, *xs):
        given = site.parts[1](*[x.copy() for x in xs])
        right = recorded(g, *xs)
        return [np.asarray(given[n]) * g if n in given else r for n, r in zip(names, right)]

    return Wrong(value, by_hand, arrays, names.index(site.argument))


def torch_says(site) -> Said:
    """What ``torch.autograd.gradcheck`` says of the site."""
    import torch

    wrong = as_function(site)

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *xs):
            ctx.save_for_backward(*xs)
            return torch.from_numpy(np.array(wrong.value(*[x.detach().numpy() for x in xs])))

        @staticmethod
        def backward(ctx, g):
            answers = wrong.gradients(g.numpy(), *[x.detach().numpy() for x in ctx.saved_tensors])
            return tuple(torch.from_numpy(np.array(a, dtype=np.float64)) for a in answers)

    inputs = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in wrong.arrays]
    try:
        torch.autograd.gradcheck(Function.apply, tuple(inputs))
    except Exception as error:  # noqa: BLE001 - whatever it raises is what it says
        words = " ".join(str(error).split())
        named = f"input {wrong.blamed}" in words or f"at index {wrong.blamed} " in words
        return Said(True, named, "invalid gradient" in words and bool(SHAPES & set(site.kinds)), words)
    return Said(False, False, False, "passes")


def jax_says(site) -> Said:
    """What ``jax.test_util.check_grads`` says of the site."""
    import jax

    with _double_precision(jax):
        return _jax_says(jax, site)


def _double_precision(jax):
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    from jax.experimental import enable_x64

    return enable_x64()


def _jax_says(jax, site):
    from jax.test_util import check_grads

    wrong = as_function(site)
    result = np.asarray(wrong.value(*wrong.arrays), np.float64)
    shape = jax.ShapeDtypeStruct(result.shape, np.float64)

    @jax.custom_vjp
    def function(*xs):
        return jax.pure_callback(lambda *a: np.asarray(wrong.value(*[np.array(x) for x in a]), np.float64), shape, *xs)

    def backward(saved, g):
        return tuple(np.asarray(a, np.float64) for a in wrong.gradients(np.array(g), *[np.array(x) for x in saved]))

    function.defvjp(lambda *xs: (function(*xs), xs), backward)
    try:
        check_grads(function, tuple(jax.numpy.asarray(a, np.float64) for a in wrong.arrays), order=1, modes=["rev"])
    except Exception as error:  # noqa: BLE001 - whatever it raises is what it says
        words = " ".join(str(error).split())
        shape_named = "shape" in words and bool(SHAPES & set(site.kinds))
        return Said(True, f"args[{wrong.blamed}]" in words or f"[{wrong.blamed}]" in words, shape_named, words)
    return Said(False, False, False, "passes")


def ours(site) -> Said:
    verdict = examine(site)
    return Said(verdict.caught, verdict.caught and verdict.named, verdict.kind_right, verdict.text)


def checkers() -> dict:
    """Name -> checker, of those that can be imported."""
    found = {"tinygrad_nlp": ours}
    try:
        import torch  # noqa: F401

        found["PyTorch gradcheck"] = torch_says
    except ImportError:
        pass
    try:
        import jax  # noqa: F401

        found["JAX check_grads"] = jax_says
    except ImportError:
        pass
    return found


def measure(names=()):
    """{checker: {number of the site: Said}}, and the seconds each took."""
    said, seconds = defaultdict(dict), defaultdict(float)
    for name, checker in checkers().items():
        for number, site in enumerate(SITES):
            if checker is not ours and NOT_FOR_OTHERS & set(site.kinds):
                continue
            start = time.perf_counter()
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                said[name][number] = checker(site)
            seconds[name] += time.perf_counter() - start
    return said, seconds


def summary(said) -> list[tuple]:
    """Rows (checker, sites, refused, argument named, mistake named)."""
    return [
        (
            name,
            len(found),
            sum(s.caught for s in found.values()),
            sum(s.caught and s.argument for s in found.values()),
            sum(s.caught and s.kind for s in found.values()),
        )
        for name, found in said.items()
    ]


def per_mistake(said) -> list[tuple]:
    """Rows (mistake, sites, what the first site is called here, {checker: "refused/sites, named/sites"})."""
    groups = defaultdict(list)
    for number, site in enumerate(SITES):
        groups[site.mistake].append(number)
    rows = []
    for mistake, numbers in sorted(groups.items()):
        cells = []
        for found in said.values():
            here = [found[n] for n in numbers if n in found]
            named = sum(s.caught and s.kind for s in here)
            cells.append(f"{sum(s.caught for s in here)}, {named}" if here else "–")
        where = "; ".join(SITES[n].site for n in numbers[:3]) + ("; …" if len(numbers) > 3 else "")
        rows.append((mistake, len(numbers), where, *cells))
    return rows


EXAMPLES = (
    ("transpose missing", "x @ y, square"),
    ("1/N missing", "softmax cross-entropy"),
    ("repeated rows overwritten", "embedding, grad[i] += g"),
    ("x for out", "tanh: 1 − x²"),
    ("overwritten instead of accumulated", "tied embedding, output only"),
    ("broadcast sum forgotten", "x + b"),
    ("g squared", "x · y"),
)


def shortened(words, most=230):
    words = " ".join(words.split())
    return words if len(words) <= most else words[: most - 1] + "…"


def table(header, rows) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def page(said) -> str:
    """docs/diagnosis.md."""
    names = list(said)
    mistakes = {site.mistake for site in SITES}
    sets = Counter(site.later for site in SITES)
    at_first = [f"{named} of {sets[number]}" for number, named in NAMED_AT_FIRST.items()]
    parts = [Path(__file__).with_name("diagnosis_head.md").read_text(encoding="utf-8").rstrip()]
    parts.append("## The catalogue\n")
    parts.append("What is looked for, in this order; `tinygrad_nlp.diagnosis.CATALOGUE` has it as data.\n")
    parts.append(
        table(("kind", "the mistake", "what to write"), [(f"**{e.kind}**", e.about, e.fix) for e in CATALOGUE])
    )
    parts.append("\n## Beside PyTorch's gradcheck and JAX's check_grads\n")
    parts.append(
        f"{len(mistakes)} mistakes at {len(SITES)} sites, each the wrong backward of a custom function, at the same "
        "numbers in float64, the checkers with their defaults. *Refused*: the gradient was not let pass. *Argument*: "
        "the message says which argument's gradient is wrong. *Mistake*: it says what kind of mistake it is (of the "
        "other two a message about shapes counts where the mistake is one of shape).\n"
    )
    parts.append(table(("checker", "sites", "refused", "argument", "mistake"), summary(said)))
    parts.append(
        "\nPyTorch lets a forgotten broadcast sum pass because it makes the sum itself; g squared it cannot see, "
        "for it asks with unit vectors, whose squares are themselves.\n"
    )
    parts.append(
        f"The catalogue and {sets[0]} of the sites were written together. The other {len(SITES) - sets[0]} were "
        "written when it stood, to measure it, in three sets: at first it named "
        + " and ".join(", ".join(at_first).rsplit(", ", 1))
        + ' as their author had, and most of the others were only "different". What was learned from them is in it '
        "now, and in the table. Of mistakes that nobody has thought of yet, expect four in five to be named.\n"
    )
    parts.append("### What each says\n")
    for mistake, where in EXAMPLES:
        number = next((i for i, s in enumerate(SITES) if (s.mistake, s.site) == (mistake, where)), None)
        if number is None:
            continue
        parts.append(f"**{mistake}** ({where}):\n")
        parts.append(
            "\n".join(f"- {name}: {shortened(found[number].words)}" for name, found in said.items() if number in found)
        )
        parts.append("")
    parts.append("### Every mistake\n")
    parts.append("In a checker's column: sites refused, and sites at which the mistake was named.\n")
    parts.append(table(("mistake", "sites", "where", *names), per_mistake(said)))
    parts.append("\nMade by `python -m benchmarks.diagnosis --docs docs/diagnosis.md`.")
    return "\n".join(parts) + "\n"


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diagnosis", description=__doc__.split("\n")[0])
    parser.add_argument("--docs", metavar="FILE", help="write the page there")
    options = parser.parse_args(argv)
    said, seconds = measure()
    for row in per_mistake(said):
        print("  ".join(str(cell)[:60] for cell in row))
    print()
    for name, sites, refused, argument, kind in summary(said):
        print(
            f"{name:<18}  {sites} sites  refused {refused}  argument named {argument}  mistake named {kind}  "
            f"({seconds[name]:.1f} s)"
        )
    if options.docs:
        Path(options.docs).write_text(page(said), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
