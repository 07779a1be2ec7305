"""Modules closed to one box each below a depth, and runs of identical siblings shown once as ×N.

Both turn a `Graph` into a smaller one of the same kind, so each output format draws it without knowing. Order is
kept: a box stands where its last op stood, and every edge still leads from an earlier node to a later one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from .graph import MODULE, NOT_NEEDED, Graph, groups_of


def closed(graph: Graph, depth: int) -> Graph:
    """``graph`` with every module call that is inside ``depth`` others as one node of kind "module".

    depth 0 closes the outermost modules, 1 those directly inside them. A parameter or array that only one call uses
    goes into its box; one that several use stays outside and leads to each, and so do arrays of integers.
    """
    box_of = _boxes(graph, depth)
    members = {}
    for key in graph.nodes:
        if key in box_of:
            members.setdefault(box_of[key], []).append(key)
    leaving = {e.tail for e in graph.edges if box_of.get(e.tail, e.tail) != box_of.get(e.head, e.head)}
    inner = {}
    for e in graph.edges:
        if e.head in box_of and box_of.get(e.tail) == box_of[e.head]:
            inner.setdefault(box_of[e.head], []).append(e)

    nodes = {}
    for key, node in graph.nodes.items():
        if key not in box_of:
            nodes[key] = replace(node, group=node.group[:depth])
        elif box_of[key] == key:
            inside = [graph.nodes[k] for k in members[key]]
            exits = [n for n in inside if n.root or n.key in leaving]
            nodes[key] = _box(inside, exits, depth, _structure(members[key], inner.get(key, ()), graph.nodes, depth))
    edges, seen = [], {}
    for e in graph.edges:
        tail, head = box_of.get(e.tail, e.tail), box_of.get(e.head, e.head)
        # Into a box a tensor leads once, however many ops inside read it; and two results of a box are two wires.
        once = (e.tail, head) if head in box_of else (e.tail, head, e.position)
        if tail == head:
            continue
        if once in seen:  # one wire for both: what came along one of them is not what came along it
            edges[seen[once]] = replace(edges[seen[once]], part=None)
            continue
        seen[once] = len(edges)
        edges.append(replace(e, tail=tail, head=head))
    return _finished(graph, nodes, edges)


def _boxes(graph, depth):
    """{key: key of the last op of the box it goes into}.

    A box is a stretch of consecutive ops of one module call: contracting a stretch of a topological order makes no
    cycle, contracting a module that is entered, left and entered again could.
    """
    stretch_of, stretches, current = {}, [], None
    for key, node in graph.nodes.items():
        if node.kind != "op":
            continue
        if len(node.group) <= depth:
            current = None
            continue
        call = node.group[: depth + 1], node.calls[depth : depth + 1]
        if call != current:
            stretches.append(None)
            current = call
        stretch_of[key] = len(stretches) - 1
        stretches[-1] = key
    readers = {}
    for e in graph.edges:
        readers.setdefault(e.tail, set()).add(stretch_of.get(e.head))
    for key, node in graph.nodes.items():
        # Ids and labels are what the network is given, so they stay in sight; other arrays (a mask) are its own affair.
        own = node.kind == "parameter" or (node.role and not node.dtype.startswith(("int", "uint")))
        if own and not node.root and len(readers.get(key, ())) == 1 and None not in readers[key]:
            stretch_of[key] = next(iter(readers[key]))
    return {key: stretches[number] for key, number in stretch_of.items()}


def _box(inside, exits, depth, structure):
    last = inside[-1] if inside[-1].kind == "op" else next(n for n in reversed(inside) if n.kind == "op")
    out = exits[-1] if exits else last
    numbers = 0
    for node in inside:
        if node.kind == "parameter":
            size = 1
            for n in node.shape:
                size *= n
            numbers += size
    counts = Counter(node.kind for node in inside)
    detail = _count(counts["op"], "op")
    if numbers:
        detail += f", {_count(numbers, 'parameter')}"
    if len(exits) > 1:
        detail += f", {len(exits)} results"
    one = len(exits) <= 1
    return replace(
        out,
        key=last.key,
        kind=MODULE,
        name=last.group[depth],
        op="",
        detail=detail,
        role="",
        root=any(n.root for n in inside),
        value=out.value if one else None,
        gradient=out.gradient if one else None,
        gradient_state=out.gradient_state if one else NOT_NEEDED,
        group=last.group[:depth],
        structure=structure,
    )


def _count(n, what):
    return f"{n:,} {what}{'' if n == 1 else 's'}"


# ---- identical siblings --------------------------------------------------------------------------------------------


def folded_siblings(graph: Graph) -> Graph:
    """``graph`` with identical modules in a row, or side by side, shown once: ``0 … 11 ×12``.

    Identical are modules of one parent with the same ops, options, shapes and wiring; values may differ, so the one
    that is left shows none.
    """
    for depth in range(max((len(node.group) for node in graph.nodes.values()), default=0) + 1):
        graph = _fold_at(graph, depth)
    return graph


def _fold_at(graph, depth):
    """Fold siblings whose parent is at ``depth``."""
    units, unit_of = {}, {}
    for key, node in graph.nodes.items():
        unit = node.group[: depth + 1] if len(node.group) > depth else key if node.kind == MODULE else None
        if unit is not None and len(node.group) >= depth:
            units.setdefault(unit, []).append(key)
            unit_of[key] = unit
    if len(units) < 2:
        return graph
    place = {key: i for unit in units.values() for i, key in enumerate(unit)}
    within, into, out_of = ({unit: [] for unit in units} for _ in range(3))
    for e in graph.edges:
        tail, head = unit_of.get(e.tail), unit_of.get(e.head)
        if tail is not None and tail == head:
            within[tail].append(e)
            continue
        if head is not None:
            into[head].append(e)
        if tail is not None:
            out_of[tail].append(e)
    alike = {}
    for unit, keys in units.items():
        parent = unit[:depth] if isinstance(unit, tuple) else graph.nodes[unit].group
        structure = _structure(keys, within[unit], graph.nodes, depth)
        wiring = tuple((place[e.head], e.position) for e in into[unit])
        alike.setdefault((parent, structure, wiring), []).append(unit)

    ending = {unit_of[node.key] for node in graph.roots if node.key in unit_of}
    gone, times, stands_for = set(), {}, {}
    for same in alike.values():
        for run, in_a_row in _runs(same, into, out_of, unit_of, place, ending):
            first, last = run[0], run[-1]
            times[first] = (len(run), last, in_a_row)
            for unit in run[1:]:
                gone.update(units[unit])
            if in_a_row:
                stands_for |= dict(zip(units[last], units[first]))
            else:
                stands_for |= {key: kept for unit in run[1:] for key, kept in zip(units[unit], units[first])}
    if not times:
        return graph

    ends = {stands_for.get(node.key, node.key) for node in graph.roots}
    nodes = {}
    for key, node in graph.nodes.items():
        if key not in gone:
            found = times.get(unit_of.get(key))
            node = _as_many(node, depth, *found, graph) if found else node
            nodes[key] = replace(node, root=key in ends)
    kept = [e for e in graph.edges if e.head not in gone and (e.tail in stands_for or e.tail not in gone)]
    drawn = {(e.tail, e.head) for e in kept if e.tail not in stands_for}
    edges = []
    for e in kept:
        tail = stands_for.get(e.tail, e.tail)
        if e.tail in stands_for and (tail, e.head) in drawn:
            continue  # side by side, they lead to the same reader: one wire for all
        many = unit_of.get(tail) in times or unit_of.get(e.head) in times
        edges.append(replace(e, tail=tail, part=None if many else e.part))
    return _finished(graph, nodes, edges)


def _runs(units, into, out_of, unit_of, place, ending):
    """Of units with the same structure: [(those that fold, do they follow one another?)]."""
    done, found = set(), []
    for i, start in enumerate(units):
        if start in done:
            continue
        row, link = [start], None
        for unit in units[i + 1 :]:
            here = None if row[-1] in ending else _link(row[-1], unit, into, out_of, unit_of, place)
            if here is None or (link is not None and here != link):
                break
            row, link = [*row, unit], here
        if len(row) > 1:
            found.append((row, True))
            done.update(row)
            continue
        inputs = [e.tail for e in into[start]]
        readers, side = {e.head for e in out_of[start]}, [start]
        for unit in units[i + 1 :]:
            if unit in done or not inputs or [e.tail for e in into[unit]] != inputs:
                continue
            if {e.head for e in out_of[unit]} == readers and not readers & place.keys():
                side.append(unit)
        if len(side) > 1:
            found.append((side, False))
            done.update(side)
    return found


def _link(before, after, into, out_of, unit_of, place):
    """Which result of ``before`` each input of ``after`` is; None unless ``after`` reads nothing else that is new."""
    if not into[after] or any(unit_of.get(e.head) != after for e in out_of[before]):
        return None
    link = []
    for theirs, ours in zip(into[before], into[after]):
        if unit_of.get(ours.tail) == before:
            link.append(place[ours.tail])
        elif ours.tail == theirs.tail:
            link.append("shared")
        else:
            return None
    return tuple(link) if any(step != "shared" for step in link) else None


def _structure(keys, edges, nodes, depth):
    """What makes two modules the same thing: everything but names and values."""
    place = {key: i for i, key in enumerate(keys)}
    what = []
    for key in keys:
        node = nodes[key]
        made = "" if node.kind == MODULE else node.detail
        what.append((node.kind, node.op, node.role, made, node.shape, node.group[depth + 1 :], node.structure))
    wires = sorted((place[e.tail], place[e.head], e.position) for e in edges)
    return hash((tuple(what), tuple(wires)))


def _as_many(node, depth, times, last, in_a_row, graph):
    how = "one after the other" if in_a_row else "side by side"
    blank = {"value": None, "gradient": None, "gradient_state": NOT_NEEDED}
    if isinstance(last, str):  # closed modules: the node itself
        name = f"{node.name} … {graph.nodes[last].name} ×{times}" if graph.nodes[last].name != node.name else None
        return replace(node, name=name or f"{node.name} ×{times}", detail=f"{node.detail}, {how}", **blank)
    own = node.group[depth]
    label = f"{own} … {last[-1]} ×{times}, {how}"
    return replace(node, group=(*node.group[:depth], label, *node.group[depth + 1 :]), **blank)


def _finished(graph, nodes, edges):
    """A Graph of these, with uses counted anew."""
    uses = Counter(e.tail for e in edges)
    nodes = {key: replace(node, uses=uses[key]) for key, node in nodes.items()}
    return Graph(nodes, edges, groups_of(nodes), graph.backward, graph.notes)
