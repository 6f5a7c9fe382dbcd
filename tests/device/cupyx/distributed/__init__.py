"""A stand-in for NCCL as CuPy hands it out: sums over processes, each on a device of its own, in a stream's order.

The ranks exchange what they add up by MPI; what a device computes meanwhile, and how fast, is not imitated.
"""

import numpy
from cupy import driver, ndarray

KINDS = "bBiIlLqQefd"
"""The dtypes that NCCL adds up, by NumPy's letters for them."""


class NCCLBackend:
    """A communicator of processes: made on the current device of each, which it then works for."""

    def __init__(self, n_devices, rank, host="127.0.0.1", port=13333, use_mpi=False):
        if not use_mpi:
            raise NotImplementedError("the stand-in's ranks meet over MPI")
        from mpi4py import MPI

        driver.refuse("a communicator")
        self.rank, self._world, self._device = rank, MPI.COMM_WORLD.Dup(), driver._local.device
        devices = self._world.allgather(self._device)
        if len(devices) != n_devices or len(set(devices)) < n_devices:
            raise RuntimeError("NCCL_ERROR_INVALID_USAGE: invalid usage")

    def all_reduce(self, in_array, out_array, op="sum", stream=None):
        """Add up, when the stream gets there; in rank order, so that all have the same bits."""
        if stream is not None or op != "sum":
            raise NotImplementedError("the stand-in adds up on the current stream")
        for array in (in_array, out_array):
            if not isinstance(array, ndarray):
                raise AttributeError("'numpy.ndarray' object has no attribute 'ptr'")
            if not (array.flags.c_contiguous or array.flags.f_contiguous):
                raise RuntimeError("NCCL requires arrays to be either c- or f-contiguous")
            if array._number != self._device:
                raise RuntimeError("NCCL_ERROR_UNHANDLED_CUDA_ERROR: unhandled cuda error")
        if in_array.dtype.char not in KINDS:
            raise TypeError(f"Unknown dtype {in_array.dtype} for NCCL")
        source, target = in_array._held, out_array._held

        def add():
            parts = numpy.empty((self._world.size, source.size), source.dtype)
            self._world.Allgather(numpy.array(source.ravel("K")), parts)
            target.ravel("K")[...] = parts.sum(axis=0)

        driver.do(add)

    def barrier(self):
        """Wait for all processes."""
        self._world.Barrier()
