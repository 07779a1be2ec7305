"""What each rule sent back along its edge, so that a picture can show a gradient as the sum that it is.

`backward` adds contributions up and forgets them. Here the op's own rule is run once more, on the gradient that was
kept of its result, and what the edges of one tensor carry is compared with the gradient that the engine holds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinygrad_nlp import StaleValueError, Tensor
from tinygrad_nlp.backward import _refuse_stale
from tinygrad_nlp.broadcasting import sum_to_shape

from .heatmap import heat_map

MOST_EVERY, MOST_SUMS = 40, 150
"""Up to so many nodes every edge shows what it carries; up to so many, those that are added to others; then none."""


MOST_ELEMENTS = 5_000_000
"""Of a larger array (a table of a million words) contributions would be as large, one for every edge."""


def apply_rule(node, position, g) -> np.ndarray:
    """What the rule of ``node``'s op sends to the argument at ``position``, given dJ/d(node) = ``g``."""
    values = [a._data if isinstance(a, Tensor) else a for a in node._args]
    part = node._op.rule(position)(g, node._data, *values, **node._options)
    if node._op.broadcasts:
        part = sum_to_shape(part, values[position].shape)
    return np.asarray(part)


def add_contributions(graph, tensors, keys, every=None):
    """Give the edges of ``graph`` their ``part``: all edges, or if ``every`` is None those that there is room for.

    keys  {tensor's id: its key in the graph}
    """
    every = len(graph.nodes) <= MOST_EVERY if every is None else every
    if not every and len(graph.nodes) > MOST_SUMS:
        return
    by_key = {keys[t._id]: t for t in tensors}
    several = {key for key, n in graph.contributions().items() if n > 1}
    totals, edges, lost = {}, [], 0
    large = {key for key, t in by_key.items() if t.size > MOST_ELEMENTS}
    for edge in graph.edges:
        if edge.flowed and (every or edge.tail in several) and edge.tail not in large:
            part = _part(by_key[edge.head], edge.position)
            if part is None:
                lost += 1
                totals[edge.tail] = None
            else:
                edge = replace(edge, part=heat_map(part))
                if totals.get(edge.tail, 0) is not None:
                    totals[edge.tail] = totals.get(edge.tail, 0) + part
        edges.append(edge)
    graph.edges = edges
    if any(edge.flowed and edge.tail in large for edge in edges):
        graph.notes.append(f"contributions to arrays of over {MOST_ELEMENTS:,} elements are not shown")
    if lost:
        graph.notes.append(
            f"{lost} contribution{'s' * (lost > 1)} not shown: the gradient above was not kept, or a value that the "
            "rule reads was changed since; draw inside record_gradients(), before optimizer.step()"
        )
    for key, total in totals.items():
        if total is not None and not _equal(total, gradient_of(by_key[key])):
            graph.notes.append(
                f"the gradient of {graph.nodes[key].title} is not the sum of what arrives here: it held something "
                "before (zero_grad() clears it), or a hook changed it"
            )


def _part(head, position):
    g = gradient_of(head)
    if g is None:
        return None
    try:
        _refuse_stale(head)
    except StaleValueError:
        return None
    with np.errstate(all="ignore"):
        return apply_rule(head, position, g)


def gradient_of(t) -> np.ndarray | None:
    """The gradient that a tensor holds, whether as an array, as sparse rows or as a Tensor."""
    return None if t._grad is None else t._grad._data if isinstance(t._grad, Tensor) else np.asarray(t._grad)


def _equal(total, gradient):
    """Equal but for rounding: the engine may add in another order, or by a kernel."""
    if gradient is None:
        return True
    finite = np.abs(gradient[np.isfinite(gradient)])
    room = 1e4 * float(np.finfo(gradient.dtype).eps) * max(float(finite.max(initial=0.0)), 1e-30)
    with np.errstate(all="ignore"):
        return np.allclose(total, gradient, rtol=0, atol=room, equal_nan=True)
