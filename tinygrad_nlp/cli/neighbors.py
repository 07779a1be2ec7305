"""The words whose vectors have the largest cosine with a word's.

tinygrad-nlp neighbors tinygrad-nlp-demo/vectors.safetensors list tuple
"""

from __future__ import annotations

import json

from . import positive_int
from .vectors import load_vectors


def add_arguments(parser):
    parser.add_argument("vectors", metavar="FILE", help="vectors: safetensors, word2vec text or binary, GloVe text")
    parser.add_argument("words", metavar="WORD", nargs="+")
    parser.add_argument("-k", type=positive_int, default=10, help="how many (default 10)")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def run(arguments):
    vectors = load_vectors(arguments.vectors)
    found = {word: vectors.neighbors(word, arguments.k) for word in arguments.words}
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for word, near in found.items():
        print(word)
        print_ranking(near)


def print_ranking(near):
    """Words with their cosines, one a line."""
    width = max((len(word) for word, _ in near), default=0)
    for word, cosine in near:
        print(f"  {word:<{width}}  {cosine:.3f}")
