"""Backends: the array library that computes, and its device, chosen by name or by the arrays themselves.

A library is imported when it is first chosen, or when an array of its own comes in.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import array_api_compat
import numpy as np

from xpnet._support.trees import arrays_in, map_arrays
from xpnet.backends import cuda
from xpnet.backends.base import ENGINES, PRECISIONS, Backend, Carry, Rowwise, Step, alternatives, dtype_name, join
from xpnet.backends.registry import BACKENDS, LIBRARIES, Installed, default_device, installed
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
    "default_device",
    "dtype_name",
    "installed",
    "join",
    "moved",
    "of",
    "resolve",
]

IS_ARRAY: dict[str, Callable[[object], bool]] = {
    name: getattr(array_api_compat, f"is_{name}_array") for name in BACKENDS
}
"""Functions that tell whether an array is of a library; none of them imports it."""


def resolve(backend: str | None = None, device: str | None = None) -> Backend:
    """Backend of a name on a device.

    Args:
        backend: "numpy", "cupy", "torch" or "jax"; None and "auto" leave it to the device: NumPy on the CPU, and on
            a CUDA device the first of CuPy, torch and JAX that works there.
        device: "cpu", "cuda" (the first one), "cuda:N", or "auto": a CUDA device where the backend has one that works,
            else the CPU. None is the CPU, but "cuda" for CuPy, which has nothing else.

    Raises:
        DeviceError: No library can compute there; of several candidates each has its reason on a line of its own.
        InputError: There is no such backend or device.

    Example:
        >>> str(resolve("numpy").asarray([1.0, 2.0]).dtype)
        'float64'
    """
    backend = "auto" if backend is None else backend
    if not isinstance(backend, str) or backend not in ("auto", *BACKENDS):
        raise InputError(f"backend {backend!r} is not one of auto, {', '.join(BACKENDS)}.")
    names = BACKENDS if backend == "auto" else (backend,)
    on_cpu = tuple(name for name in names if LIBRARIES[name].has_cpu)
    on_cuda = tuple(name for name in names if LIBRARIES[name].has_cuda)
    device = default_device(backend) if device is None else device
    if device == "auto":
        return _best(on_cpu, on_cuda)
    candidates = on_cpu if cuda.device_number(device) is None else on_cuda
    if not candidates:
        raise DeviceError(
            f"{LIBRARIES[backend].title} has no device {device}: use device {default_device(backend)}, "
            f"or backend {alternatives([name for name in BACKENDS if name != backend])}."
        )
    return _first(candidates, device)


def _best(on_cpu: tuple[str, ...], on_cuda: tuple[str, ...]) -> Backend:
    """Backend on a CUDA device where one of its candidates works, else on the CPU."""
    if not on_cpu:
        return _first(on_cuda, "cuda")
    # Without a driver no library needs to be imported, for seconds, to find out that it has no device.
    if on_cuda and cuda.driver_cuda_major() > 0:
        try:
            return _first(on_cuda, "cuda")
        except DeviceError:
            pass
    return _first(on_cpu, "cpu")


def _first(candidates: tuple[str, ...], device: str) -> Backend:
    """First candidate that works on the device."""
    reasons = {}
    for name in candidates:
        try:
            return _backend_on(name, cuda.device_number(device))
        except DeviceError as error:
            reasons[name] = str(error)
    if len(candidates) == 1:
        raise DeviceError(f"backend {candidates[0]} cannot use device {device}: {reasons[candidates[0]]}.")
    lines = [f"  {name}: {why}" for name, why in reasons.items()]
    raise DeviceError("\n".join([f"no backend can use device {device}; mend one of these, or use device cpu:", *lines]))


def _backend_on(name: str, number: int | None) -> Backend:
    """Backend on the CPU, or on the CUDA device of that number; its library is imported now."""
    try:
        module = _module(name)
    except (ImportError, OSError, RuntimeError) as error:
        absent = isinstance(error, ModuleNotFoundError) and error.name == name
        why = "not installed" if absent else f"its import fails ({cuda.first_line(error)})"
        raise DeviceError(f"{why}; {f'run pip install {name}' if number is None else cuda.install(name)}") from error
    backend: Backend = module.backend_on(number)
    return backend


def _module(name: str) -> Any:
    return import_module(f"{__name__}.{name}")


def _finished(name: str) -> Any:
    """Module of a backend, asked for with every array: without import_module's detour once its body has run.

    sys.modules holds it before that, when another thread may still be importing it.
    """
    module = sys.modules.get(f"{__name__}.{name}")
    return _module(name) if module is None or getattr(module.__spec__, "_initializing", False) else module


def of(*arrays: Any, **named: Any) -> Backend:
    """Backend of some arrays, on their device.

    Lists, data frames and whatever else is no array of the standard belong to NumPy, which makes arrays of them; None
    is passed over.

    Args:
        arrays: Arrays to compute with.
        named: Arrays to compute with, by the names that they have in messages.

    Raises:
        InputError: They are of two libraries or on two devices, or an array is sparse.
    """
    given = [array for array in (*arrays, *named.values()) if array is not None]
    if given and all(type(array) is np.ndarray for array in given):
        numpys: Backend = _finished("numpy").backend_of(given[0])
        return numpys
    named = {**{f"array {i}": array for i, array in enumerate(arrays, 1)}, **named}
    owned: list[tuple[str, Any, Backend]] = []
    for name, array in named.items():
        if array is None:
            continue
        owned.append((name, array, _backend_of(name, array)))
        if not _same(owned[0][2], owned[-1][2]):
            first, other = (f"{name} is {_described(array, backend)}" for name, array, backend in (owned[0], owned[-1]))
            raise InputError(f"{first} but {other}; give both as arrays of one library on one device.")
    if not owned:
        return _backend_on("numpy", None)
    first_backend = owned[0][2]
    return first_backend.with_dtypes("float64") if any(backend.wide for *_, backend in owned) else first_backend


def moved(tree: Any, backend: Backend) -> Any:
    """Tree with its arrays on a backend; those that are elsewhere are copied through the host."""
    if all(map(backend.owns, arrays_in(tree))):
        return tree

    def move(array: Any) -> Any:
        source = _backend_of("an array", array)
        return array if _same(source, backend) else backend.asarray(source.to_host(source.asarray(array)))

    return map_arrays(move, tree)


def _backend_of(name: str, array: Any) -> Backend:
    """Backend of one array."""
    if type(array).__module__.startswith(("scipy.sparse", "cupyx.scipy.sparse")):
        raise InputError(f"{name} is sparse, a {type(array).__name__}; give what its toarray() returns.")
    for library, is_array in IS_ARRAY.items():
        if _answer(is_array, array):
            backend: Backend = _finished(library).backend_of(array)
            return backend
    if not _answer(array_api_compat.is_array_api_obj, array):
        return _backend_on("numpy", None)
    xp = array_api_compat.array_namespace(array)
    return Backend(xp.__name__, xp, array_api_compat.device(array))


def _answer(question: Callable[[object], bool], array: object) -> bool:
    """Answer of array-api-compat about an array."""
    try:
        return question(array)
    except AttributeError:
        # array-api-compat 1.16 looks into libraries that another thread is still importing; this waits for them.
        for library in filter(sys.modules.__contains__, BACKENDS):
            import_module(library)
        return question(array)


def _same(one: Backend, other: Backend) -> bool:
    """Whether their arrays go together; a device that is None is open."""
    open_device = one.device is None or other.device is None
    return one.name == other.name and (open_device or bool(one.device == other.device))


def _described(array: Any, backend: Backend) -> str:
    """Description of an array, as a message has it."""
    if backend.name == "numpy" and not array_api_compat.is_numpy_array(array):
        return f"a {type(array).__name__}"
    return f"{'an' if backend.name[0] in 'aeiou' else 'a'} {backend.name} array on {backend.device_name}"
