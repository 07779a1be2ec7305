"""Dropout as a module, which knows whether it is training."""

from __future__ import annotations

from .. import ops
from ..errors import OptionError, explain
from .module import Module


class Dropout(Module):
    """In training, each element is 0 with probability ``p`` and the rest is scaled by 1/(1 − p); else nothing happens.

    x: any shape -> same. ``rng`` is a generator of its own for the masks, by default the one `manual_seed` seeds.
    Why the scaling, and why not in evaluation: 002 §2.4; `ops.dropout` has the derivation.

    Raises OptionError unless 0 <= p < 1.
    """

    def __init__(self, p=0.5, rng=None):
        if not 0 <= p < 1:
            raise OptionError(
                explain(
                    "Dropout", got=f"p = {p!r}", expected="a probability of dropping with 0 <= p < 1 (p = 1 drops all)"
                )
            )
        self.p, self.rng = p, rng

    def forward(self, x):
        return ops.dropout(x, self.p, training=self.training, rng=self.rng)

    def extra_repr(self):
        return f"p={self.p}"
