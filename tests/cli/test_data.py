"""`data list` and `data fetch`, from a server on loopback."""

import functools
import hashlib
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tinygrad_nlp.cli import main
from tinygrad_nlp.data import fetch, treebanks
from tinygrad_nlp.data.treebanks import PARTS, TREEBANKS, Treebank

BODY = b"1\tDogs\t_\tNOUN\t_\t_\t2\tnsubj\t_\t_\n2\tbark\t_\tVERB\t_\t_\t0\troot\t_\t_\n\n"


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A folder served as a mirror of a small treebank called ud-toy; returns (its address, the cache)."""
    monkeypatch.setattr(fetch, "PAUSE", 0.0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    digest = hashlib.sha256(BODY).hexdigest()
    toy = Treebank("UD_Toy-Toy", "abcdef0123456789", "toy_toy", dict.fromkeys(PARTS, digest), "CC0")
    monkeypatch.setitem(treebanks.TREEBANKS, "ud-toy", toy)
    folder = tmp_path / "mirror" / toy.repository / toy.revision
    folder.mkdir(parents=True)
    for part in PARTS:
        (folder / toy.file(part)).write_bytes(BODY)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path / "mirror")))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", tmp_path / "cache" / "tinygrad-nlp" / "treebanks" / "ud-toy"
    server.shutdown()
    server.server_close()
    thread.join()


def test_list_names_treebanks_and_says_what_is_there(mirror, capsys):
    assert main(["data", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(TREEBANKS) and all(line.endswith("not fetched") for line in lines)
    assert any(line.startswith("ud-english-ewt ") and "checksums known" in line for line in lines)
    assert main(["data", "fetch", "ud-toy", "--part", "dev", "--from", mirror[0]]) == 0
    capsys.readouterr()
    assert main(["data", "list"]) == 0
    assert f"dev in {mirror[1]}" in capsys.readouterr().out


def test_fetch_prints_the_files_and_what_to_do_next(mirror, capsys):
    assert main(["data", "fetch", "ud-toy", "--from", mirror[0]]) == 0
    said = capsys.readouterr()
    files = [mirror[1] / "abcdef0123456789" / f"toy_toy-ud-{part}.conllu" for part in PARTS]
    assert said.out.splitlines() == [str(path) for path in files]
    assert all(path.read_bytes() == BODY for path in files)
    assert "ud-toy: CC0" in said.err and "toy_toy-ud-test.conllu: 60 bytes, checksum right" in said.err
    assert f"next: tinygrad-nlp train parser {files[0]} --dev {files[1]}" in said.err

    from tinygrad_nlp.models.parser import load_treebank

    assert load_treebank(files[0])[0].heads == [2, 0]


def test_no_network_is_one_line_and_exit_code_2(mirror, capsys):
    assert main(["data", "fetch", "ud-toy", "--from", "http://127.0.0.1:9/"]) == 2
    said = capsys.readouterr()
    last = said.err.splitlines()[-1]
    assert last.startswith("tinygrad-nlp: 127.0.0.1:9 cannot be reached (") and "is there a network?" in last
    assert said.out == ""


@pytest.mark.parametrize(
    "argv, message",
    [
        (["fetch", "ud-english-etw"], "tinygrad-nlp: no treebank 'ud-english-etw'; did you mean ud-english-ewt?"),
        (["fetch", "ud-toy", "--from", "mirror/"], "not an address that begins with http:// or https://"),
        (["fetch", "ud-toy", "--part", "all"], "argument --part: invalid choice: 'all'"),
        (["fetch"], "the following arguments are required: NAME"),
        ([], "the following arguments are required: list | fetch"),
    ],
)
def test_what_cannot_be_done_is_said_with_exit_code_2(mirror, capsys, argv, message):
    assert main(["data", *argv]) == 2
    assert message in capsys.readouterr().err
