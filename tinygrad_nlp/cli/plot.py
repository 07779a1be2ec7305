"""Word vectors on a plane: where words lie along the two directions in which they differ most.

    tinygrad-nlp plot vectors.safetensors                       the word pairs of course document 004
    tinygrad-nlp plot vectors.safetensors good bad king queen --pairs --out map.html
    tinygrad-nlp plot vectors.bin --frequent 60 --out map.png

With --pairs the words are joined two by two. Without words, and where the vectors lack those of 004, the most frequent
words are shown. Writes one picture; the ending of --out says the format.
"""

from __future__ import annotations

import argparse
import json
import sys

from . import positive_int
from .vectors import load_vectors

PAIRS = (("good", "bad"), ("wonderful", "great"), ("boring", "waste"), ("cool", "sweet"))
"""What 004 says of its picture: these lie close to one another."""

FREQUENT = 40


def add_arguments(parser):
    parser.add_argument("vectors", metavar="VECTORS", help="safetensors, word2vec text or binary, GloVe text")
    parser.add_argument("words", metavar="WORD", nargs="*", help="which words (default: the pairs of 004)")
    parser.add_argument(
        "--pairs", action=argparse.BooleanOptionalAction, help="join the words two by two (default: the pairs of 004)"
    )
    parser.add_argument("--frequent", type=positive_int, metavar="N", help="the N most frequent words instead")
    parser.add_argument("--out", metavar="FILE", default="map.svg", help=".svg, .html or .png (default %(default)s)")
    parser.add_argument("--title", help="a heading")
    parser.add_argument("--json", action="store_true", help="machine-readable output: the places too")


def run(arguments):
    from tinygrad_nlp import OptionError
    from tinygrad_nlp.visualize import plots

    if arguments.words and arguments.frequent:
        raise OptionError(f"--frequent {arguments.frequent} or words, not both")
    vectors = load_vectors(arguments.vectors)
    words, pairs, what = chosen(vectors, arguments)
    places, shares = vectors.project(words)
    drawn = plots.word_map(
        places,
        words,
        pairs=pairs,
        shares=shares,
        title=arguments.title or f"{what}: principal components",
    )
    path = drawn.save(arguments.out)
    if arguments.json:
        spots = {word: [float(x), float(y)] for word, (x, y) in zip(words, places)}
        found = {"file": str(path), "places": spots, "pairs": pairs, "shares_of_variance": [float(s) for s in shares]}
        print(json.dumps(found, ensure_ascii=False))
        return
    print(f"{what}: {len(words)} words, {shares.sum():.0%} of their variance is in the plane")
    for a, b in pairs:
        print(f"  {a}, {b}: cosine {vectors.similarity(a, b):.3f}")
    print(f"{path}   <- open this in a browser")


def chosen(vectors, arguments):
    """(words, pairs, what they are). Raises UnknownWordError, with close spellings, for a word that is not there."""
    from tinygrad_nlp import OptionError

    if arguments.words:
        words = list(dict.fromkeys(arguments.words))
        for word in words:
            vectors[word]
        given = arguments.words
        if arguments.pairs and len(given) % 2:
            raise OptionError(f"--pairs: {len(given)} words; expected an even number, to be joined two by two")
        pairs = [(a, b) for a, b in zip(given[::2], given[1::2]) if a != b] if arguments.pairs else []
        return words, pairs, "Chosen words"
    known = [pair for pair in PAIRS if all(word in vectors for word in pair)]
    if len(known) >= 2 and not arguments.frequent:
        return [word for pair in known for word in pair], [] if arguments.pairs is False else known, "Word pairs of 004"
    count = min(arguments.frequent or FREQUENT, len(vectors))
    if not arguments.frequent:
        print(f"the vectors lack the word pairs of 004: the {count} most frequent words instead", file=sys.stderr)
    return list(vectors.vocabulary.words[:count]), [], f"The {count} most frequent words"
