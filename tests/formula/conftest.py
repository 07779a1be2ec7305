"""What several tests of formulas need."""

import numpy as np
import pytest

import tinygrad_nlp as tg


@pytest.fixture
def tensors():
    """``tensors(v_c=4, U=(6, 4))``: tensors of normal numbers that require grad, by name."""
    rng = np.random.default_rng(0)

    def make(**shapes):
        return [tg.Tensor(rng.normal(size=s), requires_grad=True, name=n) for n, s in shapes.items()]

    return make
