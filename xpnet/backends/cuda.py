"""CUDA: driver, devices and wheels, read without any array library, and sentences that say what is missing."""

import ctypes
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from xpnet.errors import DeviceError, InputError

DRIVERS = {12: 525, 13: 580}
"""Oldest NVIDIA driver for each CUDA major version that libraries are built for."""

OLDEST = {12: (5, 0), 13: (7, 5)}
"""The oldest compute capability that each CUDA major version compiles for: CUDA 13 has nothing before Turing's."""

MAJOR, MINOR = 75, 76
"""The driver's numbers for the two parts of a compute capability."""

PACKAGES = {"cupy": "cupy-cuda{}x[ctk]", "torch": "torch", "jax": "jax[cuda{}]"}
"""Requirement that pip installs for each backend; the braces take the CUDA major version."""

WHEELS = {"cupy": "cupy-cuda{}x", "jax": "jax-cuda{}-plugin"}
"""Distributions whose names tell which CUDA major version they are built for."""


def device_number(device: str) -> int | None:
    """Number N of cuda:N, 0 for cuda, None for cpu."""
    kind, colon, number = device.partition(":")
    if device == "cpu":
        return None
    if kind != "cuda" or (colon and not (number.isascii() and number.isdigit())):
        raise InputError(f"device {device!r} is not one of cpu, cuda, cuda:N and auto; N counts from 0.")
    return int(number or 0)


def driver_library() -> Any:
    """Library of the driver itself, or None on a machine without an NVIDIA driver."""
    try:
        return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None


def driver_cuda_major() -> int:
    """Newest CUDA major version that the driver serves; 0 without a driver."""
    library, newest = driver_library(), ctypes.c_int(0)
    if library is None or library.cuDriverGetVersion(ctypes.byref(newest)) != 0:
        return 0
    return newest.value // 1000


def driver_device_count() -> int:
    """Number of GPUs that the driver shows to this process."""
    library, count = driver_library(), ctypes.c_int(0)
    if library is None or library.cuInit(0) != 0 or library.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def compute_capability() -> tuple[int, int] | None:
    """The generation of the oldest GPU that the driver shows to this process; None without a GPU."""
    library, capabilities = driver_library(), []
    for i in range(driver_device_count()):
        device, parts = ctypes.c_int(0), (ctypes.c_int(0), ctypes.c_int(0))
        library.cuDeviceGet(ctypes.byref(device), i)
        for part, number in zip(parts, (MAJOR, MINOR), strict=True):
            library.cuDeviceGetAttribute(ctypes.byref(part), number, device)
        capabilities.append((parts[0].value, parts[1].value))
    return min(capabilities, default=None)


def major_of_library() -> int | None:
    """The newest CUDA major version that both driver and GPUs take libraries of; None where none does."""
    driver, capability = driver_cuda_major(), compute_capability()
    majors = [major for major in DRIVERS if major <= driver and (capability is None or OLDEST[major] <= capability)]
    return max(majors, default=None)


def driver() -> str:
    """Driver as a listing shows it; where it is missing or shows no GPU, with what mends that."""
    major, count = driver_cuda_major(), driver_device_count()
    if count == 0:
        return str(no_device("cupy", major or max(DRIVERS)))
    return f"NVIDIA's for CUDA {major}, which shows {'one GPU' if count == 1 else f'{count} GPUs'}"


def install(name: str, again: bool = False) -> str:
    """Instruction to get a backend's library with CUDA on this machine, the driver first where that is missing.

    Args:
        name: The backend.
        again: Whether a build without CUDA is installed, which pip would keep where its version is the newest.
    """
    major, newest, library = driver_cuda_major(), max(DRIVERS), major_of_library()
    pip = "run pip install --force-reinstall" if again else "run pip install"
    command = f'{pip} "{PACKAGES[name].format(library or newest)}"'
    if library:
        return command
    state = f"the NVIDIA driver serves CUDA {major} only" if major else "this machine has no NVIDIA driver"
    return f"{state}: install driver {DRIVERS[newest]} or newer, then {command}"


def no_device(name: str, needed: int, error: Exception | None = None) -> DeviceError:
    """Error of a library built for a CUDA major version that finds no device, with what mends it."""
    major, visible = driver_cuda_major(), os.environ.get("CUDA_VISIBLE_DEVICES")
    driver = f"install driver {DRIVERS[needed]} or newer" if needed in DRIVERS else f"install one for CUDA {needed}"
    reason = f" ({first_line(error)})" if error else ""
    if major == 0:
        return DeviceError(f"this machine has no NVIDIA driver: {driver}")
    if major < needed:
        instead = ""
        if name in WHEELS and major in DRIVERS:
            # Wheels for two CUDA versions do not live side by side, so the first has to go.
            instead = f", or run pip uninstall {WHEELS[name].format(needed)}, then {install(name)}"
        return DeviceError(
            f"the NVIDIA driver serves CUDA {major} but the installed {name} needs CUDA {needed}: {driver}{instead}"
        )
    if (count := driver_device_count()) > 0:
        return DeviceError(
            f"{name} finds no device{reason} though the driver shows {count}: if CUDA's libraries are missing, "
            f"{install(name)}"
        )
    if visible is not None:
        return DeviceError(
            f"no GPU is visible with CUDA_VISIBLE_DEVICES={visible!r}: unset it, or set it to a number from nvidia-smi"
        )
    return DeviceError(f"the NVIDIA driver shows no GPU{reason}: see what nvidia-smi says")


def wheel(name: str) -> tuple[int, str] | None:
    """CUDA major version that the installed wheel of CuPy, or JAX's plugin, is built for, and its own version."""
    for major in sorted(DRIVERS, reverse=True):
        if installed := installed_version(WHEELS[name].format(major)):
            return major, installed
    return None


def installed_version(distribution: str) -> str | None:
    """Version of an installed distribution, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def check_device_number(number: int, count: int) -> None:
    """Refuse a device number that the machine does not have."""
    if number >= count:
        existing = "there is one, cuda:0" if count == 1 else f"there are {count}, cuda:0 to cuda:{count - 1}"
        raise DeviceError(f"cuda:{number} does not exist: {existing}")


def first_error(error: Exception) -> Exception:
    """The first of RuntimeErrors that followed each other: where a capture breaks off, ending it fails too."""
    while isinstance(error.__context__, RuntimeError):
        error = error.__context__
    return error


def first_line(error: Exception) -> str:
    """First line of an error's message, without the paragraphs that follow."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
