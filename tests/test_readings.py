"""Every rule runs on symbols: values without numbers, of which only shape and dtype are known.

This is the door through which formulas are printed. A rule that branches on a value, calls ``np`` or changes something
in place cannot pass it. The class below is a test's own: the least that a symbol has to be.
"""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp.broadcasting import sum_to_shape
from tinygrad_nlp.methods import METHODS, OPERATORS, REFLECTED
from tinygrad_nlp.rowsparse import RowSparse


class Symbol:
    """A value with a shape, a dtype and a text that says how it was made."""

    __array_ufunc__ = None  # array * Symbol asks Symbol
    __hash__ = None

    def __init__(self, text, shape, dtype=np.float64):
        self.text, self.shape, self.dtype = text, tuple(shape), np.dtype(dtype)

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: int(np.prod(self.shape)))

    @staticmethod
    def __apply_op__(op, args, options):
        stand_ins = [np.full(a.shape, 0.5).astype(a.dtype) if isinstance(a, Symbol) else a for a in args]
        with np.errstate(all="ignore"):
            out = op.forward(*stand_ins, **options)
        text = ", ".join(a.text if isinstance(a, Symbol) else "constant" for a in args)
        dtype = out.dtype if isinstance(out, RowSparse) else np.asarray(out).dtype
        return Symbol(f"{op.name}({text})", out.shape if hasattr(out, "shape") else (), dtype)

    def __bool__(self):
        raise AssertionError(f"a rule asked whether {self.text} is true: it cannot be printed as a formula")

    def __iter__(self):
        raise AssertionError(f"a rule iterated over the values of {self.text}")

    def __array__(self, dtype=None, copy=None):
        raise AssertionError(f"a rule called np on {self.text}")

    __float__ = __int__ = __index__ = __len__ = __bool__


for name in {*OPERATORS, *REFLECTED, *METHODS, "reshape", "transpose", "T", "mT", "__getitem__"}:
    if hasattr(tg.Tensor, name):
        setattr(Symbol, name, tg.Tensor.__dict__.get(name, getattr(tg.Tensor, name)))

CASES = [
    pytest.param(op, i, id=f"{op.name}-{i}")
    for op in tg.registry.values()
    if op.differentiable and op.__module__.startswith("tinygrad_nlp")
    for i in range(len(op.samples))
]


def is_float(a):
    return isinstance(a, np.ndarray) and a.dtype.kind == "f"


def has_rule(op, i):
    return (op.rules[0] if op.variadic else op.rules[i]) is not None


@pytest.mark.parametrize("op, number", CASES)
def test_every_rule_runs_on_symbols(op, number):
    arguments, options = op.samples[number].draw(np.random.default_rng(0))
    arguments, options = op.bind(tuple(arguments), options)
    # An argument without a rule (class weights, a mask) is a constant, and helpers may look at its values.
    symbols = [Symbol(f"x{i}", a.shape) if is_float(a) and has_rule(op, i) else a for i, a in enumerate(arguments)]
    if not any(isinstance(s, Symbol) for s in symbols):
        pytest.skip("this sample has integers alone")
    out = op(*symbols, **options)
    assert isinstance(out, Symbol)
    assert out.shape == np.shape(op.forward(*arguments, **options))
    g = Symbol("g", out.shape)
    for i, x in enumerate(symbols):
        if not isinstance(x, Symbol):
            continue
        x_bar = op.rule(i)(g, out, *symbols, **options)
        if op.broadcasts:
            x_bar = sum_to_shape(x_bar, x.shape)
        assert isinstance(x_bar, Symbol), f"{op.name}: the gradient of argument {i} is a {type(x_bar).__name__}"
        assert x_bar.shape == x.shape, f"{op.name}: the gradient of argument {i} {x.shape} has shape {x_bar.shape}"


def test_a_symbol_records_what_the_rule_says():
    x, y, g = Symbol("x", (2, 3)), Symbol("y", (3,)), Symbol("g", (2, 3))
    assert tg.mul.rule(0)(g, None, x, y).text == "mul(g, y)"
    assert sum_to_shape(tg.mul.rule(1)(g, None, x, y), y.shape).text == "sum(mul(g, x))"


def test_a_rule_that_looks_at_values_is_found_out():
    x = Symbol("x", (2,))
    for look in (lambda: bool(x > 0), lambda: np.exp(x), lambda: list(x), lambda: float(x)):
        with pytest.raises((AssertionError, TypeError)):
            look()


@pytest.mark.parametrize("op, number", CASES)
def test_numbers_and_graph_agree_to_the_last_digits(op, number):
    """The same rule on arrays and on Tensors."""
    arguments, options = op.samples[number].draw(np.random.default_rng(1))
    arguments, options = op.bind(tuple(arguments), options)
    out = op(*arguments, **options)
    g = np.random.default_rng(2).normal(size=np.shape(out))
    wrapped = [tg.Tensor(a) if is_float(a) else a for a in arguments]
    for i, a in enumerate(arguments):
        if not is_float(a) or not has_rule(op, i):
            continue
        numbers = op.rule(i)(np.asarray(g), np.asarray(out), *arguments, **options)
        graph = op.rule(i)(tg.Tensor(g), tg.Tensor(np.asarray(out)), *wrapped, **options)
        np.testing.assert_allclose(np.asarray(graph), np.asarray(numbers), rtol=1e-12, atol=1e-12)
