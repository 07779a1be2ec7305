"""Losses: closed forms, PyTorch's semantics, extremes, refusals."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tests.numerical import assert_close
from tinygrad_nlp.errors import DTypeError, ShapeError
from tinygrad_nlp.ops import loss as loss_module


def reduced(rows, reduction, total=None):
    rows = np.asarray(rows, np.float64)
    if reduction == "none":
        return rows
    return rows.sum() if reduction == "sum" else rows.sum() / (rows.size if total is None else total)


def cross_entropy(logits, target, weight=None, ignore_index=None, label_smoothing=0.0, reduction="mean"):
    """Row by row from probabilities, as the documents define it: −Σ y log ŷ."""
    classes = logits.shape[-1]
    weight = np.ones(classes) if weight is None else weight
    soft = np.asarray(target).dtype.kind == "f"
    rows, total = np.zeros(logits.shape[:-1]), 0.0
    for i in np.ndindex(logits.shape[:-1]):
        if not soft and ignore_index is not None and target[i] == ignore_index:
            continue
        y = target[i] if soft else np.eye(classes)[target[i]]
        total += 1.0 if soft else weight[target[i]]
        y_hat = np.exp(logits[i]) / np.exp(logits[i]).sum()
        y = (1 - label_smoothing) * y + label_smoothing / classes
        rows[i] = -(weight * y * np.log(y_hat)).sum()
    return reduced(rows, reduction, total)


def nll(log_probs, target, weight=None, ignore_index=None, reduction="mean"):
    weight = np.ones(log_probs.shape[-1]) if weight is None else weight
    kept = [t != ignore_index for t in target]
    rows = [-weight[t] * row[t] if k else 0.0 for row, t, k in zip(log_probs, target, kept)]
    return reduced(rows, reduction, sum(weight[t] for t, k in zip(target, kept) if k))


def bce(logits, target, weight=None, pos_weight=None, reduction="mean"):
    p = 1 / (1 + np.exp(-logits))
    values = -(1 if pos_weight is None else pos_weight) * target * np.log(p) - (1 - target) * np.log(1 - p)
    return reduced(values * (1 if weight is None else weight), reduction)


FORWARD = {
    "bce_with_logits": bce,
    "cross_entropy": cross_entropy,
    "huber": lambda x, t, delta, reduction: reduced(
        np.where(abs(x - t) <= delta, (x - t) ** 2 / 2, delta * (abs(x - t) - delta / 2)), reduction
    ),
    "l1": lambda x, t, reduction: reduced(abs(x - t), reduction),
    "mse": lambda x, t, reduction: reduced((x - t) ** 2, reduction),
    "nll": nll,
}


def gradient(function, x, *args, **options):
    x = tg.Tensor(x, requires_grad=True)
    function(x, *args, **options).backward()
    return x.grad


def test_gradient_of_cross_entropy_is_y_hat_minus_y():
    """003 Eq 18: ∂CE/∂logits = ŷ − y, for three classes as 001 3(e)(ii) asks."""
    logits, c = np.array([0.3, -1.0, 2.0]), 1
    y_hat = np.exp(logits) / np.exp(logits).sum()
    assert_close(gradient(tg.cross_entropy, logits, np.int64(c)), y_hat - np.eye(3)[c], 1e-14)


def test_fused_rule_equals_the_chain_of_rules_where_that_is_finite():
    logits, target = np.random.default_rng(0).normal(size=(5, 4)), np.array([0, 3, 1, 1, 2])
    x = tg.Tensor(logits, requires_grad=True)
    (-tg.log(tg.softmax(x))[np.arange(5), target]).mean().backward()
    assert_close(gradient(tg.cross_entropy, logits, target), x.grad, 1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_stays_finite_where_exp_then_log_does_not(dtype):
    """003 Q1 and Q3a, 004 (a): log-sum-exp at ±1000 and 10⁴."""
    logits = np.array([[1000.0, -1000.0, 0.0], [1e4, 0.0, -1e4]], dtype)
    x = tg.Tensor(logits, requires_grad=True)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss = tg.cross_entropy(x, np.array([1, 0]))
        loss.backward()
    assert loss.item() == 1000.0
    np.testing.assert_array_equal(x.grad, np.array([[0.5, -0.5, 0], [0, 0, 0]], dtype))


def test_one_hot_targets_equal_class_indices():
    """002 §1.1: the naive-softmax loss is the cross-entropy with a one-hot target."""
    logits, target = np.random.default_rng(1).normal(size=(6, 4)), np.array([0, 1, 2, 3, 3, 0])
    assert_close(tg.cross_entropy(logits, np.eye(4)[target]), tg.cross_entropy(logits, target), 1e-14)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("kind", ["index", "probabilities", "ignored"])
def test_cross_entropy_means_what_pytorch_means(reduction, weighted, smoothing, kind):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    logits, target = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    weight = rng.uniform(0.5, 2, 4) if weighted else None
    if kind == "probabilities":
        target = rng.dirichlet(np.ones(4), 6)
    ours, theirs = {}, {}
    if kind == "ignored":
        target[[1, 4]] = -100
        ours = {"ignore_index": -100}
    x = tg.Tensor(logits, requires_grad=True)
    loss = tg.cross_entropy(x, target, weight, label_smoothing=smoothing, reduction=reduction, **ours)
    z = torch.tensor(logits, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(
        z,
        torch.tensor(target),
        weight=None if weight is None else torch.tensor(weight),
        label_smoothing=smoothing,
        reduction=reduction,
        **theirs,
    )
    assert_close(loss.data, expected.detach().numpy(), 1e-12)
    u = rng.normal(size=loss.shape)
    loss.backward(u)
    expected.backward(torch.tensor(u))
    assert_close(x.grad, z.grad.numpy(), 1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_other_losses_mean_what_pytorch_means(reduction):
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    rng = np.random.default_rng(3)
    x, t = rng.normal(size=(5, 3)) * 2, rng.uniform(0, 1, size=(5, 3))
    w, p = rng.uniform(0, 2, (5, 3)), rng.uniform(0.5, 2, 3)
    pairs = [
        (tg.mse, {}, F.mse_loss, {}),
        (tg.l1, {}, F.l1_loss, {}),
        (tg.huber, {"delta": 0.7}, F.huber_loss, {"delta": 0.7}),
        (
            tg.bce_with_logits,
            {"weight": w, "pos_weight": p},
            F.binary_cross_entropy_with_logits,
            {"weight": torch.tensor(w), "pos_weight": torch.tensor(p)},
        ),
    ]
    for ours, our_options, theirs, their_options in pairs:
        a, b = tg.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        loss = ours(a, t, reduction=reduction, **our_options)
        expected = theirs(b, torch.tensor(t), reduction=reduction, **their_options)
        assert_close(loss.data, expected.detach().numpy(), 1e-12, ours.name)
        u = rng.normal(size=loss.shape)
        loss.backward(u)
        expected.backward(torch.tensor(u))
        assert_close(a.grad, b.grad.numpy(), 1e-12, ours.name)


def test_the_blocked_kernel_equals_the_plain_forward_across_block_borders(monkeypatch):
    monkeypatch.setattr(loss_module, "BLOCK", 10)
    rng = np.random.default_rng(4)
    logits, target = rng.normal(size=(7, 4)), np.array([0, 1, -1, 3, 2, -1, 0])
    x = tg.Tensor(logits, requires_grad=True)
    loss = tg.cross_entropy(x, target, ignore_index=-1)
    loss.backward()
    assert_close(loss.data, cross_entropy(logits, target, ignore_index=-1), 1e-14)
    y_hat = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = (y_hat - np.eye(4)[np.where(target < 0, 0, target)]) * (target >= 0)[:, None] / 5
    assert_close(x.grad, expected, 1e-14)


@pytest.mark.parametrize("dtype, tolerance", [(np.float16, 4e-3), (np.float32, 1e-6), (np.float64, 1e-15)])
@pytest.mark.parametrize("offset", [0, -8, 8, 12, 40, 60, 80, 90, 400, 2000, -30, -50, -80, -110, -400, -2000])
def test_the_loss_and_its_gradient_do_not_depend_on_where_the_logits_lie(dtype, tolerance, offset):
    """The kernel leaves the maximum in where it may: half the rows here lie elsewhere, and one has all sizes."""
    rng = np.random.default_rng(6)
    base = rng.normal(size=(9, 5))
    base[8] = [0, -3, -30, 5, 1]
    target = rng.integers(0, 5, 9)
    logits = (base + offset * (np.arange(9) % 2)[:, None]).astype(dtype)
    exact = logits.astype(np.float64)  # float16 has rounded what it was given
    exact -= exact.max(1, keepdims=True)
    y_hat = np.exp(exact) / np.exp(exact).sum(1, keepdims=True)
    expected = np.mean(-np.log(y_hat[np.arange(9), target]))
    x = tg.Tensor(logits, requires_grad=True)
    with np.errstate(all="raise", under="ignore"):
        loss = tg.cross_entropy(x, target)
    loss.backward()
    np.testing.assert_allclose(float(loss.data), expected, rtol=tolerance * max(1, abs(offset) / 8))
    np.testing.assert_allclose(x.grad, (y_hat - np.eye(5)[target]) / 9, atol=tolerance)


def test_backward_twice_through_a_kernel_gives_the_same_gradient_twice():
    x = tg.Tensor(np.random.default_rng(5).normal(size=(3, 4)), requires_grad=True)
    loss = tg.cross_entropy(x, np.array([0, 1, 2]))
    loss.backward(retain_graph=True)
    first = x.grad.copy()
    x.grad *= 100  # must not reach what the kernel saved
    x.grad = None
    loss.backward()
    np.testing.assert_array_equal(x.grad, first)


def test_masked_elements_of_bce_have_no_gradient():
    g = gradient(tg.bce_with_logits, np.ones(4), np.zeros(4), np.array([1.0, 0.0, 1.0, 0.0]), reduction="sum")
    assert g[1] == g[3] == 0 and g[0] == g[2] > 0


@pytest.mark.parametrize("dtype", ["i1", "u1", "i4", "u8", ">i2"])
def test_targets_of_every_integer_dtype_name_the_same_classes(dtype):
    logits, target = np.random.default_rng(7).normal(size=(200, 130)), np.arange(200) % 127
    expected = gradient(tg.cross_entropy, logits, target)
    np.testing.assert_array_equal(gradient(tg.cross_entropy, logits, target.astype(dtype)), expected)


def test_all_rows_ignored_gives_nan_as_in_pytorch():
    assert np.isnan(tg.cross_entropy(np.zeros((2, 3)), np.array([-1, -1]), ignore_index=-1))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: tg.cross_entropy(tg.Tensor(np.zeros((2, 3))), np.array([0, 3])), "class 3 at position .1,. of target"),
        (
            lambda: tg.cross_entropy(tg.Tensor(np.zeros((2, 3))), np.array([0, -1])),
            "ignore_index=-1 to leave such rows",
        ),
        (lambda: tg.cross_entropy(tg.Tensor(np.zeros((2, 3))), np.array([0, 1, 2])), "one class index per row"),
        (lambda: tg.cross_entropy(tg.Tensor(np.zeros((2, 3))), np.zeros((2, 4))), "a loss does not broadcast"),
        (lambda: tg.cross_entropy(tg.Tensor(np.zeros((2, 3, 4))), np.zeros((2, 4), int)), "classes on the last axis"),
        (lambda: tg.cross_entropy(tg.Tensor(np.zeros((2, 3))), np.array([True, False])), "class indices .integers. or"),
        (lambda: tg.cross_entropy(tg.Tensor(np.zeros((2, 3))), np.array([0, 1]), np.ones(2)), "one weight per class"),
        (lambda: tg.cross_entropy(np.zeros((2, 3)), np.array([0, 1]), reduction="avg"), "'mean', 'sum' or 'none'"),
        (lambda: tg.mse(tg.Tensor(np.zeros(3)), np.zeros((3, 1))), "a loss does not broadcast"),
        (lambda: tg.huber(np.zeros(2), np.zeros(2), delta=0), "a positive number"),
        (lambda: tg.mse(np.zeros(2), np.zeros(2), red="sum"), "an argument 'red'"),
    ],
)
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises(tg.errors.TinygradError, match=words):
        call()


def test_a_gradient_for_the_target_is_refused_by_name():
    with pytest.raises(tg.GradientError, match="gradient with respect to 'target'"):
        tg.cross_entropy(np.zeros((2, 3)), tg.Tensor(np.full((2, 3), 1 / 3), requires_grad=True))


@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3)])
def test_a_class_masked_by_minus_infinity_leaves_the_loss_finite_recorded_or_not(shape):
    logits = np.array([[0.0, -np.inf, 1.0], [2.0, 0.0, -np.inf]]).reshape(shape)
    target = np.array([0, 1]).reshape(shape[:-1])
    expected = (np.log(1 + np.e) + np.log(1 + np.exp(2.0))) / 2
    np.testing.assert_allclose(tg.cross_entropy(logits, target), expected)
    np.testing.assert_allclose(tg.cross_entropy(tg.Tensor(logits, requires_grad=True), target).item(), expected)


@pytest.mark.parametrize("name", ["weight", "pos_weight"])
def test_bce_refuses_a_weight_that_would_make_more_losses_than_logits(name):
    x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    with pytest.raises(tg.ShapeError, match=rf"{name} \(2, 3\) float64 for logits \(3,\) float32"):
        tg.bce_with_logits(x, np.ones(3), **{name: np.ones((2, 3))})


@pytest.mark.parametrize("name", ["cross_entropy", "nll"])
def test_class_numbers_that_are_floats_are_to_be_made_integers(name):
    logits, loss = tg.Tensor(np.ones((3, 4)), requires_grad=True), getattr(tg, name)
    words = (
        rf"{name}: logits \(3, 4\) float64 and target \(3,\) float64; expected class indices as integers, "
        r"or probabilities of shape \(3, 4\)\n  write instead: target.astype\(np.int64\)"
    )
    with pytest.raises(DTypeError, match=words):
        loss(logits, np.array([0.0, 1.0, 2.0]))
    with pytest.raises(ShapeError, match=r"target of shape \(3,\)\n  write instead: target.squeeze\(-1\)"):
        loss(logits, np.array([[0], [1], [2]]))
