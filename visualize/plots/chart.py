"""A plot: lines, points and names over two axes, and everything one can do with it once it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tinygrad_nlp import OptionError, written
from tinygrad_nlp.errors import explain

from ..card import fixed
from ..picture import Picture
from ..text import clean, number, shorten, xml
from .layout import WIDTH, picture
from .page import figure, page, table_html
from .raster import png
from .scales import Axis
from .style import DARK, FONT, SHEET, TITLE, fitted, paint, sheet, text

KINDS = ("line", "points", "arrow", "path", "faint")
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, eq=False)
class Series:
    """Points (x, y) under one name.

    kind  "line" joins them; "points" does not; "arrow" is a straight one from the first to the last; "path" is a way
          through the plane, with its start and its end marked; "faint" is a thin grey line behind the rest, unnamed
    raw   the values before they were smoothed: drawn pale behind the line
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    kind: str = "line"
    raw: Sequence[float] | None = None

    def __post_init__(self):
        if self.kind not in KINDS:
            raise OptionError(explain("Series: kind", got=repr(self.kind), expected=" or ".join(map(repr, KINDS))))
        lengths = {len(part) for part in (self.x, self.y, self.raw) if part is not None}
        if len(lengths) > 1:
            raise OptionError(
                explain(
                    f"Series {shorten(self.name)!r}",
                    got=f"{len(self.x)} values of x and {len(self.y)} of y",
                    expected="as many of one as of the other",
                )
            )


@dataclass(frozen=True)
class Name:
    """A word beside the place (x, y). ``dot``: of which series the mark there is, −1 a small grey one, None none."""

    x: float
    y: float
    said: str
    strong: bool = False
    dot: int | None = None


@dataclass(eq=False)
class Plot(Picture):
    """A plot as it was made; later changes of the arrays it was made from do not change it.

    title     a heading
    x, y      the axes
    series    what is drawn; the n-th that is not faint has the n-th colour and mark
    names     words at places
    links     (x0, y0, x1, y1): thin lines between places, with ``arrows`` at their ends or without
    levels    (height, text): a thin line right across, for what the curves are to be compared with
    contours  (level, [lines]) of `geometry.contour`, in the plot's units
    square    one scale for both axes
    note      a sentence below
    height    of a picture that is 960 wide
    """

    title: str
    x: Axis = field(default_factory=Axis)
    y: Axis = field(default_factory=Axis)
    series: Sequence[Series] = ()
    names: Sequence[Name] = ()
    links: Sequence[tuple[float, float, float, float]] = ()
    arrows: bool = False
    levels: Sequence[tuple[float, str]] = ()
    contours: Sequence[tuple[float, list]] = ()
    square: bool = False
    note: str = ""
    height: int = 540

    formats = ("svg", "html", "png")
    example = "plot.svg"

    def __repr__(self):
        return f"<plot {clean(self.title)!r} of {len([s for s in self.series if s.kind != 'faint'])} series>"

    # ---- what can be done with it --------------------------------------------------------------------------------

    def svg(self, theme="auto", heading=True, embedded=False) -> str:
        """The picture as SVG, without script, link or id.

        theme     "light", "dark", or "auto": as the reader's system is
        heading   False leaves the title out, for a page that has it already
        embedded  for a page whose own style sheet has `SHEET`: the picture then has none
        """
        if theme not in THEMES:
            raise OptionError(explain("svg(): theme", got=repr(theme), expected=" or ".join(map(repr, THEMES))))
        top = 52 if heading and self.title else 14
        body, height = self._body(top)
        style = "" if embedded or theme == "light" else SHEET if theme == "auto" else sheet(DARK)
        described = self.description()
        out = [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" width="{WIDTH}" height="{fixed(height)}" '
            f'viewBox="0 0 {WIDTH} {fixed(height)}" font-family="{FONT}" role="img" '
            f'aria-label="{xml(f"{self.title}. {described}")}">',
            f"<desc>{xml(described)}</desc>",
            f"<style>{style}</style>" if style else "",
            f'<rect width="{WIDTH}" height="{fixed(height)}" {paint("paper")}/>',
        ]
        if top > 40:
            out.append(text(16, 34, fitted(self.title, WIDTH - 32, TITLE), TITLE, weight=650))
        return "\n".join(part for part in [*out, *body, "</svg>"] if part) + "\n"

    def html(self) -> str:
        """The picture and its numbers as one page that needs nothing else and runs no script."""
        return page(self.title, figure(self.svg(heading=False, embedded=True)) + self.table())

    def save(self, path) -> Path:
        """Write ``path``; its ending says the format: .svg, .html or .png. Returns the path.

        Raises OptionError for another ending, and where .png is asked for and nothing on this machine can make one.
        """
        path = Path(path)
        if self.format_of(path) != "png":
            return super().save(path)
        written.write(path, png(self.svg("light"), path.name))
        return path

    # ---- for those who read it -----------------------------------------------------------------------------------

    def description(self) -> str:
        """The plot in words: for each line where it starts, where it ends and its extremes."""
        axes = " against ".join(axis.label for axis in (self.y, self.x) if axis.label)
        parts = [axes] if axes else []
        for series in self.named:
            fine = [(x, y) for x, y in zip(series.x, series.y) if self.usable(x, y)]
            name = clean(series.name) or "values"
            if series.kind == "points" or not fine:
                parts.append(f"{name}: {len(fine)} points")
            elif series.kind in ("arrow", "path"):
                (x0, y0), (x1, y1) = fine[0], fine[-1]
                parts.append(f"{name}: from ({number(x0)}, {number(y0)}) to ({number(x1)}, {number(y1)})")
            else:
                low, high = min(y for _, y in fine), max(y for _, y in fine)
                ends = f"from {number(fine[0][1])} to {number(fine[-1][1])}"
                parts.append(f"{name}: {ends}, lowest {number(low)}, highest {number(high)}")
        parts += [f"{clean(said)} ({number(level)})" for level, said in self.levels]
        if self.names:
            parts.append("names: " + ", ".join(clean(n.said) for n in self.names[:60]))
        return "; ".join(parts)

    def table(self, most=40) -> str:
        """The numbers as an HTML table, at most so many rows of each series."""
        rows = []
        for series in self.named:
            places = range(len(series.x))
            if len(places) > most:
                places = sorted({round(i * (len(places) - 1) / (most - 1)) for i in range(most)})
            rows += [(clean(series.name), number(series.x[i], 5), number(series.y[i], 5)) for i in places]
        if not any(s.kind == "points" for s in self.named):
            rows += [(clean(n.said), number(n.x, 5), number(n.y, 5)) for n in self.names]
        elif self.names:
            words = {(float(n.x), float(n.y)): clean(n.said) for n in self.names}
            rows = [
                (words.get((float(s.x[i]), float(s.y[i])), clean(s.name)), number(s.x[i], 5), number(s.y[i], 5))
                for s in self.named
                for i in range(len(s.x))
            ]
        return table_html(("", self.x.label or "x", self.y.label or "y"), rows)

    # ---- drawing -------------------------------------------------------------------------------------------------

    @property
    def named(self) -> list[Series]:
        """The series that have a colour, a mark and a place in the list of names."""
        return [s for s in self.series if s.kind != "faint"]

    @property
    def is_curves(self) -> bool:
        """True if all that is drawn is lines over a common axis."""
        return {s.kind for s in self.named} == {"line"} and not self.contours

    def usable(self, x, y) -> bool:
        """Whether the axes have a place for a point."""
        return self.x.usable(x) and self.y.usable(y)

    def _body(self, top):
        """The picture's elements below ``top``, and its height."""
        return picture(self, top), self.height
