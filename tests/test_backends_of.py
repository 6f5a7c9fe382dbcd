"""The arrays decide: which backend computes with them, what belongs to NumPy, and what does not go together."""

from typing import Any

import numpy as np
import pytest

from xpnet import backends
from xpnet._support.typing import Layer
from xpnet.backends import Backend
from xpnet.errors import InputError


def test_of_finds_library_and_device(backend: Backend) -> None:
    """The arrays themselves tell which backend computes with them, and where."""
    array = backend.asarray(np.ones((2, 2), "float32"))
    owner = backends.of(array, None, array)
    assert owner.xp is backend.xp
    assert owner.device == backend.device or backend.device is None


def test_moved_arrays_are_of_the_new_backend(backend: Backend) -> None:
    """Parameters of any library come to NumPy and back, nested as they were, with None kept."""
    target = backends.resolve("numpy")
    tree = Layer(backend.asarray(np.asarray([1.0, 2.0], "float32")), None)
    returned = backends.moved(backends.moved(tree, target), backend)
    assert type(returned) is Layer
    assert returned.b is None
    assert backends.of(returned.w).xp is backend.xp
    np.testing.assert_array_equal(backend.to_host(returned.w), [1, 2])


def test_moved_arrays_that_are_there_already_are_not_touched(backend: Backend) -> None:
    """Parameters that lie where they are wanted are the same objects afterwards."""
    array = backend.asarray(np.ones(3, "float32"))
    assert backends.moved((array,), backends.of(array))[0] is array


@pytest.mark.parametrize("thing", [[[1, 2], [3, 4]], ((1, 2), (3, 4)), np.float32(3), 3.5])
def test_what_is_no_array_belongs_to_numpy(thing: Any) -> None:
    """Lists, tuples and numbers are taken as NumPy arrays."""
    backend = backends.of(x=thing)
    assert backend.name == "numpy"
    np.testing.assert_array_equal(backend.asarray(thing), np.asarray(thing))


def test_nothing_at_all_belongs_to_numpy() -> None:
    """Without an array the backend is NumPy's."""
    assert backends.of(x=None).name == "numpy"


def test_data_frames_belong_to_numpy() -> None:
    """Whatever offers itself to NumPy as an array is taken as one."""

    class Frame:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return np.asarray([[1.0, 2.0]], dtype)

    backend = backends.of(x=Frame())
    np.testing.assert_array_equal(backend.asarray(Frame(), "float32"), [[1, 2]])


def test_ragged_lists_are_refused() -> None:
    """Rows of different lengths are named as what they are."""
    with pytest.raises(InputError, match="a list does not make an array: its rows differ in length"):
        backends.of(x=[[1], [1, 2]]).asarray([[1], [1, 2]])


def test_words_are_not_numbers() -> None:
    """Values that are no numbers are named where numbers are wanted."""
    with pytest.raises(InputError, match="could not convert string to float: 'one'"):
        backends.of(x=["one"]).asarray(["one"], "float32")


def test_sparse_matrices_are_refused() -> None:
    """A sparse matrix is refused with what to give instead."""
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(InputError, match=r"x is sparse, a csr_array; give what its toarray\(\) returns"):
        backends.of(x=sparse.csr_array(np.eye(3)))


def test_libraries_do_not_mix(backend: Backend) -> None:
    """Arrays of two libraries are refused with both named, and nothing is moved."""
    if backend.name == "numpy":
        pytest.skip("needs another library than NumPy")
    x = backend.asarray(np.ones(2, "float32"))
    with pytest.raises(InputError, match=r"x is an? .+ array on .+ but y is a numpy array on cpu"):
        backends.of(x=x, y=np.ones(2))
    with pytest.raises(InputError, match=r"but y is a list; give both as arrays of one library on one device"):
        backends.of(x=x, y=[1, 2])


def test_devices_do_not_mix() -> None:
    """Arrays of one library on two devices are refused with both devices named."""
    xp = pytest.importorskip("array_api_strict")
    x, y = (xp.ones(2, device=xp.Device(name)) for name in ("CPU_DEVICE", "device1"))
    with pytest.raises(InputError, match=r"x is an array_api_strict array on .*CPU_DEVICE.* but y is .*device1"):
        backends.of(x=x, y=y)
