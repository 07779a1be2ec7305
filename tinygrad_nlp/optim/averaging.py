"""Averages of parameters over the steps of a training, which often do better than the last values.

Near the end of a training the parameters jump about a good place, by the noise of the batches; their average lies
nearer to it, as if the learning rate had been lowered further. The training itself does not notice: the averages
are kept beside the parameters and put in their place to score or to save. Source: Polyak & Juditsky 1992,
"Acceleration of stochastic approximation by averaging"; the exponential form and its beginning are TensorFlow's.
"""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from ..errors import CheckpointError, OptionError, describe, explain
from .blocks import Blocks


class ExponentialAverage:
    """a ← d a + (1 − d) p after every step, for each parameter p.

    parameters  as for an optimizer: ``model.parameters()``
    decay       d: about the last 1 / (1 − d) steps count. At the beginning it is smaller, (1 + t) / (10 + t) after t
                steps, so that the random values at the start are soon forgotten

    Call ``update()`` after ``optimizer.step()``; ``with average.applied():`` the parameters hold the averages.
    """

    def __init__(self, parameters, decay: float = 0.999):
        if not 0 <= decay < 1:
            raise OptionError(
                explain("ExponentialAverage: decay", got=repr(decay), expected="0 <= decay < 1: a share of the past")
            )
        self.parameters, self.decay, self.steps = list(parameters), float(decay), 0
        if not self.parameters:
            raise OptionError(explain("ExponentialAverage", got="no parameters", expected="model.parameters()"))
        self.averages = [np.array(p.data, order="C") for p in self.parameters]
        self._applied = False
        self._blocks = Blocks()

    def update(self) -> None:
        """Take the parameters' present values into the averages. Raises OptionError within `applied`."""
        if self._applied:
            raise OptionError(
                explain("ExponentialAverage.update()", got="parameters that hold the averages", expected="a step's")
            )
        self.steps += 1
        share = 1.0 - min(self.decay, (1 + self.steps) / (10 + self.steps))

        def approach(a, p, q):
            np.subtract(p, a, out=q)
            np.multiply(q, share, out=q)
            np.add(a, q, out=a)

        for parameter, average in zip(self.parameters, self.averages):
            self._blocks.run(approach, parameter.data, [average])

    def swap(self) -> None:
        """Exchange the parameters' values and the averages; a second call puts them back."""
        for i, parameter in enumerate(self.parameters):
            parameter.data, self.averages[i] = self.averages[i], parameter.data
        self._applied = not self._applied

    @contextmanager
    def applied(self):
        """The parameters hold the averages; afterwards their own values again."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def state_dict(self) -> dict:
        """The count and copies of the averages, in the parameters' order."""
        arrays = [p.data for p in self.parameters] if self._applied else self.averages
        return {"steps": self.steps, "averages": [np.array(array) for array in arrays]}

    def load_state_dict(self, state: dict) -> None:
        """Continue from what `state_dict` returned. Raises CheckpointError if it is of other parameters."""
        try:
            steps, arrays = state["steps"], [np.asarray(array) for array in state["averages"]]
        except (KeyError, TypeError):
            raise self._misfit(type(state).__name__, "what state_dict() returned") from None
        if [array.shape for array in arrays] != [p.shape for p in self.parameters]:
            raise self._misfit(
                ", ".join(describe(array) for array in arrays), ", ".join(describe(p) for p in self.parameters)
            )
        if self._applied:
            self.swap()
        self.steps = steps
        self.averages = [np.array(array, p.dtype, order="C") for array, p in zip(arrays, self.parameters)]

    def _misfit(self, got, expected):
        return CheckpointError(explain("load_state_dict of ExponentialAverage", got=got, expected=expected))
