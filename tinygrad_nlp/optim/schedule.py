"""Learning rates that change: each schedule is a formula of the number of steps taken.

Made with an optimizer, a schedule remembers each group's learning rate as the base; ``step()``, called after the
optimizer's, sets the rate for the next. PyTorch computes some rates from the last one; here every rate is
computed from the base and the count, so it depends on nothing that happened in between and resumes exactly. Where a
loop also assigns to ``group["lr"]`` by hand, the schedule's next step overwrites it.
"""

from __future__ import annotations

import math
from bisect import bisect_right

from ..errors import CheckpointError, OptionError, explain


class Schedule:
    """Base of the schedules; a subclass gives `rate`.

    optimizer   whose groups' "lr" is set, at once and at each step
    last_epoch  how many steps are done; -1 to start, as in PyTorch (the first rate is set when made)
    """

    def __init__(self, optimizer, last_epoch=-1):
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self.step()

    def rate(self, base_lr: float, t: int, group: int) -> float:
        """The learning rate after ``t`` steps for the group with that number, which began with ``base_lr``."""
        raise NotImplementedError

    def step(self) -> None:
        """Count one step and set the rates for the next."""
        self.last_epoch += 1
        for number, (group, base_lr) in enumerate(zip(self.optimizer.param_groups, self.base_lrs)):
            group["lr"] = self.rate(base_lr, self.last_epoch, number)

    def get_last_lr(self) -> list[float]:
        """The rates now in force, one per group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict:
        """The count and the base rates. What the schedule was made with is not saved: make it the same way."""
        return {"kind": type(self).__name__, "last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state: dict) -> None:
        """Continue from what `state_dict` returned. The rates in force are the optimizer's, and loaded with it.

        Raises CheckpointError if the state is of another kind of schedule or another number of groups.
        """
        self.last_epoch, self.base_lrs = self._fit(state)
        for group, base_lr in zip(self.optimizer.param_groups, self.base_lrs):
            group["initial_lr"] = base_lr

    def _fit(self, state):
        kind = state.get("kind") if isinstance(state, dict) else type(state).__name__
        groups = len(state.get("base_lrs", ())) if isinstance(state, dict) else 0
        if kind != type(self).__name__ or groups != len(self.base_lrs):
            raise CheckpointError(
                explain(
                    f"load_state_dict of {type(self).__name__}",
                    got=f"the state of {kind} for {groups} groups",
                    expected=f"that of {type(self).__name__} for {len(self.base_lrs)}",
                    write="a schedule made as the saved one was",
                )
            )
        return state["last_epoch"], list(state["base_lrs"])


class LambdaLR(Schedule):
    """base · f(t), with ``lr_lambda`` the function f of t, or a list of one function per group.

    A linear decay over n steps: ``LambdaLR(optimizer, lambda t: max(0, 1 - t / n))``.
    """

    def __init__(self, optimizer, lr_lambda, last_epoch=-1):
        groups = len(optimizer.param_groups)
        self.lr_lambdas = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * groups
        if len(self.lr_lambdas) != groups:
            raise OptionError(
                explain(
                    "LambdaLR", got=f"{len(self.lr_lambdas)} functions", expected=f"one for each of {groups} groups"
                )
            )
        super().__init__(optimizer, last_epoch)

    def rate(self, base_lr, t, group):
        return base_lr * self.lr_lambdas[group](t)


class StepLR(Schedule):
    """base · gamma^⌊t / step_size⌋: constant, with a drop every ``step_size`` steps."""

    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        _at_least_one("StepLR: step_size", step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base_lr, t, group):
        return base_lr * self.gamma ** (t // self.step_size)


class ExponentialLR(Schedule):
    """base · gamma^t."""

    def __init__(self, optimizer, gamma, last_epoch=-1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base_lr, t, group):
        return base_lr * self.gamma**t


class LinearLR(Schedule):
    """From base · start_factor to base · end_factor in ``total_iters`` even steps, then constant.

    With the defaults a warmup; with ``start_factor=1, end_factor=1e-4`` word2vec's linear decay.
    """

    def __init__(self, optimizer, start_factor=1 / 3, end_factor=1.0, total_iters=5, last_epoch=-1):
        _at_least_one("LinearLR: total_iters", total_iters)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, base_lr, t, group):
        done = min(t, self.total_iters) / self.total_iters
        return base_lr * (self.start_factor + (self.end_factor - self.start_factor) * done)


class CosineAnnealingLR(Schedule):
    """η + (base − η)(1 + cos(πt / T_max)) / 2 with η = ``eta_min``: half a cosine down, and up again if stepped on.

    Source: Loshchilov & Hutter 2017, "SGDR: Stochastic gradient descent with warm restarts", Eq 5, without restarts.
    """

    def __init__(self, optimizer, T_max, eta_min=0.0, last_epoch=-1):
        _at_least_one("CosineAnnealingLR: T_max", T_max)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, base_lr, t, group):
        return self.eta_min + (base_lr - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2


class SequentialLR(Schedule):
    """One schedule after another: the k-th rules from step ``milestones[k-1]`` on, counting from there.

    ``SequentialLR(opt, [LinearLR(opt, 0.01, total_iters=100), CosineAnnealingLR(opt, 900)], milestones=[100])``
    is a warmup of 100 steps and a decay over the 900 that follow.
    """

    def __init__(self, optimizer, schedulers, milestones, last_epoch=-1):
        if len(milestones) != len(schedulers) - 1 or any(s.optimizer is not optimizer for s in schedulers):
            raise OptionError(
                explain(
                    "SequentialLR",
                    got=f"{len(schedulers)} schedules and {len(milestones)} milestones",
                    expected="schedules of this very optimizer and one milestone between each two",
                )
            )
        self.schedulers, self.milestones = list(schedulers), list(milestones)
        super().__init__(optimizer, last_epoch)

    def rate(self, base_lr, t, group):
        now = bisect_right(self.milestones, t)
        return self.schedulers[now].rate(base_lr, t - self.milestones[now - 1] if now else t, group)


def warmup_cosine(optimizer, warmup_steps, total_steps, start_factor=0.01, eta_min=0.0) -> Schedule:
    """Linear from base · start_factor to base in ``warmup_steps``, then half a cosine down to ``eta_min``.

    The first steps of the adaptive optimizers rest on few gradients; a small rate lets their averages settle.
    """
    return SequentialLR(
        optimizer,
        [
            LinearLR(optimizer, start_factor, 1.0, warmup_steps),
            CosineAnnealingLR(optimizer, total_steps - warmup_steps, eta_min),
        ],
        [warmup_steps],
    )


def _at_least_one(what, value):
    if not value >= 1:
        raise OptionError(explain(what, got=repr(value), expected="a number of steps >= 1"))
