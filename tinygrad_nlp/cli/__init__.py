"""The command ``tinygrad-nlp``: one module per command, imported only when it is asked for.

A command's module has ``add_arguments(parser)`` and ``run(arguments) -> exit code or None``. Exit codes: 0 done; 1 the
command ran and found a fault (`check`); 2 it was asked for something impossible, said in one line; 130
interrupted, with what was done until then kept.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys

from ..errors import TinygradError

PROGRAM = "tinygrad-nlp"

COMMANDS = {
    "demo": "train word vectors on Python's own documentation, and a parser; draw a step and trees; write a report",
    "train": "train a model on your data: tinygrad-nlp train skipgram FILE, train parser FILE",
    "neighbors": "the words nearest to a word",
    "analogy": "a is to b as c is to …?",
    "vectors": "what a file of word vectors holds; convert it to word2vec's formats or from them",
    "plot": "word vectors on a plane: the words you name, or the pairs of course document 004",
    "parse": "the dependency trees of sentences, by a trained parser",
    "evaluate": "how good a model is: tinygrad-nlp evaluate vectors FILE, evaluate parser FILE",
    "data": "treebanks to train parsers on: data list, data fetch ud-english-ewt",
    "draw": "a computation graph as a picture: draw network, skipgram, softmax, parser or FILE.py:function",
    "replay": "backpropagation step by step, as a page: replay network, skipgram, softmax, parser or FILE.py:function",
    "formula": "gradients as the lecture notes write them: tinygrad-nlp formula skipgram",
    "explain": "an op's statement, derivation, convention and source",
    "experiment": "what the documents state, run and measured: experiment sgd, adam, dropout, l2, … or --all",
    "check": "compare an op's gradient with finite differences",
    "doctor": "what this machine has, what is missing, what would make it faster",
}


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose complaint is one line that says where help is."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv`` (default: the process's own); returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a letter of some word should show a "?", not end the program.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        code = _dispatch(argv)
        print(end="", flush=True)  # what cannot be written is said here, by a line of ours
        return code
    except SystemExit as exit:  # argparse: --help, or a message it has printed
        return exit.code if isinstance(exit.code, int) else 2
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        _drop_output()  # the reader (head, less) has what it wanted
        return 141
    except MemoryError as error:
        return _refuse(f"not enough memory: {error}" if str(error) else "not enough memory")
    except OSError as error:
        where = error.filename or ("standard output" if error.errno and not _output_can_be_written() else "")
        return _refuse(f"{where}: {error.strerror}" if where else str(error))
    except TinygradError as error:
        # Its "at file:line" is shown if that is a file of the user's; else the line is ours.
        from .user_file import ran

        theirs = tuple(f"  at {file}:" for file in ran)
        lines = str(error).splitlines()
        said = [line for line in lines if not line.startswith("  at ") or line.startswith(theirs)]
        text = "\n".join(said).replace("\n  write instead: ", "; write instead: ")
        return _refuse(" ".join(text.split()))
    except Exception as error:
        from .user_file import failure

        said = failure(error)
        if said is None:
            raise
        return _refuse(f"your file failed\n{said}")


def _dispatch(argv):
    if not argv or argv[0] in ("-h", "--help"):
        print(_help())
        return 0 if argv else 2
    if argv[0] in ("-V", "--version"):
        from .. import __version__

        print(f"{PROGRAM} {__version__}")
        return 0
    name, rest = argv[0], argv[1:]
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"commands: {', '.join(COMMANDS)}"
        return _refuse(f"no command {name!r}; {hint}")
    module = importlib.import_module(f".{name}", __name__)
    parser = Parser(
        prog=f"{PROGRAM} {name}", description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    module.add_arguments(parser)
    return module.run(parser.parse_args(rest)) or 0


def _help():
    width = max(map(len, COMMANDS))
    lines = [f"usage: {PROGRAM} COMMAND …", "", "commands:"]
    lines += [f"  {name:<{width}}  {about}" for name, about in COMMANDS.items()]
    return "\n".join([*lines, "", f"{PROGRAM} COMMAND --help tells more of one. Start with: {PROGRAM} demo"])


def _output_can_be_written() -> bool:
    """Whether standard output takes another line: the error of a full disk does not say of which file it is."""
    if sys.stdout.isatty():
        return True
    try:
        print(flush=True)
    except OSError:
        _drop_output()
        return False
    return True


def _drop_output():
    """Let what is still to be written go nowhere. Python would complain again at exit when it flushes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse(message):
    print(f"{PROGRAM}: {message}", file=sys.stderr)
    return 2


def positive_int(text: str) -> int:
    """An argparse type: a whole number of at least 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return value


def seed_number(text: str) -> int:
    """An argparse type: a seed, a whole number of at least 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def positive_float(text: str) -> float:
    """An argparse type: a finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value
