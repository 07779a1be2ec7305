"""Treebanks of Universal Dependencies: which there are, and fetching one.

    tinygrad-nlp data list
    tinygrad-nlp data fetch ud-english-ewt

Files are kept in a folder for what can be had again ($XDG_CACHE_HOME, or the platform's). A fetch that was interrupted
goes on where it stopped, and a file gets its name when it is whole and its checksum is right. Where there is no
network, --from takes a mirror: the address of a folder with REPOSITORY/REVISION/FILE in it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from .progress import Progress


def add_arguments(parser):
    commands = parser.add_subparsers(dest="what", required=True, metavar="list | fetch")
    listing = commands.add_parser("list", help="the treebanks that can be fetched, and those that are there")
    fetching = commands.add_parser("fetch", help="fetch the files of a treebank")
    fetching.add_argument("name", metavar="NAME", help="as data list gives it: ud-english-ewt")
    fetching.add_argument("--part", choices=["train", "dev", "test"], action="append", help="only this one; repeatable")
    fetching.add_argument("--from", dest="server", metavar="URL", help="another server with the same files")
    for command in (listing, fetching):
        command.add_argument("--cache", metavar="DIR", help="where files are kept (default: the user's cache folder)")


def run(arguments):
    cache = Path(arguments.cache) if arguments.cache else None
    if arguments.what == "list":
        show_treebanks(cache)
    else:
        fetch(arguments, cache)


def show_treebanks(cache):
    """One line for each treebank."""
    from tinygrad_nlp.data.fetch import treebank_folder
    from tinygrad_nlp.data.treebanks import PARTS, TREEBANKS

    for name, treebank in TREEBANKS.items():
        folder = treebank_folder(name, treebank, cache)
        there = [part for part in PARTS if (folder / treebank.file(part)).exists()]
        state = f"{', '.join(there)} in {folder}" if there else "not fetched"
        known = "checksums known" if treebank.checksums else "checksums recorded at first fetch"
        print(f"{name:<22} {treebank.revision[:12]}  {known:<34} {state}")


def fetch(arguments, cache):
    """Fetch a treebank; its files on standard output, all else on standard error."""
    from tinygrad_nlp.data.fetch import fetch_treebank
    from tinygrad_nlp.data.treebanks import PARTS, SERVER, treebank_named

    treebank = treebank_named(arguments.name)
    bars: dict[str, Progress] = {}

    def tell(line):
        print(line, file=sys.stderr)

    def show(part, there, received, whole):
        bar = bars.setdefault(part, Progress(treebank.file(part), "kB"))
        if whole:
            bar.update(there / whole, received // 1000)
        if there == whole:
            bar.close()

    if treebank.licence:
        tell(f"{arguments.name}: {treebank.licence}")
    found = fetch_treebank(
        arguments.name,
        treebank,
        parts=[part for part in PARTS if part in (arguments.part or PARTS)],
        server=arguments.server or SERVER,
        cache=cache,
        on_progress=show,
        say=tell,
    )
    for path in found.values():
        print(path)
    if "train" in found and "dev" in found:
        tell(f"next: tinygrad-nlp train parser {found['train']} --dev {found['dev']}")
