"""Several trainings that are one, each on a thread of this process: what MPI does for processes, by a barrier."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from xpnet import backends
from xpnet.errors import InputError

PATIENCE = 60
"""Seconds after which whoever waits for the others gives up, which breaks the barrier for all."""


class Member:
    """One of so many.

    Attributes:
        added: The arrays that it was given to add up, in order.
        told: All that was to be agreed on.
    """

    def __init__(self, number: int, count: int, barrier: threading.Barrier, table: list[Any]) -> None:
        self.number, self.count, self._barrier, self._table = number, count, barrier, table
        self.added: list[Any] = []
        self.told: dict[str, str] = {}

    def share(self, n: int) -> slice:
        """The rows from this one's part of n on, to the next one's."""
        return slice(n * self.number // self.count, n * (self.number + 1) // self.count)

    def agree(self, about: Mapping[str, str]) -> None:
        """Refuse what is not as the first one has it."""
        self.told |= about
        if any(other != about for other in self._exchange(dict(about))):
            raise InputError("not the same for all")

    def __call__(self, sums: Any) -> Any:
        """Add up on the host, in the order of the members."""
        self.added.append(sums)
        backend = backends.of(sums)
        return backend.asarray(sum(self._exchange(np.array(backend.to_host(sums)))))

    def _exchange(self, mine: Any) -> list[Any]:
        """What each of them has brought."""
        self._table[self.number] = mine
        self._barrier.wait(PATIENCE)
        found = list(self._table)
        self._barrier.wait(PATIENCE)
        return found


def together(count: int, train: Callable[[Member], Any]) -> list[Any]:
    """What `train(member)` gives each of so many members, all of them at once."""
    barrier, table = threading.Barrier(count), [None] * count
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(train, [Member(i, count, barrier, table) for i in range(count)]))
