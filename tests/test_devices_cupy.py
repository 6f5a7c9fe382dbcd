"""What CuPy can be missing, each simulated, and the sentence that says what mends it."""

import pytest
from helpers.fake_machines import CUDARuntimeError, Machine

from xpnet import backends
from xpnet.errors import DeviceError

NO_DRIVER = "this machine has no NVIDIA driver: install driver 580 or newer"
CUPY_12 = r'pip install "cupy-cuda12x\[ctk\]"'
CUPY_13 = r'pip install "cupy-cuda13x\[ctk\]"'


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without a driver."""
    return Machine(monkeypatch)


@pytest.mark.parametrize("device", [None, "auto", "cuda"])
def test_cupy_needs_no_device_named(machine: Machine, device: str | None) -> None:
    """CuPy means the first CUDA device."""
    machine.cupy(13)
    assert str(backends.resolve("cupy", device)).startswith("cupy 14.2.0 (plain) on cuda:0")


@pytest.mark.parametrize(
    ("major", "remedy"),
    [
        (0, f"{NO_DRIVER}, then run {CUPY_13}"),
        (11, f"the NVIDIA driver serves CUDA 11 only: install driver 580 or newer, then run {CUPY_13}"),
        (12, f"not installed; run {CUPY_12}"),
        (13, f"not installed; run {CUPY_13}"),
        (14, f"not installed; run {CUPY_13}"),
    ],
)
def test_without_cupy_its_wheel_for_the_driver_is_named(machine: Machine, major: int, remedy: str) -> None:
    """The wheel to install is the one that the driver serves; without one the driver comes first."""
    machine.without("cupy")
    machine.driver(major)
    with pytest.raises(DeviceError, match=f"backend cupy cannot use device cuda: .*{remedy}"):
        backends.resolve("cupy")


def test_an_old_card_gets_the_wheel_that_still_serves_it(machine: Machine) -> None:
    """CUDA 13 compiles for nothing before Turing: beside a driver for it a Volta gets CUDA 12's wheel."""
    machine.without("cupy")
    for capability, command in (((7, 0), CUPY_12), ((6, 1), CUPY_12), ((7, 5), CUPY_13), ((12, 0), CUPY_13)):
        machine.driver(13, 1, capability)
        with pytest.raises(DeviceError, match=f"not installed; run {command}"):
            backends.resolve("cupy")


def test_a_card_that_the_installed_cupy_cannot_compile_for_is_refused(machine: Machine) -> None:
    """A Volta with CUDA 13's wheel is refused at once with the wheel that serves it, not at the first kernel."""
    machine.driver(13, 1, (7, 0))
    machine.cupy(13).capability = "70"
    wanted = (
        "cuda:0 has compute capability 7.0, which CUDA 13 no longer serves: run pip uninstall cupy-cuda13x, "
        f"then run {CUPY_12}"
    )
    with pytest.raises(DeviceError, match=wanted):
        backends.resolve("cupy")
    machine.cupy(12).capability = "70"
    assert backends.resolve("cupy").device_name == "cuda:0"


def test_cupy_without_a_driver(machine: Machine) -> None:
    """CUDA's runtime gives one status for no driver and for an old one; this is the first."""
    machine.cupy(12).devices = CUDARuntimeError(35, "cudaErrorInsufficientDriver")
    with pytest.raises(DeviceError, match="this machine has no NVIDIA driver: install driver 525 or newer"):
        backends.resolve("cupy")


def test_cupy_with_an_old_driver(machine: Machine) -> None:
    """A wheel for a newer CUDA than the driver's can be exchanged, or the driver updated."""
    machine.cupy(13).devices = CUDARuntimeError(35, "cudaErrorInsufficientDriver")
    machine.driver(12, 1)
    wanted = (
        "the NVIDIA driver serves CUDA 12 but the installed cupy needs CUDA 13: install driver 580 or newer, "
        f"or run pip uninstall cupy-cuda13x, then run {CUPY_12}"
    )
    with pytest.raises(DeviceError, match=wanted):
        backends.resolve("cupy")


def test_cupy_with_a_driver_that_no_wheel_serves(machine: Machine) -> None:
    """A driver older than every wheel has to be updated; no wheel is named."""
    machine.cupy(12).devices = CUDARuntimeError(35, "cudaErrorInsufficientDriver")
    machine.driver(11, 1)
    with pytest.raises(DeviceError, match=r"serves CUDA 11 but .* needs CUDA 12: install driver 525 or newer\.$"):
        backends.resolve("cupy")


def test_hidden_gpus_are_told_by_the_variable_that_hides_them(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No visible GPU is explained by CUDA_VISIBLE_DEVICES where that is set."""
    machine.cupy(13).devices = CUDARuntimeError(100, "cudaErrorNoDevice")
    machine.driver(13)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(DeviceError, match="no GPU is visible with CUDA_VISIBLE_DEVICES='': unset it"):
        backends.resolve("cupy")


def test_a_driver_without_gpus(machine: Machine) -> None:
    """A driver that shows no GPU is reported in CUDA's own words."""
    machine.cupy(13).devices = CUDARuntimeError(100, "cudaErrorNoDevice: no CUDA-capable device is detected")
    machine.driver(13)
    with pytest.raises(DeviceError, match=r"the NVIDIA driver shows no GPU \(cudaErrorNoDevice: no CUDA.*nvidia-smi"):
        backends.resolve("cupy")


@pytest.mark.parametrize(("count", "existing"), [(1, "there is one, cuda:0"), (2, "there are 2, cuda:0 to cuda:1")])
def test_a_device_number_must_exist(machine: Machine, count: int, existing: str) -> None:
    """A number out of range is refused with the numbers that exist."""
    machine.cupy(13).devices = count
    machine.driver(13, count)
    with pytest.raises(DeviceError, match=f"backend cupy cannot use device cuda:2: cuda:2 does not exist: {existing}"):
        backends.resolve("cupy", "cuda:2")


@pytest.mark.parametrize("library", ["cublas", "nvrtc"])
@pytest.mark.parametrize("kind", [ImportError, OSError, RuntimeError])
def test_missing_cuda_libraries_show_at_once(machine: Machine, library: str, kind: type[Exception]) -> None:
    """cuBLAS and NVRTC are loaded when the device is chosen, and the wheel that brings them is named."""
    setattr(machine.cupy(12), library, kind(f"lib{library}.so.12: cannot open shared object file\nand more"))
    machine.driver(13, 1)
    wanted = rf"CUDA 12's libraries do not load \(lib{library}.so.12: cannot open shared object file\): run {CUPY_12}"
    with pytest.raises(DeviceError, match=wanted):
        backends.resolve("cupy")


def test_a_device_that_does_not_start(machine: Machine) -> None:
    """A GPU that is taken by others is not mistaken for missing libraries."""
    machine.cupy(12).cublas = CUDARuntimeError(2, "cudaErrorMemoryAllocation: out of memory")
    machine.driver(12, 1)
    with pytest.raises(DeviceError, match=r"cuda:0 does not start \(cudaErrorMemoryAllocation: out of memory\)"):
        backends.resolve("cupy")
