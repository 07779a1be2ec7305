"""A plot: lines, points and names over two axes, and everything one can do with it once it is made."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tinygrad_nlp import OptionError
from tinygrad_nlp.errors import explain

from ..card import fixed
from ..standalone import show
from ..text import clean, number, shorten, xml
from . import geometry, labels
from .page import document, figure
from .raster import png
from .scales import Axis, Scale
from .style import DARK, FONT, LABEL, SHEET, TICK, TITLE, line, marker, paint, room, sheet, text

WIDTH = 960
KINDS = ("line", "points", "arrow", "path", "faint")
FORMATS = ("svg", "html", "png")
THEMES = ("auto", "light", "dark")
NAME_LETTERS = 26
ROW = 27  # between two names of the list at the side


@dataclass(frozen=True)
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


@dataclass
class Plot:
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
        return document(self.title, figure(self.svg(heading=False, embedded=True)) + self.table())

    def save(self, path) -> Path:
        """Write ``path``; its ending says the format: .svg, .html or .png. Returns the path.

        Raises OptionError for another ending, and where .png is asked for and nothing on this machine can make one.
        """
        path = Path(path)
        kind = path.suffix.lower().lstrip(".")
        if kind not in FORMATS:
            raise OptionError(
                explain(
                    "save()",
                    got=f"a file name ending in {path.suffix!r}",
                    expected="." + ", .".join(FORMATS),
                    write='save("plot.svg")',
                )
            )
        if kind == "png":
            path.write_bytes(png(self.svg("light"), path.name))
        else:
            path.write_text(self.svg() if kind == "svg" else self.html(), encoding="utf-8")
        return path

    def show(self):
        """Show it: in a notebook as the cell's output, elsewhere as a page in the browser. Returns the page's path."""
        return show(self, self.html)

    def _repr_mimebundle_(self, include=None, exclude=None):
        """For notebooks: an image, so that nothing in a name can act in the page."""
        picture = self.svg()
        coded = base64.b64encode(picture.encode()).decode()
        image = f'<img style="max-width:100%" alt="{xml(self.title)}" src="data:image/svg+xml;base64,{coded}">'
        bundle = {"text/plain": repr(self), "text/html": image, "image/svg+xml": picture}
        keep = set(include or bundle) - set(exclude or ())
        return {kind: said for kind, said in bundle.items() if kind in keep}

    # ---- for those who read it -----------------------------------------------------------------------------------

    def description(self) -> str:
        """The plot in words: for each line where it starts, where it ends and its extremes."""
        axes = " against ".join(axis.label for axis in (self.y, self.x) if axis.label)
        parts = [axes] if axes else []
        for series in self._named():
            fine = [(x, y) for x, y in zip(series.x, series.y) if self._usable(x, y)]
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
        for series in self._named():
            places = range(len(series.x))
            if len(places) > most:
                places = sorted({round(i * (len(places) - 1) / (most - 1)) for i in range(most)})
            rows += [(clean(series.name), number(series.x[i], 5), number(series.y[i], 5)) for i in places]
        if not any(s.kind == "points" for s in self._named()):
            rows += [(clean(n.said), number(n.x, 5), number(n.y, 5)) for n in self.names]
        elif self.names:
            words = {(float(n.x), float(n.y)): clean(n.said) for n in self.names}
            rows = [
                (words.get((float(s.x[i]), float(s.y[i])), clean(s.name)), number(s.x[i], 5), number(s.y[i], 5))
                for s in self._named()
                for i in range(len(s.x))
            ]
        return table_html(("", self.x.label or "x", self.y.label or "y"), rows)

    # ---- drawing -------------------------------------------------------------------------------------------------

    def _named(self):
        return [s for s in self.series if s.kind != "faint"]

    def _usable(self, x, y):
        return self.x.usable(x) and self.y.usable(y)

    def _body(self, top):
        named = self._named()
        listed = [s.name for s in named if clean(s.name)] if len(named) > 1 or self.contours else []
        side = (
            min(300.0, max((room(shorten(n, NAME_LETTERS), LABEL) for n in listed), default=0)) + 52 if listed else 24
        )
        every = [(float(x), float(y)) for s in named for x, y in zip(s.x, s.y) if self._usable(x, y)]
        every += [
            (float(x), float(y)) for s in named if s.raw is not None for x, y in zip(s.x, s.raw) if self._usable(x, y)
        ]
        every += [(float(n.x), float(n.y)) for n in self.names if self._usable(n.x, n.y)]
        x_low, x_high = self.x.ends([p[0] for p in every], 0.02 if self._is_curve() else 0.1 if self.x.bare else 0.06)
        y_low, y_high = self.y.ends([*(p[1] for p in every), *(level for level, _ in self.levels)])

        top += 34 if self.y.label else 8
        bottom = self.height - (30 if self.x.label else 4) - (8 if self.x.bare else 34) - (26 if self.note else 0)
        y_ticks = self.y.ticks(y_low, y_high, 6)
        left = 16 + max((room(said, TICK) for _, said in y_ticks), default=0) + (10 if y_ticks else 0)
        right = WIDTH - side
        if self.square and self.x.log == self.y.log:  # a factor and a difference have no common scale
            unit = min((right - left) / (x_high - x_low), (bottom - top) / (y_high - y_low))
            middle, half = (x_low + x_high) / 2, (right - left) / 2 / unit
            x_low, x_high = middle - half, middle + half
            middle, half = (y_low + y_high) / 2, (bottom - top) / 2 / unit
            y_low, y_high = middle - half, middle + half
            y_ticks = self.y.ticks(y_low, y_high, 6)
        across, up = Scale(self.x, x_low, x_high, left, right), Scale(self.y, y_low, y_high, bottom, top)
        box = (left, top, right, bottom)

        body = self._axes(box, across, up, self.x.ticks(x_low, x_high, 7), y_ticks)
        taken = []
        lines, level_names = self._contour_lines(across, up, box, taken)
        body += [*lines, *self._level_lines(up, box), *self._drawn(across, up, box), *level_names]
        body += self._link_lines(across, up)
        body += self._words(across, up, box, taken)
        if listed:
            body += self._list(named, across, up, box)
        if self.note:
            said = fitted(self.note, WIDTH - 32, 16)
            body.append(text(16, self.height - 12, said, 16, fill="muted"))
        return body, self.height

    def _is_curve(self):
        return {s.kind for s in self._named()} == {"line"} and not self.contours

    def _axes(self, box, across, up, x_ticks, y_ticks):
        left, top, right, bottom = box
        out = []
        for value, said in y_ticks:
            v = up(value)
            out.append(
                f'<path d="M{fixed(left)} {fixed(v)}H{fixed(right)}" {paint(stroke="grid")} stroke-width="1.2"/>'
            )
            out.append(text(left - 10, v + TICK * 0.36, said, TICK, fill="muted", anchor="end"))
        last = -math.inf
        for value, said in x_ticks:
            u, half = across(value), room(said, TICK) / 2
            out.append(f'<path d="M{fixed(u)} {fixed(bottom)}v7" {paint(stroke="axis")} stroke-width="1.5"/>')
            if u - half > last + 12:  # a number that would touch the one before stays away
                out.append(text(u, bottom + 26, said, TICK, fill="muted", anchor="middle"))
                last = u + half
        rim = f"M{fixed(left)} {fixed(bottom)}H{fixed(right)}" if not self.x.bare else ""
        if self.x.bare and self.y.bare:
            rim = f"M{fixed(left)} {fixed(top)}H{fixed(right)}V{fixed(bottom)}H{fixed(left)}z"
        out.append(f'<path d="{rim}" {paint(stroke="axis")} stroke-width="1.5"/>' if rim else "")
        if self.x.label:
            below = bottom + (26 if self.x.bare else 54)
            said = fitted(self.x.label, right - left, LABEL)
            out.append(text((left + right) / 2, below, said, LABEL, anchor="middle"))
        if self.y.label:  # upright above the axis: a label on its side is read by nobody
            scale = ", log scale" if self.y.log else ""
            out.append(text(16, top - 14, fitted(self.y.label + scale, WIDTH - 32, LABEL), LABEL))
        return out

    def _level_lines(self, up, box):
        out = []
        for level, said in self.levels:
            v = up(level)
            said = fitted(said, box[2] - box[0] - 20, TICK)
            out.append(line([(box[0], v), (box[2], v)], "muted", 2, dash="2 7"))
            below = v + 22 if v < box[1] + 22 else v - 9
            out.append(text(box[2] - 6, below, said, TICK, fill="muted", anchor="end", halo=True))
        return out

    def _contour_lines(self, across, up, box, taken):
        lines, names = [], []
        drawn = labels.Grid(self._covered(across, up)) if self.contours else None
        for level, parts in self.contours:
            spots = []
            for part in parts:
                at = [(across(a), up(b)) for a, b in part]
                for piece in geometry.clipped(at, box):
                    lines.append(line(piece, "contour", 1.4))
                    spots += piece[:: max(1, len(piece) // 12)]
            said = number(level)
            long = room(said, 16) / 2 + 3
            for u, v in sorted(spots, key=lambda p: (-p[1], -p[0])):  # low in the picture, where it is mostly empty
                spot = (u - long, v - 10, u + long, v + 10)
                inside = spot[0] > box[0] and spot[2] < box[2] and spot[1] > box[1] and spot[3] < box[3]
                if inside and not drawn.meets(spot):
                    drawn.add(spot)
                    taken.append(spot)
                    names.append(text(u, v + 6, said, 16, fill="muted", anchor="middle", halo=True))
                    break
        return lines, names

    def _covered(self, across, up):
        """Small boxes along everything that is drawn."""
        for series in self._named():
            points = [(across(float(x)), up(float(y))) for x, y in zip(series.x, series.y) if self._usable(x, y)]
            for a, b in zip(points, points[1:]):
                a, b = np.clip((a, b), -WIDTH, 2 * WIDTH)
                for u, v in np.linspace(a, b, 2 + int(np.abs(b - a).max() // 12)):
                    yield (u - 2, v - 2, u + 2, v + 2)

    def _drawn(self, across, up, box):
        under, over, marks = [], [], []
        own = -1
        for series in self.series:
            named = series.kind != "faint"
            own += named
            pairs = [(float(x), float(y)) for x, y in zip(series.x, series.y)]
            runs = self._runs(pairs, across, up)
            if series.kind == "faint":
                under += [line(piece, "contour", 1.4) for run in runs for piece in geometry.clipped(run, box)]
                continue
            colour = own % 6
            if series.raw is not None:
                raw = self._runs(list(zip(map(float, series.x), map(float, series.raw))), across, up)
                thin = [piece for run in raw for piece in geometry.clipped(geometry.thinned(run), box)]
                under += [line(piece, colour, 1.2, opacity=0.32) for piece in thin]
            if series.kind == "points":
                named_here = {(float(n.x), float(n.y)): n.said for n in self.names}
                marks += [
                    marker(own, across(x), up(y), 6.5, named_here.get((x, y), ""))
                    for x, y in pairs
                    if self._usable(x, y) and _within((across(x), up(y)), box, 1)
                ]
                continue
            thickness = 3.2
            if series.kind == "path":  # a way along another shows as its rim
                thickness = (3.2 if len(pairs) <= 120 else 2) * (1 + 0.7 * (len(self._named()) - 1 - own))
            elif series.kind == "arrow":
                tips = [run[-2:] for run in runs if len(run) > 1]
                runs = [_shorter(run, 9) for run in runs]
            for run in runs:
                for piece in geometry.clipped(geometry.thinned(run), box):
                    over.append(line(piece, colour, thickness))
            if series.kind == "arrow":
                marks += [arrow_head(a, b, colour) for a, b in tips]
            elif series.kind == "path":
                marks += _way(own, [p for run in runs for p in run], box)
            else:
                marks += _along(own, [p for run in runs for p in run], box, len(self._named()))
        return under + over + marks

    def _runs(self, pairs, across, up):
        """The line in pixels, in pieces where a value has no place on the axes."""
        runs, run = [], []
        for x, y in pairs:
            if self._usable(x, y):
                run.append((across(x), up(y)))
            elif run:
                runs.append(run)
                run = []
        return [*runs, run] if run else runs

    def _link_lines(self, across, up):
        out = []
        for x0, y0, x1, y1 in self.links:
            a, b = (across(x0), up(y0)), (across(x1), up(y1))
            long = math.hypot(b[0] - a[0], b[1] - a[1])
            if long < 20:
                continue
            # From dot to dot, not through them.
            a, b = (
                (a[0] + (b[0] - a[0]) * 9 / long, a[1] + (b[1] - a[1]) * 9 / long),
                (b[0] - (b[0] - a[0]) * 9 / long, b[1] - (b[1] - a[1]) * 9 / long),
            )
            out.append(line([a, b], 0, 2.2, opacity=0.55))
            if self.arrows:
                out.append(arrow_head(a, b, 0, 12))
        return out

    def _along_links(self, across, up):
        for x0, y0, x1, y1 in self.links:
            a, b = np.array((across(x0), up(y0))), np.array((across(x1), up(y1)))
            for u, v in np.linspace(a, b, 2 + int(np.abs(b - a).max() // 8))[2:-2]:
                yield (u - 3, v - 3, u + 3, v + 3)

    def _words(self, across, up, box, taken):
        if not self.names:
            return []
        out, leads = [], []
        order = sorted(range(len(self.names)), key=lambda i: not self.names[i].strong)
        wanted = []
        for i in order:
            name = self.names[i]
            size = LABEL if name.strong or len(self.names) <= 24 else 16
            wanted.append((across(name.x), up(name.y), shorten(name.said, 30), size, name.strong))
        inside = self._listed() or self.x.bare
        frame = (box[0] + 2, box[1] + 2, box[2] - 2 if inside else WIDTH - 6, box[3] - 2)
        if len(self.links) <= 12:  # names keep off lines while lines are few
            taken = [*taken, *self._along_links(across, up)]
        for number_, spot in labels.place(wanted, frame, taken=taken).items():
            x, y, said, size, strong = wanted[number_]
            u, v = spot.baseline(size)
            out.append(text(u, v, said, size, weight=700 if strong else None, halo=True))
            if spot.led:
                to = (min(max(x, spot.box[0]), spot.box[2]), min(max(y, spot.box[1] + 4), spot.box[3] - 4))
                leads.append(line([(x, y), to], "muted", 1.2, opacity=0.8))
        return [*leads, *(self._dot(name, across, up) for name in self.names if name.dot is not None), *out]

    def _dot(self, name, across, up):
        if name.dot < 0:
            u, v = across(name.x), up(name.y)
            dot = f'<circle cx="{fixed(u)}" cy="{fixed(v)}" r="4.2" {paint("muted", "paper")}>'
            return f"{dot}<title>{xml(name.said)}</title></circle>"
        return marker(name.dot, across(name.x), up(name.y), 6.5, name.said)

    def _listed(self):
        return len(self._named()) > 1 or bool(self.contours)

    def _list(self, named, across, up, box):
        """The names at the right: of curves at the height of their ends, else from the top."""
        left, top, right, bottom = box
        wanted = []
        for number_, series in enumerate(named):
            ends = [up(float(y)) for x, y in zip(series.x, series.y) if self._usable(x, y)]
            wanted.append(min(max(ends[-1], top), bottom) if ends and self._is_curve() else top + 16 + number_ * ROW)
        out = []
        for number_, (series, v) in enumerate(zip(named, labels.spread(wanted, ROW, top + 8, bottom - 8))):
            if not clean(series.name):
                continue
            if series.kind != "points":
                out.append(line([(right + 10, v), (right + 38, v)], number_ % 6, 3.2))
            out.append(marker(number_, right + 24, v))
            said = fitted(shorten(series.name, NAME_LETTERS), WIDTH - right - 48, LABEL)
            out.append(text(right + 45, v + LABEL * 0.36, said, LABEL))
        return out


def _shorter(run, by):
    """A line that ends ``by`` earlier: under the head of its arrow."""
    if len(run) < 2 or math.dist(run[-2], run[-1]) <= by:
        return run
    share = 1 - by / math.dist(run[-2], run[-1])
    return [*run[:-1], tuple(a + share * (b - a) for a, b in zip(run[-2], run[-1]))]


def _within(point, box, slack=0.0):
    return box[0] - slack <= point[0] <= box[2] + slack and box[1] - slack <= point[1] <= box[3] + slack


def _along(own, points, box, count):
    """The marks of a curve: a few, evenly along it, those of several curves at different places."""
    points = [p for p in points if _within(p, box)]
    if not points or count < 2:
        return []
    if len(points) <= 8:
        return [marker(own, u, v, 5.5) for u, v in points]
    xs = np.array([p[0] for p in points])
    wide = box[2] - box[0]
    chosen = []
    for share in (np.arange(6) + 0.35 + 0.6 * own / count) / 6.6:
        nearest = int(np.abs(xs - (box[0] + share * wide)).argmin())
        if abs(xs[nearest] - (box[0] + share * wide)) < wide / 14:
            chosen.append(nearest)
    return [marker(own, *points[i], 5.5) for i in sorted(set(chosen))]


def _way(own, points, box):
    """Where a path begins (a ring), steps (dots, if they can be told apart), heads (arrows) and ends (its mark)."""
    if not points:
        return []
    out = []
    inside = [p for p in points if _within(p, box)]
    lengths = [math.dist(a, b) for a, b in zip(points, points[1:])]
    if len(inside) <= 80:
        steps = [p for p, long in zip(points[1:-1], lengths) if long > 7 and _within(p, box)]
        out += [f'<circle cx="{fixed(u)}" cy="{fixed(v)}" r="3.4" {paint(own % 6)}/>' for u, v in steps]
    total, gone, due = sum(lengths), 0.0, 0.18
    for a, b, long in zip(points, points[1:], lengths):
        gone += long
        if gone >= due * total and long > 16 and _within(a, box) and _within(b, box):
            middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
            out.append(arrow_head(a, (middle[0] * 1.0, middle[1] * 1.0), own % 6, 14))
            due = gone / total + 0.3
    u, v = points[0]
    out.append(f'<circle cx="{fixed(u)}" cy="{fixed(v)}" r="8" {paint("paper", "ink")} stroke-width="2.5"/>')
    if _within(points[-1], box):
        out.append(marker(own, *points[-1], 8))
    return out


def arrow_head(tail, tip, colour, size=15) -> str:
    """A filled triangle that ends at ``tip``."""
    angle = math.atan2(tip[1] - tail[1], tip[0] - tail[0])
    corners = [tip] + [(tip[0] - size * math.cos(angle + t), tip[1] - size * math.sin(angle + t)) for t in (0.4, -0.4)]
    points = " ".join(f"{fixed(u)},{fixed(v)}" for u, v in corners)
    return f'<polygon points="{points}" {paint(colour)}/>'


def fitted(said, wide, size) -> str:
    """``said`` shortened until it is at most ``wide``."""
    said = clean(said)
    while len(said) > 4 and room(said, size) > wide:
        said = shorten(said, len(said) - 2)
    return said


def table_html(head, rows) -> str:
    """A table that opens on request."""
    names = "".join(f'<th scope="col">{xml(h)}</th>' for h in head)
    body = "".join("<tr>" + "".join(f"<td><bdi>{xml(c)}</bdi></td>" for c in row) + "</tr>" for row in rows)
    return (
        f"<details><summary>The numbers as a table</summary><div class='scroll' tabindex='0'><table><thead><tr>{names}"
        f"</tr></thead><tbody>{body}</tbody></table></div></details>\n"
    )
