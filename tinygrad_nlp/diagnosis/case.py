"""What a hypothesis gets to see, and the catalogue it stands in.

A hypothesis is a function ``Case -> text | None`` under ``@mistake``: None where the mistake would not give this
wrong gradient, else one sentence on what is wrong here. Its docstring says what the mistake is; the catalogue, the
documentation and the reports all read it there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np


class Mistake(NamedTuple):
    """One classic mistake of backpropagation: an entry of the catalogue.

    kind   its short name, as reports state it: "transposed"
    about  what the mistake is and how it shows
    fix    what to write
    test   Case -> what is wrong here, in words, or None
    needs  what of the case must be known: "arrays" (always), "jacobian", "rule", "graph"
    """

    kind: str
    about: str
    fix: str
    test: Callable
    needs: str


BUDGET = 8.0
"""Seconds for one gradient: of a very large graph some places are then not looked at."""

STRICT = False
"""True in the tests: a hypothesis that fails is then an error of its own."""

CATALOGUE: list[Mistake] = []
"""Every hypothesis, the specific before the general: the first that explains what was seen is reported."""


def mistake(kind: str, *, fix: str, needs: str = "arrays"):
    """Enter a hypothesis in the catalogue."""

    def enter(test):
        enter_mistake(Mistake(kind, " ".join(test.__doc__.split()), fix, test, needs))
        return test

    return enter


def enter_mistake(entry: Mistake):
    """Put an entry in its place; one of your own comes before the general ones."""
    CATALOGUE.append(entry)
    CATALOGUE.sort(key=_order)  # stable: within a module the order is that of the file


def _order(entry):
    return ORDER.get(entry.test.__module__.rpartition(".")[2], 4)


ORDER = {"on_kinks": 0, "on_arrays": 1, "on_rules": 2, "on_jacobian": 3, "on_graph": 4, "on_paths": 5, "on_general": 6}
"""By module: what is seen in the numbers alone, in the rule, in the Jacobian, in the graph; then what is left."""


class Diagnosis(NamedTuple):
    """What is wrong with a gradient: ``kind`` (as in the catalogue), the finding in words, and what to write."""

    kind: str
    text: str
    fix: str

    def __str__(self):
        return f"{self.kind}: {self.text}"


@dataclass
class Case:
    """A wrong gradient beside the right one, at numbers drawn so that nothing is equal by chance.

    given, true  the gradients; ``given`` may have another shape
    name         of the tensor or argument
    others       the right gradients of the other arguments, by name
    counts       {N: where a sum or mean over N stands}
    scales       {γ: where a scale γ stands}; ratios: {factor: what a gradient wrong by it has miscounted}
    jacobian     (given, true, number of axes of the result), or None
    rule         a RuleCase: the wrong rule itself, to be called with other arguments, or None
    tape         the graph, and ``wanted``, the tensor's number in it, or None
    siblings     (given, true, number) of what else was compared: one mistake has to explain it too
    deadline     when to stop searching large graphs, by the monotonic clock
    only_here    the rule is right at points nearby
    precision    how close two numbers count as equal, relative to the largest
    """

    given: np.ndarray
    true: np.ndarray
    name: str = "x"
    others: dict = field(default_factory=dict)
    counts: dict = field(default_factory=dict)
    scales: dict = field(default_factory=dict)
    ratios: dict = field(default_factory=dict)
    jacobian: tuple | None = None
    rule: Any = None
    tape: Any = None
    wanted: int | None = None
    siblings: list = field(default_factory=list)
    only_here: bool = False
    deadline: float = float("inf")
    precision: float = 1e-5

    def __post_init__(self):
        self.given, self.true = np.asarray(self.given), np.asarray(self.true)

    def same(self, a, b) -> bool:
        """Equal shapes, and equal numbers up to the precision of the case."""
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape or a.dtype.kind not in "fiub" or b.dtype.kind not in "fiub":
            return False
        if not a.size:
            return True
        scale = max(float(np.abs(a).max()), float(np.abs(b).max()))
        return bool(np.abs(a - b).max() <= self.precision * scale + 1e-12)  # NaN is not <=

    def fits(self, candidate) -> bool:
        """Would this mistake have given what was given?"""
        return self.same(self.given, candidate)

    def right(self, candidate) -> bool:
        """Would this repair give the right gradient?"""
        return self.same(self.true, candidate)

    def late(self) -> bool:
        """Is the time for searching over?"""
        return time.monotonic() > self.deadline

    @property
    def shapes_agree(self):
        return self.given.shape == self.true.shape


def diagnose(cases, most=3) -> list[Diagnosis]:
    """The explanations that hold in every one of ``cases`` (draws of the same mistake), the most specific first.

    An explanation that also covers the other gradients compared (the siblings) comes before one that does not.
    """
    cases = [cases] if isinstance(cases, Case) else list(cases)
    for case in cases:
        case.deadline = min(case.deadline, time.monotonic() + BUDGET)
    found = []  # (0 if it explains the siblings too, Diagnosis)
    for entry in CATALOGUE:
        if sum(not worse for worse, _ in found) >= most or (found and _order(entry) == ORDER["on_general"]):
            break
        common = None
        for case in cases:
            with np.errstate(all="ignore"):
                told = _told(entry, case) if _known(case, entry) else []
            kinds = {(d.kind, d.fix) for _, d in told}
            common = told if common is None else [pair for pair in common if (pair[1].kind, pair[1].fix) in kinds]
            if not common:
                break
        for worse, one in common or ():
            if all(d.kind != one.kind for _, d in found):
                found.append((worse, one))
    return [one for _, one in sorted(found, key=lambda pair: pair[0])][:most]


def _told(entry, case):
    """A hypothesis' answer (text, or (kind, text), or a list of (kind, text, fix, explains siblings)) in one form."""
    try:
        answer = entry.test(case)
    except Exception:
        if STRICT:
            raise
        return []  # the gradient is wrong: better said without this hypothesis than not at all
    if not answer:
        return []
    if isinstance(answer, str):
        return [(0, Diagnosis(entry.kind, answer, entry.fix))]
    if isinstance(answer, tuple):
        kind, text, fix = (*answer, entry.fix)[:3]
        return [(0, Diagnosis(kind, text, fix))]
    return [(int(not all_too), Diagnosis(kind, text, fix)) for kind, text, fix, all_too in answer]


def _known(case, entry):
    return {
        "arrays": True,
        "jacobian": case.jacobian is not None,
        "rule": case.rule is not None,
        "graph": case.tape is not None and not case.late(),
    }[entry.needs]
