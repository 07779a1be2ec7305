"""Step through backpropagation in a browser: derivation, numbers and a finite-difference check on every edge.

    tinygrad-nlp replay network          one hidden layer of sigmoid units, two examples
    tinygrad-nlp replay skipgram         the naive softmax of word2vec, one center word and two outside words
    tinygrad-nlp replay softmax          scores of 1000: the naive softmax overflows, the stable one beside it does not
    tinygrad-nlp replay parser           the dependency parser's network on two configurations of a sentence
    tinygrad-nlp replay FILE.py:function a function of yours, without arguments, that returns a loss

Writes one page that works offline.
"""

from __future__ import annotations

import json

from . import user_file

EXAMPLES = ("network", "skipgram", "softmax", "parser")


def add_arguments(parser):
    parser.add_argument("what", metavar="WHAT", help=f"{', '.join(EXAMPLES)} or FILE.py:function")
    parser.add_argument("--out", metavar="FILE", help="where to write (default: replay-WHAT.html)")
    parser.add_argument("--title", help="a heading (default: the name of the example or function)")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def run(arguments):
    from tinygrad_nlp import record_gradients
    from tinygrad_nlp.visualize import replay

    with record_gradients():  # for the names of the variables
        loss, title, name = find(arguments.what)
    shown = replay(loss, title=arguments.title or title)
    path = shown.save(arguments.out or f"replay-{name}.html")
    steps = shown.data["steps"]
    wrong = sorted(
        {
            shown.data["nodes"][shown.data["edges"][step["e"]]["h"]]["o"]
            for step in steps
            if step["k"] == "backward" and step["c"]["v"] == "wrong"
        }
    )
    if arguments.json:
        print(json.dumps({"file": str(path), "steps": len(steps), "wrong": wrong}, ensure_ascii=False))
    else:
        print(f"{shown!r}"[1:-1])
        if wrong:
            print(f"WRONG by finite differences: {', '.join(wrong)}")
        print(f"{path}   <- open this in a browser; ? there lists the keys")
    return 1 if wrong else 0


def find(what: str):
    """(loss, title, a name for the file) for what the user asked."""
    from tinygrad_nlp import OptionError

    if what == "network":
        return network(), "One hidden layer of sigmoid units", what
    if what == "skipgram":
        return skipgram(), "Skip-gram, naive softmax", what
    if what == "softmax":
        return softmaxes(), "Naive and stable softmax side by side", what
    if what == "parser":
        return parser_loss(), "The dependency parser on two configurations", what
    if not user_file.is_place(what):
        raise OptionError(f"no example {what!r}; there are {', '.join(EXAMPLES)}, or a function: FILE.py:function")
    with user_file.named(what) as (made, _):
        function = what.rpartition(":")[2]
        return user_file.loss_of(made, what), function, function


def network():
    """003 Q2c: J = cross-entropy of sigmoid(x W1 + b1) W2 + b2, for two rows x."""
    import numpy as np

    from tinygrad_nlp import Tensor, cross_entropy, sigmoid

    rng = np.random.default_rng(2)

    def parameter(name, *shape):
        return Tensor(rng.normal(0, 0.8, shape), requires_grad=True, name=name)

    x = Tensor(rng.normal(0, 1, (2, 3)), name="x")
    w1, b1, w2, b2 = parameter("W1", 3, 4), parameter("b1", 4), parameter("W2", 4, 3), parameter("b2", 3)
    z = x @ w1 + b1
    hidden = sigmoid(z)
    scores = hidden @ w2 + b2
    loss = cross_entropy(scores, np.array([2, 0]))
    z.name, hidden.name, scores.name, loss.name = "z", "hidden", "scores", "loss"
    return loss


def skipgram():
    """000 §1: J = −log ŷ of each outside word, ŷ = softmax(U v_c); six words of three numbers."""
    import numpy as np

    from tinygrad_nlp import Tensor, log, softmax

    rng = np.random.default_rng(5)
    center = Tensor(rng.normal(0, 0.7, (6, 3)), requires_grad=True, name="V center vectors")
    outside = Tensor(rng.normal(0, 0.7, (6, 3)), requires_grad=True, name="U outside vectors")
    v_c = center[2]
    scores = outside @ v_c
    predicted = softmax(scores)
    loss = -log(predicted[4]) - log(predicted[1])
    v_c.name, scores.name, predicted.name, loss.name = "v_c", "scores U v_c", "ŷ", "loss"
    return loss


def softmaxes():
    """003 Q1: −log softmax(scores)[0] twice, by the definition and with the maximum taken out first.

    exp(1000) overflows, so the naive branch holds inf / inf = NaN and poisons the gradient that the other one sends.
    """
    import numpy as np

    from tinygrad_nlp import Tensor, exp, log

    def loss_of(scores, kind):
        powers = exp(scores)
        total = powers.sum()
        probabilities = powers / total
        loss = -log(probabilities[0])
        total.name, probabilities.name, loss.name = f"Z, {kind}", f"p, {kind}", f"{kind} loss"
        return loss

    scores = Tensor(np.array([1000.0, 999.0, 2.0]), requires_grad=True, name="scores")
    with np.errstate(all="ignore"):
        naive = loss_of(scores, "naive")
        shifted = scores - float(scores.data.max())
        stable = loss_of(shifted, "stable")
        loss = naive + stable
    shifted.name, loss.name = "scores − max", "sum of both"
    return loss


def parser_loss():
    """001 §2: the network that scores SHIFT, LEFT-ARC and RIGHT-ARC, on two steps of the way to a tree."""
    import numpy as np

    from tinygrad_nlp.models.parser import Parser, Vocabulary, examples
    from tinygrad_nlp.models.parser.generated import treebank

    sentences = treebank(1)
    vocabulary = Vocabulary.of(sentences)
    made = examples(sentences, vocabulary, labelled=False)
    network = Parser.untrained(
        vocabulary, labelled=False, dim=2, hidden=4, activation="relu", dropout=0.0, rng=np.random.default_rng(1)
    ).network
    loss = network.loss(made.features[3:5], made.targets[3:5])
    loss.name = "loss"
    return loss
