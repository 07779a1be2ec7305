"""Classic mistakes of backpropagation, each at several sites, as data: for the tests and for the table in the docs.

``LATER`` were written when the catalogue stood, to measure it, in three sets: at first it named 35 of 49, 23 of 31 and
29 of 33 as their author had; most of the others were "different". What was learned from them is in the catalogue now.
"""

from typing import NamedTuple

import numpy as np

from tests import classic_mistakes_by_hand, classic_mistakes_chain, classic_mistakes_linear  # noqa: F401 - fill SITES
from tests.classic_mistakes_records import SITES, Site, planted
from tinygrad_nlp.diagnosis import compare_by_hand
from tinygrad_nlp.gradient_check import explain_wrong, find_wrong_gradients

FIRST = tuple(SITES)

from tests import classic_mistakes_last, classic_mistakes_later  # noqa: E402, F401 - fill SITES too

LATER = tuple(SITES[len(FIRST) :])
MISTAKES = sorted({site.mistake for site in SITES})

__all__ = ["FIRST", "LATER", "MISTAKES", "SITES", "Site", "Verdict", "examine", "planted"]


class Verdict(NamedTuple):
    caught: bool  # refused at all, and for the right argument only
    named: bool  # op or argument stands in the words
    kinds: list  # what the diagnosis calls it, the first first
    kind_right: bool
    text: str


def examine(site) -> Verdict:
    rng = np.random.default_rng(3)
    if site.how == "hand":
        loss, gradients, draw = site.parts
        report = compare_by_hand(loss, gradients, wrt=tuple(draw(rng)))
        row = report[site.argument]
        return Verdict(
            not row.ok,
            site.argument in str(report),
            [d.kind for d in row.diagnoses],
            row.kind in site.kinds,
            str(row),
        )
    if site.how == "op":
        op, inputs = planted(site), site.parts[2](rng)
        wrong = find_wrong_gradients(op, inputs)
        blamed = {op.arguments[i] for i, *_ in wrong}
        item = next((w for w in wrong if op.arguments[w[0]] == site.argument), None)
    else:
        op, draw = site.parts
        inputs = draw(rng)
        wrong = find_wrong_gradients(op, inputs)
        blamed, item = {site.argument} if wrong else set(), wrong[0] if wrong else None
    found = explain_wrong(op, inputs, item) if item else []
    text = "\n".join(str(d) for d in found[:1])
    named = site.how == "op" or site.argument in text
    kinds = [d.kind for d in found]
    return Verdict(blamed == {site.argument}, named, kinds, kinds[:1] != [] and kinds[0] in site.kinds, text)
