"""`draw`: a tensor's computation graph as a picture that can be saved, printed as text, or shown in a notebook."""

from __future__ import annotations

import base64
from pathlib import Path

from tinygrad_nlp import OptionError
from tinygrad_nlp.errors import explain

from .dot import dot_source
from .gradients import backward_graph
from .graph import collect
from .render import BUILTIN, choose, hint, render
from .standalone import image, node_table, page, show
from .summary import summary_svg
from .svg import COMPACT, FULL, svg
from .text import shorten

FULL_CARDS, MOST_NODES = 150, 2000
"""Up to so many nodes each is a card; up to so many, one line; beyond, the graph is counted instead of drawn."""

VIEWS = ("forward", "backward", "both")
FORMATS = ("svg", "html", "dot", "png", "pdf")


def draw(tensor, view="forward", title=None, values=True) -> Drawing:
    """Draw the computation graph that leads to ``tensor``.

    tensor  a Tensor (the loss), or a list of Tensors
    view    "forward": what was computed; "backward": the ops that backward runs, as a graph of their own;
            "both": what was computed, and beside it the way the gradients took
    title   a heading
    values  show values and gradients, not just names and shapes

    Call it before ``backward()``, or keep the graph: ``record_gradients()`` keeps it and every gradient.
    An op is a rounded box, a parameter a thick one, data a dashed one, the loss has a double border. Values flow along
    solid blue edges; gradients come back along dashed ones.

    Raises GradientError if backward has freed the graph.

    >>> from tinygrad_nlp import Tensor, record_gradients
    >>> from tinygrad_nlp.visualize import draw
    >>> w = Tensor([1.0, -2.0], requires_grad=True, name="w")
    >>> with record_gradients():
    ...     loss = (w * w).sum()
    ...     loss.backward()
    >>> draw(loss, view="both")
    <drawing of 3 nodes, 3 edges, view='both'>
    >>> draw(loss).svg(engine="builtin").startswith("<svg")
    True
    """
    if view not in VIEWS:
        raise OptionError(explain("draw()", got=f"view={view!r}", expected=" or ".join(map(repr, VIEWS))))
    graph = backward_graph(tensor, values) if view == "backward" else collect(tensor, values)
    return Drawing(graph, view, title)


class Drawing:
    """A picture of a graph as it was when `draw` was called; later changes of the tensors do not change it."""

    def __init__(self, graph, view, title):
        self.graph, self.view, self.title = graph, view, title

    def __repr__(self):
        return f"<drawing of {len(self.graph.nodes)} nodes, {len(self.graph.edges)} edges, view={self.view!r}>"

    @property
    def mode(self) -> str:
        """ "full", "compact" or "summary", by the number of nodes."""
        n = len(self.graph.nodes)
        return FULL if n <= FULL_CARDS else COMPACT if n <= MOST_NODES else "summary"

    def dot(self) -> str:
        """The graph in Graphviz's language; the same text every time."""
        return dot_source(self.graph, self.view, self.title, self.mode)

    def svg(self, engine=None) -> str:
        """The picture as SVG.

        engine  "dot" (the program), "pygraphviz", or "builtin" (its own layout: needs nothing, same bytes every time).
                None takes the first of them that is there.
        """
        engine = choose(engine)
        if self.mode == "summary":  # nothing to lay out
            return summary_svg(self.graph, self.title)
        if engine == BUILTIN:
            return svg(self.graph, self.view, self.title, self.mode)
        return render(self.dot(), "svg", engine).decode("utf-8")

    def html(self, engine=None) -> str:
        """The picture and a table of the graph as one HTML page that needs nothing else and runs no script.

        engine  as for `svg`, but the built-in layout by default: only its text can be searched and its cards hovered
        """
        engine = choose(engine or BUILTIN)
        table = "" if self.mode == "summary" else node_table(self.graph)
        untitled = Drawing(self.graph, self.view, None)  # the page has the heading
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
        kind = path.suffix.lower().lstrip(".")
        if kind not in FORMATS:
            raise OptionError(
                explain(
                    "save()",
                    got=f"a file name ending in {path.suffix!r}",
                    expected="." + ", .".join(FORMATS),
                    write='save("graph.svg")',
                )
            )
        if kind == "dot":
            content = self.dot().encode()
        elif kind == "svg":
            content = self.svg(engine).encode()
        elif kind == "html":
            content = self.html(engine).encode()
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
        path.write_bytes(content)
        return path

    def _repr_mimebundle_(self, include=None, exclude=None):
        """For notebooks: an image, so that nothing in a tensor's name can act in the page."""
        from .text import xml

        picture = self.svg(BUILTIN)
        coded = base64.b64encode(picture.encode()).decode()
        label = xml(shorten(self.title, 80) if self.title else repr(self))
        bundle = {
            "text/plain": repr(self),
            "text/html": f'<img style="max-width:100%" alt="{label}" src="data:image/svg+xml;base64,{coded}">',
            "image/svg+xml": picture,
        }
        keep = set(include or bundle) - set(exclude or ())
        return {kind: text for kind, text in bundle.items() if kind in keep}
