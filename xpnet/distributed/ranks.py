"""The ranks of a training, as each of them sees it."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from xpnet import backends
from xpnet._support import stop_signals
from xpnet._support.typing import Array
from xpnet.backends import Backend, cuda
from xpnet.data.checks import count
from xpnet.distributed.affinity import divide_processors, pin_to, usable_processors
from xpnet.distributed.allreduce import Sum, choose_allreduce
from xpnet.distributed.watchdog import Watchdog
from xpnet.errors import InputError, LeftBehindError

T = TypeVar("T")

LONG = 24
"""Characters from which on a message does not quote what differs."""

GONE = "xpnet: {} (process {}) is gone without a word: killed, or out of memory. The others are stopped{}."
KEPT = "; --resume {} goes on from the last epoch that was saved, on any number of ranks"
"""What is said of a rank that cannot say it itself."""

MOST = 5
"""How many differences a message lists."""


class Going(NamedTuple):
    """What a rank that does not leave brings to a meeting.

    Attributes:
        host: The machine that it is on.
        about: What is to be the same for all.
        stop: Number of the signal that asked it to end, or 0.
    """

    host: str
    about: Mapping[str, str]
    stop: int = 0


class Ranks:
    """What `epochs(..., average=...)` takes: each rank has its share of every batch, and all add up their sums.

    Attributes:
        rank: Which one this is, from 0 on.
        size: How many there are.
        host: The machine that this one is on.
        where: All three, as messages tell them.
        machines: How many machines they are on.
        threads: How many threads this one has.
    """

    def __init__(self, MPI: Any, watchdog: Watchdog) -> None:
        self._mpi, self._world, self._watchdog = MPI, MPI.COMM_WORLD.Dup(), watchdog
        self._meetings = MPI.COMM_WORLD.Dup()
        self.rank, self.size, self.host = self._world.rank, self._world.size, MPI.Get_processor_name()
        self.where = f"rank {self.rank} of {self.size} on {self.host}"
        self._machine = self._world.Split_type(MPI.COMM_TYPE_SHARED)
        self.threads = pin_to(*divide_processors(self._machine.allgather(usable_processors()), self._machine.rank))
        hosts, self._threads = zip(*self._world.allgather((self.host, self.threads)), strict=True)
        self.machines = len(set(hosts))
        self._allreduces: dict[str, tuple[Sum, str]] = {}
        watchdog.announce(GONE.format(self.where, os.getpid(), ""))

    @property
    def average(self) -> "Ranks":
        """What joins a training with the others'."""
        return self

    def keep(self, path: str) -> None:
        """Have it said, if this rank dies, that a model is kept there."""
        self._watchdog.announce(GONE.format(self.where, os.getpid(), KEPT.format(path)))

    def __str__(self) -> str:
        """How many there are, and where: `4 ranks on 2 machines, 1 thread each`."""
        machines = self.host if self.machines == 1 else count(self.machines, "machine")
        few, many = min(self._threads), max(self._threads)
        return f"{count(self.size, 'rank')} on {machines}, {f'{few} to ' * (few < many)}{count(many, 'thread')} each"

    @property
    def launcher(self) -> list[str]:
        """Beginning of a command line that starts as many again."""
        if "SLURM_STEP_NUM_TASKS" in os.environ:
            return ["srun", "--ntasks", str(self.size), "--kill-on-bad-exit"]
        return ["mpiexec", "-n", str(self.size)]

    @property
    def first(self) -> bool:
        """Whether this is rank 0, which speaks for all."""
        return bool(self.rank == 0)

    def share(self, n: int) -> slice:
        """Which of n rows are this rank's: as many as any other's or one more, none where there are too few."""
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def agree(self, about: Mapping[str, str]) -> None:
        """Refuse to go on where anything of `about` is not the same on every rank.

        Raises:
            InputError: On all of them, with what differs and where.
            LeftBehindError: Others have left.
            Stopped: A signal asked any of them to end; all of them do, at the same place.
        """
        ends = self.meet(Going(self.host, about, stop_signals.asked())) or []
        gone = [where for where, end in ends if not isinstance(end, Going)]
        if gone:
            raise LeftBehindError(f"{' and '.join(gone)} left before the others.")
        if stop := max(end.stop for _, end in ends):
            raise stop_signals.Stopped(stop)
        (_, (_, wanted, _)), *others = ends
        found = [
            f"{what} {differs(values.get(what, 'nothing'), wanted.get(what, 'nothing'), rank, host)}"
            for rank, (_, (host, values, _)) in enumerate(others, 1)
            for what in {**wanted, **values}
            if values.get(what) != wanted.get(what)
        ]
        if found:
            more = f"; and {len(found) - MOST} more" if len(found) > MOST else ""
            raise InputError(f"{'; '.join(found[:MOST])}{more}. All ranks must train the same, with the same versions.")

    def meet(self, end: Any, limit: float | None = None) -> list[tuple[str, Any]] | None:
        """Wait until every rank is here, those that go on and those that leave, or for so many seconds.

        Args:
            end: How this one leaves, or `Going`.
            limit: Seconds; None waits for as long as it takes.

        Returns:
            Where each of them is, and its end; None where not all have come.
        """
        request, start = self._meetings.Ibarrier(), time.monotonic()
        while not request.Test():
            if limit is not None and time.monotonic() - start > limit:
                return None
            if not isinstance(end, Going):
                # Whoever still computes needs the processor more.
                time.sleep(0.01)
        found: list[tuple[str, Any]] = self._meetings.allgather((self.where, end))
        return found

    def __call__(self, sums: Array) -> Array:
        """The sum over all ranks, in place where that can be."""
        if isinstance(sums, np.ndarray):
            self._world.Allreduce(self._mpi.IN_PLACE, sums)
            return sums
        add, _ = self._allreduce(backends.of(sums))
        return add(sums)

    def way(self, backend: Backend) -> str:
        """How sums of that backend's arrays travel; all ranks must ask, since they decide it together."""
        return self._allreduce(backend)[1]

    def _allreduce(self, backend: Backend) -> tuple[Sum, str]:
        key = f"{backend.name} {backend.device_name}"
        if key not in self._allreduces:
            self._allreduces[key] = choose_allreduce(self._mpi, self._world, backend)
        return self._allreduces[key]

    def placed(self, backend: str | None, device: str) -> str:
        """The device of this rank where no certain one is asked for: the ranks of a machine take its GPUs in turn."""
        if device == "auto":
            device = backends.resolve(backend, device).device_name.partition(":")[0]
        if device != "cuda":
            return device
        return f"cuda:{self._machine.rank % max(1, cuda.driver_device_count())}"

    def in_turn(self, function: Callable[[], T]) -> T:
        """What a function gives, called by one rank of each machine before the others: what it stores, they find."""
        if self._machine.rank:
            self._machine.Barrier()
        try:
            return function()
        finally:
            if not self._machine.rank:
                self._machine.Barrier()


class Alone:
    """The only process of a training, as a command asks it: there is nothing to agree on."""

    first, average = True, None
    launcher: Sequence[str] = ()

    def agree(self, about: Mapping[str, str]) -> None:
        """Agreed."""

    def placed(self, backend: str | None, device: str) -> str:
        """The device that is asked for."""
        return device

    def in_turn(self, function: Callable[[], T]) -> T:
        """What the function gives."""
        return function()

    def keep(self, path: str) -> None:
        """Nobody is left to say so."""

    def way(self, backend: Backend) -> str:
        """Nowhere."""
        return "nowhere"


def differs(value: str, wanted: str, rank: int, host: str) -> str:
    """How a rank differs from rank 0 in something."""
    if max(len(value), len(wanted)) > LONG:
        return f"is another on rank {rank} ({host}) than on rank 0"
    return f"is {value} on rank {rank} ({host}) but {wanted} on rank 0"
