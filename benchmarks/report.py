"""From rounds to tables: medians of ratios within a round, their range, and the goals they are held against."""

from __future__ import annotations

from statistics import median

from .peers import PEERS
from .workloads import WORKLOADS

GOALS = {
    "W1a": {"torch_eager": 0.70, "torch_tuned": 1.0, "numpy_hand": 1.05},
    "W1b": {"torch_eager": 0.70, "torch_tuned": 1.0, "numpy_hand": 1.05},
    "W1c": {"torch_eager": 1.0},
    "W2": {"torch_eager": 0.75, "torch_tuned": 1.0, "numpy_hand": 1.05},
    "W3-SGD": {"torch_eager": 0.45, "torch_tuned": 1.0},
    "W3-Adam": {"torch_eager": 0.40, "torch_tuned": 1.0},
    "W3-SparseAdam": {"torch_tuned": 1.0},
    "W4": {"torch_eager": 0.90, "torch_tuned": 1.0},
}
"""Our time over the peer's, at most."""

LIMITS = {"W5": 2.0, "chain": 0.6}
"""Our own time in the workload's unit, at most."""

IMPORT_LIMIT = 1.3
"""Times NumPy's."""


def ratios(seconds, base="ours") -> dict[str, tuple[float, float, float]]:
    """peer -> (median, smallest, largest) of base's time over the peer's in the same round."""
    found = {}
    for name, theirs in seconds.items():
        if name != base and base in seconds:
            each = [ours / other for ours, other in zip(seconds[base], theirs)]
            found[name] = (median(each), min(each), max(each))
    return found


def rows_of(result) -> list[list[str]]:
    """Two lines of a workload's cells: times, and our time over theirs with its range."""
    workload = WORKLOADS[result["workload"]]
    seconds, ratio = result["seconds"], ratios(result["seconds"])
    goals = GOALS.get(workload.name, {})
    cells = []
    for name in PEERS:
        if name not in seconds:
            cells.append("–")
            continue
        text = f"{number(median(seconds[name]) / workload.per)}"
        if name in ratio:
            middle, low, high = ratio[name]
            mark = "" if name not in goals else " ✓" if middle <= goals[name] else f" ✗ ≤{goals[name]:g}"
            text = f"{middle:.2f} [{low:.2f}–{high:.2f}]{mark} ({text})"
        elif name == "ours" and workload.name in LIMITS:
            limit = LIMITS[workload.name]
            text += " ✓" if median(seconds[name]) / workload.per <= limit else f" ✗ ≤{limit:g}"
        cells.append(text)
    return [f"{workload.name}: {workload.title}", str(result["threads"]), workload.unit, *cells]


def number(value) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def time_table(results) -> tuple[list[str], list[list[str]]]:
    head = [
        "workload",
        "threads",
        "unit",
        *(f"ours ÷ {title} (its)" if name != "ours" else "ours" for name, title in PEERS.items()),
    ]
    return head, [rows_of(result) for result in results]


def memory_table(grown) -> tuple[list[str], list[list[str]]]:
    rows = []
    for name in PEERS:
        if name in grown:
            mark = ""
            if name == "ours" and "torch_eager" in grown:
                mark = " ✓" if grown["ours"] <= grown["torch_eager"] else " ✗ no more than PyTorch's"
            rows.append([PEERS[name], f"{grown[name] / 1e6:.0f}{mark}"])
    return ["W1a at batch 8,192", "peak growth, MB"], rows


def import_table(seconds) -> tuple[list[str], list[list[str]]]:
    ours, numpy = median(seconds["tinygrad_nlp"]), median(seconds["numpy"])
    mark = "✓" if ours / numpy <= IMPORT_LIMIT else f"✗ ≤{IMPORT_LIMIT}"
    head = ["import tinygrad_nlp", "import numpy", "ratio"]
    return head, [[f"{ours * 1e3:.0f} ms", f"{numpy * 1e3:.0f} ms", f"{ours / numpy:.2f} {mark}"]]


def text(head, rows) -> str:
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [head, *rows])


def markdown(head, rows) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
