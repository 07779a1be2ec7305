"""What an optimizer does with gradients that are given to it, instead of those of a function."""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import Tensor
from tinygrad_nlp.nn import Parameter


def moves(optimizer, gradients) -> np.ndarray:
    """(T, N) changes of N parameters whose gradients are the rows of ``gradients`` (T, N), one row an update.

    The engine is made to give them: they are the derivatives of Σ gθ.
    """
    gradients = np.asarray(gradients, np.float64)
    theta = Parameter(np.zeros(gradients.shape[1]), name="theta")
    stepper = optimizer([theta])
    changes = []
    for g in gradients:
        before = theta.data.copy()
        stepper.zero_grad()
        (Tensor(g) * theta).sum().backward()
        stepper.step()
        changes.append(theta.data - before)
    return np.array(changes)
