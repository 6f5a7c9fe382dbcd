"""Fake machines: with or without a driver, GPUs, and the libraries that use them."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from xpnet.backends import cuda


class Machine:
    """A machine without a driver and without CUDA wheels, until they are put in.

    Attributes:
        wheels: The versions of the distributions that are installed.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.wheels: dict[str, str] = {}
        monkeypatch.setattr(cuda, "installed_version", self.wheels.get)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        self.driver(0)

    def driver(self, major: int, gpus: int = 0, capability: tuple[int, int] = (9, 0)) -> None:
        """Put in a driver that serves a CUDA major version and shows some GPUs of a generation."""
        self.monkeypatch.setattr(cuda, "compute_capability", lambda: capability if gpus else None)
        self.monkeypatch.setattr(cuda, "driver_cuda_major", lambda: major)
        self.monkeypatch.setattr(cuda, "driver_device_count", lambda: gpus)

    def without(self, *libraries: str) -> None:
        """Make libraries look as if they were not installed."""
        for name in libraries:
            self.monkeypatch.setitem(sys.modules, name, None)
            self.forget(f"xpnet.backends.{name}")

    def cupy(self, built: int) -> "FakeCupy":
        """Put in a CuPy built for a CUDA major version, in the place of any other."""
        fake = FakeCupy(built)
        self.monkeypatch.setitem(sys.modules, "cupy", fake)
        self.monkeypatch.setitem(sys.modules, "array_api_compat.cupy", fake)
        self.forget("xpnet.backends.cupy")
        return fake

    def forget(self, module: str) -> None:
        """Have a module imported anew, and after the test what was there before."""
        self.monkeypatch.setitem(sys.modules, module, None)
        del sys.modules[module]


class CUDARuntimeError(RuntimeError):
    """CuPy's error, with the status of CUDA's runtime."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class FakeCupy(ModuleType):
    """What CuPy is asked when a device is chosen.

    Attributes:
        devices: How many GPUs there are, or the error that counting them raises.
        cublas: The error that loading cuBLAS raises, or None.
        nvrtc: The error that loading NVRTC raises, or None.
        current: The device that is current.
        compute_type: How float32 matrices are multiplied.
        capability: The compute capability of each GPU, as CuPy spells it.
    """

    __version__ = "14.2.0"

    def __init__(self, built: int) -> None:
        super().__init__("cupy")
        self.devices: int | Exception = 1
        self.cublas: Exception | None = None
        self.nvrtc: Exception | None = None
        self.current: FakeDevice | None = None
        self.compute_type = "TBD"
        self.capability = "90"
        self._core = SimpleNamespace(
            get_compute_type=lambda dtype: self.compute_type,
            set_compute_type=self.set_compute_type,
            _routines_linalg=SimpleNamespace(COMPUTE_TYPE_DEFAULT="DEFAULT", COMPUTE_TYPE_TF32="TF32"),
        )
        self.cuda = SimpleNamespace(
            Device=lambda number: FakeDevice(self, number),
            get_cublas_handle=lambda: answer(self.cublas if self.current else RuntimeError("on no device")),
            nvrtc=SimpleNamespace(getVersion=lambda: answer(self.nvrtc)),
            runtime=SimpleNamespace(
                CUDARuntimeError=CUDARuntimeError,
                runtimeGetVersion=lambda: built * 1000 + 90,
                getDeviceCount=lambda: answer(self.devices),
            ),
        )

    def set_compute_type(self, dtype: str, compute_type: str) -> None:
        """Remember how matrices are multiplied; CuPy looks at the current device first."""
        assert dtype == "float32"
        assert self.current is not None
        self.compute_type = compute_type


class FakeDevice:
    """A device that can be made current."""

    def __init__(self, cupy: FakeCupy, number: int) -> None:
        self.cupy, self.id = cupy, number
        self.compute_capability = cupy.capability

    def __enter__(self) -> None:
        self.cupy.current = self

    def __exit__(self, *_: object) -> None:
        self.cupy.current = None


def answer(value: Any) -> Any:
    """The value, raised where it is an error."""
    if isinstance(value, Exception):
        raise value
    return value
