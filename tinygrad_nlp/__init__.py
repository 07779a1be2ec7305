"""tinygrad_nlp: reverse-mode autodiff on NumPy whose every gradient can be seen."""

import builtins as _builtins
import os as _os

from . import interop as _interop
from . import methods as _methods
from . import ops
from .derivation import Convention, Derivation, smooth
from .errors import *
from .memory import keep_freed_blocks as _keep_freed_blocks
from .modes import detect_anomaly, enable_grad, is_grad_enabled, no_grad, record_gradients
from .op import Op, op, registry
from .ops import *
from .random import manual_seed
from .rowsparse import RowSparse
from .tensor import Tensor, tensor
from .transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

_keep_freed_blocks()

_CREATION = (
    *("arange", "eye", "full", "full_like", "linspace", "ones", "ones_like"),
    *("rand", "randint", "randn", "zeros", "zeros_like"),
)

_ON_DEMAND = {
    **{module: (module, None) for module in ("data", "nn", "optim", "serialize")},
    **{name: ("creation", name) for name in _CREATION},
    **{name: ("gradient_check", name) for name in ("gradcheck", "gradgradcheck")},
    "compare_by_hand": ("diagnosis", "compare_by_hand"),
}


def __getattr__(name):
    """``tinygrad_nlp.nn``, ``gradcheck`` and the like: imported when first used, so that they cost nothing before."""
    from importlib import import_module

    if name in _ON_DEMAND:
        module, attribute = _ON_DEMAND[name]
        found = import_module(f"{__name__}.{module}")
        return getattr(found, attribute) if attribute else found
    from .hints import attribute_error

    raise attribute_error(__name__, name)


def __dir__():
    return sorted({*globals(), *_ON_DEMAND})


_methods.attach()
_interop.attach()

# models/ and visualize/ lie beside this folder in a checkout and inside it once installed. In a checkout the
# package's search path gets the checkout's root, so that tinygrad_nlp.models means the same folder in both.
_here = _os.path.dirname(_os.path.abspath(__file__))
if not _os.path.exists(_os.path.join(_here, "models")):
    __path__.append(_os.path.dirname(_here))  # noqa: F405

__version__ = "0.1.0"

# NumPy's names for sum, max, abs … are Python's too: `from tinygrad_nlp import *` leaves Python's alone.
__all__ = [name for name in globals() if not name.startswith("_") and not hasattr(_builtins, name)]
__all__ += _CREATION
