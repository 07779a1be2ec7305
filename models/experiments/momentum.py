"""002 §2.1: the rolling average m ← βm + (1 − β)g, beside Polyak's heavy ball b ← βb + g."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import optim

from .moves import moves
from .quadratic import TOLERANCE, converged, descend, norms_plot, paths_plot, said
from .report import Finding, Plot, Report, Series, Table

RATE, BETA = 0.1, 0.9


def steps_under(gradients, optimizer) -> np.ndarray:
    """How far down ``optimizer([theta])`` takes one parameter at each update, if these are its gradients."""
    return -moves(optimizer, np.reshape(gradients, (-1, 1)))[:, 0]


def written_out(gradients, rate=RATE, beta=BETA) -> np.ndarray:
    """002's two lines for a sequence of gradients: α m after each."""
    m, steps = 0.0, []
    for g in gradients:
        m = beta * m + (1 - beta) * g
        steps.append(rate * m)
    return np.array(steps)


def run(seed: int = 0) -> Report:
    drawn = np.random.default_rng(seed).normal(size=50)
    rolling = lambda p, rate=RATE: optim.RollingMomentum(p, lr=rate, beta=BETA)  # noqa: E731
    heavy = lambda p, rate=RATE: optim.HeavyBall(p, lr=rate, momentum=BETA)  # noqa: E731
    plain = lambda p: optim.SGD(p, lr=RATE)  # noqa: E731
    as_written = float(np.abs(steps_under(drawn, rolling) - written_out(drawn)).max())
    same_path = float(np.abs(steps_under(drawn, rolling) - steps_under(drawn, lambda p: heavy(p, 0.01))).max())

    constant = np.ones(100)
    alternating = (-1.0) ** np.arange(100)
    makers = {"SGD": plain, "rolling average": rolling, "heavy ball": heavy}
    steps = {name: (steps_under(constant, make), steps_under(alternating, make)) for name, make in makers.items()}
    consistent = Table(
        "the step for a gradient that is always 1, α = 0.1, β = 0.9; last: for one that is 1, −1, 1, …",
        ("optimizer", "step 1", "step 10", "step 50", "step 100", "limit", "alternating, step 100"),
        [
            (name, *(same[t - 1] for t in (1, 10, 50, 100)), limit, abs(swinging[-1]))
            for (name, (same, swinging)), limit in zip(steps.items(), (RATE, RATE, RATE / (1 - BETA)))
        ],
    )
    paths = {
        "SGD 0.01": descend(lambda p: optim.SGD(p, lr=0.01)),
        "rolling 0.1/0.9": descend(rolling),
        "heavy ball 0.01/0.9": descend(lambda p: heavy(p, 0.01)),
        "heavy ball 0.1/0.9": descend(heavy),
    }
    on_quadratic = Table(
        "on ½(100θ₁² + θ₂²) from (1, 1), ‖∇f‖ < 0.001",
        ("optimizer", "converged", "‖∇f‖ at the end"),
        [(name, said(p), p.norms[-1]) for name, p in paths.items()],
    )
    grows, bounded = steps["heavy ball"][0][-1] / RATE, steps["rolling average"][0].max() / RATE
    reading = (
        f"For a constant gradient heavy ball's step grows to {grows:.3g} times SGD's, the rolling average's approaches "
        f"SGD's from below and never exceeds it ({bounded:.4f}): “consistent gradients build up” is true of the first. "
        "For an alternating gradient the rolling average shrinks the step "
        f"{RATE / abs(steps['rolling average'][1][-1]):.3g} times. The two take the same path if heavy ball's α is (1 "
        "− β) times the other's; with α = 0.1 as it stands, heavy ball on the quadratic: "
        f"{said(paths['heavy ball 0.1/0.9'])}."
    )
    built_up = abs(grows - 1 / (1 - BETA) * (1 - BETA**100)) < 1e-9
    return Report(
        "Two things called momentum",
        [consistent, on_quadratic],
        reading,
        [
            Finding(
                31,
                f"steps as 002's two lines give them, within {as_written:.1g}; on f {said(paths['rolling 0.1/0.9'])}",
                as_written < 1e-12 and same_path < 1e-12 and converged(paths["rolling 0.1/0.9"]) is not None,
            ),
            Finding(
                34,
                f"constant gradient: heavy ball {grows:.3g} times SGD's step, rolling average {bounded:.3g} times",
                built_up,
                refuted=bounded <= 1,
            ),
        ],
        [
            Plot(
                "Step for a constant gradient of 1",
                "updates",
                "step",
                [Series(name, range(1, 101), same) for name, (same, _) in steps.items()],
            ),
            paths_plot({k: v for k, v in paths.items() if not v.diverged}, "Paths over the contours of f"),
            norms_plot(paths, f"Gradient norm; converged below {TOLERANCE}"),
        ],
    )
