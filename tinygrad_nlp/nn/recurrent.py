"""Recurrent layers: sequences read step by step, in one direction or both."""

from __future__ import annotations

import math

import numpy as np

from .. import ops
from ..errors import OptionError, ShapeError, describe, explain
from ..ops.packed import first_rows
from . import init
from .module import Module, Parameter
from .sizes import size


class Recurrent(Module):
    """What recurrent layers share: parameters by layer and direction, padding, batches without it.

    A subclass gives ``gates``, the blocks of H rows of its weights, and `run`.
    """

    gates = 1
    states = 1
    """How many states a layer carries on: h, or h and c."""

    def __init__(
        self,
        input_size,
        hidden_size,
        num_layers=1,
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        *,
        dtype=np.float32,
        rng=None,
    ):
        kind = type(self).__name__
        if not 0 <= dropout < 1:
            raise OptionError(explain(f"{kind}: dropout", got=repr(dropout), expected="0 <= dropout < 1"))
        self.input_size = size(kind, "input_size", input_size)
        self.hidden_size = size(kind, "hidden_size", hidden_size)
        self.num_layers = size(kind, "num_layers", num_layers)
        self.bias, self.batch_first, self.dropout, self.rng = bias, batch_first, dropout, rng
        self.bidirectional = bool(bidirectional)
        rows, directions = self.gates * self.hidden_size, 1 + self.bidirectional
        for layer in range(self.num_layers):
            inputs = directions * self.hidden_size if layer else self.input_size
            for suffix in self._suffixes(layer):
                setattr(self, f"weight_ih{suffix}", Parameter(np.empty((rows, inputs), dtype)))
                setattr(self, f"weight_hh{suffix}", Parameter(np.empty((rows, self.hidden_size), dtype)))
                if bias:
                    setattr(self, f"bias_ih{suffix}", Parameter(np.empty(rows, dtype)))
                    setattr(self, f"bias_hh{suffix}", Parameter(np.empty(rows, dtype)))
        self.reset_parameters(rng)

    def reset_parameters(self, rng=None):
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound, generator=rng)

    def _suffixes(self, layer):
        return [f"_l{layer}", f"_l{layer}_reverse"][: 1 + self.bidirectional]

    def run(self, x, weights, begin, sizes, reverse):
        """One layer in one direction: (its states, one for each row of x, each (M, H)), the hidden one first."""
        raise NotImplementedError

    def forward(self, x, state=None, lengths=None):
        """lengths: (N,) how many elements of each sequence are real, T if not given. What lies beyond changes nothing,
        the second direction starts at the true end, and the output there is 0.

        state: what the sequences begin with, in the form in which the last state is returned; 0 if not given.
        """
        if state is not None and self.states == 1:
            state = (state,)
        self._refuse_width(x)
        single = x.ndim == 2
        if single:
            x = x.reshape((x.shape[0], 1, x.shape[1]))
            state = state and tuple(s.reshape((s.shape[0], 1, s.shape[1])) for s in state)
        elif self.batch_first:
            x = x.swapaxes(0, 1)
        length, count = x.shape[:2]
        lengths = self._lengths(lengths, length, count)
        order = np.argsort(-lengths, kind="stable")
        sizes = tuple(int(n) for n in (lengths[:, None] > np.arange(length)).sum(axis=0) if n)
        place = np.concatenate([t * count + order[:n] for t, n in enumerate(sizes)] or [[]]).astype(np.intp)
        if state is not None:
            state = tuple(s[:, order] for s in state)
        rows, final = self.packed(x.reshape((length * count, x.shape[2]))[place], sizes, state)
        back = np.argsort(order, kind="stable")
        final = tuple(s[:, back] for s in (final if self.states > 1 else (final,)))
        out = ops.put_back(rows, index=place, shape=(length * count, rows.shape[1]))
        out = out.reshape((length, count, rows.shape[1]))
        if single:
            out, final = out[:, 0], tuple(s[:, 0] for s in final)
        elif self.batch_first:
            out = out.swapaxes(0, 1)
        return out, final if self.states > 1 else final[0]

    def packed(self, x, sizes, state=None):
        """The layer on sequences without padding: the same as ``forward`` for whoever keeps his batches so.

        x: (M, input_size), the first elements of all sequences, then the second ones …, the longest sequence first;
        ``sizes`` says how many each step has (`ops.packed`) -> (M, D·hidden_size) and the last states. ``state`` is
        a tuple.
        """
        final = [[] for _ in range(self.states)]
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = ops.dropout(x, self.dropout, training=self.training, rng=self.rng)
            both = []
            for reverse, suffix in enumerate(self._suffixes(layer)):
                begin = () if state is None else tuple(s[len(final[0])] for s in state)
                states = self.run(x, self._weights(suffix, x.dtype), begin, sizes, bool(reverse))
                last = first_rows(sizes, not reverse)  # where the other direction would begin
                for rows, found in zip(states, final):
                    found.append(rows[last])
                both.append(states[0])
            x = ops.concat(both, axis=1) if self.bidirectional else both[0]
        final = tuple(ops.stack(found) for found in final)
        return x, final if self.states > 1 else final[0]

    def _weights(self, suffix, dtype):
        own = vars(self)
        W, U = own[f"weight_ih{suffix}"], own[f"weight_hh{suffix}"]
        biases = [own[f"bias_{part}{suffix}"] if self.bias else np.zeros(W.shape[0], dtype) for part in ("ih", "hh")]
        return W, U, *biases

    def _lengths(self, lengths, length, count):
        if lengths is None:
            return np.full(count, length)
        lengths = np.asarray(lengths)
        if lengths.shape != (count,) or lengths.dtype.kind not in "iu" or (count and lengths.max() > length):
            raise ShapeError(
                explain(
                    f"{type(self).__name__}: lengths",
                    got=describe(lengths, "lengths"),
                    expected=f"{count} whole numbers of at most {length}",
                )
            )
        return lengths

    def _refuse_width(self, x):
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            axes = "N, T" if self.batch_first else "T, N"
            raise ShapeError(
                explain(
                    f"{vars(self).get('_name', 'a layer')}: {self!r}",
                    got=describe(x, getattr(x, "name", None) or "x"),
                    expected=f"shape ({axes}, {self.input_size}), or (T, {self.input_size})",
                )
            )

    def extra_repr(self):
        extra = [f"{self.input_size}, {self.hidden_size}"]
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        extra += [f"{name}={getattr(self, name)}" for name, usual in defaults.items() if getattr(self, name) != usual]
        return ", ".join(extra)


class LSTM(Recurrent):
    """Long short-term memory, of one layer or several, PyTorch's parameters and semantics.

    x: (T, N, input_size), or (N, T, input_size) with ``batch_first``, or (T, input_size) for a single sequence
    -> (output, (h_n, c_n)): output of x's leading axes and D·hidden_size, the hidden states of the last layer after
    each element; h_n and c_n (D·num_layers, N, hidden_size) the states after the whole sequence

    num_layers     each further one reads the hidden states of the one before
    bidirectional  D = 2: a second recurrence from the end to the beginning in every layer; both outputs are joined
    dropout        of what a further layer reads, in training
    rng            draws the parameters and the masks

    Parameters of layer k: weight_ih_l{k} (4H, inputs), weight_hh_l{k} (4H, H), bias_ih_l{k} and bias_hh_l{k} (4H,),
    the gates in the order input, forget, cell, output; those of the second direction end in ``_reverse``. They start
    as U(−1/√H, 1/√H).

    Raises ShapeError for an x of another width or lengths that do not fit it. Source: see `ops.lstm`.
    """

    gates, states = 4, 2

    def run(self, x, weights, begin, sizes, reverse):
        W, U, b, d = weights
        out = ops.lstm(x, W, U, b + d, *begin, sizes=sizes, reverse=reverse)
        return out[0], out[1]


class GRU(Recurrent):
    """Gated recurrent units, of one layer or several, PyTorch's parameters and semantics.

    As `LSTM`, but for the state, which is h alone: (output, h_n). The gates in the order reset, update, new.
    Source: see `ops.gru`.
    """

    gates = 3

    def run(self, x, weights, begin, sizes, reverse):
        return (ops.gru(x, *weights, *begin, sizes=sizes, reverse=reverse),)
