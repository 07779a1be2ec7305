"""The classifier: vectors of what stands at the places, one hidden layer, a score for every transition."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import OptionError, Tensor, cross_entropy
from tinygrad_nlp.errors import explain
from tinygrad_nlp.nn import Dropout, Embedding, Linear, Module, init

ACTIVATIONS = {
    "relu": (lambda z: z.relu(), lambda z: np.maximum(z, 0, out=z)),
    "cube": (lambda z: z * z * z, lambda z: np.multiply(z * z, z, out=z)),
    "tanh": (lambda z: z.tanh(), lambda z: np.tanh(z, out=z)),
}
"""Name -> (on Tensors, in place on an array). The cube is Chen & Manning's (2014, section 3.3): z³ of a sum of
features is a sum of products of three of them."""


INITIAL = 0.1
"""The standard deviation of vectors at the start. Those of N(0, 1), PyTorch's default, take Adam thousands of steps to
leave; small ones are soon where the gradient wants them."""


class ParserNetwork(Module):
    r"""logits = dropout(f(x W + b₁)) U + b₂, where x joins the vectors of the features.

    rows      R, symbols of all kinds; ``table`` is (R, D)
    features  F of a configuration; x is (B, F·D)
    dim       D
    hidden    H
    classes   C transitions
    activation  "relu", "cube" or "tanh"
    dropout   of the hidden layer, in training; input_dropout: of x
    rng       draws the parameters and the dropout's masks

    features: (B, F) rows of the table -> (B, C) logits, unnormalised log-probabilities of the transitions.

    With z = xW + b₁ and ReLU, ∂h_i/∂x_j = 1{z_i > 0} W_ji, 0 at z_i = 0 by convention, and with y the one-hot
    target ∂CE/∂logits = ŷ − y: source 001 3(e). ``Linear`` keeps W transposed.
    """

    def __init__(
        self, rows, features, dim, hidden, classes, *, activation="relu", dropout=0.5, input_dropout=0.0, rng=None
    ):
        if activation not in ACTIVATIONS:
            raise OptionError(
                explain("ParserNetwork: activation", got=repr(activation), expected="'relu', 'cube' or 'tanh'")
            )
        self.activation = activation
        self.table = Embedding(rows, dim, rng=rng)
        self.hidden = Linear(features * dim, hidden, rng=rng)
        self.dropout, self.input_dropout = Dropout(dropout, rng=rng), Dropout(input_dropout, rng=rng)
        self.output = Linear(hidden, classes, rng=rng)
        init.normal_(self.table.weight, std=INITIAL, generator=rng)
        init.kaiming_normal_(self.hidden.weight, generator=rng)
        init.zeros_(self.hidden.bias)
        init.zeros_(self.output.bias)

    def forward(self, features):
        x = self.input_dropout(self.table(features).reshape(len(features), -1))
        x.name = "x"
        h = ACTIVATIONS[self.activation][0](self.hidden(x))
        h.name = "h"
        return self.output(self.dropout(h))

    def loss(self, features, targets) -> Tensor:
        """Mean cross-entropy in nats; features: (B, F), targets: (B,) transitions."""
        return cross_entropy(self(features), targets)
