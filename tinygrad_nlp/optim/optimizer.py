"""What every optimizer shares: groups of parameters, state, and a step.

An optimizer is written as a rule for one block of elements (blocks.py): given views of the parameter ``w``, its
gradient ``g``, its state arrays and a scratch array ``q``, change ``w`` and the state in place.

The same rule serves a row-sparse gradient, where possible without making it dense.
"""

from __future__ import annotations

import numpy as np

from ..errors import CheckpointError, DTypeError, GradientError, OptionError, ShapeError, describe, explain
from ..rowsparse import RowSparse
from ..tensor import Tensor
from ..versions import note_change
from .blocks import Blocks, InTwo
from .options import refuse_unknown


class Optimizer:
    """Base of the optimizers; a subclass gives `arrays` and `rule`, and `rows_suffice` where it can.

    parameters  Parameters (``model.parameters()``), or dicts of a "params" entry and options that differ from
                the rest: ``[{"params": model.table.parameters(), "lr": 0.1}, {"params": …}]``
                A plain Tensor must require grad. A Parameter frozen by ``requires_grad_(False)`` may be among them,
                for a model hands out all it has: it stays where it is until it is thawed
    defaults    the options of groups that do not say otherwise

    ``param_groups`` is a list of dicts, as in PyTorch: assign to ``group["lr"]`` at any time. ``state`` maps each
    parameter to its dict of arrays and counts, made at its first step.
    """

    def __new__(cls, *parameters, **options):
        refuse_unknown(cls, options)  # Python's own message would not say what the option is called here
        return super().__new__(cls)

    def __init__(self, parameters, **defaults):
        self.defaults = defaults
        self.param_groups: list[dict] = []
        self.state: dict[Tensor, dict] = {}
        self._blocks = Blocks()
        if isinstance(parameters, Tensor) or callable(getattr(parameters, "parameters", None)):
            write = "model.parameters()" if not isinstance(parameters, Tensor) else "[parameter]"
            raise DTypeError(
                explain(type(self).__name__, got=type(parameters).__name__, expected="a list", write=write)
            )
        parameters = list(parameters)
        if not parameters:
            raise OptionError(
                explain(
                    type(self).__name__,
                    got="no parameters",
                    expected="at least one; a Module finds Parameters and Modules assigned to its attributes",
                    write="self.W = Parameter(…) in the Module, then model.parameters() here",
                )
            )
        for group in parameters if isinstance(parameters[0], dict) else [{"params": parameters}]:
            self.add_param_group(group)

    def add_param_group(self, group: dict) -> None:
        """Also train ``group["params"]``, with the options ``group`` names and the defaults for the others."""
        group = {**group}
        params = group.pop("params", None)
        params = [params] if isinstance(params, Tensor) else list(params or ())
        refuse_unknown(type(self), group, known=self.defaults)
        known = {id(p) for g in self.param_groups for p in g["params"]}
        for number, p in enumerate(params):
            if not isinstance(p, Tensor) or not p.is_leaf or p.dtype.kind != "f":
                raise DTypeError(
                    explain(
                        f"{type(self).__name__}: parameters",
                        got=describe(p) if not isinstance(p, Tensor) or p.is_leaf else f"the result of {p._op.name}",
                        expected="leaf tensors of floats",
                        write="model.parameters()",
                    )
                )
            # Exactly Tensor: a frozen Parameter passes, being one of those a model hands out.
            if not p.requires_grad and type(p) is Tensor:
                raise GradientError(
                    explain(
                        f"{type(self).__name__}: parameter {number} does not require grad",
                        got=describe(p),
                        expected="a tensor that backward() leaves a gradient in",
                        write="nn.Parameter(data), or Tensor(data, requires_grad=True)",
                    )
                )
            if id(p) in known:
                raise OptionError(
                    explain(
                        f"{type(self).__name__}: parameters",
                        got=f"{describe(p)} twice",
                        expected="each parameter once: it would move twice a step",
                    )
                )
            known.add(id(p))
        group = {"params": params, **self.defaults, **group}
        self.check(group)
        self.param_groups.append(group)

    # ---- what a subclass says ------------------------------------------------------------------------------------

    decoupled_decay = False
    """True where ``weight_decay`` is not added to the gradient but left to the rule (AdamW)."""

    def check(self, group: dict) -> None:
        """Raise OptionError for an option no formula can use."""
        for name in ("lr", "weight_decay", "eps", "lr_decay", "momentum", "initial_accumulator_value", "alpha"):
            if name in group and not group[name] >= 0:
                self._refuse(name, group[name], "a number >= 0")
        for name in ("beta", "betas"):
            for beta in np.atleast_1d(group.get(name, ())):
                if not 0 <= beta < 1:
                    self._refuse(name, group[name], "0 <= beta < 1: a share of the past")

    def arrays(self, group: dict) -> dict[str, float]:
        """Name and starting value of each state array of the parameter's shape."""
        return {}

    def rule(self, group: dict, state: dict, dtype):
        """The function ``(w, g, q, *state arrays)`` that makes this step on a block; ``g`` must not be changed.

        ``state["step"]`` counts from 1, ``dtype`` is the parameter's. Everything that is the same for all elements is
        computed here, once. An `InTwo` where an element's state changes only by a gradient that is not 0.
        """
        raise NotImplementedError

    def rows_suffice(self, group: dict) -> bool:
        """True where a row that got no gradient keeps its value and state, so a sparse step need not look at it."""
        return False

    # ---- the step --------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Move every parameter that has a gradient; the others stay, and so does their state, as in PyTorch.

        Raises GradientError if no parameter has one: a step that cannot do anything is a forgotten backward().
        ShapeError for a gradient that is not of its parameter's shape; then nothing has moved.
        """
        self._refuse_other_shapes()
        moved = []
        try:
            for group in self.param_groups:
                # A NumPy float64 as learning rate would lift float32 arithmetic to float64; a Python float does not.
                options = {name: v.item() if getattr(v, "ndim", 1) == 0 else v for name, v in group.items()}
                names = self.arrays(options)
                for parameter in group["params"]:
                    if parameter._grad is not None:
                        moved.append(parameter._data)
                        self._move(parameter, parameter._grad, options, names)
        finally:
            note_change(*moved)
        if not moved:
            raise GradientError(
                explain(
                    f"{type(self).__name__}.step()",
                    got="no parameter with a gradient",
                    expected="gradients left by backward()",
                    write="optimizer.zero_grad(); loss.backward(); optimizer.step()",
                )
            )

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next backward starts from nothing."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter._grad = None

    def _refuse_other_shapes(self):
        number = 0
        for group in self.param_groups:
            for parameter in group["params"]:
                g = parameter._grad
                if g is not None and getattr(g, "shape", None) != parameter._data.shape:
                    raise ShapeError(
                        explain(
                            f"{type(self).__name__}.step(): the gradient of parameter {number}",
                            got=f"{describe(g, 'grad')} for {describe(parameter, parameter.name or 'a parameter')}",
                            expected=f"the parameter's own shape, {parameter.shape}",
                            write="a rule that answers in that shape; zero_grad() after p.data was given another",
                        )
                    )
                number += 1

    def _move(self, parameter, g, group, names):
        """One parameter's step by its gradient ``g``; ``names`` are those of the state arrays, with starting values."""
        w = parameter._data
        state = self.state.get(parameter)
        if state is None:
            state = self.state[parameter] = {"step": 0}
        for name, start in names.items():
            if name not in state:  # all of them at the first step; one more if an option was switched on later
                state[name] = np.full(w.shape, start, w.dtype)
        state["step"] += 1
        rule = self.rule(group, state, w.dtype)
        arrays = [w, *[state[name] for name in names]]
        decay = 0 if self.decoupled_decay else group.get("weight_decay", 0)
        maximize = group.get("maximize", False)
        if isinstance(g, Tensor):
            g = g._data
        if isinstance(g, RowSparse) and self.rows_suffice(group):
            self._blocks.run_on_rows(rule, *g.merged(), arrays, decay=decay, maximize=maximize)
        elif isinstance(g, RowSparse) and isinstance(rule, InTwo) and not decay and len(g.rows) <= len(w):
            self._blocks.run_from_rows(rule, *g.merged(), arrays, maximize=maximize)
        else:
            g = g.dense() if isinstance(g, RowSparse) else np.asarray(g, w.dtype)
            self._blocks.run(rule, g, arrays, decay=decay, maximize=maximize)

    def _refuse(self, name, value, expected):
        raise OptionError(explain(f"{type(self).__name__}: {name}", got=repr(value), expected=expected))

    # ---- saving and loading ------------------------------------------------------------------------------------------

    def state_dict(self) -> dict:
        """State and options, the parameters named by their number in order: {"state": …, "param_groups": …}.

        The arrays are copies. With the parameters themselves this is all it takes to continue to the bit.
        """
        number = self._numbers()
        copied = {
            number[id(p)]: {name: v.copy() if isinstance(v, np.ndarray) else v for name, v in self.state[p].items()}
            for group in self.param_groups
            for p in group["params"]
            if p in self.state
        }
        groups = [{**group, "params": [number[id(p)] for p in group["params"]]} for group in self.param_groups]
        return {"state": copied, "param_groups": groups}

    def load_state_dict(self, state: dict) -> None:
        """Continue from what `state_dict` returned, for parameters of the same shapes in the same order.

        Options (the learning rate among them) are taken from ``state``. Raises CheckpointError naming what does
        not fit; then nothing was changed.
        """
        new_state, groups = self._fit(state)
        for group, options in zip(self.param_groups, groups):
            group.update(options)
        self.state = new_state

    def _fit(self, state):
        try:
            groups, entries = state["param_groups"], {int(k): v for k, v in state["state"].items()}
            sizes = [len(group["params"]) for group in groups]
        except (KeyError, TypeError, AttributeError, ValueError):
            raise self._misfit(
                f"{type(state).__name__} {describe(state)}", "what state_dict() of an optimizer returned"
            ) from None
        own = [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            raise self._misfit(f"groups of {sizes} parameters", f"groups of {own} parameters")
        unknown = sorted({name for group in groups for name in group} ^ ({*self.defaults, "params"} | {"initial_lr"}))
        unknown = [name for name in unknown if name != "initial_lr"]
        if unknown:
            raise self._misfit(f"a difference in options: {', '.join(unknown)}", f"the state of {type(self).__name__}")
        new_state = {}
        for stored, group in zip(groups, self.param_groups):
            for number, parameter in zip(stored["params"], group["params"]):
                if number in entries:
                    new_state[parameter] = self._fit_entry(entries[number], parameter, number)
        options = [{name: value for name, value in group.items() if name != "params"} for group in groups]
        for group in options:
            group.update({n: tuple(v) for n, v in group.items() if isinstance(v, list)})
            self.check(group)
        return new_state, options

    def _fit_entry(self, entry, parameter, number):
        fitted = {}
        if not isinstance(entry.get("step"), int):
            raise self._misfit(f"parameter {number} without a count of its steps", "a whole number named 'step'")
        for name, value in entry.items():
            if np.ndim(value) == 0 and not isinstance(value, np.ndarray):
                fitted[name] = value
                continue
            array = np.asarray(value)
            if array.shape != parameter.shape:
                raise self._misfit(f"{describe(array, name)} for parameter {number}", describe(parameter))
            fitted[name] = np.array(array, parameter.dtype, order="C")
        return fitted

    def _misfit(self, got, expected):
        return CheckpointError(
            explain(
                f"load_state_dict of {type(self).__name__}",
                got=got,
                expected=expected,
                write="an optimizer made as the saved one was: same class, same parameters in the same order",
            )
        )

    def _numbers(self):
        return {id(p): i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}

    def __repr__(self):
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            count = sum(p.size for p in group["params"])
            lines.append(f"  group {i}: {len(group['params'])} parameters of {count} numbers")
            lines += [f"    {name}: {value}" for name, value in group.items() if name != "params"]
        return "\n".join([*lines, ")"])
