"""Which array library computes, and where: chosen by name, or found from the arrays themselves.

A library is imported when it is first chosen, or when an array of its own comes in.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import array_api_compat

from xpnet._support.trees import map_arrays
from xpnet.backends import cuda
from xpnet.backends.base import ENGINES, PRECISIONS, Backend, Carry, Rowwise, Step, dtype_name, join
from xpnet.backends.registry import BACKENDS, Installed, installed
from xpnet.errors import DeviceError, InputError

__all__ = [
    "BACKENDS",
    "ENGINES",
    "PRECISIONS",
    "Backend",
    "Carry",
    "Installed",
    "Rowwise",
    "Step",
    "dtype_name",
    "installed",
    "join",
    "moved",
    "of",
    "resolve",
]

WITH_CUDA = tuple(name for name in BACKENDS if name != "numpy")
"""The libraries that compute on CUDA devices, the first choice first."""

KINDS: dict[str, Callable[[object], bool]] = {name: getattr(array_api_compat, f"is_{name}_array") for name in BACKENDS}
"""Whether an array is of a library; none of these imports it."""


def resolve(backend: str | None = None, device: str | None = None) -> Backend:
    """The backend of that name on that device.

    Args:
        backend: "numpy", "cupy", "torch" or "jax"; None and "auto" leave it to the device: NumPy on the CPU, and on
            a CUDA device the first of CuPy, torch and JAX that works there.
        device: "cpu", "cuda" (the first one), "cuda:N", or "auto": a CUDA device where the backend has one that works,
            else the CPU. None is the CPU, but "cuda" for CuPy, which has nothing else.

    Raises:
        DeviceError: Nothing can serve; where there are several candidates, each has its reason on its own line.
        InputError: There is no such backend or device.
    """
    backend = "auto" if backend is None else backend
    if backend not in ("auto", *BACKENDS):
        raise InputError(f"backend {backend!r} is not one of auto, {', '.join(BACKENDS)}.")
    if device is None or (device == "auto" and backend == "cupy"):
        device = "cuda" if backend == "cupy" else "cpu"
    if device == "auto":
        return _best(backend)
    index = cuda.index(device)
    if backend == "numpy" and index is not None:
        raise DeviceError(f"NumPy has no device {device}: use device cpu, or backend cupy, torch or jax.")
    if backend == "cupy" and index is None:
        raise DeviceError("CuPy has no device cpu: use device cuda, or backend numpy.")
    if backend == "auto":
        return _first(("numpy",) if index is None else WITH_CUDA, device)
    return _first((backend,), device)


def _best(backend: str) -> Backend:
    """The backend on a CUDA device where it has one that works, else on the CPU."""
    # Without a driver no library needs to be imported, for seconds, to find out that it has no device.
    if backend != "numpy" and cuda.driver_cuda_major() > 0:
        try:
            return _first(WITH_CUDA if backend == "auto" else (backend,), "cuda")
        except DeviceError:
            pass
    return _first(("numpy",) if backend == "auto" else (backend,), "cpu")


def _first(candidates: tuple[str, ...], device: str) -> Backend:
    """The first candidate that works on the device."""
    reasons = {}
    for name in candidates:
        try:
            return _load(name, cuda.index(device))
        except DeviceError as error:
            reasons[name] = str(error)
    if len(candidates) == 1:
        raise DeviceError(f"backend {candidates[0]} cannot use device {device}: {reasons[candidates[0]]}.")
    lines = [f"  {name}: {why}" for name, why in reasons.items()]
    raise DeviceError("\n".join([f"no backend can use device {device}; mend one of these, or use device cpu:", *lines]))


def _load(name: str, index: int | None) -> Backend:
    """A backend on a CUDA device or the CPU, its library imported now."""
    try:
        module = _module(name)
    except (ImportError, OSError, RuntimeError) as error:
        absent = isinstance(error, ModuleNotFoundError) and error.name == name
        why = "not installed" if absent else f"its import fails ({cuda.first_line(error)})"
        raise DeviceError(f"{why}; {f'run pip install {name}' if index is None else cuda.install(name)}") from error
    backend: Backend = module.load(index)
    return backend


def _module(name: str) -> Any:
    return import_module(f"{__name__}.{name}")


def _finished(name: str) -> Any:
    """The module of a backend, asked for with every array: without import_module's detour once its body has run.

    sys.modules holds it before that, when another thread may still be importing it.
    """
    module = sys.modules.get(f"{__name__}.{name}")
    return _module(name) if module is None or getattr(module.__spec__, "_initializing", False) else module


def of(*arrays: Any, **named: Any) -> Backend:
    """The backend of the arrays, on their device.

    Lists, data frames and other things that are no arrays of the standard belong to NumPy's, which makes arrays of
    them; None is passed over.

    Args:
        arrays: What is to be computed with.
        named: The same, with the names that a message shall call them.

    Raises:
        InputError: They are of two libraries or on two devices, or an array is sparse.
    """
    named = {**{f"array {i}": array for i, array in enumerate(arrays, 1)}, **named}
    found: list[tuple[str, Any, Backend]] = []
    for name, array in named.items():
        if array is None:
            continue
        found.append((name, array, _holding(name, array)))
        if not _same(found[0][2], found[-1][2]):
            first, other = (f"{name} is {_described(array, backend)}" for name, array, backend in (found[0], found[-1]))
            raise InputError(f"{first} but {other}; give both as arrays of one library on one device.")
    return found[0][2] if found else _load("numpy", None)


def moved(tree: Any, backend: Backend) -> Any:
    """The arrays in nested tuples as arrays of a backend; copied through the host where they are not that already."""

    def move(array: Any) -> Any:
        there = _holding("an array", array)
        return array if _same(there, backend) else backend.asarray(there.to_host(there.asarray(array)))

    return map_arrays(move, tree)


def _holding(name: str, array: Any) -> Backend:
    """The backend of one array."""
    if type(array).__module__.startswith(("scipy.sparse", "cupyx.scipy.sparse")):
        raise InputError(f"{name} is sparse, a {type(array).__name__}; give what its toarray() returns.")
    for kind, is_kind in KINDS.items():
        if is_kind(array):
            backend: Backend = _finished(kind).holding(array)
            return backend
    if not array_api_compat.is_array_api_obj(array):
        return _load("numpy", None)
    xp = array_api_compat.array_namespace(array)
    return Backend(xp.__name__, xp, array_api_compat.device(array))


def _same(one: Backend, other: Backend) -> bool:
    """Whether their arrays go together; a device that is None is open."""
    open_device = one.device is None or other.device is None
    return one.name == other.name and (open_device or bool(one.device == other.device))


def _described(array: Any, backend: Backend) -> str:
    """What an array is, as a message says it."""
    if backend.name == "numpy" and not array_api_compat.is_numpy_array(array):
        return f"a {type(array).__name__}"
    return f"{'an' if backend.name[0] in 'aeiou' else 'a'} {backend.name} array on {backend.device_name}"
