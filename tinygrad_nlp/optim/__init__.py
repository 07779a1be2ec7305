"""Optimizers, schedules of their learning rates, and clipping; PyTorch's semantics where the names are PyTorch's."""

from .adam import Adam, AdamAsWritten, AdamW
from .adaptive import Adagrad, RMSprop
from .averaging import ExponentialAverage
from .clip import clip_grad_norm_, clip_grad_value_
from .optimizer import Optimizer
from .schedule import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    Schedule,
    SequentialLR,
    StepLR,
    warmup_cosine,
)
from .sgd import SGD, HeavyBall, Nesterov, RollingMomentum

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamAsWritten",
    "AdamW",
    "CosineAnnealingLR",
    "ExponentialAverage",
    "ExponentialLR",
    "HeavyBall",
    "LambdaLR",
    "LinearLR",
    "Nesterov",
    "Optimizer",
    "RMSprop",
    "RollingMomentum",
    "Schedule",
    "SequentialLR",
    "StepLR",
    "clip_grad_norm_",
    "clip_grad_value_",
    "warmup_cosine",
]


def __getattr__(name):
    from ..hints import attribute_error

    raise attribute_error("optim", name)
