r"""Sums over the rows of a table: ``U_k^\top \sigma(U_k v)`` is what a reader knows as \sum_k \sigma(u_k^\top v) u_k.

Inside such a sum a term stands for one row, and its value has one more axis in front, along which k runs.
"""

from __future__ import annotations

from .terms import Algebra, below, flip


class Sums:
    """Writes matrix products as sums over k, in the terms of ``algebra``.

    A label k stands for places in a table: ``rows`` terms say which table, and hold the rows at those places.
    """

    def __init__(self, algebra: Algebra):
        self.algebra = algebra
        self.unfoldings, self.readers = {}, {}  # what the methods of these names have found, by term

    def row(self, t, label):
        """Row k of t, a matrix of as many rows as ``label`` has places, as a (1, c) term in k; None if t has none."""
        a = self.algebra
        if t.kind == "rows" and t.data[1] == label:
            table, _ = t.data
            return a.T(a.name(below(table, label), flip(t.value[:, None, :])))
        if a.is_ones(t):
            return a.one if t.shape[1] == 1 else a.ones((1, t.shape[1]), t.value.dtype)
        if t.is_scalar:
            return t
        if t.kind == "mat":
            first = self.row(t.parts[0], label)
            return first and a.matmul(first, a.chain(list(t.parts[1:])))
        if t.is_elementwise:
            inner = self.row(t.parts[0], label)
            return inner and a.function(t.data[0], inner)
        if t.kind in ("sum", "had", "prod"):
            parts = [p if p.is_scalar else self.row(p, label) for p in t.parts]
            if any(p is None for p in parts):
                return None
            if t.kind == "sum":
                return a.add(list(zip(t.data, parts)))
            c = t.data[0] if t.kind == "prod" else 1.0
            return a.scale(c, a.times(parts))
        return None

    def unfolded(self, t, labels):
        """t with every product that sums over the rows of a table written as Σ_k; ``labels``: {k: how many places}."""
        known = self.unfoldings.get(t)
        if known is None:
            known = self.unfoldings[t] = self._unfolded(t, labels)
        return known

    def _unfolded(self, t, labels):
        a = self.algebra
        t = a.rebuilt(t, [self.unfolded(p, labels) for p in t.parts])
        if t.kind == "mat" and len(t.parts) == 2 and 1 in t.shape:
            x, y = t.parts
            for label, count in labels.items():
                if x.shape[1] != count or not (self.reads_rows(x, label) or self.reads_rows(y, label)):
                    continue
                left, right = self.row(a.T(x), label), self.row(y, label)
                if left is not None and right is not None:
                    c, scalars, rest = a.split(a.matmul(a.T(left), right))
                    fixed = a.product(c, [s for s in scalars if not varies(s)], None)
                    body = a.product(1.0, [s for s in scalars if varies(s)], rest)
                    return a.times([fixed, self.over(label, body, count)])
        return t

    def over(self, label, body, count):
        """The sum over k of a term; of vectors, as columns."""
        if body.shape[0] == 1 and body.shape[1] > 1:
            return self.algebra.T(self.over(label, self.algebra.T(body), count))
        value = body.value.sum(0) if varies(body) else body.value * count
        return self.algebra.make("over", (body,), label, value)

    def reads_rows(self, t, label):
        """True if t is made of the rows that ``label`` names, of whichever table."""
        if (t, label) not in self.readers:
            reads = (t.kind == "rows" and t.data[1] == label) or any(self.reads_rows(p, label) for p in t.parts)
            self.readers[t, label] = reads
        return self.readers[t, label]


def varies(t) -> bool:
    """True if a term is another for each k."""
    return t.value.ndim == 3
