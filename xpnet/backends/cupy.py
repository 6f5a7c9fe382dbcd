"""CuPy backend: NumPy's functions on a CUDA device; a block of steps is a CUDA graph, launched like one of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar
from warnings import warn

import array_api_compat.cupy as xp
import cupy
import numpy as np

from xpnet._support.trees import arrays_in, filled, map_arrays
from xpnet._support.typing import Array, Batch
from xpnet.backends import cuda
from xpnet.backends.base import CAPTURED, Backend, Carry, Rowwise, Step
from xpnet.capture import program_cache as programs
from xpnet.errors import CaptureError, DeviceError, EngineWarning

CHUNKS = 64
"""Number of a CPU's chunks that are mapped at once: their launches cost more than their arithmetic."""

TRIED = 40
"""Steps that are run to see whether the device can: a graph of many, and a few of one."""


@cache
def _upload_stream(device: int) -> Any:
    """Stream of the current device for uploads; one, since CuPy keeps freed memory for the stream that had it."""
    return cupy.cuda.Stream(non_blocking=True)


class CupyBackend(Backend):
    """Backend of CuPy arrays on one device; whatever computes with them does so within `current()`."""

    engines = ("plain", *CAPTURED)
    needs: ClassVar = {engine: {"nvmath": "nvmath-python"} for engine in CAPTURED}

    def __init__(self, device: Any) -> None:
        super().__init__("cupy", xp, device)

    def __str__(self) -> str:
        """Description as every backend's, and what it lacks to capture steps."""
        lacks = "; to have steps captured, run pip install nvmath-python" if self.missing("compiled") else ""
        return f"{super().__str__()}{lacks}"

    @property
    def version(self) -> str:
        """Version of CuPy."""
        return str(cupy.__version__)

    @property
    def device_name(self) -> str:
        """Device, as cuda:N."""
        return f"cuda:{self.device.id}"

    def to_host(self, array: Array) -> np.ndarray:
        """Copy in the host's memory."""
        host: np.ndarray = array.get()
        return host

    def buffer(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Pinned memory."""
        from cupyx import empty_pinned

        pinned: np.ndarray = empty_pinned(shape, dtype)
        return pinned

    def download(self, array: Array, buffer: np.ndarray) -> None:
        """Copy an array into a buffer of its shape; waits for the device."""
        array.get(out=buffer)

    def upload(self, buffers: Any) -> Any:
        """Copy them on a stream of their own, while the device goes on with others."""
        with self.device, _upload_stream(self.device.id) as stream:
            arrays = map_arrays(lambda buffer: cupy.empty(buffer.shape, buffer.dtype), buffers)
            for array, buffer in zip(arrays_in(arrays), arrays_in(buffers), strict=True):
                array.set(buffer, stream)
            stream.synchronize()
        return arrays

    def take_over(self, current: Any, arrays: Any) -> Any:
        """Copy into the current arrays: graphs have their addresses. Waits for the copies, made on another stream."""
        if current is None:
            return arrays
        for old, new in zip(arrays_in(current), arrays_in(arrays), strict=True):
            cupy.copyto(old, new)
        self.synchronize()
        return current

    @contextmanager
    def current(self) -> Iterator[None]:
        """Context in which the device is CuPy's current one, and `cupy.matmul` has the backend's precision."""
        # CuPy 14.2 has no public way but the variable CUPY_TF32, which it reads once.
        core = cupy._core
        kinds = core._routines_linalg
        with self.device:
            before = core.get_compute_type("float32")
            wanted = kinds.COMPUTE_TYPE_TF32 if self.precision == "tf32" else kinds.COMPUTE_TYPE_DEFAULT
            core.set_compute_type("float32", wanted)
            try:
                yield
            finally:
                core.set_compute_type("float32", before)

    def synchronize(self) -> None:
        """Wait for every kernel that this thread has launched; CUDA lets none wait for a device that captures."""
        cupy.cuda.get_current_stream(self.device.id).synchronize()

    def choose(self, step: Step, carry: Carry, data: Batch, batch_size: int, steps: int) -> str:
        """Engine compiled, a graph, except for what cannot be captured; plain without the package that it needs."""
        if self.missing("compiled"):
            return "plain"
        from xpnet.capture.engines.cuda.launches import launches

        try:
            launches(programs.planned(step, carry, data, batch_size))
        except CaptureError:
            return "plain"
        return "compiled"

    def prepare(self, step: Step, carry: Carry, data: Batch | None, batch_size: int) -> None:
        """Compile the kernels; a device that refuses them has the steps run plain, with a warning that says why."""
        if self.engine == "plain":
            return
        try:
            program = self._program(step, carry, data, batch_size)
            program.run(arrays_in(carry), arrays_in(data), np.zeros((TRIED, batch_size), np.int64))
        except Exception as error:
            # Whatever keeps this machine from it, drivers and compilers included: the training itself can be done.
            why = cuda.first_line(cuda.first_error(error))
            warn(f"CuPy cannot capture these steps ({why}); engine plain runs them instead.", EngineWarning, 2)
            self.engine = "plain"

    def run_block(
        self, step: Step, carry: Carry, data: Batch | None, rows: np.ndarray
    ) -> tuple[Carry, tuple[Array, ...]]:
        """Run the steps from a plan, as graphs or kernel by kernel."""
        if self.engine == "plain":
            return super().run_block(step, carry, data, rows)
        program = self._program(step, carry, data, rows.shape[1])
        arrays, results = program.run(arrays_in(carry), arrays_in(data), rows)
        return filled(carry, arrays), filled(program.plan.result, results)

    def map_rows(self, function: Rowwise, params: Any, data: Any, chunk: int) -> Any:
        """Apply the function to large chunks."""
        return super().map_rows(function, params, data, chunk * CHUNKS)

    def _program(self, step: Step, carry: Carry, data: Batch | None, batch_size: int) -> Any:
        """Program for these shapes on this device."""
        from xpnet.capture.engines.cuda.device import DeviceProgram

        def make() -> DeviceProgram:
            plan = programs.planned(step, carry, data, batch_size)
            return DeviceProgram(plan, precision=self.precision, graphs=self.engine == "compiled")

        key = (self.engine, self.precision, self.device.id, *programs.shapes(carry, data, batch_size))
        return programs.cached(step, key, make)


def backend_on(number: int) -> CupyBackend:
    """Backend on a CUDA device, which has been tried."""
    runtime = cupy.cuda.runtime
    built = runtime.runtimeGetVersion() // 1000
    try:
        count = runtime.getDeviceCount()
    except runtime.CUDARuntimeError as error:
        raise cuda.no_device("cupy", built, error) from error
    cuda.check_device_number(number, count)
    chosen = cupy.cuda.Device(number)
    major, minor = cuda.OLDEST.get(built, (0, 0))
    if int(chosen.compute_capability) < 10 * major + minor:
        raise DeviceError(
            f"cuda:{number} has compute capability {int(chosen.compute_capability) / 10}, which CUDA {built} no longer "
            f"serves: run pip uninstall {cuda.WHEELS['cupy'].format(built)}, then {cuda.install('cupy')}"
        )
    try:
        load_libraries(chosen)
    except runtime.CUDARuntimeError as error:
        raise DeviceError(f"cuda:{number} does not start ({cuda.first_line(error)}): see nvidia-smi") from error
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


def backend_of(array: Array) -> CupyBackend:
    """Backend on an array's device."""
    return CupyBackend(array.device)
