"""What features must be, on NumPy arrays and on those of stricter libraries."""

import pickle

import numpy as np
import pytest

from xpnet.data import check_features, check_same_rows
from xpnet.errors import InputError


@pytest.fixture
def library(backend):
    """A namespace and a function that makes its arrays, on the device that the backend has."""
    return backend.xp, lambda values, dtype=None: backend.xp.asarray(values, dtype=dtype, device=backend.device)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float32"])
def test_matrices_of_real_numbers_are_features(library, dtype):
    """Booleans, integers and floating-point numbers pass as they are."""
    xp, asarray = library
    check_features(asarray([[0, 1, 1], [1, 0, 0]], dtype=getattr(xp, dtype)), xp=xp)


@pytest.mark.parametrize(
    ("value", "spelled"), [(float("nan"), "NaN"), (float("inf"), "infinity"), (float("-inf"), "-infinity")]
)
def test_the_first_number_that_is_not_finite_is_pointed_at(library, value, spelled):
    """The message says what it is, in which row and in which column."""
    xp, asarray = library
    x = asarray([[1.0, 2.0, 3.0], [1.0, 2.0, value], [value, 2.0, 3.0]])
    with pytest.raises(InputError, match=rf"x_train holds {spelled} in row 1, column 2 \(counted from 0\)"):
        check_features(x, name="x_train", xp=xp)


def test_numbers_whose_sum_is_not_finite_pass(library):
    """In each column they may be as large as they can be."""
    xp, asarray = library
    most = float(xp.finfo(xp.float32).max)
    check_features(asarray([[most, -most, 1.0]] * 3, dtype=xp.float32), xp=xp)


def test_infinities_that_cancel_are_found(library):
    """The first of them is pointed at."""
    xp, asarray = library
    x = asarray([[1.0, float("inf")], [1.0, -float("inf")]], dtype=xp.float32)
    with pytest.raises(InputError, match=r"x holds infinity in row 0, column 1"):
        check_features(x, xp=xp)


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ((7, 2, 3), r"use x\.reshape\(7, -1\)\.$"),
        ((7, 1, 2, 3), r"use x\.reshape\(7, -1\)\.$"),
        ((7,), r"use x\.reshape\(-1, 1\) if each number is a sample, x\.reshape\(1, -1\) if all of them are one\.$"),
        ((), r"use x\.reshape\(1, -1\)\.$"),
    ],
)
def test_features_of_other_axes_learn_how_to_become_rows(library, shape, remedy):
    """Images are told to become rows, a vector to become rows of one number or one row."""
    xp, asarray = library
    with pytest.raises(InputError, match=rf"x has shape .* needs two axes, .*{remedy}"):
        check_features(xp.reshape(asarray([1.0] * int(np.prod(shape))), shape), xp=xp)


def test_a_part_is_told_the_shape_of_the_whole():
    """One row of a vector of thousands is no sample of one number."""
    check_features(np.ones((1, 3)), shape=(2000, 3), xp=np)
    with pytest.raises(InputError, match=r"x has shape \(2000,\) but needs two axes"):
        check_features(np.ones(1), shape=(2000,), xp=np)


def test_a_placed_error_says_the_same_in_another_process():
    """Pools of processes pickle what their workers raise."""
    with pytest.raises(InputError) as caught:
        check_features(np.asarray([[1.0], [np.nan]]), xp=np)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert "in row 1, column 0 (counted from 0)" in str(caught.value)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0,)])
def test_empty_features_are_refused(library, shape):
    """No axis may be empty."""
    xp, asarray = library
    with pytest.raises(InputError, match="it is empty"):
        check_features(xp.reshape(asarray([], dtype=xp.float32), shape), xp=xp)


def test_complex_features_are_refused(library):
    """Complex numbers are no features."""
    xp, asarray = library
    with pytest.raises(InputError, match="x holds complex64 but needs booleans or integers or real floating-point"):
        check_features(asarray([[1 + 1j]], dtype=xp.complex64), xp=xp)


@pytest.mark.parametrize("dtype", [object, "U3", "M8[D]"])
def test_features_that_are_no_numbers_are_refused(dtype):
    """Objects, strings and dates are no features."""
    with pytest.raises(InputError, match=r"x holds .* but needs booleans"):
        check_features(np.zeros((2, 2), dtype=dtype), xp=np)


def test_an_array_of_another_library_is_refused_without_a_type_error():
    """A NumPy array among those of another library gets a sentence as well."""
    pytest.importorskip("torch")
    strict = pytest.importorskip("array_api_strict")
    import array_api_compat.torch as torch

    for xp, library in ((torch, "torch"), (strict, "array_api_strict")):
        for dtype in ("float64", "int64"):
            with pytest.raises(InputError, match=f"x is an array of numpy but needs to be one of {library}, like"):
                check_features(np.ones((2, 2), dtype), xp=xp)


def test_every_sample_needs_one_label(library):
    """Different lengths are told with both names and both lengths."""
    _, asarray = library
    x, y = asarray([[1.0]] * 7), asarray([0, 1, 2])
    check_same_rows(x, x)
    with pytest.raises(InputError, match=r"^y has 3 rows but x has 7; every sample needs one label\.$"):
        check_same_rows(x, y)
    with pytest.raises(InputError, match=r"^weight has 1 row but x has 7; every sample needs one weight\.$"):
        check_same_rows(x, asarray(1.0), names=("x", "weight"), each="weight")
