"""What the engine does besides computing: record or not, watch for NaN, keep every gradient.

The modes live in one ``ContextVar``: a thread or an asyncio task has its own, so `no_grad` in a data
loader does not switch gradients off in the training loop. Reading it costs 10 ns an op.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar

from .errors import user_line


class Modes:
    """An immutable set of switches; a ``with`` block installs a changed copy and puts the old one back."""

    __slots__ = ("recording", "anomaly", "journal", "scope", "watching")

    def __init__(self, recording=True, anomaly=False, journal=None, scope=None):
        self.recording = recording  # build the graph?
        self.anomaly = anomaly  # raise at the first NaN or Inf?
        self.journal = journal  # a Journal that keeps every tensor and its gradient, or None
        self.scope = scope  # the Module call being run, for pictures and messages, or None
        self.watching = anomaly or journal is not None  # one look, an op, for both

    def but(self, **changes) -> Modes:
        new = changes.get  # written out, for every call of a layer comes here
        return Modes(
            new("recording", self.recording),
            new("anomaly", self.anomaly),
            new("journal", self.journal),
            new("scope", self.scope),
        )


_modes = ContextVar("tinygrad_nlp.modes", default=Modes())  # noqa: B039 - Modes is never changed
current = _modes.get


class _Switch:
    """A mode as a context manager and as a decorator: ``with no_grad():``, ``@no_grad()`` or ``@no_grad``."""

    changes: dict = {}

    def __new__(cls, function=None):
        switch = object.__new__(cls)
        return switch if function is None else switch(function)

    def __enter__(self):
        self._tokens = [*getattr(self, "_tokens", ()), _modes.set(current().but(**self.changes))]
        return self

    def __exit__(self, *exc_info):
        _modes.reset(self._tokens.pop())

    def __call__(self, function):
        from functools import wraps
        from inspect import iscoroutinefunction, isgeneratorfunction

        mode = type(self)

        def run(*args, **kwargs):
            with mode():
                return function(*args, **kwargs)

        # Calling one of these two runs nothing of its body yet: the mode would be over before it began.
        def run_generator(*args, **kwargs):
            generator, sent = function(*args, **kwargs), None
            try:
                while True:
                    with mode():
                        try:
                            item = generator.send(sent)
                        except StopIteration as stop:
                            return stop.value
                    sent = yield item  # the loop around it has its own mode
            finally:
                generator.close()

        async def run_coroutine(*args, **kwargs):
            with mode():
                return await function(*args, **kwargs)

        kind = isgeneratorfunction(function), iscoroutinefunction(function)
        return wraps(function)(run_generator if kind[0] else run_coroutine if kind[1] else run)


class no_grad(_Switch):
    """Compute without recording: the results do not require grad and hold no graph.

    >>> from tinygrad_nlp import Tensor, no_grad
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> with no_grad():
    ...     (w * 2).requires_grad
    False
    """

    changes = {"recording": False}


class enable_grad(_Switch):
    """Record again inside a ``no_grad`` block."""

    changes = {"recording": True}


class detect_anomaly(_Switch):
    """Raise `AnomalyError` at the first op whose value, or whose gradient, holds NaN or Inf.

    The message names the op, the line of the forward pass that made it and, in the backward pass, the
    trail of ops the gradient went through. Cost: one scan of every value, so use it to search, not to train.
    """

    changes = {"anomaly": True}


def is_grad_enabled() -> bool:
    """True where ops are recorded."""
    return current().recording


@contextmanager
def record_gradients():
    """Keep the gradient of every intermediate tensor, and the graph after backward; yields a `Journal`.

    What courses do by hand (``retain_grad`` on nineteen tensors) in one line. Each is listed under the name it has
    in the code around it; print the journal for a table. Pictures of the graph show these names too.

    >>> from tinygrad_nlp import Tensor, record_gradients
    >>> x = Tensor(3.0, requires_grad=True)
    >>> with record_gradients() as journal:
    ...     y = x * x
    ...     z = y * 2
    ...     z.backward()
    >>> float(journal["y"].grad)
    2.0
    >>> print(journal)
    name  shape  value  gradient  op   line
    y     ()     9.     2.        mul  2
    z     ()     18.    1.        mul  3
    """
    from .journal import Journal

    journal = Journal()
    token = _modes.set(current().but(journal=journal))
    try:
        yield journal
    finally:
        _modes.reset(token)
        journal.close()


class Scope:
    """One call of a Module: its path from the outermost module, the user's line that started it, the call around it."""

    __slots__ = ("module", "path", "where", "outer")

    def __init__(self, module, path: str, where: str, outer: Scope | None = None):
        self.module, self.path, self.where, self.outer = module, path, where, outer


class module_scope:
    """Mark every tensor made inside as made by ``module``. A class, for it is entered at every call of every layer."""

    __slots__ = ("module", "name", "token")

    def __init__(self, module, name: str):
        self.module, self.name = module, name

    def __enter__(self):
        modes = current()
        outer = modes.scope
        path = f"{outer.path}.{self.name}" if outer else self.name
        scope = Scope(self.module, path, outer.where if outer else user_line(), outer)
        self.token = _modes.set(modes.but(scope=scope))

    def __exit__(self, *exc_info):
        _modes.reset(self.token)
