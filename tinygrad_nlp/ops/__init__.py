"""The ops, one file per family; each op whole in one place: forward, rule, derivation, convention, samples."""

from .activation import *
from .arithmetic import *
from .exp_log import *
from .index import *
from .linalg import *
from .loss import *
from .negative_sampling import *
from .normalize import *
from .order import *
from .random import *
from .reduce import *
from .select import *
from .shape import *
from .trigonometry import *
