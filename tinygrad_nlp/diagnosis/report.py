"""What `compare_by_hand` answers: a line for what is right, an explanation for what is not."""

from __future__ import annotations

import numpy as np


class Row:
    """One gradient of a `Report`: ``name``, ``given``, ``true``, ``ok`` and, where wrong, ``diagnoses``."""

    def __init__(self, name, given, true, ok, diagnoses=(), follows=""):
        self.name, self.given, self.true, self.ok = name, given, true, ok
        self.diagnoses, self.follows = tuple(diagnoses), follows

    @property
    def kind(self) -> str:
        """The first diagnosis' kind: "right", "follows from dz", "transposed", …"""
        if self.ok:
            return "right"
        if self.follows:
            return f"follows from {self.follows}"
        return self.diagnoses[0].kind if self.diagnoses else "different"

    def __str__(self):
        shape = str(self.true.shape)
        if self.ok:
            return f"{self.name} {shape}: right"
        if self.follows:
            return f"{self.name} {shape}: wrong only because {self.follows} is; mend that first"
        lines = [f"{self.name} {shape}: WRONG"]
        if self.given.shape == self.true.shape and self.true.size:
            off = np.abs(np.nan_to_num(self.given - self.true, nan=np.inf))
            at = tuple(int(i) for i in np.unravel_index(int(off.argmax()), off.shape))
            bad = int((off > 1e-5 * max(np.abs(self.true).max(), 1e-30)).sum())
            place = f"[{', '.join(map(str, at))}]" if at else ""
            lines.append(
                f"  yours{place} = {float(self.given[at]):.6g}, right is {float(self.true[at]):.6g}"
                f" ({bad} of {off.size} numbers differ)"
            )
        for found in self.diagnoses[:1]:
            lines += [f"  {found.kind}: {found.text}", f"  write: {found.fix}"]
        return "\n".join(lines)


class Report:
    """What `compare_by_hand` found: ``.ok``, ``.rows``, ``report["W1"]``; prints as an explanation."""

    def __init__(self, rows):
        self.rows = list(rows)

    @property
    def ok(self) -> bool:
        """True if every gradient is right."""
        return all(row.ok for row in self.rows)

    def __bool__(self):
        return self.ok

    def __getitem__(self, name) -> Row:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no gradient {name!r} was compared; there are {', '.join(row.name for row in self.rows)}")

    def __iter__(self):
        return iter(self.rows)

    def __len__(self):
        return len(self.rows)

    def __repr__(self):
        wrong = sum(not row.ok for row in self.rows)
        end = "all right" if not wrong else f"{wrong} of {len(self.rows)} wrong"
        return "\n".join([*map(str, self.rows), end])

    def to_dict(self) -> dict:
        """``{name: kind}``, kind being "right" or the mistake's."""
        return {row.name: row.kind for row in self.rows}
