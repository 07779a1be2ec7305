"""004, last page: words in the plane of their vectors' two principal components; which lie close, and why.

The vectors are trained here, by the naive softmax on counts, on generated reviews in which opposites fill the same
places. 004 had vectors of film reviews; those are not at hand, so what is tested is the mechanism: words of like
contexts come to lie together, opposites included.
"""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import Tensor, data, log_softmax, optim
from tinygrad_nlp.nn import Parameter

from ..word2vec.vectors import Vectors
from .report import Finding, Plot, Report, Series, Table

PAIRS = (("good", "bad"), ("wonderful", "great"), ("boring", "waste"), ("cool", "sweet"))

TEMPLATES = (
    ("a {} film with a {} story", ("good", "bad"), ("good", "bad")),
    ("the acting was {} and the music {}", ("good", "bad"), ("good", "bad")),
    ("what a {} evening , {} from start to end", ("wonderful", "great"), ("wonderful", "great")),
    ("we had a {} time , everyone was {}", ("wonderful", "great"), ("wonderful", "great")),
    ("two hours of {} talk , such a {}", ("boring", "waste"), ("boring", "waste")),
    ("my money back please , {} and {} again", ("boring", "waste"), ("boring", "waste")),
    ("her smile is {} , his car is {}", ("cool", "sweet"), ("cool", "sweet")),
    ("{} songs for {} kids", ("cool", "sweet"), ("cool", "sweet")),
)


def corpus(rng, sentences: int = 600) -> list[list[str]]:
    """Sentences of words, by the templates."""
    made = []
    for _ in range(sentences):
        pattern, first, second = TEMPLATES[rng.integers(len(TEMPLATES))]
        made.append(pattern.format(first[rng.integers(len(first))], second[rng.integers(len(second))]).split())
    return made


def counted(sentences, words, reach: int = 2) -> np.ndarray:
    """(V, V): how often word j stands within ``reach`` of word i."""
    place = {w: i for i, w in enumerate(words)}
    counts = np.zeros((len(words), len(words)))
    for sentence in sentences:
        for i, w in enumerate(sentence):
            for other in sentence[max(0, i - reach) : i] + sentence[i + 1 : i + 1 + reach]:
                counts[place[w], place[other]] += 1
    return counts


def trained(counts, dim: int, updates: int, rng) -> tuple[np.ndarray, float, float]:
    """Center vectors that fit P(o|c) to the counts; the first and the last loss in nats per pair."""
    V = Parameter(rng.normal(size=(len(counts), dim)) * 0.1, name="V")
    U = Parameter(rng.normal(size=(len(counts), dim)) * 0.1, name="U")
    seen = Tensor(counts / counts.sum())
    stepper = optim.Adam([V, U], lr=0.05)
    losses = []
    for _ in range(updates):
        stepper.zero_grad()
        loss = -(seen * log_softmax(V @ U.T)).sum()
        loss.backward()
        stepper.step()
        losses.append(float(loss.data))
    return V.data, losses[0], losses[-1]


def run(seed: int = 0) -> Report:
    rng = np.random.default_rng(seed)
    sentences = corpus(rng)
    frequency: dict[str, int] = {}
    for sentence in sentences:
        for word in sentence:
            frequency[word] = frequency.get(word, 0) + 1
    vocabulary = data.Vocabulary(frequency, 1)
    words = list(vocabulary.words)
    matrix, first, last = trained(counted(sentences, words), 10, 200, rng)
    vectors = Vectors(vocabulary, matrix)
    chosen = [word for pair in PAIRS for word in pair]
    places, shares = vectors.project(chosen)
    spot = dict(zip(chosen, places))

    def apart(a, b):
        return float(np.linalg.norm(spot[a] - spot[b]))

    others = [apart(a, b) for i, a in enumerate(chosen) for b in chosen[i + 1 :] if (a, b) not in PAIRS]
    rows = [(f"{a}, {b}", apart(a, b), vectors.similarity(a, b), vectors.neighbors(a, 1)[0][0] == b) for a, b in PAIRS]
    rows.append(("the 24 other pairs, least", min(others), "", ""))
    rows.append(("the 24 other pairs, mean", float(np.mean(others)), "", ""))
    table = Table("distance in the plane", ("pair", "distance", "cosine", "nearest of all words"), rows)
    widest, mean = max(row[1] for row in rows[:4]), float(np.mean(others))
    reading = (
        f"Trained from {first:.2f} to {last:.2f} nats per pair, each of the four pairs lies within {widest:.2g}, other "
        f"pairs {mean:.2g} apart on average; the plane holds {shares.sum():.0%} of the variance. Good and bad are "
        "neighbours because their contexts are alike, which says nothing of their meanings being alike. The reviews "
        "are generated so that it must come out like this; of film reviews 004's picture remains the only witness."
    )
    return Report(
        "Words of like contexts in the plane",
        [table],
        reading,
        [
            Finding(
                42,
                f"pairs within {widest:.2g}, others {mean:.2g} on average; on generated reviews",
                widest < mean / 3 and all(row[2] > 0.8 for row in rows[:4]),
            )
        ],
        [
            Plot(
                f"Principal components, {shares.sum():.0%} of the variance",
                "first component",
                "second component",
                [Series("words", places[:, 0], places[:, 1], "points")],
                square=True,
                labels=[(*spot[w], w) for w in chosen],
                links=PAIRS,
            )
        ],
    )
