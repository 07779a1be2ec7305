"""What the diagnosis says of a site, and whether it is what it should say."""

from typing import NamedTuple

import numpy as np

from tests.classic_mistakes.records import Site
from tinygrad_nlp.diagnosis import compare_by_hand
from tinygrad_nlp.gradient_check import explain_wrong, find_wrong_gradients
from tinygrad_nlp.op import Op


class Verdict(NamedTuple):
    caught: bool  # refused at all, and for the right argument only
    named: bool  # op or argument stands in the words
    kinds: list  # what the diagnosis calls it, the first first
    kind_right: bool
    text: str


def planted(site: Site) -> Op:
    """The op of an "op" site, which no registry knows."""
    forward_, rules, _ = site.parts
    names = forward_.__code__.co_varnames[: forward_.__code__.co_argcount]

    class body:
        """A planted mistake."""

        forward = forward_

    return Op("planted", forward_, tuple(rules.get(n) for n in names), body)


def examine(site: Site) -> Verdict:
    """The verdict on a site, at numbers that are always the same."""
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
