"""The files that commands write: refused before the work where they cannot be written, kept where nobody named them."""

from __future__ import annotations

import os
import sys
from itertools import count
from pathlib import Path


def refuse_unwritable(option: str, path: Path) -> None:
    """Raise DataError if a file cannot be written at ``path``, which was given as ``option``."""
    from tinygrad_nlp.data import DataError

    reason = None
    if path.is_dir():
        reason = "a folder"
    elif path.exists() and not path.is_file():
        reason = "no file, and what is written there cannot be read again"
    elif not path.parent.is_dir():
        reason = f"there is no folder {path.parent}"
    elif not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        reason = "not writable with your permissions"
    if reason:
        raise DataError(f"{option} {path}: {reason}")


def keep_old(path: Path, unless_named) -> None:
    """Move a file that a command would replace without having been told its name to ``path``.old, and say so; to
    ``path``.old2 and so on where that is taken.

    unless_named  what --out was given, or None: a name that was given is meant
    """
    if unless_named is None and path.exists():
        names = (path.with_name(f"{path.name}.old{'' if n == 1 else n}") for n in count(1))
        old = next(name for name in names if not name.exists())
        os.rename(path, old)
        print(f"note: there was a {path}; it is now {old}", file=sys.stderr)
