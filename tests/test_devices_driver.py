"""What the driver and the packages' metadata tell, without any array library."""

import ctypes
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.fake_machines import Machine

from xpnet import backends
from xpnet.backends import cuda


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without a driver."""
    return Machine(monkeypatch)


def test_the_drivers_version_is_read_without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CUDA version and the number of GPUs come from the driver's own library."""

    def store(value: int) -> Callable[[Any], int]:
        def answer(target: Any) -> int:
            target._obj.value = value
            return 0

        return answer

    library = SimpleNamespace(cuDriverGetVersion=store(12040), cuInit=lambda flags: 0, cuDeviceGetCount=store(3))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    assert cuda.driver_cuda_major() == 12
    assert cuda.driver_device_count() == 3
    library.cuInit = lambda flags: 100
    assert cuda.driver_device_count() == 0


def test_the_oldest_cards_generation_is_read_without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several GPUs the oldest decides which CUDA libraries serve all of them."""
    generations = [(9, 0), (7, 5), (8, 9)]

    def count(target: Any) -> int:
        target._obj.value = len(generations)
        return 0

    def get(target: Any, number: int) -> int:
        target._obj.value = number
        return 0

    def attribute(target: Any, name: int, device: Any) -> int:
        target._obj.value = generations[device.value][(cuda.MAJOR, cuda.MINOR).index(name)]
        return 0

    library = SimpleNamespace(
        cuInit=lambda flags: 0, cuDeviceGetCount=count, cuDeviceGet=get, cuDeviceGetAttribute=attribute
    )
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    assert cuda.compute_capability() == (7, 5)
    generations.clear()
    assert cuda.compute_capability() is None


def test_a_machine_without_a_driver_has_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the driver's library cannot be loaded there is no CUDA version and no GPU."""

    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert (cuda.driver_cuda_major(), cuda.driver_device_count()) == (0, 0)


def test_the_listing_names_what_is_missing(machine: Machine) -> None:
    """Each backend has a row with its version and devices, or with what installs it."""
    machine.wheels.update({"numpy": "2.4.6", "torch": "2.13.0+cpu", "jax": "0.10.2", "jax-cuda12-plugin": "0.10.2"})
    machine.driver(12, 2)
    assert backends.installed() == [
        ("numpy", "2.4.6", ("cpu",), ""),
        ("cupy", None, (), 'not installed; run pip install "cupy-cuda12x[ctk]"'),
        ("torch", "2.13.0+cpu", ("cpu",), 'built without CUDA; run pip install --force-reinstall "torch"'),
        ("jax", "0.10.2", ("cpu", "cuda:0", "cuda:1"), ""),
    ]


def test_the_listing_without_a_gpu(machine: Machine) -> None:
    """Without a GPU the libraries for the CPU are listed with that, and CuPy with its need of a driver."""
    machine.wheels.update({"numpy": "2.4.6", "cupy-cuda13x": "14.2.0", "torch": "2.13.0"})
    assert backends.installed() == [
        ("numpy", "2.4.6", ("cpu",), ""),
        ("cupy", "14.2.0", (), "no CUDA device"),
        ("torch", "2.13.0", ("cpu",), "no CUDA device"),
        ("jax", None, (), "not installed; run pip install jax"),
    ]


def test_the_first_of_errors_that_followed_each_other_is_told() -> None:
    """What broke a capture off comes before any that ending it raised; an error alone is its own first."""

    def fail() -> None:
        try:
            try:
                raise RuntimeError("first")
            finally:
                raise RuntimeError("second")
        finally:
            raise RuntimeError("third")

    with pytest.raises(RuntimeError, match="third") as caught:
        fail()
    assert str(cuda.first_error(caught.value)) == "first"
    assert str(cuda.first_error(ValueError("alone"))) == "alone"
