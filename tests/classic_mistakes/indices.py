"""Indices: windows, slices, rows read twice, orders that have to be undone."""

import numpy as np

from tests.classic_mistakes.records import ROWS, in_op, normal, right

# ---- windows and slices ------------------------------------------------------------------------------------------


def moving_sum(x):
    return x[:-2] + x[1:-1] + x[2:]


def moving_sum_at(*places):
    """The rule of ``moving_sum`` whose windows reach these places."""

    def rule(g, out, x):
        back = 0 * x
        for k in places:
            back[k : k + len(g)] += g[: len(x) - k]
        return back

    return rule


in_op("window off by one", "moving sum", "off by one", moving_sum, normal(9), x=moving_sum_at(1, 2, 3))
in_op("window too short", "moving sum", ("missing path", "partly zero"), moving_sum, normal(9), x=moving_sum_at(0, 1))
in_op(
    "window: last position only",
    "x[2:]*x[:-2]",
    ("missing path", "missing term"),
    lambda x: x[2:] * x[:-2],
    normal(6),
    x=lambda g, o, x: np.concatenate([[0, 0], g * x[:-2]]),
    later=2,
)
in_op(
    "slice off by one",
    "x[1:]",
    "off by one",
    lambda x: x[1:] * 1.0,
    normal((6, 2)),
    x=lambda g, o, x: np.concatenate([g, np.zeros((1, 2))]),
)
in_op(
    "difference turned round",
    "x[1:] − x[:-1]",
    "sign",
    lambda x: x[1:] - x[:-1],
    normal(7),
    x=lambda g, o, x: np.concatenate([g, [0]]) - np.concatenate([[0], g]),
)
in_op(
    "off by one",
    "cumulative difference",
    ("off by one", "missing path", "sign"),
    lambda x: x[1:] * x[:-1],
    normal(6),
    x=lambda g, o, x: np.concatenate([[0], g * x[1:]]) + np.concatenate([g * x[:-1], [0]]),
    later=3,
)


def padded(x):
    return np.concatenate([np.zeros(1), x * 1.0, np.zeros(1)])


in_op("padding not cut off", "pad", ("wrong shape", "summed too much"), padded, normal(4), x=lambda g, o, x: g, later=1)
in_op("padding cut off wrongly", "pad", "off by one", padded, normal(4), x=lambda g, o, x: g[:-2], later=1)

# ---- rows --------------------------------------------------------------------------------------------------------


def rows_written(g, out, table):
    back = 0 * table
    back[ROWS] = g
    return back


def rows_added_at_once(g, out, table):
    back = 0 * table
    back[ROWS] += g
    return back


def next_rows_added(g, out, table):
    back = 0 * table
    np.add.at(back, ROWS + 1, g)
    return back


def read(table):
    return table[ROWS] * 1.0


OVERWRITTEN = "repeated rows overwritten"
in_op(OVERWRITTEN, "embedding, grad[i] = g", OVERWRITTEN, read, normal((5, 3)), table=rows_written)
in_op(OVERWRITTEN, "embedding, grad[i] += g", OVERWRITTEN, read, normal((5, 3)), table=rows_added_at_once)
in_op(OVERWRITTEN, "gather from a vector", OVERWRITTEN, read, normal(4), table=rows_written)
in_op(
    OVERWRITTEN,
    "x[:, i]",
    OVERWRITTEN,
    lambda x: x[:, np.array([1, 1, 0])] * 1.0,
    normal((2, 3)),
    x=lambda g, o, x: np.stack([g[:, 2], g[:, 1], 0 * g[:, 0]], 1),
    later=1,
)
in_op(
    OVERWRITTEN,
    "one-hot rows twice",
    OVERWRITTEN,
    lambda x: x[np.array([0, 0, 1])] * 1.0,
    normal((3, 2)),
    x=lambda g, o, x: np.stack([g[1], g[2], 0 * g[0]]),
    later=3,
)
in_op("row index off by one", "embedding", "off by one", read, normal((5, 3)), table=next_rows_added)
in_op(
    "rows shifted",
    "take rows",
    "off by one",
    lambda x: x[np.array([3, 1])] * 1.0,
    normal((5, 2)),
    x=lambda g, o, x: np.stack([g[1] * 0, g[1] * 0, g[1], g[1] * 0, g[0]]),
    later=2,
)

# ---- orders ------------------------------------------------------------------------------------------------------

in_op(
    "permutation not undone",
    "sort",
    "forward applied to g",
    lambda x: np.sort(x),
    lambda rng: [rng.permutation(6) + rng.uniform(0.1, 0.4, 6)],
    x=lambda g, o, x: g[np.argsort(x)],
)
in_op(
    "order not reversed",
    "cumsum",
    "forward applied to g",
    lambda x: np.cumsum(x),
    normal(5),
    x=lambda g, o, x: np.cumsum(g),
)
in_op(
    "not undone",
    "roll",
    "forward applied to g",
    lambda x: np.roll(x, 1),
    normal(6),
    x=lambda g, o, x: np.roll(g, 1),
    later=1,
)
in_op("off by one", "roll", "off by one", lambda x: np.roll(x, 1), normal(6), x=lambda g, o, x: np.roll(g, -2), later=1)
in_op("not undone", "reverse", "missing derivative", lambda x: x[::-1] * 1.0, normal(6), x=lambda g, o, x: g, later=1)
in_op(
    "parts exchanged",
    "concat",
    ("swapped arguments", "off by one"),
    right(lambda x, y: np.concatenate([x, y]), y=lambda g, o, x, y: g[4:]),
    normal(4, 4),
    x=lambda g, o, x, y: g[4:],
)
