"""The frame of a training over MPI: begun together, and left together, whatever happens."""

import platform
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import numpy as np

from xpnet import __version__
from xpnet.distributed.library import library, name
from xpnet.distributed.ranks import Alone, Ranks
from xpnet.distributed.witness import Witness
from xpnet.errors import RankError, XpnetError

GRACE = 3.0
"""Seconds that a rank which has failed gives the others to fail too, before it stops them."""

PAUSE = 0.5
"""Seconds between what a rank says last and the end of all."""


class Failure(NamedTuple):
    """How a rank ended that did not come to its end.

    Attributes:
        message: What it had to say.
        foreseen: Whether that says what to do; else there is a traceback to see.
        status: What its process exits with.
    """

    message: str
    foreseen: bool
    status: int


def joined(wanted: bool) -> AbstractContextManager[Ranks | Alone]:
    """A session, if that is wanted, else a context with this process alone."""
    return session() if wanted else nullcontext(Alone())


@contextmanager
def session() -> Iterator[Ranks]:
    """A context in which the processes that a launcher started together, as `mpiexec -n 4`, train one network.

    They divide the processors of each machine among themselves. An error that all of them meet is raised by rank 0 as
    if there were no others, which exit in silence. One that only some meet stops the others within seconds, told with
    its rank; so does the death of a rank.

    Returns:
        The ranks, for `epochs(..., average=...)`.

    Raises:
        MissingExtraError: mpi4py or an MPI library is not installed.
        InputError: The ranks' versions differ, or the processes do not see each other.
        RankError: Another rank met an error.
    """
    witness = Witness()
    try:
        MPI = library()
        way_out, ranks = MPI.COMM_WORLD.Dup(), Ranks(MPI, witness)
        error: BaseException | None = None
        try:
            ranks.agree(versions(MPI))
            yield ranks
        except BaseException as raised:
            error = raised
        if not all_are_here(way_out, None if error is None else GRACE):
            witness.dismiss()
            status = told(ranks.where, error)
            # MPICH's launcher drops what it has not yet read.
            time.sleep(PAUSE)
            MPI.COMM_WORLD.Abort(status)
        outcome = left(error, way_out.rank, way_out.allgather((ranks.where, error and failure(error))))
        if outcome is not None:
            raise outcome
    finally:
        witness.dismiss()


def versions(MPI: Any) -> dict[str, str]:
    """What must be the same of every rank's installation."""
    found = {"xpnet": __version__, "Python": platform.python_version(), "NumPy": np.__version__, "MPI": name(MPI)}
    try:
        return found | {"numba": version("numba")}
    except PackageNotFoundError:
        return found | {"numba": "missing"}


def all_are_here(way_out: Any, limit: float | None) -> bool:
    """Wait until every rank leaves, or for so many seconds; whether all do."""
    request, start = way_out.Ibarrier(), time.monotonic()
    while not request.Test():
        if limit is not None and time.monotonic() - start > limit:
            return False
        # Whoever still computes needs the processor more.
        time.sleep(0.01)
    return True


def failure(error: BaseException | None) -> Failure | None:
    """What an error is to the others; one that asks to exit with 0 is none."""
    if error is None or (isinstance(error, SystemExit) and not error.code):
        return None
    if isinstance(error, XpnetError):
        return Failure(str(error), True, 2)
    if isinstance(error, KeyboardInterrupt):
        # Each has got as far as it has.
        return Failure("interrupted.", True, 130)
    if isinstance(error, SystemExit):
        return Failure(str(error.code), True, error.code if isinstance(error.code, int) else 1)
    return Failure(f"{type(error).__name__}: {error}", False, 1)


def told(where: str, error: BaseException | None) -> int:
    """Say on stderr what a rank met that the others did not; the status to stop them with."""
    met = failure(error) or Failure("left early.", True, 1)
    if not met.foreseen:
        traceback.print_exception(error)
    print(f"xpnet: {where}: {(met.foreseen and str(error)) or met.message}", file=sys.stderr, flush=True)
    return met.status


def left(error: BaseException | None, rank: int, ends: Sequence[tuple[str, Failure | None]]) -> BaseException | None:
    """What this rank is to raise, when all of them leave with these failures."""
    failed = [end for end in ends if end[1] is not None]
    alike = len({met for _, met in ends}) == 1
    unforeseen = any(met is not None and not met.foreseen for _, met in failed)
    if not failed or (alike and rank == 0) or (unforeseen and not alike and ends[rank][1] is not None):
        return error
    if rank or unforeseen:
        return SystemExit(max(met.status for _, met in failed if met is not None))
    return RankError("; ".join(f"{where}: {met.message}" for where, met in failed if met is not None))
