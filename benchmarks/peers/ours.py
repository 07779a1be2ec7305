"""tinygrad_nlp through its public API, as its README and models write a training step."""

from itertools import cycle

import numpy as np

from benchmarks.workloads import Data, Trainer
from tinygrad_nlp import Tensor, nn, ops, optim


def optimizer_of(data: Data, model):
    if data.optimizer == "sgd":
        return optim.SGD(model.parameters(), lr=data.lr)
    return optim.Adam(model.parameters(), lr=data.lr, sparse=data.optimizer == "sparse_adam")


def start(model: nn.Module, data: Data) -> None:
    """Start from the given values; Linear keeps its matrix transposed, as in PyTorch."""
    model.load_state_dict(
        {NAMES[name]: value.T if NAMES[name] in TRANSPOSED else value for name, value in data.parameters.items()},
        strict=False,
    )


NAMES = {
    "table": "table.weight",
    "center": "center.weight",
    "outside": "outside.weight",
    "W1": "first.weight",
    "b1": "first.bias",
    "W2": "second.weight",
    "b2": "second.bias",
    "W_forward": "context.weight_ih_l0",
    "U_forward": "context.weight_hh_l0",
    "b_forward": "context.bias_ih_l0",
    "W_backward": "context.weight_ih_l0_reverse",
    "U_backward": "context.weight_hh_l0_reverse",
    "b_backward": "context.bias_ih_l0_reverse",
}
TRANSPOSED = {
    name for name in NAMES.values() if "weight" in name and name.split(".")[0] in ("first", "second", "context")
}


def trainer(model, data: Data, loss_of, batches=None) -> Trainer:
    start(model, data)
    optimizer = optimizer_of(data, model)
    batches = cycle(batches or data.batches)

    def step():
        optimizer.zero_grad()
        loss = loss_of(*next(batches))
        loss.backward()
        optimizer.step()
        return loss.item()

    def parameters():
        state = model.state_dict()
        arrays = {name: np.array(state[NAMES[name]]) for name in data.parameters}
        return {name: a.T if NAMES[name] in TRANSPOSED else a for name, a in arrays.items()}

    return Trainer(step, parameters)


class Parser(nn.Module):
    def __init__(self, values, dropout):
        self.table = nn.Embedding(*values["table"].shape)
        self.first = nn.Linear(*values["W1"].shape)
        self.dropout = nn.Dropout(dropout)
        self.second = nn.Linear(*values["W2"].shape)

    def forward(self, features):
        x = self.table(features).reshape(len(features), -1)
        return self.second(self.dropout(self.first(x).relu()))


def parser(data: Data) -> Trainer:
    model = Parser(data.parameters, data.dropout)

    def loss_of(features, target):
        return ops.cross_entropy(model(features), target)

    return trainer(model, data, loss_of)


class SkipGram(nn.Module):
    def __init__(self, values):
        self.center = nn.Embedding(*values["center"].shape)
        self.outside = nn.Embedding(*values["outside"].shape)

    def softmax_loss(self, center, outside):
        return ops.cross_entropy(self.center(center) @ self.outside.weight.T, outside)

    def sampling_loss(self, center, outside, negatives):
        return ops.negative_sampling(self.center(center), self.outside.weight, outside, negatives)


def softmax_skipgram(data: Data) -> Trainer:
    model = SkipGram(data.parameters)
    return trainer(model, data, model.softmax_loss)


def negative_sampling(data: Data) -> Trainer:
    model = SkipGram(data.parameters)
    return trainer(model, data, model.sampling_loss)


class SigmoidNet(nn.Module):
    def __init__(self, values):
        self.first = nn.Linear(*values["W1"].shape)
        self.second = nn.Linear(*values["W2"].shape)

    def forward(self, x):
        return self.second(self.first(x).sigmoid())


def sigmoid_net(data: Data) -> Trainer:
    model = SigmoidNet(data.parameters)
    batches = [(Tensor(x, copy=False), target) for x, target in data.batches]

    def loss_of(x, target):
        return ops.cross_entropy(model(x), target)

    return trainer(model, data, loss_of, batches)


class Tagger(nn.Module):
    def __init__(self, values):
        self.table = nn.Embedding(*values["table"].shape)
        width, hidden = values["table"].shape[1], values["U_forward"].shape[0]
        self.context = nn.LSTM(width, hidden, bidirectional=True)
        self.second = nn.Linear(*values["W2"].shape)
        # One bias is trained; PyTorch's second would move like it.
        for bias in (self.context.bias_hh_l0, self.context.bias_hh_l0_reverse):
            bias.data = np.zeros(bias.shape, np.float32)
            bias.requires_grad_(False)

    def forward(self, words, sizes):
        return self.second(self.context.packed(self.table(words), sizes)[0])


def tagger(data: Data) -> Trainer:
    model = Tagger(data.parameters)
    batches = [(words, tags, tuple(sizes.tolist())) for words, tags, sizes in data.batches]

    def loss_of(words, tags, sizes):
        return ops.cross_entropy(model(words, sizes), tags)

    return trainer(model, data, loss_of, batches)


def chain(data: Data) -> Trainer:
    x = Tensor(data.parameters["x"], requires_grad=True)
    w, b = Tensor(data.parameters["w"]), Tensor(data.parameters["b"])

    def step():
        x.zero_grad()
        h = x
        for _ in range(data.length // 2):
            h = h * w
            h = h + b
        loss = h.sum()
        loss.backward()
        return loss.item()

    return Trainer(step, lambda: {"gradient": np.array(x.grad)})
