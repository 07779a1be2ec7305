r"""A reader of the printed LaTeX, written for the tests alone: it computes what a person would compute from the page.

It shares no code with the package. Side by side means the product (of numbers, or of matrices), ``\odot`` the
elementwise product, a ``(…)`` after a function its argument; Σ_k runs over the rows given for its label.
"""

import re

import numpy as np

TOKEN = re.compile(r"\s*(\\[A-Za-z]+|\\.|\d+\.?\d*|[A-Za-z]|[_^{}()'+\-<>=|,/])")


class Reader:
    """names: LaTeX -> array (vectors as columns or rows, 2-d). rows: label -> {name of a row: (K, D) array}."""

    def __init__(self, text, names, rows=None):
        self.tokens, self.at, self.names, self.rows = TOKEN.findall(text), 0, dict(names), rows or {}

    def value(self):
        result = self.sum()
        assert self.at == len(self.tokens), f"read only {self.tokens[: self.at]} of {self.tokens}"
        return result

    def peek(self, *expected):
        return self.at < len(self.tokens) and self.tokens[self.at] in expected

    def take(self, expected=None):
        token = self.tokens[self.at]
        assert expected is None or token == expected, f"{token} instead of {expected} in {self.tokens}"
        self.at += 1
        return token

    def sum(self):
        sign = -1 if self.peek("-") and self.take() else 1
        total = sign * self.elementwise()
        while self.peek("+", "-"):
            total = total + self.elementwise() if self.take() == "+" else total - self.elementwise()
        return total

    def elementwise(self):
        total = self.product()
        while self.peek(r"\odot"):
            self.take()
            total = total * self.product()
        return total

    def product(self):
        total = self.factor()
        while self.at < len(self.tokens) and not self.peek("+", "-", ")", "}", r"\odot", r"\}", ">", r"\rVert", ","):
            other = self.factor()
            total = total * other if 1 in (np.size(total), np.size(other)) else total @ other
        return total

    def factor(self):
        value = self.atom()
        while self.peek("^"):
            self.take()
            value = value**2 if self.peek("2") else value.T
            assert self.take() in ("2", r"\top")
        return value

    def group(self, left="(", right=")"):
        self.take(left)
        value = self.sum()
        self.take(right)
        return value

    def atom(self):
        if self.peek("("):
            return self.group()
        token = self.take()
        if token[0].isdigit():
            return np.full((1, 1), float(token))
        if token == r"\frac":
            return self.group("{", "}") / self.group("{", "}")
        if token == r"\sigma":
            slope = self.peek("'") and self.take()
            s = 1 / (1 + np.exp(-self.group()))
            return s * (1 - s) if slope else s
        if token in (r"\tanh", r"\exp"):
            squared = self.peek("^") and (self.take(), self.take("2"))
            return {r"\tanh": np.tanh, r"\exp": np.exp}[token](self.group()) ** (2 if squared else 1)
        if token == r"\operatorname":
            name = "".join(iter(self.take, "}")).lstrip("{")
            return {"ReLU": lambda x: np.maximum(x, 0), "softmax": softmax}[name](self.group())
        if token == r"\mathbb":
            self.take("{"), self.take("1"), self.take("}")
            return self.indicator()
        if token == r"\lVert":
            return np.full((1, 1), np.linalg.norm(self.group_until(r"\rVert")))
        if token == r"\sum":
            return self.over()
        if token == r"\mathbf":
            self.take("{"), self.take("1"), self.take("}")
            square = self.peek("_") and [self.take() for _ in range(6)]  # _ { 3 \times 3 }
            return np.ones((int(square[2]), int(square[4]))) if square else self.names[r"\mathbf{1}"]
        return self.name(token)

    def group_until(self, right):
        value = self.sum()
        self.take(right)
        return value

    def indicator(self):
        self.take(r"\{")
        value = self.sum()
        self.take(">")
        assert self.take() == "0"
        self.take(r"\}")
        return (value > 0).astype(float)

    def over(self):
        self.take("_")
        label = self.take()
        start, total = self.at, 0
        count = len(next(iter(self.rows[label].values())))
        for i in range(count):
            self.at = start
            self.names.update({name: table[i][:, None] for name, table in self.rows[label].items()})
            total = total + self.product()
        return total

    def name(self, token):
        if token == r"\hat":
            token += " " + self.take()
        if self.peek("_"):
            self.take()
            below = self.take()
            token += "_" + below
        return self.names[token]


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()
