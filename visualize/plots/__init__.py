"""Plots for those who would rather look than read: one style, readable from the last row, light and dark.

    from tinygrad_nlp.visualize import plots

    plots.curves({"SGD": losses, "Adam": others}, y_label="loss (nats)", log_y=True, mean=20).save("loss.svg")
    plots.norms(norms.gradients, steps=norms.steps)             # per layer; see `tinygrad_nlp.nn.watch`
    plots.word_map(places, words, pairs=[("good", "bad")])      # Vectors.project gives the places
    plots.paths(lambda x, y: 50 * x * x + y * y / 2, {"momentum": way})
    plots.scatter({"measured": (x, y)}); plots.bars({"UAS": 0.97, "LAS": 0.95}, share=True)

Each returns a plot with ``svg()``, ``html()``, ``save("x.svg|html|png")`` and ``show()``; a notebook displays it.
Colours are for the colour-blind too, and never alone: series differ by marks and are named where they end. A picture
has its numbers in words for those who cannot see it, and a page as a table. What words say is data: none can act.
"""

from .bars import bars
from .chart import Name, Plot, Series
from .curves import curves, norms
from .geometry import contour, running_mean
from .plane import contours, paths, scatter, word_map
from .scales import Axis
from .terminal import text_curve

__all__ = [
    "Axis",
    "Name",
    "Plot",
    "Series",
    "bars",
    "contour",
    "contours",
    "curves",
    "norms",
    "paths",
    "running_mean",
    "scatter",
    "text_curve",
    "word_map",
]
