"""Files written whole or not at all: what stays when writing fails, permissions, and the words of errors."""

import errno
import os
import subprocess
import sys
import threading

import pytest

from tinygrad_nlp import written

posix = pytest.mark.skipif(os.name != "posix", reason="permissions and devices as POSIX has them")
full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_bytes(b"old")
    return path


def alone(path, content):
    return path.read_bytes() == content and os.listdir(path.parent) == [path.name]


def fill(path, content=b"new"):
    with written.beside(path) as part, open(part, "wb") as out:
        out.write(content)


# ---- what is written -------------------------------------------------------------------------


@pytest.mark.parametrize("content, expected", [("ä\n", b"\xc3\xa4\n"), (b"\r\n\0", b"\r\n\0"), ("", b"")])
def test_content_is_all_there_is_in_a_new_file_and_in_an_old_one(tmp_path, content, expected):
    for _ in range(2):
        written.write(tmp_path / "x", content)
        assert alone(tmp_path / "x", expected)
        (tmp_path / "x").write_bytes(b"something longer")


def test_the_old_file_is_there_until_the_block_ends(old):
    with written.stream(old) as out:
        out.write(b"new" * 100_000)
        assert old.read_bytes() == b"old"
    assert alone(old, b"new" * 100_000)
    with written.beside(old) as part:
        assert os.path.dirname(part) == str(old.parent) and os.path.getsize(part) == 0
        with open(part, "wb") as out:
            out.write(b"newer")
        assert old.read_bytes() != b"newer"
    assert alone(old, b"newer")


def test_paths_of_every_kind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    long = "ä" * 125 + ".txt"  # 254 bytes, one fewer than a name may have
    for path in ("relative", tmp_path / "path", os.fsencode(tmp_path / "bytes"), long):
        written.write(path, "x")
    assert sorted(os.listdir()) == sorted(["bytes", "path", "relative", long])


def test_a_writer_may_make_the_file_anew(old):
    old.chmod(0o640)
    with written.beside(old) as part:
        os.unlink(part)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(handle, b"anew")
        os.close(handle)
    assert alone(old, b"anew") and (os.name != "posix" or old.stat().st_mode & 0o777 == 0o640)


@posix
def test_a_link_stays_a_link(old, tmp_path):
    link, dangling = tmp_path / "link", tmp_path / "dangling"
    link.symlink_to(old.name)
    dangling.symlink_to("other")
    written.write(link, "new")
    written.write(dangling, "made")
    assert link.is_symlink() and old.read_bytes() == b"new"
    assert dangling.is_symlink() and (tmp_path / "other").read_bytes() == b"made"


# ---- permissions -----------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("mask, mode", [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_usual_permissions(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        written.write(tmp_path / "x", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == mode


@posix
def test_an_old_file_keeps_its_permissions_and_a_private_one_is_private_meanwhile(old):
    for mode in (0o600, 0o666, 0o755):
        old.chmod(mode)
        with written.beside(old) as part:
            assert os.stat(part).st_mode & 0o777 == mode
        assert old.stat().st_mode & 0o777 == mode


@posix
def test_a_write_protected_file_is_not_replaced(old, monkeypatch):
    old.chmod(0o444)
    link = old.parent / "link"
    link.symlink_to(old.name)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    for path in (old, link):
        with pytest.raises(PermissionError) as caught:
            written.write(path, "new")
        assert caught.value.filename == str(path) and old.read_bytes() == b"old"
    assert sorted(os.listdir(old.parent)) == [old.name, "link"]


# ---- failures --------------------------------------------------------------------------------


def broken_off(writer, path, error):
    with writer(path) as half:
        if writer is written.stream:
            half.write(b"half" * 10_000)
        raise error


@pytest.mark.parametrize("writer", [written.stream, written.beside])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError("a word"), OSError("no number")])
def test_what_interrupts_the_block_leaves_the_old_file_and_nothing_else(old, writer, error):
    with pytest.raises(type(error) if isinstance(error, Exception) else error) as caught:
        broken_off(writer, old, error)
    assert alone(old, b"old")
    assert caught.value is error or isinstance(error, type)
    old.unlink()
    with pytest.raises(KeyboardInterrupt), writer(old):
        raise KeyboardInterrupt
    assert os.listdir(old.parent) == []


@pytest.mark.parametrize("where", ["fsync", "replace", pytest.param("chmod", marks=posix)])
@pytest.mark.parametrize("number, kind", [(errno.ENOSPC, OSError), (errno.EACCES, PermissionError)])
def test_an_error_of_the_system_names_the_file_and_changes_nothing(old, monkeypatch, where, number, kind):
    def failing(path, *_):
        # os.fsync gives no file, os.replace and os.chmod the one beside.
        raise OSError(number, os.strerror(number), *([path] if where != "fsync" else []))

    old.chmod(0o640)
    monkeypatch.setattr(os, where, failing)
    with pytest.raises(kind) as caught:
        fill(old)
    monkeypatch.undo()
    assert str(caught.value) == f"[Errno {number}] {os.strerror(number)}: {str(old)!r}"
    assert caught.value.filename == str(old) and alone(old, b"old")


def test_a_full_disk_within_the_block_names_the_file_as_it_was_asked_for(old, monkeypatch):
    monkeypatch.chdir(old.parent)
    for name in ("kept.txt", os.path.join(".", "kept.txt")):
        with pytest.raises(OSError, match="No space left") as caught, written.stream(name):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        assert caught.value.filename == name and alone(old, b"old")


def test_an_error_of_another_file_keeps_its_name(old, tmp_path):
    with pytest.raises(FileNotFoundError) as caught, written.stream(old):
        (tmp_path / "another").read_bytes()
    assert caught.value.filename == str(tmp_path / "another") and alone(old, b"old")


def test_a_folder_that_is_not_there_is_named(tmp_path, old, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nowhere, below = os.path.join("no", "x"), os.path.join(old.name, "x")
    for path in (tmp_path / nowhere, nowhere, below):
        with pytest.raises((FileNotFoundError, NotADirectoryError)) as caught:
            written.write(path, "x")
        assert caught.value.filename == str(path)
    assert alone(old, b"old")


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    for writer in (written.stream, written.beside):
        with pytest.raises(IsADirectoryError) as caught, writer(tmp_path / "folder"):
            raise AssertionError("entered")
        assert str(caught.value) == f"cannot write {tmp_path / 'folder'}: it is a folder, not a file"
    assert os.listdir(tmp_path) == ["folder"]


def test_text_that_has_no_bytes_changes_nothing(old):
    with pytest.raises(UnicodeEncodeError):
        written.write(old, "half\udc00")
    assert alone(old, b"old")


# ---- what is no file -------------------------------------------------------------------------


@posix
def test_devices_and_pipes_are_written_through_but_never_replaced(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    written.write(pipe, "through")
    reader.join(10)
    written.write(os.devnull, "gone")
    assert read == [b"through"] and pipe.is_fifo() and not os.path.isfile(os.devnull)
    for path, kind in ((pipe, "pipe"), (os.devnull, "device")):
        with pytest.raises(OSError, match=f"cannot write {path}: it is a {kind}, not a file"), written.beside(path):
            raise AssertionError("entered")
    assert os.listdir(tmp_path) == ["pipe"]


@full
def test_a_full_device_is_named(tmp_path):
    (tmp_path / "link").symlink_to("/dev/full")
    with pytest.raises(OSError) as caught:
        written.write(tmp_path / "link", "x")
    assert caught.value.filename == str(tmp_path / "link") and caught.value.errno == errno.ENOSPC


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="no /dev/stdout here")
def test_the_file_behind_standard_output_goes_on_taking_what_is_printed(tmp_path):
    code = "from tinygrad_nlp import written; written.write('/dev/stdout', 'one '); print('two')"
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    with open(tmp_path / "out", "ab") as out:
        subprocess.run([sys.executable, "-c", code], env=environment, stdout=out, check=True)
    assert alone(tmp_path / "out", b"one two\n")


def test_only_errors_without_a_name_are_named():
    with pytest.raises(BrokenPipeError, match="a place"), written.named("a place"):
        raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))
    with pytest.raises(OSError, match="^words$"), written.named("a place"):
        raise OSError("words")
    with pytest.raises(KeyError), written.named("a place"):
        raise KeyError
