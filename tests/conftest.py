"""What tests of several folders ask for."""

import pytest

from .browser import Browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One browser for all tests, for it takes long to start."""
    started = Browser(tmp_path_factory.mktemp("chromium"))
    yield started
    started.close()
