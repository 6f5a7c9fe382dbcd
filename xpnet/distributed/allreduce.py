"""How sums travel from rank to rank: decided once, for all ranks alike, by where the arrays lie."""

from collections.abc import Callable
from typing import Any

import numpy as np

from xpnet._support.typing import Array
from xpnet.backends import Backend
from xpnet.distributed.mpi import name, takes_device_memory

Sum = Callable[[Array], Array]
"""What adds up an array over all ranks."""


def way(MPI: Any, world: Any, here: Backend) -> tuple[Sum, str]:
    """The fastest way that every rank can go, and what it is called.

    Args:
        MPI: The module.
        world: The communicator of all ranks.
        here: Where the arrays lie.
    """
    if not here.device_name.startswith("cuda"):
        return through_host(MPI, world, here), f"straight to {name(MPI)}"
    if world.allreduce(can_nccl(here), MPI.LAND) and has_gpus_of_its_own(world, here):
        return through_nccl(world), "from GPU to GPU by NCCL"
    if world.allreduce(here.name in ("cupy", "torch") and takes_device_memory(MPI), MPI.LAND):
        return straight_from_device(MPI, world, here), f"from GPUs straight to {name(MPI)}"
    return through_buffer(MPI, world, here), f"through a buffer of the host to {name(MPI)}"


def through_host(MPI: Any, world: Any, here: Backend) -> Sum:
    """The arrays are the host's: MPI takes them as they are, in place where the library lets them be written to."""

    def add(sums: Array) -> Array:
        host = here.to_host(sums)
        if not host.flags.writeable:
            host = host.copy()
        world.Allreduce(MPI.IN_PLACE, host)
        return sums if host is sums else here.asarray(host)

    return add


def can_nccl(here: Backend) -> bool:
    """Whether the arrays are CuPy's, and it finds NCCL."""
    if here.name != "cupy":
        return False
    from cupy.cuda import nccl

    return bool(nccl.available)


def has_gpus_of_its_own(world: Any, here: Backend) -> bool:
    """Whether there are several ranks, each with another GPU: NCCL takes no two on one."""
    import cupy

    gpus = world.allgather(cupy.cuda.runtime.getDeviceProperties(here.device.id)["uuid"])
    return len(set(gpus)) == len(gpus) > 1


def through_nccl(world: Any) -> Sum:
    """In place, in the order of the current stream; the host waits for nothing."""
    from cupyx.distributed import NCCLBackend

    ranks = NCCLBackend(world.size, world.rank, use_mpi=True)

    def add(sums: Array) -> Array:
        ranks.all_reduce(sums, sums)
        return sums

    return add


def straight_from_device(MPI: Any, world: Any, here: Backend) -> Sum:
    """In place; MPI knows no streams, so the sums must be there first."""

    def add(sums: Array) -> Array:
        here.synchronize()
        world.Allreduce(MPI.IN_PLACE, sums)
        return sums

    return add


def through_buffer(MPI: Any, world: Any, here: Backend) -> Sum:
    """Down into one pinned buffer, added up there, and up again."""
    buffers: dict[tuple[int, ...], np.ndarray] = {}

    def add(sums: Array) -> Array:
        shape = tuple(sums.shape)
        if shape not in buffers:
            buffers[shape] = here.buffer(shape, str(sums.dtype).rpartition(".")[2])
        here.download(sums, buffers[shape])
        world.Allreduce(MPI.IN_PLACE, buffers[shape])
        return here.upload(buffers[shape])

    return add
