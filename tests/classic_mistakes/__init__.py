"""Classic mistakes of backpropagation, each at several sites, as data: for the tests and for the table in the docs.

``SITES`` has them all (`records.py` says what a site is), ``MISTAKES`` their names; `examine` asks the diagnosis.
"""

from tests.classic_mistakes import (  # noqa: F401 - each fills SITES
    broadcasting,
    by_hand_differences,
    by_hand_losses,
    by_hand_networks,
    by_hand_recurrent,
    by_hand_words,
    chain,
    factors,
    graphs,
    indices,
    losses,
    masks,
    paths,
    rows,
    signs,
    transposes,
)
from tests.classic_mistakes.judge import Verdict, examine, planted
from tests.classic_mistakes.records import NAMED_AT_FIRST, SITES, Site

MISTAKES = sorted({site.mistake for site in SITES})

__all__ = ["MISTAKES", "NAMED_AT_FIRST", "SITES", "Site", "Verdict", "examine", "planted"]
