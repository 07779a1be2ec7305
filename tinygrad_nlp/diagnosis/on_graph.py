"""Mistakes in the rule of one op of a graph: the right backward pass is made wrong there, and the answer compared."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from ..op import REQUIRED
from .search import count_of, in_one_rule

MASKING = {"relu", "clip", "hardtanh", "dropout", "masked", "where", "maximum", "minimum", "leaky_relu", "elu"}
SOFT = {"softmax", "log_softmax", "l2_normalize", "layer_norm", "cumsum", "logsumexp"}
LOOKUPS = {"embedding": 1, "getitem": None, "take": 1, "gather": 1}


@in_one_rule("missing mask", fix="g * mask: where the forward pass let nothing through, nothing comes back")
def missing_mask(node, position, g):
    """The gradient passes where the forward pass was cut off: relu without its mask, dropout without its."""
    name = node.op.name
    if name == "dropout":
        gamma = 1 / (1 - node.options["p"])
        yield "the mask of dropout is missing", g * gamma
        yield "the mask and the scale γ of dropout are missing", g
    elif name == "leaky_relu":
        yield "the slope of the negative side is missing", g
        yield "the negative side is cut to 0: it has a slope", g * (node.out > 0)
    elif name in MASKING:
        yield f"the mask of {name} is missing", g


@in_one_rule("γ twice", fix="γ once: the mask that was multiplied in the forward pass, scale included")
def dropout_scale(node, position, g):
    """Dropout's γ = 1/(1 − p) applied twice, or not at all."""
    if node.op.name == "dropout":
        gamma, keep = 1 / (1 - node.options["p"]), node.values[1]
        yield f"the scale γ = {gamma:.6g} of dropout is applied twice", g * keep * gamma * gamma
        yield f"the scale γ = {gamma:.6g} of dropout is missing", g * keep, "γ missing"


@in_one_rule("missing derivative", fix="g times the op's own derivative: a factor for every link of the chain")
def missing_derivative(node, position, g):
    """A link of the chain is left out: the gradient passes an op as if it were the identity."""
    if node.op.arity == 1 and g.shape == np.shape(node.values[position]) and node.op.name not in MASKING:
        kind = "missing derivative" if node.op.name != "neg" else "sign"
        yield f"the derivative of {node.op.name} is missing: g passes it unchanged", g, kind


@in_one_rule("factor twice", fix="the derivative once: cross-entropy with logits has its softmax or sigmoid in it")
def derivative_twice(node, position, g):
    """A link of the chain counts twice: tanh′ multiplied in two times, or the slope of softmax or sigmoid on top of a
    loss that takes logits."""
    x, name = node.values[position], node.op.name
    if node.op.arity == 1 and np.shape(x) == g.shape and name not in MASKING:
        yield f"the derivative of {name} is multiplied in twice", node.rule(position, node.part(position, g))
    right = node.part(position, g)
    if name == "bce_with_logits" and position == 0:
        s = 1 / (1 + np.exp(-x))
        yield "the slope of the sigmoid is multiplied in on top of ŷ − y, which contains it", right * s * (1 - s)
    if name == "cross_entropy" and position == 0:
        e = np.exp(x - x.max(-1, keepdims=True))
        y_hat = e / e.sum(-1, keepdims=True)
        again = y_hat * (right - (right * y_hat).sum(-1, keepdims=True))
        yield "the Jacobian of softmax is multiplied in on top of ŷ − y, which contains it", again
        yield "the slope ŷ(1 − ŷ) is multiplied in on top of ŷ − y, which contains it", right * y_hat * (1 - y_hat)


@in_one_rule("upstream gradient missing", fix="multiply the local derivative by g, what arrives from the loss")
def upstream_missing(node, position, g):
    """The local derivative alone: what arrives from the loss is not multiplied in."""
    yield "the gradient that arrives is missing: 1 stands for g", node.rule(position, np.ones_like(g))


@in_one_rule("g used twice", fix="g once: the rule is linear in what arrives")
def g_twice(node, position, g):
    """What arrives from the loss enters twice; a rule is linear in g."""
    yield "g enters squared", node.rule(position, g * g)


@in_one_rule("derivative at the wrong point", fix="check whether the formula is in terms of the input or of the output")
def at_the_wrong_point(node, position, g):
    """The derivative is taken at the output where it is a function of the input, or the other way round:
    σ(x)(1 − σ(x)) is out · (1 − out), and neither x · (1 − x) nor σ′(out)."""
    x, name = node.values[position], node.op.name
    if node.op.arity == 1 and np.shape(x) == node.out.shape:
        again = np.asarray(node.op.forward(node.out, **node.options))
        yield (
            f"{name}'s derivative is taken at its output instead of its input",
            node.rule(position, g, again, [node.out]),
        )
        yield f"x stands where {name}'s output belongs", node.rule(position, g, x, [x])
        yield f"{name}'s output stands where x belongs", node.rule(position, g, node.out, [node.out])


@in_one_rule("transposed", fix="the transpose that the rule has: dx = g @ y.T, dy = x.T @ g")
def transposed_in_op(node, position, g):
    """A transpose missing, or one too many, where the matrices are square and no shape complains."""
    if node.op.name in ("matmul", "einsum", "outer", "transpose", "swapaxes"):
        if g.ndim >= 2 and g.shape[-1] == g.shape[-2]:
            yield "what arrives (g) is transposed, or is not and ought to be", node.rule(position, g.swapaxes(-1, -2))
        for i, value in enumerate(node.values):
            if np.ndim(value) >= 2 and value.shape[-1] == value.shape[-2]:
                values = [v.swapaxes(-1, -2) if j == i else v for j, v in enumerate(node.values)]
                yield (
                    f"{node.argument(i)} is transposed, or is not and ought to be",
                    node.rule(position, g, values=values),
                )
        right = node.part(position, g)
        if right.ndim >= 2 and right.shape[-1] == right.shape[-2]:
            yield "the answer is transposed", right.swapaxes(-1, -2)


@in_one_rule("swapped arguments", fix="for x · y: dx = g · y and dy = g · x")
def swapped_in_op(node, position, g):
    """The gradient of one argument is taken for the other's."""
    if node.op.arity == 2 and not node.op.variadic:
        other = 1 - position
        if node.op.rules[other] is not None:
            names, answer, right = node.op.arguments, node.rule(other, g), node.rule(position, g)
            if not np.array_equal(answer, -right):  # x − y: that is its sign
                yield f"the gradient of {names[other]} stands for {names[position]}'s", answer
        if np.shape(node.values[0]) == np.shape(node.values[1]):
            yield "the two arguments are exchanged", node.rule(position, g, None, node.values[::-1])


@in_one_rule("forgotten broadcast sum", fix="the sum over every copy: g.sum(0)")
def copies_not_summed(node, position, g):
    """An argument that was copied gets the gradient of one copy, or the mean over them."""
    answer, shape = node.rule(position, g), np.shape(node.values[position])
    if node.op.broadcasts and answer.shape != shape:
        whole, lead = answer, answer.ndim - len(shape)
        axes = tuple(i for i in range(answer.ndim) if i < lead or shape[i - lead] != answer.shape[i])
        copies = int(np.prod([answer.shape[i] for i in axes]))
        yield (
            f"only the first of {copies} copies counts",
            whole[tuple(slice(0, 1) if i in axes else slice(None) for i in range(answer.ndim))].reshape(shape),
        )
        yield (
            f"only the last of {copies} copies counts",
            whole[tuple(slice(-1, None) if i in axes else slice(None) for i in range(answer.ndim))].reshape(shape),
        )
        yield f"the mean over {copies} copies stands for their sum", whole.mean(axes).reshape(shape)


@in_one_rule("missing factor 1/N", fix="g / N, N being what the mean divides by; once")
def wrong_count(node, position, g):
    """The 1/N of a mean missing or applied twice, at one of several means."""
    n = count_of(node, position)
    if n and n > 1:
        right = node.part(position, g)
        yield f"the factor 1/{n} of {node.op.name} is missing (here N = {n})", right * n
        yield f"the factor 1/{n} of {node.op.name} is applied twice (here N = {n})", right / n, "1/N twice"


@in_one_rule("missing factor 2", fix="d(x²) = 2x dx")
def factor_two(node, position, g):
    """The 2 of a square forgotten."""
    if node.op.name in ("square", "pow", "mse"):
        yield f"the factor 2 of {node.op.name} is missing", node.part(position, g) / 2
    if node.op.name == "pow" and np.ndim(node.values[1]) == 0:
        n = float(node.values[1])
        yield f"the exponent {n:g} of pow as a factor is missing", node.part(position, g) / n, "missing factor"
        x = node.values[0]
        yield f"x^{n:g} stands where x^{n - 1:g} belongs", node.part(position, g) * x, "wrong power"


@in_one_rule("diagonal only", fix="every output depends on every input of its row: out * (g − (g * out).sum(…))")
def diagonal_only(node, position, g):
    """An op whose outputs depend on a whole row is differentiated as if it were elementwise."""
    x = node.values[position]
    if node.op.name in SOFT and g.shape == np.shape(x) and g.size <= 600:
        diagonal = np.zeros(g.shape)
        for place in np.ndindex(g.shape):
            unit = np.zeros(g.shape)
            unit[place] = 1.0
            diagonal[place] = node.part(position, unit)[place]
        yield f"only the diagonal of {node.op.name}'s Jacobian is there", g * diagonal
        yield f"the diagonal of {node.op.name}'s Jacobian is missing", node.part(position, g) - g * diagonal


@in_one_rule("wrong axis", fix="the axis of the forward pass")
def wrong_axis(node, position, g):
    """The rule of another axis: a sum, softmax or mean along rows is differentiated along columns."""
    if "axis" in node.options and np.ndim(node.values[position]) > 1:
        now = node.options["axis"]
        for axis in [*range(np.ndim(node.values[position])), None]:
            if axis == now or (isinstance(now, int) and axis == now % np.ndim(node.values[position])):
                continue
            try:
                answer = node.rule(position, g, options={**node.options, "axis": axis})
            except Exception:  # noqa: BLE001 - an axis this op does not take
                continue
            yield f"differentiated along axis {axis}, computed along {now}", answer
        if node.op.name in ("sum", "mean") and now is not None and not node.options["keepdims"]:
            n, x = count_of(node, position) or 1, node.values[position]
            for axis in range(x.ndim):
                if axis != now % x.ndim and g.shape == x.shape[:axis] + x.shape[axis + 1 :]:
                    spread = np.broadcast_to(np.expand_dims(g, axis), x.shape) / (1 if node.op.name == "sum" else n)
                    yield f"the gradient is spread along axis {axis}, the {node.op.name} went along {now}", spread


@in_one_rule("option left out", fix="the option of the forward pass: its factor, its term, its mask")
def without_an_option(node, position, g):
    """An option of the forward pass is not in the gradient: label smoothing, class weights, an ignored index."""
    for name, value in node.options.items():
        default = node.op.defaults.get(name)
        if name in ("axis", "keepdims", "index", "shape") or default is REQUIRED or np.array_equal(value, default):
            continue
        answer = np.full(1, np.nan)
        with suppress(Exception):  # an option the op cannot do without
            answer = node.rule(position, g, options={**node.options, name: default})
        yield f"the option {name}={value!r} is left out", answer
    for i, value in enumerate(node.values):
        name = node.op.arguments[0 if node.op.variadic else i]
        if i != position and node.op.argument_defaults.get(name, REQUIRED) is None and value is not None:
            answer = np.full(1, np.nan)
            with suppress(Exception):
                answer = node.rule(position, g, values=[None if j == i else v for j, v in enumerate(node.values)])
            yield f"the argument {name} is left out", answer


@in_one_rule("repeated rows overwritten", fix="np.add.at(grad, index, g), or grad[i] += g in a loop: repeats add up")
def repeats_overwritten(node, position, g):
    """A row read several times gets the gradient of one reading: grad[index] = g overwrites, also with +=."""
    if node.op.name in LOOKUPS and position == 0:
        shape = np.shape(node.values[0])
        numbers = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)
        places = np.asarray(node.op.forward(numbers, *node.values[1:], **node.options)).ravel()
        if len(np.unique(places)) < len(places):
            for words, order in (("last", slice(None, None, -1)), ("first", slice(None))):
                _, where = np.unique(places[order], return_index=True)
                once = np.zeros(len(places), bool)
                once[(len(places) - 1 - where) if words == "last" else where] = True
                yield (
                    f"of a row read several times only the {words} reading counts",
                    node.rule(position, g * once.reshape(g.shape)),
                )
        row = int(np.prod(shape[1:]))
        if (node.op.name in ("embedding", "getitem") or g.shape == shape[1:]) and row and g.size % row == 0:
            rows = g.reshape(-1, *shape[1:])
            for words, given in (("one reading's gradient", rows[0]), ("all gradients' sum", rows.sum(0))):
                spread = np.broadcast_to(given, shape) * 1.0
                yield f"every row gets {words}, also those that were not read", spread, "missing mask"
    if node.op.name == "negative_sampling":
        center, table, outside, negatives = node.values
        dummy = len(table)
        once = np.array([[k if k not in row[:i] else dummy for i, k in enumerate(row)] for row in negatives.tolist()])
        if (once == dummy).any():
            larger = np.concatenate([table, np.zeros((1, table.shape[1]))])
            answer = node.rule(position, g, values=[center, larger, outside, once])
            yield "a negative drawn several times counts once", answer if position == 0 else answer[:-1]


@in_one_rule("off by one", fix="the same index as in the forward pass")
def off_by_one_in_op(node, position, g):
    """An index, a window or a target off by one."""
    name = node.op.name
    if name in ("embedding", "take", "gather") and position == 0:
        axis = 0 if name == "embedding" else node.options["axis"]
        n = np.shape(node.values[0])[axis or 0]
        for step in (1, -1):
            yield (
                f"the gradient goes to row index {step:+d}",
                node.rule(position, g, values=[node.values[0], (np.asarray(node.values[1]) + step) % n]),
            )
    if name in ("cross_entropy", "nll") and position == 0 and np.asarray(node.values[1]).dtype.kind in "iu":
        classes = np.shape(node.values[0])[-1]
        for step in (1, -1):
            yield (
                f"the target's class is off by {step:+d}",
                node.rule(
                    position,
                    g,
                    values=[node.values[0], (np.asarray(node.values[1]) + step) % classes, *node.values[2:]],
                ),
            )
    right = node.part(position, g)
    for axis in range(right.ndim):
        if right.shape[axis] > 2:
            for step in (1, -1):
                yield f"the gradient is one place off along axis {axis}", np.roll(right, step, axis)


@in_one_rule("max routed to all", fix="g only where x is the largest: g * (x == out), shared among ties")
def routed_to_all(node, position, g):
    """Every element gets the gradient of the largest; only the largest decided."""
    if node.op.name in ("max", "min"):
        x, axis = node.values[position], node.options["axis"]
        spread = g if axis is None or node.options["keepdims"] else np.expand_dims(g, axis)
        yield f"every element gets the gradient of the {node.op.name}", np.broadcast_to(spread, x.shape) * 1.0
        best = node.out if axis is None or node.options["keepdims"] else np.expand_dims(node.out, axis)
        yield "every tied element gets the whole gradient", spread * (x == best), "ties not shared"
