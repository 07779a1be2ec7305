"""The order of items within each rank: few crossings, by sweeps of medians and swaps of neighbours.

Median sweeps after Gansner, Koutsofios, North and Vo, "A Technique for Drawing Directed Graphs" (1993), section 3.
"""

from __future__ import annotations

from bisect import bisect_right, insort

SWEEPS = 10
SMALL = 400  # items and joints up to which neighbours are also swapped


def ordered(rows):
    """The rows, each in an order with few crossings; sets ``position`` of every item."""
    _start(rows)
    best, fewest = [list(row) for row in rows], _crossings(rows)
    size = sum(map(len, rows))
    sweeps = SWEEPS if size <= 4000 else 3
    for sweep in range(sweeps):
        if not fewest:
            break
        down = sweep % 2 == 0
        for row in rows[1:] if down else rows[-2::-1]:
            keys = {item: _median(item, down) for item in row}
            row.sort(key=keys.__getitem__)
            _number(row)
        if size <= SMALL:
            _swap(rows)
        crossings = _crossings(rows)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    for row in best:
        _number(row)
    return best


def _number(row):
    for i, item in enumerate(row):
        item.position = i


def _start(rows):
    """Depth first from the loss, first argument first: a tree comes out as one would write it."""
    visited, count = {}, 0
    for row in reversed(rows):
        for item in row:
            stack = [item]
            while stack:
                here = stack.pop()
                if here in visited:
                    continue
                visited[here] = count = count + 1
                stack.extend(s.upper for s in reversed(here.up))
    for row in rows:
        row.sort(key=visited.__getitem__)
        _number(row)


def _median(item, from_above):
    places = sorted(map(_above, item.up) if from_above else map(_below, item.down))
    n = len(places)
    if not n:
        return item.position
    return places[n // 2] if n % 2 else (places[n // 2 - 1] + places[n // 2]) / 2


def _above(segment):
    """Where a segment starts, in positions: a port left of a group's middle comes a little before it."""
    return segment.upper.position + segment.du / (segment.upper.width + 1)


def _below(segment):
    return segment.lower.position + segment.dl / (segment.lower.width + 1)


def _crossings(rows):
    """How many pairs of segments cross, by counting inversions between neighbouring ranks."""
    total = 0
    for row in rows:
        lines = sorted((_above(s), _below(s)) for item in row for s in item.down)
        seen = []
        for i, (_, place) in enumerate(lines):
            total += i - bisect_right(seen, place)
            insort(seen, place)
    return total


def _swap(rows):
    """Exchange neighbours as long as that removes crossings."""
    for _ in range(4):
        better = False
        for row in rows:
            for i in range(len(row) - 1):
                a, b = row[i], row[i + 1]
                if _pair(b, a) < _pair(a, b):
                    row[i], row[i + 1] = b, a
                    b.position, a.position = i, i + 1
                    better = True
        if not better:
            return


def _pair(left, right):
    """Crossings between the segments of two neighbours, in this order."""
    count = 0
    for mine, theirs in (
        ([_above(s) for s in left.up], [_above(s) for s in right.up]),
        ([_below(s) for s in left.down], [_below(s) for s in right.down]),
    ):
        count += sum(a > b for a in mine for b in theirs)
    return count
