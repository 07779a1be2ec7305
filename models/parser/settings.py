"""What a training of a parser is made of."""

from __future__ import annotations

from dataclasses import dataclass

from tinygrad_nlp import OptionError
from tinygrad_nlp.errors import explain

ORACLES = {"static": "arc-standard", "dynamic": "arc-hybrid"}
NETWORKS = ("feed-forward", "bilstm")


@dataclass(frozen=True)
class Settings:
    """What a training is made of. `Settings.bilstm` has the defaults of that network.

    network       "feed-forward" (`model`) or "bilstm" (`bilstm`), for which some of the following mean another thing
    labelled      transitions with relations and 48 features; False: the course's three transitions and 36
    tags          "upos", "xpos" or "both" (18 features more)
    dim           length of a vector; bilstm: of a word's
    hidden        units of the hidden layer; bilstm: of the LSTM over words, in each direction
    activation    "relu", "cube" or "tanh"
    dropout       share of the hidden units dropped in training; bilstm: of all that a layer reads
    input_dropout share of what the hidden layer reads dropped in training. Feed-forward only
    unknown       α: a word that occurs n times is made unknown with probability α / (n + α), anew at every sight, so
                  that rare words lend "unknown" their behaviour (Kiperwasser & Goldberg 2016, section 4)
    endings       words unknown, or made so, are known by their last letters. Feed-forward only
    distances     how far s2 is from s1 and s1 from b1 are two features more. Feed-forward only
    min_count     rarer words are unknown throughout
    lowercase     words are compared in lower case
    epochs        passes over the treebank
    batch         configurations a step; bilstm: words a step
    rate          of Adam at the start; it falls in a straight line to ``last_rate``
    beta2         of Adam: how long it remembers the size of gradients. A word seen now and then moves, whatever its
                  gradient, by 32 rates a sight at 0.999 and by 6 at 0.9, which keeps rare words from being learned by
                  heart (Dozat & Manning 2017, appendix)
    oracle        "static": arc-standard moves, and configurations on the way to the true trees. "dynamic": arc-hybrid
                  moves; from the second epoch on, configurations that the parser itself gets into, anew each epoch.
                  bilstm: arc-hybrid moves in either case
    explore       with a dynamic oracle: the share of moves that are the parser's own, the others being the oracle's
    average       decay of an exponential average of the weights, which is what is scored and kept; 0 for none
    seed          of everything random: same seed and treebank, same parser
    """

    network: str = "feed-forward"
    labelled: bool = True
    tags: str = "upos"
    dim: int = 50
    hidden: int = 200
    activation: str = "relu"
    dropout: float = 0.4
    input_dropout: float = 0.0
    unknown: float = 0.25
    endings: bool = True
    distances: bool = False
    min_count: int = 1
    lowercase: bool = True
    epochs: int = 8
    batch: int = 256
    rate: float = 1e-3
    last_rate: float = 1e-5
    beta2: float = 0.9
    oracle: str = "static"
    explore: float = 0.9
    average: float = 0.998
    seed: int = 1

    @classmethod
    def bilstm(cls, **settings) -> Settings:
        """Settings of a bilstm network, those not given being the ones it does well with."""
        return cls(**{"network": "bilstm", **BILSTM, **settings})


BILSTM = {
    "tags": "both",
    "dim": 100,
    "hidden": 200,
    "dropout": 0.4,
    "unknown": 0.5,
    "epochs": 18,
    "batch": 800,
    "rate": 2e-3,
    "beta2": 0.95,
    "oracle": "dynamic",
    "explore": 1.0,
    "average": 0.999,
}


def check(settings: Settings) -> None:
    """Raise OptionError for a setting that no training can use."""
    for name, expected in (("epochs", 1), ("batch", 1), ("dim", 1), ("hidden", 1), ("min_count", 1)):
        if getattr(settings, name) < expected:
            raise OptionError(explain(f"Settings: {name}", got=repr(getattr(settings, name)), expected="at least 1"))
    for name, fine, expected in (
        ("rate", settings.rate > 0, "above 0"),
        ("beta2", 0 <= settings.beta2 < 1, "0 to below 1"),
        ("unknown", settings.unknown >= 0, "at least 0"),
        ("network", settings.network in NETWORKS, "'feed-forward' or 'bilstm'"),
        ("oracle", settings.oracle in ORACLES, "'static' or 'dynamic'"),
        ("explore", 0 <= settings.explore <= 1, "0 to 1"),
        ("average", 0 <= settings.average < 1, "0 to below 1"),
    ):
        if not fine:
            raise OptionError(explain(f"Settings: {name}", got=repr(getattr(settings, name)), expected=expected))
