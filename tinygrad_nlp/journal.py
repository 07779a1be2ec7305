"""What `record_gradients` keeps: every intermediate with its value and gradient, by the name it has in the user's code.

A tensor does not know which variable holds it. The interpreter's own instructions do: the op ran at one of them, and
if the next is ``STORE_FAST h``, its result is called h. That needs no source, so it works in a notebook, in exec, in
a function that is gone. What was stored otherwise (``a, b = f(x)``, a list) is found in the variables at the end.

Pictures show these names for tensors without one: each is left in the tensor's ``_variable``.
"""

from __future__ import annotations

import dis
import linecache
import sys
from bisect import bisect_right
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .errors import is_library_code
from .rowsparse import RowSparse
from .tensor import Tensor

FILLERS = {"CACHE", "NOP", "EXTENDED_ARG", "PRECALL", "RESUME", "NOT_TAKEN"}
STORES = {"STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF"}
BOTH = {"STORE_FAST_STORE_FAST", "STORE_FAST_LOAD_FAST", "STORE_FAST_MAYBE_NULL"}
COPIES = {"COPY", "DUP_TOP"}
LOADS = {"LOAD_FAST", "LOAD_NAME", "LOAD_GLOBAL", "LOAD_DEREF", "LOAD_FAST_CHECK", "LOAD_CONST", "LOAD_SMALL_INT"}
PAIRS = {"LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW"}


class Place(NamedTuple):
    """What happens to a result: ``kind`` is "name", "item" (of ``name``, at variable or constant ``key``) or
    "return"; "" where it is used on the spot."""

    kind: str = ""
    name: str = ""
    key: object = None
    constant: bool = False


class Entry:
    """One recorded tensor and where in the user's code it was made."""

    __slots__ = ("tensor", "base", "inner", "call", "line")

    def __init__(self, tensor, base, call, line):
        self.tensor, self.base, self.call, self.line = tensor, base, call, line
        self.inner = False  # made on the way inside a call, whose result came later


class Row(NamedTuple):
    """One intermediate: ``gradient`` is None where none arrived."""

    name: str
    shape: tuple
    value: np.ndarray
    gradient: object
    op: str
    where: str


class Journal:
    """Every tensor made while `record_gradients` was on, in order, each keeping its gradient.

    Iterate over it, or index it by position or by name: ``journal["hidden"].grad``. Names are those of the user's
    code; what was bound several times is ``h@1``, ``h@2``, …, and ``journal["h"]`` the last. A name given by
    ``t.name = …`` comes first. Print it for a table; `to_dict` has the same as data.
    """

    def __init__(self):
        self.tensors = []
        self._entries = []
        self._frames = {}  # {id: (how many are around it, one of the user's frames)}, until the context is left
        self._names = None

    # ---- recording -------------------------------------------------------------------------------------------------

    def note(self, tensor):
        """Called by every op whose result requires grad."""
        self.tensors.append(tensor)
        self._names = None
        frame, callee = sys._getframe(2), None
        while frame is not None and is_library_code(frame.f_code.co_filename):
            frame, callee = frame.f_back, frame
        if frame is None:
            self._entries.append(Entry(tensor, "", None, None))
            return
        line = (frame.f_code, frame.f_lasti)
        base, call = "", (frame, frame.f_lasti, callee)
        while frame is not None and not is_library_code(frame.f_code.co_filename):
            if id(frame) not in self._frames:
                self._frames[id(frame)] = _depth(frame), frame
            place = place_after(frame.f_code, frame.f_lasti)
            if place.kind == "return":
                # The function hands it on: the caller's variable gives the name.
                frame = frame.f_back
                continue
            base = place.name
            if place.kind == "item":
                key = place.key if place.constant else _variables(frame).get(place.key, place.key)
                base = f"{place.name}[{key!r}]" if isinstance(key, (int, str)) else ""
            break
        self._entries.append(Entry(tensor, base, call, line))

    def close(self):
        """The context is left: look once more at the variables, then let them go."""
        self.names()
        self._frames = {}
        for entry in self._entries:
            entry.call = None

    # ---- names -----------------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """The name of each tensor, in order."""
        if self._names is None:
            if self._frames:
                self._mark_inner()
                self._look_into_variables()
            self._names = self._numbered()
            for entry, name in zip(self._entries, self._names):
                entry.tensor._variable = name if entry.base and not entry.inner else None
        own = [entry.tensor.name for entry in self._entries]
        return [mine or name for mine, name in zip(own, self._names)]

    def _mark_inner(self):
        """Of the tensors that one call made, the last is its result."""
        last = {}
        for entry in self._entries:
            if entry.call is not None and entry.call[2] is not None:
                earlier = last.get(entry.call)
                if earlier is not None:
                    earlier.inner = True
                last[entry.call] = entry

    def _look_into_variables(self):
        """Names for what a variable holds although no instruction after its op said so, and for leaves.

        A leaf that functions hand on has several: that of the outermost variable is its own, not that of a parameter.
        """
        known = {id(entry.tensor): entry for entry in self._entries}
        outermost = {}
        for depth, frame in self._frames.values():
            variables = _variables(frame)
            for name, value in list(variables.items()):
                if name.startswith("_"):
                    continue
                for label, held in _held(name, value):
                    entry = known.get(id(held))
                    if held._op is None and depth < outermost.get(id(held), depth + 1):
                        outermost[id(held)], held._variable = depth, label
                    if entry is None or (entry.base and not entry.inner):
                        continue
                    for other in self._entries:  # the call's result was not the last tensor it made
                        if other.base == label and other.call == entry.call and other is not entry:
                            other.inner = True
                    entry.base, entry.inner = label, False

    def _numbered(self):
        counts = {}
        for entry in self._entries:
            if entry.base and not entry.inner:
                counts[entry.base] = counts.get(entry.base, 0) + 1
        met = {}
        names = []
        for entry in self._entries:
            if entry.base and not entry.inner:
                met[entry.base] = k = met.get(entry.base, 0) + 1
                names.append(f"{entry.base}@{k}" if counts[entry.base] > 1 else entry.base)
            else:
                names.append(_unnamed(entry))
        return names

    # ---- reading ---------------------------------------------------------------------------------------------------

    def __iter__(self):
        return iter(self.tensors)

    def __len__(self):
        return len(self.tensors)

    def __getitem__(self, key):
        if isinstance(key, int):
            return self.tensors[key]
        names = self.names()
        for wanted in (lambda name: name == key, lambda name: name.rpartition("@")[0] == key):
            for tensor, name in zip(reversed(self.tensors), reversed(names)):
                if wanted(name):
                    return tensor
        listed = ", ".join(dict.fromkeys(names)) or "none was recorded"
        raise KeyError(f"no recorded tensor is named {key!r}; there are: {listed}")

    def rows(self) -> list[Row]:
        """One `Row` for each tensor, in the order they were made."""
        return [
            Row(name, t.shape, t._data, t._grad, t._op.name if t._op is not None else "", t.made_at)
            for name, t in zip(self.names(), self.tensors)
        ]

    def to_dict(self) -> dict:
        """``{name: {"value": array, "gradient": array or None, "shape": tuple, "op": name, "where": line}}``.

        A name that two tensors share gets ``#2``, ``#3`` … behind it.
        """
        found = {}
        for row in self.rows():
            name, k = row.name, 1
            while name in found:
                k += 1
                name = f"{row.name}#{k}"
            found[name] = {
                "value": row.value,
                "gradient": _array(row.gradient),
                "shape": row.shape,
                "op": row.op,
                "where": row.where,
            }
        return found

    def __str__(self):
        rows = self.rows()
        if not rows:
            return "nothing was recorded: no op made a tensor that requires grad"
        cells = [("name", "shape", "value", "gradient", "op", "line")]
        for row in rows:
            place = row.where.rpartition(" in ")[0].rpartition(":")[2]
            gradient = "none arrived" if row.gradient is None else summary(_array(row.gradient))
            cells.append((row.name, str(row.shape), summary(row.value), gradient, row.op, place))
        widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
        return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in cells)

    __repr__ = __str__


def summary(array) -> str:
    """Few numbers in full, many as their span and mean."""
    array = np.asarray(array)
    if array.size <= 4:
        return np.array2string(array, precision=4, separator=", ", suppress_small=True).replace("\n", "")
    if not np.isfinite(array).all():
        return f"{int((~np.isfinite(array)).sum())} of {array.size} not finite"
    mean = float(array.mean())
    if abs(mean) < 1e-6 * float(np.abs(array).max()):
        mean = 0.0  # numbers that cancel leave rounding
    return f"{array.min():.4g} … {array.max():.4g}, mean {mean:.4g}"


def _array(gradient):
    if gradient is None:
        return None
    if isinstance(gradient, RowSparse):
        return gradient.dense()
    return np.asarray(gradient._data if isinstance(gradient, Tensor) else gradient)


# ---- the instructions --------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _instructions(code):
    """(offsets, instructions) without the fillers."""
    kept = [i for i in dis.get_instructions(code) if i.opname not in FILLERS]
    return [i.offset for i in kept], kept


@lru_cache(maxsize=4096)
def place_after(code, offset) -> Place:
    """What the code does with the result of the instruction at ``offset``."""
    offsets, instructions = _instructions(code)
    # A call under way may stand at one of the fillers behind its instruction: the last one at or before it is meant.
    i = bisect_right(offsets, offset)
    following = instructions[i : i + 4]
    while following and following[0].opname in COPIES:
        i += 1
        following = instructions[i : i + 4]
    if not following:
        return Place()
    name, value = following[0].opname, following[0].argval
    if name in STORES:
        return Place("name", value)
    if name in BOTH:
        return Place("name", value[0])
    if name == "RETURN_VALUE":
        return Place("return")
    loaded, i = [], 0
    while i < len(following) and following[i].opname in LOADS | PAIRS:
        one = following[i]
        pair = one.argval if one.opname in PAIRS else (one.argval,)
        loaded += [(v, one.opname in ("LOAD_CONST", "LOAD_SMALL_INT")) for v in pair]
        i += 1
    end = following[i].opname if i < len(following) else ""
    if end == "STORE_ATTR" and len(loaded) == 1:
        return Place("name", f"{loaded[0][0]}.{following[i].argval}")
    if end == "STORE_SUBSCR" and len(loaded) == 2:
        return Place("item", str(loaded[0][0]), *loaded[1])
    return Place()


def _depth(frame) -> int:
    """How many frames are around it. To be asked while it runs: afterwards it has forgotten them."""
    depth = 0
    while (frame := frame.f_back) is not None:
        depth += 1
    return depth


def _variables(frame) -> dict:
    """The variables of a frame, as a dict of their own."""
    found = frame.f_locals
    variables = dict(found)
    if frame.f_code.co_flags & 1 and sys.version_info < (3, 13) and sys.getrefcount(found) <= 3:
        # Of a function this is a copy that the frame would keep, and with it every tensor; the variables stay.
        # More references: somebody called locals(), and it is theirs.
        found.clear()
    return variables


def _held(name, value):
    """(label, tensor) for a variable that is a tensor, or a list, tuple or dict of them."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, (list, tuple)) and len(value) < 10_000:
        for i, item in enumerate(value):
            if isinstance(item, Tensor):
                yield f"{name}[{i}]", item
    elif isinstance(value, dict) and len(value) < 10_000:
        for key, item in value.items():
            if isinstance(item, Tensor) and isinstance(key, (int, str)):
                yield f"{name}[{key!r}]", item


def _unnamed(entry) -> str:
    """The expression, where there is source to read it from; else the module and op."""
    op = entry.tensor._op.name if entry.tensor._op is not None else "leaf"
    if entry.tensor._scope is not None:
        return f"{entry.tensor._scope.path}.{op}"
    text = _expression(*entry.line) if entry.line is not None else ""
    if entry.inner:
        return f"{op} in {text}" if text else op
    return text or op


def _expression(code, offset) -> str:
    """The source of the instruction at ``offset``, if Python keeps its columns (3.11 on) and there is a file."""
    if not hasattr(code, "co_positions") or offset < 0:
        return ""
    positions = list(code.co_positions())
    first, last, start, end = positions[offset // 2] if offset // 2 < len(positions) else (None,) * 4
    if None in (first, last, start, end) or first != last:
        return ""
    line = linecache.getline(code.co_filename, first)
    text = line.encode()[start:end].decode(errors="replace").strip()
    return text if len(text) <= 40 else text[:37] + "…"
