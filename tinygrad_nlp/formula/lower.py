"""From NumPy's arrays to the textbook's vectors and matrices.

NumPy's vectors are neither rows nor columns, the textbook's are one of them. Which one is read off the forward pass: in
``U @ v`` v is a column, in ``x @ W`` x is a row, what is added to a row is a row. Reshapes that only served the rules
then vanish, and what is left is put together by `Algebra`. An op without a textbook form stays a function.
"""

from __future__ import annotations

import math

import numpy as np

from ..broadcasting import normalize_axes
from .sums import Sums
from .symbols import Symbol, key
from .terms import ELEMENTWISE, Algebra, below

LABELS = "kjilmn"


def flat_shape(shape):
    """(rows, columns) of an array of two axes and more: the leading axes are one."""
    return (math.prod(shape[:-1]), shape[-1])


def is_plain(shape):
    """True if an array of this shape is one matrix, vector or number: all but its last two axes have length 1."""
    return math.prod(shape[:-2]) == 1


class Textbook:
    """Turns symbols into terms. ``layout="columns"`` prints every matrix transposed and every vector as a column.

    names   {label: index}: how rows of tables are called, {"o": 3} for row 3
    plain   leave every op a function: no algebra
    """

    def __init__(self, names=None, layout="rows", plain=False):
        self.algebra = Algebra()
        self.sums = Sums(self.algebra)
        self.layout, self.plain = layout, plain
        self.terms, self.sides, self.leaves = {}, {}, {}
        self.named = {}  # inner symbols by id, whose tensors have names
        self.definitions = {}  # the names' terms: what they stand for
        self.labels = {key(np.ravel(index)): str(label) for label, index in (names or {}).items()}
        self.places = {str(label): np.ravel(index) for label, index in (names or {}).items()}

    # ---- rows and columns -------------------------------------------------------------------

    def settle(self, symbols):
        """Decide for every vector of a forward pass whether it is a row or a column."""
        for _ in range(2):  # a second time for leaves that met their first row or column late
            for s in symbols:
                if s.op is None:
                    continue
                self.sides.pop(id(s), None)
                self.side(s)
                if s.ndim > 1 and (s.op.broadcasts or s.op.name in ("layer_norm", "linear")):
                    for a in s.args:  # what is added to each row of a matrix is a row
                        self._is(a, "row")

    def side(self, s):
        """'row', 'column', or None if nothing is known yet of a vector."""
        if not isinstance(s, Symbol) or len(s.shape) != 1:
            return None
        if id(s) not in self.sides and s.op is not None:
            side = self._side(s)
            if side:
                self.sides[id(s)] = side
        return self.sides.get(id(s))

    def _side(self, s):
        name, args = s.op.name, s.args
        if name == "matmul":
            x, y = (np.ndim(a) if not isinstance(a, Symbol) else a.ndim for a in args)
            if x == 1 and y != 1:
                self._is(args[0], "row")
            if y == 1 and x != 1:
                self._is(args[1], "column")
            return "column" if y == 1 else "row"
        if name == "linear":
            self._is(args[0], "row")
            self._is(args[2], "row")
            return "row"
        if name in ("sum", "mean") and args[0].ndim == 2:
            table_rows = isinstance(args[0], Symbol) and args[0].op is not None and self.rows_read(args[0]) is not None
            return "column" if table_rows or normalize_axes(s.options["axis"], 2) == (1,) else "row"
        if name in ("getitem", "embedding", "take") and isinstance(args[0], Symbol) and args[0].ndim == 2:
            return "column"
        first = next((a for a in args if isinstance(a, Symbol)), None)
        if name in ("reshape", "squeeze", "getitem") and first.ndim >= 2:
            return "row" if first.shape[-1] == s.size else "column"
        vectors = [a for a in args if isinstance(a, Symbol) and a.ndim == 1]
        if s.op.broadcasts or len(args) == 1:
            known = next((self.side(v) for v in vectors if self.side(v)), None)
            for v in vectors:
                self._is(v, known)
            return known
        return self.side(vectors[0]) if vectors else None

    def _is(self, s, side):
        if isinstance(s, Symbol) and s.ndim == 1 and side and id(s) not in self.sides:
            self.sides[id(s)] = side

    def core(self, s, side=None):
        """The textbook shape of a symbol or constant."""
        shape = np.shape(s) if not isinstance(s, Symbol) else s.shape
        if len(shape) == 0:
            return (1, 1)
        if len(shape) == 1:
            return (1, shape[0]) if (side or self.side(s)) == "row" else (shape[0], 1)
        return flat_shape(shape)

    def turned(self, t, shape):
        """t, transposed if that gives it the wanted shape."""
        return self.algebra.T(t) if t.shape != shape and t.shape == shape[::-1] else t

    # ---- terms -------------------------------------------------------------------

    def term(self, s, side=None):
        """The term of a symbol or constant; vectors as ``side`` says, or as they are."""
        if not isinstance(s, Symbol):
            return self.constant(s, side)
        known = self.terms.get(id(s))
        if known is None:
            known = self.leaf(s) if s.op is None else self.made(s)
            if id(s) in self.named:
                known = self.defined(self.named[id(s)], known)
            if known.value.shape[-2:] != self.core(s) and known.shape != (1, 1):
                known = self.turned(known, self.core(s))
            self.terms[id(s)] = known
        return self.turned(known, self.core(s, side)) if side and s.ndim == 1 else known

    def constant(self, value, side=None):
        value = np.asarray(value)
        if value.ndim == 1 and side == "row" and self.layout == "columns":
            return self.algebra.T(self.algebra.array(value.reshape(-1, 1)))
        return self.algebra.array(value.reshape(self.core(value, side)))

    def leaf(self, s):
        self.leaves[s.name] = s
        if s.ndim == 0:
            return self.algebra.name(s.name, s.value.reshape(1, 1))
        value = s.value.reshape(self.core(s))
        if (
            self.layout == "columns"
            and value.shape[0 if s.ndim == 1 else 1] != 0
            and (s.ndim > 1 or value.shape[0] == 1)
        ):
            return self.algebra.T(self.algebra.name(s.name, value.T))
        return self.algebra.name(s.name, value)

    def defined(self, name, t):
        """A name for an inner result; the term that it stands for is remembered."""
        if t.kind in ("name", "array") or (t.kind == "T" and t.parts[0].kind == "name"):
            return t
        if t.kind == "T" or (self.layout == "columns" and t.shape[0] == 1 and not t.is_scalar):
            return self.algebra.T(self.defined(name, self.algebra.T(t)))
        short = self.algebra.name(name, t.value)
        self.definitions[short] = t
        return short

    def made(self, s):
        method = getattr(self, f"op_{s.op.name.rstrip('_')}", None)
        found = None
        if self.plain:
            return self.opaque(s)
        if method is not None:
            found = method(s, *s.args, **s.options)
        elif s.op.name in ELEMENTWISE and len(s.args) == 1 and not s.options:
            found = self.algebra.function(s.op.name, self.term(s.args[0]))
        return self.opaque(s) if found is None else found

    def opaque(self, s):
        """``s`` as a function of its arguments' terms, evaluated by the op itself."""
        parts = [self.term(a) if isinstance(a, Symbol) or np.asarray(a).dtype.kind in "fiub" else None for a in s.args]
        shapes = [a.shape if isinstance(a, Symbol) else np.shape(a) for a in s.args]
        vector_function = len(parts) == 1 and s.ndim == 1 and s.args[0].ndim == 1
        if vector_function and parts[0].kind == "T":
            return self.algebra.T(self._function(s, [parts[0].parts[0]], shapes))
        return self._function(s, parts, shapes)

    def _function(self, s, parts, shapes):
        values = [p.value.reshape(n) if isinstance(a, Symbol) else a for p, a, n in zip(parts, s.args, shapes)]
        with np.errstate(all="ignore"):
            value = np.asarray(s.op.forward(*values, **s.options))
        shape = parts[0].shape if len(parts) == 1 and s.shape == shapes[0] else self.core(s)
        data = (s.op.name, s.shape, tuple(shapes), tuple((k, key(v)) for k, v in s.options.items()))
        return self.algebra.make("fn", [p for p in parts if p is not None], data, value.reshape(shape))

    # ---- elementwise -------------------------------------------------------------------

    def aligned(self, s, *args):
        """The terms of arguments that broadcast against each other, or None where they are no matrices."""
        shapes = [a.shape if isinstance(a, Symbol) else np.shape(a) for a in args]
        if not all(map(is_plain, shapes)) and any(math.prod(n) != 1 and n != s.shape for n in shapes):
            return None
        side = (self.side(s) or next((self.side(a) for a in args if self.side(a)), None)) if s.ndim == 1 else "row"
        return [self.term(a, side or "column") for a in args]

    def op_add(self, s, x, y):
        terms = self.aligned(s, x, y)
        return terms and self.algebra.add([(1.0, t) for t in terms])

    def op_sub(self, s, x, y):
        terms = self.aligned(s, x, y)
        return terms and self.algebra.add(list(zip((1.0, -1.0), terms)))

    def op_mul(self, s, x, y):
        if isinstance(x, Symbol) and x.op is not None and x.op.name == "masked" and np.ndim(y) == 0:
            gamma = None if isinstance(y, Symbol) else self.algebra.factors.get(float(y))
            if gamma is not None:  # dropout's: the same number elsewhere is a number
                return self.algebra.times([gamma, self.term(x)])
        terms = self.aligned(s, x, y)
        return terms and self.algebra.times(terms)

    def op_masked(self, s, x, mask):
        return self.op_mul(s, x, mask)

    def op_div(self, s, x, y):
        terms = self.aligned(s, x, y)
        return terms and self.algebra.times([terms[0], self.algebra.function("reciprocal", terms[1])])

    def op_neg(self, s, x):
        return self.algebra.scale(-1.0, self.term(x))

    def op_cast(self, s, x, *, dtype):
        return self.term(x) if s.dtype.kind == "f" else None

    def op_pow(self, s, x, y):
        return self.algebra.function("square", self.term(x)) if isinstance(y, (int, float)) and y == 2 else None

    def op_greater(self, s, x, y):
        if isinstance(y, Symbol) or np.ndim(y) or y != 0:
            return None
        return self.algebra.function("positive", self.term(x))

    def guard(self, s, x, y, answer):
        """A comparison with 0 that is there to keep 0/0 out: decided by this run, and said so."""
        if isinstance(y, Symbol) or np.ndim(y) or y != 0 or not (np.asarray(x.value) != 0).all():
            return None
        t = self.term(x)
        if t not in self.algebra.conditions:
            self.algebra.conditions.append(t)
        return self.algebra.array(np.full(self.core(s), float(answer)))

    def op_equal(self, s, x, y):
        return self.guard(s, x, y, answer=0)

    def op_not_equal(self, s, x, y):
        return self.guard(s, x, y, answer=1)

    def op_dropout(self, s, x, keep, *, p):
        gamma = float(x.dtype.type(1 / (1 - p)))
        if gamma != 1 and gamma not in self.algebra.factors:
            named = r"\gamma" if not self.algebra.factors else rf"\gamma_{len(self.algebra.factors) + 1}"
            self.algebra.factors[gamma] = self.algebra.name(named, np.full((1, 1), gamma))
            self.algebra.factors[gamma].extra = p
        return self.term(s.op.forward(x, keep, p=p))  # made of operators: its own definition, read on symbols

    # ---- products -------------------------------------------------------------------

    def op_matmul(self, s, x, y):
        if not all(is_plain(a.shape if isinstance(a, Symbol) else np.shape(a)) for a in (x, y)):
            return None
        return self.algebra.matmul(self.term(x, "row"), self.term(y, "column"))

    def op_linear(self, s, x, weight, bias):
        return self.term(s.op.forward(x, weight, bias))  # as for dropout

    def op_outer(self, s, x, y):
        return self.algebra.matmul(self.term(x, "column"), self.term(y, "row"))

    def op_vecdot(self, s, x, y):
        return self.algebra.matmul(self.term(x, "row"), self.term(y, "column")) if s.ndim == 0 else None

    def op_swapaxes(self, s, x, *, axis1, axis2):
        last = {axis1 % x.ndim, axis2 % x.ndim} == {x.ndim - 1, x.ndim - 2}
        return self.algebra.T(self.term(x)) if last and is_plain(x.shape) else None

    def op_transpose(self, s, x, *, axes):
        if x.ndim < 2:
            return self.term(x)
        return self.algebra.T(self.term(x)) if x.ndim == 2 and (axes is None or axes[0] % 2 == 1) else None

    # ---- shape -------------------------------------------------------------------

    def same_numbers(self, s, x):
        """The same numbers in another shape: the same term, perhaps transposed."""
        t, shape = self.term(x), self.core(s)
        if s.ndim == 1:
            shape = shape if t.shape in (shape, shape[::-1]) else None
        return self.turned(t, shape) if shape in (t.shape, t.shape[::-1]) and (t.shape == shape or 1 in shape) else None

    def op_reshape(self, s, x, *, shape):
        return self.same_numbers(s, x)

    def op_squeeze(self, s, x, *, axis):
        return self.same_numbers(s, x)

    def op_unsqueeze(self, s, x, *, axis):
        return self.same_numbers(s, x)

    def op_expand(self, s, x, *, shape):
        a, t = self.algebra, self.term(x, "row" if s.ndim > 1 else None)
        rows, columns = self.core(s)
        if t.shape == (rows, columns):
            return t
        if t.is_scalar:
            return a.times([t, a.ones((rows, columns), s.dtype)])
        if not (is_plain(s.shape) and is_plain(x.shape)):
            return None
        if t.shape == (1, columns):
            return a.matmul(a.ones((rows, 1), s.dtype), t)
        return a.matmul(t, a.ones((1, columns), s.dtype)) if t.shape == (rows, 1) else None

    # ---- sums -------------------------------------------------------------------

    def op_sum(self, s, x, *, axis, keepdims):
        if not is_plain(x.shape):
            return None
        a, t, axes = self.algebra, self.term(x), normalize_axes(axis, x.ndim)
        if x.ndim < 2:
            over_rows = over_columns = bool(axes)
        else:
            over_rows, over_columns = x.ndim - 2 in axes, x.ndim - 1 in axes
        if x.ndim == 2 and over_rows and not over_columns and x.op is not None and self.rows_read(x) is not None:
            label = self.label(self.rows_read(x))
            return self.sums.over(label, a.T(self.sums.row(t, label)), len(t.value)) if t.kind == "rows" else t
        if (over_rows or t.shape[0] == 1) and (over_columns or t.shape[1] == 1) and axes:
            return self.total(t)
        if over_rows:
            return a.matmul(a.ones((1, t.shape[0]), s.dtype), t)
        return a.matmul(t, a.ones((t.shape[1], 1), s.dtype)) if over_columns else t

    def total(self, t):
        """The sum of all elements: aᵀb for a product of vectors, 1ᵀ t 1 else."""
        a = self.algebra
        c, scalars, body = a.split(t)
        if body is None:
            return t
        body = body.parts[0] if body.kind == "T" else body
        first = a.product(c, scalars, None)
        if body.kind == "had" and 1 in body.shape:
            left, right = body.parts[0], a.had(list(body.parts[1:]))
            dot = a.matmul(a.T(left), right) if body.shape[1] == 1 else a.matmul(left, a.T(right))
            return a.times([first, dot])
        ones = [a.ones((1, n), body.value.dtype) for n in body.shape]
        return a.times([first, a.matmul(a.matmul(ones[0], body), a.T(ones[1]))])

    def op_mean(self, s, x, *, axis, keepdims):
        total = self.op_sum(s, x, axis=axis, keepdims=keepdims) if x.size else None
        return total and self.algebra.scale(s.size / x.size, total)

    # ---- rows of tables -------------------------------------------------------------------

    def label(self, index):
        """What the rows at ``index`` are called: as the caller said, else their number, or a running letter."""
        index = np.ravel(index)
        if key(index) not in self.labels:
            matches = [n for n, places in self.places.items() if np.array_equal(places, index)]
            free = (c for c in LABELS if c not in self.places)
            label = matches[0] if matches else str(index[0]) if index.size == 1 else next(free, f"k_{len(self.labels)}")
            self.labels[key(index)] = label
            self.places[label] = index
        return self.labels[key(index)]

    def rows_read(self, s):
        """The index with which ``s`` reads rows of a table that is a leaf, or None."""
        table, name = s.args[0], s.op.name
        if not (isinstance(table, Symbol) and table.op is None and table.ndim == 2):
            return None
        if name == "embedding" or (name == "take" and s.options["axis"] == 0):
            index = np.asarray(s.args[1])
        elif name == "getitem":
            index = s.options["index"]
            index = index[0] if isinstance(index, tuple) and len(index) == 1 else index
            if not isinstance(index, (int, np.integer, np.ndarray)) or isinstance(index, bool):
                return None
            index = np.asarray(index)
        else:
            return None
        if index.dtype.kind not in "iu" or not index.size:
            return None
        return np.where(index < 0, index + table.shape[0], index)

    def read_rows(self, s, table, **options):
        index = self.rows_read(s)
        if index is None:
            return None
        label, name = self.label(index), row_name(table.name)
        values = table.value[np.ravel(index)]
        if index.size == 1:
            one = self.algebra.name(below(name, label), values.reshape(-1, 1))
            return self.turned(one, self.core(s))
        return self.algebra.make("rows", (), (name, label), values)

    def op_embedding(self, s, table, index, *, padding_idx):
        return self.read_rows(s, table)

    def op_take(self, s, x, index, *, axis):
        return self.read_rows(s, x)

    def op_getitem(self, s, x, *, index):
        found = self.read_rows(s, x)
        if found is None and s.size == x.size and not _reorders(index):
            found = self.same_numbers(s, x)
        if found is None and x.ndim == 1 and s.ndim == 0:
            y = np.zeros(x.shape, x.dtype)
            y[index] = 1
            row = self.side(x) == "row"
            y, t = self.constant(y, "row" if row else "column"), self.term(x)
            found = self.algebra.matmul(t, self.algebra.T(y)) if row else self.algebra.matmul(self.algebra.T(y), t)
        return found

    def op_put_back(self, s, x, *, index, shape):
        parts = index if isinstance(index, tuple) else (index,)
        if (
            len(parts) != 1
            or not isinstance(parts[0], (int, np.integer, np.ndarray))
            or np.asarray(parts[0]).dtype == bool
        ):
            return self.same_numbers(s, x) if x.size == s.size and not _reorders(index) else None
        index = np.asarray(parts[0])
        if len(shape) == 1 and index.ndim == 0:
            y = np.zeros(shape, s.dtype)
            y[index] = 1
            return self.algebra.times([self.term(x), self.constant(y, "row" if self.side(s) == "row" else "column")])
        return self.put(s, x, np.where(index < 0, index + shape[0], index)) if len(shape) == 2 else None

    def op_rows_of(self, s, x, index, *, shape, padding_idx):
        return self.put(s, x, np.asarray(index)) if len(shape) == 2 and padding_idx is None else None

    def put(self, s, x, index):
        """Zeros but for the rows that ``index`` names, which receive the rows of x."""
        if not index.size:
            return self.algebra.zero(s.shape)
        rows = self.term(x, "row")
        c, scalars, rows = self.algebra.split(rows)
        value = np.zeros(s.shape, rows.value.dtype)
        np.add.at(value, np.ravel(index), rows.value)
        return self.algebra.product(c, scalars, self.algebra.make("put", (rows,), self.label(index), value))

    def dense(self, t):
        """A sum in which single rows stand beside whole matrices, the rows as e_o vᵀ with a one-hot e_o."""
        if t.kind == "put" and t.parts[0].shape[0] == 1:
            unit = np.zeros((t.shape[0], 1), t.value.dtype)
            unit[self.places[t.data]] = 1
            return self.algebra.matmul(self.algebra.array(unit), t.parts[0])
        return self.algebra.rebuilt(t, [self.dense(p) for p in t.parts]) if t.kind in ("sum", "prod", "T") else t

    # ---- losses as the documents write them -------------------------------------------------------------------

    def op_log_softmax(self, s, x, *, axis):
        y_hat = self.term(x.softmax(axis=axis))
        return self.algebra.make("fn", (y_hat,), ("log",), s.value.reshape(y_hat.shape)) if y_hat.kind == "fn" else None

    def op_cross_entropy(self, s, logits, target, weight=None, *, ignore_index, label_smoothing, reduction):
        if weight is not None or ignore_index is not None or label_smoothing or reduction == "none":
            return None
        a, y_hat = self.algebra, self.term(logits.softmax())
        side = "row" if y_hat.shape[0] == 1 else "column"
        target = np.asarray(target)
        if target.dtype.kind != "f":
            y = np.zeros(logits.shape, logits.dtype)
            np.put_along_axis(y, target[..., None], 1, axis=-1)
            target = y
        agreement = self.total(a.times([self.constant(target, side), a.function("log", y_hat)]))
        share = 1 / math.prod(logits.shape[:-1]) if reduction == "mean" else 1.0
        return a.scale(-share, agreement)


def _reorders(index):
    parts = index if isinstance(index, tuple) else (index,)
    return not all(
        p is None
        or p is Ellipsis
        or (isinstance(p, slice) and p.step in (None, 1))
        or (isinstance(p, (int, np.integer)))
        for p in parts
    )


def row_name(table):
    """The rows of U are called u; of a table with a longer name, by that name."""
    return table.lower() if len(table) == 1 else table
