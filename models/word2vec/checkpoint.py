"""An interrupted training on disk: what it takes to go on as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

from tinygrad_nlp import CheckpointError, serialize

from .workers import Board

KEEP_EVERY = 600.0
"""Seconds between checkpoints of a training that goes on."""

_KIND = "word vectors in training"


def keep(path, corpus, watch) -> None:
    """Write the training that ``watch`` watches to ``path``, replacing what is there when all is written.

    Of several workers each may be in the middle of a piece; that piece counts as done.
    """
    result, board = watch.result, watch.board
    serialize.save(
        path,
        model={"center": result.center, "outside": result.outside},
        metadata={
            "kind": _KIND,
            "settings": vars(result.settings),
            "corpus": described(corpus),
            "next": int(board.flags[Board.NEXT]),
            "board": board.rows.sum(axis=0),
            "seen": watch.seen,
            "curve": [list(point) for point in result.curve],
            "seconds": result.seconds,
        },
    )


def restore(path, corpus, watch) -> None:
    """Put a training of the same settings on the same corpus back where it was when `keep` wrote ``path``.

    Raises CheckpointError, naming what differs, if it is another's.
    """
    result, board = watch.result, watch.board
    if not Path(path).exists():
        raise CheckpointError(f"{path}: no interrupted training to resume; start it without --resume")
    checkpoint = serialize.load(path)
    about = checkpoint.metadata
    if not isinstance(about, dict) or about.get("kind") != _KIND:
        raise CheckpointError(f"{path}: no interrupted training of word vectors")
    for name, now in (*vars(result.settings).items(), *described(corpus).items()):
        then = about["settings"].get(name, about["corpus"].get(name))
        if then != now:
            raise CheckpointError(
                f"{path}: the training was begun with {name.replace('_', ' ')} {then}, and is to go on with {now}; "
                "give what it was begun with, or start anew without --resume"
            )
    result.center[:], result.outside[:] = checkpoint.model["center"], checkpoint.model["outside"]
    result.curve, result.seconds = [tuple(point) for point in about["curve"]], about["seconds"]
    watch.seen = about["seen"]
    board.flags[Board.NEXT] = about["next"]
    board.rows[0] = about["board"]


def described(corpus) -> dict:
    """What a corpus is known by."""
    return {"words_of_text": corpus.tokens, "vocabulary": len(corpus.vocabulary), "text_checksum": corpus.checksum}
