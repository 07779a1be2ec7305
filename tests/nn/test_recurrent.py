"""Recurrent layers against PyTorch, with its own parameters loaded, and against themselves without padding."""

import numpy as np
import pytest

from tests.numerical import assert_close
from tinygrad_nlp import OptionError, ShapeError, Tensor, nn

RNG = np.random.default_rng(0)
LENGTHS = np.array([3, 5, 1, 5])
VARIANTS = [
    {},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "batch_first": True},
    {"num_layers": 3, "bias": False},
]


def pair(torch, kind, options):
    theirs = getattr(torch.nn, kind)(4, 3, **options).double()
    ours = getattr(nn, kind)(4, 3, **options).astype(np.float64)
    ours.load_state_dict({name: p.detach().numpy() for name, p in theirs.named_parameters()})
    return ours, theirs


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_values_and_gradients_are_torchs(kind, options, with_state):
    torch = pytest.importorskip("torch")
    ours, theirs = pair(torch, kind, options)
    packing = torch.nn.utils.rnn
    x = RNG.normal(size=(4, 5, 4) if options.get("batch_first") else (5, 4, 4))
    deep = options.get("num_layers", 1) * (1 + options.get("bidirectional", False))
    states = [RNG.normal(size=(deep, 4, 3)) for _ in range(1 + (kind == "LSTM"))] if with_state else []
    a = [Tensor(v, requires_grad=True) for v in (x, *states)]
    b = [torch.tensor(v, requires_grad=True) for v in (x, *states)]

    def state(tensors):
        return None if not with_state else tuple(tensors[1:]) if kind == "LSTM" else tensors[1]

    out, final = ours(a[0], state(a), LENGTHS)
    first = options.get("batch_first", False)
    rows = packing.pack_padded_sequence(b[0], torch.tensor(LENGTHS), batch_first=first, enforce_sorted=False)
    expected, expected_final = theirs(rows, state(b))
    expected = packing.pad_packed_sequence(expected, batch_first=first)[0]
    if kind == "GRU":
        final, expected_final = (final,), (expected_final,)
    weights = [RNG.normal(size=t.shape) for t in (out, *final)]
    for got, wanted in zip((out, *final), (expected, *expected_final)):
        assert_close(got.data, wanted.detach().numpy(), 1e-12, "forward")
    sum((t * Tensor(w)).sum() for t, w in zip((out, *final), weights)).backward()
    sum((t * torch.tensor(w)).sum() for t, w in zip((expected, *expected_final), weights)).backward()
    for got, wanted in zip(a, b):
        assert_close(got.grad, wanted.grad.numpy(), 1e-12, "gradient of an input")
    wanted = dict(theirs.named_parameters())
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, p in ours.named_parameters():
        assert_close(p.grad, wanted[name].grad.numpy(), 1e-12, name)


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_a_single_sequence_and_no_lengths(kind, options):
    torch = pytest.importorskip("torch")
    ours, theirs = pair(torch, kind, options)
    x = RNG.normal(size=(5, 4))
    (out, final), (expected, expected_final) = ours(Tensor(x)), theirs(torch.tensor(x))
    if kind == "GRU":
        final, expected_final = (final,), (expected_final,)
    for got, wanted in zip((out, *final), (expected, *expected_final)):
        assert_close(got.data, wanted.detach().numpy(), 1e-12)
    x = RNG.normal(size=(2, 6, 4))
    assert_close(ours(Tensor(x))[0].data, theirs(torch.tensor(x))[0].detach().numpy(), 1e-12)


def test_what_lies_beyond_the_end_changes_nothing():
    layer = nn.LSTM(4, 3, bidirectional=True).astype(np.float64)
    x = RNG.normal(size=(5, 4, 4))
    out, (h, _) = layer(Tensor(x), lengths=LENGTHS)
    for number, n in enumerate(LENGTHS):
        alone, (h_alone, _) = layer(Tensor(x[:n, number]))
        assert_close(out.data[:n, number], alone.data, 1e-14)
        assert_close(h.data[:, number], h_alone.data, 1e-14)
        assert not out.data[n:, number].any()


def test_dropout_between_layers_in_training_alone():
    layer = nn.LSTM(4, 3, 2, dropout=0.5, rng=np.random.default_rng(0))
    x = Tensor(RNG.normal(size=(5, 2, 4)).astype(np.float32))
    assert not np.array_equal(layer(x)[0].data, layer(x)[0].data)
    layer.eval()
    np.testing.assert_array_equal(layer(x)[0].data, layer(x)[0].data)


def test_refusals():
    layer = nn.LSTM(4, 3, bidirectional=True)
    assert repr(layer) == "LSTM(4, 3, bidirectional=True)"
    with pytest.raises(ShapeError, match=r"shape \(T, N, 4\), or \(T, 4\)"):
        layer(Tensor(np.ones((5, 2, 3))))
    with pytest.raises(ShapeError, match="2 whole numbers of at most 5"):
        layer(Tensor(np.ones((5, 2, 4), np.float32)), lengths=[5, 6])
    with pytest.raises(OptionError, match="0 <= dropout < 1"):
        nn.LSTM(4, 3, dropout=1.0)
