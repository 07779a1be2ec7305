"""Adam: as published, with decoupled decay, and as problem set 002 writes it."""

from __future__ import annotations

import math

import numpy as np

from .optimizer import Optimizer


class Adam(Optimizer):
    r"""Adam (Kingma & Ba 2015, Algorithm 1), with PyTorch's options.

    m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²,   m̂ = m/(1 − β₁ᵗ),   v̂ = v/(1 − β₂ᵗ),   θ ← θ − α m̂ / (√v̂ + ε)

    m and v start at 0 and so are too small at first by the factors 1 − βᵗ, which the divisions undo: with a constant
    gradient the expected value of m after t steps is (1 − β₁ᵗ) g. The step does not change if all gradients are
    scaled, so parameters with small gradients move as far as others (002 §2.3; relative to SGD).

    What is kept is the sums themselves, M = Σ β₁ᵗ⁻ⁱ gᵢ and S = Σ β₂ᵗ⁻ⁱ gᵢ². Both m = (1 − β₁) M and its correction then
    become one division, by the sum of the weights: m̂ = M / (1 + β₁ + … + β₁ᵗ⁻¹), the weighted mean of the gradients.
    That is the same number with two passes over memory fewer. (It differs only if betas are changed during training.)

    lr            α, about the largest move of any element in a step
    betas         β₁, β₂: shares of the past
    eps           ε, added outside the root; keeps 0/0 from happening
    weight_decay  λ: λθ is added to the gradient (and so is scaled with it; `AdamW` says why that is often unwanted)
    amsgrad       divide by the largest v so far (Reddi, Kale & Kumar 2018)
    maximize      climb instead
    sparse        on a `RowSparse` gradient, move only the rows it names and leave the moments of the others as they
                  are, as torch.optim.SparseAdam does (ε stands as above, where SparseAdam has it before the correction
                  of v). Not the same optimizer: with False, rows without gradient move on by their momentum

    Cost: O(parameters) time and twice their memory; with ``sparse`` time O(touched rows).
    """

    def __init__(
        self,
        parameters,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0.0,
        amsgrad=False,
        *,
        maximize=False,
        sparse=False,
    ):
        super().__init__(
            parameters,
            lr=lr,
            betas=tuple(betas),
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
            sparse=sparse,
        )

    def check(self, group):
        super().check(group)
        if group["sparse"] and group["weight_decay"]:
            self._refuse("weight_decay", group["weight_decay"], "0 with sparse=True: decay moves every row")

    def arrays(self, group):
        return {"gradient_sum": 0.0, "square_sum": 0.0, **({"largest_square_sum": 0.0} if group["amsgrad"] else {})}

    def rows_suffice(self, group):
        return group["sparse"]

    def rule(self, group, step, dtype):
        lr, (beta1, beta2) = group["lr"], group["betas"]
        # α (M/n₁) / (√(S/n₂) + ε) = (α √n₂ / n₁) M / (√S + ε √n₂): the weights' sums stay out of the arrays.
        root = math.sqrt(sum_of_weights(beta2, step))
        size, eps = lr * root / sum_of_weights(beta1, step), group["eps"] * root
        keep = 1 - lr * group["weight_decay"] if self.decoupled_decay else 1.0
        # As arrays of the parameter's dtype: a Python float would have to be made one in every call of every block.
        beta1, beta2, size, eps = (np.array(constant, dtype) for constant in (beta1, beta2, size, eps))

        def move(w, g, q, m, v, largest=None):
            np.multiply(m, beta1, out=m)
            np.add(m, g, out=m)
            np.multiply(g, g, out=q)
            np.multiply(v, beta2, out=v)
            np.add(v, q, out=v)
            if largest is not None:
                v = np.maximum(largest, v, out=largest)
            np.sqrt(v, out=q)
            np.add(q, eps, out=q)
            np.divide(m, q, out=q)
            np.multiply(q, size, out=q)
            if keep != 1:
                np.multiply(w, keep, out=w)
            np.subtract(w, q, out=w)

        return move


def sum_of_weights(beta: float, step: int) -> float:
    """1 + β + … + β^(step − 1)."""
    return (1 - beta**step) / (1 - beta)


class AdamW(Adam):
    """Adam with decoupled weight decay: θ ← (1 − αλ) θ, then Adam's step from the gradient alone.

    Added to the gradient, λθ would be divided by √v̂ like the rest, and weights with large gradients would hardly
    decay. Source: Loshchilov & Hutter 2019, "Decoupled weight decay regularization", Algorithm 2.
    """

    decoupled_decay = True

    def __init__(
        self,
        parameters,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=1e-2,
        amsgrad=False,
        *,
        maximize=False,
    ):
        super().__init__(parameters, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)


class AdamAsWritten(Optimizer):
    """Adam exactly as problem set 002 §2.3 writes it: no bias correction, no ε.

    m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²,   θ ← θ − α m / √v

    **0/0.** Where every gradient so far was 0, m and v are 0 and the formula has no value. The rule here: where v is 0
    the parameter does not move. (So also where g² underflows to 0 though g does not; the formula would divide by 0.)
    The first step is α (1 − β₁)/√(1 − β₂) times the sign of g, 3.16 α by default: without correction the two
    averages start too small by different factors. `Adam` is the form to train with.
    """

    def __init__(self, parameters, lr=1e-3, betas=(0.9, 0.999)):
        super().__init__(parameters, lr=lr, betas=tuple(betas))

    def arrays(self, group):
        return {"m": 0.0, "v": 0.0}

    def rule(self, group, step, dtype):
        lr, (beta1, beta2) = group["lr"], group["betas"]

        def move(w, g, q, m, v):
            np.multiply(m, beta1, out=m)
            np.multiply(g, 1 - beta1, out=q)
            np.add(m, q, out=m)
            np.multiply(g, g, out=q)
            np.multiply(q, 1 - beta2, out=q)
            np.multiply(v, beta2, out=v)
            np.add(v, q, out=v)
            np.sqrt(v, out=q)
            np.divide(m, q, out=q, where=q > 0)  # elsewhere q stays 0: no move
            np.multiply(q, lr, out=q)
            np.subtract(w, q, out=w)

        return move
