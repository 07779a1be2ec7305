"""Lines before they are drawn: thinned out, cut at the frame, smoothed; contour lines of a function of the plane."""

from __future__ import annotations

import math

import numpy as np


def running_mean(values, reach: int) -> np.ndarray:
    """The mean of ``reach`` values around each place, of fewer near both ends; NaN and ±inf are passed over.

    Around, not before: a mean of what came before lags behind a falling loss and shows it too high.

    >>> running_mean([4.0, 2.0, 3.0, 7.0], 3).tolist()
    [3.0, 3.0, 4.0, 5.0]
    """
    values = np.asarray(values, np.float64)
    fine = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(fine, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(fine)])
    places = np.arange(len(values))
    start = np.maximum(places - (max(1, reach) - 1) // 2, 0)
    stop = np.minimum(places + max(1, reach) // 2 + 1, len(values))
    with np.errstate(invalid="ignore"):
        return (sums[stop] - sums[start]) / np.where(fine, counts[stop] - counts[start], np.nan)


def thinned(points, step: float = 1.0):
    """Points of a line in pixels without those that could not be seen.

    Of a line that goes from left to right and has many points: the first, lowest, highest and last of each column. Of
    one that turns back: those half a pixel or more from the one before.
    """
    if any(b[0] < a[0] for a, b in zip(points, points[1:])):
        return _moving(points, step / 2)
    if len(points) < 800:
        return points
    columns: dict[int, list] = {}
    for point in points:
        columns.setdefault(math.floor(point[0] / step), []).append(point)
    kept = []
    for inside in columns.values():
        wanted = {0, len(inside) - 1}
        wanted |= {f(range(len(inside)), key=lambda i: inside[i][1]) for f in (min, max)}
        kept += [inside[i] for i in sorted(wanted)]
    return kept


def _moving(points, least):
    kept = points[:1]
    for point in points[1:-1]:
        if math.dist(point, kept[-1]) >= least:
            kept.append(point)
    return [*kept, points[-1]]


def clipped(points, box) -> list[list[tuple[float, float]]]:
    """The pieces of a line that lie within ``box`` = (left, top, right, bottom).

    Cut in numbers, not by a clipPath: that needs an id, and ids are shared by all pictures of a page.
    Source: Liang & Barsky 1984, "A new concept and method for line clipping".
    """
    pieces: list[list[tuple[float, float]]] = []
    left, top, right, bottom = box
    joined = False
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        enter, leave = 0.0, 1.0
        for p, q in ((x0 - x1, x0 - left), (x1 - x0, right - x0), (y0 - y1, y0 - top), (y1 - y0, bottom - y0)):
            if p == 0:
                if q < 0:
                    enter = 2.0
            elif p < 0:
                enter = max(enter, q / p)
            else:
                leave = min(leave, q / p)
        if enter > leave:
            joined = False
            continue
        a = (x0 + enter * (x1 - x0), y0 + enter * (y1 - y0))
        b = (x0 + leave * (x1 - x0), y0 + leave * (y1 - y0))
        if joined and enter == 0:
            pieces[-1].append(b)
        else:
            pieces.append([a, b])
        joined = leave == 1
    return pieces


def contour(x, y, z, level) -> list[np.ndarray]:
    """The lines z = ``level`` of a function given on a grid, each an (N, 2) array of places.

    x: (W,), y: (H,) rising; z: (H, W) -> lines, by linear interpolation along the grid's edges. A closed line ends
    where it begins. Cells with a value that is not finite have no line.
    Source: marching squares; where a cell's corners leave two ways, the mean of the four decides.
    """
    x, y, z = (np.asarray(a, np.float64) for a in (x, y, z))
    above = z > level
    cells = above[:-1, :-1].astype(int) + above[:-1, 1:] + above[1:, :-1] + above[1:, 1:]
    finite = np.isfinite(z)
    whole = finite[:-1, :-1] & finite[:-1, 1:] & finite[1:, :-1] & finite[1:, 1:]
    links: dict[tuple, list] = {}
    for i, j in zip(*np.nonzero((cells > 0) & (cells < 4) & whole)):
        i, j = int(i), int(j)
        # Edges are named by the grid point they start at and whether they go right (0) or up (1).
        bottom, right, top, left = (i, j, 0), (i, j + 1, 1), (i + 1, j, 0), (i, j, 1)
        corners = above[i, j], above[i, j + 1], above[i + 1, j + 1], above[i + 1, j]
        crossed = [
            edge
            for edge, a, b in ((bottom, 0, 1), (right, 1, 2), (top, 2, 3), (left, 3, 0))
            if corners[a] != corners[b]
        ]
        if len(crossed) == 4:
            middle = z[i : i + 2, j : j + 2].mean() > level
            pairs = ((bottom, right), (top, left)) if middle == corners[0] else ((bottom, left), (right, top))
        else:
            pairs = (tuple(crossed),)
        for a, b in pairs:
            links.setdefault(a, []).append(b)
            links.setdefault(b, []).append(a)

    def place(edge):
        i, j, up = edge
        k, m = (i + 1, j) if up else (i, j + 1)
        share = (level - z[i, j]) / (z[k, m] - z[i, j])
        return x[j] + share * (x[m] - x[j]), y[i] + share * (y[k] - y[i])

    lines, seen = [], set()
    for start in sorted(links, key=lambda edge: (len(links[edge]) != 1, edge)):  # open ends first, then closed lines
        if start in seen:
            continue
        walk = [start]
        seen.add(start)
        while True:
            ahead = [edge for edge in links[walk[-1]] if edge not in seen]
            if not ahead:
                break
            walk.append(ahead[0])
            seen.add(ahead[0])
        if len(walk) > 2 and start in links[walk[-1]]:
            walk.append(start)
        lines.append(np.array([place(edge) for edge in walk]))
    return lines
