"""The matrix products that compiled plans call: those of NumPy's own OpenBLAS where it can be reached, else SciPy's.

NumPy's is the same library, with the same threads, that `matmul` uses, and often the newer one.
"""

import ctypes
from functools import cache
from typing import NamedTuple

import numpy as np


class Blas(NamedTuple):
    """Where the routines are.

    Attributes:
        name: Whose they are.
        addresses: Of `sgemm` and `dgemm` as Fortran has them, all arguments pointers.
        integers: The dtype of their sizes.
    """

    name: str
    addresses: dict[str, int]
    integers: np.dtype


@cache
def blas() -> Blas:
    """The library for this process."""
    return _numpys() or _scipys()


def _numpys() -> Blas | None:
    """NumPy's wheels bring OpenBLAS with 64-bit sizes, under names of their own."""
    import threadpoolctl

    for library in threadpoolctl.threadpool_info():
        path = library["filepath"]
        if library["internal_api"] != "openblas" or "numpy" not in path:
            continue
        try:
            loaded = ctypes.CDLL(path)
            addresses = {
                name: ctypes.cast(getattr(loaded, f"scipy_{name}_64_"), ctypes.c_void_p).value
                for name in ("sgemm", "dgemm")
            }
        except (AttributeError, OSError):
            continue
        found = {name: address for name, address in addresses.items() if address}
        if len(found) == 2:
            return Blas("numpy", found, np.dtype(np.int64))
    return None


def _scipys() -> Blas:
    """SciPy hands on the addresses of its own."""
    from numba.extending import get_cython_function_address

    module = "scipy.linalg.cython_blas"
    addresses = {name: get_cython_function_address(module, name) for name in ("sgemm", "dgemm")}
    return Blas("scipy", addresses, np.dtype(np.int32))
