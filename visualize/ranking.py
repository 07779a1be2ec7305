"""Which rank everything is in, and what runs from rank to rank: the first step of the layout."""

from __future__ import annotations

IN, OUT, NODE, GROUP, JOINT = "in", "out", "node", "group", "joint"
PORTS = 0.72  # share of a box's width that its wires may be spread over


class Item:
    """Something with a place in a rank: a node, a whole group, a joint of a trunk, or a port in a group's border."""

    __slots__ = (
        "id",
        "kind",
        "width",
        "height",
        "rank",
        "x",
        "y",
        "position",
        "up",
        "down",
        "inner",
        "ports_in",
        "ports_out",
        "index",
    )

    def __init__(self, id, kind, width=0.0, height=0.0):
        self.id, self.kind, self.width, self.height = id, kind, width, height
        self.rank, self.x, self.y, self.position, self.index = 0, 0.0, 0.0, 0, 0
        self.up, self.down = [], []  # segments
        self.inner, self.ports_in, self.ports_out = None, {}, {}


class Segment:
    """A line from one rank to the next: part of the net of ``net`` (the key of the node it starts from)."""

    __slots__ = ("upper", "lower", "net", "du", "dl")

    def __init__(self, upper, lower, net):
        self.upper, self.lower, self.net = upper, lower, net
        self.du = self.dl = 0.0  # where it touches, from the middle of each


def on_cycles(items, nets):
    """The items on a cycle, or between two cycles: what stays when all without input or output goes."""
    left = set(items)
    for forward in (True, False):
        count, following = dict.fromkeys(left, 0), {item: [] for item in left}
        for source, sinks in nets.values():
            for sink, _ in sinks:
                if source in left and sink in left:
                    a, b = (source, sink) if forward else (sink, source)
                    count[b] += 1
                    following[a].append(b)
        free = [item for item in left if not count[item]]
        while free:
            item = free.pop()
            left.discard(item)
            for other in following[item]:
                count[other] -= 1
                if not count[other]:
                    free.append(other)
    return left


def set_ranks(items, nets):
    """Longest path from the top; then what hangs in the air above its first reader moves down to it.

    An input at rank 0 that is first read at rank 40 would otherwise pull a line through the whole picture. An op that
    reads one tensor of others' too (a weight shared over time) moves as well: that tensor's trunk serves all.
    """
    heads, tails = {item: [] for item in items}, {item: [] for item in items}
    for source, sinks in nets.values():
        for sink in dict.fromkeys(sink for sink, _ in sinks):
            heads[source].append(sink)
            tails[sink].append(source)
    waiting = {item: len(tails[item]) for item in items}
    order = [item for item in items if not waiting[item]]
    for item in order:
        for head in heads[item]:
            waiting[head] -= 1
            if not waiting[head]:
                order.append(head)
    lowest = int(any(item.kind == IN for item in items))
    for item in order:
        if item.kind != IN:
            item.rank = max([lowest] + [tail.rank + 1 for tail in tails[item]])
    for item in reversed(order):
        held = sum(len(heads[tail]) > 1 or tail.kind == IN for tail in tails[item])
        if heads[item] and item.kind != IN and held <= (len(tails[item]) > 1):
            real = [head.rank for head in heads[item] if head.kind != OUT]
            if real:
                item.rank = max(item.rank, min(real) - 1)
    bottom = max((item.rank for item in items if item.kind != OUT), default=0) + 1
    for item in items:
        if item.kind == OUT:
            item.rank = bottom


def into_rows(items, nets):
    """Ranks as lists, with a trunk of joints for every net that passes a rank, and segments between neighbours."""
    rows = [[] for _ in range(max((item.rank for item in items), default=-1) + 1)]
    for item in items:
        rows[item.rank].append(item)
    trunks = {}
    for tail, (source, sinks) in nets.items():
        last = max((sink.rank for sink, _ in sinks), default=0)
        above = source
        joints = trunks[tail] = {}
        for rank in range(source.rank + 1, last):
            joint = joints[rank] = Item((tail, rank), JOINT)
            joint.rank = rank
            rows[rank].append(joint)
            _connect(above, joint, tail)
            above = joint
        for sink, _ in sinks:
            _connect(joints.get(sink.rank - 1, source), sink, tail)
    return rows, trunks


def _connect(upper, lower, net):
    segment = Segment(upper, lower, net)
    upper.down.append(segment)
    lower.up.append(segment)


def group_ports(items):
    """A wire meets a group where the layout of its inside has put the port."""
    for item in items:
        if item.kind == GROUP:
            for s in item.up:
                s.dl = item.ports_in[s.net]
            for s in item.down:
                s.du = item.ports_out[s.net]


def node_ports(items, spacing):
    """Spread the wires along the top and bottom of a box, in the order in which they come, so that none cross there."""
    for item in items:
        if item.kind == NODE:
            for wires, other, end in ((item.up, "upper", "dl"), (item.down, "lower", "du")):
                step = min(spacing.port, PORTS * item.width / max(len(wires), 1))
                for i, s in enumerate(sorted(wires, key=lambda s: getattr(s, other).position)):
                    setattr(s, end, (i - (len(wires) - 1) / 2) * step)
