"""How the threads of a compiled plan share its work, and wait for each other.

`xpnet_yield` is the system's function that lets other threads go first.
"""

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_yield = types.ExternalFunction("xpnet_yield", types.int32())

PATIENCE = 5000
"""How often a thread looks whether the others have come before it lets other threads of the machine go first."""


@intrinsic
def _counted(typing, address):
    """The number there, which is one more from then on."""

    def build(context, builder, signature, arguments):
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "acq_rel")

    return types.int64(types.int64), build


@intrinsic
def _seen(typing, address):
    """The number there, and with it all that was written before it was."""

    def build(context, builder, signature, arguments):
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(place, "acquire", 8)

    return types.int64(types.int64), build


@intrinsic
def _shown(typing, address, number):
    """Write a number there, after all that was written before."""

    def build(context, builder, signature, arguments):
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        builder.store_atomic(arguments[1], place, "release", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), build


@njit(error_model="numpy")
def share(n, thread, threads):
    """The first of n that a thread does, and the one after its last."""
    return n * thread // threads, n * (thread + 1) // threads


@njit(error_model="numpy")
def meet(place, threads):
    """Wait until all threads are here; `place` is how many are, and a cache line further how often all were."""
    if threads == 1:
        return
    here = place.ctypes.data
    times = _seen(here + 64)
    if _counted(here) == threads - 1:
        _shown(here, 0)
        _shown(here + 64, times + 1)
        return
    looked = 0
    while _seen(here + 64) == times:
        looked += 1
        if looked > PATIENCE:
            _yield()
