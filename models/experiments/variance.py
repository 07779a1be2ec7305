"""000, 001 and 002 §2.2: how much less the rolling average m varies than the gradients g."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import Tensor, optim
from tinygrad_nlp.nn import Parameter

from .report import Finding, Plot, Report, Series, Table

UPDATES, PARAMETERS = 600, 1000


def measured(beta: float, correlation: float, rng) -> float:
    """Var m / Var g over ``PARAMETERS`` gradients of variance 1 and the last third of ``UPDATES`` updates.

    Successive gradients of a parameter correlate by ``correlation``; parameters are independent of each other.
    """
    theta = Parameter(np.zeros(PARAMETERS), name="theta")
    stepper = optim.RollingMomentum([theta], lr=0.0, beta=beta)
    g = rng.normal(size=PARAMETERS)
    squares_of_m, squares_of_g = 0.0, 0.0
    for t in range(UPDATES):
        stepper.zero_grad()
        (Tensor(g) * theta).sum().backward()
        stepper.step()
        if t >= UPDATES * 2 // 3:
            squares_of_m += float((stepper.state[theta]["m"] ** 2).sum())
            squares_of_g += float((theta.grad**2).sum())
        g = correlation * g + np.sqrt(1 - correlation**2) * rng.normal(size=PARAMETERS)
    return squares_of_m / squares_of_g


def followed(beta: float, rng, updates: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """g and m of one parameter, update by update."""
    theta = Parameter(np.zeros(1), name="theta")
    stepper = optim.RollingMomentum([theta], lr=0.0, beta=beta)
    gradients, averages = rng.normal(size=updates), []
    for g in gradients:
        stepper.zero_grad()
        (Tensor(np.array([g])) * theta).sum().backward()
        stepper.step()
        averages.append(float(stepper.state[theta]["m"][0]))
    return gradients, np.array(averages)


def predicted(beta: float, correlation: float = 0.0) -> float:
    """(1 − β)/(1 + β) · (1 + βρ)/(1 − βρ), from Σ over the weights (1 − β)βⁱ of gradients that correlate by ρ."""
    return (1 - beta) / (1 + beta) * (1 + beta * correlation) / (1 - beta * correlation)


def run(seed: int = 0) -> Report:
    rng = np.random.default_rng(seed)
    cases = [(beta, 0.0) for beta in (0.5, 0.9, 0.95)] + [(0.9, c) for c in (-0.5, 0.5, 0.9)]
    rows = [(b, c, measured(b, c, rng), predicted(b, c), 1 / predicted(b, c)) for b, c in cases]
    table = Table(
        "variance of m over variance of g",
        ("β", "correlation of successive g", "measured", "closed form", "times less"),
        rows,
    )
    independent = [row for row in rows if row[1] == 0]
    close = all(abs(row[2] / row[3] - 1) < 0.1 for row in rows)
    ratio = next(row[2] for row in rows if row[0] == 0.9)
    g, m = followed(0.9, np.random.default_rng([seed, 1]))  # draws of its own: the table stays what it is
    betas = np.linspace(0, 0.98, 50)
    reading = (
        f"With β = 0.9 and independent gradients m varies {1 / ratio:.3g} times less than g, by (1 − β)/(1 + β) = "
        "1/19. Gradients that resemble the one before are averaged less: at a correlation of 0.9 the ratio is "
        f"{rows[-1][2]:.2f}; swinging ones (−0.5) are averaged more."
    )
    return Report(
        "How much the rolling average smooths",
        [table],
        reading,
        [
            Finding(
                33,
                f"Var m / Var g = {ratio:.4f} at β = 0.9; (1 − β)/(1 + β) = {predicted(0.9):.4f}",
                close and all(row[2] < 1 for row in independent),
            )
        ],
        [
            Plot(
                "Gradients of one parameter and their rolling average",
                "updates",
                "",
                [Series("g", range(1, len(g) + 1), g), Series("m, β = 0.9", range(1, len(m) + 1), m)],
            ),
            Plot(
                "Variance of m over variance of g, independent gradients",
                "β",
                "Var m / Var g",
                [
                    Series("(1 − β)/(1 + β)", betas, predicted(betas)),
                    Series("measured", [row[0] for row in independent], [row[2] for row in independent], "points"),
                ],
            ),
        ],
    )
