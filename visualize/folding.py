"""A tall, thin layout cut into columns that stand side by side, as a flowchart goes on at the top of the next page.

Where a wire is cut both ends get a circle with the same number. Only gaps between ranks are cut, never a group.
"""

from __future__ import annotations

from .layout import Layout, Wire

TALL = 1800  # a picture up to this height is left whole: on a projector of 1,080 lines its text can still be read
WIDE_TO_HIGH = 1.5  # the proportion aimed at, about a projector's
GUTTER, LEAD = 56, 30


def columns_for(layout: Layout) -> int:
    """In how many columns ``layout`` is best shown; 1 if it is not much taller than wide."""
    columns = round((WIDE_TO_HIGH * layout.height / (layout.width + GUTTER)) ** 0.5)
    return 1 if layout.height < TALL else max(columns, 1)


def opened(groups, layout: Layout):
    """``groups`` without the frame that holds most of ``layout``, which can then be cut; None if there is no such.

    The groups inside it are named with it: ("net", "encoder", "0") becomes ("net.encoder", "0").
    """
    whole = next((path for path, f in layout.frames.items() if len(path) == 1 and f.height > 0.6 * layout.height), None)
    if whole is None:
        return None
    return {
        key: path if path[:1] != whole else (f"{path[0]}.{path[1]}", *path[2:]) if len(path) > 1 else ()
        for key, path in groups.items()
    }


def folded(layout: Layout, edges) -> Layout:
    """``layout`` if it is not much taller than wide, else the same in columns; ``edges`` as given to `lay_out`."""
    columns = columns_for(layout)
    if columns < 2:
        return layout
    cuts = _cuts(layout, columns)
    starts, ends = [0.0, *cuts], [*cuts, layout.height]
    out = Layout(loose=layout.loose, cut=layout.cut)

    def column_of(y):
        """Which column a height belongs to; a station on a cut belongs to the lower one."""
        low = 0
        while low < len(cuts) and y >= cuts[low]:
            low += 1
        return low

    # Every column is as wide as what it holds.
    reach = [[layout.width, 0.0] for _ in starts]
    for box in (*layout.boxes.values(), *layout.frames.values()):
        column = column_of(box.y)
        reach[column] = [min(reach[column][0], box.x), max(reach[column][1], box.x + box.width)]
    for wire in layout.wires:
        before = column_of(wire.points[0][1])
        for x, y in wire.points:
            # A wire that goes on in the next column ends there at the x of its next station.
            for column in range(before, column_of(y) + 1):
                reach[column] = [min(reach[column][0], x - 10), max(reach[column][1], x + 10)]
            before = column_of(y)
    lefts = [0.0]
    for left, right in reach:
        lefts.append(lefts[-1] + right - left + GUTTER)

    def place(x, y, column):
        return x - reach[column][0] + lefts[column], y - starts[column] + (LEAD if column else 0)

    for source, target in ((layout.boxes, out.boxes), (layout.frames, out.frames)):
        for key, box in source.items():
            column = column_of(box.y)
            box.x, box.y = place(box.x, box.y, column)
            target[key] = box
    passing = {}  # (column, tail): where its wires go on in the next column
    for wire in layout.wires:
        tail = edges[wire.edges[0]][0]
        column, first = column_of(wire.points[0][1]), True
        piece = []
        for x, y in wire.points:
            for here in range(column, column_of(y)):
                passing.setdefault((here, tail), {})[round(x)] = x
                out.wires.append(
                    Wire(
                        [*piece, place(x, ends[here], here)],
                        wire.edges,
                        wire.starts and first,
                        False,
                        wire.branch and first,
                    )
                )
                top = place(x, starts[here + 1], here + 1)
                piece, first = [(top[0], top[1] - LEAD + 8), top], False
            column = column_of(y)
            piece.append(place(x, y, column))
        out.wires.append(Wire(piece, wire.edges, wire.starts and first, wire.ends, wire.branch and first))
    in_reading_order = sorted(passing, key=lambda key: (key[0], min(passing[key])))
    for number, (column, tail) in enumerate(in_reading_order, 1):
        for x in passing[column, tail].values():
            above, below = place(x, ends[column], column), place(x, starts[column + 1], column + 1)
            out.connectors += [(*above, str(number)), (below[0], below[1] - LEAD + 8, str(number))]
    tallest = max(place(0, ends[i], i)[1] for i in range(len(ends)))
    out.width, out.height = lefts[-1] - GUTTER, tallest + 10
    return out


def _cuts(layout, columns):
    """Tops of ranks near the ideal heights, where few wires pass."""
    tops = [top for top, _ in layout.ranks[1:]]
    passing = []
    for top in tops:
        passing.append(sum(wire.points[0][1] < top <= wire.points[-1][1] for wire in layout.wires))
    cuts, each = [], layout.height / columns
    for i in range(1, columns):
        near = [k for k, top in enumerate(tops) if abs(top - i * each) < each / 6 and (not cuts or top > cuts[-1])]
        if near:
            cuts.append(tops[min(near, key=lambda k: (passing[k], abs(tops[k] - i * each)))])
    return cuts
