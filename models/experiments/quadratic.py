"""002 §2.1: descent on f = ½(100θ₁² + θ₂²) from (1, 1), and what "converged" means.

Along θ₁ the slope is a hundred times that along θ₂. A step size small enough for the one is slow for the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinygrad_nlp import Tensor, optim
from tinygrad_nlp.nn import Parameter

from .report import Finding, Plot, Report, Series, Table

CURVATURE = (100.0, 1.0)
START = (1.0, 1.0)
TOLERANCE = 1e-3
UPDATES = 1000
FAR = 1e12
"""A gradient norm beyond this, 10¹⁰ times the first, is called divergence; the numbers would soon overflow."""


@dataclass(frozen=True)
class Path:
    """θ, f and ∇f before each update, and after the last: row t is the state after t updates."""

    theta: np.ndarray
    loss: np.ndarray
    gradient: np.ndarray

    @property
    def updates(self) -> int:
        return len(self.theta) - 1

    @property
    def norms(self) -> np.ndarray:
        return np.linalg.norm(self.gradient, axis=1)

    @property
    def diverged(self) -> bool:
        return not self.norms[-1] <= FAR


def descend(optimizer: Callable, updates: int = UPDATES, start=START) -> Path:
    """``optimizer([theta])`` for ``updates`` updates, or until it is far out. Every gradient is the engine's."""
    theta = Parameter(np.array(start, np.float64), name="theta")
    curvature = Tensor(np.array(CURVATURE))
    stepper = optimizer([theta])
    states = []
    for t in range(updates + 1):
        loss = 0.5 * (curvature * theta * theta).sum()
        stepper.zero_grad()
        loss.backward()
        states.append((theta.data.copy(), float(loss.data), theta.grad.copy()))
        if t == updates or not np.linalg.norm(theta.grad) <= FAR:
            break
        stepper.step()
    thetas, losses, gradients = zip(*states)
    return Path(np.array(thetas), np.array(losses), np.array(gradients))


def gradient_norm(path):
    return path.norms


def one_gradient(path):
    return np.abs(path.gradient[:, 0])


def first_coordinate(path):
    return np.abs(path.theta[:, 0])


def step_length(path):
    return np.append(np.inf, np.linalg.norm(np.diff(path.theta, axis=0), axis=1))


def change_of_loss(path):
    return np.append(np.inf, np.abs(np.diff(path.loss)))


def distance(path):
    return np.linalg.norm(path.theta, axis=1)


CRITERIA = {
    "‖∇f‖": gradient_norm,
    "‖θ‖, as if the answer were known": distance,
    "length of the last step": step_length,
    "change of f": change_of_loss,
    "|∂f/∂θ₁| alone": one_gradient,
    "|θ₁| alone": first_coordinate,
}
"""Name -> path to the number that is compared with the tolerance before each update."""


def converged(path: Path, criterion: Callable = gradient_norm, tolerance: float = TOLERANCE) -> int | None:
    """After how many updates the criterion was first below the tolerance; None if it never was."""
    below = np.flatnonzero(criterion(path) < tolerance)
    return int(below[0]) if len(below) else None


def settled(path: Path, criterion: Callable = gradient_norm, tolerance: float = TOLERANCE) -> int | None:
    """From which update on the criterion stays below the tolerance; None if it is not below in the end."""
    above = np.flatnonzero(~(criterion(path) < tolerance))
    first = int(above[-1]) + 1 if len(above) else 0
    return first if first <= path.updates else None


def said(path: Path) -> str:
    """Whether and when the gradient norm fell below the tolerance, in words."""
    if path.diverged:
        return "diverges"
    after = converged(path)
    return f"after {after}" if after is not None else f"not in {path.updates}"


SETTINGS = {
    "SGD 0.1": lambda p: optim.SGD(p, lr=0.1),
    "SGD 0.005": lambda p: optim.SGD(p, lr=0.005),
    "momentum 0.1/0.9": lambda p: optim.RollingMomentum(p, lr=0.1, beta=0.9),
}
"""The three of 002 §2.1."""


def height(x, y):
    """f(θ₁, θ₂)."""
    return 0.5 * (CURVATURE[0] * x * x + CURVATURE[1] * y * y)


def paths_plot(paths: dict[str, Path], title: str) -> Plot:
    """Paths over the contour lines of f."""
    series = [Series(name, *path.theta.T, "path") for name, path in paths.items()]
    return Plot(title, "θ₁", "θ₂", series, field=height)


def norms_plot(paths: dict[str, Path], title: str) -> Plot:
    """Gradient norm against updates."""
    return Plot(
        title,
        "updates",
        "‖∇f‖",
        [Series(name, range(len(p.theta)), np.minimum(p.norms, 1e6)) for name, p in paths.items()],
        log_y=True,
    )


def run(seed: int = 0) -> Report:
    paths = {name: descend(make) for name, make in SETTINGS.items()}
    outcomes = []
    for name, path in paths.items():
        after, stays = converged(path), settled(path)
        end = path.updates if after is None else after
        outcomes.append((name, said(path), end, "" if stays is None else stays, *path.theta[end], path.norms[end]))
    outcome = Table(
        f"‖∇f‖ < {TOLERANCE} tested before each update, at most {UPDATES} updates",
        ("setting", "converged", "updates run", "stays below from", "final θ₁", "final θ₂", "final ‖∇f‖"),
        outcomes,
    )
    rows = []
    for name, path in paths.items():
        for criterion, measure in CRITERIA.items() if not path.diverged else ():
            after = converged(path, measure)
            at = "never" if after is None else after
            left = ("", "") if after is None else (path.norms[after], distance(path)[after])
            far = after is not None and distance(path)[after] >= TOLERANCE
            again = after is not None and (measure(path)[after:] >= TOLERANCE).any()
            verdict = "misleads" if far else "rises again later" if again else ""
            rows.append((name, criterion, at, *left, verdict))
    criteria = Table(
        "other criteria; misleading is one that stops more than 0.001 from the minimum",
        ("setting", "below 0.001", "after", "‖∇f‖ there", "‖θ‖ there", ""),
        rows,
    )
    large, small, momentum = paths.values()
    early = converged(small, first_coordinate)
    steps = converged(small, step_length)
    holds = large.diverged and not small.diverged and converged(small) is None and converged(momentum) is not None
    needed = converged(descend(SETTINGS["SGD 0.005"], updates=3000))
    reading = (
        f"SGD with 0.1 {said(large)}: each update multiplies θ₁ by 1 − 0.1·100 = −9. SGD with 0.005 is on its way but "
        f"not there in {UPDATES} updates (it needs {needed}): θ₂ shrinks by 0.995 a time. Momentum 0.1/0.9 gets there "
        f"{said(momentum)} updates; its norm swings and stays below only from {settled(momentum)} on. Criteria "
        f"mislead: for SGD 0.005 θ₁ alone says done after {early} updates and the last step's length after {steps}, "
        f"with θ still {distance(small)[early]:.2g} and {distance(small)[steps]:.2g} from the minimum; a short step "
        "may only mean a small step size."
    )
    measured = f"{said(large)}; {said(small)} (needs {needed}); {said(momentum)}"
    return Report(
        "Three settings on ½(100θ₁² + θ₂²) from (1, 1)",
        [outcome, criteria],
        reading,
        [Finding(32, measured, holds and needed is not None)],
        [paths_plot(paths, "Paths over the contours of f"), norms_plot(paths, "Gradient norm")],
    )
