"""`draw`: a tensor's computation graph as a picture that can be saved, printed as text, or shown in a notebook."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

from tinygrad_nlp import GradientError, OptionError, Tensor, enable_grad, written
from tinygrad_nlp.errors import explain

from .card import COMPACT, FULL
from .dot import dot_source
from .gradients import backward_graph
from .graph import NOT_NEEDED, Graph, collect
from .modules import closed, folded_siblings
from .picture import Picture, image, show
from .render import BUILTIN, RenderError, available, choose, hint, render
from .standalone import node_table, page
from .summary import summary_svg
from .svg import svg
from .text import shorten

FULL_CARDS, MOST_NODES = 150, 2000
"""Up to so many nodes each is a card; up to so many, one line; beyond, the graph is counted instead of drawn."""

VIEWS = ("forward", "backward", "both")


def draw(what, *inputs, view="both", title=None, values=None, depth=None, fold=None, contributions=None) -> Drawing:
    """Draw the computation graph that leads to ``what``.

    what    a Tensor (the loss), or a list of Tensors; or a Module (any function of Tensors), called here
    inputs  for a Module: what to call it with
    view    "both": what was computed and, after backward, the way the gradients took beside it;
            "forward": what was computed; "backward": the ops that backward runs, as a graph of their own
    title   a heading
    values  True: show values and gradients, up to 2,000 nodes; False: names and shapes; by default, up to 150 nodes
    depth   close modules that lie inside so many others: 0 shows the outermost as boxes, 1 what is directly in them;
            a list of modules counts as one
    fold    show identical modules, in a row or side by side, once as ×N, without values; by default above 150 nodes
    contributions  True: show on each edge what was sent back along it; False: on none. By default up to 40 nodes, and
            up to 150 on the edges whose contributions are added up

    Call it before ``backward()``, or keep the graph: ``record_gradients()`` keeps it and every gradient.
    An op is a rounded box, a parameter a thick one, data a dashed one, the loss has a double border, a module is a
    frame. Values flow along solid blue edges; gradients come back along dashed ones.

    Raises GradientError if backward has freed the graph, or if there is no backward pass to draw.

    >>> from tinygrad_nlp import Tensor, nn, record_gradients
    >>> from tinygrad_nlp.visualize import draw
    >>> w = Tensor([1.0, -2.0], requires_grad=True, name="w")
    >>> with record_gradients():
    ...     loss = (w * w).sum()
    ...     loss.backward()
    >>> draw(loss, view="both")
    <drawing of 3 nodes, 3 edges, view='both'>
    >>> draw(loss).svg(engine="builtin").startswith("<svg")
    True
    >>> layers = nn.Sequential(*(nn.Linear(4, 4) for _ in range(12)))
    >>> draw(layers, Tensor([[1.0, 2.0, 3.0, 4.0]]), depth=1, fold=True)
    <drawing of 2 nodes, 1 edges, view='both'>
    """
    if view not in VIEWS:
        raise OptionError(explain("draw()", got=f"view={view!r}", expected=" or ".join(map(repr, VIEWS))))
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 0):
        raise OptionError(explain("draw()", got=f"depth={depth!r}", expected="None or a whole number of at least 0"))
    tensors = _called(what, inputs)
    kept = values is not False
    if view == "backward":
        graph = backward_graph(tensors, kept)
    else:
        graph = collect(tensors, kept, contributions if view == "both" else False)
    if depth is not None and view != "backward":  # the groups of a backward pass are rules, not modules
        graph = closed(graph, depth)
    if fold or (fold is None and len(graph.nodes) > FULL_CARDS):
        graph = folded_siblings(graph)
    return Drawing(graph, view, title, values)


def _called(what, inputs):
    """The tensors to draw: ``what`` itself, or what it returns for ``inputs``."""
    if isinstance(what, (Tensor, list, tuple)) or not callable(what):
        if inputs:
            got = f"{type(what).__name__} and {len(inputs)} more, {type(inputs[0]).__name__} first"
            raise OptionError(
                explain(
                    "draw()",
                    got=got,
                    expected="one Tensor, a list of Tensors, or a Module and its inputs",
                    write='draw([a, b]) for two results; draw(loss, view="both") for another view',
                )
            )
        return what
    if isinstance(what, type):
        raise TypeError(
            explain(
                "draw()", got=f"the class {what.__name__}", expected="a Module that was made", write="draw(Net(), x)"
            )
        )
    with enable_grad():
        made = what(*inputs)
    if isinstance(made, dict):
        made = list(made.values())
    parts = made if isinstance(made, (list, tuple)) else [made]
    name = getattr(what, "__name__", type(what).__name__)
    if not parts or not all(isinstance(t, Tensor) for t in parts):
        kinds = ", ".join(sorted({type(t).__name__ for t in parts})) or "nothing"
        raise TypeError(
            explain(
                "draw()", got=f"{name}(…), which returned {kinds}", expected="a Tensor, or a list or dict of Tensors"
            )
        )
    if not any(t.requires_grad for t in parts):
        raise GradientError(
            explain(
                "draw()",
                got=f"{name}(…), of which no op was recorded: nothing it computes with requires grad",
                expected="a Module with parameters that are not frozen, or an input with requires_grad=True",
                write="draw(module, Tensor(x, requires_grad=True))",
            )
        )
    return list(parts)


class Drawing(Picture):
    """A picture of a graph as it was when `draw` was called; later changes of the tensors do not change it."""

    formats = ("svg", "html", "dot", "png", "pdf")
    example = "graph.svg"

    def __init__(self, graph, view, title, values=None):
        self.graph, self.view, self.title, self.values = graph, view, title, values

    def __repr__(self):
        return f"<drawing of {len(self.graph.nodes)} nodes, {len(self.graph.edges)} edges, view={self.view!r}>"

    @property
    def mode(self) -> str:
        """ "full", "compact" or "summary", by the number of nodes."""
        n = len(self.graph.nodes)
        return FULL if n <= (MOST_NODES if self.values else FULL_CARDS) else COMPACT if n <= MOST_NODES else "summary"

    @property
    def _shown(self) -> Graph:
        """What the pictures show of the graph: in the forward view no gradients; and what they had to leave out."""
        graph, notes = self.graph, list(self.graph.notes)
        if self.view == "forward":
            nodes = {k: replace(n, gradient=None, gradient_state=NOT_NEEDED) for k, n in graph.nodes.items()}
            graph = replace(graph, nodes=nodes)
        if self.mode != FULL and self.values is not False:
            smaller = (
                "depth=0 closes modules" if graph.groups else "draw() of a tensor in the middle shows what led to it"
            )
            what = (
                f"{len(graph.nodes):,} nodes, one line each: values and gradients are left out above {FULL_CARDS}; "
                "draw(…, values=True) shows them"
                if self.mode == COMPACT
                else f"names, values and gradients are left out above {MOST_NODES:,} nodes"
            )
            notes.append(f"{what}; {smaller}")
        return replace(graph, notes=notes)

    def dot(self) -> str:
        """The graph in Graphviz's language; the same text every time."""
        return dot_source(self._shown, self.view, self.title, self.mode)

    def svg(self, engine=None) -> str:
        """The picture as SVG.

        engine  "dot" (the program), "pygraphviz", or "builtin" (its own layout: needs nothing, same bytes every time).
                None takes the first of them that is there; above 150 nodes the built-in, which folds what is long.
        """
        engine = choose(engine if engine or self.mode == FULL else BUILTIN)
        if self.mode == "summary":  # nothing to lay out
            return summary_svg(self._shown, self.title)
        if engine == BUILTIN:
            return svg(self._shown, self.view, self.title, self.mode)
        return render(self.dot(), "svg", engine).decode("utf-8")

    def html(self, engine=None) -> str:
        """The picture and a table of the graph as one HTML page that needs nothing else and runs no script.

        engine  as for `svg`, but the built-in layout by default: only its text can be searched and its cards hovered
        """
        engine = choose(engine or BUILTIN)
        table = "" if self.mode == "summary" else node_table(self._shown)
        untitled = Drawing(self.graph, self.view, None, self.values)  # the page has the heading
        picture = untitled.svg(engine)
        return page(self._heading(), picture if engine == BUILTIN else image(picture, repr(self)), table)

    def show(self, engine=None):
        """Show it: in a notebook as the cell's output, elsewhere as a page in the browser. Returns the page's path.

        The page lies in the folder for temporary files, so the system removes it some day.
        """
        return show(self, lambda: self.html(engine))

    def _heading(self):
        return shorten(self.title, 80) if self.title else f"{self.view} view of a computation graph".capitalize()

    def save(self, path, engine=None) -> Path:
        """Write ``path``; its ending says the format: .svg, .html, .dot, .png or .pdf. Returns the path.

        Raises OptionError for another ending, and where .png or .pdf are asked for without Graphviz.
        """
        path = Path(path)
        kind = self.format_of(path)
        if kind == "dot":
            content = self.dot()
        elif kind == "svg":
            content = self.svg(engine)
        elif kind == "html":
            content = self.html(engine)
        else:
            engine = choose(engine)
            if engine == BUILTIN:
                raise OptionError(
                    explain(
                        f"save({path.name!r})",
                        got=f"no Graphviz on this machine, which .{kind} needs",
                        expected="Graphviz, or a format that needs none",
                        write=f'save("{path.stem}.svg"), which every browser opens\n  {hint()}',
                    )
                )
            content = render(self.dot(), kind, engine)
        written.write(path, content)
        return path

    def displays(self) -> dict:
        """HTML and SVG show the built-in layout. A PNG comes with them where Graphviz is there and the graph is small,
        for readers of the saved notebook that show neither (a mail, a converter to PDF).
        """
        picture = self.svg(BUILTIN)
        as_image = image(picture, self.label(), ' style="max-width:100%"').rstrip()
        return {
            "text/plain": lambda: repr(self),
            "text/html": lambda: as_image,
            "image/svg+xml": lambda: picture,
            "image/png": self._png,
        }

    def _png(self):
        """The picture as PNG in base64; None where there is no Graphviz, or too much for it to be quick."""
        engine = available()[0]
        if engine == BUILTIN or self.mode != FULL:
            return None
        try:
            return base64.b64encode(render(self.dot(), "png", engine, patience=10)).decode()
        except RenderError:
            return None
