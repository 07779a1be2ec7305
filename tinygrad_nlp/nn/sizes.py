"""The sizes a layer is made with, checked before an array of that size is asked for."""

from __future__ import annotations

import operator

from ..errors import OptionError, ShapeError, explain


def size(layer: str, name: str, value) -> int:
    """``value`` as an int: ints and NumPy's integers are taken.

    Raises OptionError, a TypeError, for anything else (4.0 and 10 / 2 are no sizes), ShapeError below 0.
    """
    try:
        whole = operator.index(value)
    except TypeError:
        fits = isinstance(value, float) and value.is_integer()
        raise OptionError(
            explain(
                f"{layer}: {name}",
                got=repr(value),
                expected="a whole number",
                write=f"{name}={int(value)}; // divides whole numbers, / makes a float" if fits else "",
            )
        ) from None
    if whole < 0:
        raise ShapeError(explain(f"{layer}: {name}", got=repr(value), expected="a number of at least 0"))
    return whole
