"""The digits inside the package."""

import numpy as np
import pytest

from xpnet.data import load


def test_the_digits_are_bytes_with_a_fixed_test_set():
    """Every fifth of the 1 797 images is a test image; white is 16."""
    data = load("digits")
    assert [array.shape for array in data[:4]] == [(1437, 64), (1437,), (360, 64), (360,)]
    assert {array.dtype.name for array in data[:4]} == {"uint8"}
    assert (data.x_train.max(), data.input_scale, data.name) == (16, 16.0, "digits")


def test_the_digits_are_those_of_scikit_learn():
    """Images, labels and their order are scikit-learn's."""
    theirs = pytest.importorskip("sklearn.datasets").load_digits()
    data = load("digits")
    test = np.arange(1797) % 5 == 0
    np.testing.assert_array_equal(data.x_train, theirs.data[~test])
    np.testing.assert_array_equal(data.y_train, theirs.target[~test])
    np.testing.assert_array_equal(data.x_test, theirs.data[test])
    np.testing.assert_array_equal(data.y_test, theirs.target[test])
