"""The progress line on terminals and off them."""

import io

import pytest

from tinygrad_nlp.cli.progress import Progress, duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


def ticking(*times):
    return iter(times).__next__


def test_off_a_terminal_there_are_whole_lines_now_and_then():
    stream = io.StringIO()
    progress = Progress("training", "pairs", stream, every=5, clock=ticking(0, 1, 6, 7))
    progress.update(0.1, 100)
    progress.update(0.5, 600, "loss 2.0")
    progress.update(0.6, 700)
    progress.close("done")
    assert stream.getvalue() == "training  50%  100 pairs/s  6 s left  loss 2.0\ndone\n"


def test_on_a_terminal_one_line_is_rewritten_and_cleared():
    stream = Terminal()
    progress = Progress("training", "pairs", stream, clock=ticking(0, 10, 20))
    progress.update(0.25, 1_000_000)
    progress.update(0.5, 1)
    progress.close("done")
    lines = stream.getvalue().split("\r")
    assert lines[1] == "[#####...............] training  25%  100,000 pairs/s  30 s left"
    assert lines[2].startswith("[##########..........]") and len(lines[2]) >= len(lines[1])
    assert lines[-1] == "done\n" and not lines[-2].strip()


@pytest.mark.parametrize(
    "seconds, text", [(0.2, "0 s"), (59.4, "59 s"), (125, "2 min 05 s"), (4200, "1 h 10 min"), (59.9, "1 min 00 s")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text
