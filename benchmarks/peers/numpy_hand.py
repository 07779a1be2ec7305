"""NumPy without autodiff: forward and backward written out, every array allocated once, loops blocked to the cache.

What a good engineer gets out of NumPy for one given network, and what a library that builds the same step from parts
is to be held against. The tricks are named where they are used.
"""

import math
from itertools import cycle

import numpy as np

from benchmarks.workloads import Data, Trainer

try:
    from scipy.sparse import csc_array
except ImportError:
    csc_array = None

BLOCK = 1 << 15
"""Elements worked on at a time: four float32 arrays of them stay in a 1 MB level-2 cache."""


# ---- sums into rows -----------------------------------------------------------------------------------------------


class Scatter:
    """out[ids[b, k]] += coefficient[b, k] · values[b], as one sparse-dense product; ids (B, K), values (B, D).

    A column of the sparse matrix is a row of ids, so the (B, K, D) products are never written out.
    """

    def __init__(self, batch, k):
        self.starts = np.arange(0, batch * k + 1, k, dtype=np.int32)
        self.ones = np.ones((batch, k), np.float32)

    def __call__(self, ids, values, count, coefficient=None):
        coefficient = self.ones if coefficient is None else coefficient
        if csc_array is not None:
            return (
                csc_array((coefficient.reshape(-1), ids.reshape(-1), self.starts), shape=(count, len(values))) @ values
            )
        return self.with_numpy(ids, values, count, coefficient)

    @staticmethod
    def with_numpy(ids, values, count, coefficient):
        """add.at is fast on one flat axis only; as complex64 it adds two floats at a time."""
        width = values.shape[1] // 2
        products = (coefficient[:, :, None] * values[:, None, :]).reshape(-1).view(np.complex64)
        out = np.zeros((count, 2 * width), np.float32)
        places = ids.reshape(-1, 1) * width + np.arange(width)
        np.add.at(out.reshape(-1).view(np.complex64), places.reshape(-1), products)
        return out


class Merge:
    """The distinct ids of a batch by flags, which is far quicker than sorting them."""

    def __init__(self, count):
        self.seen = np.zeros(count, bool)
        self.position = np.empty(count, np.int32)

    def __call__(self, ids):
        self.seen[ids.reshape(-1)] = True
        rows = np.flatnonzero(self.seen)
        self.seen[rows] = False
        self.position[rows] = np.arange(len(rows), dtype=np.int32)
        return rows, self.position.take(ids)


# ---- updates ------------------------------------------------------------------------------------------------------


def sgd(parameter, gradient, lr):
    """In blocks, so that lr · gradient never goes to main memory."""
    p, g = parameter.reshape(-1), gradient.reshape(-1)
    for i in range(0, p.size, BLOCK):
        p[i : i + BLOCK] -= lr * g[i : i + BLOCK]


class Adam:
    """Dense Adam in cache-sized blocks. The moments are kept divided by 1 − β, which saves a pass for each."""

    def __init__(self, parameters, lr, b1=0.9, b2=0.999, eps=1e-8):
        self.lr, self.b1, self.b2, self.eps, self.t = lr, b1, b2, eps, 0
        self.parameters = [p.reshape(-1) for p in parameters]
        self.m = [np.zeros_like(p) for p in self.parameters]
        self.v = [np.zeros_like(p) for p in self.parameters]
        self.buffer = np.empty(BLOCK, np.float32)

    def factors(self):
        """lr m̂ / (√v̂ + ε) = rate · m / (√v + eps) for the moments as they are kept."""
        self.t += 1
        root = math.sqrt((1 - self.b2**self.t) / (1 - self.b2))
        return np.float32(self.lr * (1 - self.b1) / (1 - self.b1**self.t) * root), np.float32(self.eps * root)

    def update(self, gradients):
        rate, eps = self.factors()
        b1, b2 = np.float32(self.b1), np.float32(self.b2)
        for p, g, m, v in zip(self.parameters, gradients, self.m, self.v):
            g = g.reshape(-1)
            for i in range(0, p.size, BLOCK):
                pi, gi, mi, vi = (array[i : i + BLOCK] for array in (p, g, m, v))
                q = self.buffer[: pi.size]
                mi *= b1
                mi += gi
                np.multiply(gi, gi, out=q)
                vi *= b2
                vi += q
                np.sqrt(vi, out=q)
                q += eps
                np.divide(mi, q, out=q)
                q *= rate
                pi -= q


class RowAdam(Adam):
    """Adam that moves only the rows of this batch (``sparse_adam``)."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, lr)
        self.tables = parameters
        self.m = [m.reshape(p.shape) for m, p in zip(self.m, parameters)]
        self.v = [v.reshape(p.shape) for v, p in zip(self.v, parameters)]

    def update(self, row_gradients):
        rate, eps = self.factors()
        b1, b2 = np.float32(self.b1), np.float32(self.b2)
        step = max(1, BLOCK // self.tables[0].shape[1])
        for table, (rows, g), m, v in zip(self.tables, row_gradients, self.m, self.v):
            for i in range(0, len(rows), step):
                r, gi = rows[i : i + step], g[i : i + step]
                mi, vi = m.take(r, axis=0), v.take(r, axis=0)
                mi *= b1
                mi += gi
                m[r] = mi
                vi *= b2
                gi *= gi
                vi += gi
                v[r] = vi
                np.sqrt(vi, out=vi)
                vi += eps
                mi /= vi
                mi *= rate
                table[r] -= mi


# ---- parts of the networks ----------------------------------------------------------------------------------------


def softmax_cross_entropy(logits, target, rows):
    """The mean loss; ``logits`` is overwritten by its gradient (softmax − one-hot) / B, some rows at a time."""
    batch, classes = logits.shape
    picked = float(logits[rows, target].sum(dtype=np.float64))
    step = max(1, 2 * BLOCK // classes)
    total = 0.0
    for i in range(0, batch, step):
        q = logits[i : i + step]
        peak = q.max(axis=1, keepdims=True)
        q -= peak
        np.exp(q, out=q)
        sums = q.sum(axis=1, keepdims=True)
        total += float(np.log(sums).sum() + peak.sum())
        sums *= batch
        q /= sums
    logits[rows, target] -= np.float32(1 / batch)
    return (total - picked) / batch


def sigmoid_in_place(x):
    np.negative(x, out=x)
    np.exp(x, out=x)
    x += 1
    np.reciprocal(x, out=x)


def parser(data: Data) -> Trainer:
    p = {name: value.copy() for name, value in data.parameters.items()}
    (batch, features), (vocabulary, width) = data.batches[0][0].shape, p["table"].shape
    hidden, classes = p["W2"].shape
    inputs = features * width
    x = np.empty((batch, inputs), np.float32)
    h, dh = np.empty((batch, hidden), np.float32), np.empty((batch, hidden), np.float32)
    alive = np.empty((batch, hidden), bool)
    z = np.empty((batch, classes), np.float32)
    dW1, dW2 = np.empty_like(p["W1"]), np.empty_like(p["W2"])
    scatter, rows = Scatter(batch * features, 1), np.arange(batch)
    adam = Adam([p[name] for name in ("table", "W1", "b1", "W2", "b2")], data.lr)
    rng = np.random.Generator(np.random.SFC64(0))
    threshold, scale = round(data.dropout * 65536), np.float32(1 / (1 - data.dropout))
    batches = cycle(data.batches)

    def step():
        ids, target = next(batches)
        # mode="clip" is the one that writes into `out` without a buffer; the ids are known to be right.
        p["table"].take(ids, axis=0, out=x.reshape(batch, features, width), mode="clip")
        np.matmul(x, p["W1"], out=h)
        np.add(h, p["b1"], out=h)
        np.maximum(h, 0, out=h)
        if threshold:
            # Sixteen random bits a unit; the scale is folded into the small matrix W2.
            keep = rng.integers(0, 65536, h.shape, dtype=np.uint16) >= threshold
            np.multiply(h, keep, out=h)
        W2 = p["W2"] * scale
        np.matmul(h, W2, out=z)
        np.add(z, p["b2"], out=z)
        loss = softmax_cross_entropy(z, target, rows)
        np.matmul(h.T, z, out=dW2)
        np.multiply(dW2, scale, out=dW2)
        np.matmul(z, W2.T, out=dh)
        # h > 0 says at once that the unit was active and was kept.
        np.greater(h, 0, out=alive)
        np.multiply(dh, alive, out=dh)
        np.matmul(x.T, dh, out=dW1)
        np.matmul(dh, p["W1"].T, out=x)  # x has done its work: its memory takes dJ/dx
        dtable = scatter(ids, x.reshape(-1, width), vocabulary)
        adam.update([dtable, dW1, dh.sum(axis=0), dW2, z.sum(axis=0)])
        return loss

    return Trainer(step, lambda: {name: value.copy() for name, value in p.items()})


def softmax_skipgram(data: Data) -> Trainer:
    table, U = (data.parameters[name].copy() for name in ("center", "outside"))
    batch, (vocabulary, width) = len(data.batches[0][0]), table.shape
    v, dv = np.empty((batch, width), np.float32), np.empty((batch, width), np.float32)
    z, dU = np.empty((batch, vocabulary), np.float32), np.empty_like(U)
    scatter, merge, rows = Scatter(batch, 1), Merge(vocabulary), np.arange(batch)
    lr = np.float32(data.lr)
    batches = cycle(data.batches)

    def step():
        center, outside = next(batches)
        table.take(center, axis=0, out=v, mode="clip")
        np.matmul(v, U.T, out=z)
        loss = softmax_cross_entropy(z, outside, rows)
        np.matmul(z, U, out=dv)
        np.matmul(z.T, v, out=dU)
        sgd(U, dU, lr)
        read, position = merge(center)
        change = scatter(position, dv, len(read))
        change *= lr
        table[read] -= change
        return loss

    return Trainer(step, lambda: {"center": table.copy(), "outside": U.copy()})


def negative_sampling(data: Data) -> Trainer:
    table, U = (data.parameters[name].copy() for name in ("center", "outside"))
    batch, drawn = data.batches[0][2].shape
    k, (vocabulary, width) = 1 + drawn, table.shape
    pairs = max(1, 2 * BLOCK // (k * width))
    ids = np.empty((batch, k), np.int64)
    v, dv = np.empty((batch, width), np.float32), np.empty((batch, width), np.float32)
    slope, scores = np.empty((batch, k), np.float32), np.empty((batch, k), np.float32)
    u = np.empty((pairs, k, width), np.float32)
    sign = np.array([1] + [-1] * drawn, np.float32)
    scatter_center, scatter_outside, merge = Scatter(batch, 1), Scatter(batch, k), Merge(vocabulary)
    lr = np.float32(data.lr)
    optimizer = {"sgd": None, "adam": Adam, "sparse_adam": RowAdam}[data.optimizer]
    optimizer = optimizer and optimizer([table, U], data.lr)
    batches = cycle(data.batches)

    def forward_and_slopes(center):
        """Scores, loss and dv a block of pairs at a time: the gathered rows are used twice while they are in cache."""
        table.take(center, axis=0, out=v, mode="clip")
        total = 0.0
        for i in range(0, batch, pairs):
            block = slice(i, min(i + pairs, batch))
            gathered, s, c = u[: block.stop - i], scores[block], slope[block]
            U.take(ids[block], axis=0, out=gathered, mode="clip")
            np.vecdot(gathered, v[block, None], out=s)
            s *= sign
            # One exponential for log(1 + e^−|s|) and for σ(−s).
            np.abs(s, out=c)
            np.negative(c, out=c)
            np.exp(c, out=c)
            total += float(np.log1p(c).sum() - np.minimum(s, 0).sum())
            below = np.where(s >= 0, c, 1)
            c += 1
            np.divide(below, c, out=c)
            c *= sign
            c *= np.float32(-1 / batch)
            np.matmul(c[:, None], gathered, out=dv[block, None])
        return total / batch

    def step():
        center, outside, negatives = next(batches)
        ids[:, 0], ids[:, 1:] = outside, negatives
        loss = forward_and_slopes(center)
        if data.optimizer == "adam":
            optimizer.update([scatter_center(center, dv, vocabulary), scatter_outside(ids, v, vocabulary, slope)])
            return loss
        read, position = merge(center)
        dtable = scatter_center(position, dv, len(read))
        read_outside, position = merge(ids)
        dU = scatter_outside(position, v, len(read_outside), slope)
        if data.optimizer == "sparse_adam":
            optimizer.update([(read, dtable), (read_outside, dU)])
            return loss
        dtable *= lr
        table[read] -= dtable
        dU *= lr
        U[read_outside] -= dU
        return loss

    return Trainer(step, lambda: {"center": table.copy(), "outside": U.copy()})


def sigmoid_net(data: Data) -> Trainer:
    p = {name: value.copy() for name, value in data.parameters.items()}
    W1, b1, W2, b2 = p.values()
    batch = len(data.batches[0][0])
    h, dh, work = (np.empty((batch, W1.shape[1]), np.float32) for _ in range(3))
    z = np.empty((batch, W2.shape[1]), np.float32)
    dW1, dW2 = np.empty_like(W1), np.empty_like(W2)
    rows, lr = np.arange(batch), np.float32(data.lr)
    batches = cycle(data.batches)

    def step():
        x, target = next(batches)
        np.matmul(x, W1, out=h)
        np.add(h, b1, out=h)
        sigmoid_in_place(h)
        np.matmul(h, W2, out=z)
        np.add(z, b2, out=z)
        loss = softmax_cross_entropy(z, target, rows)
        # The learning rate once, into the smallest array: every gradient below carries it.
        np.multiply(z, lr, out=z)
        np.matmul(h.T, z, out=dW2)
        np.matmul(z, W2.T, out=dh)
        np.subtract(1, h, out=work)
        np.multiply(work, h, out=work)
        np.multiply(dh, work, out=dh)
        np.matmul(x.T, dh, out=dW1)
        for parameter, change in ((W1, dW1), (b1, dh.sum(axis=0)), (W2, dW2), (b2, z.sum(axis=0))):
            np.subtract(parameter, change, out=parameter)
        return loss

    return Trainer(step, lambda: {name: value.copy() for name, value in p.items()})


def chain(data: Data) -> Trainer:
    """As a user of NumPy writes it: a new array for each op forward, and a backward loop that knows d(x + b) = dx."""
    x, w, b = (data.parameters[name] for name in ("x", "w", "b"))
    last = []

    def step():
        h = x
        for _ in range(data.length // 2):
            h = h * w
            h = h + b
        g = np.ones_like(x)
        for _ in range(data.length // 2):
            g = g * w
        last[:] = [g]
        return float(h.sum())

    return Trainer(step, lambda: {"gradient": last[0].copy()})


# ---- an LSTM ------------------------------------------------------------------------------------------------------


class Direction:
    """One direction of an LSTM over a packed batch; gates in the order input, forget, cell, output."""

    def __init__(self, W, U, b, reverse):
        self.W, self.U, self.b, self.reverse = W, U, b, reverse

    def forward(self, x, sizes):
        """h (M, H). σ(a) = ½ + ½ tanh(½a), so that one tanh serves all gates."""
        H = len(self.U)
        half = np.repeat(np.float32([0.5, 0.5, 1, 0.5]), H)
        offset = np.repeat(np.float32([0.5, 0.5, 0, 0.5]), H)
        starts = np.concatenate([[0], np.cumsum(sizes)]).tolist()
        order = list(range(len(sizes)))[:: -1 if self.reverse else 1]
        self.x, self.a = x, x @ (self.W * half)
        self.a += self.b * half
        U = self.U * half
        self.h, self.c, self.k, self.h_before, self.c_before = (np.zeros((len(x), H), np.float32) for _ in range(5))
        self.steps, last = [], None
        for t in order:
            rows = slice(starts[t], starts[t + 1])
            m = 0 if last is None else min(sizes[t], sizes[last])
            carried = slice(starts[t], starts[t] + m)
            if m:
                source = slice(starts[last], starts[last] + m)
                self.h_before[carried], self.c_before[carried] = self.h[source], self.c[source]
                self.a[carried] += self.h_before[carried] @ U
            a = self.a[rows]
            np.tanh(a, out=a)
            a *= half
            a += offset
            i, f, g, o = (a[:, n * H : (n + 1) * H] for n in range(4))
            self.c[rows] = i * g + f * self.c_before[rows]
            np.tanh(self.c[rows], out=self.k[rows])
            np.multiply(o, self.k[rows], out=self.h[rows])
            self.steps.append((rows, carried))
            last = t
        return self.h

    def backward(self, dh):
        """(dx, dW, dU, db)."""
        H = len(self.U)
        i, f, g, o = (self.a[:, n * H : (n + 1) * H] for n in range(4))
        k, da = self.k, np.empty_like(self.a)
        da[:, :H], da[:, H : 2 * H] = g * i * (1 - i), self.c_before * f * (1 - f)
        da[:, 2 * H : 3 * H], da[:, 3 * H :] = i * (1 - g * g), k * o * (1 - o)
        to_c, U = o * (1 - k * k), np.ascontiguousarray(self.U.T)
        h_next = c_next = None
        for rows, carried in self.steps[::-1]:
            h = dh[rows].copy()
            if h_next is not None:
                h[: len(h_next)] += h_next
            c = h * to_c[rows]
            if h_next is not None:
                c[: len(c_next)] += c_next
            da[rows].reshape(-1, 4, H)[:, :3] *= c[:, None]
            da[rows, 3 * H :] *= h
            m = carried.stop - carried.start
            h_next, c_next = da[carried] @ U, c[:m] * f[carried]
        return da @ self.W.T, self.x.T @ da, self.h_before.T @ da, da.sum(axis=0)


def tagger(data: Data) -> Trainer:
    p = {name: value.copy() for name, value in data.parameters.items()}
    sides = [Direction(*(p[f"{name}_{s}"] for name in "WUb"), s == "backward") for s in ("forward", "backward")]
    names = ["table", *[f"{name}_{s}" for s in ("forward", "backward") for name in "WUb"], "W2", "b2"]
    adam = Adam([p[name] for name in names], data.lr)
    batches = cycle(data.batches)

    def step():
        ids, target, sizes = next(batches)
        sizes = sizes.tolist()
        x = p["table"].take(ids, axis=0)
        h = np.concatenate([side.forward(x, sizes) for side in sides], axis=1)
        z = h @ p["W2"]
        z += p["b2"]
        loss = softmax_cross_entropy(z, target, np.arange(len(z)))
        dW2, db2, dh = h.T @ z, z.sum(axis=0), z @ p["W2"].T
        H = dh.shape[1] // 2
        (dx, *first), (dx2, *second) = (side.backward(dh[:, n * H : (n + 1) * H]) for n, side in enumerate(sides))
        dx += dx2
        dtable = Scatter(len(ids), 1)(ids[:, None], dx, len(p["table"]))
        adam.update([dtable, *first, *second, dW2, db2])
        return loss

    return Trainer(step, lambda: {name: value.copy() for name, value in p.items()})
