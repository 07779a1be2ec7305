"""How good a model is: word vectors by human judgements and analogies, a parser by a treebank with true trees.

    tinygrad-nlp evaluate vectors vectors.safetensors --pairs wordsim353.tsv --analogies questions-words.txt
    tinygrad-nlp evaluate parser test.conllu --parser parser.safetensors
    tinygrad-nlp evaluate parser test.conllu --parsed other-parser-output.conllu

Vectors may be safetensors, word2vec text or binary, or GloVe text; words they lack are left out, and counted. Parsers
are scored by the rules of the CoNLL 2018 shared task on given words.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict

from .blas import one_thread
from .vectors import load_vectors


def add_arguments(parser):
    models = parser.add_subparsers(dest="task", metavar="MODEL", required=True)
    for name, about, arguments, command in (
        ("vectors", "word vectors", vectors_arguments, evaluate_vectors),
        ("parser", "a dependency parser", parser_arguments, evaluate_parser),
    ):
        model = models.add_parser(name, help=about, description=__doc__, formatter_class=parser.formatter_class)
        arguments(model)
        model.set_defaults(command=command)


def run(arguments):
    return arguments.command(arguments)


def parser_arguments(parser):
    parser.add_argument("treebank", metavar="FILE", help="CoNLL-U with true trees, .gz and .xz too")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--parser", metavar="FILE", default="parser.safetensors", help="(default %(default)s)")
    which.add_argument("--parsed", metavar="FILE", help="score these trees instead, whoever made them")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


@one_thread()
def evaluate_parser(arguments):
    from tinygrad_nlp.models.parser import evaluate, load_treebank, score

    from .parse import load_parser

    gold = load_treebank(arguments.treebank)
    if arguments.parsed:
        scores = evaluate(gold, load_treebank(arguments.parsed))
    else:
        scores = score(load_parser(arguments.parser), gold)
    print(json.dumps(scores.state_dict()) if arguments.json else scores.table())


def vectors_arguments(parser):
    parser.add_argument("vectors", metavar="FILE", help="vectors")
    parser.add_argument("--pairs", metavar="FILE", help="lines of two words and a judgement")
    parser.add_argument("--analogies", metavar="FILE", help="lines of four words; a line ': name' begins a section")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def evaluate_vectors(arguments):
    from tinygrad_nlp import OptionError
    from tinygrad_nlp.models.word2vec.evaluate import analogies, read_analogies, read_similarities, similarity

    if not arguments.pairs and not arguments.analogies:
        raise OptionError("evaluate vectors: give --pairs FILE, --analogies FILE or both")
    judged = read_similarities(arguments.pairs) if arguments.pairs else None
    questions = read_analogies(arguments.analogies) if arguments.analogies else None
    vectors = load_vectors(arguments.vectors)
    found = {"vectors": len(vectors)}
    if judged:
        result = similarity(vectors, judged)
        found["similarity"] = asdict(result)
        if not arguments.json:
            value = "none (too few known)" if math.isnan(result.spearman) else f"{result.spearman:.3f}"
            print(f"similarity: Spearman {value} on {result.known} of {result.total} pairs")
    if questions:
        result = analogies(vectors, questions)
        found["analogies"] = {
            "right": result.right,
            "known": result.known,
            "total": result.total,
            "sections": {n: dict(zip(("right", "known", "total"), counts)) for n, counts in result.sections.items()},
        }
        if not arguments.json:
            width = max(map(len, result.sections))
            for name, (right, known, total) in result.sections.items():
                print(f"  {name:<{width}}  {_share(right, known)}  ({known} of {total} known)")
            print(f"analogies: {_share(result.right, result.known)} on {result.known} of {result.total} questions")
    if arguments.json:
        print(json.dumps(found).replace("NaN", "null"))


def _share(right, known):
    return f"{right / known:6.1%}" if known else "  none"
