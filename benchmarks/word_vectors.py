"""Word vectors against gensim's: words per second, held-out loss, similarity and analogies.

    python -m benchmarks.word_vectors BOOKS.txt.xz --lines 20000 --rounds 3
    python -m benchmarks.word_vectors BOOKS.txt.xz --epochs 5 --rounds 1 --pairs wordsim353.tsv

Every peer trains on the same words of the same sentences (a line is one), with the same settings; the first
``--held-out`` lines are kept from all. Peers take turns, so that a busy machine is busy for all of them. Counting the
vocabulary is not timed, for anyone. One process is one thread: BLAS is held to one. Besides words per second there are
words per second of processor time, which a busy machine disturbs less.

Then, on single steps: the share of a step that is the engine's and not arithmetic, and how many times faster than on
PyTorch a pair of the naive softmax is, at 5,000 words.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402 (after the line above)
from tinygrad_nlp.models.word2vec import FastSettings, Vectors, train_fast  # noqa: E402
from tinygrad_nlp.models.word2vec.evaluate import (  # noqa: E402
    analogies,
    held_out_loss,
    read_analogies,
    read_similarities,
    similarity,
)

from tinygrad_nlp.data import lines_as_sentences, store, text_lines  # noqa: E402

from .word_vector_steps import bookkeeping, softmax_beside_pytorch  # noqa: E402


def arguments(argv=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.word_vectors", description=__doc__.split("\n")[0])
    parser.add_argument("file", metavar="FILE", help="text in UTF-8, .gz and .xz too")
    parser.add_argument("--lines", type=int, help="of the text, after those held out (default: all)")
    parser.add_argument("--held-out", type=int, default=1000, help="first lines, kept for the loss (default 1000)")
    parser.add_argument("--model", choices=["skipgram", "cbow"], default="skipgram")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each peer (default 3)")
    parser.add_argument("--seeds", type=int, default=1, help="different seeds among the rounds (default 1)")
    parser.add_argument("--pairs", metavar="FILE", help="judged pairs of words: also measure the correlation")
    parser.add_argument("--analogies", metavar="FILE", help="questions: also measure how many are answered")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--json", metavar="FILE", help="write every round there")
    return parser.parse_args(argv)


class Clock:
    """Time since it was made: by the wall, and of the processors, worker processes that have ended included."""

    def __init__(self):
        self.wall, self.processors = time.perf_counter(), sum(os.times()[:4])

    def seconds(self) -> tuple[float, float]:
        return time.perf_counter() - self.wall, sum(os.times()[:4]) - self.processors


def ours(corpus, sentences, options, seed):
    """((seconds, seconds of all processors), center, outside) of this project's fast form."""
    settings = FastSettings(model=options.model, dim=options.dim, epochs=options.epochs, seed=seed)
    clock = Clock()
    result = train_fast(corpus, settings, options.workers)
    return clock.seconds(), result.center, result.outside


def gensim_list(corpus, sentences, options, seed):
    """The same of gensim, given the sentences as lists in memory."""
    return _gensim(corpus, options, seed, corpus_iterable=[line.split() for line in open(sentences, encoding="utf-8")])


def gensim_file(corpus, sentences, options, seed):
    """The same of gensim, given the sentences as a file, which its workers read without Python."""
    return _gensim(corpus, options, seed, corpus_file=sentences)


def _gensim(corpus, options, seed, **source):
    from gensim.models import Word2Vec

    model = Word2Vec(
        sg=int(options.model == "skipgram"),
        vector_size=options.dim,
        window=5,
        min_count=5,
        negative=5,
        ns_exponent=0.75,
        sample=1e-3,
        alpha=0.025,
        min_alpha=1e-4,
        workers=options.workers,
        seed=seed,
    )
    model.build_vocab(**source)
    clock = Clock()
    model.train(
        **source, total_examples=model.corpus_count, total_words=model.corpus_total_words, epochs=options.epochs
    )
    seconds = clock.seconds()
    order = [model.wv.key_to_index[word] for word in corpus.vocabulary.words]
    return seconds, model.wv.vectors[order], model.syn1neg[order]


SPEEDS = ("words_per_second", "words_per_processor_second")
PEERS = {"ours": ours, "gensim list": gensim_list, "gensim file": gensim_file}


def main(argv=None) -> int:
    options = arguments(argv)
    with prepared(options.file, options) as (corpus, sentences, held):
        print(f"{corpus.tokens:,} words, {len(corpus.vocabulary):,} different ones kept", file=sys.stderr)
        rows = []
        for turn in range(options.rounds):
            for name in options.peers[turn % len(options.peers) :] + options.peers[: turn % len(options.peers)]:
                seed = 1 + turn % options.seeds
                (seconds, processor), center, outside = PEERS[name](corpus, sentences, options, seed)
                words = corpus.tokens * options.epochs
                row = {"peer": name, "seed": seed, "words_per_second": words / seconds}
                row["words_per_processor_second"] = words / processor
                row |= quality(corpus, held, center, outside, options)
                rows.append(row)
                print(json.dumps(row), file=sys.stderr)
        print(report(rows, options.peers))
        print(f"engine's share of a step  {bookkeeping(corpus):.1%}")
        with open(sentences, encoding="utf-8") as stream:
            few = store(map(str.split, stream), 5, 5000)
        ratio = softmax_beside_pytorch(few)
        if ratio is not None:
            size = len(few.vocabulary)
            print(f"naive softmax, {size:,} words: a pair is {ratio:.0f} times as fast as on PyTorch")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump({"options": vars(options), "load": os.getloadavg()[0], "rounds": rows}, out)
    return 0


@contextmanager
def prepared(path, options):
    """(corpus, a file of its sentences while this lasts, sentences held out) of the text at ``path``."""
    lines = lines_as_sentences(text_lines(path))
    held = list(itertools.islice(lines, options.held_out))
    with tempfile.TemporaryDirectory() as folder:
        sentences = os.path.join(folder, "sentences.txt")
        with open(sentences, "w", encoding="utf-8") as out:
            corpus = store(written(itertools.islice(lines, options.lines), out), 5)
        yield corpus, sentences, held


def written(sentences, out):
    """``sentences``, each also written to ``out`` as a line."""
    for words in sentences:
        # gensim cuts longer sentences; cut for all.
        for start in range(0, len(words), 10_000):
            out.write(" ".join(words[start : start + 10_000]) + "\n")
            yield words[start : start + 10_000]


def quality(corpus, held, center, outside, options) -> dict:
    """What the vectors are worth, by the measures asked for."""
    found = {}
    if held:
        ids = [corpus.vocabulary.ids(words) for words in held]
        sentence = np.repeat(np.arange(len(ids)), [len(x) for x in ids])
        found["held_out_loss"] = held_out_loss(
            center, outside, corpus.vocabulary.counts, np.concatenate(ids), sentence, model=options.model
        )
    vectors = Vectors(corpus.vocabulary, center)
    if options.pairs:
        judged = similarity(vectors, read_similarities(options.pairs))
        found |= {"spearman": judged.spearman, "pairs_known": judged.known}
    if options.analogies:
        answered = analogies(vectors, read_analogies(options.analogies))
        found |= {"analogies": answered.accuracy, "analogies_known": answered.known}
    return found


def report(rows, peers) -> str:
    """A line a peer: the median of its rounds, and the ratio to ours within each round."""
    lines = []
    for name in peers:
        mine = [row for row in rows if row["peer"] == name]
        parts = [f"{statistics.median(row[SPEEDS[0]] for row in mine):>12,.0f} words/s"]
        if "ours" in peers and name != "ours":
            base = [row for row in rows if row["peer"] == "ours"]
            for key, about in zip(SPEEDS, ("ours is {} times as fast", "by processor time {}")):
                ratios = [b[key] / m[key] for b, m in zip(base, mine)]
                found = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
                parts.append(about.format(found))
        for key in mine[0]:
            if key not in ("peer", "seed", *SPEEDS):
                parts.append(f"{key} {statistics.mean(row[key] for row in mine):.4g}")
        lines.append(f"{name:<12} " + "  ".join(parts))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
