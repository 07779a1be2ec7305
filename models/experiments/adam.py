"""002 §2.3: Adam as the problem set writes it, beside Kingma & Ba's; 0/0; whose updates are larger.

002 averages "the magnitudes" in words and g ⋆ g in the formula; the formula is meant. It names no β₂: 0.999 here.
"""

from __future__ import annotations

import math

import numpy as np

from tinygrad_nlp import optim

from .moves import moves
from .quadratic import UPDATES, converged, descend, norms_plot, paths_plot, said
from .report import Finding, Report, Table

BETAS = (0.9, 0.999)


def literal(gradients, rate, betas=BETAS) -> np.ndarray:
    """002's three lines, evaluated as they stand: NaN where 0/0."""
    m = v = np.zeros(np.shape(gradients)[1])
    changes = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for g in np.asarray(gradients, np.float64):
            m = betas[0] * m + (1 - betas[0]) * g
            v = betas[1] * v + (1 - betas[1]) * g * g
            changes.append(-rate * m / np.sqrt(v))
    return np.array(changes)


def run(seed: int = 0) -> Report:
    rate = 0.1
    written = lambda p, rate=rate: optim.AdamAsWritten(p, lr=rate, betas=BETAS)  # noqa: E731
    published = lambda p, rate=rate: optim.Adam(p, lr=rate, betas=BETAS)  # noqa: E731

    gradients = np.random.default_rng(seed).normal(size=(40, 3))
    agree = float(np.abs(moves(written, gradients) - literal(gradients, rate)).max())
    constant = np.ones((1000, 1))
    mine, theirs = moves(written, constant), moves(published, constant)
    first = Table(
        "length of the step for a constant gradient, in units of α",
        ("form", *(f"step {t}" for t in (1, 3, 10, 30, 100, 1000))),
        [
            (name, *(abs(change[t - 1, 0]) / rate for t in (1, 3, 10, 30, 100, 1000)))
            for name, change in (("as written", mine), ("Kingma & Ba", theirs))
        ],
    )
    expected = (1 - BETAS[0]) / math.sqrt(1 - BETAS[1])

    late = np.array([[0.0], [0.0], [1.0]])
    raw, ruled, corrected = literal(late, rate), moves(written, late), moves(published, late)
    zero = Table(
        "a gradient that is 0, 0, 1: the change of θ in units of α",
        ("form", "update 1", "update 2", "update 3"),
        [
            (name, *(change[:, 0] / rate))
            for name, change in (
                ("002's formula as it stands", raw),
                ("the rule here: v = 0, no move", ruled),
                ("Kingma & Ba, ε = 1e-8", corrected),
            )
        ],
    )

    scales = np.array([[1e-3, 1.0, 1e3]])
    by_sgd, by_adam = (np.abs(moves(make, scales)[0]) for make in (lambda p: optim.SGD(p, lr=rate), published))
    # "A rolling average of the magnitudes" taken at its word: v = (1 − β₂)|g|, and the move grows with √|g|.
    by_words = rate * (1 - BETAS[0]) * scales[0] / np.sqrt((1 - BETAS[1]) * scales[0])
    sizes = Table(
        "first update of three parameters with gradients 0.001, 1 and 1000, α = 0.1",
        ("optimizer", "g = 0.001", "g = 1", "g = 1000"),
        [
            ("SGD", *by_sgd),
            ("Adam", *by_adam),
            ("Adam ÷ SGD", *(by_adam / by_sgd)),
            ("002's formula", *np.abs(literal(scales, rate)[0])),
            ("002's words: v averages |g|", *by_words),
        ],
    )

    rows, paths = [], {}
    for name, make in (("as written", written), ("Kingma & Ba", published)):
        for a in (0.5, 0.1, 0.01, 0.001):
            path = descend(lambda p, make=make, a=a: make(p, a))
            rows.append((name, a, said(path), path.norms[-1]))
            if a == 0.1:
                paths[f"{name} {a}"] = path
    on_quadratic = Table(
        "on ½(100θ₁² + θ₂²) from (1, 1), ‖∇f‖ < 0.001, at most 1000 updates",
        ("form", "α", "converged", "‖∇f‖ at the end"),
        rows,
    )
    same = max(float(np.ptp(path.theta, axis=1).max()) for path in paths.values())
    nan_first = bool(np.isnan(raw[:2]).all())
    reading = (
        f"Without bias correction the first step is (1 − β₁)/√(1 − β₂) = {expected:.3g} α long and stays longer than α "
        "for hundreds of updates; with it every step of a constant gradient is α. A zero first gradient makes the "
        "written formula 0/0; the optimizer does not move such a parameter, Kingma & Ba's ε has the same effect. In "
        "the first update all three parameters move equally far, so one with a small gradient moves further than "
        "under SGD, not further than the others (were v an average of magnitudes, as 002 says in words, the moves "
        f"would grow with √|g|). On the quadratic θ₁ and θ₂ differ by at most {same:.1g}: the scale of 100 is "
        f"invisible to Adam. With α = 0.1 it converges {said(paths['Kingma & Ba 0.1'])} updates, as written "
        f"{said(paths['as written 0.1'])} (at most {UPDATES})."
    )
    right_first = abs(abs(mine[0, 0]) / rate - expected) < 1e-9 and abs(abs(theirs[0, 0]) / rate - 1) < 1e-6
    stays = not ruled[:2].any() and not corrected[:2].any() and np.isfinite(ruled).all()
    return Report(
        "Adam as written and as published",
        [first, zero, sizes, on_quadratic],
        reading,
        [
            Finding(
                35,
                f"as the three lines within {agree:.1g}; first step {abs(mine[0, 0]) / rate:.3g} α; 0/0 is NaN in the "
                "formula, no move in the optimizer",
                agree < 1e-12 and right_first and stays and converged(paths["Kingma & Ba 0.1"]) is not None,
                refuted=nan_first and by_words[2] > 100 * by_words[0],
            ),
            Finding(
                36,
                f"gradients 0.001, 1, 1000: Adam moves {', '.join(f'{x:.3g}' for x in by_adam)}; "
                f"relative to SGD {', '.join(f'{x:.3g}' for x in by_adam / by_sgd)}",
                bool((np.diff(by_adam / by_sgd) < 0).all()),
                refuted=bool(np.ptp(by_adam) < 1e-4 * rate),
            ),
        ],
        [paths_plot(paths, "Paths over the contours of f"), norms_plot(paths, "Gradient norm")],
    )
