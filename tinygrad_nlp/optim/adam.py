"""Adam: as published, with decoupled decay, and as problem set 002 writes it."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from .blocks import InTwo
from .optimizer import Optimizer


class Adam(Optimizer):
    r"""Adam (Kingma & Ba 2015, Algorithm 1), with PyTorch's options.

    m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²,   m̂ = m/(1 − β₁ᵗ),   v̂ = v/(1 − β₂ᵗ),   θ ← θ − α m̂ / (√v̂ + ε)

    m and v start at 0 and so are too small at first by the factors 1 − βᵗ, which the divisions undo: with a constant
    gradient the expected value of m after t steps is (1 − β₁ᵗ) g. The step does not change if all gradients are
    scaled, so parameters with small gradients move as far as others (002 §2.3; relative to SGD).

    What is kept is M = Σ β₁⁻ⁱ gᵢ and S = Σ β₂⁻ⁱ gᵢ², up to a unit that keeps them within bounds: instead of making the
    past smaller, every gradient counts more than the one before. m̂ is the gradients' mean by these weights and v̂ that
    of their squares, so the corrections are divisions by the sums of the weights. An element without gradient keeps
    its sums: of a table of which a step read some rows, only their sums are touched, though all rows move. The numbers
    are those of the formulas above (unless betas are changed during training).

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

    def rule(self, group, state, dtype):
        (beta1, beta2), fades = group["betas"], group["sparse"]
        # A row that ``sparse`` passes over keeps its past as it was, so the past fades where a row is seen.
        m_unit = unit(state, "gradient_sum", 1.0 if fades else beta1)
        v_unit = unit(state, "square_sum", 1.0 if fades else beta2)
        lr, keep = group["lr"], 1 - group["lr"] * group["weight_decay"] if self.decoupled_decay else 1.0
        step, amsgrad = state["step"], group["amsgrad"]
        return adam_rule(lr, beta1, beta2, group["eps"], keep, step, m_unit, v_unit, amsgrad, fades, dtype)


@lru_cache(maxsize=4)  # the parameters of a model have mostly taken the same number of steps
def adam_rule(lr, beta1, beta2, eps, keep, step, m_unit, v_unit, amsgrad, fades, dtype) -> InTwo:
    """Step number ``step`` for sums in these units; ``keep`` is what decay leaves of the parameter."""
    # α (M/n₁) / (√(S/n₂) + ε) = (α √n₂ / n₁) M / (√S + ε √n₂): what is the same for all stays out of the arrays.
    root = math.sqrt(sum_of_weights(beta2, step))
    size, eps = m_unit * lr * root / sum_of_weights(beta1, step), eps * root
    if not amsgrad:
        size, eps = size / math.sqrt(v_unit), eps / math.sqrt(v_unit)
    # As arrays of the parameter's dtype: a Python float would have to be made one in every call of every block.
    beta1, beta2, m_gain, v_gain, v_unit, size, eps = (
        np.array(constant, dtype) for constant in (beta1, beta2, 1 / m_unit, 1 / v_unit, v_unit, size, eps)
    )

    def learn(g, q, m, v, largest=None):
        if fades:  # then a gradient of 0 changes something; but `rows_suffice`, and other rows are not asked
            np.multiply(m, beta1, out=m)
            np.multiply(v, beta2, out=v)
        np.multiply(g, g, out=q)
        np.multiply(q, v_gain, out=q)
        np.add(v, q, out=v)
        np.multiply(g, m_gain, out=q)
        np.add(m, q, out=m)
        if largest is not None:
            np.multiply(v, v_unit, out=q)
            np.maximum(largest, q, out=largest)

    def move(w, q, m, v, largest=None):
        np.sqrt(v if largest is None else largest, out=q)
        np.add(q, eps, out=q)
        np.divide(m, q, out=q)
        np.multiply(q, size, out=q)
        if keep != 1:
            np.multiply(w, keep, out=w)
        np.subtract(w, q, out=w)

    return InTwo(learn, move)


def unit(state: dict, name: str, beta: float) -> float:
    """The factor between the sum ``state[name]`` and that of the formula, after one more step by ``beta``.

    Where it has become small it is taken into the sum, which would otherwise grow without end. float16 has no room
    for that: there it is taken in at once.
    """
    array, value = state[name], state.get(f"{name}_unit", 1.0) * beta
    if value < (2.0**-16 if array.itemsize > 2 else 1.0):
        np.multiply(array, array.dtype.type(value), out=array)
        value = 1.0
    state[f"{name}_unit"] = value
    return value


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

    def rule(self, group, state, dtype):
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
