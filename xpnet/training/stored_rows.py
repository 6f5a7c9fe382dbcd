"""Rows on disk, which may be more than memory holds: read chunk by chunk, the next while one is trained on.

How far they are shuffled. The rows are cut, in their order, into runs of some megabytes. Each epoch puts the runs in a
new order, reads as many at a time as make a chunk, and puts the chunk's rows in a new order, of which batches are cut.
So every row is trained on once per epoch, each time among other rows, from as many places of the files as a chunk has
runs. But a batch holds rows of one chunk only, and the rows of a run are always in the same chunk: rows that are
sorted, by class say, are mixed less than rows in memory are.

Data-parallel processes read the same chunks, each of which has whole batches, and compute their share of these.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Batch
from xpnet.backends import Backend
from xpnet.data import Stored, digest, locating, read_rows
from xpnet.equations.losses import Loss
from xpnet.errors import InputError
from xpnet.training.prefetch import prefetch
from xpnet.training.rows import Order, Piece, Share, blocks, check_held_out, check_weights_on_both_sides, drawn_in_parts

RUNS = 16
"""Runs per chunk, where it has that many batches."""

BUFFERS = 2
"""Chunks in the host's memory: one that is used, one that is being read."""


class Source(NamedTuple):
    """Source of rows.

    Attributes:
        x: Inputs, on disk or in the host's memory.
        y: Targets as they were stored, likewise.
        weight: Sample weights in the host's memory, or None.
        encode: Function that checks some inputs and targets, and encodes them in NumPy as the mathematics takes them.
    """

    x: Stored | np.ndarray
    y: Stored | np.ndarray
    weight: np.ndarray | None
    encode: Callable[[np.ndarray, np.ndarray], Batch]

    def read(self, start: int, stop: int) -> Batch:
        """Read some rows, checked and encoded."""
        with locating(self.x, start):
            encoded = self.encode(read_rows(self.x, start, stop), read_rows(self.y, start, stop))
        return encoded._replace(weight=None if self.weight is None else self.weight[start:stop])


class StoredRows:
    """Rows on disk.

    Attributes:
        backend: Backend that computes with them.
        source: Source that they are read from.
        batch_size: Rows per step: a chunk is made of whole batches, except the one with the last rows.
        size: Approximate number of rows per chunk.
        runs: First row of each run, and the row after its last, (runs, 2).
    """

    def __init__(
        self, backend: Backend, source: Source, batch_size: int, size: int, runs: np.ndarray | None = None
    ) -> None:
        self.backend, self.source, self.batch_size, self.size = backend, source, batch_size, size
        self.runs = cut(len(source.x), self._run, 0.0)[0] if runs is None else runs
        self._chunk: Batch | None = None

    def __len__(self) -> int:
        return int(np.sum(self.runs[:, 1] - self.runs[:, 0]))

    @property
    def sample(self) -> Batch:
        """The first row."""
        first = int(self.runs[0, 0])
        row: Batch = self.backend.upload(self.source.read(first, first + 1))
        return row

    @property
    def _run(self) -> int:
        """Rows per run to train on: whole batches."""
        return max(1, self.size // RUNS // self.batch_size) * self.batch_size

    @property
    def _together(self) -> int:
        """Runs per chunk."""
        return max(1, self.size // int(np.max(self.runs[:, 1] - self.runs[:, 0])))

    def split(self, fraction: float, seed: int) -> tuple[Self, Self | None]:
        """Rows to train on, and held-out rows: the last ones of each run, so that no row is read without being used."""
        if not fraction:
            return self, None
        train_runs, held_out_runs = cut(len(self), self._run, fraction)
        runs = train_runs, shorter(held_out_runs, self.size)
        train, held_out = (type(self)(self.backend, self.source, self.batch_size, self.size, part) for part in runs)
        check_held_out(len(held_out), len(self), fraction)
        if (weight := self.source.weight) is not None:
            parts = [np.concatenate([weight[start:stop] for start, stop in part]) for part in runs]
            check_weights_on_both_sides(parts, fraction)
        return train, held_out

    def seen_by(self, backend: Backend) -> Self:
        """The same rows, read into its memory."""
        return type(self)(backend.computing, self.source, self.batch_size, self.size, self.runs)

    def digest(self) -> str:
        """Digest of shapes and dtypes, of some rows, and of the cut into chunks."""
        return digest((*self.source[:3], self.runs, np.asarray(self.size)))

    def total_error(self, loss: Loss) -> float:
        """Computed from the targets alone, run by run."""
        if not loss.regression:
            return float(len(self))
        n, mean, spread = 0, np.zeros(1), 0.0
        for start, stop in self.runs:
            y = read_rows(self.source.y, start, stop).astype(float).reshape(stop - start, -1)
            # What a run adds to the squares about the mean, and to the mean.
            m, off = len(y), np.mean(y, axis=0) - mean
            spread += float(np.sum((y - np.mean(y, axis=0)) ** 2) + np.sum(off**2) * n * m / (n + m))
            n, mean = n + m, mean + off * m / (n + m)
        return spread

    def ordered(self, state: Mapping[str, Any], shuffle: bool, orders: Iterator[np.ndarray] | None) -> Order:
        """Order of the runs, and the seed of the orders within chunks."""
        if orders is not None:
            raise InputError("order is for rows in memory; those on disk are shuffled chunk by chunk, or not at all.")
        return drawn_in_parts(np.arange(len(self.runs)), state, shuffle)

    def pieces(self, order: Order, batch_size: int, steps: int) -> Iterator[Piece]:
        """Blocks of steps, each with the rows of a chunk as its data."""
        trained = 0
        for number, (arrays, count) in self._chunks(order.rows):
            data = self._chunk = self.backend.take_over(self._chunk, arrays)
            rows = np.arange(count)
            if order.within is not None:
                rows = np.random.default_rng((order.within, number)).permutation(count)
            for block in blocks(rows, batch_size, steps):
                yield Piece(data, block, trained + block.size / 2)
                trained += block.size

    def parts(self, share: Share) -> Iterator[Batch]:
        """A part for each chunk."""
        for _, (arrays, count) in self._chunks(np.arange(len(self.runs))):
            own = share(count)
            yield map_arrays(lambda array: array[:count, ...][own, ...], arrays)  # noqa: B023 (used at once)

    def _chunks(self, runs: np.ndarray) -> Iterator[tuple[int, tuple[Batch, int]]]:
        """Chunks of the runs: the number of each, its arrays on the device, and how many rows of these are filled.

        All have arrays of the same shapes, valid until the next chunk is asked for.
        """
        rows = min(len(self), self._together * int(np.max(self.runs[:, 1] - self.runs[:, 0])))
        like = self.source.read(int(self.runs[0, 0]), int(self.runs[0, 0]) + 1)
        buffers = [
            map_arrays(lambda a: self.backend.buffer((rows, *a.shape[1:]), a.dtype), like) for _ in range(BUFFERS)
        ]

        def load(number: int) -> tuple[Batch, int]:
            into, count = buffers[number % BUFFERS], 0
            for start, stop in self.runs[runs[number * self._together : (number + 1) * self._together]]:
                read = self.source.read(start, stop)
                for buffer, array in zip(arrays_in(into), arrays_in(read), strict=True):
                    buffer[count : count + len(array)] = array
                count += len(read.x)
            return self.backend.upload(into), count

        return prefetch(load, range(-(-len(runs) // self._together)))


def cut(n: int, run: int, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Cut n rows into runs of `run` rows to train on, each followed by held-out rows, in all that fraction of n."""
    behind = run * fraction / (1 - fraction)
    periods = np.arange(int(np.ceil(n / (run + behind))) + 1)
    ends = np.minimum(periods * run + np.round(periods * behind).astype(int), n)
    held_out = np.diff(np.round(periods * behind).astype(int))
    held_out[-1] = np.clip(round(n * fraction) - np.sum(held_out[:-1]), 0, ends[-1] - ends[-2])
    middles = ends[1:] - held_out
    runs = np.stack([ends[:-1], middles], axis=1), np.stack([middles, ends[1:]], axis=1)
    return runs[0][ends[:-1] < middles], runs[1][middles < ends[1:]]


def shorter(runs: np.ndarray, most: int) -> np.ndarray:
    """Cut runs into runs of at most `most` rows."""
    parts = [(at, min(at + most, stop)) for start, stop in runs for at in range(start, stop, most)]
    return np.asarray(parts, np.intp).reshape(-1, 2)
