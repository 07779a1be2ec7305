"""Recurrence against the same written one sequence and one step at a time."""

import numpy as np
import pytest

import tinygrad_nlp as tg
from tinygrad_nlp.ops.packed import first_rows, previous_rows, steps


def sigma(x):
    return 1 / (1 + np.exp(-x))


def sequences(sizes):
    """The rows of each sequence of a packed batch, in order."""
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
    return [[int(starts[t]) + i for t, n in enumerate(sizes) if n > i] for i in range(sizes[0] if sizes else 0)]


def lstm_by_sequences(x, W, U, b, h0=None, c0=None, *, sizes, reverse):
    H = U.shape[1]
    out = np.zeros((2, len(x), H))
    for number, rows in enumerate(sequences(sizes)):
        h = np.zeros(H) if h0 is None else h0[number]
        c = np.zeros(H) if c0 is None else c0[number]
        for row in rows[::-1] if reverse else rows:
            i, f, g, o = np.split(W @ x[row] + U @ h + b, 4)
            c = sigma(f) * c + sigma(i) * np.tanh(g)
            h = sigma(o) * np.tanh(c)
            out[:, row] = h, c
    return out


def gru_by_sequences(x, W, U, b, d, h0=None, *, sizes, reverse):
    out = np.zeros((len(x), U.shape[1]))
    for number, rows in enumerate(sequences(sizes)):
        h = np.zeros(U.shape[1]) if h0 is None else h0[number]
        for row in rows[::-1] if reverse else rows:
            (ar, az, an), (er, ez, en) = np.split(W @ x[row] + b, 3), np.split(U @ h + d, 3)
            z = sigma(az + ez)
            h = (1 - z) * np.tanh(an + sigma(ar + er) * en) + z * h
            out[row] = h
    return out


FORWARD = {"lstm": lstm_by_sequences, "gru": gru_by_sequences}


@pytest.mark.parametrize("reverse", [False, True])
def test_rows_follow_their_sequences(reverse):
    sizes = (4, 3, 3, 1)
    total, before, first = sum(sizes), previous_rows(sizes, reverse), first_rows(sizes, reverse)
    for number, rows in enumerate(sequences(sizes)):
        rows = rows[::-1] if reverse else rows
        assert first[number] == rows[0]
        assert before[rows].tolist() == [total + number, *rows[:-1]]
    assert [s.start for s in steps(sizes, reverse)] == ([10, 7, 4, 0] if reverse else [0, 4, 7, 10])


@pytest.mark.parametrize("sizes", [(2, 3), (2, 0, 1), (3, 3)])
def test_sizes_that_are_no_batch_are_refused(sizes):
    with pytest.raises(tg.ShapeError, match="none larger than the one before, whose sum is the rows of x"):
        tg.lstm(np.ones((5, 2)), np.ones((4, 2)), np.ones((4, 1)), np.ones(4), sizes=sizes)


def test_initial_states_of_another_batch_are_refused():
    with pytest.raises(tg.ShapeError, match="2 rows, one a sequence"):
        tg.lstm(np.ones((3, 2)), np.ones((4, 2)), np.ones((4, 1)), np.ones(4), np.ones((3, 1)), sizes=(2, 1))
