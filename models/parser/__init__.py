"""A dependency parser: a classifier reads a sentence left to right and decides, move by move, who depends on whom.

Read in this order: `treebank` (the sentences and their trees), `transitions` (the moves), `states` (the same for many
sentences at once), `hybrid` (other moves, and what each costs), `features` (what the classifier sees), `examples` (what
it learns from), `model` (the classifier), `settings`, `train` (the loop), `scorer`, `decode` (the trained parser),
`evaluate` (how well it does). `bilstm`, `bilstm_train` and `bilstm_decode` are another classifier, which has read the
whole sentence: slower, and better. `generated` is a treebank to try it on, `text` draws a tree.
"""

from .decode import Parser, minibatch_parse
from .evaluate import Scores, evaluate, universal
from .examples import examples
from .features import Vocabulary
from .generated import best_score, generate
from .hybrid import DynamicOracle, HybridConfiguration, HybridStates
from .model import ParserNetwork
from .settings import Settings
from .states import Oracle, States
from .text import tree_text
from .train import Divergence, Training, score, train
from .transitions import (
    LEFT_ARC,
    MOVES,
    RIGHT_ARC,
    SHIFT,
    Configuration,
    IllegalMove,
    NonProjective,
    crossing_arcs,
    is_projective,
    oracle_moves,
    static_oracle,
)
from .treebank import Faulty, Sentence, TreebankError, from_tagged, load_treebank, read_conllu, write_conllu

__all__ = [
    "LEFT_ARC",
    "MOVES",
    "RIGHT_ARC",
    "SHIFT",
    "Configuration",
    "Divergence",
    "DynamicOracle",
    "Faulty",
    "HybridConfiguration",
    "HybridStates",
    "IllegalMove",
    "NonProjective",
    "Oracle",
    "Parser",
    "ParserNetwork",
    "Scores",
    "Sentence",
    "Settings",
    "States",
    "Training",
    "TreebankError",
    "Vocabulary",
    "best_score",
    "crossing_arcs",
    "evaluate",
    "examples",
    "from_tagged",
    "generate",
    "is_projective",
    "load_treebank",
    "minibatch_parse",
    "oracle_moves",
    "read_conllu",
    "score",
    "static_oracle",
    "train",
    "tree_text",
    "universal",
    "write_conllu",
]
