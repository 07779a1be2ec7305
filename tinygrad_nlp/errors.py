"""The errors a user meets, each saying what was asked, where, what came, what was expected and what to write.

Every class also derives from the built-in exception that a NumPy or PyTorch user would catch, so
``except ValueError`` keeps working.
"""

from __future__ import annotations

import os
import sys

import numpy

__all__ = [
    "AnomalyError",
    "CheckpointError",
    "DTypeError",
    "GradientError",
    "IndexRangeError",
    "OptionError",
    "ShapeError",
    "StaleValueError",
    "TinygradError",
]

# os.path, as NumPy has it loaded already; pathlib would be one module more at import.
_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_LIBRARY = (
    _PACKAGE + os.sep,
    os.path.join(os.path.dirname(_PACKAGE), "models") + os.sep,
    os.path.join(os.path.dirname(_PACKAGE), "visualize") + os.sep,
    # np.mean([tensor, tensor]) asks each for an array deep inside NumPy: that line would tell its author nothing.
    os.path.dirname(os.path.abspath(numpy.__file__)) + os.sep,
    "<frozen ",  # the interpreter's own: importlib, and runpy, which starts ``python -m``
)


class TinygradError(Exception):
    """Base of every error this package raises on purpose."""


class ShapeError(TinygradError, ValueError):
    """Shapes or axes that do not fit the operation."""


class DTypeError(TinygradError, TypeError):
    """A dtype or a kind of value the operation cannot take."""


class IndexRangeError(TinygradError, IndexError):
    """An index outside the axis it selects from."""


class GradientError(TinygradError, RuntimeError):
    """A gradient that does not exist, or can no longer be computed."""


class StaleValueError(GradientError):
    """A value that backward needs was changed in place after the forward pass."""


class AnomalyError(TinygradError, ArithmeticError):
    """NaN or Inf found while ``detect_anomaly()`` was on."""


class OptionError(TinygradError, TypeError):
    """An argument the operation does not know, or one it needs and did not get."""


class CheckpointError(TinygradError, ValueError):
    """A checkpoint that is damaged, foreign, or made for another model."""


def kind_of(error: Exception) -> type[TinygradError]:
    """The class to raise instead of an error of NumPy's: for an index, for a dtype, else for a shape."""
    if isinstance(error, IndexError):
        return IndexRangeError
    return DTypeError if isinstance(error, TypeError) else ShapeError


def explain(asked: str, *, got: str, expected: str, write: str = "", where: str = "") -> str:
    """Join the five parts of an error into one message, in the order a reader needs them.

    ``where`` defaults to the first line outside this package that led here, so a message
    names the user's own line even when a layer, or a function of NumPy, called the op.
    """
    where = where or user_line()
    parts = [f"{asked}: {got}; expected {expected}"]
    if write:
        parts.append(f"  write instead: {write}")
    if where:
        parts.append(f"  at {where}")
    return "\n".join(parts)


def user_line(skip: int = 1) -> str:
    """``file:line in function`` of the innermost caller outside this package and NumPy, or '' if there is none."""
    frame = sys._getframe(skip)
    while frame is not None:
        code = frame.f_code
        if not is_library_code(code.co_filename):
            return f"{code.co_filename}:{frame.f_lineno} in {code.co_name}"
        frame = frame.f_back
    return ""


def is_library_code(filename: str) -> bool:
    """True for source files of this package, including models/ and visualize/ of a checkout, of NumPy, and for what is
    frozen into the interpreter.
    """
    return filename.startswith(_LIBRARY)


def describe(value, name: str = "") -> str:
    """``name (3, 4) float32`` for arrays and tensors, the repr for everything else."""
    shape = getattr(value, "shape", None)
    label = name or getattr(value, "name", None) or ""
    if shape is None:
        text = repr(value)
        return f"{label} = {text}" if label else (text if len(text) < 60 else text[:57] + "...")
    return f"{label} {tuple(shape)} {value.dtype}".strip()
