"""Word vectors by word2vec: each word is placed so that it predicts, or is predicted by, the words around it.

Read in this order: `sampling` (what is paired with what), `losses` (what a pair costs, as the documents write it),
`model` (the two tables of vectors), `train` (the loop), `vectors` (what one does with the result). Then the fast form
of the same: `blocks` (a step for many words at once, equal in expectation and in gradient) and `fast` (its loop).
"""

from .blocks import CbowBlocks, SkipGramBlocks, SoftmaxBlocks, SoftmaxCbowBlocks, block_loss
from .fast import FastSettings, FastTraining, train_fast
from .losses import (
    cbow_context,
    cbow_loss,
    naive_softmax_loss,
    negative_sampling_loss,
    window_loss,
)
from .model import SkipGram
from .sampling import NegativeSampler, keep_probability, pairs, reaches, subsample
from .train import Divergence, Settings, Training, train
from .vectors import Vectors
from .workers import WorkerLost

__all__ = [
    "CbowBlocks",
    "Divergence",
    "FastSettings",
    "FastTraining",
    "NegativeSampler",
    "Settings",
    "SkipGram",
    "SkipGramBlocks",
    "SoftmaxBlocks",
    "SoftmaxCbowBlocks",
    "Training",
    "Vectors",
    "WorkerLost",
    "block_loss",
    "cbow_context",
    "cbow_loss",
    "keep_probability",
    "naive_softmax_loss",
    "negative_sampling_loss",
    "pairs",
    "reaches",
    "subsample",
    "train",
    "train_fast",
    "window_loss",
]
