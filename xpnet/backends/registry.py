"""Registry of backends: facts about their libraries, and what is installed, without importing any of them."""

from typing import NamedTuple

from xpnet.backends import cuda


class Library(NamedTuple):
    """Facts about an array library that are needed before it is imported.

    Attributes:
        title: What its own documentation calls it.
        has_cpu: Whether it computes on the CPU.
        has_cuda: Whether it computes on CUDA devices.
    """

    title: str
    has_cpu: bool = True
    has_cuda: bool = True


LIBRARIES = {
    "numpy": Library("NumPy", has_cuda=False),
    "cupy": Library("CuPy", has_cpu=False),
    "torch": Library("PyTorch"),
    "jax": Library("JAX"),
}
"""The one list of backends, the first choice first."""

BACKENDS = tuple(LIBRARIES)


def default_device(backend: str | None) -> str:
    """Kind of device that a backend computes on where none is named: the CPU, if its library has it."""
    return "cpu" if backend not in LIBRARIES or LIBRARIES[backend].has_cpu else "cuda"


class Installed(NamedTuple):
    """Backend as a listing shows it.

    Attributes:
        name: What `--backend` calls it.
        version: Version of its library, or None where that is not installed.
        devices: Values of `--device` that suit it, as far as metadata and driver tell.
        note: What is missing and how to get it, or "".
    """

    name: str
    version: str | None
    devices: tuple[str, ...]
    note: str = ""


def installed() -> list[Installed]:
    """Rows of the listing, one for each backend."""
    gpus = tuple(f"cuda:{i}" for i in range(cuda.driver_device_count()))
    return [_row(name, gpus) for name in BACKENDS]


def _row(name: str, gpus: tuple[str, ...]) -> Installed:
    library, version = LIBRARIES[name], _version(name)
    if version is None:
        with_cuda = library.has_cuda and (bool(gpus) or not library.has_cpu)
        return Installed(
            name, None, (), f"not installed; {cuda.install(name) if with_cuda else f'run pip install {name}'}"
        )
    on_cpu = ("cpu",) if library.has_cpu else ()
    if not library.has_cuda:
        return Installed(name, version, on_cpu)
    if not gpus:
        return Installed(name, version, on_cpu, "no CUDA device")
    if not _is_built_with_cuda(name, version):
        return Installed(name, version, on_cpu, f"built without CUDA; {cuda.install(name, again=name == 'torch')}")
    return Installed(name, version, (*on_cpu, *gpus))


def _version(name: str) -> str | None:
    """Version of the library; where it computes on CUDA devices only, its wheels have names of their own."""
    if not LIBRARIES[name].has_cpu and (wheel := cuda.wheel(name)):
        return wheel[1]
    return cuda.installed_version(name)


def _is_built_with_cuda(name: str, version: str) -> bool:
    """Whether the installed build can use a GPU; torch tells in its version only where it cannot."""
    return cuda.wheel("jax") is not None if name == "jax" else not version.endswith("+cpu")
