"""001 3(e): the derivative of a ReLU layer, its value at 0, and the parser's classifier."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import Tensor, cross_entropy, grad, jacobian, relu

from ..parser import ParserNetwork
from .report import TINY, Finding, Plot, Report, Series, Table, gap

PLACES = (-1.0, -1e-300, -0.0, 0.0, 1e-300, 1.0)


def run(seed: int = 0) -> Report:
    rng = np.random.default_rng(seed)
    W, b, x = rng.normal(size=(5, 4)), rng.normal(size=4), rng.normal(size=5)
    W[0, 0], W[1:, 0], b[0] = 0.5, 0.0, -0.5 * x[0]  # the first unit stands at its kink: z = 0 without rounding
    b[1], b[2] = -1 - x @ W[:, 1], 1 - x @ W[:, 2]  # one below and one above
    z = x @ W + b
    W_fixed, b_fixed = Tensor(W), Tensor(b)
    J = np.asarray(jacobian(lambda t: relu(t @ W_fixed + b_fixed))(x))
    closed = (z > 0)[:, None] * W.T  # [i, j] = 1{z_i > 0} W_ji, x a row and W (D, H)
    at = np.asarray(grad(lambda t: relu(t).sum())(np.array(PLACES)))
    kink = Table(
        "the derivative about 0; left limit 0, right limit 1",
        ("z", "relu(z)", "derivative by the engine"),
        list(zip(PLACES, relu(Tensor(np.array(PLACES))).data, at)),
    )
    layer = Table(
        "row i of ∂h/∂x for h = relu(xW + b)",
        ("i", "z_i", "1{z_i > 0}", *(f"∂h_i/∂x_{j}" for j in range(1, 6))),
        [(i, z[i - 1], int(z[i - 1] > 0), *J[i - 1]) for i in range(1, 5)],
    )

    network = ParserNetwork(rows=12, features=3, dim=4, hidden=6, classes=3, rng=np.random.default_rng(seed))
    network.astype(np.float64).eval()
    features, targets = rng.integers(0, 12, size=(5, 3)), rng.integers(0, 3, size=5)
    logits = network(features)
    logits.retain_grad()
    loss = cross_entropy(logits, targets)
    loss.backward()
    theirs, y_hat = parser_by_hand(network, features, targets)
    ours, as_hand = float(loss.data), gap(float(loss.data), theirs)
    to_logits = gap(logits.grad, (y_hat - np.eye(3)[targets]) / len(targets))
    same_loss = float(network.loss(features, targets).data)
    parser = Table(
        "the parser's classifier on five configurations, dropout off",
        ("what", "measured"),
        [
            ("loss, nats", ours),
            ("loss − by hand on arrays", as_hand),
            ("∂CE/∂logits − (ŷ − y)/5", to_logits),
            ("transitions", logits.shape[1]),
        ],
    )
    reading = (
        f"The Jacobian of the layer is 1{{z_i > 0}} W_ji within {gap(J, closed):.1g}. At z = 0 the limits "
        "0 and 1 differ, "
        f"there is no derivative; the engine takes {at[3]:g}, as the formula's strict > does. The parser's classifier "
        "is embedding, ReLU layer, three scores, softmax and cross-entropy: its loss equals the "
        "hand-written one within "
        f"{as_hand:.1g}."
    )
    return Report(
        "ReLU at zero, and the parser's classifier",
        [kink, layer, parser],
        reading,
        [
            Finding(
                40,
                f"Jacobian within {gap(J, closed):.1g}; derivative at 0 is {at[3]:g}, at 1e-300 it is {at[4]:g}",
                gap(J, closed) < TINY and z[0] == 0 and list(at) == [0, 0, 0, 0, 1, 1],
            ),
            Finding(
                41,
                f"loss as by hand within {as_hand:.1g}, ∂CE/∂logits = ŷ − y within {to_logits:.1g}, 3 transitions",
                as_hand < TINY and to_logits < TINY and logits.shape == (5, 3) and abs(same_loss - ours) < TINY,
            ),
        ],
        [
            Plot(
                "relu and its derivative",
                "z",
                "",
                [
                    Series("relu", (-2, 0, 2), (0, 0, 2)),
                    Series("derivative, z ≤ 0", (-2, 0), (0, 0)),
                    Series("derivative, z > 0", (0, 2), (1, 1)),
                ],
            )
        ],
    )


def parser_by_hand(network, features, targets) -> tuple[float, np.ndarray]:
    """The mean loss and ŷ of `ParserNetwork` with ReLU, on arrays; ``Linear`` keeps W as (out, in)."""
    x = network.table.weight.data[features].reshape(len(features), -1)
    h = np.maximum(x @ network.hidden.weight.data.T + network.hidden.bias.data, 0)
    e = np.exp(h @ network.output.weight.data.T + network.output.bias.data)
    y_hat = e / e.sum(axis=1, keepdims=True)
    return float(-np.log(y_hat[np.arange(len(targets)), targets]).mean()), y_hat
