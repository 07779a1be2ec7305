"""A progress line on standard error: how much is done, how fast, how long it will take."""

from __future__ import annotations

import sys
import time


class Progress:
    """Shows how far a long task is; on a terminal one line that is rewritten, elsewhere a plain line now and then.

    label  what is being done
    unit   what is counted, for the rate: "pairs"
    every  seconds between plain lines; a terminal's line is rewritten ten times a second
    """

    def __init__(self, label: str, unit: str, stream=None, every: float = 5.0, clock=time.monotonic):
        self.label, self.unit, self.every, self.clock = label, unit, every, clock
        self.stream = stream if stream is not None else sys.stderr
        self.live = self.stream.isatty()
        self.started = self.shown = clock()
        self.width = 0

    def update(self, share: float, count: int, note: str = "") -> None:
        """share: of the whole, 0 to 1; count: units done; note: shown at the end of the line."""
        now = self.clock()
        if now - self.shown < (0.1 if self.live else self.every):
            return
        self.shown = now
        self._show(share, count, note, now)

    def count(self, count: int) -> None:
        """As `update`, where nobody knows how much there will be."""
        now = self.clock()
        if now - self.shown < (0.1 if self.live else self.every):
            return
        self.shown = now
        self._write(f"{self.label}  {count:,} {self.unit}  {count / max(now - self.started, 1e-9):,.0f} {self.unit}/s")

    def close(self, final: str = "") -> None:
        """End the line, saying ``final``."""
        if self.live:
            self.stream.write("\r" + " " * self.width + "\r")
        if final:
            self.stream.write(final + "\n")
        self.stream.flush()

    def _show(self, share, count, note, now):
        elapsed = max(now - self.started, 1e-9)
        left = elapsed * (1 - share) / share if share > 0 else 0
        line = (
            f"{self.label} {share:4.0%}  {count / elapsed:,.0f} {self.unit}/s  {duration(left)} left  {note}".rstrip()
        )
        if self.live:
            filled = round(share * 20)
            line = f"[{'#' * filled}{'.' * (20 - filled)}] {line}"
        self._write(line)

    def _write(self, line):
        if self.live:
            self.stream.write("\r" + line.ljust(self.width))
            self.width = len(line)
        else:
            self.stream.write(line + "\n")
        self.stream.flush()


def duration(seconds: float) -> str:
    """``8 s``, ``2 min 05 s``, ``1 h 10 min``."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"
