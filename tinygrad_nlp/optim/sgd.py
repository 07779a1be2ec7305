"""Gradient descent, and three things called momentum that are not the same."""

from __future__ import annotations

import numpy as np

from .optimizer import Optimizer


class SGD(Optimizer):
    r"""Stochastic gradient descent, θ ← θ − α g, with PyTorch's momentum, decay and Nesterov options.

    With ``momentum`` μ > 0:  b ← μ b + (1 − τ) g (the first b is g), θ ← θ − α b.
    With ``nesterov``         θ ← θ − α (g + μ b).

    lr            α: one step size for all parameters. Along a direction of curvature c it converges only for
                  α < 2/c, so the steepest direction dictates the pace of the flattest (002 §2.1)
    dampening     τ
    weight_decay  λ: λθ is added to the gradient, as if λ/2 |θ|² were added to the loss
    maximize      climb instead

    Without momentum and decay a `RowSparse` gradient is used as it is: the other rows are neither read nor written.
    Cost: O(touched rows) then, else O(parameters).
    """

    def __init__(
        self, parameters, lr=1e-3, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, *, maximize=False
    ):
        super().__init__(
            parameters,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            maximize=maximize,
        )

    def check(self, group):
        super().check(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            self._refuse("nesterov", True, "a momentum above 0 and no dampening")

    def arrays(self, group):
        return {"momentum_buffer": 0.0} if group["momentum"] else {}

    def rows_suffice(self, group):
        return not group["momentum"] and not group["weight_decay"]

    def rule(self, group, state, dtype):
        lr, momentum, nesterov = group["lr"], group["momentum"], group["nesterov"]
        fresh = 1.0 if state["step"] == 1 else 1 - group["dampening"]

        def plain(w, g, q):
            np.multiply(g, lr, out=q)
            np.subtract(w, q, out=w)

        def with_momentum(w, g, q, b):
            np.multiply(b, momentum, out=b)
            if fresh == 1:
                np.add(b, g, out=b)
            else:
                np.multiply(g, fresh, out=q)
                np.add(b, q, out=b)
            if nesterov:
                np.multiply(b, momentum, out=q)
                np.add(q, g, out=q)
                np.multiply(q, lr, out=q)
            else:
                np.multiply(b, lr, out=q)
            np.subtract(w, q, out=w)

        return with_momentum if momentum else plain


class HeavyBall(SGD):
    """Polyak's momentum: b ← β b + g, θ ← θ − α b: `SGD` with ``momentum``.

    Equal gradients build up to a step of α g / (1 − β), which the rolling average of 002 §2.1 never does (000 and
    001 say "build up" of the average; it is true here). For a constant α it is θ' = θ − α g + β (θ − previous θ).
    Source: Polyak 1964, "Some methods of speeding up the convergence of iteration methods".
    """

    def __init__(self, parameters, lr=1e-3, momentum=0.9, weight_decay=0.0):
        super().__init__(parameters, lr, momentum, weight_decay=weight_decay)


class Nesterov(SGD):
    """Momentum that looks ahead: the step is α (g + β b) with the new b, `SGD` with ``nesterov=True``.

    Source: Nesterov 1983, in the form of Sutskever, Martens, Dahl & Hinton 2013.
    """

    def __init__(self, parameters, lr=1e-3, momentum=0.9, weight_decay=0.0):
        super().__init__(parameters, lr, momentum, weight_decay=weight_decay, nesterov=True)


class RollingMomentum(Optimizer):
    """Momentum exactly as problem set 002 §2.1 writes it: m ← β m + (1 − β) g, θ ← θ − α m, from m = 0.

    m is a weighted average of the gradients seen (the weights sum to 1 − βᵗ), so it is never longer than the longest of
    them: it smooths, where `HeavyBall` also builds up. The two take the same path if heavy ball's α is (1 − β) times
    this one's.
    """

    def __init__(self, parameters, lr=1e-3, beta=0.9):
        super().__init__(parameters, lr=lr, beta=beta)

    def arrays(self, group):
        return {"m": 0.0}

    def rule(self, group, state, dtype):
        lr, beta = group["lr"], group["beta"]

        def average_and_move(w, g, q, m):
            np.multiply(m, beta, out=m)
            np.multiply(g, 1 - beta, out=q)
            np.add(m, q, out=m)
            np.multiply(m, lr, out=q)
            np.subtract(w, q, out=w)

        return average_and_move
