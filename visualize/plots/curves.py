"""Numbers over time: losses, norms per layer, anything a training run records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .chart import Plot, Series
from .geometry import running_mean
from .heat import Heat
from .scales import Axis

MOST_LINES = 9
"""More layers than these are rows of a heat map: nobody follows ten lines."""


def curves(
    runs,
    title="Loss",
    x_label="updates",
    y_label="loss",
    *,
    log_y=False,
    log_x=False,
    mean=None,
    share=False,
    levels: Mapping[str, float] | None = None,
    note="",
    height=540,
) -> Plot:
    """Curves over a common axis.

    runs     name -> values, or name -> (x, values), or name -> [(x, value), …]; or one such without a name
    x_label, y_label  with units: "loss (nats per pair)"
    log_y, log_x      logarithmic axes; values that are not positive are left out
    mean     draw the running mean over so many values, and the values themselves pale behind it; True chooses
    levels   text -> height of a thin line right across: what guessing would cost, say
    share    x is a part of the whole, from 0 to 1
    note     a sentence below

    Values that are not finite leave a gap. Every curve is named beside its end, and marked by shape as well as colour.

    >>> from tinygrad_nlp.visualize import plots
    >>> plots.curves({"SGD": [2.0, 1.5, 1.2], "Adam": [2.0, 1.1, 0.9]}, y_label="loss (nats)")
    <plot 'Loss' of 2 series>
    """
    runs = runs if isinstance(runs, Mapping) else {"": runs}
    series = []
    for name, values in runs.items():
        x, y = _split(values)
        reach = max(1, round(len(y) / 50)) if mean is True else mean or 1
        smooth = running_mean(y, reach) if reach > 1 else y
        series.append(Series(str(name), x, smooth, raw=y if reach > 1 else None))
    axes = Axis(x_label, log_x, share=share), Axis(y_label, log_y)
    lines = [(float(level), said) for said, level in (levels or {}).items()]
    return Plot(title, *axes, series, levels=lines, note=note, height=height)


def _split(values):
    """(x, y) of one run; x counts from 1 where it is not given."""
    if isinstance(values, tuple) and len(values) == 2 and np.ndim(values[0]) == 1:
        x, y = values
    else:
        values = np.asarray(values, np.float64)
        if values.ndim == 2 and values.shape[1] == 2:
            x, y = values.T
        else:
            x, y = np.arange(1, len(values) + 1), values
    return np.array(x, np.float64), np.array(y, np.float64)


def norms(
    record: Mapping[str, Sequence[float]],
    title="Gradient norms",
    steps: Sequence[float] | None = None,
    *,
    x_label="updates",
    y_label="norm of the gradient",
    log_y=True,
    mean=None,
    note="",
    height=540,
):
    """A norm per layer over time: lines up to nine layers, above that a heat map with a row for each.

    record  name of the layer -> its norm at each step; `watch` makes such records
    steps   at which update each was taken; by default 1, 2, …

    >>> from tinygrad_nlp.visualize import plots
    >>> plots.norms({"hidden": [1.0, 0.5], "output": [2.0, 1.0]})
    <plot 'Gradient norms' of 2 series>
    """
    length = max((len(v) for v in record.values()), default=0)
    steps = np.arange(1, length + 1) if steps is None else np.array(steps, np.float64)
    if len(record) <= MOST_LINES:
        runs = {name: (steps[: len(values)], np.asarray(values)) for name, values in record.items()}
        return curves(runs, title, x_label, y_label, log_y=log_y, mean=mean, note=note, height=height)
    rows = np.full((len(record), length), np.nan)
    for row, values in zip(rows, record.values()):
        row[: len(values)] = values
    return Heat(title, list(record), steps, rows, x_label, y_label, log_y, note)
