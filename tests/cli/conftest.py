"""What every test of a command needs."""

import pytest

from tinygrad_nlp.cli import main


@pytest.fixture
def run(capsys):
    """Run a command in this process: ``run("check", "relu")`` -> (exit code, standard output, standard error)."""

    def run(*argv):
        code = main(list(map(str, argv)))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
