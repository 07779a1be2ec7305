"""002 §2: one step size for all parameters; too small is slow, too large diverges."""

from __future__ import annotations

import math

from tinygrad_nlp import optim

from .quadratic import CURVATURE, TOLERANCE, UPDATES, converged, descend, norms_plot, paths_plot, said
from .report import Finding, Report, Table

RATES = (0.0005, 0.005, 0.01, 0.0198, 0.02, 0.021, 0.1)


def predicted(rate: float) -> str:
    """By the closed form θᵢ ← (1 − α cᵢ) θᵢ: what `descend` should find."""
    factors = [abs(1 - rate * c) for c in CURVATURE]
    if max(factors) > 1:
        return "diverges"
    if max(factors) == 1:
        return "never: |1 − 100α| = 1"
    # The slower coordinate decides; the other one's gradient is then negligible or adds to the norm.
    for t in range(100_000):
        if math.hypot(*(c * f**t for c, f in zip(CURVATURE, factors))) < TOLERANCE:
            return f"after {t}"
    return "after more than 100000"


def run(seed: int = 0) -> Report:
    paths = {rate: descend(lambda p, rate=rate: optim.SGD(p, lr=rate)) for rate in RATES}
    table = Table(
        "SGD from (1, 1), ‖∇f‖ < 0.001, at most 1000 updates; the limit is α = 2/100",
        ("α", "factor of θ₁", "factor of θ₂", "measured", "by the closed form"),
        [(a, round(1 - 100 * a, 6), round(1 - a, 6), said(path), predicted(a)) for a, path in paths.items()],
    )
    small, large = paths[0.005], paths[0.1]
    shares = [path.norms[-1] for a, path in paths.items() if a in (0.0005, 0.005)]
    oscillates = all(abs(abs(theta) - 1) < 1e-9 for theta in paths[0.02].theta[:, 0])
    grid = {a / 10_000: predicted(a / 10_000) for a in range(100, 200)}
    rate = min((a for a, said_so in grid.items()), key=lambda a: int(grid[a].split()[1]))
    best = converged(descend(lambda p: optim.SGD(p, lr=rate)))
    diverge = large.diverged and paths[0.021].diverged and not paths[0.0198].diverged
    slow = shares[0] > shares[1] > TOLERANCE
    reading = (
        "Each coordinate is multiplied by 1 − αc, c its curvature: above α = 0.02 θ₁ grows, below it shrinks, at 0.02 "
        f"it jumps between 1 and −1 for ever. After {UPDATES} updates ‖∇f‖ is {shares[1]:.2g} with 0.005 and "
        f"{shares[0]:.2g} with 0.0005. The best of a hundred step sizes from 0.01 to 0.02 is {rate:g} and still takes "
        f"{best} updates: θ₂ alone would bear a step of 1 and be there in one."
    )
    agree = all(
        said(p) == predicted(a) for a, p in paths.items() if said(p) == "diverges" or said(p).startswith("after")
    )
    measured = f"diverges from α = 0.021; ‖∇f‖ after 1000: {shares[1]:.2g} at 0.005, {shares[0]:.2g} at 0.0005"
    drawn = {f"α = {a:g}": paths[a] for a in (0.005, 0.0198, 0.021)}
    return Report(
        "Gradient descent with one step size",
        [table],
        reading,
        [Finding(30, measured, diverge and slow and oscillates and agree and not small.diverged)],
        [paths_plot(drawn, "Paths over the contours of f"), norms_plot(drawn, "Gradient norm")],
    )
