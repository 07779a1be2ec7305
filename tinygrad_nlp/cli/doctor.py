"""What this machine has, what is missing and what would make it faster. Changes nothing."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import platform
import shutil
import sys
from pathlib import Path

from ..threads import usable_cores
from .blas import openblas_functions

OPTIONAL = {
    "scipy": "faster sums of row-sparse gradients",
    "pygraphviz": "Graphviz's layout without a system Graphviz",
    "safetensors": "saving and loading models",
    "pytest": "running the tests",
}

# OpenBLAS names the kernels it has chosen. These do not use the 512-bit units; a CPU that has them is then
# used at half its width for matrix products.
NARROW_KERNELS = {"haswell", "zen", "sandybridge", "nehalem", "prescott", "barcelona", "bulldozer", "excavator"}


def add_arguments(parser):
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def run(arguments):
    facts, advice = examine()
    if arguments.json:
        print(json.dumps({"facts": facts, "advice": advice}))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")
    print()
    for line in advice or ["nothing to mend"]:
        print(f"- {line}" if advice else line)


def examine() -> tuple[dict[str, str], list[str]]:
    """(what was found, by name; what to do about it, most useful first)."""
    import numpy as np

    from tinygrad_nlp import __version__

    advice = []
    cores = usable_cores()
    facts = {
        "tinygrad_nlp": __version__,
        "Python": f"{platform.python_version()} ({sys.executable})",
        "NumPy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}, {cores} usable core{'s' if cores != 1 else ''}",
    }
    blas = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    facts["BLAS"] = f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
    library = openblas()
    if library:
        kernel, threads = library
        facts["BLAS"] += f", {kernel} kernels, {threads} thread{'s' if threads != 1 else ''}"
        if kernel.lower() in NARROW_KERNELS and has_avx512():
            asked = os.environ.get("OPENBLAS_CORETYPE")
            remedy = (
                f"your environment asks for them: unset OPENBLAS_CORETYPE (now {asked}) before Python starts"
                if asked
                else "set OPENBLAS_CORETYPE=SkylakeX before Python starts"
            )
            advice.append(
                f"OpenBLAS runs its {kernel} kernels, but this CPU has AVX-512: {remedy}, "
                "and compare (matrix products were up to 1.6 times as fast on some such machines)"
            )
        if threads > cores:
            advice.append(
                f"OpenBLAS has {threads} threads for {cores} usable cores, and they wait for each other: "
                f"set OPENBLAS_NUM_THREADS={cores} before Python starts"
            )
    facts["Graphviz"] = shutil.which("dot") or "no `dot` program"
    for name, use in OPTIONAL.items():
        facts[name] = "yes" if importlib.util.find_spec(name) else f"no ({use})"
    if not shutil.which("dot") and not importlib.util.find_spec("pygraphviz"):
        from tinygrad_nlp.visualize import graphviz_hint

        advice.append(
            f"graphs are laid out by the built-in code; for Graphviz's layout, PNG and PDF: {graphviz_hint()}"
        )
    if not importlib.util.find_spec("safetensors"):
        advice.append("models cannot be saved: pip install safetensors")

    text = embedded_text()
    facts["embedded text"] = text or "none"
    if not text:
        advice.append("this Python carries no documentation text: `demo` cannot train; `train skipgram FILE` can")
    return facts, advice


def openblas() -> tuple[str, int] | None:
    """(kernel, threads) of the OpenBLAS that NumPy has loaded, asked of the library itself, or None.

    NumPy's build record names the kernel the library was *built* on, not the one it chose here, so it cannot tell.
    """
    functions = openblas_functions()
    name = functions("get_corename") if functions else None
    if name is None:
        return None
    name.restype = ctypes.c_char_p
    return name().decode("ascii", "replace"), int(functions("get_num_threads")())


def has_avx512() -> bool:
    """Whether Linux says that the CPU has AVX-512; False where it cannot be known."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512f" in text and "avx512vl" in text


def embedded_text() -> str:
    """What the demo would train on, in words, without reading all of it."""
    import sysconfig

    parts = []
    if importlib.util.find_spec("pydoc_data") is not None:
        parts.append("help topics")
    if (Path(sysconfig.get_paths()["stdlib"]) / "argparse.py").exists():
        parts.append("docstrings of the standard library")
    return " and ".join(parts)
