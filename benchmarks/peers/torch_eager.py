"""PyTorch as its tutorials write it: Modules, default optimizers, dense embedding gradients."""

from itertools import cycle

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.workloads import Data, Trainer


def tensors(batch):
    return tuple(torch.from_numpy(array) for array in batch)


def set_values(module: nn.Module, values) -> None:
    """Start from the given values; nn.Linear keeps its matrix transposed."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad:
                continue
            value = torch.from_numpy(values[NAMES.get(name, name)])
            parameter.copy_(value.T if name in TRANSPOSED else value)


def get_values(module: nn.Module):
    return {
        NAMES.get(name, name): (p.detach().T if name in TRANSPOSED else p.detach()).numpy().copy()
        for name, p in module.named_parameters()
        if p.requires_grad
    }


NAMES = {
    "table.weight": "table",
    "center.weight": "center",
    "outside.weight": "outside",
    "first.weight": "W1",
    "first.bias": "b1",
    "second.weight": "W2",
    "second.bias": "b2",
    "context.weight_ih_l0": "W_forward",
    "context.weight_hh_l0": "U_forward",
    "context.bias_ih_l0": "b_forward",
    "context.weight_ih_l0_reverse": "W_backward",
    "context.weight_hh_l0_reverse": "U_backward",
    "context.bias_ih_l0_reverse": "b_backward",
}
TRANSPOSED = {name for name in NAMES if "weight" in name and name.split(".")[0] in ("first", "second", "context")}


def optimizer_of(data: Data, parameters):
    kind = torch.optim.SGD if data.optimizer == "sgd" else torch.optim.Adam
    return kind(parameters, lr=data.lr)


def trainer(model, data, optimizer, loss_of) -> Trainer:
    batches = cycle([tensors(batch) for batch in data.batches])

    def step():
        optimizer.zero_grad()
        loss = loss_of(*next(batches))
        loss.backward()
        optimizer.step()
        return loss.item()

    return Trainer(step, lambda: get_values(model))


class Parser(nn.Module):
    def __init__(self, values, dropout):
        super().__init__()
        self.table = nn.Embedding(*values["table"].shape)
        self.first = nn.Linear(*values["W1"].shape)
        self.dropout = nn.Dropout(dropout)
        self.second = nn.Linear(*values["W2"].shape)
        set_values(self, values)

    def forward(self, features):
        x = self.table(features).view(len(features), -1)
        return self.second(self.dropout(F.relu(self.first(x))))


def parser(data: Data) -> Trainer:
    model = Parser(data.parameters, data.dropout)

    def loss_of(features, target):
        return F.cross_entropy(model(features), target)

    return trainer(model, data, optimizer_of(data, model.parameters()), loss_of)


class SkipGram(nn.Module):
    def __init__(self, values, sparse=False):
        super().__init__()
        self.center = nn.Embedding(*values["center"].shape, sparse=sparse)
        self.outside = nn.Embedding(*values["outside"].shape, sparse=sparse)
        set_values(self, values)

    def softmax_loss(self, center, outside):
        return F.cross_entropy(self.center(center) @ self.outside.weight.T, outside)

    def sampling_loss(self, center, outside, negatives):
        v = self.center(center)
        positive = (self.outside(outside) * v).sum(1)
        negative = torch.bmm(self.outside(negatives), v.unsqueeze(2)).squeeze(2)
        return -(F.logsigmoid(positive) + F.logsigmoid(-negative).sum(1)).mean()


def softmax_skipgram(data: Data) -> Trainer:
    model = SkipGram(data.parameters)
    return trainer(model, data, optimizer_of(data, model.parameters()), model.softmax_loss)


def negative_sampling(data: Data) -> Trainer | None:
    if data.optimizer == "sparse_adam":
        return None
    model = SkipGram(data.parameters)
    return trainer(model, data, optimizer_of(data, model.parameters()), model.sampling_loss)


class SigmoidNet(nn.Module):
    def __init__(self, values):
        super().__init__()
        self.first = nn.Linear(*values["W1"].shape)
        self.second = nn.Linear(*values["W2"].shape)
        set_values(self, values)

    def forward(self, x):
        return self.second(torch.sigmoid(self.first(x)))


def sigmoid_net(data: Data) -> Trainer:
    model = SigmoidNet(data.parameters)

    def loss_of(x, target):
        return F.cross_entropy(model(x), target)

    return trainer(model, data, optimizer_of(data, model.parameters()), loss_of)


class Tagger(nn.Module):
    def __init__(self, values):
        super().__init__()
        self.table = nn.Embedding(*values["table"].shape)
        width, hidden = values["table"].shape[1], values["U_forward"].shape[0]
        self.context = nn.LSTM(width, hidden, bidirectional=True)
        self.second = nn.Linear(*values["W2"].shape)
        # One bias is trained; the second would move like it.
        for bias in (self.context.bias_hh_l0, self.context.bias_hh_l0_reverse):
            nn.init.zeros_(bias)
            bias.requires_grad_(False)
        set_values(self, values)

    def forward(self, words, sizes):
        rows = nn.utils.rnn.PackedSequence(self.table(words), sizes)
        return self.second(self.context(rows)[0].data)


def tagger(data: Data) -> Trainer:
    model = Tagger(data.parameters)

    def loss_of(words, tags, sizes):
        return F.cross_entropy(model(words, sizes), tags)

    return trainer(model, data, optimizer_of(data, [p for p in model.parameters() if p.requires_grad]), loss_of)


def chain(data: Data) -> Trainer:
    x, w, b = tensors(data.parameters[name] for name in ("x", "w", "b"))
    x = x.clone().requires_grad_()

    def step():
        x.grad = None
        h = x
        for _ in range(data.length // 2):
            h = h * w
            h = h + b
        loss = h.sum()
        loss.backward()
        return loss.item()

    return Trainer(step, lambda: {"gradient": x.grad.numpy().copy()})
