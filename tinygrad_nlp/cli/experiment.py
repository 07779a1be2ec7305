"""Run the experiments of the documents and say in numbers which statements hold.

    tinygrad-nlp experiment                      # what there is
    tinygrad-nlp experiment momentum adam
    tinygrad-nlp experiment quadratic --out here # the tables and plots as pages
    tinygrad-nlp experiment --all                # ends in a line for each of the 42 statements

Exit code 1 if a statement, in its corrected form where the documents slip, does not hold.
"""

from __future__ import annotations

import json
import math
import os
import textwrap
import unicodedata
import zlib
from numbers import Number

from . import Parser, seed_number
from .charts import _first_free, _label_places, text_of, ticks

WIDTH = 110
"""Columns that a reading is wrapped to."""


def add_arguments(parser: Parser):
    parser.add_argument("names", metavar="NAME", nargs="*", help="of experiments; without any, they are listed")
    parser.add_argument("--all", action="store_true", help="every experiment, then the table of statements")
    parser.add_argument("--seed", type=seed_number, default=0, help="of all that is drawn (default %(default)s)")
    parser.add_argument("--out", metavar="DIR", help="write each experiment, with its plots, as a page DIR/NAME.html")
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
    if arguments.out:
        os.makedirs(arguments.out, exist_ok=True)
    reports = {}
    for name in names:
        reports[name] = report = experiments.run(name, arguments.seed)
        if not arguments.json:
            print(as_text(name, report), flush=True)
        if arguments.out:
            write(arguments.out, name, page(report.title, experiment_body(report)))
    outcomes = experiments.outcomes(reports)
    failed = [o for o in outcomes if o.verdict == "FAILS"]
    if arguments.json:
        print(json.dumps({"experiments": as_records(reports), "statements": [line(o) for o in outcomes]}, **AS_TEXT))
    else:
        print(statements_text(outcomes))
        slips = sum(o.verdict == "holds corrected" for o in outcomes)
        counted = f"{len(outcomes)} statement{'s' * (len(outcomes) != 1)}"
        print(f"{counted}: {len(failed)} fail, {slips} hold in a corrected form, the rest as written")
    if arguments.out and arguments.all:
        write(arguments.out, "index", page("What the documents state", statements_body(outcomes)))
    if arguments.out and not arguments.json:
        print(f"pages: {os.path.join(arguments.out, 'index.html' if arguments.all else names[0] + '.html')}")
    return 1 if failed else 0


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


def write(folder, name, text):
    with open(os.path.join(folder, f"{name}.html"), "w", encoding="utf-8") as file:
        file.write(text)


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


def columns_of(text: str) -> int:
    """Places it takes in a terminal: accents set over a letter take none."""
    return sum(not unicodedata.combining(letter) for letter in text)


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

PLOT_STYLE = """
.chart .s { fill: none; stroke-width: 2.2; stroke-linejoin: round; } .chart .axis { stroke: var(--soft); fill: none; }
.chart circle.s { stroke-dasharray: none; fill: var(--sheet); }
.chart .s0 { stroke: var(--accent); } .chart .s1 { stroke: #d55e00; stroke-dasharray: 7 4; }
.chart .s2 { stroke: #009e73; stroke-dasharray: 2 3; } .chart .s3 { stroke: #a3609b; stroke-dasharray: 10 3 2 3; }
.chart .faint { stroke: var(--soft); fill: none; stroke-width: 1; opacity: .55; }
.chart .name { fill: var(--ink); font-size: 15px; }
"""


def page(title, body) -> str:
    """One file that asks for nothing from outside."""
    from .report import POLICY, STYLE

    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{text_of(POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text_of(title)}</title><style>{STYLE}{PLOT_STYLE}</style></head><body><main>"
        f"<h1>{text_of(title)}</h1>\n{body}\n</main></body></html>\n"
    )


def table_html(title, head, rows) -> str:
    names = "".join(f'<th scope="col">{text_of(h)}</th>' for h in head)
    body = "".join("<tr>" + "".join(f"<td>{text_of(cell(v))}</td>" for v in row) + "</tr>" for row in rows)
    heading = f"<h2>{text_of(title)}</h2>" if title else ""
    return f'{heading}<div class="scroll"><table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>'


def experiment_body(report) -> str:
    parts = [f"<p>{text_of(report.reading)}</p>"]
    parts += [f"<figure>{plot_svg(p)}<figcaption>{text_of(p.title)}</figcaption></figure>" for p in report.plots]
    parts += [table_html(t.title, t.head, t.rows) for t in report.tables]
    return "\n".join(parts)


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


def plot_svg(plot) -> str:
    """A `Plot` as SVG with axes and a legend; points that are not finite, or not positive on a log axis, left out."""
    width, height, left, right, top, bottom = 860, 520, 76, 20, 16, 52
    height += 22 * len(named := [s for s in plot.series if s.kind != "faint"])

    def usable(series):
        pairs = [(float(x), float(y)) for x, y in zip(series.x, series.y)]
        pairs = [(x, y) for x, y in pairs if math.isfinite(x) and math.isfinite(y) and (y > 0 or not plot.log_y)]
        return [(x, math.log10(y)) for x, y in pairs] if plot.log_y else pairs

    drawn = [(s, usable(s)) for s in plot.series]
    every = [p for s, pairs in drawn for p in pairs if s.kind != "faint"] or [(0.0, 0.0)]
    x_low, x_high = padded([p[0] for p in every])
    y_low, y_high = padded([p[1] for p in every])
    floor = height - bottom - 22 * len(named)
    x_scale, y_scale = (width - left - right) / (x_high - x_low), (floor - top) / (y_high - y_low)
    if plot.square:
        x_scale = y_scale = min(x_scale, y_scale)
        middle = (x_low + x_high) / 2  # the picture stands in the middle of what width is left over
        half = (width - left - right) / 2 / x_scale
        x_low, x_high = middle - half, middle + half

    def place(x, y):
        return left + (x - x_low) * x_scale, floor - (y - y_low) * y_scale

    body = []
    for y in ticks(y_low, y_high):
        if plot.log_y and y != int(y):
            continue
        v = place(x_low, y)[1]
        name = f"1e{y:.0f}" if plot.log_y else f"{y:g}"
        body.append(f'<path class="grid" d="M{left} {v:.1f}H{width - right}"/>')
        body.append(f'<text class="tick" x="{left - 8}" y="{v + 5:.1f}" text-anchor="end">{name}</text>')
    for x in ticks(x_low, x_high):
        u = place(x, y_low)[0]
        body.append(f'<text class="tick" x="{u:.1f}" y="{floor + 20}" text-anchor="middle">{x:g}</text>')
    middle = (left + width - right) / 2
    body.append(f'<text class="tick" x="{middle}" y="{floor + 42}" text-anchor="middle">{text_of(plot.x_label)}</text>')
    across = (top + floor) / 2
    body.append(
        f'<text class="tick" x="16" y="{across}" text-anchor="middle" transform="rotate(-90 16 {across})">'
        f"{text_of(plot.y_label)}</text>"
    )
    # Contours may be larger than the picture: they are cut at its frame. Ids are the page's: each plot needs its own.
    frame = f"frame-{zlib.crc32(plot.title.encode()):08x}"
    body.append(f'<clipPath id="{frame}"><rect x="{left}" y="{top}" width="{width - left - right}" ')
    body.append(f'height="{floor - top}"/></clipPath><g clip-path="url(#{frame})">')
    number = 0
    for series, pairs in drawn:
        at = [place(x, y) for x, y in pairs]
        path = "L".join(f"{u:.1f} {v:.1f}" for u, v in at)
        if series.kind == "faint":
            body.append(f'<path class="faint" d="M{path}"/>' if path else "")
            continue
        kind = f"s s{number % 4}"
        number += 1
        if series.kind == "points":
            body += [f'<circle class="{kind}" cx="{u:.1f}" cy="{v:.1f}" r="5"/>' for u, v in at]
        elif path:
            body.append(f'<path class="{kind}" d="M{path}"/>')
        if series.kind == "arrow" and len(at) > 1:
            body.append(f'<path class="{kind}" style="stroke-dasharray:none" d="{head_of(at[-2], at[-1])}"/>')
    body.append("</g>")
    taken = [
        (u - 6, v - 6, u + 6, v + 6) for s, pairs in drawn if s.kind == "points" for u, v in (place(*p) for p in pairs)
    ]
    for x, y, word in plot.labels:
        options = list(_label_places(*place(x, y), 9 * len(word), 15))
        box, u, v, anchor = _first_free(options, taken) or options[0]  # every word is named, if need be over another
        taken.append(box)
        body.append(f'<text class="name" x="{u:.1f}" y="{v:.1f}" text-anchor="{anchor}">{text_of(word)}</text>')
    for i, series in enumerate(named):
        v = floor + 60 + 22 * i
        mark = f"M{left} {v}h40"
        shape = f'<circle class="s s{i % 4}" cx="{left + 20}" cy="{v}" r="5"/>'
        body.append(shape if series.kind == "points" else f'<path class="s s{i % 4}" d="{mark}"/>')
        body.append(f'<text class="name" x="{left + 52}" y="{v + 5}">{text_of(series.name)}</text>')
    described = "; ".join(s.name for s in named)
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img"><title>{text_of(plot.title)}</title>'
        f"<desc>{text_of(described)}</desc>{''.join(body)}</svg>"
    )


def padded(values) -> tuple[float, float]:
    low, high = min(values), max(values)
    space = (high - low) * 0.06 or 0.5
    return low - space, high + space


def head_of(tail, tip) -> str:
    """The two strokes of an arrow's head."""
    angle = math.atan2(tip[1] - tail[1], tip[0] - tail[0])
    ends = [(tip[0] - 12 * math.cos(angle + t), tip[1] - 12 * math.sin(angle + t)) for t in (0.45, -0.45)]
    return "M{:.1f} {:.1f}L{:.1f} {:.1f}L{:.1f} {:.1f}".format(*ends[0], *tip, *ends[1])
