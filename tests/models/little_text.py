"""A text of which a few seconds of training learn the kinds of its words; what both loops are tested on."""

import subprocess
import sys

import numpy as np


def little_text(sentences=600, seed=0):
    """Sentences. Animals sleep, vehicles drive: words of one kind occur in the same places."""
    rng = np.random.default_rng(seed)
    kinds = [(["cat", "dog", "cow"], ["sleeps", "eats"]), (["car", "bus", "van"], ["drives", "stops"])]
    text = []
    for _ in range(sentences):
        nouns, verbs = kinds[rng.integers(2)]
        text.append(["the", nouns[rng.integers(3)], "there", verbs[rng.integers(2)]])
    return text


def kinds_found(vectors):
    """Whether the two words nearest to each animal and each vehicle are the other two of its kind."""
    animals, vehicles = {"cat", "dog", "cow"}, {"car", "bus", "van"}
    return all({w for w, _ in vectors.neighbors(word, 2)} == k - {word} for k in (animals, vehicles) for word in k)


def digests(training: str, seeds=("0", "1", "77")) -> set[str]:
    """What ``training``, an expression of ``text``, gives for vectors and words under different hash seeds."""
    program = f"""
import hashlib
from tinygrad_nlp.data import encode
from tinygrad_nlp.models.word2vec import FastSettings, Settings, train, train_fast
text = encode([["a", "b", "c"], ["b", "d"], ["c", "a", "d", "b"]] * 40, 2)
r = {training}
print(hashlib.sha256(r.vectors.matrix.tobytes()).hexdigest(), r.vectors.vocabulary.words)
"""
    return {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONPATH": ":".join(filter(None, sys.path)), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in seeds
    }
