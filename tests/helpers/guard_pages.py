"""Arrays that end at a page that may not be touched, and compiled functions on them: `python -m helpers.guard_pages`.

An access beyond an array ends the process by a signal, so it is run in one of its own. Linux only.
"""

import ctypes
import mmap
import sys
from unittest.mock import patch

import numpy as np

from helpers.random_functions import arrays_for, body, function, quiet
from xpnet.capture.engines.cpu.compiled import Compiled
from xpnet.capture.engines.cpu.vectors import Vectors
from xpnet.capture.planning import memory
from xpnet.capture.program_cache import planned
from xpnet.errors import CaptureError

PROT_NONE = 0
"""Neither read, nor write, nor execute; as Linux has it."""

_mprotect = ctypes.CDLL(None, use_errno=True).mprotect
_mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def buffer(size: int) -> np.ndarray:
    """So many bytes at the end of a page, the next of which may neither be read nor written."""
    pages = -(-size // mmap.PAGESIZE)
    region = np.frombuffer(mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE), np.uint8)
    end = pages * mmap.PAGESIZE
    if _mprotect(region.ctypes.data + end, mmap.PAGESIZE, PROT_NONE):
        raise OSError(ctypes.get_errno(), "mprotect")
    return region[end - size : end]


def guarded(array: np.ndarray) -> np.ndarray:
    """A copy of an array that ends at such a page."""
    copy = buffer(array.nbytes).view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def compiled(step, carry, data, rows, **options):
    """The carry and the results of steps from machine code on arrays, buffers and rows that end at such pages."""
    with patch.object(memory, "aligned", buffer), patch("xpnet.capture.engines.cpu.compiled.aligned", buffer):
        run = Compiled(planned(step, carry, data, rows.shape[1]), gathered=True, **options)
    carry, data, rows = [*map(guarded, carry)], [*map(guarded, data)], guarded(rows.astype(np.int64))
    results = [guarded(np.zeros((len(rows), *value.shape), value.dtype)) for value in run.plan.results]
    run.gathered(carry, data, rows, results)
    return carry, results


def main(first: int, count: int, fault: str) -> None:
    """Run the functions of some seeds; with the fault "mask", the ends of rows are read as whole vectors."""
    if fault == "mask":
        Vectors._mask = lambda self: ""
    done = 0
    for seed in range(first, first + count):
        drawn = function(seed)
        with quiet():
            try:
                compiled(body(drawn), *arrays_for(drawn), drawn.rows)
                done += 1
            except CaptureError:
                continue
    print(done)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
