"""The backward pass as a graph of its own: from dJ/dJ = 1 at the top to the gradients of the parameters.

A rule that runs on Tensors is recorded like any other computation ("one rule, three readings"), so the picture needs
no second description of what a rule does: it is the engine's own sweep with ``create_graph=True``. Values of the
forward pass that a rule reads stand in it as data; what they were computed from does not.
"""

from __future__ import annotations

import numpy as np

from tinygrad_nlp import GradientError, Tensor
from tinygrad_nlp.backward import starting_gradient, sweep
from tinygrad_nlp.errors import describe, explain
from tinygrad_nlp.modes import Scope, _modes, current

from .graph import NOT_NEEDED, Graph, as_roots, assemble, groups_of, name_of, walk
from .text import shorten

SUM = "sum over the uses"
MOST_NAMES = 3  # a rule that passes its gradient on unchanged makes one tensor the gradient of several


def backward_graph(tensors, values=True) -> Graph:
    """The graph of the backward pass of ``tensors`` (the loss, or several, whose sum is then differentiated).

    A tensor in it that is the gradient of a forward tensor is named after it, and the ops of one rule form a group.
    ``.grad`` of no tensor changes; hooks are called once, as `backward` would.

    Raises GradientError if `backward` has freed the graph, or if a root is not one number or has no gradient.
    """
    roots = as_roots(tensors)
    for root in roots:
        if root.size != 1 or not root.requires_grad:
            lost = "" if root.requires_grad else ", which does not depend on any tensor that requires grad"
            raise GradientError(
                explain(
                    'draw(view="backward")',
                    got=f"{describe(root)}{lost}",
                    expected="a loss: one number, computed from tensors with requires_grad=True",
                    write='draw(t.sum(), view="backward")' if root.requires_grad else "Tensor(…, requires_grad=True)",
                )
            )
    forward = walk(roots)
    given = {t._id for t in forward}
    seeds, arrived, found = _swept(roots, forward)

    ends = {g._id for g in found.values()}
    made = walk(list({g._id: g for g in [*found.values(), *seeds]}.values()), given)
    graph, keys = assemble(made, ends, values, given)
    named = {}
    for t in forward:
        if t._id in arrived:
            named.setdefault(arrived[t._id]._id, []).append(t)
    whole, places = assemble(forward, set(), values=False)
    owners = {t._id: whole.nodes[places[t._id]].group for t in forward if t._op is None}
    starts = {seed._id for seed in seeds}
    sent = set(starts)
    for t in made:
        node = graph.nodes[keys[t._id]]
        node.gradient, node.gradient_state = None, NOT_NEEDED
        if t._id in given:
            _as_given(node, t)
            continue
        # A rule also computes on values of the forward pass alone (a transpose): those results are no gradients.
        if t._id in starts or any(isinstance(a, Tensor) and a._id in sent for a in t._args or ()):
            sent.add(t._id)
            node.sent = True
        if t._id in named:
            node.name = _name(named[t._id], owners)
        if t._id in starts:
            node.kind, node.detail, node.group = "data", "dJ/dJ, where backward starts", ()
        elif t._op is None and t._id not in named:
            node.detail = "computed from data"
    _free_the_sums(graph, keys, forward, arrived)
    _drop_small_groups(graph)
    graph.edges = [type(e)(e.tail, e.head, e.argument, e.position) for e in graph.edges]
    graph.backward = True
    return graph


def _swept(roots, forward):
    """(the seeds, {forward tensor's id: its whole gradient}, {leaf's id: its gradient}), all gradients Tensors."""
    arrived, titles = {}, {}
    # Seeds that ask for a gradient: what is computed from them is then recorded, even where an op is linear.
    seeds = [starting_gradient(r, Tensor(np.ones_like(r._data), requires_grad=True), create_graph=True) for r in roots]
    grads = [(t, t._grad, t._hooks) for t in forward]

    def listen(t):
        def hook(g):
            arrived[t._id] = g
            if t._op is not None:  # what is made from now on, until the next hook, is made by this op's rules
                title = shorten(name_of(t) or t._op.name, 24).replace(".", "·")
                count = titles[title] = titles.get(title, 0) + 1
                again = f" ({count})" if count > 1 else ""
                _modes.set(current().but(scope=Scope(None, f"rule of {title}{again}", "")))

        return hook

    token = _modes.set(current().but(journal=None, anomaly=False, scope=None))
    try:
        for t in forward:
            if t.requires_grad:
                t._hooks = [*(t._hooks or ()), listen(t)]
        with np.errstate(all="ignore"):
            found = sweep(list(zip(roots, seeds)), create_graph=True)
    finally:
        _modes.reset(token)
        for t, grad, hooks in grads:
            t._grad, t._hooks = grad, hooks
    return seeds, arrived, {t._id: g if isinstance(g, Tensor) else Tensor(np.asarray(g)) for t, g in found}


def _as_given(node, t):
    if t._op is not None:
        node.kind, node.name, node.op = "data", node.title, ""
        node.detail = "value of the forward pass"
    node.group, node.calls = (), ()


def _name(tensors, owners):
    """``gradient of W1``, ``gradient of hidden.weight``; of tensors that share it, those the user named come first."""
    best = [t for t in tensors if name_of(t)] or [t for t in tensors if t._op is None] or tensors
    names = []
    for t in best:
        name = name_of(t) or (t._op.name if t._op else "parameter")
        names.append(".".join([*owners.get(t._id, ())[-1:], name]))  # layers call their parameters alike
    return f"gradient of {', '.join(names[:MOST_NAMES])}{', …' if len(names) > MOST_NAMES else ''}"


def _free_the_sums(graph, keys, forward, arrived):
    """The ops that add up what arrives at a tensor belong to no rule: they are the engine's, and they say so."""
    uses = {}
    for t in forward:
        for a in t._args or ():
            if isinstance(a, Tensor) and t.requires_grad:
                uses[a._id] = uses.get(a._id, 0) + 1
    for t in forward:
        g = arrived.get(t._id)
        for _ in range(uses.get(t._id, 0) - 1):
            if g is None or g._op is None or g._op.name != "add" or keys.get(g._id) is None:
                break
            node = graph.nodes[keys[g._id]]
            node.group, node.detail = (), SUM
            g = g._args[0] if isinstance(g._args[0], Tensor) else None


def _drop_small_groups(graph):
    """A frame around one op says nothing its name does not."""
    for path, group in groups_of(graph.nodes).items():
        if len(group.members) < 2:
            for key in group.members:
                graph.nodes[key].group = path[:-1]
    graph.groups = groups_of(graph.nodes)
