"""Treebanks of Universal Dependencies that can be fetched by name: where their files are and what is known of them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

from .text import DataError

SERVER = "https://raw.githubusercontent.com/UniversalDependencies/"
"""Below it, a file is at REPOSITORY/REVISION/FILE; a mirror keeps the same paths."""

PARTS = ("train", "dev", "test")


@dataclass(frozen=True)
class Treebank:
    """A treebank at one revision: the same bytes for everyone.

    repository  its name below https://github.com/UniversalDependencies
    revision    a commit
    prefix      of the files' names: PREFIX-ud-PART.conllu
    checksums   part -> SHA-256 of the file, where it is known
    licence     where it is known; every repository says it in its LICENSE.txt
    """

    repository: str
    revision: str
    prefix: str
    checksums: dict[str, str] = field(default_factory=dict)
    licence: str = ""

    def file(self, part: str) -> str:
        """The file's name."""
        return f"{self.prefix}-ud-{part}.conllu"

    def url(self, part: str, server: str = SERVER) -> str:
        """Where the file is."""
        return f"{server.rstrip('/')}/{self.repository}/{self.revision}/{self.file(part)}"


TREEBANKS = {
    "ud-english-ewt": Treebank(
        "UD_English-EWT",
        "15d613d8447b3478787d4c278730a1e48a945efb",
        "en_ewt",
        {
            "train": "3fb78e2b55482c8ee00caa653af436c88c9e5bc9a73ce26e4ae3ddc79d2b7e7b",
            "dev": "531a54ff90d6ab12201c5a50c3e78e6ddac4de69abc4bce5d275d3cd29efe2b6",
            "test": "e266e515a0a7547657ed3d90d9ba46487d6bd251f27ad4269d4e8a427c8555cd",
        },
        "CC BY-SA 4.0; cite Silveira et al. 2014, A Gold Standard Dependency Corpus for English",
    ),
    "ud-english-gum": Treebank("UD_English-GUM", "b30cb771285f0535982c2391eae4d49e0791acae", "en_gum"),
    "ud-dutch-alpino": Treebank("UD_Dutch-Alpino", "085062764f495e67b132a3440de38b18e13d71ef", "nl_alpino"),
    "ud-finnish-tdt": Treebank("UD_Finnish-TDT", "cce5e9bd84cc431d1cd591199f3f134f5a11230f", "fi_tdt"),
    "ud-german-gsd": Treebank("UD_German-GSD", "1fee1921bf70ac22db774b344d8f96292635fd07", "de_gsd"),
    "ud-swedish-talbanken": Treebank(
        "UD_Swedish-Talbanken", "b7dfe97684a6ba6e8cc86a11dbe0b40be6a502c8", "sv_talbanken"
    ),
    "ud-turkish-imst": Treebank("UD_Turkish-IMST", "94fdace1b97947756453b325d2dcd1ece8dd9db6", "tr_imst"),
}


def treebank_named(name: str) -> Treebank:
    """The treebank of that name. Raises DataError that names the nearest one."""
    if name not in TREEBANKS:
        close = difflib.get_close_matches(name, TREEBANKS, n=1)
        raise DataError(
            f"no treebank {name!r}; "
            + (f"did you mean {close[0]}?" if close else f"tinygrad-nlp data list names the {len(TREEBANKS)} there are")
        )
    return TREEBANKS[name]
