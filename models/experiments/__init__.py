"""The documents' experiments, repeatable: each runs on the engine and says in numbers whether a statement holds.

    report = run("sgd")          # a Report: tables, curves, a reading, findings
    reports = run_all()          # every experiment, by name
    outcomes(reports)            # a line for each of the 42 statements

An experiment is a module with ``run(seed) -> Report``; it uses the engine's public functions only and is a function
of its seed. `statements` lists what the documents say and where they slip; `quadratic` has the function on which the
optimizers are compared.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass

from tinygrad_nlp import OptionError

from .report import Finding, Plot, Report, Series, Table
from .statements import STATEMENTS, Statement

EXPERIMENTS = {
    "naive-softmax": "the loss written four ways, and where the naive one overflows",
    "layouts": "words as rows or as columns: the same numbers, and formulas printed from the rules",
    "zero-gradient": "a gradient of zero at a wrong prediction",
    "pull-push": "one step on v_c in the plane: pulled to u_o, pushed from the expected word",
    "l2": "what normalizing word vectors loses, and what it does not",
    "softmax": "shifts, overflow and the Jacobian",
    "sigmoid": "the derivative and the reflection, at extremes too",
    "cross-entropy": "ŷ − y, fused and by the chain of rules",
    "network": "one hidden layer of sigmoids: backpropagation by hand and by the engine",
    "relu": "the derivative at zero, and the parser's classifier",
    "negative-sampling": "loss and gradients, a word drawn several times",
    "sparse": "which rows a step changes, to the bit",
    "window": "sums over the window, with repeated words",
    "cbow": "context summed or averaged",
    "sgd": "too small, too large: step sizes on a quadratic",
    "quadratic": "002 §2.1: three settings, six criteria of convergence",
    "momentum": "a rolling average against heavy ball",
    "adam": "as 002 writes it against Kingma & Ba, and 0/0",
    "variance": "how much less m varies than g",
    "dropout": "all masks enumerated: mean, square, γ(p), evaluation",
    "pca": "words of like contexts in the plane",
}
"""Name -> what it shows, in the order of the documents."""


@dataclass(frozen=True)
class Outcome:
    """A statement and what was found about it."""

    statement: Statement
    finding: Finding

    @property
    def verdict(self) -> str:
        """One of: holds, holds corrected (where the documents slip), FAILS.

        Where they slip it is also a failure if their form was not measured to be wrong: the correction would be idle.
        """
        slips = bool(self.statement.corrected)
        if not self.finding.holds or self.finding.refuted != slips:
            return "FAILS"
        return "holds corrected" if slips else "holds"

    @property
    def command(self) -> str:
        """What shows it."""
        return f"tinygrad-nlp experiment {self.statement.experiment}"


def module_of(name: str):
    """The module of the experiment ``name``. Raises OptionError, with close names, if there is none."""
    if name not in EXPERIMENTS:
        close = difflib.get_close_matches(name, EXPERIMENTS, n=2)
        hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(EXPERIMENTS)}"
        raise OptionError(f"no experiment {name!r}; {hint}")
    return importlib.import_module("." + name.replace("-", "_"), __name__)


def run(name: str, seed: int = 0) -> Report:
    """The report of the experiment ``name``. Raises OptionError if there is none."""
    return module_of(name).run(seed)


def run_all(seed: int = 0) -> dict[str, Report]:
    """Every experiment by name."""
    return {name: run(name, seed) for name in EXPERIMENTS}


def outcomes(reports: Mapping[str, Report]) -> list[Outcome]:
    """One for every statement, in order, of the experiments that were run."""
    return [Outcome(s, reports[s.experiment].finding(s.row)) for s in STATEMENTS if s.experiment in reports]
