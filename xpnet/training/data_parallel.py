"""What stands between gradients and update where several processes train one network: each has a share of every batch.

Who takes part, and how sums travel from one to the other, is nothing that a training knows.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from operator import is_
from typing import Protocol

import numpy as np

from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Array, Batch, Params
from xpnet.backends import Backend, Carry, Step
from xpnet.equations.partial_step import PartialStep, WeightedSums
from xpnet.equations.step import State, Sums

NOTHING = np.empty((1, 0), np.intp)
"""The rows of one step that is fed with none."""


class Average(Protocol):
    """What makes one training of several: each asks it the same things, in the same order."""

    def agree(self, about: Mapping[str, str]) -> None:
        """Refuse to go on where anything that is told of is not the same for all.

        Raises:
            InputError: For all of them, with what differs.
        """

    def share(self, n: int) -> slice:
        """Which of n rows are one's own, perhaps none; each is somebody's."""

    def __call__(self, sums: Array) -> Array:
        """The sum of what all hand in, number by number (n,); it may take the place of `sums`."""


At = Callable[[int], Backend]
"""Where batches of so many rows are trained on."""


class Whole:
    """A training's steps, with all of each batch."""

    def __init__(self, at: At, step: Step) -> None:
        self._at, self._step = at, step

    def prepare(self, carry: Carry, data: Batch, size: int) -> None:
        """As a backend's."""
        self._at(size).prepare(self._step, carry, data, size)

    def run_block(self, carry: Carry, data: Batch, rows: np.ndarray) -> tuple[Carry, tuple[Array, ...]]:
        """As a backend's."""
        return self._at(rows.shape[1]).run_block(self._step, carry, data, rows)


class Shared:
    """A training's steps, with a share of each batch computed here; a captured step is two plans joined by a buffer.

    All sums travel after the backward pass: those that travel while it goes on are no sooner there, as
    benchmarks/scripts/overlap_with_mpi.py measures, since MPI moves them with the processor that computes.
    """

    def __init__(self, at: At, backend: Backend, partial_step: PartialStep, average: Average, params: Params) -> None:
        self._at, self._backend, self._partial_step, self._average = at, backend, partial_step, average
        number = backend.asarray(np.zeros((), backend.to_host(params[0].b).dtype))
        zeros = WeightedSums(Sums(map_arrays(backend.xp.zeros_like, params), number, number), number)
        self._buffer = backend.joined(zeros)
        self._sums: WeightedSums = backend.parted(self._buffer, zeros)

    def prepare(self, carry: Carry, data: Batch, size: int) -> None:
        """As a backend's, for both parts."""
        backend, (params, state) = self._at(size), carry
        if own := len(range(size)[self._average.share(size)]):
            backend.prepare(self._partial_step.add, (params, without_slots(state), self._sums), data, own)
        backend.prepare(self._partial_step.update, (params, state, self._sums), None, 0)

    def run_block(self, carry: Carry, data: Batch, rows: np.ndarray) -> tuple[Carry, tuple[Array, ...]]:
        """As a backend's; rows and metrics are those of whole batches."""
        backend, (params, state), sums = self._at(rows.shape[1]), carry, self._sums
        own = rows[:, self._average.share(rows.shape[1])]
        seen = params, without_slots(state), sums
        adding = backend.bound(self._partial_step.add, seen, data, own.shape[1]) if own.size else nullcontext()
        updating = backend.bound(self._partial_step.update, (params, state, sums), None, 0)
        measured = []
        with adding as add, updating as update:
            for batch in own:
                if add is None:
                    sums = map_arrays(backend.xp.zeros_like, sums)
                else:
                    (params, _, sums), _ = add((params, without_slots(state), sums), batch[None])
                sums = self._parted(self._average(self._joined(sums)))
                (params, state, sums), metrics = update((params, state, sums), NOTHING)
                measured.append(metrics)
        return (params, state), tuple(backend.xp.concat(column) for column in zip(*measured, strict=True))

    def _joined(self, sums: WeightedSums) -> Array:
        """The sums as one array: the buffer, where they are its parts."""
        in_place = all(map(is_, arrays_in(sums), arrays_in(self._sums)))
        return self._buffer if in_place else self._backend.joined(sums)

    def _parted(self, flat: Array) -> WeightedSums:
        """One array as sums: the buffer's parts, where it is the buffer."""
        parts: WeightedSums = self._sums if flat is self._buffer else self._backend.parted(flat, self._sums)
        return parts


def without_slots(state: State) -> State:
    """What a forward and backward pass may depend on; the optimizer's arrays need not travel with it."""
    return state._replace(slots=())
