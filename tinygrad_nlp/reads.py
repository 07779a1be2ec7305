"""Which values a rule reads, found in its own source.

``def vjp_x(g, out, x, y): return g * y`` reads the value of ``y``, not of ``x``; ``x.shape`` reads no value. An
in-place change matters only for values that are read: adding to the input of a sum is harmless. Reading the
source keeps the answer from drifting from the rule; it is done only when a change was seen.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache

_NO_VALUE = {"shape", "ndim", "size", "dtype"}


@cache
def values_read(op, position: int) -> frozenset[str]:
    """Names among ``out`` and the op's arguments whose values the rule at ``position`` reads.

    Every name, where the source cannot be had (an op typed into a prompt).
    """
    everything = frozenset(("out", *op.arguments))
    rule = op.rules[0 if op.variadic else position]
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(rule)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return everything
    harmless = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in _NO_VALUE}
    for node in ast.walk(tree):  # [x.shape for x in xs] reads no value of xs either
        if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            loop = node.generators[0]
            name = getattr(loop.target, "id", None)
            uses = [n for n in ast.walk(node.elt) if isinstance(n, ast.Name) and n.id == name]
            if uses and all(id(use) in harmless for use in uses) and not loop.ifs:
                harmless.add(id(loop.iter))
    return everything & {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in harmless
    }
