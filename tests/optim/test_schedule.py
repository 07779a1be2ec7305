"""Learning-rate schedules against PyTorch, by hand, and resumed."""

import math

import numpy as np
import pytest

from tinygrad_nlp import OptionError, nn, optim
from tinygrad_nlp.errors import CheckpointError

LIKE_TORCH = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("LinearLR", {"start_factor": 0.1, "total_iters": 7}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 1e-4, "total_iters": 20}),
    ("CosineAnnealingLR", {"T_max": 9, "eta_min": 0.01}),
    ("LambdaLR", {"lr_lambda": lambda t: 1 / (1 + t)}),
    ("LambdaLR", {"lr_lambda": [lambda t: 0.9**t, lambda t: 1 / (1 + t)]}),
]


def sgd():
    first, second = nn.Parameter([1.0]), nn.Parameter([1.0])
    return optim.SGD([{"params": [first], "lr": 0.3}, {"params": [second]}], lr=0.1)


def torch_sgd(torch):
    first, second = (torch.nn.Parameter(torch.ones(1)) for _ in range(2))
    return torch.optim.SGD([{"params": [first], "lr": 0.3}, {"params": [second]}], lr=0.1)


@pytest.mark.parametrize("name, options", LIKE_TORCH)
@pytest.mark.filterwarnings("ignore")  # torch warns of scheduler steps without optimizer steps
def test_same_rates_as_torch(name, options):
    torch = pytest.importorskip("torch")
    ours, theirs = sgd(), torch_sgd(torch)
    schedule = getattr(optim, name)(ours, **options)
    reference = getattr(torch.optim.lr_scheduler, name)(theirs, **options)
    for _ in range(30):
        assert schedule.get_last_lr() == pytest.approx(reference.get_last_lr(), rel=1e-12, abs=1e-14)
        schedule.step()
        reference.step()


@pytest.mark.filterwarnings("ignore")
def test_sequence_has_torchs_rates():
    torch = pytest.importorskip("torch")
    ours, theirs, lr = sgd(), torch_sgd(torch), torch.optim.lr_scheduler
    schedule = optim.warmup_cosine(ours, 5, 25, start_factor=0.1, eta_min=0.01)
    parts = [lr.LinearLR(theirs, 0.1, 1.0, 5), lr.CosineAnnealingLR(theirs, 20, 0.01)]
    reference = lr.SequentialLR(theirs, parts, [5])
    for _ in range(25):
        assert schedule.get_last_lr() == pytest.approx(reference.get_last_lr(), rel=1e-12)
        schedule.step()
        reference.step()


def test_warmup_then_cosine_by_hand():
    optimizer = optim.SGD([nn.Parameter([1.0])], lr=2.0)
    schedule = optim.warmup_cosine(optimizer, 4, 12, start_factor=0.25)
    rates = []
    for _ in range(13):
        rates += schedule.get_last_lr()
        schedule.step()
    assert rates[:5] == pytest.approx([0.5, 0.875, 1.25, 1.625, 2.0])
    assert rates[4:] == pytest.approx([1 + math.cos(math.pi * t / 8) for t in range(9)])


def test_optimizer_uses_the_rate_in_force():
    p = nn.Parameter(np.array([0.0]))
    optimizer = optim.SGD([p], lr=1.0)
    schedule = optim.StepLR(optimizer, 1, gamma=0.5)
    for _ in range(3):
        p.grad = np.array([-1.0])
        optimizer.step()
        schedule.step()
    assert p.data[0] == 1 + 0.5 + 0.25


@pytest.mark.parametrize("name, options", LIKE_TORCH)
def test_resumed_schedule_continues_exactly(name, options):
    whole = getattr(optim, name)(sgd(), **options)
    half = getattr(optim, name)(sgd(), **options)
    for _ in range(5):
        whole.step()
        half.step()
    # The usual order of a resuming script: optimizer state first, then the schedule is made, then loaded.
    optimizer = sgd()
    optimizer.load_state_dict(half.optimizer.state_dict())
    resumed = getattr(optim, name)(optimizer, **options)
    optimizer.load_state_dict(half.optimizer.state_dict())
    resumed.load_state_dict(half.state_dict())
    for _ in range(8):
        assert resumed.get_last_lr() == whole.get_last_lr()
        whole.step()
        resumed.step()


def test_errors_by_their_words():
    with pytest.raises(OptionError, match="StepLR: step_size: 0; expected a number of steps >= 1"):
        optim.StepLR(sgd(), 0)
    with pytest.raises(OptionError, match="LambdaLR: 1 functions; expected one for each of 2 groups"):
        optim.LambdaLR(sgd(), [lambda t: 1.0])
    with pytest.raises(OptionError, match="schedules of this very optimizer and one milestone between each two"):
        optim.SequentialLR(sgd(), [optim.ExponentialLR(sgd(), 0.9)], [])
    with pytest.raises(CheckpointError, match="the state of StepLR for 2 groups; expected that of ExponentialLR"):
        optim.ExponentialLR(sgd(), 0.9).load_state_dict(optim.StepLR(sgd(), 2).state_dict())
