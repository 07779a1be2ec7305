"""Classic mistakes of backpropagation, each at several sites, as data: for the tests and for the table in the docs.

``LATER`` were written when the catalogue stood, to measure it: at first it named 36 of these 49 as it should (73 %), 6
were "different", 7 something else. What was learned from them is in the catalogue now.
"""

from tests import classic_mistakes_by_hand, classic_mistakes_chain, classic_mistakes_linear  # noqa: F401 - fill SITES
from tests.classic_mistakes_records import SITES, Site, planted

FIRST = tuple(SITES)

from tests import classic_mistakes_later  # noqa: E402, F401 - fills SITES too

LATER = tuple(SITES[len(FIRST) :])
MISTAKES = sorted({site.mistake for site in SITES})

__all__ = ["FIRST", "LATER", "MISTAKES", "SITES", "Site", "planted"]
