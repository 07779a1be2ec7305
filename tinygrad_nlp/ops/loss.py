"""Losses. Each returns one number (``reduction="mean"`` or ``"sum"``) or one per row (``"none"``)."""

from __future__ import annotations

from functools import cache

import numpy as np

from ..derivation import Convention, Derivation, smooth
from ..errors import DTypeError, IndexRangeError, OptionError, ShapeError, describe, explain
from ..op import op
from ..rowsparse import all_below
from ..samples import distinct, integers, normal, sample, uniform
from .activation import sigmoid
from .arithmetic import sign
from .index import constant
from .normalize import softmax
from .select import clip

__all__ = ["bce_with_logits", "cross_entropy", "huber", "l1", "mse", "nll"]

REDUCTIONS = "reduction: 'mean', 'sum' or 'none'"


def reduce_rows(values, reduction, count=None):
    """Per-row losses -> the loss; ``count`` is what a mean divides by, the number of rows unless weighted."""
    if reduction == "none":
        return values
    if reduction == "sum":
        return values.sum()
    if reduction == "mean":
        # An empty batch has no mean; NaN says so, as in NumPy and PyTorch, without their warning.
        count = values.size if count is None else count
        return values.sum() / values.dtype.type(count) if count else values.dtype.type(np.nan)
    raise OptionError(explain("loss", got=f"reduction={reduction!r}", expected=REDUCTIONS))


def share(reduction, count):
    """The factor with which each row's loss enters the result: 1, or 1/N for a mean."""
    return 1.0 / count if reduction == "mean" and count else 1.0


def same_shape(name, x, y):
    """Refuse operands that would broadcast: (B,) against (B, 1) is the classic silent B × B loss."""
    if np.shape(x) != np.shape(y):
        raise ShapeError(
            explain(
                name,
                got=f"{describe(x, 'prediction')} and {describe(y, 'target')}",
                expected="equal shapes: a loss does not broadcast",
                write="target.reshape(prediction.shape), if that is what you mean",
            )
        )


# ---- classification -------------------------------------------------------------------------------------------


def target_rows(name, logits, target, weight, ignore_index, label_smoothing):
    """(q, total): the distribution each row is compared with, weighted and smoothed, and the total weight of the rows.

    logits: (…, C). target: (…) class indices, or (…, C) probabilities. q: (…, C); an ignored row is all zero.
    q_c = weight_c ((1 − ε) y_c + ε / C). A mean divides by Σ weight[target] over the rows kept (PyTorch's rule), or by
    the number of rows if the targets are probabilities.
    """
    classes = logits.shape[-1] if logits.ndim else 0
    target, weight = constant(target), None if weight is None else constant(weight)
    if not 0 <= label_smoothing <= 1:
        raise OptionError(explain(name, got=f"label_smoothing={label_smoothing}", expected="a number from 0 to 1"))
    if weight is not None and np.shape(weight) != (classes,):
        raise ShapeError(explain(name, got=describe(weight, "weight"), expected=f"one weight per class: ({classes},)"))
    if target.dtype.kind == "f":
        if logits.ndim and target.shape == logits.shape[:-1]:
            raise DTypeError(
                explain(
                    name,
                    got=f"{describe(logits, 'logits')} and {describe(target, 'target')}",
                    expected=f"class indices as integers, or probabilities of shape {logits.shape}",
                    write="target.astype(np.int64)",
                )
            )
        same_shape(f"{name} with probabilities as target", logits, target)
        y, kept = target.astype(logits.dtype, copy=False), np.ones(target.shape[:-1], bool)
        total = float(kept.size)
    else:
        kept = check_classes(name, logits, target, ignore_index)
        y = np.zeros(logits.shape, logits.dtype)
        np.put_along_axis(y, np.where(kept, target, 0)[..., None], 1, axis=-1)
        total = float(kept.sum() if weight is None else np.asarray(weight)[target[kept]].sum())
    q = (1 - label_smoothing) * y + label_smoothing / classes if label_smoothing else y
    if weight is not None:
        q = q * np.asarray(weight, logits.dtype)
    return (q * kept[..., None] if not kept.all() else q), total


def all_classes(target, shape) -> bool:
    """True if ``target`` names one class that exists for each of the rows of (N, C) logits."""
    return target.shape == shape[:1] and target.dtype.kind in "iu" and all_below(target, shape[1])


def check_classes(name, logits, target, ignore_index):
    """Which rows count; refuses a target of the wrong shape or kind, or a class that does not exist."""
    if target.dtype.kind not in "iu":
        raise DTypeError(
            explain(name, got=describe(target, "target"), expected="class indices (integers) or probabilities (floats)")
        )
    if target.shape != logits.shape[:-1]:
        raise ShapeError(
            explain(
                name,
                got=f"{describe(logits, 'logits')} and {describe(target, 'target')}",
                expected=f"one class index per row: target of shape {logits.shape[:-1]}",
                write="logits with the classes on the last axis: logits.swapaxes(1, -1)"
                if logits.ndim > 2 and target.shape == (logits.shape[0], *logits.shape[2:])
                else "target.squeeze(-1)"
                if target.shape == (*logits.shape[:-1], 1)
                else "",
            )
        )
    kept = target != ignore_index if ignore_index is not None else np.ones(target.shape, bool)
    classes = logits.shape[-1]
    wrong = kept & ((target < 0) | (target >= classes))
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise IndexRangeError(
            explain(
                name,
                got=f"class {int(target[place])} at position {place} of target",
                expected=f"classes from 0 to {classes - 1}: logits have {classes} columns",
                write=f"ignore_index={int(target[place])} to leave such rows out" if target[place] < 0 else "",
            )
        )
    return kept


def log_sum_exp_rows(logits):
    """log Σ exp over the last axis, (…, C) -> (…, 1), with the maximum taken out so that nothing overflows."""
    peak = logits.max(axis=-1, keepdims=True)
    return np.log(np.exp(logits - peak).sum(axis=-1, keepdims=True)) + peak


def row_axis(g, reduction):
    """The gradient of the loss as a factor of the rows' gradients: a number, or one per row."""
    return g.reshape((*g.shape, 1)) if reduction == "none" else g


@op
class cross_entropy:
    """Cross-entropy between softmax(logits) and the targets: the naive-softmax loss of word2vec.

    logits (…, C): scores, the classes on the last axis. target: (…) class indices, or (…, C) probabilities (one-hot
    is the special case). weight (C,): one factor per class. ``ignore_index`` leaves out the rows with that target,
    ``label_smoothing`` ε gives ε/C to every class. In nats. PyTorch's semantics for a batch of rows.
    """

    def forward(logits, target, weight=None, *, ignore_index=None, label_smoothing=0.0, reduction="mean"):
        q, total = target_rows("cross_entropy", logits, target, weight, ignore_index, label_smoothing)
        # A class masked by a logit of −inf has no share in the target: its term is 0, not the NaN of 0 · inf.
        chosen = q * np.where(q == 0, 0, logits)
        rows = q.sum(axis=-1) * log_sum_exp_rows(logits)[..., 0] - chosen.sum(axis=-1)
        return reduce_rows(rows, reduction, total)

    def vjp_logits(g, out, logits, target, weight, *, ignore_index, label_smoothing, reduction):
        y, total = target_rows("cross_entropy", logits, target, weight, ignore_index, label_smoothing)
        y_hat = softmax(logits)
        return (y.sum(-1, keepdims=True) * y_hat - y) * (row_axis(g, reduction) * share(reduction, total))

    def kernel(needs, logits, target, weight=None, *, ignore_index, label_smoothing, reduction):
        plain = weight is None and not label_smoothing and np.asarray(target).dtype.kind != "f"
        if not plain or logits.ndim != 2 or not logits.size:
            return cross_entropy.forward(
                logits, target, weight, ignore_index=ignore_index, label_smoothing=label_smoothing, reduction=reduction
            ), None
        target, kept = np.asarray(target), None
        if ignore_index is not None or not all_classes(target, logits.shape):
            kept = check_classes("cross_entropy", logits, target, ignore_index)
        return softmax_minus_target(logits, target, kept, reduction)

    def kernel_vjp(g, out, saved, needs, logits, target, weight, *, ignore_index, label_smoothing, reduction):
        if saved is None:
            options = {"ignore_index": ignore_index, "label_smoothing": label_smoothing, "reduction": reduction}
            return cross_entropy.rules[0](g, out, logits, target, weight, **options), None, None
        if reduction == "none":
            return saved * g[:, None], None, None
        return saved if g == 1 else saved * g, None, None

    derivation = Derivation(
        statement=r"J = -\textstyle\sum_k y_k \log \hat y_k, \qquad \hat y = \operatorname{softmax}(\theta)",
        steps=(
            r"J = -\textstyle\sum_k y_k \theta_k + \log \sum_j e^{\theta_j} \quad (\textstyle\sum_k y_k = 1)",
            r"\frac{\partial}{\partial \theta_i} \log \textstyle\sum_j e^{\theta_j}"
            r" = \frac{e^{\theta_i}}{\sum_j e^{\theta_j}} = \hat y_i",
            r"\frac{\partial J}{\partial \theta_i} = -y_i + \hat y_i",
            r"\bar\theta = (\hat y - y)\, \bar J",
        ),
        source="002 §1.1, 003 Eq 8-18 (Eq 18 corrected: −y + ŷ), 000/001 (a), 001 3(e)(ii)",
        shapes="logits: (…, C), target: (…) int or (…, C) float, weight: (C,) -> () or (…)",
        notes="log-sum-exp keeps it finite where exp-then-log is not; the rule never forms −y/ŷ, NaN if saturated."
        " J is one row's loss: a mean gives each row 1/N of J̄. With weights and smoothing y is"
        " weight · ((1 − ε) y + ε/C), which need not sum to one: hence Σy · ŷ − y.",
    )
    conventions = smooth
    samples = (
        sample(normal(4, 3), integers(0, 3, 4)),
        sample(normal(3), np.int64(2)),
        sample(normal(4, 3), integers(0, 3, 4), reduction="sum"),
        sample(normal(4, 3), integers(0, 3, 4), reduction="none"),
        sample(normal(4, 3), np.array([0, -100, 2, 2]), ignore_index=-100),
        sample(normal(4, 3), integers(0, 3, 4), np.array([0.5, 1.0, 2.0]), label_smoothing=0.1),
        sample(normal(4, 3), np.array([1, -1, 0, 2]), np.array([0.5, 1.0, 2.0]), ignore_index=-1, reduction="sum"),
        sample(normal(2, 3), np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]])),
        sample(normal(2, 3), np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]]), np.array([1.0, 2.0, 3.0])),
        sample(normal(2, 2, 3), integers(0, 3, 2, 2)),
        sample(normal(0, 3), integers(0, 3, 0), reduction="sum"),
    )


BLOCK = 1 << 16
"""Elements of logits worked on at a time: what fits in the second-level cache with its result."""


def softmax_minus_target(logits, target, kept, reduction):
    """(loss, ŷ − y times the share of each row): forward and gradient of plain cross-entropy in one pass over logits.

    logits: (N, C); target: (N,) classes, ints; kept: (N,) bools, which rows count, or None if all do. The loss is a
    number, or (N,) with reduction "none"; the gradient (N, C). Rows go in blocks that stay in cache between exp, sum
    and division.
    """
    rows, classes = logits.shape
    gradient = np.empty(logits.shape, logits.dtype)
    log_sums = np.empty(rows, logits.dtype)
    total = rows if kept is None else kept.sum()
    factor = logits.dtype.type(share(reduction, total))
    ones = np.ones(classes, logits.dtype)
    step = max(1, BLOCK // classes)
    for start in range(0, rows, step):
        part = slice(start, start + step)
        block = gradient[part]
        sums, log_sums[part] = exp_and_sum(logits[part], ones, out=block)
        np.multiply(block, (factor / sums)[:, None], out=block)
    chosen = target if kept is None else np.where(kept, target, 0)
    places = np.arange(0, rows * classes, classes) + chosen.astype(np.intp, copy=False)
    losses = log_sums - logits.take(places)
    gradient.reshape(-1)[places] -= factor
    if total != rows:
        losses *= kept
        gradient *= kept[:, None]
    return reduce_rows(losses, reduction, total), gradient


def exp_and_sum(logits, ones, out):
    """Write exp(logits) up to a factor for each row into ``out``; return (its row sums, log Σ exp of the logits).

    logits, out: (N, C); ones: (C,); returned are two of (N,).

    The usual factor, exp(−maximum), keeps the sum from overflowing. Logits of a usual size need none, and then two of
    five passes over them are saved. The sums tell: half the exponents that the dtype has lie between the bounds, so a
    term that was lost is nothing beside a sum that passes. NaN does not pass. The sum is a product with ones, which
    BLAS makes several times faster than ``sum`` does.
    """
    low, high = half_range(logits.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.exp(logits, out=out) @ ones
    if sums.min() > low and sums.max() < high:
        return sums, np.log(sums)
    peak = logits.max(axis=1)
    np.exp(np.subtract(logits, peak[:, None], out=out), out=out)
    with np.errstate(invalid="ignore"):  # OpenBLAS may compute on lanes that hold nothing, and set the flag for them
        sums = out @ ones
    return sums, np.log(sums) + peak


@cache
def half_range(dtype):
    """(√smallest, √largest) number of ``dtype``."""
    limits = np.finfo(dtype)
    return limits.tiny**0.5, limits.max**0.5


@op
class nll:
    """Negative log-likelihood: the log-probability of the target class, negated.

    log_probs (…, C), e.g. from `log_softmax`; target (…) class indices; weight (C,); options as in `cross_entropy`.
    """

    def forward(log_probs, target, weight=None, *, ignore_index=None, reduction="mean"):
        q, total = target_rows("nll", log_probs, target, weight, ignore_index, 0.0)
        # Where the target gives no weight a log-probability of −inf must not make NaN of 0 · inf.
        rows = -np.where(q == 0, 0, q * np.where(q == 0, 0, log_probs)).sum(axis=-1)
        return reduce_rows(rows, reduction, total)

    def vjp_log_probs(g, out, log_probs, target, weight, *, ignore_index, reduction):
        y, total = target_rows("nll", log_probs, target, weight, ignore_index, 0.0)
        return -y * (row_axis(g, reduction) * share(reduction, total))

    derivation = Derivation(
        statement=r"J = -\textstyle\sum_k y_k \, \ell_k, \qquad \ell = \log \hat y",
        steps=(r"\frac{\partial J}{\partial \ell_k} = -y_k", r"\bar\ell = -y\, \bar J"),
        source="002 §1.1",
        shapes="log_probs: (…, C), target: (…) int, weight: (C,) -> () or (…)",
    )
    conventions = smooth
    samples = (
        sample(normal(4, 3), integers(0, 3, 4)),
        sample(normal(4, 3), np.array([0, -100, 2, 2]), np.array([0.5, 1.0, 2.0]), ignore_index=-100),
        sample(normal(4, 3), integers(0, 3, 4), reduction="none"),
    )


@op
class bce_with_logits:
    """Binary cross-entropy of σ(logits) against targets in [0, 1].

    logits, target: any equal shape. weight: broadcastable factor per element; 0 masks an element out. pos_weight:
    broadcastable factor of the positive term. A mean divides by the number of elements, masked ones included
    (PyTorch's rule; divide by ``weight.sum()`` yourself for the mean over the unmasked). In nats.
    """

    def forward(logits, target, weight=None, pos_weight=None, *, reduction="mean"):
        same_shape("bce_with_logits", logits, target)
        for name, value in (("weight", weight), ("pos_weight", pos_weight)):
            if value is not None and np.broadcast_shapes(np.shape(value), np.shape(logits)) != np.shape(logits):
                raise ShapeError(
                    explain(
                        "bce_with_logits",
                        got=f"{describe(constant(value), name)} for {describe(logits, 'logits')}",
                        expected=f"{name} that broadcasts to the shape of logits: a loss does not grow",
                    )
                )
        # −log σ(x) = log(1 + e^−x) = max(−x, 0) + log(1 + e^−|x|): the exponential never overflows.
        minus_log_sigmoid = np.maximum(-logits, 0) + np.log1p(np.exp(-np.abs(logits)))
        positive_part = 1 if pos_weight is None else np.asarray(pos_weight, logits.dtype)
        values = (1 - target) * (logits + minus_log_sigmoid) + positive_part * target * minus_log_sigmoid
        return reduce_rows(values if weight is None else values * np.asarray(weight, logits.dtype), reduction)

    def vjp_logits(g, out, logits, target, weight, pos_weight, *, reduction):
        if pos_weight is None:
            slope = sigmoid(logits) - target
        else:
            slope = (1 - target + target * pos_weight) * sigmoid(logits) - target * pos_weight
        return slope * factor(weight, logits) * (g * share(reduction, logits.size))

    def kernel(needs, logits, target, weight, pos_weight, *, reduction):
        return bce_with_logits.forward(logits, target, weight, pos_weight, reduction=reduction), None

    def kernel_vjp(g, out, saved, needs, logits, target, weight, pos_weight, *, reduction):
        if pos_weight is not None or logits.dtype != np.asarray(target).dtype or logits.ndim == 0:
            slope = bce_with_logits.rules[0](g, out, logits, target, weight, pos_weight, reduction=reduction)
            return slope, None, None, None
        slope = sigmoid(logits)
        slope -= target
        if weight is not None:
            slope *= factor(weight, logits)
        slope *= np.asarray(g * share(reduction, logits.size), logits.dtype)
        return slope, None, None, None

    derivation = Derivation(
        statement=r"J = -t \log \sigma(x) - (1 - t) \log \sigma(-x)",
        steps=(
            r"\frac{d}{dx} \log \sigma(x) = \frac{\sigma(x)(1 - \sigma(x))}{\sigma(x)} = 1 - \sigma(x) = \sigma(-x)",
            r"\frac{dJ}{dx} = -t\,(1 - \sigma(x)) + (1 - t)\,\sigma(x) = \sigma(x) - t",
            r"\bar x = w\,(\sigma(x) - t)\, \bar J, \quad"
            r"\text{and with a positive weight } p: \; w\,((1 - t + p t)\,\sigma(x) - p t)\, \bar J",
        ),
        source="003 Q2a, Eq 32-35, 39-40",
        shapes="logits, target: any equal shape; weight, pos_weight: broadcastable -> () or the same shape",
    )
    conventions = smooth
    samples = (
        sample(normal(3, 4), uniform(0, 1, 3, 4)),
        sample(normal(3, 4), uniform(0, 1, 3, 4), np.array([1.0, 0.0, 2.0, 0.5]), np.array(3.0), reduction="sum"),
        sample(normal(4), np.array([0.0, 1.0, 1.0, 0.0]), np.array([1.0, 0.0, 1.0, 1.0]), reduction="none"),
        sample(normal(), np.array(1.0)),
        sample(normal(0), np.zeros(0), reduction="sum"),
    )


def factor(weight, like):
    """A weight as a factor of ``like``'s dtype, 1 where there is none."""
    return 1.0 if weight is None else constant(weight).astype(like.dtype, copy=False)


# ---- regression -------------------------------------------------------------------------------------------------

PAIR = "prediction, target: equal shapes -> () or the same shape"


def pairs(prediction=normal):
    """Samples of a regression loss: every reduction, 0-d and empty."""
    return (
        sample(prediction(3, 2), normal(3, 2)),
        sample(prediction(3), normal(3), reduction="sum"),
        sample(prediction(3), normal(3), reduction="none"),
        sample(prediction(), normal()),
        sample(prediction(0, 2), normal(0, 2), reduction="sum"),
    )


@op
class mse:
    """Squared error, averaged or summed. prediction, target: equal shapes -> (), or the same with "none"."""

    def forward(prediction, target, *, reduction="mean"):
        same_shape("mse", prediction, target)
        return reduce_rows(np.square(prediction - target), reduction)

    def vjp_prediction(g, out, prediction, target, *, reduction):
        return 2 * (prediction - target) * share(reduction, prediction.size) * g

    def vjp_target(g, out, prediction, target, *, reduction):
        return 2 * (target - prediction) * share(reduction, prediction.size) * g

    derivation = Derivation(
        statement=r"J = \tfrac{1}{N} \textstyle\sum_i (x_i - t_i)^2",
        steps=(
            r"\frac{\partial J}{\partial x_i} = \tfrac{2}{N} (x_i - t_i) = -\frac{\partial J}{\partial t_i}",
            r"\bar x = \tfrac{2}{N}(x - t)\, \bar J, \qquad \bar t = \tfrac{2}{N}(t - x)\, \bar J",
        ),
        source="definition",
        shapes=PAIR,
    )
    conventions = smooth
    samples = pairs()


@op
class l1:
    """Absolute error, averaged or summed. prediction, target: equal shapes -> (), or the same with "none"."""

    def forward(prediction, target, *, reduction="mean"):
        same_shape("l1", prediction, target)
        return reduce_rows(np.abs(prediction - target), reduction)

    def vjp_prediction(g, out, prediction, target, *, reduction):
        return sign(prediction - target) * share(reduction, prediction.size) * g

    def vjp_target(g, out, prediction, target, *, reduction):
        return sign(target - prediction) * share(reduction, prediction.size) * g

    derivation = Derivation(
        statement=r"J = \tfrac{1}{N} \textstyle\sum_i |x_i - t_i|",
        steps=(
            r"\frac{\partial J}{\partial x_i} = \tfrac{1}{N} \operatorname{sign}(x_i - t_i)",
            r"\bar x = \tfrac{1}{N} \operatorname{sign}(x - t)\, \bar J, \qquad \bar t = -\bar x",
        ),
        source="definition",
        shapes=PAIR,
    )
    conventions = (Convention("x = t", (1.0, 1.0), (0.0, 0.0), "sign(0) = 0, the middle subgradient. PyTorch: 0"),)
    samples = pairs()


@op
class huber:
    """Half the squared error up to ``delta``, linear beyond: robust to outliers, smooth at zero.

    prediction, target: equal shapes -> (), or the same with reduction="none". Raises OptionError unless delta > 0.
    """

    def forward(prediction, target, *, delta=1.0, reduction="mean"):
        same_shape("huber", prediction, target)
        if not delta > 0:
            raise OptionError(explain("huber", got=f"delta={delta}", expected="a positive number"))
        size = np.abs(prediction - target)
        inside = np.minimum(size, delta)
        return reduce_rows(inside * (size - 0.5 * inside), reduction)

    def vjp_prediction(g, out, prediction, target, *, delta, reduction):
        return clip(prediction - target, min=-delta, max=delta) * share(reduction, prediction.size) * g

    def vjp_target(g, out, prediction, target, *, delta, reduction):
        return clip(target - prediction, min=-delta, max=delta) * share(reduction, prediction.size) * g

    derivation = Derivation(
        statement=r"J = \tfrac{1}{N} \textstyle\sum_i h(x_i - t_i), \quad"
        r" h(r) = \tfrac12 r^2 \;(|r| \le \delta), \; \delta(|r| - \tfrac12 \delta) \;(|r| > \delta)",
        steps=(
            r"h'(r) = r \;(|r| \le \delta), \quad \delta \operatorname{sign}(r) \;(|r| > \delta)",
            r"h'(r) = \operatorname{clip}(r, -\delta, \delta): \text{ continuous, so there is no kink}",
            r"\bar x = \tfrac{1}{N} \operatorname{clip}(x - t, -\delta, \delta)\, \bar J, \qquad \bar t = -\bar x",
        ),
        source="Huber 1964, Robust estimation of a location parameter",
        shapes=PAIR,
        notes="with m = min(|r|, δ), h = m (|r| − m/2) is both branches at once",
    )
    conventions = smooth
    samples = (*pairs(), sample(distinct(3, 4), normal(3, 4), delta=0.3))
