"""``FILE.py:NAME``: a function or an op of the user's own file, for the commands that take one."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from contextlib import contextmanager
from pathlib import Path

ran: list[str] = []
"""The files run so far, as error messages name them: a line in one of them is the user's, and is shown."""


def is_place(text: str) -> bool:
    """True for what is meant as FILE.py:NAME, complete or not."""
    return ":" in text or text.endswith(".py")


@contextmanager
def named(place: str, kind: str = "function"):
    """What FILE.py:NAME names, and all that the file defines, by name; its folder can be imported from meanwhile.

    Runs the file, as ``python FILE.py`` would but for its main block. Raises FileNotFoundError; OptionError for a
    place without a name, a file that is not Python's, a name the file does not define.
    """
    from tinygrad_nlp import OptionError

    path, _, name = place.rpartition(":")
    if not path or not name or name.endswith(".py"):
        raise OptionError(f"{place}: name the {kind} too, as in {place.rstrip(':') or 'FILE.py'}:my_{_short(kind)}")
    file = Path(path)
    if not file.exists():
        raise FileNotFoundError(2, "no such file", path)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None:
        raise OptionError(f"{file} is no Python file; expected FILE.py:{kind}")
    module = importlib.util.module_from_spec(spec)
    ran.append(module.__file__)
    # As for a script: it may import its neighbours, and dataclasses look their module up among the imported ones.
    folder = str(file.resolve().parent)
    sys.path.insert(0, folder)
    own_name = sys.modules.setdefault(file.stem, module) is module
    try:
        spec.loader.exec_module(module)
        found = getattr(module, name, None)
        if not callable(found):
            held = [n for n, v in vars(module).items() if callable(v) and getattr(v, "__module__", "") == file.stem]
            raise OptionError(f"{file} has no {kind} {name!r}; it has {', '.join(held) or 'none'}")
        yield found, vars(module)
    finally:
        sys.path.remove(folder)
        if own_name:
            del sys.modules[file.stem]


def failure(error: Exception) -> str | None:
    """The traceback of an error in a file of the user's, from the first line of it on; None for one from elsewhere."""
    import traceback

    step = error.__traceback__
    while step is not None and step.tb_frame.f_code.co_filename not in ran:
        step = step.tb_next
    if step is None and not (isinstance(error, SyntaxError) and error.filename in ran):
        return None
    return "".join(traceback.format_exception(type(error), error, step)).rstrip()


def loss_of(function, place: str):
    """What ``function`` returns when called. Raises OptionError if it needs arguments, or that is no Tensor."""
    from tinygrad_nlp import OptionError, Tensor

    name = place.rpartition(":")[2]
    refuse_arguments(function, place)
    loss = function()
    if not isinstance(loss, Tensor):
        raise OptionError(f"{name}() returned {type(loss).__name__}; expected the loss, a Tensor")
    return loss


def refuse_arguments(function, place: str, expected="a function without, that returns the loss"):
    """Raise OptionError if ``function`` cannot be called without arguments."""
    from tinygrad_nlp import OptionError

    needed = ", ".join(_needed(function))
    if needed:
        raise OptionError(
            f"{place} needs arguments: {needed}; expected {expected}; "
            f"write one beside it: def my_loss(): return {place.rpartition(':')[2]}({needed})"
        )


def op_at(place: str):
    """The op that FILE.py:NAME names. Raises OptionError if it names something else."""
    from tinygrad_nlp import Op, OptionError

    with named(place, "op") as (found, _):
        if not isinstance(found, Op):
            raise OptionError(f"{place} is a {type(found).__name__}; expected an op: a class with @op above it")
        return found


def op_named(name: str, otherwise: str):
    """The op called so, or the one that FILE.py:NAME names. Raises OptionError with close names, or ``otherwise``."""
    from tinygrad_nlp import OptionError, registry

    if is_place(name):
        return op_at(name)
    if name not in registry:
        import difflib

        close = difflib.get_close_matches(name, registry, n=3)
        raise OptionError(f"no op {name!r}; " + (f"did you mean {', '.join(close)}?" if close else otherwise))
    return registry[name]


def _short(kind):
    return "loss" if kind == "function" else kind


def _needed(function):
    """Names of the parameters that a call without arguments would lack."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some functions written in C tell nothing
        return []
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in optional]
