"""Charts as inline SVG and as text: a loss curve, words on a plane.

Colours and fonts come from the page by class (report.py has the style sheet), so that a chart follows light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

_CONTROL = dict.fromkeys([*range(32), *range(127, 160)])


def text_of(value) -> str:
    """``value`` as XML text: escaped, without the control characters that XML forbids."""
    return escape(str(value).translate(_CONTROL))


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers from ``low`` to ``high``: steps of 1, 2 or 5 times a power of ten.

    >>> ticks(0.13, 1.02)
    [0.2, 0.4, 0.6, 0.8, 1.0]
    """
    span = high - low
    if not (span > 0 and math.isfinite(span)):
        return [low]
    rough = span / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * min((m for m in (1, 2, 5, 10)), key=lambda m: abs(m * power - rough))
    first = math.ceil(low / step - 1e-9)
    return [round((first + i) * step, 10) for i in range(int((high - first * step) / step + 1e-9) + 1)]


def loss_curve(points: Sequence[tuple[float, float]], title: str) -> str:
    """points: (share of the training, loss) -> an SVG with axes. Points that are not finite are left out."""
    width, height, left, right, top, bottom = 860, 340, 62, 18, 16, 48
    losses = [y for _, y in points if math.isfinite(y)] or [0.0]
    low, high = min(losses), max(losses)
    pad = (high - low) * 0.06 or 0.5
    low, high = low - pad, high + pad

    def place(x, y):
        return left + x * (width - left - right), top + (high - y) / (high - low) * (height - top - bottom)

    body = []
    for y in ticks(low, high):
        _, v = place(0, y)
        body.append(f'<path class="grid" d="M{left} {v:.1f}H{width - right}"/>')
        body.append(f'<text class="tick" x="{left - 8}" y="{v + 5:.1f}" text-anchor="end">{y:g}</text>')
    for x in (0, 0.25, 0.5, 0.75, 1):
        u, _ = place(x, low)
        body.append(f'<text class="tick" x="{u:.1f}" y="{height - bottom + 20}" text-anchor="middle">{x:.0%}</text>')
    path = "L".join("{:.1f} {:.1f}".format(*place(x, y)) for x, y in points if math.isfinite(y))
    if path:
        body.append(f'<path class="line" d="M{path}"/>')
    body.append(
        f'<text class="tick" x="{(left + width - right) / 2}" y="{height - 6}" text-anchor="middle">'
        "training done</text>"
    )
    middle = (top + height - bottom) / 2
    body.append(
        f'<text class="tick" x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">'
        "nats per pair</text>"
    )
    described = f"from {points[0][1]:.3f} to {points[-1][1]:.3f} nats per pair" if points else "no points"
    return _svg(width, height, title, described, body)


def word_map(places: Sequence[tuple[float, float]], words: Sequence[str], strong: set[str], title: str) -> str:
    """Words on a plane, one scale for both axes; words in ``strong`` are set bold. Labels that would cover another are
    left out, the dot stays and shows its word under the pointer."""
    width, height, margin = 860, 620, 30
    xs, ys = [p[0] for p in places], [p[1] for p in places]
    span_x, span_y = (max(xs) - min(xs) or 1, max(ys) - min(ys) or 1) if places else (1, 1)
    scale = min((width - 2 * margin - 90) / span_x, (height - 2 * margin) / span_y)
    dotted, named, labels, dots = [], [], [], []
    spots = {}
    for i, (x, y) in enumerate(places):
        u = width / 2 - 45 + (x - (max(xs) + min(xs)) / 2) * scale
        v = height / 2 - (y - (max(ys) + min(ys)) / 2) * scale
        spots[i] = u, v
        dotted.append((u - 4, v - 4, u + 4, v + 4))
        kind, radius = ("dot strong", 5) if words[i] in strong else ("dot", 3)
        dots.append(
            f'<circle class="{kind}" cx="{u:.1f}" cy="{v:.1f}" r="{radius}"><title>{text_of(words[i])}</title></circle>'
        )
    for i in sorted(spots, key=lambda i: words[i] not in strong):
        u, v = spots[i]
        word, bold = words[i], words[i] in strong
        size = 17 if bold else 14
        length = len(word) * size * (0.62 if bold else 0.56)
        options = [o for o in _label_places(u, v, length, size) if o[0][0] > 0 and o[0][2] < width]
        place = _first_free(options, named + dotted)
        if place is None and bold:  # rather than go without its label, it may cover dots, but no other label
            place = _first_free(options, named)
        if place is not None:
            box, x, y, anchor = place
            named.append(box)
            kind = "word strong" if bold else "word"
            labels.append(f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text_of(word)}</text>')
    described = "words near each other have similar vectors: " + ", ".join(words[:60])
    return _svg(width, height, title, described, dots + labels)


def _label_places(u, v, length, size):
    """(box, x, y, anchor) to the right of a dot, to its left, above and below."""
    for x, y, anchor in (
        (u + 8, v + 5, "start"),
        (u - 8, v + 5, "end"),
        (u, v - 9, "middle"),
        (u, v + 9 + size * 0.7, "middle"),
    ):
        x0 = x - {"start": 0, "middle": length / 2, "end": length}[anchor]
        yield (x0, y - size * 0.75, x0 + length, y + size * 0.25), x, y, anchor


def _first_free(options, taken):
    return next((o for o in options if not any(_overlap(o[0], box) for box in taken)), None)


def _overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _svg(width, height, title, described, body):
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img">'
        f"<title>{text_of(title)}</title><desc>{text_of(described)}</desc>{''.join(body)}</svg>"
    )


def text_curve(points: Sequence[tuple[float, float]], width: int = 60, height: int = 10) -> str:
    """The curve for a terminal, in ASCII: each column the mean of its part of the points."""
    finite = [y for _, y in points if math.isfinite(y)]
    if not finite:
        return "(no loss recorded)"
    width = min(width, len(finite))
    columns = []
    for i in range(width):
        part = finite[i * len(finite) // width : (i + 1) * len(finite) // width]
        columns.append(sum(part) / len(part))
    low, high = min(columns), max(columns)
    step = (high - low) / (height - 1) or 1.0
    rows = []
    for r in range(height):
        marks = "".join("*" if round((high - y) / step) == r else " " for y in columns)
        rows.append(f"{high - r * step:7.3f} |{marks}".rstrip())
        if high == low:
            break
    return "\n".join([*rows, " " * 8 + "+" + "-" * width])
