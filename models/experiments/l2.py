"""000 and 001 (c), 002 §1.5: what making word vectors of length 1 takes from a classifier by the sign of a sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygrad_nlp import Tensor, l2_normalize

from ..phrase_sentiment import PhraseSentiment
from .report import TINY, Finding, Plot, Report, Series, Table, gap


@dataclass(frozen=True)
class Case:
    """``truth`` is the sign a reader would give the phrase under the assumption that the case's vectors stand for."""

    name: str
    vectors: dict
    phrase: str
    truth: str


POSITIVE = (1.0, 0.0)

CASES = (
    Case("intensity alone", {"good": (0.9, 0), "excellent": (3, 0)}, "good", "+"),
    Case("intensity alone", {"good": (0.9, 0), "excellent": (3, 0)}, "excellent", "+"),
    Case("intensity mixed", {"excellent": (3, 0), "slow": (-1, 0), "long": (-0.8, 0)}, "excellent slow long", "+"),
    Case(
        "dilution",
        {"the": (-0.05, 0.02), "plot": (-0.1, 0.1), "is": (-0.04, -0.05), "excellent": (3, 0)},
        "the plot is excellent",
        "+",
    ),
    Case("count", {"good": (0.5, 0.5)}, "good", "+"),
    Case("count", {"good": (0.5, 0.5)}, "good good good", "+"),
    Case("noise in lengths", {"lovely": (0.2, 0), "witty": (0.3, 0), "bad": (-2, 0)}, "lovely witty bad", "+"),
    Case("opposition", {"good": (0.7, 0.2), "bad": (-1.4, -0.4)}, "good", "+"),
    Case("opposition", {"good": (0.7, 0.2), "bad": (-1.4, -0.4)}, "bad", "−"),
    Case("balance", {"fine": (0.3, 0), "great": (2, 0)}, "great", "+"),
    Case("balance", {"fine": (0.3, 0), "great": (2, 0)}, "fine fine fine fine", "+"),
    Case("not collinear", {"odd": (1, 4), "dull": (-0.5, 0.1)}, "odd dull", "+"),
)
"""Small enough to be checked by hand: the first coordinate is the sentiment, the second anything else."""

KINDS = (None, "words", "phrase")


def judged(case: Case) -> tuple[list[str], list[float]]:
    """Signs and scores: raw, words normalized, phrase normalized."""
    classifiers = [PhraseSentiment(case.vectors, POSITIVE, kind) for kind in KINDS]
    return [c.sign(case.phrase) for c in classifiers], [c.score(case.phrase) for c in classifiers]


def run(seed: int = 0) -> Report:
    rng = np.random.default_rng(seed)
    u_y, alphas = rng.normal(size=(200, 6)), np.exp(rng.normal(size=(200, 1)) * 3)
    unit = l2_normalize(Tensor(u_y)).data
    same = gap(l2_normalize(Tensor(alphas * u_y)), unit)
    opposite = gap(l2_normalize(Tensor(-alphas * u_y)), -unit)
    of_zero = l2_normalize(Tensor(np.zeros(6))).data
    multiples = Table(
        "u_x = αu_y for 200 random vectors and α from e⁻⁹ to e⁹",
        ("α", "largest difference"),
        [("α > 0: from the unit vector of u_y", same), ("α < 0: from its opposite", opposite)],
    )
    rows, found = [], {}
    for case in CASES:
        signs, scores = judged(case)
        found[case.name, case.phrase] = signs, scores
        rows.append((case.name, case.phrase, case.truth, *(f"{s} {abs(x):.2f}" for s, x in zip(signs, scores))))
    phrases = Table(
        "score by the sign of a sum; the first coordinate counts",
        ("case", "phrase", "meant", "raw", "words normalized", "phrase normalized"),
        rows,
    )

    def signs(name, phrase):
        return found[name, phrase][0]

    def scores(name, phrase):
        return found[name, phrase][1]

    alone = [scores("intensity alone", word) for word in ("good", "excellent")]
    mixed = signs("intensity mixed", "excellent slow long")
    diluted = signs("dilution", "the plot is excellent")
    one, three = scores("count", "good"), scores("count", "good good good")
    noise = signs("noise in lengths", "lovely witty bad")
    opposed = [signs("opposition", word)[:2] for word in ("good", "bad")]
    short, long = scores("balance", "great"), scores("balance", "fine fine fine fine")
    flipped = signs("not collinear", "odd dull")
    reading = (
        "Lengths matter to the sign only where words disagree: good and excellent alone stay +, but excellent against "
        f"two mild complaints turns from {mixed[0]} to {mixed[1]}, and neutral words with a faint lean outvote it as "
        "soon as they are as long. Normalizing each word keeps the count (three times good scores "
        f"{three[1] / one[1]:.2g} times as much); normalizing the phrase loses it. Where lengths are noise, "
        "normalizing repairs the sign; it keeps opposites opposite. It does not stop long phrases from scoring more, "
        "and words that point in different directions can still flip."
    )
    equal_alone = abs(alone[0][1] - alone[1][1]) < TINY and alone[1][0] > 3 * alone[0][0]
    good = [
        Finding(7, f"unit vectors equal within {same:.1g}", same < TINY),
        Finding(
            8,
            f"opposite within {opposite:.1g}; 0 stays {'0' if not of_zero.any() else of_zero}",
            opposite < TINY and not of_zero.any(),
        ),
        Finding(
            9,
            f"scores {alone[0][0]:.2g} and {alone[1][0]:.2g} become equal, sign kept; mixed phrase "
            f"{mixed[0]} to {mixed[1]}",
            equal_alone and mixed[0] == "+" and mixed[1] == "−",
            refuted=all(signs("intensity alone", w)[:2] == ["+", "+"] for w in ("good", "excellent")),
        ),
        Finding(10, f"“the plot is excellent”: {diluted[0]} raw, {diluted[1]} normalized", diluted[:2] == ["+", "−"]),
        Finding(
            11,
            f"three times good ÷ good: {three[1] / one[1]:.3g} per word, {three[2] / one[2]:.3g} per phrase",
            abs(three[1] / one[1] - 3) < TINY and abs(three[2] / one[2] - 1) < TINY,
            refuted=abs(three[1] / one[1] - 1) > 1,
        ),
        Finding(
            12,
            f"noise repaired ({noise[0]} to {noise[1]}), opposition kept; four times fine scores {long[1]:.2g} to "
            f"great's {short[1]:.2g}; not collinear: {flipped[0]} to {flipped[1]}",
            noise[:2] == ["−", "+"] and opposed == [["+", "+"], ["−", "−"]],
            refuted=long[1] > 3 * short[1] and flipped[:2] == ["+", "−"],
        ),
    ]
    odd = CASES[-1].vectors
    arrows = [Series(f"{w} (raw)", (0, u[0]), (0, u[1]), "arrow") for w, u in odd.items()]
    arrows += [
        Series(f"{w} (unit)", (0, u[0] / np.hypot(*u)), (0, u[1] / np.hypot(*u)), "arrow") for w, u in odd.items()
    ]
    return Report(
        "L2 normalization and the sign of a sum",
        [multiples, phrases],
        reading,
        good,
        [Plot("odd + dull, raw and normalized", "sentiment", "anything else", arrows, square=True)],
    )
