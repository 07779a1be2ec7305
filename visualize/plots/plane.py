"""Places in a plane: words at their principal components, points, the ways of optimizers over contour lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from tinygrad_nlp import OptionError
from tinygrad_nlp.errors import explain

from .chart import Name, Plot, Series
from .geometry import contour
from .scales import Axis

GRID = 161
"""Values of a function in each direction, to draw its contour lines from."""


def word_map(
    places,
    words: Sequence[str],
    *,
    pairs: Iterable[tuple[str, str]] = (),
    strong: Iterable[str] = (),
    shares: Sequence[float] | None = None,
    arrows=False,
    title="Words at their principal components",
    note="",
    height=680,
) -> Plot:
    """Words where their vectors lie, one scale for both axes.

    places  (N, 2), of N ``words``; `Vectors.project` gives them, and the ``shares`` of the variance along the axes
    pairs   words to be joined by a line, or by an arrow from the first to the second
    strong  words in bold, which are named first where there is not room for all

    No name covers another or a dot; where names would, they move away and a line leads to the dot. A dot whose name
    finds no place shows it under the pointer.

    >>> from tinygrad_nlp.visualize import plots
    >>> plots.word_map([(0, 0), (1, 2)], ["good", "bad"], pairs=[("good", "bad")])
    <plot 'Words at their principal components' of 0 series>
    """
    places = np.asarray(places, np.float64).reshape(-1, 2)
    words = [str(word) for word in words]
    if len(places) != len(words):
        raise OptionError(
            explain("word_map()", got=f"{len(places)} places for {len(words)} words", expected="one for each word")
        )
    strong, spots = set(strong), {}
    for word, place in zip(words, places):
        spots.setdefault(word, place)
    names = [
        Name(float(x), float(y), word, word in strong, 0 if word in strong or not strong else -1)
        for word, (x, y) in zip(words, places)
    ]
    links = [(*map(float, spots[a]), *map(float, spots[b])) for a, b in pairs if a in spots and b in spots]
    of = ("", "") if shares is None else tuple(f" ({share:.0%} of the variance)" for share in shares)
    return Plot(
        title,
        Axis("first component" + of[0], bare=True),
        Axis("second component" + of[1], bare=True),
        names=names,
        links=links,
        arrows=arrows,
        square=True,
        note=note,
        height=height,
    )


def scatter(
    groups,
    title="Points",
    x_label="x",
    y_label="y",
    *,
    labels: Mapping | Sequence[tuple[float, float, str]] = (),
    log_x=False,
    log_y=False,
    square=False,
    note="",
    height=540,
) -> Plot:
    """Points, a mark for each group.

    groups  name -> (x, y) or [(x, y), …]; or one such without a name
    labels  (x, y, text) beside a place

    >>> from tinygrad_nlp.visualize import plots
    >>> plots.scatter({"measured": ([1, 2, 3], [1.1, 1.9, 3.2])})
    <plot 'Points' of 1 series>
    """
    groups = groups if isinstance(groups, Mapping) else {"": groups}
    series = []
    for name, points in groups.items():
        if not (isinstance(points, tuple) and len(points) == 2 and np.ndim(points[0]) == 1):
            points = tuple(np.asarray(points, np.float64).reshape(-1, 2).T)
        series.append(Series(str(name), np.array(points[0], float), np.array(points[1], float), "points"))
    names = [Name(float(x), float(y), str(said)) for x, y, said in labels]
    axes = Axis(x_label, log_x), Axis(y_label, log_y)
    return Plot(title, *axes, series, names=names, square=square, note=note, height=height)


def paths(
    function: Callable,
    ways: Mapping[str, Sequence],
    title="Optimizers on the way down",
    *,
    x_label="θ₁",
    y_label="θ₂",
    levels: Sequence[float] | None = None,
    x: tuple[float, float] | None = None,
    y: tuple[float, float] | None = None,
    square=False,
    note="",
    height=600,
) -> Plot:
    """The ways of optimizers over the contour lines of a function of two variables.

    function  (x, y) arrays -> array of the same shape
    ways      name -> (T, 2) places, the start first: a ring marks it, the way's own mark its end, dots the steps
    levels    of the contour lines; by default eight, evenly in the logarithm above the lowest value
    x, y      the ends of the axes; by default all ways fit, but for where they climb far above their start

    >>> from tinygrad_nlp.visualize import plots
    >>> plots.paths(lambda x, y: 50 * x * x + y * y / 2, {"SGD": [(1, 1), (0.5, 0.99), (0.2, 0.9)]})
    <plot 'Optimizers on the way down' of 1 series>
    """
    ways = {str(name): np.array(way, np.float64).reshape(-1, 2) for name, way in ways.items()}
    near = _near(function, ways.values())
    x, y = x or _ends(near[:, 0]), y or _ends(near[:, 1])
    return Plot(
        title,
        Axis(x_label, low=x[0], high=x[1]),
        Axis(y_label, low=y[0], high=y[1]),
        [Series(name, *_until_gone(way, x, y).T, "path") for name, way in ways.items()],
        contours=contours(function, x, y, levels),
        square=square,
        note=note,
        height=height,
    )


def contours(function, x, y, levels=None) -> list[tuple[float, list]]:
    """[(level, lines)] of ``function`` between the ends ``x`` and ``y``."""
    across, up = np.linspace(*x, GRID), np.linspace(*y, GRID)
    with np.errstate(all="ignore"):
        z = np.asarray(function(*np.meshgrid(across, up)), np.float64) * np.ones((GRID, GRID))
    if levels is None:
        levels = _levels(z[np.isfinite(z)])
    return [(float(level), contour(across, up, z, level)) for level in levels]


def _levels(values, count=8):
    """Round numbers, each about double the one before, up to the highest value."""
    if not values.size or values.max() <= values.min():
        return []
    low, high = float(values.min()), float(values.max())
    found = []
    for k in range(math.floor(math.log10(high - low)) + 1, -99, -1):
        for digit in (5, 2, 1):
            if digit * 10.0**k < 0.8 * (high - low) and len(found) < count:
                found.append(digit * 10.0**k)
        if len(found) == count:
            break
    # Measured from the lowest value, which is nearly 0 for a loss; else from the round number next to it.
    base = 0.0 if abs(low) < found[-1] else float(f"{low:.2g}")
    return sorted(float(f"{base + step:.6g}") for step in found)


def _until_gone(way, x, y):
    """The way until it leaves the picture for good, with the first place outside."""
    inside = (way[:, 0] >= x[0]) & (way[:, 0] <= x[1]) & (way[:, 1] >= y[0]) & (way[:, 1] <= y[1])
    return way[: np.flatnonzero(inside)[-1] + 2] if inside.any() else way[:1]


def _near(function, ways) -> np.ndarray:
    """The places of all ways, without those so high above the start that the picture would be of them alone."""
    ways = [way for way in ways if len(way)]
    if not ways:
        return np.zeros((0, 2))
    places = np.concatenate(ways)
    with np.errstate(all="ignore"):
        heights = np.asarray(function(places[:, 0], places[:, 1]), np.float64)
        starts = [float(function(way[:1, 0], way[:1, 1])[0]) for way in ways]
    lowest = np.min(heights, where=np.isfinite(heights), initial=np.inf)
    with np.errstate(invalid="ignore"):
        return places[heights <= lowest + 1.6 * (max(starts) - lowest)]


def _ends(values):
    low, high = (float(values.min()), float(values.max())) if len(values) else (-1.0, 1.0)
    space = (high - low) * 0.12 or 0.5
    return low - space, high + space
