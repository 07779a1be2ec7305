"""What an option is called here, for those who know it by another name."""

from __future__ import annotations

from ..errors import OptionError, explain

CALLED = {
    "learning_rate": "lr",
    "learningrate": "lr",
    "step_size": "lr",
    "eta": "lr",
    "epsilon": "eps",
    "decay": "weight_decay",
    "l2": "weight_decay",
    "wd": "weight_decay",
    "mu": "momentum",
    "beta1": "betas",
    "beta2": "betas",
    "beta": "betas",
    "betas": "beta",
    "rho": "alpha",
    "params": "parameters",
}
"""Names of other libraries and of papers -> the name here, where the optimizer has one of that name."""


def refuse_unknown(optimizer: type, options, known=None) -> None:
    """Raise OptionError for the first of ``options`` the optimizer does not have, naming the one it is called here.

    ``known`` are the names it has, those of its constructor by default; one that takes ``**options`` judges itself.
    """
    what = f"{optimizer.__name__}: parameter group"
    if known is None:
        code = getattr(optimizer.__init__, "__code__", None)
        if code is None or code.co_flags & 0x08:  # CO_VARKEYWORDS
            return
        known, what = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount], optimizer.__name__
    for name, value in options.items():
        if name in known or name == "initial_lr":
            continue
        own = CALLED.get(name.lower())
        if own not in known:
            from difflib import get_close_matches

            own = next(iter(get_close_matches(name, list(known), n=1)), None)
        raise OptionError(
            explain(
                what,
                got=f"{name!r}",
                expected="options among " + ", ".join(known),
                write=f"{own}=…" if own in ("betas", "parameters") else f"{own}={value!r}" if own else "",
            )
        )
