"""Pictures of computation graphs, made from the same records the engine uses.

>>> from tinygrad_nlp import Tensor
>>> from tinygrad_nlp.visualize import draw
>>> x = Tensor([1.0, 2.0], requires_grad=True, name="x")
>>> draw((x * x).sum())
<drawing of 3 nodes, 3 edges, view='both'>
"""

from . import plots
from .compare import Diff, diff
from .drawing import Drawing, draw
from .graph import Edge, Graph, Group, Node, collect
from .render import hint as graphviz_hint
from .replay import Replay, replay
from .tree import Tree, draw_tree

__all__ = [
    "Diff",
    "Drawing",
    "Edge",
    "Graph",
    "Group",
    "Node",
    "Replay",
    "Tree",
    "collect",
    "diff",
    "draw",
    "draw_tree",
    "graphviz_hint",
    "plots",
    "replay",
]
