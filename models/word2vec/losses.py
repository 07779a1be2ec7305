r"""The losses of word2vec for one center word, line by line as the documents write them.

Layout: words are rows, U is (V, D). (002 prints words as columns; 000 and 001 (b)(i) and (d) mix both.) ``v_c`` is the
center word's vector, ``u_w`` row w of U. Everything is in nats. The gradients are not written here: the engine
derives them, and the tests hold them against the closed forms below.

`SkipGram` trains with the op `negative_sampling`, which is `negative_sampling_loss` for a whole batch at once.
"""

from __future__ import annotations

from tinygrad_nlp import OptionError, cross_entropy, logsigmoid
from tinygrad_nlp.errors import explain


def naive_softmax_loss(v_c, outside, U):
    r"""−log P(o | c) with P(· | c) = softmax(U v_c): cross-entropy with a one-hot target.

    v_c      (D,), or (B, D) for B pairs
    outside  the outside word's id, or (B,) ids
    U        (V, D)
    ->       a number; for B pairs their mean

    With ŷ = softmax(U v_c) and the one-hot y:  ∂J/∂v_c = Uᵀ(ŷ − y),  ∂J/∂U = (ŷ − y) v_cᵀ.
    Source: 000, 001 and 002 §1.1–1.4; 003 Q3a. Cost: all V words for every pair.

    >>> from tinygrad_nlp import Tensor
    >>> v, U = Tensor([1.0, 0.0], requires_grad=True), Tensor([[0.0, 0.0], [0.0, 0.0]])
    >>> round(float(naive_softmax_loss(v, 1, U)), 4)  # two words, no knowledge: log 2
    0.6931
    """
    scores = U @ v_c if v_c.ndim == 1 else v_c @ U.T
    return cross_entropy(scores, outside)


def negative_sampling_loss(v_c, outside, negatives, U):
    r"""−log σ(u_o·v_c) − Σ_k log σ(−u_k·v_c): tell the true outside word from drawn ones.

    v_c        (D,)
    outside    the outside word's id
    negatives  (K,) ids of the words drawn; one drawn twice counts twice, in the loss and in the gradient
    U          (V, D)

    ∂J/∂v_c = (σ(u_o·v_c) − 1) u_o + Σ_k σ(u_k·v_c) u_k;  row w of ∂J/∂U is v_c times (σ(u_w·v_c) − 1 if w = o)
    + (times w was drawn) σ(u_w·v_c).
    Source: 003 Q3c Eq 36–41 and 004 (c), with their slips corrected: a missing sign, and a
    gradient counted once per word instead of once per draw.
    """
    return -logsigmoid(U[outside] @ v_c) - logsigmoid(-(U[negatives] @ v_c)).sum()


def window_loss(v_c, outsides, U, loss=naive_softmax_loss):
    """Skip-gram's loss of one center and its whole window: the sum over the window's words, repeats included.

    outsides  ids. A word that stands in the window twice is predicted, and receives its gradient, twice.
    loss      ``loss(v_c, outside, U)``
    Source: 002 §1; 003 Eq 23; 004 (d), where ∂J/∂u is printed as a single term but is a sum over the window.
    """
    return sum((loss(v_c, outside, U) for outside in outsides[1:]), loss(v_c, outsides[0], U))


def cbow_context(table, context, combine="mean"):
    """One vector for a window: the mean, or the sum, of its words' vectors.

    table    (V, D)
    context  (C,) ids
    combine  "mean" divides by C, "sum" does not. 003 Q3d asks for the sum; gensim's default is the mean, yet it does
             not divide the gradient by C, so its context words move C times as far as the derivative says. Here
             the gradient is the derivative of what is computed.
    """
    if combine not in ("mean", "sum"):
        raise OptionError(explain("cbow_context", got=f"combine={combine!r}", expected="'mean' or 'sum'"))
    vectors = table[context]
    return vectors.mean(axis=0) if combine == "mean" else vectors.sum(axis=0)


def cbow_loss(table, context, center, U, combine="mean", loss=naive_softmax_loss):
    """CBOW: predict the center word from all of its context at once.

    table    (V, D): context vectors
    context  (C,) ids of the words around; repeats count
    center   the id to predict, with the vectors in U (V, D)
    With v̂ the combined context and g = ∂loss/∂v̂, each context word receives g (sum) or g / C (mean) per occurrence.
    Source: 003 Q3d, which states the task and leaves it open.
    """
    return loss(cbow_context(table, context, combine), center, U)
