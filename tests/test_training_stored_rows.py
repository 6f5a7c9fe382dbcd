"""Rows on disk, chunk by chunk: each once an epoch, in whole batches, mixed from everywhere, the next read ahead."""

import threading

import numpy as np
import pytest

from xpnet import backends
from xpnet._support.typing import Batch
from xpnet.backends.numpy import NumpyBackend
from xpnet.equations.losses import LOSSES
from xpnet.training.stored_rows import RUNS, Source, StoredRows, cut


def numbered(n, **arguments):
    """Rows in the host's memory, as if they were on disk, whose only input is their number."""
    x = np.arange(n, dtype=float)[:, None]
    source = Source(x, x, None, Batch)
    return StoredRows(backends.resolve("numpy"), source, **arguments)


def epoch_of(rows, order, batch_size=8, steps=3):
    """The numbers of the rows that each step of an epoch is made of."""
    found = []
    for data, batches, _ in rows.pieces(order, batch_size, steps):
        found += [data.x[batch, 0].astype(int).tolist() for batch in batches]
    return found


STATE = np.random.default_rng(0).bit_generator.state


@pytest.mark.parametrize("n", [7, 23, 90, 100, 2000])
@pytest.mark.parametrize("fraction", [0.0, 0.003, 0.005, 0.1, 0.2, 1 / 3, 0.9, 0.999])
def test_runs_hold_every_row_once(n, fraction):
    """Runs to train on are as long as asked for, except the last; the held-out ones are the fraction that is due."""
    train, back = cut(n, 8, fraction)
    rows = [row for start, stop in (*train, *back) for row in range(start, stop)]
    assert sorted(rows) == list(range(n))
    assert all(stop - start == 8 for start, stop in train[:-1])
    assert abs(np.sum(back[:, 1] - back[:, 0]) - n * fraction) <= 0.5


def test_held_out_rows_are_read_in_chunks_too():
    """However many there are behind a run, no part of them is larger than a chunk."""
    rows = numbered(2000, batch_size=4, size=64)
    train, held = rows.split(0.99, seed=0)
    assert (len(train), len(held)) == (20, 1980)
    parts = [len(part.x) for part in held.parts(lambda n: slice(0, n))]
    assert sum(parts) == 1980
    assert max(parts) <= 64


def test_the_same_arrays_are_taken_over_epoch_by_epoch(monkeypatch):
    """What is captured on the first chunk of a training is run on all others."""
    asked = []

    def take_over(self, held, arrays):
        asked.append(held)
        return arrays if held is None else held

    monkeypatch.setattr(NumpyBackend, "take_over", take_over)
    rows = numbered(320, batch_size=8, size=160)
    for _ in range(2):
        first, *others = [piece.data for piece in rows.pieces(rows.ordered(STATE, True, None), 8, 100)]
        assert all(other is first for other in others)
    assert [held is None for held in asked] == [True, False, False, False]
    assert len({id(held) for held in asked[1:]}) == 1


@pytest.mark.parametrize("n", [3, 8, 64, 500, 515])
@pytest.mark.parametrize("size", [1, 50, 10**6])
@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epoch_has_every_row_once(n, size, shuffle):
    """In whole batches, but for one; without shuffling in their own order."""
    rows = numbered(n, batch_size=8, size=size)
    found = epoch_of(rows, rows.ordered(STATE, shuffle, None))
    numbers = [number for batch in found for number in batch]
    assert sorted(numbers) == list(range(n))
    assert (numbers == sorted(numbers)) is (not shuffle or n == 1)
    assert sorted(len(batch) for batch in found) == sorted([8] * (n // 8) + [n % 8] * bool(n % 8))


def test_epochs_are_shuffled_anew():
    """The same state gives the same order, the next one another, of chunks and within them."""
    rows = numbered(500, batch_size=8, size=160)
    first = rows.ordered(STATE, True, None)
    again, second = rows.ordered(STATE, True, None), rows.ordered(first.state, True, None)
    assert epoch_of(rows, first) == epoch_of(rows, again)
    assert epoch_of(rows, first) != epoch_of(rows, second)
    assert not np.array_equal(first.rows, second.rows)
    assert first.within != second.within


def test_a_chunk_mixes_runs_from_everywhere():
    """Its rows come from as many places as it has runs, and a batch mixes them."""
    rows = numbered(4096, batch_size=4, size=RUNS * 8)
    found = epoch_of(rows, rows.ordered(STATE, True, None), batch_size=4)
    chunks = np.asarray(found).reshape(-1, RUNS * 8)
    assert all(len({number // 8 for number in chunk}) == RUNS for chunk in chunks)
    assert np.mean([np.ptp(chunk) for chunk in chunks]) > 4096 / 2
    assert np.mean([len({number // 8 for number in batch}) for batch in found]) > 3.5


def test_blocks_do_not_pass_the_ends_of_chunks():
    """Their middles are where they are in the epoch, whichever chunk they are of."""
    rows = numbered(320, batch_size=8, size=160)
    pieces = list(rows.pieces(rows.ordered(STATE, True, None), 8, 100))
    assert [len(batches) for _, batches, _ in pieces] == [20, 20]
    assert [middle for *_, middle in pieces] == [80, 240]


def test_the_last_rows_of_each_run_are_held_out(tmp_path):
    """A tenth of them, from everywhere; none is trained on."""
    rows = numbered(1000, batch_size=9, size=9 * RUNS)
    train, held = rows.split(0.1, seed=0)
    back = [int(number) for part in held.parts(slice) for number in part.x[:, 0]]
    assert len(back) == len(held) == 100
    assert back[:3] == [9, 19, 29]
    numbers = {number for batch in epoch_of(train, train.ordered(STATE, True, None), 9) for number in batch}
    assert numbers == set(range(1000)) - set(back)
    assert rows.split(0.0, seed=0) == (rows, None)


def test_all_rows_in_order_part_by_part():
    """Each part a chunk, and of each part a share."""
    rows = numbered(500, batch_size=8, size=160)
    parts = [part.x[:, 0].astype(int).tolist() for part in rows.parts(slice)]
    assert [number for part in parts for number in part] == list(range(500))
    assert len(parts) == 4
    shares = [part.x[:, 0].astype(int).tolist() for part in rows.parts(lambda n: slice(n // 2, n))]
    assert shares == [part[len(part) // 2 :] for part in parts]


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "cross_entropy"])
def test_the_worst_error_is_that_of_rows_in_memory(loss):
    """Of a regression the squares about the mean, whichever runs they are added up in."""
    y = np.random.default_rng(0).gamma(2.0, size=(301, 2)) + 100
    source = Source(y, y, None, Batch)
    found = StoredRows(backends.resolve("numpy"), source, batch_size=8, size=40).total_error(LOSSES[loss])
    assert found == pytest.approx(np.sum((y - y.mean(axis=0)) ** 2) if loss != "cross_entropy" else 301)


def test_two_chunks_are_in_memory_and_the_next_is_read_ahead():
    """Buffers for two are made a pass; the second is filled while the first is used, a third not before it is left."""
    made, read = [], threading.Semaphore(0)

    class Counting(NumpyBackend):
        def buffer(self, shape, dtype):
            made.append(shape)
            return super().buffer(shape, dtype)

    def encode(x, y):
        read.release()
        return Batch(x, y)

    x = np.arange(500.0)[:, None]
    rows = StoredRows(Counting(), Source(x, x, None, encode), batch_size=8, size=160)
    pieces = rows.pieces(rows.ordered(STATE, False, None), 8, 1000)
    first = next(pieces)
    assert made == [(160, 1)] * 4, "inputs and targets of two chunks"
    # A row for the shapes, and runs of eight rows: of the chunk that is used, and of the one that is read meanwhile.
    assert all(read.acquire(timeout=10) for _ in range(1 + 2 * 20))
    assert not read.acquire(timeout=0.1)
    assert first.data.x[:, 0].tolist() == list(range(160))
    pieces.close()
