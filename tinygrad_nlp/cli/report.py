"""The demo's report: one HTML page that holds everything and asks for nothing from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

STYLE = Path(__file__).with_name("report.css")


@dataclass(frozen=True)
class Picture:
    """An SVG made by `visualize`, what is to be said below it, and a heading of its own if it needs one.

    kind  "graph", "tree" or "plot": how it is laid out
    """

    svg: str
    caption: str
    heading: str = ""
    kind: str = "plot"

    @classmethod
    def of(cls, plot, caption) -> Picture:
        """A plot, its title as the heading."""
        return cls(plot.svg(heading=False, embedded=True), caption, plot.title)


@dataclass(frozen=True)
class Table:
    """``rows`` of cells under ``head``; the first cell of a row is its heading. A cell may be (text, small print)."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A part of the page that the contents at its top lead to. ``about``: paragraphs above what is shown.

    replay  a `Replay` to be stepped through in a frame, which may run its script and nothing else
    """

    name: str
    title: str
    about: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    replay: object = None
    replay_about: str = ""

    def html(self) -> str:
        parts = [f'<section id="{xml(self.name)}"><h2>{xml(self.title)}</h2>', *map(paragraph, self.about)]
        parts += [table_html(table) for table in self.tables]
        for picture in self.pictures:
            parts.append(f"<h3>{xml(picture.heading)}</h3>" if picture.heading else "")
            parts.append(shown(picture))
        if self.replay:
            parts += [
                "<h3>The same step, replayed</h3>",
                paragraph(self.replay_about),
                self.replay.frame(),
            ]
        return "\n".join(part for part in [*parts, "</section>"] if part)


@dataclass(frozen=True)
class Report:
    """Everything the page shows; words and names may hold anything, they are escaped here.

    lead     the first paragraph
    made     when and with what, in one line
    command  what repeats it
    figures  (number, what it is): the outcome at a glance
    facts    (name, value) rows: settings, versions, timing
    """

    lead: str
    made: str
    command: str
    figures: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    facts: Sequence[tuple[str, str]]

    title = "Word vectors and a parser, trained from scratch"

    def html(self) -> str:
        """The page."""
        from tinygrad_nlp.visualize.plots.page import page

        contents = "".join(
            f'<li><a href="#{xml(name)}">{xml(title)}</a></li>'
            for name, title in [*((s.name, s.title) for s in self.sections), ("made", "How it was made")]
        )
        figures = "".join(f"<div><dt>{xml(what)}</dt><dd>{xml(number)}</dd></div>" for number, what in self.figures)
        rows = "".join(f'<tr><th scope="row">{xml(name)}</th><td>{xml(value)}</td></tr>' for name, value in self.facts)
        body = "\n".join(
            [
                f'<header id="top"><h1>{xml(self.title)}</h1>',
                f'<p class="made">{xml(self.made)}<br>Repeat it: <code>{xml(self.command)}</code></p>',
                paragraph(self.lead),
                f'<dl class="figures">{figures}</dl>' if figures else "",
                f'<nav aria-label="Contents"><ol>{contents}</ol></nav></header>',
                *(section.html() for section in self.sections),
                '<section id="made"><h2>How it was made</h2>',
                f'<div class="scroll" tabindex="0"><table class="facts"><tbody>{rows}</tbody></table></div>',
                '<p><a href="#top">To the top</a></p></section>\n',
            ]
        )
        replays = [section.replay for section in self.sections if section.replay]
        allowed = replays[0].frame_policy() if replays else None
        return page(self.title, body, STYLE.read_text(encoding="utf-8"), allowed)


def xml(text) -> str:
    """``text`` as markup that shows it."""
    from tinygrad_nlp.visualize.text import xml

    return xml(text)


def paragraph(said) -> str:
    return f"<p>{xml(said)}</p>" if said else ""


def table_html(table: Table) -> str:
    names = "".join(f'<th scope="col">{xml(h)}</th>' for h in table.head)
    rows = "".join(
        f'<tr><th scope="row"><bdi>{xml(row[0])}</bdi></th>' + "".join(map(cell_html, row[1:])) + "</tr>"
        for row in table.rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table><caption>{xml(table.caption)}</caption>'
        f"<thead><tr>{names}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def cell_html(cell) -> str:
    said, small = cell if isinstance(cell, tuple) else (cell, "")
    return f"<td><bdi>{xml(said)}</bdi>" + (f" <small>{xml(small)}</small>" if small else "") + "</td>"


def shown(picture: Picture) -> str:
    from tinygrad_nlp.visualize.plots.page import figure

    return figure(picture.svg, picture.caption, picture.kind, picture.heading or picture.caption)
