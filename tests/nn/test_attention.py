"""Attention against PyTorch, with its own parameters loaded."""

import numpy as np
import pytest

from tests.numerical import assert_close
from tinygrad_nlp import OptionError, ShapeError, Tensor, nn

RNG = np.random.default_rng(0)


def three():
    return [RNG.normal(size=(2, 3, n, 4)) for n in (5, 6, 6)]


MAY_READ = RNG.random((3, 5, 6)) < 0.6
MAY_READ[..., 0] = True


@pytest.mark.parametrize(
    "options", [{}, {"is_causal": True}, {"attn_mask": MAY_READ}, {"attn_mask": RNG.normal(size=(5, 6))}]
)
def test_scaled_dot_products_are_torchs(options):
    torch = pytest.importorskip("torch")
    arrays = three()
    ours = [Tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    out = nn.scaled_dot_product_attention(*ours, **options)
    mask = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    expected = torch.nn.functional.scaled_dot_product_attention(*theirs, **mask)
    assert_close(out.data, expected.detach().numpy(), 1e-12)
    weights = RNG.normal(size=out.shape)
    (out * Tensor(weights)).sum().backward()
    (expected * torch.tensor(weights)).sum().backward()
    for a, b in zip(ours, theirs):
        assert_close(a.grad, b.grad.numpy(), 1e-12)


def test_a_query_that_may_read_nothing_gets_zeros_and_sends_none_back():
    arrays = [Tensor(a, requires_grad=True) for a in three()]
    mask = MAY_READ.copy()
    mask[1, 2] = False
    out = nn.scaled_dot_product_attention(*arrays, mask)
    out.sum().backward()
    assert not out.data[:, 1, 2].any() and not np.asarray(arrays[0].grad)[:, 1, 2].any()
    assert all(np.isfinite(a.grad).all() for a in arrays)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("masks", [(), ("key_padding_mask",), ("attn_mask",), ("key_padding_mask", "attn_mask")])
def test_several_heads_are_torchs(batch_first, bias, masks):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.MultiheadAttention(6, 2, bias=bias, batch_first=batch_first).double()
    ours = nn.MultiheadAttention(6, 2, bias=bias, batch_first=batch_first).astype(np.float64)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({name: p.detach().numpy() for name, p in theirs.named_parameters()})
    shapes = [(3, n, 6) if batch_first else (n, 3, 6) for n in (4, 5, 5)]
    arrays = [RNG.normal(size=shape) for shape in shapes]
    made = {"key_padding_mask": np.arange(5) >= np.array([[5], [3], [4]]), "attn_mask": ~np.tri(4, 5, 1, dtype=bool)}
    options = {name: made[name] for name in masks}
    a = [Tensor(x, requires_grad=True) for x in arrays]
    b = [torch.tensor(x, requires_grad=True) for x in arrays]
    out, weights = ours(*a, **options)
    expected, expected_weights = theirs(*b, **{k: torch.tensor(v) for k, v in options.items()})
    assert_close(out.data, expected.detach().numpy(), 1e-12)
    assert_close(weights.data, expected_weights.detach().numpy(), 1e-12)
    factors = RNG.normal(size=out.shape)
    (out * Tensor(factors)).sum().backward()
    (expected * torch.tensor(factors)).sum().backward()
    for x, y in zip(a, b):
        assert_close(x.grad, y.grad.numpy(), 1e-12)
    wanted = dict(theirs.named_parameters())
    for name, p in ours.named_parameters():
        assert_close(p.grad, wanted[name].grad.numpy(), 1e-12, name)


def test_a_single_sequence_and_added_numbers():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.MultiheadAttention(6, 3).double()
    ours = nn.MultiheadAttention(6, 3).astype(np.float64)
    ours.load_state_dict({name: p.detach().numpy() for name, p in theirs.named_parameters()})
    x, mask = RNG.normal(size=(4, 6)), RNG.normal(size=(4, 4))
    out, weights = ours(*[Tensor(x)] * 3, attn_mask=mask)
    expected, expected_weights = theirs(*[torch.tensor(x)] * 3, attn_mask=torch.tensor(mask))
    assert_close(out.data, expected.detach().numpy(), 1e-12)
    assert_close(weights.data, expected_weights.detach().numpy(), 1e-12)
    assert ours(*[Tensor(x)] * 3, need_weights=False)[1] is None


def test_refusals():
    with pytest.raises(OptionError, match="embed_dim a multiple of num_heads"):
        nn.MultiheadAttention(5, 2)
    layer = nn.MultiheadAttention(4, 2)
    with pytest.raises(ShapeError, match="a last axis of 4"):
        layer(*[Tensor(np.ones((3, 2, 5), np.float32))] * 3)
    with pytest.raises(OptionError, match="one of them"):
        nn.scaled_dot_product_attention(*map(Tensor, three()), attn_mask=MAY_READ, is_causal=True)
