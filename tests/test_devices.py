"""Which backend and device are chosen, and what is said where none can be."""

from importlib import import_module
from types import ModuleType

import pytest
from helpers.fake_machines import Machine

from xpnet import backends
from xpnet.backends import registry
from xpnet.errors import DeviceError, InputError


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without a driver."""
    return Machine(monkeypatch)


@pytest.mark.parametrize(("name", "device"), [(None, None), ("auto", "cpu"), ("numpy", "auto"), ("auto", "auto")])
def test_numpy_on_the_cpu_is_the_default(name: str | None, device: str | None) -> None:
    """Without a wish, and without a GPU, NumPy computes on the CPU."""
    backend = backends.resolve(name, device)
    assert (backend.name, backend.device_name) == ("numpy", "cpu")


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cuda:-1", "cuda1", "cuda:²", "CPU", ""])
def test_a_misspelt_device_is_refused(device: str) -> None:
    """A device that is none is named with all that can be."""
    with pytest.raises(InputError, match="is not one of cpu, cuda, cuda:N and auto"):
        backends.resolve(device=device)


def test_a_misspelt_backend_is_refused() -> None:
    """A backend that is none is named with all that can be."""
    with pytest.raises(InputError, match="backend 'tensorflow' is not one of auto, numpy, cupy, torch, jax"):
        backends.resolve("tensorflow")


def test_numpy_has_no_cuda_device() -> None:
    """NumPy on a CUDA device is refused with what can be asked for instead."""
    with pytest.raises(DeviceError, match="NumPy has no device cuda:1: use device cpu, or backend cupy, torch or jax"):
        backends.resolve("numpy", "cuda:1")


def test_cupy_has_no_cpu() -> None:
    """CuPy on the CPU is refused with what can be asked for instead, whether it is installed or not."""
    with pytest.raises(DeviceError, match="CuPy has no device cpu: use device cuda, or backend numpy"):
        backends.resolve("cupy", "cpu")


def test_a_library_whose_import_fails_says_why(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken installation is not called missing; the first line of its own error is shown."""
    machine.without("cupy")
    machine.driver(12, 1)

    def broken(name: str) -> None:
        raise ImportError("CuPy failed to load libfoo.so\n\nInstall it again.")

    monkeypatch.setattr(backends, "import_module", broken)
    with pytest.raises(DeviceError, match=r"its import fails \(CuPy failed to load libfoo.so\); run pip install"):
        backends.resolve("cupy")


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_a_library_missing_on_the_cpu_is_named(machine: Machine, name: str) -> None:
    """For the CPU the plain package is enough."""
    machine.without(name)
    with pytest.raises(DeviceError, match=f"{name} cannot use device cpu: not installed; run pip install {name}"):
        backends.resolve(name)


def test_every_candidate_gives_its_reason(machine: Machine) -> None:
    """Where no library can serve, each stands on its own line with what mends it."""
    machine.without("cupy", "torch", "jax")
    machine.driver(12, 1)
    with pytest.raises(DeviceError) as caught:
        backends.resolve(device="cuda")
    assert str(caught.value).splitlines() == [
        "no backend can use device cuda; mend one of these, or use device cpu:",
        '  cupy: not installed; run pip install "cupy-cuda12x[ctk]"',
        '  torch: not installed; run pip install "torch"',
        '  jax: not installed; run pip install "jax[cuda12]"',
    ]


def test_automatic_choice_takes_cuda_where_it_works(machine: Machine) -> None:
    """Device auto is the first CUDA candidate, CuPy before the others."""
    machine.cupy(13)
    machine.driver(13, 1)
    assert str(backends.resolve(device="auto")).startswith("cupy 14.2.0 (plain) on cuda:0")


def test_automatic_choice_falls_back_to_the_cpu(machine: Machine) -> None:
    """Device auto is the CPU where every CUDA candidate fails."""
    machine.cupy(13).cublas = ImportError("libcublas.so.13")
    machine.without("torch", "jax")
    machine.driver(13, 1)
    assert backends.resolve(device="auto").name == "numpy"


def test_automatic_choice_imports_nothing_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Device auto knows at once that there is no GPU."""
    imported = []

    def watched(name: str) -> ModuleType:
        imported.append(name)
        return import_module(name)

    monkeypatch.setattr(backends, "import_module", watched)
    assert backends.resolve(device="auto").name == "numpy"
    assert imported == ["xpnet.backends.numpy"]


def test_facts_and_not_names_decide_where_a_library_computes(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that is listed without a CPU, or without CUDA, is asked for no such device, whatever it is called."""
    monkeypatch.setitem(registry.LIBRARIES, "jax", registry.Library("JAX", has_cpu=False))
    monkeypatch.setitem(registry.LIBRARIES, "torch", registry.Library("PyTorch", has_cuda=False))
    machine.without("cupy", "torch", "jax")
    machine.driver(12, 1)
    assert (backends.default_device("jax"), backends.default_device("torch")) == ("cuda", "cpu")
    with pytest.raises(DeviceError, match="JAX has no device cpu: use device cuda, or backend numpy, cupy or torch"):
        backends.resolve("jax", "cpu")
    with pytest.raises(DeviceError, match="PyTorch has no device cuda: use device cpu, or backend numpy, cupy or jax"):
        backends.resolve("torch", "cuda")
    with pytest.raises(DeviceError, match=r"cupy: not installed; .*\n  jax: not installed"):
        backends.resolve(device="cuda")
    assert backends.installed()[3].devices == ()
