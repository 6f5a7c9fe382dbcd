"""CuPy: NumPy's functions on a CUDA device."""

from collections.abc import Callable
from typing import Any

import array_api_compat.cupy as xp
import cupy
import numpy as np

from xpnet._typing import Array, Batch
from xpnet.backends import cuda
from xpnet.backends.base import Backend, Carry, Step
from xpnet.errors import DeviceError


class CupyBackend(Backend):
    """CuPy arrays on one device; all work is done inside that device, since CuPy creates arrays on the current one."""

    def __init__(self, device: Any) -> None:
        super().__init__("cupy", xp, device)

    @property
    def version(self) -> str:
        """CuPy's version."""
        return str(cupy.__version__)

    @property
    def device_name(self) -> str:
        """cuda:N."""
        return f"cuda:{self.device.id}"

    def to_host(self, array: Array) -> np.ndarray:
        """A copy in the host's memory."""
        with self.device:
            host: np.ndarray = array.get()
        return host

    def copy(self, tree: Any) -> Any:
        """A copy on the same device."""
        with self.device:
            return super().copy(tree)

    def synchronize(self) -> None:
        """Wait for every kernel that was launched on the device."""
        self.device.synchronize()

    def run_block(self, step: Step, carry: Carry, data: Batch, rows: np.ndarray) -> tuple[Carry, tuple[Array, ...]]:
        """Run the steps one after another; the indices of the whole block are uploaded once."""
        with self.device:
            return super().run_block(step, carry, data, rows)

    def map_rows(self, function: Callable[[Any, Any], Any], params: Any, data: Any, chunk: int) -> Any:
        """Apply the function chunk by chunk."""
        with self.device:
            return super().map_rows(function, params, data, chunk)


def load(index: int) -> CupyBackend:
    """The backend on a CUDA device, which has been tried."""
    runtime = cupy.cuda.runtime
    built = runtime.runtimeGetVersion() // 1000
    try:
        count = runtime.getDeviceCount()
    except runtime.CUDARuntimeError as error:
        raise cuda.no_device("cupy", built, error) from error
    cuda.check_index(index, count)
    chosen = cupy.cuda.Device(index)
    try:
        load_libraries(chosen)
    except runtime.CUDARuntimeError as error:
        raise DeviceError(f"cuda:{index} does not start ({cuda.first_line(error)}): see nvidia-smi") from error
    except (ImportError, OSError, RuntimeError) as error:
        raise DeviceError(
            f"CUDA {built}'s libraries do not load ({cuda.first_line(error)}): "
            f'run pip install "{cuda.PACKAGES["cupy"].format(built)}"'
        ) from error
    return CupyBackend(chosen)


def load_libraries(device: Any) -> None:
    """Load cuBLAS and NVRTC now: CuPy would find them missing only at the first product."""
    with device:
        cupy.cuda.get_cublas_handle()
        cupy.cuda.nvrtc.getVersion()


def holding(array: Array) -> CupyBackend:
    """The backend on an array's device."""
    return CupyBackend(array.device)
