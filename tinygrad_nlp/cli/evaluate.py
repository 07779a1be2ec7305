"""Score a parser on a treebank with true trees, by the rules of the CoNLL 2018 shared task on given words.

tinygrad-nlp evaluate parser test.conllu --parser parser.safetensors
tinygrad-nlp evaluate parser test.conllu --parsed other-parser-output.conllu
"""

from __future__ import annotations

import json


def add_arguments(parser):
    parser.add_argument("model", choices=["parser"])
    parser.add_argument("treebank", metavar="FILE", help="CoNLL-U with true trees, .gz and .xz too")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--parser", metavar="FILE", default="parser.safetensors", help="(default %(default)s)")
    which.add_argument("--parsed", metavar="FILE", help="score these trees instead, whoever made them")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def run(arguments):
    from tinygrad_nlp.models.parser import Parser, evaluate, load_treebank, score

    gold = load_treebank(arguments.treebank)
    if arguments.parsed:
        scores = evaluate(gold, load_treebank(arguments.parsed))
    else:
        scores = score(Parser.load(arguments.parser), gold)
    print(json.dumps(scores.state_dict()) if arguments.json else scores.table())
