"""Step sizes per element from the squares of past gradients: Adagrad sums them, RMSprop averages them."""

from __future__ import annotations

import numpy as np

from .optimizer import Optimizer


class Adagrad(Optimizer):
    """s ← s + g², θ ← θ − α' g / (√s + ε) with α' = α / (1 + (t − 1) · lr_decay); PyTorch's options.

    An element that is seldom touched keeps a large step: made for sparse features, word vectors among them. An element
    without gradient keeps s and θ, so a `RowSparse` gradient gives the dense result while touching its rows only
    (unless ``weight_decay`` adds to every row).

    initial_accumulator_value  where s starts
    maximize                   climb instead

    Source: Duchi, Hazan & Singer 2011, "Adaptive subgradient methods", with diagonal matrices.
    """

    def __init__(
        self,
        parameters,
        lr=1e-2,
        lr_decay=0.0,
        weight_decay=0.0,
        initial_accumulator_value=0.0,
        eps=1e-10,
        *,
        maximize=False,
    ):
        super().__init__(
            parameters,
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
            maximize=maximize,
        )

    def arrays(self, group):
        return {"sum": group["initial_accumulator_value"]}

    def rows_suffice(self, group):
        return not group["weight_decay"]

    def rule(self, group, state, dtype):
        eps, lr = group["eps"], group["lr"] / (1 + (state["step"] - 1) * group["lr_decay"])

        def move(w, g, q, s):
            np.multiply(g, g, out=q)
            np.add(s, q, out=s)
            np.sqrt(s, out=q)
            np.add(q, eps, out=q)
            np.divide(g, q, out=q)
            np.multiply(q, lr, out=q)
            np.subtract(w, q, out=w)

        return move


class RMSprop(Optimizer):
    """v ← ρ v + (1 − ρ) g², θ ← θ − α g / (√v + ε); PyTorch's options.

    alpha     ρ, the share of the past (PyTorch's name)
    centered  divide by √(v − a²) + ε with a ← ρ a + (1 − ρ) g: an estimate of the variance (Graves 2013)
    momentum  μ > 0: b ← μ b + g / (√v + ε), θ ← θ − α b
    maximize  climb instead

    Source: Tieleman & Hinton 2012, lecture 6.5 of "Neural networks for machine learning".
    """

    def __init__(
        self,
        parameters,
        lr=1e-2,
        alpha=0.99,
        eps=1e-8,
        weight_decay=0.0,
        momentum=0.0,
        centered=False,
        *,
        maximize=False,
    ):
        super().__init__(
            parameters,
            lr=lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
            maximize=maximize,
        )

    def arrays(self, group):
        return {
            "square_avg": 0.0,
            **({"grad_avg": 0.0} if group["centered"] else {}),
            **({"momentum_buffer": 0.0} if group["momentum"] else {}),
        }

    def rule(self, group, state, dtype):
        lr, rho, eps = group["lr"], group["alpha"], group["eps"]
        momentum, centered = group["momentum"], group["centered"]

        def move(w, g, q, v, *more):
            np.multiply(v, rho, out=v)
            np.multiply(g, g, out=q)
            np.multiply(q, 1 - rho, out=q)
            np.add(v, q, out=v)
            if centered:
                a = more[0]
                np.multiply(a, rho, out=a)
                np.multiply(g, 1 - rho, out=q)
                np.add(a, q, out=a)
                np.multiply(a, a, out=q)
                np.subtract(v, q, out=q)
                np.maximum(q, 0, out=q)  # rounding can take a variance below 0, and its root would be NaN
                np.sqrt(q, out=q)
            else:
                np.sqrt(v, out=q)
            np.add(q, eps, out=q)
            np.divide(g, q, out=q)
            if momentum:
                b = more[-1]
                np.multiply(b, momentum, out=b)
                np.add(b, q, out=b)
                np.multiply(b, lr, out=q)
            else:
                np.multiply(q, lr, out=q)
            np.subtract(w, q, out=w)

        return move
