"""Allreduce: how sums travel from rank to rank, chosen once, for all ranks alike, by where the arrays are."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from xpnet._support.typing import Array
from xpnet.backends import Backend
from xpnet.distributed.mpi import name, takes_device_memory

Sum = Callable[[Array], Array]
"""Function that sums an array over all ranks."""


def choose_allreduce(MPI: Any, world: Any, backend: Backend) -> tuple[Sum, str]:
    """Choose the fastest sum over ranks that all of them can do, with its name.

    Args:
        MPI: The module.
        world: The communicator of all ranks.
        backend: Where the arrays lie.
    """
    if not backend.device_name.startswith("cuda"):
        return through_host(MPI, world, backend), f"straight to {name(MPI)}"
    if world.allreduce(can_nccl(backend), MPI.LAND) and has_gpus_of_its_own(world, backend):
        return through_nccl(world, backend), "from GPU to GPU by NCCL"
    if world.allreduce(backend.name in ("cupy", "torch") and takes_device_memory(MPI), MPI.LAND):
        return straight_from_device(MPI, world, backend), f"from GPUs straight to {name(MPI)}"
    return through_buffer(MPI, world, backend), f"through a buffer of the host to {name(MPI)}"


def through_host(MPI: Any, world: Any, backend: Backend) -> Sum:
    """The arrays are the host's: MPI takes them as they are, in place where the library lets them be written to."""

    def add(sums: Array) -> Array:
        host = backend.to_host(sums)
        if not host.flags.writeable:
            host = host.copy()
        world.Allreduce(MPI.IN_PLACE, host)
        return sums if host is sums else backend.asarray(host)

    return add


def can_nccl(backend: Backend) -> bool:
    """Whether the arrays are CuPy's, and it finds NCCL."""
    if backend.name != "cupy":
        return False
    with warnings.catch_warnings():
        # CuPy 14.2 warns where it does not find the library; another way is taken then.
        warnings.simplefilter("ignore")
        from cupy.cuda import nccl

    return bool(nccl.available)


def has_gpus_of_its_own(world: Any, backend: Backend) -> bool:
    """Whether there are several ranks, each with another GPU: NCCL takes no two on one."""
    import cupy

    gpus = world.allgather(cupy.cuda.runtime.getDeviceProperties(backend.device.id)["uuid"])
    return len(set(gpus)) == len(gpus) > 1


def through_nccl(world: Any, backend: Backend) -> Sum:
    """In place, in the order of the current stream; the host waits for nothing."""
    from cupyx.distributed import NCCLBackend

    # A communicator is its current device's, whoever asks for it first.
    with backend.current():
        ranks = NCCLBackend(world.size, world.rank, use_mpi=True)

    def add(sums: Array) -> Array:
        ranks.all_reduce(sums, sums)
        return sums

    return add


def straight_from_device(MPI: Any, world: Any, backend: Backend) -> Sum:
    """In place; MPI knows no streams, so the sums must be there first."""

    def add(sums: Array) -> Array:
        backend.synchronize()
        world.Allreduce(MPI.IN_PLACE, sums)
        return sums

    return add


def through_buffer(MPI: Any, world: Any, backend: Backend) -> Sum:
    """Down into one pinned buffer, added up there, and up again, in place where the library can be written to.

    What is uploaded has memory of the copying stream's, which gives it away as soon as it is let go of: it is copied to
    where it is used, and the device has done that when this returns.
    """
    buffers: dict[tuple[int, ...], np.ndarray] = {}

    def add(sums: Array) -> Array:
        shape = tuple(sums.shape)
        if shape not in buffers:
            buffers[shape] = backend.buffer(shape, str(sums.dtype).rpartition(".")[2])
        backend.download(sums, buffers[shape])
        world.Allreduce(MPI.IN_PLACE, buffers[shape])
        return backend.take_over(sums, backend.upload(buffers[shape]))

    return add
