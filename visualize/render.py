"""Running Graphviz: the ``dot`` program, or the copy inside PyPI's pygraphviz; and which of them is there."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys

from tinygrad_nlp import OptionError, TinygradError
from tinygrad_nlp.errors import explain

DOT, PYGRAPHVIZ, BUILTIN = "dot", "pygraphviz", "builtin"
ENGINES = (DOT, PYGRAPHVIZ, BUILTIN)
PATIENCE = 60
"""Seconds before a render is given up: dot needs minutes for what no one could read."""

# In a process of its own: the library inside pygraphviz has crashed the interpreter on some labels, and a crash
# there must not end a notebook with a trained model in it.
_IN_PROCESS = """
import sys
import pygraphviz
source = sys.stdin.buffer.read().decode("utf-8")
graph = pygraphviz.AGraph(string=source)
graph.draw(sys.argv[2], format=sys.argv[1], prog="dot")
"""


def available() -> list[str]:
    """The engines that can be used here, best first; the built-in always can."""
    found = [DOT] if shutil.which("dot") else []
    if importlib.util.find_spec("pygraphviz") is not None:
        found.append(PYGRAPHVIZ)
    return [*found, BUILTIN]


def choose(engine=None) -> str:
    """``engine`` if it is there, or the best one if None. Raises OptionError otherwise, saying how to install it."""
    if engine is None:
        return available()[0]
    if engine not in ENGINES:
        raise OptionError(explain("engine", got=repr(engine), expected=" or ".join(map(repr, ENGINES))))
    if engine not in available():
        raise OptionError(
            explain("engine", got=f"{engine!r}, which is not installed", expected=f"one of {available()}", write=hint())
        )
    return engine


def hint() -> str:
    """How to install Graphviz on this system."""
    system = {
        "linux": "apt install graphviz  (or dnf, pacman)",
        "darwin": "brew install graphviz",
        "win32": "winget install graphviz",
    }
    return f'{system.get(sys.platform, "see graphviz.org/download")}, or: pip install "tinygrad-nlp[render]"'


def render(source: str, kind: str, engine: str, patience=PATIENCE) -> bytes:
    """``source`` (DOT) as "svg", "png" or "pdf". Raises RenderError if Graphviz fails or takes over ``patience`` s."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"graph.{kind}"
        if engine == DOT:
            command = [shutil.which("dot"), f"-T{kind}", "-o", str(target)]
        else:
            command = [sys.executable, "-c", _IN_PROCESS, kind, str(target)]
        try:
            done = subprocess.run(
                command, input=source.encode("utf-8"), capture_output=True, timeout=patience, check=False
            )
        except subprocess.TimeoutExpired:
            raise RenderError(_failed(engine, kind, f"no answer within {patience} s")) from None
        if done.returncode or not target.exists():
            words = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise RenderError(_failed(engine, kind, words[-1] if words else f"exit code {done.returncode}"))
        return target.read_bytes()


class RenderError(TinygradError, RuntimeError):
    """Graphviz was there but made no picture."""


def _failed(engine, kind, what):
    return explain(
        f"rendering .{kind} with {engine}",
        got=what,
        expected="a picture",
        write='draw(…).svg(engine="builtin"), which needs no Graphviz',
    )
