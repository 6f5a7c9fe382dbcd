"""Session: a training over MPI that its ranks begin together and leave together, whatever happens."""

import os
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
from xpnet._support import stop_signals
from xpnet.distributed.mpi import library, name
from xpnet.distributed.ranks import Alone, Going, Ranks
from xpnet.distributed.watchdog import Watchdog
from xpnet.errors import LeftBehindError, RankError, XpnetError

GRACE = 3.0
"""Seconds that a failed rank waits for the others to fail too, before it stops them."""

PAUSE = 0.5
"""Seconds between a rank's last message and the end of all."""


class Failure(NamedTuple):
    """Failure of a rank.

    Attributes:
        message: What went wrong.
        foreseen: Whether the message says what to do; else there is a traceback.
        status: Exit status of its process.
        own: Whether the rank met the error itself; else it only met others that had left.
    """

    message: str
    foreseen: bool
    status: int
    own: bool = True


def joined(wanted: bool) -> AbstractContextManager[Ranks | Alone]:
    """Session, if one is wanted, else a context with this process alone."""
    return session() if wanted else nullcontext(Alone())


@contextmanager
def session() -> Iterator[Ranks]:
    """Context in which the processes that a launcher started together, as `mpiexec -n 4`, train one network.

    They divide the processors of each machine among themselves, until their processes end. An error that all of them
    meet is raised by rank 0 as if there were no others, which exit in silence. One that only some meet stops the others
    within seconds, with a message that names its rank; so does the death of a rank, and one that leaves while others
    go on with an epoch.

    Returns:
        The ranks, for `epochs(..., average=...)`.

    Raises:
        MissingExtraError: mpi4py or an MPI library is not installed.
        InputError: The ranks' versions differ, or the processes do not see each other.
        RankError: Another rank met an error, or left.
    """
    watchdog = Watchdog()
    try:
        MPI = library()
        ranks = Ranks(MPI, watchdog)
        error: BaseException | None = None
        try:
            ranks.agree(versions(MPI))
            yield ranks
        except BaseException as raised:
            error = raised
        ends = leave_together(ranks, error)
        if ends is None:
            watchdog.dismiss()
            status = report_failure(ranks.where, error)
            # MPICH's launcher drops what it has not yet read.
            time.sleep(PAUSE)
            MPI.COMM_WORLD.Abort(status)
            # The launcher kills this one too, some time after that returns.
            os._exit(status)
        outcome = left(error, ranks.rank, ends)
        if outcome is not None:
            raise outcome
    finally:
        watchdog.dismiss()


def versions(MPI: Any) -> dict[str, str]:
    """Versions that must be the same on every rank."""
    versions = {"xpnet": __version__, "Python": platform.python_version(), "NumPy": np.__version__, "MPI": name(MPI)}
    try:
        return versions | {"llvmlite": version("llvmlite")}
    except PackageNotFoundError:
        return versions | {"llvmlite": "missing"}


def leave_together(ranks: Ranks, error: BaseException | None) -> Sequence[tuple[str, Failure | None]] | None:
    """Leave when all do: where each rank is, and how it ends; None where an error keeps this one from waiting."""
    while (ends := ranks.meet(failure(error), None if error is None else GRACE)) is not None:
        if not any(isinstance(end, Going) for _, end in ends):
            break
    return ends


def failure(error: BaseException | None) -> Failure | None:
    """Failure that an error is to the others; one that asks to exit with 0 is none."""
    if error is None or (isinstance(error, SystemExit) and not error.code):
        return None
    if isinstance(error, XpnetError):
        return Failure(str(error), True, 2, own=not isinstance(error, LeftBehindError))
    if isinstance(error, KeyboardInterrupt):
        # Each has got as far as it has.
        number = stop_signals.number_of(error)
        return Failure(f"{stop_signals.cause(number)}.", True, 128 + number)
    if isinstance(error, SystemExit):
        if isinstance(error.code, int):
            return Failure(f"exited with {error.code}.", True, error.code)
        return Failure(str(error.code), True, 1)
    return Failure(f"{type(error).__name__}: {error}", False, 1)


def report_failure(where: str, error: BaseException | None) -> int:
    """Print on stderr what a rank met that the others did not; returns the status to stop them with."""
    met = failure(error) or Failure("left early.", True, 1)
    if not met.foreseen:
        traceback.print_exception(error)
    # How far it has got is another matter for each.
    words = str(error) if isinstance(error, KeyboardInterrupt) else met.message
    stop_signals.say(f"xpnet: {where}: {words or met.message}", sys.stderr)
    return met.status


def left(error: BaseException | None, rank: int, ends: Sequence[tuple[str, Failure | None]]) -> BaseException | None:
    """Exception that this rank raises, when all of them leave with these failures."""
    failed = {i: (where, met) for i, (where, met) in enumerate(ends) if met is not None}
    # Who was left behind has nothing to say where others tell why.
    failed = {i: end for i, end in failed.items() if end[1].own} or failed
    alike = len({met for _, met in ends}) == 1 or not any(met.own for _, met in failed.values())
    unforeseen = not all(met.foreseen for _, met in failed.values())
    if error is not None and unforeseen and not alike and rank in failed:
        error.add_note(f"({ends[rank][0]})")
        return error
    if not failed or (alike and rank == 0 and rank in failed):
        return error
    if rank or unforeseen:
        return SystemExit(max(met.status for _, met in failed.values()))
    return RankError("; ".join(f"{where}: {met.message}" if met.own else met.message for where, met in failed.values()))
