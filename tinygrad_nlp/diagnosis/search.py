"""Look for the place of a mistake in a graph: make it there on purpose, and see whether what was given comes out.

A function under ``@in_one_rule`` yields the wrong answers of one kind for one argument of one op. What an answer
changes is pulled back to the tensors compared; where exactly the student's numbers come out, that was the mistake.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from .case import Mistake, enter_mistake
from .tape import summed


def in_one_rule(kind: str, *, fix: str):
    """Enter ``answers(node, position, g) -> (text, wrong answer) or (text, wrong answer, kind), …``."""

    def enter(answers):
        def test(case):
            return search(case, answers, kind, fix)

        test.__module__ = answers.__module__  # its place in the catalogue
        enter_mistake(Mistake(kind, " ".join(answers.__doc__.split()), fix, test, "graph"))
        return answers

    return enter


def search(case, answers, kind, fix):
    """[(kind, text, fix, explains the siblings too)] of the wrong answers that give what was given."""
    tape = case.tape
    right = tape.right()
    relevant = tape.leads_to([case.wanted])
    found = []
    alike = defaultdict(list)
    for node in reversed(list(tape.nodes.values())):
        g = right.get(node.id)
        if g is None or node.id not in relevant:
            continue
        for position, source in enumerate(node.sources):
            if source not in relevant:
                continue
            alike[node.op.name].append((node, position))
            if case.late():
                break
            for text, answer, *own in answers_of(answers, node, position, g):
                change = changed_by(node, position, answer, g)
                if change is None:
                    continue
                pulled = tape.gradients({source: change})
                judge(case, pulled, right, True, (*own, kind)[0], f"{text} ({place_of(node, position)})", fix, found)
    for name, places in alike.items():
        if len({node.id for node, _ in places}) > 1 and not found and not case.late():
            _everywhere(case, answers, places, name, kind, fix, right, found)
    return preferred(found)[:3]


def preferred(found):
    """Those of the explanations that `judge` collected which explain the siblings too; all, if none does."""
    return [f for f in found if f[3]] or found


def _everywhere(case, answers, places, name, kind, fix, right, found):
    """The same mistake in every op of one name: whoever does not know a rule gets it wrong each time."""
    node, position = places[0]
    chosen = {(n.id, p) for n, p in places}
    for number, (text, _, *own) in enumerate(answers_of(answers, node, position, right[node.id])):

        def changed(n, p, g, number=number):
            if (n.id, p) not in chosen:
                return None
            wrong = answers_of(answers, n, p, g)
            return fitted(n, p, wrong[number][1]) if number < len(wrong) else None

        try:
            all_wrong = case.tape.gradients(changed=changed)
        except (ValueError, IndexError, TypeError):
            continue
        judge(case, all_wrong, right, False, (*own, kind)[0], f"{text} (every {name})", fix, found)


def judge(case, gradients, right, added, kind, text, fix, found):
    """Does the mistake give what was given, here and for the siblings?"""

    def wrong(number, true):
        part = gradients.get(number)
        if added:
            return true if part is None else true + part
        return true if part is None else part

    candidate = wrong(case.wanted, case.true)
    if not case.fits(candidate) or case.same(candidate, case.true):
        return
    all_too = all(case.same(given, wrong(number, true)) for given, true, number in case.siblings)
    found.append((kind, text, fix, all_too))


def answers_of(answers, node, position, g):
    """The wrong answers, without those that cannot be computed here."""
    listed = []
    iterator = answers(node, position, g)
    while True:
        try:
            listed.append(next(iterator))
        except StopIteration:
            return listed
        except Exception:  # noqa: BLE001 - a wrong rule may fail in any way; a generator that failed is over
            return listed


def fitted(node, position, answer):
    """A wrong answer in the argument's shape, or None."""
    shape = np.shape(node.values[position])
    answer = np.asarray(answer)
    if node.op.broadcasts:
        answer = summed(answer, shape)
    return answer if answer.shape == shape else None


def changed_by(node, position, answer, g):
    answer = fitted(node, position, answer)
    if answer is None or not np.isfinite(answer).all():
        return None
    right = node.part(position, g)
    if np.abs(answer).max(initial=0) <= 1e-9 * np.abs(right).max(initial=0):
        return None  # nothing is left of it: that is a missing path, whatever made it 0
    change = answer - right
    return change if change.any() else None


def place_of(node, position):
    if node.op.arity == 1:
        return f"in {node}"
    constants = [
        f"{name} = {float(value):.6g}"
        for name, value, source in zip(node.op.arguments, node.values, node.sources)
        if source is None and not node.op.variadic and isinstance(value, (int, float, np.number))
    ]
    return ", ".join([f"in {node}, argument {node.argument(position)}", *constants])


def count_of(node, position):
    """What the op's mean divides by, or 0."""
    name, x = node.op.name, np.asarray(node.values[position])
    if name in ("mean", "var", "std"):
        return x.size // max(node.out.size, 1)
    if node.options.get("reduction") == "mean":
        if name in ("cross_entropy", "nll"):
            return int(np.prod(x.shape[:-1]))
        return len(x) if name == "negative_sampling" else x.size
    if name == "div" and position == 0 and np.ndim(node.values[1]) == 0 and node.sources[1] is None:
        n = float(node.values[1])
        return int(n) if n == int(n) else 0
    return 0


def causes(tape):
    """(counts, scales, ratios) of a graph, for the factors that a gradient may be wrong by."""
    counts, scales, ratios = {}, {}, {}
    for node in tape.nodes.values():
        for position, source in enumerate(node.sources):
            n = count_of(node, position) if source else 0
            if n > 1:
                counts.setdefault(n, str(node))
        if node.op.name == "dropout" and node.options["p"]:
            scales[1 / (1 - node.options["p"])] = str(node)
        if node.op.name == "mul":  # a mask with its scale: one number and zeros
            for value, source in zip(node.values, node.sources):
                levels = (
                    np.unique(np.abs(value[value != 0])) if source is None and isinstance(value, np.ndarray) else ()
                )
                if len(levels) == 1 and levels[0] != 1 and not np.all(value):
                    scales[float(levels[0])] = f"the mask of {node}"
        if node.op.name in ("cross_entropy", "nll") and node.options.get("ignore_index") is not None:
            kept = int((node.values[1] != node.options["ignore_index"]).sum())
            rows = int(np.size(node.values[1]))
            if 0 < kept < rows and node.options["reduction"] == "mean":
                ratios[kept / rows] = (
                    f"the mean is over all {rows} rows; only the {kept} that are not ignored count, in {node}"
                )
    return counts, scales, ratios
