"""002 §2.4: h_drop = γ d ⊙ h. All 2^k masks are enumerated, so that means are sums and not samples."""

from __future__ import annotations

import itertools

import numpy as np

from tinygrad_nlp import OptionError, Tensor, dropout
from tinygrad_nlp.nn import Dropout
from tinygrad_nlp.ops.random import dropout_

from .report import TINY, Finding, Plot, Report, Series, Table, gap

K = 8
P_DROP = (0.0, 0.1, 0.25, 0.5, 0.8, 0.9)


def every_mask(k: int, p: float) -> tuple[np.ndarray, np.ndarray]:
    """(2^k, k) masks, True where a unit is kept, and their (2^k,) probabilities."""
    masks = np.array(list(itertools.product((False, True), repeat=k)))
    kept = masks.sum(axis=1)
    return masks, (1 - p) ** kept * p ** (k - kept)


def averages(h, p: float, after=lambda x: x) -> tuple[np.ndarray, float]:
    """E of ``after(h_drop)``, and E‖h_drop‖², over all masks; the dropping is the engine's."""
    masks, probability = every_mask(len(h), p)
    dropped = dropout_(Tensor(np.tile(h, (len(masks), 1))), masks, p=p)
    squares = (dropped * dropped).sum(axis=1).data
    values = after(dropped).data
    return probability @ values, float(probability @ squares)


def run(seed: int = 0) -> Report:
    rng = np.random.default_rng(seed)
    h, w = rng.normal(size=K), rng.normal(size=(K, K))
    rows, mean_kept, square_right = [], 0.0, 0.0
    for p in P_DROP:
        mean, square = averages(h, p)
        mean_kept = max(mean_kept, gap(mean, h))
        ratio = square / (h @ h)
        square_right = max(square_right, gap(ratio * (1 - p), 1.0))
        rows.append((p, gap(mean, h), ratio, 1 / (1 - p), float(np.sqrt(ratio))))
    kept = Table(
        f"over all {2**K} masks of {K} units",
        ("p", "largest |E h_drop − h|", "E‖h_drop‖² / ‖h‖²", "1/(1 − p)", "root of it"),
        rows,
    )

    ones = Tensor(np.ones(4))
    scales = [(p, float(dropout_(ones, np.ones(4, bool), p=p).data[0]), round((1 - p) * 100)) for p in (*P_DROP, 0.99)]
    try:
        dropout(ones, 1.0)
        refused = ""
    except OptionError as error:
        refused = str(error).splitlines()[0]
    gamma = Table(
        "γ(p): the factor that a kept unit receives", ("p", "γ", "units kept of 100"), [*scales, (1.0, "refused", 0)]
    )
    right_scale = all(abs(g * (1 - p) - 1) < TINY for p, g, _ in scales)

    def nonlinear(x):
        return (x @ Tensor(w)).relu()

    after_relu, _ = averages(h, 0.5, nonlinear)
    before_relu, _ = averages(h, 0.5, lambda x: x @ Tensor(w))
    all_units = nonlinear(Tensor(h)).data
    layer = Dropout(0.5, rng=np.random.default_rng(seed))
    x = Tensor(rng.normal(size=(4, 50)))
    twice = [layer(x).data for _ in range(2)]
    layer.eval()
    evaluated = [layer(x).data for _ in range(2)]
    modes = Table(
        "a Dropout(0.5) layer, and the mean of what follows it",
        ("what", "measured"),
        [
            ("training: two passes are equal", bool((twice[0] == twice[1]).all())),
            ("training: units that are 0", float((twice[0] == 0).mean())),
            ("evaluation: two passes are equal to the bit", bool((evaluated[0] == evaluated[1]).all())),
            ("evaluation: output is the input to the bit", bool((evaluated[0] == x.data).all())),
            ("mean over masks of h_drop W differs from h W by", gap(before_relu, h @ w)),
            ("mean over masks of relu(h_drop W) differs from relu(h W) by", gap(after_relu, all_units)),
        ],
    )
    evaluation = all((e == x.data).all() for e in evaluated) and not (twice[0] == twice[1]).all()
    half = rows[P_DROP.index(0.5)]
    reading = (
        f"γ = 1/(1 − p) keeps the mean of every unit (to {mean_kept:.1g}) and not the magnitude: at p = 0.5 "
        f"E‖h_drop‖² is {half[2]:.4g} times ‖h‖². γ grows without bound towards p = 1, where no unit is left to scale. "
        "In evaluation nothing is drawn and nothing scaled. The means match for this layer and through a linear one; "
        f"after a ReLU the mean in training differs by up to {gap(after_relu, all_units):.2g}."
    )
    return Report(
        "Dropout: every mask",
        [kept, gamma, modes],
        reading,
        [
            Finding(
                37,
                f"mean kept to {mean_kept:.1g}; E‖h_drop‖²/‖h‖² = {half[2]:.4g} at p = 0.5",
                mean_kept < TINY and square_right < TINY,
                refuted=abs(half[2] - 1) > 0.5,
            ),
            Finding(
                38,
                f"γ from {scales[0][1]:g} to {scales[-1][1]:.4g}; p = 1: {'refused' if refused else 'accepted'}",
                right_scale and "0 <= p < 1" in refused,
            ),
            Finding(
                39,
                "evaluation is the input to the bit, training draws anew; after a ReLU the means differ by "
                f"{gap(after_relu, all_units):.2g}",
                evaluation and gap(before_relu, h @ w) < 10 * TINY,
                refuted=gap(after_relu, all_units) > 1e-3,
            ),
        ],
        [
            Plot(
                "γ(p) = 1/(1 − p)",
                "p",
                "γ",
                [Series("γ", np.linspace(0, 0.95, 96), 1 / (1 - np.linspace(0, 0.95, 96)))],
            )
        ],
    )
