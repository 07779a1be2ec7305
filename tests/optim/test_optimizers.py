"""Every optimizer against PyTorch, against the formulas of the documents by hand, and against itself resumed."""

import numpy as np
import pytest

from tests.numerical import assert_close
from tinygrad_nlp import DTypeError, GradientError, OptionError, Tensor, nn, no_grad, optim
from tinygrad_nlp.errors import CheckpointError, ShapeError, StaleValueError
from tinygrad_nlp.optim import blocks
from tinygrad_nlp.rowsparse import RowSparse

STEPS = 25
SHAPES = ((5, 4), (3,), ())

LIKE_TORCH = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "maximize": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.02}),
    ("SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.02}),
    ("Adam", {}),
    ("Adam", {"lr": 0.03, "betas": (0.7, 0.95), "eps": 1e-3}),
    ("Adam", {"lr": 0.03, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.03, "amsgrad": True}),
    ("Adam", {"lr": 0.03, "maximize": True, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.03}),
    ("AdamW", {"lr": 0.03, "weight_decay": 0.3, "amsgrad": True, "maximize": True}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.05, "initial_accumulator_value": 0.5, "eps": 1e-6}),
    ("Adagrad", {"lr": 0.1, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.02, "alpha": 0.9, "eps": 1e-4, "weight_decay": 0.05}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.9}),
    ("RMSprop", {"lr": 0.02, "centered": True}),
    ("RMSprop", {"lr": 0.02, "centered": True, "momentum": 0.5, "weight_decay": 0.1, "maximize": True}),
]
OURS = [
    ("RollingMomentum", {"lr": 0.05, "beta": 0.8}),
    ("HeavyBall", {"lr": 0.05}),
    ("Nesterov", {"lr": 0.05}),
    ("AdamAsWritten", {"lr": 0.05}),
    ("Adam", {"lr": 0.05, "sparse": True}),
]


def case_id(case):
    return case[0] + "".join(f"-{k}={v}" for k, v in case[1].items()) if isinstance(case, tuple) else None


def parameters(dtype=np.float64, shapes=SHAPES, seed=0):
    rng = np.random.default_rng(seed)
    return [nn.Parameter(np.asarray(rng.normal(size=shape), dtype)) for shape in shapes]


def gradients(step, dtype=np.float64, shapes=SHAPES):
    rng = np.random.default_rng(100 + step)
    return [np.asarray(rng.normal(size=shape), dtype) for shape in shapes]


def run(optimizer, params, steps):
    for step in steps:
        for p, g in zip(params, gradients(step, params[0].dtype, [p.shape for p in params])):
            p.grad = g
        optimizer.step()


@pytest.mark.parametrize("case", LIKE_TORCH, ids=case_id)
def test_same_path_as_torch(case):
    torch = pytest.importorskip("torch")
    name, options = case
    ours = parameters()
    theirs = [torch.nn.Parameter(torch.tensor(p.data)) for p in ours]
    optimizer, reference = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    for step in range(STEPS):
        for p, q, g in zip(ours, theirs, gradients(step)):
            if step == 3 and p.ndim == 1:
                g = None  # a parameter without gradient is skipped, its count too
            p.grad, q.grad = g, None if g is None else torch.tensor(g)
        optimizer.step()
        reference.step()
        for p, q in zip(ours, theirs):
            assert_close(p.data, q.detach().numpy(), 1e-12, f"step {step}")


def test_groups_keep_their_own_options_as_in_torch():
    torch = pytest.importorskip("torch")
    ours = parameters()
    theirs = [torch.nn.Parameter(torch.tensor(p.data)) for p in ours]

    def groups(ps):
        return [{"params": ps[:1], "lr": 0.1}, {"params": ps[1:], "momentum": 0.5}]

    optimizer, reference = optim.SGD(groups(ours), lr=0.01), torch.optim.SGD(groups(theirs), lr=0.01)
    for step in range(STEPS):
        for p, q, g in zip(ours, theirs, gradients(step)):
            p.grad, q.grad = g, torch.tensor(g)
        optimizer.param_groups[1]["lr"] = reference.param_groups[1]["lr"] = 0.01 * step
        optimizer.step()
        reference.step()
    for p, q in zip(ours, theirs):
        assert_close(p.data, q.detach().numpy(), 1e-12)


# ---- the documents' formulas, by hand --------------------------------------------------------------------


def test_rolling_momentum_is_002_section_2_1():
    (p,) = parameters(shapes=[(3,)])
    theta, m = p.data.copy(), np.zeros(3)
    optimizer = optim.RollingMomentum([p], lr=0.1, beta=0.9)
    for step in range(STEPS):
        g = gradients(step, shapes=[(3,)])[0]
        m = 0.9 * m + (1 - 0.9) * g
        theta = theta - 0.1 * m
        p.grad = g
        optimizer.step()
        assert_close(p.data, theta, 1e-14)


def test_rolling_momentum_and_heavy_ball_take_one_path_at_lr_times_1_minus_beta():
    a, b = parameters(), parameters()
    run(optim.RollingMomentum(a, lr=0.1, beta=0.9), a, range(STEPS))
    run(optim.HeavyBall(b, lr=0.1 * (1 - 0.9), momentum=0.9), b, range(STEPS))
    for p, q in zip(a, b):
        assert_close(p.data, q.data, 1e-13)


def test_heavy_ball_is_polyaks_recursion():
    (p,) = parameters(shapes=[(3,)])
    before = theta = p.data.copy()
    optimizer = optim.HeavyBall([p], lr=0.05, momentum=0.7)
    for step in range(STEPS):
        g = gradients(step, shapes=[(3,)])[0]
        before, theta = theta, theta - 0.05 * g + 0.7 * (theta - before)
        p.grad = g
        optimizer.step()
        assert_close(p.data, theta, 1e-13)


def test_constant_gradients_build_up_in_heavy_ball_and_not_in_the_rolling_average():
    def last_move(optimizer, p):
        for _ in range(400):
            before = float(p.data)
            p.grad = np.array(1.0)
            optimizer.step()
        return before - float(p.data)

    p, q = nn.Parameter(np.array(0.0)), nn.Parameter(np.array(0.0))
    assert last_move(optim.HeavyBall([p], lr=0.1, momentum=0.9), p) == pytest.approx(1.0)
    assert last_move(optim.RollingMomentum([q], lr=0.1, beta=0.9), q) == pytest.approx(0.1)


def test_adam_as_written_is_002_section_2_3():
    (p,) = parameters(shapes=[(3,)])
    theta, m, v = p.data.copy(), np.zeros(3), np.zeros(3)
    optimizer = optim.AdamAsWritten([p], lr=0.1, betas=(0.9, 0.99))
    for step in range(STEPS):
        g = gradients(step, shapes=[(3,)])[0]
        m = 0.9 * m + (1 - 0.9) * g
        v = 0.99 * v + (1 - 0.99) * (g * g)
        theta = theta - 0.1 * m / np.sqrt(v)
        p.grad = g
        optimizer.step()
        assert_close(p.data, theta, 1e-13)


def test_adam_as_written_does_not_move_where_all_gradients_were_zero():
    p = nn.Parameter(np.array([1.0, 2.0, 3.0]))
    optimizer = optim.AdamAsWritten([p], lr=0.1)
    p.grad = np.array([0.0, 2.0, 1e-200])  # the square of the last underflows to 0
    optimizer.step()
    assert p.data.tolist() == [1.0, pytest.approx(2 - 0.1 * 0.1 / 0.001**0.5), 3.0]


def test_adam_corrects_the_bias_its_first_step_is_the_learning_rate():
    p = nn.Parameter(np.array([1.0, -1.0, 5.0]))
    p.grad = np.array([1e-3, -20.0, 0.0])
    optim.Adam([p], lr=0.1, eps=0.0 + 1e-30).step()
    assert_close(p.data, [0.9, -0.9, 5.0], 1e-12)


def test_adamw_decays_without_the_gradients_scale():
    p = nn.Parameter(np.array([2.0]))
    p.grad = np.array([0.0])
    optim.AdamW([p], lr=0.1, weight_decay=0.5).step()
    assert p.data[0] == 2.0 * (1 - 0.1 * 0.5)


def test_centered_rmsprop_stays_finite_under_a_constant_gradient():
    p = nn.Parameter(np.array([0.1], np.float32))
    optimizer = optim.RMSprop([p], alpha=0.5, centered=True)
    for _ in range(300):
        p.grad = np.array([0.3], np.float32)
        optimizer.step()
    assert np.isfinite(p.data).all()


# ---- resuming --------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", LIKE_TORCH + OURS, ids=case_id)
def test_resumed_run_equals_uninterrupted_run_to_the_bit(case, dtype):
    name, options = case
    whole, first = parameters(dtype), parameters(dtype)
    run(getattr(optim, name)(whole, **options), whole, range(10))
    interrupted = getattr(optim, name)(first, **options)
    run(interrupted, first, range(5))
    second = [nn.Parameter(p.data) for p in first]
    resumed = getattr(optim, name)(second)  # the options are in the state
    resumed.load_state_dict(interrupted.state_dict())
    run(interrupted, first, range(5, 7))  # going on with the old one must not reach the new one
    run(resumed, second, range(5, 10))
    for p, q in zip(whole, second):
        assert p.dtype == q.dtype == dtype and p.data.tobytes() == q.data.tobytes()


def test_state_of_another_optimizer_is_refused_by_words():
    params = parameters()
    sgd, adam = optim.SGD(params), optim.Adam(params)
    run(sgd, params, range(1))
    with pytest.raises(CheckpointError, match=r"load_state_dict of Adam: a difference in options: .*momentum"):
        adam.load_state_dict(sgd.state_dict())
    with pytest.raises(CheckpointError, match=r"groups of \[3\] parameters; expected groups of \[1\] parameters"):
        optim.SGD(params[:1]).load_state_dict(sgd.state_dict())
    with pytest.raises(CheckpointError, match=r"gradient_sum \(5, 4\) float64 for parameter 0; expected \(2, 2\)"):
        run(adam, params, range(1))
        optim.Adam(parameters(shapes=((2, 2), (3,), ()))).load_state_dict(adam.state_dict())
    with pytest.raises(CheckpointError, match="what state_dict\\(\\) of an optimizer returned"):
        adam.load_state_dict({"weight": np.zeros(3)})


# ---- memory --------------------------------------------------------------------


@pytest.mark.parametrize("case", LIKE_TORCH + OURS, ids=case_id)
def test_block_size_does_not_change_a_bit(case, monkeypatch):
    name, options = case
    shapes = ((7, 5), (9,), ())
    whole, cut = parameters(np.float32, shapes), parameters(np.float32, shapes)
    run(getattr(optim, name)(whole, **options), whole, range(4))
    monkeypatch.setattr(blocks, "BLOCK", 8)
    run(getattr(optim, name)(cut, **options), cut, range(4))
    for p, q in zip(whole, cut):
        assert p.data.tobytes() == q.data.tobytes()


@pytest.mark.parametrize("case", LIKE_TORCH + OURS, ids=case_id)
def test_step_keeps_dtype_and_leaves_the_gradient_alone(case):
    name, options = case
    (p,) = parameters(np.float32, [(4, 3)])
    optimizer = getattr(optim, name)([p], **options)
    g = gradients(0, np.float32, [(4, 3)])[0]
    kept, memory = g.copy(), p.data
    for _ in range(2):
        p.grad = g
        optimizer.step()
    assert p.data is memory and p.dtype == np.float32
    assert all(a.dtype == np.float32 for a in optimizer.state[p].values() if np.ndim(a))
    assert (g == kept).all()


def test_numpy_learning_rate_counts_as_a_number():
    a, b = parameters(np.float32), parameters(np.float32)
    run(optim.Adam(a, lr=0.1), a, range(3))
    run(optim.Adam(b, lr=np.float64(0.1)), b, range(3))
    assert all(p.data.tobytes() == q.data.tobytes() for p, q in zip(a, b))


def test_parameter_that_is_not_contiguous_moves_too():
    straight, turned = nn.Parameter(np.ones((3, 2))), nn.Parameter(np.ones((3, 2)))
    turned._data = np.ones((2, 3)).T
    for step in range(3):
        g = gradients(step, shapes=[(3, 2)])[0]
        straight.grad, turned.grad = g, np.asfortranarray(g)
        if step == 0:
            a, b = optim.Adam([straight]), optim.Adam([turned])
        a.step()
        b.step()
    assert (straight.data == turned.data).all() and straight.data[0, 0] != 1


@pytest.mark.parametrize(
    "g", [np.ones((2, 1)), RowSparse(np.array([1]), np.ones((1, 1)), (2, 1))], ids=["dense", "rows"]
)
def test_step_between_forward_and_backward_is_noticed(g):
    w = nn.Parameter(np.array([[1.0], [2.0]]))
    loss = (w * w).sum()
    w.grad = g
    optim.SGD([w], lr=0.1).step()
    with pytest.raises(StaleValueError, match="changed in place"):
        loss.backward()


def test_gradient_that_is_a_tensor_is_used():
    w = nn.Parameter(np.array([1.0, 2.0]))
    (w * w).sum().backward(create_graph=True)
    assert isinstance(w.grad, Tensor)
    optim.SGD([w], lr=0.25).step()
    assert w.data.tolist() == [0.5, 1.0]


# ---- errors, by their words --------------------------------------------------------------------


def test_no_gradient_anywhere_is_a_forgotten_backward():
    optimizer = optim.SGD(parameters())
    with pytest.raises(GradientError, match=r"SGD.step\(\): no parameter with a gradient.*\n.*loss.backward\(\)"):
        optimizer.step()


def test_what_cannot_be_optimized_is_refused_at_once():
    model, p = nn.Linear(2, 2), nn.Parameter([1.0])
    with pytest.raises(DTypeError, match=r"SGD: Linear; expected a list\n  write instead: model.parameters\(\)"):
        optim.SGD(model)
    with pytest.raises(OptionError, match="no parameters; expected at least one"):
        optim.SGD([])
    with pytest.raises(OptionError, match=r"\(1,\) float32 twice; expected each parameter once"):
        optim.SGD([p, p])
    with pytest.raises(DTypeError, match="the result of mul; expected leaf tensors of floats"):
        optim.SGD([p * 2])
    with pytest.raises(DTypeError, match="int64; expected leaf tensors of floats"):
        optim.SGD([Tensor([1, 2])])
    with pytest.raises(OptionError, match=r"parameter group: 'beta'; expected options among lr, momentum"):
        optim.SGD([{"params": [p], "beta": 0.3}])


@pytest.mark.parametrize(
    "name, options, words",
    [
        ("SGD", {"lr": -1.0}, r"SGD: lr: -1.0; expected a number >= 0"),
        ("SGD", {"lr": float("nan")}, r"SGD: lr: nan; expected a number >= 0"),
        ("SGD", {"nesterov": True}, r"nesterov: True; expected a momentum above 0 and no dampening"),
        ("Adam", {"betas": (0.9, 1.0)}, r"Adam: betas: \(0.9, 1.0\); expected 0 <= beta < 1"),
        ("RollingMomentum", {"beta": -0.1}, r"RollingMomentum: beta: -0.1; expected 0 <= beta < 1"),
        ("Adam", {"sparse": True, "weight_decay": 0.1}, r"weight_decay: 0.1; expected 0 with sparse=True"),
    ],
)
def test_options_no_formula_can_use(name, options, words):
    with pytest.raises(OptionError, match=words):
        getattr(optim, name)(parameters(), **options)


def test_training_converges_on_least_squares():
    rng = np.random.default_rng(0)
    x, true = rng.normal(size=(60, 3)), np.array([[1.0], [-2.0], [0.5]])
    w = nn.Parameter(np.zeros((3, 1)))
    optimizer = optim.Adam([w], lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        difference = Tensor(x) @ w - x @ true
        (difference * difference).sum().backward()
        optimizer.step()
    with no_grad():
        assert_close(w.data, true, 1e-3)


def test_an_option_is_named_as_it_is_called_here():
    p = nn.Parameter([1.0])
    with pytest.raises(
        OptionError, match=r"SGD: 'learning_rate'; expected options among parameters, lr, .*\n.*: lr=0.1"
    ):
        optim.SGD([p], learning_rate=0.1)
    with pytest.raises(OptionError, match="write instead: weight_decay=0.1"):
        optim.Adam([p], wd=0.1)
    with pytest.raises(OptionError, match="write instead: betas=…"):
        optim.AdamW([p], beta1=0.9)
    with pytest.raises(OptionError, match="write instead: beta=0.5"):
        optim.RollingMomentum([p], betas=0.5)
    with pytest.raises(OptionError, match="write instead: momentum=0.5"):
        optim.SGD([p], momentun=0.5)
    with pytest.raises(OptionError, match=r"parameter group: 'learning_rate'.*\n  write instead: lr=0.1"):
        optim.SGD([{"params": [p], "learning_rate": 0.1}])
    with pytest.raises(TypeError, match="SGD: 'learning_rate'"):
        optim.SGD([p], learning_rate=0.1)


def test_a_tensor_without_gradient_is_refused_and_a_frozen_parameter_waits():
    with pytest.raises(
        GradientError, match=r"SGD: parameter 0 does not require grad: \(1,\) float32; .*\n.*nn.Parameter"
    ):
        optim.SGD([Tensor([1.0])], lr=0.1)
    with pytest.raises(GradientError, match="Adam: parameter 1 does not require grad"):
        optim.Adam([nn.Parameter([1.0]), Tensor([1.0])])
    frozen, learned = nn.Parameter([1.0]).requires_grad_(False), nn.Parameter([1.0])
    optimizer = optim.SGD([frozen, learned], lr=0.5)
    (frozen * learned).sum().backward()
    optimizer.step()
    assert frozen.item() == 1.0 and learned.item() == 0.5


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_a_gradient_of_another_shape_is_refused_before_anything_moves(name):
    """Flattened, a (2, 3) gradient would move a (3, 2) weight by the wrong numbers."""
    first, second = nn.Parameter([1.0]), nn.Parameter(np.ones((3, 2)), name="W")
    optimizer = getattr(optim, name)([first, second])
    first.grad, second._grad = np.ones(1), np.ones((2, 3))
    words = (
        rf"{name}.step\(\): the gradient of parameter 1: grad \(2, 3\) float64 for W \(3, 2\) float64; "
        r"expected the parameter's own shape, \(3, 2\)"
    )
    with pytest.raises(ShapeError, match=words):
        optimizer.step()
    assert first.item() == 1.0 and (second.data == 1).all() and not optimizer.state
    second.grad = np.ones((3, 2))
    second.data = np.ones(6)
    with pytest.raises(ShapeError, match=r"grad \(3, 2\) float64 for W \(6,\) float64.*\n.*zero_grad\(\) after"):
        optimizer.step()
