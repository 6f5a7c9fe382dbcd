"""Matrix products on a CUDA device that a graph can capture: cuBLAS with a handle, a stream and memory of their own."""

from typing import Any
from weakref import finalize

import cupy
import numpy as np
from nvmath.bindings import cublas

from xpnet.capture.engines.cuda.launches import Gemm

WORKSPACE = 32 * 2**20
"""Bytes that cuBLAS may work in: what it takes for itself on the largest devices."""

REAL = {"float32": 0, "float64": 1}
"""cudaDataType's names for real numbers."""

DEFAULT_ALGORITHM = -1


class Products:
    """cuBLAS on the current device.

    CuPy's own products cannot be captured: CuPy 14.2 refuses to set their stream while a graph is made.
    """

    def __init__(self, precision: str) -> None:
        self._handle = cublas.create()
        # Before the interpreter takes modules apart, if it lives so long.
        finalize(self, cublas.destroy, self._handle)
        cublas.set_pointer_mode(self._handle, cublas.PointerMode.DEVICE)
        self._workspace = cupy.empty(WORKSPACE, np.uint8)
        single = cublas.ComputeType.COMPUTE_32F_FAST_TF32 if precision == "tf32" else cublas.ComputeType.COMPUTE_32F
        self._computed = {"float32": single, "float64": cublas.ComputeType.COMPUTE_64F}

    def go_to(self, stream: Any) -> None:
        """Work on a stream from now on."""
        cublas.set_stream(self._handle, stream.ptr)
        # A new stream makes cuBLAS forget the memory it was given.
        cublas.set_workspace(self._handle, self._workspace.data.ptr, WORKSPACE)

    def multiply(self, gemm: Gemm, a: Any, b: Any, c: Any, alpha: Any, beta: Any) -> None:
        """c ← alpha·a·b + beta·c; cuBLAS counts columns first, so that it is asked for cᵀ = bᵀ·aᵀ."""
        (m, n, k), (first, second), dtype = gemm.size, gemm.lies, gemm.dtype.name
        turned = {False: cublas.Operation.N, True: cublas.Operation.T}
        real = REAL[dtype]
        cublas.gemm_ex(
            self._handle, turned[second.turned], turned[first.turned], n, m, k,
            alpha.data.ptr, b.data.ptr, real, second.length, a.data.ptr, real, first.length,
            beta.data.ptr, c.data.ptr, real, n, self._computed[dtype], DEFAULT_ALGORITHM,
        )  # fmt: skip
