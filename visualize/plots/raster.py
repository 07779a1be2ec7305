"""SVG to PNG by a program that is there: librsvg's, or a browser. Graphviz has no eye for SVG."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tinygrad_nlp import OptionError
from tinygrad_nlp.errors import explain

BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "chrome", "msedge", "microsoft-edge"),
    # Where they lie on systems that do not put them on the search path.
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
SCALE = 2
"""Pixels a unit: 1920 wide."""

PATIENCE = 60


def png(svg: str, name: str) -> bytes:
    """``svg`` as a PNG, twice as large as it says. Raises OptionError if no program here can do it."""
    wide, high = (round(float(x)) for x in re.search(r'width="([\d.]+)" height="([\d.]+)"', svg).groups())
    failed = "neither rsvg-convert nor Chromium, Chrome or Edge on this machine"
    with tempfile.TemporaryDirectory(prefix="plot-", ignore_cleanup_errors=True) as folder:
        source, target = Path(folder, "plot.svg"), Path(folder, "plot.png")
        source.write_text(svg, encoding="utf-8")
        for command in _commands(source, target, wide, high, folder):
            try:
                done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
                failed = f"{Path(command[0]).name} made none: {done.stderr.decode('utf-8', 'replace')[-80:]}"
            except subprocess.TimeoutExpired:
                failed = f"no answer from {Path(command[0]).name} within {PATIENCE} s"
            if target.exists():
                return target.read_bytes()
    raise OptionError(
        explain(
            f"save({name!r})",
            got=failed,
            expected="one of them, or a format that needs none",
            write=f'save("{Path(name).stem}.svg"), which every browser and office program opens',
        )
    )


def _commands(source, target, wide, high, folder):
    if program := shutil.which("rsvg-convert"):
        yield [program, "--zoom", str(SCALE), "--output", str(target), str(source)]
    if browser := photograph(source.as_uri(), target, wide, high, folder, SCALE):
        yield browser


def photograph(address, target, wide, high, folder, scale=1) -> list[str] | None:
    """The command by which a browser saves a window of a page of ours as a PNG; None if there is no browser.

    wide, high  of the window; the picture has ``scale`` times as many pixels
    folder      where the browser may keep its files
    """
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        return None
    flags = (
        "--headless --disable-gpu --no-first-run --disable-background-networking --disable-sync "
        f"--disable-component-update --hide-scrollbars --force-device-scale-factor={scale}"
    ).split()
    if getattr(os, "geteuid", lambda: 1)() == 0:
        flags.append("--no-sandbox")  # it refuses to start as root otherwise; what it shows is ours
    where = [f"--user-data-dir={folder}/browser", f"--window-size={wide},{high}", f"--screenshot={target}"]
    return [program, *flags, *where, address]
