"""What a file of word vectors holds; with --out, the same vectors in another format, chosen by the ending.

    tinygrad-nlp vectors vectors.safetensors --out vectors.bin

Reads safetensors, word2vec text and binary, GloVe text, .gz and .xz of these. Writes .safetensors, .txt and .vec
(word2vec text), .bin (word2vec binary).
"""

from __future__ import annotations

import json
import sys


def add_arguments(parser):
    parser.add_argument("vectors", metavar="FILE", help="vectors")
    parser.add_argument("--out", metavar="FILE", help="write them there")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def run(arguments):
    vectors = load_vectors(arguments.vectors)
    if arguments.out:
        vectors.save(arguments.out)
    words, dim = vectors.matrix.shape
    if arguments.json:
        print(json.dumps({"words": words, "dim": dim, "dtype": str(vectors.matrix.dtype), "file": arguments.out}))
    else:
        first = ", ".join(vectors.vocabulary.words[:8])
        print(f"{words:,} vectors of {dim} numbers ({vectors.matrix.dtype}): {first}{', …' if words > 8 else ''}")
        if arguments.out:
            print(f"written to {arguments.out}")


def load_vectors(path):
    """`Vectors.load`, with what was odd about the file on standard error."""
    from tinygrad_nlp.models.word2vec import Vectors

    vectors = Vectors.load(path)
    for note in vectors.notes:
        print(f"note: {note}", file=sys.stderr)
    return vectors
