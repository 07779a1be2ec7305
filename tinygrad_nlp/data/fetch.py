"""Files from the network: resumed where they were cut, checked, and only then given their name.

What is being received lies beside its place as NAME.part and is renamed when it is whole and its checksum is right. So
a file that has its name is a file that can be used, whatever was interrupted; and two names never hold half a file.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from .. import written
from .text import DataError
from .treebanks import PARTS, SERVER, Treebank

TIMEOUT = 30  # seconds without a byte
ATTEMPTS = 4
"""How often a connection that is cut, or a server that is busy, is tried before it is given up."""
PAUSE = 1.0  # seconds before the second attempt, doubled before each further one
CHUNK = 1 << 16
CHECKSUMS = "SHA256SUMS"


class FetchError(DataError):
    """A file that could not be had: no network, no such file, a connection cut too often, a wrong checksum."""


class Interruption(Exception):
    """A connection that broke or a server that is busy: worth another attempt."""


def cache_folder() -> Path:
    """Where fetched files are kept: $XDG_CACHE_HOME, or the platform's folder for what can be had again."""
    asked = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(asked):  # the specification has relative ones ignored
        base = Path(asked)
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path.home() / ".cache"
    return base / "tinygrad-nlp"


def treebank_folder(name: str, treebank: Treebank, cache: Path | None = None) -> Path:
    """Where the files of a treebank are kept: one folder for each revision."""
    return (cache or cache_folder()) / "treebanks" / name / treebank.revision


def fetch_treebank(
    name: str,
    treebank: Treebank,
    *,
    parts=PARTS,
    server: str = SERVER,
    cache: Path | None = None,
    on_progress: Callable[[str, int, int, int | None], None] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Path]:
    """part -> file, fetched where it is not there yet.

    on_progress  called as (part, bytes there, bytes received now, bytes in all or None)
    say          called with what a user should know, a line each

    A file that is there is checked again, by its known checksum or by the one recorded when it was first fetched; a
    damaged one is fetched anew. Raises FetchError.
    """
    folder = treebank_folder(name, treebank, cache)
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for part in parts:
        target = folder / treebank.file(part)
        recorded = read_checksums(folder).get(target.name)
        expected = treebank.checksums.get(part) or recorded
        if target.exists():
            got = sha256(target)
            if got == (expected or got):
                say(f"{target.name}: already there, " + ("checksum right" if expected else _record(target, got)))
                found[part] = target
                continue
            say(f"{target.name}: the file there is damaged, its checksum is wrong; fetching it anew")

        def show(there, received, whole, part=part):
            if on_progress:
                on_progress(part, there, received, whole)

        got = download(treebank.url(part, server), target, expected, on_progress=show)
        checked = "checksum right" if expected else _record(target, got)
        say(f"{target.name}: {target.stat().st_size:,} bytes, {checked}")
        found[part] = target
    return found


def _record(target, digest):
    write_checksum(target.parent, target.name, digest)
    return f"no checksum is known for it, so this one is recorded in {CHECKSUMS} for the next time: {digest}"


def download(url: str, target: Path, expected: str | None = None, *, on_progress=None, attempts=ATTEMPTS) -> str:
    """Fetch ``url`` into ``target``; returns its SHA-256.

    expected     the SHA-256 it must have; None takes what comes
    on_progress  called as (bytes there, bytes received now, bytes in all or None)

    Raises FetchError. What was received until then stays in TARGET.part, and the next call goes on from there.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise FetchError(f"{url}: not an address that begins with http:// or https://")
    part = target.with_name(target.name + ".part")
    resumed = part.exists() and part.stat().st_size > 0
    _receive_all(url, part, expected is not None, on_progress, attempts)
    got = sha256(part)
    if expected and got != expected and resumed:  # the beginning may have been of another version, or damaged
        _forget(part)
        _receive_all(url, part, True, on_progress, attempts)
        got = sha256(part)
    if expected and got != expected:
        size = part.stat().st_size
        _forget(part)
        raise FetchError(f"{url}: wrong checksum, so it was not kept: {size:,} bytes with {got}, expected {expected}")
    os.replace(part, target)
    _validator_file(part).unlink(missing_ok=True)
    return got


def _receive_all(url, part, checked, on_progress, attempts):
    """`_receive` until all is there, or the attempts are used up; an attempt that brought something is not counted."""
    left, pause = attempts, PAUSE
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            return _receive(url, part, checked, on_progress)
        except Interruption as error:
            there = part.stat().st_size if part.exists() else 0
            left = attempts - 1 if there > before else left - 1
            if left <= 0:
                kept = f"; the {there:,} bytes received are kept, the same command goes on from there" if there else ""
                raise FetchError(f"{url}: {error}{kept}") from None
            time.sleep(pause if there <= before else 0)
            pause *= 2


def _receive(url, part, checked, on_progress):
    """One connection: from where ``part`` ends to the end of the file."""
    start, validator = (part.stat().st_size if part.exists() else 0), _validator(part)
    if start and not (checked or validator):
        # Neither the server nor a checksum could tell whether the beginning belongs to the same file.
        _forget(part)
        start = 0
    headers = {"User-Agent": "tinygrad-nlp", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator:
            headers["If-Range"] = validator  # another version is then sent whole
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and start and error.headers.get("Content-Range", "") == f"bytes */{start}":
                return  # it was all there
            if error.code == 416 and start:
                _forget(part)
                raise Interruption("the server has less of it than was received before") from None
            if error.code == 429 or error.code >= 500:
                raise Interruption(f"the server answers {error.code} {error.reason}") from None
            said = "there is no such file" if error.code in (404, 410) else f"the server answers {error.reason}"
            raise FetchError(f"{url}: {said} ({error.code})") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _unreachable(url, part, error) from None
    with answer:
        if start and answer.status == 206:
            whole = re.fullmatch(rf"bytes {start}-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
            if not whole:
                raise FetchError(f"{url}: the server sent another piece than the one asked for")
            total = int(whole[1]) if whole[1].isdigit() else None
        else:
            start = 0
            total = int(answer.headers.get("Content-Length") or 0) or None
        _remember(part, answer)
        with written.named(part), open(part, "ab" if start else "wb") as file:
            _copy(answer, file, start, total, on_progress)


def _copy(answer, file, start, total, on_progress):
    there = start
    while True:
        try:
            piece = answer.read1(CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise Interruption(f"the connection broke ({_reason(error)})") from None
        if not piece:
            break
        file.write(piece)
        there += len(piece)
        if on_progress:
            on_progress(there, there - start, total)
    if total is not None and there < total:
        raise Interruption(f"the connection broke after {there:,} of {total:,} bytes")


def _unreachable(url, part, error):
    host = urlsplit(url).netloc
    reason = getattr(error, "reason", error)
    if isinstance(error, (http.client.InvalidURL, UnicodeError)):
        return FetchError(f"{url}: not an address ({reason})")
    if isinstance(error, http.client.HTTPException) or isinstance(reason, (ConnectionResetError, BrokenPipeError)):
        return Interruption(f"the connection to {host} broke ({_reason(reason)})")
    return FetchError(
        f"{host} cannot be reached ({_reason(reason)}): is there a network? If there is none, fetch {url} elsewhere "
        f"and put it at {part.with_suffix('')}"
    )


def _reason(error):
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


# What the server calls this version of the file (its ETag, or its date) lies beside the part, so that a later call
# can ask for the rest of the same version and of no other.


def _validator_file(part):
    return part.with_name(part.name + ".version")


def _validator(part):
    try:
        return _validator_file(part).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _remember(part, answer):
    tag = answer.headers.get("ETag", "")
    # A weak tag promises an equal meaning, not equal bytes; If-Range does not take it.
    validator = tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")
    if validator and validator.isascii():
        _validator_file(part).write_text(validator, encoding="ascii")
    else:
        _validator_file(part).unlink(missing_ok=True)


def _forget(part):
    part.unlink(missing_ok=True)
    _validator_file(part).unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """The checksum of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def read_checksums(folder: Path) -> dict[str, str]:
    """File name -> SHA-256, as recorded in the folder; the format is that of the program sha256sum."""
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return {name.strip(): digest for digest, _, name in (line.partition("  ") for line in lines) if name}


def write_checksum(folder: Path, name: str, digest: str) -> None:
    """Record the checksum of a file."""
    known = {**read_checksums(folder), name: digest}
    written.write(folder / CHECKSUMS, "".join(f"{digest}  {name}\n" for name, digest in sorted(known.items())))
