"""Every layer forward and backward against PyTorch, and what each refuses."""

import numpy as np
import pytest

from tests.numerical import assert_close
from tinygrad_nlp import DTypeError, IndexRangeError, OptionError, ShapeError, Tensor, nn
from tinygrad_nlp.random import manual_seed
from tinygrad_nlp.rowsparse import RowSparse

X = np.random.default_rng(0).normal(size=(4, 3, 6)) * 2

LAYERS = [
    "Linear(6, 5)",
    "Linear(6, 5, bias=False)",
    "LayerNorm(6)",
    "LayerNorm(6, eps=0.1, bias=False)",
    "LayerNorm((3, 6))",
    "LayerNorm([3, 6], elementwise_affine=False)",
    "ReLU()",
    "LeakyReLU(0.2)",
    "ELU(1.5)",
    "GELU()",
    "GELU(approximate='tanh')",
    "SiLU()",
    "Sigmoid()",
    "Tanh()",
    "Softplus()",
    "Softplus(beta=2.0)",
    "Hardtanh()",
    "Hardtanh(-0.5, 2.0)",
    "Softmax(dim=-1)",
    "Softmax(dim=1)",
    "LogSoftmax(dim=-1)",
    "Flatten()",
    "Flatten(0, 1)",
    "Identity(3, unused=True)",
    "Dropout(0.5).eval()",
    "Sequential(nn.Linear(6, 4), nn.Tanh(), nn.LayerNorm(4))",
]


@pytest.mark.parametrize("make", LAYERS)
def test_same_values_and_gradients_as_torch(make):
    torch = pytest.importorskip("torch")
    ours = eval(f"nn.{make}", {"nn": nn}).astype(np.float64)
    theirs = eval(f"nn.{make}", {"nn": torch.nn}).double()
    rng = np.random.default_rng(1)
    for p in ours.parameters():
        p.data = rng.normal(size=p.shape)
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    x, x_torch = Tensor(X, requires_grad=True), torch.tensor(X, requires_grad=True)
    out, expected = ours(x), theirs(x_torch)
    assert_close(out.data, expected.detach().numpy(), 1e-12, "forward")
    if make.startswith("Identity"):
        assert out is x
        return
    weights = rng.normal(size=out.shape)
    (out * Tensor(weights)).sum().backward()
    (expected * torch.tensor(weights)).sum().backward()
    assert_close(x.grad, x_torch.grad.numpy(), 1e-12, "gradient of x")
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters()):
        assert_close(p.grad, q.grad.numpy(), 1e-12, f"gradient of {name}")


INTEGERS = np.array([2, 0, 1, 1])
LOSSES = [
    ("CrossEntropyLoss()", INTEGERS),
    ("CrossEntropyLoss(weight, label_smoothing=0.1)", INTEGERS),
    ("CrossEntropyLoss(ignore_index=1, reduction='sum')", INTEGERS),
    ("CrossEntropyLoss(reduction='none')", INTEGERS),
    ("NLLLoss()", INTEGERS),
    ("NLLLoss(weight, ignore_index=0)", INTEGERS),
    ("BCEWithLogitsLoss()", X[:, 1, :3] > 0),
    ("BCEWithLogitsLoss(weight, pos_weight=weight, reduction='sum')", X[:, 1, :3] > 0),
    ("MSELoss()", X[:, 1, :3]),
    ("MSELoss(reduction='none')", X[:, 1, :3]),
    ("L1Loss()", X[:, 1, :3]),
    ("HuberLoss(delta=0.7)", X[:, 1, :3]),
]


@pytest.mark.parametrize("make, target", LOSSES)
def test_same_losses_as_torch(make, target):
    torch = pytest.importorskip("torch")
    weight = np.array([0.5, 2.0, 1.5])
    target = target.astype(np.float64) if target.dtype == bool else target
    ours = eval(f"nn.{make}", {"nn": nn, "weight": weight})
    theirs = eval(f"nn.{make}", {"nn": torch.nn, "weight": torch.tensor(weight)})
    x = Tensor(X[:, 0, :3], requires_grad=True)
    x_torch = torch.tensor(X[:, 0, :3], requires_grad=True)
    loss, expected = ours(x, target), theirs(x_torch, torch.tensor(target))
    assert_close(loss.data, expected.detach().numpy(), 1e-12, "loss")
    loss.sum().backward()
    expected.sum().backward()
    assert_close(x.grad, x_torch.grad.numpy(), 1e-12, "gradient")


def test_embedding_has_torchs_rows_and_gradients_kept_sparse():
    torch = pytest.importorskip("torch")
    ours = nn.Embedding(7, 3, padding_idx=-1, dtype=np.float64)
    theirs = torch.nn.Embedding(7, 3, padding_idx=-1).double()
    assert not ours.weight.data[6].any() and ours.padding_idx == 6
    theirs.load_state_dict({"weight": torch.tensor(ours.weight.data)})
    index = np.array([[1, 6, 1], [0, 4, 6]])
    weights = np.random.default_rng(0).normal(size=(2, 3, 3))
    out, expected = ours(index), theirs(torch.tensor(index))
    assert_close(out.data, expected.detach().numpy(), 1e-14)
    (out * Tensor(weights)).sum().backward()
    (expected * torch.tensor(weights)).sum().backward()
    assert isinstance(ours.weight.grad, RowSparse) and 6 not in ours.weight.grad.rows
    assert_close(ours.weight.grad.dense(), theirs.weight.grad.numpy(), 1e-12)


def test_embedding_from_pretrained_is_frozen_unless_told():
    table = np.arange(6.0).reshape(3, 2)
    frozen = nn.Embedding.from_pretrained(table)
    assert not frozen.weight.requires_grad and frozen.weight.dtype == np.float64
    assert frozen(np.array([2])).data.tolist() == [[4.0, 5.0]]
    assert nn.Embedding.from_pretrained(Tensor(table), freeze=False).weight.requires_grad


def test_sequential_may_be_named_sliced_and_appended_to():
    net = nn.Sequential({"in": nn.Linear(2, 3), "act": nn.Tanh()})
    assert list(net.state_dict()) == ["in.weight", "in.bias"] and len(net) == 2
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh()).append(nn.Linear(3, 1))
    assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert len(net[1:]) == 2 and net[1:][1] is net[2] and isinstance(net[:1], nn.Sequential)
    assert [type(m).__name__ for m in net] == ["Linear", "Tanh", "Linear"]
    with pytest.raises(
        DTypeError, match=r"Sequential.append: .*ReLU.*; expected a Module\n.*ReLU\(…\), not the class ReLU"
    ):
        nn.Sequential(nn.Linear(2, 2), nn.ReLU)


def test_dropout_drops_in_training_only_and_repeats_with_its_seed():
    x = Tensor(np.ones((200, 50), np.float32))
    layer = nn.Dropout(0.25)
    manual_seed(3)
    first = layer(x).data
    manual_seed(3)
    assert (layer(x).data == first).all()
    assert set(np.unique(first)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs((first == 0).mean() - 0.25) < 0.02
    assert (layer.eval()(x).data == 1).all()
    own = nn.Dropout(0.25, rng=np.random.default_rng(1))
    assert (own(x).data != own(x).data).any()


def test_wrong_sizes_are_refused_by_words():
    model = nn.Sequential(nn.Linear(6, 5))
    with pytest.raises(ShapeError) as caught:
        model(Tensor(np.zeros((2, 4)), name="hidden"))
    text = str(caught.value)
    assert "0: Linear(in_features=6, out_features=5, bias=True): hidden (2, 4) float64" in text
    assert "expected shape (…, 6): the last axis is in_features" in text and "write instead: Linear(4, 5)" in text
    with pytest.raises(ShapeError, match=r"LayerNorm\(\(6,\).*x \(2, 4\) float64; expected last axes of shape \(6,\)"):
        nn.LayerNorm(6)(Tensor(np.zeros((2, 4))))
    with pytest.raises(IndexRangeError, match="padding_idx: 7; expected a row of 7, or None"):
        nn.Embedding(7, 3, padding_idx=7)
    with pytest.raises(IndexRangeError):
        nn.Embedding(7, 3)(np.array([0, 7]))
    with pytest.raises(OptionError, match="p = 1; expected a probability of dropping"):
        nn.Dropout(1)


def test_layers_in_a_list_are_to_be_unpacked():
    layers = [nn.Linear(2, 3), nn.ReLU()]
    for given in (layers, tuple(layers), nn.ModuleList(layers)):
        with pytest.raises(DTypeError, match=r"Sequential: one \w+ of 2; .*\n  write instead: Sequential\(\*layers\)"):
            nn.Sequential(given)
    with pytest.raises(DTypeError, match=r"write instead: ReLU\(…\), not the class ReLU"):
        nn.Sequential(nn.Linear(2, 3), nn.ReLU)
    with pytest.raises(DTypeError, match=r"write instead: a Module such as nn.ReLU\(\)"):
        nn.Sequential(nn.Linear(2, 3), np.tanh)


def test_sizes_are_whole_numbers():
    with pytest.raises(OptionError, match=r"Linear: in_features: 4.0; expected a whole number\n.*: in_features=4; //"):
        nn.Linear(4.0, 2)
    with pytest.raises(OptionError, match="Linear: out_features: 'two'; expected a whole number"):
        nn.Linear(4, "two")
    with pytest.raises(OptionError, match="Embedding: num_embeddings: 2.5; expected a whole number"):
        nn.Embedding(2.5, 3)
    with pytest.raises(ShapeError, match="Linear: in_features: -1; expected a number of at least 0"):
        nn.Linear(-1, 2)
    assert nn.Linear(np.int64(4), 2).in_features == 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_linear_takes_a_list_in_the_dtype_of_its_weight(dtype):
    layer = nn.Linear(2, 3, dtype=dtype)
    for given in ([[1, 2]], [[1.0, 2.0]], ((1.0, 2.0),)):
        out = layer(given)
        assert out.dtype == dtype and out.shape == (1, 3)
        np.testing.assert_allclose(out.data[0], layer.weight.data @ np.array([1.0, 2.0], dtype) + layer.bias.data)
    with pytest.raises(ShapeError, match=r"\(1, 3\) \w+; expected shape \(…, 2\)"):
        layer([[1.0, 2.0, 3.0]])
    with pytest.raises(DTypeError, match="expected numbers"):
        layer("text")


def test_the_data_of_a_loss_come_when_it_is_called():
    logits, target = Tensor(np.ones((3, 4))), np.array([0, 1, 2])
    with pytest.raises(
        OptionError,
        match=r"CrossEntropyLoss: \(3, 4\) float64, \(3,\) int64 where the loss is made; expected its options there, "
        r"and the data where it is called\n  write instead: nn.CrossEntropyLoss\(\)\(logits, target\)",
    ):
        nn.CrossEntropyLoss(logits, target)
    with pytest.raises(OptionError, match=r"write instead: nn.MSELoss\(\)\(prediction, target\)"):
        nn.MSELoss(logits, logits)
    assert nn.CrossEntropyLoss(np.ones(4))(logits, target).item() == pytest.approx(np.log(4))
