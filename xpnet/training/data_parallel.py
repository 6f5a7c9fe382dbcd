"""Data-parallel steps: several processes train one network, each on its share of every batch.

Their sums are added up between gradients and update. Who takes part, and how the sums travel, is unknown to a training.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from operator import is_
from typing import Any, Protocol

import numpy as np

from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Array, Batch, Params
from xpnet.backends import Backend, Carry, Step
from xpnet.equations.partial_step import PartialStep, WeightedSums
from xpnet.equations.step import State, Sums

NOTHING = np.empty((1, 0), np.intp)
"""Row indices of one step that takes no rows."""


class DataParallel(Protocol):
    """Link to the other processes of a training: each asks it the same things, in the same order."""

    def agree(self, about: Mapping[str, str]) -> None:
        """Refuse to go on where any of these is not the same for all.

        Raises:
            InputError: In all of them, with what differs.
        """

    def share(self, n: int) -> slice:
        """This process's share of n rows, perhaps none; each row is in one share."""

    def __call__(self, sums: Array) -> Array:
        """Sum of the arrays (n,) that all hand in, element by element; may be written into `sums`."""


class SharedMemoryLink:
    """Link for the backend that computes in another one's memory: the arrays that travel are that other library's."""

    def __init__(self, link: DataParallel, backend: Backend) -> None:
        self._link, self._backend = link, backend
        self.agree, self.share = link.agree, link.share

    def __call__(self, sums: Array) -> Array:
        """Sum over all processes; `sums` itself where the link writes into it."""
        total = self._backend.views(self._link(self._backend.from_views(sums)))
        return sums if np.shares_memory(total, sums) else total


class AddedUp:
    """Trees of sums, added up over all processes in one array.

    Attributes:
        parts: A tree in that array's memory, where the library can: steps that write into it need no copy.
    """

    def __init__(self, backend: Backend, others: DataParallel, zeros: Any) -> None:
        self._backend, self._others = backend, others
        self._buffer = backend.joined(zeros)
        self.parts = backend.parted(self._buffer, zeros)

    def __call__(self, sums: Any) -> Any:
        """Sums of what all processes hand in."""
        in_place = all(map(is_, arrays_in(sums), arrays_in(self.parts)))
        flat = self._others(self._buffer if in_place else self._backend.joined(sums))
        return self.parts if flat is self._buffer else self._backend.parted(flat, self.parts)


At = Callable[[int], Backend]
"""Backend for batches of n rows."""


class WholeBatches:
    """Steps on all of each batch."""

    def __init__(self, at: At, step: Step) -> None:
        self._at, self._step = at, step

    def prepare(self, carry: Carry, data: Batch, size: int) -> None:
        """Prepare steps, as a backend does."""
        self._at(size).prepare(self._step, carry, data, size)

    def run_block(self, carry: Carry, data: Batch, rows: np.ndarray) -> tuple[Carry, tuple[Array, ...]]:
        """Run a block of steps, as a backend does."""
        return self._at(rows.shape[1]).run_block(self._step, carry, data, rows)


class SharedBatches:
    """Steps on a share of each batch; a captured step is two plans joined by a buffer.

    All sums travel after the backward pass: to send some while it goes on takes as long, as
    benchmarks/scripts/overlap_with_mpi.py measures, since MPI moves them with the processor that computes.
    """

    def __init__(self, at: At, backend: Backend, parts: PartialStep, others: DataParallel, params: Params) -> None:
        self._at, self._backend, self._partial_step, self._others = at, backend, parts, others
        number = backend.asarray(np.zeros((), backend.to_host(params[0].b).dtype))
        zeros = WeightedSums(Sums(map_arrays(backend.xp.zeros_like, params), number, number), number)
        self._added_up = AddedUp(backend, others, zeros)
        self._sums: WeightedSums = self._added_up.parts

    def prepare(self, carry: Carry, data: Batch, size: int) -> None:
        """Prepare both parts of steps, as a backend does."""
        backend, (params, state) = self._at(size), carry
        if own := len(range(size)[self._others.share(size)]):
            seen = params, _seen(state, self._first(size)), self._sums
            backend.prepare(self._partial_step.add, seen, data, own)
        backend.prepare(self._partial_step.update, (params, state, self._sums), None, 0)

    def run_block(self, carry: Carry, data: Batch, rows: np.ndarray) -> tuple[Carry, tuple[Array, ...]]:
        """Run a block of steps, as a backend does; rows and metrics are those of whole batches."""
        # Whoever is to stop tells the others between two blocks.
        self._others.agree({})
        backend, (params, state), sums = self._at(rows.shape[1]), carry, self._sums
        own = rows[:, self._others.share(rows.shape[1])]
        first = self._first(rows.shape[1])
        seen = params, _seen(state, first), sums
        adding = backend.bound(self._partial_step.add, seen, data, own.shape[1]) if own.size else nullcontext()
        updating = backend.bound(self._partial_step.update, (params, state, sums), None, 0)
        blocks = []
        with adding as add, updating as update:
            for batch in own:
                if add is None:
                    sums = map_arrays(backend.xp.zeros_like, sums)
                else:
                    (params, _, sums), _ = add((params, _seen(state, first), sums), batch[None])
                sums = self._added_up(sums)
                (params, state, sums), metrics = update((params, state, sums), NOTHING)
                blocks.append(metrics)
        return (params, state), tuple(backend.xp.concat(column) for column in zip(*blocks, strict=True))

    def _first(self, size: int) -> Array:
        """Index of this process's first row in a batch."""
        return self._backend.asarray(np.asarray(self._others.share(size).start or 0, np.int32))


def _seen(state: State, first: Array) -> State:
    """State as a forward and backward pass sees it: without the optimizer's arrays, and with the first row's index."""
    return state._replace(slots=(), noise=None if state.noise is None else state.noise._replace(first=first))
