"""The ops, one file per family; each op whole in one place: forward, rule, derivation, convention, samples."""

from types import ModuleType as _Module

from .activation import *
from .arithmetic import *
from .compare import *
from .copies import *
from .diagonal import *
from .einsum import *
from .embedding import *
from .exp_log import *
from .gru import *
from .index import *
from .join import *
from .linalg import *
from .loss import *
from .lstm import *
from .negative_sampling import *
from .normalize import *
from .order import *
from .random import *
from .reduce import *
from .select import *
from .shape import *
from .trigonometry import *
from .windows import *

# What `from .ops import *` gives the package: ops and their companions, not the families' files.
__all__ = [name for name, value in globals().items() if not name.startswith("_") and not isinstance(value, _Module)]
