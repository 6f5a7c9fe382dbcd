"""PyTorch backend: on the CPU by NumPy's engines, as CUDA graphs on a CUDA device; steps without autograd."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import torch

from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Array, Batch
from xpnet.backends import cuda
from xpnet.backends.base import Backend, Carry, Rowwise, Step
from xpnet.backends.shared_memory import SharedMemory
from xpnet.backends.torch_graphs import step_graphs
from xpnet.backends.torch_namespace import xp
from xpnet.errors import CaptureError, DeviceError, EngineWarning

TORCH_PRECISIONS = {"fp32": "ieee", "tf32": "tf32"}
"""Precisions by the names that torch has for them."""

PINNED = 2**24
"""Bytes up to which an array goes to the device through pinned memory; larger ones are data, uploaded once."""


@cache
def _upload_stream(device: torch.device) -> torch.cuda.Stream:
    """Stream of the device for uploads; one, since torch keeps freed memory for the stream that had it."""
    return torch.cuda.Stream(device)


class TorchBackend(Backend):
    """Backend of torch tensors on one device; what is mapped over rows requires a gradient where they do."""

    def __init__(self, device: torch.device) -> None:
        super().__init__("torch", xp, device)
        if device.type == "cuda":
            self.engines = ("plain", "compiled")
            self.engine = "compiled"

    @property
    def version(self) -> str:
        """Version of PyTorch, with the CUDA version it is built for."""
        return str(torch.__version__)

    def asarray(self, array: Any, dtype: Any = None) -> Array:
        """Tensor, with its history; an array that torch cannot share memory with is copied."""
        if isinstance(array, torch.Tensor):
            return array.to(device=self.device, dtype=self.dtype(dtype))
        if isinstance(array, np.ndarray) and (not array.flags.writeable or min(array.strides, default=0) < 0):
            # torch 2.13 warns about read-only NumPy arrays and refuses negative strides.
            array = array.copy()
        if self.device.type == "cuda" and isinstance(array, np.ndarray) and array.nbytes <= PINNED:
            # From other memory torch 2.13 waits until the device has done all earlier work.
            return torch.asarray(array, dtype=self.dtype(dtype)).pin_memory().to(self.device, non_blocking=True)
        return super().asarray(array, dtype)

    def owns(self, array: Any) -> bool:
        """Whether it is a tensor on the device."""
        return isinstance(array, torch.Tensor) and array.device == self.device

    def view_on_host(self, array: Array) -> np.ndarray | None:
        """NumPy array with the tensor's own memory on the CPU, unless gradients shall flow through it."""
        if self.device.type != "cpu" or (array.requires_grad and torch.is_grad_enabled()):
            return None
        try:
            host: np.ndarray = array.detach().numpy()
        except (RuntimeError, TypeError):
            # Tensors that are transformed, and dtypes that NumPy lacks.
            return None
        return host

    def to_host(self, array: Array) -> np.ndarray:
        """NumPy array in the tensor's own memory on the CPU, a copy from elsewhere."""
        host: np.ndarray = array.detach().cpu().numpy()
        return host

    def copy(self, tree: Any) -> Any:
        """Detached copy."""
        return map_arrays(lambda array: array.detach().clone(), tree)

    def detached(self, tree: Any) -> Any:
        """Tree with the same memory, without its history, which an unchanged array would keep even under no_grad."""
        return map_arrays(lambda array: array.detach(), tree)

    def buffer(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Pinned memory for a CUDA device."""
        if self.device.type != "cuda":
            return super().buffer(shape, dtype)
        pinned: np.ndarray = torch.empty(shape, dtype=self.dtype(np.dtype(dtype)), pin_memory=True).numpy()
        return pinned

    def download(self, array: Array, buffer: np.ndarray) -> None:
        """Copy a tensor into a buffer of its shape; waits for the device."""
        torch.from_numpy(buffer).copy_(array)

    def upload(self, buffers: Any) -> Any:
        """Copy them on a stream of their own, while the device goes on with others; on the CPU nothing is copied."""
        if self.device.type != "cuda":
            return super().upload(buffers)
        stream = _upload_stream(self.device)
        with torch.cuda.stream(stream):
            arrays = map_arrays(lambda buffer: torch.from_numpy(buffer).to(self.device, non_blocking=True), buffers)
        stream.synchronize()
        return arrays

    def take_over(self, current: Any, arrays: Any) -> Any:
        """Copy into the current arrays: graphs have their addresses. Waits for the device, which has other streams."""
        if current is None or self.device.type != "cuda":
            return arrays
        for old, new in zip(arrays_in(current), arrays_in(arrays), strict=True):
            old.copy_(new)
        self.synchronize()
        return current

    @contextmanager
    def current(self) -> Iterator[None]:
        """Context in which products on CUDA devices have the backend's precision; torch's own is for the process."""
        products = torch.backends.cuda.matmul
        before, products.fp32_precision = products.fp32_precision, TORCH_PRECISIONS[self.precision]
        try:
            yield
        finally:
            products.fp32_precision = before

    def synchronize(self) -> None:
        """Wait for every kernel that was launched on the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    @torch.no_grad()
    def run_block(
        self, step: Step, carry: Carry, data: Batch | None, rows: np.ndarray
    ) -> tuple[Carry, tuple[Array, ...]]:
        """Launch graphs of many steps, or run the steps one after another; the block's indices are uploaded once."""
        carry, data, run = self.detached(carry), self.detached(data), super().run_block
        if self.engine == "compiled":
            graphs = step_graphs(step, carry, data, self.device, self.precision)
            try:
                return graphs.run(run, step, carry, self.asarray(rows))
            except CaptureError as error:
                warnings.warn(f"{error}; engine plain runs them instead.", EngineWarning, stacklevel=2)
                self.engine = "plain"
        return run(step, carry, data, rows)


class SharedTorchBackend(SharedMemory, TorchBackend):
    """Backend of torch tensors on the CPU."""

    def map_rows(self, function: Rowwise, params: Any, data: Any, chunk: int) -> Any:
        """Apply the function as NumPy's backend does; as torch, which writes a history, to what requires a gradient."""
        if torch.is_grad_enabled() and any(array.requires_grad for array in arrays_in((params, data))):
            return Backend.map_rows(self, function, params, data, chunk)
        return super().map_rows(function, params, data, chunk)


def backend_on(number: int | None) -> TorchBackend:
    """Backend on the CPU or on a CUDA device that torch finds."""
    if number is None:
        return SharedTorchBackend(torch.device("cpu"))
    if torch.version.cuda is None:
        raise DeviceError(f"torch {torch.__version__} is built without CUDA; {cuda.install('torch', again=True)}")
    with warnings.catch_warnings():
        # torch 2.13 warns where the driver is too old; the error says so.
        warnings.simplefilter("ignore")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        raise cuda.no_device("torch", int(torch.version.cuda.partition(".")[0]))
    cuda.check_device_number(number, count)
    return TorchBackend(torch.device("cuda", number))


def backend_of(array: Array) -> TorchBackend:
    """Backend on a tensor's device."""
    return (SharedTorchBackend if array.device.type == "cpu" else TorchBackend)(array.device)
