"""CuPy: NumPy's functions on a CUDA device."""

from contextlib import AbstractContextManager
from typing import Any

import array_api_compat.cupy as xp
import cupy
import numpy as np

from xpnet._typing import Array
from xpnet.backends import cuda
from xpnet.backends.base import Backend
from xpnet.errors import DeviceError


class CupyBackend(Backend):
    """CuPy arrays on one device; whatever computes with them does so within `current()`."""

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
        host: np.ndarray = array.get()
        return host

    def current(self) -> AbstractContextManager[Any]:
        """The device itself, which is a context in CuPy."""
        device: AbstractContextManager[Any] = self.device
        return device

    def synchronize(self) -> None:
        """Wait for every kernel that was launched on the device."""
        self.device.synchronize()


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
