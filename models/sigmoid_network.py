"""003 Q2c: one hidden layer of sigmoids, a softmax, cross-entropy."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import cross_entropy, sigmoid, softmax
from tinygrad_nlp.nn import Module, Parameter, init
from tinygrad_nlp.random import generator


class SigmoidNetwork(Module):
    r"""ŷ = softmax(h W₂ + b₂), h = σ(x W₁ + b₁); a row is an example.

    inputs, hidden, classes  D_x, H, K; W₁ is (D_x, H), W₂ (H, K), as 003 has them (`nn.Linear` keeps them transposed)
    rng                      draws the weights (Glorot & Bengio's uniform); the biases start at 0

    With Δ₂ = ŷ − y:  ∂J/∂W₂ = hᵀΔ₂,  ∂J/∂b₂ = Δ₂,  Δ₁ = (Δ₂W₂ᵀ) ⊙ σ′(xW₁ + b₁),  ∂J/∂W₁ = xᵀΔ₁,  ∂J/∂b₁ = Δ₁,
    ∂J/∂x = Δ₁W₁ᵀ (003 Eq 22), for one example; for a batch, biases' gradients sum over the rows.
    D_x·H + H·K + H + K parameters (003 Q2d).

    >>> import numpy as np
    >>> SigmoidNetwork(4, 3, 2, rng=np.random.default_rng(0)).num_parameters()  # 12 + 6 + 3 + 2
    23
    """

    def __init__(self, inputs, hidden, classes, *, rng=None, dtype=np.float32):
        rng = generator(rng)
        self.W_1 = Parameter(np.empty((inputs, hidden), dtype), name="W_1")
        self.b_1 = Parameter(np.zeros(hidden, dtype), name="b_1")
        self.W_2 = Parameter(np.empty((hidden, classes), dtype), name="W_2")
        self.b_2 = Parameter(np.zeros(classes, dtype), name="b_2")
        init.xavier_uniform_(self.W_1, generator=rng)
        init.xavier_uniform_(self.W_2, generator=rng)

    def logits(self, x):
        """x: (D_x,) or (B, D_x) -> θ = h W₂ + b₂, (K,) or (B, K)."""
        return sigmoid(x @ self.W_1 + self.b_1) @ self.W_2 + self.b_2

    def forward(self, x):
        """The classes' probabilities."""
        return softmax(self.logits(x))

    def loss(self, x, target):
        """Cross-entropy in nats; ``target``: a class, or (B,) classes: then the mean."""
        return cross_entropy(self.logits(x), target)
