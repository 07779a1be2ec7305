"""A is to B as C is to …? Answered by the words nearest to B - A + C.

tinygrad-nlp analogy tinygrad-nlp-demo/vectors.safetensors list lists tuple
"""

from __future__ import annotations

import json

from . import positive_int
from .neighbors import print_ranking
from .vectors import load_vectors


def add_arguments(parser):
    parser.add_argument("vectors", metavar="FILE", help="vectors: safetensors, word2vec text or binary, GloVe text")
    for name in "ABC":
        parser.add_argument(name.lower(), metavar=name)
    parser.add_argument("-k", type=positive_int, default=10, help="how many (default 10)")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def run(arguments):
    a, b, c = arguments.a, arguments.b, arguments.c
    answers = load_vectors(arguments.vectors).analogy(a, b, c, arguments.k)
    if arguments.json:
        print(json.dumps(answers, ensure_ascii=False))
        return
    print(f"{a} is to {b} as {c} is to")
    print_ranking(answers)
