"""A layered layout (after Sugiyama): inputs at the top, the loss at the bottom, boxes that never overlap.

Four steps, each its own function: *ranks* (every edge points down), *order* within a rank (few crossings), *x*
(straight lines), *wires* (an edge passes other ranks through a slot of its own, so it never runs through a box).

Two ideas beyond the textbook keep pictures of networks readable. All edges out of one tensor share one *trunk*
through the ranks, so a weight used in 500 time steps draws one line, not 500; and a module call is laid out by itself
and then placed as one box, so its frame encloses its members and nothing else. A module whose frame would make the
order impossible (its result comes back to it through something outside) gets no frame; it is listed in ``loose``.

Everything is deterministic, free of recursion over nodes, and near linear in nodes plus trunk length.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .ordering import ordered
from .placement import placed
from .ranking import GROUP, IN, NODE, OUT, Item, group_ports, into_rows, node_ports, on_cycles, set_ranks


@dataclass(frozen=True)
class Spacing:
    """Distances in user units."""

    between_nodes: float = 28
    between_joints: float = 16
    between_ranks: float = 38
    port: float = 24  # between two wires at one box
    frame_top: float = 30  # room for a group's label
    frame_side: float = 16
    label: float = 8.6  # width of a label's character


@dataclass
class Box:
    x: float
    y: float
    width: float
    height: float


@dataclass
class Wire:
    """A piece of one or more edges: stations from above to below; between two with different x it bends.

    edges       positions, in the list given, of the edges that run here
    starts      it starts at the box of a node (False: at a joint, or at the border of a group's frame)
    ends        it ends at the box of a node
    branch      it leaves a trunk at its first station
    """

    points: list[tuple[float, float]]
    edges: tuple[int, ...]
    starts: bool
    ends: bool
    branch: bool = False


@dataclass
class Layout:
    width: float = 0
    height: float = 0
    boxes: dict[str, Box] = field(default_factory=dict)
    frames: dict[tuple[str, ...], Box] = field(default_factory=dict)
    wires: list[Wire] = field(default_factory=list)
    loose: set[tuple[str, ...]] = field(default_factory=set)
    cut: list[int] = field(default_factory=list)  # edges too long to draw
    ranks: list[tuple[float, float]] = field(default_factory=list)  # top and bottom of each, outside of groups
    connectors: list[tuple[float, float, str]] = field(default_factory=list)  # where a folded layout goes on

    def shift(self, dx, dy):
        for box in (*self.boxes.values(), *self.frames.values()):
            box.x += dx
            box.y += dy
        for wire in self.wires:
            wire.points = [(x + dx, y + dy) for x, y in wire.points]


def lay_out(sizes, edges, groups=None, spacing=None, room=None) -> Layout:
    """Place boxes and wires.

    sizes    {key: (width, height)}, inputs before results
    edges    [(tail key, head key), …]; several between the same two are drawn beside each other
    groups   {key: path of the group it is in}, () or absent for none
    room     {position of an edge: height to keep free above its head, for what will stand beside the wire}
    """
    given = edges, sizes, groups or {}, spacing or Spacing(), room or {}
    return _Level(list(sizes), (), list(range(len(edges))), given).layout


class _Level:
    """The inside of one group (or of the whole picture), groups within it being boxes."""

    def __init__(self, members, path, relevant, given):
        self.path, self.given = path, given
        self.edges, self.sizes, self.groups, self.spacing, self.room = given
        self.layout = Layout()
        self.members = members
        self.within = set(members)
        while True:
            owner = self._items(relevant)
            nets = self._nets(relevant, owner)
            stuck = on_cycles(self.items, nets)
            knotted = {item.id for item in stuck if item.kind == GROUP}
            if not knotted:
                break
            self.layout.loose |= knotted
        self._fill_groups(relevant, owner)
        set_ranks(self.items, nets)
        self._cut_longest(nets)
        rows, self.trunks = into_rows(self.items, nets)
        group_ports(self.items)
        rows = ordered(rows)
        node_ports(self.items, self.spacing)
        placed(rows, self.spacing)
        self._heights(rows, nets)
        self._assemble(rows, nets)

    # ---- what there is --------------------------------------------------------------------------------------

    def _items(self, relevant):
        """The items of this level; returns {node key: its item}."""
        found, owner, inside = {}, {}, {}
        depth = len(self.path) + 1
        for key in self.members:
            path = self.groups.get(key, ())
            # A group without a frame does not hide the groups inside it.
            level = next((d for d in range(depth, len(path) + 1) if path[:d] not in self.layout.loose), None)
            if level is None:
                item = found[key] = Item(key, NODE, *self.sizes[key])
            else:
                item = found.setdefault(path[:level], Item(path[:level], GROUP))
                inside.setdefault(item.id, []).append(key)
            owner[key] = item
        self.items, self.inside = list(found.values()), inside
        for e in relevant:
            tail, head = self.edges[e]
            if tail not in self.within and (IN, tail) not in owner:
                owner[IN, tail] = Item((IN, tail), IN, 0, self.spacing.frame_top)
            if head not in self.within and (OUT, tail) not in owner:
                owner[OUT, tail] = Item((OUT, tail), OUT, 0, self.spacing.frame_side)
        self.items += [
            item for key, item in owner.items() if type(key) is tuple and key[0] in (IN, OUT) and item.kind in (IN, OUT)
        ]
        for i, item in enumerate(self.items):
            item.index = i
        return owner

    def _nets(self, relevant, owner):
        """{tail: (source item, [(sink item, edges it stands for)])}: one net for everything that leaves a node."""
        nets = {}
        for e in relevant:
            tail, head = self.edges[e]
            source = owner[tail] if tail in self.within else owner[IN, tail]
            sink = owner[head] if head in self.within else owner[OUT, tail]
            if source is sink:
                continue
            sinks = nets.setdefault(tail, (source, {}))[1]
            # Each edge to a node is drawn; edges into one group share the way there.
            sinks.setdefault((sink.index, e) if sink.kind == NODE else sink.index, (sink, []))[1].append(e)
        return {tail: (source, list(sinks.values())) for tail, (source, sinks) in nets.items()}

    def _fill_groups(self, relevant, owner):
        for item in self.items:
            if item.kind == GROUP:
                mine = set(self.inside[item.id])
                touching = [e for e in relevant if self.edges[e][0] in mine or self.edges[e][1] in mine]
                level = _Level(self.inside[item.id], item.id, touching, self.given)
                item.inner = level.layout
                item.width, item.height = level.layout.width, level.layout.height
                for port in level.items:
                    if port.kind in (IN, OUT):
                        (item.ports_in if port.kind == IN else item.ports_out)[port.id[1]] = port.x - item.width / 2

    def _cut_longest(self, nets):
        """Drop the longest edges where trunks would need more joints than the picture can show in its time."""
        budget = 6000 + 6 * len(self.items)

        def reach(net):
            source, sinks = net
            return max((sink.rank for sink, _ in sinks), default=source.rank + 1) - source.rank - 1

        total = sum(map(reach, nets.values()))
        for tail in sorted(nets, key=lambda tail: (-reach(nets[tail]), nets[tail][0].index)) if total > budget else ():
            if total <= budget:
                break
            source, sinks = nets[tail]
            before = reach(nets[tail])
            near = [s for s in sinks if s[0].rank <= source.rank + 8]
            self.layout.cut += [e for s in sinks if s[0].rank > source.rank + 8 for e in s[1]]
            nets[tail] = (source, near)
            total -= before - reach(nets[tail])

    # ---- where it goes --------------------------------------------------------------------------------------

    def _heights(self, rows, nets):
        """y of every rank; a gap grows where wires have far to go sideways, to stay steep enough to follow."""
        free = [0.0] * (len(rows) + 1)
        for _, sinks in nets.values():
            for sink, edges in sinks:
                if sink.kind == NODE and edges[0] in self.room:
                    free[sink.rank] = max(free[sink.rank], self.room[edges[0]])
        y = 0.0
        self.tops, self.bottoms = [], []
        for i, row in enumerate(rows):
            height = max((item.height for item in row), default=0)
            self.tops.append(y)
            self.bottoms.append(y + height)
            for item in row:
                # What has no input stands close to what reads it, what has no reader close to its inputs.
                slack = height - item.height
                item.y = y + (slack if not item.up else 0 if not item.down else slack / 2)
            far = max((abs(s.upper.x + s.du - s.lower.x - s.dl) for item in row for s in item.down), default=0)
            border = i + 1 < len(rows) and (row[0].kind == IN or rows[i + 1][0].kind == OUT)
            gap = (0.4 if border else 1) * self.spacing.between_ranks + min(60, far * 0.09)
            y += height + gap + free[i + 1]
        self.height = self.bottoms[-1] if rows else 0

    def _assemble(self, rows, nets):
        layout, side = self.layout, self.spacing.frame_side
        left = min((item.x - item.width / 2 for row in rows for item in row), default=0)
        right = max((item.x + item.width / 2 for row in rows for item in row), default=0)
        top, bottom, pad = 0.0, self.height, 0.0
        if self.path:
            pad = side
            if not any(item.kind == IN for item in self.items):
                top -= self.spacing.frame_top
            if not any(item.kind == OUT for item in self.items):
                bottom += side
        label = 24 + self.spacing.label * min(len(self.path[-1]), 44) if self.path else 0
        inlets = [item.x for item in self.items if item.kind == IN]
        if self.path and inlets:  # the label stands beside what comes in from above
            before, behind = min(inlets) - left + pad, right + pad - max(inlets)
            if max(before, behind) < label:
                left, right = (left, right + label - behind) if behind > before else (left - label + before, right)
        extra = max(0.0, label - (right - left + 2 * pad)) / 2
        dx, dy = pad + extra - left, -top
        layout.width, layout.height = right - left + 2 * pad + 2 * extra, bottom - top

        for item in self.items:
            x, y = item.x - item.width / 2, item.y
            if item.kind == NODE:
                layout.boxes[item.id] = Box(x, y, item.width, item.height)
            elif item.kind == GROUP:
                inner = item.inner
                inner.shift(x, y)
                layout.frames[item.id] = Box(x, y, item.width, item.height)
                layout.boxes |= inner.boxes
                layout.frames |= inner.frames
                layout.wires += inner.wires
                layout.loose |= inner.loose
                layout.cut += inner.cut
        layout.wires += self._wires(nets)
        layout.shift(dx, dy)
        layout.ranks = [(top + dy, bottom + dy) for top, bottom in zip(self.tops, self.bottoms)]
        for item in self.items:  # the level above asks where the ports are
            item.x += dx

    def _wires(self, nets):
        wires = []
        for tail, (source, sinks) in nets.items():
            first = True
            segments = {}
            for s in source.down:
                if s.net == tail:
                    segments.setdefault(s.lower, []).append(s)
            far = sorted(sinks, key=lambda sink: -sink[0].rank)
            last = far[0][0].rank if far else 0
            for sink, edges in far:
                below = [e for other, more in far if other.rank > source.rank + 1 for e in more]
                if sink.rank == source.rank + 1:
                    s = segments[sink].pop(0)
                    wires.append(
                        Wire(
                            self._from(source, s) + self._to(s, sink),
                            tuple(edges),
                            source.kind == NODE,
                            sink.kind == NODE,
                        )
                    )
                    continue
                joints = self.trunks[tail]  # by rank
                s = next(s for s in sink.up if s.net == tail and s.upper is joints[sink.rank - 1])
                sink.up.remove(s)
                if first:
                    start = segments[joints[source.rank + 1]][0]
                    points = self._from(source, start)
                    for rank in range(source.rank + 1, last):
                        x = joints[rank].x
                        points += [(x, self.tops[rank]), (x, self.bottoms[rank])]
                    wires.append(Wire(points + self._to(s, sink), tuple(below), source.kind == NODE, sink.kind == NODE))
                    first = False
                else:
                    joint = joints[sink.rank - 1]
                    points = [(joint.x, self.bottoms[joint.rank])]
                    wires.append(Wire(points + self._to(s, sink), tuple(edges), False, sink.kind == NODE, branch=True))
        return wires

    def _from(self, item, segment):
        x = item.x + segment.du
        start = item.y if item.kind == IN else item.y + item.height
        return [(x, start), (x, self.bottoms[item.rank])]

    def _to(self, segment, item):
        x = item.x + segment.dl
        return [(x, self.tops[item.rank]), (x, item.y + item.height if item.kind == OUT else item.y)]
