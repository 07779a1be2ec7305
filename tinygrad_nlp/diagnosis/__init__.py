"""What is wrong with a wrong gradient: a catalogue of the classic mistakes of backpropagation, each with its test.

`compare_by_hand` judges gradients worked out by hand. `gradcheck` and ``tinygrad-nlp check`` judge rules, functions
and modules, and use the same catalogue for what they say. Nothing here decides *whether* a gradient is wrong (the
engine's own gradient or a difference quotient does that); it only says what the mistake looks like. So a right rule
cannot be blamed, and a wrong one is at worst called "different".

>>> from tinygrad_nlp.diagnosis import CATALOGUE
>>> [entry.kind for entry in CATALOGUE][:2]
['ties not shared', 'forgotten broadcast sum']
"""

from . import on_arrays, on_general, on_graph, on_jacobian, on_kinks, on_paths, on_rules
from .by_hand import compare_by_hand
from .case import CATALOGUE, Case, Diagnosis, Mistake, diagnose, mistake
from .of_loss import Checked, Fault, check_loss, check_module
from .report import Report, Row

__all__ = [
    "CATALOGUE",
    "Case",
    "Checked",
    "Diagnosis",
    "Fault",
    "Mistake",
    "Report",
    "Row",
    "check_loss",
    "check_module",
    "compare_by_hand",
    "diagnose",
    "mistake",
]
