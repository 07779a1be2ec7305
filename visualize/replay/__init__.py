"""Backpropagation replayed: one page that steps through the user's own run, forward and then backward, edge by edge."""

from __future__ import annotations

from pathlib import Path

from tinygrad_nlp import OptionError, Tensor
from tinygrad_nlp.errors import explain

from ..graph import name_of, walk
from ..picture import Picture, image
from ..text import clean
from .data import payload
from .page import frame, page, sources
from .steps import run_backward

MOST_NODES = 300
"""More are not a lesson any more, and every edge costs a Jacobian and a finite-difference check."""


def replay(loss: Tensor, title: str | None = None) -> Replay:
    """The backward pass of ``loss`` as a page to step through.

    loss   a Tensor of one element whose graph is still there: before ``backward()``, or inside `record_gradients`
    title  a heading; by default the name of the loss

    The engine's own rules are run, one edge at a time. Each step shows the op's derivation, the gradient that arrives,
    the local Jacobian, what is sent back, how it adds to what had arrived, and a comparison with central differences.
    ``.grad`` of no tensor changes. Hooks are called once, as `backward` would.

    Raises GradientError if backward has freed the graph, or if the loss is not one number or depends on nothing that
    requires grad; StaleValueError if a value was changed since; OptionError above 300 nodes.

    >>> from tinygrad_nlp import Tensor
    >>> from tinygrad_nlp.visualize import replay
    >>> w = Tensor([1.0, -2.0], requires_grad=True, name="w")
    >>> replay((w * w).sum(), title="A sum of squares")
    <replay of 2 forward and 3 backward steps>
    """
    if not isinstance(loss, Tensor):
        raise TypeError(explain("replay()", got=type(loss).__name__, expected="a Tensor", write="replay(loss)"))
    tensors = walk([loss], asked="replay")
    if len(tensors) > MOST_NODES:
        raise OptionError(
            explain(
                "replay()",
                got=f"a graph of {len(tensors):,} tensors",
                expected=f"at most {MOST_NODES}: what a reader can step through",
                write="replay of a smaller case (one example, a short sequence), or draw(loss) for the overview",
            )
        )
    run = run_backward(loss)
    named = name_of(loss) or f"Backpropagation of {loss._op.name if loss._op else 'a leaf'}"
    data, picture, small = payload(loss, run, title or named)
    return Replay(data, picture, small)


class Replay(Picture):
    """A backward pass as it was when `replay` was called; later changes of the tensors do not change it.

    ``data`` is what the page shows, as plain lists and numbers.
    """

    formats = ("html", "svg")
    example = "replay.html"

    def __init__(self, data: dict, picture: str, small: str):
        self.data, self._picture, self._small = data, picture, small
        self.title = data["title"]

    def __repr__(self):
        kinds = [step["k"] for step in self.data["steps"]]
        return f"<replay of {kinds.count('forward')} forward and {kinds.count('backward')} backward steps>"

    def html(self, still=True) -> str:
        """The page: one HTML document that needs nothing else.

        still  with a picture of the graph for readers whose browser runs no script
        """
        return page(self.data, self._small if still else "")

    def frame(self, height=760) -> str:
        """An ``<iframe>`` to put into another page: the replay, sandboxed, within the file.

        If that page has a Content-Security-Policy, it must allow what `frame_policy` lists.
        """
        return frame(self.html(still=False), self.data["title"], height)

    @staticmethod
    def frame_policy() -> dict[str, str]:
        """What a page's Content-Security-Policy must add to hold a `frame`: {"script-src": …, "style-src": …}."""
        return sources()

    def svg(self) -> str:
        """A still picture of the graph."""
        return self._picture

    def displays(self) -> dict:
        """A frame that may run its script and nothing else; where frames are taken out (GitHub, untrusted notebooks)
        the still picture below it is left.
        """
        still = image(self._picture, self.label(), ' style="max-width:100%"')
        framed = f"{self.frame()}<details><summary>as a still picture</summary>{still}</details>"
        return {**super().displays(), "text/html": lambda: framed}


__all__ = ["Replay", "replay"]
