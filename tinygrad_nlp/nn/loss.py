"""Losses as modules, for models that keep theirs in an attribute; each calls the op of the like name.

``reduction`` is "mean", "sum" or "none" throughout: the result is a number, or with "none" one for each target.
Prediction and target have equal shapes, but where a loss says otherwise. Errors are the op's.
"""

from __future__ import annotations

import numpy as np

from .. import ops
from ..errors import OptionError, describe, explain
from ..tensor import Tensor
from .module import Module


class _Loss(Module):
    def __new__(cls, *arguments, **options):
        # Python's own message, "takes from 1 to 2 positional arguments", hides that two calls are needed.
        if len(arguments) > 1 and all(isinstance(a, (Tensor, np.ndarray, list)) for a in arguments):
            raise OptionError(
                explain(
                    cls.__name__,
                    got=", ".join(describe(a) for a in arguments) + " where the loss is made",
                    expected="its options there, and the data where it is called",
                    write=f"nn.{cls.__name__}()({', '.join(cls.forward.__code__.co_varnames[1:3])})",
                )
            )
        return super().__new__(cls)

    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def extra_repr(self):
        return f"reduction={self.reduction!r}"


class CrossEntropyLoss(_Loss):
    """Cross-entropy of softmax(logits) with class numbers or probabilities, in nats.

    logits: (…, C), target: (…) integers or (…, C) floats -> (), or (…) with reduction="none"
    weight (C,) is a factor per class, constant; targets equal to ``ignore_index`` do not count. PyTorch's
    ``ignore_index`` of −100 is not the default here: a target outside the classes is an error unless you name it.
    The classes are on the last axis, where PyTorch has them on axis 1 of three or more.
    """

    def __init__(self, weight=None, *, ignore_index=None, label_smoothing=0.0, reduction="mean"):
        super().__init__(reduction)
        self.weight, self.ignore_index, self.label_smoothing = weight, ignore_index, label_smoothing

    def forward(self, logits, target):
        return ops.cross_entropy(
            logits,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            reduction=self.reduction,
        )


class NLLLoss(_Loss):
    """−log p(target) for log-probabilities: log_probs (…, C), target (…) integers -> (), or (…) unreduced."""

    def __init__(self, weight=None, *, ignore_index=None, reduction="mean"):
        super().__init__(reduction)
        self.weight, self.ignore_index = weight, ignore_index

    def forward(self, log_probs, target):
        return ops.nll(log_probs, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """−t log σ(x) − (1 − t) log(1 − σ(x)), computed from the logits: finite where σ(x) rounds to 0 or 1.

    weight      factors of the terms, of a shape that broadcasts to the logits'
    pos_weight  factors of the first part of each term, broadcast likewise: above 1 for classes that are rare
    """

    def __init__(self, weight=None, *, pos_weight=None, reduction="mean"):
        super().__init__(reduction)
        self.weight, self.pos_weight = weight, pos_weight

    def forward(self, logits, target):
        return ops.bce_with_logits(logits, target, self.weight, self.pos_weight, reduction=self.reduction)


class MSELoss(_Loss):
    """(prediction − target)²."""

    def forward(self, prediction, target):
        return ops.mse(prediction, target, reduction=self.reduction)


class L1Loss(_Loss):
    """|prediction − target|."""

    def forward(self, prediction, target):
        return ops.l1(prediction, target, reduction=self.reduction)


class HuberLoss(_Loss):
    """d²/2 for |d| ≤ ``delta``, else delta (|d| − delta/2), with d = prediction − target."""

    def __init__(self, *, delta=1.0, reduction="mean"):
        super().__init__(reduction)
        self.delta = delta

    def forward(self, prediction, target):
        return ops.huber(prediction, target, delta=self.delta, reduction=self.reduction)
