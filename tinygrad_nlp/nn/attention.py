"""Attention: every element reads a weighted mean of all others, the weights being their likeness."""

from __future__ import annotations

import math

import numpy as np

from .. import ops
from ..errors import OptionError, ShapeError, describe, explain
from . import init
from .linear import Linear
from .module import Module, Parameter
from .sizes import size


def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, *, rng=None):
    r"""softmax(Q Kᵀ / √d) V, in which each query reads a weighted mean of the values.

    query: (…, L, d), key: (…, S, d), value: (…, S, v) -> (…, L, v)
    attn_mask   broadcasts to (…, L, S): bools, True where the query may read; or numbers that are added to the scores
    is_causal   query i reads the values 0 … i alone
    dropout_p   of the weights

    A query that may read nothing gets zeros, as in PyTorch. The scores of vectors with independent elements of
    variance 1 have variance d; the division keeps the softmax from saturating.
    Source: Vaswani et al. 2017, "Attention is all you need", section 3.2.1.
    """
    weights = _weights(query, key, attn_mask, is_causal)
    return ops.dropout(weights, dropout_p, rng=rng) @ value


def _weights(query, key, mask, is_causal=False):
    scores = (query @ key.mT) * (1 / math.sqrt(query.shape[-1]))
    if is_causal:
        if mask is not None:
            raise OptionError(
                explain("attention", got="attn_mask and is_causal", expected="one of them", write="attn_mask & causal")
            )
        mask = np.tri(scores.shape[-2], scores.shape[-1], dtype=bool)
    if mask is None:
        return ops.softmax(scores, axis=-1)
    mask = np.asarray(getattr(mask, "_data", mask))
    if mask.dtype != bool:
        return ops.softmax(scores + mask.astype(scores.dtype), axis=-1)
    mask = np.broadcast_to(mask, scores.shape)
    some = mask.any(axis=-1, keepdims=True)
    # A query that may read nothing has no distribution, 0/0: it is given any, which is then put out.
    weights = ops.softmax(ops.where(mask | ~some, scores, -math.inf), axis=-1)
    return weights if some.all() else ops.masked(weights, np.broadcast_to(some, scores.shape))


class MultiheadAttention(Module):
    """Attention in several subspaces at once: each head has d = embed_dim / num_heads dimensions of its own.

    query: (L, N, embed_dim), key and value: (S, N, embed_dim); with ``batch_first`` N comes first; without N for a
    single sequence -> (output of query's shape, weights (N, L, S), the mean over the heads)

    in_proj_weight (3E, E), in_proj_bias (3E,)  make queries, keys and values, in this order; ``out_proj`` joins
    the heads. The layout is PyTorch's
    dropout  of the weights, in training

    Source: Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(self, embed_dim, num_heads, dropout=0.0, bias=True, batch_first=False, *, dtype=np.float32, rng=None):
        self.embed_dim, self.num_heads = (
            size("MultiheadAttention", "embed_dim", embed_dim),
            size("MultiheadAttention", "num_heads", num_heads),
        )
        if not num_heads or embed_dim % num_heads:
            raise OptionError(
                explain(
                    "MultiheadAttention",
                    got=f"embed_dim={embed_dim}, num_heads={num_heads}",
                    expected="heads of equal size: embed_dim a multiple of num_heads",
                )
            )
        self.dropout, self.batch_first, self.rng = dropout, batch_first, rng
        self.in_proj_weight = Parameter(np.empty((3 * embed_dim, embed_dim), dtype))
        self.in_proj_bias = Parameter(np.empty(3 * embed_dim, dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, dtype=dtype, rng=rng)
        init.xavier_uniform_(self.in_proj_weight, generator=rng)
        for zero in (self.in_proj_bias, self.out_proj.bias):
            if zero is not None:
                init.zeros_(zero)

    def forward(self, query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None):
        """key_padding_mask: (N, S) and attn_mask: (L, S) or (N·heads, L, S), **True where nothing is read**.

        That is PyTorch's meaning here, the opposite of `scaled_dot_product_attention`'s. An attn_mask of numbers is
        added to the scores. Without ``need_weights`` the weights are None.
        """
        single = query.ndim == 2
        if single:
            query, key, value = (x.reshape((1, *x.shape)) for x in (query, key, value))
        elif not self.batch_first:
            query, key, value = (x.swapaxes(0, 1) for x in (query, key, value))
        for x, name in ((query, "query"), (key, "key"), (value, "value")):
            if x.ndim != 3 or x.shape[-1] != self.embed_dim:
                raise ShapeError(
                    explain(f"{self!r}", got=describe(x, name), expected=f"a last axis of {self.embed_dim}")
                )
        E, (N, L), S = self.embed_dim, query.shape[:2], key.shape[1]
        heads = []
        for number, x in enumerate((query, key, value)):
            part = slice(number * E, (number + 1) * E)
            x = x @ self.in_proj_weight[part].T
            if self.in_proj_bias is not None:
                x = x + self.in_proj_bias[part]
            heads.append(x.reshape((N, x.shape[1], self.num_heads, E // self.num_heads)).swapaxes(1, 2))
        q, k, v = heads
        weights = _weights(q, k, self._mask(key_padding_mask, attn_mask, N, L, S))
        out = ops.dropout(weights, self.dropout, training=self.training, rng=self.rng) @ v
        out = self.out_proj(out.swapaxes(1, 2).reshape((N, L, E)))
        mean = weights.mean(axis=1) if need_weights else None
        if single:
            return out[0], mean if mean is None else mean[0]
        return (out if self.batch_first else out.swapaxes(0, 1)), mean

    def _mask(self, key_padding_mask, attn_mask, N, L, S):
        """What `_weights` takes, (N, heads, L, S) or what broadcasts to it, or None."""
        may_read, added = None, None
        if key_padding_mask is not None:
            may_read = ~np.asarray(key_padding_mask, bool).reshape(N, 1, 1, S)
        if attn_mask is not None:
            attn_mask = np.asarray(getattr(attn_mask, "_data", attn_mask))
            shape = (L, S) if attn_mask.ndim == 2 else (N, self.num_heads, L, S)
            attn_mask = attn_mask.reshape(shape)
            if attn_mask.dtype == bool:
                may_read = ~attn_mask if may_read is None else may_read & ~attn_mask
            else:
                added = attn_mask
        if added is None:
            return may_read
        return added if may_read is None else np.where(may_read, added, -np.inf)

    def extra_repr(self):
        return f"{self.embed_dim}, {self.num_heads}"
