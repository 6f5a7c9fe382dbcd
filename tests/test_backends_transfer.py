"""How arrays travel: end to end in one, through buffers, and to a device while it does something else."""

import sys
from importlib import import_module
from types import ModuleType

import numpy as np
import pytest
from helpers.cuda_on_cpu import Driver

from xpnet import backends
from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Layer
from xpnet.backends import Backend


def tree(backend: Backend, dtype: str) -> tuple[Layer, ...]:
    """Arrays of several shapes, one of a single number."""
    shapes = ((3, 2), (3,), (1, 3), ())
    arrays = [backend.asarray(np.arange(10.0, 10 + np.prod(shape)).reshape(shape).astype(dtype)) for shape in shapes]
    return Layer(*arrays[:2]), Layer(*arrays[2:])


def test_arrays_end_to_end(backend: Backend, float_dtype: str) -> None:
    """A tree's numbers are one array, and again a tree of the same shapes."""
    arrays = tree(backend, float_dtype)
    flat = backend.joined(arrays)
    assert flat.shape == (6 + 3 + 3 + 1,)
    parts = backend.parted(flat, arrays)
    assert [type(part) for part in parts] == [Layer, Layer]
    for part, array in zip(arrays_in(parts), arrays_in(arrays), strict=True):
        assert np.array_equal(backend.to_host(part), backend.to_host(array))
        assert tuple(part.shape) == tuple(array.shape)


def test_down_into_a_buffer_and_up_again(backend: Backend, float_dtype: str) -> None:
    """What is downloaded and uploaded again is the same; where nothing is current, arrays are taken as they are."""
    array = backend.asarray(np.arange(6.0).reshape(2, 3).astype(float_dtype))
    buffer = backend.buffer((2, 3), float_dtype)
    backend.download(array, buffer)
    assert np.array_equal(buffer, np.arange(6.0).reshape(2, 3))
    (uploaded,) = backend.upload((buffer,))
    assert np.array_equal(backend.to_host(uploaded), buffer)
    assert backend.take_over(None, (uploaded,))[0] is uploaded


def test_jax_uploads_copies() -> None:
    """A buffer can be filled again while JAX computes with what was in it: it keeps the host's memory otherwise."""
    pytest.importorskip("jax")
    backend = backends.resolve("jax")
    # A page, which JAX would take as it is.
    buffer = backend.buffer((1024, 16), "float32")
    buffer.fill(1)
    (uploaded,) = backend.upload((buffer,))
    buffer.fill(2)
    assert (backend.to_host(uploaded) == 1).all()


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A stand-in for CuPy on the CPU."""
    fake, pinned = Driver(tmp_path), ModuleType("cupyx")
    pinned.empty_pinned = np.empty
    for name, module in {"cupy": fake.cupy(), "array_api_compat.cupy": fake.cupy(), "cupyx": pinned}.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "xpnet.backends.cupy", None)
    del sys.modules["xpnet.backends.cupy"]
    return fake


class Device:
    """A device that nobody waits for: it may be captured for another thread."""

    id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_cupy_uploads_beside_its_work(driver):
    """On a stream of its own, from pinned memory; graphs find the next rows where the last ones were."""
    backend = import_module("xpnet.backends.cupy").CupyBackend(Device())
    buffers = tuple(backend.buffer(shape, "float32") for shape in ((2, 2), (2,)))
    for number, buffer in enumerate(buffers):
        buffer[...] = number
    first = backend.take_over(None, backend.upload(buffers))
    assert driver.launched == ["set on a stream of its own"] * 2 + ["wait for a stream of its own"]
    map_arrays(lambda buffer: buffer.fill(7), buffers)
    second = backend.upload(buffers)
    assert [float(array.max()) for array in first] == [0, 1], "what is in use changed"
    driver.launched.clear()
    current = backend.take_over(first, second)
    assert all(one is other for one, other in zip(current, first, strict=True))
    assert [float(array.min()) for array in first] == [7, 7]
    assert driver.launched == ["wait for the default stream"]
    backend.download(first[0], buffers[0])
    assert (buffers[0] == 7).all()
