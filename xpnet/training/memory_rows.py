"""Rows in memory: dense ones where they are computed with, and sparse ones made dense a few batches at a time."""

from collections.abc import Iterator, Mapping
from copy import copy
from typing import Any, Self

import numpy as np

from xpnet._support.trees import map_arrays
from xpnet._support.typing import Batch
from xpnet.backends import Backend
from xpnet.data import digest
from xpnet.equations.losses import Loss, total_error
from xpnet.training.prefetch import prefetch
from xpnet.training.rows import (
    Order,
    Piece,
    Share,
    blocks,
    check_weights_on_both_sides,
    digest_of,
    drawn,
    next_order,
    validation_split,
)
from xpnet.training.sparse import is_sparse, take

DENSE = 2**22
"""Most numbers that are dense at a time, unless one batch has more: 32 MB in float64."""


class PlacedRows:
    """Rows in the memory of the device that computes.

    Attributes:
        backend: Backend that computes with them.
        batch: All rows that were loaded.
        chosen: Indices of the rows among these, on the host.
    """

    def __init__(self, backend: Backend, batch: Batch, chosen: np.ndarray | None = None) -> None:
        self.backend, self.batch = backend, batch
        self.chosen = np.arange(batch.x.shape[0]) if chosen is None else chosen

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def sample(self) -> Batch:
        """All rows."""
        return self.batch

    def split(self, fraction: float, seed: int) -> tuple[Self, "PlacedRows | None"]:
        """Rows to train on, and held-out rows, which are drawn at random and dense."""
        if not fraction:
            return self, None
        train, held_out = validation_split(len(self), fraction, seed)
        if self.batch.weight is not None:
            weight = self.backend.to_host(self.batch.weight)
            check_weights_on_both_sides([weight[train], weight[held_out]], fraction)
        return type(self)(self.backend, self.batch, train), PlacedRows(self.backend, self.taken(held_out))

    def seen_by(self, backend: Backend) -> Self:
        """The same rows, as views."""
        seen = copy(self)
        seen.backend, seen.batch = backend.computing, backend.views(self.batch)
        return seen

    def taken(self, rows: np.ndarray) -> Batch:
        """Copy of some of the rows."""
        return take(self.backend, self.batch, rows)

    def digest(self) -> str:
        """Digest of all numbers."""
        return digest_of(self.backend, self.batch) + digest((self.chosen,))

    def total_error(self, loss: Loss) -> float:
        """Computed from the targets on the device."""
        y = self.backend.take(self.batch.y, self.backend.asarray(self.chosen))
        return float(total_error(loss, y, xp=self.backend.xp))

    def ordered(self, state: Mapping[str, Any], shuffle: bool, orders: Iterator[np.ndarray] | None) -> Order:
        """Order of all rows."""
        if orders is not None and shuffle:
            return Order(next_order(self.chosen, orders), state)
        return drawn(self.chosen, state, shuffle)

    def pieces(self, order: Order, batch_size: int, steps: int) -> Iterator[Piece]:
        """Blocks of steps, each with all of the rows as its data."""
        trained = 0
        for block in blocks(order.rows, batch_size, steps):
            yield Piece(self.batch, block, trained + block.size / 2)
            trained += block.size

    def parts(self, share: Share) -> Iterator[Batch]:
        """A single part."""
        own, n = share(len(self)), self.batch.x.shape[0]
        if len(self) < n:
            yield self.taken(self.chosen[own])
        else:
            yield self.batch if own == slice(0, n) else map_arrays(lambda array: array[own, ...], self.batch)


class SparseRows(PlacedRows):
    """Rows whose inputs are sparse, made dense a few batches at a time."""

    def __init__(self, backend: Backend, batch: Batch, chosen: np.ndarray | None = None) -> None:
        super().__init__(backend, batch, chosen)
        self._dense: dict[int, Batch] = {}

    @property
    def sample(self) -> Batch:
        """A single row."""
        return self.taken(self.chosen[:1])

    def seen_by(self, backend: Backend) -> Self:
        """The same rows, their targets as views."""
        return type(self)(backend.computing, Batch(self.batch.x, *backend.views(self.batch[1:])), self.chosen)

    def digest(self) -> str:
        """Digest of all numbers."""
        x, *rest = self.batch
        return digest((x.data, x.indices, x.indptr, self.chosen)) + digest_of(self.backend, tuple(rest))

    def pieces(self, order: Order, batch_size: int, steps: int) -> Iterator[Piece]:
        """Blocks of steps, cut into parts of a few, each with its own dense rows."""

        def cut() -> Iterator[Piece]:
            for piece in super(SparseRows, self).pieces(order, batch_size, steps):
                few = max(1, DENSE // (piece.batches.shape[1] * self.batch.x.shape[1]))
                for start in range(0, len(piece.batches), few):
                    yield piece._replace(batches=piece.batches[start : start + few])

        for piece, x in prefetch(lambda piece: self.batch.x[piece.batches.reshape(-1)].toarray(), cut()):
            rows, n = self.backend.asarray(piece.batches.reshape(-1)), piece.batches.size
            data = Batch(self.backend.asarray(x), *self.backend.take(self.batch[1:], rows))
            self._dense[n] = self.backend.take_over(self._dense.get(n), data)
            yield Piece(self._dense[n], np.arange(n).reshape(piece.batches.shape), piece.middle)

    def parts(self, share: Share) -> Iterator[Batch]:
        """Parts of as many rows as may be dense."""
        few = max(1, DENSE // self.batch.x.shape[1])
        for start in range(0, len(self), few):
            rows = self.chosen[start : start + few]
            yield self.taken(rows[share(len(rows))])


def in_memory(backend: Backend, batch: Batch) -> PlacedRows:
    """Rows of a batch, whose inputs may be sparse."""
    return (SparseRows if is_sparse(batch.x) else PlacedRows)(backend, batch)
