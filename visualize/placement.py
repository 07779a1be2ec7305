"""x of every item, its order within the rank given: wires as straight as the boxes' widths allow.

Each sweep asks every item where its neighbours would like it, and then solves for a whole rank at once: the positions
nearest to the wishes (least squares) that keep order and distance. That problem is an isotonic regression, solved
exactly in linear time by pooling adjacent violators.
"""

from __future__ import annotations

SWEEPS = 14
_STRAIGHT = {0: 1.0, 1: 2.0, 2: 8.0}  # by how many ends are joints: long lines bend last


def placed(rows, spacing):
    """Set ``x`` (the middle) of every item in ``rows``."""
    for row in rows:
        x = 0.0
        for before, item in zip([None, *row], row):
            x += _distance(before, item, spacing) if before is not None else 0
            item.x = x
        for item in row:
            item.x -= x / 2
    sweeps = SWEEPS if sum(map(len, rows)) <= 4000 else 6
    for sweep in range(sweeps):
        both = sweep >= sweeps - 4
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            above = both or sweep % 2 == 0
            below = both or sweep % 2 == 1
            _solve(row, [_wish(item, above, below) for item in row], spacing)


def _distance(left, right, spacing):
    joints = (left.kind in ("joint", "in", "out")) + (right.kind in ("joint", "in", "out"))
    gap = spacing.between_joints if joints else spacing.between_nodes
    return (left.width + right.width) / 2 + gap


def _wish(item, above, below):
    """(where the neighbours would like the item, how much)."""
    total = weight = 0.0
    long = item.kind == "joint"
    for wanted, segments, other in ((above, item.up, "upper"), (below, item.down, "lower")):
        if not wanted:
            continue
        ends = [getattr(s, other) for s in segments]
        # A node follows its near neighbours and a trunk itself; where the two meet, each would drag the other aside
        # a little at every rank, and a long chain would lean.
        alike = any((end.kind == "joint") == long for end in ends)
        for s, end in zip(segments, ends):
            if alike and (end.kind == "joint") != long:
                continue
            w = _STRAIGHT[long + (end.kind == "joint")]
            there, here = (s.du, s.dl) if other == "upper" else (s.dl, s.du)
            # Ports of a node shift its wires a little; following them would make a chain walk sideways.
            place = end.x + there * (end.kind == "group" or long) - here * (item.kind == "group")
            total += w * place
            weight += w
    return (total / weight, weight) if weight else (item.x, 0.01)


def _solve(row, wishes, spacing):
    """Least squares under x[i+1] - x[i] >= distance: subtract the distances, then pool what is out of order."""
    offsets, offset = [], 0.0
    for before, item in zip([None, *row], row):
        if before is not None:
            offset += _distance(before, item, spacing)
        offsets.append(offset)
    pools = []  # [sum of weight * value, weight, count]
    for (wish, weight), offset in zip(wishes, offsets):
        pool = [weight * (wish - offset), weight, 1]
        while pools and pools[-1][0] * pool[1] > pool[0] * pools[-1][1]:
            last = pools.pop()
            pool = [pool[0] + last[0], pool[1] + last[1], pool[2] + last[2]]
        pools.append(pool)
    i = 0
    for total, weight, count in pools:
        for item, offset in zip(row[i : i + count], offsets[i : i + count]):
            item.x = total / weight + offset
        i += count
