"""A rule with one slip of the pen: every way of leaving out, exchanging or turning round one part of its source.

The rules are written as the textbook writes them (``return g * out * (1 - out)``), so a slip in that line is the slip
a student makes: a factor forgotten, ``x`` read for ``out``, a minus for a plus, a transpose left out.
"""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
from functools import lru_cache
from typing import NamedTuple

from ..op import registry

MASKS = {"masked", "where"}
FUNCTIONS = {"exp", "sqrt", "log", "sigmoid", "tanh", "sin", "cos", "sinh", "cosh", "softmax", "sign", "square"}
PARTNERS = {"sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh", "softmax": "exp", "sigmoid": "exp"}
HARMLESS = {"shape", "size", "ndim", "dtype"}


class Slip(NamedTuple):
    """A wrong rule: ``kind``, in words what is wrong in it, and the function."""

    kind: str
    text: str
    rule: object


@lru_cache(maxsize=512)
def slips(rule) -> tuple[Slip, ...]:
    """Every slip in ``rule``, a function whose source can be read; none for others."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(rule)))
    except (OSError, TypeError, SyntaxError):
        return ()
    function = tree.body[0]
    if not isinstance(function, ast.FunctionDef) or rule.__code__.co_freevars:
        return ()
    function.decorator_list = []
    names = [a.arg for a in function.args.args]
    found, seen = [], {ast.dump(tree)}
    for number, node in enumerate(ast.walk(function)):
        for kind, text, change in _changes(node, names):
            wrong = copy.deepcopy(tree)
            place = next(n for i, n in enumerate(ast.walk(wrong.body[0])) if i == number)
            wrong = _Replace(place, change(place)).visit(wrong)
            key = ast.dump(wrong)
            if key in seen:
                continue
            seen.add(key)
            scope = {}
            try:
                globals_ = {**registry, **rule.__globals__}
                exec(compile(ast.fix_missing_locations(wrong), "<slip>", "exec"), globals_, scope)  # noqa: S102
            except (SyntaxError, ValueError):
                continue
            found.append(Slip(kind, f"{text} in `{written(rule)}`", scope[function.name]))
    return tuple(found)


def written(rule) -> str:
    """The rule's last line without ``return``: the formula."""
    try:
        lines = [line.strip() for line in inspect.getsource(rule).strip().splitlines()]
    except (OSError, TypeError):
        return rule.__name__
    text = next((line for line in reversed(lines) if line.startswith("return ")), lines[-1])
    return text.removeprefix("return ")


class _Replace(ast.NodeTransformer):
    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        return self.new if node is self.old else self.generic_visit(node)


def _changes(node, names):
    """(kind, words, node -> what stands there instead) for one place in the source."""
    if isinstance(node, ast.BinOp):
        yield from _of_operation(node)
        read = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        if "g" not in read:
            for name in names[2:]:
                yield (
                    "wrong value",
                    f"`{name}` stands where `{ast.unparse(node)}` belongs",
                    lambda n, name=name: ast.Name(name, ast.Load()),
                )
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield "sign", f"the minus of `{ast.unparse(node)}` is missing", lambda n: n.operand
    elif isinstance(node, ast.Attribute) and node.attr in ("T", "mT"):
        yield "transposed", f"the transpose `.{node.attr}` is missing", lambda n: n.value
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        turned = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE}.get(type(node.ops[0]))
        if turned:
            yield (
                "wrong mask",
                f"`{ast.unparse(node)}` is turned round",
                lambda n, t=turned: ast.Compare(n.left, [t()], n.comparators),
            )
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names[1:]:
        yield "sign of a term", f"`-{node.id}` stands where `{node.id}` belongs", _negated
        for other in names[1:]:
            if other != node.id:
                points = {node.id, other} & {"out"}
                kind = "derivative at the wrong point" if points else "swapped arguments"
                yield (
                    kind,
                    f"`{other}` stands where `{node.id}` belongs",
                    lambda n, o=other: ast.Name(o, ast.Load()),
                )
    elif isinstance(node, ast.FunctionDef):
        # the same exchange everywhere in the rule
        for a in names[1:]:
            for b in names[1:]:
                if a != b:
                    kind = "derivative at the wrong point" if "out" in (a, b) else "swapped arguments"
                    yield kind, f"`{b}` stands where `{a}` belongs", lambda n, a=a, b=b: _renamed(n, a, b)


def _renamed(function, a, b):
    function = copy.deepcopy(function)
    for n in ast.walk(function):
        if isinstance(n, ast.Name) and n.id == a and isinstance(n.ctx, ast.Load):
            n.id = b
    return function


def _of_operation(node):
    left, right = node.left, node.right
    if isinstance(node.op, ast.Mult):
        for part, other in ((left, "right"), (right, "left")):
            kind, words = _factor(part)
            yield kind, words, lambda n, o=other: getattr(n, o)
        for part, side in ((left, "left"), (right, "right")):
            if not isinstance(part, ast.Constant):
                yield (
                    "factor twice",
                    f"the factor `{ast.unparse(part)}` stands twice",
                    lambda n, s=side: ast.BinOp(n, ast.Mult(), copy.deepcopy(getattr(n, s))),
                )
        yield "inverted", f"divided by `{ast.unparse(right)}` instead of multiplied", _with(ast.Div)
    elif isinstance(node.op, ast.MatMult):
        yield (
            "factors exchanged",
            f"`{ast.unparse(node)}` in the other order",
            lambda n: ast.BinOp(n.right, n.op, n.left),
        )
    elif isinstance(node.op, ast.Div):
        kind = "missing factor 1/N" if _is_count(right) else "missing division"
        yield kind, f"the division by `{ast.unparse(right)}` is missing", lambda n: n.left
        yield "inverted", f"multiplied by `{ast.unparse(right)}` instead of divided", _with(ast.Mult)
        yield (
            "1/N twice" if _is_count(right) else "factor twice",
            f"divided twice by `{ast.unparse(right)}`",
            lambda n: ast.BinOp(n, ast.Div(), copy.deepcopy(n.right)),
        )
        if isinstance(left, ast.Name) and left.id == "g":
            yield "upstream gradient missing", "`g` is missing", lambda n: ast.BinOp(ast.Constant(1.0), n.op, n.right)
    elif isinstance(node.op, (ast.Add, ast.Sub)):
        minus = isinstance(node.op, ast.Sub)
        yield "missing term", f"the term `{ast.unparse(right)}` is missing", lambda n: n.left
        yield (
            "missing term",
            f"the term `{ast.unparse(left)}` is missing",
            (lambda n: ast.UnaryOp(ast.USub(), n.right)) if minus else (lambda n: n.right),
        )
        yield "sign of a term", f"`{ast.unparse(left)}` with a minus", _negated_left
        words = f"`{ast.unparse(node)}` with a {'plus' if minus else 'minus'}"
        yield "sign of a term", words, _with(ast.Add if minus else ast.Sub)
    elif isinstance(node.op, ast.Pow):
        yield "wrong power", f"the power of `{ast.unparse(node)}` is missing", lambda n: n.left


def _negated(n):
    return ast.UnaryOp(ast.USub(), ast.Name(n.id, ast.Load()))


def _negated_left(n):
    return ast.BinOp(ast.UnaryOp(ast.USub(), n.left), n.op, n.right)


def _with(operator):
    return lambda n: ast.BinOp(n.left, operator(), n.right)


def _factor(part):
    """(kind, words) for a factor that was left out."""
    text = ast.unparse(part)
    if isinstance(part, ast.Name) and part.id == "g":
        return "upstream gradient missing", "the factor `g`, the gradient that arrives, is missing"
    if isinstance(part, ast.Constant):
        return f"missing factor {part.value}", f"the factor {part.value} is missing"
    if _is_count(part):
        return "missing factor 1/N", f"the factor `{text}` is missing"
    if text.startswith("scale("):
        return "γ missing", f"the scale `{text}` is missing"
    if isinstance(part, ast.Compare) or text == "keep":
        return "missing mask", f"the mask `{text}` is missing"
    return "missing factor", f"the factor `{text}` is missing"


def _is_count(part):
    return isinstance(part, ast.Call) and getattr(part.func, "id", "") in ("share", "count")


def _of_call(node):
    name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
    inner = node.func.value if isinstance(node.func, ast.Attribute) else node.args[0] if node.args else None
    if inner is None:
        return
    if name in MASKS and node.args:
        which = 0 if name == "masked" else 1
        yield "missing mask", f"the mask of `{ast.unparse(node)}` is missing", lambda n: n.args[which]
    elif name in FUNCTIONS:
        yield "missing function", f"`{name}` of `{ast.unparse(node)}` is missing", lambda n: n.args[0]
        if name in PARTNERS:
            other = PARTNERS[name]
            yield (
                "wrong function",
                f"`{other}` stands where `{name}` belongs",
                lambda n: ast.Call(ast.Name(other, ast.Load()), n.args[:1], []),
            )
    elif name in ("sum", "mean") and isinstance(node.func, ast.Attribute):
        other = "mean" if name == "sum" else "sum"
        yield "missing sum", f"the {name} of `{ast.unparse(node)}` is missing", lambda n: n.func.value
        yield (
            "1/N twice" if other == "mean" else "missing factor 1/N",
            f"a {other} stands where the {name} `{ast.unparse(node)}` belongs",
            lambda n: ast.Call(ast.Attribute(n.func.value, other, ast.Load()), n.args, n.keywords),
        )
    elif name in ("swapaxes", "transpose") and isinstance(node.func, ast.Attribute):
        yield "transposed", f"the `.{name}` is missing", lambda n: n.func.value
