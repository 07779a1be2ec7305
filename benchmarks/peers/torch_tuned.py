"""PyTorch eager with what its performance guide advises: fused optimizers, sparse embedding gradients where the
optimizer takes them, no Module around a handful of matrices, in-place activations."""

from itertools import cycle

import torch
from torch.nn import functional as F

from benchmarks.peers.torch_eager import tensors
from benchmarks.workloads import Data, Trainer


def leaves(data: Data):
    return {name: torch.from_numpy(value).clone().requires_grad_() for name, value in data.parameters.items()}


def trainer(parameters, data, optimizers, loss_of) -> Trainer:
    batches = cycle([tensors(batch) for batch in data.batches])

    def step():
        loss = loss_of(*next(batches))
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return Trainer(step, lambda: {name: p.detach().numpy().copy() for name, p in parameters.items()})


def parser(data: Data) -> Trainer:
    p = leaves(data)
    width = p["W1"].shape[0]

    def loss_of(features, target):
        # index_select's backward is an index_add, which is faster than that of an embedding.
        x = p["table"].index_select(0, features.view(-1)).view(-1, width)
        h = torch.addmm(p["b1"], x, p["W1"]).relu_()
        h = F.dropout(h, data.dropout)
        return F.cross_entropy(torch.addmm(p["b2"], h, p["W2"]), target)

    return trainer(p, data, [torch.optim.Adam(p.values(), lr=data.lr, fused=True)], loss_of)


def softmax_skipgram(data: Data) -> Trainer:
    p = leaves(data)

    def loss_of(center, outside):
        return F.cross_entropy(F.linear(F.embedding(center, p["center"], sparse=True), p["outside"]), outside)

    # The fused SGD takes no sparse gradients, the plain one does.
    optimizers = [torch.optim.SGD([p["center"]], lr=data.lr), torch.optim.SGD([p["outside"]], lr=data.lr, fused=True)]
    return trainer(p, data, optimizers, loss_of)


def negative_sampling(data: Data) -> Trainer:
    p = leaves(data)
    sparse = data.optimizer != "adam"
    sign = torch.ones(1 + data.batches[0][2].shape[1])
    sign[1:] = -1

    def loss_of(center, outside, negatives):
        v = F.embedding(center, p["center"], sparse=sparse)
        # One lookup for the true and the drawn words.
        u = F.embedding(torch.cat([outside.unsqueeze(1), negatives], 1), p["outside"], sparse=sparse)
        # A batched product of (K, D) with (D, 1) would be 1.7 times slower than this.
        scores = (u * v.unsqueeze(1)).sum(2) * sign
        return F.logsigmoid(scores).sum() / -len(center)

    optimizer = {
        "sgd": lambda: torch.optim.SGD(p.values(), lr=data.lr),
        "adam": lambda: torch.optim.Adam(p.values(), lr=data.lr, fused=True),
        "sparse_adam": lambda: torch.optim.SparseAdam(p.values(), lr=data.lr),
    }[data.optimizer]()
    return trainer(p, data, [optimizer], loss_of)


def sigmoid_net(data: Data) -> Trainer:
    p = leaves(data)

    def loss_of(x, target):
        h = torch.addmm(p["b1"], x, p["W1"]).sigmoid_()
        return F.cross_entropy(torch.addmm(p["b2"], h, p["W2"]), target)

    # For four small arrays the plain loop is the fastest of the three implementations of SGD.
    return trainer(p, data, [torch.optim.SGD(p.values(), lr=data.lr, foreach=False)], loss_of)
