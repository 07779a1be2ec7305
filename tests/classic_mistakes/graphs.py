"""Functions whose graph is not what its author thinks, and values that are no longer the old ones."""

import numpy as np

import tinygrad_nlp as tg
from tests.classic_mistakes.records import TARGETS, in_function, in_op, normal
from tinygrad_nlp import Tensor
from tinygrad_nlp.op import Op

# ---- detached ----------------------------------------------------------------------------------------------------


def detached_factor(x):
    return (x * x.detach()).sum()


def detached_layer(x, W):
    h = tg.tanh(x @ W)
    return (Tensor(h.data) * x.sum()).sum() + h.sum()


def through_numpy(x):
    scale = np.exp(x.data)
    return (x * scale).sum()


def under_no_grad(x, W):
    with tg.no_grad():
        norm = (W * W).sum()
    return (x @ W).sum() * norm


def scaled_by_its_sum(x):
    return (x * float(x.data.sum())).sum()


def residual(x, W):
    return (tg.relu(x @ W) + x.detach()).sum() * 1.0


LAYER = normal((3, 2), (2, 4))
in_function("detached branch", "x · x.detach()", "mul", "detached branch", detached_factor, normal(4))
in_function("detached branch", "Tensor(h.data)", "mul", "detached branch", detached_layer, LAYER)
in_function("detached branch", "NumPy on x.data", "mul", "detached branch", through_numpy, normal(4))
in_function("detached branch", "no_grad around a term", "mul", "detached branch", under_no_grad, LAYER)
in_function("detached branch", "float(x.data.sum())", "mul", "detached branch", scaled_by_its_sum, normal(4), later=1)
in_function("detached branch", "residual", "add", "detached branch", residual, normal((3, 3), (3, 3)), later=3)

# ---- hooks -------------------------------------------------------------------------------------------------------


def hooked_layer(x, W):
    h = x @ W
    if h.requires_grad:
        h.register_hook(lambda g: g * 0.5)
    return tg.tanh(h).sum()


def hooked_twice(x):
    y = x * 3.0
    if y.requires_grad:
        y.register_hook(lambda g: -g)
    return (y * y).sum()


in_function("hook changes the gradient", "g / 2", "matmul", "hook", hooked_layer, LAYER)
in_function("hook changes the gradient", "−g", "mul", "hook", hooked_twice, normal(4))

# ---- a wrong rule inside a network -------------------------------------------------------------------------------


class planted_relu:
    """relu without its mask."""

    def forward(x):
        return np.maximum(x, 0)


class planted_product:
    """A product whose second rule has a minus."""

    def forward(x, y):
        return x @ y


RELU = Op("relu_of_mine", planted_relu.forward, (lambda g, out, x: g,), planted_relu)
PRODUCT = Op(
    "product_of_mine",
    planted_product.forward,
    (lambda g, out, x, y: g @ y.T, lambda g, out, x, y: x.T @ -g),
    planted_product,
)


def network_with_wrong_relu(x, W, V):
    return tg.cross_entropy(RELU(x @ W) @ V, TARGETS)


def network_with_wrong_product(x, W, V):
    return tg.mse(PRODUCT(tg.tanh(x @ W), V), np.ones((6, 3)))


NETWORK = normal((6, 4), (4, 5), (5, 3))
in_function(
    "wrong rule inside a network",
    "relu without mask",
    "relu_of_mine",
    "missing mask",
    network_with_wrong_relu,
    NETWORK,
)
in_function(
    "wrong rule inside a network",
    "product with a sign",
    "product_of_mine",
    "sign",
    network_with_wrong_product,
    NETWORK,
)

# ---- values that are no longer the old ones ----------------------------------------------------------------------


def changed_through_data(x):
    y = x * 1.0
    z = y * y
    y.data[...] = y.data * 2 + 1
    return z.sum()


def changed_before_sum(x, w):
    h = tg.tanh(x @ w)
    loss = (h * h).sum()
    h.data[0] = 0.0
    return loss


def exp_cleared(x):
    y = tg.exp(x * 1.0)
    s = (y * x).sum()
    y.data[:] = 0
    return s


def square_in_place(x):
    x *= 1.5
    return x * x


in_function("stale value", "h.data[...] = after use", "mul", "stale value", changed_through_data, normal(4))
in_function("stale value", "tanh layer cleared", "stale", "stale value", changed_before_sum, LAYER)
in_function("stale value", "exp cleared", "stale", "stale value", exp_cleared, normal(4), later=3)
in_op(
    "changed in place",
    "forward scales its argument",
    "stale value",
    square_in_place,
    normal(5),
    x=lambda g, o, x: g * 2 * x,
)
