"""Run the experiments of the documents and say in numbers which statements hold.

    tinygrad-nlp experiment                      # what there is
    tinygrad-nlp experiment momentum adam
    tinygrad-nlp experiment adam --out adam.html # the tables and plots as a page
    tinygrad-nlp experiment adam --out adam.svg  # the plots alone; .png too
    tinygrad-nlp experiment --all --out here     # a page for each; ends in a line for each of the 42 statements

Exit code 1 if a statement, in its corrected form where the documents slip, does not hold.
"""

from __future__ import annotations

import json
import math
import os
import textwrap
from numbers import Number
from pathlib import Path

from .. import written
from . import Parser, seed_number
from .report import xml
from .terminal import columns_of

WIDTH = 110
"""Columns that a reading is wrapped to."""


def add_arguments(parser: Parser):
    parser.add_argument("names", metavar="NAME", nargs="*", help="of experiments; without any, they are listed")
    parser.add_argument("--all", action="store_true", help="every experiment, then the table of statements")
    parser.add_argument("--seed", type=seed_number, default=0, help="of all that is drawn (default %(default)s)")
    parser.add_argument(
        "--out", metavar="PATH", help="a folder for a page of each experiment; or PAGE.html; or PLOT.svg, PLOT.png"
    )
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def run(arguments):
    from tinygrad_nlp import OptionError
    from tinygrad_nlp.models import experiments

    if arguments.all and arguments.names:
        raise OptionError(f"--all runs every experiment: leave out {' '.join(arguments.names)}, or --all")
    names = list(experiments.EXPERIMENTS) if arguments.all else list(dict.fromkeys(arguments.names))
    for name in names:
        experiments.module_of(name)  # a misspelt name is refused before minutes of the others
    if not names:
        return listed(experiments.EXPERIMENTS, arguments.json)
    out = Path(arguments.out) if arguments.out else None
    kind = out.suffix.lower() if out else ""
    if kind in PICTURES and len(names) > 1:
        raise OptionError(f"--out {out}: the plots of one experiment, not of {len(names)}; {out.stem}.html takes all")
    if out and kind not in (".html", *PICTURES):
        os.makedirs(out, exist_ok=True)
    reports = {}
    for name in names:
        reports[name] = report = experiments.run(name, arguments.seed)
        if not arguments.json:
            print(as_text(name, report), flush=True)
        if out and kind not in (".html", *PICTURES):
            write(out / f"{name}.html", report.title, experiment_body(report))
    outcomes = experiments.outcomes(reports)
    failed = [o for o in outcomes if o.verdict == "FAILS"]
    if arguments.json:
        print(json.dumps({"experiments": as_records(reports), "statements": [line(o) for o in outcomes]}, **AS_TEXT))
    else:
        print(statements_text(outcomes))
        slips = sum(o.verdict == "holds corrected" for o in outcomes)
        counted = f"{len(outcomes)} statement{'s' * (len(outcomes) != 1)}"
        print(f"{counted}: {len(failed)} fail, {slips} hold in a corrected form, the rest as written")
    written = files(out, kind, reports, outcomes, arguments.all) if out else []
    if not arguments.json:
        for path in written:
            print(f"{path}   <- open this in a browser")
    return 1 if failed else 0


PICTURES = (".svg", ".png")
AS_TEXT = {"ensure_ascii": False, "allow_nan": False}


def listed(about, as_json):
    """The names and what each shows."""
    if as_json:
        print(json.dumps(about, **AS_TEXT))
        return 0
    width = max(map(len, about))
    for name, what in about.items():
        print(f"{name:<{width}}  {what}")
    print("all of them: tinygrad-nlp experiment --all")
    return 0


def files(out, kind, reports, outcomes, all_of_them) -> list[Path]:
    """Write what ``--out`` asks for and is not written yet; returns the files to be named."""
    if kind in PICTURES:
        return pictures(out, *reports.items())
    title, more = "What the documents state", statements_body(outcomes)
    if kind == ".html":
        bodies = [(f"{name}: {report.title}", experiment_body(report)) for name, report in reports.items()]
        if len(bodies) == 1:
            return [write(out, *bodies[0])]
        body = "".join(f"<section><h2>{xml(name)}</h2>{lowered(body)}</section>" for name, body in bodies)
        return [write(out, title, body + more)]
    if all_of_them:
        return [write(out / "index.html", title, more)]
    return [out / f"{name}.html" for name in reports]


def pictures(out, named_report) -> list[Path]:
    """The plots of an experiment, the second as NAME-2."""
    from tinygrad_nlp import OptionError

    name, report = named_report
    if not report.plots:
        raise OptionError(f"--out {out}: the experiment {name} has no plot; --out {out.stem}.html has its tables")
    return [
        plot_of(plot).save(out if number == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}"))
        for number, plot in enumerate(report.plots, 1)
    ]


def write(path, title, body) -> Path:
    """A page; returns its path."""
    from tinygrad_nlp.visualize.plots.page import page

    written.write(path, page(title, body))
    return path


# ---- as text ------------------------------------------------------------------------------------------------------


def cell(value) -> str:
    """A table's cell in words: five digits of a number, yes or no."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Number) and float(value) == int_if_whole(value):
        return f"{float(value):.0f}" if abs(value) < 1e9 else f"{float(value):.4g}"
    return f"{float(value):.5g}"


def int_if_whole(value):
    return round(float(value)) if math.isfinite(value) else None


def table_text(head, rows) -> str:
    """Columns under their heads, numbers to the right."""
    cells = [list(map(cell, row)) for row in rows]
    numeric = [all(not isinstance(row[i], str) or not row[i] for row in rows) for i in range(len(head))]
    widths = [max(map(columns_of, (h, *(row[i] for row in cells)))) for i, h in enumerate(head)]

    def aligned(row):
        parts = []
        for text, width, right in zip(row, widths, numeric):
            space = " " * (width - columns_of(text))
            parts.append(space + text if right else text + space)
        return ("  " + "  ".join(parts)).rstrip()

    return "\n".join([aligned(head), "  " + "  ".join("-" * w for w in widths), *map(aligned, cells)])


def as_text(name, report) -> str:
    """An experiment for the terminal."""
    parts = [f"{name}: {report.title}"]
    for table in report.tables:
        parts.append(f"{table.title}\n{table_text(table.head, table.rows)}")
    parts.append(textwrap.fill(report.reading, WIDTH))
    return "\n\n".join(parts) + "\n"


def line(outcome) -> dict:
    """A statement's outcome as the words of a row."""
    s, f = outcome.statement, outcome.finding
    return {
        "row": s.row,
        "source": s.source,
        "statement": s.text,
        "verdict": outcome.verdict,
        "corrected": s.corrected,
        "remark": s.remark,
        "measured": f.measured,
        "command": outcome.command,
    }


def statements_text(outcomes) -> str:
    """A line for each statement; the columns that differ most in length come last and are not aligned."""
    lines = [f" #  {'verdict':<15}  {'command':<41}  statement [correction or remark]: what was measured"]
    for o in map(line, outcomes):
        more = o["corrected"] or o["remark"]
        said = o["statement"] + (f" [{more}]" if more else "")
        lines.append(f"{o['row']:>2}  {o['verdict']:<15}  {o['command']:<41}  {said}: {o['measured']}")
    return "\n".join(lines)


def as_records(reports) -> dict:
    """Tables, readings and findings as JSON takes them: numbers that are not finite as words."""

    def plain(value):
        if isinstance(value, (str, bool)):
            return value
        number = float(value)
        return number if math.isfinite(number) else str(number)

    return {
        name: {
            "title": r.title,
            "tables": [
                {"title": t.title, "head": list(t.head), "rows": [[plain(v) for v in row] for row in t.rows]}
                for t in r.tables
            ],
            "reading": r.reading,
            "findings": [{"row": f.row, "measured": f.measured, "holds": f.holds} for f in r.findings],
        }
        for name, r in reports.items()
    }


# ---- as a page ----------------------------------------------------------------------------------------------------


def table_html(title, head, rows) -> str:
    names = "".join(f'<th scope="col">{xml(h)}</th>' for h in head)
    body = "".join("<tr>" + "".join(f"<td>{xml(cell(v))}</td>" for v in row) + "</tr>" for row in rows)
    heading = f"<h2>{xml(title)}</h2>" if title else ""
    return f'{heading}<div class="scroll"><table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>'


def experiment_body(report) -> str:
    from tinygrad_nlp.visualize.plots.page import figure

    parts = [f"<p>{xml(report.reading)}</p>"]
    for made in map(plot_of, report.plots):
        parts.append(f"<h2>{xml(made.title)}</h2>{figure(made.svg(heading=False, embedded=True))}{made.table()}")
    parts += [table_html(t.title, t.head, t.rows) for t in report.tables]
    return "\n".join(parts)


def lowered(body) -> str:
    """A body whose headings are one level lower, below the heading of its experiment."""
    return body.replace("<h2>", "<h3>").replace("</h2>", "</h3>")


def statements_body(outcomes) -> str:
    rows = [
        (
            o["row"],
            o["source"],
            o["statement"],
            o["verdict"],
            o["corrected"] or o["remark"],
            o["measured"],
            o["command"],
        )
        for o in map(line, outcomes)
    ]
    return table_html(
        "", ("#", "source", "statement", "verdict", "corrected form or remark", "measured", "command"), rows
    )


def plot_of(plot):
    """An experiment's `Plot`, which is data, as one that draws itself."""
    import numpy as np

    from tinygrad_nlp.visualize import plots

    if plot.field:
        ways = {s.name: np.column_stack([s.x, s.y]) for s in plot.series}
        axes = {"x_label": plot.x_label, "y_label": plot.y_label}
        return plots.paths(plot.field, ways, plot.title, levels=plot.levels, square=plot.square, **axes)
    spot = {said: (float(x), float(y)) for x, y, said in plot.labels}
    return plots.Plot(
        plot.title,
        plots.Axis(plot.x_label),
        plots.Axis(plot.y_label, plot.log_y),
        [plots.Series(s.name, s.x, s.y, s.kind) for s in plot.series],
        names=[plots.Name(x, y, said) for said, (x, y) in spot.items()],
        links=[(*spot[a], *spot[b]) for a, b in plot.links],
        square=plot.square,
        height=640 if plot.square else 540,
    )
