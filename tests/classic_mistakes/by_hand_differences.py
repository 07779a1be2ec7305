"""Gradients taken by differences in float32: no mistake in them, only noise."""

import numpy as np

from tests.classic_mistakes.by_hand_networks import ATTENTION, attention_loss
from tests.classic_mistakes.by_hand_words import SKIPGRAM, naive_softmax_loss
from tests.classic_mistakes.records import by_hand
from tinygrad_nlp import Tensor


def differences(loss, argument):
    """The gradient of ``loss`` in its first argument, as a student takes it who does not know of float64."""

    def gradients(*arrays):
        at = [np.asarray(a, np.float32) for a in arrays]
        step = np.float32(1e-3)

        def value(x):
            return np.float32(loss(Tensor(x), *[Tensor(a) for a in at[1:]]).data)

        back = np.zeros(at[0].shape, np.float32)
        for place in np.ndindex(back.shape):
            up, down = at[0].copy(), at[0].copy()
            up[place] += step
            down[place] -= step
            back[place] = (value(up) - value(down)) / (2 * step)
        return {argument: back}

    return lambda _: gradients


SLIP, KIND = "differences in float32", "precision"
by_hand("skip-gram", naive_softmax_loss, differences(naive_softmax_loss, "v"), SKIPGRAM, (SLIP, "v", KIND))
by_hand("attention", attention_loss, differences(attention_loss, "q"), ATTENTION, (SLIP, "q", KIND))
