"""What tests of several folders ask for."""

import os
import signal
import sys

import pytest

from .browser import Browser

# The tests' matrix products are small: more threads make them slower, and many times slower on a busy machine. OpenBLAS
# reads this when NumPy is imported.
if "numpy" not in sys.modules:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A shell that starts the tests in the background (`pytest &`) has them ignore Ctrl-C, which some of them press.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One browser for all tests, for it takes long to start."""
    started = Browser(tmp_path_factory.mktemp("chromium"))
    yield started
    started.close()
