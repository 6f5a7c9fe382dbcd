"""Batches of a private training: each row is in each of them with probability q, whatever else is in it."""

import math
import secrets
from contextlib import nullcontext
from typing import Any

import numpy as np

from xpnet._support.philox import Key
from xpnet._support.trees import map_arrays
from xpnet._support.typing import Array, Batch, Params
from xpnet.backends import Backend, Carry
from xpnet.equations.step import Sums
from xpnet.training.data_parallel import NOTHING, AddedUp, DataParallel
from xpnet.training.private_rows import Private

SPARE = 2
"""Standard deviations of a batch's size that a part has room for; a larger batch has further parts."""


class PrivateBatches:
    """Steps on batches that are drawn row by row.

    Of the row indices that it is handed only the shape counts: steps, and expected rows. Processes that train together
    draw the same rows, take their shares of each part, and add the same noise to the sums of all.
    """

    def __init__(self, backend: Backend, private: Private, params: Params, others: DataParallel | None = None) -> None:
        self._backend, self._step, (q, _, _) = backend, private.step, private.per_step
        self._probability, self._others = q, others
        dtype = backend.to_host(params[0].b).dtype
        self._draws, self._key = keys(backend, secret(backend, private.settings.insecure_seed, others, dtype))
        cost, error = (backend.asarray(np.zeros((), dtype)) for _ in range(2))
        self._sums = Sums(map_arrays(backend.xp.zeros_like, params), cost, error)
        self._added_up = None if others is None else AddedUp(backend, others, self._sums)
        if self._added_up is not None:
            self._sums = self._added_up.parts

    def part(self, n: int) -> int:
        """Rows in one part of a batch, for n rows in all."""
        mean = self._probability * n
        return min(n, math.ceil(mean + SPARE * math.sqrt(mean * (1 - self._probability))))

    def share(self, part: int) -> slice:
        """This process's share of a part."""
        return slice(part) if self._others is None else self._others.share(part)

    def prepare(self, carry: Carry, data: Batch, size: int) -> None:
        """Prepare all parts of steps, as a backend does."""
        (params, state), part = carry, self.part(data.y.shape[0] - 1)
        seen = params, state._replace(slots=()), self._sums, self._key
        if own := len(range(part)[self.share(part)]):
            self._backend.prepare(self._step.first, seen, data, own)
            self._backend.prepare(self._step.more, seen, data, own)
        self._backend.prepare(self._step.update, (params, state, self._sums, self._key), None, 0)

    def run_block(self, carry: Carry, data: Batch, rows: np.ndarray) -> tuple[Carry, tuple[Array, ...]]:
        """Run a block of steps, as a backend does."""
        if self._others is not None:
            # Whoever is to stop tells the others between two blocks.
            self._others.agree({})
        backend, (params, state), sums, key = self._backend, carry, self._sums, self._key
        n = data.y.shape[0] - 1
        part = self.part(n)
        share, own = self.share(part), len(range(part)[self.share(part)])
        seen = params, state._replace(slots=()), sums, key
        blocks = []
        with (
            backend.bound(self._step.first, seen, data, own) if own else nullcontext() as first,
            backend.bound(self._step.more, seen, data, own) if own else nullcontext() as more,
            backend.bound(self._step.update, (params, state, sums, key), None, 0) as update,
        ):
            for _ in rows:
                run = first
                for batch in parts(drawn(self._draws, n, self._probability), part, filler=n)[:, share]:
                    if run is None:
                        sums = map_arrays(backend.xp.zeros_like, sums)
                        continue
                    (params, _, sums, key), _ = run((params, state._replace(slots=()), sums, key), batch[None])
                    run = more
                sums = sums if self._added_up is None else self._added_up(sums)
                (params, state, sums, key), metrics = update((params, state, sums, key), NOTHING)
                blocks.append(metrics)
        # Captured steps may have overwritten what they began with.
        self._sums, self._key = sums, key
        return (params, state), tuple(backend.xp.concat(column) for column in zip(*blocks, strict=True))


def drawn(draws: np.random.Generator, n: int, probability: float) -> np.ndarray:
    """Those of n rows that are drawn, each with that probability by itself: the gaps between them are geometric."""
    some, last = math.ceil(n * probability + 5 * math.sqrt(n * probability)), -1
    pieces = []
    while last < n:
        pieces.append(last + np.cumsum(draws.geometric(probability, some)))
        last = int(pieces[-1][-1])
    rows: np.ndarray = np.concatenate(pieces)
    return rows[rows < n]


def parts(rows: np.ndarray, size: int, filler: int) -> np.ndarray:
    """Cut a batch into parts (parts, size), the last filled up; one of an empty batch, which is all filler."""
    count = max(1, math.ceil(len(rows) / size))
    filled = np.full(count * size, filler)
    filled[: len(rows)] = rows
    return filled.reshape(count, size)


def secret(backend: Backend, insecure_seed: int | None, others: DataParallel | None, dtype: Any) -> np.ndarray:
    """Twelve words of 16 bits, from the system's generator unless there is a seed; the same for all processes."""
    if insecure_seed is None:
        words = np.frombuffer(secrets.token_bytes(24), np.uint16)
    else:
        words = np.random.default_rng(insecure_seed).integers(2**16, size=12, dtype=np.uint16)
    if others is None:
        return words
    # One process has the only row of one, and the others hand in zeros; 16 bits are exact in every dtype.
    words = words * len(range(1)[others.share(1)])
    return backend.to_host(others(backend.asarray(words.astype(dtype)))).astype(np.uint16)


def keys(backend: Backend, words: np.ndarray) -> tuple[np.random.Generator, Key]:
    """Generator that draws batches, and key of the noise, from those words."""
    numbers = [*words[8:].view(np.int32), np.int32(0)]
    key = Key(*(backend.asarray(np.asarray(number, np.int32)) for number in numbers))
    return np.random.Generator(np.random.Philox(key=words[:8].view(np.uint64))), key
