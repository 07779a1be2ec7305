"""Files written whole or not at all: beside their place, and put there when complete and on the disk.

A crash, a full disk or Ctrl-C leaves what was there before, and nothing beside it. Links stay links, an old file's
permissions stay, and every error of the system names the file that was asked for.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress


def write(path, content) -> None:
    """Make ``content``, bytes or text (written in UTF-8), the whole of the file ``path``. Raises as `stream` does."""
    content = content.encode() if isinstance(content, str) else content
    with stream(path) as out:
        out.write(content)


@contextmanager
def stream(path):
    """A stream of bytes; what the block writes to it becomes the file ``path`` when the block ends without an error.

    What cannot be replaced (a device, a named pipe, the file behind standard output) is written straight through.
    Raises IsADirectoryError for a folder, PermissionError for a file or folder that is not to be written, OSError
    where writing fails.
    """
    if _takes_what_comes(path):
        with named(path), open(path, "wb") as out:
            yield out
    else:
        with beside(path) as part, open(part, "wb") as out:
            yield out


@contextmanager
def beside(path):
    """The path of an empty file for the block to fill, which becomes ``path`` when the block ends without an error.

    For writers that open their file themselves. Raises as `stream` does, and OSError for a device or a named pipe:
    renaming over it would remove it.
    """
    path = os.fsdecode(path)
    target = os.path.realpath(path)
    # In the target's own folder: only there is replacing it a single step of the file system.
    folder, name = os.path.split(target)
    part = os.path.join(folder, f".{name[:40]}.{os.urandom(8).hex()}.part")
    with named(path, part, target):
        old = _mode(target)
        _refuse(path, old)
        try:
            with open(part, "xb") as new:
                mode = (os.fstat(new.fileno()).st_mode if old is None else old) & 0o777
            _set_mode(part, mode | 0o600)  # now, so that nobody reads a private file while it is being written
            yield part
            with open(part, "rb+") as whole:
                os.fsync(whole.fileno())
            _set_mode(part, mode)  # again: some writers (safetensors) make the file anew
            os.replace(part, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(part)
            raise
    _sync_folder(folder)


@contextmanager
def named(path, *others):
    """Give an OSError of the block that does not say of which file it is (a full disk) the name ``path``.

    others  names that stand for ``path`` within the block and are replaced by it
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, *others):
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None


def _mode(path):
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _set_mode(path, mode):
    if _mode(path) & 0o777 != mode:  # some file systems (FAT) have but one mode, and refuse to be asked
        os.chmod(path, mode)


def _refuse(path, mode):
    """Raise an OSError if ``path``, which has ``mode``, is nothing to be replaced."""
    if mode is None:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"cannot write {path}: it is a folder, not a file")
    if not stat.S_ISREG(mode):
        raise OSError(f"cannot write {path}: it is a {'pipe' if stat.S_ISFIFO(mode) else 'device'}, not a file")
    if not os.access(path, os.W_OK):  # a rename asks for the folder's permission alone
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def _takes_what_comes(path):
    """Whether ``path`` is a device, a pipe, or the file to which this program's output goes (/dev/stdout > file): what
    is printed later would be lost with the old file."""
    try:
        there = os.stat(path)
    except OSError:
        return False
    return not (stat.S_ISREG(there.st_mode) or stat.S_ISDIR(there.st_mode)) or any(
        os.path.samestat(there, output) for output in _outputs()
    )


def _outputs():
    for descriptor in (1, 2):
        with suppress(OSError):  # closed
            yield os.fstat(descriptor)


def _sync_folder(folder):
    """Make the new name last through a power cut, where folders can be synced (not on Windows)."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
