"""Draw a computation graph: what was computed, the backward pass as a graph of its own, or both in one (the default).

    tinygrad-nlp draw network              one hidden layer of sigmoid units, two examples
    tinygrad-nlp draw skipgram             the naive softmax of word2vec, one center word and two outside words
    tinygrad-nlp draw softmax              the naive softmax, overflowing, beside the stable one
    tinygrad-nlp draw parser               the dependency parser's network on two configurations of a sentence
    tinygrad-nlp draw FILE.py:function     a function of yours, without arguments, that returns a loss

Writes one picture; the ending of --out says the format. .svg and .html need nothing else, .png and .pdf need Graphviz.
"""

from __future__ import annotations

import argparse
import json

from .replay import EXAMPLES, find


def add_arguments(parser):
    parser.add_argument("what", metavar="WHAT", help=f"{', '.join(EXAMPLES)} or FILE.py:function")
    parser.add_argument("--view", choices=("forward", "backward", "both"), default="both", help="default: both")
    parser.add_argument("--depth", type=int, metavar="N", help="close modules inside N others; 0: the outermost")
    parser.add_argument(
        "--fold",
        action=argparse.BooleanOptionalAction,
        help="show identical modules once, as ×N (default: above 150 nodes)",
    )
    parser.add_argument("--out", metavar="FILE", help=".svg, .html, .png, .pdf or .dot (default: WHAT.svg)")
    parser.add_argument("--engine", choices=("dot", "pygraphviz", "builtin"), help="default: the best that is there")
    parser.add_argument("--title", help="a heading (default: the name of the example or function)")
    parser.add_argument(
        "--values",
        action=argparse.BooleanOptionalAction,
        help="values and gradients, or names and shapes only (default: values up to 150 nodes)",
    )
    parser.add_argument(
        "--contributions",
        action=argparse.BooleanOptionalAction,
        help="on each edge what was sent back along it (default: up to 40 nodes; up to 150 where gradients add up)",
    )
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def run(arguments):
    from tinygrad_nlp import record_gradients
    from tinygrad_nlp.visualize import draw, graphviz_hint, render

    with record_gradients():
        loss, title, name = find(arguments.what)
        if arguments.view == "both":
            loss.backward()
    drawing = draw(
        loss,
        view=arguments.view,
        title=arguments.title or title,
        values=arguments.values,
        depth=arguments.depth,
        fold=arguments.fold,
        contributions=arguments.contributions,
    )
    path = drawing.save(arguments.out or f"{name}.svg", arguments.engine)
    nodes, edges = len(drawing.graph.nodes), len(drawing.graph.edges)
    if arguments.json:
        print(json.dumps({"file": str(path), "nodes": nodes, "edges": edges}, ensure_ascii=False))
        return
    print(f"{drawing!r}"[1:-1])
    print(f"{path}   <- open this in a browser")
    if arguments.engine is None and render.available() == [render.BUILTIN]:
        print(f"laid out without Graphviz; for Graphviz's layout, PNG and PDF: {graphviz_hint()}")
