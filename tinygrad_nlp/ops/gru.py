"""The gated recurrent unit over whole sequences; batches are laid out as in `packed`."""

from __future__ import annotations

import numpy as np

from ..derivation import Derivation, smooth
from ..op import op
from ..samples import normal, sample
from .activation import sigmoid
from .join import concat
from .packed import added, before_each, first_rows, previous, refuse_sizes, steps
from .trigonometry import tanh

__all__ = ["gru"]


@op
class gru:
    """A layer of gated recurrent units over a packed batch of sequences.

    x: (M, I), the rows of all steps; W: (3H, I), b: (3H,) for what is read and U: (3H, H), d: (3H,) for the state:
    reset, update and new in PyTorch's order. h0: (N, H) the states the N sequences begin with, 0 if not given.
    -> (M, H): the state after each row.

    sizes    rows of each step, falling; their sum is M (see `packed`)
    reverse  from the last element of each sequence to its first
    """

    def forward(x, W, U, b, d, h0=None, *, sizes, reverse=False):
        refuse_sizes("gru", x, sizes, h0=h0)
        H = U.shape[1]
        out = np.zeros((len(x), H), np.result_type(x, W))
        first = np.zeros((max(sizes, default=0), H), out.dtype) if h0 is None else h0
        for start, stop, before, carried in steps(sizes, reverse):
            h = np.concatenate([out[before : before + carried], first[carried : stop - start]])
            _, z, n, _ = gates(x[start:stop] @ W.T + b, h @ U.T + d, H)
            out[start:stop] = (1 - z) * n + z * h
        return out

    def vjp_x(g, out, x, W, U, b, d, h0, *, sizes, reverse):
        a_bar, _, _ = through_time(g, out, x, W, U, b, d, h0, sizes, reverse)
        return a_bar @ W

    def vjp_W(g, out, x, W, U, b, d, h0, *, sizes, reverse):
        a_bar, _, _ = through_time(g, out, x, W, U, b, d, h0, sizes, reverse)
        return a_bar.T @ x

    def vjp_U(g, out, x, W, U, b, d, h0, *, sizes, reverse):
        _, e_bar, _ = through_time(g, out, x, W, U, b, d, h0, sizes, reverse)
        return e_bar.T @ previous(out, h0, sizes, reverse)

    def vjp_b(g, out, x, W, U, b, d, h0, *, sizes, reverse):
        a_bar, _, _ = through_time(g, out, x, W, U, b, d, h0, sizes, reverse)
        return a_bar.sum(axis=0)

    def vjp_d(g, out, x, W, U, b, d, h0, *, sizes, reverse):
        _, e_bar, _ = through_time(g, out, x, W, U, b, d, h0, sizes, reverse)
        return e_bar.sum(axis=0)

    def vjp_h0(g, out, x, W, U, b, d, h0, *, sizes, reverse):
        _, e_bar, kept = through_time(g, out, x, W, U, b, d, h0, sizes, reverse)
        rows = first_rows(sizes, reverse)
        return e_bar[rows] @ U + kept[rows]

    def kernel(needs, x, W, U, b, d, h0=None, *, sizes, reverse):
        refuse_sizes("gru", x, sizes, h0=h0)
        return gru_forward(x, W, U, b, d, h0, sizes, reverse)

    def kernel_vjp(g, out, saved, needs, x, W, U, b, d, h0, *, sizes, reverse):
        return gru_backward(g, out, saved, needs, x, W, U, h0, sizes, reverse)

    derivation = Derivation(
        statement=r"a_t = x_t W^\top + b = (a^r, a^z, a^n), \quad e_t = h_{t-1} U^\top + d = (e^r, e^z, e^n), \quad"
        r" r = \sigma(a^r + e^r),\; z = \sigma(a^z + e^z),\; n = \tanh(a^n + r \odot e^n), \quad"
        r" h_t = (1 - z) \odot n + z \odot h_{t-1}",
        steps=(
            r"\hat h_t = \bar h_t + z_{t+1} \odot \hat h_{t+1} + \bar e_{t+1} U:"
            r" \text{ what arrives from outside and from the next step}",
            r"\bar a^n = \hat h_t \odot (1 - z) \odot (1 - n^2), \qquad"
            r" \bar a^z = \hat h_t \odot (h_{t-1} - n) \odot z (1 - z)",
            r"\bar a^r = \bar a^n \odot e^n \odot r (1 - r)",
            r"\bar e = (\bar a^r, \bar a^z, \bar a^n \odot r)",
            r"\bar x_t = \bar a_t W, \quad \bar W = \textstyle\sum_t \bar a_t^\top x_t, \quad"
            r" \bar b = \sum_t \bar a_t, \quad \bar U = \sum_t \bar e_t^\top h_{t-1}, \quad \bar d = \sum_t \bar e_t,"
            r" \quad \bar h_0 = z_1 \odot \hat h_1 + \bar e_1 U",
        ),
        source="Cho et al. 2014, the reset gate after the product with U, as in PyTorch and cuDNN. Backpropagation"
        " through time: Werbos 1990",
        shapes="x: (M, I), W: (3H, I), U: (3H, H), b: (3H,), d: (3H,), h0: (N, H) -> (M, H)",
        notes="The products with W and all weight gradients are single products over all steps.",
    )
    conventions = smooth
    samples = (
        sample(normal(5, 2), normal(6, 2), normal(6, 2), normal(6), normal(6), sizes=(2, 2, 1)),
        sample(normal(5, 2), normal(6, 2), normal(6, 2), normal(6), normal(6), sizes=(2, 2, 1), reverse=True),
        sample(normal(4, 2), normal(3, 2), normal(3, 1), normal(3), normal(3), normal(2, 1), sizes=(2, 1, 1)),
        sample(
            normal(6, 1), normal(6, 1), normal(6, 2), normal(6), normal(6), normal(3, 2), sizes=(3, 2, 1), reverse=True
        ),
        sample(normal(2, 3), normal(6, 3), normal(6, 2), normal(6), normal(6), sizes=(2,)),
        sample(normal(0, 3), normal(6, 3), normal(6, 2), normal(6), normal(6), sizes=()),
    )


def gates(a, e, H):
    """r, z, n of what comes from x and from the state, (…, 3H) each; and that of e which r lets through, (…, H)."""
    r, z = sigmoid(a[:, :H] + e[:, :H]), sigmoid(a[:, H : 2 * H] + e[:, H : 2 * H])
    new = e[:, 2 * H :]
    return r, z, tanh(a[:, 2 * H :] + r * new), new


def through_time(g, out, x, W, U, b, d, h0, sizes, reverse):
    """(ā, ē (M, 3H), z ⊙ ĥ (M, H)) of every row; the last is what goes straight on to the state before it."""
    H = U.shape[1]
    h = previous(out, h0, sizes, reverse)
    r, z, n, new = gates(x @ W.T + b, h @ U.T + d, H)
    to_n, to_z, to_r = (1 - z) * (1 - n * n), (h - n) * z * (1 - z), new * r * (1 - r)
    a_bars, e_bars, kept = {}, {}, {}
    later = None
    for step in steps(sizes, reverse)[::-1]:
        rows = slice(step.start, step.stop)
        h_hat = g[rows]
        if later is not None:
            arriving = e_bars[later.start] @ U + kept[later.start]
            h_hat = added(h_hat, arriving[: later.carried])
        n_bar, z_bar = h_hat * to_n[rows], h_hat * to_z[rows]
        r_bar = n_bar * to_r[rows]
        a_bars[step.start] = concat(r_bar, z_bar, n_bar, axis=1)
        e_bars[step.start] = concat(r_bar, z_bar, n_bar * r[rows], axis=1)
        kept[step.start] = h_hat * z[rows]
        later = step
    if later is None:
        return g.reshape((0, 3 * H)), g.reshape((0, 3 * H)), g
    return tuple(concat([part[start] for start in sorted(part)]) for part in (a_bars, e_bars, kept))


# ---- the same, fast ----------------------------------------------------------------------------------------------


def gru_forward(x, W, U, b, d, h0, sizes, reverse):
    """(h (M, H), what `gru_backward` needs): r, z, n (M, 3H) and e^n (M, H). σ(a) = ½ + ½ tanh(½a), as in `lstm`."""
    H, dtype = U.shape[1], np.result_type(x, W)
    half = np.repeat(np.array([0.5, 0.5, 1], dtype), H)
    U = np.ascontiguousarray((U * half[:, None]).T)
    d = d * half
    a = np.matmul(x, (W * half[:, None]).T, out=np.empty((len(x), 3 * H), dtype))
    a += b * half
    h, new = np.empty((len(x), H), dtype), np.empty((len(x), H), dtype)
    work = np.empty((max(sizes, default=0), 3 * H), dtype)
    for start, stop, before, carried in steps(sizes, reverse):
        gate, e, state = a[start:stop], work[: stop - start], h[start:stop]
        e[:] = d
        state[:] = 0
        if carried:
            state[:carried] = h[before : before + carried]
        if h0 is not None:
            state[carried:] = h0[carried : stop - start]
        if carried or h0 is not None:
            e += state @ U
        new[start:stop] = e[:, 2 * H :]
        two = gate[:, : 2 * H]
        np.add(two, e[:, : 2 * H], out=two)
        np.tanh(two, out=two)
        two *= 0.5
        two += 0.5
        n = gate[:, 2 * H :]
        n += np.multiply(gate[:, :H], new[start:stop], out=e[:, :H])
        np.tanh(n, out=n)
        np.subtract(state, n, out=state)  # h = n + z (h₋ − n)
        np.multiply(state, gate[:, H : 2 * H], out=state)
        np.add(state, n, out=state)
    return h, (a, new)


def gru_backward(g, out, saved, needs, x, W, U, h0, sizes, reverse):
    """One gradient (or None) for each of x, W, U, b, d, h0."""
    a, new = saved
    H, M, dtype = U.shape[1], len(x), a.dtype
    r, z, n = (a[:, k * H : (k + 1) * H] for k in range(3))
    begin = first_rows(sizes, reverse)
    h = before_each(out, h0, sizes, reverse)
    a_bar, e_bar, kept = np.empty((M, 3 * H), dtype), np.empty((M, 3 * H), dtype), np.empty((M, H), dtype)
    to_r, to_z, to_n = (a_bar[:, k * H : (k + 1) * H] for k in range(3))
    np.multiply((1 - r) * r, new, out=to_r)
    np.multiply((1 - z) * z, h - n, out=to_z)
    np.multiply(1 - z, 1 - n * n, out=to_n)
    later = None
    for step in steps(sizes, reverse)[::-1]:
        rows = slice(step.start, step.stop)
        h_hat = g[rows].copy()
        if later is not None:
            going_on = slice(later.start, later.start + later.carried)
            h_hat[: later.carried] += e_bar[going_on] @ U
            h_hat[: later.carried] += kept[going_on]
        to_n[rows] *= h_hat
        to_z[rows] *= h_hat
        to_r[rows] *= to_n[rows]
        e_bar[rows] = a_bar[rows]
        e_bar[rows, 2 * H :] *= r[rows]
        np.multiply(h_hat, z[rows], out=kept[rows])
        later = step
    return (
        a_bar @ W if needs[0] else None,
        a_bar.T @ x if needs[1] else None,
        e_bar.T @ h if needs[2] else None,
        a_bar.sum(axis=0) if needs[3] else None,
        e_bar.sum(axis=0) if needs[4] else None,
        e_bar[begin] @ U + kept[begin] if needs[5] else None,
    )
