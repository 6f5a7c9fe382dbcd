"""What PyTorch and JAX can be missing for a GPU, each simulated, and the sentence that says what mends it."""

import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.fake_machines import Machine

from xpnet import backends
from xpnet.errors import DeviceError


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without a driver."""
    return Machine(monkeypatch)


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> Any:
    """PyTorch, as if built for CUDA 13 and on a machine with two GPUs."""
    library = pytest.importorskip("torch")
    monkeypatch.setattr(library.version, "cuda", "13.0")
    monkeypatch.setattr(library.cuda, "is_available", lambda: True)
    monkeypatch.setattr(library.cuda, "device_count", lambda: 2)
    return library


def test_torch_takes_the_device_that_was_asked_for(machine: Machine, torch: Any) -> None:
    """PyTorch serves cuda:N, and cuda as the first, also where CuPy is not installed."""
    machine.driver(13, 2)
    assert backends.resolve("torch", "cuda").device == torch.device("cuda:0")
    assert backends.resolve("torch", "cuda:1").device_name == "cuda:1"
    assert backends.resolve("torch", "auto").device_name == "cuda:0"
    assert backends.resolve("torch").device_name == "cpu"
    with pytest.raises(DeviceError, match="cuda:2 does not exist: there are 2"):
        backends.resolve("torch", "cuda:2")


def test_torch_serves_where_cupy_is_missing(machine: Machine, torch: Any) -> None:
    """Device cuda takes the next library that works there."""
    machine.without("cupy")
    machine.driver(13, 2)
    assert backends.resolve(device="cuda:1").name == "torch"


def test_torch_without_cuda(machine: Machine, monkeypatch: pytest.MonkeyPatch, torch: Any) -> None:
    """A build for the CPU has to be replaced even where its version is the newest."""
    monkeypatch.setattr(torch.version, "cuda", None)
    machine.driver(13, 1)
    with pytest.raises(DeviceError, match=r'is built without CUDA; run pip install --force-reinstall "torch"'):
        backends.resolve("torch", "cuda")


def test_torch_with_an_old_driver(machine: Machine, monkeypatch: pytest.MonkeyPatch, torch: Any) -> None:
    """PyTorch's own warning is silenced, and its reason given in the error."""

    def unavailable() -> bool:
        warnings.warn("The NVIDIA driver on your system is too old", stacklevel=2)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", unavailable)
    machine.driver(12, 1)
    with pytest.raises(DeviceError, match="serves CUDA 12 but the installed torch needs CUDA 13: install driver 580"):
        backends.resolve("torch", "cuda")


@pytest.fixture
def jax(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """JAX on a machine with that many GPUs."""
    library = pytest.importorskip("jax")
    devices = library.devices

    def install(count: int) -> None:
        gpus = [SimpleNamespace(platform="gpu", id=i) for i in range(count)]

        def answer(platform: str) -> Any:
            if platform == "cuda" and not gpus:
                raise RuntimeError("Unknown backend cuda")
            return gpus if platform == "cuda" else devices(platform)

        monkeypatch.setattr(library, "devices", answer)

    return install


def test_jax_takes_the_device_that_was_asked_for(machine: Machine, jax: Callable[[int], None]) -> None:
    """JAX serves cuda:N under the same name as the others."""
    jax(2)
    machine.driver(13, 2)
    assert backends.resolve("jax", "cuda:1").device_name == "cuda:1"
    assert backends.resolve("jax").device_name == "cpu"
    with pytest.raises(DeviceError, match="cuda:5 does not exist: there are 2"):
        backends.resolve("jax", "cuda:5")


def test_jax_without_its_plugin(machine: Machine, jax: Callable[[int], None]) -> None:
    """JAX for the CPU gets CUDA by an extra."""
    jax(0)
    machine.driver(12, 1)
    with pytest.raises(DeviceError, match=r'has no CUDA plugin; run pip install "jax\[cuda12\]"'):
        backends.resolve("jax", "cuda")


@pytest.mark.parametrize(
    ("major", "gpus", "wanted"),
    [
        (0, 0, "this machine has no NVIDIA driver: install driver 580 or newer"),
        (12, 1, r'or run pip uninstall jax-cuda13-plugin, then run pip install "jax\[cuda12\]"'),
        (13, 1, r"finds no device \(Unknown backend cuda\) though the driver shows 1: if CUDA's libraries"),
    ],
)
def test_jax_with_its_plugin_but_without_a_device(
    machine: Machine, jax: Callable[[int], None], major: int, gpus: int, wanted: str
) -> None:
    """Whatever is missing beside the plugin is named: driver, its version, or CUDA's libraries."""
    jax(0)
    machine.driver(major, gpus)
    machine.wheels["jax-cuda13-plugin"] = "0.10.2"
    with pytest.raises(DeviceError, match=wanted):
        backends.resolve("jax", "cuda")
