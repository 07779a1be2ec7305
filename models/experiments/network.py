"""003 Q2c and Q2d: backpropagation through one hidden layer of sigmoids, by hand and by the engine."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import Tensor
from tinygrad_nlp.formula import formula

from ..sigmoid_network import SigmoidNetwork
from .report import TINY, Finding, Report, Table, gap

SIZES = (5, 4, 3)


def by_hand(x, target, W_1, b_1, W_2, b_2) -> dict[str, np.ndarray]:
    """003's lines on arrays: gradients by name, and Δ₁ and σ′ for what else one might multiply."""
    h = 1 / (1 + np.exp(-(x @ W_1 + b_1)))
    e = np.exp(h @ W_2 + b_2)
    delta_2 = e / e.sum() - np.eye(len(b_2))[target]
    slope = h * (1 - h)
    delta_1 = (delta_2 @ W_2.T) * slope
    return {
        "x": delta_1 @ W_1.T,
        "W_1": np.outer(x, delta_1),
        "b_1": delta_1,
        "W_2": np.outer(h, delta_2),
        "b_2": delta_2,
    }


def run(seed: int = 0) -> Report:
    rng = np.random.default_rng(seed)
    network = SigmoidNetwork(*SIZES, rng=rng, dtype=np.float64)
    for bias in (network.b_1, network.b_2):
        bias.data = rng.normal(size=bias.shape)
    x, target = Tensor(rng.normal(size=SIZES[0]), requires_grad=True, name="x"), 1
    loss = network.loss(x, target)
    leaves = {"x": x, **dict(network.named_parameters())}
    printed = {name: formula(loss, leaf) for name, leaf in leaves.items()}
    loss.backward()
    theirs = by_hand(x.data, target, *(p.data for p in network.parameters()))
    rows = [(f"∂J/∂{name}", gap(leaf.grad, theirs[name]), printed[name].unicode()) for name, leaf in leaves.items()]
    table = Table("003's Eq 22 and its companions", ("gradient", "engine − by hand", "printed from the rules"), rows)
    worst = max(row[1] for row in rows)

    # 003 Eq 20–21 multiply elementwise with ∂h/∂x, an (H, D_x) matrix: the shapes fit no elementwise product.
    slope = np.diag(np.ones(SIZES[1])) @ network.W_1.data.T
    try:
        (Tensor(theirs["b_2"]) @ network.W_2.T) * Tensor(slope)
        elementwise = ""
    except ValueError as error:
        elementwise = str(error).splitlines()[0]
    counts = []
    for sizes in (SIZES, (10, 7, 4), (784, 128, 10)):
        D, H, K = sizes
        counts.append((*sizes, SigmoidNetwork(*sizes, rng=rng).num_parameters(), D * H + H * K + H + K))
    counted = Table("parameters", ("D_x", "H", "K", "counted", "D_x·H + H·K + H + K"), counts)
    reading = (
        f"The engine's five gradients are 003's within {worst:.1g}, and the formulas printed from the rules say the "
        "same. Eq 22 is right as printed; the ⊙ ∂h/∂x of Eq 20–21 is a matrix product, as elementwise factors "
        f"{theirs['b_1'].shape} and {slope.shape} {'do not fit' if elementwise else 'broadcast to something else'}."
    )
    return Report(
        "One hidden layer of sigmoids",
        [table, counted],
        reading,
        [
            Finding(
                21,
                f"∂J/∂x within {rows[0][1]:.1g}; printed as {printed['x'].unicode()}",
                worst < TINY and all(f.is_right for f in printed.values()),
                refuted=bool(elementwise),
            ),
            Finding(
                22,
                f"{counts[-1][3]} counted for 784-128-10, {counts[-1][4]} by the formula",
                all(c[3] == c[4] for c in counts),
            ),
        ],
    )
