"""SGD and Adam in ordinary NumPy, as users of HIPS autograd and MyGrad, which bring no optimizers, write them."""

import numpy as np


class SGD:
    def __init__(self, lr):
        self.lr = lr

    def update(self, parameters, gradients):
        for p, g in zip(parameters, gradients):
            p -= self.lr * g


class Adam:
    def __init__(self, lr, b1=0.9, b2=0.999, eps=1e-8):
        self.lr, self.b1, self.b2, self.eps = lr, b1, b2, eps
        self.steps, self.m, self.v = 0, None, None

    def update(self, parameters, gradients):
        if self.m is None:
            self.m = [np.zeros_like(p) for p in parameters]
            self.v = [np.zeros_like(p) for p in parameters]
        self.steps += 1
        c1, c2 = 1 - self.b1**self.steps, 1 - self.b2**self.steps
        for p, g, m, v in zip(parameters, gradients, self.m, self.v):
            m *= self.b1
            m += (1 - self.b1) * g
            v *= self.b2
            v += (1 - self.b2) * g**2
            p -= self.lr * (m / c1) / (np.sqrt(v / c2) + self.eps)


def optimizer_of(data):
    return SGD(data.lr) if data.optimizer == "sgd" else Adam(data.lr)
