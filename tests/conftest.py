"""Backends that every test of arrays runs on: the libraries, and stricter stand-ins for the arrays that users bring."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from xpnet import backends
from xpnet.backends import BACKENDS, Backend
from xpnet.backends.numpy import NumpyBackend
from xpnet.errors import DeviceError


class ReadOnly(NumpyBackend):
    """NumPy arrays that nobody can write to, as memory maps and `np.frombuffer` give them."""

    def asarray(self, array: Any, dtype: Any = None) -> np.ndarray:
        """Read-only view."""
        view = super().asarray(array, dtype).view()
        view.flags.writeable = False
        return view


def strict(device: str) -> Backend:
    """Backend of the library that has the standard and nothing more, on one of its pretended devices."""
    xp = import_module("array_api_strict")
    return Backend(f"strict-{device}", xp, xp.Device(device))


STAND_INS: dict[str, Callable[[], Backend]] = {
    **{name: partial(backends.resolve, name) for name in BACKENDS},
    "numpy-readonly": ReadOnly,
    **{f"strict-{device}": partial(strict, device) for device in ("CPU_DEVICE", "device1", "no_float64")},
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --backend."""
    parser.addoption("--backend", choices=list(STAND_INS), help="run on this one only; an error if it is not available")


def pytest_configure(config: pytest.Config) -> None:
    """Fail at the start where the named backend is not available."""
    if name := config.getoption("--backend"):
        try:
            STAND_INS[name]()
        except (DeviceError, ImportError) as error:
            raise pytest.UsageError(f"--backend {name}: {error}") from error


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that asks for a backend on all of them, or on the named one."""
    if "backend" in metafunc.fixturenames:
        named = metafunc.config.getoption("--backend")
        metafunc.parametrize("backend", [named] if named else list(STAND_INS), indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Each backend in turn; one that is not installed skips, and says what is missing.

    Tests marked `current` compute with its namespace themselves, in float64 too, which JAX has in its context only.
    """
    try:
        candidate = STAND_INS[request.param]()
    except (DeviceError, ImportError) as error:
        pytest.skip(str(error))
    marked = request.node.get_closest_marker("current")
    with candidate.with_dtypes("float64").current() if marked else nullcontext():
        yield candidate


@pytest.fixture
def float_dtype(backend: Backend) -> str:
    """Widest floating dtype that the backend has."""
    return "float32" if backend.name == "strict-no_float64" else "float64"
