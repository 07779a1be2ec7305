"""The README's pictures, made by the code they show: ``python docs/images/make.py``.

The SVG files are the same bytes every time. ``replay.png`` is a photograph of a page, so it needs a browser; without
one the old one stays.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from tinygrad_nlp.visualize import diff, draw, replay
from tinygrad_nlp.visualize.plots.raster import photograph

from tinygrad_nlp import Tensor, embedding, negative_sampling, record_gradients, sigmoid, softmax, tanh
from tinygrad_nlp.cli.replay import skipgram

HERE = Path(__file__).parent
BUILTIN = "builtin"  # needs no program, and draws the same everywhere
STEP = 17  # of the replay: the second gradient arrives at ŷ and is added


def parameter(rng, name, *shape):
    return Tensor(rng.normal(size=shape).round(1), requires_grad=True, name=name)


def skipgram_step():
    rng = np.random.default_rng(3)  # five words: the cat sat on mat
    v, u = parameter(rng, "V: center vectors", 5, 3), parameter(rng, "U: outside vectors", 5, 3)
    cat, sat, drawn = Tensor([1], name="cat"), Tensor([2], name="sat"), Tensor([[3, 4]], name="on, mat (drawn)")
    with record_gradients():
        row = embedding(v, cat)
        row.name = "v of cat"
        loss = negative_sampling(row, u, sat, drawn)
        loss.name = "loss"
        loss.backward()
    return draw(loss, title="cat → sat: one step of skip-gram with negative sampling")


def tied_weights():
    """An autoencoder that decodes with the transpose of what it encodes with: W gets two gradients."""
    rng = np.random.default_rng(4)
    w, x = parameter(rng, "W", 3, 2), Tensor(rng.normal(size=(1, 3)).round(1), name="x")
    with record_gradients():
        hidden = tanh(x @ w)
        decoded = hidden @ w.T
        loss = ((decoded - x) ** 2).sum()
        hidden.name, decoded.name, loss.name = "hidden", "decoded", "loss"
        loss.backward()
    return draw(loss, title="W is used twice, so its gradients add")


def backward_pass():
    rng = np.random.default_rng(1)
    scores = parameter(rng, "scores", 4)
    loss = -(softmax(scores).log()[2])
    loss.name = "loss"
    return draw(loss, view="backward", title="The backward pass of −log softmax(scores)[2] is a graph too")


def difference():
    def network(activation):
        rng = np.random.default_rng(7)
        x, w1, w2 = (
            Tensor(rng.normal(size=(2, 3)).round(1), name="x"),
            *(parameter(rng, name, *shape) for name, shape in (("W1", (3, 3)), ("W2", (3, 2)))),
        )
        with record_gradients():
            hidden = activation(x @ w1)
            loss = ((hidden @ w2) ** 2).mean()
            hidden.name, loss.name = "hidden", "loss"
            loss.backward()
        return loss

    return diff(network(sigmoid), network(tanh), title="The same network with tanh instead of sigmoid")


def replayed(target: Path):
    """A photograph of a replay at the step where gradients are added."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page = replay(skipgram(), title="Skip-gram, naive softmax").save(Path(folder) / "replay.html")
        command = photograph(f"{page.as_uri()}#step={STEP}", target, 1280, 760, folder)
        if command is None:
            print(f"no browser: {target.name} stays as it is")
        else:
            subprocess.run(command, check=True, capture_output=True, timeout=60)


def drawn() -> dict[str, str]:
    """{file: its SVG}; the places in the code that a picture names begin at the checkout's root."""
    pictures = {
        "skipgram-step.svg": skipgram_step().svg(BUILTIN),
        "sum.svg": tied_weights().svg(BUILTIN),
        "backward-pass.svg": backward_pass().svg(BUILTIN),
        "diff.svg": difference().svg(),
    }
    return {name: svg.replace(f"{HERE.parents[1]}/", "") for name, svg in pictures.items()}


def main():
    for name, svg in drawn().items():
        (HERE / name).write_text(svg, encoding="utf-8")
    replayed(HERE / "replay.png")


if __name__ == "__main__":
    main()
