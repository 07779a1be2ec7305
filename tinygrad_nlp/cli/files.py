"""The files that commands write: refused before the work where they cannot be written."""

from __future__ import annotations

import os
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
