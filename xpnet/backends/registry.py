"""What is installed, told from package metadata and the driver alone, so that it is told at once."""

from typing import NamedTuple

from xpnet.backends import cuda

BACKENDS = ("numpy", "cupy", "torch", "jax")
"""The one list of backends."""


class Installed(NamedTuple):
    """A backend as a listing shows it.

    Attributes:
        name: What `--backend` calls it.
        version: Its library's, or None where that is not installed.
        devices: What `--device` can be with it, as far as metadata and driver tell.
        note: What is missing and how to get it, or nothing.
    """

    name: str
    version: str | None
    devices: tuple[str, ...]
    note: str = ""


def installed() -> list[Installed]:
    """A row for each backend."""
    gpus = tuple(f"cuda:{i}" for i in range(cuda.driver_device_count()))
    return [_row(name, gpus) for name in BACKENDS]


def _row(name: str, gpus: tuple[str, ...]) -> Installed:
    found = _version(name)
    if found is None:
        command = cuda.install(name) if name == "cupy" or gpus else f"run pip install {name}"
        return Installed(name, None, (), f"not installed; {command}")
    on_cpu = () if name == "cupy" else ("cpu",)
    if name == "numpy":
        return Installed(name, found, on_cpu)
    if not gpus:
        return Installed(name, found, on_cpu, "no CUDA device")
    if not _has_cuda(name, found):
        return Installed(name, found, on_cpu, f"built without CUDA; {cuda.install(name, again=name == 'torch')}")
    return Installed(name, found, (*on_cpu, *gpus))


def _version(name: str) -> str | None:
    """The library's version; CuPy's wheels have names of their own."""
    if name == "cupy" and (wheel := cuda.wheel("cupy")):
        return wheel[1]
    return cuda.installed_version(name)


def _has_cuda(name: str, found: str) -> bool:
    """Whether the installed build can use a GPU; torch tells in its version only where it cannot."""
    return cuda.wheel("jax") is not None if name == "jax" else not found.endswith("+cpu")
