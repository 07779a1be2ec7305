"""Textbook algebra: scalars, vectors and matrices, simplified as they are put together.

A term is a matrix (r, c): a vector is a matrix of one column or one row, a scalar (1, 1). So a product of terms is
well formed only where the printed product is. Each term is evaluated when it is made, from its parts and
by the operation that will be printed; what simplification has made of a gradient can therefore be compared with the
gradient itself. Inside a sum over k (sums.py), values have one more axis in front, along which k runs.
"""

from __future__ import annotations

import numpy as np

from ..op import registry


class Term:
    """``kind`` says how ``parts`` are put together; ``data`` is what else there is to know. Equal terms are identical.

    name   data = LaTeX                       a named array
    array  data = bytes                       a constant array without a name
    sum    data = coefficients                linear combination; a part ``one`` stands for the number 1
    prod   data = (coefficient, has_body)     scalars, then, if has_body, one vector or matrix
    had    elementwise product                mat  matrix product
    T      transpose                          fn   data = (op name, …): any op
    rows   data = (name, label)               rows k of a table, as a matrix
    put    data = label                       zeros but for the rows that label names
    over   data = label                       sum over k of a term
    """

    __slots__ = ("data", "extra", "kind", "length", "number", "parts", "shape", "transposes", "value")

    def __init__(self, kind, parts, data, value, number):
        self.kind, self.parts, self.data, self.value, self.number = kind, parts, data, value, number
        self.shape, self.extra = value.shape[-2:], None
        self.length = 1 + sum(p.length for p in parts)  # of its text, in terms
        self.transposes = (kind == "T") + sum(p.transposes for p in parts)

    is_scalar = property(lambda self: self.shape == (1, 1))

    @property
    def is_elementwise(self):
        """True for a function of one array that acts on each element alone."""
        return self.kind == "fn" and self.data[0] in ELEMENTWISE and len(self.data) == 1

    def __repr__(self):
        return f"Term({self.kind}, {self.data}, {list(self.parts)})"


# Functions of one array that act on each element alone: they commute with transposition and with picking a row.
ELEMENTWISE = (
    *("sigmoid", "slope", "logsigmoid", "tanh", "relu", "positive", "softplus", "gelu", "silu", "elu", "leaky_relu"),
    *("exp", "log", "log1p", "expm1", "sqrt", "rsqrt", "square", "reciprocal"),
    *("abs", "sign", "erf", "hardtanh", "clip"),
    *("sin", "cos", "tan", "sinh", "cosh", "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh"),
)


def below(name, label):
    """``name`` with a subscript, in LaTeX; a second one joins the first, row k of V_1 is V_{1k}."""
    stem, has_one, first = name.partition("_")
    if has_one and "\\mathrm" not in name:
        name, label = stem, first.strip("{}") + label
    return f"{name}_{label}" if len(label) == 1 else f"{name}_{{{label}}}"


def flip(array):
    """The transpose of the last two axes."""
    return np.swapaxes(array, -1, -2)


class Algebra:
    """Makes terms. Each method returns the simplest term it knows that equals what its name says."""

    def __init__(self):
        self.known = {}
        self.conditions = []  # what was found true of this run and used: (term, "≠ 0")
        self.one = self.make("name", (), "1", np.ones((1, 1)))
        self.transposed = {}
        self.factors = {}  # numbers that have a name: γ of dropout

    def make(self, kind, parts, data, value):
        # Two arrays that share a name are still two.
        seen = (value.shape, value.tobytes()) if kind in ("name", "rows") else ()
        identity = (kind, tuple(p.number for p in parts), data, *seen)
        term = self.known.get(identity)
        if term is None:
            term = self.known[identity] = Term(kind, tuple(parts), data, value, len(self.known))
        return term

    # ---- what there is to begin with ---------------------------------------------------------------------------

    def name(self, latex, value):
        """An array with a name."""
        return self.make("name", (), latex, np.asarray(value))

    def array(self, value):
        """A constant: a number where all its elements are one, a factor times a mask where there are two, 0 and c."""
        value = np.asarray(value)
        if not value.size:
            return self.zero(value.shape)
        if value.shape[-2:] == (1, 1):
            return self.number(value.item())
        if (value == value.flat[0]).all():
            return self.scale(value.flat[0].item(), self.ones(value.shape, value.dtype))
        distinct = np.unique(value)
        if len(distinct) == 2 and 0 in distinct and distinct.sum() != 1:
            c = distinct.sum().item()
            mask = self.make("array", (), (value.shape, (value != 0).tobytes()), (value != 0).astype(value.dtype))
            return self.product(1.0, [self.factors[c]], mask) if c in self.factors else self.scale(c, mask)
        # A mask is one term whether it came as bools or as floats
        same = (value != 0).tobytes() if set(distinct.tolist()) <= {0, 1} else (value.dtype.str, value.tobytes())
        return self.make("array", (), (value.shape, same), value * 1.0 if value.dtype == bool else value)

    def ones(self, shape, dtype=np.float64):
        if tuple(shape) == (1, 1):
            return self.one
        return self.make("name", (), f"\\mathbf{{1}}_{{{shape[0]} \\times {shape[1]}}}", np.ones(shape, dtype))

    def identity(self, n, dtype):
        return self.make("name", (), "I", np.eye(n, dtype=dtype))

    def number(self, c):
        return self.one if c == 1 else self.make("prod", (), (float(c), False), np.full((1, 1), float(c)))

    def zero(self, shape):
        return self.make("name", (), "0", np.zeros(shape)) if shape != (1, 1) else self.number(0)

    def is_ones(self, t):
        return t.kind == "name" and t.data.startswith(r"\mathbf{1}")

    def is_zero(self, t):
        return (t.kind == "name" and t.data == "0") or (t.kind == "prod" and t.data[0] == 0)

    def as_number(self, t):
        """The number a term is, or None."""
        return 1.0 if t is self.one else t.data[0] if t.kind == "prod" and not t.parts else None

    # ---- products with scalars ---------------------------------------------------------------------------------

    def split(self, t):
        """(coefficient, scalars, body): their product is t; body None for a scalar."""
        if t is self.one:
            return 1.0, (), None
        if t.kind == "prod":
            c, has_body = t.data
            return c, t.parts[: len(t.parts) - has_body], t.parts[-1] if has_body else None
        return (1.0, (t,), None) if t.is_scalar else (1.0, (), t)

    def scale(self, c, t):
        """A number times a term."""
        k, scalars, body = self.split(t)
        return self.product(c * k, scalars, body)

    def product(self, c, scalars, body):
        """c · scalar · … · body: reciprocals cancelled, σ(1 − σ) joined, a sign drawn into a difference."""
        if c == 0 or any(map(self.is_zero, scalars)) or (body is not None and self.is_zero(body)):
            return self.zero((1, 1) if body is None else body.shape)
        flat = []
        for t in (*scalars, *([] if body is None else [body])):
            k, more, rest = self.split(t)
            c *= k
            flat += more
            body = rest
        scalars = self.cancelled(self.joined(flat))
        if c < 0:
            for i, s in enumerate(scalars):
                if s.kind == "sum" and min(s.data) < 0:
                    return self.product(-c, [*scalars[:i], self.negated(s), *scalars[i + 1 :]], body)
            if body is not None and body.kind == "sum" and (min(body.data) < 0 or not scalars):
                return self.product(-c, scalars, self.negated(body))
            if body is not None and body.kind in ("mat", "had"):
                for i, p in enumerate(body.parts):
                    inside = p.parts[0] if p.kind == "T" else p
                    if inside.kind == "sum" and min(inside.data) < 0:
                        flipped = self.negated(p) if p.kind == "sum" else self.T(self.negated(p.parts[0]))
                        parts = [*body.parts[:i], flipped, *body.parts[i + 1 :]]
                        again = self.chain(parts) if body.kind == "mat" else self.had(parts)
                        return self.times([self.product(-c, scalars, None), again])
        if c == 1 and not scalars and body is not None:
            return body
        if c == 1 and len(scalars) == 1 and body is None:
            return scalars[0]
        if not scalars and body is None:
            return self.number(c)
        # One transpose around the whole prints as none at all where the transposes meet.
        value = np.asarray(c, scalars[0].value.dtype if scalars else body.value.dtype)
        parts = [*scalars, *([body] if body is not None else [])]
        for p in parts:
            value = value * p.value
        return self.make("prod", parts, (float(c), body is not None), value)

    def negated(self, total):
        """Minus a sum, term by term."""
        return self.add([(-c, p) for c, p in zip(total.data, total.parts)])

    def cancelled(self, scalars):
        """s · 1/s = 1 (where the rule divides by s, s is not 0)."""
        for i, s in enumerate(scalars):
            if s.kind == "fn" and s.data[0] == "reciprocal" and s.parts[0] in scalars:
                rest = [t for j, t in enumerate(scalars) if j != i]
                rest.remove(s.parts[0])
                return self.cancelled(rest)
        return sorted(scalars, key=lambda t: t.number)

    def joined(self, factors):
        """Factors of one elementwise product, with each pair σ(z), 1 − σ(z) made σ′(z)."""
        for s in factors:
            if s.kind == "fn" and s.data[0] == "sigmoid":
                for other in factors:
                    if other.kind == "sum" and dict(zip(other.parts, other.data)) == {self.one: 1.0, s: -1.0}:
                        rest = list(factors)
                        rest[rest.index(s)] = self.function("slope", s.parts[0])
                        rest.remove(other)
                        return self.joined(rest)
        return factors

    # ---- sums ----------------------------------------------------------------------------------------------------

    def add(self, pairs):
        """Σ c · term over (c, term) pairs."""
        total, shape = {}, (1, 1)
        waiting = list(pairs)
        while waiting:
            c, t = waiting.pop(0)
            shape = tuple(np.broadcast_shapes(shape, t.shape))
            if self.is_zero(t):
                continue
            if t.kind == "sum":
                waiting = [(c * k, p) for k, p in zip(t.data, t.parts)] + waiting
                continue
            k, scalars, body = self.split(t)
            if body is None and not scalars:
                core = self.one
            else:
                core = self.product(1.0, scalars, body)
                if core.kind == "sum":
                    waiting = [(c * k * j, p) for j, p in zip(core.data, core.parts)] + waiting
                    continue
            total[core] = total.get(core, 0.0) + c * k
        # In a sum with a vector only a number stands for itself in every element; another scalar is written s·1.
        if shape != (1, 1):
            for core in [t for t in total if t.is_scalar and t is not self.one]:
                c = total.pop(core)
                spread = self.times([core, self.ones(shape, core.value.dtype)])
                total[spread] = total.get(spread, 0.0) + c
        total = {t: c for t, c in total.items() if c != 0}
        if not total:
            return self.zero(shape)
        if len(total) == 1:
            ((t, c),) = total.items()
            if t.shape != shape:
                t = self.times([t, self.ones(shape, t.value.dtype)])
            return self.scale(c, t)
        return self.projected(total) or self.factored(total) or self.combination(total)

    def combination(self, total):
        turned = [t if t is self.one else self.T(t) for t in total]
        if self.saves(turned, total):
            return self.T(self.add(list(zip(total.values(), turned))))
        sizes = {abs(c) for c in total.values()}
        if len(sizes) == 1 and sizes != {1.0} and self.one not in total:
            (size,) = sizes
            return self.scale(size, self.add([(c / size, t) for t, c in total.items()]))
        terms = sorted(total, key=lambda t: t.number)
        value = 0
        for t in terms:
            value = value + (total[t] if t is self.one else np.asarray(total[t], t.value.dtype) * t.value)
        return self.make("sum", terms, tuple(total[t] for t in terms), value)

    def factored(self, total):
        """Uᵀŷ − Uᵀy = Uᵀ(ŷ − y): a factor that all terms share on one side is taken out; so is a common scalar."""
        if self.one in total:
            return None
        cut = {t: self.split(t) for t in total}
        for scalar in next(iter(cut.values()))[1]:
            if all(scalar in scalars for _, scalars, _ in cut.values()):
                rest = []
                for t, c in total.items():
                    k, scalars, body = cut[t]
                    left = list(scalars)
                    left.remove(scalar)
                    rest.append((c * k, self.product(1.0, left, body)))
                return self.times([scalar, self.add(rest)])
        chains = {t: body.parts if body is not None and body.kind == "mat" else None for t, (_, _, body) in cut.items()}
        if any(c is None for c in chains.values()):
            return None
        for side in (0, -1):
            shared = {parts[side] for parts in chains.values()}
            if len(shared) == 1:
                common = shared.pop()
                rest = self.add(
                    [
                        (c, self.times([*cut[t][1], self.chain(chains[t][1:] if side == 0 else chains[t][:-1])]))
                        for t, c in total.items()
                    ]
                )
                return self.matmul(common, rest) if side == 0 else self.matmul(rest, common)
        return None

    def projected(self, total):
        """w − (uᵀw) u = (I − u uᵀ) w: what is left of w without its part along u."""
        for t, c in total.items():
            _, scalars, u = self.split(t)
            if u is None or u.shape[1] != 1 or len(total) != 2 or len(scalars) != 1:
                continue
            ((w, d),) = [(o, k) for o, k in total.items() if o is not t]
            if w.shape == u.shape and c == -d and w is not u and self.matmul(self.T(u), w) is scalars[0]:
                kept = self.add([(1.0, self.identity(len(u.value), u.value.dtype)), (-1.0, self.matmul(u, self.T(u)))])
                return self.scale(d, self.chain([kept, w]))
        return None

    # ---- elementwise products ----------------------------------------------------------------------------------

    def times(self, factors):
        """The elementwise product; scalars are taken out in front."""
        c, scalars, bodies = 1.0, [], []
        for f in factors:
            k, s, body = self.split(f)
            c *= k
            scalars += s
            if body is not None:
                bodies += body.parts if body.kind == "had" else [body]
        if not bodies:
            return self.product(c, scalars, None)
        return self.product(c, scalars, self.had(bodies)) if len(bodies) > 1 else self.product(c, scalars, bodies[0])

    def had(self, factors):
        if len(factors) == 1:
            return factors[0]
        shape = np.broadcast_shapes(*(f.shape for f in factors))
        for f in factors:
            if self.is_zero(f):
                return self.zero(shape)
        for i, f in enumerate(factors):
            rest = [*factors[:i], *factors[i + 1 :]]
            if self.is_ones(f) and rest and np.broadcast_shapes(*(r.shape for r in rest)) == shape:
                return self.had(rest)
        if any(self.split(f)[1] or self.split(f)[0] != 1 for f in factors):
            return self.times(factors)
        for i, f in enumerate(factors):  # ŷ ⊙ (1 − y / ŷ_o) = ŷ − y
            if (
                f.kind == "sum"
                and self.one in f.parts
                and any(self.is_one_hot(p) for t in f.parts for p in (t, *t.parts))
                and len(factors) > 1
            ):
                others = [*factors[:i], *factors[i + 1 :]]
                return self.add([(c, self.times([*others, t])) for c, t in zip(f.data, f.parts)])
        picked = self.picked(factors)
        if picked is not None:
            return picked
        factors = sorted(self.joined(list(factors)), key=lambda f: f.kind != "array")  # γ d ⊙ h: a mask comes first
        if len(factors) == 1:
            return factors[0]
        turned = [self.T(f) for f in factors]
        if self.saves(turned, factors):
            return self.T(self.had(turned))
        value = factors[0].value
        for f in factors[1:]:
            value = value * f.value
        return self.make("had", factors, None, value)

    def picked(self, factors):
        """y ⊙ a = (yᵀa) y for a one-hot vector y: of a only the element that y names is left."""
        for i, y in enumerate(factors):
            if self.is_one_hot(y) and 1 in y.shape and all(f.shape == y.shape for f in factors):
                a = self.had([*factors[:i], *factors[i + 1 :]])
                element = self.matmul(self.T(y), a) if y.shape[1] == 1 else self.matmul(y, self.T(a))
                return self.product(1.0, [element], y)
        return None

    def is_one_hot(self, t):
        return t.kind == "array" and t.value.sum() == 1 and ((t.value == 0) | (t.value == 1)).all()

    # ---- matrix products ---------------------------------------------------------------------------------------

    def matmul(self, a, b):
        """The matrix product; scalars and numbers are taken out in front."""
        if self.is_zero(a) or self.is_zero(b):
            return self.zero((a.shape[0], b.shape[1]))
        c, scalars, chain = 1.0, [], []
        for t in (a, b):
            k, s, body = self.split(t)
            c *= k
            scalars += s
            if body is not None:
                chain += body.parts if body.kind == "mat" else [body]
        return (
            self.times([self.product(c, scalars, None), self.chain(chain)]) if chain else self.product(c, scalars, None)
        )

    def chain(self, factors):
        """A product of matrices none of which has a factor to take out."""
        factors = [f for f in factors if not (f.kind == "name" and f.data == "I")] or list(factors[:1])
        for i, f in enumerate(factors):  # a term of two factors that are both transposed, inside a longer one
            if f.kind == "mat":
                return self.chain([*factors[:i], *f.parts, *factors[i + 1 :]])
        if len(factors) == 1:
            return factors[0]
        for i in range(len(factors) - 1):
            if factors[i].shape[0] == 1 and factors[i + 1].shape[1] == 1 and len(factors) > 2:  # a scalar inside
                inner = self.chain(factors[i : i + 2])
                rest = [factors[:i], factors[i + 2 :]]
                outer = (
                    self.matmul(self.chain(rest[0]), self.chain(rest[1])) if all(rest) else self.chain(sum(rest, []))
                )
                return self.times([inner, outer])
        turned = [self.T(f) for f in reversed(factors)]
        if self.saves(turned, factors):
            return self.T(self.chain(turned))
        if factors[0].shape[0] == 1 and factors[-1].shape[1] == 1:
            mirrored = self.known.get(("mat", tuple(self.T(f).number for f in reversed(factors)), None))
            if mirrored is not None:  # aᵀb = bᵀa: the way it was first written
                return mirrored
        value = factors[0].value
        for f in factors[1:]:
            value = value @ f.value
        constants = [f.parts[0] if f.kind == "T" else f for f in factors]
        if value.shape == (1, 1) and all(f.kind == "array" or self.is_ones(f) for f in constants):
            return self.number(value.item())  # the elements of a one-hot vector sum to 1
        return self.make("mat", factors, None, value)

    def T(self, t):
        """The transpose: of a transpose the thing itself, of a product the product of transposes, reversed."""
        if t.kind == "T":
            return t.parts[0]
        if t.is_scalar:
            return t
        known = self.transposed.get(t)
        if known is None:
            known = self.transposed[t] = self._T(t)
        return known

    def _T(self, t):
        if self.is_ones(t):
            return self.ones(t.shape[::-1], t.value.dtype)
        if self.is_zero(t):
            return self.zero(t.shape[::-1])
        if t.kind == "prod":
            c, scalars, body = self.split(t)
            return self.product(c, scalars, self.T(body))
        if t.kind == "name" and t.data == "I":
            return t
        turned = [p if p is self.one else self.T(p) for p in t.parts]
        if turned and sum(p.transposes for p in turned) < 1 + t.transposes:
            if t.kind == "mat":
                return self.chain(turned[::-1])
            if t.kind in ("had", "sum") or t.is_elementwise:
                return self.make(t.kind, turned, t.data, flip(t.value))
        return self.make("T", (t,), None, flip(t.value))

    def saves(self, turned, parts):
        """True if one transpose around the whole leaves fewer of them than transposes of its parts."""
        return 1 + sum(t.transposes for t in turned) < sum(t.transposes for t in parts)

    # ---- functions -----------------------------------------------------------------------------------------------

    def function(self, name, x):
        """An elementwise function of one term."""
        if self.is_zero(x) and name != "reciprocal":
            at_zero = {"slope": 0.25, "positive": 0.0}
            c = at_zero[name] if name in at_zero else float(registry[name].forward(np.float64(0)))
            if np.isfinite(c):
                return self.scale(c, self.ones(x.shape, x.value.dtype))
        if x.kind == "T":
            return self.T(self.function(name, x.parts[0]))
        c, scalars, body = self.split(x)
        if name == "sigmoid" and c < 0:  # σ(−x) = 1 − σ(x)
            return self.add([(1.0, self.one), (-1.0, self.function("sigmoid", self.scale(-1.0, x)))])
        if name == "reciprocal" and x.is_scalar:
            if not scalars:
                return self.number(1 / c)
            if len(scalars) > 1 or c != 1:
                inverses = [self.function("reciprocal", s) for s in scalars]
                return self.product(1 / c, inverses, None)
            if x.kind == "fn" and x.data[0] == "reciprocal":
                return x.parts[0]
        if name == "exp" and x.kind == "fn" and x.data[0] == "log":
            return x.parts[0]
        if name == "positive" and x.kind == "fn" and x.data[0] == "relu":  # max(z, 0) > 0 exactly where z > 0
            x = x.parts[0]
        if name == "slope":
            s = registry["sigmoid"].forward(x.value)
            value = s * (1 - s)
        elif name == "positive":
            value = (x.value > 0).astype(x.value.dtype)
        else:
            value = np.asarray(registry[name].forward(x.value))
        return self.make("fn", (x,), (name,), value)

    def rebuilt(self, t, parts):
        """t with other parts, simplified anew."""
        if not parts or all(p is q for p, q in zip(parts, t.parts)):
            return t
        if t.kind == "sum":
            return self.add(list(zip(t.data, parts)))
        if t.kind == "prod":
            return self.scale(t.data[0], self.times(parts))
        if t.kind == "had":
            return self.times(parts)
        if t.kind == "mat":
            total = parts[0]
            for p in parts[1:]:
                total = self.matmul(total, p)
            return total
        if t.kind == "T":
            return self.T(parts[0])
        if t.is_elementwise:
            return self.function(t.data[0], parts[0])
        return self.make(t.kind, parts, t.data, t.value)
