"""Long short-term memory over whole sequences: one op runs all steps of a batch; see `packed` for its layout."""

from __future__ import annotations

import numpy as np

from ..derivation import Derivation, smooth
from ..op import op
from ..samples import normal, sample
from .activation import sigmoid
from .join import concat
from .packed import added, before_each, first_rows, previous, refuse_sizes, steps
from .trigonometry import tanh

__all__ = ["lstm"]


@op
class lstm:
    """A layer of long short-term memory over a packed batch of sequences.

    x: (M, I), the rows of all steps; W: (4H, I), U: (4H, H), b: (4H,), four gates of H units each in PyTorch's order:
    input, forget, cell, output. h0, c0: (N, H) the states the N sequences begin with, 0 if not given.
    -> (2, M, H): the hidden state h and the cell c after each row.

    sizes    rows of each step, falling; their sum is M (see `packed`)
    reverse  from the last element of each sequence to its first
    """

    def forward(x, W, U, b, h0=None, c0=None, *, sizes, reverse=False):
        refuse_sizes("lstm", x, sizes, h0=h0, c0=c0)
        H = U.shape[1]
        out = np.zeros((2, len(x), H), np.result_type(x, W))
        beginning = [np.zeros((max(sizes, default=0), H), out.dtype) if s is None else s for s in (h0, c0)]
        for start, stop, before, carried in steps(sizes, reverse):
            h, c = (
                np.concatenate([state[before : before + carried], first[carried : stop - start]])
                for state, first in zip(out, beginning)
            )
            i, f, g, o = gates(x[start:stop] @ W.T + h @ U.T + b, H)
            out[1, start:stop] = f * c + i * g
            out[0, start:stop] = o * np.tanh(out[1, start:stop])
        return out

    def vjp_x(g, out, x, W, U, b, h0, c0, *, sizes, reverse):
        a_bar, _ = through_time(g, out, x, W, U, b, h0, c0, sizes, reverse)
        return a_bar @ W

    def vjp_W(g, out, x, W, U, b, h0, c0, *, sizes, reverse):
        a_bar, _ = through_time(g, out, x, W, U, b, h0, c0, sizes, reverse)
        return a_bar.T @ x

    def vjp_U(g, out, x, W, U, b, h0, c0, *, sizes, reverse):
        a_bar, _ = through_time(g, out, x, W, U, b, h0, c0, sizes, reverse)
        return a_bar.T @ previous(out[0], h0, sizes, reverse)

    def vjp_b(g, out, x, W, U, b, h0, c0, *, sizes, reverse):
        a_bar, _ = through_time(g, out, x, W, U, b, h0, c0, sizes, reverse)
        return a_bar.sum(axis=0)

    def vjp_h0(g, out, x, W, U, b, h0, c0, *, sizes, reverse):
        a_bar, _ = through_time(g, out, x, W, U, b, h0, c0, sizes, reverse)
        return a_bar[first_rows(sizes, reverse)] @ U

    def vjp_c0(g, out, x, W, U, b, h0, c0, *, sizes, reverse):
        _, c_bar = through_time(g, out, x, W, U, b, h0, c0, sizes, reverse)
        return c_bar[first_rows(sizes, reverse)]

    def kernel(needs, x, W, U, b, h0=None, c0=None, *, sizes, reverse):
        refuse_sizes("lstm", x, sizes, h0=h0, c0=c0)
        return lstm_forward(x, W, U, b, h0, c0, sizes, reverse)

    def kernel_vjp(g, out, saved, needs, x, W, U, b, h0, c0, *, sizes, reverse):
        return lstm_backward(g, out, saved, needs, x, W, U, h0, c0, sizes, reverse)

    derivation = Derivation(
        statement=r"a_t = x_t W^\top + h_{t-1} U^\top + b = (a^i, a^f, a^g, a^o), \quad"
        r" c_t = \sigma(a^f) \odot c_{t-1} + \sigma(a^i) \odot \tanh(a^g), \quad"
        r" h_t = \sigma(a^o) \odot \tanh(c_t)",
        steps=(
            r"i = \sigma(a^i),\; f = \sigma(a^f),\; g = \tanh(a^g),\; o = \sigma(a^o),\;"
            r" k = \tanh(c_t) \quad (\text{all of step } t)",
            r"\hat h_t = \bar h_t + \bar a_{t+1} U: \text{ what arrives from outside and from the next step}",
            r"\hat c_t = \bar c_t + f_{t+1} \odot \hat c_{t+1} + \hat h_t \odot o \odot (1 - k^2)",
            r"\bar a^i = \hat c_t \odot g \odot i (1 - i), \qquad \bar a^f = \hat c_t \odot c_{t-1} \odot f (1 - f)",
            r"\bar a^g = \hat c_t \odot i \odot (1 - g^2), \qquad \bar a^o = \hat h_t \odot k \odot o (1 - o)",
            r"\bar x_t = \bar a_t W, \quad \bar W = \textstyle\sum_t \bar a_t^\top x_t, \quad"
            r" \bar U = \sum_t \bar a_t^\top h_{t-1}, \quad \bar b = \sum_t \bar a_t,"
            r" \quad \bar h_0 = \bar a_1 U, \quad \bar c_0 = f_1 \odot \hat c_1",
        ),
        source="Hochreiter & Schmidhuber 1997 with the forget gate of Gers, Schmidhuber & Cummins 2000; the order of"
        " the gates is PyTorch's. Backpropagation through time: Werbos 1990",
        shapes="x: (M, I), W: (4H, I), U: (4H, H), b: (4H,), h0: (N, H), c0: (N, H) -> (2, M, H)",
        notes="The products with W and all weight gradients are single products over all steps; only h U is made step"
        " by step.",
    )
    conventions = smooth
    samples = (
        sample(normal(5, 2), normal(8, 2), normal(8, 2), normal(8), sizes=(2, 2, 1)),
        sample(normal(5, 2), normal(8, 2), normal(8, 2), normal(8), sizes=(2, 2, 1), reverse=True),
        sample(normal(4, 2), normal(4, 2), normal(4, 1), normal(4), normal(2, 1), normal(2, 1), sizes=(2, 1, 1)),
        sample(
            normal(6, 1),
            normal(8, 1),
            normal(8, 2),
            normal(8),
            normal(3, 2),
            normal(3, 2),
            sizes=(3, 2, 1),
            reverse=True,
        ),
        sample(normal(2, 3), normal(8, 3), normal(8, 2), normal(8), sizes=(2,)),
        sample(normal(0, 3), normal(8, 3), normal(8, 2), normal(8), sizes=()),
    )


# ---- the rule: backpropagation through time ----------------------------------------------------------------------


def gates(a, H):
    """i, f, g, o of pre-activations (…, 4H)."""
    return sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), tanh(a[:, 2 * H : 3 * H]), sigmoid(a[:, 3 * H :])


def through_time(g, out, x, W, U, b, h0, c0, sizes, reverse):
    """(ā, c̄) of every row: the gradients of its pre-activations (M, 4H) and of the cell it goes on from (M, H)."""
    H = U.shape[1]
    c_before = previous(out[1], c0, sizes, reverse)
    i, f, z, o = gates(x @ W.T + previous(out[0], h0, sizes, reverse) @ U.T + b, H)
    k = tanh(out[1])
    to_i, to_f, to_z = z * i * (1 - i), c_before * f * (1 - f), i * (1 - z * z)
    to_o, to_c = k * o * (1 - o), o * (1 - k * k)
    a_bars, c_bars = {}, {}
    later = None
    for step in steps(sizes, reverse)[::-1]:
        rows = slice(step.start, step.stop)
        h_hat, c_hat = g[0, rows], g[1, rows]
        if later is not None:
            h_hat = added(h_hat, a_bars[later.start][: later.carried] @ U)
            c_hat = added(c_hat, c_bars[later.start][: later.carried])
        c_hat = c_hat + h_hat * to_c[rows]
        a_bars[step.start] = concat(
            c_hat * to_i[rows], c_hat * to_f[rows], c_hat * to_z[rows], h_hat * to_o[rows], axis=1
        )
        c_bars[step.start] = c_hat * f[rows]
        later = step
    if later is None:
        return g.reshape((0, 4 * H)), g[0]
    order = sorted(a_bars)
    return concat([a_bars[start] for start in order]), concat([c_bars[start] for start in order])


# ---- the same, fast ----------------------------------------------------------------------------------------------


def lstm_forward(x, W, U, b, h0, c0, sizes, reverse):
    """(h and c (2, M, H), what `lstm_backward` needs): the activations of the gates (M, 4H) and tanh c (M, H).

    σ(a) = ½ + ½ tanh(½a): with the rows of the three σ-gates halved beforehand one tanh serves all four. (Below −5 that
    costs σ relative accuracy, which matters to a logarithm and not to a factor.)
    """
    H, dtype = U.shape[1], np.result_type(x, W)
    half = np.repeat(np.array([0.5, 0.5, 1, 0.5], dtype), H)
    offset = np.repeat(np.array([0.5, 0.5, 0, 0.5], dtype), H)
    U = np.ascontiguousarray((U * half[:, None]).T)
    a = np.matmul(x, (W * half[:, None]).T, out=np.empty((len(x), 4 * H), dtype))
    a += b * half
    out, tanh_c = np.empty((2, len(x), H), dtype), np.empty((len(x), H), dtype)
    h, c = out
    work = np.empty((max(sizes, default=0), 4 * H), dtype)
    for start, stop, before, carried in steps(sizes, reverse):
        gate, cell = a[start:stop], c[start:stop]
        if carried:
            product = np.matmul(h[before : before + carried], U, out=work[:carried])
            np.add(gate[:carried], product, out=gate[:carried])
        if h0 is not None and carried < stop - start:
            gate[carried:] += h0[carried : stop - start] @ U
        np.tanh(gate, out=gate)
        np.multiply(gate, half, out=gate)
        np.add(gate, offset, out=gate)
        np.multiply(gate[:, :H], gate[:, 2 * H : 3 * H], out=cell)
        if carried:
            kept = np.multiply(gate[:carried, H : 2 * H], c[before : before + carried], out=work[:carried, :H])
            np.add(cell[:carried], kept, out=cell[:carried])
        if c0 is not None and carried < stop - start:
            cell[carried:] += gate[carried:, H : 2 * H] * c0[carried : stop - start]
        squashed = np.tanh(cell, out=tanh_c[start:stop])
        np.multiply(gate[:, 3 * H :], squashed, out=h[start:stop])
    return out, (a, tanh_c)


def lstm_backward(g, out, saved, needs, x, W, U, h0, c0, sizes, reverse):
    """One gradient (or None) for each of x, W, U, b, h0, c0."""
    a, k = saved
    H, M, dtype = U.shape[1], len(x), a.dtype
    i, f, z, o = (a[:, n * H : (n + 1) * H] for n in range(4))
    begin = first_rows(sizes, reverse)

    # ā as in `through_time`, with the factors that do not depend on what arrives made for all rows at once.
    a_bar = np.empty((M, 4 * H), dtype)
    to_i, to_f, to_z, to_o = (a_bar[:, n * H : (n + 1) * H] for n in range(4))
    for gate, factor, target in ((i, z, to_i), (f, before_each(out[1], c0, sizes, reverse), to_f), (o, k, to_o)):
        np.subtract(1, gate, out=target)
        np.multiply(target, gate, out=target)
        np.multiply(target, factor, out=target)
    np.multiply(z, z, out=to_z)
    np.subtract(1, to_z, out=to_z)
    np.multiply(to_z, i, out=to_z)
    to_c = np.multiply(k, k)
    np.subtract(1, to_c, out=to_c)
    np.multiply(to_c, o, out=to_c)

    c_bar = np.empty((M, H), dtype)
    most = max(sizes, default=0)
    h_hats, c_hats = np.empty((most, H), dtype), np.empty((most, H), dtype)
    later = None
    for step in steps(sizes, reverse)[::-1]:
        start, stop = step.start, step.stop
        h_hat, c_hat = h_hats[: stop - start], c_hats[: stop - start]
        h_hat[:] = g[0, start:stop]
        if later is not None:
            m = later.carried
            c_hat = np.matmul(a_bar[later.start : later.start + m], U, out=c_hats[:m])
            np.add(h_hat[:m], c_hat, out=h_hat[:m])
            c_hat = c_hats[: stop - start]
        np.multiply(h_hat, to_c[start:stop], out=c_hat)
        np.add(c_hat, g[1, start:stop], out=c_hat)
        if later is not None:
            np.add(c_hat[:m], c_bar[later.start : later.start + m], out=c_hat[:m])
        three = a_bar[start:stop].reshape(stop - start, 4, H)[:, :3]
        np.multiply(three, c_hat[:, None], out=three)
        np.multiply(to_o[start:stop], h_hat, out=to_o[start:stop])
        np.multiply(c_hat, f[start:stop], out=c_bar[start:stop])
        later = step
    return (
        a_bar @ W if needs[0] else None,
        a_bar.T @ x if needs[1] else None,
        a_bar.T @ before_each(out[0], h0, sizes, reverse) if needs[2] else None,
        a_bar.sum(axis=0) if needs[3] else None,
        a_bar[begin] @ U if needs[4] else None,
        c_bar[begin] if needs[5] else None,
    )
