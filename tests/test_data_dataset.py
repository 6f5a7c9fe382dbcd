"""The data set's scale and fingerprint, and the checks of a whole set."""

import numpy as np
import pytest

from xpnet.data import Data
from xpnet.data.dataset import as_portable, assemble
from xpnet.errors import DataError

X = np.arange(12, dtype=np.uint8).reshape(4, 3)
Y = np.array([0, 1, 1, 0])


def assembled(*arrays):
    """A set from a file called set.npz."""
    return assemble(*arrays, origin="set.npz", name="set")


@pytest.mark.parametrize(("dtype", "scale"), [("uint8", 255.0), ("int16", 1.0), ("float32", 1.0)])
def test_bytes_are_divided_by_255_and_nothing_else_is(dtype, scale):
    """An unsaid scale is 255 for bytes and 1 for any other type; a reader says it."""
    assert Data(X.astype(dtype), Y).scale == scale
    assert assembled(X.astype(dtype), Y).input_scale == scale


def test_a_scale_that_is_said_holds():
    """A given scale is not guessed over."""
    assert Data(X, Y, input_scale=16.0).scale == 16.0


def test_equal_data_have_equal_fingerprints():
    """The fingerprint depends on the arrays alone, neither on their name nor on their layout in memory."""
    assert Data(X, Y).fingerprint() == Data(np.asfortranarray(X), Y.copy(), name="copy").fingerprint()


@pytest.mark.parametrize(
    "other",
    [
        Data(X + np.uint8(1), Y),
        Data(X.astype(np.int8), Y),
        Data(X.reshape(3, 4), Y),
        Data(X, Y[::-1].copy() * 2),
        Data(X, Y, X, Y),
        Data(X, Y, X),
        Data(X, Y, classes=("no", "yes")),
    ],
)
def test_changed_data_have_another_fingerprint(other):
    """Contents, dtypes, shapes, a missing test set and names of classes are all told apart."""
    assert other.fingerprint() != Data(X, Y).fingerprint()


def test_images_become_rows_and_columns_of_labels_vectors():
    """Keras's layouts of images and labels are taken as they come."""
    data = assembled(np.zeros((4, 2, 3, 3)), Y.reshape(4, 1), np.zeros((2, 2, 3, 3)), Y[:2].reshape(2, 1))
    assert [array.shape for array in data[:4]] == [(4, 18), (4,), (2, 18), (2,)]


def test_reading_bytes_copies_nothing():
    """Images of bytes stay where and what they are."""
    images = np.zeros((4, 2, 3), np.uint8)
    assert np.shares_memory(assembled(images, Y).x_train, images)


@pytest.mark.parametrize(
    ("stored", "held"), [(">f8", "float64"), (">i4", "int32"), ("f2", "float32"), ("longdouble", "float64")]
)
def test_numbers_become_types_that_every_library_has(stored, held):
    """Foreign byte orders, half and extended precision are converted."""
    plain = as_portable(np.ones((2, 2), dtype=stored, order="F"))
    assert plain.dtype.name == held
    assert plain.dtype.isnative
    assert plain.flags.c_contiguous


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ((X, Y[:3]), "y_train has 3 rows but x_train has 4"),
        ((X, Y * 2), "label 1 never occurs in y_train"),
        ((X, Y * 0), "y_train holds only the label 0"),
        ((X, Y - 1), "y_train holds the label -1"),
        ((X, Y, X, Y + 1), "y_test holds the label 2; labels of 2 classes are 0 … 1"),
        ((X, Y, X), "x_test comes without y_test"),
        ((X, Y, None, Y), "y_test comes without x_test"),
        ((X, Y, X[:, :2], Y), "x_test has 2 columns but x_train has 3"),
        ((X, Y, X / 255, Y), "x_test holds float64 but x_train uint8; both are divided by the same number"),
        ((X, Y, X, Y[:3]), "y_test has 3 rows but x_test has 4"),
        ((X[:0], Y[:0]), r"y_train has shape \(0,\): it is empty"),
        ((X[:, :0], Y), r"x_train has shape \(4, 0\): it is empty"),
        ((X[0], Y), r"x_train has shape \(3,\) but needs two axes"),
        ((X * np.nan, Y), "x_train holds NaN in row 0, column 0"),
        ((X.astype("U3"), Y), "x_train holds <U3 but needs"),
        ((X, Y.astype("U3")), "y_train holds <U3 but needs"),
        ((X, Y + np.nan), "y_train holds NaN in row 0"),
        ((X, 1 - np.eye(4), X, (1 - np.eye(4))[:, :2]), r"y_test has shape \(4, 2\) but needs 4 columns"),
        ((X, 1 - np.eye(4), X, (1 - np.eye(4)) * 2), "y_test holds 2 in row 0, column 1"),
    ],
)
def test_sets_that_disagree_are_refused(arrays, sentence):
    """Every departure is told in a sentence that begins with the file."""
    with pytest.raises(DataError, match=f"^set.npz: {sentence}"):
        assembled(*arrays)


def test_yes_or_no_targets_and_regressions_are_data_sets_too():
    """Matrices of 0 and 1 and floating-point targets pass."""
    assert assembled(X, 1 - np.eye(4), X, 1 - np.eye(4)).y_test.shape == (4, 4)
    assert assembled(X, Y + 0.5).y_train.dtype == np.float64
