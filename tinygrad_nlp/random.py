"""The one source of randomness: initial weights, dropout masks and samples draw from it unless given their own.

One seed makes a run repeatable, and the generator's state, saved and put back, lets an interrupted run continue
with the very numbers it would have drawn. The generator belongs to the process: threads that need repeatable
draws of their own should each hold a ``np.random.Generator`` and pass it as ``rng``.
"""

from __future__ import annotations

import numpy as np

from .errors import CheckpointError, DTypeError, explain


def _seeded(seed=None) -> np.random.Generator:
    # The fastest of NumPy's bit generators: a dropout mask takes three quarters of the time it takes PCG64.
    return np.random.Generator(np.random.SFC64(seed))


_default = None  # made when first asked for: NumPy's random module costs a tenth of NumPy's own import


def manual_seed(seed: int | None) -> np.random.Generator:
    """Start the default generator anew from ``seed``, or from the system's entropy if it is None; returns it.

    >>> from tinygrad_nlp.random import generator, manual_seed
    >>> first = manual_seed(7).normal(size=2)
    >>> bool((first == manual_seed(7).normal(size=2)).all())
    True
    """
    global _default
    _default = _seeded(seed)
    return _default


def generator(rng=None) -> np.random.Generator:
    """``rng`` if one is given, else the default generator.

    Raises DTypeError for anything but a ``np.random.Generator``: a seed passed at each call would draw the same
    numbers again and again.
    """
    if rng is None:
        return _default if _default is not None else manual_seed(None)
    if not isinstance(rng, np.random.Generator):
        raise DTypeError(
            explain("rng", got=repr(rng), expected="a np.random.Generator", write="rng=np.random.default_rng(seed)")
        )
    return rng


def get_state() -> dict:
    """The default generator's state: a nested dict of names, numbers and arrays, independent of later draws."""
    return generator().bit_generator.state


def set_state(state: dict) -> None:
    """Continue from a state that `get_state` gave.

    Raises CheckpointError if it is none, or one of a bit generator this NumPy does not have.
    """
    global _default
    try:
        if state["bit_generator"] != type(generator().bit_generator).__name__:
            _default = np.random.Generator(getattr(np.random, state["bit_generator"])())
        _default.bit_generator.state = state
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(
            explain(
                "random.set_state",
                got=f"a state that NumPy does not take ({error})",
                expected="what random.get_state() returned",
                write="manual_seed(seed) to start anew",
            )
        ) from None
