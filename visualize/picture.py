"""What one can do with every picture: save it, show it, have it displayed by a notebook."""

from __future__ import annotations

import base64
import sys
import tempfile
import webbrowser
from pathlib import Path

from tinygrad_nlp import OptionError, written
from tinygrad_nlp.errors import explain

from .text import shorten, xml


class Picture:
    """Base of the pictures; a subclass has ``svg()``, ``html()`` and a ``title``, and names what it can be saved as.

    formats  endings of file names, each with a method of that name that gives the text
    example  of a file name, for messages
    """

    formats: tuple[str, ...] = ("svg", "html")
    example = "picture.svg"

    def save(self, path) -> Path:
        """Write ``path``; its ending says the format, one of ``formats``. Returns the path.

        A file that is there is replaced when the new one is complete. Raises OptionError for another ending, OSError
        that names the file if it cannot be written.
        """
        path = Path(path)
        written.write(path, getattr(self, self.format_of(path))())
        return path

    def format_of(self, path: Path) -> str:
        """The format that a file name asks for."""
        kind = path.suffix.lower().lstrip(".")
        if kind not in self.formats:
            raise OptionError(
                explain(
                    "save()",
                    got=f"a folder, {path}" if path.is_dir() else f"a file name ending in {path.suffix!r}",
                    expected="." + ", .".join(self.formats),
                    write=f'save("{self.example}")',
                )
            )
        return kind

    def show(self):
        """Show it: in a notebook as the cell's output, elsewhere as a page in the browser. Returns the page's path."""
        return show(self, self.html)

    def label(self) -> str:
        """What it shows, in a few words, for those who do not see it."""
        return self.title or repr(self)

    def displays(self) -> dict:
        """Media type -> the function that makes what a notebook shows; one that makes None has nothing to show."""
        return {
            "text/plain": lambda: repr(self),
            "text/html": lambda: image(self.svg(), self.label(), ' style="max-width:100%"').rstrip(),
            "image/svg+xml": self.svg,
        }

    def _repr_mimebundle_(self, include=None, exclude=None):
        """For notebooks. As HTML it is an image, so that nothing in a name can act in the page."""
        makers = self.displays()
        wanted = [kind for kind in makers if (not include or kind in include) and kind not in (exclude or ())]
        made = {kind: makers[kind]() for kind in wanted}
        return {kind: content for kind, content in made.items() if content is not None}


def image(svg: str, description: str, attributes="") -> str:
    """A picture as an ``<img>`` element: whatever is in it, it cannot act."""
    coded = base64.b64encode(svg.encode()).decode()
    return f'<img{attributes} alt="{xml(shorten(description, 80))}" src="data:image/svg+xml;base64,{coded}">\n'


def show(picture, html):
    """``picture`` as the output of a notebook's cell; elsewhere ``html()`` as a file, opened in the browser."""
    if in_notebook():
        from IPython.display import display

        display(picture)
        return None
    # Not deleted on the way out: the browser opens it after this program has gone on.
    with tempfile.NamedTemporaryFile("w", suffix=".html", prefix="graph-", delete=False, encoding="utf-8") as file:
        file.write(html())
    path = Path(file.name)
    if not webbrowser.open(path.as_uri()):
        print(f"no browser could be started; the page is {path}")
    return path


def in_notebook() -> bool:
    """True where an IPython kernel runs the code; a plain IPython terminal cannot show pictures."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")
