"""Fetching from a server on loopback that cuts connections, sends the wrong thing, or is not there."""

import errno
import hashlib
import os
import socket
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from tinygrad_nlp.data import DataError, fetch
from tinygrad_nlp.data.fetch import FetchError, cache_folder, download, fetch_treebank, treebank_folder
from tinygrad_nlp.data.treebanks import PARTS, SERVER, TREEBANKS, Treebank, treebank_named

BODY = np.random.default_rng(0).bytes(300_000)
SUM = hashlib.sha256(BODY).hexdigest()


class Site:
    """What the server has and how it behaves; ``asked`` is the list of (path, Range, If-Range) it was asked for.

    cuts      after how many bytes the connections are cut, one number a connection; then none is
    statuses  answers instead of the file, one a connection
    ranges    whether it knows Range at all; ``shift``: by how much it mistakes the beginning of a piece
    tag       the file's ETag; ``lengths``: whether it says how long files are
    """

    def __init__(self):
        self.files, self.cuts, self.statuses, self.asked = {}, [], [], []
        self.ranges, self.tag, self.lengths, self.shift = True, '"one"', True, 0


def handler(site):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            wanted, condition = self.headers.get("Range"), self.headers.get("If-Range")
            site.asked.append((self.path, wanted, condition))
            if site.statuses:
                self.send_error(site.statuses.pop(0))
                return
            if self.path not in site.files:
                self.send_error(404)
                return
            body, start = site.files[self.path], 0
            if wanted and site.ranges and (condition is None or condition == site.tag):
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if start >= len(body):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(body)}")
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start + site.shift}-{len(body) - 1}/{len(body)}")
            else:
                self.send_response(200)
            if site.tag:
                self.send_header("ETag", site.tag)
            if site.lengths:
                self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            rest = body[start:]
            self.wfile.write(rest[: site.cuts.pop(0)] if site.cuts else rest)

        def log_message(self, *arguments):
            pass

    return Handler


@contextmanager
def serving(site):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(site))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setattr(fetch, "PAUSE", 0.0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    found = Site()
    found.files["/file"] = BODY
    with serving(found) as found.url:
        yield found


def ranges(site):
    return [asked[1] for asked in site.asked]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_and_alone(site, tmp_path):
    seen = []
    assert download(f"{site.url}/file", tmp_path / "f", SUM, on_progress=lambda *told: seen.append(told)) == SUM
    assert (tmp_path / "f").read_bytes() == BODY and names(tmp_path) == ["f"] and ranges(site) == [None]
    assert seen[-1] == (len(BODY), len(BODY), len(BODY)) and [s[0] for s in seen] == sorted(s[0] for s in seen)


def test_while_it_arrives_it_has_another_name(site, tmp_path):
    target, seen = tmp_path / "f", []
    download(f"{site.url}/file", target, SUM, on_progress=lambda *_: seen.append(target.exists()))
    assert seen and not any(seen) and target.exists()


@pytest.mark.parametrize("expected", [SUM, None])
def test_a_cut_connection_is_taken_up_where_it_was_cut(site, tmp_path, expected):
    site.cuts = [100_000, 50_000, 1]
    assert download(f"{site.url}/file", tmp_path / "f", expected) == SUM
    assert ranges(site) == [None, "bytes=100000-", "bytes=150000-", "bytes=150001-"]
    assert {asked[2] for asked in site.asked[1:]} == {'"one"'} and names(tmp_path) == ["f"]


def test_after_too_many_cuts_the_part_is_kept_and_the_next_call_goes_on(site, tmp_path):
    site.cuts = [100_000, 0, 0, 0, 0]
    with pytest.raises(FetchError) as caught:
        download(f"{site.url}/file", tmp_path / "f", SUM)
    assert str(caught.value) == (
        f"{site.url}/file: the connection broke after 100,000 of 300,000 bytes; the 100,000 bytes received are kept, "
        "the same command goes on from there"
    )
    assert names(tmp_path) == ["f.part", "f.part.version"]
    site.cuts, site.asked = [], []
    assert download(f"{site.url}/file", tmp_path / "f", SUM) == SUM
    assert ranges(site) == ["bytes=100000-"] and names(tmp_path) == ["f"]


def test_an_interrupt_keeps_what_was_received(site, tmp_path):
    def interrupt(there, received, whole):
        if there > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(f"{site.url}/file", tmp_path / "f", SUM, on_progress=interrupt)
    kept = (tmp_path / "f.part").stat().st_size
    assert kept > 100_000 and not (tmp_path / "f").exists()
    assert download(f"{site.url}/file", tmp_path / "f", SUM) == SUM and ranges(site)[1] == f"bytes={kept}-"


def test_another_version_is_not_joined_to_the_first_half_of_the_old_one(site, tmp_path):
    site.cuts = [100_000, 0, 0, 0, 0]
    with pytest.raises(FetchError):
        download(f"{site.url}/file", tmp_path / "f")
    site.files["/file"], site.tag, site.cuts = BODY[::-1], '"two"', []
    download(f"{site.url}/file", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY[::-1]


def test_without_a_version_or_a_checksum_to_tell_by_it_begins_anew(site, tmp_path):
    site.tag, site.cuts = None, [100_000]
    assert download(f"{site.url}/file", tmp_path / "f") == SUM and ranges(site) == [None, None]
    site.cuts, site.asked = [100_000], []
    assert download(f"{site.url}/file", tmp_path / "g", SUM) == SUM and ranges(site) == [None, "bytes=100000-"]


def test_a_server_without_ranges_sends_all_of_it_again(site, tmp_path):
    site.ranges, site.cuts = False, [100_000]
    assert download(f"{site.url}/file", tmp_path / "f", SUM) == SUM
    assert (tmp_path / "f").read_bytes() == BODY and ranges(site) == [None, "bytes=100000-"]


def test_a_whole_part_that_was_not_renamed_yet_is_not_fetched_again(site, tmp_path):
    (tmp_path / "f.part").write_bytes(BODY)
    received = []
    assert download(f"{site.url}/file", tmp_path / "f", SUM, on_progress=lambda *told: received.append(told)) == SUM
    assert received == [] and names(tmp_path) == ["f"]


@pytest.mark.parametrize("left", [b"x" * 1000, BODY + b"more"])
def test_a_damaged_part_costs_one_more_fetch(site, tmp_path, left):
    (tmp_path / "f.part").write_bytes(left)
    assert download(f"{site.url}/file", tmp_path / "f", SUM) == SUM and names(tmp_path) == ["f"]


def test_a_wrong_checksum_is_said_and_nothing_is_kept(site, tmp_path):
    (tmp_path / "f").write_bytes(b"what was there before")
    with pytest.raises(FetchError) as caught:
        download(f"{site.url}/file", tmp_path / "f", "0" * 64)
    said = f"wrong checksum, so it was not kept: 300,000 bytes with {SUM}, expected {'0' * 64}"
    assert str(caught.value) == f"{site.url}/file: {said}"
    assert names(tmp_path) == ["f"] and (tmp_path / "f").read_bytes() == b"what was there before"


def test_a_file_that_is_not_there_is_not_asked_for_twice(site, tmp_path):
    with pytest.raises(FetchError) as caught:
        download(f"{site.url}/other", tmp_path / "f")
    assert str(caught.value) == f"{site.url}/other: there is no such file (404)"
    assert len(site.asked) == 1 and names(tmp_path) == []


def test_a_busy_server_is_asked_again_a_few_times(site, tmp_path):
    site.statuses = [503, 429]
    assert download(f"{site.url}/file", tmp_path / "f", SUM) == SUM
    site.statuses, site.asked = [503] * 9, []
    with pytest.raises(FetchError, match="/file: the server answers 503 Service Unavailable$"):
        download(f"{site.url}/file", tmp_path / "g", SUM)
    assert len(site.asked) == fetch.ATTEMPTS and names(tmp_path) == ["f"]


def test_a_server_that_refuses_is_quoted(site, tmp_path):
    site.statuses = [403]
    with pytest.raises(FetchError, match=r"/file: the server answers Forbidden \(403\)"):
        download(f"{site.url}/file", tmp_path / "f", SUM)


def test_no_length_is_no_fault(site, tmp_path):
    site.lengths = False
    seen = []
    assert download(f"{site.url}/file", tmp_path / "f", SUM, on_progress=lambda *told: seen.append(told)) == SUM
    assert seen[-1] == (len(BODY), len(BODY), None)


def nobody():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{held.getsockname()[1]}"


def test_nobody_there_is_one_line_with_what_to_do(site, tmp_path):
    address = nobody()
    with pytest.raises(FetchError) as caught:
        download(f"{address}/file", tmp_path / "f", SUM)
    said = str(caught.value)
    assert said.startswith(f"{address[7:]} cannot be reached (Connection refused): is there a network?")
    assert said.endswith(f"fetch {address}/file elsewhere and put it at {tmp_path / 'f'}") and "\n" not in said


def test_a_server_that_is_silent_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0.05)
    monkeypatch.setattr(fetch, "PAUSE", 0.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(FetchError, match="timed out"):
            download(f"http://127.0.0.1:{silent.getsockname()[1]}/f", tmp_path / "f")


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://x/y", "x"])
def test_other_kinds_of_address_are_refused(tmp_path, url):
    with pytest.raises(FetchError, match="not an address that begins with http:// or https://"):
        download(url, tmp_path / "f")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a b", "http://127.0.0.1:1/a\x00b", "http://127.0.0.1:port/a"])
def test_a_broken_address_is_not_tried_again(tmp_path, monkeypatch, url):
    monkeypatch.setattr(fetch.time, "sleep", lambda seconds: pytest.fail("it waited to try again"))
    with pytest.raises(FetchError, match="not an address"):
        download(url, tmp_path / "f")


def test_another_piece_than_the_one_asked_for_is_refused(site, tmp_path):
    (tmp_path / "f.part").write_bytes(BODY[:1000])
    site.shift = 7
    with pytest.raises(FetchError, match="the server sent another piece than the one asked for"):
        download(f"{site.url}/file", tmp_path / "f", SUM)


def test_a_weak_tag_does_not_vouch_for_bytes(site, tmp_path):
    site.tag, site.cuts = 'W/"one"', [100_000]
    assert download(f"{site.url}/file", tmp_path / "f") == SUM and ranges(site) == [None, None]


TOY = Treebank("UD_Toy-Toy", "abc", "toy_toy")


def put(site, treebank=TOY, body=b"1\t_\n"):
    for part in PARTS:
        site.files[f"/{treebank.repository}/{treebank.revision}/{treebank.file(part)}"] = body


def test_a_treebank_without_known_checksums_is_recorded_at_first_and_checked_later(site, tmp_path):
    put(site)
    said = []
    found = fetch_treebank("toy", TOY, server=site.url, cache=tmp_path, say=said.append)
    digest = hashlib.sha256(b"1\t_\n").hexdigest()
    assert [path.read_bytes() for path in found.values()] == [b"1\t_\n"] * 3 and tuple(found) == PARTS
    assert said[0] == (
        "toy_toy-ud-train.conllu: 4 bytes, no checksum is known for it, so this one is recorded in SHA256SUMS for the "
        f"next time: {digest}"
    )
    folder = treebank_folder("toy", TOY, tmp_path)
    assert (folder / "SHA256SUMS").read_text().splitlines()[0] == f"{digest}  toy_toy-ud-dev.conllu"

    said.clear()
    site.asked.clear()
    fetch_treebank("toy", TOY, server=site.url, cache=tmp_path, say=said.append)
    assert said[0] == "toy_toy-ud-train.conllu: already there, checksum right" and site.asked == []

    found["dev"].write_bytes(b"damaged")
    said.clear()
    fetch_treebank("toy", TOY, server=site.url, cache=tmp_path, say=said.append)
    assert "toy_toy-ud-dev.conllu: the file there is damaged, its checksum is wrong; fetching it anew" in said
    assert found["dev"].read_bytes() == b"1\t_\n"

    put(site, body=b"other")
    found["dev"].unlink()
    with pytest.raises(FetchError, match="wrong checksum, so it was not kept"):
        fetch_treebank("toy", TOY, server=site.url, cache=tmp_path)


def test_a_file_put_there_by_hand_is_taken(tmp_path):
    folder = treebank_folder("toy", TOY, tmp_path)
    folder.mkdir(parents=True)
    (folder / "toy_toy-ud-dev.conllu").write_bytes(b"by hand")
    said = []
    found = fetch_treebank("toy", TOY, parts=["dev"], server=nobody(), cache=tmp_path, say=said.append)
    assert found["dev"].read_bytes() == b"by hand" and "already there, no checksum is known for it" in said[0]


def test_the_cache_is_where_the_platform_keeps_such_things(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "tinygrad-nlp"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    for platform, folder in (("linux", ".cache"), ("darwin", "Library/Caches"), ("win32", "local")):
        monkeypatch.setattr(sys, "platform", platform)
        assert cache_folder() == tmp_path / folder / "tinygrad-nlp"


def test_names_and_addresses():
    ewt = treebank_named("ud-english-ewt")
    assert ewt.url("dev") == (
        "https://raw.githubusercontent.com/UniversalDependencies/UD_English-EWT/"
        "15d613d8447b3478787d4c278730a1e48a945efb/en_ewt-ud-dev.conllu"
    )
    assert SERVER.startswith("https://") and all(len(t.revision) == 40 for t in TREEBANKS.values())
    assert all(set(t.checksums) in ({}.keys(), set(PARTS)) for t in TREEBANKS.values())
    with pytest.raises(DataError, match="no treebank 'ud-english-etw'; did you mean ud-english-ewt?"):
        treebank_named("ud-english-etw")
    with pytest.raises(DataError, match="tinygrad-nlp data list names the 7 there are"):
        treebank_named("klingon")


def test_a_full_disk_is_named_and_the_recorded_checksums_stay(tmp_path, monkeypatch):
    def full_disk(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in ("b", "a"):
        fetch.write_checksum(tmp_path, name, SUM)
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left on device: .*SHA256SUMS"):
        fetch.write_checksum(tmp_path, "c", SUM)
    assert (tmp_path / "SHA256SUMS").read_text() == f"{SUM}  a\n{SUM}  b\n" and names(tmp_path) == ["SHA256SUMS"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_disk_that_is_full_while_a_file_arrives_is_named(site, tmp_path):
    (tmp_path / "f.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left on device: .*f\.part"):
        download(f"{site.url}/file", tmp_path / "f", SUM)
