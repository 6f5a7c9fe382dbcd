"""MPI itself, as mpi4py hands it out, and the sentences that say what is missing."""

import ctypes
import os
import warnings
from typing import Any

from xpnet._support import stop_signals
from xpnet.errors import InputError, MissingExtraError

COUNTS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS")
"""The variables in which launchers tell how many processes they have started."""


def library() -> Any:
    """The module mpi4py.MPI; its import starts MPI in this process.

    Raises:
        MissingExtraError: mpi4py or an MPI library is not installed.
        InputError: The processes were started by another MPI's launcher, so that none sees the others.
    """
    try:
        with warnings.catch_warnings():
            # mpi4py 4.1 warns of another MPI's launcher, of which an error is made here.
            warnings.simplefilter("ignore", RuntimeWarning)
            # It waits for all that the launcher started, of which one may train alone.
            with stop_signals.ending_at_once():
                from mpi4py import MPI
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "training over MPI needs mpi4py and an MPI library; run pip install mpi4py mpich."
        ) from error
    except (ImportError, RuntimeError) as error:
        raise MissingExtraError(
            "mpi4py finds no MPI library; run pip install mpich, or load the cluster's own (module load …)."
        ) from error
    started = processes_started()
    if MPI.COMM_WORLD.size == 1 < started:
        raise InputError(
            f"{started} processes were started together, but to {name(MPI)} each is alone: "
            "it needs its own mpiexec, or mpi4py the library of the launcher that was used."
        )
    return MPI


def processes_started() -> int:
    """How many processes a launcher says that it has started together, this one among them."""
    counts = (os.environ.get(name, "") for name in COUNTS)
    return max((int(count) for count in counts if count.isdecimal()), default=1)


def name(MPI: Any) -> str:
    """The MPI library with its version."""
    vendor, version = MPI.get_vendor()
    return f"{vendor} {'.'.join(map(str, version))}"


def takes_device_memory(MPI: Any) -> bool:
    """Whether the library says that it takes arrays on CUDA devices; one that cannot be asked does not."""
    try:
        return bool(ctypes.CDLL(MPI.__file__).MPIX_Query_cuda_support())
    except (AttributeError, OSError):
        return False
